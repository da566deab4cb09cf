/* The background thread that writes checkpoints and the lines of logs, so that training never waits for a disk. */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include "store/run_directory.h"

struct writer;

/* Start the thread; directory must outlive it. All signals are blocked in it. keep as in run_directory_save.
 * WEFT_ENOMEM; WEFT_ERESOURCE if there is no thread to be had. */
weft_status writer_create(struct run_directory *directory, uint64_t keep, struct writer **writer);

/* Free for the next job, or still writing the last one? Never blocks for a write. */
bool writer_is_idle(struct writer *writer);

/* Hand over a checkpoint of step `step`, and (NULL if none) the best model `best` of step best_step that must be on disk
 * before it; best_step < 0 if the run has no best yet. If best_step is step, the checkpoint is the best model as well. Takes
 * ownership of both snapshots, whatever happens. If the thread is still busy, waits for it first. If the best model cannot be
 * saved, the checkpoint is not written either; the writer then keeps that best model and tries again before the next checkpoint
 * that comes without a newer one.
 * Always WEFT_OK: whether the job succeeds is for writer_poll and writer_wait to tell. */
weft_status writer_submit(struct writer *writer, int64_t step, struct snapshot *snapshot, int64_t best_step,
                          struct snapshot *best);

/* Hand over a line of text to be appended to file `name` of the directory; it is copied, name must last. Never waits for the disk:
 * lines gather in memory for as long as it hangs. They are written in the order in which they came, and none is tried twice: a log.
 * WEFT_ENOMEM; whether the line is written is for writer_poll to tell. */
weft_status writer_append(struct writer *writer, const char *name, const char *text);

/* Wait until nothing is being written, no line either. Returns the status of the latest save (WEFT_OK if there was none), its
 * message in weft_last_error() of the caller. Asking does not change what writer_poll will tell. */
weft_status writer_wait(struct writer *writer);

/* Without waiting: the status of the latest save that failed since the last call of this function, else of the first line that
 * could not be appended, WEFT_OK if nothing failed, so that the trainer can report it soon; the message says which it is. The
 * step of the newest checkpoint on disk in *saved_step (-1: none). */
weft_status writer_poll(struct writer *writer, int64_t *saved_step);

/* Wait, end the thread, free; NULL is fine. */
void writer_destroy(struct writer *writer);

#endif
