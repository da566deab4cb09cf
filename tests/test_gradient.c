/* The gradient, in two steps. The double-precision network of network_ref.c is held against central differences of its own
 * cost: ||a - n|| / (||a|| + ||n||) per parameter tensor, below 1e-8 for softmax regression and 1e-6 for everything else.
 * Then the float implementation, through the real training step and as many threads as OMP_NUM_THREADS says, is held
 * against that network, element by element, within the bound that the network computes along with each number (bounded.h:
 * rigorous for the whole network, because every operation passes on the errors of its operands and adds its rounding).
 *
 * Kinks: a parameter whose shift takes a ReLU, leaky ReLU or ELU past 0, or itself crosses 0 under an L1 penalty, is left out
 * and counted. What a
 * batch-norm takes away again (a bias in front of it) has the gradient 0, and a relative error would compare noise with
 * noise: there both must be below the noise of the differences. */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "kernel/kernel.h"
#include "network_ref.h"
#include "support.h"
#include "train/training.h"

enum { FEATURES = 4, CLASSES = 3, ASSIGNMENTS_SIZE = 1024 };

static const char *const shapes[] = {"network.hidden=3", "network.hidden=4, 3, 3"};
static const char *const activations[] = {
    "network.activation=identity", "network.activation=relu", "network.activation=tanh", "network.activation=sigmoid",
};
static const char *const newer_activations[] = {
    "network.activation=leaky_relu", "network.activation=elu", "network.activation=gelu", "network.activation=softplus",
};
static const char *const norms[] = {
    "network.batch_norm=none",
    "network.batch_norm=before",
    "network.batch_norm=after",
    "network.batch_norm=before; network.batch_norm_statistics=shard",
    "network.batch_norm=after; network.batch_norm_statistics=shard",
    "network.batch_norm=before; network.batch_norm_affine=no",
    "network.batch_norm=after; network.batch_norm_affine=no",
    "network.batch_norm=before; network.batch_norm_statistics=shard; network.batch_norm_affine=no",
    "network.batch_norm=after; network.batch_norm_statistics=shard; network.batch_norm_affine=no",
};
static const char *const dropouts[] = {
    "network.dropout=0", "network.dropout=0.3", "network.input_dropout=0.2; network.dropout=0.25",
};
static const char *const penalties[] = {
    "regularization.l2=0",
    "regularization.l1=0.01",
    "regularization.l2=0.5; regularization.l2_form=lambda_over_2m",
    "regularization.l2=0.03; regularization.l2_form=half_lambda",
    "regularization.l2=0.02; regularization.l2_form=lambda",
    "regularization.l2=0.02; regularization.l2_form=decoupled; regularization.l2_biases=yes",
    "regularization.l2=0.04; regularization.l2_form=half_lambda; regularization.l2_biases=yes; regularization.l1=0.02",
};

/* One network, one batch, one training step, and the same network again in double. */
struct fixture {
    const char *assignments;
    weft_settings *settings;
    struct dataset dataset;
    struct training training;
    uint32_t *data_row;                         /* of the batch, in its order */
    float *x;
    int32_t *label;
    float *target;
    struct network_ref *ref;
};

/* Weights of a size that keeps the units neither dead nor saturated; gamma around 1. */
static void draw_parameters(struct network *net, uint64_t seed)
{
    struct random random = {seed};
    for (size_t t = 0; t < net->tensors; t++) {
        const struct tensor *tensor = &net->tensor[t];
        double size = tensor->kind == TENSOR_WEIGHT ? 2 / sqrt((double)tensor->dim[0]) : 0.5;
        double middle = tensor->kind == TENSOR_GAMMA ? 1 : 0;
        random_floats(&random, tensor->count, middle - size, middle + size, net->parameter + tensor->offset);
    }
    network_pack(net);
}

