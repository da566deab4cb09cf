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
#include "nn/penalty.h"
#include "train/evaluate.h"
#include "train/loop.h"
#include "train/metrics.h"
#include "train/schedule.h"

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

static void fill_figures(const weft_trainer *tr, enum split_name split, weft_split_figures *figures)
{
    const struct history_row *row = history_at(&tr->history, split, (int64_t)tr->training.step);
    if (row != NULL)
        *figures = (weft_split_figures){1, row->cost, row->loss, row->accuracy};
}

void loop_announce(weft_trainer *tr, weft_event_kind kind, const char *text)
{
    if (tr->on_event == NULL)
        return;
    const struct training *t = &tr->training;
    double rows = (double)t->epoch_rows;
    size_t steps = t->sampler.steps_per_epoch;                  /* 0: not laid out yet */
    double steps_per_epoch = steps > 0 ? (double)steps : 1;
    weft_event event = {
        .kind = kind, .step = t->step, .total_steps = t->total_steps, .epoch = (double)t->step / steps_per_epoch,
        .total_epochs = (double)t->total_steps / steps_per_epoch, .elapsed_s = clock_seconds() - tr->started_at_s,
        .samples_per_s = tr->training_time_s > 0 ? (double)tr->trained_rows / tr->training_time_s : 0,
        .learning_rate = t->step > 0 ? schedule_learning_rate(tr->settings, t->step - 1, t->total_steps) : 0,
        .epoch_loss = rows > 0 ? t->epoch_loss_sum / rows : 0, .epoch_accuracy = rows > 0 ? (double)t->epoch_correct / rows : 0,
        .is_best = tr->early_stop.best_step == (int64_t)t->step, .text = text,
    };
    if (kind == WEFT_EVENT_EVALUATED) {
        fill_figures(tr, SPLIT_TRAIN, &event.train);
        fill_figures(tr, SPLIT_VALIDATION, &event.validation);
        fill_figures(tr, SPLIT_TEST, &event.test);
    }
    if (kind == WEFT_EVENT_SAVED)
        event.saved_step = (uint64_t)tr->told_step;
    tr->on_event(tr->event_context, &event);
}

/* ---- evaluation ---- */

static bool is_wanted(const weft_trainer *tr, enum split_name split, bool is_final)
{
    if (tr->dataset.split[split].count == 0)
        return false;
    for (size_t i = 0; i < tr->settings->train.evaluate.count; i++)
        if (tr->settings->train.evaluate.value[i] == (int)split)
            return true;
    return is_final;
}

static weft_status evaluate(weft_trainer *tr, enum split_name split, struct tally *tally)
{
    struct training *t = &tr->training;
    return evaluate_split(&t->net, &tr->dataset, &tr->dataset.split[split], &t->team, t->space, &tr->stop_request, tally);
}

static double penalty_now(weft_trainer *tr)
{
    unsigned mode = team_float_mode_enter();
    double penalty = penalty_value(tr->settings, &tr->training.net, tr->training.sampler.batch_size, tr->training.block_square);
    team_float_mode_leave(mode);
    return penalty;
}

/* Add the row of one split at this step, unless it is there already (evaluated before the run was cut off, or before it
 * turned out that this evaluation is the last). A loss that is not finite ends the run like one of a training step: the
 * update before it was finite, but too large for the rows that come. */
static weft_status record_split(weft_trainer *tr, enum split_name split, double penalty)
{
    const struct training *t = &tr->training;
    int64_t step = (int64_t)t->step;
    if (history_at(&tr->history, split, step) != NULL)
        return WEFT_OK;
    struct tally tally;
    weft_status st = evaluate(tr, split, &tally);
    if (st != WEFT_OK)
        return st;
    memory_free(tally.confusion);
    if (!isfinite(tally.loss))
        return error_set(WEFT_ENONFINITE, "evaluation after step %" PRId64 ": the loss of the %s rows is not finite (a "
                         "smaller optimizer.learning_rate or optimizer.clip_norm may help)", step, split_label(split));
    struct history_row row = {
        .step = step, .epoch = (double)step / (double)t->sampler.steps_per_epoch, .cost = tally.loss + penalty,
        .loss = tally.loss, .accuracy = (double)tally.correct / (double)tally.rows,
        .learning_rate = step > 0 ? schedule_learning_rate(tr->settings, t->step - 1, t->total_steps) : 0,
    };
    return history_add(&tr->history, split, &row);
}

