/* The evaluations of a run: what is looked at, and where it is written down. */
#ifndef TRAIN_RECORD_H
#define TRAIN_RECORD_H

#include "train/tally.h"
#include "train/trainer.h"

/* The whole evaluation of this step: weight statistics, the figures of the wanted splits (is_final: of all that there are), the
 * learning rate that follows from them; history.csv and timing.csv; the best model is captured. All or nothing as far as
 * evaluated_step tells: what is there already is not made again. */
weft_status record_evaluation(weft_trainer *trainer, bool is_final);

/* Evaluate one split now, without writing it down. On success the caller calls tally_clear. */
weft_status record_tally(weft_trainer *trainer, enum split_name split, struct tally *tally);

/* The learning rate of the latest step; 0 before the first. An evaluation may change that of the next. */
double record_latest_rate(const weft_trainer *trainer);

/* The penalty of the parameters as they are, m of lambda_over_2m being the batch size. */
double record_penalty(weft_trainer *trainer);

/* Bring the schedule up to date with the history up to evaluated_step. */
void record_learning_rate(weft_trainer *trainer);

/* Gradient and old parameters of the observed step have been looked at: until the next one they are empty pages. */
void record_forget_observed(struct training *training);

#endif