/* The rows of the first batch, in its order. */
static void take_batch(struct fixture *f, size_t rows)
{
    const struct table *table = &f->dataset.train;
    f->data_row = guarded_new(rows, sizeof *f->data_row);
    f->label = guarded_new(rows, sizeof *f->label);
    f->target = guarded_new(rows * CLASSES, sizeof *f->target);
    f->x = guarded_new(rows * FEATURES, sizeof *f->x);
    sampler_prepare(&f->training.sampler, 0);
    sampler_rows(&f->training.sampler, 0, 0, rows, f->data_row);
    for (size_t n = 0; n < rows; n++) {
        if (table->label != NULL)
            f->label[n] = table->label[f->data_row[n]];
        for (size_t k = 0; k < CLASSES && table->target != NULL; k++)
            f->target[n * CLASSES + k] = table->target[f->data_row[n] * CLASSES + k];
        for (size_t j = 0; j < FEATURES; j++)
            f->x[n * FEATURES + j] = sample_input(&f->dataset, f->data_row[n], j);
    }
}

static void fixture_open(struct fixture *f, const char *assignments, size_t rows, uint64_t seed, unsigned kind)
{
    char all[ASSIGNMENTS_SIZE + 96];
    const char *strategy = (seed / 100 + seed) % 2 == 0 ? "owned" : "local";            /* they take turns */
    snprintf(all, sizeof all, "train.batch_size=%zu; train.epochs=1; run.gradient=%s; %s", rows, strategy, assignments);
    f->assignments = assignments;
    f->settings = settings_of(all);
    sample_dataset_of(&f->dataset, seed, rows, FEATURES, CLASSES, kind);
    if (training_create(&f->training, f->settings, &f->dataset, (size_t)omp_get_max_threads()) != WEFT_OK)
        fail_msg("%s: %s", assignments, weft_last_error());
    f->training.step_loss = memory_new(1, sizeof *f->training.step_loss);
    assert_non_null(f->training.step_loss);
    draw_parameters(&f->training.net, seed + 1);
    take_batch(f, rows);
    f->ref = network_ref_new(f->settings, rows, FEATURES, CLASSES, f->x, f->data_row, 0);
    f->ref->label = f->dataset.train.label != NULL ? f->label : NULL;
    f->ref->target = f->target;
    f->ref->class_weight = f->dataset.class_weight;
    network_ref_load(f->ref, &f->training.net);
    network_ref_forward(f->ref);
    network_ref_backward(f->ref);
}

static void fixture_close(struct fixture *f)
{
    network_ref_free(f->ref);
    guarded_free(f->x);
    guarded_free(f->label);
    guarded_free(f->target);
    guarded_free(f->data_row);
    training_destroy(&f->training);
    sample_dataset_free(&f->dataset);
    weft_settings_destroy(f->settings);
}

static const char *kind_name(enum tensor_kind kind)
{
    static const char *const name[] = {"weight", "bias", "gamma", "beta"};
    return name[kind];
}

/* What has been seen so far: the largest figures, and the case that each comes from. */
struct worst {
    double relative_error, bound_used;
    char where[ASSIGNMENTS_SIZE];
    size_t cases, parameters, kinks, tensors, cancelled, narrow;
};

static double cost_at(struct network_ref *ref, size_t parameter, double value)
{
    double before = ref->parameter[parameter];
    ref->parameter[parameter] = value;
    network_ref_forward(ref);
    ref->parameter[parameter] = before;
    return ref->loss.value + ref->penalty.value;
}

/* Central difference, h = 2^-17: its error is about h^2/6 of the third derivative, its noise 2^-53 cost / h. False at a
 * kink. */
#define SHIFT 0x1p-17
static bool difference(struct network_ref *ref, const struct ref_tensor *tensor, size_t parameter, uint64_t kinks,
                       double *slope)
{
    double w = ref->parameter[parameter];
    if (ref->settings->regularization.l1 > 0 && tensor->kind == TENSOR_WEIGHT && fabs(w) <= SHIFT)
        return false;
    double above = cost_at(ref, parameter, w + SHIFT);
    bool same_side = ref->kinks == kinks;
    double below = cost_at(ref, parameter, w - SHIFT);
    *slope = (above - below) / (2 * SHIFT);
    return same_side && ref->kinks == kinks;
}

/* Does a constant that is added to the layer's sums vanish in its batch-norm? */
static bool cancels_constants(const struct network_ref *ref, const struct ref_layer *layer)
{
    return layer->has_norm
           && (ref->settings->network.batch_norm == BATCH_NORM_BEFORE || layer->activation == ACTIVATION_IDENTITY);
}

/* Is the tensor a bias that the batch-norm after it takes away again, or a beta that reaches the next layer's batch-norm
 * as a constant? */
