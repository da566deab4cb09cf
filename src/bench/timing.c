/* One training state for each number of threads, all from the same first weights; stretches take turns, so that a machine that
 * becomes slower becomes slower for all. */
#include "bench/timing.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "train/training.h"

static const double LEAD_IN_SHARE = 0.1, PHASE_SHARE = 0.2;     /* of a stretch */
static const uint64_t STEPS_MOST = 1 << 20;     /* then back to step 0: room for their losses is made before, not on the way */

struct runner {                                 /* one number of threads */
    struct training training;
    uint64_t steps;                             /* before it goes back to step 0 */
    double samples_per_s[WEFT_BENCH_STRETCHES];
    double (*phase_time_s)[PHASES];             /* of each thread, over phase_rows */
    uint64_t phase_rows;
};

struct stretch { uint64_t rows; double time_s; };

static weft_status runner_create(struct runner *r, const struct workload *w, size_t threads)
{
    struct training *t = &r->training;
    weft_status st = training_create(t, w->settings, &w->dataset, threads);
    if (st != WEFT_OK)
        return st;
    unsigned mode = team_float_mode_enter();
    network_initialize(&t->net, w->settings);
    team_float_mode_leave(mode);
    r->steps = t->total_steps > 0 && t->total_steps < STEPS_MOST ? t->total_steps : STEPS_MOST;
    t->step_loss_capacity = r->steps;
    t->step_loss = memory_new((size_t)r->steps, sizeof *t->step_loss);
    r->phase_time_s = memory_new(t->team.size, sizeof *r->phase_time_s);
    return t->step_loss != NULL && r->phase_time_s != NULL ? WEFT_OK : WEFT_ENOMEM;
}

static void runner_destroy(struct runner *r)
{
    memory_free(r->phase_time_s);
    training_destroy(&r->training);
}

/* Steps until the time is over, one at least; a call of training_run_steps stays within one epoch. */
static weft_status run_for(struct runner *r, double wanted_s, struct stretch *stretch)
{
    struct training *t = &r->training;
    double start_s = clock_seconds();
    weft_status st = WEFT_OK;
    *stretch = (struct stretch){0};
    t->pause_at_s = start_s + wanted_s;
    do {
        if (t->step >= r->steps)
            t->step = 0;
        uint64_t first = t->step, until = (first / t->sampler.steps_per_epoch + 1) * t->sampler.steps_per_epoch;
        st = training_run_steps(t, until < r->steps ? until : r->steps);
        for (uint64_t step = first; step < t->step; step++)
            stretch->rows += sampler_batch_rows(&t->sampler, step);
        stretch->time_s = clock_seconds() - start_s;
    } while (st == WEFT_OK && stretch->time_s < wanted_s);
    return st;
}

/* Timed steps follow others: the caches hold another number of threads' weights at first, and OpenMP starts its threads. */
static weft_status run_round(struct runner *r, size_t round, double stretch_s)
{
    struct stretch ignored, timed = {0}, phases = {0};
    weft_status st = run_for(r, LEAD_IN_SHARE * stretch_s, &ignored);
    if (st == WEFT_OK)
        st = run_for(r, stretch_s, &timed);
    r->samples_per_s[round] = (double)timed.rows / timed.time_s;
    r->training.phase_time_s = r->phase_time_s;
    if (st == WEFT_OK)
        st = run_for(r, PHASE_SHARE * stretch_s, &phases);
    r->training.phase_time_s = NULL;
    r->phase_rows += phases.rows;
    return st;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double median_of(double *value, size_t count)
{
    qsort(value, count, sizeof *value, compare_doubles);
    return (value[(count - 1) / 2] + value[count / 2]) / 2;
}

static void fill_timing(struct runner *r, const weft_bench_workload *w, weft_bench_timing *timing)
{
    timing->threads = r->training.team.size;
    timing->samples_per_s.median = median_of(r->samples_per_s, WEFT_BENCH_STRETCHES);
    timing->samples_per_s.min = r->samples_per_s[0];
    timing->samples_per_s.max = r->samples_per_s[WEFT_BENCH_STRETCHES - 1];
    timing->step_us = 1e6 * (double)w->batch / timing->samples_per_s.median;
    timing->gflops = 1e-9 * w->flop_per_sample * timing->samples_per_s.median;
    double batches = (double)r->phase_rows / (double)w->batch;
    _Static_assert((int)PHASES == (int)WEFT_BENCH_PHASES && (int)PHASE_WAIT == (int)WEFT_BENCH_WAIT, "the same phases");
    for (size_t p = 0; p < PHASES; p++) {
        double sum_s = 0;
        for (size_t rank = 0; rank < r->training.team.size; rank++)
            sum_s += r->phase_time_s[rank][p];
        timing->phase_us[p] = 1e6 * sum_s / (double)r->training.team.size / batches;
    }
}

static weft_status measure(struct runner *runner, const struct workload *w, double stretch_s, weft_bench_workload *timed)
{
    weft_status st = WEFT_OK;
    for (size_t i = 0; i < w->thread_counts && st == WEFT_OK; i++)
        st = runner_create(&runner[i], w, w->threads[i]);
    for (size_t round = 0; round < WEFT_BENCH_STRETCHES; round++)
        for (size_t i = 0; i < w->thread_counts && st == WEFT_OK; i++)
            st = run_round(&runner[i], round, stretch_s);
    for (size_t i = 0; i < w->thread_counts && st == WEFT_OK; i++)
        fill_timing(&runner[i], timed, &timed->timing[i]);
    return st;
}

weft_status timing_measure(const struct workload *workload, double stretch_s, weft_bench_workload *timed)
{
    struct runner *runner = memory_new(workload->thread_counts, sizeof *runner);
    if (runner == NULL)
        return WEFT_ENOMEM;
    weft_status st = measure(runner, workload, stretch_s, timed);
    for (size_t i = 0; i < workload->thread_counts; i++)
        runner_destroy(&runner[i]);
    memory_free(runner);
    return st;
}
