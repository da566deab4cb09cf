/* What is not finite stops the run before anything is overwritten, whatever it is not finite in, for every team and both ways
 * to the gradients; what only looks as if it could overflow changes nothing. */
#include <math.h>
#include <string.h>

#include "step_samples.h"
#include "train/digest.h"

/* The state before, to be found again after. */
struct state_copy { float *parameter, *running, *moment[MOMENTS_MAX]; double epoch_loss_sum; };

static struct state_copy copy_state(const struct training *t)
{
    struct state_copy c = {guarded_copy(t->net.parameter, t->net.parameter_size),
                           guarded_copy(t->net.running, t->net.running_size), {NULL}, t->epoch_loss_sum};
    for (size_t i = 0; i < t->optimizer.moments; i++)
        c.moment[i] = guarded_copy(t->optimizer.moment[i], t->net.parameter_size);
    return c;
}

static void expect_state(const struct training *t, const struct state_copy *c)
{
    assert_same_bits(t->net.parameter, c->parameter, t->net.parameter_size, "parameters after a fault");
    assert_same_bits(t->net.running, c->running, t->net.running_size, "running statistics after a fault");
    for (size_t i = 0; i < t->optimizer.moments; i++)
        assert_same_bits(t->optimizer.moment[i], c->moment[i], t->net.parameter_size, "moment %zu after a fault", i);
    assert_true(t->epoch_loss_sum == c->epoch_loss_sum);
}

static void free_state(const struct training *t, struct state_copy *c)
{
    guarded_free(c->parameter);
    guarded_free(c->running);
    for (size_t i = 0; i < t->optimizer.moments; i++)
        guarded_free(c->moment[i]);
}

/* Each team with each strategy. */
static const size_t teams[] = {1, 2, 7};
enum { VARIANTS = 6, BATCH_ROWS = 100, DATA_ROWS = 200, MANY_ROWS = 1000 };

static void open_variant(struct fixture *f, const char *assignments, size_t variant)
{
    fixture_open(f, assignments, strategies[variant % 2], BATCH_ROWS, DATA_ROWS, teams[variant / 2]);
}

static void expect_fault_without_a_trace(struct fixture *f, const char *word, const char *which)
{
    uint64_t step = f->t.step;
    struct state_copy before = copy_state(&f->t);
    for (size_t again = 0; again < 2; again++) {        /* it fails the same way once more */
        weft_status st = training_run_steps(&f->t, step + 1);
        if (st != WEFT_ENONFINITE)
            fail_msg("%s, %zu threads: status %d", which, f->t.team.size, (int)st);
        if (strstr(weft_last_error(), word) == NULL)
            fail_msg("%s, %zu threads: the message is \"%s\", wanted \"%s\" in it", which, f->t.team.size, weft_last_error(),
                     word);
        assert_int_equal(f->t.step, step);
    }
    expect_state(&f->t, &before);
    free_state(&f->t, &before);
}

static void zero_parameters(struct network *net)
{
    memset(net->parameter, 0, net->parameter_size * sizeof *net->parameter);
}

/* `value` for every weight whose place is a multiple of `period` (with the number of outputs: those of output 0), -value for
 * the others. */
static void set_weights(struct network *net, size_t l, size_t period, float value)
{
    const struct layer *layer = &net->layer[l];
    for (size_t e = 0; e < layer->fan_in * layer->fan_out; e++)
        net->parameter[layer->weight + e] = e % period == 0 ? value : -value;
}

/* ---- the loss ---- */

static void nonfinite_loss_stops_before_the_update(void **state)
{
    (void)state;
    static const float poison[] = {NAN, INFINITY, 3e38f};
    for (size_t i = 0; i < VARIANTS * COUNT(poison); i++) {
        struct fixture f;
        open_variant(&f, "network.hidden=20, 7; network.batch_norm=after", i % VARIANTS);
        assert_int_equal(training_run_steps(&f.t, 1), WEFT_OK);
        set_weights(&f.t.net, 2, 2, poison[i / VARIANTS]);
        network_pack(&f.t.net);
        expect_fault_without_a_trace(&f, "loss", "weights of the logits");
        fixture_close(&f);
    }
}

