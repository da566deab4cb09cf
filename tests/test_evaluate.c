/* A split through a network: the tally is the same for any team and any kernels, and is that of one row after the other added
 * up in the order that the contract says. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/tree.h"
#include "data/batch.h"
#include "kernel/kernel.h"
#include "nn/pass.h"
#include "train/tally.h"

enum { FEATURES = 19, CLASSES = 6, TEAM_MAX = 16 };

static const char NETWORK[] = "network.hidden=11,7; network.activation=tanh,relu; network.batch_norm=before; "
                              "network.dropout=0.5; network.input_dropout=0.25";

struct sample {
    weft_settings *settings;
    struct dataset dataset;
    struct network net;
    struct loss_rule loss;
    struct team team;
    struct workspace space[TEAM_MAX];
};

/* Random weights and running statistics, the rows of the split in no order. */
static void sample_make_of(struct sample *s, const char *assignments, unsigned kind, size_t rows, size_t threads)
{
    struct random random = {rows};
    assert_int_equal(kernel_choose(), WEFT_OK);
    s->settings = settings_of(assignments);
    sample_dataset_of(&s->dataset, 1, rows, FEATURES, CLASSES, kind);
    for (size_t i = rows - 1; i > 0; i--) {
        uint32_t *row = s->dataset.split[SPLIT_TRAIN].row;
        size_t other = random_below(&random, i + 1);
        uint32_t kept = row[i];
        row[i] = row[other];
        row[other] = kept;
    }
    assert_int_equal(network_create(&s->net, s->settings, FEATURES, s->dataset.type, CLASSES), WEFT_OK);
    random_floats(&random, s->net.parameter_size, -1, 1, s->net.parameter);
    random_floats(&random, s->net.running_size, 0.1, 2, s->net.running);
    network_pack(&s->net);
    s->loss = loss_rule_of(&s->net, s->settings, s->dataset.train.label != NULL, s->dataset.class_weight);
    assert_int_equal(team_create(&s->team, threads), WEFT_OK);
    assert_int_equal(s->team.size, threads);
    for (size_t rank = 0; rank < threads; rank++)
        assert_int_equal(workspace_create(&s->space[rank], &s->net, 0, 0), WEFT_OK);
}

static void sample_make(struct sample *s, size_t rows, size_t threads)
{
    sample_make_of(s, NETWORK, 0, rows, threads);
}

static void sample_free(struct sample *s)
{
    for (size_t rank = 0; rank < s->team.size; rank++)
        workspace_destroy(&s->space[rank]);
    network_destroy(&s->net);
    sample_dataset_free(&s->dataset);
    weft_settings_destroy(s->settings);
}

static weft_status evaluate(struct sample *s, const atomic_bool *stop_request, struct tally *tally)
{
    struct evaluator evaluator = {&s->net, &s->dataset, &s->loss, &s->team, s->space, stop_request};
    return tally_split(&evaluator, &s->dataset.split[SPLIT_TRAIN], tally);
}

/* One row by itself: its loss, and what it is taken for. */
static double row_loss(struct sample *s, size_t place, uint64_t *confusion)
{
    struct workspace *own = &s->space[0];
    const struct split *split = &s->dataset.split[SPLIT_TRAIN];
    int32_t label, best;
    double loss;
    batch_gather(split->table, 1, &split->row[place], &(struct gathered){own->infer.bytes, own->infer.stride, &label, NULL});
    const struct raw_rows input = {NULL, s->dataset.shift, s->dataset.scale, false, RAW_U8};
    struct matrix logits = pass_infer(&s->net, own, &input, 1);
    kernel->softmax_loss(1, CLASSES, &label, logits.data, logits.panel, own->loss_scratch, &loss, &best);
    confusion[label * CLASSES + best]++;
    return loss;
}

/* Blocks of 512 rows added one after the other, in a block S = min(16, ceil(rows / 32)) shards as a tree, in a shard a
 * chain. */
static double loss_in_order(struct sample *s, uint64_t *confusion)
{
    size_t count = s->dataset.split[SPLIT_TRAIN].count;
    double total = 0;
    for (size_t first = 0; first < count; first += 512) {
        size_t rows = count - first < 512 ? count - first : 512, shards = rows <= 480 ? (rows + 31) / 32 : 16;
        double part[16] = {0};
        for (size_t i = 0; i < shards; i++)
            for (size_t n = i * rows / shards; n < (i + 1) * rows / shards; n++)
                part[i] += row_loss(s, first + n, confusion);
        total += tree_sum(part, shards);
    }
    return total / (double)count;
}

