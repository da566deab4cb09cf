/* From a tally to the figures of a report. */
#ifndef TRAIN_METRICS_H
#define TRAIN_METRICS_H

#include "train/tally.h"
#include "weft/evaluation.h"

/* Fill an evaluation from a tally, whose confusion matrix it takes over; names (empty: none) are copied. On success the caller
 * calls weft_evaluation_clear. WEFT_OK or WEFT_ENOMEM (the tally keeps what it has). */
weft_status metrics_fill(weft_evaluation *evaluation, const char *split, struct tally *tally, double penalty,
                         const struct names *names);

#endif
