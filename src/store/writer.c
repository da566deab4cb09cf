/* One thread, one job at a time. A failure's message is made in this thread's error buffer, carried over as text, and set
 * again in the buffer of whoever asks. */
#include "store/writer.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

struct writer {
    struct run_directory *directory;
    uint64_t keep;
    pthread_t thread;
    pthread_mutex_t mutex;              /* guards all below */
    pthread_cond_t changed;

    struct snapshot *snapshot;          /* the job; NULL: idle */
    int64_t step, best_step;
    struct snapshot *best;              /* to be saved before it; stays here until it is on disk */
    int64_t best_snapshot_step;
    bool end;

    int64_t saved_step;
    weft_status latest;                 /* of the latest job */
    weft_status unreported;             /* of the latest failed job that writer_poll has not told */
    char latest_text[1024], unreported_text[1024];
};

/* Runs without the mutex: while there is a job, the fields of the job belong to the thread. */
static weft_status write_job(struct writer *w)
{
    if (w->best != NULL) {
        weft_status st = run_directory_save(w->directory, w->best_snapshot_step, w->best, -1, false, w->keep);
        if (st != WEFT_OK)
            return error_context(st, "save the best model, of step %lld", (long long)w->best_snapshot_step);
        snapshot_destroy(w->best);
        w->best = NULL;
    }
    return run_directory_save(w->directory, w->step, w->snapshot, w->best_step, true, w->keep);
}

static void *write_jobs(void *writer)
{
    struct writer *w = writer;
    pthread_mutex_lock(&w->mutex);
    for (;;) {
        while (w->snapshot == NULL && !w->end)
            pthread_cond_wait(&w->changed, &w->mutex);
        if (w->snapshot == NULL)
            break;
        pthread_mutex_unlock(&w->mutex);
        weft_status st = write_job(w);
        if (st != WEFT_OK && w->best_step == w->step) {
            snapshot_destroy(w->best);
            w->best = w->snapshot;
            w->best_snapshot_step = w->step;
        } else {
            snapshot_destroy(w->snapshot);
        }
        pthread_mutex_lock(&w->mutex);
        w->snapshot = NULL;
        w->latest = st;
        if (st == WEFT_OK) {
            w->saved_step = w->step;
        } else {
            snprintf(w->latest_text, sizeof w->latest_text, "%s", weft_last_error());
            memcpy(w->unreported_text, w->latest_text, sizeof w->unreported_text);
            w->unreported = st;
        }
        pthread_cond_broadcast(&w->changed);
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

weft_status writer_create(struct run_directory *directory, uint64_t keep, struct writer **writer)
{
    struct writer *w = memory_new(1, sizeof *w);
    if (w == NULL)
        return WEFT_ENOMEM;
    w->directory = directory;
    w->keep = keep;
    w->saved_step = -1;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->changed, NULL);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);        /* the thread inherits this: signals go to the trainer's */
    int number = pthread_create(&w->thread, NULL, write_jobs, w);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (number != 0) {
        pthread_cond_destroy(&w->changed);
        pthread_mutex_destroy(&w->mutex);
        memory_free(w);
        return error_set(WEFT_ERESOURCE, "start the thread that writes checkpoints: %s", strerror(number));
    }
    *writer = w;
    return WEFT_OK;
}

static void wait_until_idle(struct writer *writer)
{
    while (writer->snapshot != NULL)
        pthread_cond_wait(&writer->changed, &writer->mutex);
}

bool writer_is_idle(struct writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    bool idle = writer->snapshot == NULL;
    pthread_mutex_unlock(&writer->mutex);
    return idle;
}

weft_status writer_submit(struct writer *writer, int64_t step, struct snapshot *snapshot, int64_t best_step,
                          struct snapshot *best)
{
    pthread_mutex_lock(&writer->mutex);
    wait_until_idle(writer);
    writer->snapshot = snapshot;
    writer->step = step;
    writer->best_step = best_step;
    if (best != NULL || best_step == step) {
        snapshot_destroy(writer->best);                 /* one that could not be saved, and is the best no longer */
        writer->best = best;
        writer->best_snapshot_step = best_step;
    }
    pthread_cond_broadcast(&writer->changed);
    pthread_mutex_unlock(&writer->mutex);
    return WEFT_OK;
}

weft_status writer_wait(struct writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    wait_until_idle(writer);
    weft_status st = writer->latest;
    if (st != WEFT_OK)
        error_set(st, "%s", writer->latest_text);
    pthread_mutex_unlock(&writer->mutex);
    return st;
}

weft_status writer_poll(struct writer *writer, int64_t *saved_step)
{
    pthread_mutex_lock(&writer->mutex);
    weft_status st = writer->unreported;
    if (st != WEFT_OK)
        error_set(st, "%s", writer->unreported_text);
    writer->unreported = WEFT_OK;
    *saved_step = writer->saved_step;
    pthread_mutex_unlock(&writer->mutex);
    return st;
}

void writer_destroy(struct writer *writer)
{
    if (writer == NULL)
        return;
    pthread_mutex_lock(&writer->mutex);
    writer->end = true;                                 /* after the job at hand, if there is one */
    pthread_cond_broadcast(&writer->changed);
    pthread_mutex_unlock(&writer->mutex);
    pthread_join(writer->thread, NULL);
    snapshot_destroy(writer->best);
    pthread_cond_destroy(&writer->changed);
    pthread_mutex_destroy(&writer->mutex);
    memory_free(writer);
}
