/* Items that come one after the other, nobody knows how many. They are kept in blocks, so that none moves while others come,
 * and become one array at the end; the blocks go back to the system as they are copied. So it never takes much more than the
 * array and one block, where an array that doubles takes three times what it holds. */
#ifndef DATA_PILE_H
#define DATA_PILE_H

#include <stddef.h>

#include "weft/error.h"

struct pile_block { char *bytes; size_t items; };

struct pile {
    size_t item_bytes, count;
    char *next;                                 /* where the next item goes, */
    size_t room;                                /* and how many still fit there */
    struct pile_block *block;
    size_t blocks;
};

/* item_bytes: at most 64 KiB. An empty pile holds no memory. */
void pile_open(struct pile *pile, size_t item_bytes);

/* Add copies of count items. WEFT_OK, WEFT_ENOMEM. */
weft_status pile_add(struct pile *pile, const void *items, size_t count);

/* All items in order as one array of pile->count (memory_free it). WEFT_OK, then the pile is empty and closed; WEFT_ENOMEM. */
weft_status pile_take(struct pile *pile, void **array);

/* Free all; one that is all zero, or closed before, is fine. */
void pile_close(struct pile *pile);

#endif
