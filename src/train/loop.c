/* The run around its steps: at each stop of the step loop, evaluate if it is due, decide whether the run is over, save if it
 * is due, and go on. Which evaluations there are and where the run ends follows from the state alone (train.max_time only
 * pauses it, and a save changes nothing in it), so a run that was cut off between any two of these does
 * what is left of them when it resumes. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "train/final.h"
#include "train/loop.h"
#include "train/record.h"

static const double PROGRESS_EVERY_S = 0.25;

static uint64_t interval_steps(const weft_trainer *tr, const struct interval *interval)
{
    return interval->count * (interval->unit == INTERVAL_EPOCHS ? tr->training.sampler.steps_per_epoch : 1);
}

/* The first multiple of interval after step; UINT64_MAX if there is none. */
static uint64_t next_multiple(uint64_t step, uint64_t interval)
{
    return interval > 0 ? (step / interval + 1) * interval : UINT64_MAX;
}

/* ---- saving ---- */

/* Tell what the writer has done since: which checkpoint is on disk by now, and which save failed (the next interval tries
 * again). */
static void hear_writer(weft_trainer *tr)
{
    int64_t on_disk;
    if (writer_poll(tr->writer, &on_disk) != WEFT_OK)
        trainer_announce(tr, WEFT_EVENT_NOTE, weft_last_error());
    if (on_disk == tr->told_step)
        return;
    tr->told_step = on_disk;
    trainer_announce(tr, WEFT_EVENT_SAVED, NULL);
}

/* Let a save under way end, and tell how it did. */
static void await_writer(weft_trainer *tr)
{
    (void)writer_wait(tr->writer);                              /* a failure is told as a note */
    hear_writer(tr);
}

static weft_status submit(weft_trainer *tr)
{
    struct snapshot *snapshot;
    weft_status st = capture_run(tr, &snapshot);
    if (st != WEFT_OK)
        return st;
    struct snapshot *best = tr->best;
    tr->best = NULL;
    tr->saved_step = (int64_t)tr->training.step;
    if (tr->early_stop.best_step == tr->saved_step) {           /* this checkpoint holds all that the best model does */
        snapshot_destroy(best);
        best = NULL;
    }
    tr->saved_at_s = clock_seconds();
    return writer_submit(tr->writer, tr->saved_step, snapshot, tr->early_stop.best_step, best);
}

weft_status loop_save_and_wait(weft_trainer *tr)
{
    await_writer(tr);
    weft_status st = submit(tr);
    if (st != WEFT_OK)
        return st;
    if (writer_wait(tr->writer) != WEFT_OK) {
        int64_t on_disk;
        (void)writer_poll(tr->writer, &on_disk);                /* this failure is the caller's to tell, not a note */
        return writer_wait(tr->writer);
    }
    hear_writer(tr);
    return weights_digest(&tr->training.net, &tr->training.optimizer, tr->digest);
}

static bool save_is_due(const weft_trainer *tr)
{
    const struct interval *every = &tr->settings->checkpoint.every;
    if (atomic_load(&tr->save_request))
        return true;
    if (every->count == 0 || tr->saved_step == (int64_t)tr->training.step)
        return false;
    if (every->unit == INTERVAL_SECONDS)
        return clock_seconds() - tr->saved_at_s >= (double)every->count;
    uint64_t interval = interval_steps(tr, every);              /* due since the last multiple, if the disk was busy then */
    return tr->training.step / interval > (uint64_t)(tr->saved_step > 0 ? tr->saved_step : 0) / interval;
}

/* In the background; a busy disk is never waited for, the save stays due. */
static weft_status save_if_due(weft_trainer *tr)
{
    hear_writer(tr);
    if (!save_is_due(tr) || !writer_is_idle(tr->writer))
        return WEFT_OK;
    atomic_store(&tr->save_request, false);
    return submit(tr);
}

/* ---- the loop ---- */

