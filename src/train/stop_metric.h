/* The figures of an evaluation that a run can watch: to stop early, to keep the best, to lower the learning rate. */
#ifndef TRAIN_STOP_METRIC_H
#define TRAIN_STOP_METRIC_H

#include "settings/settings.h"
#include "train/history.h"

/* None of these takes STOP_NONE, but the last. */
enum split_name stop_metric_split(enum stop_metric metric);
double stop_metric_of(enum stop_metric metric, const struct history_row *row);

/* Is value better than best by more than min_delta? Costs and losses fall, accuracies rise. */
bool stop_metric_improves(enum stop_metric metric, double value, double best, double min_delta);

const char *stop_metric_name(enum stop_metric metric);          /* "validation_cost"; "none" */

#endif
