/* The losses against rows of targets, and what the output functions make of logits: every instruction set against the
 * definitions, to the last bit; the definitions against double precision, within a bound that is computed along (bounded.h); and
 * their gradients against differences of the losses in double. */
#include "bounded.h"
#include "kernel_samples.h"

enum { LOSSES = LOSS_OF_LINEAR_MSE + 1, OUTPUTS = OUTPUT_OF_LINEAR + 1 };
static const char *const LOSS_NAME[] = {"softmax cross-entropy", "softmax mse", "sigmoid cross-entropy", "sigmoid mse",
                                        "linear mse"};
static const enum output_function OUTPUT[] = {OUTPUT_OF_SOFTMAX, OUTPUT_OF_SOFTMAX, OUTPUT_OF_SIGMOID, OUTPUT_OF_SIGMOID,
                                              OUTPUT_OF_LINEAR};

/* ---- rows of logits and targets in panels ---- */

struct sample {
    size_t B, C, stride, size;                  /* stride: floats from panel to panel, the same for logits and targets */
    float *logits, *target, *weight, *scratch;
};

/* Between two panels lie `gap` rows that belong to someone else. */
static struct sample sample_new(struct random *random, size_t B, size_t C, size_t gap)
{
    size_t panels = (C + PANEL - 1) / PANEL, stride = (B + gap) * PANEL, size = (panels - 1) * stride + B * PANEL;
    struct sample s = {B, C, stride, size, fenced_floats(random, size, -9, 9), fenced_floats(random, size, 0, 1),
                       fenced_floats(random, B, 0.25, 2), guarded_new(C * LOSS_SCRATCH, sizeof(float))};
    set_padding(B, C - (panels - 1) * PANEL, NAN, s.logits + (panels - 1) * stride);
    set_padding(B, C - (panels - 1) * PANEL, NAN, s.target + (panels - 1) * stride);
    fill(C * LOSS_SCRATCH, NAN, s.scratch);
    return s;
}

static void sample_free(struct sample *s)
{
    guarded_free(s->logits);
    guarded_free(s->target);
    guarded_free(s->weight);
    guarded_free(s->scratch);
}

static size_t at(const struct sample *s, size_t n, size_t c)
{
    return c / PANEL * s->stride + n * PANEL + c % PANEL;
}

static struct loss_targets targets_of(const struct sample *s, bool is_weighted)
{
    return (struct loss_targets){s->target, s->stride, is_weighted ? s->weight : NULL};
}

struct outcome {
    float *logits;
    double *loss;
    int32_t *best;
};

static struct outcome outcome_new(const struct sample *s)
{
    return (struct outcome){guarded_copy(s->logits, s->size), guarded_new(s->B, sizeof(double)),
                            guarded_new(s->B, sizeof(int32_t))};
}

static void outcome_free(struct outcome *o)
{
    guarded_free(o->logits);
    guarded_free(o->loss);
    guarded_free(o->best);
}

static struct outcome gradient_by(const struct kernel *k, enum loss_function f, const struct sample *s, bool is_weighted)
{
    struct outcome o = outcome_new(s);
    const struct loss_targets targets = targets_of(s, is_weighted);
    k->loss_gradient(f, s->B, s->C, &targets, 0.125f, o.logits, s->stride, s->scratch, o.loss, o.best);
    return o;
}

static struct outcome loss_by(const struct kernel *k, enum loss_function f, const struct sample *s, bool is_weighted)
{
    struct outcome o = outcome_new(s);
    const struct loss_targets targets = targets_of(s, is_weighted);
    k->loss(f, s->B, s->C, &targets, s->logits, s->stride, s->scratch, o.loss, o.best);
    return o;
}

/* ---- the instruction sets ---- */

static void compare(const struct sample *s, struct outcome *got, struct outcome *want, const char *name)
{
    assert_same_bits(got->logits, want->logits, s->size, "%s %s B=%zu C=%zu", name, kernel->name, s->B, s->C);
    assert_same_doubles(got->loss, want->loss, s->B, "%s %s B=%zu C=%zu: loss", name, kernel->name, s->B, s->C);
    if (memcmp(got->best, want->best, s->B * sizeof *got->best) != 0)
        fail_msg("%s %s B=%zu C=%zu: another best output", name, kernel->name, s->B, s->C);
    outcome_free(got);
    outcome_free(want);
}

