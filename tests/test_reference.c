/* The definitions of the kernels against double precision, within a bound that is computed along (bounded.h). What equals
 * them bit for bit (test_kernel*.c) is then as good. */
#include <math.h>
#include <string.h>

#include "bounded.h"
#include "kernel/reference.h"
#include "parallel/reduce.h"
#include "support.h"

static struct bounded of(float x) { return exactly((double)x); }

static void expect(float got, struct bounded want, const char *what)
{
    assert_within((double)got, want.value, want.error, "%s", what);
}

static void add_product(struct total *sum, float a, float b)
{
    total_add(sum, times(of(a), of(b)));
}

static void products_are_products(void **state)
{
    (void)state;
    static const size_t shape[][3] = {{1, 1, 1}, {3, 5, 0}, {4, 7, 100}, {2, 32, 1000}};         /* M, N, K */
    enum { OTHER_ROWS = 3 };
    struct random random = {1};
    for (size_t i = 0; i < 4 * COUNT(shape); i++) {
        size_t M = shape[i / 4][0], N = shape[i / 4][1], K = shape[i / 4][2], a_panel = (M + OTHER_ROWS) * PANEL;
        bool resume = i % 2, has_bias = i / 2 % 2;
        float *A = guarded_floats(&random, (K / PANEL + 1) * a_panel, -1, 1), *A_down = guarded_new(K * M, sizeof *A_down);
        float *B = guarded_floats(&random, K * PANEL, -1, 1), *bias = guarded_floats(&random, PANEL, -1, 1);
        float *C = guarded_floats(&random, M * PANEL, -1, 1), *before = guarded_copy(C, M * PANEL);
        float *C_down = guarded_copy(C, M * PANEL);
        for (size_t k = 0; k < K; k++)
            for (size_t m = 0; m < M; m++)
                A_down[k * M + m] = A[k / PANEL * a_panel + m * PANEL + k % PANEL];
        product_ref(M, N, K, A, a_panel, B, resume, has_bias ? bias : NULL, C);
        product_columns_ref(M, N, K, A_down, M, B, resume, C_down);
        for (size_t m = 0; m < M; m++)
            for (size_t n = 0; n < N; n++) {
                struct total sum = {0};
                if (resume)
                    total_add(&sum, of(before[m * PANEL + n]));
                for (size_t k = 0; k < K; k++)
                    add_product(&sum, A_down[k * M + m], B[k * PANEL + n]);
                expect(C_down[m * PANEL + n], total_in_float(&sum), "product_columns");
                if (has_bias)
                    total_add(&sum, of(bias[n]));
                expect(C[m * PANEL + n], total_in_float(&sum), "product");
            }
        float *const all[] = {A, A_down, B, bias, C, before, C_down};
        for (size_t j = 0; j < COUNT(all); j++)
            guarded_free(all[j]);
    }
}

static void gradient_is_a_product_over_rows(void **state)
{
    (void)state;
    static const size_t batch_rows[] = {1, 2, 33, 100, 512, 700};
    enum { M = 7, N = PANEL, LDC = N + 3 };
    struct random random = {8};
    for (size_t i = 0; i < COUNT(batch_rows); i++) {
        size_t rows = batch_rows[i], shards = shard_count(rows);
        struct row_sum order = row_sum_make(rows, shards, (struct range){0, shards});
        float *A = guarded_floats(&random, rows * PANEL, -1, 1), *B = guarded_floats(&random, rows * PANEL, -1, 1);
        float *C = guarded_new(M * LDC, sizeof *C);
        gradient_ref(M, N, &order, A, B, NULL, C, LDC);
        for (size_t m = 0; m < M; m++)
            for (size_t n = 0; n < N; n++) {
                struct total sum = {0};
                for (size_t r = 0; r < rows; r++)
                    add_product(&sum, A[r * PANEL + m], B[r * PANEL + n]);
                expect(C[m * LDC + n], total_in_float(&sum), "gradient");
            }
        guarded_free(A);
        guarded_free(B);
        guarded_free(C);
    }
}

