/* Do the checkpoints of a directory belong to one run? Nothing in a whole file says whose directory it lies in. */
#ifndef TRAIN_LINEAGE_H
#define TRAIN_LINEAGE_H

#include "store/run_directory.h"

/* Hold a checkpoint that was loaded from the directory against the newest whole one before it, if there is one: both must
 * have been trained with the same settings (but for train.epochs, which a resumed run may change) on the same data.
 * WEFT_EDAMAGED names the first difference and both files; WEFT_ENOMEM, WEFT_EIO. */
weft_status lineage_check(struct run_directory *directory, const struct snapshot *snapshot);

#endif
