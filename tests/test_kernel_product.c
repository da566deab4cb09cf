/* The products, in every instruction set that this processor has, against their definitions: the same bits at every edge of a
 * tile; nothing read beyond a panel and no padding in a result; no byte written beyond the block. */
#include "kernel_samples.h"
#include "parallel/reduce.h"

/* Around the tiles of all sets (4, 6 and 14 rows) and their multiples. */
static const size_t tile_rows[] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  11, 12, 13, 14,
                                   15, 16, 21, 22, 27, 28, 29, 31, 32, 33, 42, 43, 57};
static const size_t depths[] = {0, 1, 2, 31, 32, 33, 63, 64, 65, 255, 256, 257, 784};

struct product_case {
    size_t M, N, K;
    bool resume, has_bias;
    size_t gap;                                 /* product: rows, product_columns: columns of A that belong to someone else */
};

/* What the block holds before the call: chains to go on with, or nothing that may show. */
static float *old_block(struct random *random, const struct product_case *c)
{
    float *C = guarded_new(c->M * PANEL, sizeof *C);
    random_floats(random, c->M * PANEL, -1, 1, C);
    set_padding(c->M, c->resume ? c->N : 0, NAN, C);
    return C;
}

static struct random random_of(const struct product_case *c)
{
    return (struct random){c->M * 1000003 + c->N * 1009 + c->K};
}

/* K columns in panels, the rows of the gap and the padding being NaN. */
static float *panels_of_A(struct random *random, const struct product_case *c, size_t a_panel)
{
    size_t panels = (c->K + PANEL - 1) / PANEL;
    float *A = fenced_floats(random, panels > 0 ? (panels - 1) * a_panel + c->M * PANEL : 0, -1, 1);
    for (size_t p = 0; p < panels; p++) {
        bool is_last = p + 1 == panels;
        set_padding(c->M, is_last ? c->K - p * PANEL : PANEL, NAN, A + p * a_panel);
        fill(is_last ? 0 : c->gap * PANEL, NAN, A + p * a_panel + c->M * PANEL);
    }
    return A;
}

static void compare_products(const struct product_case *c, float *C, float *want, const char *name)
{
    ASSERT_SAME_PANEL(C, want, c->M, c->N, "%s %s M=%zu N=%zu K=%zu gap=%zu%s%s", name, kernel->name, c->M, c->N, c->K, c->gap,
                      c->resume ? " resume" : "", c->has_bias ? " bias" : "");
}

static void check_product(const struct product_case *c, float special)
{
    struct random random = random_of(c);
    size_t a_panel = (c->M + c->gap) * PANEL;
    float *A = panels_of_A(&random, c, a_panel), *B = input_panel(&random, c->K, c->N), *bias = input_panel(&random, 1, c->N);
    if (special != 0) {
        size_t k = random_below(&random, c->K);
        A[k / PANEL * a_panel + random_below(&random, c->M) * PANEL + k % PANEL] = special;
        B[random_below(&random, c->K) * PANEL + random_below(&random, c->N)] = special;
    }
    float *C = old_block(&random, c), *want = guarded_copy(C, c->M * PANEL);
    kernel->product(c->M, c->N, c->K, A, a_panel, B, c->resume, c->has_bias ? bias : NULL, C);
    product_ref(c->M, c->N, c->K, A, a_panel, B, c->resume, c->has_bias ? bias : NULL, want);
    compare_products(c, C, want, "product");
    float *const all[] = {A, B, bias, C, want};
    for (size_t i = 0; i < COUNT(all); i++)
        guarded_free(all[i]);
}

