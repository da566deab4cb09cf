/* How far a sweep has come, on stderr: a line for each run that has ended, or a bar with the time left; and what runs have to say. None of
 * it waits for whoever reads it: lines that are not taken at once are shown when they are, and the bar is drawn when it can be. */
#ifndef CLI_SWEEP_PROGRESS_H
#define CLI_SWEEP_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/sweep_run.h"
#include "weft/report.h"

enum { SWEEP_PROGRESS_WAITING_BYTES = 1 << 16 };

struct sweep_progress {
    const weft_sweep *sweep;
    const size_t *run;                  /* those that are to be trained now */
    struct sweep_run_news *news;        /* of each of them */
    bool *has_ended;                    /* likewise */
    size_t runs, ended;
    weft_progress_style style;          /* never AUTO */
    bool bar_is_shown;                  /* the rest is its own */
    double started_at_s;
    int descriptor;                     /* what is written to */
    char waiting[SWEEP_PROGRESS_WAITING_BYTES];         /* lines that stderr has not taken yet */
    size_t waiting_bytes, lines_left_out;               /* the latter for want of room */
};

/* The style of --progress (NULL: auto), resolved for stderr. False: there is none of that name. */
bool sweep_progress_style(const char *name, weft_progress_style *style);

/* Before the first and after the last of them. is_chosen: nobody asked for that many side by side, so say why. may_wait: until all that
 * was said has been read. */
void sweep_progress_begin(struct sweep_progress *progress, const weft_sweep_share *share, bool is_chosen);
void sweep_progress_end(struct sweep_progress *progress, bool may_wait);

/* A line that the i-th has to say, in every style, with the run's name before it; and the i-th has ended. */
void sweep_progress_said(struct sweep_progress *progress, size_t i, const char *line);
void sweep_progress_ended(struct sweep_progress *progress, size_t i);

void sweep_progress_draw(struct sweep_progress *progress);      /* lines that wait and the bar, if that is the style; now and then */

/* "l2=0.1, batch_norm=after, seed 2", cut to fit. */
void sweep_progress_name(const weft_sweep *sweep, size_t run, char *name, size_t capacity);

#endif
