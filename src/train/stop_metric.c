/* See stop_metric.h. */
#include "train/stop_metric.h"

enum figure { FIGURE_COST, FIGURE_LOSS, FIGURE_ACCURACY };

/* enum stop_metric counts split by split, figure by figure, from 1. */
static enum figure figure_of(enum stop_metric metric)
{
    return (enum figure)((metric - STOP_TRAIN_COST) % 3);
}

enum split_name stop_metric_split(enum stop_metric metric)
{
    return (enum split_name)((metric - STOP_TRAIN_COST) / 3);
}

double stop_metric_of(enum stop_metric metric, const struct history_row *row)
{
    switch (figure_of(metric)) {
    case FIGURE_COST: return row->cost;
    case FIGURE_LOSS: return row->loss;
    case FIGURE_ACCURACY: break;
    }
    return row->accuracy;
}

bool stop_metric_improves(enum stop_metric metric, double value, double best, double min_delta)
{
    return figure_of(metric) == FIGURE_ACCURACY ? value > best + min_delta : value < best - min_delta;
}

const char *stop_metric_name(enum stop_metric metric)
{
    static const char *const name[] = {
        "none", "train_cost", "train_loss", "train_accuracy", "validation_cost", "validation_loss", "validation_accuracy",
        "test_cost", "test_loss", "test_accuracy",
    };
    return name[metric];
}