static void check_losses_of(const struct sample *s)
{
    for (int f = 0; f < LOSSES; f++)
        for (int is_weighted = 0; is_weighted < 2; is_weighted++) {
            struct outcome got = gradient_by(kernel, (enum loss_function)f, s, is_weighted);
            struct outcome want = gradient_by(&kernel_reference, (enum loss_function)f, s, is_weighted);
            compare(s, &got, &want, LOSS_NAME[f]);
            got = loss_by(kernel, (enum loss_function)f, s, is_weighted);
            want = loss_by(&kernel_reference, (enum loss_function)f, s, is_weighted);
            compare(s, &got, &want, LOSS_NAME[f]);
        }
}

/* What becomes of the padding is not said, but what lies between the panels stays. */
static void check_outputs_of(const struct sample *s)
{
    static const char *const name[] = {"softmax", "sigmoid", "linear"};
    size_t last = (s->C - 1) / PANEL * s->stride, width = (s->C - 1) % PANEL + 1;
    for (int f = 0; f < OUTPUTS; f++) {
        float *got = guarded_copy(s->logits, s->size), *want = guarded_copy(s->logits, s->size);
        kernel->outputs((enum output_function)f, s->B, s->C, got, s->stride, s->scratch);
        outputs_ref((enum output_function)f, s->B, s->C, want, s->stride, NULL);
        set_padding(s->B, width, 0, got + last);
        set_padding(s->B, width, 0, want + last);
        assert_same_bits(got, want, s->size, "%s %s B=%zu C=%zu", name[f], kernel->name, s->B, s->C);
        guarded_free(got);
        guarded_free(want);
    }
}

static void check_all(void)
{
    static const size_t rows[] = {0, 1, 5, 15, 16, 17, 31, 32, 33}, columns[] = {1, 2, 3, 10, 16, 31, 32, 33, 63, 64, 65, 100};
    struct random random = {17};
    for (size_t c = 0; c < COUNT(columns); c++)
        for (size_t b = 0; b < COUNT(rows); b++)
            for (int kind = 0; kind < 3; kind++) {
                struct sample s = sample_new(&random, rows[b], columns[c], (c + b) % 3);
                for (size_t n = 0; n < s.B && kind == 1; n++)           /* the largest logit twice */
                    s.logits[at(&s, n, n * 3 % s.C)] = s.logits[at(&s, n, (n * 3 + s.C - 1) % s.C)] = 10;
                if (kind == 2) {
                    wild(&random, s.size, s.logits);
                    wild(&random, s.B, s.weight);
                    for (size_t n = 0; n < s.B; n++)
                        s.target[at(&s, n, n % s.C)] = n % 5 == 0 ? NAN : (float)(n % 3) - 1;
                }
                check_losses_of(&s);
                check_outputs_of(&s);
                sample_free(&s);
            }
}

static void losses_are_their_definitions(void **state)
{
    (void)state;
    for_each_isa(check_all);
}

/* Targets of one 1 a row are labels: the same bits as softmax_loss_gradient and softmax_loss. */
static void check_labels(void)
{
    struct random random = {19};
    for (size_t C = 1; C <= 70; C += 3) {
        struct sample s = sample_new(&random, 21, C, 1);
        int32_t label[21];
        for (size_t n = 0; n < s.B; n++) {
            label[n] = (int32_t)random_below(&random, C);
            for (size_t c = 0; c < C; c++)
                s.target[at(&s, n, c)] = c == (size_t)label[n];
        }
        for (int has_gradient = 0; has_gradient < 2; has_gradient++) {
            struct outcome want = outcome_new(&s);
            struct outcome got = (has_gradient ? gradient_by : loss_by)(kernel, LOSS_OF_SOFTMAX_CROSS_ENTROPY, &s, false);
            if (has_gradient)
                kernel->softmax_loss_gradient(s.B, C, label, 0.125f, want.logits, s.stride, s.scratch, want.loss, want.best);
            else
                kernel->softmax_loss(s.B, C, label, s.logits, s.stride, s.scratch, want.loss, want.best);
            compare(&s, &got, &want, "labels");
        }
        sample_free(&s);
    }
}

static void labels_are_targets_of_one(void **state)
{
    (void)state;
    for_each_isa(check_labels);
}

