/* Training steps as a whole: the same bits for every team size, instruction set and way to the gradients, and for the
 * definitions; who does what; clipping. What is not finite is in test_fault.c. */
#include <math.h>
#include <omp.h>
#include <string.h>

#include "bounded.h"
#include "kernel/reference.h"
#include "matrix_samples.h"
#include "step_samples.h"
#include "train/digest.h"
#include "train/schedule.h"
#include "train/step.h"

/* Everything that a run decides, in one text. */
struct outcome { char text[160]; };

static void train_two_epochs(struct fixture *f, const char *assignments)
{
    for (size_t epoch = 1; epoch <= 2; epoch++)
        if (training_run_steps(&f->t, epoch * f->t.sampler.steps_per_epoch) != WEFT_OK)
            fail_msg("%s: %s", assignments, weft_last_error());
}

static struct outcome outcome_of(struct fixture *f)
{
    char digest[DIGEST_SIZE];
    struct outcome outcome;
    assert_int_equal(weights_digest(&f->t.net, &f->t.optimizer, digest), WEFT_OK);
    snprintf(outcome.text, sizeof outcome.text, "%s, loss of the epoch %a, last step %a, %zu correct of %zu", digest,
             f->t.epoch_loss_sum, (double)f->t.step_loss[f->t.total_steps - 1], (size_t)f->t.epoch_correct,
             (size_t)f->t.epoch_rows);
    return outcome;
}

static struct sample sample_of(size_t features, size_t batch, size_t threads, unsigned kind)
{
    return (struct sample){features, batch, 2 * batch + batch / 2 + 5, threads, kind};  /* two batches, and a short one */
}

static struct outcome train(const char *assignments, const char *strategy, struct sample sample)
{
    struct fixture f;
    fixture_open_sample(&f, sample, assignments, strategy);
    train_two_epochs(&f, assignments);
    struct outcome outcome = outcome_of(&f);
    fixture_close(&f);
    return outcome;
}

/* Features and units that fill panels and vectors and that do not; first layers that are narrow and wide, with and without
 * something between them and the data. The wide ones take fewer batches: they are slow on the portable kernels. */
static const struct covering { size_t features; bool is_wide; const char *assignments; } covering[] = {
    {19, false, "network.hidden=none; optimizer.name=sgd"},
    {1, false, "network.hidden=1; network.activation=tanh; optimizer.name=momentum"},
    {33, false, "network.hidden=20, 7; optimizer.name=momentum; regularization.l2=0.1; regularization.l2_form=lambda_over_2m"},
    {19, false, "network.hidden=20, 7; network.batch_norm=before; optimizer.clip_norm=0.5"},
    {64, false, "network.hidden=33; network.batch_norm=after; network.batch_norm_statistics=shard; network.dropout=0.3; "
                "regularization.l1=0.01"},
    {40, false, "network.hidden=17, 16, 15; network.batch_norm=after; network.activation=tanh, relu, sigmoid; "
                "network.input_dropout=0.2; network.dropout=0.1, 0, 0.5; optimizer.name=momentum; "
                "optimizer.clip_value=0.01; optimizer.clip_norm=0.1"},
    {31, false, "network.hidden=70; network.batch_norm=before; network.batch_norm_affine=no; regularization.l2=0.01; "
                "regularization.l2_form=decoupled; regularization.l2_biases=yes; schedule.name=cosine; schedule.warmup=2"},
    {300, false, "network.hidden=10, 31; network.activation=relu, sigmoid"},    /* more features than are transposed at once */
    {50, false, "network.hidden=32, 20; network.batch_norm=before; network.batch_norm_statistics=shard; "
                "network.input_dropout=0.1; optimizer.name=sgd; optimizer.clip_value=0.02"},
    {32, false, "network.hidden=64, 65; network.batch_norm=after; network.dropout=0.4"},
    {19, true, "network.hidden=300; regularization.l2=0.01; optimizer.clip_norm=1"},    /* more than one block of a tensor */
    {70, true, "network.hidden=128, 100; network.batch_norm=before; network.activation=tanh"},
    {45, true, "network.hidden=500; network.input_dropout=0.2; optimizer.clip_value=0.01"},
};
static const size_t batches[] = {1, 7, 31, 33, 64, 100, 256}, wide_batches[] = {7, 100}, teams[] = {1, 2, 3, 7, 16};

