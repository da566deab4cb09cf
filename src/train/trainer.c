/* Setting a run up, freshly or from its directory, and telling what came of it. The loop itself is in loop.c. */
#include "train/trainer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "kernel/kernel.h"
#include "train/fine_tune.h"
#include "train/lineage.h"
#include "train/loop.h"
#include "train/record.h"
#include "train/stop_metric.h"

static const char TIMING_HEAD[] = "step,elapsed_s,training_time_s,samples_per_s\n";

weft_trainer *trainer_new(weft_event_handler on_event, void *event_context)
{
    weft_trainer *tr = memory_new(1, sizeof *tr);
    if (tr == NULL)
        return NULL;
    tr->on_event = on_event;
    tr->event_context = event_context;
    tr->stop_reason = "";
    tr->evaluated_step = tr->saved_step = tr->told_step = -1;
    tr->started_at_s = tr->saved_at_s = clock_seconds();
    return tr;
}

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

/* The training state and everything sized by it, for tr->settings and tr->dataset. */
static weft_status lay_out(weft_trainer *tr, const char **thread_reason)
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

static void announce_start(weft_trainer *tr, const char *thread_reason)
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

/* run.ini, with the source as it was resolved; history.csv from the state, without the line of an evaluation that was cut
 * off (it is written when the evaluation is whole); timing.csv for a new run. */
static weft_status write_side_files(weft_trainer *tr, bool is_new)
{
    char *ini = NULL, *history = NULL;
    weft_status st = weft_settings_set(tr->settings, "data.source", tr->dataset.source);
    if (st == WEFT_OK) st = weft_settings_set(tr->settings, "data.validation", tr->dataset.validation_source);
    if (st == WEFT_OK) st = weft_settings_set(tr->settings, "data.test", tr->dataset.test_source);
    if (st == WEFT_OK)
        st = settings_write_machine_ini(tr->settings, &ini);
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

static weft_status give(weft_trainer *tr, weft_status st, weft_trainer **trainer)
{
    if (st != WEFT_OK) {
        weft_trainer_destroy(tr);
        return st;
    }
    *trainer = tr;
    return WEFT_OK;
}

/* A run that could not be set up leaves no run behind; the message stays that of the failure. */
static void discard_run(weft_trainer *tr)
{
    char message[1024];
    snprintf(message, sizeof message, "%s", weft_last_error());
    writer_destroy(tr->writer);
    run_directory_discard(tr->directory);
    tr->writer = NULL;
    tr->directory = NULL;
    error_set(WEFT_OK, "%s", message);
}

weft_status trainer_lay_out(weft_trainer *tr, const weft_settings *settings, const char **thread_reason)
{
    weft_status st = kernel_choose();
    if (st == WEFT_OK) st = weft_settings_check(settings);
    if (st == WEFT_OK && (tr->settings = weft_settings_copy(settings)) == NULL) st = WEFT_ENOMEM;
    if (st == WEFT_OK) st = dataset_open(tr->settings, NULL, &tr->dataset);
    return st == WEFT_OK ? lay_out(tr, thread_reason) : st;
}

static weft_status start(weft_trainer *tr, const weft_settings *settings, const weft_trainer_options *options)
{
    const char *thread_reason = NULL;
    weft_status st = trainer_lay_out(tr, settings, &thread_reason);
    if (st == WEFT_OK) st = run_directory_create(options->out, &tr->directory);
    if (st == WEFT_OK) st = writer_create(tr->directory, tr->settings->checkpoint.keep, &tr->writer);
    if (st != WEFT_OK)
        return st;
    unsigned mode = team_float_mode_enter();
    network_initialize(&tr->training.net, tr->settings);
    team_float_mode_leave(mode);
    announce_start(tr, thread_reason);
    if (options->init_from != NULL)
        st = fine_tune_begin(tr, options->init_from);
    if (st == WEFT_OK)
        st = write_side_files(tr, true);
    if (st == WEFT_OK)
        st = loop_save_and_wait(tr);
    if (st != WEFT_OK)
        discard_run(tr);
    return st;
}

weft_status weft_trainer_create(const weft_settings *settings, const weft_trainer_options *options, weft_trainer **trainer)
{
    *trainer = NULL;
    if (options->out == NULL || options->out[0] == '\0')
        return error_set(WEFT_EINVAL, "create a trainer: no directory for the run is named");
    weft_trainer *tr = trainer_new(options->on_event, options->event_context);
    return tr != NULL ? give(tr, start(tr, settings, options), trainer) : WEFT_ENOMEM;
}

/* run.ini holds settings of the machine. One of the identity that somebody has written into it would be without effect, so
 * if it is not what the run was started with, name it. */
static weft_status same_identity(const weft_settings *ini, const weft_settings *checkpoint)
{
    for (size_t i = 0; i < weft_settings_count(); i++) {
        const weft_setting_info *setting = weft_settings_info(i);
        char wanted[SETTING_TEXT_SIZE_BYTES], recorded[SETTING_TEXT_SIZE_BYTES];
        if (!setting->identity)
            continue;
        weft_status st = weft_settings_get(ini, setting->name, wanted, sizeof wanted);
        if (st == WEFT_OK)
            st = weft_settings_get(checkpoint, setting->name, recorded, sizeof recorded);
        if (st != WEFT_OK)
            return st;
        if (strcmp(wanted, setting->preset) != 0 && strcmp(wanted, recorded) != 0)
            return error_set(WEFT_ESETTINGS, "run.ini says %s = %s, but the run was started with %s", setting->name, wanted,
                             recorded);
    }
    return WEFT_OK;
}

/* A lost run.ini costs nothing but where the data are. */
static weft_status settings_of_run(weft_trainer *tr, const struct snapshot *snapshot, const char *data)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/run.ini", run_directory_path(tr->directory));
    weft_status st = weft_settings_load(tr->settings, path);
    if (st == WEFT_ENOINPUT && data != NULL)
        st = WEFT_OK;
    if (st != WEFT_OK)
        return st == WEFT_ENOINPUT ? error_context(st, "where the data are (name them with --data)") : st;
    weft_settings *ini = weft_settings_copy(tr->settings);
    if (ini == NULL)
        return WEFT_ENOMEM;
    st = restore_settings(snapshot, tr->settings);
    if (st == WEFT_OK)
        st = same_identity(ini, tr->settings);
    weft_settings_destroy(ini);
    return st;
}

