/* Every entry of struct kernel, in every instruction set that this processor has, against its definition: the same bits,
 * whatever the size, the stride or the value; and no byte beyond its output. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "kernel/kernel.h"
#include "kernel/reference.h"
#include "support.h"

/* Sizes around the tiles of all sets: lanes of 4, 8, 16; panels of 4, 16, 32 columns; 4, 6, 8 rows; 16 rows for packing. */
static const size_t edge[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 23, 25, 31, 32, 33, 47, 63, 64, 65, 97};

/* Do `check` for each set, which is then in use. */
static void for_each_isa(void (*check)(void))
{
    for (int isa = 0; isa < ISA_COUNT; isa++)
        if (kernel_use((enum isa)isa))
            check();
        else
            print_message("           %s: not on this processor\n", isa_name((enum isa)isa));
}

struct product_case {
    size_t M, N, K;
    bool transposed, has_bias;
    size_t a_gap, b_gap, c_gap;                 /* elements between the rows of a matrix */
};

/* C has gaps between its rows, filled before with a number that must still be there. */
static void check_product(const struct product_case *c)
{
    struct random random = {c->M * 1000003 + c->N * 1009 + c->K};
    size_t a_lines = c->transposed ? c->K : c->M, a_length = (c->transposed ? c->M : c->K) + c->a_gap;
    size_t ldb = c->N + c->b_gap, ldc = c->N + c->c_gap;
    float *A = guarded_floats(&random, a_lines * a_length, -1, 1), *B = guarded_floats(&random, c->K * ldb, -1, 1);
    float *bias = guarded_floats(&random, c->N, -1, 1), *C = guarded_floats(&random, c->M * ldc, 7, 8);
    float *want = guarded_copy(C, c->M * ldc);
    size_t a_row = c->transposed ? 1 : a_length, a_col = c->transposed ? a_length : 1;
    kernel->product(c->M, c->N, c->K, A, a_row, a_col, B, ldb, c->has_bias ? bias : NULL, C, ldc);
    product_ref(c->M, c->N, c->K, A, a_row, a_col, B, ldb, c->has_bias ? bias : NULL, want, ldc);
    assert_same_bits(C, want, c->M * ldc, "product %s M=%zu N=%zu K=%zu%s%s gaps %zu %zu %zu", kernel->name, c->M, c->N,
                     c->K, c->transposed ? " transposed" : "", c->has_bias ? " bias" : "", c->a_gap, c->b_gap, c->c_gap);
    guarded_free(A);
    guarded_free(B);
    guarded_free(bias);
    guarded_free(C);
    guarded_free(want);
}

static void check_products(void)
{
    static const size_t depth[] = {0, 1, 2, 7, 33, 255, 256, 257, 511, 512, 513};
    for (size_t m = 0; m < COUNT(edge); m++)
        for (size_t n = 0; n < COUNT(edge); n++) {
            size_t variant = m * COUNT(edge) + n;
            for (size_t transposed = 0; transposed < 2; transposed++)
                for (size_t k = 0; k < 2; k++)          /* the depths take turns */
                    check_product(&(struct product_case){edge[m], edge[n], depth[(variant * 2 + k) % COUNT(depth)],
                                                         transposed, (variant + k) % 2, variant % 3, variant % 5 * 2,
                                                         variant % 4});
        }
    static const size_t rows[] = {1, 7, 15, 16, 17}, columns[] = {1, 16, 17, 31, 32, 33, 65};
    for (size_t m = 0; m < COUNT(rows); m++)
        for (size_t n = 0; n < COUNT(columns); n++)
            for (size_t k = 0; k < COUNT(depth); k++)
                for (int bias = 0; bias < 2; bias++)
                    check_product(&(struct product_case){rows[m], columns[n], depth[k], false, bias, 0, 0, 0});
}

static void product_is_its_definition(void **state)
{
    (void)state;
    for_each_isa(check_products);
}

