/* Cutting a batch into shards, and work into shares. */
#include "parallel/shard.h"

size_t shard_count(size_t rows)
{
    size_t wanted = (rows + SHARD_ROWS_WANTED - 1) / SHARD_ROWS_WANTED;
    return wanted < SHARDS_MAX ? wanted : SHARDS_MAX;
}

struct range shard_rows(size_t rows, size_t shards, size_t i)
{
    return (struct range){i * rows / shards, (i + 1) * rows / shards};
}

struct range share_of(size_t n, size_t threads, size_t rank)
{
    return (struct range){rank * n / threads, (rank + 1) * n / threads};
}
