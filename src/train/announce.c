/* What a run tells the program that it runs in. */
#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "train/record.h"
#include "train/trainer.h"

static void fill_figures(const weft_trainer *tr, enum split_name split, weft_split_figures *figures)
{
    const struct history_row *row = history_at(&tr->history, split, (int64_t)tr->training.step);
    if (row != NULL)
        *figures = (weft_split_figures){1, row->cost, row->loss, row->accuracy, row->r2, row->mean_absolute_error};
}

void trainer_announce(weft_trainer *tr, weft_event_kind kind, const char *text)
{
    if (tr->on_event == NULL)
        return;
    char own_text[1200];                                        /* a handler may change weft_last_error(), which text may be */
    if (text != NULL)
        snprintf(own_text, sizeof own_text, "%s", text);
    const struct training *t = &tr->training;
    double rows = (double)t->epoch_rows;
    size_t steps = t->sampler.steps_per_epoch;                  /* 0: not laid out yet */
    double steps_per_epoch = steps > 0 ? (double)steps : 1;
    weft_event event = {
        .kind = kind, .step = t->step, .total_steps = t->total_steps, .epoch = (double)t->step / steps_per_epoch,
        .total_epochs = (double)t->total_steps / steps_per_epoch, .elapsed_s = clock_seconds() - tr->started_at_s,
        .samples_per_s = tr->training_time_s > 0 ? (double)tr->trained_rows / tr->training_time_s : 0,
        .learning_rate = record_latest_rate(tr),
        .epoch_loss = rows > 0 ? t->epoch_loss_sum / rows : 0,
        .epoch_accuracy = tr->dataset.task != TASK_CLASSES ? NAN : rows > 0 ? (double)t->epoch_correct / rows : 0,
        .is_best = tr->early_stop.best_step == (int64_t)t->step, .text = text != NULL ? own_text : NULL,
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