static bool is_cancelled(const struct network_ref *ref, const struct ref_tensor *tensor)
{
    const struct ref_layer *layer = &ref->layer[tensor->layer];
    if (ref->settings->regularization.l2_biases && ref->settings->regularization.l2_form != L2_DECOUPLED)
        return false;
    if (tensor->kind == TENSOR_BIAS)
        return cancels_constants(ref, layer);
    bool is_after = ref->settings->network.batch_norm == BATCH_NORM_AFTER;
    bool stays_constant = layer->dropout == 0 && (is_after || layer->activation == ACTIVATION_IDENTITY);
    return tensor->kind == TENSOR_BETA && stays_constant && cancels_constants(ref, layer + 1);
}

/* The cost is right to about a hundred roundings of numbers of its size; two of them, over 2h, for each element. */
static double noise_of(const struct network_ref *ref, size_t count)
{
    double cost = ref->loss.value + ref->penalty.value;
    return 128 * 0x1p-53 * cost / SHIFT * sqrt((double)count);
}

static void check_differences(struct fixture *f, double limit, struct worst *worst)
{
    struct network_ref *ref = f->ref;
    network_ref_forward(ref);
    uint64_t kinks = ref->kinks;
    for (size_t t = 0; t < ref->tensors; t++) {
        const struct ref_tensor *tensor = &ref->tensor[t];
        double apart = 0, analytic = 0, numerical = 0, slope;
        size_t compared = 0;
        for (size_t i = tensor->first; i < tensor->first + tensor->count; i++) {
            if (!difference(ref, tensor, i, kinks, &slope))
                continue;
            double a = ref->gradient[i].value;
            apart += (a - slope) * (a - slope);
            analytic += a * a;
            numerical += slope * slope;
            compared++;
        }
        worst->parameters += tensor->count;
        worst->kinks += tensor->count - compared;
        if (is_cancelled(ref, tensor)) {
            worst->cancelled++;
            assert_within(sqrt(analytic) + sqrt(numerical), 0, noise_of(ref, tensor->count), "%s: %s of layer %zu",
                          f->assignments, kind_name(tensor->kind), tensor->layer);
            continue;
        }
        double error = compared == 0 ? 0 : sqrt(apart) / (sqrt(analytic) + sqrt(numerical));
        if (!(error < limit))
            fail_msg("%s: %s of layer %zu: relative error %.3g, wanted below %.0e", f->assignments, kind_name(tensor->kind),
                     tensor->layer, error, limit);
        if (error > worst->relative_error) {
            worst->relative_error = error;
            snprintf(worst->where, sizeof worst->where, "%s of layer %zu, %s", kind_name(tensor->kind), tensor->layer,
                     f->assignments);
        }
    }
    worst->cases++;
}

/* One step of the real thing; its observed gradient is the one after penalty and clipping (there is none here). */
static void check_float_step(struct fixture *f, struct worst *worst)
{
    struct training *t = &f->training;
    struct network_ref *ref = f->ref;
    t->observed_step = 0;
    if (training_run_steps(t, 1) != WEFT_OK)
        fail_msg("%s: %s", f->assignments, weft_last_error());
    struct bounded loss = rounded(ref->loss);
    assert_within((double)t->step_loss[0], loss.value, loss.error, "%s: loss", f->assignments);
    for (size_t k = 0; k < ref->tensors; k++) {
        const struct ref_tensor *tensor = &ref->tensor[k];
        const float *got = t->observed_gradient + t->net.tensor[k].offset;
        double size = 0, bound = 0;
        for (size_t i = 0; i < tensor->count; i++) {
            struct bounded want = ref->gradient[tensor->first + i];
            assert_within((double)got[i], want.value, want.error, "%s: %s of layer %zu, element %zu", f->assignments,
                          kind_name(tensor->kind), tensor->layer, i);
            double used = fabs((double)got[i] - want.value) / want.error;
            worst->bound_used = used > worst->bound_used ? used : worst->bound_used;
            size += want.value * want.value;
            bound += want.error * want.error;
        }
        worst->cancelled += is_cancelled(ref, tensor);
        worst->narrow += bound < 1e-4 * size;           /* squares: the bound is below 1 % of the gradient */
        worst->tensors++;
        worst->parameters += tensor->count;
    }
    worst->cases++;
}

