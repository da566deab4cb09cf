/* Which kernel an activation is. Each derivative is a function of the activation's own value, so nothing else is kept. */
#include "kernel/kernel.h"
#include "nn/layers.h"

void activation_forward(enum activation kind, size_t n, float *x)
{
    switch (kind) {
    case ACTIVATION_IDENTITY: break;
    case ACTIVATION_RELU: kernel->relu(n, x); break;
    case ACTIVATION_TANH: kernel->tanh(n, x); break;
    case ACTIVATION_SIGMOID: kernel->sigmoid(n, x); break;
    }
}

void activation_backward(enum activation kind, size_t n, const float *y, float *dy)
{
    switch (kind) {
    case ACTIVATION_IDENTITY: break;
    case ACTIVATION_RELU: kernel->relu_backward(n, y, dy); break;
    case ACTIVATION_TANH: kernel->tanh_backward(n, y, dy); break;
    case ACTIVATION_SIGMOID: kernel->sigmoid_backward(n, y, dy); break;
    }
}