/* The outcome wanted is that of the definitions on one thread. */
static size_t compare_variants(const struct covering *c, size_t batch)
{
    size_t runs = 0;
    kernel = &kernel_reference;
    struct outcome want = train(c->assignments, "run.gradient=auto", sample_of(c->features, batch, 1, 0));
    for (int isa = 0; isa < ISA_COUNT; isa++)
        for (size_t s = 0; s < COUNT(strategies); s++)
            for (size_t t = 0; t < COUNT(teams) && kernel_use((enum isa)isa); t++, runs++) {
                struct outcome got = train(c->assignments, strategies[s], sample_of(c->features, batch, teams[t], 0));
                if (strcmp(got.text, want.text) != 0)
                    fail_msg("%s; %s; %zu features, batch %zu, %s, %zu threads: %s, wanted %s", c->assignments, strategies[s],
                             c->features, batch, isa_name((enum isa)isa), teams[t], got.text, want.text);
            }
    return runs;
}

static void every_team_kernel_and_strategy_gives_the_same_bits(void **state)
{
    (void)state;
    size_t runs = 0;
    for (size_t c = 0; c < COUNT(covering); c++)
        for (size_t b = 0; b < (covering[c].is_wide ? COUNT(wide_batches) : COUNT(batches)); b++)
            runs += compare_variants(&covering[c], covering[c].is_wide ? wide_batches[b] : batches[b]);
    print_message("           %zu runs\n", runs);
}

/* Every optimizer, loss and kind of row: of floats as of bytes. */
static const struct of_task { const char *assignments; unsigned kind; } tasks[] = {
    {"network.hidden=20, 7; optimizer.name=nesterov", OF_FLOATS},
    {"network.hidden=20, 7; optimizer.name=rmsprop; network.activation=gelu; network.dropout=0.2", OF_FLOATS | OF_SHARES},
    {"network.hidden=33; optimizer.name=adamw; regularization.l2=0.1; network.activation=softplus", OF_FLOATS | OF_WEIGHTS},
    {"network.hidden=20, 7; network.batch_norm=before; network.activation=leaky_relu, elu; train.label_smoothing=0.1",
     OF_FLOATS | OF_SHARES},
    {"network.hidden=20; network.batch_norm=after; network.activation=gelu; network.loss=mse; network.input_dropout=0.1", OF_FLOATS},
    {"network.hidden=20; network.output=sigmoid; network.loss=binary_cross_entropy; optimizer.name=nesterov; "
     "optimizer.clip_norm=0.1", OF_FLOATS | OF_LABELS},
    {"network.hidden=20; network.output=sigmoid; network.loss=mse; network.batch_norm=after; "
     "network.batch_norm_statistics=shard; network.activation=softplus", OF_LABELS},
    {"network.hidden=17, 9; network.output=linear; network.loss=mse; optimizer.name=rmsprop; network.activation=tanh",
     OF_FLOATS | OF_VALUES},
    {"network.hidden=none; network.output=linear; network.loss=mse; optimizer.name=momentum; optimizer.clip_value=0.01", OF_VALUES},
    {"network.hidden=12; optimizer.name=sgd; train.label_smoothing=0.2; network.activation=elu", OF_WEIGHTS},
};

static void every_task_gives_the_same_bits(void **state)
{
    (void)state;
    static const size_t features[] = {19, 40}, sizes[] = {7, 64, 100};
    size_t runs = 0;
    for (size_t c = 0; c < COUNT(tasks); c++)
        for (size_t b = 0; b < COUNT(features) * COUNT(sizes); b++) {
            struct sample sample = sample_of(features[b % 2], sizes[b / 2], 1, tasks[c].kind);
            kernel = &kernel_reference;
            struct outcome want = train(tasks[c].assignments, "run.gradient=auto", sample);
            for (int isa = 0; isa < ISA_COUNT; isa++)
                for (size_t s = 0; s < COUNT(strategies); s++)
                    for (size_t t = 0; t < COUNT(teams) && kernel_use((enum isa)isa); t++, runs++) {
                        sample.threads = teams[t];
                        struct outcome got = train(tasks[c].assignments, strategies[s], sample);
                        if (strcmp(got.text, want.text) != 0)
                            fail_msg("%s; %s; %zu features, batch %zu, %s, %zu threads: %s, wanted %s", tasks[c].assignments,
                                     strategies[s], sample.features, sample.batch, isa_name((enum isa)isa), teams[t], got.text,
                                     want.text);
                    }
        }
    print_message("           %zu runs\n", runs);
}

