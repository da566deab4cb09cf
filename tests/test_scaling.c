/* How raw values become inputs: (raw - shift) * scale, worked out on the training rows, of bytes exactly, of floats in double. */
#include "data_samples.h"

#include <float.h>
#include <math.h>

/* ---- bytes ---- */

static void scaling_of_small_numbers(void **state)
{
    (void)state;
    /* feature 0: 0 2 4, mean 2, variance 8/3; feature 1: constant; feature 2: 0 0 255; the last row is beyond the limit */
    static const uint8_t pixel[] = {0, 255, 0, 2, 255, 0, 4, 255, 255, 200, 1, 99}, label[] = {0, 1, 0, 1};
    static const char *const word[] = {"none", "unit", "standardize", "standardize_global"};
    idx_put("train", 4, 0, 3, pixel, label);
    for (int scaling = SCALING_NONE; scaling <= SCALING_STANDARDIZE_GLOBAL; scaling++) {
        struct dataset dataset;
        char more[64];
        snprintf(more, sizeof more, "data.train_limit=3; data.scaling=%s", word[scaling]);
        open_source(idx_uri(), more, &dataset);
        const double all_mean = (0 + 2 + 4 + 3 * 255 + 255) / 9.0;
        const double all_variance = (4 + 16 + 4 * 255.0 * 255.0) / 9 - all_mean * all_mean;
        for (size_t j = 0; j < 3; j++) {
            const double mean[] = {2, 255, 85}, deviation[] = {sqrt(8.0 / 3), 0, sqrt(255 * 255 * 2 / 9.0)};
            float shift = 0, scale = 1;
            if (scaling == SCALING_UNIT)
                scale = 1.0f / 255;
            if (scaling == SCALING_STANDARDIZE) {
                shift = (float)mean[j];
                scale = j == 1 ? 0 : (float)(1 / deviation[j]);
            }
            if (scaling == SCALING_STANDARDIZE_GLOBAL) {
                shift = (float)all_mean;
                scale = (float)(1 / sqrt(all_variance));
            }
            assert_true(fabsf(dataset.shift[j] - shift) <= 0x1p-23f * shift);
            assert_true(fabsf(dataset.scale[j] - scale) <= 0x1p-22f * scale);
        }
        dataset_close(&dataset);
    }
}

static void standardised_digits_have_mean_0_and_variance_1(void **state)
{
    (void)state;
    struct dataset dataset;
    open_source("digits:?train=400&test=1", "data.scaling=standardize; data.validation_fraction=0.25", &dataset);
    const struct split *train = &dataset.split[SPLIT_TRAIN];
    for (size_t j = 0; j < dataset.features; j++) {
        double sum = 0, sum2 = 0;
        for (size_t i = 0; i < train->count; i++) {
            double x = (train->table->pixel[train->row[i] * dataset.features + j] - (double)dataset.shift[j]) *
                (double)dataset.scale[j];
            sum += x;
            sum2 += x * x;
        }
        /* shift is the mean rounded to float, so the mean that is left is at most that rounding, scaled, and the error of the
         * double sum over n values up to 255 * scale; scale carries two roundings to float, the variance their double */
        double n = (double)train->count, scale = (double)dataset.scale[j];
        double off = 0x1p-24 * (double)dataset.shift[j] * scale + n * 0x1p-52 * 255 * scale;
        assert_true(fabs(sum / n) <= off);
        assert_true(scale == 0 || fabs(sum2 / n - 1) <= 0x1p-21 + off * off + n * 0x1p-52);
    }
    dataset_close(&dataset);
}

/* ---- floats ---- */

enum { ROWS = 200, FEATURES = 7 };

/* Features of very different size and place; number 3 is constant, number 4 but for one row. A label for each row. */
static struct table random_table(uint64_t seed)
{
    static const double middle[FEATURES] = {0, 1e6, -3e-20, 17, 5, 1, -1e30}, width[FEATURES] = {1, 10, 1e-20, 0, 0, 1e-6, 1e30};
    struct random random = {seed};
    float value[ROWS * FEATURES];
    int32_t label[ROWS];
    for (size_t n = 0; n < ROWS; n++) {
        label[n] = (int32_t)(n % 2);
        for (size_t j = 0; j < FEATURES; j++)
            value[n * FEATURES + j] = (float)random_real(&random, middle[j] - width[j], middle[j] + width[j]);
    }
    value[11 * FEATURES + 4] = 6;
    return float_table(ROWS, FEATURES, value, label, 0, NULL);
}

