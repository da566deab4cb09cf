/* The definitions of the kernels against double precision, within a bound that is computed along (bounded.h). What equals
 * them bit for bit (test_kernel.c) is then as good. */
#include <math.h>

#include "bounded.h"
#include "kernel/reference.h"
#include "support.h"

static struct bounded of(float x) { return exactly((double)x); }

static void expect(float got, struct bounded want, const char *what)
{
    assert_within((double)got, want.value, want.error, "%s", what);
}

static void product_is_a_product(void **state)
{
    (void)state;
    static const size_t shape[][3] = {{1, 1, 1}, {3, 5, 0}, {4, 7, 100}, {2, 3, 1000}};          /* M, N, K */
    struct random random = {1};
    for (size_t s = 0; s < COUNT(shape); s++) {
        size_t M = shape[s][0], N = shape[s][1], K = shape[s][2];
        float *A = guarded_floats(&random, M * K, -1, 1), *B = guarded_floats(&random, K * N, -1, 1);
        float *bias = guarded_floats(&random, N, -1, 1), *C = guarded_new(M * N, sizeof *C);
        product_ref(M, N, K, A, K, 1, B, N, bias, C, N);
        for (size_t i = 0; i < M * N; i++) {
            struct total sum = {0};
            for (size_t k = 0; k < K; k++)
                total_add(&sum, times(of(A[i / N * K + k]), of(B[k * N + i % N])));
            total_add(&sum, of(bias[i % N]));
            expect(C[i], total_in_float(&sum), "product");
        }
        guarded_free(A);
        guarded_free(B);
        guarded_free(bias);
        guarded_free(C);
    }
}

static void activations_are_functions_and_derivatives(void **state)
{
    (void)state;
    struct random random = {2};
    for (size_t i = 0; i < 1000; i++) {
        float x = (float)random_real(&random, -10, 10), dy = (float)random_real(&random, -1, 1);
        float relu = x, tanh_y = x, sigmoid_y = x;
        relu_ref(1, &relu);
        tanh_ref(1, &tanh_y);
        sigmoid_ref(1, &sigmoid_y);
        expect(relu, relu_of(of(x)), "relu");
        expect(tanh_y, tanh_of(of(x)), "tanh");
        expect(sigmoid_y, sigmoid_of(of(x)), "sigmoid");
        float relu_dx = dy, tanh_dx = dy, sigmoid_dx = dy;
        relu_backward_ref(1, &relu, &relu_dx);
        tanh_backward_ref(1, &tanh_y, &tanh_dx);
        sigmoid_backward_ref(1, &sigmoid_y, &sigmoid_dx);
        assert_true(relu_dx == (x > 0 ? dy : 0));
        struct bounded t = tanh_of(of(x)), s = sigmoid_of(of(x));
        expect(tanh_dx, rounded(times(of(dy), rounded(minus(exactly(1), times(t, t))))), "tanh backward");
        expect(sigmoid_dx, rounded(times(of(dy), rounded(times(s, rounded(minus(exactly(1), s)))))), "sigmoid backward");
    }
}

static void softmax_is_a_softmax(void **state)
{
    (void)state;
    struct random random = {3};
    for (size_t C = 1; C < 40; C++) {
        float *x = guarded_floats(&random, C, -20, 20), *logits = guarded_copy(x, C), inverse_rows = 1.0f / 3;
        int32_t label = (int32_t)random_below(&random, C);
        size_t correct, best = 0;
        for (size_t c = 1; c < C; c++)
            best = x[c] > x[best] ? c : best;
        struct total sum = {0};
        for (size_t c = 0; c < C; c++)
            total_add(&sum, exp_of(rounded(minus(of(x[c]), of(x[best])))));
        struct bounded loss = minus(log_of(total_in_float(&sum)), minus(of(x[label]), of(x[best])));
        double got = softmax_loss_gradient_ref(1, C, &label, inverse_rows, logits, &correct);
        assert_within(got, loss.value, loss.error, "softmax loss of %zu classes", C);
        assert_int_equal(correct, best == (size_t)label);
        double total = 0;
        for (size_t c = 0; c < C; c++) {
            struct bounded p = rounded(over(exp_of(rounded(minus(of(x[c]), of(x[best])))), total_in_float(&sum)));
            p = rounded(minus(p, exactly(c == (size_t)label)));
            expect(logits[c], rounded(times(p, of(inverse_rows))), "softmax gradient");
            total += (double)logits[c];
        }
        assert_within(total, 0, (double)(C + 8) * FLOAT_UNIT, "sum of the softmax gradient of %zu classes", C);
        guarded_free(x);
        guarded_free(logits);
    }
}

