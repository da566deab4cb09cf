/* Random numbers by counter: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), from
 * the Random123 library. A number is a function of (seed, purpose, layer, time, row, element): there is no state to
 * save, and any thread can draw any number at any moment. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

enum rng_purpose {              /* part of every counter: never renumber one */
    RNG_SHUFFLE = 1,            /* time = epoch */
    RNG_SPLIT = 2,              /* which training rows become validation rows */
    RNG_INIT = 3,               /* layer, row = input, element = output */
    RNG_DROPOUT = 4,            /* layer, time = step, row = data row, element = unit / 4 */
    RNG_DIGITS = 5,             /* row = image */
    RNG_GRADCHECK = 255,        /* of a gradient check: reaches no weight of a run */
};

/* Four independent uniform 32-bit words. layer < 256; time < 2^48. */
void rng_words(uint64_t seed, enum rng_purpose purpose, uint32_t layer, uint64_t time, uint32_t row, uint32_t element,
               uint32_t word[4]);

/* The counter that rng_words draws from, for code that draws from many at once. */
void rng_counter(enum rng_purpose purpose, uint32_t layer, uint64_t time, uint32_t row, uint32_t element, uint32_t counter[4]);

/* A double in (0, 1), never 0 or 1, from 64 random bits: (n + 1/2) / 2^52 with n the top 52 bits (exact). */
double rng_open_unit(uint32_t high, uint32_t low);

/* An integer in [0, bound), bound > 0, from 64 random bits: the top word of bits * bound. No value is more likely than
 * another by more than bound / 2^64 (Lemire, ACM TOMACS 29, 2019, without the rejection step). */
uint64_t rng_below(uint32_t high, uint32_t low, uint64_t bound);

/* The permutation of 0 .. count-1 that Fisher and Yates' shuffle (Knuth 3.4.2, algorithm P) makes of the counter
 * (purpose, time); count < 2^32. Written over permutation[0 .. count-1], whose old content does not matter. */
void rng_permutation(uint64_t seed, enum rng_purpose purpose, uint64_t time, uint32_t count, uint32_t *permutation);

#endif
