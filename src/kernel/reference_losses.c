/* The definitions of the losses and of what the output functions make of logits; see reference.h and, for which operation is
 * in which precision, enum loss_function in kernel.h. */
#include "kernel/reference.h"

#include <math.h>

#include "base/math.h"

/* Class c of a row of logits in panels. */
static float *logit(float *row, size_t panel_stride, size_t c)
{
    return &row[c / PANEL * panel_stride + c % PANEL];
}

struct row_softmax {
    size_t best;
    float max, sum;
};

static struct row_softmax softmax_of(size_t C, float *row, size_t panel_stride)
{
    struct row_softmax s = {0};
    for (size_t c = 1; c < C; c++)
        if (*logit(row, panel_stride, c) > *logit(row, panel_stride, s.best))
            s.best = c;
    s.max = *logit(row, panel_stride, s.best);
    for (size_t c = 0; c < C; c++)
        s.sum += math_exp_f32(*logit(row, panel_stride, c) - s.max);
    return s;
}

void softmax_loss_gradient_ref(size_t B, size_t C, const int32_t *label, float inverse_rows, float *logits, size_t panel_stride,
                               float *scratch, double *loss, int32_t *best)
{
    softmax_loss_ref(B, C, label, logits, panel_stride, scratch, loss, best);
    for (size_t n = 0; n < B; n++) {
        float *row = &logits[n * PANEL];
        struct row_softmax s = softmax_of(C, row, panel_stride);
        for (size_t c = 0; c < C; c++) {
            float *x = logit(row, panel_stride, c);
            *x = (math_exp_f32(*x - s.max) / s.sum - (c == (size_t)label[n] ? 1.0f : 0.0f)) * inverse_rows;
        }
    }
}

void softmax_loss_ref(size_t B, size_t C, const int32_t *label, const float *logits, size_t panel_stride, float *scratch,
                      double *loss, int32_t *best)
{
    (void)scratch;
    for (size_t n = 0; n < B; n++) {
        float *row = (float *)&logits[n * PANEL];               /* only read */
        struct row_softmax s = softmax_of(C, row, panel_stride);
        loss[n] = math_log((double)s.sum) - ((double)*logit(row, panel_stride, (size_t)label[n]) - (double)s.max);
        best[n] = (int32_t)s.best;
    }
}

static const enum output_function OUTPUT_OF_LOSS[] = {
    [LOSS_OF_SOFTMAX_CROSS_ENTROPY] = OUTPUT_OF_SOFTMAX, [LOSS_OF_SOFTMAX_MSE] = OUTPUT_OF_SOFTMAX,
    [LOSS_OF_SIGMOID_CROSS_ENTROPY] = OUTPUT_OF_SIGMOID, [LOSS_OF_SIGMOID_MSE] = OUTPUT_OF_SIGMOID,
    [LOSS_OF_LINEAR_MSE] = OUTPUT_OF_LINEAR,
};

static float output_of(enum output_function f, const struct row_softmax *s, float z)
{
    return f == OUTPUT_OF_SOFTMAX ? math_exp_f32(z - s->max) / s->sum : f == OUTPUT_OF_SIGMOID ? math_sigmoid_f32(z) : z;
}

/* What output c of a row, with target t, adds to the row's loss. */
static double loss_of_output(enum loss_function f, const struct row_softmax *s, float z, float t)
{
    if (f == LOSS_OF_SOFTMAX_CROSS_ENTROPY)
        return (double)t * (math_log((double)s->sum) - ((double)z - (double)s->max));
    if (f == LOSS_OF_SIGMOID_CROSS_ENTROPY)
        return ((double)(z > 0 ? z : 0) - (double)z * (double)t) + (double)math_log1p_f32(math_exp_f32(-fabsf(z)));
    float d = output_of(OUTPUT_OF_LOSS[f], s, z) - t;
    return (double)d * (double)d;
}

static float weight_of(const struct loss_targets *targets, size_t n)
{
    return targets->row_weight != NULL ? targets->row_weight[n] : 1;
}

static float target_of(const struct loss_targets *targets, size_t n, size_t c)
{
    return targets->target[c / PANEL * targets->panel_stride + n * PANEL + c % PANEL];
}

void loss_ref(enum loss_function f, size_t B, size_t C, const struct loss_targets *targets, const float *logits,
              size_t panel_stride, float *scratch, double *loss, int32_t *best)
{
    (void)scratch;
    bool is_mean = f != LOSS_OF_SOFTMAX_CROSS_ENTROPY && f != LOSS_OF_SIGMOID_CROSS_ENTROPY;
    for (size_t n = 0; n < B; n++) {
        float *row = (float *)&logits[n * PANEL];               /* only read */
        struct row_softmax s = softmax_of(C, row, panel_stride);
        double sum = 0;
        for (size_t c = 0; c < C; c++)
            sum += loss_of_output(f, &s, *logit(row, panel_stride, c), target_of(targets, n, c));
        loss[n] = (double)weight_of(targets, n) * (is_mean ? sum / (double)C : sum);
        best[n] = (int32_t)s.best;
    }
}

/* The gradient of row n in its logits, which it replaces; scale is s of kernel.h, scale_of_mean m. */
static void row_gradient(enum loss_function f, size_t C, const struct loss_targets *targets, size_t n, float scale, float *row,
                         size_t panel_stride)
{
    struct row_softmax s = softmax_of(C, row, panel_stride);
    float scale_of_mean = (2.0f / (float)C) * scale, total = 0, dot = 0;
    for (size_t c = 0; c < C; c++) {
        float p = output_of(OUTPUT_OF_LOSS[f], &s, *logit(row, panel_stride, c)), t = target_of(targets, n, c);
        total += t;
        dot = fmaf((p - t) * scale_of_mean, p, dot);
    }
    for (size_t c = 0; c < C; c++) {
        float *z = logit(row, panel_stride, c), p = output_of(OUTPUT_OF_LOSS[f], &s, *z), t = target_of(targets, n, c);
        switch (f) {
        case LOSS_OF_SOFTMAX_CROSS_ENTROPY: *z = fmaf(p, total, -t) * scale; break;
        case LOSS_OF_SOFTMAX_MSE: *z = p * ((p - t) * scale_of_mean - dot); break;
        case LOSS_OF_SIGMOID_CROSS_ENTROPY: *z = (p - t) * scale; break;
        case LOSS_OF_SIGMOID_MSE: *z = ((p - t) * (p * (1 - p))) * scale_of_mean; break;
        case LOSS_OF_LINEAR_MSE: *z = (p - t) * scale_of_mean; break;
        }
    }
}

void loss_gradient_ref(enum loss_function f, size_t B, size_t C, const struct loss_targets *targets, float inverse_rows,
                       float *logits, size_t panel_stride, float *scratch, double *loss, int32_t *best)
{
    loss_ref(f, B, C, targets, logits, panel_stride, scratch, loss, best);
    for (size_t n = 0; n < B; n++)
        row_gradient(f, C, targets, n, weight_of(targets, n) * inverse_rows, &logits[n * PANEL], panel_stride);
}

void outputs_ref(enum output_function f, size_t B, size_t C, float *logits, size_t panel_stride, float *scratch)
{
    (void)scratch;
    for (size_t n = 0; n < B; n++) {
        float *row = &logits[n * PANEL];
        struct row_softmax s = softmax_of(C, row, panel_stride);
        for (size_t c = 0; c < C; c++)
            *logit(row, panel_stride, c) = output_of(f, &s, *logit(row, panel_stride, c));
    }
}
