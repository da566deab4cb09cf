/* How fast training is on this machine, and how near to what the processor could do at most. */
#ifndef WEFT_BENCH_H
#define WEFT_BENCH_H

#include <stddef.h>
#include <stdio.h>

#include "weft/api.h"
#include "weft/error.h"
#include "weft/settings.h"

WEFT_API_BEGIN

/* The built-in workloads. Their rows are random bytes with random labels, made in memory; all inputs are scaled by 1/255.
 * i-th one in the order of the manual, NULL for i out of range; the strings are static. */
typedef struct weft_bench_builtin {
    const char *name;           /* "W1a" */
    size_t features, classes, rows;     /* of its data */
    const char *settings;       /* "section.key=value; section.key=value ...", what differs from the defaults */
} weft_bench_builtin;
size_t weft_bench_builtin_count(void);
const weft_bench_builtin *weft_bench_builtin_info(size_t i);

/* Where the time of a step goes: finding the rows; forward, loss included; backward; gradients of the parameters; penalty,
 * optimizer and writing the parameters; waiting for the other threads. */
typedef enum weft_bench_phase {
    WEFT_BENCH_GATHER, WEFT_BENCH_FORWARD, WEFT_BENCH_BACKWARD, WEFT_BENCH_GRADIENT, WEFT_BENCH_UPDATE, WEFT_BENCH_WAIT,
    WEFT_BENCH_PHASES
} weft_bench_phase;
const char *weft_bench_phase_name(weft_bench_phase phase);      /* "gather", ... */

enum { WEFT_BENCH_STRETCHES = 5 };      /* timed stretches of each workload on each number of threads */

/* What to measure, and how long. */
typedef struct weft_bench_options {
    const weft_settings *settings;      /* time this network on these data; NULL: built-in workloads */
    const char *settings_name;          /* what the results call it; NULL: "settings" */
    const char *workloads;              /* without settings: names with commas between them, "W1a,W3"; NULL: all */
    const char *const *assignments;     /* without settings: "section.key=value", set in each built-in workload; */
    size_t assignment_count;            /* anything but data.source */
    const size_t *threads;              /* numbers of threads to time, 1 to 1,024 each; */
    size_t thread_counts;               /* 0: 1, 2, 4 ... up to as many as the machine and the workload allow, and these */
    double stretch_s;                   /* length of a timed stretch, up to 3,600; 0: 0.5 */
    int skip_training, skip_kernels;    /* 1: leave out what its part of the result below holds */
    void (*on_progress)(void *context, const char *text);       /* before each part, one line; NULL: nobody is told. */
    void *progress_context;                                     /* On the calling thread, outside every timed stretch */
} weft_bench_options;

/* What the machine can do. */
typedef struct weft_bench_rates {
    size_t threads;                     /* at once */
    double peak_gflops;                 /* FMAs in registers, an FMA being two operations; the best of 50 times 2 ms, before
                                           the first workload and after each one */
    double memory_gb_per_s;             /* reading an array larger than the last cache, 1 GB = 10^9 bytes; the best of 10 */
    double l2_gb_per_s;                 /* each thread reading its own array of half its L2 cache; the best of 50 times 2 ms */
    double barrier_us;                  /* all threads waiting for each other, nothing else to do; the best of 50 times 1,000 */
} weft_bench_rates;

/* One workload on one number of threads. A stretch is whole steps until its time is over, one at least; the lists of a new
 * epoch belong to it, evaluations and saves do not occur. Stretches of different numbers of threads take turns, and each
 * begins with steps that are not timed (a tenth of its length, one at least). */
typedef struct weft_bench_timing {
    size_t threads;                     /* of the team */
    struct { double median, min, max; } samples_per_s;          /* over the stretches */
    double step_us;                     /* of a full batch, at the median */
    double gflops;                      /* flop_per_sample times the median */
    double share_of_peak;               /* gflops / peak_gflops of as many threads */
    double phase_us[WEFT_BENCH_PHASES]; /* of a full batch, mean over the threads; from stretches of their own, as looking at
                                           the clock takes time */
} weft_bench_timing;

/* A network with its data, and how fast it trains. */
typedef struct weft_bench_workload {
    char name[256];                     /* of the built-in one, or settings_name; a longer one is cut */
    char network[1024];                 /* "784-20-7-5-10"; a longer one is cut */
    size_t batch, parameters;           /* rows of a batch; learned numbers */
    double flop_per_sample;             /* 2 D H per layer for each of forward, weight gradient and, but for the first layer,
                                           backward to the input: nothing but the products counts */
    size_t timings;                     /* how many: one for each number of threads */
    weft_bench_timing *timing;          /* in the order of the numbers */
} weft_bench_workload;

/* One product of one layer by itself, for a whole batch of random numbers, on one thread, as the training step calls it: packed
 * weights, the first layer from bytes, the gradient with that of the bias. Median of 5 stretches of stretch_s / 25. */
typedef struct weft_bench_kernel {
    char workload[256];                 /* its name */
    size_t layer;                       /* 1 first */
    const char *direction;              /* "forward", "gradient", "backward"; static */
    size_t rows, fan_in, fan_out;       /* of the batch; of the layer */
    double gflops;                      /* 2 rows fan_in fan_out / time */
    double share_of_peak;               /* of one thread */
} weft_bench_kernel;

/* All that was measured. */
typedef struct weft_bench_result {
    char cpu[128], isa[16];             /* the processor's name; the kernels in use: "portable", "avx2" or "avx512" */
    size_t cores;                       /* that this process may keep busy */
    double stretch_s;                   /* length of a timed stretch */
    size_t rates;                       /* how many */
    weft_bench_rates *rate;             /* 1 thread first, then rising */
    size_t workloads;                   /* how many */
    weft_bench_workload *workload;      /* as asked for; each without timings if skip_training */
    size_t kernels;                     /* how many; 0 if skip_kernels */
    weft_bench_kernel *kernel;          /* workload by workload */
} weft_bench_result;

/* Check the kernels in use against their definitions, then measure: the machine, each workload, each layer's products.
 * options  may be NULL: all built-in workloads
 * result   filled on success; clear it with weft_bench_result_clear
 * Returns WEFT_OK; WEFT_EDATA if a kernel gives other bits than its definition (the message says which, where) or the data are
 * bad; WEFT_EINVAL (no such workload; threads or stretch_s out of range; settings together with workloads or assignments;
 * data.source assigned), WEFT_ESETTINGS, WEFT_ENOINPUT, WEFT_ENONFINITE (the settings make the training diverge), WEFT_ENOMEM,
 * WEFT_ERESOURCE (OpenMP gives fewer threads).
 * Starts OpenMP teams for the time of the call. What else runs meanwhile, in this process or beside it, shows in the figures.
 * Memory: data and network once for each number of threads; up to 2 GiB for the array that is read. */
weft_status weft_bench(const weft_bench_options *options, weft_bench_result *result);

/* Free what a filled result points to; fine on a zeroed one. */
void weft_bench_result_clear(weft_bench_result *result);

/* A result as text: tables of the machine, of the training, of its phases, and of the kernels. WEFT_OK; WEFT_EIO if the stream
 * fails, WEFT_ENOMEM. */
weft_status weft_report_bench(const weft_bench_result *result, FILE *stream);

WEFT_API_END

#endif
