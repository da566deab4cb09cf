/* One run of a sweep, in a process of its own. */
#ifndef CLI_SWEEP_RUN_H
#define CLI_SWEEP_RUN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/plan.h"
#include "weft/sweep.h"

/* What a run tells while it goes on and at its end, in memory that both processes have. */
struct sweep_run_news {
    atomic_uint_fast64_t first_step, step, total_steps; /* total 0: not known (yet) */
    bool has_summary;           /* it has come to an end of some kind: */
    char stop_reason[32];       /* as in weft_summary */
    uint64_t steps;
    double training_time_s;     /* of this call */
    size_t threads;
    char split[16];             /* of the score: the test split if there is one, else validation, else train; "" for none */
    double accuracy, r2;        /* NaN: not of that task */
};

/* Begin a run or go on with it on so many threads, to its end. data: --data, or NULL. Returns the exit code; after a failure there
 * is a line on stderr. */
int sweep_run(const weft_sweep *sweep, size_t run, const char *data, size_t threads, struct sweep_run_news *news);

/* Lay a run out (weft_plan_make) for what it takes. Returns the exit code, after a failure with a line on stderr. Of the plan only
 * what it does not point to is there. */
int sweep_run_plan(const weft_sweep *sweep, size_t run, weft_plan *plan);

#endif
