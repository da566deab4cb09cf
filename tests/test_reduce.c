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

/* The words of the contract: for d = 1, 2, 4 ...: part[i] += part[i+d], i a multiple of 2d; of the shards below one node. */
static uint64_t tree_of(struct range node)
{
    uint64_t part[SHARDS_MAX];
    for (size_t s = node.first; s < node.end; s++)
        part[s] = leaf(s);
    for (size_t d = 1; d < SHARDS_MAX; d *= 2)
        for (size_t i = node.first; i + d < node.end; i++)
            if (i % (2 * d) == 0)
                part[i] = add(part[i], part[i + d]);
    return part[node.first];
}

/* What a kernel does that follows the row_sum: the parts it holds at once are counted too. */
static uint64_t follow(const struct row_sum *sum, size_t first_shard, size_t *most)
{
    uint64_t part[SHARDS_MAX];
    size_t held = 0;
    *most = 0;
    for (size_t s = 0; s < sum->shards; s++) {
        part[held++] = leaf(first_shard + s);
        *most = held > *most ? held : *most;
        assert_true(sum->merges[s] < held);
        for (size_t merge = 0; merge < sum->merges[s]; merge++, held--)
            part[held - 2] = add(part[held - 2], part[held - 1]);
    }
    assert_int_equal(held, 1);
    return part[0];
}

/* One thread's share, as the training step does it: a slot for each node. Returns how many. */
static size_t merge_share(size_t shards, struct range share, uint64_t slot[SHARDS_MAX])
{
    struct tree_stack nodes = tree_share(shards, share);
    for (size_t i = 0, most; i < nodes.depth; i++) {
        struct row_sum sum = row_sum_make(32 * shards, shards, nodes.node[i]);
        slot[i] = follow(&sum, nodes.node[i].first, &most);
    }
    return nodes.depth;
}

static void every_team_makes_the_same_tree(void **state)
{
    (void)state;
    static uint64_t slot[64][SHARDS_MAX];
    for (size_t shards = 1; shards <= SHARDS_MAX; shards++)
        for (size_t threads = 1; threads <= COUNT(slot); threads++) {
            size_t slots = reduce_slots(shards, threads), most = 0;
            for (size_t rank = 0; rank < threads; rank++) {
                size_t held = merge_share(shards, share_of(shards, threads, rank), slot[rank]);
                most = held > most ? held : most;
            }
            assert_int_equal(slots, most);
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
            if (node[0] != tree_of((struct range){0, shards}))
                fail_msg("%zu shards on %zu threads: another tree", shards, threads);
        }
}

/* One thread adds as it goes, like a binary counter: it ends with one node, and 16 shards never need more than five parts. */
static void one_thread_needs_few_parts(void **state)
{
    (void)state;
    static const size_t want[] = {1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 4, 4, 4, 5};
    for (size_t shards = 1; shards <= SHARDS_MAX; shards++) {
        assert_int_equal(row_sum_make(32 * shards, shards, (struct range){0, shards}).parts_most, want[shards - 1]);
        assert_int_equal(reduce_slots(shards, 1), 1);
        assert_int_equal(reduce_plan_make(shards, 1).sums, 0);
        assert_int_equal(reduce_slots(shards, shards), 1);
    }
}

static void check_row_sum(size_t batch_rows, size_t shards, struct range node)
{
    struct row_sum sum = row_sum_make(batch_rows, shards, node);
    size_t most, first_row = node.first * batch_rows / shards;
    assert_int_equal(sum.shards, node.end - node.first);
    for (size_t s = 0; s < sum.shards; s++)
        assert_int_equal(sum.end[s], (node.first + s + 1) * batch_rows / shards - first_row);
    if (follow(&sum, node.first, &most) != tree_of(node))
        fail_msg("shards %zu..%zu of %zu: another tree", node.first, node.end, shards);
    assert_int_equal(sum.parts_most, most);
    assert_true(most <= ROW_SUM_PARTS_MAX);
}

/* For every node that some thread of some team has: all shards of a batch for one thread, a single one for as many threads
 * as shards; rows that divide evenly, that do not, and fewer than shards. */
static void row_sums_follow_the_tree(void **state)
{
    (void)state;
    for (size_t shards = 1; shards <= SHARDS_MAX; shards++)
        for (size_t threads = 1; threads <= shards; threads++)
            for (size_t rank = 0; rank < threads; rank++) {
                struct range share = share_of(shards, threads, rank);
                struct tree_stack nodes = tree_share(shards, share);
                assert_true(nodes.depth >= 1 && nodes.node[0].first == share.first);
                assert_int_equal(nodes.node[nodes.depth - 1].end, share.end);
                for (size_t i = 0; i < nodes.depth; i++) {
                    assert_true(i == 0 || nodes.node[i].first == nodes.node[i - 1].end);
                    const size_t rows[] = {32 * shards, 32 * shards - 5, 3 * shards + 1, 1000, shards - 1};
                    for (size_t r = 0; r < COUNT(rows); r++)
                        check_row_sum(rows[r], shards, nodes.node[i]);
                }
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_team_makes_the_same_tree),
        cmocka_unit_test(one_thread_needs_few_parts),
        cmocka_unit_test(row_sums_follow_the_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
