/* A worked example, met by the real training step: two inputs, two sigmoid units, two sigmoid outputs, binary cross-entropy.
 *
 * Inputs 0.05, 0.10. Hidden unit 1 has the weights 0.15, 0.20, unit 2 0.25, 0.30; output 1 has 0.40, 0.45, output 2 0.50, 0.55;
 * biases 0.35 below, 0.60 above. Targets 0.01, 0.99. s is the sigmoid, s' = s (1 - s).
 *
 *   net_h1 = 0.15*0.05 + 0.20*0.10 + 0.35 = 0.3775             h1 = s(net_h1) = 0.593269992
 *   net_h2 = 0.25*0.05 + 0.30*0.10 + 0.35 = 0.3925             h2 = s(net_h2) = 0.596884378
 *   net_o1 = 0.40*h1 + 0.45*h2 + 0.60 = 1.105905967            o1 = s(net_o1) = 0.751365070
 *   net_o2 = 0.50*h1 + 0.55*h2 + 0.60 = 1.224921404            o2 = s(net_o2) = 0.772928465
 *
 *   loss 1 = -0.01 ln o1 - 0.99 ln(1 - o1) = 0.01*0.285863634 + 0.99*1.391769601 = 1.380710541
 *   loss 2 = -0.99 ln o2 - 0.01 ln(1 - o2) = 0.99*0.257568776 + 0.01*1.482490180 = 0.269817990
 *   loss   = 1.650528532
 *
 * Binary cross-entropy of a sigmoid has the slope o - t in net_o, the s' of the output cancels:
 *   d_o1 = 0.751365070 - 0.01 =  0.741365070                    = d loss / d (bias of output 1)
 *   d_o2 = 0.772928465 - 0.99 = -0.217071535                    = d loss / d (bias of output 2)
 *   h1 -> o1: h1 d_o1 = 0.439829649        h1 -> o2: h1 d_o2 = -0.128782028
 *   h2 -> o1: h2 d_o1 = 0.442509229        h2 -> o2: h2 d_o2 = -0.129566608
 *
 * and one layer further down, with the weights that the sums went up by:
 *   d_h1 = (0.40 d_o1 + 0.50 d_o2) h1 (1 - h1) = 0.188010260 * 0.241300709 = 0.045367009     = d loss / d (bias of h1)
 *   d_h2 = (0.45 d_o1 + 0.55 d_o2) h2 (1 - h2) = 0.214224937 * 0.240613417 = 0.051545394     = d loss / d (bias of h2)
 *   x1 -> h1: 0.05 d_h1 = 0.002268350      x1 -> h2: 0.05 d_h2 = 0.002577270
 *   x2 -> h1: 0.10 d_h1 = 0.004536701      x2 -> h2: 0.10 d_h2 = 0.005154539
 *
 * A step of gradient descent with the rate 0.5 takes half of each away: x1 -> h1 becomes 0.15 - 0.001134175 = 0.148865825, the
 * bias of output 2 becomes 0.60 + 0.108535767 = 0.708535767. */
#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "bounded.h"
#include "kernel/kernel.h"
#include "support.h"
#include "train/training.h"

#define DIGITS 0.5e-9                           /* half a unit in the last place of the numbers above */

enum { W1, B1, W2, B2, TENSORS };
enum { ELEMENTS_MAX = 4 };

/* Weights are [in][out], as the network lays them out. */
struct parameters { double of[TENSORS][ELEMENTS_MAX]; };
static const size_t COUNTS[TENSORS] = {4, 2, 4, 2};
static const struct parameters FIRST = {{
    {0.15, 0.25, 0.20, 0.30}, {0.35, 0.35}, {0.40, 0.50, 0.45, 0.55}, {0.60, 0.60}}};
static const struct parameters GRADIENT = {{
    {0.002268350, 0.002577270, 0.004536701, 0.005154539}, {0.045367009, 0.051545394},
    {0.439829649, -0.128782028, 0.442509229, -0.129566608}, {0.741365070, -0.217071535}}};
static const struct parameters SECOND = {{
    {0.148865825, 0.248711365, 0.197731650, 0.297422730}, {0.327316495, 0.324227303},
    {0.180085176, 0.564391014, 0.228745386, 0.614783304}, {0.229317465, 0.708535767}}};
