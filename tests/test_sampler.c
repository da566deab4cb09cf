/* Which rows make a step: each row once an epoch, another order in each epoch, any step from its number alone. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "data/sampler.h"

/* A split that leaves rows of its table out, so that a place in the order and a data row are different numbers. */
struct odd_rows {
    struct dataset dataset;
    struct split split;
    uint32_t row[400];
};

static void odd_rows_make(struct odd_rows *odd, size_t count)
{
    sample_dataset(&odd->dataset, 1, 2 * count + 1, 1, 2);
    for (size_t i = 0; i < count; i++)
        odd->row[i] = (uint32_t)(2 * i + 1);
    odd->split = (struct split){&odd->dataset.train, odd->row, count};
}

static void make_sampler(struct sampler *sampler, const struct split *split, const char *assignments)
{
    weft_settings *settings = settings_of(assignments);
    if (sampler_create(sampler, split, settings) != WEFT_OK)
        fail_msg("%s: %s", assignments, weft_last_error());
    weft_settings_destroy(settings);
}

/* All rows of one epoch, step by step. Returns how many. */
static size_t rows_of_epoch(struct sampler *sampler, uint64_t epoch, uint32_t *row)
{
    size_t count = 0;
    for (uint64_t i = 0; i < sampler->steps_per_epoch; i++) {
        uint64_t step = epoch * sampler->steps_per_epoch + i;
        sampler_prepare(sampler, step);
        size_t rows = sampler_batch_rows(sampler, step);
        sampler_rows(sampler, step, 0, rows, row + count);
        count += rows;
    }
    return count;
}

static void each_row_comes_once_an_epoch(void **state)
{
    (void)state;
    static const struct { size_t rows, batch, steps, last; } shape[] = {
        {1, 1, 1, 1}, {7, 1, 7, 1}, {7, 7, 1, 7}, {7, 6, 2, 1}, {100, 33, 4, 1}, {100, 25, 4, 25}, {399, 128, 4, 15},
    };
    for (size_t s = 0; s < COUNT(shape); s++) {
        struct odd_rows odd;
        struct sampler sampler;
        char text[64];
        odd_rows_make(&odd, shape[s].rows);
        snprintf(text, sizeof text, "train.batch_size=%zu", shape[s].batch);
        make_sampler(&sampler, &odd.split, text);
        assert_int_equal(sampler.steps_per_epoch, shape[s].steps);
        assert_int_equal(sampler_batch_rows(&sampler, 3 * shape[s].steps - 1), shape[s].last);
        for (uint64_t epoch = 0; epoch < 3; epoch++) {
            uint32_t row[400];
            unsigned seen[801] = {0};
            assert_int_equal(rows_of_epoch(&sampler, epoch, row), shape[s].rows);
            for (size_t i = 0; i < shape[s].rows; i++)
                seen[row[i]]++;
            for (size_t r = 0; r < 2 * shape[s].rows + 1; r++)
                assert_int_equal(seen[r], r % 2);
        }
        sampler_destroy(&sampler);
        sample_dataset_free(&odd.dataset);
    }
}

static void a_short_last_batch_can_be_dropped(void **state)
{
    (void)state;
    struct odd_rows odd;
    struct sampler kept, dropped;
    uint32_t all[400], some[400];
    odd_rows_make(&odd, 100);
    make_sampler(&kept, &odd.split, "train.batch_size=33");
    make_sampler(&dropped, &odd.split, "train.batch_size=33; train.last_batch=drop");
    assert_int_equal(dropped.steps_per_epoch, 3);
    for (uint64_t epoch = 0; epoch < 2; epoch++) {
        assert_int_equal(rows_of_epoch(&kept, epoch, all), 100);
        assert_int_equal(rows_of_epoch(&dropped, epoch, some), 99);
        assert_memory_equal(all, some, 99 * sizeof *all);       /* the same order, cut off */
    }
    sampler_destroy(&kept);
    sampler_destroy(&dropped);
    sample_dataset_free(&odd.dataset);
}

