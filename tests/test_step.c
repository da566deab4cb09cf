/* Training steps as a whole: the same bits for every team size and instruction set and for the definitions; clipping; and
 * what is not finite, which stops the run before anything is overwritten. */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "bounded.h"
#include "kernel/kernel.h"
#include "kernel/reference.h"
#include "support.h"
#include "train/digest.h"
#include "train/training.h"

enum { FEATURES = 19, CLASSES = 5 };

struct fixture {
    weft_settings *settings;
    struct dataset dataset;
    struct training t;
};

static void fixture_open(struct fixture *f, const char *assignments, size_t batch, size_t rows, size_t threads)
{
    char all[1024];
    snprintf(all, sizeof all, "train.batch_size=%zu; train.epochs=2; %s", batch, assignments);
    f->settings = settings_of(all);
    sample_dataset(&f->dataset, 5, rows, FEATURES, CLASSES);
    if (training_create(&f->t, f->settings, &f->dataset, threads) != WEFT_OK)
        fail_msg("%s: %s", assignments, weft_last_error());
    network_initialize(&f->t.net, f->settings);
    f->t.step_loss = memory_new((size_t)f->t.total_steps, sizeof *f->t.step_loss);
    assert_non_null(f->t.step_loss);
}

static void fixture_close(struct fixture *f)
{
    training_destroy(&f->t);
    sample_dataset_free(&f->dataset);
    weft_settings_destroy(f->settings);
}

/* Everything that a run decides, in one text. */
struct outcome { char text[160]; };

static struct outcome train(const char *assignments, size_t batch, size_t threads)
{
    struct fixture f;
    fixture_open(&f, assignments, batch, 2 * batch + batch / 2 + 5, threads);   /* two batches, and a short one */
    for (size_t epoch = 1; epoch <= 2; epoch++)
        if (training_run_steps(&f.t, epoch * f.t.sampler.steps_per_epoch) != WEFT_OK)
            fail_msg("%s: %s", assignments, weft_last_error());
    char digest[DIGEST_SIZE];
    struct outcome outcome;
    assert_int_equal(weights_digest(&f.t.net, &f.t.optimizer, digest), WEFT_OK);
    snprintf(outcome.text, sizeof outcome.text, "%s, loss of the epoch %a, last step %a, %zu correct of %zu", digest,
             f.t.epoch_loss_sum, (double)f.t.step_loss[f.t.total_steps - 1], (size_t)f.t.epoch_correct,
             (size_t)f.t.epoch_rows);
    fixture_close(&f);
    return outcome;
}

static const char *const covering[] = {
    "network.hidden=none; optimizer.name=sgd",
    "network.hidden=20, 7; optimizer.name=momentum; regularization.l2=0.1; regularization.l2_form=lambda_over_2m",
    "network.hidden=20, 7; network.batch_norm=before; optimizer.clip_norm=0.5",
    "network.hidden=33; network.batch_norm=after; network.batch_norm_statistics=shard; network.dropout=0.3; "
    "regularization.l1=0.01",
    "network.hidden=17, 16, 15; network.batch_norm=after; network.activation=tanh, relu, sigmoid; "
    "network.input_dropout=0.2; network.dropout=0.1, 0, 0.5; optimizer.name=momentum; optimizer.clip_value=0.01; "
    "optimizer.clip_norm=0.1",
    "network.hidden=70; network.batch_norm=before; network.batch_norm_affine=no; regularization.l2=0.01; "
    "regularization.l2_form=decoupled; regularization.l2_biases=yes; schedule.name=cosine; schedule.warmup=2",
    "network.hidden=300; regularization.l2=0.01; optimizer.clip_norm=1",        /* more than one block of a tensor */
};

/* The first outcome is that of the definitions on one thread. */
static void every_team_and_every_kernel_gives_the_same_bits(void **state)
{
    (void)state;
    static const size_t batches[] = {1, 7, 33, 64, 100, 256}, teams[] = {1, 2, 3, 7, 16};
    size_t runs = 0;
    for (size_t c = 0; c < COUNT(covering); c++)
        for (size_t b = 0; b < COUNT(batches); b++) {
            kernel = &kernel_reference;
            struct outcome want = train(covering[c], batches[b], 1);
            for (int isa = 0; isa < ISA_COUNT; isa++)
                for (size_t t = 0; t < COUNT(teams) && kernel_use((enum isa)isa); t++, runs++) {
                    struct outcome got = train(covering[c], batches[b], teams[t]);
                    if (strcmp(got.text, want.text) != 0)
                        fail_msg("%s; batch %zu, %s, %zu threads: %s, wanted %s", covering[c], batches[b],
                                 isa_name((enum isa)isa), teams[t], got.text, want.text);
                }
        }
    print_message("           %zu runs\n", runs);
}