static const size_t team_size[] = {1, 2, 3, 7, 16};

/* *loss_before: 0, or what it was with other kernels. */
static void check_tally(size_t rows, size_t threads, double *loss_before)
{
    struct sample s;
    struct tally tally;
    uint64_t confusion[CLASSES * CLASSES] = {0};
    size_t correct = 0;
    sample_make(&s, rows, threads);
    double loss = loss_in_order(&s, confusion);
    *loss_before = *loss_before == 0 ? loss : *loss_before;
    assert_same_doubles(&loss, loss_before, 1, "loss of %zu rows, row by row, %s kernels", rows, kernel->name);
    assert_int_equal(evaluate(&s, NULL, &tally), WEFT_OK);
    assert_same_doubles(&tally.loss, &loss, 1, "loss of %zu rows, %zu threads, %s kernels", rows, threads, kernel->name);
    assert_int_equal(tally.rows, rows);
    assert_int_equal(tally.outputs, CLASSES);
    assert_memory_equal(tally.confusion, confusion, sizeof confusion);
    for (size_t c = 0; c < CLASSES; c++)
        correct += confusion[c * CLASSES + c];
    assert_int_equal(tally.correct, correct);
    tally_clear(&tally);
    sample_free(&s);
}

static void the_tally_does_not_depend_on_team_or_kernels(void **state)
{
    (void)state;
    static const size_t rows[] = {1, 2, 31, 32, 33, 127, 129, 480, 481, 511, 512, 513, 1024, 1025, 5000};
    assert_int_equal(kernel_choose(), WEFT_OK);
    for (size_t r = 0; r < COUNT(rows); r++) {
        double loss = 0;
        for (enum isa isa = ISA_PORTABLE; isa < ISA_COUNT; isa++)
            for (size_t t = 0; t < COUNT(team_size) && kernel_use(isa); t++)
                check_tally(rows[r], team_size[t], &loss);
    }
}

/* ---- outputs ---- */

/* Each kind of output, over bytes and floats; what the data want of a row is in all their forms. */
static const struct of_task { const char *assignments; unsigned kind; } tasks[] = {
    {"network.hidden=11,7; network.activation=gelu; network.batch_norm=before; network.dropout=0.5", 0},
    {"network.hidden=11; train.label_smoothing=0.1", OF_FLOATS | OF_SHARES},
    {"network.hidden=none", OF_FLOATS | OF_WEIGHTS},
    {"network.hidden=11; network.output=sigmoid; network.loss=binary_cross_entropy; network.input_dropout=0.2", OF_FLOATS | OF_LABELS},
    {"network.hidden=11; network.output=sigmoid; network.loss=mse", OF_WEIGHTS},
    {"network.hidden=11; network.output=linear; network.loss=mse; network.activation=softplus", OF_FLOATS | OF_VALUES},
};

static weft_status infer(struct sample *s, bool has_loss, bool wants_outputs, struct inference *found)
{
    struct evaluator evaluator = {&s->net, &s->dataset, has_loss ? &s->loss : NULL, &s->team, s->space, NULL};
    return evaluate_infer(&evaluator, &s->dataset.split[SPLIT_TRAIN], wants_outputs, found);
}

/* One row by itself: its outputs in `output`; returns its loss. */
static double row_outputs(struct sample *s, size_t place, float *output)
{
    static const enum output_function function[] = {OUTPUT_OF_SOFTMAX, OUTPUT_OF_SIGMOID, OUTPUT_OF_LINEAR};
    struct workspace *own = &s->space[0];
    struct activations *a = &own->infer;
    const struct split *split = &s->dataset.split[SPLIT_TRAIN];
    struct raw_rows input = batch_scaling(&s->dataset);
    batch_gather(split->table, 1, &split->row[place], &(struct gathered){a->bytes, a->stride, a->label, a->wanted});
    struct matrix logits = pass_infer(&s->net, own, &input, 1);
    loss_value(&s->loss, 1, CLASSES, logits, a, 0, own->loss_scratch);
    kernel->outputs(function[s->settings->network.output], 1, CLASSES, logits.data, logits.panel, own->loss_scratch);
    memcpy(output, logits.data, CLASSES * sizeof *output);
    return a->loss[0];
}

