/* See record.h. */
#include "train/record.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "nn/penalty.h"
#include "train/plateau.h"
#include "train/stop_metric.h"

weft_status record_tally(weft_trainer *tr, enum split_name split, struct tally *tally)
{
    struct training *t = &tr->training;
    struct evaluator evaluator = {&t->net, &tr->dataset, &t->loss, &t->team, t->space, &tr->stop_request};
    return tally_split(&evaluator, &tr->dataset.split[split], tally);
}

void record_learning_rate(weft_trainer *tr)
{
    tr->training.schedule.plateau_scale =
        plateau_scale(tr->settings, &tr->history, tr->evaluated_step, tr->training.sampler.steps_per_epoch);
}

static bool is_wanted(const weft_trainer *tr, enum split_name split, bool is_final)
{
    if (tr->dataset.split[split].count == 0)
        return false;
    for (size_t i = 0; i < tr->settings->train.evaluate.count; i++)
        if (tr->settings->train.evaluate.value[i] == (int)split)
            return true;
    return is_final;
}

double record_penalty(weft_trainer *tr)
{
    unsigned mode = team_float_mode_enter();
    double penalty = penalty_value(tr->settings, &tr->training.net, tr->training.sampler.batch_size, tr->training.block_square);
    team_float_mode_leave(mode);
    return penalty;
}

double record_latest_rate(const weft_trainer *tr)
{
    const struct training *t = &tr->training;
    for (enum split_name s = 0; s < SPLIT_COUNT; s++) {         /* what the schedule says may be of after the evaluation */
        const struct history_row *row = history_at(&tr->history, s, (int64_t)t->step);
        if (row != NULL)
            return row->learning_rate;
    }
    return t->step > 0 ? schedule_learning_rate(&t->schedule, t->step - 1) : 0;
}

static struct history_row row_of(const weft_trainer *tr, const struct tally *tally, double penalty)
{
    const struct training *t = &tr->training;
    struct history_row row = {
        .step = (int64_t)t->step, .epoch = (double)t->step / (double)t->sampler.steps_per_epoch, .cost = tally->loss + penalty,
        .loss = tally->loss, .learning_rate = record_latest_rate(tr),
        .accuracy = NAN, .r2 = NAN, .mean_absolute_error = NAN,
    };
    if (tally->task != TASK_REGRESSION) {
        row.accuracy = (double)tally->correct / (double)tally->rows;
    } else {
        row.r2 = tally_r2(tally);
        row.mean_absolute_error = tally_mean_absolute_error(tally);
    }
    return row;
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
    weft_status st = record_tally(tr, split, &tally);
    if (st != WEFT_OK)
        return st;
    struct history_row row = row_of(tr, &tally, penalty);
    tally_clear(&tally);
    if (!isfinite(row.loss))
        return error_set(WEFT_ENONFINITE, "evaluation after step %" PRId64 ": the loss of the %s rows is not finite (a "
                         "smaller optimizer.learning_rate or optimizer.clip_norm may help)", step, split_label(split));
    return history_add(&tr->history, split, &row);
}

static weft_status record_splits(weft_trainer *tr, bool is_final)
{
    double penalty = record_penalty(tr);
    weft_status st = WEFT_OK;
    for (enum split_name s = 0; s < SPLIT_COUNT && st == WEFT_OK; s++)
        if (is_wanted(tr, s, is_final))
            st = record_split(tr, s, penalty);
    return st;
}

void record_forget_observed(struct training *t)
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
        record_forget_observed(t);
    return st;
}

/* Milliseconds are plenty for a log. */
static void add_seconds(struct text *line, double time_s)
{
    text_add(line, ",");
    text_add_real(line, floor(time_s * 1000 + 0.5) / 1000);
}

/* By the writer's thread: a disk that hangs must not hold up the run. */
static weft_status append_lines(weft_trainer *tr)
{
    char line[HISTORY_LINE_SIZE];
    history_line(&tr->history, (int64_t)tr->training.step, line, sizeof line);
    weft_status st = writer_append(tr->writer, "history.csv", line);
    double samples_per_s = tr->training_time_s > 0 ? (double)tr->trained_rows / tr->training_time_s : 0;
    struct text timing = {line, sizeof line, 0};
    text_add(&timing, "%" PRIu64, tr->training.step);
    add_seconds(&timing, clock_seconds() - tr->started_at_s);
    add_seconds(&timing, tr->training_time_s);
    text_add(&timing, ",%.0f\n", samples_per_s);
    return st == WEFT_OK ? writer_append(tr->writer, "timing.csv", line) : st;
}

static void tell_learning_rate(weft_trainer *tr)
{
    char text[200];
    snprintf(text, sizeof text, "%s has not improved for schedule.patience: the learning rate is %g from here on",
             stop_metric_name((enum stop_metric)tr->settings->schedule.metric),
             schedule_learning_rate(&tr->training.schedule, tr->training.step));
    trainer_announce(tr, WEFT_EVENT_NOTE, text);
}

/* The whole evaluation of this step, all or nothing as far as evaluated_step tells. The best model is captured here. */
weft_status record_evaluation(weft_trainer *tr, bool is_final)
{
    bool is_new = tr->evaluated_step != (int64_t)tr->training.step;
    weft_status st = record_statistics(tr);
    if (st == WEFT_OK)
        st = record_splits(tr, is_final);
    if (st != WEFT_OK)
        return st;
    tr->evaluated_step = (int64_t)tr->training.step;
    double before = tr->training.schedule.plateau_scale;
    record_learning_rate(tr);
    if (is_new && tr->training.schedule.plateau_scale != before)
        tell_learning_rate(tr);
    if (is_new && early_stop_look(&tr->early_stop, &tr->history, tr->evaluated_step)) {
        struct snapshot *best;
        if ((st = capture_run(tr, &best)) != WEFT_OK)
            return st;
        snapshot_destroy(tr->best);
        tr->best = best;
    }
    if (is_new && append_lines(tr) != WEFT_OK)                  /* a log; the truth is in the checkpoints */
        trainer_announce(tr, WEFT_EVENT_NOTE, weft_last_error());
    if (is_new)
        trainer_announce(tr, WEFT_EVENT_EVALUATED, NULL);
    return WEFT_OK;
}