/* A NaN makes the loss of its row NaN, and only that. */
static void check_nan(void)
{
    struct random random = {23};
    for (size_t i = 0; i < 150; i++) {
        size_t C = 1 + random_below(&random, 70), B = 1 + random_below(&random, 40), n = random_below(&random, B);
        enum loss_function f = (enum loss_function)(i % LOSSES);
        struct sample s = sample_new(&random, B, C, 0);
        struct outcome before = loss_by(kernel, f, &s, true);
        float *const place[] = {&s.logits[at(&s, n, random_below(&random, C))], &s.target[at(&s, n, random_below(&random, C))],
                                &s.weight[n]};
        *place[i / LOSSES % 3] = NAN;
        struct outcome got = gradient_by(kernel, f, &s, true), alone = loss_by(kernel, f, &s, true);
        for (size_t r = 0; r < B; r++)
            if (r == n ? !isnan(got.loss[r]) || !isnan(alone.loss[r]) : got.loss[r] != before.loss[r])
                fail_msg("%s %s: NaN in row %zu of %zu, loss of row %zu is %g", LOSS_NAME[f], kernel->name, n, B, r, got.loss[r]);
        outcome_free(&before);
        outcome_free(&got);
        outcome_free(&alone);
        sample_free(&s);
    }
}

static void nan_shows_in_the_loss_of_its_row(void **state)
{
    (void)state;
    for_each_isa(check_nan);
}

/* ---- the definitions against double precision ---- */

static struct bounded of(float x) { return exactly((double)x); }

struct row {                                    /* of numbers that carry their errors */
    size_t C;
    struct bounded z[70], p[70], sum, max;
};

static struct row row_of(const struct sample *s, size_t n, enum output_function f)
{
    struct row r = {.C = s->C, .max = {-INFINITY, 0}};
    struct total sum = {0};
    for (size_t c = 0; c < s->C; c++) {
        r.z[c] = of(s->logits[at(s, n, c)]);
        r.max = r.z[c].value > r.max.value ? r.z[c] : r.max;
    }
    for (size_t c = 0; c < s->C; c++)
        total_add(&sum, exp_of(rounded(minus(r.z[c], r.max))));
    r.sum = total_in_float(&sum);
    for (size_t c = 0; c < s->C; c++)
        r.p[c] = f == OUTPUT_OF_SOFTMAX   ? rounded(over(exp_of(rounded(minus(r.z[c], r.max))), r.sum))
                 : f == OUTPUT_OF_SIGMOID ? sigmoid_of(r.z[c])
                                          : r.z[c];
    return r;
}

static struct bounded loss_of_row(enum loss_function f, const struct sample *s, size_t n, const struct row *r)
{
    struct total sum = {0};
    for (size_t c = 0; c < r->C; c++) {
        struct bounded t = of(s->target[at(s, n, c)]), d = rounded(minus(r->p[c], t));
        if (f == LOSS_OF_SOFTMAX_CROSS_ENTROPY) {
            total_add(&sum, times(t, minus(log_of(r->sum), minus(r->z[c], r->max))));
        } else if (f == LOSS_OF_SIGMOID_CROSS_ENTROPY) {
            struct bounded small = log1p_of(exp_of(exactly(-fabs(r->z[c].value))));
            total_add(&sum, plus(minus(exactly(fmax(r->z[c].value, 0)), times(r->z[c], t)), small));
        } else {
            total_add(&sum, times(d, d));
        }
    }
    bool is_mean = f != LOSS_OF_SOFTMAX_CROSS_ENTROPY && f != LOSS_OF_SIGMOID_CROSS_ENTROPY;
    return times(of(s->weight[n]), over(total_in_double(&sum), exactly(is_mean ? (double)r->C : 1)));
}

