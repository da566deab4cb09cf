/* Sums down the columns of a panel, and the batch normalisation that is made of them. The rows are walked in order and the
 * columns are the lanes, so each column's sum is one chain over its rows, kept in a register. */
#include "kernel/entries.h"

#include <math.h>

enum {
    DOUBLES = LANES / 2,                /* of one vector */
    GROUP_VECTORS = 4,                  /* chains at once: enough to hide an addition's latency, few enough for registers */
    GROUP = GROUP_VECTORS * DOUBLES < PANEL ? GROUP_VECTORS * DOUBLES : PANEL,
};

void KERNEL(column_sums)(size_t B, const float *x, float *sum)
{
    for (size_t j = 0; j < PANEL; j += 2 * LANES) {
        vfloat a = v_zero(), b = v_zero();
        for (size_t n = 0; n < B; n++) {
            a = v_add(a, v_load(&x[n * PANEL + j]));
            b = v_add(b, v_load(&x[n * PANEL + j + LANES]));
        }
        v_store(&sum[j], a);
        v_store(&sum[j + LANES], b);
    }
}

static void moments_of_group(size_t B, const float *x, double *mean, double *m2)
{
    vdouble sum[GROUP_VECTORS], center[GROUP_VECTORS];
    for (size_t v = 0; v < GROUP_VECTORS; v++)
        sum[v] = d_zero();
    for (size_t n = 0; n < B; n++)
        for (size_t v = 0; v < GROUP_VECTORS; v++)
            sum[v] = d_add(sum[v], d_load_float(&x[n * PANEL + v * DOUBLES]));
    for (size_t v = 0; v < GROUP_VECTORS; v++) {
        center[v] = d_div(sum[v], d_set1((double)B));
        d_store(&mean[v * DOUBLES], center[v]);
        sum[v] = d_zero();
    }
    for (size_t n = 0; n < B; n++)
        for (size_t v = 0; v < GROUP_VECTORS; v++) {
            vdouble deviation = d_sub(d_load_float(&x[n * PANEL + v * DOUBLES]), center[v]);
            sum[v] = d_fma(deviation, deviation, sum[v]);
        }
    for (size_t v = 0; v < GROUP_VECTORS; v++)
        d_store(&m2[v * DOUBLES], sum[v]);
}

void KERNEL(column_moments)(size_t B, const float *x, double *mean, double *m2)
{
    for (size_t j = 0; j < PANEL; j += GROUP)
        moments_of_group(B, x + j, mean + j, m2 + j);
}

void KERNEL(normalize)(size_t B, const float *x, const float *mean, const float *inverse_std, const float *gamma,
                       const float *beta, float *y)
{
    for (size_t j = 0; j < PANEL; j += LANES) {
        vfloat center = v_load(mean + j), scale = v_load(inverse_std + j);
        if (gamma == NULL) {
            for (size_t n = 0; n < B; n++)
                v_store(&y[n * PANEL + j], v_mul(v_sub(v_load(&x[n * PANEL + j]), center), scale));
            continue;
        }
        vfloat g = v_load(gamma + j), b = v_load(beta + j);
        for (size_t n = 0; n < B; n++)
            v_store(&y[n * PANEL + j], v_fma(g, v_mul(v_sub(v_load(&x[n * PANEL + j]), center), scale), b));
    }
}

/* xhat is a float; its product with dy is exact in double. */
static void sums_of_group(size_t B, const float *x, const float *mean, const float *inverse_std, const float *dy,
                          double *sum_dy, double *sum_dy_xhat)
{
    vdouble of_dy[GROUP_VECTORS], of_dy_xhat[GROUP_VECTORS];
    for (size_t v = 0; v < GROUP_VECTORS; v++)
        of_dy[v] = of_dy_xhat[v] = d_zero();
    for (size_t n = 0; n < B; n++) {
        float xhat[GROUP];
        for (size_t i = 0; i < GROUP; i += LANES)
            v_store(&xhat[i], v_mul(v_sub(v_load(&x[n * PANEL + i]), v_load(mean + i)), v_load(inverse_std + i)));
        for (size_t v = 0; v < GROUP_VECTORS; v++) {
            vdouble d = d_load_float(&dy[n * PANEL + v * DOUBLES]);
            of_dy[v] = d_add(of_dy[v], d);
            of_dy_xhat[v] = d_add(of_dy_xhat[v], d_mul(d, d_load_float(&xhat[v * DOUBLES])));
        }
    }
    for (size_t v = 0; v < GROUP_VECTORS; v++) {
        d_store(&sum_dy[v * DOUBLES], of_dy[v]);
        d_store(&sum_dy_xhat[v * DOUBLES], of_dy_xhat[v]);
    }
}

void KERNEL(normalize_sums)(size_t B, const float *x, const float *mean, const float *inverse_std, const float *dy,
                            double *sum_dy, double *sum_dy_xhat)
{
    for (size_t j = 0; j < PANEL; j += GROUP)
        sums_of_group(B, x + j, mean + j, inverse_std + j, dy + j, sum_dy + j, sum_dy_xhat + j);
}

void KERNEL(normalize_backward)(size_t B, const float *x, const float *mean, const float *inverse_std, const float *factor,
                                const float *mean_dy, const float *mean_dy_xhat, float *dy)
{
    for (size_t j = 0; j < PANEL; j += LANES) {
        vfloat center = v_load(mean + j), scale = v_load(inverse_std + j), f = v_load(factor + j);
        vfloat of_dy = v_load(mean_dy + j), of_dy_xhat = v_load(mean_dy_xhat + j);
        for (size_t n = 0; n < B; n++) {
            vfloat xhat = v_mul(v_sub(v_load(&x[n * PANEL + j]), center), scale);
            vfloat d = v_sub(v_load(&dy[n * PANEL + j]), of_dy);
            v_store(&dy[n * PANEL + j], v_mul(f, v_fnma(xhat, of_dy_xhat, d)));
        }
    }
}
