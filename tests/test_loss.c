/* The loss of rows over what the data want of them, class or targets, smoothed and weighted: against the double-precision
 * definition of network_ref_cost.c within the bound that it computes, on every instruction set; and that definition against
 * central differences of itself. */
#include "support.h"

#include <math.h>
#include <string.h>

#include "kernel/kernel.h"
#include "matrix_samples.h"
#include "network_ref.h"
#include "nn/loss.h"

/* Two rows before those that are asked for, and three behind: they must stay as they are. */
enum { BEFORE = 2, BEHIND = 3 };

/* What the data say of a row, and how the loss is made. */
static const struct variant { const char *assignments; enum task task; bool has_labels, is_weighted; } variants[] = {
    {"", TASK_CLASSES, true, false},
    {"", TASK_CLASSES, true, true},
    {"", TASK_CLASSES, false, false},
    {"train.label_smoothing=0.1", TASK_CLASSES, true, false},
    {"train.label_smoothing=0.3", TASK_CLASSES, true, true},
    {"train.label_smoothing=0.2", TASK_CLASSES, false, true},
    {"network.loss=mse", TASK_CLASSES, true, false},
    {"network.loss=mse", TASK_CLASSES, false, true},
    {"network.output=sigmoid; network.loss=binary_cross_entropy", TASK_LABELS, false, false},
    {"network.output=sigmoid; network.loss=binary_cross_entropy; train.label_smoothing=0.1", TASK_LABELS, false, false},
    {"network.output=sigmoid; network.loss=binary_cross_entropy", TASK_CLASSES, true, true},
    {"network.output=sigmoid; network.loss=binary_cross_entropy; train.label_smoothing=0.4", TASK_CLASSES, true, false},
    {"network.output=sigmoid; network.loss=mse", TASK_LABELS, false, false},
    {"network.output=sigmoid; network.loss=mse", TASK_CLASSES, true, true},
    {"network.output=linear; network.loss=mse", TASK_REGRESSION, false, false},
};

struct fixture {
    const char *assignments;
    weft_settings *settings;
    struct network net;
    struct dataset dataset;                     /* BEFORE + rows + BEHIND rows, of which only what is wanted counts */
    struct activations a;
    struct loss_rule rule;
    size_t rows, outputs;
    struct matrix logits;
    float *scratch;
    struct network_ref ref;
};

static void make_activations(struct fixture *f)
{
    size_t all = f->dataset.train.count, K = f->outputs;
    const struct table *table = &f->dataset.train;
    f->a = (struct activations){.rows = all, .label = guarded_new(all, sizeof(int32_t)), .best = guarded_new(all, sizeof(int32_t)),
                                .loss = guarded_new(all, sizeof(double)), .wanted = guarded_new(all * K, sizeof(float)),
                                .target = matrix_new(all, K), .row_weight = guarded_new(all, sizeof(float))};
    for (size_t n = 0; n < all; n++) {
        f->a.best[n] = -7;
        f->a.loss[n] = -7;
        for (size_t k = 0; k < K; k++)
            f->a.wanted[n * K + k] = table->target != NULL ? table->target[n * K + k] : NAN;    /* or else not looked at */
        if (table->label != NULL) {
            f->a.label[n] = table->label[n];
            continue;
        }
        for (size_t k = 1; k < K; k++)
            if (table->target[n * K + k] > table->target[n * K + (size_t)f->a.label[n]])
                f->a.label[n] = (int32_t)k;
    }
}

static void fixture_open(struct fixture *f, const struct variant *v, size_t rows, size_t outputs)
{
    struct random random = {rows * 100 + outputs};
    size_t all = BEFORE + rows + BEHIND;
    *f = (struct fixture){.assignments = v->assignments, .settings = settings_of(v->assignments), .rows = rows, .outputs = outputs};
    assert_int_equal(network_create(&f->net, f->settings, 1, RAW_U8, outputs), WEFT_OK);
    sample_dataset(&f->dataset, rows + outputs, all, 1, outputs);
    if (!v->has_labels)
        sample_targets(&f->dataset, rows, v->task);
    if (v->is_weighted)
        sample_class_weights(&f->dataset, outputs);
    make_activations(f);
    f->rule = loss_rule_of(&f->net, f->settings, v->has_labels, f->dataset.class_weight);
    float *x = guarded_floats(&random, all * outputs, -4, 4);
    for (size_t i = 0; i < all * outputs; i += 7)
        x[i] *= 6;                              /* some that saturate */
    f->logits = matrix_of(all, outputs, x);
    guarded_free(x);
    f->scratch = guarded_new(loss_scratch_size(outputs), sizeof *f->scratch);
    f->ref = (struct network_ref){.settings = f->settings, .rows = rows, .outputs = outputs, .label = f->dataset.train.label,
                                  .target = f->dataset.train.target, .class_weight = f->dataset.class_weight};
}