/* adamw is adam whose decay is decoupled, whatever form of L2 the settings name. */
static void adamw_is_adam_with_decoupled_decay(void **state)
{
    (void)state;
    static const char *const penalty[] = {"regularization.l2=0.1", "regularization.l2=0.3; regularization.l2_biases=yes"};
    for (size_t p = 0; p < COUNT(penalty); p++) {
        char adam[256], adamw[256], coupled[256];
        snprintf(adam, sizeof adam, "network.hidden=20, 7; optimizer.name=adam; %s; regularization.l2_form=decoupled", penalty[p]);
        snprintf(adamw, sizeof adamw, "network.hidden=20, 7; optimizer.name=adamw; %s", penalty[p]);
        snprintf(coupled, sizeof coupled, "network.hidden=20, 7; optimizer.name=adam; %s", penalty[p]);
        struct sample sample = sample_of(19, 64, 2, 0);
        struct outcome want = train(adam, strategies[0], sample), got = train(adamw, strategies[0], sample);
        assert_string_equal(got.text, want.text);
        assert_string_not_equal(train(coupled, strategies[0], sample).text, want.text);
    }
}

/* ---- what belongs to one step: its rate, its number, its rows ---- */

/* Three steps an epoch, of 64, 64 and 37 rows. */
static const char ONE_LAYER[] =
    "network.hidden=none; optimizer.name=adam; optimizer.learning_rate=0.01; schedule.name=step; schedule.every=2 steps; "
    "schedule.factor=0.5; regularization.l2_form=lambda_over_2m; regularization.l2=";
static const size_t rows_of_step[] = {64, 64, 37};

static void open_one_layer(struct fixture *f, const char *l2, const char *strategy)
{
    char assignments[256];
    snprintf(assignments, sizeof assignments, "%s%s", ONE_LAYER, l2);
    fixture_open(f, assignments, strategy, 64, 165, (size_t)omp_get_max_threads());
}

/* From the gradient that was observed to the parameters, with copies of the moments; and the loss, from that of the rows. */
static void take_one_step(struct fixture *f, size_t step, const char *strategy)
{
    struct training *t = &f->t;
    struct optimizer by_hand = t->optimizer;
    double loss = 0;
    for (size_t m = 0; m < by_hand.moments; m++)
        by_hand.moment[m] = guarded_copy(t->optimizer.moment[m], t->net.parameter_size);
    t->observed_step = step;
    assert_int_equal(training_run_steps(t, step + 1), WEFT_OK);
    float *w = guarded_copy(t->observed_parameter, t->net.parameter_size);
    struct optimizer_step now = optimizer_step_of(&by_hand, schedule_learning_rate(&t->schedule, step), step);
    for (size_t i = 0; i < t->net.tensors; i++) {
        size_t at = t->net.tensor[i].offset, count = t->net.tensor[i].count;
        (void)optimizer_apply(&by_hand, &now, at, count, t->observed_gradient + at, w + at);
        assert_same_bits(t->net.parameter + at, w + at, count, "%s: tensor %zu after step %zu", strategy, i, step);
    }
    for (size_t n = 0; n < rows_of_step[step % 3]; n++)
        loss += t->batch.loss[n] / (double)rows_of_step[step % 3];
    assert_within((double)t->step_loss[step], loss, 1e-6 * loss, "%s: loss of step %zu", strategy, step);
    for (size_t m = 0; m < by_hand.moments; m++)
        guarded_free(by_hand.moment[m]);
    guarded_free(w);
}