static float value_of(const struct dataset *dataset, size_t i, size_t j)
{
    const struct split *train = &dataset->split[SPLIT_TRAIN];
    return train->table->value[train->row[i] * dataset->features + j];
}

static void none_leaves_floats_as_they_are(void **state)
{
    (void)state;
    struct dataset dataset;
    open_table("", random_table(1), &dataset);
    for (size_t j = 0; j < FEATURES; j++)
        assert_true(dataset.shift[j] == 0 && dataset.scale[j] == 1);
    dataset_close(&dataset);
}

/* The least value becomes 0, the largest 1 but for the roundings of shift - value, of the scale and of their product. */
static void unit_scaling_of_floats_is_by_range(void **state)
{
    (void)state;
    struct dataset dataset;
    open_table("data.scaling=unit; data.validation_fraction=0.2", random_table(2), &dataset);
    for (size_t j = 0; j < FEATURES; j++) {
        float least = INFINITY, most = -INFINITY;
        for (size_t i = 0; i < dataset.split[SPLIT_TRAIN].count; i++) {
            least = fminf(least, value_of(&dataset, i, j));
            most = fmaxf(most, value_of(&dataset, i, j));
        }
        assert_true(dataset.shift[j] == least);
        float range = (float)((double)most - (double)least);
        assert_true(j == 3 ? dataset.scale[j] == 0 : dataset.scale[j] == (float)(1 / ((double)most - (double)least)));
        if (j != 3)
            assert_within((double)((most - least) * dataset.scale[j]), 1, 3 * 0x1p-24, "feature %zu, range %g", j, (double)range);
    }
    dataset_close(&dataset);
}

/* mean and biased deviation of feature j (SIZE_MAX: of all features) over the training split, to 64 digits. size: the mean
 * magnitude. */
struct moments { long double mean, deviation, size; };

static struct moments moments_of(const struct dataset *dataset, size_t j)
{
    size_t first = j == SIZE_MAX ? 0 : j, end = j == SIZE_MAX ? dataset->features : j + 1;
    long double count = (long double)(dataset->split[SPLIT_TRAIN].count * (end - first)), sum = 0, size = 0, squares = 0;
    for (size_t i = 0; i < dataset->split[SPLIT_TRAIN].count; i++)
        for (size_t k = first; k < end; k++) {
            sum += (long double)value_of(dataset, i, k);
            size += fabsl((long double)value_of(dataset, i, k));
        }
    for (size_t i = 0; i < dataset->split[SPLIT_TRAIN].count; i++)
        for (size_t k = first; k < end; k++) {
            long double x = (long double)value_of(dataset, i, k) - sum / count;
            squares += x * x;
        }
    return (struct moments){sum / count, sqrtl(squares / count), size / count};
}

/* The mean is a sum of n doubles, each addition of which errs by u of the sum of the magnitudes at most, divided by n: within
 * e = (n + 1) u * (mean magnitude). A mean that is off by e adds e^2 to the variance, whose own n + 3 operations err by
 * (n + 3) u of it; its root halves the relative error, and 1 / it doubles nothing. Then each is rounded to float. */
static void expect_moments(const struct dataset *dataset, size_t j, struct moments want, const char *which)
{
    double n = (double)(dataset->split[SPLIT_TRAIN].count * FEATURES), unit = 0x1p-53, mean = (double)want.mean;
    double of_mean = (n + 2) * unit * (double)want.size, deviation = (double)want.deviation;
    assert_within((double)dataset->shift[j], mean, of_mean + 0x1p-24 * (fabs(mean) + of_mean), "%s: shift of feature %zu", which, j);
    if (deviation == 0) {
        assert_true(dataset->scale[j] == 0);
        return;
    }
    double relative = ((n + 8) * unit * deviation * deviation + of_mean * of_mean) / (deviation * deviation);
    assert_true(relative < 1e-6);                       /* or nothing would be tested */
    assert_within((double)dataset->scale[j] * deviation, 1, relative + 2 * 0x1p-24, "%s: scale of feature %zu", which, j);
}

