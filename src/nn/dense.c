/* The dense layer: three products of one kernel. W is [fan_in, fan_out], row-major, as Keras and h5py users know it. */
#include "kernel/kernel.h"
#include "nn/layers.h"

void dense_forward(const struct network *net, size_t l, size_t rows, const float *x, float *y)
{
    size_t D = net->layer[l].fan_in, H = net->layer[l].fan_out;
    const float *W = net->parameter + net->layer[l].weight, *b = net->parameter + net->layer[l].bias;
    kernel->product(rows, H, D, x, D, 1, W, H, b, y, H);
}

void dense_gradient(const struct network *net, size_t l, size_t rows, const float *x, const float *dy, float *gradient)
{
    size_t D = net->layer[l].fan_in, H = net->layer[l].fan_out;
    kernel->product(D, H, rows, x, 1, D, dy, H, NULL, gradient + net->layer[l].weight, H);
    kernel->column_sums(rows, H, dy, gradient + net->layer[l].bias);
}

void dense_backward(const struct network *net, size_t l, size_t rows, const float *dy, float *dx)
{
    size_t D = net->layer[l].fan_in, H = net->layer[l].fan_out;
    kernel->product(rows, D, H, dy, H, 1, net->transposed[l], D, NULL, dx, D);
}
