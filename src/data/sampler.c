/* See sampler.h. */
#include "data/sampler.h"

#include <assert.h>
#include <inttypes.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"

weft_status sampler_create(struct sampler *sampler, const struct split *split, const struct weft_settings *settings)
{
    size_t batch = (size_t)settings->train.batch_size;
    if (batch > split->count)
        return error_set(WEFT_ESETTINGS, "train.batch_size is %zu: the training split has only %zu rows", batch, split->count);
    bool keeps_last = settings->train.last_batch == LAST_BATCH_KEEP;
    *sampler = (struct sampler){.split = split, .seed = settings->train.seed, .epoch = UINT64_MAX, .batch_size = batch,
                                .shuffles = settings->train.shuffle,
                                .steps_per_epoch = (split->count + (keeps_last ? batch - 1 : 0)) / batch,
                                .order = memory_new(split->count, sizeof *sampler->order)};
    for (size_t i = 0; i < split->count && sampler->order != NULL; i++)
        sampler->order[i] = (uint32_t)i;
    return sampler->order != NULL ? WEFT_OK : WEFT_ENOMEM;
}

void sampler_destroy(struct sampler *sampler)
{
    memory_free(sampler->order);
    *sampler = (struct sampler){0};
}

void sampler_prepare(struct sampler *sampler, uint64_t step)
{
    uint64_t epoch = step / sampler->steps_per_epoch;
    if (epoch == sampler->epoch)
        return;
    if (sampler->shuffles)
        rng_permutation(sampler->seed, RNG_SHUFFLE, epoch, (uint32_t)sampler->split->count, sampler->order);
    sampler->epoch = epoch;
}

size_t sampler_batch_rows(const struct sampler *sampler, uint64_t step)
{
    size_t first = (size_t)(step % sampler->steps_per_epoch) * sampler->batch_size;
    size_t left = sampler->split->count - first;
    return left < sampler->batch_size ? left : sampler->batch_size;
}

void sampler_rows(const struct sampler *sampler, uint64_t step, size_t first, size_t count, uint32_t *row)
{
    assert(step / sampler->steps_per_epoch == sampler->epoch);
    const uint32_t *place = sampler->order + (size_t)(step % sampler->steps_per_epoch) * sampler->batch_size + first;
    for (size_t i = 0; i < count; i++)
        row[i] = sampler->split->row[place[i]];
}
