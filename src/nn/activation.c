/* Which kernel an activation is. Most derivatives are functions of the activation's own value; those of gelu and softplus need
 * the argument: gelu has each small negative value twice, and softplus of a large argument says it only up to a rounding. */
#include <string.h>

#include "kernel/kernel.h"
#include "nn/layers.h"

bool activation_needs_input(enum activation kind)
{
    return kind == ACTIVATION_GELU || kind == ACTIVATION_SOFTPLUS;
}

void activation_forward(enum activation kind, size_t n, const float *x, float *y)
{
    if (y != x && !activation_needs_input(kind))        /* the others have an entry that works in place */
        memcpy(y, x, n * sizeof *y);
    switch (kind) {
    case ACTIVATION_IDENTITY: break;
    case ACTIVATION_RELU: kernel->relu(n, y); break;
    case ACTIVATION_LEAKY_RELU: kernel->leaky_relu(n, y); break;
    case ACTIVATION_ELU: kernel->elu(n, y); break;
    case ACTIVATION_GELU: kernel->gelu(n, x, y); break;
    case ACTIVATION_TANH: kernel->tanh(n, y); break;
    case ACTIVATION_SIGMOID: kernel->sigmoid(n, y); break;
    case ACTIVATION_SOFTPLUS: kernel->softplus(n, x, y); break;
    }
}

void activation_backward(enum activation kind, size_t n, const float *x, const float *y, float *dy)
{
    switch (kind) {
    case ACTIVATION_IDENTITY: break;
    case ACTIVATION_RELU: kernel->relu_backward(n, y, dy); break;
    case ACTIVATION_LEAKY_RELU: kernel->leaky_relu_backward(n, y, dy); break;
    case ACTIVATION_ELU: kernel->elu_backward(n, y, dy); break;
    case ACTIVATION_GELU: kernel->gelu_backward(n, x, dy); break;
    case ACTIVATION_TANH: kernel->tanh_backward(n, y, dy); break;
    case ACTIVATION_SIGMOID: kernel->sigmoid_backward(n, y, dy); break;
    case ACTIVATION_SOFTPLUS: kernel->softplus_backward(n, x, dy); break;
    }
}
