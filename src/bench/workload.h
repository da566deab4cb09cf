/* What is timed: settings, rows, and on how many threads. */
#ifndef BENCH_WORKLOAD_H
#define BENCH_WORKLOAD_H

#include "data/dataset.h"
#include "settings/settings.h"
#include "weft/bench.h"

enum { WORKLOAD_THREADS_MAX = 64 };

struct workload {
    char name[256];
    weft_settings *settings;
    const weft_bench_builtin *builtin;          /* NULL: the settings say where the rows come from */
    size_t features, classes;
    struct dataset dataset;                     /* while it is open; never copy it */
    size_t thread_counts, threads[WORKLOAD_THREADS_MAX];        /* rising */
};

/* The workloads that the options ask for, *count of them. The rows of built-in ones are not made yet; others are open.
 * WEFT_OK, and the caller frees them with workloads_destroy; else as weft_bench, and nothing is held. */
weft_status workloads_create(const weft_bench_options *options, struct workload **workload, size_t *count);
void workloads_destroy(struct workload *workload, size_t count);

/* Make the rows of a built-in workload, unless it has them; free them. */
weft_status workload_open(struct workload *workload);
void workload_close(struct workload *workload);

/* The dense layers: fan_in and fan_out of layer l < workload_layers. */
size_t workload_layers(const struct workload *workload);
size_t workload_fan_in(const struct workload *workload, size_t l);
size_t workload_fan_out(const struct workload *workload, size_t l);

/* What the results say of it: name, network, batch, parameters, FLOP. */
void workload_describe(const struct workload *workload, weft_bench_workload *timed);

/* n floats in [-1, 1): the same for the same stream. */
void draw_floats(uint32_t stream, size_t n, float *x);

#endif