static void a_step_follows_from_its_number(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT(strategies); s++) {
        struct fixture f;
        open_one_layer(&f, "0", strategies[s]);
        for (size_t step = 0; step < 6; step++)
            take_one_step(&f, step, strategies[s]);
        fixture_close(&f);
    }
}

/* The m of lambda/2m is the number of rows of the batch at hand. */
static void the_penalty_is_of_the_rows_at_hand(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT(strategies); s++) {
        struct fixture plain, penalized;
        open_one_layer(&plain, "0", strategies[s]);
        open_one_layer(&penalized, "0.5", strategies[s]);
        struct network *net = &penalized.t.net;
        for (size_t step = 0; step < 3; step++) {
            memcpy(net->parameter, plain.t.net.parameter, net->parameter_size * sizeof *net->parameter);
            network_pack(net);
            plain.t.observed_step = penalized.t.observed_step = step;
            assert_int_equal(training_run_steps(&plain.t, step + 1), WEFT_OK);
            assert_int_equal(training_run_steps(&penalized.t, step + 1), WEFT_OK);
            float l2 = (float)(2 * (0.5 / (2 * (double)rows_of_step[step])));
            for (size_t i = 0; i < net->tensor[0].count; i++)
                assert_true(penalized.t.observed_gradient[i]
                            == fmaf(l2, plain.t.observed_parameter[i], plain.t.observed_gradient[i]));
        }
        fixture_close(&plain);
        fixture_close(&penalized);
    }
}

/* A run cut into pieces, by request after every step, ends as the one that was not. */
static void pauses_do_not_show(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT(strategies); s++) {
        struct fixture whole, cut;
        fixture_open(&whole, covering[5].assignments, strategies[0], 64, 200, 2);
        fixture_open(&cut, covering[5].assignments, strategies[s], 64, 200, 3);
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
}

/* The passes read the weights packed, which the update writes too, each thread its own pieces. */
static void packed_weights_follow_the_update(void **state)
{
    (void)state;
    static const char *const networks[] = {"network.hidden=70, 65, 3", "network.hidden=20, 40; network.input_dropout=0.1",
                                           "network.hidden=128; network.batch_norm=after"};
    for (int isa = 0; isa < ISA_COUNT; isa++)
        for (size_t i = 0; i < COUNT(networks) * COUNT(strategies); i++)
            for (size_t t = 0; t < COUNT(teams) && kernel_use((enum isa)isa); t++) {
                struct fixture f;
                fixture_open_sample(&f, (struct sample){75, 64, 200, teams[t], 0}, networks[i / 2], strategies[i % 2]);
                assert_int_equal(training_run_steps(&f.t, f.t.sampler.steps_per_epoch), WEFT_OK);
                assert_packed(&f.t.net, networks[i / 2]);
                fixture_close(&f);
            }
}

/* ---- who does what ---- */

/* All rows of a batch, in order, each one's once; whole shards where shards are added up. */
static void expect_all_rows(const struct training *t, const struct batch_plan *plan, bool whole_shards)
{
    size_t row = 0, shard = 0;
    for (size_t rank = 0; rank < t->team.size; rank++) {
        struct slice slice = step_rows(t, plan, rank);
        assert_int_equal(slice.rows.first, row);
        assert_true(slice.rows.end >= row);
        row = slice.rows.end;
        if (!whole_shards)
            continue;
        assert_int_equal(slice.shards.first, shard);
        shard = slice.shards.end;
        assert_int_equal(slice.rows.end, shard * plan->rows / plan->shards);
    }
    assert_int_equal(row, plan->rows);
    assert_true(!whole_shards || shard == plan->shards);
}

static void expect_all_pieces(const struct training *t)
{
    size_t next = 0;
    for (size_t rank = 0; rank < t->team.size; rank++) {
        assert_int_equal(t->own_pieces[rank].first, next);
        assert_true(t->own_pieces[rank].end >= next);
        next = t->own_pieces[rank].end;
    }
    assert_int_equal(next, t->pieces);
}