/* The same rows one by one, their losses added up in the order of the contract. */
static float *outputs_in_order(struct sample *s, double *loss)
{
    size_t count = s->dataset.split[SPLIT_TRAIN].count;
    float *output = guarded_new(count * CLASSES, sizeof *output);
    *loss = 0;
    for (size_t first = 0; first < count; first += 512) {
        size_t rows = count - first < 512 ? count - first : 512, shards = rows <= 480 ? (rows + 31) / 32 : 16;
        double part[16] = {0};
        for (size_t i = 0; i < shards; i++)
            for (size_t n = i * rows / shards; n < (i + 1) * rows / shards; n++)
                part[i] += row_outputs(s, first + n, output + (first + n) * CLASSES);
        *loss += tree_sum(part, shards);
    }
    *loss /= (double)count;
    return output;
}

/* Probabilities of classes add up to 1: each is a quotient by a sum of 6 terms in float. Those of labels are between 0 and 1. */
static void expect_probabilities(const struct sample *s, const struct inference *found)
{
    int output = s->settings->network.output;
    for (size_t n = 0; n < found->rows && output != OUTPUT_LINEAR; n++) {
        double sum = 0;
        for (size_t c = 0; c < CLASSES; c++) {
            assert_true(found->output[n * CLASSES + c] >= 0 && found->output[n * CLASSES + c] <= 1);
            sum += (double)found->output[n * CLASSES + c];
        }
        if (output == OUTPUT_SOFTMAX)
            assert_within(sum, 1, (CLASSES + 1) * 0x1p-24 * 1.01, "probabilities of row %zu", n);
    }
}

static void check_outputs(const struct of_task *task, size_t rows, size_t threads)
{
    struct sample s;
    struct inference found, without, unlabelled;
    double loss;
    sample_make_of(&s, task->assignments, task->kind, rows, threads);
    float *want = outputs_in_order(&s, &loss);
    assert_int_equal(infer(&s, true, true, &found), WEFT_OK);
    assert_int_equal(found.rows, rows);
    assert_int_equal(found.outputs, CLASSES);
    assert_same_bits(found.output, want, rows * CLASSES, "%s: outputs of %zu rows, %zu threads, %s kernels", task->assignments,
                     rows, threads, kernel->name);
    assert_same_doubles(&found.loss, &loss, 1, "%s: loss of %zu rows, %zu threads, %s kernels", task->assignments, rows, threads,
                        kernel->name);
    for (size_t n = 0; n < rows; n++) {
        size_t best = (size_t)found.best[n];
        for (size_t c = 0; c < CLASSES; c++)            /* the largest logit, which no other output is above */
            assert_true(found.output[n * CLASSES + c] <= found.output[n * CLASSES + best]);
    }
    expect_probabilities(&s, &found);
    assert_int_equal(infer(&s, true, false, &without), WEFT_OK);
    assert_null(without.output);
    assert_true(without.loss == found.loss);
    assert_memory_equal(without.best, found.best, rows * sizeof *found.best);
    assert_int_equal(infer(&s, false, true, &unlabelled), WEFT_OK);
    assert_true(isnan(unlabelled.loss));
    assert_same_bits(unlabelled.output, want, rows * CLASSES, "%s: outputs without a loss", task->assignments);
    assert_memory_equal(unlabelled.best, found.best, rows * sizeof *found.best);
    inference_clear(&found);
    assert_true(found.best == NULL && found.output == NULL && found.rows == 0);
    inference_clear(&without);
    inference_clear(&unlabelled);
    guarded_free(want);
    sample_free(&s);
}

static void outputs_do_not_depend_on_team_or_kernels(void **state)
{
    (void)state;
    static const size_t rows[] = {1, 33, 129, 512, 1025};
    assert_int_equal(kernel_choose(), WEFT_OK);
    for (size_t i = 0; i < COUNT(tasks); i++)
        for (size_t r = 0; r < COUNT(rows); r++)
            for (enum isa isa = ISA_PORTABLE; isa < ISA_COUNT; isa++)
                for (size_t t = 0; t < COUNT(team_size) && kernel_use(isa); t += 2)
                    check_outputs(&tasks[i], rows[r], team_size[t]);
}

