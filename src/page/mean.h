/* The mean course of some runs: of each split, the evaluations that all of them have. */
#ifndef PAGE_MEAN_H
#define PAGE_MEAN_H

#include "weft/error.h"
#include "weft/run.h"

struct mean_history {
    weft_history mean[WEFT_RUN_SPLITS], sd[WEFT_RUN_SPLITS];    /* sd: of a sample (n - 1); NaN of a single run */
};

/* Over those of run[0 .. runs-1] that are over; rows are 0 if none is. Clear it on success. WEFT_OK or WEFT_ENOMEM. */
weft_status mean_history_create(const weft_run *run, size_t runs, struct mean_history *history);
void mean_history_clear(struct mean_history *history);

#endif