static void rows_and_pieces_are_shared_out(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT(covering); c++)
        for (size_t threads = 1; threads <= 40; threads += threads < 8 ? 1 : 8)
            for (size_t b = 0; b < COUNT(batches) * COUNT(strategies); b++) {
                struct fixture f;
                size_t batch = batches[b / 2];
                struct sample sample = sample_of(covering[c].features, batch, threads, 0);
                fixture_open_sample(&f, sample, covering[c].assignments, strategies[b % 2]);
                bool whole_shards = b % 2 == 1 || strstr(covering[c].assignments, "batch_norm=") != NULL;
                expect_all_rows(&f.t, &f.t.full, whole_shards);
                expect_all_rows(&f.t, &f.t.last, whole_shards);
                assert_int_equal(f.t.full.rows, batch);
                assert_int_equal(f.t.last.rows, sample.rows % batch == 0 ? batch : sample.rows % batch);
                expect_all_pieces(&f.t);
                fixture_close(&f);
            }
}

/* At least one; no more than there are rows, or shards where batch-norm adds up rows; never fewer for more rows or wider
 * layers. */
static void threads_are_fed(void **state)
{
    (void)state;
    static const char *const networks[] = {"network.hidden=none", "network.hidden=20, 7", "network.hidden=500, 300"};
    for (int has_norm = 0; has_norm < 2; has_norm++) {
        size_t before[COUNT(networks)] = {0};
        for (size_t batch = 1; batch <= 4096; batch *= 2) {
            size_t narrower = 0;
            for (size_t n = 0; n < COUNT(networks); n++) {
                char text[160];
                snprintf(text, sizeof text, "%s; train.batch_size=%zu; network.batch_norm=%s", networks[n], batch,
                         has_norm ? "before" : "none");
                weft_settings *s = settings_of(text);
                size_t threads = training_useful_threads(s, 784, 10), shards = (batch + 31) / 32 < 16 ? (batch + 31) / 32 : 16;
                assert_true(threads >= 1 && threads <= (has_norm ? shards : batch));
                assert_true(threads >= before[n] && threads >= narrower);
                before[n] = narrower = threads;
                weft_settings_destroy(s);
            }
        }
        assert_true(before[COUNT(networks) - 1] > 1);
    }
}

/* An ordinary gradient is summed, used and forgotten, piece by piece: nothing that a step multiplies, padding included, looks
 * as if it could overflow. */
static void expect_one_look(const char *assignments, struct sample sample)
{
    for (int isa = 0; isa < ISA_COUNT && strstr(assignments, "clip") == NULL; isa++)
        for (size_t t = 0; t < COUNT(teams) && kernel_use((enum isa)isa); t++) {
            struct fixture f;
            sample.threads = teams[t];
            fixture_open_sample(&f, sample, assignments, "run.gradient=owned");
            for (size_t i = 0; i < f.t.net.parameter_size; i++)
                f.t.observed_gradient[i] = 7;
            train_two_epochs(&f, assignments);
            for (size_t i = 0; i < f.t.net.parameter_size; i++)
                if (f.t.observed_gradient[i] != 7)
                    fail_msg("%s, %s kernels, %zu threads: the whole gradient was looked at", assignments, kernel->name, teams[t]);
            fixture_close(&f);
        }
}

static void ordinary_steps_do_not_look_twice(void **state)
{
    (void)state;
    for (size_t c = 0; c < COUNT(covering); c++)
        expect_one_look(covering[c].assignments, (struct sample){covering[c].features, 64, 165, 1, 0});
    for (size_t c = 0; c < COUNT(tasks); c++)
        expect_one_look(tasks[c].assignments, (struct sample){19, 64, 165, 1, tasks[c].kind});
}

/* A clock changes nothing, and every thread's phases are counted. */
static void time_is_told_by_phase(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT(strategies); s++) {
        enum { THREADS = 3 };
        double time_s[THREADS][PHASES] = {{0}};
        struct fixture timed, plain;
        fixture_open(&timed, covering[5].assignments, strategies[s], 64, 200, THREADS);
        fixture_open(&plain, covering[5].assignments, strategies[s], 64, 200, THREADS);
        timed.t.phase_time_s = time_s;
        train_two_epochs(&timed, covering[5].assignments);
        train_two_epochs(&plain, covering[5].assignments);
        assert_string_equal(outcome_of(&timed).text, outcome_of(&plain).text);
        for (size_t rank = 0; rank < THREADS; rank++)
            for (size_t phase = 0; phase < PHASES; phase++)
                assert_true(time_s[rank][phase] > 0 || phase == PHASE_GRADIENT || phase == PHASE_UPDATE);
        fixture_close(&timed);
        fixture_close(&plain);
    }
}

