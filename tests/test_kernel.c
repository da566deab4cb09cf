/* What happens to each element on its own, and the sums over all of them, in every instruction set that this processor has,
 * against their definitions: the same bits, whatever the size or the value; and no byte beyond the output. The other entries of
 * struct kernel are tested in test_kernel_product.c and test_kernel_rows.c. */
#include "kernel_samples.h"

/* Sizes around the vectors of all sets and what a compiler unrolls them to. */
static const size_t edge[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 23, 25, 31, 32, 33, 47, 63, 64, 65, 97};

struct in_place { const char *name; void (*got)(size_t, float *), (*want)(size_t, float *); };
struct with_second {
    const char *name;
    void (*got)(size_t, const float *, float *), (*want)(size_t, const float *, float *);
};

static void check_in_place(struct random *random, size_t n, struct in_place f)
{
    float *x = wild_floats(random, n), *want = guarded_copy(x, n);
    f.got(n, x);
    f.want(n, want);
    assert_same_bits(x, want, n, "%s %s n=%zu", f.name, kernel->name, n);
    guarded_free(x);
    guarded_free(want);
}

static void check_with_second(struct random *random, size_t n, struct with_second f)
{
    float *y = fenced_wild_floats(random, n), *dy = wild_floats(random, n), *want = guarded_copy(dy, n);
    f.got(n, y, dy);
    f.want(n, y, want);
    assert_same_bits(dy, want, n, "%s %s n=%zu", f.name, kernel->name, n);
    guarded_free(y);
    guarded_free(dy);
    guarded_free(want);
}

/* From x to y, and in place. */
static void check_to_another(struct random *random, size_t n, struct with_second f)
{
    float *x = fenced_wild_floats(random, n), *y = guarded_new(n, sizeof *y), *want = guarded_new(n, sizeof *want);
    f.got(n, x, y);
    f.want(n, x, want);
    assert_same_bits(y, want, n, "%s %s n=%zu", f.name, kernel->name, n);
    f.got(n, x, x);
    assert_same_bits(x, want, n, "%s in place %s n=%zu", f.name, kernel->name, n);
    guarded_free(x);
    guarded_free(y);
    guarded_free(want);
}

static void add_swapped(size_t n, const float *from, float *into) { kernel->add(n, into, from); }
static void add_swapped_ref(size_t n, const float *from, float *into) { add_ref(n, into, from); }
static void penalize_some(size_t n, const float *w, float *g) { kernel->penalize(n, w, 0.3f, 0.7f, g); }
static void penalize_some_ref(size_t n, const float *w, float *g) { penalize_ref(n, w, 0.3f, 0.7f, g); }
static void clip_some(size_t n, float *g) { kernel->clip(n, 0.75f, g); }
static void clip_some_ref(size_t n, float *g) { clip_ref(n, 0.75f, g); }
static void scale_some(size_t n, float *g) { kernel->scale(n, 0.3f, g); }
static void scale_some_ref(size_t n, float *g) { scale_ref(n, 0.3f, g); }
static void decay_some(size_t n, float *w) { kernel->decay(n, 0.01f, w); }
static void decay_some_ref(size_t n, float *w) { decay_ref(n, 0.01f, w); }

