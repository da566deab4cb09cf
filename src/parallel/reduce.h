/* The tree over shards: for d = 1, 2, 4 ...: part[i] += part[i+d], i a multiple of 2d and i+d < S. This order is part of
 * the contract; who adds which pair is not. So whoever has neighbouring shards adds the pairs that lie wholly inside them as
 * soon as both are there (a tree_stack, like a binary counter; for a kernel, a row_sum), and what is left over between threads
 * is a short list of sums that anyone may do, slice by slice (a reduce_plan). */
#ifndef PARALLEL_REDUCE_H
#define PARALLEL_REDUCE_H

#include <stdbool.h>
#include <stddef.h>

#include "kernel/kernel.h"
#include "parallel/shard.h"

/* The subtrees that a sequence of neighbouring shards has been added up to. Slot k of the owner's buffers holds node k. */
struct tree_stack {
    size_t shards;                              /* S of this batch */
    size_t depth;                               /* nodes now */
    struct range node[SHARDS_MAX];              /* shards below each node */
};

/* Add shard s (the one after the last node's end) as a new node in slot `depth`. */
void tree_push(struct tree_stack *stack, size_t s);

/* Are the last two nodes a pair of the tree? Then the caller adds slot depth-1 into slot depth-2 and calls tree_merge. */
bool tree_is_pair(const struct tree_stack *stack);
void tree_merge(struct tree_stack *stack);

/* The nodes that a share of a batch's S shards is added up to. */
struct tree_stack tree_share(size_t shards, struct range share);

/* The same order for a kernel that adds up the rows of shards first .. end-1, which make one node; row 0 is the first one's. */
struct row_sum row_sum_make(size_t batch_rows, size_t shards, struct range node);

/* The whole reduction of one batch of S shards on `threads` threads, each having merged its own share. */
struct reduce_plan {
    size_t shards, threads;
    size_t nodes;
    struct { size_t rank, slot; } node[SHARDS_MAX];             /* whose buffer holds node i, and which slot of it */
    size_t sums;
    struct { size_t into, from; } sum[SHARDS_MAX];              /* in this order: node[into] += node[from]; the result is node 0 */
};
struct reduce_plan reduce_plan_make(size_t shards, size_t threads);

/* How many nodes a thread holds in the end, at most, of a batch of S shards on `threads` threads. */
size_t reduce_slots(size_t shards, size_t threads);

#endif