static struct bounded gradient_of_row(enum loss_function f, const struct sample *s, size_t n, const struct row *r, size_t c)
{
    struct bounded scale = rounded(times(of(s->weight[n]), of(0.125f))), p = r->p[c], t = of(s->target[at(s, n, c)]);
    struct bounded of_mean = rounded(times(rounded(exactly(2 / (double)r->C)), scale)), d = rounded(minus(p, t));
    struct total targets = {0}, dot = {0};
    for (size_t k = 0; k < r->C; k++) {
        struct bounded t_k = of(s->target[at(s, n, k)]);
        total_add(&targets, t_k);
        total_add(&dot, times(rounded(times(rounded(minus(r->p[k], t_k)), of_mean)), r->p[k]));
    }
    switch (f) {
    case LOSS_OF_SOFTMAX_CROSS_ENTROPY: return rounded(times(rounded(minus(times(p, total_in_float(&targets)), t)), scale));
    case LOSS_OF_SOFTMAX_MSE:
        return rounded(times(p, rounded(minus(rounded(times(d, of_mean)), total_in_float(&dot)))));
    case LOSS_OF_SIGMOID_CROSS_ENTROPY: return rounded(times(d, scale));
    case LOSS_OF_SIGMOID_MSE:
        return rounded(times(rounded(times(d, rounded(times(p, rounded(minus(exactly(1), p)))))), of_mean));
    case LOSS_OF_LINEAR_MSE: return rounded(times(d, of_mean));
    }
    return exactly(0);
}

static void check_precision(enum loss_function f, const struct sample *s)
{
    struct outcome got = gradient_by(&kernel_reference, f, s, true), alone = loss_by(&kernel_reference, f, s, true);
    float *outputs = guarded_copy(s->logits, s->size);
    outputs_ref(OUTPUT[f], s->B, s->C, outputs, s->stride, NULL);
    assert_same_doubles(alone.loss, got.loss, s->B, "%s: loss with and without a gradient", LOSS_NAME[f]);
    assert_memory_equal(alone.best, got.best, s->B * sizeof *got.best);
    for (size_t n = 0; n < s->B; n++) {
        struct row r = row_of(s, n, OUTPUT[f]);
        struct bounded want = loss_of_row(f, s, n, &r);
        assert_within(got.loss[n], want.value, want.error, "%s of %zu outputs", LOSS_NAME[f], s->C);
        assert_true(s->logits[at(s, n, (size_t)got.best[n])] == (float)r.max.value);
        for (size_t c = 0; c < s->C; c++) {
            want = gradient_of_row(f, s, n, &r, c);
            assert_within((double)got.logits[at(s, n, c)], want.value, want.error, "gradient of %s, C=%zu", LOSS_NAME[f], s->C);
            assert_within((double)outputs[at(s, n, c)], r.p[c].value, r.p[c].error, "output of %s, C=%zu", LOSS_NAME[f], s->C);
        }
    }
    guarded_free(outputs);
    outcome_free(&got);
    outcome_free(&alone);
}

static void definitions_are_the_formulas(void **state)
{
    (void)state;
    struct random random = {29};
    for (size_t C = 1; C <= 70; C++)
        for (int f = 0; f < LOSSES; f++) {
            struct sample s = sample_new(&random, 3, C, 2);
            for (size_t n = 0; n < s.B; n++)
                s.target[at(&s, n, n % C)] = (float)(n % 2);            /* certain ones among them */
            check_precision((enum loss_function)f, &s);
            sample_free(&s);
        }
}

/* ---- gradients against differences ---- */

/* The loss of a row in double, from its formula and nothing else. */
static double exact_loss(enum loss_function f, size_t C, const double *z, const double *t)
{
    double max = z[0], sum = 0, loss = 0;
    for (size_t c = 1; c < C; c++)
        max = fmax(max, z[c]);
    for (size_t c = 0; c < C; c++)
        sum += exp(z[c] - max);
    for (size_t c = 0; c < C; c++) {
        double softmax = exp(z[c] - max) / sum, p = OUTPUT[f] == OUTPUT_OF_LINEAR ? z[c] : sigmoid(z[c]);
        switch (f) {
        case LOSS_OF_SOFTMAX_CROSS_ENTROPY: loss -= t[c] * log(softmax); break;
        case LOSS_OF_SOFTMAX_MSE: loss += (softmax - t[c]) * (softmax - t[c]) / (double)C; break;
        case LOSS_OF_SIGMOID_CROSS_ENTROPY: loss -= t[c] * log(p) + (1 - t[c]) * log(1 - p); break;
        case LOSS_OF_SIGMOID_MSE: case LOSS_OF_LINEAR_MSE: loss += (p - t[c]) * (p - t[c]) / (double)C; break;
        }
    }
    return loss;
}

/* Central differences of steps h and 2h: they differ by three times what the first is off, whose error goes with h^2; the
 * roundings of a loss, at most C of its size (and of log(1 - p), as much as it has lost of p), come in over h. */
