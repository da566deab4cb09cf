/* Losses against rows of targets, and what the output functions make of logits; 16 rows at once (row_lanes.h). Cross-entropies
 * are taken from the logits, so nothing overflows and nothing is lost where a probability rounds to 0 or 1. A loop over lanes
 * writes to an array of its own, so that the compiler need not ask whether that is also what it reads. */
#include "kernel/entries.h"

#include <string.h>

#include "base/math.h"
#include "kernel/row_lanes.h"

struct block {                          /* 16 rows; [c][r] is column c of row r */
    size_t C;
    float (*x)[ROWS];                   /* logits */
    float (*t)[ROWS];                   /* targets */
    float (*p)[ROWS];                   /* p of the logits, then the gradient */
    struct largest largest;
    float weight[ROWS];
};

static void linear_of(struct block *b)
{
    memcpy(b->p, b->x, b->C * sizeof *b->p);
}

static void softmax_of(struct block *b, float sum[ROWS])
{
    linear_of(b);
    exponentials(b->C, &b->largest, b->p, sum);
    divide_by(sum, b->C, b->p);
}

static void sigmoid_of(struct block *b)
{
    linear_of(b);
    KERNEL(sigmoid)(b->C * ROWS, b->p[0]);
}

/* ---- the sum over c of each loss ---- */

static void softmax_cross_entropy(struct block *b, double loss[ROWS])
{
    float sum[ROWS];
    double log_sum[ROWS];
    softmax_of(b, sum);
    for (size_t r = 0; r < ROWS; r++)
        log_sum[r] = math_log_normal((double)sum[r], 0);
    for (size_t c = 0; c < b->C; c++)
        for (size_t r = 0; r < ROWS; r++)
            loss[r] += (double)b->t[c][r] * (log_sum[r] - ((double)b->x[c][r] - (double)b->largest.value[r]));
}

/* p and the logarithm share their exponential. */
static void sigmoid_cross_entropy(struct block *b, double loss[ROWS])
{
    for (size_t c = 0; c < b->C; c++) {
        const float *x = b->x[c], *t = b->t[c];
        float p[ROWS], positive[ROWS], logarithm[ROWS];
        for (size_t r = 0; r < ROWS; r++) {
            p[r] = math_sigmoid_f32(x[r]);
            logarithm[r] = math_log1p_f32(math_exp_f32(-fabsf(x[r])));
            positive[r] = x[r] > 0 ? x[r] : 0;
        }
        for (size_t r = 0; r < ROWS; r++)
            loss[r] += ((double)positive[r] - (double)x[r] * (double)t[r]) + (double)logarithm[r];
        memcpy(b->p[c], p, sizeof p);
    }
}

static void mean_square(const struct block *b, double loss[ROWS])
{
    for (size_t c = 0; c < b->C; c++)
        for (size_t r = 0; r < ROWS; r++) {
            float d = b->p[c][r] - b->t[c][r];
            loss[r] += (double)d * (double)d;           /* exact product: a float has 24 bits */
        }
    for (size_t r = 0; r < ROWS; r++)
        loss[r] /= (double)b->C;
}

/* Fills p, too. */
static void loss_of_block(enum loss_function f, struct block *b, double loss[ROWS])
{
    float sum[ROWS];
    for (size_t r = 0; r < ROWS; r++)
        loss[r] = 0;
    switch (f) {
    case LOSS_OF_SOFTMAX_CROSS_ENTROPY: softmax_cross_entropy(b, loss); break;
    case LOSS_OF_SOFTMAX_MSE: softmax_of(b, sum); mean_square(b, loss); break;
    case LOSS_OF_SIGMOID_CROSS_ENTROPY: sigmoid_cross_entropy(b, loss); break;
    case LOSS_OF_SIGMOID_MSE: sigmoid_of(b); mean_square(b, loss); break;
    case LOSS_OF_LINEAR_MSE: linear_of(b); mean_square(b, loss); break;
    }
    for (size_t r = 0; r < ROWS; r++)
        loss[r] *= (double)b->weight[r];
}

/* ---- gradients: p becomes them ---- */

static void difference(struct block *b, const float scale[ROWS])
{
    for (size_t c = 0; c < b->C; c++) {
        float g[ROWS];
        for (size_t r = 0; r < ROWS; r++)
            g[r] = (b->p[c][r] - b->t[c][r]) * scale[r];
        memcpy(b->p[c], g, sizeof g);
    }
}

static void softmax_cross_entropy_gradient(struct block *b, const float scale[ROWS])
{
    float total[ROWS] = {0};
    for (size_t c = 0; c < b->C; c++)
        for (size_t r = 0; r < ROWS; r++)
            total[r] += b->t[c][r];
    for (size_t c = 0; c < b->C; c++) {
        float g[ROWS];
        for (size_t r = 0; r < ROWS; r++)
            g[r] = fmaf(b->p[c][r], total[r], -b->t[c][r]) * scale[r];
        memcpy(b->p[c], g, sizeof g);
    }
}

