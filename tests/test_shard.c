/* How a batch is cut: the contract's formula, and that nothing is left out or taken twice. */
#include "parallel/shard.h"
#include "support.h"

static void shards_follow_the_formula(void **state)
{
    (void)state;
    for (size_t rows = 1; rows <= 5000; rows++) {
        size_t wanted = rows / 32 + (rows % 32 != 0);
        assert_int_equal(shard_count(rows), wanted < 16 ? wanted : 16);
    }
    static const size_t known[][2] = {{1, 1}, {32, 1}, {33, 2}, {64, 2}, {65, 3}, {256, 8}, {480, 15}, {481, 16}, {512, 16},
                                      {1000, 16}, {1000000000, 16}};
    for (size_t i = 0; i < COUNT(known); i++)
        assert_int_equal(shard_count(known[i][0]), known[i][1]);
}

static void rows_are_cut_without_gaps(void **state)
{
    (void)state;
    for (size_t rows = 1; rows <= 5000; rows++) {
        size_t shards = shard_count(rows), next = 0;
        for (size_t i = 0; i < shards; i++) {
            struct range r = shard_rows(rows, shards, i);
            size_t count = r.end - r.first;
            assert_int_equal(r.first, next);
            assert_int_equal(r.first, i * rows / shards);
            assert_true(r.end > r.first);
            assert_true(count == rows / shards || count == rows / shards + 1);
            next = r.end;
        }
        assert_int_equal(next, rows);
    }
}

static void shares_are_cut_without_gaps(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 70; n++)
        for (size_t threads = 1; threads <= 40; threads++) {
            size_t next = 0;
            for (size_t rank = 0; rank < threads; rank++) {
                struct range r = share_of(n, threads, rank);
                assert_int_equal(r.first, next);
                assert_true(r.end - r.first == n / threads || r.end - r.first == n / threads + 1);
                next = r.end;
            }
            assert_int_equal(next, n);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shards_follow_the_formula),
        cmocka_unit_test(rows_are_cut_without_gaps),
        cmocka_unit_test(shares_are_cut_without_gaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
