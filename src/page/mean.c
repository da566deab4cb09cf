/* See mean.h. Differences to the mean are squared, in a second pass: no cancellation. */
#include "page/mean.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"

/* The figures of a row that are averaged. */
enum { MEMBERS = 6 };
static void get_members(const weft_history_row *row, double member[MEMBERS])
{
    const double value[MEMBERS] = {row->cost, row->loss, row->accuracy, row->r2, row->mean_absolute_error, row->learning_rate};
    memcpy(member, value, sizeof value);
}

static weft_history_row row_of_members(const weft_history_row *like, const double member[MEMBERS])
{
    return (weft_history_row){like->step, like->epoch, member[0], member[1], member[2], member[3], member[4], member[5]};
}

static const weft_history_row *row_at(const weft_history *history, uint64_t step)
{
    for (size_t first = 0, end = history->rows; first < end;) {
        size_t middle = first + (end - first) / 2;
        if (history->row[middle].step == step)
            return &history->row[middle];
        *(history->row[middle].step < step ? &first : &end) = history->row[middle].step < step ? middle + 1 : middle;
    }
    return NULL;
}

static bool all_have(const weft_run *run, size_t runs, size_t split, uint64_t step)
{
    for (size_t i = 0; i < runs; i++)
        if (run[i].is_over && row_at(&run[i].history[split], step) == NULL)
            return false;
    return true;
}

/* Mean and standard deviation of a row that all have. */
static void average(const weft_run *run, size_t runs, size_t split, const weft_history_row *like, weft_history_row *mean,
                    weft_history_row *sd)
{
    double sum[MEMBERS] = {0}, squares[MEMBERS] = {0}, member[MEMBERS];
    size_t count = 0;
    for (size_t i = 0; i < runs; i++)
        if (run[i].is_over) {
            get_members(row_at(&run[i].history[split], like->step), member);
            for (size_t k = 0; k < MEMBERS; k++)
                sum[k] += member[k];
            count++;
        }
    for (size_t k = 0; k < MEMBERS; k++)
        sum[k] /= (double)count;
    for (size_t i = 0; i < runs; i++)
        if (run[i].is_over) {
            get_members(row_at(&run[i].history[split], like->step), member);
            for (size_t k = 0; k < MEMBERS; k++)
                squares[k] += (member[k] - sum[k]) * (member[k] - sum[k]);
        }
    for (size_t k = 0; k < MEMBERS; k++)
        squares[k] = count > 1 ? sqrt(squares[k] / (double)(count - 1)) : (double)NAN;
    *mean = row_of_members(like, sum);
    *sd = row_of_members(like, squares);
}

static weft_status average_split(const weft_run *run, size_t runs, size_t split, const weft_history *like, weft_history *mean,
                                 weft_history *sd)
{
    mean->row = memory_new(like->rows, sizeof *mean->row);
    sd->row = memory_new(like->rows, sizeof *sd->row);
    if (mean->row == NULL || sd->row == NULL)
        return WEFT_ENOMEM;
    for (size_t i = 0; i < like->rows; i++)
        if (all_have(run, runs, split, like->row[i].step)) {
            average(run, runs, split, &like->row[i], &mean->row[mean->rows], &sd->row[mean->rows]);
            mean->rows = ++sd->rows;
        }
    return WEFT_OK;
}

weft_status mean_history_create(const weft_run *run, size_t runs, struct mean_history *history)
{
    *history = (struct mean_history){0};
    size_t first = 0;
    while (first < runs && !run[first].is_over)
        first++;
    weft_status st = WEFT_OK;
    for (size_t split = 0; split < WEFT_RUN_SPLITS && first < runs && st == WEFT_OK; split++)
        st = average_split(run, runs, split, &run[first].history[split], &history->mean[split], &history->sd[split]);
    if (st != WEFT_OK)
        mean_history_clear(history);
    return st;
}

void mean_history_clear(struct mean_history *history)
{
    for (size_t split = 0; split < WEFT_RUN_SPLITS; split++) {
        memory_free(history->mean[split].row);
        memory_free(history->sd[split].row);
    }
    *history = (struct mean_history){0};
}
