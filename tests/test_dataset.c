/* From a URI to splits, scaling and digest, on small IDX files made here and on the built-in digits. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "base/memory.h"
#include "base/rng.h"
#include "data/dataset.h"
#include "data/idx.h"
#include "weft/error.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static char directory[] = "/tmp/weft_test_dataset_XXXXXX", source[64];

/* ---- Helpers ---- */

static struct weft_settings settings_of(const char *uri)
{
    struct weft_settings settings = {0};
    settings.data.source = (char *)(uintptr_t)uri;             /* dataset_open only reads it */
    settings.train.seed = 1;
    return settings;
}

static void open_or_fail(const struct weft_settings *settings, struct dataset *dataset)
{
    weft_status st = dataset_open(settings, dataset);
    if (st != WEFT_OK)
        print_error("%s: %s\n", settings->data.source, weft_last_error());
    assert_int_equal(st, WEFT_OK);
}

static void refused(const struct weft_settings *settings, weft_status wanted, const char *words)
{
    struct dataset dataset;
    assert_int_equal(dataset_open(settings, &dataset), wanted);
    if (strstr(weft_last_error(), words) == NULL)
        print_error("\"%s\" does not say \"%s\"\n", weft_last_error(), words);
    assert_non_null(strstr(weft_last_error(), words));
    assert_null(dataset.source);
    assert_null(dataset.train.pixel);
}

static void file_put(const char *name, const uint8_t *header, size_t header_bytes, const uint8_t *bytes, size_t size_bytes)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(header, 1, header_bytes, file), header_bytes);
    assert_int_equal(fwrite(bytes, 1, size_bytes, file), size_bytes);
    assert_int_equal(fclose(file), 0);
}

/* set: "train" or "t10k"; pixel is count x height x width, or count x width if height is 0. */
static void set_put(const char *set, size_t count, size_t height, size_t width, const uint8_t *pixel, const uint8_t *label)
{
    char name[64];
    uint8_t header[IDX_HEADER_BYTES_MAX];
    const size_t picture[] = {count, height, width}, flat[] = {count, width};
    size_t header_bytes = height != 0 ? idx_header(3, picture, header) : idx_header(2, flat, header);
    snprintf(name, sizeof name, "%s-images-idx3-ubyte", set);
    file_put(name, header, header_bytes, pixel, count * (height != 0 ? height : 1) * width);
    header_bytes = idx_header(1, &count, header);
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte", set);
    file_put(name, header, header_bytes, label, count);
}

static int directory_make(void **state)
{
    (void)state;
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(source, sizeof source, "idx:%s", directory);
    return 0;
}

static int directory_remove(void **state)
{
    (void)state;
    static const char *const name[] = {
        "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    char path[PATH_MAX];
    for (size_t i = 0; i < COUNT(name); i++) {
        snprintf(path, sizeof path, "%s/%s", directory, name[i]);
        unlink(path);
    }
    return rmdir(directory);
}

/* ---- Source ---- */

static void sources_are_named_absolutely(void **state)
{
    (void)state;
    static const uint8_t pixel[8] = {1, 2, 3, 4, 5, 6, 7, 8}, label[2] = {0, 1};
    char here[PATH_MAX], uri[PATH_MAX], wanted[PATH_MAX + 8];
    struct dataset dataset;
    set_put("train", 2, 2, 2, pixel, label);
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir("/tmp"), 0);
    snprintf(uri, sizeof uri, "idx:./%s/../%s/", directory + 5, directory + 5);
    struct weft_settings settings = settings_of(uri);
    open_or_fail(&settings, &dataset);
    assert_int_equal(chdir(here), 0);
    assert_non_null(realpath(directory, here));
    snprintf(wanted, sizeof wanted, "idx:%s", here);
    assert_string_equal(dataset.source, wanted);
    assert_int_equal(dataset.features, 4);
    assert_int_equal(dataset.classes, 2);
    assert_null(dataset.split[SPLIT_VALIDATION].table);
    assert_null(dataset.split[SPLIT_TEST].table);
    dataset_close(&dataset);
    dataset_close(&dataset);

    settings = settings_of("digits:?train=20&test=10");
    open_or_fail(&settings, &dataset);
    assert_string_equal(dataset.source, "digits:?train=20&test=10");
    assert_int_equal(dataset.classes, 10);
    assert_int_equal(dataset.split[SPLIT_TEST].count, 10);
    dataset_close(&dataset);
}