static const double INPUT[2] = {0.05, 0.10}, TARGET[2] = {0.01, 0.99}, OUTPUT[2] = {0.751365070, 0.772928465}, LOSS = 1.650528532;
static const double RATE = 0.5;

/* ---- the same in double, each number with a bound on what floats make of it ---- */

struct worked {
    struct bounded output[2], loss;
    struct bounded gradient[TENSORS][ELEMENTS_MAX], second[TENSORS][ELEMENTS_MAX];
};

/* As a float, which is all that the network is told. */
static struct bounded given(double value)
{
    return rounded(exactly(value));
}

/* a[0] b[0] + a[1] b[1] + c in float. */
static struct bounded sum_of(const struct bounded *a, struct bounded b0, struct bounded b1, struct bounded c)
{
    struct total sum = {0};
    total_add(&sum, times(a[0], b0));
    total_add(&sum, times(a[1], b1));
    total_add(&sum, c);
    return total_in_float(&sum);
}

static struct bounded slope_of(struct bounded sigmoid_value)
{
    return rounded(times(sigmoid_value, rounded(minus(exactly(1), sigmoid_value))));
}

/* max(z, 0) - z t + ln(1 + e^-|z|) */
static struct bounded entropy_of(struct bounded z, struct bounded t)
{
    struct bounded rest = log1p_of(exp_of((struct bounded){-fabs(z.value), z.error}));
    return plus(minus(relu_of(z), times(z, t)), rest);
}

/* Out of the sums of a layer: dW[i][o] = below[i] delta[o], db = delta. */
static void layer_gradient(const struct bounded below[2], const struct bounded delta[2], struct bounded *dW, struct bounded *db)
{
    for (size_t o = 0; o < 2; o++) {
        db[o] = delta[o];
        for (size_t i = 0; i < 2; i++)
            dW[i * 2 + o] = rounded(times(below[i], delta[o]));
    }
}

static void work_out(struct worked *worked)
{
    struct bounded w[TENSORS][ELEMENTS_MAX], x[2], t[2], h[2], net[2], upper[2], lower[2];
    for (size_t k = 0; k < TENSORS; k++)
        for (size_t i = 0; i < COUNTS[k]; i++)
            w[k][i] = given(FIRST.of[k][i]);
    for (size_t j = 0; j < 2; j++) {
        x[j] = given(INPUT[j]);
        t[j] = given(TARGET[j]);
    }
    for (size_t j = 0; j < 2; j++)
        h[j] = sigmoid_of(sum_of(x, w[W1][j], w[W1][2 + j], w[B1][j]));
    for (size_t o = 0; o < 2; o++) {
        net[o] = sum_of(h, w[W2][o], w[W2][2 + o], w[B2][o]);
        worked->output[o] = sigmoid_of(net[o]);
        upper[o] = rounded(minus(worked->output[o], t[o]));
    }
    worked->loss = rounded(plus(entropy_of(net[0], t[0]), entropy_of(net[1], t[1])));
    for (size_t j = 0; j < 2; j++)
        lower[j] = rounded(times(sum_of(upper, w[W2][j * 2], w[W2][j * 2 + 1], exactly(0)), slope_of(h[j])));
    layer_gradient(x, lower, worked->gradient[W1], worked->gradient[B1]);
    layer_gradient(h, upper, worked->gradient[W2], worked->gradient[B2]);
    for (size_t k = 0; k < TENSORS; k++)
        for (size_t i = 0; i < COUNTS[k]; i++)
            worked->second[k][i] = rounded(minus(w[k][i], times(exactly(RATE), worked->gradient[k][i])));
}

static void numbers_of_the_comment_are_right(void **state)
{
    (void)state;
    struct worked worked;
    work_out(&worked);
    assert_within(worked.loss.value, LOSS, DIGITS, "loss");
    for (size_t o = 0; o < 2; o++)
        assert_within(worked.output[o].value, OUTPUT[o], DIGITS, "output %zu", o + 1);
    for (size_t k = 0; k < TENSORS; k++)
        for (size_t i = 0; i < COUNTS[k]; i++) {
            assert_within(worked.gradient[k][i].value, GRADIENT.of[k][i], DIGITS, "gradient, tensor %zu, element %zu", k, i);
            assert_within(worked.second[k][i].value, SECOND.of[k][i], DIGITS, "after the step, tensor %zu, element %zu", k, i);
        }
}

