/* The end of a run: what the model that it leaves is worth. */
#ifndef TRAIN_FINAL_H
#define TRAIN_FINAL_H

#include "train/trainer.h"

/* Figures of all splits, of the best model if train.restore_best says so and the run stopped early: it is read back from its file,
 * after the last save. Checkpoints are not touched again; of a run that is over, evaluation.h5 gets the figures. WEFT_OK;
 * WEFT_ESTOPPED, and resuming the run works them out again; WEFT_EDAMAGED, WEFT_EIO, WEFT_ECREATE, WEFT_ENOMEM. */
weft_status final_figures(weft_trainer *trainer);

#endif
