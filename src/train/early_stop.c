/* See early_stop.h. */
#include "train/early_stop.h"

#include "train/stop_metric.h"

void early_stop_setup(struct early_stop *stop, const struct weft_settings *settings, uint64_t steps_per_epoch,
                      bool has_validation)
{
    const struct interval *patience = &settings->train.patience;
    *stop = (struct early_stop){.metric = (enum stop_metric)settings->train.early_stop, .ends_run = settings->train.early_stop != STOP_NONE,
                                .min_delta = settings->train.min_delta, .best_step = -1};
    stop->patience_steps = patience->count * (patience->unit == INTERVAL_EPOCHS ? steps_per_epoch : 1);
    for (size_t i = 0; stop->metric == STOP_NONE && has_validation && i < settings->train.evaluate.count; i++)
        if (settings->train.evaluate.value[i] == SPLIT_VALIDATION)
            stop->metric = STOP_VALIDATION_COST;
}

bool early_stop_look(struct early_stop *stop, const struct history *history, int64_t step)
{
    if (stop->metric == STOP_NONE)
        return false;
    const struct history_row *row = history_at(history, stop_metric_split(stop->metric), step);
    if (row == NULL)
        return false;
    double value = stop_metric_of(stop->metric, row);
    if (stop->has_best && !stop_metric_improves(stop->metric, value, stop->best, stop->min_delta))
        return false;
    stop->has_best = true;
    stop->best = value;
    stop->best_step = step;
    return true;
}

bool early_stop_is_due(const struct early_stop *stop, int64_t step)
{
    return stop->ends_run && stop->has_best && (uint64_t)(step - stop->best_step) >= stop->patience_steps;
}

weft_status early_stop_put(const struct early_stop *stop, struct snapshot *snapshot)
{
    weft_status st = snapshot_put_text(snapshot, "/trainer", "best_metric", stop_metric_name(stop->metric));
    if (st == WEFT_OK)
        st = snapshot_put_integer(snapshot, "/trainer", "best_step", stop->best_step);
    if (st == WEFT_OK)
        st = snapshot_put_real(snapshot, "/trainer", "best_value", stop->best);
    return st;
}

weft_status early_stop_get(struct early_stop *stop, const struct snapshot *snapshot)
{
    weft_status st = snapshot_get_integer(snapshot, "/trainer", "best_step", &stop->best_step);
    if (st == WEFT_OK)
        st = snapshot_get_real(snapshot, "/trainer", "best_value", &stop->best);
    stop->has_best = stop->best_step >= 0;
    return st;
}
