/* Many arrays from one allocation, each aligned to a cache line. The same code that hands them out first adds up their
 * sizes, on an arena that only counts, so the two can never disagree. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "weft/error.h"

struct arena {
    char *base;                         /* NULL: only counts */
    size_t used_bytes, size_bytes;
};

#define ARENA_COUNTING ((struct arena){NULL, 0, 0})

/* One zeroed block of size_bytes; the first array taken begins at its start, so freeing that array frees the arena. */
weft_status arena_create(struct arena *arena, size_t size_bytes);

/* The same, not zeroed (memory_reserve). */
weft_status arena_reserve(struct arena *arena, size_t size_bytes);

/* The next count elements; NULL from an arena that only counts. Overflow of count * size saturates, and the arena of that
 * size cannot be created. */
void *arena_take(struct arena *arena, size_t count, size_t element_size_bytes);

#endif