static void check_product_columns(const struct product_case *c, float special)
{
    struct random random = random_of(c);
    size_t step = c->M + c->gap;
    float *A = fenced_floats(&random, c->K > 0 ? (c->K - 1) * step + c->M : 0, -1, 1), *B = input_panel(&random, c->K, c->N);
    for (size_t k = 0; k + 1 < c->K; k++)
        fill(c->gap, NAN, A + k * step + c->M);
    if (special != 0) {
        A[random_below(&random, c->K) * step + random_below(&random, c->M)] = special;
        B[random_below(&random, c->K) * PANEL + random_below(&random, c->N)] = special;
    }
    float *C = old_block(&random, c), *want = guarded_copy(C, c->M * PANEL);
    kernel->product_columns(c->M, c->N, c->K, A, step, B, c->resume, C);
    product_columns_ref(c->M, c->N, c->K, A, step, B, c->resume, want);
    compare_products(c, C, want, "product_columns");
    float *const all[] = {A, B, C, want};
    for (size_t i = 0; i < COUNT(all); i++)
        guarded_free(all[i]);
}

static void check_both(const struct product_case *c, float special)
{
    check_product(c, special);
    check_product_columns(c, special);
}

/* Every height with every width, depths and variants taking turns; then every depth and variant with a few shapes. */
static void check_products(void)
{
    size_t turn = 0;
    for (size_t m = 0; m < COUNT(tile_rows); m++)
        for (size_t N = 1; N <= PANEL; N++)
            for (size_t k = 0; k < 2; k++, turn += 7)
                check_both(&(struct product_case){tile_rows[m], N, depths[turn % COUNT(depths)], turn / 2 % 2, turn / 4 % 2,
                                                  turn % 5}, 0);
    static const size_t rows[] = {1, 6, 14, 15, 29}, columns[] = {1, 8, 9, 16, 17, 32};
    for (size_t m = 0; m < COUNT(rows); m++)
        for (size_t n = 0; n < COUNT(columns); n++)
            for (size_t k = 0; k < COUNT(depths); k++)
                for (unsigned variant = 0; variant < 4; variant++)
                    check_both(&(struct product_case){rows[m], columns[n], depths[k], variant % 2, variant / 2, variant}, 0);
}

static void products_are_their_definitions(void **state)
{
    (void)state;
    for_each_isa(check_products);
}

static const float special[] = {NAN, INFINITY, -INFINITY, -0.0f, FLT_MIN / 8, FLT_MAX};

/* What is not finite must stay in its own row and column. */
static void check_products_of_nonfinite(void)
{
    for (size_t s = 0; s < COUNT(special); s++)
        for (size_t N = 1; N <= PANEL; N += 5)
            check_both(&(struct product_case){19, N, 260, s % 2, s % 3 == 0, 2}, special[s]);
}

static void products_keep_nonfinite_in_place(void **state)
{
    (void)state;
    for_each_isa(check_products_of_nonfinite);
}

/* ---- gradients ---- */

struct gradient_case {
    size_t M, N, batch_rows, shards;
    struct range node;                          /* of the shards' tree */
};

/* What the contract says, shards counted in the whole batch: a chain over the rows floor(sB/S) .. floor((s+1)B/S)-1 of each,
 * then for d = 1, 2, 4 ...: part[i] += part[i+d], i a multiple of 2d. Row 0 is the node's first. */
static float tree_of_one(const struct gradient_case *c, const float *a, const float *b)
{
    float part[SHARDS_MAX];
    size_t r = 0;
    for (size_t s = c->node.first; s < c->node.end; s++) {
        part[s] = 0;
        for (size_t i = s * c->batch_rows / c->shards; i < (s + 1) * c->batch_rows / c->shards; i++, r++)
            part[s] = fmaf(a[r * PANEL], b[r * PANEL], part[s]);
    }
    for (size_t d = 1; d < c->shards; d *= 2)
        for (size_t i = c->node.first; i + d < c->node.end; i++)
            if (i % (2 * d) == 0)
                part[i] += part[i + d];
    return part[c->node.first];
}

