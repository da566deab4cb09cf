/* Missing values: refused, or filled in by what the training rows say, or as a trained model says. */
#include "data_samples.h"

#include <math.h>

#define NA NAN

/* Three features of six rows; feature 2 is nowhere in the training rows. With data.train_limit=5 the last row is none of them. */
enum { ROWS = 6, FEATURES = 3 };
static const float holes[ROWS * FEATURES] = {
    1,  10, NA,
    NA, 20, NA,
    4,  NA, NA,
    10, 40, NA,
    1,  90, NA,
    7,  NA, 5,
};
static const int32_t labels[ROWS] = {0, 1, 0, 1, 0, 1};

static struct table table_with_holes(void)
{
    return float_table(ROWS, FEATURES, holes, labels, 0, NULL);
}

static void missing_values_are_refused(void **state)
{
    (void)state;
    refuse_table("", table_with_holes(), WEFT_EDATA, "feature 2 of training row 0 is missing; data.missing = mean, median or zero");
    float first[ROWS * FEATURES];
    for (size_t i = 0; i < COUNT(first); i++)
        first[i] = 1;
    first[4 * FEATURES + 1] = NA;
    refuse_table("", float_table(ROWS, FEATURES, first, labels, 0, NULL), WEFT_EDATA, "feature 1 of training row 4 is missing");
    first[4 * FEATURES + 1] = 1;
    struct dataset dataset;
    open_table("", float_table(ROWS, FEATURES, first, labels, 0, NULL), &dataset);
    assert_null(dataset.fill);
    dataset_close(&dataset);
}

/* Means 4 and 40; medians of 1 1 4 10 and of 10 20 40 90 (even counts), then of three and of one. */
static void holes_are_filled_from_the_training_rows(void **state)
{
    (void)state;
    static const struct { const char *assignments; float fill[FEATURES]; } row[] = {
        {"data.missing=zero; data.train_limit=5", {0, 0, 0}},
        {"data.missing=mean; data.train_limit=5", {4, 40, 0}},
        {"data.missing=median; data.train_limit=5", {2.5f, 30, 0}},
        {"data.missing=median; data.train_limit=4", {4, 20, 0}},
        {"data.missing=median; data.train_limit=2", {1, 15, 0}},
        {"data.missing=mean", {4.6f, 40, 5}},
        {"data.missing=median", {4, 30, 5}},
    };
    for (size_t r = 0; r < COUNT(row); r++) {
        struct dataset dataset;
        open_table(row[r].assignments, table_with_holes(), &dataset);
        assert_same_bits(dataset.fill, row[r].fill, FEATURES, "%s", row[r].assignments);
        for (size_t i = 0; i < COUNT(holes); i++) {             /* rows beyond the limit are filled, too */
            float want = isnan(holes[i]) ? row[r].fill[i % FEATURES] : holes[i];
            assert_same_bits(&dataset.train.value[i], &want, 1, "%s, value %zu", row[r].assignments, i);
        }
        dataset_close(&dataset);
    }
}

/* Of validation rows that are cut off the training rows, nothing is learned. */
static void validation_rows_have_no_say(void **state)
{
    (void)state;
    struct dataset dataset;
    open_table("data.missing=mean; data.validation_fraction=0.5; train.seed=3", table_with_holes(), &dataset);
    const struct split *train = &dataset.split[SPLIT_TRAIN];
    assert_int_equal(train->count, 3);
    for (size_t j = 0; j < FEATURES; j++) {
        double sum = 0;
        size_t count = 0;
        for (size_t i = 0; i < train->count; i++)
            if (!isnan(holes[train->row[i] * FEATURES + j])) {
                sum += (double)holes[train->row[i] * FEATURES + j];
                count++;
            }
        assert_true(dataset.fill[j] == (count > 0 ? (float)(sum / (double)count) : 0));
    }
    dataset_close(&dataset);
}

/* A middle between two large floats, a mean of many, infinitely many digits: in double, rounded once. */
static void fills_are_rounded_once(void **state)
{
    (void)state;
    static const float value[] = {3e38f, 3.2e38f, NA, 3.1e38f};
    static const int32_t label[] = {0, 1, 0, 1};
    struct dataset dataset;
    open_table("data.missing=median; data.train_limit=3", float_table(4, 1, value, label, 0, NULL), &dataset);
    assert_true(dataset.fill[0] == (float)(((double)3e38f + (double)3.2e38f) / 2));
    dataset_close(&dataset);
    open_table("data.missing=mean", float_table(4, 1, value, label, 0, NULL), &dataset);
    assert_true(dataset.fill[0] == (float)(((double)3e38f + (double)3.2e38f + (double)3.1e38f) / 3));
    dataset_close(&dataset);
}

