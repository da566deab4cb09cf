/* A split through a network: the tally is the same for any team and any kernels, and is that of one row after the other added
 * up in the order that the contract says. */
#include "support.h"

#include <string.h>

#include "base/memory.h"
#include "base/tree.h"
#include "data/batch.h"
#include "kernel/kernel.h"
#include "nn/pass.h"
#include "train/evaluate.h"

enum { FEATURES = 19, CLASSES = 6, TEAM_MAX = 16 };

static const char NETWORK[] = "network.hidden=11,7; network.activation=tanh,relu; network.batch_norm=before; "
                              "network.dropout=0.5; network.input_dropout=0.25";

struct sample {
    weft_settings *settings;
    struct dataset dataset;
    struct network net;
    struct team team;
    struct workspace space[TEAM_MAX];
};

/* Random weights and running statistics, the rows of the split in no order. */
static void sample_make(struct sample *s, size_t rows, size_t threads)
{
    struct random random = {rows};
    assert_int_equal(kernel_choose(), WEFT_OK);
    s->settings = settings_of(NETWORK);
    sample_dataset(&s->dataset, 1, rows, FEATURES, CLASSES);
    for (size_t i = rows - 1; i > 0; i--) {
        uint32_t *row = s->dataset.split[SPLIT_TRAIN].row;
        size_t other = random_below(&random, i + 1);
        uint32_t kept = row[i];
        row[i] = row[other];
        row[other] = kept;
    }
    assert_int_equal(network_create(&s->net, s->settings, FEATURES, CLASSES), WEFT_OK);
    random_floats(&random, s->net.parameter_size, -1, 1, s->net.parameter);
    random_floats(&random, s->net.running_size, 0.1, 2, s->net.running);
    network_pack(&s->net);
    assert_int_equal(team_create(&s->team, threads), WEFT_OK);
    assert_int_equal(s->team.size, threads);
    for (size_t rank = 0; rank < threads; rank++)
        assert_int_equal(workspace_create(&s->space[rank], &s->net, 0, 0), WEFT_OK);
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
    return evaluate_split(&s->net, &s->dataset, &s->dataset.split[SPLIT_TRAIN], &s->team, s->space, stop_request, tally);
}

/* One row by itself: its loss, and what it is taken for. */
static double row_loss(struct sample *s, size_t place, uint64_t *confusion)
{
    struct workspace *own = &s->space[0];
    const struct split *split = &s->dataset.split[SPLIT_TRAIN];
    int32_t label, best;
    double loss;
    batch_gather(split->table, 1, &split->row[place], own->infer.bytes, own->infer.stride, &label);
    const struct byte_rows input = {NULL, s->dataset.shift, s->dataset.scale, false};
    struct matrix logits = pass_infer(&s->net, own, &input, 1);
    kernel->softmax_loss(1, CLASSES, &label, logits.data, logits.panel, own->softmax, &loss, &best);
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
    assert_int_equal(tally.classes, CLASSES);
    assert_memory_equal(tally.confusion, confusion, sizeof confusion);
    for (size_t c = 0; c < CLASSES; c++)
        correct += confusion[c * CLASSES + c];
    assert_int_equal(tally.correct, correct);
    memory_free(tally.confusion);
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
    memory_free(tally.confusion);
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
        memory_free(tally.confusion);
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
            memory_free(tally.confusion);
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
        cmocka_unit_test(the_network_stays_as_it_is),
        cmocka_unit_test(a_request_stops_it),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests_name("evaluate", tests, NULL, NULL);
}
