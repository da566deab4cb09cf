/* What a run has seen: one row per evaluation and split, and the loss of each step. Lives in every checkpoint; history.csv is
 * a copy of it for people who want to follow a run. */
#ifndef TRAIN_HISTORY_H
#define TRAIN_HISTORY_H

#include "settings/settings.h"
#include "store/snapshot.h"

struct history_row {
    int64_t step;
    double epoch;                       /* steps done / steps per epoch */
    double cost, loss, learning_rate;
    double accuracy;                    /* of classes and labels */
    double r2, mean_absolute_error;     /* of values */
};

struct history {
    struct history_row *row[SPLIT_COUNT];
    size_t count[SPLIT_COUNT], capacity[SPLIT_COUNT];
    bool has_values;                    /* a regression: r2 and mean_absolute_error in place of accuracy */
};

weft_status history_add(struct history *history, enum split_name split, const struct history_row *row);
void history_clear(struct history *history);            /* frees all rows; fine on a zeroed one */

/* The row of this step, or NULL. */
const struct history_row *history_at(const struct history *history, enum split_name split, int64_t step);

/* To and from /history/<split>/{step, epoch, cost, loss, accuracy, learning_rate}, of a regression {..., loss, r2,
 * mean_absolute_error, learning_rate}. */
weft_status history_put(const struct history *history, struct snapshot *snapshot);
weft_status history_get(struct history *history, const struct snapshot *snapshot);

/* history.csv: the head line, and the line of one evaluated step (all splits). capacity >= HISTORY_LINE_SIZE. */
enum { HISTORY_LINE_SIZE = 640 };
void history_head(const struct history *history, char *line, size_t capacity);
void history_line(const struct history *history, int64_t step, char *line, size_t capacity);

/* history.csv as text, up to the line of step `last`; memory_free it. NULL if memory is short. */
char *history_text(const struct history *history, int64_t last);

#endif
