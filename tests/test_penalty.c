/* Penalties: the factors of each form, the value against a plain sum, and the two against each other. */
#include <math.h>

#include "bounded.h"
#include "kernel/kernel.h"
#include "nn/penalty.h"
#include "support.h"

enum { FEATURES = 120, CLASSES = 7, BATCH_ROWS = 50 };  /* 120 x 40 weights: more than one block */

static void factors_follow_the_forms(void **state)
{
    (void)state;
    static const struct {
        const char *assignments;
        double weight_l2, weight_l1, weight_decay, bias_l2, bias_decay;
    } form[] = {
        {"regularization.l2=0.5; regularization.l2_form=lambda_over_2m", 0.5 / 50, 0, 0, 0, 0},
        {"regularization.l2=0.5; regularization.l2_form=half_lambda", 0.5, 0, 0, 0, 0},
        {"regularization.l2=0.5; regularization.l2_form=lambda", 1, 0, 0, 0, 0},
        {"regularization.l2=0.5; regularization.l2_form=decoupled", 0, 0, 0.5, 0, 0},
        {"regularization.l2=0.5; regularization.l2_form=lambda; regularization.l2_biases=yes", 1, 0, 0, 1, 0},
        {"regularization.l2=0.5; regularization.l2_form=decoupled; regularization.l2_biases=yes", 0, 0, 0.5, 0, 0.5},
        {"regularization.l1=0.25; regularization.l2_biases=yes", 0, 0.25, 0, 0, 0},
        {"optimizer.name=adamw; regularization.l2=0.5", 0, 0, 0.5, 0, 0},       /* its decay is always decoupled */
        {"optimizer.name=adamw; regularization.l2=0.5; regularization.l2_form=decoupled; regularization.l2_biases=yes", 0, 0, 0.5,
         0, 0.5},
        {"optimizer.name=nesterov; regularization.l2=0.5", 0.5, 0, 0, 0, 0},
    };
    for (size_t i = 0; i < COUNT(form); i++) {
        weft_settings *s = settings_of(form[i].assignments);
        struct penalty_factors f = penalty_factors_of(s, TENSOR_WEIGHT, BATCH_ROWS);
        assert_true(f.l2 == (float)form[i].weight_l2 && f.l1 == (float)form[i].weight_l1);
        assert_true(f.decay == (float)form[i].weight_decay);
        static const enum tensor_kind other[] = {TENSOR_BIAS, TENSOR_GAMMA, TENSOR_BETA};
        for (size_t k = 0; k < COUNT(other); k++) {
            f = penalty_factors_of(s, other[k], BATCH_ROWS);
            assert_true(f.l2 == (float)form[i].bias_l2 && f.l1 == 0 && f.decay == (float)form[i].bias_decay);
        }
        weft_settings_destroy(s);
    }
}

static const char *const penalties[] = {
    "regularization.l1=0.1",
    "regularization.l2=0.5; regularization.l2_form=lambda_over_2m",
    "regularization.l2=0.5; regularization.l2_form=half_lambda",
    "regularization.l2=0.5; regularization.l2_form=lambda; regularization.l2_biases=yes",
    "regularization.l2=0.5; regularization.l2_form=decoupled; regularization.l1=0.2",
    "regularization.l2=0.5; optimizer.name=adamw; regularization.l1=0.2",
};

/* c of the form c * sum w^2, from the manual. */
static double coefficient_of(const weft_settings *s)
{
    if (s->optimizer.name == OPTIMIZER_ADAMW)
        return 0;
    switch ((enum l2_form)s->regularization.l2_form) {
    case L2_LAMBDA_OVER_2M: return s->regularization.l2 / (2.0 * BATCH_ROWS);
    case L2_HALF_LAMBDA: return s->regularization.l2 / 2;
    case L2_LAMBDA: return s->regularization.l2;
    case L2_DECOUPLED: return 0;
    }
    return NAN;
}