static void fixture_close(struct fixture *f)
{
    void *const all[] = {f->a.label, f->a.best, f->a.loss, f->a.wanted, f->a.target.data, f->a.row_weight, f->logits.data, f->scratch};
    for (size_t i = 0; i < COUNT(all); i++)
        guarded_free(all[i]);
    sample_dataset_free(&f->dataset);
    network_destroy(&f->net);
    weft_settings_destroy(f->settings);
}

static struct matrix copy_of(const struct fixture *f)
{
    size_t all = f->dataset.train.count, size = all * panels_of(f->outputs) * PANEL;
    return (struct matrix){guarded_copy(f->logits.data, size), f->logits.panel};
}

static size_t first_largest(const struct fixture *f, size_t n)
{
    size_t best = 0;
    for (size_t k = 1; k < f->outputs; k++)
        if (*matrix_at(f->logits, n, k) > *matrix_at(f->logits, n, best))
            best = k;
    return best;
}

/* Loss and best of each row, and nothing of the rows around them. */
static void expect_losses(const struct fixture *f, const char *which)
{
    struct bounded *x = guarded_new(f->outputs, sizeof *x), *d = guarded_new(f->outputs, sizeof *d);
    for (size_t n = 0; n < f->dataset.train.count; n++) {
        if (n < BEFORE || n >= BEFORE + f->rows) {
            assert_true(f->a.loss[n] == -7 && f->a.best[n] == -7);
            continue;
        }
        for (size_t k = 0; k < f->outputs; k++)
            x[k] = exactly((double)*matrix_at(f->logits, n, k));
        struct bounded want = network_ref_row_loss(&f->ref, n, x, d);
        assert_within(f->a.loss[n], want.value, want.error, "%s (%s), %s kernels: row %zu of %zu, %zu outputs", which,
                      f->assignments, kernel->name, n - BEFORE, f->rows, f->outputs);
        assert_int_equal(f->a.best[n], first_largest(f, n));
    }
    guarded_free(x);
    guarded_free(d);
}

static void expect_gradient(const struct fixture *f, struct matrix got)
{
    struct bounded *x = guarded_new(f->outputs, sizeof *x), *d = guarded_new(f->outputs, sizeof *d);
    for (size_t n = 0; n < f->dataset.train.count; n++) {
        for (size_t k = 0; k < f->outputs; k++)
            x[k] = exactly((double)*matrix_at(f->logits, n, k));
        network_ref_row_loss(&f->ref, n, x, d);
        for (size_t k = 0; k < f->outputs; k++)
            if (n < BEFORE || n >= BEFORE + f->rows)
                assert_true(*matrix_at(got, n, k) == *matrix_at(f->logits, n, k));
            else
                assert_within((double)*matrix_at(got, n, k), d[k].value, d[k].error,
                              "gradient (%s), %s kernels: row %zu of %zu, output %zu of %zu", f->assignments, kernel->name,
                              n - BEFORE, f->rows, k, f->outputs);
    }
    guarded_free(x);
    guarded_free(d);
}

static void check_variant(const struct variant *v, size_t rows, size_t outputs)
{
    struct fixture f;
    fixture_open(&f, v, rows, outputs);
    loss_value(&f.rule, rows, outputs, matrix_from(f.logits, BEFORE), &f.a, BEFORE, f.scratch);
    expect_losses(&f, "value");
    double *value = guarded_new(f.a.rows, sizeof *value);
    memcpy(value, f.a.loss, f.a.rows * sizeof *value);
    struct matrix delta = copy_of(&f);
    loss_gradient(&f.rule, rows, outputs, 1.0f / (float)rows, matrix_from(delta, BEFORE), &f.a, BEFORE, f.scratch);
    expect_losses(&f, "gradient's value");
    assert_same_doubles(f.a.loss, value, f.a.rows, "%s: the two losses", v->assignments);
    expect_gradient(&f, delta);
    guarded_free(value);
    guarded_free(delta.data);
    fixture_close(&f);
}

