/* Sums down the columns of a matrix, and the batch normalisation that is made of them. The rows are walked in order and
 * the columns are the lanes, so each column's sum is one chain over its rows. */
#include "kernel/entries.h"

#include <math.h>

void KERNEL(column_sums)(size_t B, size_t H, const float *x, float *sum)
{
    for (size_t j = 0; j < H; j++)
        sum[j] = 0;
    for (size_t n = 0; n < B; n++)
        for (size_t j = 0; j < H; j++)
            sum[j] += x[n * H + j];
}

void KERNEL(column_moments)(size_t B, size_t H, const float *x, double *mean, double *m2)
{
    for (size_t j = 0; j < H; j++)
        mean[j] = m2[j] = 0;
    for (size_t n = 0; n < B; n++)
        for (size_t j = 0; j < H; j++)
            mean[j] += (double)x[n * H + j];
    for (size_t j = 0; j < H; j++)
        mean[j] /= (double)B;
    for (size_t n = 0; n < B; n++)
        for (size_t j = 0; j < H; j++) {
            double deviation = (double)x[n * H + j] - mean[j];
            m2[j] = fma(deviation, deviation, m2[j]);
        }
}

void KERNEL(normalize)(size_t B, size_t H, const float *x, const float *mean, const float *inverse_std, const float *gamma,
                       const float *beta, float *y)
{
    for (size_t n = 0; n < B; n++) {
        const float *row = &x[n * H];
        float *out = &y[n * H];
        if (gamma == NULL)
            for (size_t j = 0; j < H; j++)
                out[j] = (row[j] - mean[j]) * inverse_std[j];
        else
            for (size_t j = 0; j < H; j++)
                out[j] = fmaf(gamma[j], (row[j] - mean[j]) * inverse_std[j], beta[j]);
    }
}

void KERNEL(normalize_sums)(size_t B, size_t H, const float *x, const float *mean, const float *inverse_std, const float *dy,
                            double *sum_dy, double *sum_dy_xhat)
{
    for (size_t j = 0; j < H; j++)
        sum_dy[j] = sum_dy_xhat[j] = 0;
    for (size_t n = 0; n < B; n++)
        for (size_t j = 0; j < H; j++) {
            float xhat = (x[n * H + j] - mean[j]) * inverse_std[j];
            sum_dy[j] += (double)dy[n * H + j];
            sum_dy_xhat[j] += (double)dy[n * H + j] * (double)xhat;     /* exact product */
        }
}

void KERNEL(normalize_backward)(size_t B, size_t H, const float *x, const float *mean, const float *inverse_std,
                                const float *factor, const float *mean_dy, const float *mean_dy_xhat, const float *dy,
                                float *dx)
{
    for (size_t n = 0; n < B; n++)
        for (size_t j = 0; j < H; j++) {
            float xhat = (x[n * H + j] - mean[j]) * inverse_std[j];
            dx[n * H + j] = factor[j] * fmaf(-xhat, mean_dy_xhat[j], dy[n * H + j] - mean_dy[j]);
        }
}
