/* A run's directory: run.ini, step-<n>.h5 (the last k and the best), last.h5, best.h5, history.csv, timing.csv, evaluation.h5 (of a
 * run that is over), lock.
 *
 * Every step-<n>.h5 is a complete state from which the run can go on; n is a plain decimal number. Files of other names
 * are never touched. After create or open, the functions may be called from several threads, except close. */
#ifndef STORE_RUN_DIRECTORY_H
#define STORE_RUN_DIRECTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "store/snapshot.h"

struct run_directory;

/* Make the directory (parents too) or take one that holds no run, no sweep and no other file of a name that a run uses (run.ini,
 * step-<n>.h5, last.h5, best.h5, history.csv, timing.csv, evaluation.h5), lock it against other processes, remove what dead
 * processes left behind. WEFT_ECREATE if it cannot be made or written, or holds a run or a sweep already; WEFT_ERESOURCE if
 * another process holds the lock; WEFT_EIO if it cannot be looked at or its lock not be signed; WEFT_ENOMEM. */
weft_status run_directory_create(const char *path, struct run_directory **directory);

/* Open an existing run for going on. WEFT_ENOINPUT if there is none; WEFT_ERESOURCE if it is locked; WEFT_ECREATE if it
 * cannot be written; WEFT_EIO if it cannot be looked at or its lock not be signed; WEFT_ENOMEM. */
weft_status run_directory_open(const char *path, struct run_directory **directory);

/* Undo run_directory_create for a run that could not be set up: remove what has been written of it, so that the directory
 * holds no run and may be taken again. What cannot be removed stays. Closes the directory. */
void run_directory_discard(struct run_directory *directory);

/* Unlock and free; NULL is fine. */
void run_directory_close(struct run_directory *directory);

const char *run_directory_path(const struct run_directory *directory);

/* Was the run stopped before its first save? Then its directory has run.ini, but no checkpoint nor a trace that there ever was
 * one: no link to one, no evaluation.h5, no line in history.csv but its head. WEFT_EIO if that cannot be found out; WEFT_ENOMEM. */
weft_status run_directory_look_unsaved(struct run_directory *directory, bool *is_unsaved);

/* Load the newest checkpoint that verifies. Damaged ones are passed over: *passed_over counts them (their names and
 * reasons, newest first and one after the other with "; " between, stand in notes[0 .. notes_capacity-1], "" if none).
 * WEFT_ENOINPUT if there is no checkpoint file at all; WEFT_EDAMAGED if there are
 * some but none is whole; WEFT_EIO if the directory cannot be listed; WEFT_ENOMEM. */
weft_status run_directory_load_newest(struct run_directory *directory, struct snapshot **snapshot, int64_t *step,
                                      size_t *passed_over, char *notes, size_t notes_capacity);

/* Load the newest one that verifies and whose step is below `before`; *snapshot is NULL, and WEFT_OK, if there is none.
 * WEFT_EIO if the directory cannot be listed; WEFT_ENOMEM. */
weft_status run_directory_load_before(struct run_directory *directory, int64_t before, struct snapshot **snapshot, int64_t *step);

/* Load step-<step>.h5. The errors of checkpoint_load; WEFT_EDAMAGED also if its root has another attribute `step`: it was renamed. */
weft_status run_directory_load_step(struct run_directory *directory, int64_t step, struct snapshot **snapshot);

/* Save step-<step>.h5, then point best.h5 at step-<best_step>.h5 (unless best_step < 0 or that file does not exist) and
 * last.h5 at the saved file, then remove checkpoints other than the newest `keep`, the best, and what the links point at.
 * If set_last is false, only the file is written (the best model, before the checkpoint that names it).
 * On failure last.h5 still points at a whole file. */
weft_status run_directory_save(struct run_directory *directory, int64_t step, const struct snapshot *snapshot,
                               int64_t best_step, bool set_last, uint64_t keep);

/* Point last.h5 and best.h5 where the state says, as a save does: a process that was killed between writing a checkpoint and
 * changing the links leaves old ones. best_step < 0, or a file that is not there: that link stays. */
weft_status run_directory_point_links(struct run_directory *directory, int64_t last_step, int64_t best_step);

/* Save what the run's model is worth as evaluation.h5. The errors of checkpoint_save. */
weft_status run_directory_save_evaluation(struct run_directory *directory, const struct snapshot *snapshot);

/* Replace a file of the directory (run.ini, history.csv) by this text, atomically, or append text to one. */
weft_status run_directory_write(struct run_directory *directory, const char *name, const char *text);
weft_status run_directory_append(struct run_directory *directory, const char *name, const char *text);

#endif