/* A run cut into pieces, by request after every step, ends as the one that was not. */
static void pauses_do_not_show(void **state)
{
    (void)state;
    struct fixture whole, cut;
    fixture_open(&whole, covering[4], 64, 200, 2);
    fixture_open(&cut, covering[4], 64, 200, 3);
    size_t steps = whole.t.sampler.steps_per_epoch;
    assert_int_equal(training_run_steps(&whole.t, steps), WEFT_OK);
    atomic_bool request = true;
    cut.t.stop_request = &request;
    for (size_t step = 1; step <= steps; step++) {
        assert_int_equal(training_run_steps(&cut.t, steps), WEFT_OK);
        assert_int_equal(cut.t.step, step);
    }
    char digest[2][DIGEST_SIZE];
    assert_int_equal(weights_digest(&whole.t.net, &whole.t.optimizer, digest[0]), WEFT_OK);
    assert_int_equal(weights_digest(&cut.t.net, &cut.t.optimizer, digest[1]), WEFT_OK);
    assert_string_equal(digest[0], digest[1]);
    assert_true(whole.t.epoch_loss_sum == cut.t.epoch_loss_sum);
    fixture_close(&whole);
    fixture_close(&cut);
}

/* The backward pass reads the weights in a second, transposed copy, which the update writes too. */
static void transposed_weights_follow_the_update(void **state)
{
    (void)state;
    for (size_t threads = 1; threads <= 3; threads++) {
        struct fixture f;
        fixture_open(&f, "network.hidden=70, 65, 3", 64, 200, threads);         /* 70 x 65: a block ends inside a row */
        assert_int_equal(training_run_steps(&f.t, f.t.sampler.steps_per_epoch), WEFT_OK);
        const struct network *net = &f.t.net;
        for (size_t l = 1; l < net->layers; l++)
            for (size_t i = 0; i < net->layer[l].fan_in; i++)
                for (size_t o = 0; o < net->layer[l].fan_out; o++)
                    assert_true(net->transposed[l][o * net->layer[l].fan_in + i]
                                == net->parameter[net->layer[l].weight + i * net->layer[l].fan_out + o]);
        fixture_close(&f);
    }
}

/* The gradient that one step used, a copy. */
static float *gradient_of(const char *assignments, struct network *layout)
{
    struct fixture f;
    fixture_open(&f, assignments, 100, 200, (size_t)omp_get_max_threads());
    f.t.observed_step = 0;
    assert_int_equal(training_run_steps(&f.t, 1), WEFT_OK);
    float *g = guarded_copy(f.t.observed_gradient, f.t.net.parameter_size);
    *layout = f.t.net;                          /* for its sizes only: its arrays are gone */
    fixture_close(&f);
    return g;
}

/* By value: each element. By norm: all of them by one factor, min(1, limit / norm). Both: by value first. */
static void gradients_are_clipped(void **state)
{
    (void)state;
    struct network net;
    float *plain = gradient_of("network.hidden=20, 7", &net);
    float *by_value = gradient_of("network.hidden=20, 7; optimizer.clip_value=0.015625", &net);
    float *by_norm = gradient_of("network.hidden=20, 7; optimizer.clip_norm=0.25", &net);
    float *by_both = gradient_of("network.hidden=20, 7; optimizer.clip_value=0.015625; optimizer.clip_norm=0.0625", &net);
    float *by_neither = gradient_of("network.hidden=20, 7; optimizer.clip_value=100; optimizer.clip_norm=100", &net);
    size_t cut = 0;
    double square[2] = {0};
    for (size_t i = 0; i < net.parameter_size; i++) {
        float want = plain[i] > 0.015625f ? 0.015625f : plain[i] < -0.015625f ? -0.015625f : plain[i];
        assert_true(by_value[i] == want);
        cut += want != plain[i];
        square[0] += (double)plain[i] * (double)plain[i];
        square[1] += (double)by_value[i] * (double)by_value[i];
    }
    assert_true(cut > 0 && sqrt(square[0]) > 0.25 && sqrt(square[1]) > 0.0625);        /* or nothing was tested */
    assert_same_bits(by_neither, plain, net.parameter_size, "limits that are not reached");
    for (size_t i = 0; i < net.parameter_size; i++) {
        struct bounded all = times(exactly((double)plain[i]), rounded(in_double(0.25 / sqrt(square[0]), 0)));
        struct bounded some = times(exactly((double)by_value[i]), rounded(in_double(0.0625 / sqrt(square[1]), 0)));
        assert_within((double)by_norm[i], all.value, rounded(all).error, "clipped by norm");
        assert_within((double)by_both[i], some.value, rounded(some).error, "clipped by value, then by norm");
    }
    float *const all[] = {plain, by_value, by_norm, by_both, by_neither};
    for (size_t i = 0; i < COUNT(all); i++)
        guarded_free(all[i]);
}

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

