/* Lowering the learning rate when a figure stops getting better. */
#ifndef TRAIN_PLATEAU_H
#define TRAIN_PLATEAU_H

#include "train/history.h"

/* What schedule.name = plateau has made of the learning rate after the evaluation at step `last`: a function of the history up to
 * there, so there is no state to save. Each time that schedule.metric has not improved for schedule.patience, the scale is
 * multiplied with schedule.factor, down to final_fraction, and patience begins anew (as ReduceLROnPlateau of Keras and PyTorch
 * do, which count evaluations). Only the evaluations of train.evaluate_every count, not that of a run's end: with more epochs the
 * run has no end there. 1 for every other schedule. */
double plateau_scale(const struct weft_settings *settings, const struct history *history, int64_t last, uint64_t steps_per_epoch);

#endif
