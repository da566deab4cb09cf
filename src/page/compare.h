/* Runs, or combinations of a sweep, side by side. */
#ifndef PAGE_COMPARE_H
#define PAGE_COMPARE_H

#include "page/page.h"

/* One of those that are compared: its colour is its place among them. */
struct compared {
    char name[256];
    const weft_history *history;        /* WEFT_RUN_SPLITS: of a run, or means over some */
    const weft_history *sd;             /* NULL, or the standard deviations: rows as in history; NaN: none */
};

/* A table of the final figures, with links to the runs' sections, run-1, run-2, ... */
void page_compare_runs(struct page *page, const weft_run *run, const struct compared *compared, size_t count);

/* A table of the settings that are not the same in all. */
void page_compare_settings(struct page *page, const weft_run *run, const struct compared *compared, size_t count);

/* Charts with a line for each: accuracy, cost and loss of every split that was evaluated more than once, and the generalisation
 * gap. */
void page_compare_curves(struct page *page, const struct compared *compared, size_t count);

#endif
