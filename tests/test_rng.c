/* Philox against the published vectors, the layout of its counter, and the shuffle's fairness. */
#include "base/rng.h"

#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

/* The three philox4x32-10 lines of Random123's kat_vectors: counter words 0 to 3 taken apart into our arguments. */
static void words_are_the_published_ones(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed;
        uint32_t purpose, layer;
        uint64_t time;
        uint32_t row, element, want[4];
    } vector[] = {
        {0, 0, 0, 0, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {UINT64_MAX, 0xff, 0xff, 0xffffffffffff, 0xffffffff, 0xffffffff, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {0x299f31d0a4093822, 0x03, 0x70, 0x734413198a2e, 0x85a308d3, 0x243f6a88,
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < COUNT(vector); i++) {
        uint32_t word[4];
        rng_words(vector[i].seed, (enum rng_purpose)vector[i].purpose, vector[i].layer, vector[i].time, vector[i].row,
                  vector[i].element, word);
        assert_memory_equal(word, vector[i].want, sizeof word);
    }
}

/* Element, row, time (low), purpose | layer | time (high): what whoever draws many at once counts on. */
static void counter_is_laid_out_as_it_says(void **state)
{
    (void)state;
    uint32_t counter[4];
    rng_counter((enum rng_purpose)0x12, 0x34, UINT64_C(0x56789abcdef0), 0x11223344, 0x99aabbcc, counter);
    static const uint32_t want[] = {0x99aabbcc, 0x11223344, 0x9abcdef0, 0x12345678};
    assert_memory_equal(counter, want, sizeof want);
    rng_counter(RNG_DROPOUT, 255, (UINT64_C(1) << 48) - 1, UINT32_MAX, UINT32_MAX, counter);
    static const uint32_t largest[] = {UINT32_MAX, UINT32_MAX, UINT32_MAX, 0x04ffffff};
    assert_memory_equal(counter, largest, sizeof largest);
}

/* Each argument must reach the counter or the key, with all of its bits, and no two at the same place. */
static void every_argument_counts(void **state)
{
    (void)state;
    enum { BITS = 64 + 3 + 8 + 48 + 32 + 32 };
    uint32_t word[BITS][4];
    size_t n = 0;
    for (int bit = 0; bit < 64; bit++)
        rng_words(UINT64_C(1) << bit, RNG_INIT, 0, 0, 0, 0, word[n++]);
    for (int purpose = 1; purpose <= 4; purpose *= 2)
        rng_words(0, (enum rng_purpose)purpose, 0, 0, 0, 0, word[n++]);
    for (int bit = 0; bit < 8; bit++)
        rng_words(0, RNG_INIT, UINT32_C(1) << bit, 0, 0, 0, word[n++]);
    for (int bit = 0; bit < 48; bit++)
        rng_words(0, RNG_INIT, 0, UINT64_C(1) << bit, 0, 0, word[n++]);
    for (int bit = 0; bit < 32; bit++)
        rng_words(0, RNG_INIT, 0, 0, UINT32_C(1) << bit, 0, word[n++]);
    for (int bit = 0; bit < 32; bit++)
        rng_words(0, RNG_INIT, 0, 0, 0, UINT32_C(1) << bit, word[n++]);
    assert_int_equal(n, BITS);
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(word[i], word[j], sizeof word[i]);
}

static void open_unit_stays_inside(void **state)
{
    (void)state;
    assert_true(rng_open_unit(0, 0) == 0x1p-53);
    assert_true(rng_open_unit(0, 0xfff) == 0x1p-53);                            /* the low 12 bits do not count */
    assert_true(rng_open_unit(0, 0x1000) == 0x3p-53);
    assert_true(rng_open_unit(0x80000000, 0) == 0.5 + 0x1p-53);
    assert_true(rng_open_unit(UINT32_MAX, UINT32_MAX) == 1 - 0x1p-53);
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t word[4];
        rng_words(1, RNG_INIT, 0, 0, 0, i, word);
        double u = rng_open_unit(word[0], word[1]);
        assert_true(u > 0 && u < 1);
        assert_true(rng_open_unit(~word[0], ~word[1]) == 1 - u);
    }
}

static void below_reaches_both_ends(void **state)
{
    (void)state;
    static const uint64_t bound[] = {1, 2, 3, 10, 60000, UINT32_MAX, UINT64_C(1) << 32, (UINT64_C(1) << 63) + 1, UINT64_MAX};
    for (size_t i = 0; i < COUNT(bound); i++) {
        assert_true(rng_below(0, 0, bound[i]) == 0);
        assert_true(rng_below(UINT32_MAX, UINT32_MAX, bound[i]) == bound[i] - 1);
        assert_true(rng_below(0x80000000, 0, bound[i]) == bound[i] / 2);
    }
    assert_true(rng_below(0x12345678, 0x9abcdef0, UINT64_C(1) << 8) == 0x12);   /* a power of two: the top bits */
    assert_true(rng_below(0x12345678, 0x9abcdef0, UINT64_C(1) << 40) == 0x123456789a);
    assert_true(rng_below(0x55555555, 0x55555555, 3) == 0);                     /* next to 1/3 from below, from above */
    assert_true(rng_below(0x55555555, 0x55555556, 3) == 1);
}

static void permutation_is_one(void **state)
{
    (void)state;
    static const uint32_t count[] = {0, 1, 2, 3, 10, 257, 1000};
    for (size_t c = 0; c < COUNT(count); c++)
        for (uint64_t epoch = 0; epoch < 20; epoch++) {
            uint32_t permutation[1001];
            uint8_t seen[1000] = {0};
            memset(permutation, 0xee, sizeof permutation);
            rng_permutation(7, RNG_SHUFFLE, epoch, count[c], permutation);
            for (uint32_t i = 0; i < count[c]; i++) {
                assert_in_range(permutation[i], 0, count[c] - 1);
                assert_int_equal(seen[permutation[i]]++, 0);
            }
            assert_int_equal(permutation[count[c]], 0xeeeeeeee);                /* nothing is written behind it */
        }
}

/* Golden values, worked out by a second program that shares no code with this one. */
static void permutation_is_the_known_one(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed;
        enum rng_purpose purpose;
        uint64_t time;
        uint32_t want[10];
    } golden[] = {
        {1, RNG_SHUFFLE, 0, {6, 5, 0, 2, 7, 9, 8, 3, 1, 4}},
        {1, RNG_SHUFFLE, 1, {5, 0, 9, 6, 3, 2, 7, 8, 1, 4}},
        {1, RNG_SPLIT, 0, {0, 4, 5, 1, 3, 8, 2, 6, 7, 9}},
        {2, RNG_SHUFFLE, UINT64_C(1) << 40, {5, 1, 7, 8, 0, 2, 6, 3, 4, 9}},
    };
    for (size_t i = 0; i < COUNT(golden); i++) {
        uint32_t permutation[10];
        rng_permutation(golden[i].seed, golden[i].purpose, golden[i].time, 10, permutation);
        assert_memory_equal(permutation, golden[i].want, sizeof permutation);
    }
}

