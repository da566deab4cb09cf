/* See arena.h. */
#include "base/arena.h"

#include <assert.h>
#include <stdint.h>

#include "base/memory.h"

static size_t add_saturating(size_t a, size_t b)
{
    return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

static size_t rounded_size(size_t count, size_t size)
{
    if (size != 0 && count > (SIZE_MAX - CACHE_LINE_BYTES) / size)
        return SIZE_MAX;
    return (count * size + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES * CACHE_LINE_BYTES;
}

weft_status arena_create(struct arena *arena, size_t size_bytes)
{
    *arena = (struct arena){memory_new(size_bytes, 1), 0, size_bytes};
    return arena->base != NULL ? WEFT_OK : WEFT_ENOMEM;
}

weft_status arena_reserve(struct arena *arena, size_t size_bytes)
{
    *arena = (struct arena){memory_reserve(size_bytes, 1), 0, size_bytes};
    return arena->base != NULL ? WEFT_OK : WEFT_ENOMEM;
}

void *arena_take(struct arena *arena, size_t count, size_t element_size_bytes)
{
    size_t at = arena->used_bytes;
    arena->used_bytes = add_saturating(at, rounded_size(count, element_size_bytes));
    if (arena->base == NULL)
        return NULL;
    assert(arena->used_bytes <= arena->size_bytes);
    return arena->base + at;
}
