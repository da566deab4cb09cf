/* The digest of a dataset; what goes into it stands at dataset_open. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_STATIC_LINKING_ONLY                 /* the state may live on the stack */
#include <xxhash.h>

#include "data/parts.h"

static void hash_bytes(XXH3_state_t *state, const void *bytes, size_t size_bytes)
{
    if (size_bytes != 0 && XXH3_128bits_update(state, bytes, size_bytes) == XXH_ERROR)
        abort();                                /* only for a NULL argument: our mistake */
}

/* 32-bit words, little-endian whatever the machine. */
static void hash_words(XXH3_state_t *state, const uint32_t *word, size_t count)
{
    enum { BLOCK = 1024 };
    uint8_t byte[4 * BLOCK];
    for (size_t done = 0; done < count; done += BLOCK) {
        size_t n = count - done < BLOCK ? count - done : BLOCK;
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < 4; k++)
                byte[4 * i + k] = (uint8_t)(word[done + i] >> 8 * k);
        hash_bytes(state, byte, 4 * n);
    }
}

static void hash_floats(XXH3_state_t *state, const float *x, size_t count)
{
    enum { BLOCK = 1024 };
    uint32_t word[BLOCK];
    for (size_t done = 0; done < count; done += BLOCK) {
        size_t n = count - done < BLOCK ? count - done : BLOCK;
        memcpy(word, x + done, n * sizeof *word);
        hash_words(state, word, n);
    }
}

static void hash_size(XXH3_state_t *state, size_t size)
{
    const uint32_t word[2] = {(uint32_t)size, (uint32_t)((uint64_t)size >> 32)};
    hash_words(state, word, 2);
}

static void hash_table(XXH3_state_t *state, const struct table *table)
{
    const size_t shape[] = {table->count, table->features, table->height, table->width, table->channels};
    for (size_t i = 0; i < sizeof shape / sizeof shape[0]; i++)
        hash_size(state, shape[i]);
    if (table->value != NULL)
        hash_floats(state, table->value, table->count * table->features);
    else
        hash_bytes(state, table->pixel, table->count * table->features);
    if (table->label != NULL)
        hash_words(state, (const uint32_t *)table->label, table->count);
    if (table->target == NULL)
        return;
    hash_size(state, table->targets);
    hash_floats(state, table->target, table->count * table->targets);
}

void dataset_digest(struct dataset *dataset)
{
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    (void)XXH3_128bits_reset(&state);           /* fails only on NULL */
    hash_table(&state, &dataset->train);
    hash_table(&state, &dataset->test);
    if (dataset->validation.count > 0)
        hash_table(&state, &dataset->validation);
    for (size_t s = 0; s < SPLIT_COUNT; s++) {
        hash_size(&state, dataset->split[s].count);
        hash_words(&state, dataset->split[s].row, dataset->split[s].count);
    }
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state));
    for (size_t i = 0; i < sizeof canonical.digest; i++)
        (void)snprintf(dataset->digest + 2 * i, 3, "%02x", canonical.digest[i]);
}
