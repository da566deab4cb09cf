/* The tree over shards, whoever adds which pair. The addition here is a hash of (left, right) in that order, so a result is
 * right only if each pair of the contract's tree was added once, in its order, and nothing else. */
#include "parallel/reduce.h"
#include "support.h"

static uint64_t leaf(size_t shard) { return (shard + 1) * UINT64_C(0x9e3779b97f4a7c15); }

static uint64_t add(uint64_t left, uint64_t right)
{
    uint64_t z = left * 3 + (right ^ (right >> 29)) * UINT64_C(0xbf58476d1ce4e5b9);
    return z ^ (z >> 32);
}

/* The words of the contract: for d = 1, 2, 4 ...: part[i] += part[i+d], i a multiple of 2d. */
static uint64_t tree_of(size_t shards)
{
    uint64_t part[SHARDS_MAX];
    for (size_t s = 0; s < shards; s++)
        part[s] = leaf(s);
    for (size_t d = 1; d < shards; d *= 2)
        for (size_t i = 0; i + d < shards; i++)
            if (i % (2 * d) == 0)
                part[i] = add(part[i], part[i + d]);
    return part[0];
}

/* One thread's share, as the training step does it; returns the most slots held at once. */
static size_t merge_share(size_t shards, struct range share, uint64_t slot[SHARDS_MAX])
{
    struct tree_stack stack = {.shards = shards};
    size_t most = 0;
    for (size_t s = share.first; s < share.end; s++) {
        tree_push(&stack, s);
        slot[stack.depth - 1] = leaf(s);
        most = stack.depth > most ? stack.depth : most;
        while (tree_is_pair(&stack)) {
            slot[stack.depth - 2] = add(slot[stack.depth - 2], slot[stack.depth - 1]);
            tree_merge(&stack);
        }
    }
    return most;
}

static void every_team_makes_the_same_tree(void **state)
{
    (void)state;
    static uint64_t slot[64][SHARDS_MAX];
    for (size_t shards = 1; shards <= SHARDS_MAX; shards++)
        for (size_t threads = 1; threads <= COUNT(slot); threads++) {
            size_t slots = reduce_slots(shards, threads);
            for (size_t rank = 0; rank < threads; rank++)
                assert_true(merge_share(shards, share_of(shards, threads, rank), slot[rank]) <= slots);
            struct reduce_plan plan = reduce_plan_make(shards, threads);
            uint64_t node[SHARDS_MAX];
            assert_true(plan.nodes >= 1 && plan.nodes <= shards);
            for (size_t i = 0; i < plan.nodes; i++) {
                assert_true(plan.node[i].rank < threads && plan.node[i].slot < slots);
                node[i] = slot[plan.node[i].rank][plan.node[i].slot];
            }
            assert_int_equal(plan.sums, plan.nodes - 1);
            for (size_t i = 0; i < plan.sums; i++)
                node[plan.sum[i].into] = add(node[plan.sum[i].into], node[plan.sum[i].from]);
            if (node[0] != tree_of(shards))
                fail_msg("%zu shards on %zu threads: another tree", shards, threads);
        }
}

/* One thread adds as it goes, like a binary counter: 16 shards never need more than five buffers. */
static void one_thread_needs_few_slots(void **state)
{
    (void)state;
    static const size_t want[] = {1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5};
    for (size_t shards = 1; shards <= SHARDS_MAX; shards++) {
        assert_int_equal(reduce_slots(shards, 1), want[shards - 1]);
        assert_int_equal(reduce_plan_make(shards, 1).sums, 0);
        assert_int_equal(reduce_slots(shards, shards), 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_team_makes_the_same_tree),
        cmocka_unit_test(one_thread_needs_few_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
