/* How a batch is cut. A function of its rows alone, because the order of summation follows the shards: changing anything
 * here changes every trained bit (design: S = min(16, ceil(B / 32)) shards, shard i = rows floor(iB/S) .. floor((i+1)B/S)-1). */
#ifndef PARALLEL_SHARD_H
#define PARALLEL_SHARD_H

#include <stddef.h>

enum { SHARDS_MAX = 16, SHARD_ROWS_WANTED = 32 };

struct range { size_t first, end; };            /* first <= i < end */

/* Number of shards of a batch of rows > 0 rows: 1 to SHARDS_MAX. */
size_t shard_count(size_t rows);

/* The rows of shard i of a batch of `rows` rows cut into `shards`. */
struct range shard_rows(size_t rows, size_t shards, size_t i);

/* Which of n equal things thread `rank` of `threads` takes: contiguous ranges in the order of the ranks, sizes at most one
 * apart. Used for shards, parameter blocks and features alike; it decides who works, never what comes out. */
struct range share_of(size_t n, size_t threads, size_t rank);

#endif