/* One row alone whose logits are not finite, in one thread's rows, then in another's: all threads hear of it. */
static void one_bad_row_stops_all(void **state)
{
    (void)state;
    enum { SPECIAL = 3 };                               /* features that are 0 but in that row: 3 * 0.496 * 3e38 is too much */
    for (size_t i = 0; i < VARIANTS; i++)
        for (size_t bad = 0; bad < BATCH_ROWS; bad += 11) {
            struct fixture f;
            uint32_t bad_row;
            open_variant(&f, "network.hidden=none", i);
            sampler_prepare(&f.t.sampler, 0);
            sampler_rows(&f.t.sampler, 0, bad, 1, &bad_row);
            for (size_t n = 0; n < DATA_ROWS; n++)
                memset(f.dataset.train.pixel + n * FEATURES, n == bad_row ? 255 : 128, SPECIAL);
            for (size_t e = 0; e < SPECIAL * CLASSES; e++)
                f.t.net.parameter[f.t.net.layer[0].weight + e] = e % CLASSES == 0 ? 3e38f : -3e38f;
            network_pack(&f.t.net);
            expect_fault_without_a_trace(&f, "loss", "one row");
            fixture_close(&f);
        }
}

/* The loss is computed in double and kept as a float: one that no float can hold is not finite either. */
static void loss_beyond_float_stops_before_the_update(void **state)
{
    (void)state;
    for (size_t i = 0; i < VARIANTS; i++) {
        struct fixture f;
        open_variant(&f, "network.hidden=none", i);
        struct network *net = &f.t.net;
        zero_parameters(net);
        for (size_t c = 0; c < CLASSES; c++)
            net->parameter[net->layer[0].bias + c] = c == 0 ? 3e38f : -3e38f;   /* 6e38 nats for four labels of five */
        network_pack(net);
        expect_fault_without_a_trace(&f, "loss", "6e38 nats");
        fixture_close(&f);
    }
}

/* One row of a hundred with 2e37 nats: the mean is far from what a float can hold, so the step is taken. */
static void large_loss_that_a_float_holds_is_no_fault(void **state)
{
    (void)state;
    for (size_t i = 0; i < VARIANTS; i++) {
        struct fixture f;
        uint32_t row;
        open_variant(&f, "network.hidden=none", i);
        zero_parameters(&f.t.net);
        f.t.net.parameter[f.t.net.layer[0].bias] = 2e37f;
        network_pack(&f.t.net);
        sampler_prepare(&f.t.sampler, 0);
        sampler_rows(&f.t.sampler, 0, BATCH_ROWS / 2, 1, &row);
        for (size_t n = 0; n < DATA_ROWS; n++)
            f.dataset.train.label[n] = n == row;
        if (training_run_steps(&f.t, 1) != WEFT_OK)
            fail_msg("%zu threads: %s", f.t.team.size, weft_last_error());
        float want = (float)((double)2e37f / BATCH_ROWS);
        assert_same_bits(f.t.step_loss, &want, 1, "loss of the step");
        fixture_close(&f);
    }
}

/* ---- gradients that overflow although the loss is finite ---- */

/* Every variant with every kind of clipping, which would make some overflows look finite: `spoil` sets what is not 0. */
static void expect_overflow_of_rows(size_t rows, const char *assignments, void (*spoil)(struct fixture *f))
{
    static const char *const clippings[] = {"", "; optimizer.clip_value=1; optimizer.clip_norm=1", "; optimizer.clip_value=1",
                                            "; optimizer.clip_norm=1"};
    for (size_t i = 0; i < VARIANTS * COUNT(clippings); i++) {
        struct fixture f;
        char all[512];
        snprintf(all, sizeof all, "%s%s", assignments, clippings[i / VARIANTS]);
        fixture_open(&f, all, strategies[i % 2], rows, 2 * rows, teams[i % VARIANTS / 2]);
        zero_parameters(&f.t.net);
        spoil(&f);
        network_pack(&f.t.net);
        expect_fault_without_a_trace(&f, "gradient", all);
        fixture_close(&f);
    }
}

static void expect_overflow(const char *assignments, void (*spoil)(struct fixture *f))
{
    expect_overflow_of_rows(BATCH_ROWS, assignments, spoil);
}

/* What comes back from the output is multiplied by weights of 1e30 twice, with inputs that keep the forward pass at 0. */
static void make_delta_overflow(struct fixture *f)
{
    set_weights(&f->t.net, 1, 3, 1e30f);
    set_weights(&f->t.net, 2, 3, 1e30f);
}

static void overflowing_delta_stops_before_the_update(void **state)
{
    (void)state;
    expect_overflow("network.hidden=8, 8; network.activation=identity", make_delta_overflow);
}

/* Each shard's gradient is finite, their sum is not: 1.2e38 from each of four shards, or 3e37 from each of sixteen. */
static void make_sum_overflow(struct fixture *f)
{
    memset(f->dataset.train.label, 0, f->dataset.train.count * sizeof *f->dataset.train.label);
    set_weights(&f->t.net, 1, CLASSES, 3e38f);
}