/* ---- the training step ---- */

struct fixture {
    weft_settings *settings;
    struct dataset dataset;
    struct training t;
};

static void open_example(struct fixture *f, const char *more, size_t threads)
{
    char all[512];
    snprintf(all, sizeof all, "data.scaling=none; data.validation_fraction=0; network.hidden=2; network.activation=sigmoid; "
             "network.output=sigmoid; network.loss=binary_cross_entropy; optimizer.name=sgd; optimizer.learning_rate=0.5; "
             "train.batch_size=1; train.epochs=1; %s", more);
    f->settings = settings_of(all);
    assert_int_equal(weft_settings_check(f->settings), WEFT_OK);
    struct table table = {.count = 1, .features = 2, .targets = 2};
    table.value = memory_new(2, sizeof *table.value);
    table.target = memory_new(2, sizeof *table.target);
    for (size_t j = 0; j < 2; j++) {
        table.value[j] = (float)INPUT[j];
        table.target[j] = (float)TARGET[j];
    }
    if (dataset_from_table(f->settings, "the example", &table, &f->dataset) != WEFT_OK
        || training_create(&f->t, f->settings, &f->dataset, threads) != WEFT_OK)
        fail_msg("%s", weft_last_error());
    f->t.step_loss = memory_new(1, sizeof *f->t.step_loss);
    f->t.observed_step = 0;
    assert_int_equal(f->t.net.tensors, TENSORS);
    for (size_t k = 0; k < TENSORS; k++) {
        assert_int_equal(f->t.net.tensor[k].count, COUNTS[k]);
        for (size_t i = 0; i < COUNTS[k]; i++)
            f->t.net.parameter[f->t.net.tensor[k].offset + i] = (float)FIRST.of[k][i];
    }
    network_pack(&f->t.net);
}

static void close_example(struct fixture *f)
{
    training_destroy(&f->t);
    dataset_close(&f->dataset);
    weft_settings_destroy(f->settings);
}

static void compare(const struct fixture *f, const struct worked *want, const char *which)
{
    const struct training *t = &f->t;
    assert_within((double)t->step_loss[0], want->loss.value, want->loss.error, "%s: loss", which);
    for (size_t k = 0; k < TENSORS; k++)
        for (size_t i = 0; i < COUNTS[k]; i++) {
            size_t at = t->net.tensor[k].offset + i;
            const struct bounded *gradient = &want->gradient[k][i], *second = &want->second[k][i];
            double got = (double)t->observed_gradient[at], then = (double)t->net.parameter[at];
            assert_within(got, gradient->value, gradient->error, "%s: gradient, tensor %zu, element %zu", which, k, i);
            assert_true(gradient->error < 1e-5 * fabs(gradient->value));        /* a bound that says something */
            assert_within(then, second->value, second->error, "%s: after the step, tensor %zu, element %zu", which, k, i);
        }
}

static void training_step_meets_them(void **state)
{
    (void)state;
    static const char *const strategies[] = {"run.gradient=owned", "run.gradient=local"};
    struct worked want;
    work_out(&want);
    const struct kernel *chosen = kernel;
    for (enum isa isa = ISA_PORTABLE; isa < ISA_COUNT; isa++)
        for (size_t s = 0; s < COUNT(strategies); s++)
            for (size_t threads = 1; threads <= 3; threads++) {
                if (!kernel_use(isa))                   /* not of this processor */
                    continue;
                char which[96];
                snprintf(which, sizeof which, "%s, %s, %zu threads", isa_name(isa), strategies[s], threads);
                struct fixture f;
                open_example(&f, strategies[s], threads);
                if (training_run_steps(&f.t, 1) != WEFT_OK)
                    fail_msg("%s: %s", which, weft_last_error());
                compare(&f, &want, which);
                close_example(&f);
            }
    kernel = chosen;
}

int main(void)
{
    if (kernel_choose() != WEFT_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_the_comment_are_right),
        cmocka_unit_test(training_step_meets_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
