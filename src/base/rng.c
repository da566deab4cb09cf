/* The counter of every random number in Weft is laid out here and nowhere else:
 * word 0 element, word 1 row, word 2 time (low), word 3 purpose << 24 | layer << 16 | time (high 16 bits). */
#include "base/rng.h"

#include <assert.h>
#include <stddef.h>

#include <Random123/philox.h>

void rng_counter(enum rng_purpose purpose, uint32_t layer, uint64_t time, uint32_t row, uint32_t element, uint32_t counter[4])
{
    assert(layer < 256 && time < (UINT64_C(1) << 48));
    counter[0] = element;
    counter[1] = row;
    counter[2] = (uint32_t)time;
    counter[3] = (uint32_t)purpose << 24 | layer << 16 | (uint32_t)(time >> 32);
}

void rng_words(uint64_t seed, enum rng_purpose purpose, uint32_t layer, uint64_t time, uint32_t row, uint32_t element,
               uint32_t word[4])
{
    philox4x32_key_t key = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    philox4x32_ctr_t counter;
    rng_counter(purpose, layer, time, row, element, counter.v);
    philox4x32_ctr_t drawn = philox4x32(counter, key);
    for (size_t i = 0; i < 4; i++)
        word[i] = drawn.v[i];
}

double rng_open_unit(uint32_t high, uint32_t low)
{
    uint64_t top = ((uint64_t)high << 32 | low) >> 12;
    return ((double)top + 0.5) * 0x1p-52;
}

uint64_t rng_below(uint32_t high, uint32_t low, uint64_t bound)
{
    uint64_t bits = (uint64_t)high << 32 | low;
    return (uint64_t)((unsigned __int128)bits * bound >> 64);
}

void rng_permutation(uint64_t seed, enum rng_purpose purpose, uint64_t time, uint32_t count, uint32_t *permutation)
{
    for (uint32_t i = 0; i < count; i++)
        permutation[i] = i;
    uint32_t word[4];
    for (uint32_t i = 0; i + 1 < count; i++) {           /* place i takes one of the places i .. count-1 */
        if (i % 2 == 0)
            rng_words(seed, purpose, 0, time, 0, i / 2, word);
        uint32_t j = i + (uint32_t)rng_below(word[i % 2 * 2], word[i % 2 * 2 + 1], count - i);
        uint32_t other = permutation[j];
        permutation[j] = permutation[i];
        permutation[i] = other;
    }
}
