/* What the machine itself can do. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include "weft/bench.h"

/* The processor's name as the system tells it; "unknown" if it does not. */
void machine_cpu(char *name, size_t capacity);

/* Measure rate->threads threads at once, on a team of Weft's own. WEFT_OK, WEFT_ENOMEM; WEFT_ERESOURCE if OpenMP gives another
 * number of threads. */
weft_status machine_measure(weft_bench_rates *rate);

/* The peak once more; the better one stays. */
weft_status machine_measure_peak(weft_bench_rates *rate);

#endif