static void unknown_sources_are_refused_with_a_hint(void **state)
{
    (void)state;
    static const struct { const char *uri; weft_status status; const char *words; } bad[] = {
        {"data/mnist", WEFT_ESETTINGS, "no kind in front; did you mean idx:data/mnist?"},
        {"/data:1/mnist", WEFT_ESETTINGS, "did you mean idx:/data:1/mnist?"},
        {"", WEFT_ESETTINGS, "no kind in front"},
        {":x", WEFT_ESETTINGS, "no kind in front"},
        {"digit:", WEFT_ESETTINGS, "unknown kind \"digit\", known: idx:DIR, digits:; did you mean digits:?"},
        {"MNIST:dir", WEFT_ESETTINGS, "known: idx:DIR, digits:; did you mean idx:dir?"},
        {"IDX:dir", WEFT_ESETTINGS, "did you mean idx:dir?"},
        {"idx:", WEFT_ESETTINGS, "no path"},
        {"digits:7", WEFT_ESETTINGS, "takes no path, but \"7\""},
        {"digits:?classes=3", WEFT_ESETTINGS, "unknown option \"classes\"; known: train, test, seed"},
        {"idx:/tmp?limit=3", WEFT_ESETTINGS, "unknown option \"limit\"; it takes none"},
        {"idx:/nowhere/at/all", WEFT_ENOINPUT, "idx:/nowhere/at/all: No such file"},
        {"idx:/dev/null", WEFT_ENOINPUT, "/dev/null"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct weft_settings settings = settings_of(bad[i].uri);
        refused(&settings, bad[i].status, bad[i].words);
    }
}

/* ---- Checks of rows and labels ---- */

static void bad_tables_are_refused(void **state)
{
    (void)state;
    static const uint8_t pixel[64] = {0}, two[] = {0, 2, 2}, one[] = {3, 3, 3}, beyond[] = {0, 1, 3};
    struct weft_settings settings = settings_of(source);
    struct dataset dataset;
    set_put("train", 3, 2, 2, pixel, one);
    refused(&settings, WEFT_EDATA, "all 3 training rows have label 3, wanted two classes or more");
    set_put("train", 3, 2, 2, pixel, two);
    open_or_fail(&settings, &dataset);
    assert_int_equal(dataset.classes, 3);               /* label 1 is a class, though no row has it */
    dataset_close(&dataset);
    set_put("t10k", 3, 2, 2, pixel, beyond);
    refused(&settings, WEFT_EDATA, "test row 2 has label 3, wanted 0 to 2");
    set_put("t10k", 3, 2, 3, pixel, two);
    refused(&settings, WEFT_EDATA, "a test row has 6 features (2 x 3 x 1), wanted 4 (2 x 2 x 1)");
    set_put("t10k", 3, 1, 4, pixel, two);
    refused(&settings, WEFT_EDATA, "a test row has 4 features (1 x 4 x 1), wanted 4 (2 x 2 x 1)");
    set_put("t10k", 3, 0, 4, pixel, two);
    refused(&settings, WEFT_EDATA, "a test row has 4 features (0 x 0 x 0)");
    set_put("t10k", 0, 2, 2, pixel, two);
    refused(&settings, WEFT_EDATA, "dimension 1 at byte 4 is 0");
    set_put("t10k", 3, 2, 2, pixel, two);
    open_or_fail(&settings, &dataset);
    dataset_close(&dataset);
}

/* ---- Splits ---- */

static void without_validation_rows_keep_their_order(void **state)
{
    (void)state;
    struct weft_settings settings = settings_of("digits:?train=50&test=30");
    struct dataset dataset;
    settings.data.train_limit = 20;
    settings.data.test_limit = 31;
    open_or_fail(&settings, &dataset);
    assert_int_equal(dataset.split[SPLIT_TRAIN].count, 20);
    assert_int_equal(dataset.split[SPLIT_TEST].count, 30);
    assert_ptr_equal(dataset.split[SPLIT_TRAIN].table, &dataset.train);
    assert_ptr_equal(dataset.split[SPLIT_TEST].table, &dataset.test);
    for (uint32_t i = 0; i < 30; i++) {
        if (i < 20)
            assert_int_equal(dataset.split[SPLIT_TRAIN].row[i], i);
        assert_int_equal(dataset.split[SPLIT_TEST].row[i], i);
    }
    dataset_close(&dataset);
}

/* The rule of dataset.h by another way: sort the head and the tail of the permutation. */
static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void validation_rows_follow_the_rule(void **state)
{
    (void)state;
    static const struct { uint64_t limit; double fraction; size_t n, held; } rule[] = {
        {0, 0.2, 50, 10}, {0, 0.01, 50, 1}, {0, 0.98, 50, 49}, {0, 0.5, 50, 25}, {13, 0.25, 13, 3}, {14, 0.25, 14, 4},
    };
    for (size_t r = 0; r < COUNT(rule); r++) {
        struct weft_settings settings = settings_of("digits:?train=50&test=1");
        struct dataset dataset;
        uint32_t order[50];
        settings.data.train_limit = rule[r].limit;
        settings.data.validation_fraction = rule[r].fraction;
        settings.train.seed = 40 + r;
        open_or_fail(&settings, &dataset);
        const struct split *train = &dataset.split[SPLIT_TRAIN], *validation = &dataset.split[SPLIT_VALIDATION];
        assert_int_equal(validation->count, rule[r].held);
        assert_int_equal(train->count, rule[r].n - rule[r].held);
        assert_ptr_equal(validation->table, &dataset.train);
        rng_permutation(40 + r, RNG_SPLIT, 0, (uint32_t)rule[r].n, order);
        qsort(order, rule[r].held, sizeof order[0], ascending);
        qsort(order + rule[r].held, rule[r].n - rule[r].held, sizeof order[0], ascending);
        assert_memory_equal(validation->row, order, rule[r].held * sizeof order[0]);
        assert_memory_equal(train->row, order + rule[r].held, train->count * sizeof order[0]);

        settings.data.validation_limit = 2;             /* drops the last ones, and does not give them to training */
        struct dataset cut;
        open_or_fail(&settings, &cut);
        assert_int_equal(cut.split[SPLIT_VALIDATION].count, rule[r].held < 2 ? rule[r].held : 2);
        assert_memory_equal(cut.split[SPLIT_VALIDATION].row, order, cut.split[SPLIT_VALIDATION].count * sizeof order[0]);
        assert_int_equal(cut.split[SPLIT_TRAIN].count, train->count);
        dataset_close(&cut);
        dataset_close(&dataset);
    }
}

static void fractions_that_leave_no_row_are_refused(void **state)
{
    (void)state;
    struct weft_settings settings = settings_of("digits:?train=50&test=1");
    settings.data.validation_fraction = 0.009;
    refused(&settings, WEFT_ESETTINGS, "validation_fraction = 0.009 of 50 training rows leaves no row for validation");
    settings.data.validation_fraction = 0.995;
    refused(&settings, WEFT_ESETTINGS, "leaves no row for training");
    settings.data.validation_fraction = 0.4;
    settings.data.train_limit = 1;
    refused(&settings, WEFT_ESETTINGS, "of 1 training rows leaves no row for validation");
}

static void split_labels(void **state)
{
    (void)state;
    assert_string_equal(split_label(SPLIT_TRAIN), "train");
    assert_string_equal(split_label(SPLIT_VALIDATION), "validation");
    assert_string_equal(split_label(SPLIT_TEST), "test");
}

/* ---- Scaling ---- */

static void scaling_of_small_numbers(void **state)
{
    (void)state;
    /* feature 0: 0 2 4, mean 2, variance 8/3; feature 1: constant; feature 2: 0 0 255; the last row is beyond the limit */
    static const uint8_t pixel[] = {0, 255, 0, 2, 255, 0, 4, 255, 255, 200, 1, 99}, label[] = {0, 1, 0, 1};
    struct weft_settings settings = settings_of(source);
    struct dataset dataset;
    set_put("train", 4, 0, 3, pixel, label);
    settings.data.train_limit = 3;
    for (int scaling = SCALING_NONE; scaling <= SCALING_STANDARDIZE_GLOBAL; scaling++) {
        settings.data.scaling = scaling;
        open_or_fail(&settings, &dataset);
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
    struct weft_settings settings = settings_of("digits:?train=400&test=1");
    struct dataset dataset;
    settings.data.scaling = SCALING_STANDARDIZE;
    settings.data.validation_fraction = 0.25;
    open_or_fail(&settings, &dataset);
    const struct split *train = &dataset.split[SPLIT_TRAIN];
    for (size_t j = 0; j < dataset.features; j++) {
        double sum = 0, sum2 = 0;
        for (size_t i = 0; i < train->count; i++) {
            double x = (train->table->pixel[train->row[i] * dataset.features + j] - (double)dataset.shift[j]) *
                dataset.scale[j];
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

/* ---- Digest ---- */

static void digest_of(const struct weft_settings *settings, char digest[33])
{
    struct dataset dataset;
    open_or_fail(settings, &dataset);
    memcpy(digest, dataset.digest, 33);
    assert_int_equal(strlen(digest), 32);
    dataset_close(&dataset);
}

/* The stream of dataset.h, byte by byte, for two training and two test rows of 2 x 2 and no validation rows. */
static void digest_is_of_the_stream_described(void **state)
{
    (void)state;
    static const uint8_t train_pixel[] = {0, 1, 2, 3, 4, 5, 6, 7}, test_pixel[] = {9, 9, 9, 9, 8, 8, 8, 8}, label[] = {0, 1};
    static const uint8_t stream[] = {
        2,0,0,0,0,0,0,0, 4,0,0,0,0,0,0,0, 2,0,0,0,0,0,0,0, 2,0,0,0,0,0,0,0, 1,0,0,0,0,0,0,0,
        0,1,2,3,4,5,6,7, 0,0,0,0, 1,0,0,0,
        2,0,0,0,0,0,0,0, 4,0,0,0,0,0,0,0, 2,0,0,0,0,0,0,0, 2,0,0,0,0,0,0,0, 1,0,0,0,0,0,0,0,
        9,9,9,9,8,8,8,8, 0,0,0,0, 1,0,0,0,
        2,0,0,0,0,0,0,0, 0,0,0,0, 1,0,0,0, 0,0,0,0,0,0,0,0, 1,0,0,0,0,0,0,0, 0,0,0,0};
    struct weft_settings settings = settings_of(source);
    settings.data.test_limit = 1;
    set_put("train", 2, 2, 2, train_pixel, label);
    set_put("t10k", 2, 2, 2, test_pixel, label);
    XXH128_hash_t hash = XXH3_128bits(stream, sizeof stream);
    char found[33], wanted[33];
    snprintf(wanted, sizeof wanted, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64, (uint64_t)hash.low64);
    digest_of(&settings, found);
    assert_string_equal(found, wanted);
}

static void digest_sees_rows_and_splits_and_nothing_else(void **state)
{
    (void)state;
    uint8_t pixel[] = {0, 1, 2, 3, 4, 5, 6, 7}, label[] = {0, 1};
    struct weft_settings settings = settings_of(source);
    char first[33], other[33];
    set_put("train", 2, 2, 2, pixel, label);
    set_put("t10k", 2, 2, 2, pixel, label);
    digest_of(&settings, first);
    settings.data.scaling = SCALING_STANDARDIZE;
    digest_of(&settings, other);
    assert_string_equal(other, first);
    settings.train.seed = 2;                            /* no rows are drawn, so the seed does not show */
    digest_of(&settings, other);
    assert_string_equal(other, first);
    settings.data.test_limit = 1;
    digest_of(&settings, other);
    assert_string_not_equal(other, first);
    settings.data.test_limit = 0;
    pixel[7] = 8;
    set_put("train", 2, 2, 2, pixel, label);
    digest_of(&settings, other);
    assert_string_not_equal(other, first);
    pixel[7] = 7;
    set_put("train", 2, 1, 4, pixel, label);
    set_put("t10k", 2, 1, 4, pixel, label);
    digest_of(&settings, other);
    assert_string_not_equal(other, first);
    label[0] = 1;
    label[1] = 0;
    set_put("train", 2, 2, 2, pixel, label);
    set_put("t10k", 2, 2, 2, pixel, label);
    digest_of(&settings, other);
    assert_string_not_equal(other, first);
}

/* ---- Memory ---- */

static void failing_memory_is_reported(void **state)
{
    (void)state;
    struct weft_settings settings = settings_of("digits:?train=30&test=5");
    settings.data.validation_fraction = 0.3;
    settings.data.scaling = SCALING_STANDARDIZE;
    struct dataset dataset;
    weft_status st;
    size_t n = 0;
    do {
        memory_fail_from(++n);
        st = dataset_open(&settings, &dataset);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || (st == WEFT_ENOMEM && dataset.source == NULL));
    } while (st != WEFT_OK);
    assert_true(n > 12);
    dataset_close(&dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(sources_are_named_absolutely, directory_make, directory_remove),
        cmocka_unit_test(unknown_sources_are_refused_with_a_hint),
        cmocka_unit_test_setup_teardown(bad_tables_are_refused, directory_make, directory_remove),
        cmocka_unit_test(without_validation_rows_keep_their_order),
        cmocka_unit_test(validation_rows_follow_the_rule),
        cmocka_unit_test(fractions_that_leave_no_row_are_refused),
        cmocka_unit_test(split_labels),
        cmocka_unit_test_setup_teardown(scaling_of_small_numbers, directory_make, directory_remove),
        cmocka_unit_test(standardised_digits_have_mean_0_and_variance_1),
        cmocka_unit_test_setup_teardown(digest_is_of_the_stream_described, directory_make, directory_remove),
        cmocka_unit_test_setup_teardown(digest_sees_rows_and_splits_and_nothing_else, directory_make, directory_remove),
        cmocka_unit_test(failing_memory_is_reported),
    };
    return cmocka_run_group_tests_name("dataset", tests, NULL, NULL);
}
