/* See figures.h. */
#include "page/figures.h"

#include <math.h>
#include <string.h>

const struct figure_info figure_info[FIGURES] = {
    [FIGURE_COST] = {"cost", HTML_FIGURE, false},
    [FIGURE_LOSS] = {"loss", HTML_FIGURE, false},
    [FIGURE_ACCURACY] = {"accuracy", HTML_PERCENT, true},
    [FIGURE_R2] = {"R\xc2\xb2", HTML_FIGURE, true},
    [FIGURE_MEAN_ABSOLUTE_ERROR] = {"mean absolute error", HTML_FIGURE, false},
};

const char *const split_name[WEFT_RUN_SPLITS] = {
    [WEFT_RUN_TRAIN] = "train", [WEFT_RUN_VALIDATION] = "validation", [WEFT_RUN_TEST] = "test"};
const size_t split_order[WEFT_RUN_SPLITS] = {WEFT_RUN_TEST, WEFT_RUN_VALIDATION, WEFT_RUN_TRAIN};

double figure_of_row(const weft_history_row *row, enum figure figure)
{
    const double value[FIGURES] = {row->cost, row->loss, row->accuracy, row->r2, row->mean_absolute_error};
    return value[figure];
}

double figure_of_evaluation(const weft_evaluation *e, enum figure figure)
{
    const double value[FIGURES] = {e->cost, e->loss, e->accuracy, e->r2, e->mean_absolute_error};
    return e->rows > 0 ? value[figure] : (double)NAN;
}

double figure_gap(const weft_history *train, size_t i, const weft_history *other)
{
    const weft_history_row *row = &train->row[i];
    size_t first = 0, end = other->rows;                        /* the row is in first .. end - 1, if it is there */
    while (end - first > 1) {
        size_t middle = first + (end - first) / 2;
        *(other->row[middle].step <= row->step ? &first : &end) = middle;
    }
    if (other->rows == 0 || other->row[first].step != row->step)
        return (double)NAN;
    return isnan(row->accuracy) ? row->r2 - other->row[first].r2 : row->accuracy - other->row[first].accuracy;
}

bool figure_has_penalty(const weft_history history[WEFT_RUN_SPLITS])
{
    for (size_t split = 0; split < WEFT_RUN_SPLITS; split++)
        for (size_t i = 0; i < history[split].rows; i++)
            if (history[split].row[i].cost != history[split].row[i].loss)
                return true;
    return false;
}

enum figure figure_main(const weft_run *run)
{
    return strcmp(run->task, "regression") == 0 ? FIGURE_R2 : FIGURE_ACCURACY;
}