static void check_inputs(struct random *random, enum raw_type type)
{
    enum { ROWS = 5, FIRST = 3, COLUMNS = 20, FEATURES = FIRST + COLUMNS };
    uint8_t byte[ROWS][FEATURES];
    float number[ROWS][FEATURES];
    const uint8_t *row[ROWS];
    float shift[FEATURES], scale[FEATURES], x[ROWS * PANEL], transposed[COLUMNS * PANEL];
    random_floats(random, FEATURES, -10, 300, shift);
    random_floats(random, FEATURES, -2, 2, scale);
    random_floats(random, ROWS * FEATURES, -1000, 1000, number[0]);
    for (size_t r = 0; r < ROWS; r++) {
        row[r] = type == RAW_U8 ? byte[r] : (const uint8_t *)number[r];
        for (size_t c = 0; c < FEATURES && type == RAW_U8; c++)
            number[r][c] = byte[r][c] = (uint8_t)random_bits(random);
    }
    const struct raw_rows from = {.row = row, .shift = shift, .scale = scale, .type = type};
    convert_ref(ROWS, FIRST, COLUMNS, &from, x);
    convert_transposed_ref(ROWS, FIRST, COLUMNS, &from, transposed);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t j = 0; j < PANEL; j++) {
            if (j >= COLUMNS) {
                assert_true(x[r * PANEL + j] == 0);
                continue;
            }
            size_t c = FIRST + j;
            struct bounded want = rounded(times(rounded(minus(of(number[r][c]), of(shift[c]))), of(scale[c])));
            expect(x[r * PANEL + j], want, "convert");
            assert_true(transposed[j * PANEL + r] == x[r * PANEL + j]);
        }
}

static void raw_numbers_become_inputs(void **state)
{
    (void)state;
    struct random random = {9};
    check_inputs(&random, RAW_U8);
    check_inputs(&random, RAW_F32);
}

