/* See history.h. */
#include "train/history.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "data/dataset.h"

weft_status history_add(struct history *history, enum split_name split, const struct history_row *row)
{
    size_t count = history->count[split];
    if (count == history->capacity[split]) {
        size_t capacity = count > 0 ? 2 * count : 64;
        struct history_row *grown = memory_grow(history->row[split], count, capacity, sizeof *grown);
        if (grown == NULL)
            return WEFT_ENOMEM;
        history->row[split] = grown;
        history->capacity[split] = capacity;
    }
    history->row[split][count] = *row;
    history->count[split]++;
    return WEFT_OK;
}

void history_clear(struct history *history)
{
    for (size_t s = 0; s < SPLIT_COUNT; s++)
        memory_free(history->row[s]);
    *history = (struct history){.has_values = history->has_values};
}

const struct history_row *history_at(const struct history *history, enum split_name split, int64_t step)
{
    for (size_t i = history->count[split]; i-- > 0 && history->row[split][i].step >= step;)
        if (history->row[split][i].step == step)
            return &history->row[split][i];
    return NULL;
}

/* The columns of a row, in the order in which they are stored. Which there are depends on what the network says. */
static const struct column {
    const char *name;
    size_t offset;
    bool of_classes, of_values, is_figure;              /* figure: of a split, and so in history.csv */
} COLUMN[] = {
    {"epoch", offsetof(struct history_row, epoch), true, true, false},
    {"cost", offsetof(struct history_row, cost), true, true, true},
    {"loss", offsetof(struct history_row, loss), true, true, true},
    {"accuracy", offsetof(struct history_row, accuracy), true, false, true},
    {"r2", offsetof(struct history_row, r2), false, true, true},
    {"mean_absolute_error", offsetof(struct history_row, mean_absolute_error), false, true, true},
    {"learning_rate", offsetof(struct history_row, learning_rate), true, true, false},
};
enum { COLUMNS = sizeof COLUMN / sizeof *COLUMN };

static bool has_column(const struct history *history, size_t c)
{
    return history->has_values ? COLUMN[c].of_values : COLUMN[c].of_classes;
}

static double *column_of(struct history_row *row, size_t c)
{
    return (double *)((char *)row + COLUMN[c].offset);
}

static void path_of(enum split_name split, const char *column, char path[64])
{
    snprintf(path, 64, "/history/%s/%s", split_label(split), column);
}

weft_status history_put(const struct history *history, struct snapshot *snapshot)
{
    char path[64];
    for (enum split_name s = 0; s < SPLIT_COUNT; s++) {
        size_t count = history->count[s];
        void *data;
        path_of(s, "step", path);
        weft_status st = snapshot_put_space(snapshot, path, ARRAY_I64, ROLE_PLAIN, 1, &count, &data);
        for (size_t i = 0; st == WEFT_OK && i < count; i++)
            ((int64_t *)data)[i] = history->row[s][i].step;
        for (size_t c = 0; st == WEFT_OK && c < COLUMNS; c++) {
            if (!has_column(history, c))
                continue;
            path_of(s, COLUMN[c].name, path);
            st = snapshot_put_space(snapshot, path, ARRAY_F64, ROLE_PLAIN, 1, &count, &data);
            for (size_t i = 0; st == WEFT_OK && i < count; i++)
                ((double *)data)[i] = *column_of(&history->row[s][i], c);
        }
        if (st != WEFT_OK)
            return st;
    }
    return WEFT_OK;
}

static const struct array *find_column(const struct snapshot *snapshot, const char *path, enum array_type type)
{
    const struct array *array = snapshot_find_array(snapshot, path);
    if (array == NULL || array->type != type || array->rank != 1) {
        error_set(WEFT_EDAMAGED, "%s: missing, or not a column of numbers", path);
        return NULL;
    }
    return array;
}