static void rows_may_stay_in_the_order_of_the_file(void **state)
{
    (void)state;
    struct odd_rows odd;
    struct sampler sampler;
    uint32_t row[400];
    odd_rows_make(&odd, 100);
    make_sampler(&sampler, &odd.split, "train.batch_size=33; train.shuffle=no");
    for (uint64_t epoch = 0; epoch < 3; epoch++) {
        assert_int_equal(rows_of_epoch(&sampler, epoch, row), 100);
        assert_memory_equal(row, odd.split.row, 100 * sizeof *row);
    }
    sampler_destroy(&sampler);
    sample_dataset_free(&odd.dataset);
}

/* In any order of steps, forwards and back, and any part of a batch by itself. */
static void a_step_follows_from_its_number(void **state)
{
    (void)state;
    struct odd_rows odd;
    struct sampler straight, jumping;
    uint32_t want[5][400];
    odd_rows_make(&odd, 90);
    make_sampler(&straight, &odd.split, "train.batch_size=40; train.seed=9");
    make_sampler(&jumping, &odd.split, "train.batch_size=40; train.seed=9");
    for (uint64_t epoch = 0; epoch < 5; epoch++)
        rows_of_epoch(&straight, epoch, want[epoch]);
    for (uint64_t i = 0; i < 15; i++) {
        uint64_t step = i * 7 % 15, first = step % 3 * 40;      /* 0 7 14 6 13 5 ...: every step once */
        size_t rows = sampler_batch_rows(&jumping, step);
        sampler_prepare(&jumping, step);
        for (size_t at = 0; at < rows; at += 3) {
            uint32_t row[3];
            size_t count = rows - at < 3 ? rows - at : 3;
            sampler_rows(&jumping, step, at, count, row);
            assert_memory_equal(row, &want[step / 3][first + at], count * sizeof *row);
        }
    }
    sampler_destroy(&straight);
    sampler_destroy(&jumping);
    sample_dataset_free(&odd.dataset);
}

static void orders_differ_by_epoch_and_seed(void **state)
{
    (void)state;
    struct odd_rows odd;
    uint32_t row[6][400];
    odd_rows_make(&odd, 200);
    for (size_t seed = 0; seed < 2; seed++) {
        struct sampler sampler;
        make_sampler(&sampler, &odd.split, seed == 0 ? "train.seed=1" : "train.seed=2");
        for (uint64_t epoch = 0; epoch < 3; epoch++)
            rows_of_epoch(&sampler, epoch, row[3 * seed + epoch]);
        sampler_destroy(&sampler);
    }
    for (size_t a = 0; a < 6; a++) {
        assert_memory_not_equal(row[a], odd.row, 200 * sizeof **row);
        for (size_t b = 0; b < a; b++)
            assert_memory_not_equal(row[a], row[b], 200 * sizeof **row);
    }
    sample_dataset_free(&odd.dataset);
}

static void a_batch_larger_than_the_split_is_refused(void **state)
{
    (void)state;
    struct odd_rows odd;
    struct sampler sampler;
    odd_rows_make(&odd, 10);
    make_sampler(&sampler, &odd.split, "train.batch_size=10");
    sampler_destroy(&sampler);
    sampler_destroy(&sampler);
    weft_settings *settings = settings_of("train.batch_size=11");
    assert_int_equal(sampler_create(&sampler, &odd.split, settings), WEFT_ESETTINGS);
    assert_non_null(strstr(weft_last_error(), "train.batch_size is 11"));
    assert_non_null(strstr(weft_last_error(), "10 rows"));
    weft_settings_destroy(settings);
    sample_dataset_free(&odd.dataset);
}

static void memory_may_be_short(void **state)
{
    (void)state;
    struct odd_rows odd;
    struct sampler sampler;
    odd_rows_make(&odd, 10);
    weft_settings *settings = settings_of("train.batch_size=3");
    memory_fail_from(1);
    assert_int_equal(sampler_create(&sampler, &odd.split, settings), WEFT_ENOMEM);
    memory_fail_from(0);
    weft_settings_destroy(settings);
    sample_dataset_free(&odd.dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_comes_once_an_epoch),
        cmocka_unit_test(a_short_last_batch_can_be_dropped),
        cmocka_unit_test(rows_may_stay_in_the_order_of_the_file),
        cmocka_unit_test(a_step_follows_from_its_number),
        cmocka_unit_test(orders_differ_by_epoch_and_seed),
        cmocka_unit_test(a_batch_larger_than_the_split_is_refused),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests_name("sampler", tests, NULL, NULL);
}
