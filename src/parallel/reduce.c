/* The pairwise tree over shards. See reduce.h. */
#include "parallel/reduce.h"

#include <assert.h>

void tree_push(struct tree_stack *stack, size_t s)
{
    assert(stack->depth < SHARDS_MAX && s < stack->shards);
    assert(stack->depth == 0 || stack->node[stack->depth - 1].end == s);
    stack->node[stack->depth++] = (struct range){s, s + 1};
}

/* A left node of d shards that starts at a multiple of 2d pairs with the node that covers the d shards after it, or all
 * that are left: the lone tail of an odd count moves up the tree unchanged. */
bool tree_is_pair(const struct tree_stack *stack)
{
    if (stack->depth < 2)
        return false;
    struct range left = stack->node[stack->depth - 2], right = stack->node[stack->depth - 1];
    size_t d = left.end - left.first;
    if ((d & (d - 1)) != 0 || left.first % (2 * d) != 0)
        return false;
    size_t wanted_end = left.first + 2 * d < stack->shards ? left.first + 2 * d : stack->shards;
    return right.end == wanted_end;
}

void tree_merge(struct tree_stack *stack)
{
    assert(tree_is_pair(stack));
    stack->node[stack->depth - 2].end = stack->node[stack->depth - 1].end;
    stack->depth--;
}

struct tree_stack tree_share(size_t shards, struct range share)
{
    struct tree_stack stack = {.shards = shards};
    for (size_t s = share.first; s < share.end; s++) {
        tree_push(&stack, s);
        while (tree_is_pair(&stack))
            tree_merge(&stack);
    }
    return stack;
}

struct row_sum row_sum_make(size_t batch_rows, size_t shards, struct range node)
{
    struct row_sum sum = {.shards = node.end - node.first};
    struct tree_stack stack = {.shards = shards};
    size_t first_row = shard_rows(batch_rows, shards, node.first).first;
    for (size_t i = 0; i < sum.shards; i++) {
        tree_push(&stack, node.first + i);
        sum.end[i] = shard_rows(batch_rows, shards, node.first + i).end - first_row;
        sum.parts_most = stack.depth > sum.parts_most ? stack.depth : sum.parts_most;
        for (; tree_is_pair(&stack); sum.merges[i]++)
            tree_merge(&stack);
    }
    assert(stack.depth == 1 && sum.parts_most <= ROW_SUM_PARTS_MAX);
    return sum;
}

struct reduce_plan reduce_plan_make(size_t shards, size_t threads)
{
    struct reduce_plan plan = {.shards = shards, .threads = threads};
    struct tree_stack joined = {.shards = shards};      /* nodes of all threads so far, in the order of the shards */
    size_t id[SHARDS_MAX];                              /* plan.node of each node of `joined` */
    for (size_t rank = 0; rank < threads; rank++) {
        struct tree_stack own = tree_share(shards, share_of(shards, threads, rank));
        for (size_t slot = 0; slot < own.depth; slot++) {
            plan.node[plan.nodes].rank = rank;
            plan.node[plan.nodes].slot = slot;
            id[joined.depth] = plan.nodes++;
            joined.node[joined.depth++] = own.node[slot];
            while (tree_is_pair(&joined)) {
                plan.sum[plan.sums].into = id[joined.depth - 2];
                plan.sum[plan.sums++].from = id[joined.depth - 1];
                tree_merge(&joined);
            }
        }
    }
    assert(joined.depth == 1);
    return plan;
}

size_t reduce_slots(size_t shards, size_t threads)
{
    size_t most = 1;
    for (size_t rank = 0; rank < threads; rank++) {
        size_t nodes = tree_share(shards, share_of(shards, threads, rank)).depth;
        most = nodes > most ? nodes : most;
    }
    return most;
}