/* Why the run is over at this step, or "". An early stop is decided by the evaluation of this very step. */
static const char *reason_to_stop(const weft_trainer *tr)
{
    const struct weft_settings *s = tr->settings;
    const struct training *t = &tr->training;
    if (t->total_steps > 0 && t->step >= t->total_steps)
        return s->train.steps > 0 && t->step >= s->train.steps ? "steps" : "epochs";
    if (tr->evaluated_step == (int64_t)t->step && early_stop_is_due(&tr->early_stop, tr->evaluated_step))
        return "early_stop";
    if (s->train.max_time_s > 0 && clock_seconds() - tr->started_at_s >= s->train.max_time_s)
        return STOPPED_BY_TIME;
    return "";
}

static bool evaluation_is_due(const weft_trainer *tr)
{
    uint64_t step = tr->training.step, interval = interval_steps(tr, &tr->settings->train.evaluate_every);
    return step > 0 && tr->evaluated_step != (int64_t)step && interval > 0 && step % interval == 0;
}

static double earliest(double a, double b)
{
    return a < b ? a : b;
}

/* Where the step loop must come back: the next evaluation, save by steps, end of the epoch, end of the run. */
static uint64_t next_stop(weft_trainer *tr)
{
    struct training *t = &tr->training;
    const struct interval *every = &tr->settings->checkpoint.every;
    uint64_t evaluation = next_multiple(t->step, interval_steps(tr, &tr->settings->train.evaluate_every));
    uint64_t stop[] = {
        evaluation, next_multiple(t->step, t->sampler.steps_per_epoch),
        every->unit == INTERVAL_SECONDS ? UINT64_MAX : next_multiple(t->step, interval_steps(tr, every)),
        t->total_steps > 0 ? t->total_steps : UINT64_MAX,
    };
    uint64_t until = stop[0];
    for (size_t i = 1; i < sizeof stop / sizeof *stop; i++)
        until = stop[i] < until ? stop[i] : until;
    /* statistics at the next evaluation show the step before it; the last step of the run is evaluated as well */
    t->observed_step = (t->total_steps > 0 && t->total_steps < evaluation ? t->total_steps : evaluation) - 1;
    return until;
}

static double pause_time(const weft_trainer *tr)
{
    const struct interval *every = &tr->settings->checkpoint.every;
    double now = clock_seconds(), at = tr->on_event != NULL ? tr->progress_at_s + PROGRESS_EVERY_S : INFINITY;
    if (every->unit == INTERVAL_SECONDS && every->count > 0) {
        double due = tr->saved_at_s + (double)every->count; /* in the past while the disk is busy: look again soon */
        at = earliest(at, due > now ? due : now + PROGRESS_EVERY_S);
    }
    if (tr->settings->train.max_time_s > 0)
        at = earliest(at, tr->started_at_s + tr->settings->train.max_time_s);
    return at;
}

static weft_status make_room_for_losses(struct training *t, uint64_t until)
{
    uint64_t have = t->step_loss_capacity;
    if (until <= have)
        return WEFT_OK;
    uint64_t wanted = until + until / 2 + 1024;
    float *grown = memory_grow(t->step_loss, (size_t)t->step, (size_t)wanted, sizeof *grown);
    if (grown == NULL)
        return WEFT_ENOMEM;
    t->step_loss = grown;
    t->step_loss_capacity = wanted;
    return WEFT_OK;
}

static weft_status train_until_next_stop(weft_trainer *tr)
{
    struct training *t = &tr->training;
    uint64_t until = next_stop(tr), first = t->step;
    weft_status st = make_room_for_losses(t, until);
    if (st != WEFT_OK)
        return st;
    double start_s = clock_seconds();
    t->pause_at_s = pause_time(tr);
    st = training_run_steps(t, until);
    tr->training_time_s += clock_seconds() - start_s;
    for (uint64_t step = first; step < t->step; step++)
        tr->trained_rows += sampler_batch_rows(&t->sampler, step);
    if (st == WEFT_OK && clock_seconds() >= tr->progress_at_s + PROGRESS_EVERY_S) {
        tr->progress_at_s = clock_seconds();
        trainer_announce(tr, WEFT_EVENT_PROGRESS, NULL);
    }
    return st;
}

