/* Activations and their derivatives, element by element. Plain loops without a branch: the compiler makes vectors of them for
 * each instruction set, and since contraction is off and every FMA is explicit, the bits are those of the loop as it stands.
 * A NaN stays, so that the loss shows it. */
#include "kernel/entries.h"

#include <math.h>
#include <string.h>

#include "base/math.h"

void KERNEL(relu)(size_t n, float *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = x[i] < 0 ? 0 : x[i];
}

void KERNEL(leaky_relu)(size_t n, float *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = x[i] < 0 ? LEAKY_RELU_SLOPE * x[i] : x[i];
}

void KERNEL(elu)(size_t n, float *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = math_elu_f32(x[i]);
}

void KERNEL(tanh)(size_t n, float *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = math_tanh_f32(x[i]);
}

void KERNEL(sigmoid)(size_t n, float *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = math_sigmoid_f32(x[i]);
}

/* y may be x, so the function is applied in place: a loop from one array to another asks first whether they overlap, and clang
 * then takes them one by one (17 times slower). */
void KERNEL(gelu)(size_t n, const float *x, float *y)
{
    if (y != x)
        memcpy(y, x, n * sizeof *y);
    for (size_t i = 0; i < n; i++)
        y[i] = math_gelu_f32(y[i]);
}

void KERNEL(softplus)(size_t n, const float *x, float *y)
{
    if (y != x)
        memcpy(y, x, n * sizeof *y);
    for (size_t i = 0; i < n; i++)
        y[i] = math_softplus_f32(y[i]);
}

void KERNEL(relu_backward)(size_t n, const float *y, float *dy)
{
    for (size_t i = 0; i < n; i++)
        dy[i] = y[i] > 0 ? dy[i] : 0;
}

void KERNEL(leaky_relu_backward)(size_t n, const float *y, float *dy)
{
    for (size_t i = 0; i < n; i++)
        dy[i] = y[i] > 0 ? dy[i] : LEAKY_RELU_SLOPE * dy[i];
}

void KERNEL(elu_backward)(size_t n, const float *y, float *dy)
{
    for (size_t i = 0; i < n; i++)
        dy[i] = y[i] > 0 ? dy[i] : dy[i] * (y[i] + 1);
}

void KERNEL(tanh_backward)(size_t n, const float *y, float *dy)
{
    for (size_t i = 0; i < n; i++)
        dy[i] *= fmaf(-y[i], y[i], 1);
}

void KERNEL(sigmoid_backward)(size_t n, const float *y, float *dy)
{
    for (size_t i = 0; i < n; i++)
        dy[i] *= y[i] * (1 - y[i]);
}

void KERNEL(gelu_backward)(size_t n, const float *x, float *dy)
{
    for (size_t i = 0; i < n; i++)
        dy[i] *= math_gelu_slope_f32(x[i]);
}

void KERNEL(softplus_backward)(size_t n, const float *x, float *dy)
{
    for (size_t i = 0; i < n; i++)
        dy[i] *= math_sigmoid_f32(x[i]);
}