/* The largest logit comes out right however large it is, and a hopeless row has a large loss, not an infinite one. */
static void softmax_does_not_overflow(void **state)
{
    (void)state;
    float x[] = {3e38f, -3e38f, 0}, y[] = {3e38f, -3e38f, 0};
    int32_t right = 0, wrong = 2, predicted;
    size_t correct;
    assert_true(softmax_loss_ref(1, 3, &right, x, &predicted) == 0);
    assert_int_equal(predicted, 0);
    assert_true(softmax_loss_ref(1, 3, &wrong, x, &predicted) == (double)3e38f);
    assert_true(softmax_loss_gradient_ref(1, 3, &wrong, 1, y, &correct) == (double)3e38f);
    assert_true(y[0] == 1 && y[1] == 0 && y[2] == -1 && correct == 0);
}

static void columns_are_summed(void **state)
{
    (void)state;
    enum { B = 37, H = 3 };
    struct random random = {4};
    float *x = guarded_floats(&random, B * H, 90, 110), *dy = guarded_floats(&random, B * H, -1, 1);
    float *sum = guarded_new(H, sizeof *sum), mean[H], inverse_std[H];
    double *moment = guarded_new(4 * H, sizeof *moment);
    column_sums_ref(B, H, x, sum);
    column_moments_ref(B, H, x, moment, moment + H);
    for (size_t j = 0; j < H; j++) {
        mean[j] = (float)moment[j];
        inverse_std[j] = (float)(1 / sqrt(moment[H + j] / B));
    }
    normalize_sums_ref(B, H, x, mean, inverse_std, dy, moment + 2 * H, moment + 3 * H);
    for (size_t j = 0; j < H; j++) {
        struct total all = {0}, squares = {0}, of_dy = {0}, of_dy_xhat = {0};
        for (size_t n = 0; n < B; n++)
            total_add(&all, of(x[n * H + j]));
        expect(sum[j], total_in_float(&all), "column sum");
        struct bounded middle = over(total_in_double(&all), exactly(B));
        for (size_t n = 0; n < B; n++) {
            struct bounded deviation = minus(of(x[n * H + j]), middle), g = of(dy[n * H + j]);
            struct bounded xhat = rounded(times(rounded(minus(of(x[n * H + j]), of(mean[j]))), of(inverse_std[j])));
            total_add(&squares, times(deviation, deviation));
            total_add(&of_dy, g);
            total_add(&of_dy_xhat, times(g, xhat));
        }
        struct bounded want[] = {middle, total_in_double(&squares), total_in_double(&of_dy), total_in_double(&of_dy_xhat)};
        for (size_t i = 0; i < COUNT(want); i++)
            assert_within(moment[i * H + j], want[i].value, want[i].error, "column %zu, sum %zu", j, i);
    }
    guarded_free(x);
    guarded_free(dy);
    guarded_free(sum);
    guarded_free(moment);
}

static void normalization_is_its_formula(void **state)
{
    (void)state;
    struct random random = {5};
    for (size_t i = 0; i < 1000; i++) {
        float v[8];                             /* x mean inverse_std gamma beta mean_dy mean_dy_xhat dy */
        random_floats(&random, COUNT(v), -2, 2, v);
        float y, plain, dx;
        normalize_ref(1, 1, &v[0], &v[1], &v[2], &v[3], &v[4], &y);
        normalize_ref(1, 1, &v[0], &v[1], &v[2], NULL, NULL, &plain);
        normalize_backward_ref(1, 1, &v[0], &v[1], &v[2], &v[3], &v[5], &v[6], &v[7], &dx);
        struct bounded xhat = rounded(times(rounded(minus(of(v[0]), of(v[1]))), of(v[2])));
        expect(plain, xhat, "xhat");
        expect(y, rounded(plus(times(of(v[3]), xhat), of(v[4]))), "normalize");
        struct bounded rest = rounded(minus(rounded(minus(of(v[7]), of(v[5]))), times(xhat, of(v[6]))));
        expect(dx, rounded(times(of(v[3]), rest)), "normalize backward");
    }
}

