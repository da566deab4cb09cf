/* Before anything is timed: do the kernels in use compute what their definitions say? A wrong result is quick to have. */
#ifndef BENCH_CHECK_H
#define BENCH_CHECK_H

#include <stddef.h>

#include "weft/error.h"

struct check_shape { size_t rows, fan_in, fan_out; };   /* a dense layer and a batch, each at least 1 */

/* Every entry of the table in use against its definition, on random numbers, at sizes that this layer has: both panels of
 * weights that are at its edges, and at most 1,024 rows of a batch.
 * WEFT_OK; WEFT_EDATA, the message naming entry, set, shape, and the first number that differs; WEFT_ENOMEM. */
weft_status check_kernels(const struct check_shape *shape);

/* The same for shapes around the tiles of all sets. */
weft_status check_kernels_at_edges(void);

#endif
