/* The figures of an evaluation, one by one: what curves, tables and comparisons of a page are made of. */
#ifndef PAGE_FIGURES_H
#define PAGE_FIGURES_H

#include <stdbool.h>
#include <stddef.h>

#include "page/html.h"
#include "weft/run.h"

enum figure { FIGURE_COST, FIGURE_LOSS, FIGURE_ACCURACY, FIGURE_R2, FIGURE_MEAN_ABSOLUTE_ERROR, FIGURES };

/* What it is called, how it is shown, and which of two is better. */
struct figure_info {
    const char *name;                   /* "mean absolute error" */
    enum html_number number;
    bool is_better_high;
};
extern const struct figure_info figure_info[FIGURES];

/* "train", "validation", "test" */
extern const char *const split_name[WEFT_RUN_SPLITS];

/* The splits in the order of tables: what people look for comes first. */
extern const size_t split_order[WEFT_RUN_SPLITS];

/* NaN: this kind of model does not have it. */
double figure_of_row(const weft_history_row *row, enum figure figure);
double figure_of_evaluation(const weft_evaluation *evaluation, enum figure figure);     /* NaN without rows, too */

/* Training minus another split at the i-th evaluation of the training rows: accuracy, or R2 of a regression. NaN: the other one
 * was not evaluated then. */
double figure_gap(const weft_history *train, size_t i, const weft_history *other);

/* Is the cost of any evaluation of any split another number than the loss? */
bool figure_has_penalty(const weft_history history[WEFT_RUN_SPLITS]);

/* The one that says best how good a model is: its accuracy, or R2 of a regression. */
enum figure figure_main(const weft_run *run);

#endif