/* The first 64 of 70 units have nothing to do with it: what is large is in the last panel alone. */
enum { FAR = 64 };
static void keep_far_inputs(struct network *net, size_t l)
{
    memset(net->parameter + net->layer[l].weight, 0, FAR * net->layer[l].fan_out * sizeof *net->parameter);
}

static void keep_far_outputs(struct network *net, size_t l)
{
    for (size_t i = 0; i < net->layer[l].fan_in; i++)
        memset(net->parameter + net->layer[l].weight + i * net->layer[l].fan_out, 0, FAR * sizeof *net->parameter);
}

static void make_far_sum_overflow(struct fixture *f)
{
    make_sum_overflow(f);
    keep_far_inputs(&f->t.net, 1);
}

static void overflowing_sum_stops_before_the_update(void **state)
{
    (void)state;
    expect_overflow("network.hidden=4; network.activation=identity", make_sum_overflow);
    expect_overflow_of_rows(MANY_ROWS, "network.hidden=4; network.activation=identity", make_sum_overflow);
    expect_overflow("network.hidden=70; network.activation=identity", make_far_sum_overflow);
}

/* What meets in a weight's gradient is small enough, its products are not: 1e32 from below and 1e10 from above. The weights
 * between are 0, so that the other end sees nothing of either. */
static void make_product_overflow(struct fixture *f)
{
    set_weights(&f->t.net, 0, 3, 1e32f);
    set_weights(&f->t.net, 2, 3, 1e12f);
}

static void make_far_product_overflow(struct fixture *f)
{
    make_product_overflow(f);
    keep_far_outputs(&f->t.net, 0);
    keep_far_inputs(&f->t.net, 2);
}

static void overflowing_product_stops_before_the_update(void **state)
{
    (void)state;
    static const char *const more[] = {"", "; network.input_dropout=0.25", "; network.dropout=0, 0.5",
                                       "; network.dropout=0.3, 0"};
    for (size_t i = 0; i < COUNT(more); i++) {
        char assignments[256];
        snprintf(assignments, sizeof assignments, "network.hidden=8, 8; network.activation=identity%s", more[i]);
        expect_overflow(assignments, make_product_overflow);
    }
    expect_overflow("network.hidden=70, 70; network.activation=identity", make_far_product_overflow);
}

/* The same where what comes from below is the data: up to 255 * 1e20, on either side of 0. */
static void scale_inputs(struct fixture *f, float shift)
{
    size_t threads = f->t.team.size;
    training_destroy(&f->t);                            /* it has looked at the scale when it was made */
    for (size_t j = 0; j < FEATURES; j++) {
        f->dataset.shift[j] = shift;
        f->dataset.scale[j] = 1e20f;
    }
    fixture_create_training(f, threads);
    zero_parameters(&f->t.net);
    set_weights(&f->t.net, 1, 3, 1e20f);
}

static void make_input_overflow(struct fixture *f) { scale_inputs(f, 0); }
static void make_negative_input_overflow(struct fixture *f) { scale_inputs(f, 255); }

static void overflowing_input_product_stops_before_the_update(void **state)
{
    (void)state;
    static const char *const networks[] = {"network.hidden=8; network.activation=identity",
                                           "network.hidden=8; network.activation=identity; network.input_dropout=0.25"};
    for (size_t i = 0; i < COUNT(networks); i++) {
        expect_overflow(networks[i], make_input_overflow);
        expect_overflow(networks[i], make_negative_input_overflow);
    }
}

/* A normalisation takes away what all rows have in common, so that below it nothing is left, but beta's gradient is the sum of
 * it: -4.8e36 from each of 100 rows. */
static void make_beta_overflow(struct fixture *f)
{
    make_sum_overflow(f);
}

/* The same with what is proportional to xhat, and gamma's gradient: rows of two kinds, whose sign is that of their inputs and
 * of what comes back to them. 1e20 from the logits, 316 through the upper normalisation, whose input is 0, then 1e18. */
