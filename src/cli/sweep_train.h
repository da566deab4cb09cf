/* All runs of a sweep that are not over, each in a process of its own, as many side by side as the machine is good for. */
#ifndef CLI_SWEEP_TRAIN_H
#define CLI_SWEEP_TRAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/sweep_json.h"
#include "weft/report.h"
#include "weft/sweep.h"

struct sweep_train {
    const weft_sweep *sweep;
    const size_t *run;                  /* those that are to be trained: indices, so many */
    size_t runs;
    const char *data;                   /* --data, or NULL */
    size_t jobs;                        /* side by side; 0: chosen */
    weft_progress_style style;          /* never AUTO */
};

/* Train them: to their ends, or until a signal stops them. The signals are taken already (jobs.h).
 * outcome     of each run of the sweep; filled in for those that have been trained
 * is_stopped  by a signal
 * Returns 0, whatever became of the runs; 128 + its number after the second signal; or the exit code after saying why no process can
 * be started. */
int sweep_train(const struct sweep_train *train, struct sweep_outcome *outcome, bool *is_stopped);

#endif