static void check_elementwise(void)
{
    struct random random = {11};
    for (size_t e = 0; e < COUNT(edge); e++)
        for (size_t again = 0; again < 8; again++) {
            size_t n = edge[e] + again * 64;
            const struct in_place in_place[] = {
                {"relu", kernel->relu, relu_ref}, {"tanh", kernel->tanh, tanh_ref},
                {"sigmoid", kernel->sigmoid, sigmoid_ref}, {"leaky_relu", kernel->leaky_relu, leaky_relu_ref},
                {"elu", kernel->elu, elu_ref}, {"clip", clip_some, clip_some_ref},
                {"scale", scale_some, scale_some_ref}, {"decay", decay_some, decay_some_ref},
            };
            const struct with_second with_second[] = {
                {"relu_backward", kernel->relu_backward, relu_backward_ref},
                {"tanh_backward", kernel->tanh_backward, tanh_backward_ref},
                {"sigmoid_backward", kernel->sigmoid_backward, sigmoid_backward_ref},
                {"leaky_relu_backward", kernel->leaky_relu_backward, leaky_relu_backward_ref},
                {"elu_backward", kernel->elu_backward, elu_backward_ref},
                {"gelu_backward", kernel->gelu_backward, gelu_backward_ref},
                {"softplus_backward", kernel->softplus_backward, softplus_backward_ref},
                {"add", add_swapped, add_swapped_ref}, {"penalize", penalize_some, penalize_some_ref},
            };
            const struct with_second to_another[] = {
                {"gelu", kernel->gelu, gelu_ref}, {"softplus", kernel->softplus, softplus_ref},
            };
            for (size_t f = 0; f < COUNT(to_another); f++)
                check_to_another(&random, n, to_another[f]);
            for (size_t f = 0; f < COUNT(in_place); f++)
                check_in_place(&random, n, in_place[f]);
            for (size_t f = 0; f < COUNT(with_second); f++)
                check_with_second(&random, n, with_second[f]);
        }
}

static void elementwise_entries_are_their_definitions(void **state)
{
    (void)state;
    for_each_isa(check_elementwise);
}

/* What the entry and the definition have made of three arrays alike (moments, then weights), and the largest magnitude that
 * both say they have written: that of the arrays whose bits are set in `written`. */
enum { MEAN = 1, SQUARES = 2, WEIGHTS = 4 };
static void compare_optimizers(float *const array[2][3], unsigned written, size_t n, float got, float want, const char *name)
{
    float largest[3] = {0};
    for (size_t i = 0; i < 3; i++) {
        assert_same_bits(array[0][i], array[1][i], n, "%s %s n=%zu array %zu", name, kernel->name, n, i);
        if (written >> i & 1)
            largest[i] = largest_magnitude_ref(n, array[1][i]);
    }
    float of_all = largest_magnitude_ref(3, largest);
    assert_same_bits(&want, &of_all, 1, "%s: largest magnitude of n=%zu by its definition", name, n);
    assert_same_bits(&got, &of_all, 1, "%s %s n=%zu: largest magnitude", name, kernel->name, n);
}

static void check_optimizers_of(struct random *random, size_t n, bool is_wild)
{
    const struct rmsprop_step squares = {0.9f, 0.1f, 0.002f, 1e-8f};
    const struct adam_step step = {0.9f, 0.999f, 0.1f, 0.001f, 0.002f, 3.5f, 1e-8f};
    float *g = is_wild ? fenced_wild_floats(random, n) : fenced_floats(random, n, -1, 1), *array[2][3], *w[2];
    for (size_t i = 0; i < 3; i++) {
        array[0][i] = guarded_floats(random, n, i == 1 ? 0 : -1, 1);            /* m, v >= 0, w */
        array[1][i] = guarded_copy(array[0][i], n);
    }
    if (n > 0 && !is_wild)
        array[0][n % 3][n / 2] = array[1][n % 3][n / 2] = 5;                    /* the largest is now here, now there */
    for (size_t i = 0; i < 2; i++)
        w[i] = guarded_copy(array[i][2], n);
    float got = kernel->sgd(n, 0.1f, g, w[0]), want = sgd_ref(n, 0.1f, g, w[1]), largest = largest_magnitude_ref(n, w[1]);
    assert_same_bits(w[0], w[1], n, "sgd %s n=%zu", kernel->name, n);
    assert_same_bits(&want, &largest, 1, "sgd: largest magnitude of n=%zu by its definition", n);
    assert_same_bits(&got, &largest, 1, "sgd %s n=%zu: largest magnitude", kernel->name, n);
    got = kernel->adam(n, &step, g, array[0][0], array[0][1], array[0][2]);
    want = adam_ref(n, &step, g, array[1][0], array[1][1], array[1][2]);
    compare_optimizers(array, MEAN | SQUARES | WEIGHTS, n, got, want, "adam");
    got = kernel->momentum(n, 0.01f, 0.9f, g, array[0][0], array[0][2]);
    want = momentum_ref(n, 0.01f, 0.9f, g, array[1][0], array[1][2]);
    compare_optimizers(array, MEAN | WEIGHTS, n, got, want, "momentum");
    got = kernel->nesterov(n, 0.01f, 0.9f, g, array[0][0], array[0][2]);
    want = nesterov_ref(n, 0.01f, 0.9f, g, array[1][0], array[1][2]);
    compare_optimizers(array, MEAN | WEIGHTS, n, got, want, "nesterov");
    got = kernel->rmsprop(n, &squares, g, array[0][1], array[0][2]);
    want = rmsprop_ref(n, &squares, g, array[1][1], array[1][2]);
    compare_optimizers(array, SQUARES | WEIGHTS, n, got, want, "rmsprop");
    guarded_free(g);
    for (size_t i = 0; i < 2; i++)
        guarded_free(w[i]);
    for (size_t i = 0; i < 6; i++)
        guarded_free(array[i / 3][i % 3]);
}

