/* How fast a workload trains: whole steps by the trainer's own training_run_steps. */
#ifndef BENCH_TIMING_H
#define BENCH_TIMING_H

#include "bench/workload.h"

/* Fill timed->timing, one entry for each number of threads of the workload, which is open; shares of the peak are left at 0.
 * timed's batch and FLOP are there already. WEFT_OK, or as weft_bench. */
weft_status timing_measure(const struct workload *workload, double stretch_s, weft_bench_workload *timed);

/* The middle one of count > 0 values, or the mean of the two in the middle; sorts them. */
double median_of(double *value, size_t count);

#endif
