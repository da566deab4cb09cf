/* The built-in digits: the same bytes on every machine (golden digests), balanced classes, pictures that do not depend on
 * how many there are or on the team that draws them; and the files they are written to. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef _OPENMP
#include <omp.h>
#endif
#include <xxhash.h>

#include "base/memory.h"
#include "data/pen.h"
#include "data/readers.h"
#include "weft/dataset.h"
#include "weft/error.h"

/* A reader, with its two tables apart. */
static weft_status read_with(weft_status (*reader)(const struct read_request *, struct source *), const char *where,
                             const char *options, struct table *train, struct table *test)
{
    struct source source = {0};
    weft_status st = reader(&(struct read_request){.where = where, .options = options}, &source);
    *train = source.train;
    *test = source.test;
    assert_int_equal(source.classes.count, 0);
    return st;
}

static void digits_open(const char *options, struct table *train, struct table *test)
{
    weft_status st = read_with(digits_read, "", options, train, test);
    if (st != WEFT_OK)
        print_error("digits:?%s: %s\n", options, weft_last_error());
    assert_int_equal(st, WEFT_OK);
}

static uint64_t pixels_hash(const struct table *table)
{
    return XXH3_64bits(table->pixel, table->count * DIGIT_PIXELS);
}

/* The bytes may never change: trained weights and published figures rest on them. */
static void pictures_are_the_golden_ones(void **state)
{
    (void)state;
    static const int32_t first_label[20] = {1, 6, 0, 4, 9, 5, 7, 8, 2, 3, 6, 3, 2, 0, 4, 8, 1, 7, 9, 5};
    struct table train, test;
    digits_open("train=2000&test=500", &train, &test);
    assert_int_equal(train.count, 2000);
    assert_int_equal(test.count, 500);
    assert_int_equal(train.features, 784);
    assert_int_equal(train.height * 100 + train.width * 2 + train.channels, 2800 + 56 + 1);
    assert_int_equal(pixels_hash(&train), UINT64_C(0xe8c4c74723fd20fb));
    assert_int_equal(pixels_hash(&test), UINT64_C(0x8d2d53c9fdf16bfa));
    assert_memory_equal(train.label, first_label, sizeof first_label);
    table_free(&train);
    table_free(&test);
    digits_open("seed=18446744073709551615&train=300&test=0", &train, &test);
    assert_int_equal(pixels_hash(&train), UINT64_C(0x5febf50763f99d3a));
    assert_int_equal(test.count, 0);
    assert_null(test.pixel);
    table_free(&train);
}

static void larger_sets_begin_with_smaller_ones(void **state)
{
    (void)state;
    struct table few[2], many[2];
    digits_open("train=37&test=13&seed=5", &few[0], &few[1]);
    digits_open("train=211&test=99&seed=5", &many[0], &many[1]);
    for (size_t t = 0; t < 2; t++) {
        assert_memory_equal(few[t].pixel, many[t].pixel, few[t].count * DIGIT_PIXELS);
        assert_memory_equal(few[t].label, many[t].label, few[t].count * sizeof(int32_t));
        table_free(&few[t]);
        table_free(&many[t]);
    }
}

static void every_team_draws_the_same(void **state)
{
    (void)state;
#ifdef _OPENMP
    const int before = omp_get_max_threads();
    struct table train, test;
    uint64_t wanted = 0;
    for (int threads = 1; threads <= 7; threads += 2) {
        omp_set_num_threads(threads);
        digits_open("train=101&test=7", &train, &test);
        uint64_t found = pixels_hash(&train) ^ pixels_hash(&test);
        if (threads == 1)
            wanted = found;
        assert_int_equal(found, wanted);
        table_free(&train);
        table_free(&test);
    }
    omp_set_num_threads(before);
#else
    skip();
#endif
}

static void ten_rows_hold_ten_classes(void **state)
{
    (void)state;
    struct table table[2];
    digits_open("train=1000&test=1000", &table[0], &table[1]);
    for (size_t t = 0; t < 2; t++) {
        for (size_t block = 0; block < 100; block++) {
            unsigned seen = 0;
            for (size_t i = 0; i < 10; i++)
                seen |= 1u << table[t].label[10 * block + i];
            assert_int_equal(seen, 0x3ff);
        }
        size_t at_place[10] = {0};              /* the first of ten is no favourite: 100 of 1,000 expected below */
        for (size_t block = 0; block < 100; block++)
            at_place[table[t].label[10 * block]]++;
        for (size_t c = 0; c < 10; c++)
            assert_in_range(at_place[c], 1, 25);
    }
    assert_memory_not_equal(table[0].label, table[1].label, 1000 * sizeof(int32_t));
    assert_memory_not_equal(table[0].pixel, table[1].pixel, 1000 * DIGIT_PIXELS);
    table_free(&table[0]);
    table_free(&table[1]);
}