/* Lanes that belong to no column are computed with zeros, so what is not finite must stay in its own row and column. */
static void check_product_of_nonfinite(void)
{
    enum { M = 19, N = 37, K = 260 };
    struct random random = {5};
    static const float special[] = {NAN, INFINITY, -INFINITY, -0.0f, FLT_MIN / 8, FLT_MAX};
    for (size_t s = 0; s < COUNT(special); s++) {
        float *A = guarded_floats(&random, M * K, -1, 1), *B = guarded_floats(&random, K * N, -1, 1);
        float *C = guarded_new(M * N, sizeof *C), *want = guarded_new(M * N, sizeof *want);
        A[random_below(&random, M * K)] = special[s];
        B[random_below(&random, K * N)] = special[s];
        kernel->product(M, N, K, A, K, 1, B, N, NULL, C, N);
        product_ref(M, N, K, A, K, 1, B, N, NULL, want, N);
        assert_same_bits(C, want, M * N, "product %s with a %g", kernel->name, (double)special[s]);
        guarded_free(A);
        guarded_free(B);
        guarded_free(C);
        guarded_free(want);
    }
}

static void product_keeps_nonfinite_in_place(void **state)
{
    (void)state;
    for_each_isa(check_product_of_nonfinite);
}

/* Numbers of every size, and all that is special about floats. */
static float *wild_floats(struct random *random, size_t count)
{
    static const float special[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, FLT_MAX, -FLT_MAX, FLT_MIN, -FLT_MIN,
                                    FLT_TRUE_MIN, -FLT_TRUE_MIN, FLT_MIN / 2, 1.0f, -1.0f, 88.72284f, -87.33655f, 17.4f,
                                    9.1f, 0x1p-13f};
    float *x = guarded_new(count, sizeof *x);
    for (size_t i = 0; i < count; i++)
        x[i] = random_below(random, 4) == 0
                   ? special[random_below(random, COUNT(special))]
                   : (float)(random_real(random, -1, 1) * exp2((double)random_below(random, 40) - 20));
    return x;
}

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
    float *y = wild_floats(random, n), *dy = wild_floats(random, n), *want = guarded_copy(dy, n);
    f.got(n, y, dy);
    f.want(n, y, want);
    assert_same_bits(dy, want, n, "%s %s n=%zu", f.name, kernel->name, n);
    guarded_free(y);
    guarded_free(dy);
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
static void sgd_some(size_t n, const float *g, float *w) { kernel->sgd(n, 0.1f, g, w); }
static void sgd_some_ref(size_t n, const float *g, float *w) { sgd_ref(n, 0.1f, g, w); }