static void each_combination(size_t rows, void (*check)(struct fixture *, struct worst *), struct worst *worst)
{
    size_t number = 0;
    for (size_t s = 0; s < COUNT(shapes); s++)
        for (size_t a = 0; a < COUNT(activations); a++)
            for (size_t n = 0; n < COUNT(norms); n++)
                for (size_t d = 0; d < COUNT(dropouts); d++)
                    for (size_t p = 0; p < COUNT(penalties); p++) {
                        char assignments[ASSIGNMENTS_SIZE];
                        snprintf(assignments, sizeof assignments, "%s; %s; %s; %s; %s", shapes[s], activations[a], norms[n],
                                 dropouts[d], penalties[p]);
                        struct fixture f;
                        fixture_open(&f, assignments, rows, 100 * number++, 0);
                        check(&f, worst);
                        fixture_close(&f);
                    }
}

static void regression_has_the_slope_of_its_cost(void **state)
{
    (void)state;
    struct worst worst = {0};
    for (size_t d = 0; d < COUNT(dropouts); d++)
        for (size_t p = 0; p < COUNT(penalties); p++) {
            char assignments[ASSIGNMENTS_SIZE];
            snprintf(assignments, sizeof assignments, "network.hidden=none; %s; %s", dropouts[d], penalties[p]);
            struct fixture f;
            fixture_open(&f, assignments, 40, 7 * d + p, 0);
            check_differences(&f, 1e-8, &worst);
            fixture_close(&f);
        }
    print_message("           %zu cases, %zu parameters, %zu at kinks; worst %.3g (%s)\n", worst.cases, worst.parameters,
                  worst.kinks, worst.relative_error, worst.where);
}

static void check_below_1e_6(struct fixture *f, struct worst *worst)
{
    check_differences(f, 1e-6, worst);
}

static void every_combination_has_the_slope_of_its_cost(void **state)
{
    (void)state;
    struct worst worst = {0};
    each_combination(40, check_below_1e_6, &worst);
    print_message("           %zu cases, %zu parameters, %zu at kinks, %zu tensors that cancel; worst %.3g (%s)\n",
                  worst.cases, worst.parameters, worst.kinks, worst.cancelled, worst.relative_error, worst.where);
    assert_true(worst.kinks * 100 < worst.parameters);          /* or else nothing was compared */
}

static void print_bounds(const struct worst *worst)
{
    print_message("           %zu cases on %d threads; at most %.2g of the bound used; the bound is below 1 %% of the "
                  "gradient for %zu of %zu tensors\n", worst->cases, omp_get_max_threads(), worst->bound_used, worst->narrow,
                  worst->tensors - worst->cancelled);
    assert_true(worst->bound_used > 0);
}

/* Three shards, of 23, 23 and 24 rows. Through several batch-norms the bound grows fast, so it must also be seen to be one
 * that means something. */
static void float_step_is_within_the_computed_bound(void **state)
{
    (void)state;
    struct worst worst = {0};
    each_combination(70, check_float_step, &worst);
    print_bounds(&worst);
    assert_true(2 * worst.narrow > worst.tensors - worst.cancelled);
}

/* One row (all that batch-norm normalises becomes 0), one shard and two, and sixteen shards of unequal size. */
static void float_step_is_within_the_bound_at_other_sizes(void **state)
{
    (void)state;
    static const size_t size[] = {1, 2, 32, 33, 64, 65, 600};
    struct worst worst = {0};
    for (size_t i = 0; i < COUNT(size); i++)
        for (size_t n = 0; n < COUNT(norms); n++) {
            char assignments[ASSIGNMENTS_SIZE];
            snprintf(assignments, sizeof assignments, "network.hidden=4, 3; network.activation=relu, tanh; "
                     "network.dropout=0, 0.2; %s; %s", norms[n], penalties[(i + n) % COUNT(penalties)]);
            struct fixture f;
            fixture_open(&f, assignments, size[i], 31 * i + n, 0);
            check_float_step(&f, &worst);
            fixture_close(&f);
        }
    print_bounds(&worst);
}

