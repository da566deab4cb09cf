/* The learning rate of each step. */
#ifndef TRAIN_SCHEDULE_H
#define TRAIN_SCHEDULE_H

#include "settings/settings.h"

/* Learning rate of step (counted from 0) in a run of total_steps (0: unlimited; then the schedule must be constant).
 * Warm-up: during the first `warmup` steps the rate grows linearly, rate * (step+1) / warmup (Goyal et al., 2017, section
 * 2.2). cosine: from the end of the warm-up to the end of the run, final + (rate - final) * (1 + cos(pi * u)) / 2 with
 * u = (step - warmup) / (total_steps - warmup) (Loshchilov and Hutter, SGDR, ICLR 2017, eq. 5, one period). */
double schedule_learning_rate(const struct weft_settings *settings, uint64_t step, uint64_t total_steps);

#endif
