/* From a confusion matrix to the figures of a classification report. */
#ifndef TRAIN_METRICS_H
#define TRAIN_METRICS_H

#include "train/evaluate.h"
#include "weft/evaluation.h"

/* Fill an evaluation from a tally, whose confusion matrix it takes over. WEFT_OK or WEFT_ENOMEM (the tally keeps it). */
weft_status metrics_fill(weft_evaluation *evaluation, const char *split, struct tally *tally, double penalty);

#endif
