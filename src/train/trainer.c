/* A run as a whole: creating one, telling what came of it, freeing it. Going on with one is in resume.c, the loop in loop.c. */
#include "train/trainer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "kernel/kernel.h"
#include "train/setup.h"
#include "train/stop_metric.h"

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

weft_status trainer_give(weft_trainer *tr, weft_status st, weft_trainer **out)
{
    if (st != WEFT_OK) {
        weft_trainer_destroy(tr);
        return st;
    }
    *out = tr;
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

weft_status trainer_lay_out(weft_trainer *tr, const weft_settings *settings, const char *init_from, const char **thread_reason)
{
    weft_status st = kernel_choose();
    if (st == WEFT_OK) st = weft_settings_check(settings);
    if (st == WEFT_OK && (tr->settings = weft_settings_copy(settings)) == NULL) st = WEFT_ENOMEM;
    if (st == WEFT_OK && init_from != NULL) st = weft_settings_set(tr->settings, "network.init_from", init_from);
    if (st == WEFT_OK) st = dataset_open(tr->settings, NULL, &tr->dataset);
    return st == WEFT_OK ? setup_state(tr, thread_reason) : st;
}

static weft_status start(weft_trainer *tr, const weft_settings *settings, const weft_trainer_options *options)
{
    const char *thread_reason = NULL;
    weft_status st = trainer_lay_out(tr, settings, options->init_from, &thread_reason);
    if (st == WEFT_OK) st = run_directory_create(options->out, &tr->directory);
    if (st != WEFT_OK)
        return st;
    st = setup_begin(tr, thread_reason);
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
    return tr != NULL ? trainer_give(tr, start(tr, settings, options), trainer) : WEFT_ENOMEM;
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