static void losses_are_within_the_computed_bound(void **state)
{
    (void)state;
    static const size_t rows[] = {1, 15, 16, 17, 40}, outputs[] = {1, 2, 5, 31, 32, 33, 70};
    for (enum isa isa = ISA_PORTABLE; isa < ISA_COUNT; isa++)
        for (size_t v = 0; v < COUNT(variants) && kernel_use(isa); v++)
            for (size_t r = 0; r < COUNT(rows); r++)
                for (size_t o = variants[v].task == TASK_CLASSES; o < COUNT(outputs); o++)
                    check_variant(&variants[v], rows[r], outputs[o]);
}

/* The gradient of the definition is the slope of its value: h = 2^-17, error h^2/6 of the third derivative, noise 2^-50 / h. */
static void the_definition_has_the_slope_of_its_value(void **state)
{
    (void)state;
    enum { ROWS = 9, OUTPUTS = 6 };
    const double h = 0x1p-17;
    for (size_t v = 0; v < COUNT(variants); v++) {
        struct fixture f;
        fixture_open(&f, &variants[v], ROWS, OUTPUTS);
        double apart = 0, size = 0;
        for (size_t n = BEFORE; n < BEFORE + ROWS; n++) {
            struct bounded x[OUTPUTS], d[OUTPUTS], unused[OUTPUTS];
            for (size_t k = 0; k < OUTPUTS; k++)
                x[k] = exactly((double)*matrix_at(f.logits, n, k));
            network_ref_row_loss(&f.ref, n, x, d);
            for (size_t k = 0; k < OUTPUTS; k++) {
                struct bounded kept = x[k];
                x[k].value = kept.value + h;
                double above = network_ref_row_loss(&f.ref, n, x, unused).value;
                x[k].value = kept.value - h;
                double below = network_ref_row_loss(&f.ref, n, x, unused).value, slope = (above - below) / (2 * h) / ROWS;
                x[k] = kept;
                apart += (d[k].value - slope) * (d[k].value - slope);
                size += slope * slope;
            }
        }
        assert_true(size > 0);
        if (!(sqrt(apart / size) < 1e-7))
            fail_msg("%s: relative error %.3g", variants[v].assignments, sqrt(apart / size));
        fixture_close(&f);
    }
}

/* ---- labels and targets ---- */

/* A class for each row, or the same as one 1 among zeros: to the last bit, whichever way the label takes. */
static void a_label_is_a_one_among_zeros(void **state)
{
    (void)state;
    static const struct variant labelled[] = {
        {"", TASK_CLASSES, true, false}, {"", TASK_CLASSES, true, true}, {"train.label_smoothing=0.1", TASK_CLASSES, true, true},
        {"network.loss=mse", TASK_CLASSES, true, false},
        {"network.output=sigmoid; network.loss=binary_cross_entropy", TASK_CLASSES, true, false},
        {"network.output=sigmoid; network.loss=mse", TASK_CLASSES, true, true},
    };
    enum { ROWS = 35 };
    static const size_t outputs[] = {2, 10, 33};
    for (enum isa isa = ISA_PORTABLE; isa < ISA_COUNT; isa++)
        for (size_t v = 0; v < COUNT(labelled) && kernel_use(isa); v++)
            for (size_t o = 0; o < COUNT(outputs); o++) {
                struct fixture f;
                fixture_open(&f, &labelled[v], ROWS, outputs[o]);
                size_t all = f.a.rows, K = outputs[o];
                struct matrix of_labels = copy_of(&f), of_targets = copy_of(&f);
                double losses[BEFORE + ROWS + BEHIND];
                loss_gradient(&f.rule, all, K, 1.0f / ROWS, of_labels, &f.a, 0, f.scratch);
                memcpy(losses, f.a.loss, sizeof losses);
                for (size_t i = 0; i < all * K; i++)
                    f.a.wanted[i] = (size_t)f.a.label[i / K] == i % K;
                struct loss_rule rule = loss_rule_of(&f.net, f.settings, false, f.dataset.class_weight);
                assert_false(rule.takes_labels);
                loss_gradient(&rule, all, K, 1.0f / ROWS, of_targets, &f.a, 0, f.scratch);
                float *got = rows_of(of_targets, all, K), *want = rows_of(of_labels, all, K);
                assert_same_bits(got, want, all * K, "%s, %zu outputs: gradient", labelled[v].assignments, K);
                assert_same_doubles(f.a.loss, losses, all, "%s, %zu outputs: losses", labelled[v].assignments, K);
                float *const arrays[] = {got, want, of_labels.data, of_targets.data};
                for (size_t i = 0; i < COUNT(arrays); i++)
                    guarded_free(arrays[i]);
                fixture_close(&f);
            }
}

