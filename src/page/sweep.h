/* A sweep on a page: what its parts are made of. */
#ifndef PAGE_SWEEP_H
#define PAGE_SWEEP_H

#include "page/compare.h"
#include "page/mean.h"
#include "page/page.h"

struct sweep_parts {
    const weft_sweep *sweep;
    const weft_sweep_summary *summary;
    const weft_run *run;                /* sweep->runs; not over: all 0 */
    struct mean_history *mean;          /* of each combination */
    struct compared *compared;          /* likewise */
};

/* Runs that a combination is to have. */
size_t sweep_parts_runs(const struct sweep_parts *parts, size_t combination);

/* The first run of a combination that is over; NULL: none is. */
const weft_run *sweep_parts_first(const struct sweep_parts *parts, size_t combination);

/* A row of a table, with a link to the section of the combination's run if it has one. */
void page_row_combination(struct page *page, const struct sweep_parts *parts, size_t combination);

/* Tables of mean and standard deviation, and bars (sweep_figures.c). */
void page_write_sweep_figures(struct page *page, const struct sweep_parts *parts);

#endif