/* Settings of the identity from the checkpoint, those of the machine from run.ini, then the caller's. */
static weft_status resume_settings(weft_trainer *tr, const struct snapshot *snapshot, const weft_resume_options *options)
{
    char text[32];
    weft_status st = settings_of_run(tr, snapshot, options->data);
    if (st == WEFT_OK && options->data != NULL) st = weft_settings_set(tr->settings, "data.source", options->data);
    if (st == WEFT_OK && options->has_threads) {
        snprintf(text, sizeof text, "%zu", options->threads);
        st = weft_settings_set(tr->settings, "run.threads", text);
    }
    char digest[SETTINGS_DIGEST_SIZE_BYTES];
    const char *recorded;
    if (st == WEFT_OK) st = snapshot_get_text(snapshot, "/", "settings_digest", &recorded);
    if (st != WEFT_OK)
        return st;
    settings_digest(tr->settings, digest);
    if (strcmp(digest, recorded) != 0)
        return error_set(WEFT_ESETTINGS, "the checkpoint's settings have digest %s, but it was trained with %s", digest, recorded);
    return weft_settings_check(tr->settings);
}

static weft_status same_data(const weft_trainer *tr, const struct snapshot *snapshot)
{
    const char *recorded;
    weft_status st = snapshot_get_text(snapshot, "/", "data_digest", &recorded);
    if (st == WEFT_OK && strcmp(recorded, tr->dataset.digest) != 0)
        st = error_set(WEFT_EDATA, "%s: rows, labels or splits have digest %s, but the run was started on data with %s",
                       tr->settings->data.source, tr->dataset.digest, recorded);
    return st;
}

/* Another number of epochs than planned: the same trajectory goes on, so the schedule must not depend on its end. */
static weft_status change_epochs(weft_trainer *tr, uint64_t epochs)
{
    if (epochs == 0 || epochs == tr->settings->train.epochs)
        return WEFT_OK;
    if (tr->settings->schedule.name == SCHEDULE_COSINE)
        return error_set(WEFT_ESETTINGS, "--epochs %" PRIu64 ": the cosine schedule was planned for %" PRIu64 " epochs and its "
                         "past steps would differ", epochs, tr->settings->train.epochs);
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, epochs);
    return weft_settings_set(tr->settings, "train.epochs", text);
}

/* Seconds in timing.csv begin anew with each call. */
static weft_status mark_call(weft_trainer *tr)
{
    char line[64];
    snprintf(line, sizeof line, "%" PRIu64 ",0,0,0\n", tr->training.step);
    return run_directory_append(tr->directory, "timing.csv", line);
}

/* A run that had ended by its number of epochs goes on if there are more now. */
static void reopen_if_longer(weft_trainer *tr)
{
    const struct training *t = &tr->training;
    bool ended_by_count = strcmp(tr->stop_reason, "epochs") == 0;
    if (ended_by_count && t->total_steps > t->step)
        tr->stop_reason = "";
}