/* The label alone is enough for softmax with cross-entropy of whole classes that count alike. */
static void rules_say_what_the_loss_is(void **state)
{
    (void)state;
    static const float weight[] = {1, 1, 1, 1};
    static const struct {
        const char *assignments; bool has_labels, is_weighted; enum loss_function function; bool takes_labels; float smoothing, floor;
    } row[] = {
        {"", true, false, LOSS_OF_SOFTMAX_CROSS_ENTROPY, true, 0, 0},
        {"", false, false, LOSS_OF_SOFTMAX_CROSS_ENTROPY, false, 0, 0},
        {"", true, true, LOSS_OF_SOFTMAX_CROSS_ENTROPY, false, 0, 0},
        {"train.label_smoothing=0.1", true, false, LOSS_OF_SOFTMAX_CROSS_ENTROPY, false, 0.1f, 0.025f},
        {"network.loss=mse", true, false, LOSS_OF_SOFTMAX_MSE, false, 0, 0},
        {"network.output=sigmoid; network.loss=binary_cross_entropy; train.label_smoothing=0.1", true, false,
         LOSS_OF_SIGMOID_CROSS_ENTROPY, false, 0.1f, 0.05f},
        {"network.output=sigmoid; network.loss=mse", false, false, LOSS_OF_SIGMOID_MSE, false, 0, 0},
        {"network.output=linear; network.loss=mse", false, false, LOSS_OF_LINEAR_MSE, false, 0, 0},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        weft_settings *settings = settings_of(row[i].assignments);
        struct network net;
        assert_int_equal(network_create(&net, settings, 3, RAW_F32, 4), WEFT_OK);
        struct loss_rule rule = loss_rule_of(&net, settings, row[i].has_labels, row[i].is_weighted ? weight : NULL);
        assert_int_equal(rule.function, row[i].function);
        assert_int_equal(rule.takes_labels, row[i].takes_labels);
        assert_int_equal(rule.has_labels, row[i].has_labels);
        assert_true(rule.smoothing == row[i].smoothing && rule.floor == row[i].floor);
        assert_ptr_equal(rule.class_weight, row[i].is_weighted ? weight : NULL);
        network_destroy(&net);
        weft_settings_destroy(settings);
    }
}

/* A NaN among a row's logits makes its loss NaN, and no other row's. */
static void a_nan_shows(void **state)
{
    (void)state;
    enum { ROWS = 20, OUTPUTS = 5, BAD = BEFORE + 11 };
    for (enum isa isa = ISA_PORTABLE; isa < ISA_COUNT; isa++)
        for (size_t v = 0; v < COUNT(variants) && kernel_use(isa); v++)
            for (size_t k = 0; k < OUTPUTS; k++) {
                struct fixture f;
                fixture_open(&f, &variants[v], ROWS, OUTPUTS);
                *matrix_at(f.logits, BAD, k) = NAN;
                loss_value(&f.rule, ROWS, OUTPUTS, matrix_from(f.logits, BEFORE), &f.a, BEFORE, f.scratch);
                for (size_t n = BEFORE; n < BEFORE + ROWS; n++)
                    assert_int_equal(isnan(f.a.loss[n]) != 0, n == BAD);
                fixture_close(&f);
            }
}

int main(void)
{
    if (kernel_choose() != WEFT_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_are_within_the_computed_bound),
        cmocka_unit_test(the_definition_has_the_slope_of_its_value),
        cmocka_unit_test(a_label_is_a_one_among_zeros),
        cmocka_unit_test(rules_say_what_the_loss_is),
        cmocka_unit_test(a_nan_shows),
    };
    return cmocka_run_group_tests_name("loss", tests, NULL, NULL);
}