static void value_is_the_plain_sum(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(penalties); i++) {
        weft_settings *s = settings_of(penalties[i]);
        assert_int_equal(weft_settings_assign(s, "network.hidden=40, 9"), WEFT_OK);
        assert_int_equal(weft_settings_assign(s, "network.batch_norm=after"), WEFT_OK);
        struct network net;
        assert_int_equal(network_create(&net, s, FEATURES, RAW_U8, CLASSES), WEFT_OK);
        struct random random = {i};
        random_floats(&random, net.parameter_size, -1, 1, net.parameter);
        struct total sum = {0};
        for (size_t t = 0; t < net.tensors; t++)
            for (size_t e = 0; e < net.tensor[t].count; e++) {
                double w = (double)net.parameter[net.tensor[t].offset + e];
                bool is_weight = net.tensor[t].kind == TENSOR_WEIGHT;
                if (is_weight || s->regularization.l2_biases)
                    total_add(&sum, in_double(coefficient_of(s) * w * w, 0));
                if (is_weight)
                    total_add(&sum, in_double(s->regularization.l1 * fabs(w), 0));
            }
        double *scratch = guarded_new(net.blocks, sizeof *scratch);
        double got = penalty_value(s, &net, BATCH_ROWS, scratch);
        assert_within(got, sum.value, total_in_double(&sum).error, "%s", penalties[i]);
        assert_true(got > 0);
        for (int isa = 0; isa < ISA_COUNT; isa++)
            if (kernel_use((enum isa)isa)) {
                double again = penalty_value(s, &net, BATCH_ROWS, scratch);
                assert_same_doubles(&again, &got, 1, "%s, %s", penalties[i], isa_name((enum isa)isa));
            }
        guarded_free(scratch);
        network_destroy(&net);
        weft_settings_destroy(s);
    }
}

/* The gradient is the slope of the value: a difference over 2h is exact for a square, and for |w| on one side of 0. */
static void gradient_is_the_slope_of_the_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(penalties); i++) {
        weft_settings *s = settings_of(penalties[i]);
        assert_int_equal(weft_settings_assign(s, "network.hidden=3"), WEFT_OK);
        struct network net;
        assert_int_equal(network_create(&net, s, 2, RAW_U8, 2), WEFT_OK);
        struct random random = {i};
        random_floats(&random, net.parameter_size, -1, 1, net.parameter);
        double *scratch = guarded_new(net.blocks, sizeof *scratch);
        for (size_t t = 0; t < net.tensors; t++)
            for (size_t e = net.tensor[t].offset; e < net.tensor[t].offset + net.tensor[t].count; e++) {
                float w = net.parameter[e], h = 0x1p-10f, above = w + h, below = w - h, g = 0;
                if (fabsf(w) <= h)
                    continue;
                net.parameter[e] = above;
                double cost = penalty_value(s, &net, BATCH_ROWS, scratch);
                net.parameter[e] = below;
                cost -= penalty_value(s, &net, BATCH_ROWS, scratch);
                net.parameter[e] = w;
                struct penalty_factors f = penalty_factors_of(s, net.tensor[t].kind, BATCH_ROWS);
                kernel->penalize(1, &w, f.l2, f.l1, &g);
                double slope = cost / ((double)above - (double)below), noise = 64 * 0x1p-53 / 0x1p-10;
                double middle = ((double)above + (double)below) / 2 - (double)w;        /* w + h was rounded */
                assert_within((double)g, slope, 4 * FLOAT_UNIT + 2 * fabs(middle) + noise, "%s", penalties[i]);
            }
        guarded_free(scratch);
        network_destroy(&net);
        weft_settings_destroy(s);
    }
}

/* Blocks of a tensor as a tree, then tensor after tensor; wherever blocks are cut, the sum over parameters is one number. */
static void total_is_a_tree_in_each_tensor(void **state)
{
    (void)state;
    weft_settings *s = settings_of("network.hidden=300");
    struct network net;
    assert_int_equal(network_create(&net, s, FEATURES, RAW_U8, CLASSES), WEFT_OK);
    assert_int_equal(net.blocks, 9 + 1 + 1 + 1);        /* 36,000 weights, 300 biases, 2,100 weights, 7 biases */
    double part[12], p[12];
    struct random random = {5};
    for (size_t i = 0; i < COUNT(part); i++)
        p[i] = part[i] = random_real(&random, -1, 1) * (double)(1u << random_below(&random, 30));
    double first = (((p[0] + p[1]) + (p[2] + p[3])) + ((p[4] + p[5]) + (p[6] + p[7]))) + p[8];
    double want = ((first + p[9]) + p[10]) + p[11], got = parameter_total(&net, part);
    assert_same_doubles(&got, &want, 1, "total over parameters");
    network_destroy(&net);
    weft_settings_destroy(s);
}

int main(void)
{
    if (kernel_choose() != WEFT_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(factors_follow_the_forms),
        cmocka_unit_test(value_is_the_plain_sum),
        cmocka_unit_test(gradient_is_the_slope_of_the_value),
        cmocka_unit_test(total_is_a_tree_in_each_tensor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
