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

void dropout_forward(const struct op *op, uint64_t seed, uint64_t step, size_t rows, const uint32_t *data_row, struct matrix x,
                     uint8_t *keep, struct matrix y)
{
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t counter[4];
    rng_counter(RNG_DROPOUT, op->drop_counter, step, 0, 0, counter);
    for (size_t p = 0; p < panels_of(op->width); p++) {
        kernel->draw_keep(rows, (uint32_t)(p * PANEL / 4), data_row, &counter[2], key, limit_of(op->drop_fraction),
                          keep + p * y.panel);
        kernel->dropout(rows * PANEL, keep + p * y.panel, scale_of(op->drop_fraction), x.data + p * x.panel,
                        y.data + p * y.panel);
    }
}

void dropout_backward(const struct op *op, size_t rows, const uint8_t *keep, struct matrix dy)
{
    for (size_t p = 0; p < panels_of(op->width); p++)
        kernel->dropout(rows * PANEL, keep + p * dy.panel, scale_of(op->drop_fraction), dy.data + p * dy.panel,
                        dy.data + p * dy.panel);
}