/* Rows that have neither labels nor targets are only looked at. */
static void rows_need_no_labels(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(tasks); i++) {
        struct sample s;
        struct inference with, without;
        sample_make_of(&s, tasks[i].assignments, tasks[i].kind, 700, 3);
        assert_int_equal(infer(&s, true, true, &with), WEFT_OK);
        struct table *table = &s.dataset.train, whole = *table;
        table->label = NULL;
        table->target = NULL;
        table->targets = 0;
        assert_int_equal(infer(&s, false, true, &without), WEFT_OK);
        *table = whole;
        assert_same_bits(without.output, with.output, 700 * CLASSES, "%s: outputs of rows without labels", tasks[i].assignments);
        assert_memory_equal(without.best, with.best, 700 * sizeof *with.best);
        assert_true(isnan(without.loss) && !isnan(with.loss));
        inference_clear(&with);
        inference_clear(&without);
        sample_free(&s);
    }
}

/* With a loss or without one. */
static void the_first_largest_wins_a_tie(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(tasks); i++)
        for (int has_loss = 0; has_loss < 2; has_loss++) {
            struct sample s;
            struct inference found;
            sample_make_of(&s, tasks[i].assignments, tasks[i].kind, 40, 2);
            const struct layer *last = &s.net.layer[s.net.layers - 1];
            for (size_t k = 0; k < last->fan_in * CLASSES; k++)
                s.net.parameter[last->weight + k] = 0;
            for (size_t c = 0; c < CLASSES; c++)
                s.net.parameter[last->bias + c] = c == 2 || c == 4 ? 1 : -1;
            network_pack(&s.net);
            assert_int_equal(infer(&s, has_loss, false, &found), WEFT_OK);
            for (size_t n = 0; n < 40; n++)
                assert_int_equal(found.best[n], 2);
            inference_clear(&found);
            sample_free(&s);
        }
}

static void outputs_may_be_short_of_memory(void **state)
{
    (void)state;
    struct sample s;
    weft_status st = WEFT_ENOMEM;
    sample_make_of(&s, tasks[3].assignments, tasks[3].kind, 600, 2);
    size_t n = 0;
    while (st != WEFT_OK) {
        struct inference found;
        memory_fail_from(++n);
        st = infer(&s, true, true, &found);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || (st == WEFT_ENOMEM && found.best == NULL && found.output == NULL));
        inference_clear(&found);
    }
    assert_true(n >= 4);
    sample_free(&s);
}

/* ---- and what is around it ---- */

static void the_network_stays_as_it_is(void **state)
{
    (void)state;
    struct sample s;
    struct tally tally;
    sample_make(&s, 1500, 3);
    float *parameter = guarded_copy(s.net.parameter, s.net.parameter_size);
    float *running = guarded_copy(s.net.running, s.net.running_size);
    assert_int_equal(evaluate(&s, NULL, &tally), WEFT_OK);
    assert_same_bits(s.net.parameter, parameter, s.net.parameter_size, "parameters");
    assert_same_bits(s.net.running, running, s.net.running_size, "running statistics");
    tally_clear(&tally);
    guarded_free(parameter);
    guarded_free(running);
    sample_free(&s);
}

static void a_request_stops_it(void **state)
{
    (void)state;
    for (size_t t = 0; t < COUNT(team_size); t++) {
        struct sample s;
        struct tally tally;
        atomic_bool request = true;
        sample_make(&s, 1500, team_size[t]);
        assert_int_equal(evaluate(&s, &request, &tally), WEFT_ESTOPPED);
        assert_true(tally.confusion == NULL && tally.rows == 0);
        atomic_store(&request, false);
        assert_int_equal(evaluate(&s, &request, &tally), WEFT_OK);
        assert_int_equal(tally.rows, 1500);
        tally_clear(&tally);
        sample_free(&s);
    }
}

static void memory_may_be_short(void **state)
{
    (void)state;
    struct sample s;
    sample_make(&s, 600, 2);
    for (size_t n = 1;; n++) {
        struct tally tally;
        memory_fail_from(n);
        weft_status st = evaluate(&s, NULL, &tally);
        memory_fail_from(0);
        if (st == WEFT_OK) {
            assert_true(n > 1);
            tally_clear(&tally);
            break;
        }
        assert_int_equal(st, WEFT_ENOMEM);
        assert_null(tally.confusion);
    }
    sample_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_tally_does_not_depend_on_team_or_kernels),
        cmocka_unit_test(outputs_do_not_depend_on_team_or_kernels),
        cmocka_unit_test(rows_need_no_labels),
        cmocka_unit_test(the_first_largest_wins_a_tie),
        cmocka_unit_test(outputs_may_be_short_of_memory),
        cmocka_unit_test(the_network_stays_as_it_is),
        cmocka_unit_test(a_request_stops_it),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests_name("evaluate", tests, NULL, NULL);
}
