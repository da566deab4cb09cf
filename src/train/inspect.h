/* What a model that has been read says of itself. */
#ifndef TRAIN_INSPECT_H
#define TRAIN_INSPECT_H

#include "train/model.h"
#include "weft/checkpoint.h"

/* As weft_checkpoint_inspect, of a model and the snapshot that it was read from. On failure *info is empty. */
weft_status inspect_model(const struct model *model, const struct snapshot *snapshot, weft_checkpoint_info *info);

/* Only its tensors: *tensor is the caller's (memory_free), also after a failure. */
weft_status inspect_tensors(const struct model *model, const struct snapshot *snapshot, weft_tensor_info **tensor, size_t *tensors);

#endif
