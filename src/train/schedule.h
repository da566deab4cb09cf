/* The learning rate of each step. */
#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H

#include "settings/settings.h"

struct schedule {
    const struct weft_settings *settings;
    uint64_t steps_per_epoch;
    uint64_t total_steps;               /* of the run; 0: unlimited, then the schedule is not cosine */
    double plateau_scale;               /* what plateau has made of the rate so far (plateau.h); 1 at first */
};

/* optimizer.learning_rate times its optimizer.lr_scale: train.batch_size / lr_scale_batch (Goyal et al., "Accurate, large minibatch
 * SGD", 2017, section 2.1), or the square root of that (Krizhevsky, "One weird trick", 2014, section 5). */
double schedule_full_rate(const struct weft_settings *settings);

/* Learning rate of step (counted from 0).
 * Warm-up: in the first `warmup` steps it grows linearly, from 0, or from optimizer.learning_rate if lr_scale raises that, to the
 * full rate at step warmup - 1 (Goyal et al., section 2.2). After it, with u steps since:
 *   step         rate * factor^floor(u / every)
 *   exponential  rate * factor^(u / every)
 *   cosine       to the end of the run, final + (rate - final) * (1 + cos(pi * u / steps left then)) / 2 (Loshchilov and Hutter,
 *                SGDR, ICLR 2017, eq. 5, one period)
 *   plateau      rate * plateau_scale */
double schedule_learning_rate(const struct schedule *schedule, uint64_t step);

#endif