static weft_status restore(weft_trainer *tr, const struct snapshot *snapshot, const weft_resume_options *options)
{
    const char *thread_reason = NULL;
    weft_status st = resume_settings(tr, snapshot, options);
    if (st == WEFT_OK) st = change_epochs(tr, options->epochs);
    if (st == WEFT_OK) st = dataset_open(tr->settings, NULL, &tr->dataset);
    if (st == WEFT_OK) st = same_data(tr, snapshot);
    if (st == WEFT_OK) st = lineage_check(tr->directory, snapshot);
    if (st == WEFT_OK) st = lay_out(tr, &thread_reason);
    if (st == WEFT_OK) st = restore_run(snapshot, tr);
    if (st != WEFT_OK)
        return st;
    reopen_if_longer(tr);
    record_learning_rate(tr);
    tr->saved_step = (int64_t)tr->training.step;
    st = run_directory_point_links(tr->directory, tr->saved_step, tr->early_stop.best_step);
    if (st == WEFT_OK)
        st = write_side_files(tr, false);
    if (st != WEFT_OK)
        return st;
    if (tr->stop_reason[0] == '\0' && (st = mark_call(tr)) != WEFT_OK)
        return st;
    announce_start(tr, thread_reason);
    return weights_digest(&tr->training.net, &tr->training.optimizer, tr->digest);
}

static weft_status reopen(weft_trainer *tr, const char *directory, const weft_resume_options *options)
{
    struct snapshot *snapshot = NULL;
    int64_t step;
    size_t passed_over;
    char notes[1024] = "";
    weft_status st = kernel_choose();
    if (st == WEFT_OK && (tr->settings = weft_settings_create()) == NULL) st = WEFT_ENOMEM;
    if (st == WEFT_OK) st = run_directory_open(directory, &tr->directory);
    if (st == WEFT_OK) st = run_directory_load_newest(tr->directory, &snapshot, &step, &passed_over, notes, sizeof notes);
    if (st == WEFT_OK && passed_over > 0) trainer_announce(tr, WEFT_EVENT_NOTE, notes);
    if (st == WEFT_OK) st = restore(tr, snapshot, options);
    if (st == WEFT_OK) st = writer_create(tr->directory, tr->settings->checkpoint.keep, &tr->writer);
    if (st == WEFT_OK && options->epochs != 0) st = loop_save_and_wait(tr);     /* or a kill would forget the new number */
    snapshot_destroy(snapshot);
    return st;
}

weft_status weft_trainer_resume(const char *directory, const weft_resume_options *options, weft_trainer **trainer)
{
    static const weft_resume_options defaults;
    *trainer = NULL;
    if (options == NULL)
        options = &defaults;
    weft_trainer *tr = trainer_new(options->on_event, options->event_context);
    return tr != NULL ? give(tr, reopen(tr, directory, options), trainer) : WEFT_ENOMEM;
}

int weft_trainer_is_finished(const weft_trainer *trainer)
{
    return trainer->stop_reason[0] != '\0' && strcmp(trainer->stop_reason, STOPPED_BY_TIME) != 0;
}

void weft_trainer_request_stop(weft_trainer *trainer)
{
    atomic_store(&trainer->stop_request, true);
}

void weft_trainer_request_save(weft_trainer *trainer)
{
    atomic_store(&trainer->save_request, true);
}

void weft_trainer_summary(const weft_trainer *tr, weft_summary *summary)
{
    const struct training *t = &tr->training;
    *summary = (weft_summary){
        .steps = t->step, .epochs = (double)t->step / (double)t->sampler.steps_per_epoch, .stop_reason = tr->stop_reason,
        .best_metric = stop_metric_name(tr->early_stop.metric), .best_step = tr->early_stop.best_step,
        .best_value = tr->early_stop.best, .restored_best = tr->restored_best,
        .samples_per_s = tr->training_time_s > 0 ? (double)tr->trained_rows / tr->training_time_s : 0,
        .training_time_s = tr->training_time_s, .elapsed_s = clock_seconds() - tr->started_at_s, .threads = t->team.size,
        .directory = run_directory_path(tr->directory),
    };
    memcpy(summary->weights_digest, tr->digest, sizeof summary->weights_digest);
}

const weft_evaluation *weft_trainer_evaluation(const weft_trainer *trainer, const char *split)
{
    for (enum split_name s = 0; s < SPLIT_COUNT; s++)
        if (strcmp(split, split_label(s)) == 0 && trainer->evaluation[s].rows > 0)
            return &trainer->evaluation[s];
    return NULL;
}

void weft_trainer_destroy(weft_trainer *trainer)
{
    if (trainer == NULL)
        return;
    writer_destroy(trainer->writer);
    run_directory_close(trainer->directory);
    snapshot_destroy(trainer->best);
    for (size_t s = 0; s < SPLIT_COUNT; s++)
        weft_evaluation_clear(&trainer->evaluation[s]);
    for (size_t i = 0; i < NETWORK_TENSORS_MAX; i++)
        weight_stats_clear(&trainer->stats[i]);
    history_clear(&trainer->history);
    training_destroy(&trainer->training);
    dataset_close(&trainer->dataset);
    weft_settings_destroy(trainer->settings);
    memory_free(trainer);
}
