/* How far a sweep has come, on stderr: a line for each run that has ended, or a bar with the time left. */
#ifndef CLI_SWEEP_PROGRESS_H
#define CLI_SWEEP_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/jobs.h"
#include "cli/sweep_run.h"
#include "weft/report.h"

struct sweep_progress {
    const weft_sweep *sweep;
    const size_t *run;                  /* those that are to be trained now */
    struct sweep_run_news *news;        /* of each of them */
    bool *has_ended;                    /* likewise */
    size_t runs, ended;
    weft_progress_style style;          /* never AUTO */
    bool bar_is_shown;                  /* the rest is its own */
    double started_at_s;
};

/* The style of --progress (NULL: auto), resolved for stderr. False: there is none of that name. */
bool sweep_progress_style(const char *name, weft_progress_style *style);

/* Before the first and after the last of them. is_chosen: nobody asked for that many side by side, so say why. */
void sweep_progress_begin(struct sweep_progress *progress, const weft_sweep_share *share, bool is_chosen);
void sweep_progress_end(struct sweep_progress *progress);

/* The i-th has ended: what it printed, each line with the run's name in front, and in which state it is now. failure: why, or "". */
void sweep_progress_ended(struct sweep_progress *progress, size_t i, const struct job_end *end, const char *failure);

void sweep_progress_draw(struct sweep_progress *progress);      /* the bar, if that is the style */

/* "l2=0.1, batch_norm=after, seed 2", cut to fit. */
void sweep_progress_name(const weft_sweep *sweep, size_t run, char *name, size_t capacity);

#endif