static weft_status record_splits(weft_trainer *tr, bool is_final)
{
    double penalty = penalty_now(tr);
    weft_status st = WEFT_OK;
    for (enum split_name s = 0; s < SPLIT_COUNT && st == WEFT_OK; s++)
        if (is_wanted(tr, s, is_final))
            st = record_split(tr, s, penalty);
    return st;
}

/* Gradient and old parameters of the observed step have been looked at: until the next one they are empty pages. */
static void forget_observed_step(struct training *t)
{
    memory_discard(t->observed_gradient, t->net.parameter_size, sizeof *t->observed_gradient);
    memory_discard(t->observed_parameter, t->net.parameter_size, sizeof *t->observed_parameter);
    t->observed_step = UINT64_MAX;
}

/* Comes before the splits: it needs the gradient of the last step, which no checkpoint holds, and nothing interrupts it. So a
 * run that is stopped among the splits saves these rows, and does not make them again when it resumes. */
static weft_status record_statistics(weft_trainer *tr)
{
    struct training *t = &tr->training;
    const struct weight_stats *first = &tr->stats[0];
    if (first->count > 0 && first->step[first->count - 1] == (int64_t)t->step)
        return WEFT_OK;
    bool is_observed = t->step > 0 && t->observed_step == t->step - 1;
    weft_status st = WEFT_OK;
    unsigned mode = team_float_mode_enter();
    for (size_t i = 0; i < t->net.tensors && st == WEFT_OK; i++) {
        size_t at = t->net.tensor[i].offset;
        struct weight_figures figures;
        st = weight_figures_of(t->net.tensor[i].count, t->net.parameter + at, is_observed ? t->observed_gradient + at : NULL,
                               is_observed ? t->observed_parameter + at : NULL, &figures);
        if (st == WEFT_OK)
            st = weight_stats_add(&tr->stats[i], (int64_t)t->step, &figures);
    }
    team_float_mode_leave(mode);
    if (st == WEFT_OK)
        forget_observed_step(t);
    return st;
}

/* Milliseconds are plenty for a log. */
static void add_seconds(struct text *line, double time_s)
{
    text_add(line, ",");
    text_add_real(line, floor(time_s * 1000 + 0.5) / 1000);
}

static weft_status append_lines(weft_trainer *tr)
{
    char line[HISTORY_LINE_SIZE];
    history_line(&tr->history, (int64_t)tr->training.step, line, sizeof line);
    weft_status st = run_directory_append(tr->directory, "history.csv", line);
    double samples_per_s = tr->training_time_s > 0 ? (double)tr->trained_rows / tr->training_time_s : 0;
    struct text timing = {line, sizeof line, 0};
    text_add(&timing, "%" PRIu64, tr->training.step);
    add_seconds(&timing, clock_seconds() - tr->started_at_s);
    add_seconds(&timing, tr->training_time_s);
    text_add(&timing, ",%.0f\n", samples_per_s);
    return st == WEFT_OK ? run_directory_append(tr->directory, "timing.csv", line) : st;
}

/* The whole evaluation of this step, all or nothing as far as evaluated_step tells. The best model is captured here. */
static weft_status evaluate_step(weft_trainer *tr, bool is_final)
{
    bool is_new = tr->evaluated_step != (int64_t)tr->training.step;
    weft_status st = record_statistics(tr);
    if (st == WEFT_OK)
        st = record_splits(tr, is_final);
    if (st != WEFT_OK)
        return st;
    tr->evaluated_step = (int64_t)tr->training.step;
    if (is_new && early_stop_look(&tr->early_stop, &tr->history, tr->evaluated_step)) {
        struct snapshot *best = capture_run(tr);
        if (best == NULL)
            return WEFT_ENOMEM;
        snapshot_destroy(tr->best);
        tr->best = best;
    }
    if (is_new && append_lines(tr) != WEFT_OK)                  /* a log; the truth is in the checkpoints */
        loop_announce(tr, WEFT_EVENT_NOTE, weft_last_error());
    if (is_new)
        loop_announce(tr, WEFT_EVENT_EVALUATED, NULL);
    return WEFT_OK;
}

/* ---- saving ---- */

/* Tell what the writer has done since: which checkpoint is on disk by now, and which save failed (the next interval tries
 * again). */
