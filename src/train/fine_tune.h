/* Beginning a run with the weights of another. */
#ifndef TRAIN_FINE_TUNE_H
#define TRAIN_FINE_TUNE_H

#include "train/trainer.h"

/* Unless network.init_from is none: copy what the trainer's network shares with the model of that checkpoint over what
 * network_initialize has drawn: all layers, or, if the number of outputs is another, all but the output layer. Tells as notes what
 * was not taken over, and if the inputs are scaled in another way than the model's were. Fills initial_digest, and makes
 * network.init_from an absolute path, as run.ini is to have it.
 * WEFT_OK; WEFT_EDATA naming the first layer of other widths, or of a batch-norm that only one of them has; WEFT_ESETTINGS if that
 * path cannot be a setting; the errors of model_load. */
weft_status fine_tune_begin(weft_trainer *trainer);

#endif