static void parameters_move_as_they_should(void **state)
{
    (void)state;
    struct random random = {6};
    const struct adam_step a = {0.9f, 0.99f, 0.1f, 0.01f, 0.003f, 2.5f, 1e-8f};
    for (size_t i = 0; i < 1000; i++) {
        float w = (float)random_real(&random, -1, 1), g = (float)random_real(&random, -1, 1);
        float m = (float)random_real(&random, -1, 1), v = (float)random_real(&random, 0, 1);
        float got = g, decayed = w, by_sgd = w, by_momentum = w, velocity = m;
        penalize_ref(1, &w, 0.3f, 0.2f, &got);
        struct bounded sign = exactly((w > 0) - (w < 0));
        expect(got, rounded(plus(rounded(plus(times(of(0.3f), of(w)), of(g))), times(of(0.2f), sign))), "penalize");
        decay_ref(1, 0.1f, &decayed);
        expect(decayed, rounded(minus(of(w), times(of(0.1f), of(w)))), "decay");
        sgd_ref(1, 0.1f, &g, &by_sgd);
        expect(by_sgd, rounded(minus(of(w), times(of(0.1f), of(g)))), "sgd");
        momentum_ref(1, 0.1f, 0.9f, &g, &velocity, &by_momentum);
        struct bounded V = rounded(plus(times(of(0.9f), of(m)), of(g)));
        expect(velocity, V, "momentum: velocity");
        expect(by_momentum, rounded(minus(of(w), times(of(0.1f), V))), "momentum");
        struct bounded M = rounded(plus(times(of(a.beta1), of(m)), rounded(times(of(a.one_minus_beta1), of(g)))));
        struct bounded square = rounded(times(rounded(times(of(a.one_minus_beta2), of(g))), of(g)));
        V = rounded(plus(times(of(a.beta2), of(v)), square));
        struct bounded size = rounded(plus(times(rounded(root(V)), of(a.inverse_root_correction2)), of(a.epsilon)));
        struct bounded W = rounded(minus(of(w), times(of(a.rate), rounded(over(M, size)))));
        adam_ref(1, &a, &g, &m, &v, &w);
        expect(m, M, "adam: mean");
        expect(v, V, "adam: variance");
        expect(w, W, "adam");
    }
}

static void sums_are_sums(void **state)
{
    (void)state;
    struct random random = {7};
    float *x = guarded_floats(&random, SUM_BLOCK, -1, 1);
    x[17] = 0;
    x[18] = -0.0f;
    struct total sum = {0}, sum_abs = {0}, sum_square = {0};
    double min = 1, max = -1;
    for (size_t i = 0; i < SUM_BLOCK; i++) {
        double value = (double)x[i];
        total_add(&sum, exactly(value));
        total_add(&sum_abs, exactly(fabs(value)));
        total_add(&sum_square, exactly(value * value));
        min = fmin(min, value);
        max = fmax(max, value);
    }
    struct block_sums got;
    sums_ref(SUM_BLOCK, x, &got);
    struct bounded want[] = {total_in_double(&sum), total_in_double(&sum_abs), total_in_double(&sum_square)};
    assert_within(got.sum, want[0].value, want[0].error, "sum");
    assert_within(got.sum_abs, want[1].value, want[1].error, "sum of |x|");
    assert_within(got.sum_square, want[2].value, want[2].error, "sum of squares");
    assert_true((double)got.min == min && (double)got.max == max && got.zeros == 2);
    assert_true((double)largest_magnitude_ref(SUM_BLOCK, x) == fmax(-min, max));
    guarded_free(x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(product_is_a_product),
        cmocka_unit_test(activations_are_functions_and_derivatives),
        cmocka_unit_test(softmax_is_a_softmax),
        cmocka_unit_test(softmax_does_not_overflow),
        cmocka_unit_test(columns_are_summed),
        cmocka_unit_test(normalization_is_its_formula),
        cmocka_unit_test(parameters_move_as_they_should),
        cmocka_unit_test(sums_are_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
