/* What happens to each element on its own: dropout, penalty, clipping, optimizers (activations: activations.c); and the block
 * sums over parameters. Plain loops: the compiler makes vectors of them for each instruction set, and since contraction is
 * off and every FMA is explicit, the bits are those of the loop as it stands. */
#include "kernel/entries.h"

#include <math.h>
#include <string.h>

#include "base/math.h"
#include "base/tree.h"

void KERNEL(dropout)(size_t n, const uint8_t *keep, float scale, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = keep[i] ? x[i] * scale : 0;
}

void KERNEL(add)(size_t n, float *into, const float *from)
{
    for (size_t i = 0; i < n; i++)
        into[i] += from[i];
}

/* Magnitudes as integers, so that a NaN is larger than any number. Those of one element are compared first: clang 14 makes no
 * vectors of a loop in which a running maximum meets two numbers one after the other. */
static inline uint32_t magnitude(float x)
{
    return math_bits_of_float(x) & 0x7fffffff;
}

static inline uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

float KERNEL(largest_magnitude)(size_t n, const float *x)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = larger(largest, magnitude(x[i]));
    return math_float_of_bits(largest);
}

void KERNEL(penalize)(size_t n, const float *w, float l2, float l1, float *g)
{
    for (size_t i = 0; i < n; i++) {
        float sign = w[i] > 0 ? l1 : w[i] < 0 ? -l1 : 0;
        g[i] = fmaf(l2, w[i], g[i]) + sign;
    }
}

void KERNEL(clip)(size_t n, float limit, float *g)
{
    for (size_t i = 0; i < n; i++) {
        float x = g[i] > limit ? limit : g[i];
        g[i] = x < -limit ? -limit : x;
    }
}

void KERNEL(scale)(size_t n, float factor, float *g)
{
    for (size_t i = 0; i < n; i++)
        g[i] *= factor;
}

void KERNEL(decay)(size_t n, float rate, float *w)
{
    for (size_t i = 0; i < n; i++)
        w[i] = fmaf(-rate, w[i], w[i]);
}

float KERNEL(sgd)(size_t n, float rate, const float *g, float *w)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        w[i] = fmaf(-rate, g[i], w[i]);
        largest = larger(largest, magnitude(w[i]));
    }
    return math_float_of_bits(largest);
}

float KERNEL(momentum)(size_t n, float rate, float mu, const float *g, float *v, float *w)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        v[i] = fmaf(mu, v[i], g[i]);
        w[i] = fmaf(-rate, v[i], w[i]);
        largest = larger(largest, larger(magnitude(v[i]), magnitude(w[i])));
    }
    return math_float_of_bits(largest);
}

float KERNEL(nesterov)(size_t n, float rate, float mu, const float *g, float *v, float *w)
{
    uint32_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        float gradient = g[i];
        v[i] = fmaf(mu, v[i], gradient);
        w[i] = fmaf(-rate, fmaf(mu, v[i], gradient), w[i]);     /* the step from where momentum alone will lead */
        largest = larger(largest, larger(magnitude(v[i]), magnitude(w[i])));
    }
    return math_float_of_bits(largest);
}

float KERNEL(rmsprop)(size_t n, const struct rmsprop_step *s, const float *g, float *v, float *w)
{
    const struct rmsprop_step step = *s;                /* a copy: the stores below cannot touch it */
    uint32_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        float gradient = g[i];
        v[i] = fmaf(step.rho, v[i], step.one_minus_rho * gradient * gradient);
        w[i] = fmaf(-step.rate, gradient / (sqrtf(v[i]) + step.epsilon), w[i]);
        largest = larger(largest, larger(magnitude(v[i]), magnitude(w[i])));
    }
    return math_float_of_bits(largest);
}

float KERNEL(adam)(size_t n, const struct adam_step *a, const float *g, float *m, float *v, float *w)
{
    const struct adam_step s = *a;                      /* a copy: the stores below cannot touch it */
    uint32_t largest = 0;
    for (size_t i = 0; i < n; i++) {
        m[i] = fmaf(s.beta1, m[i], s.one_minus_beta1 * g[i]);
        v[i] = fmaf(s.beta2, v[i], s.one_minus_beta2 * g[i] * g[i]);
        float root = fmaf(sqrtf(v[i]), s.inverse_root_correction2, s.epsilon);
        w[i] = fmaf(-s.rate, m[i] / root, w[i]);
        largest = larger(largest, larger(larger(magnitude(m[i]), magnitude(v[i])), magnitude(w[i])));
    }
    return math_float_of_bits(largest);
}

void KERNEL(sums)(size_t n, const float *x, struct block_sums *sums)
{
    double sum[SUM_LANES] = {0}, sum_abs[SUM_LANES] = {0}, sum_square[SUM_LANES] = {0};
    float min = INFINITY, max = -INFINITY;
    size_t zeros = 0;
    for (size_t i = 0; i < n; i += SUM_LANES) {
        size_t lanes = n - i < SUM_LANES ? n - i : SUM_LANES;
        for (size_t j = 0; j < lanes; j++) {
            double value = x[i + j];
            sum[j] += value;
            sum_abs[j] += fabs(value);
            sum_square[j] += value * value;             /* exact product: a float has 24 bits */
        }
        for (size_t j = 0; j < lanes; j++) {
            min = x[i + j] < min ? x[i + j] : min;
            max = x[i + j] > max ? x[i + j] : max;
            zeros += x[i + j] == 0;
        }
    }
    *sums = (struct block_sums){tree_sum(sum, SUM_LANES), tree_sum(sum_abs, SUM_LANES),
                                  tree_sum(sum_square, SUM_LANES), min, max, zeros};
}