static double difference(enum loss_function f, size_t C, double *z, const double *t, size_t c, double *error)
{
    static const double h = 0x1p-13;
    double middle = z[c], y[5];
    for (int k = 0; k < 5; k++) {
        z[c] = middle + h * (k - 2);
        y[k] = exact_loss(f, C, z, t);
    }
    z[c] = middle;
    double near = (y[3] - y[1]) / (2 * h), far = (y[4] - y[0]) / (4 * h), most = 0;
    for (size_t k = 0; k < C; k++)
        most = fmax(most, fabs(z[k]));
    *error = fabs(near - far) + (double)(C + 8) * DBL_EPSILON * (y[2] + exp(most)) / h;
    return near;
}

static void gradients_are_limits_of_differences(void **state)
{
    (void)state;
    static const size_t columns[] = {1, 2, 3, 10, 33};
    struct random random = {31};
    for (size_t i = 0; i < COUNT(columns) * LOSSES; i++) {
        enum loss_function f = (enum loss_function)(i % LOSSES);
        struct sample s = sample_new(&random, 4, columns[i / LOSSES], 0);
        for (size_t k = 0; k < s.size; k++)
            s.logits[k] /= 2;
        struct outcome got = gradient_by(&kernel_reference, f, &s, true);
        for (size_t n = 0; n < s.B; n++) {
            double z[33], t[33], error, scale = (double)s.weight[n] * 0.125;
            struct row r = row_of(&s, n, OUTPUT[f]);
            for (size_t c = 0; c < s.C; c++)
                z[c] = (double)s.logits[at(&s, n, c)], t[c] = (double)s.target[at(&s, n, c)];
            double loss = (double)s.weight[n] * exact_loss(f, s.C, z, t);
            assert_within(got.loss[n], loss, loss_of_row(f, &s, n, &r).error + 0x1p-40 * (loss + 1), "%s", LOSS_NAME[f]);
            for (size_t c = 0; c < s.C; c++) {
                double want = scale * difference(f, s.C, z, t, c, &error);
                error = scale * error + gradient_of_row(f, &s, n, &r, c).error;
                assert_within((double)got.logits[at(&s, n, c)], want, error, "%s by z[%zu] of %zu", LOSS_NAME[f], c, s.C);
            }
        }
        outcome_free(&got);
        sample_free(&s);
    }
}

/* Logits as large as they get: no overflow where the loss has none, a certain answer costs nothing, a hopeless one much. */
static void losses_do_not_overflow(void **state)
{
    (void)state;
    float z[2 * PANEL] = {3e38f, -3e38f}, t[2 * PANEL] = {1, 0}, out[2 * PANEL];
    z[PANEL] = -100, z[PANEL + 1] = 100, t[PANEL] = 1, t[PANEL + 1] = 0;
    const struct loss_targets targets = {t, 2 * PANEL, NULL};
    double loss[2];
    int32_t best[2];
    memcpy(out, z, sizeof out);
    loss_gradient_ref(LOSS_OF_SIGMOID_CROSS_ENTROPY, 2, 2, &targets, 1, out, 2 * PANEL, NULL, loss, best);
    assert_true(loss[0] == 0 && loss[1] == 200 && best[0] == 0 && best[1] == 1);
    assert_true(out[0] == 0 && out[1] == 0 && out[PANEL] == -1 && out[PANEL + 1] == 1);
    loss_ref(LOSS_OF_SOFTMAX_CROSS_ENTROPY, 2, 2, &targets, z, 2 * PANEL, NULL, loss, best);
    assert_true(loss[0] == 0 && loss[1] == 200);
    z[0] = 40, z[1] = -40;                      /* nearly certain: what is left is not lost */
    loss_ref(LOSS_OF_SIGMOID_CROSS_ENTROPY, 1, 2, &targets, z, PANEL, NULL, loss, best);
    assert_within(loss[0], 2 * exp(-40), 1e-6 * exp(-40), "what is left of a loss");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_are_their_definitions),
        cmocka_unit_test(labels_are_targets_of_one),
        cmocka_unit_test(nan_shows_in_the_loss_of_its_row),
        cmocka_unit_test(definitions_are_the_formulas),
        cmocka_unit_test(gradients_are_limits_of_differences),
        cmocka_unit_test(losses_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
