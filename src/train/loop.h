/* What trainer.c needs of the loop. */
#ifndef TRAIN_LOOP_H
#define TRAIN_LOOP_H

#include "train/trainer.h"

/* Save this step and wait until it is on disk. */
weft_status loop_save_and_wait(weft_trainer *trainer);

#endif
