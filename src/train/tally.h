/* What the network says of a split, held against what the data say. */
#ifndef TRAIN_TALLY_H
#define TRAIN_TALLY_H

#include "train/evaluate.h"

struct label_counts { uint64_t hits, false_alarms, misses; };   /* of one label; what is left of the rows are right refusals */
struct value_sums { double error2, absolute, spread; };         /* of one value: squared errors, |errors|, squared deviations of
                                                                   the wanted ones from their mean */

struct tally {
    enum task task;
    size_t rows, outputs;
    double loss;
    size_t correct;                     /* rows of which everything is right; not of values */
    uint64_t *confusion;                /* of classes: outputs x outputs, row = true class; memory_free it */
    struct label_counts *label;         /* of labels, outputs; memory_free it */
    struct value_sums *value;           /* of values, outputs; memory_free it */
};

/* Evaluate and count. As evaluate_infer; on success the caller calls tally_clear. A label counts as said from a probability of
 * one half on. */
weft_status tally_split(const struct evaluator *evaluator, const struct split *split, struct tally *tally);
void tally_clear(struct tally *tally);                  /* fine on a zeroed one */

/* Mean over the values of 1 - error2 / spread; a value that is the same in all rows counts 1 if it is met, else 0. And the mean
 * absolute error over all. */
double tally_r2(const struct tally *tally);
double tally_mean_absolute_error(const struct tally *tally);
double value_r2(const struct value_sums *sums);

#endif
