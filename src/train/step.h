/* Which rows of a batch a thread takes through the network. */
#ifndef TRAIN_STEP_H
#define TRAIN_STEP_H

#include "train/training.h"

/* Rows do not need each other unless batch-norm or local gradients add them up: then a thread takes whole shards. */
struct slice step_rows(const struct training *t, const struct batch_plan *plan, size_t rank);

#endif