static void transpose_swaps_rows_and_columns(void **state)
{
    (void)state;
    enum { ROWS = 3, COLUMNS = 5, FROM_ROW = 7, TO_ROW = 4 };
    float from[ROWS * FROM_ROW], to[COLUMNS * TO_ROW] = {0};
    for (size_t i = 0; i < COUNT(from); i++)
        from[i] = (float)i + 1;
    transpose_ref(ROWS, COLUMNS, from, FROM_ROW, to, TO_ROW);
    for (size_t c = 0; c < COLUMNS; c++)
        for (size_t r = 0; r < TO_ROW; r++)
            assert_true(to[c * TO_ROW + r] == (r < ROWS ? (float)(r * FROM_ROW + c) + 1 : 0));
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

/* Near 0 relative to x, and far out to where only a tail is left. */
static void newer_activations_are_functions_and_derivatives(void **state)
{
    (void)state;
    struct random random = {10};
    for (size_t i = 0; i < 4000; i++) {
        double scale = i % 2 == 0 ? 10 : exp2(-(double)random_below(&random, 30));
        float x = (float)random_real(&random, -1.4 * scale, scale), dy = (float)random_real(&random, -1, 1);
        float leaky = x, elu = x, gelu = x, softplus = x;
        float leaky_dx = dy, elu_dx = dy, gelu_dx = dy, softplus_dx = dy;
        leaky_relu_ref(1, &leaky);
        elu_ref(1, &elu);
        gelu_ref(1, &gelu, &gelu);
        softplus_ref(1, &softplus, &softplus);
        expect(leaky, leaky_relu_of(of(x)), "leaky relu");
        expect(elu, elu_of(of(x)), "elu");
        expect(gelu, gelu_of(of(x)), "gelu");
        expect(softplus, softplus_of(of(x)), "softplus");
        leaky_relu_backward_ref(1, &leaky, &leaky_dx);
        elu_backward_ref(1, &elu, &elu_dx);
        gelu_backward_ref(1, &x, &gelu_dx);
        softplus_backward_ref(1, &x, &softplus_dx);
        expect(leaky_dx, x > 0 ? of(dy) : rounded(times(of(dy), of(LEAKY_RELU_SLOPE))), "leaky relu backward");
        struct bounded below = rounded(plus(elu_of(of(x)), exactly(1)));
        expect(elu_dx, x > 0 ? of(dy) : rounded(times(of(dy), below)), "elu backward");
        expect(gelu_dx, rounded(times(of(dy), gelu_slope_of(of(x)))), "gelu backward");
        expect(softplus_dx, rounded(times(of(dy), sigmoid_of(of(x)))), "softplus backward");
    }
}

static float slope_of_elu(float x)
{
    float slope = 1;
    elu_ref(1, &x);
    elu_backward_ref(1, &x, &slope);
    return slope;
}

static float slope_of_gelu(float x)
{
    float slope = 1;
    gelu_backward_ref(1, &x, &slope);
    return slope;
}

static float slope_of_softplus(float x)
{
    float slope = 1;
    softplus_backward_ref(1, &x, &slope);
    return slope;
}

/* A slope is what differences of the function in double tend to: those of steps h and 2h differ by three times what the first is
 * off (its error goes with h^2; with h, where the second derivative jumps), and a few roundings of the values, over h, come on
 * top. The slope itself is off by at most 3.32 ulp of 1.13 (math.h). */
static void slopes_are_limits_of_differences(void **state)
{
    (void)state;
    static const double h = 0x1p-16;
    static const struct { const char *name; struct bounded (*function)(struct bounded); float (*slope)(float); } activation[] = {
        {"elu", elu_of, slope_of_elu}, {"gelu", gelu_of, slope_of_gelu}, {"softplus", softplus_of, slope_of_softplus},
    };
    struct random random = {12};
    for (size_t i = 0; i < 3000; i++) {
        size_t a = i % COUNT(activation);
        double x = (double)(float)random_real(&random, -8, 8), y[5];
        for (int k = 0; k < 5; k++)
            y[k] = activation[a].function(exactly(x + h * (k - 2))).value;
        double near = (y[3] - y[1]) / (2 * h), far = (y[4] - y[0]) / (4 * h);
        double bound = fabs(near - far) + 4 * DBL_EPSILON * (fabs(y[0]) + fabs(y[4]) + 1) / h + 3.32 * 2 * FLOAT_UNIT;
        assert_within((double)activation[a].slope((float)x), near, bound, "%s at %g", activation[a].name, x);
    }
}

/* Rows as a matrix in panels, as the network keeps them; logits of row n, class c. */
enum { ROWS = 3, CLASSES_MAX = 70, PANEL_STRIDE = (ROWS + 2) * PANEL };
static float *logit(float *logits, size_t n, size_t c)
{
    return &logits[c / PANEL * PANEL_STRIDE + n * PANEL + c % PANEL];
}

static void check_softmax_row(float *x, float *logits, size_t n, size_t C, int32_t label, double loss, int32_t best)
{
    size_t largest_class = 0;
    float inverse_rows = 1.0f / 3;
    for (size_t c = 1; c < C; c++)
        largest_class = *logit(x, n, c) > *logit(x, n, largest_class) ? c : largest_class;
    struct bounded max = of(*logit(x, n, largest_class));
    struct total sum = {0};
    for (size_t c = 0; c < C; c++)
        total_add(&sum, exp_of(rounded(minus(of(*logit(x, n, c)), max))));
    struct bounded want = minus(log_of(total_in_float(&sum)), minus(of(*logit(x, n, (size_t)label)), max));
    assert_within(loss, want.value, want.error, "softmax loss of %zu classes", C);
    assert_int_equal(best, largest_class);
    double total = 0;
    for (size_t c = 0; c < C; c++) {
        struct bounded p = rounded(over(exp_of(rounded(minus(of(*logit(x, n, c)), max))), total_in_float(&sum)));
        p = rounded(minus(p, exactly(c == (size_t)label)));
        expect(*logit(logits, n, c), rounded(times(p, of(inverse_rows))), "softmax gradient");
        total += (double)*logit(logits, n, c);
    }
    assert_within(total, 0, (double)(C + 8) * FLOAT_UNIT, "sum of the softmax gradient of %zu classes", C);
}

static void softmax_is_a_softmax(void **state)
{
    (void)state;
    struct random random = {3};
    for (size_t C = 1; C <= CLASSES_MAX; C++) {
        size_t size = (CLASSES_MAX / PANEL + 1) * PANEL_STRIDE;
        float *x = guarded_floats(&random, size, -20, 20), *logits = guarded_copy(x, size);
        int32_t label[ROWS], best[ROWS], best_alone[ROWS];
        double loss[ROWS], loss_alone[ROWS];
        for (size_t n = 0; n < ROWS; n++)
            label[n] = (int32_t)random_below(&random, C);
        softmax_loss_gradient_ref(ROWS, C, label, 1.0f / 3, logits, PANEL_STRIDE, NULL, loss, best);
        softmax_loss_ref(ROWS, C, label, x, PANEL_STRIDE, NULL, loss_alone, best_alone);
        assert_same_doubles(loss_alone, loss, ROWS, "loss with and without a gradient");
        assert_memory_equal(best_alone, best, sizeof best);
        for (size_t n = 0; n < ROWS; n++)
            check_softmax_row(x, logits, n, C, label[n], loss[n], best[n]);
        guarded_free(x);
        guarded_free(logits);
    }
}

/* The largest logit comes out right however large it is, and a hopeless row has a large loss, not an infinite one. */
static void softmax_does_not_overflow(void **state)
{
    (void)state;
    float x[2 * PANEL] = {3e38f, -3e38f, 0};            /* two rows alike, with different labels */
    x[PANEL] = x[0], x[PANEL + 1] = x[1];
    int32_t label[] = {0, 2}, best[2];
    double loss[2];
    softmax_loss_ref(2, 3, label, x, 2 * PANEL, NULL, loss, best);
    assert_true(loss[0] == 0 && best[0] == 0 && loss[1] == (double)3e38f && best[1] == 0);
    softmax_loss_gradient_ref(2, 3, label, 1, x, 2 * PANEL, NULL, loss, best);
    assert_true(loss[1] == (double)3e38f && best[1] == 0);
    assert_true(x[0] == 0 && x[1] == 0 && x[2] == 0);
    assert_true(x[PANEL] == 1 && x[PANEL + 1] == 0 && x[PANEL + 2] == -1);
}

static void columns_are_summed(void **state)
{
    (void)state;
    enum { B = 37 };
    struct random random = {4};
    float *x = guarded_floats(&random, B * PANEL, 90, 110), *dy = guarded_floats(&random, B * PANEL, -1, 1);
    float *sum = guarded_new(PANEL, sizeof *sum), mean[PANEL], inverse_std[PANEL];
    double *moment = guarded_new(4 * PANEL, sizeof *moment);
    column_sums_ref(B, x, sum);
    column_moments_ref(B, x, moment, moment + PANEL);
    for (size_t j = 0; j < PANEL; j++) {
        mean[j] = (float)moment[j];
        inverse_std[j] = (float)(1 / sqrt(moment[PANEL + j] / B));
    }
    normalize_sums_ref(B, x, mean, inverse_std, dy, moment + 2 * PANEL, moment + 3 * PANEL);
    for (size_t j = 0; j < PANEL; j++) {
        struct total all = {0}, squares = {0}, of_dy = {0}, of_dy_xhat = {0};
        for (size_t n = 0; n < B; n++)
            total_add(&all, of(x[n * PANEL + j]));
        expect(sum[j], total_in_float(&all), "column sum");
        struct bounded middle = over(total_in_double(&all), exactly(B));
        for (size_t n = 0; n < B; n++) {
            struct bounded deviation = minus(of(x[n * PANEL + j]), middle), g = of(dy[n * PANEL + j]);
            struct bounded xhat = rounded(times(rounded(minus(of(x[n * PANEL + j]), of(mean[j]))), of(inverse_std[j])));
            total_add(&squares, times(deviation, deviation));
            total_add(&of_dy, g);
            total_add(&of_dy_xhat, times(g, xhat));
        }
        struct bounded want[] = {middle, total_in_double(&squares), total_in_double(&of_dy), total_in_double(&of_dy_xhat)};
        for (size_t i = 0; i < COUNT(want); i++)
            assert_within(moment[i * PANEL + j], want[i].value, want[i].error, "column %zu, sum %zu", j, i);
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
    for (size_t i = 0; i < 100; i++) {
        float v[8][PANEL];                      /* x mean inverse_std gamma beta mean_dy mean_dy_xhat dy */
        random_floats(&random, COUNT(v) * PANEL, -2, 2, v[0]);
        float y[PANEL], plain[PANEL], dx[PANEL];
        memcpy(dx, v[7], sizeof dx);
        normalize_ref(1, v[0], v[1], v[2], v[3], v[4], y);
        normalize_ref(1, v[0], v[1], v[2], NULL, NULL, plain);
        normalize_backward_ref(1, v[0], v[1], v[2], v[3], v[5], v[6], dx);
        for (size_t j = 0; j < PANEL; j++) {
            struct bounded xhat = rounded(times(rounded(minus(of(v[0][j]), of(v[1][j]))), of(v[2][j])));
            expect(plain[j], xhat, "xhat");
            expect(y[j], rounded(plus(times(of(v[3][j]), xhat), of(v[4][j]))), "normalize");
            struct bounded rest = rounded(minus(rounded(minus(of(v[7][j]), of(v[5][j]))), times(xhat, of(v[6][j]))));
            expect(dx[j], rounded(times(of(v[3][j]), rest)), "normalize backward");
        }
    }
}

/* Kept is what is not below the limit: of many numbers, the fraction that the limit says, within six standard deviations. */
static void masks_keep_the_fraction_asked_for(void **state)
{
    (void)state;
    enum { MANY = 2000, DRAWN = MANY * PANEL };
    static const double fraction[] = {0, 0.25, 0.5, 0.9};
    static uint32_t row[MANY];
    static uint8_t keep[DRAWN];
    const uint32_t counter[2] = {5, 6}, key[2] = {7, 8};
    for (size_t r = 0; r < MANY; r++)
        row[r] = (uint32_t)r;
    for (size_t f = 0; f < COUNT(fraction); f++) {
        size_t kept = 0;
        draw_keep_ref(MANY, 0, row, counter, key, (uint32_t)(fraction[f] * 0x1p32), keep);
        for (size_t i = 0; i < DRAWN; i++)
            kept += keep[i];
        assert_within((double)kept, DRAWN * (1 - fraction[f]), 6 * sqrt(DRAWN * fraction[f] * (1 - fraction[f])), "kept units");
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
        float got = g, decayed = w, by_sgd = w, by_momentum = w, velocity = m, by_nesterov = w, ahead = m;
        penalize_ref(1, &w, 0.3f, 0.2f, &got);
        struct bounded sign = exactly((w > 0) - (w < 0));
        expect(got, rounded(plus(rounded(plus(times(of(0.3f), of(w)), of(g))), times(of(0.2f), sign))), "penalize");
        decay_ref(1, 0.1f, &decayed);
        expect(decayed, rounded(minus(of(w), times(of(0.1f), of(w)))), "decay");
        assert_true(sgd_ref(1, 0.1f, &g, &by_sgd) == fabsf(by_sgd));
        expect(by_sgd, rounded(minus(of(w), times(of(0.1f), of(g)))), "sgd");
        float of_momentum = momentum_ref(1, 0.1f, 0.9f, &g, &velocity, &by_momentum);
        assert_true(of_momentum == fmaxf(fabsf(velocity), fabsf(by_momentum)));
        struct bounded V = rounded(plus(times(of(0.9f), of(m)), of(g)));
        expect(velocity, V, "momentum: velocity");
        expect(by_momentum, rounded(minus(of(w), times(of(0.1f), V))), "momentum");
        float of_nesterov = nesterov_ref(1, 0.1f, 0.9f, &g, &ahead, &by_nesterov);
        assert_true(of_nesterov == fmaxf(fabsf(ahead), fabsf(by_nesterov)));
        assert_true(ahead == velocity);
        struct bounded step = rounded(plus(times(of(0.9f), V), of(g)));
        expect(by_nesterov, rounded(minus(of(w), times(of(0.1f), step))), "nesterov");
        struct bounded M = rounded(plus(times(of(a.beta1), of(m)), rounded(times(of(a.one_minus_beta1), of(g)))));
        struct bounded square = rounded(times(rounded(times(of(a.one_minus_beta2), of(g))), of(g)));
        V = rounded(plus(times(of(a.beta2), of(v)), square));
        struct bounded size = rounded(plus(times(rounded(root(V)), of(a.inverse_root_correction2)), of(a.epsilon)));
        struct bounded W = rounded(minus(of(w), times(of(a.rate), rounded(over(M, size)))));
        float of_adam = adam_ref(1, &a, &g, &m, &v, &w);
        assert_true(of_adam == fmaxf(fmaxf(fabsf(m), v), fabsf(w)));
        expect(m, M, "adam: mean");
        expect(v, V, "adam: variance");
        expect(w, W, "adam");
    }
}

static void rmsprop_divides_by_the_root_of_the_mean_square(void **state)
{
    (void)state;
    struct random random = {11};
    const struct rmsprop_step s = {0.9f, 0.1f, 0.01f, 1e-3f};
    for (size_t i = 0; i < 1000; i++) {
        float w = (float)random_real(&random, -1, 1), g = (float)random_real(&random, -1, 1), v = (float)random_real(&random, 0, 1);
        struct bounded square = rounded(times(rounded(times(of(s.one_minus_rho), of(g))), of(g)));
        struct bounded V = rounded(plus(times(of(s.rho), of(v)), square));
        struct bounded size = rounded(plus(rounded(root(V)), of(s.epsilon)));
        struct bounded W = rounded(minus(of(w), times(of(s.rate), rounded(over(of(g), size)))));
        float largest_written = rmsprop_ref(1, &s, &g, &v, &w);
        assert_true(largest_written == fmaxf(v, fabsf(w)));
        expect(v, V, "rmsprop: mean square");
        expect(w, W, "rmsprop");
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
        cmocka_unit_test(products_are_products),
        cmocka_unit_test(gradient_is_a_product_over_rows),
        cmocka_unit_test(raw_numbers_become_inputs),
        cmocka_unit_test(transpose_swaps_rows_and_columns),
        cmocka_unit_test(activations_are_functions_and_derivatives),
        cmocka_unit_test(newer_activations_are_functions_and_derivatives),
        cmocka_unit_test(slopes_are_limits_of_differences),
        cmocka_unit_test(softmax_is_a_softmax),
        cmocka_unit_test(softmax_does_not_overflow),
        cmocka_unit_test(columns_are_summed),
        cmocka_unit_test(normalization_is_its_formula),
        cmocka_unit_test(masks_keep_the_fraction_asked_for),
        cmocka_unit_test(parameters_move_as_they_should),
        cmocka_unit_test(rmsprop_divides_by_the_root_of_the_mean_square),
        cmocka_unit_test(sums_are_sums),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