/* The digest is of the rows as they were read: what fills the holes is a setting. */
static void the_digest_is_of_the_holes(void **state)
{
    (void)state;
    struct dataset zero, mean;
    open_table("data.missing=zero", table_with_holes(), &zero);
    open_table("data.missing=mean", table_with_holes(), &mean);
    assert_string_equal(zero.digest, mean.digest);
    dataset_close(&zero);
    dataset_close(&mean);
}

/* Scaling comes after: the mean of a feature is not moved by holes that are filled with it. */
static void scaling_sees_what_was_filled_in(void **state)
{
    (void)state;
    struct dataset dataset;
    open_table("data.missing=mean; data.train_limit=5; data.scaling=standardize", table_with_holes(), &dataset);
    assert_true(dataset.shift[0] == 4 && dataset.shift[1] == 40 && dataset.shift[2] == 0);
    assert_true(dataset.scale[0] == (float)(1 / sqrt((9 + 0 + 0 + 36 + 9) / 5.0)) && dataset.scale[2] == 0);
    dataset_close(&dataset);
}

/* ---- as a model says ---- */

static struct expected expected_of(const float *fill)
{
    static const struct names none;
    static const float shift[FEATURES] = {0, 0, 0}, scale[FEATURES] = {1, 1, 1};
    return (struct expected){.features = FEATURES, .outputs = 2, .classes = &none, .shift = shift, .scale = scale, .fill = fill};
}

static void a_model_brings_its_own_fill(void **state)
{
    (void)state;
    static const float fill[FEATURES] = {-1, -2, -3};
    weft_settings *settings = data_settings(csv_put("holes.csv", "1,,3,0\n,5,NA,1\n"), "data.missing=error");
    struct expected with = expected_of(fill), without = expected_of(NULL);
    struct dataset dataset;
    open_data(settings, &with, &dataset);
    static const float want[] = {1, -2, 3, -1, 5, -3};
    assert_same_bits(dataset.train.value, want, COUNT(want), "filled as the model says");
    assert_same_bits(dataset.fill, fill, FEATURES, "what it was");
    assert_ptr_not_equal(dataset.fill, fill);
    dataset_close(&dataset);
    refuse_data(settings, &without, WEFT_EDATA, "feature 1 of training row 0 is missing");
    weft_settings_destroy(settings);
    settings = data_settings(csv_put("holes.csv", "1,,3,0\n,5,NA,1\n"), "data.missing=mean");        /* it has no say then */
    refuse_data(settings, &without, WEFT_EDATA, "feature 1 of training row 0 is missing");
    open_data(settings, &with, &dataset);
    assert_same_bits(dataset.train.value, want, COUNT(want), "filled as the model says");
    dataset_close(&dataset);
    weft_settings_destroy(settings);
}

/* All tables are filled, with what the training rows say; a message names the table. */
static void every_source_is_filled(void **state)
{
    (void)state;
    char more[4096];
    const char *train = csv_put("train.csv", "1,2,0\n3,6,1\n"), *validation = csv_put("validation.csv", "5,,1\n,7,0\n");
    const char *test = csv_put("test.csv", "9,,0\n");
    snprintf(more, sizeof more, "data.validation=%s; data.test=%s; data.missing=mean", validation, test);
    struct dataset dataset;
    open_source(train, more, &dataset);
    static const float of_validation[] = {5, 4, 2, 7}, of_test[] = {9, 4};
    assert_same_bits(dataset.validation.value, of_validation, 4, "validation rows");
    assert_same_bits(dataset.test.value, of_test, 2, "test rows");
    dataset_close(&dataset);
    snprintf(more, sizeof more, "data.validation=%s; data.test=%s", validation, test);
    refuse_source(train, more, WEFT_EDATA, "feature 1 of validation row 0 is missing");
    snprintf(more, sizeof more, "data.test=%s", test);
    refuse_source(train, more, WEFT_EDATA, "feature 1 of test row 0 is missing");
}

/* Bytes are all there. */
static void bytes_need_no_fill(void **state)
{
    (void)state;
    struct dataset dataset;
    open_source("digits:?train=20&test=5", "data.missing=mean", &dataset);
    assert_null(dataset.fill);
    assert_int_equal(dataset.type, RAW_U8);
    dataset_close(&dataset);
}

static void memory_may_be_short(void **state)
{
    (void)state;
    struct table table = table_with_holes();
    assert_true(starve_table("data.missing=median; data.validation_fraction=0.3; data.scaling=standardize", &table) >= 10);
    table_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_values_are_refused),
        cmocka_unit_test(holes_are_filled_from_the_training_rows),
        cmocka_unit_test(validation_rows_have_no_say),
        cmocka_unit_test(fills_are_rounded_once),
        cmocka_unit_test(the_digest_is_of_the_holes),
        cmocka_unit_test(scaling_sees_what_was_filled_in),
        TEST(a_model_brings_its_own_fill),
        TEST(every_source_is_filled),
        cmocka_unit_test(bytes_need_no_fill),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests_name("missing", tests, scratch_make, scratch_remove);
}