/* ---- clipping ---- */

/* The gradient that one step used, a copy. */
static float *gradient_of(const char *assignments, const char *strategy, struct network *layout)
{
    struct fixture f;
    fixture_open(&f, assignments, strategy, 100, 200, (size_t)omp_get_max_threads());
    f.t.observed_step = 0;
    assert_int_equal(training_run_steps(&f.t, 1), WEFT_OK);
    float *g = guarded_copy(f.t.observed_gradient, f.t.net.parameter_size);
    *layout = f.t.net;                          /* for its sizes only: its arrays are gone */
    fixture_close(&f);
    return g;
}

/* By value: each element. By norm: all of them by one factor, min(1, limit / norm). Both: by value first. */
static void check_clipping(const char *strategy)
{
    struct network net;
    float *plain = gradient_of("network.hidden=20, 7", strategy, &net);
    float *by_value = gradient_of("network.hidden=20, 7; optimizer.clip_value=0.015625", strategy, &net);
    float *by_norm = gradient_of("network.hidden=20, 7; optimizer.clip_norm=0.25", strategy, &net);
    float *by_both = gradient_of("network.hidden=20, 7; optimizer.clip_value=0.015625; optimizer.clip_norm=0.0625", strategy,
                                 &net);
    float *by_neither = gradient_of("network.hidden=20, 7; optimizer.clip_value=100; optimizer.clip_norm=100", strategy, &net);
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

/* The penalty is part of what is clipped. */
static void check_clipping_of_a_penalty(const char *strategy)
{
    static const char penalized[] = "network.hidden=20, 7; regularization.l2=1; regularization.l2_form=lambda";
    char clipped[160];
    struct network net;
    snprintf(clipped, sizeof clipped, "%s; optimizer.clip_value=0.015625", penalized);
    float *plain = gradient_of(penalized, strategy, &net), *by_value = gradient_of(clipped, strategy, &net);
    for (size_t i = 0; i < net.parameter_size; i++)
        assert_true(by_value[i] == (plain[i] > 0.015625f ? 0.015625f : plain[i] < -0.015625f ? -0.015625f : plain[i]));
    guarded_free(plain);
    guarded_free(by_value);
}

static void gradients_are_clipped(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT(strategies); s++) {
        check_clipping(strategies[s]);
        check_clipping_of_a_penalty(strategies[s]);
    }
}

/* training_create with every allocation failing in turn. */
static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(strategies); i++) {
        weft_settings *s = settings_of("network.hidden=6, 5; network.batch_norm=after; network.dropout=0.5; "
                                       "train.batch_size=70");
        assert_int_equal(weft_settings_assign(s, strategies[i]), WEFT_OK);
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
        assert_true(n > 30);
        sample_dataset_free(&dataset);
        weft_settings_destroy(s);
    }
}

int main(void)
{
    if (kernel_choose() != WEFT_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_team_kernel_and_strategy_gives_the_same_bits),
        cmocka_unit_test(every_task_gives_the_same_bits),
        cmocka_unit_test(adamw_is_adam_with_decoupled_decay),
        cmocka_unit_test(a_step_follows_from_its_number),
        cmocka_unit_test(the_penalty_is_of_the_rows_at_hand),
        cmocka_unit_test(pauses_do_not_show),
        cmocka_unit_test(packed_weights_follow_the_update),
        cmocka_unit_test(rows_and_pieces_are_shared_out),
        cmocka_unit_test(threads_are_fed),
        cmocka_unit_test(ordinary_steps_do_not_look_twice),
        cmocka_unit_test(time_is_told_by_phase),
        cmocka_unit_test(gradients_are_clipped),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
