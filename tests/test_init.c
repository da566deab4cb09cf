/* First weights: each distribution's mean, spread and shape against its formula, and what a weight is a function of. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernel/kernel.h"
#include "nn/network.h"
#include "support.h"

enum { FAN_IN = 300, FAN_OUT = 200, CLASSES = 10 };

static void create(struct network *net, const char *assignments, size_t features)
{
    weft_settings *s = settings_of(assignments);
    assert_int_equal(network_create(net, s, features, RAW_U8, CLASSES), WEFT_OK);
    network_initialize(net, s);
    weft_settings_destroy(s);
}

struct moments { double mean, deviation, largest, within_one; };        /* within_one: part within one deviation */

static struct moments moments_of(const float *x, size_t count, double deviation)
{
    struct moments m = {0};
    for (size_t i = 0; i < count; i++) {
        double value = (double)x[i];
        m.mean += value / (double)count;
        m.deviation += value * value / (double)count;           /* about the mean that is wanted, 0 */
        m.largest = fmax(m.largest, fabs(value));
        m.within_one += (fabs(value) < deviation) / (double)count;
    }
    m.deviation = sqrt(m.deviation);
    return m;
}

/* Six standard deviations of each estimate. Kurtosis k: the variance of x^2 is (k - 1) sigma^4. */
static void expect_distribution(const char *init, const float *x, size_t count, double deviation, bool is_normal)
{
    struct moments m = moments_of(x, count, deviation);
    double n = (double)count, kurtosis = is_normal ? 3 : 1.8, part = is_normal ? 0.682689492137086 : 1 / sqrt(3);
    assert_within(m.mean, 0, 6 * deviation / sqrt(n), "%s: mean", init);
    assert_within(m.deviation, deviation, 6 * deviation * sqrt((kurtosis - 1) / (4 * n)), "%s: deviation", init);
    assert_within(m.within_one, part, 6 * sqrt(part * (1 - part) / n), "%s: part within one deviation", init);
    double limit = is_normal ? 8.3 * deviation : sqrt(3) * deviation * (1 + 0x1p-23);   /* 8.3: the quantile of 2^-53 */
    assert_true(m.largest <= limit);
    assert_true(m.largest > (is_normal ? 3.5 : 1.7) * deviation);
}

static void each_distribution_has_its_spread(void **state)
{
    (void)state;
    static const struct { const char *init; bool is_normal; double variance; } kind[] = {
        {"gaussian; network.init_std=0.37", true, 0.37 * 0.37},
        {"he_normal", true, 2.0 / FAN_IN},
        {"he_uniform", false, 2.0 / FAN_IN},
        {"glorot_normal", true, 2.0 / (FAN_IN + FAN_OUT)},
        {"glorot_uniform", false, 2.0 / (FAN_IN + FAN_OUT)},
        {"lecun_normal", true, 1.0 / FAN_IN},
        {"torch_linear", false, 1.0 / 3 / FAN_IN},              /* U(-1/sqrt(fan_in), 1/sqrt(fan_in)) */
    };
    for (size_t i = 0; i < COUNT(kind); i++) {
        char assignments[256];
        snprintf(assignments, sizeof assignments, "network.hidden=200; network.batch_norm=before; network.init=%s",
                 kind[i].init);
        struct network net;
        create(&net, assignments, FAN_IN);
        const struct layer *layer = &net.layer[0];
        expect_distribution(kind[i].init, net.parameter + layer->weight, FAN_IN * FAN_OUT, sqrt(kind[i].variance),
                            kind[i].is_normal);
        bool draws_biases = strcmp(kind[i].init, "torch_linear") == 0;
        struct moments bias = moments_of(net.parameter + layer->bias, FAN_OUT, 1);
        assert_true(draws_biases ? bias.largest > 0.9 / sqrt(FAN_IN) && bias.largest <= 1 / sqrt(FAN_IN) + 0x1p-28
                                 : bias.largest == 0);
        for (size_t j = 0; j < FAN_OUT; j++) {
            assert_true(net.parameter[layer->gamma + j] == 1 && net.parameter[layer->beta + j] == 0);
            assert_true(net.running[layer->running_mean + j] == 0 && net.running[layer->running_variance + j] == 1);
        }
        network_destroy(&net);
    }
}

/* (seed, layer, input, output) and nothing else: the same weight in a narrower or wider network, another one elsewhere. */
static void weight_is_a_function_of_its_place(void **state)
{
    (void)state;
    struct network small, large, other;
    create(&small, "network.hidden=7; network.init=gaussian", 5);
    create(&large, "network.hidden=12, 3; network.init=gaussian", 9);
    create(&other, "network.hidden=7; network.init=gaussian; train.seed=2", 5);
    for (size_t i = 0; i < 5; i++)
        for (size_t o = 0; o < 7; o++) {
            float w = small.parameter[small.layer[0].weight + i * 7 + o];
            assert_true(w == large.parameter[large.layer[0].weight + i * 12 + o]);
            assert_true(w != other.parameter[other.layer[0].weight + i * 7 + o]);
        }
    for (size_t i = 0; i < small.parameter_size; i++)           /* no weight occurs twice */
        for (size_t j = 0; j < i; j++)
            assert_true(small.parameter[i] != small.parameter[j] || small.parameter[i] == 0);
    network_destroy(&small);
    network_destroy(&large);
    network_destroy(&other);
}

/* What the products read is packed from the parameters, biases that were drawn too; the rest is in test_network.c. */
static void packed_weights_are_up_to_date(void **state)
{
    (void)state;
    struct network net;
    create(&net, "network.hidden=7, 5; network.init=torch_linear", 4);
    assert_null(net.packed[0].backward);        /* nothing goes back to the input */
    for (size_t l = 0; l < net.layers; l++) {
        const struct layer *layer = &net.layer[l];
        for (size_t o = 0; o < layer->fan_out; o++) {
            assert_true(net.packed[l].bias[o] == net.parameter[layer->bias + o]);
            for (size_t i = 0; i < layer->fan_in && l > 0; i++) {
                float w = net.parameter[layer->weight + i * layer->fan_out + o];
                assert_true(net.packed[l].forward[i * PANEL + o] == w && net.packed[l].backward[o * PANEL + i] == w);
            }
        }
    }
    network_destroy(&net);
}

int main(void)
{
    if (kernel_choose() != WEFT_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_distribution_has_its_spread),
        cmocka_unit_test(weight_is_a_function_of_its_place),
        cmocka_unit_test(packed_weights_are_up_to_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
