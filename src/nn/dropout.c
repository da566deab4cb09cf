/* Dropout by counter: no generator to advance, so a row drops the same units whichever thread takes it, and a resumed run
 * draws what the run that was not interrupted would have drawn. */
#include "base/rng.h"
#include "kernel/kernel.h"
#include "nn/layers.h"

/* P(word < limit) = fraction, to 2^-32. */
static uint32_t limit_of(double fraction)
{
    return (uint32_t)(fraction * 0x1p32);               /* fraction < 1 */
}

static float scale_of(double fraction)
{
    return (float)(1 / (1 - fraction));
}

static void draw_keep(const struct op *op, uint64_t seed, uint64_t step, uint32_t data_row, uint8_t *keep)
{
    uint32_t limit = limit_of(op->drop_fraction), word[4];
    for (size_t j = 0; j < op->width; j++) {
        if (j % 4 == 0)
            rng_words(seed, RNG_DROPOUT, op->drop_counter, step, data_row, (uint32_t)(j / 4), word);
        keep[j] = word[j % 4] >= limit;
    }
}

void dropout_forward(const struct op *op, uint64_t seed, uint64_t step, size_t rows, const uint32_t *data_row, const float *x,
                     uint8_t *keep, float *y)
{
    for (size_t n = 0; n < rows; n++)
        draw_keep(op, seed, step, data_row[n], &keep[n * op->width]);
    kernel->dropout(rows * op->width, keep, scale_of(op->drop_fraction), x, y);
}

void dropout_backward(const struct op *op, size_t rows, const uint8_t *keep, float *dy)
{
    kernel->dropout(rows * op->width, keep, scale_of(op->drop_fraction), dy, dy);
}
