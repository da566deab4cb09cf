/* See plateau.h. */
#include "train/plateau.h"

#include "train/stop_metric.h"

static int64_t steps_of(const struct interval *interval, uint64_t steps_per_epoch)
{
    return (int64_t)(interval->count * (interval->unit == INTERVAL_EPOCHS ? steps_per_epoch : 1));
}

double plateau_scale(const struct weft_settings *settings, const struct history *history, int64_t last, uint64_t steps_per_epoch)
{
    enum stop_metric metric = (enum stop_metric)settings->schedule.metric;
    if (settings->schedule.name != SCHEDULE_PLATEAU)
        return 1;
    int64_t patience_steps = steps_of(&settings->schedule.patience, steps_per_epoch);
    int64_t every_steps = steps_of(&settings->train.evaluate_every, steps_per_epoch);
    enum split_name split = stop_metric_split(metric);
    double scale = 1, best = 0;
    bool has_best = false;
    int64_t since = 0;                                          /* of the best, or of the latest fall */
    for (size_t i = 0; i < history->count[split] && history->row[split][i].step <= last; i++) {
        const struct history_row *row = &history->row[split][i];
        double value = stop_metric_of(metric, row);
        if (every_steps == 0 || row->step % every_steps != 0)   /* of the end of a run that is longer now */
            continue;
        if (!has_best || stop_metric_improves(metric, value, best, 0)) {
            has_best = true;
            best = value;
            since = row->step;
        } else if (row->step - since >= patience_steps) {
            double lower = scale * settings->schedule.factor, least = settings->schedule.final_fraction;
            scale = lower > least ? lower : least;
            since = row->step;
        }
    }
    return scale;
}