static void make_gamma_overflow(struct fixture *f)
{
    struct network *net = &f->t.net;
    for (size_t n = 0; n < f->dataset.train.count; n++) {
        f->dataset.train.label[n] = n % 2;
        memset(f->dataset.train.pixel + n * FEATURES, n % 2 ? 255 : 0, FEATURES);
    }
    for (size_t e = 0; e < net->layer[0].fan_in * net->layer[0].fan_out; e++)
        net->parameter[net->layer[0].weight + e] = 1;
    for (size_t e = 0; e < net->layer[1].fan_in * net->layer[1].fan_out; e++)
        net->parameter[net->layer[1].weight + e] = 1e18f;
    for (size_t j = 0; j < net->layer[1].fan_out; j++) {
        net->parameter[net->layer[1].gamma + j] = 1;
        net->parameter[net->layer[2].weight + j * CLASSES] = 1e20f;
        net->parameter[net->layer[2].weight + j * CLASSES + 1] = -1e20f;
    }
}

static const char *const norms[] = {
    "network.batch_norm=before", "network.batch_norm=after",
    "network.batch_norm=before; network.batch_norm_statistics=shard",
    "network.batch_norm=after; network.batch_norm_statistics=shard",
};

static void overflowing_norm_gradient_stops_before_the_update(void **state)
{
    (void)state;
    for (size_t n = 0; n < COUNT(norms); n++) {
        char one[256], two[256];
        snprintf(one, sizeof one, "network.hidden=4; network.activation=identity; %s", norms[n]);
        snprintf(two, sizeof two, "network.hidden=4, 4; network.activation=identity; %s", norms[n]);
        expect_overflow(one, make_beta_overflow);
        expect_overflow(two, make_gamma_overflow);
    }
}

/* ---- whatever the magnitudes ---- */

/* 0, or a random number of a random size. */
static float wild_number(struct random *random, double zero_probability, double least, double most)
{
    if (random_real(random, 0, 1) < zero_probability)
        return 0;
    double size = exp10(random_real(random, least, most));
    return (float)(random_bits(random) % 2 ? size : -size);
}

/* Each tensor in its own order of magnitude; in half of all cases with one sign. */
static void make_wild(struct fixture *f, struct random *random)
{
    struct network *net = &f->t.net;
    for (size_t t = 0; t < net->tensors; t++) {
        float size = wild_number(random, 0.25, -30, 38);
        bool is_same = random_bits(random) % 2;
        for (size_t e = 0; e < net->tensor[t].count; e++)
            net->parameter[net->tensor[t].offset + e] = is_same ? size : size * (float)random_real(random, -1, 1);
    }
    for (size_t n = 0; n < f->dataset.train.count; n++)
        f->dataset.train.label[n] = n % 3 == 0 ? (int32_t)random_below(random, CLASSES) : 0;
    network_pack(net);
}

