/* See weft/bench.h: check, then measure, in this order; what is asked for decides how much. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "bench/check.h"
#include "bench/machine.h"
#include "bench/products.h"
#include "bench/timing.h"
#include "bench/workload.h"
#include "kernel/kernel.h"
#include "parallel/team.h"

static const double STRETCH_S_DEFAULT = 0.5, STRETCH_S_MOST = 3600;

struct bench {
    const weft_bench_options *options;
    struct workload *workload;
    size_t workloads;
    weft_bench_result *result;
};

const char *weft_bench_phase_name(weft_bench_phase phase)
{
    static const char *const name[WEFT_BENCH_PHASES] = {"gather", "forward", "backward", "gradient", "update", "wait"};
    return name[phase];
}

static void tell(const struct bench *b, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void tell(const struct bench *b, const char *format, ...)
{
    if (b->options->on_progress == NULL)
        return;
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    b->options->on_progress(b->options->progress_context, text);
}

/* ---- the check ---- */

static struct check_shape shape_of(const struct workload *w, size_t l)
{
    return (struct check_shape){(size_t)w->settings->train.batch_size, workload_fan_in(w, l), workload_fan_out(w, l)};
}

/* Has this layer's shape occurred before, in this workload or in one before it? */
static bool is_repeated(const struct bench *b, size_t at, size_t layer)
{
    struct check_shape wanted = shape_of(&b->workload[at], layer);
    for (size_t i = 0; i <= at; i++)
        for (size_t l = 0; l < (i < at ? workload_layers(&b->workload[i]) : layer); l++) {
            struct check_shape shape = shape_of(&b->workload[i], l);
            if (memcmp(&shape, &wanted, sizeof shape) == 0)
                return true;
        }
    return false;
}

static weft_status check(const struct bench *b)
{
    tell(b, "%s kernels against their definitions", kernel->name);
    weft_status st = check_kernels_at_edges();
    for (size_t i = 0; i < b->workloads; i++)
        for (size_t l = 0; l < workload_layers(&b->workload[i]) && st == WEFT_OK; l++)
            if (!is_repeated(b, i, l)) {
                struct check_shape shape = shape_of(&b->workload[i], l);
                st = check_kernels(&shape);
            }
    return st;
}

/* ---- the machine ---- */

static weft_status insert_rate(weft_bench_result *result, size_t threads)
{
    size_t at = result->rates;
    while (at > 0 && result->rate[at - 1].threads >= threads)
        at--;
    if (at < result->rates && result->rate[at].threads == threads)
        return WEFT_OK;
    weft_bench_rates *grown = memory_grow(result->rate, result->rates, result->rates + 1, sizeof *grown);
    if (grown == NULL)
        return WEFT_ENOMEM;
    result->rate = grown;
    memmove(grown + at + 1, grown + at, (result->rates++ - at) * sizeof *grown);
    grown[at] = (weft_bench_rates){.threads = threads};
    return WEFT_OK;
}

/* For one thread, because the kernels run on one, and for every number of threads that is timed. */
static weft_status measure_machine(const struct bench *b)
{
    weft_bench_result *result = b->result;
    machine_cpu(result->cpu, sizeof result->cpu);
    snprintf(result->isa, sizeof result->isa, "%s", kernel->name);
    result->cores = team_cores();
    weft_status st = insert_rate(result, 1);
    for (size_t i = 0; i < b->workloads && !b->options->skip_training; i++)
        for (size_t k = 0; k < b->workload[i].thread_counts && st == WEFT_OK; k++)
            st = insert_rate(result, b->workload[i].threads[k]);
    for (size_t i = 0; i < result->rates && st == WEFT_OK; i++) {
        tell(b, "machine: peak and bandwidth of %zu thread%s", result->rate[i].threads, result->rate[i].threads == 1 ? "" : "s");
        st = machine_measure(&result->rate[i]);
    }
    return st;
}

/* The machine may have been disturbed before: the best of the whole run counts. */
static weft_status measure_peaks_again(const struct bench *b)
{
    weft_status st = WEFT_OK;
    for (size_t i = 0; i < b->result->rates && st == WEFT_OK; i++)
        st = machine_measure_peak(&b->result->rate[i]);
    return st;
}

static double peak_of(const weft_bench_result *result, size_t threads)
{
    size_t i = 0;
    while (result->rate[i].threads != threads)
        i++;
    return result->rate[i].peak_gflops;
}