static void pictures_have_ink_and_differ(void **state)
{
    (void)state;
    struct table train, test;
    digits_open("train=3000&test=0&seed=9", &train, &test);
    for (size_t i = 0; i < train.count; i++) {
        const uint8_t *pixel = train.pixel + i * DIGIT_PIXELS;
        size_t dark = 0;
        for (size_t j = 0; j < DIGIT_PIXELS; j++)
            dark += pixel[j] >= 60;
        assert_in_range(dark, 10, 450);
        if (i > 0)
            assert_memory_not_equal(pixel, pixel - DIGIT_PIXELS, DIGIT_PIXELS);
    }
    table_free(&train);
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    static const struct { const char *options, *words; } bad[] = {
        {"rows=3", "unknown option \"rows\"; known: train, test, seed"},
        {"train=0", "option train is \"0\", wanted a whole number from 1 to 10000000"},
        {"train=10000001", "1 to 10000000"},
        {"test=-1", "option test is \"-1\", wanted a whole number from 0 to 10000000"},
        {"test= 1", "option test is \" 1\""},
        {"train=60k", "option train is \"60k\""},
        {"train=", "option train is \"\""},
        {"train", "option train is \"\""},
        {"seed=18446744073709551616", "option seed is"},
        {"seed=1&seed=2", "option seed is given twice"},
        {"train=1&&test=1", "unknown option \"\""},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct table train, test;
        assert_int_equal(read_with(digits_read, "", bad[i].options, &train, &test), WEFT_ESETTINGS);
        assert_non_null(strstr(weft_last_error(), bad[i].words));
        assert_null(train.pixel);
    }
}

static void failing_memory_is_reported(void **state)
{
    (void)state;
    struct table train, test;
    weft_status st;
    size_t n = 0;
    do {
        memory_fail_from(++n);
        st = read_with(digits_read, "", "train=11&test=5", &train, &test);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || (st == WEFT_ENOMEM && train.pixel == NULL && test.pixel == NULL));
    } while (st != WEFT_OK);
    assert_int_equal(n, 7);
    table_free(&train);
    table_free(&test);
}

static void directory_remove(const char *directory)
{
    static const char *const name[] = {
        "train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    char path[PATH_MAX];
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, name[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(directory), 0);
}

static void files_read_back_as_drawn(void **state)
{
    (void)state;
    char parent[] = "/tmp/weft_test_digits_XXXXXX", directory[64];
    assert_non_null(mkdtemp(parent));
    snprintf(directory, sizeof directory, "%s/new", parent);
    struct table drawn[2], read[2];
    assert_int_equal(weft_digits_write(directory, 30, 20, 1), WEFT_OK);         /* made, then replaced */
    assert_int_equal(weft_digits_write(directory, 123, 45, 6), WEFT_OK);
    digits_open("train=123&test=45&seed=6", &drawn[0], &drawn[1]);
    assert_int_equal(read_with(idx_read, directory, "", &read[0], &read[1]), WEFT_OK);
    for (size_t t = 0; t < 2; t++) {
        assert_int_equal(read[t].count, drawn[t].count);
        assert_int_equal(read[t].height, 28);
        assert_memory_equal(read[t].pixel, drawn[t].pixel, drawn[t].count * DIGIT_PIXELS);
        assert_memory_equal(read[t].label, drawn[t].label, drawn[t].count * sizeof(int32_t));
        table_free(&read[t]);
        table_free(&drawn[t]);
    }
    directory_remove(directory);
    rmdir(parent);
}

static void files_that_cannot_be_written(void **state)
{
    (void)state;
    char directory[] = "/tmp/weft_test_digits_XXXXXX";
    assert_int_equal(weft_digits_write("/tmp/x", 0, 1, 1), WEFT_EINVAL);
    assert_int_equal(weft_digits_write("/tmp/x", 1, 10 * 1000 * 1000 + 1, 1), WEFT_EINVAL);
    assert_int_equal(weft_digits_write(NULL, 1, 1, 1), WEFT_EINVAL);
    weft_status st = weft_digits_write("/proc/no/such", 1, 1, 1);
    assert_true(st == WEFT_ECREATE || st == WEFT_EIO);
    assert_non_null(strstr(weft_last_error(), "write digits to /proc/no/such: "));
    assert_non_null(mkdtemp(directory));
    size_t n = 0;
    do {
        memory_fail_from(++n);
        st = weft_digits_write(directory, 3, 2, 1);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || st == WEFT_ENOMEM);
    } while (st != WEFT_OK);
    assert_true(n >= 5);
    directory_remove(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_are_the_golden_ones),
        cmocka_unit_test(larger_sets_begin_with_smaller_ones),
        cmocka_unit_test(every_team_draws_the_same),
        cmocka_unit_test(ten_rows_hold_ten_classes),
        cmocka_unit_test(pictures_have_ink_and_differ),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(failing_memory_is_reported),
        cmocka_unit_test(files_read_back_as_drawn),
        cmocka_unit_test(files_that_cannot_be_written),
    };
    return cmocka_run_group_tests_name("digits", tests, NULL, NULL);
}
