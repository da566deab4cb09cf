/* Softmax with cross-entropy, 16 rows at once, one a lane: each row's sums over its classes are chains in a lane. The largest
 * logit is subtracted first, so nothing overflows; the loss is taken from the logits and not from the probabilities, so
 * nothing is lost where a probability rounds to 0 or 1. */
#include "kernel/entries.h"

#include "base/math.h"
#include "kernel/row_lanes.h"

/* Loss and class of up to 16 rows; x is left as the exponentials, and their sums. */
static void losses(size_t rows, size_t C, const int32_t *label, const float *logits, size_t panel_stride, float (*x)[ROWS],
                   float sum[ROWS], double *loss, int32_t *best)
{
    struct largest l;
    float at_label[ROWS] = {0};
    double out[ROWS];
    load_rows(rows, C, logits, panel_stride, x);
    for (size_t r = 0; r < rows; r++)
        at_label[r] = x[label[r]][r];
    find_largest(C, x, &l);
    exponentials(C, &l, x, sum);
    for (size_t r = 0; r < ROWS; r++)
        out[r] = math_log_normal((double)sum[r], 0) - ((double)at_label[r] - (double)l.value[r]);
    for (size_t r = 0; r < rows; r++) {
        loss[r] = out[r];
        best[r] = l.class[r];
    }
}

void KERNEL(softmax_loss_gradient)(size_t B, size_t C, const int32_t *label, float inverse_rows, float *logits,
                                   size_t panel_stride, float *scratch, double *loss, int32_t *best)
{
    float (*x)[ROWS] = (float (*)[ROWS])scratch;
    for (size_t n = 0; n < B; n += ROWS) {
        size_t rows = B - n < ROWS ? B - n : ROWS;
        float sum[ROWS];
        losses(rows, C, label + n, logits + n * PANEL, panel_stride, x, sum, loss + n, best + n);
        divide_by(sum, C, x);
        for (size_t r = 0; r < rows; r++)
            x[label[n + r]][r] -= 1;
        for (size_t c = 0; c < C; c++)
            for (size_t r = 0; r < ROWS; r++)
                x[c][r] *= inverse_rows;
        store_rows(rows, C, x, logits + n * PANEL, panel_stride);
    }
}

void KERNEL(softmax_loss)(size_t B, size_t C, const int32_t *label, const float *logits, size_t panel_stride, float *scratch,
                          double *loss, int32_t *best)
{
    float (*x)[ROWS] = (float (*)[ROWS])scratch;
    for (size_t n = 0; n < B; n += ROWS) {
        size_t rows = B - n < ROWS ? B - n : ROWS;
        float sum[ROWS];
        losses(rows, C, label + n, logits + n * PANEL, panel_stride, x, sum, loss + n, best + n);
    }
}
