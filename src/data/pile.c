/* See pile.h. */
#include "data/pile.h"

#include <string.h>

#include "base/memory.h"

enum { FIRST_BLOCK_BYTES = 1 << 16, LAST_BLOCK_BYTES = 1 << 24, FIRST_BLOCKS = 16 };

void pile_open(struct pile *pile, size_t item_bytes)
{
    *pile = (struct pile){.item_bytes = item_bytes};
}

/* Room for `count` blocks is held as 16, 32, 64, ... */
static int is_full(size_t count)
{
    return count == 0 || (count >= FIRST_BLOCKS && (count & (count - 1)) == 0);
}

static weft_status block_add(struct pile *pile)
{
    size_t n = pile->blocks, bytes = n < 8 ? (size_t)FIRST_BLOCK_BYTES << n : LAST_BLOCK_BYTES;
    if (is_full(n)) {
        struct pile_block *grown = memory_grow(pile->block, n, n == 0 ? FIRST_BLOCKS : 2 * n, sizeof *grown);
        if (grown == NULL)
            return WEFT_ENOMEM;
        pile->block = grown;
    }
    struct pile_block block = {.items = bytes / pile->item_bytes};
    block.bytes = memory_reserve(block.items, pile->item_bytes);
    if (block.bytes == NULL)
        return WEFT_ENOMEM;
    pile->block[pile->blocks++] = block;
    pile->next = block.bytes;
    pile->room = block.items;
    return WEFT_OK;
}

weft_status pile_add(struct pile *pile, const void *items, size_t count)
{
    for (const char *from = items; count > 0;) {
        if (pile->room == 0 && block_add(pile) != WEFT_OK)
            return WEFT_ENOMEM;
        size_t now = count < pile->room ? count : pile->room, bytes = now * pile->item_bytes;
        memcpy(pile->next, from, bytes);
        pile->next += bytes;
        pile->room -= now;
        pile->count += now;
        from += bytes;
        count -= now;
    }
    return WEFT_OK;
}

weft_status pile_take(struct pile *pile, void **array)
{
    char *to = memory_reserve(pile->count, pile->item_bytes);
    if (to == NULL)
        return WEFT_ENOMEM;
    *array = to;
    for (size_t i = 0, left = pile->count; i < pile->blocks; i++) {
        struct pile_block *block = &pile->block[i];
        size_t now = left < block->items ? left : block->items;
        memcpy(to, block->bytes, now * pile->item_bytes);
        to += now * pile->item_bytes;
        left -= now;
        memory_discard(block->bytes, block->items, pile->item_bytes);   /* freed memory may stay the process's for long */
        memory_free(block->bytes);
        block->bytes = NULL;
    }
    pile_close(pile);
    return WEFT_OK;
}

void pile_close(struct pile *pile)
{
    for (size_t i = 0; i < pile->blocks; i++)
        memory_free(pile->block[i].bytes);
    memory_free(pile->block);
    *pile = (struct pile){0};
}
