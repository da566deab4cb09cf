/* What trainer.c needs of the loop. */
#ifndef TRAIN_LOOP_H
#define TRAIN_LOOP_H

#include "train/trainer.h"

/* Tell the caller's handler, if there is one. */
void loop_announce(weft_trainer *trainer, weft_event_kind kind, const char *text);

/* Save this step and wait until it is on disk. */
weft_status loop_save_and_wait(weft_trainer *trainer);

#endif