static void expect_state(const struct training *t, struct state_copy *c)
{
    assert_same_bits(t->net.parameter, c->parameter, t->net.parameter_size, "parameters after a fault");
    assert_same_bits(t->net.running, c->running, t->net.running_size, "running statistics after a fault");
    for (size_t i = 0; i < t->optimizer.moments; i++)
        assert_same_bits(t->optimizer.moment[i], c->moment[i], t->net.parameter_size, "moment %zu after a fault", i);
    assert_true(t->epoch_loss_sum == c->epoch_loss_sum);
    guarded_free(c->parameter);
    guarded_free(c->running);
    for (size_t i = 0; i < t->optimizer.moments; i++)
        guarded_free(c->moment[i]);
}

static const size_t fault_teams[] = {1, 2, 7};

static void expect_fault_without_a_trace(struct fixture *f, const char *word)
{
    uint64_t step = f->t.step;
    struct state_copy before = copy_state(&f->t);
    for (size_t again = 0; again < 2; again++) {        /* it fails the same way once more */
        assert_int_equal(training_run_steps(&f->t, step + 1), WEFT_ENONFINITE);
        assert_int_equal(f->t.step, step);
        if (strstr(weft_last_error(), word) == NULL)
            fail_msg("the message is \"%s\", wanted \"%s\" in it", weft_last_error(), word);
    }
    expect_state(&f->t, &before);
}

static void nonfinite_loss_stops_before_the_update(void **state)
{
    (void)state;
    static const float poison[] = {NAN, INFINITY, 3e38f};
    for (size_t i = 0; i < COUNT(fault_teams) * COUNT(poison); i++) {
        struct fixture f;
        fixture_open(&f, "network.hidden=20, 7; network.batch_norm=after", 100, 200, fault_teams[i % COUNT(fault_teams)]);
        assert_int_equal(training_run_steps(&f.t, 1), WEFT_OK);
        struct tensor *logits = &f.t.net.tensor[f.t.net.tensors - 2];
        for (size_t e = 0; e < logits->count; e++)
            f.t.net.parameter[logits->offset + e] = (e % 2 == 0 ? 1 : -1) * poison[i / COUNT(fault_teams)];
        expect_fault_without_a_trace(&f, "loss");
        fixture_close(&f);
    }
}

/* The loss is computed in double and kept as a float: one that no float can hold is not finite either. */
static void loss_beyond_float_stops_before_the_update(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(fault_teams); i++) {
        struct fixture f;
        fixture_open(&f, "network.hidden=none", 100, 200, fault_teams[i]);
        struct network *net = &f.t.net;
        memset(net->parameter, 0, net->parameter_size * sizeof *net->parameter);
        for (size_t c = 0; c < CLASSES; c++)
            net->parameter[net->layer[0].bias + c] = c == 0 ? 3e38f : -3e38f;   /* 6e38 nats for four labels of five */
        expect_fault_without_a_trace(&f, "loss");
        fixture_close(&f);
    }
}

/* Finite loss, and a gradient that overflows: what comes back from the output is multiplied by weights of 1e30 twice, with
 * inputs that keep the forward pass at 0. */
static void nonfinite_gradient_stops_before_the_update(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(fault_teams); i++)
        for (size_t clip = 0; clip < 2; clip++) {
            struct fixture f;
            fixture_open(&f, clip ? "network.hidden=8, 8; network.activation=identity; optimizer.clip_norm=1; "
                                    "optimizer.clip_value=1"
                                  : "network.hidden=8, 8; network.activation=identity", 100, 200, fault_teams[i]);
            struct network *net = &f.t.net;
            memset(net->parameter, 0, net->parameter_size * sizeof *net->parameter);
            for (size_t l = 1; l < 3; l++)
                for (size_t e = 0; e < net->layer[l].fan_in * net->layer[l].fan_out; e++)
                    net->parameter[net->layer[l].weight + e] = e % 3 == 0 ? 1e30f : -1e30f;
            network_refresh(net);
            expect_fault_without_a_trace(&f, "gradient");
            fixture_close(&f);
        }
}

/* Each shard's gradient is finite, their sum is not: 1.2e38 from each of four shards. */
static void overflowing_sum_stops_before_the_update(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(fault_teams); i++) {
        struct fixture f;
        fixture_open(&f, "network.hidden=4; network.activation=identity", 100, 200, fault_teams[i]);
        memset(f.dataset.train.label, 0, f.dataset.train.count * sizeof *f.dataset.train.label);
        struct network *net = &f.t.net;
        memset(net->parameter, 0, net->parameter_size * sizeof *net->parameter);
        for (size_t e = 0; e < 4 * CLASSES; e++)
            net->parameter[net->layer[1].weight + e] = e % CLASSES == 0 ? 3e38f : -3e38f;
        network_refresh(net);
        expect_fault_without_a_trace(&f, "gradient");
        fixture_close(&f);
    }
}