/* The last line of history.csv was written before the last splits were evaluated. */
static weft_status rewrite_history(weft_trainer *tr)
{
    char *text = history_text(&tr->history, tr->evaluated_step);
    weft_status st = text != NULL ? run_directory_write(tr->directory, "history.csv", text) : WEFT_ENOMEM;
    memory_free(text);
    return st;
}

/* The last evaluation and the last save. If the save fails, the run is not over: resuming it does both again. */
static weft_status close_run(weft_trainer *tr, const char *reason)
{
    weft_status st = record_evaluation(tr, true);
    if (st != WEFT_OK)
        return st;
    tr->stop_reason = reason;
    if ((st = loop_save_and_wait(tr)) != WEFT_OK) {
        tr->stop_reason = "";
        return st;
    }
    return rewrite_history(tr);                                 /* resuming does that again, too */
}

/* Time is up: what resume finds must be what a run without this pause would have had, so nothing is evaluated for it. */
static weft_status pause_run(weft_trainer *tr)
{
    weft_status st = loop_save_and_wait(tr);
    if (st == WEFT_OK)
        tr->stop_reason = STOPPED_BY_TIME;
    return st;
}

static weft_status stop_on_request(weft_trainer *tr)
{
    weft_status st = loop_save_and_wait(tr);
    if (st != WEFT_OK)
        return st;
    return error_set(WEFT_ESTOPPED, "stopped on request after step %" PRIu64 "; saved", tr->training.step);
}

/* Until there is a reason to stop, or a request: then *reason is "". */
static weft_status loop(weft_trainer *tr, const char **reason)
{
    for (;;) {
        weft_status st = WEFT_OK;
        if (evaluation_is_due(tr))
            st = record_evaluation(tr, false);
        if (st == WEFT_OK && (*reason = reason_to_stop(tr))[0] != '\0')
            return WEFT_OK;
        if (st == WEFT_OK && atomic_load(&tr->stop_request))
            return WEFT_ESTOPPED;
        if (st == WEFT_OK)
            st = save_if_due(tr);
        if (st == WEFT_OK)
            st = train_until_next_stop(tr);
        if (st != WEFT_OK)
            return st;
    }
}

static weft_status run(weft_trainer *tr)
{
    weft_status st = WEFT_OK;
    if (tr->stop_reason[0] == '\0') {
        const char *reason = "";
        st = loop(tr, &reason);
        if (st == WEFT_OK)
            st = strcmp(reason, STOPPED_BY_TIME) == 0 ? pause_run(tr) : close_run(tr, reason);
        if (st == WEFT_ESTOPPED)
            return stop_on_request(tr);
    }
    if (st == WEFT_OK)
        st = final_figures(tr);
    if (st == WEFT_ESTOPPED)
        error_set(st, "stopped on request while the last figures were worked out; the run is %ssaved",
                  strcmp(tr->stop_reason, STOPPED_BY_TIME) == 0 ? "" : "over and ");
    return st;
}

/* The run ends by a fault, and the best model is in memory only. It is a whole state of before the fault: save it as one, of its own
 * step. (The state may know of a newer best that there was no memory to capture.) */
static void rescue_best(weft_trainer *tr)
{
    int64_t step;
    if (snapshot_get_integer(tr->best, "/", "step", &step) == WEFT_OK)
        writer_submit(tr->writer, step, tr->best, step, NULL);
    else
        snapshot_destroy(tr->best);
    tr->best = NULL;
}

weft_status weft_trainer_run(weft_trainer *tr)
{
    tr->started_at_s = tr->saved_at_s = clock_seconds();
    if (tr->training.observed_step == UINT64_MAX)
        record_forget_observed(&tr->training);
    weft_status st = run(tr);
    if (st == WEFT_OK) {
        trainer_announce(tr, WEFT_EVENT_FINISHED, tr->stop_reason);
        return WEFT_OK;
    }
    char first[1024];                                           /* the first error is the one to tell */
    snprintf(first, sizeof first, "%s", weft_last_error());
    if (tr->best != NULL)
        rescue_best(tr);
    await_writer(tr);
    return error_set(st, "%s", first);
}
