/* The parts of a plan: plan.c tells what a run is made of, plan_memory.c what it takes. */
#ifndef TRAIN_PLAN_H
#define TRAIN_PLAN_H

#include "train/trainer.h"
#include "weft/plan.h"

/* Fill the figures of memory and of the checkpoint file, from a plan that has all else. WEFT_OK; WEFT_ENOMEM, WEFT_EIO. */
weft_status plan_memory(const weft_trainer *trainer, weft_plan *plan);

#endif