/* An update that overflows is told, whatever it overflowed in. */
static void overflowing_update_is_told(void **state)
{
    (void)state;
    static const struct { const char *assignments, *where; } given[] = {
        {"network.hidden=4; network.activation=identity; optimizer.name=sgd; optimizer.learning_rate=1e30", "/layers/"},
        {"network.hidden=4; network.activation=identity; optimizer.name=momentum; optimizer.learning_rate=1e30", "/layers/"},
        {"network.hidden=4; network.activation=identity; optimizer.name=adam; optimizer.learning_rate=1e-30", "moment"},
    };
    for (size_t i = 0; i < COUNT(given) * COUNT(fault_teams); i++) {
        struct fixture f;
        fixture_open(&f, given[i / COUNT(fault_teams)].assignments, 100, 200, fault_teams[i % COUNT(fault_teams)]);
        struct network *net = &f.t.net;
        memset(net->parameter, 0, net->parameter_size * sizeof *net->parameter);
        for (size_t e = 0; e < net->layer[1].fan_in * net->layer[1].fan_out; e++)
            net->parameter[net->layer[1].weight + e] = e % 3 == 0 ? 1e25f : -1e25f;
        network_refresh(net);
        assert_int_equal(training_run_steps(&f.t, 1), WEFT_ENONFINITE);
        const char *message = weft_last_error();
        if (strstr(message, "overflowed") == NULL || strstr(message, given[i / COUNT(fault_teams)].where) == NULL)
            fail_msg("the message is \"%s\"", message);
        fixture_close(&f);
    }
}

/* Large, but not too large: a gradient that only looks suspicious gives the same bits as any other. */
static void suspicious_gradients_change_nothing(void **state)
{
    (void)state;
    char digest[COUNT(fault_teams)][DIGEST_SIZE];
    for (size_t i = 0; i < COUNT(fault_teams); i++) {
        struct fixture f;
        fixture_open(&f, "network.hidden=4; network.activation=identity; optimizer.name=sgd; optimizer.learning_rate=1e-30",
                     100, 200, fault_teams[i]);
        struct network *net = &f.t.net;
        memset(net->parameter, 0, net->parameter_size * sizeof *net->parameter);
        for (size_t e = 0; e < net->layer[1].fan_in * net->layer[1].fan_out; e++)
            net->parameter[net->layer[1].weight + e] = e % 3 == 0 ? 3e37f : -3e37f;
        network_refresh(net);
        f.t.observed_step = 0;
        assert_int_equal(training_run_steps(&f.t, 1), WEFT_OK);
        assert_true(kernel->largest_magnitude(net->parameter_size, f.t.observed_gradient) > 0x1p116f);
        assert_int_equal(weights_digest(net, &f.t.optimizer, digest[i]), WEFT_OK);
        assert_string_equal(digest[i], digest[0]);
        fixture_close(&f);
    }
}

/* training_create with every allocation failing in turn. */
static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    weft_settings *s = settings_of("network.hidden=6, 5; network.batch_norm=after; network.dropout=0.5; "
                                   "train.batch_size=70");
    struct dataset dataset;
    sample_dataset(&dataset, 1, 100, FEATURES, CLASSES);
    weft_status st = WEFT_ENOMEM;
    size_t n = 0;
    for (struct training t; st != WEFT_OK;) {
        memory_fail_from(++n);
        st = training_create(&t, s, &dataset, 3);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || st == WEFT_ENOMEM);
        if (st == WEFT_OK)
            training_destroy(&t);
    }
    assert_true(n > 15);
    sample_dataset_free(&dataset);
    weft_settings_destroy(s);
}

int main(void)
{
    if (kernel_choose() != WEFT_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_team_and_every_kernel_gives_the_same_bits),
        cmocka_unit_test(pauses_do_not_show),
        cmocka_unit_test(transposed_weights_follow_the_update),
        cmocka_unit_test(gradients_are_clipped),
        cmocka_unit_test(nonfinite_loss_stops_before_the_update),
        cmocka_unit_test(loss_beyond_float_stops_before_the_update),
        cmocka_unit_test(nonfinite_gradient_stops_before_the_update),
        cmocka_unit_test(overflowing_sum_stops_before_the_update),
        cmocka_unit_test(overflowing_update_is_told),
        cmocka_unit_test(suspicious_gradients_change_nothing),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