static void softmax_mse_gradient(struct block *b, const float scale[ROWS])
{
    float dot[ROWS] = {0};
    for (size_t c = 0; c < b->C; c++) {
        float g[ROWS];
        for (size_t r = 0; r < ROWS; r++) {
            float p = b->p[c][r];
            g[r] = (p - b->t[c][r]) * scale[r];
            dot[r] = fmaf(g[r], p, dot[r]);
        }
        memcpy(b->t[c], g, sizeof g);                   /* in place of the targets */
    }
    for (size_t c = 0; c < b->C; c++) {
        float g[ROWS];
        for (size_t r = 0; r < ROWS; r++)
            g[r] = b->p[c][r] * (b->t[c][r] - dot[r]);
        memcpy(b->p[c], g, sizeof g);
    }
}

static void sigmoid_mse_gradient(struct block *b, const float scale[ROWS])
{
    for (size_t c = 0; c < b->C; c++) {
        float g[ROWS];
        for (size_t r = 0; r < ROWS; r++) {
            float p = b->p[c][r];
            g[r] = (p - b->t[c][r]) * (p * (1 - p)) * scale[r];
        }
        memcpy(b->p[c], g, sizeof g);
    }
}

static void gradient_of_block(enum loss_function f, struct block *b, float inverse_rows)
{
    float scale[ROWS], scale_of_mean[ROWS];
    for (size_t r = 0; r < ROWS; r++) {
        scale[r] = b->weight[r] * inverse_rows;
        scale_of_mean[r] = 2.0f / (float)b->C * scale[r];
    }
    switch (f) {
    case LOSS_OF_SOFTMAX_CROSS_ENTROPY: softmax_cross_entropy_gradient(b, scale); break;
    case LOSS_OF_SOFTMAX_MSE: softmax_mse_gradient(b, scale_of_mean); break;
    case LOSS_OF_SIGMOID_CROSS_ENTROPY: difference(b, scale); break;
    case LOSS_OF_SIGMOID_MSE: sigmoid_mse_gradient(b, scale_of_mean); break;
    case LOSS_OF_LINEAR_MSE: difference(b, scale_of_mean); break;
    }
}

/* ---- the entries ---- */

static void take_block(struct block *b, size_t n, size_t rows, const struct loss_targets *targets, const float *logits,
                       size_t panel_stride)
{
    load_rows(rows, b->C, logits + n * PANEL, panel_stride, b->x);
    load_rows(rows, b->C, targets->target + n * PANEL, targets->panel_stride, b->t);
    find_largest(b->C, b->x, &b->largest);
    for (size_t r = 0; r < ROWS; r++)
        b->weight[r] = r < rows && targets->row_weight != NULL ? targets->row_weight[n + r] : 1;
}

static struct block block_in(float *scratch, size_t C)
{
    float (*columns)[ROWS] = (float (*)[ROWS])scratch;
    return (struct block){.C = C, .x = columns, .t = columns + C, .p = columns + 2 * C};
}

/* What becomes of rows n .. n+rows-1 but for the gradient, which is left in p. */
static void give_losses(enum loss_function f, struct block *b, size_t rows, double *loss, int32_t *best)
{
    double of_rows[ROWS];
    loss_of_block(f, b, of_rows);
    for (size_t r = 0; r < rows; r++) {
        loss[r] = of_rows[r];
        best[r] = b->largest.class[r];
    }
}

void KERNEL(loss_gradient)(enum loss_function f, size_t B, size_t C, const struct loss_targets *targets, float inverse_rows,
                           float *logits, size_t panel_stride, float *scratch, double *loss, int32_t *best)
{
    struct block b = block_in(scratch, C);
    for (size_t n = 0; n < B; n += ROWS) {
        size_t rows = B - n < ROWS ? B - n : ROWS;
        take_block(&b, n, rows, targets, logits, panel_stride);
        give_losses(f, &b, rows, loss + n, best + n);
        gradient_of_block(f, &b, inverse_rows);
        store_rows(rows, C, b.p, logits + n * PANEL, panel_stride);
    }
}

void KERNEL(loss)(enum loss_function f, size_t B, size_t C, const struct loss_targets *targets, const float *logits,
                  size_t panel_stride, float *scratch, double *loss, int32_t *best)
{
    struct block b = block_in(scratch, C);
    for (size_t n = 0; n < B; n += ROWS) {
        size_t rows = B - n < ROWS ? B - n : ROWS;
        take_block(&b, n, rows, targets, logits, panel_stride);
        give_losses(f, &b, rows, loss + n, best + n);
    }
}

static void softmax_rows(size_t B, size_t C, float *logits, size_t panel_stride, float *scratch)
{
    float (*x)[ROWS] = (float (*)[ROWS])scratch;
    for (size_t n = 0; n < B; n += ROWS) {
        size_t rows = B - n < ROWS ? B - n : ROWS;
        struct largest largest;
        float sum[ROWS];
        load_rows(rows, C, logits + n * PANEL, panel_stride, x);
        find_largest(C, x, &largest);
        exponentials(C, &largest, x, sum);
        divide_by(sum, C, x);
        store_rows(rows, C, x, logits + n * PANEL, panel_stride);
    }
}

void KERNEL(outputs)(enum output_function f, size_t B, size_t C, float *logits, size_t panel_stride, float *scratch)
{
    switch (f) {
    case OUTPUT_OF_SOFTMAX: softmax_rows(B, C, logits, panel_stride, scratch); break;
    case OUTPUT_OF_SIGMOID:
        for (size_t c = 0; c < C; c += PANEL)
            KERNEL(sigmoid)(B * PANEL, logits + c / PANEL * panel_stride);
        break;
    case OUTPUT_OF_LINEAR: break;
    }
}
