/* See digest.h. */
#include "train/digest.h"

#include <inttypes.h>
#include <stdio.h>

#include <xxhash.h>

#include "base/error.h"

static void add_tensors(XXH3_state_t *state, const struct tensor *tensor, size_t count, const float *array)
{
    for (size_t i = 0; i < count; i++)
        XXH3_128bits_update(state, array + tensor[i].offset, tensor[i].count * sizeof *array);
}

weft_status weights_digest(const struct network *net, const struct optimizer *optimizer, char digest[DIGEST_SIZE])
{
    XXH3_state_t *state = XXH3_createState();
    if (state == NULL)
        return error_set(WEFT_ENOMEM, "digest of the weights: not enough memory");
    XXH3_128bits_reset(state);
    add_tensors(state, net->tensor, net->tensors, net->parameter);
    add_tensors(state, net->running_tensor, net->running_tensors, net->running);
    for (size_t m = 0; m < optimizer->moments; m++)
        add_tensors(state, net->tensor, net->tensors, optimizer->moment[m]);
    XXH128_hash_t hash = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    snprintf(digest, DIGEST_SIZE, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64, (uint64_t)hash.low64);
    return WEFT_OK;
}