static void hear_writer(weft_trainer *tr)
{
    int64_t on_disk;
    if (writer_poll(tr->writer, &on_disk) != WEFT_OK) {
        char text[1200];
        snprintf(text, sizeof text, "a save failed: %s", weft_last_error());
        loop_announce(tr, WEFT_EVENT_NOTE, text);
    }
    if (on_disk == tr->told_step)
        return;
    tr->told_step = on_disk;
    loop_announce(tr, WEFT_EVENT_SAVED, NULL);
}

/* Let a save under way end, and tell how it did. */
static void await_writer(weft_trainer *tr)
{
    (void)writer_wait(tr->writer);                              /* a failure is told as a note */
    hear_writer(tr);
}

static weft_status submit(weft_trainer *tr)
{
    struct snapshot *snapshot = capture_run(tr);
    if (snapshot == NULL)
        return WEFT_ENOMEM;
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
    if (st == WEFT_OK)
        st = writer_wait(tr->writer);
    if (st != WEFT_OK) {
        int64_t on_disk;
        (void)writer_poll(tr->writer, &on_disk);                     /* this failure is the caller's to tell, not a note */
        return st;
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
        loop_announce(tr, WEFT_EVENT_PROGRESS, NULL);
    }
    return st;
}

/* Figures of all splits for the summary; with restore_best those of the best model, which is read back from its file, after
 * the last save. The run on disk is not touched again. */
static weft_status final_figures(weft_trainer *tr)
{
    weft_status st = WEFT_OK;
    bool restores = tr->early_stop.ends_run && tr->settings->train.restore_best && tr->early_stop.has_best
                    && tr->early_stop.best_step != (int64_t)tr->training.step;
    if (restores) {
        struct snapshot *best = NULL;
        st = run_directory_load_step(tr->directory, tr->early_stop.best_step, &best);
        if (st == WEFT_OK)
            st = restore_network(best, &tr->training.net);
        snapshot_destroy(best);
        tr->restored_best = st == WEFT_OK;
    }
    double penalty = penalty_now(tr);
    for (enum split_name s = 0; s < SPLIT_COUNT && st == WEFT_OK; s++) {
        if (tr->dataset.split[s].count == 0)
            continue;
        struct tally tally;
        st = evaluate(tr, s, &tally);
        if (st == WEFT_OK)
            st = metrics_fill(&tr->evaluation[s], split_label(s), &tally, penalty);
        memory_free(tally.confusion);                           /* of a tally that failed, or was not taken over */
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
    weft_status st = evaluate_step(tr, true);
    if (st != WEFT_OK)
        return st;
    tr->stop_reason = reason;
    if ((st = loop_save_and_wait(tr)) != WEFT_OK) {
        tr->stop_reason = "";
        return st;
    }
    if (rewrite_history(tr) != WEFT_OK)                         /* a log; the truth is in the checkpoints */
        loop_announce(tr, WEFT_EVENT_NOTE, weft_last_error());
    return WEFT_OK;
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
    return error_set(WEFT_ESTOPPED, "stopped on request after step %" PRIu64 "; saved; go on with: weft resume %s",
                     tr->training.step, run_directory_path(tr->directory));
}

/* Until there is a reason to stop, or a request: then *reason is "". */
static weft_status loop(weft_trainer *tr, const char **reason)
{
    for (;;) {
        weft_status st = WEFT_OK;
        if (evaluation_is_due(tr))
            st = evaluate_step(tr, false);
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
        error_set(st, "stopped on request while the last figures were worked out; the run is over and saved; weft eval %s "
                  "works them out again", run_directory_path(tr->directory));
    return st;
}

/* The run ends by a fault, and the best model is in memory only. It is a whole state of before the fault: save it as one. */
static void rescue_best(weft_trainer *tr)
{
    int64_t step = tr->early_stop.best_step;
    writer_submit(tr->writer, step, tr->best, step, NULL);
    tr->best = NULL;
}

weft_status weft_trainer_run(weft_trainer *tr)
{
    tr->started_at_s = tr->saved_at_s = clock_seconds();
    if (tr->training.observed_step == UINT64_MAX)
        forget_observed_step(&tr->training);
    weft_status st = run(tr);
    if (st == WEFT_OK) {
        loop_announce(tr, WEFT_EVENT_FINISHED, tr->stop_reason);
        return WEFT_OK;
    }
    char first[1024];                                           /* the first error is the one to tell */
    snprintf(first, sizeof first, "%s", weft_last_error());
    if (tr->best != NULL)
        rescue_best(tr);
    await_writer(tr);
    return error_set(st, "%s", first);
}
