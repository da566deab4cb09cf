/* See optimizer.h. */
#include "train/optimizer.h"

#include <math.h>

#include "base/math.h"
#include "base/memory.h"

weft_status optimizer_create(struct optimizer *optimizer, const struct network *net, const struct weft_settings *settings)
{
    *optimizer = (struct optimizer){.settings = settings};
    switch ((enum optimizer_kind)settings->optimizer.name) {
    case OPTIMIZER_SGD:
        break;
    case OPTIMIZER_MOMENTUM:
    case OPTIMIZER_NESTEROV:
        optimizer->moments = 1;
        optimizer->moment_name[0] = "velocity";
        break;
    case OPTIMIZER_RMSPROP:
        optimizer->moments = 1;
        optimizer->moment_name[0] = "variance";
        break;
    case OPTIMIZER_ADAM:
    case OPTIMIZER_ADAMW:
        optimizer->moments = 2;
        optimizer->moment_name[0] = "mean";
        optimizer->moment_name[1] = "variance";
        break;
    }
    for (size_t i = 0; i < optimizer->moments; i++)
        if ((optimizer->moment[i] = memory_new(net->parameter_size, sizeof(float))) == NULL) {
            optimizer_destroy(optimizer);
            return WEFT_ENOMEM;
        }
    return WEFT_OK;
}

void optimizer_destroy(struct optimizer *optimizer)
{
    for (size_t i = 0; i < MOMENTS_MAX; i++)
        memory_free(optimizer->moment[i]);
    *optimizer = (struct optimizer){0};
}

struct optimizer_step optimizer_step_of(const struct optimizer *optimizer, double learning_rate, uint64_t step)
{
    struct optimizer_step s = {.learning_rate = learning_rate};
    int name = optimizer->settings->optimizer.name;
    double rho = optimizer->settings->optimizer.rho, beta1 = optimizer->settings->optimizer.beta1;
    double beta2 = optimizer->settings->optimizer.beta2;
    if (name == OPTIMIZER_RMSPROP)
        s.rmsprop = (struct rmsprop_step){.rho = (float)rho, .one_minus_rho = (float)(1 - rho), .rate = (float)learning_rate,
                                          .epsilon = (float)optimizer->settings->optimizer.epsilon};
    if (name != OPTIMIZER_ADAM && name != OPTIMIZER_ADAMW)
        return s;
    s.adam = (struct adam_step){
        .beta1 = (float)beta1, .beta2 = (float)beta2,
        .one_minus_beta1 = (float)(1 - beta1), .one_minus_beta2 = (float)(1 - beta2),
        .rate = (float)(learning_rate / (1 - math_power(beta1, step + 1))),
        .inverse_root_correction2 = (float)(1 / sqrt(1 - math_power(beta2, step + 1))),
        .epsilon = (float)optimizer->settings->optimizer.epsilon,
    };
    return s;
}

float optimizer_apply(const struct optimizer *optimizer, const struct optimizer_step *step, size_t at, size_t count,
                      const float *gradient, float *w)
{
    float *const *moment = optimizer->moment;
    switch ((enum optimizer_kind)optimizer->settings->optimizer.name) {
    case OPTIMIZER_SGD:
        return kernel->sgd(count, (float)step->learning_rate, gradient, w);
    case OPTIMIZER_MOMENTUM:
        return kernel->momentum(count, (float)step->learning_rate, (float)optimizer->settings->optimizer.momentum, gradient,
                                moment[0] + at, w);
    case OPTIMIZER_NESTEROV:
        return kernel->nesterov(count, (float)step->learning_rate, (float)optimizer->settings->optimizer.momentum, gradient,
                                moment[0] + at, w);
    case OPTIMIZER_RMSPROP:
        return kernel->rmsprop(count, &step->rmsprop, gradient, moment[0] + at, w);
    case OPTIMIZER_ADAM:
    case OPTIMIZER_ADAMW:
        return kernel->adam(count, &step->adam, gradient, moment[0] + at, moment[1] + at, w);
    }
    return NAN;                                         /* no such optimizer: the run stops */
}
