/* See sweep_run.h. */
#include "cli/sweep_run.h"

#include <math.h>
#include <omp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/signals.h"
#include "weft/error.h"

/* run.threads stays 0, as it is written to the run's directory; the number for this time is what the environment would say. */
static void set_threads(size_t threads)
{
    char text[24];
    snprintf(text, sizeof text, "%zu", threads);
    setenv("OMP_NUM_THREADS", text, 1);
    omp_set_num_threads((int)threads);
}

static void on_event(void *context, const weft_event *event)
{
    struct sweep_run_news *news = context;
    if (event->kind == WEFT_EVENT_STARTED) {
        signals_leave_at_once(NULL);
        atomic_store(&news->first_step, event->step);
    }
    if (event->kind == WEFT_EVENT_NOTE)
        fprintf(stderr, "note: %s\n", event->text);
    atomic_store(&news->step, event->step);
    atomic_store(&news->total_steps, event->total_steps);
}

static void tell_summary(const weft_trainer *trainer, struct sweep_run_news *news)
{
    static const char *const split[] = {"train", "validation", "test"};
    weft_summary summary;
    weft_trainer_summary(trainer, &summary);
    news->has_summary = true;
    snprintf(news->stop_reason, sizeof news->stop_reason, "%s", summary.stop_reason);
    news->steps = summary.steps;
    news->training_time_s = summary.training_time_s;
    news->threads = summary.threads;
    news->accuracy = news->r2 = NAN;
    for (size_t i = 0; i < sizeof split / sizeof *split; i++) {
        const weft_evaluation *e = weft_trainer_evaluation(trainer, split[i]);
        if (e == NULL)
            continue;
        snprintf(news->split, sizeof news->split, "%s", split[i]);
        news->accuracy = e->accuracy;
        news->r2 = e->r2;
    }
}

static int ended(weft_status st)
{
    if (st != WEFT_OK && st != WEFT_ESTOPPED)
        fprintf(stderr, "%s\n", weft_last_error());
    return weft_exit_code(st);
}

int sweep_run(const weft_sweep *sweep, size_t run, const char *data, size_t threads, struct sweep_run_news *news)
{
    weft_trainer *trainer;
    signals_install_in_job();
    signals_leave_at_once("");                  /* nothing of it is on disk yet, or all that there is: the data need not be read */
    set_threads(threads);
    weft_status st = weft_sweep_run_open(sweep, run, data, on_event, news, &trainer);
    if (st != WEFT_OK)
        return ended(st);
    signals_attach(trainer);
    st = weft_trainer_run(trainer);
    signals_attach(NULL);
    if (st == WEFT_OK || st == WEFT_ESTOPPED)
        tell_summary(trainer, news);
    int exit_code = ended(st);
    weft_trainer_destroy(trainer);
    return exit_code;
}

int sweep_run_plan(const weft_sweep *sweep, size_t run, weft_plan *plan)
{
    weft_plan whole;
    sigset_t none;
    sigemptyset(&none);
    signal(SIGINT, SIG_IGN);                    /* as in signals_install_in_job */
    signal(SIGTERM, SIG_DFL);                   /* nothing is to be saved */
    sigprocmask(SIG_SETMASK, &none, NULL);
    weft_status st = weft_plan_make(sweep->run[run].settings, NULL, &whole);
    if (st == WEFT_OK)
        *plan = whole;
    return ended(st);
}
