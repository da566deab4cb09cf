/* One thread; lines first, then a save, one at a time. A failure's message is made in this thread's error buffer, carried over as
 * text, and set again in the buffer of whoever asks. */
#include "store/writer.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

struct line {
    struct line *next;
    const char *name;                   /* of the file */
    char text[];
};

struct writer {
    struct run_directory *directory;
    uint64_t keep;
    pthread_t thread;
    pthread_mutex_t mutex;              /* guards all below */
    pthread_cond_t changed;

    struct line *lines, **lines_end;    /* to be appended, the oldest first; where the next one goes */
    bool is_appending;
    struct snapshot *snapshot;          /* to be saved; NULL: idle */
    int64_t step, best_step;
    struct snapshot *best;              /* to be saved before it; stays here until it is on disk */
    int64_t best_snapshot_step;
    bool end;

    int64_t saved_step;
    weft_status latest;                 /* of the latest save */
    weft_status unreported;             /* what writer_poll has not told */
    char latest_text[1024], unreported_text[1100];
};

/* Runs without the mutex: while there is a save to be done, its fields belong to the thread. */
static weft_status save(struct writer *w)
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

/* Called with the mutex, which is free while the disk is at work. */
static void save_and_note(struct writer *w)
{
    pthread_mutex_unlock(&w->mutex);
    weft_status st = save(w);
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
        return;
    }
    snprintf(w->latest_text, sizeof w->latest_text, "%s", weft_last_error());
    snprintf(w->unreported_text, sizeof w->unreported_text, "a save failed: %s", w->latest_text);
    w->unreported = st;
}

/* Likewise. A failed save that is not told yet is the worse news. */
static void append_and_note(struct writer *w)
{
    struct line *line = w->lines;
    w->lines = NULL;
    w->lines_end = &w->lines;
    w->is_appending = true;
    while (line != NULL) {
        struct line *next = line->next;
        pthread_mutex_unlock(&w->mutex);
        weft_status st = run_directory_append(w->directory, line->name, line->text);
        memory_free(line);
        line = next;
        pthread_mutex_lock(&w->mutex);
        if (st != WEFT_OK && w->unreported == WEFT_OK) {
            snprintf(w->unreported_text, sizeof w->unreported_text, "%s", weft_last_error());
            w->unreported = st;
        }
    }
    w->is_appending = false;
}

static void *write_all(void *writer)
{
    struct writer *w = writer;
    pthread_mutex_lock(&w->mutex);
    for (;;) {
        if (w->lines != NULL)
            append_and_note(w);
        else if (w->snapshot != NULL)
            save_and_note(w);
        else if (w->end)
            break;
        else
            pthread_cond_wait(&w->changed, &w->mutex);
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
    w->lines_end = &w->lines;
    w->saved_step = -1;
    pthread_mutex_init(&w->mutex, NULL);
    pthread_cond_init(&w->changed, NULL);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);        /* the thread inherits this: signals go to the trainer's */
    int number = pthread_create(&w->thread, NULL, write_all, w);
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

static void wait_until_saved(struct writer *writer)
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
    wait_until_saved(writer);
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

weft_status writer_append(struct writer *writer, const char *name, const char *text)
{
    size_t size_bytes = strlen(text) + 1;
    struct line *line = memory_new(1, sizeof *line + size_bytes);
    if (line == NULL)
        return error_context(WEFT_ENOMEM, "append to %s", name);
    line->name = name;
    memcpy(line->text, text, size_bytes);
    pthread_mutex_lock(&writer->mutex);
    *writer->lines_end = line;
    writer->lines_end = &line->next;
    pthread_cond_broadcast(&writer->changed);
    pthread_mutex_unlock(&writer->mutex);
    return WEFT_OK;
}

weft_status writer_wait(struct writer *writer)
{
    pthread_mutex_lock(&writer->mutex);
    while (writer->snapshot != NULL || writer->lines != NULL || writer->is_appending)
        pthread_cond_wait(&writer->changed, &writer->mutex);
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
    writer->end = true;                                 /* after what is at hand */
    pthread_cond_broadcast(&writer->changed);
    pthread_mutex_unlock(&writer->mutex);
    pthread_join(writer->thread, NULL);
    snapshot_destroy(writer->best);
    pthread_cond_destroy(&writer->changed);
    pthread_mutex_destroy(&writer->mutex);
    memory_free(writer);
}
