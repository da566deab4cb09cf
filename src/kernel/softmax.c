/* Softmax with cross-entropy, row by row. The largest logit is subtracted first, so nothing overflows; the loss is taken
 * from the logits and not from the probabilities, so nothing is lost where a probability rounds to 0 or 1. */
#include "kernel/entries.h"

#include "base/math.h"

static size_t first_largest(size_t C, const float *x)
{
    size_t best = 0;
    for (size_t c = 1; c < C; c++)
        best = x[c] > x[best] ? c : best;
    return best;
}

double KERNEL(softmax_loss_gradient)(size_t B, size_t C, const int32_t *label, float inverse_rows, float *logits,
                                     size_t *correct)
{
    double loss = 0;
    size_t hits = 0;
    for (size_t n = 0; n < B; n++) {
        float *x = &logits[n * C];
        size_t target = (size_t)label[n], best = first_largest(C, x);
        float max = x[best], at_target = x[target], sum = 0;
        hits += best == target;
        for (size_t c = 0; c < C; c++)
            x[c] = math_exp_f32(x[c] - max);
        for (size_t c = 0; c < C; c++)
            sum += x[c];
        for (size_t c = 0; c < C; c++)
            x[c] = (x[c] / sum - (c == target ? 1.0f : 0.0f)) * inverse_rows;
        loss += math_log((double)sum) - ((double)at_target - (double)max);
    }
    *correct = hits;
    return loss;
}

double KERNEL(softmax_loss)(size_t B, size_t C, const int32_t *label, const float *logits, int32_t *predicted)
{
    double loss = 0;
    for (size_t n = 0; n < B; n++) {
        const float *x = &logits[n * C];
        size_t best = first_largest(C, x);
        float max = x[best], sum = 0;
        for (size_t c = 0; c < C; c++)
            sum += math_exp_f32(x[c] - max);
        loss += math_log((double)sum) - ((double)x[label[n]] - (double)max);
        if (predicted != NULL)
            predicted[n] = (int32_t)best;
    }
    return loss;
}