static void check_gradient(const struct gradient_case *c, float instead)
{
    struct random random = {c->M * 1000003 + c->N * 1009 + c->batch_rows * 17 + c->shards};
    struct row_sum sum = row_sum_make(c->batch_rows, c->shards, c->node);
    size_t rows = sum.end[sum.shards - 1], ldc = c->N + random_below(&random, 40), size = (c->M - 1) * ldc + c->N;
    assert_int_equal(rows, c->node.end * c->batch_rows / c->shards - c->node.first * c->batch_rows / c->shards);
    float *A = input_panel(&random, rows, c->M), *B = input_panel(&random, rows, c->N);
    if (instead != 0) {
        A[random_below(&random, rows) * PANEL + random_below(&random, c->M)] = instead;
        B[random_below(&random, rows) * PANEL + random_below(&random, c->N)] = instead;
    }
    float *part = guarded_new(sum.parts_most * PANEL * PANEL, sizeof *part);
    float *C = guarded_floats(&random, size, 7, 8), *want = guarded_copy(C, size), *by_hand = guarded_copy(C, size);
    fill(sum.parts_most * PANEL * PANEL, NAN, part);
    kernel->gradient(c->M, c->N, &sum, A, B, part, C, ldc);
    gradient_ref(c->M, c->N, &sum, A, B, NULL, want, ldc);
    for (size_t m = 0; m < c->M; m++)
        for (size_t n = 0; n < c->N; n++)
            by_hand[m * ldc + n] = tree_of_one(c, A + m, B + n);
    assert_same_bits(C, want, size, "gradient %s %zu x %zu, ldc=%zu, %zu rows in %zu shards, of them %zu..%zu",
                     kernel->name, c->M, c->N, ldc, c->batch_rows, c->shards, c->node.first, c->node.end);
    assert_same_bits(C, by_hand, size, "gradient %s as a tree, %zu x %zu, ldc=%zu, %zu rows in %zu shards, of them %zu..%zu",
                     kernel->name, c->M, c->N, ldc, c->batch_rows, c->shards, c->node.first, c->node.end);
    float *const all[] = {A, B, part, C, want, by_hand};
    for (size_t i = 0; i < COUNT(all); i++)
        guarded_free(all[i]);
}

/* Every node that some thread of some team sums up by itself, each once. */
static void for_each_node(size_t shards, void (*check)(size_t shards, struct range node, size_t *turn), size_t *turn)
{
    bool seen[SHARDS_MAX + 1][SHARDS_MAX + 1] = {{false}};
    for (size_t threads = 1; threads <= shards; threads++)
        for (size_t rank = 0; rank < threads; rank++) {
            struct tree_stack nodes = tree_share(shards, share_of(shards, threads, rank));
            for (size_t i = 0; i < nodes.depth; i++) {
                bool *is_seen = &seen[nodes.node[i].first][nodes.node[i].end];
                if (!*is_seen)
                    check(shards, nodes.node[i], turn);
                *is_seen = true;
            }
        }
}

/* Shards of one row, of two or three, nearly full ones, and some that are empty. */
static void check_node(size_t shards, struct range node, size_t *turn)
{
    const size_t batch_rows[] = {shards, 2 * shards + shards / 2, 32 * shards - shards / 3, shards > 1 ? shards - 1 : 1};
    for (size_t b = 0; b < COUNT(batch_rows); b++, *turn += 1)
        check_gradient(&(struct gradient_case){1 + *turn * 7 % PANEL, 1 + *turn * 5 % PANEL, batch_rows[b], shards, node}, 0);
}

static void check_gradients(void)
{
    size_t turn = 0;
    for (size_t shards = 1; shards <= SHARDS_MAX; shards++)
        for_each_node(shards, check_node, &turn);
    for (size_t M = 1; M <= PANEL; M++)
        for (size_t N = 1; N <= PANEL; N++)
            check_gradient(&(struct gradient_case){M, N, 11, 3, {0, 3}}, 0);
    check_gradient(&(struct gradient_case){PANEL, PANEL, 4096, 16, {0, 16}}, 0);
    for (size_t s = 0; s < COUNT(special); s++)
        for (size_t N = 1; N <= PANEL; N += 5)
            check_gradient(&(struct gradient_case){19, N, 150, 5, {0, 5}}, special[s]);
}

static void gradient_is_its_definition_and_a_tree(void **state)
{
    (void)state;
    for_each_isa(check_gradients);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_their_definitions),
        cmocka_unit_test(products_keep_nonfinite_in_place),
        cmocka_unit_test(gradient_is_its_definition_and_a_tree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
