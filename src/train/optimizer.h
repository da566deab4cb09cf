/* The optimizers: which state they keep, and one step on a block of parameters. */
#ifndef TRAIN_OPTIMIZER_H
#define TRAIN_OPTIMIZER_H

#include "kernel/kernel.h"
#include "nn/network.h"

enum { MOMENTS_MAX = 2 };

struct optimizer {
    const struct weft_settings *settings;
    size_t moments;                             /* sgd 0, momentum, nesterov, rmsprop 1, adam, adamw 2 */
    const char *moment_name[MOMENTS_MAX];       /* "velocity"; "variance"; "mean", "variance": datasets below /optimizer */
    float *moment[MOMENTS_MAX];                 /* laid out like net->parameter */
};

/* sgd: w -= rate g. momentum: v = mu v + g, w -= rate v (Polyak 1964; Sutskever et al., ICML 2013, without dampening).
 * nesterov: the same v, w -= rate (g + mu v) (Nesterov 1983, in the form of Bengio et al., ICASSP 2013, eq. 7, which moves the
 * point that Sutskever et al. look ahead to).
 * rmsprop: s = rho s + (1 - rho) g^2, w -= rate g / (sqrt(s) + epsilon) (Tieleman and Hinton, Coursera lecture 6e, 2012).
 * adam: Kingma and Ba, ICLR 2015, algorithm 1. adamw: Loshchilov and Hutter, ICLR 2019, algorithm 2: adam, and the decay of
 * nn/penalty.h. All moments start at 0. WEFT_OK or WEFT_ENOMEM. */
weft_status optimizer_create(struct optimizer *optimizer, const struct network *net, const struct weft_settings *settings);
void optimizer_destroy(struct optimizer *optimizer);

/* What all blocks of one step have in common; step counts from 0. */
struct optimizer_step {
    double learning_rate;
    struct adam_step adam;
    struct rmsprop_step rmsprop;
};
struct optimizer_step optimizer_step_of(const struct optimizer *optimizer, double learning_rate, uint64_t step);

/* w and the moments of elements at .. at+count-1 move by one step along their gradient. Returns the largest magnitude among
 * them then; NaN if there is one. */
float optimizer_apply(const struct optimizer *optimizer, const struct optimizer_step *step, size_t at, size_t count,
                      const float *gradient, float *w);

#endif
