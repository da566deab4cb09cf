/* The order of a tree's additions, told by an operation that shows it: every other order gives other bits. */
#include <string.h>

#include "base/tree.h"
#include "support.h"

/* The same tree from the top: the left subtree has the largest power of two of leaves that is below the count. */
static double from_the_top(const double *leaf, size_t count)
{
    if (count == 1)
        return leaf[0];
    size_t left = 1;
    while (left * 2 < count)
        left *= 2;
    return from_the_top(leaf, left) + from_the_top(leaf + left, count - left);
}

static void tree_is_the_one_of_the_contract(void **state)
{
    (void)state;
    struct random random = {1};
    double leaf[200], part[200];
    for (size_t count = 1; count <= COUNT(leaf); count++)
        for (size_t again = 0; again < 20; again++) {
            for (size_t i = 0; i < count; i++)          /* sizes far apart, so that each addition rounds */
                leaf[i] = random_real(&random, -1, 1) * (double)(UINT64_C(1) << random_below(&random, 60));
            memcpy(part, leaf, sizeof part);
            double got = tree_sum(part, count), want = from_the_top(leaf, count);
            assert_same_doubles(&got, &want, 1, "tree over %zu parts", count);
        }
}

static void empty_tree_is_zero(void **state)
{
    (void)state;
    assert_true(tree_sum(NULL, 0) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tree_is_the_one_of_the_contract),
        cmocka_unit_test(empty_tree_is_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
