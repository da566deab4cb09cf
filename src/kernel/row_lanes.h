/* Sixteen rows of a matrix in panels at once, one a lane: a row's sum over its columns is then a chain in a lane. The loops over
 * lanes are as wide as a vector: the compiler makes vectors of them. Included only by files that are built once per set. */
#ifndef KERNEL_ROW_LANES_H
#define KERNEL_ROW_LANES_H

#include "base/math.h"
#include "kernel/entries.h"

enum { ROWS = SOFTMAX_ROWS };

/* x[c][r] = logit c of row r; rows that are not there hold 0. */
static inline void load_rows(size_t rows, size_t C, const float *logits, size_t panel_stride, float (*x)[ROWS])
{
    for (size_t c = 0; c < C; c += PANEL) {
        size_t width = C - c < PANEL ? C - c : PANEL;
        for (size_t j = 0; rows < ROWS && j < width; j++)
            for (size_t r = rows; r < ROWS; r++)
                x[c + j][r] = 0;
        KERNEL(transpose)(rows, width, logits + c / PANEL * panel_stride, PANEL, x[c], ROWS);
    }
}

/* The way back; the padding stays as it is. */
static inline void store_rows(size_t rows, size_t C, float (*x)[ROWS], float *logits, size_t panel_stride)
{
    for (size_t c = 0; c < C; c += PANEL)
        KERNEL(transpose)(C - c < PANEL ? C - c : PANEL, rows, x[c], ROWS, logits + c / PANEL * panel_stride, PANEL);
}

struct largest {
    float value[ROWS];
    int32_t class[ROWS];                /* the first one */
};

static inline void find_largest(size_t C, float (*restrict x)[ROWS], struct largest *restrict l)
{
    for (size_t r = 0; r < ROWS; r++) {
        l->value[r] = x[0][r];
        l->class[r] = 0;
    }
    for (size_t c = 1; c < C; c++)
        for (size_t r = 0; r < ROWS; r++) {
            l->class[r] = x[c][r] > l->value[r] ? (int32_t)c : l->class[r];
            l->value[r] = x[c][r] > l->value[r] ? x[c][r] : l->value[r];
        }
}

/* x becomes e^(x - max); the chain over the classes from +0. */
static inline void exponentials(size_t C, const struct largest *restrict l, float (*restrict x)[ROWS],
                                float sum[restrict ROWS])
{
    for (size_t r = 0; r < ROWS; r++)
        sum[r] = 0;
    for (size_t c = 0; c < C; c++)
        for (size_t r = 0; r < ROWS; r++) {
            x[c][r] = math_exp_f32(x[c][r] - l->value[r]);
            sum[r] += x[c][r];
        }
}

static inline void divide_by(const float sum[restrict ROWS], size_t C, float (*restrict x)[ROWS])
{
    for (size_t c = 0; c < C; c++)
        for (size_t r = 0; r < ROWS; r++)
            x[c][r] /= sum[r];
}

#endif
