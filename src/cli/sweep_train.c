/* See sweep_train.h. The largest run is laid out first, in a process, too: that tells how many there is room for, and this process
 * starts no threads and keeps no data. */
#include "cli/sweep_train.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "cli/command.h"
#include "cli/jobs.h"
#include "cli/sweep_progress.h"
#include "cli/sweep_run.h"

static const char VERB[] = "weft sweep";

struct training {
    const struct sweep_train *asked;
    struct sweep_outcome *outcome;
    struct sweep_run_news *news;        /* of each run that is to be trained, in memory shared with their processes */
    weft_plan *plan;                    /* likewise */
    weft_sweep_share shared;
    struct sweep_progress progress;
    struct jobs_result result;
};

/* ---- how the machine is shared ---- */

static int plan_in_process(void *context, size_t job, size_t threads)
{
    const struct training *t = context;
    (void)job;
    (void)threads;
    return sweep_run_plan(t->asked->sweep, weft_sweep_largest(t->asked->sweep, t->asked->runs, t->asked->run), t->plan);
}

/* A plan that fails is no news: so will the run, and then it is told. */
static void plan_ended(void *context, size_t job, int exit_code)
{
    const struct training *t = context;
    (void)job;
    if (exit_code != 0)
        memset(t->plan, 0, sizeof *t->plan);
}

static void share(struct training *t)
{
    const struct jobs jobs = {.count = 1, .side_by_side = 1, .threads = 1, .threads_useful = 1, .work = plan_in_process,
                              .ended = plan_ended, .context = t};
    jobs_run(&jobs, &t->result);
    bool is_known = t->plan->memory_bytes > 0;
    weft_sweep_share_machine(t->asked->sweep, t->asked->runs, is_known ? t->plan : NULL, &t->shared);
    if (t->asked->jobs > 0)
        t->shared.side_by_side = t->asked->jobs < t->asked->runs ? t->asked->jobs : t->asked->runs;
}

/* ---- the runs ---- */

static int run_in_process(void *context, size_t job, size_t threads)
{
    const struct training *t = context;
    return sweep_run(t->asked->sweep, t->asked->run[job], t->asked->data, threads, &t->news[job]);
}

static struct sweep_outcome *outcome_of(const struct training *t, size_t job)
{
    return &t->outcome[t->asked->run[job]];
}

/* The last line of a run that fails is why. */
static void run_said(void *context, size_t job, const char *line)
{
    struct training *t = context;
    struct sweep_outcome *outcome = outcome_of(t, job);
    snprintf(outcome->message, sizeof outcome->message, "%s", line);
    sweep_progress_said(&t->progress, job, line);
}

/* Nobody but the kernel is likely to send a run SIGKILL. */
static void note_end(struct sweep_outcome *outcome, int exit_code)
{
    outcome->exit_code = exit_code;
    if (exit_code == 0 || exit_code == weft_exit_code(WEFT_ESTOPPED))
        outcome->message[0] = '\0';
    else if (exit_code > 128)
        snprintf(outcome->message, sizeof outcome->message, "ended by signal %d (%s)%s", exit_code - 128, strsignal(exit_code - 128),
                 exit_code == 128 + SIGKILL ? ", as the kernel does when memory is short; fewer --jobs take less" : "");
    else if (outcome->message[0] == '\0')
        snprintf(outcome->message, sizeof outcome->message, "ended with exit code %d", exit_code);
}

static void run_ended(void *context, size_t job, int exit_code)
{
    struct training *t = context;
    struct sweep_outcome *outcome = outcome_of(t, job);
    note_end(outcome, exit_code);
    if (exit_code > 128)
        sweep_progress_said(&t->progress, job, outcome->message);       /* it could not say that itself */
    sweep_progress_ended(&t->progress, job);
}

static void draw(void *context)
{
    struct training *t = context;
    sweep_progress_draw(&t->progress);
}

static void run_all(struct training *t)
{
    const struct jobs jobs = {.count = t->asked->runs, .side_by_side = t->shared.side_by_side, .threads = t->shared.threads,
                              .threads_useful = t->shared.threads_useful, .work = run_in_process, .said = run_said,
                              .ended = run_ended, .tick = draw, .context = t};
    t->progress.sweep = t->asked->sweep;
    t->progress.run = t->asked->run;
    t->progress.runs = t->asked->runs;
    t->progress.news = t->news;
    t->progress.style = t->asked->style;
    sweep_progress_begin(&t->progress, &t->shared, t->asked->jobs == 0);
    jobs_run(&jobs, &t->result);
    sweep_progress_end(&t->progress, t->result.killed_by == 0);
}

/* Is there a reason to end the sweep, other than a first signal? */
static int exit_code_of(const struct jobs_result *result, size_t jobs)
{
    if (result->killed_by != 0)
        return 128 + result->killed_by;
    if (result->start_error == 0 || result->is_stopped)
        return 0;
    if (result->started < jobs)
        return exit_message(VERB, WEFT_ERESOURCE, "start a process: %s", strerror(result->start_error));
    fprintf(stderr, "note: start a process beside the others: %s; so there were fewer at a time\n", strerror(result->start_error));
    return 0;
}

/* ---- all of it ---- */

static void *shared_memory(size_t count, size_t size_bytes)
{
    void *at = mmap(NULL, count * size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return at != MAP_FAILED ? at : NULL;
}

static bool make_room(struct training *t)
{
    t->news = shared_memory(t->asked->runs, sizeof *t->news);
    t->plan = shared_memory(1, sizeof *t->plan);
    t->progress.has_ended = calloc(t->asked->runs, sizeof *t->progress.has_ended);
    return t->news != NULL && t->plan != NULL && t->progress.has_ended != NULL;
}

static void clear(struct training *t)
{
    if (t->news != NULL)
        munmap(t->news, t->asked->runs * sizeof *t->news);
    if (t->plan != NULL)
        munmap(t->plan, sizeof *t->plan);
    free(t->progress.has_ended);
}

static int train(struct training *t)
{
    share(t);
    int exit_code = exit_code_of(&t->result, 1);
    if (exit_code != 0 || t->result.is_stopped)
        return exit_code;
    run_all(t);
    return exit_code_of(&t->result, t->asked->runs);
}

int sweep_train(const struct sweep_train *asked, struct sweep_outcome *outcome, bool *is_stopped)
{
    struct training t = {.asked = asked, .outcome = outcome};
    int exit_code = make_room(&t) ? train(&t) : exit_message(VERB, WEFT_ENOMEM, "not enough memory for %zu runs", asked->runs);
    *is_stopped = t.result.is_stopped;
    clear(&t);
    return exit_code;
}
