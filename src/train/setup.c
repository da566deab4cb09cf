/* See setup.h. */
#include "train/setup.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernel/kernel.h"
#include "train/fine_tune.h"
#include "train/loop.h"
#include "train/stop_metric.h"

static const char TIMING_HEAD[] = "step,elapsed_s,training_time_s,samples_per_s\n";

/* A figure that the run watches must be one that it has. */
static weft_status metric_check(const weft_trainer *tr, const char *setting, enum stop_metric metric)
{
    if (metric == STOP_NONE)
        return WEFT_OK;
    enum split_name split = stop_metric_split(metric);
    if (tr->dataset.split[split].count == 0)
        return error_set(WEFT_ESETTINGS, split == SPLIT_TEST ? "%s is %s: the data have no test rows"
                                                             : "%s is %s: there is no validation split", setting,
                         stop_metric_name(metric));
    return WEFT_OK;
}

static weft_status metrics_check(const weft_trainer *tr)
{
    bool has_plateau = tr->settings->schedule.name == SCHEDULE_PLATEAU;
    weft_status st = metric_check(tr, "train.early_stop", tr->early_stop.metric);
    return st == WEFT_OK && has_plateau ? metric_check(tr, "schedule.metric", (enum stop_metric)tr->settings->schedule.metric) : st;
}

weft_status setup_state(weft_trainer *tr, const char **thread_reason)
{
    size_t useful = training_useful_threads(tr->settings, tr->dataset.features, tr->dataset.outputs);
    size_t threads = team_threads((size_t)tr->settings->run.threads, useful, thread_reason);
    weft_status st = training_create(&tr->training, tr->settings, &tr->dataset, threads);
    if (st != WEFT_OK)
        return st;
    tr->history.has_values = tr->dataset.task == TASK_REGRESSION;
    tr->training.stop_request = &tr->stop_request;
    tr->training.save_request = &tr->save_request;
    if (tr->settings->schedule.name == SCHEDULE_COSINE && tr->training.total_steps <= tr->settings->schedule.warmup)
        return error_set(WEFT_ESETTINGS, "schedule.warmup is %" PRIu64 " steps: the run has only %" PRIu64,
                         tr->settings->schedule.warmup, tr->training.total_steps);
    bool has_validation = tr->dataset.split[SPLIT_VALIDATION].count > 0;
    early_stop_setup(&tr->early_stop, tr->settings, tr->training.sampler.steps_per_epoch, has_validation);
    return metrics_check(tr);
}

void setup_announce(weft_trainer *tr, const char *thread_reason)
{
    const struct training *t = &tr->training;
    char text[600];
    int used = snprintf(text, sizeof text, "%zu", t->net.features);
    for (size_t l = 0; l < t->net.layers && used < 400; l++)
        used += snprintf(text + used, sizeof text - (size_t)used, "-%zu", t->net.layer[l].fan_out);
    snprintf(text + used, sizeof text - (size_t)used,
             ", %zu parameters; %zu train, %zu validation, %zu test rows; %zu thread%s%s%s%s, %s kernels", t->net.parameter_count,
             tr->dataset.split[SPLIT_TRAIN].count, tr->dataset.split[SPLIT_VALIDATION].count,
             tr->dataset.split[SPLIT_TEST].count, t->team.size, t->team.size == 1 ? "" : "s", thread_reason != NULL ? " (by " : "",
             thread_reason != NULL ? thread_reason : "", thread_reason != NULL ? ")" : "", kernel->name);
    trainer_announce(tr, WEFT_EVENT_STARTED, text);
    if (tr->settings->optimizer.lr_scale == LR_SCALE_NONE)
        return;
    snprintf(text, sizeof text, "learning rate %g becomes %g for batches of %" PRIu64 " rows (optimizer.lr_scale, meant for %" PRIu64
             "), after a warmup of %" PRIu64 " steps", tr->settings->optimizer.learning_rate, schedule_full_rate(tr->settings),
             tr->settings->train.batch_size, tr->settings->optimizer.lr_scale_batch, tr->settings->schedule.warmup);
    trainer_announce(tr, WEFT_EVENT_NOTE, text);
}

weft_status setup_write_files(weft_trainer *tr, bool is_new)
{
    char *ini = NULL, *history = NULL;
    weft_status st = weft_settings_set(tr->settings, "data.source", tr->dataset.source);
    if (st == WEFT_OK) st = weft_settings_set(tr->settings, "data.validation", tr->dataset.validation_source);
    if (st == WEFT_OK) st = weft_settings_set(tr->settings, "data.test", tr->dataset.test_source);
    if (st == WEFT_OK)
        st = settings_write_run_ini(tr->settings, &ini);
    if (st == WEFT_OK)
        st = run_directory_write(tr->directory, "run.ini", ini);
    if (st == WEFT_OK && (history = history_text(&tr->history, tr->evaluated_step)) == NULL)
        st = WEFT_ENOMEM;
    if (st == WEFT_OK)
        st = run_directory_write(tr->directory, "history.csv", history);
    if (st == WEFT_OK && is_new)
        st = run_directory_write(tr->directory, "timing.csv", TIMING_HEAD);
    memory_free(ini);
    memory_free(history);
    return st;
}

weft_status setup_begin(weft_trainer *tr, const char *thread_reason)
{
    weft_status st = writer_create(tr->directory, tr->settings->checkpoint.keep, &tr->writer);
    if (st != WEFT_OK)
        return st;
    unsigned mode = team_float_mode_enter();
    network_initialize(&tr->training.net, tr->settings);
    team_float_mode_leave(mode);
    setup_announce(tr, thread_reason);
    st = fine_tune_begin(tr);
    if (st == WEFT_OK) st = setup_write_files(tr, true);
    return st == WEFT_OK ? loop_save_and_wait(tr) : st;
}