static weft_status get_split(struct history *history, const struct snapshot *snapshot, enum split_name s)
{
    char path[64];
    path_of(s, "step", path);
    const struct array *steps = find_column(snapshot, path, ARRAY_I64);
    if (steps == NULL)
        return WEFT_EDAMAGED;
    for (size_t i = 0; i < steps->count; i++) {
        weft_status st = history_add(history, s, &(struct history_row){.step = ((const int64_t *)steps->data)[i]});
        if (st != WEFT_OK)
            return st;
    }
    for (size_t c = 0; c < COLUMNS; c++) {
        if (!has_column(history, c))
            continue;
        path_of(s, COLUMN[c].name, path);
        const struct array *column = find_column(snapshot, path, ARRAY_F64);
        if (column == NULL)
            return WEFT_EDAMAGED;
        if (column->count != steps->count)
            return error_set(WEFT_EDAMAGED, "%s: %zu rows, but /history/%s/step has %zu", path, column->count, split_label(s),
                             steps->count);
        for (size_t i = 0; i < column->count; i++)
            *column_of(&history->row[s][i], c) = ((const double *)column->data)[i];
    }
    return WEFT_OK;
}

weft_status history_get(struct history *history, const struct snapshot *snapshot)
{
    for (enum split_name s = 0; s < SPLIT_COUNT; s++) {
        weft_status st = get_split(history, snapshot, s);
        if (st != WEFT_OK) {
            history_clear(history);
            return st;
        }
    }
    return WEFT_OK;
}

void history_head(const struct history *history, char *line, size_t capacity)
{
    struct text text = {line, capacity, 0};
    text_add(&text, "step,epoch,learning_rate");
    for (enum split_name s = 0; s < SPLIT_COUNT; s++)
        for (size_t c = 0; c < COLUMNS; c++)
            if (has_column(history, c) && COLUMN[c].is_figure)
                text_add(&text, ",%s_%s", split_label(s), COLUMN[c].name);
    text_add(&text, "\n");
}

static void add_cell(struct text *line, double value)
{
    text_add(line, ",");
    text_add_real(line, value);
}

void history_line(const struct history *history, int64_t step, char *line, size_t capacity)
{
    struct history_row row[SPLIT_COUNT], any = {0};
    bool is_there[SPLIT_COUNT];
    for (enum split_name s = SPLIT_COUNT; s-- > 0;) {
        const struct history_row *found = history_at(history, s, step);
        is_there[s] = found != NULL;
        if (found != NULL)
            any = row[s] = *found;
    }
    struct text text = {line, capacity, 0};
    text_add(&text, "%" PRId64, step);
    add_cell(&text, any.epoch);
    add_cell(&text, any.learning_rate);
    for (enum split_name s = 0; s < SPLIT_COUNT; s++)
        for (size_t c = 0; c < COLUMNS; c++) {
            if (!has_column(history, c) || !COLUMN[c].is_figure)
                continue;
            if (is_there[s])
                add_cell(&text, *column_of(&row[s], c));
            else
                text_add(&text, ",");
        }
    text_add(&text, "\n");
}

/* The first step, from row at[s] of each split on, that any split was evaluated at; INT64_MAX if there is none. */
static int64_t next_step(const struct history *history, size_t at[SPLIT_COUNT])
{
    int64_t next = INT64_MAX;
    for (size_t s = 0; s < SPLIT_COUNT; s++)
        if (at[s] < history->count[s] && history->row[s][at[s]].step < next)
            next = history->row[s][at[s]].step;
    return next;
}

char *history_text(const struct history *history, int64_t last)
{
    size_t lines = 1;
    for (size_t s = 0; s < SPLIT_COUNT; s++)
        lines += history->count[s];
    char *text = memory_new(lines, HISTORY_LINE_SIZE);
    if (text == NULL)
        return NULL;
    history_head(history, text, HISTORY_LINE_SIZE);
    size_t used = strlen(text), at[SPLIT_COUNT] = {0};
    for (int64_t step; (step = next_step(history, at)) != INT64_MAX && step <= last;) {
        history_line(history, step, text + used, HISTORY_LINE_SIZE);
        used += strlen(text + used);
        for (size_t s = 0; s < SPLIT_COUNT; s++)
            at[s] += at[s] < history->count[s] && history->row[s][at[s]].step == step;
    }
    return text;
}