static void check_optimizers(void)
{
    struct random random = {23};
    for (size_t e = 0; e < COUNT(edge); e++)
        for (int is_wild = 0; is_wild < 2; is_wild++)
            check_optimizers_of(&random, edge[e], is_wild);
}

static void optimizer_entries_are_their_definitions(void **state)
{
    (void)state;
    for_each_isa(check_optimizers);
}

static void check_sums(void)
{
    struct random random = {29};
    static const size_t size[] = {0, 1, 15, 16, 17, 31, 33, 1000, SUM_BLOCK - 1, SUM_BLOCK};
    for (size_t s = 0; s < COUNT(size); s++)
        for (int is_wild = 0; is_wild < 2; is_wild++) {
            float *x = is_wild ? fenced_wild_floats(&random, size[s]) : fenced_floats(&random, size[s], -1, 1);
            if (!is_wild && size[s] > 2)
                x[1] = -(x[2] = 0);
            struct block_sums got, want;
            kernel->sums(size[s], x, &got);
            sums_ref(size[s], x, &want);
            assert_same_doubles(&got.sum, &want.sum, 1, "sum %s n=%zu", kernel->name, size[s]);
            assert_same_doubles(&got.sum_abs, &want.sum_abs, 1, "sum_abs %s n=%zu", kernel->name, size[s]);
            assert_same_doubles(&got.sum_square, &want.sum_square, 1, "sum_square %s n=%zu", kernel->name, size[s]);
            assert_true(got.min == want.min && got.max == want.max && got.zeros == want.zeros);
            float largest[] = {kernel->largest_magnitude(size[s], x), largest_magnitude_ref(size[s], x)};
            assert_same_bits(&largest[0], &largest[1], 1, "largest_magnitude %s n=%zu", kernel->name, size[s]);
            guarded_free(x);
        }
}

static void sums_are_their_definitions(void **state)
{
    (void)state;
    for_each_isa(check_sums);
}

/* What a benchmark measures the machine with does the work that it counts: every FMA, and a look at every float. */
static void check_measures(void)
{
    for (size_t rounds = 0; rounds < 5; rounds++) {
        size_t chains = FMA_CHAINS * kernel->lanes;             /* which start at 0, 1, 2 ...: sums of small whole numbers */
        float want = (float)(chains * (chains - 1) / 2 + rounds * chains), got = kernel->fma_rounds(rounds, 1, 1);
        assert_same_bits(&got, &want, 1, "fma_rounds %s, %zu rounds", kernel->name, rounds);
    }
    for (size_t n = 0; n <= 4 * READ_FLOATS; n += READ_FLOATS) {
        float *x = fenced_new(n, sizeof *x), want = 0;
        for (size_t i = 0; i < n; i++)
            want += x[i] = (float)(i * i % 1009);
        float got = kernel->read_floats(n, x);
        assert_same_bits(&got, &want, 1, "read_floats %s n=%zu", kernel->name, n);
        guarded_free(x);
    }
}

static void measures_count_what_is_done(void **state)
{
    (void)state;
    for_each_isa(check_measures);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elementwise_entries_are_their_definitions),
        cmocka_unit_test(optimizer_entries_are_their_definitions),
        cmocka_unit_test(sums_are_their_definitions),
        cmocka_unit_test(measures_count_what_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