static bool is_finite(const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

enum outcome { WENT_WELL, BAD_LOSS, BAD_GRADIENT, OVERFLOWED, OUTCOMES };

static enum outcome take_wild_step(struct fixture *f, const char *which)
{
    struct state_copy before = copy_state(&f->t);
    f->t.observed_step = 0;
    weft_status st = training_run_steps(&f->t, 1);
    const char *message = st == WEFT_OK ? "" : weft_last_error();
    enum outcome outcome = st == WEFT_OK ? WENT_WELL : strstr(message, "the loss") != NULL ? BAD_LOSS
                           : strstr(message, "the gradient") != NULL ? BAD_GRADIENT : OVERFLOWED;
    if (outcome == BAD_LOSS || outcome == BAD_GRADIENT)
        expect_state(&f->t, &before);
    else if (!is_finite(f->t.observed_gradient, f->t.net.parameter_size))
        fail_msg("%s: a gradient that is not finite was used (%s)", which, st == WEFT_OK ? "no fault was found" : message);
    free_state(&f->t, &before);
    return outcome;
}

/* Parameters of all magnitudes: whatever happens, a gradient that is not finite is never used. */
static void no_overflow_is_missed(void **state)
{
    (void)state;
    static const char *const networks[] = {"network.hidden=none", "network.hidden=4", "network.hidden=5, 3",
                                           "network.hidden=3, 6, 4"};
    static const char *const activations[] = {"identity", "relu", "tanh", "sigmoid"};
    static const char *const dropouts[] = {"", "; network.dropout=0.3", "; network.input_dropout=0.3"};
    struct random random = {7};
    size_t seen[OUTCOMES] = {0};
    for (size_t i = 0; i < 4000; i++) {
        struct fixture f;
        char assignments[512];
        snprintf(assignments, sizeof assignments, "%s; network.activation=%s; %s%s; optimizer.name=sgd; "
                 "optimizer.learning_rate=1e-30", networks[random_below(&random, COUNT(networks))],
                 activations[random_below(&random, COUNT(activations))],
                 i % 3 == 0 ? "network.batch_norm=none" : norms[random_below(&random, COUNT(norms))],
                 dropouts[random_below(&random, COUNT(dropouts))]);
        size_t threads = i % 16 < 13 ? 1 : teams[i / 16 % 3];   /* another team size costs more than the step */
        fixture_open(&f, assignments, strategies[i / 3 % 2], 40 + i % 30, 70, threads);
        make_wild(&f, &random);
        seen[take_wild_step(&f, assignments)]++;
        fixture_close(&f);
    }
    print_message("           %zu went well, %zu bad losses, %zu bad gradients, %zu overflows in the update\n",
                  seen[WENT_WELL], seen[BAD_LOSS], seen[BAD_GRADIENT], seen[OVERFLOWED]);
    assert_true(seen[WENT_WELL] > 100 && seen[BAD_LOSS] > 100 && seen[BAD_GRADIENT] > 100);      /* or nothing was tested */
}

/* An update that overflows is told, whatever it overflowed in. */
static void overflowing_update_is_told(void **state)
{
    (void)state;
    static const struct { const char *assignments, *where; size_t layer; float weight; } given[] = {
        {"network.hidden=4; network.activation=identity; optimizer.name=sgd; optimizer.learning_rate=1e30", "/layers/", 1,
         1e25f},
        {"network.hidden=4; network.activation=identity; optimizer.name=momentum; optimizer.learning_rate=1e30", "/layers/", 1,
         1e25f},
        {"network.hidden=4; network.activation=identity; optimizer.name=adam; optimizer.learning_rate=1e-30", "moment", 1,
         1e25f},
        {"network.hidden=4; network.batch_norm=before; optimizer.name=sgd", "running statistic", 0, 1e25f},     /* a variance */
        {"network.hidden=4; network.batch_norm=after; network.activation=identity; network.batch_norm_statistics=shard; "
         "optimizer.name=sgd", "running statistic", 0, 1e25f},
    };
    for (size_t i = 0; i < COUNT(given) * VARIANTS; i++) {
        struct fixture f;
        open_variant(&f, given[i / VARIANTS].assignments, i % VARIANTS);
        zero_parameters(&f.t.net);
        set_weights(&f.t.net, given[i / VARIANTS].layer, 3, given[i / VARIANTS].weight);
        network_pack(&f.t.net);
        assert_int_equal(training_run_steps(&f.t, 1), WEFT_ENONFINITE);
        const char *message = weft_last_error();
        if (strstr(message, "overflowed") == NULL || strstr(message, given[i / VARIANTS].where) == NULL)
            fail_msg("%s: the message is \"%s\"", given[i / VARIANTS].assignments, message);
        fixture_close(&f);
    }
}

/* Large, but not too large: a gradient that only looks suspicious gives the same bits as any other. */
static void suspicious_gradients_change_nothing(void **state)
{
    (void)state;
    char digest[VARIANTS][DIGEST_SIZE];
    for (size_t i = 0; i < VARIANTS; i++) {
        struct fixture f;
        open_variant(&f, "network.hidden=4; network.activation=identity; optimizer.name=sgd; optimizer.learning_rate=1e-30",
                     i);
        zero_parameters(&f.t.net);
        set_weights(&f.t.net, 1, 3, 3e37f);
        network_pack(&f.t.net);
        f.t.observed_step = 0;
        assert_int_equal(training_run_steps(&f.t, 1), WEFT_OK);
        assert_true(kernel->largest_magnitude(f.t.net.parameter_size, f.t.observed_gradient) > 0x1p116f);
        assert_int_equal(weights_digest(&f.t.net, &f.t.optimizer, digest[i]), WEFT_OK);
        assert_string_equal(digest[i], digest[0]);
        fixture_close(&f);
    }
}

int main(void)
{
    if (kernel_choose() != WEFT_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nonfinite_loss_stops_before_the_update),
        cmocka_unit_test(one_bad_row_stops_all),
        cmocka_unit_test(loss_beyond_float_stops_before_the_update),
        cmocka_unit_test(large_loss_that_a_float_holds_is_no_fault),
        cmocka_unit_test(overflowing_delta_stops_before_the_update),
        cmocka_unit_test(overflowing_sum_stops_before_the_update),
        cmocka_unit_test(overflowing_product_stops_before_the_update),
        cmocka_unit_test(overflowing_input_product_stops_before_the_update),
        cmocka_unit_test(overflowing_norm_gradient_stops_before_the_update),
        cmocka_unit_test(no_overflow_is_missed),
        cmocka_unit_test(overflowing_update_is_told),
        cmocka_unit_test(suspicious_gradients_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