/* Every loss that an output has, over every kind of target that it takes; inputs are floats. */
static const struct loss_case { const char *assignments; unsigned kind; } losses[] = {
    {"network.loss=cross_entropy", 0},
    {"network.loss=cross_entropy", OF_SHARES},
    {"network.loss=cross_entropy; train.label_smoothing=0.2", OF_WEIGHTS},
    {"network.loss=cross_entropy; train.label_smoothing=0.1", OF_SHARES},
    {"network.loss=mse", 0},
    {"network.loss=mse", OF_WEIGHTS},
    {"network.loss=mse", OF_SHARES},
    {"network.output=sigmoid; network.loss=binary_cross_entropy", 0},
    {"network.output=sigmoid; network.loss=binary_cross_entropy; train.label_smoothing=0.2", OF_LABELS},
    {"network.output=sigmoid; network.loss=binary_cross_entropy", OF_WEIGHTS},
    {"network.output=sigmoid; network.loss=mse", OF_LABELS},
    {"network.output=sigmoid; network.loss=mse", OF_WEIGHTS},
    {"network.output=linear; network.loss=mse", OF_VALUES},
};
static const char *const placements[] = {
    "network.batch_norm=none", "network.batch_norm=before", "network.batch_norm=after",
};

static void each_loss(size_t rows, void (*check)(struct fixture *, struct worst *), struct worst *worst)
{
    for (size_t i = 0; i < COUNT(losses); i++)
        for (size_t a = 0; a < COUNT(activations) + COUNT(newer_activations); a++)
            for (size_t p = 0; p < COUNT(placements); p++) {
                char assignments[ASSIGNMENTS_SIZE];
                snprintf(assignments, sizeof assignments, "network.hidden=4, 3; %s; %s; %s; regularization.l2=0.01", placements[p],
                         a < COUNT(activations) ? activations[a] : newer_activations[a - COUNT(activations)],
                         losses[i].assignments);
                struct fixture f;
                fixture_open(&f, assignments, rows, 1000 * i + 10 * a + p, losses[i].kind | OF_FLOATS);
                check(&f, worst);
                fixture_close(&f);
            }
}

static void every_loss_has_the_slope_of_its_cost(void **state)
{
    (void)state;
    struct worst worst = {0};
    each_loss(40, check_below_1e_6, &worst);
    print_message("           %zu cases, %zu parameters, %zu at kinks, %zu tensors that cancel; worst %.3g (%s)\n",
                  worst.cases, worst.parameters, worst.kinks, worst.cancelled, worst.relative_error, worst.where);
    assert_true(worst.kinks * 100 < worst.parameters);
}

static void float_step_of_every_loss_is_within_the_bound(void **state)
{
    (void)state;
    struct worst worst = {0};
    each_loss(70, check_float_step, &worst);
    print_bounds(&worst);
    assert_true(2 * worst.narrow > worst.tensors - worst.cancelled);
}

/* The newer activations through every batch-norm, with dropout. */
static void newer_activations_are_within_the_bound(void **state)
{
    (void)state;
    struct worst slopes = {0}, steps = {0};
    for (size_t a = 0; a < COUNT(newer_activations); a++)
        for (size_t n = 0; n < COUNT(norms); n++)
            for (size_t d = 0; d < COUNT(dropouts); d++) {
                char assignments[ASSIGNMENTS_SIZE];
                snprintf(assignments, sizeof assignments, "%s; %s; %s; %s; %s", shapes[1], newer_activations[a], norms[n],
                         dropouts[d], penalties[(a + n + d) % COUNT(penalties)]);
                for (unsigned kind = 0; kind <= OF_FLOATS; kind++) {
                    struct fixture f;
                    fixture_open(&f, assignments, 70, 1000 * a + 50 * n + 2 * d + kind, kind);
                    check_below_1e_6(&f, &slopes);
                    check_float_step(&f, &steps);
                    fixture_close(&f);
                }
            }
    print_bounds(&steps);
    assert_true(slopes.kinks * 100 < slopes.parameters);
}

int main(void)
{
    if (kernel_choose() != WEFT_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(regression_has_the_slope_of_its_cost),
        cmocka_unit_test(every_combination_has_the_slope_of_its_cost),
        cmocka_unit_test(float_step_is_within_the_computed_bound),
        cmocka_unit_test(float_step_is_within_the_bound_at_other_sizes),
        cmocka_unit_test(every_loss_has_the_slope_of_its_cost),
        cmocka_unit_test(float_step_of_every_loss_is_within_the_bound),
        cmocka_unit_test(newer_activations_are_within_the_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