/* The place of an order of 0 1 2 3 among all 24 (its Lehmer code). */
static size_t order_of(const uint32_t p[4])
{
    size_t order = 0;
    for (size_t i = 0; i < 4; i++) {
        size_t smaller = 0;
        for (size_t j = i + 1; j < 4; j++)
            smaller += p[j] < p[i];
        order = order * (4 - i) + smaller;
    }
    return order;
}

/* Pearson's statistic over all orders of four elements. For chi-square with k degrees of freedom, P(X - k >= 2 sqrt(k t)
 * + 2 t) and P(k - X >= 2 sqrt(k t)) are at most e^-t (Laurent and Massart, Annals of Statistics 28, 2000, lemma 1); t = 12
 * lets one fair generator in 80,000 fail. Swapping with any place instead of a later one gives a statistic of 60,000. */
static void all_orders_are_equally_likely(void **state)
{
    (void)state;
    enum { ORDERS = 24, EPOCHS = ORDERS * 10000 };
    static size_t seen[ORDERS];
    for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) {
        uint32_t permutation[4];
        rng_permutation(3, RNG_SHUFFLE, epoch, 4, permutation);
        seen[order_of(permutation)]++;
    }
    double expected = (double)EPOCHS / ORDERS, statistic = 0, k = ORDERS - 1, t = 12;
    for (size_t i = 0; i < ORDERS; i++)
        statistic += ((double)seen[i] - expected) * ((double)seen[i] - expected) / expected;
    print_message("           chi-square %.1f, %.0f degrees of freedom\n", statistic, k);
    assert_true(statistic <= k + 2 * sqrt(k * t) + 2 * t);
    assert_true(statistic >= k - 2 * sqrt(k * t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_the_published_ones),
        cmocka_unit_test(counter_is_laid_out_as_it_says),
        cmocka_unit_test(every_argument_counts),
        cmocka_unit_test(open_unit_stays_inside),
        cmocka_unit_test(below_reaches_both_ends),
        cmocka_unit_test(permutation_is_one),
        cmocka_unit_test(permutation_is_the_known_one),
        cmocka_unit_test(all_orders_are_equally_likely),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