static void check_elementwise(void)
{
    struct random random = {11};
    for (size_t e = 0; e < COUNT(edge); e++)
        for (size_t again = 0; again < 8; again++) {
            size_t n = edge[e] + again * 64;
            const struct in_place in_place[] = {
                {"relu", kernel->relu, relu_ref}, {"tanh", kernel->tanh, tanh_ref},
                {"sigmoid", kernel->sigmoid, sigmoid_ref}, {"clip", clip_some, clip_some_ref},
                {"scale", scale_some, scale_some_ref}, {"decay", decay_some, decay_some_ref},
            };
            const struct with_second with_second[] = {
                {"relu_backward", kernel->relu_backward, relu_backward_ref},
                {"tanh_backward", kernel->tanh_backward, tanh_backward_ref},
                {"sigmoid_backward", kernel->sigmoid_backward, sigmoid_backward_ref},
                {"add", add_swapped, add_swapped_ref}, {"penalize", penalize_some, penalize_some_ref},
                {"sgd", sgd_some, sgd_some_ref},
            };
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

static void check_input(void)
{
    struct random random = {13};
    for (size_t e = 0; e < COUNT(edge); e++) {
        size_t n = edge[e];
        uint8_t *raw = guarded_new(n, 1);
        for (size_t i = 0; i < n; i++)
            raw[i] = (uint8_t)random_below(&random, 256);
        float *shift = guarded_floats(&random, n, 0, 255), *scale = guarded_floats(&random, n, 0, 0.1);
        float *x = guarded_new(n, sizeof *x), *want = guarded_new(n, sizeof *want);
        kernel->convert(n, raw, shift, scale, x);
        convert_ref(n, raw, shift, scale, want);
        assert_same_bits(x, want, n, "convert %s n=%zu", kernel->name, n);
        for (size_t i = 0; i < n; i++)
            raw[i] &= 1;
        float *from = wild_floats(&random, n);
        kernel->dropout(n, raw, 1.25f, from, x);
        dropout_ref(n, raw, 1.25f, from, want);
        assert_same_bits(x, want, n, "dropout %s n=%zu", kernel->name, n);
        kernel->dropout(n, raw, 1.25f, from, from);     /* in place */
        assert_same_bits(from, want, n, "dropout in place %s n=%zu", kernel->name, n);
        float *const all[] = {shift, scale, x, want, from};
        for (size_t i = 0; i < COUNT(all); i++)
            guarded_free(all[i]);
        guarded_free(raw);
    }
}

static void input_entries_are_their_definitions(void **state)
{
    (void)state;
    for_each_isa(check_input);
}

static void check_softmax_rows(struct random *random, size_t B, size_t C, bool wild)
{
    float *logits = wild ? wild_floats(random, B * C) : guarded_floats(random, B * C, -9, 9);
    float *want = guarded_copy(logits, B * C);
    int32_t *label = guarded_new(B, sizeof *label), *predicted = guarded_new(B, sizeof *predicted);
    int32_t *want_predicted = guarded_new(B, sizeof *want_predicted);
    for (size_t n = 0; n < B; n++)
        label[n] = (int32_t)random_below(random, C);
    if (!wild && B > 0 && C > 2)
        logits[C - 1] = want[C - 1] = logits[1] = want[1] = 10;         /* a tie: the first one wins */
    double loss[3] = {kernel->softmax_loss(B, C, label, logits, predicted),
                      kernel->softmax_loss(B, C, label, logits, NULL)};
    double want_loss = softmax_loss_ref(B, C, label, want, want_predicted);
    assert_memory_equal(predicted, want_predicted, B * sizeof *predicted);
    size_t correct, want_correct;
    loss[2] = kernel->softmax_loss_gradient(B, C, label, 0.125f, logits, &correct);
    softmax_loss_gradient_ref(B, C, label, 0.125f, want, &want_correct);
    for (size_t i = 0; i < COUNT(loss); i++)
        assert_same_doubles(&loss[i], &want_loss, 1, "softmax loss %s B=%zu C=%zu", kernel->name, B, C);
    assert_same_bits(logits, want, B * C, "softmax gradient %s B=%zu C=%zu", kernel->name, B, C);
    assert_int_equal(correct, want_correct);
    guarded_free(logits);
    guarded_free(want);
    guarded_free(label);
    guarded_free(predicted);
    guarded_free(want_predicted);
}

static void check_softmax(void)
{
    struct random random = {17};
    for (size_t B = 0; B < 5; B++)
        for (size_t c = 1; c < COUNT(edge); c++)
            for (int wild = 0; wild < 2; wild++)
                check_softmax_rows(&random, B, edge[c], wild);
}

static void softmax_is_its_definition(void **state)
{
    (void)state;
    for_each_isa(check_softmax);
}

/* x, mean, inverse_std ... of one matrix, and the outputs of the entry and of the definition. */
static void check_normalization(struct random *random, size_t B, size_t H)
{
    float *x = guarded_floats(random, B * H, -3, 5), *dy = guarded_floats(random, B * H, -1, 1);
    float *row[6];                              /* mean, inverse_std, gamma, beta, mean_dy, mean_dy_xhat */
    for (size_t i = 0; i < COUNT(row); i++)
        row[i] = guarded_floats(random, H, i == 1 ? 0.1 : -1, 2);
    float *y = guarded_new(B * H, sizeof *y), *want = guarded_new(B * H, sizeof *want);
    for (int affine = 0; affine < 2; affine++) {
        kernel->normalize(B, H, x, row[0], row[1], affine ? row[2] : NULL, affine ? row[3] : NULL, y);
        normalize_ref(B, H, x, row[0], row[1], affine ? row[2] : NULL, affine ? row[3] : NULL, want);
        assert_same_bits(y, want, B * H, "normalize %s B=%zu H=%zu affine=%d", kernel->name, B, H, affine);
    }
    memcpy(y, x, B * H * sizeof *y);            /* in place */
    kernel->normalize(B, H, y, row[0], row[1], row[2], row[3], y);
    assert_same_bits(y, want, B * H, "normalize in place %s B=%zu H=%zu", kernel->name, B, H);
    normalize_backward_ref(B, H, x, row[0], row[1], row[2], row[4], row[5], dy, want);
    kernel->normalize_backward(B, H, x, row[0], row[1], row[2], row[4], row[5], dy, y);
    assert_same_bits(y, want, B * H, "normalize_backward %s B=%zu H=%zu", kernel->name, B, H);
    kernel->normalize_backward(B, H, x, row[0], row[1], row[2], row[4], row[5], dy, dy);
    assert_same_bits(dy, want, B * H, "normalize_backward in place %s B=%zu H=%zu", kernel->name, B, H);
    for (size_t i = 0; i < COUNT(row); i++)
        guarded_free(row[i]);
    guarded_free(x);
    guarded_free(dy);
    guarded_free(y);
    guarded_free(want);
}

static void check_column_sums(struct random *random, size_t B, size_t H)
{
    float *x = guarded_floats(random, B * H, -3, 5), *dy = guarded_floats(random, B * H, -1, 1);
    float *mean = guarded_floats(random, H, -1, 1), *inverse_std = guarded_floats(random, H, 0.1, 2);
    float *sum = guarded_new(H, sizeof *sum), *want_sum = guarded_new(H, sizeof *want_sum);
    double *two = guarded_new(2 * H, sizeof *two), *want_two = guarded_new(2 * H, sizeof *want_two);
    kernel->column_sums(B, H, x, sum);
    column_sums_ref(B, H, x, want_sum);
    assert_same_bits(sum, want_sum, H, "column_sums %s B=%zu H=%zu", kernel->name, B, H);
    kernel->normalize_sums(B, H, x, mean, inverse_std, dy, two, two + H);
    normalize_sums_ref(B, H, x, mean, inverse_std, dy, want_two, want_two + H);
    assert_same_doubles(two, want_two, 2 * H, "normalize_sums %s B=%zu H=%zu", kernel->name, B, H);
    if (B > 0) {
        kernel->column_moments(B, H, x, two, two + H);
        column_moments_ref(B, H, x, want_two, want_two + H);
        assert_same_doubles(two, want_two, 2 * H, "column_moments %s B=%zu H=%zu", kernel->name, B, H);
    }
    float *const all[] = {x, dy, mean, inverse_std, sum, want_sum};
    for (size_t i = 0; i < COUNT(all); i++)
        guarded_free(all[i]);
    guarded_free(two);
    guarded_free(want_two);
}

static void check_columns(void)
{
    struct random random = {19};
    static const size_t rows[] = {0, 1, 2, 3, 31, 32, 33};
    for (size_t b = 0; b < COUNT(rows); b++)
        for (size_t h = 0; h < COUNT(edge); h++) {
            check_normalization(&random, rows[b], edge[h]);
            check_column_sums(&random, rows[b], edge[h]);
        }
}

static void column_entries_are_their_definitions(void **state)
{
    (void)state;
    for_each_isa(check_columns);
}

static void check_optimizers(void)
{
    struct random random = {23};
    const struct adam_step step = {0.9f, 0.999f, 0.1f, 0.001f, 0.002f, 3.5f, 1e-8f};
    for (size_t e = 0; e < COUNT(edge); e++) {
        size_t n = edge[e];
        float *g = wild_floats(&random, n), *array[2][3];
        for (size_t i = 0; i < 3; i++) {
            array[0][i] = guarded_floats(&random, n, i == 1 ? 0 : -1, 1);       /* m, v >= 0, w */
            array[1][i] = guarded_copy(array[0][i], n);
        }
        kernel->adam(n, &step, g, array[0][0], array[0][1], array[0][2]);
        adam_ref(n, &step, g, array[1][0], array[1][1], array[1][2]);
        for (size_t i = 0; i < 3; i++)
            assert_same_bits(array[0][i], array[1][i], n, "adam %s n=%zu array %zu", kernel->name, n, i);
        kernel->momentum(n, 0.01f, 0.9f, g, array[0][0], array[0][2]);
        momentum_ref(n, 0.01f, 0.9f, g, array[1][0], array[1][2]);
        for (size_t i = 0; i < 3; i++)
            assert_same_bits(array[0][i], array[1][i], n, "momentum %s n=%zu array %zu", kernel->name, n, i);
        guarded_free(g);
        for (size_t i = 0; i < 6; i++)
            guarded_free(array[i / 3][i % 3]);
    }
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
        for (int wild = 0; wild < 2; wild++) {
            float *x = wild ? wild_floats(&random, size[s]) : guarded_floats(&random, size[s], -1, 1);
            if (!wild && size[s] > 2)
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(product_is_its_definition),
        cmocka_unit_test(product_keeps_nonfinite_in_place),
        cmocka_unit_test(elementwise_entries_are_their_definitions),
        cmocka_unit_test(input_entries_are_their_definitions),
        cmocka_unit_test(softmax_is_its_definition),
        cmocka_unit_test(column_entries_are_their_definitions),
        cmocka_unit_test(optimizer_entries_are_their_definitions),
        cmocka_unit_test(sums_are_their_definitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
