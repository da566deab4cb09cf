/* The result of a benchmark as text. Microseconds and GFLOP/s have as many digits as the figures keep from run to run. */
#include <stdbool.h>

#include "base/error.h"
#include "report/table.h"
#include "weft/bench.h"

static void add_head(struct table *table, const char *const *head)
{
    for (size_t i = 0; head[i] != NULL; i++)
        table_add(table, "%s", head[i]);
}

static weft_status write_machine(const weft_bench_result *r, FILE *stream)
{
    fprintf(stream, "%s, %zu core%s, %s kernels (equal to their definitions)\n\n", r->cpu, r->cores, r->cores == 1 ? "" : "s",
            r->isa);
    struct table table = table_of("rrrrr");
    add_head(&table, (const char *const[]){"threads", "FMA peak GFLOP/s", "memory GB/s", "L2 GB/s", "barrier us", NULL});
    for (size_t i = 0; i < r->rates; i++) {
        table_add(&table, "%zu", r->rate[i].threads);
        table_add(&table, "%.1f", r->rate[i].peak_gflops);
        table_add(&table, "%.1f", r->rate[i].memory_gb_per_s);
        table_add(&table, "%.1f", r->rate[i].l2_gb_per_s);
        table_add(&table, "%.2f", r->rate[i].barrier_us);
    }
    return table_write(&table, stream);
}

static void add_timing(struct table *table, const weft_bench_workload *w, const weft_bench_timing *t)
{
    table_add(table, "%s", w->name);
    table_add(table, "%s", w->network);
    table_add(table, "%zu", w->batch);
    table_add(table, "%zu", t->threads);
    table_add(table, "%.0f", t->samples_per_s.median);
    table_add(table, "%.0f", t->samples_per_s.min);
    table_add(table, "%.0f", t->samples_per_s.max);
    table_add(table, "%.1f", t->step_us);
    table_add(table, "%.1f", t->gflops);
    table_add(table, "%.1f %%", 100 * t->share_of_peak);
}

static weft_status write_training(const weft_bench_result *r, FILE *stream)
{
    fprintf(stream, "\ntraining: %d stretches of %g s\n", (int)WEFT_BENCH_STRETCHES, r->stretch_s);
    struct table table = table_of("llrrrrrrrr");
    add_head(&table, (const char *const[]){"workload", "network", "batch", "threads", "samples/s", "min", "max", "step us",
                                           "GFLOP/s", "of peak", NULL});
    for (size_t i = 0; i < r->workloads; i++)
        for (size_t k = 0; k < r->workload[i].timings; k++)
            add_timing(&table, &r->workload[i], &r->workload[i].timing[k]);
    return table_write(&table, stream);
}

static void add_phases(struct table *table, const weft_bench_workload *w, const weft_bench_timing *t)
{
    double sum_us = 0;
    for (size_t p = 0; p < WEFT_BENCH_PHASES; p++)
        sum_us += t->phase_us[p];
    table_add(table, "%s", w->name);
    table_add(table, "%zu", t->threads);
    for (size_t p = 0; p < WEFT_BENCH_PHASES; p++) {
        table_add(table, "%.1f", t->phase_us[p]);
        table_add(table, "%.0f %%", 100 * t->phase_us[p] / sum_us);
    }
}

static weft_status write_phases(const weft_bench_result *r, FILE *stream)
{
    fprintf(stream, "\nphases of a step: us, mean over the threads, and share\n");
    struct table table = table_of("lrrrrrrrrrrrrr");
    table_add(&table, "workload");
    table_add(&table, "threads");
    for (size_t p = 0; p < WEFT_BENCH_PHASES; p++) {
        table_add(&table, "%s", weft_bench_phase_name((weft_bench_phase)p));
        table_add(&table, "%s", "");
    }
    for (size_t i = 0; i < r->workloads; i++)
        for (size_t k = 0; k < r->workload[i].timings; k++)
            add_phases(&table, &r->workload[i], &r->workload[i].timing[k]);
    return table_write(&table, stream);
}

static weft_status write_kernels(const weft_bench_result *r, FILE *stream)
{
    fprintf(stream, "\nproducts of each layer by themselves, one thread\n");
    struct table table = table_of("lrlrrrrr");
    add_head(&table, (const char *const[]){"workload", "layer", "direction", "rows", "inputs", "outputs", "GFLOP/s", "of peak",
                                           NULL});
    for (size_t i = 0; i < r->kernels; i++) {
        const weft_bench_kernel *k = &r->kernel[i];
        table_add(&table, "%s", k->workload);
        table_add(&table, "%zu", k->layer);
        table_add(&table, "%s", k->direction);
        table_add(&table, "%zu", k->rows);
        table_add(&table, "%zu", k->fan_in);
        table_add(&table, "%zu", k->fan_out);
        table_add(&table, "%.1f", k->gflops);
        table_add(&table, "%.1f %%", 100 * k->share_of_peak);
    }
    return table_write(&table, stream);
}

weft_status weft_report_bench(const weft_bench_result *result, FILE *stream)
{
    bool has_training = result->workloads > 0 && result->workload[0].timings > 0;
    weft_status st = write_machine(result, stream);
    if (st == WEFT_OK && has_training)
        st = write_training(result, stream);
    if (st == WEFT_OK && has_training)
        st = write_phases(result, stream);
    if (st == WEFT_OK && result->kernels > 0)
        st = write_kernels(result, stream);
    if (st == WEFT_OK && ferror(stream))
        st = error_set(WEFT_EIO, "write the benchmark: the output stream failed");
    return st;
}