/* ---- the workloads ---- */

static weft_status time_training(const struct bench *b, const struct workload *w, weft_bench_workload *timed)
{
    timed->timing = memory_new(w->thread_counts, sizeof *timed->timing);
    if (timed->timing == NULL)
        return WEFT_ENOMEM;
    timed->timings = w->thread_counts;
    tell(b, "%s: training on %zu number%s of threads", w->name, w->thread_counts, w->thread_counts == 1 ? "" : "s");
    return timing_measure(w, b->result->stretch_s, timed);
}

static weft_status time_products(const struct bench *b, const struct workload *w, weft_bench_kernel *product)
{
    tell(b, "%s: products of each layer", w->name);
    weft_status st = products_measure(w, b->result->stretch_s, product);
    for (size_t i = 0; i < workload_products(w); i++)
        snprintf(product[i].workload, sizeof product[i].workload, "%s", w->name);
    return st;
}

static weft_status make_room(const struct bench *b)
{
    weft_bench_result *result = b->result;
    size_t products = 0;
    for (size_t i = 0; i < b->workloads; i++)
        products += workload_products(&b->workload[i]);
    result->workload = memory_new(b->workloads, sizeof *result->workload);
    result->kernel = memory_new(products, sizeof *result->kernel);
    return result->workload != NULL && result->kernel != NULL ? WEFT_OK : WEFT_ENOMEM;
}

static weft_status measure_workload(const struct bench *b, struct workload *w)
{
    weft_bench_result *result = b->result;
    weft_bench_workload *timed = &result->workload[result->workloads++];
    workload_describe(w, timed);
    weft_status st = workload_open(w);
    if (st == WEFT_OK && !b->options->skip_training)
        st = time_training(b, w, timed);
    if (st == WEFT_OK && !b->options->skip_kernels) {
        st = time_products(b, w, result->kernel + result->kernels);
        result->kernels += workload_products(w);
    }
    workload_close(w);
    return st == WEFT_OK ? measure_peaks_again(b) : error_context(st, "%s", w->name);
}

static void fill_shares(weft_bench_result *result)
{
    for (size_t i = 0; i < result->workloads; i++)
        for (size_t k = 0; k < result->workload[i].timings; k++) {
            weft_bench_timing *timing = &result->workload[i].timing[k];
            timing->share_of_peak = timing->gflops / peak_of(result, timing->threads);
        }
    for (size_t i = 0; i < result->kernels; i++)
        result->kernel[i].share_of_peak = result->kernel[i].gflops / peak_of(result, 1);
}

static weft_status run(struct bench *b)
{
    double wanted_s = b->options->stretch_s;
    if (!(wanted_s >= 0 && wanted_s <= STRETCH_S_MOST))
        return error_set(WEFT_EINVAL, "stretches of %g s, wanted 0 < s <= %g, or 0 for %g", wanted_s, STRETCH_S_MOST,
                         STRETCH_S_DEFAULT);
    b->result->stretch_s = wanted_s > 0 ? wanted_s : STRETCH_S_DEFAULT;
    weft_status st = kernel_choose();
    if (st == WEFT_OK) st = workloads_create(b->options, &b->workload, &b->workloads);
    if (st == WEFT_OK) st = check(b);
    if (st == WEFT_OK) st = measure_machine(b);
    if (st == WEFT_OK) st = make_room(b);
    for (size_t i = 0; i < b->workloads && st == WEFT_OK; i++)
        st = measure_workload(b, &b->workload[i]);
    if (st == WEFT_OK)
        fill_shares(b->result);
    return st;
}

weft_status weft_bench(const weft_bench_options *options, weft_bench_result *result)
{
    static const weft_bench_options DEFAULTS;
    struct bench b = {.options = options != NULL ? options : &DEFAULTS, .result = result};
    *result = (weft_bench_result){0};
    weft_status st = run(&b);
    workloads_destroy(b.workload, b.workloads);
    if (st != WEFT_OK)
        weft_bench_result_clear(result);
    return st;
}

void weft_bench_result_clear(weft_bench_result *result)
{
    for (size_t i = 0; result->workload != NULL && i < result->workloads; i++)
        memory_free(result->workload[i].timing);
    memory_free(result->workload);
    memory_free(result->kernel);
    memory_free(result->rate);
    *result = (weft_bench_result){0};
}
