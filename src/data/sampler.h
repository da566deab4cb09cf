/* Which rows make step t: every epoch is a fresh permutation of the training split, a function of (seed, epoch), or the split as it
 * stands if it is not to be shuffled, cut into batches in order. There is nothing to save: any step's rows can be had from its number. */
#ifndef DATA_SAMPLER_H
#define DATA_SAMPLER_H

#include "data/dataset.h"

struct sampler {
    const struct split *split;
    uint64_t seed, epoch;               /* the epoch that order belongs to; UINT64_MAX: none yet */
    size_t batch_size;
    size_t steps_per_epoch;             /* the short last batch counts unless it is dropped */
    bool shuffles;                      /* each epoch has an order of its own */
    uint32_t *order;                    /* places in split->row */
};

/* WEFT_OK; WEFT_ESETTINGS if the batch is larger than the split; WEFT_ENOMEM. */
weft_status sampler_create(struct sampler *sampler, const struct split *split, const struct weft_settings *settings);
void sampler_destroy(struct sampler *sampler);

/* Put the rows in order for the epoch of this step, if that has not been done. Not inside a team. */
void sampler_prepare(struct sampler *sampler, uint64_t step);

/* Rows of this step's batch: batch_size, or fewer in the last batch of an epoch. */
size_t sampler_batch_rows(const struct sampler *sampler, uint64_t step);

/* The data rows of places first .. first+count-1 of the batch; the epoch must have been prepared. Any thread. */
void sampler_rows(const struct sampler *sampler, uint64_t step, size_t first, size_t count, uint32_t *row);

#endif
