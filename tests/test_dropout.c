/* Dropout: which units are dropped is a function of (seed, step, layer, data row, unit) and of nothing else. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "kernel/kernel.h"
#include "matrix_samples.h"
#include "nn/layers.h"
#include "support.h"

/* Not a multiple of the four numbers of a draw, nor of a panel. */
enum { ROWS = 64, WIDTH = 45, PANELS = (WIDTH + PANEL - 1) / PANEL, MASK_SIZE = ROWS * PANELS * PANEL };

static struct op op_of(double fraction, uint32_t counter)
{
    return (struct op){.kind = OP_DROPOUT, .width = WIDTH, .drop_fraction = fraction, .drop_counter = counter};
}

/* The mask of data rows first, first + 1 ..., row by row. */
static void draw(const struct op *op, uint64_t seed, uint64_t step, uint32_t first, uint8_t keep[ROWS * WIDTH])
{
    static float x[MASK_SIZE], y[MASK_SIZE];
    static uint8_t in_panels[MASK_SIZE];
    uint32_t row[ROWS];
    for (size_t n = 0; n < ROWS; n++)
        row[n] = first + (uint32_t)n;
    dropout_forward(op, seed, step, ROWS, row, (struct matrix){x, ROWS * PANEL}, in_panels, (struct matrix){y, ROWS * PANEL});
    for (size_t n = 0; n < ROWS; n++)
        for (size_t j = 0; j < WIDTH; j++)
            keep[n * WIDTH + j] = in_panels[(j / PANEL * ROWS + n) * PANEL + j % PANEL];
}

static void mask_follows_the_counter(void **state)
{
    (void)state;
    static const double fractions[] = {0.3, 0.5, 0x1p-32, 1 - 0x1p-32};
    for (size_t f = 0; f < COUNT(fractions); f++)
        for (int isa = 0; isa < ISA_COUNT; isa++) {
            uint8_t keep[ROWS * WIDTH];
            struct op op = op_of(fractions[f], 5);
            uint64_t step = f % 2 == 0 ? 7 : UINT64_C(0x123456789abc), seed = f < 2 ? 42 : UINT64_C(0xfedcba9876543210);
            if (!kernel_use((enum isa)isa))
                continue;
            draw(&op, seed, step, 1000, keep);
            for (size_t n = 0; n < ROWS; n++)
                for (size_t j = 0; j < WIDTH; j++) {
                    uint32_t word[4];
                    rng_words(seed, RNG_DROPOUT, 5, step, 1000 + (uint32_t)n, (uint32_t)j / 4, word);
                    assert_int_equal(keep[n * WIDTH + j], (double)word[j % 4] >= floor(fractions[f] * 0x1p32));
                }
        }
}

static void everything_counts_but_the_place(void **state)
{
    (void)state;
    uint8_t keep[ROWS * WIDTH], other[ROWS * WIDTH];
    struct op op = op_of(0.5, 1), above = op_of(0.5, 2);
    draw(&op, 1, 1, 0, keep);
    draw(&op, 2, 1, 0, other);
    assert_memory_not_equal(keep, other, sizeof keep);
    draw(&op, 1, 2, 0, other);
    assert_memory_not_equal(keep, other, sizeof keep);
    draw(&above, 1, 1, 0, other);
    assert_memory_not_equal(keep, other, sizeof keep);
    draw(&op, 1, 1, 10, other);                 /* the same data rows at other places of the batch */
    assert_memory_equal(keep + 10 * WIDTH, other, (ROWS - 10) * WIDTH);
}

/* Six standard deviations of a binomial. */
static void fraction_is_dropped(void **state)
{
    (void)state;
    static const double fraction[] = {0.01, 0.2, 0.5, 0.9, 0.99};
    enum { STEPS = 200, DRAWS = STEPS * ROWS * WIDTH };
    for (size_t f = 0; f < COUNT(fraction); f++) {
        struct op op = op_of(fraction[f], 1);
        size_t dropped = 0;
        for (size_t step = 0; step < STEPS; step++) {
            uint8_t keep[ROWS * WIDTH];
            draw(&op, 3, step, 0, keep);
            for (size_t i = 0; i < ROWS * WIDTH; i++)
                dropped += !keep[i];
        }
        double deviation = sqrt(DRAWS * fraction[f] * (1 - fraction[f]));
        assert_within((double)dropped, DRAWS * fraction[f], 6 * deviation, "dropped of %d, fraction %g", DRAWS, fraction[f]);
    }
}

static void kept_units_are_scaled_both_ways(void **state)
{
    (void)state;
    struct random random = {4};
    static const double fraction[] = {0.2, 0.5, 0x1.fffffep-1};
    for (size_t f = 0; f < COUNT(fraction); f++) {
        struct op op = op_of(fraction[f], 1);
        uint32_t row[ROWS];
        for (size_t n = 0; n < ROWS; n++)
            row[n] = (uint32_t)random_below(&random, 1000);
        float *x = guarded_floats(&random, ROWS * WIDTH, -1, 1), *dy = guarded_floats(&random, ROWS * WIDTH, -1, 1);
        struct matrix X = matrix_of(ROWS, WIDTH, x), Y = matrix_new(ROWS, WIDTH), D = matrix_of(ROWS, WIDTH, dy);
        uint8_t *keep = guarded_new(MASK_SIZE, 1);
        dropout_forward(&op, 9, 0, ROWS, row, X, keep, Y);
        dropout_backward(&op, ROWS, keep, D);
        float scale = (float)(1 / (1 - fraction[f]));
        assert_true(isfinite(scale));
        for (size_t n = 0; n < ROWS; n++)
            for (size_t j = 0; j < WIDTH; j++) {
                bool is_kept = keep[(j / PANEL * ROWS + n) * PANEL + j % PANEL];
                assert_true(*matrix_at(Y, n, j) == (is_kept ? x[n * WIDTH + j] * scale : 0));
                assert_true(*matrix_at(D, n, j) == (is_kept ? dy[n * WIDTH + j] * scale : 0));
            }
        float *const all[] = {x, dy, X.data, Y.data, D.data};
        for (size_t i = 0; i < COUNT(all); i++)
            guarded_free(all[i]);
        guarded_free(keep);
    }
}

int main(void)
{
    if (kernel_choose() != WEFT_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mask_follows_the_counter),
        cmocka_unit_test(everything_counts_but_the_place),
        cmocka_unit_test(fraction_is_dropped),
        cmocka_unit_test(kept_units_are_scaled_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
