/* Setting a run up: what a new run and one that goes on have in common. */
#ifndef TRAIN_SETUP_H
#define TRAIN_SETUP_H

#include "train/trainer.h"

/* The training state and everything that is sized by it, for trainer->settings and ->dataset. thread_reason as in team_threads.
 * WEFT_ESETTINGS, WEFT_ENOMEM, WEFT_ERESOURCE. */
weft_status setup_state(weft_trainer *trainer, const char **thread_reason);

/* Begin at step 0 in trainer->directory: first weights, drawn or those of network.init_from; the files of a new run; step-0.h5, on
 * disk when this returns. The errors of fine_tune_begin, setup_write_files and of a save. */
weft_status setup_begin(weft_trainer *trainer, const char *thread_reason);

/* WEFT_EVENT_STARTED: what will run, on how many threads. */
void setup_announce(weft_trainer *trainer, const char *thread_reason);

/* run.ini, with the sources as they were resolved; history.csv from the state, without the line of an evaluation that was cut
 * off (it is written when the evaluation is whole); timing.csv for a new run. WEFT_ESETTINGS, WEFT_ECREATE, WEFT_EIO,
 * WEFT_ENOMEM. */
weft_status setup_write_files(weft_trainer *trainer, bool is_new);

#endif