static void standardised_floats_follow_their_moments(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct dataset dataset;
        open_table("data.scaling=standardize; data.validation_fraction=0.2", random_table(seed), &dataset);
        for (size_t j = 0; j < FEATURES; j++)
            expect_moments(&dataset, j, moments_of(&dataset, j), "standardize");
        assert_true(dataset.scale[3] == 0);
        dataset_close(&dataset);
        open_table("data.scaling=standardize_global; data.train_limit=150", random_table(seed), &dataset);
        struct moments all = moments_of(&dataset, SIZE_MAX);
        for (size_t j = 0; j < FEATURES; j++)
            expect_moments(&dataset, j, all, "standardize_global");
        dataset_close(&dataset);
    }
}

/* What is constant, or spread so little that 1 / spread is no float, never reaches the network. */
static void constant_floats_get_scale_0(void **state)
{
    (void)state;
    static const char *const scalings[] = {"data.scaling=unit", "data.scaling=standardize", "data.scaling=standardize_global"};
    static const float constant[] = {3.25f, 3.25f, 3.25f, 3.25f}, zero[] = {0, -0.0f, 0, 0}, third[] = {1.0f / 3, 1.0f / 3, 1.0f / 3,
        1.0f / 3}, tiny[] = {0, 1e-39f, 0, 1e-39f};
    static const float *const values[] = {constant, zero, third, tiny};
    static const int32_t label[] = {0, 1, 0, 1};
    for (size_t s = 0; s < COUNT(scalings); s++)
        for (size_t v = 0; v < COUNT(values); v++) {
            struct dataset dataset;
            open_table(scalings[s], float_table(4, 1, values[v], label, 0, NULL), &dataset);
            if (dataset.scale[0] != 0)
                fail_msg("%s, case %zu: scale %g", scalings[s], v, (double)dataset.scale[0]);
            assert_true(isfinite(dataset.shift[0]));
            dataset_close(&dataset);
        }
}

/* From -FLT_MAX to FLT_MAX: the range is no float, its inverse is one, though a subnormal one. */
static void the_widest_range_has_a_scale(void **state)
{
    (void)state;
    static const float value[] = {-FLT_MAX, FLT_MAX, 0};
    static const int32_t label[] = {0, 1, 0};
    struct dataset dataset;
    open_table("data.scaling=unit", float_table(3, 1, value, label, 0, NULL), &dataset);
    assert_true(dataset.shift[0] == -FLT_MAX);
    assert_true(dataset.scale[0] == (float)(1 / (2 * (double)FLT_MAX)));
    dataset_close(&dataset);
    open_table("data.scaling=standardize", float_table(3, 1, value, label, 0, NULL), &dataset);
    assert_true(dataset.shift[0] == 0);
    assert_within((double)dataset.scale[0], 1 / ((double)FLT_MAX * sqrt(2.0 / 3)), 0x1p-149, "scale");
    dataset_close(&dataset);
}

/* ---- the largest input ---- */

static void the_largest_input_is_found(void **state)
{
    (void)state;
    struct dataset dataset;
    static const float value[] = {1, -5, 3, 4, -2, 100}, shift[] = {1, 2, 0}, scale[] = {2, 1, 0};
    static const int32_t label[] = {0, 1};
    open_table("", float_table(2, 3, value, label, 0, NULL), &dataset);
    memcpy(dataset.shift, shift, sizeof shift);
    memcpy(dataset.scale, scale, sizeof scale);         /* inputs 0 -7 0 and 6 -4 0 */
    assert_true(dataset_largest_input(&dataset) == 7);
    dataset.split[SPLIT_TRAIN].row[0] = 1;              /* of the training split alone */
    assert_true(dataset_largest_input(&dataset) == 6);
    dataset_close(&dataset);
    open_source("digits:?train=20&test=5", "", &dataset);
    assert_true(dataset_largest_input(&dataset) == 255);        /* of bytes, of any that there may be */
    for (size_t j = 0; j < dataset.features; j++)
        dataset.shift[j] = 200;
    assert_true(dataset_largest_input(&dataset) == 200);
    dataset_close(&dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(scaling_of_small_numbers),
        cmocka_unit_test(standardised_digits_have_mean_0_and_variance_1),
        cmocka_unit_test(none_leaves_floats_as_they_are),
        cmocka_unit_test(unit_scaling_of_floats_is_by_range),
        cmocka_unit_test(standardised_floats_follow_their_moments),
        cmocka_unit_test(constant_floats_get_scale_0),
        cmocka_unit_test(the_widest_range_has_a_scale),
        cmocka_unit_test(the_largest_input_is_found),
    };
    return cmocka_run_group_tests_name("scaling", tests, scratch_make, scratch_remove);
}
