/* See weft/gradcheck.h. One step of the real thing, then the slopes of its definition, then the comparison. */
#include "weft/gradcheck.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/text.h"
#include "data/batch.h"
#include "kernel/kernel.h"
#include "nn/definition.h"
#include "train/slope.h"
#include "train/training.h"

#define TOLERANCE 1e-3
#define DISPLACEMENT 0.25                       /* of biases, gammas and betas, at most */

enum {
    ROUNDINGS = 32,                             /* allowed, as multiples of what was drawn (weft/gradcheck.h) */
    DRAWS = 2,                                  /* for every element */
    MORE_DRAWS = 8,                             /* for one that fails */
};

struct check {
    const weft_gradcheck_options *options;
    weft_gradcheck_result *result;
    double tolerance;
    weft_settings *settings;                    /* those of the step */
    struct dataset dataset;
    struct training training;
    size_t rows;
    uint32_t *data_row;                         /* of the batch, as all of these */
    const uint8_t **raw;
    int32_t *label;
    float *target;
    struct definition definition;
    struct team team;                           /* for the slopes: they feed more threads than the step does */
    struct slope *slope;                        /* of all tensors; those of tensor t from first[t] to first[t + 1] */
    size_t first[NETWORK_TENSORS_MAX + 1];
    double median[NETWORK_TENSORS_MAX];         /* of what roundings do to an element */
    double loss, loss_rounding;
};

static void tell(const struct check *c, const char *text)
{
    if (c->options->on_progress != NULL)
        c->options->on_progress(c->options->progress_context, text);
}

/* ---- The step ---- */

static weft_status choose_rows(struct check *c)
{
    size_t there = c->dataset.split[SPLIT_TRAIN].count, batch = (size_t)c->settings->train.batch_size;
    size_t most = there < WEFT_GRADCHECK_ROWS_MOST ? there : WEFT_GRADCHECK_ROWS_MOST;
    if (c->options->rows > there)
        return error_set(WEFT_EINVAL, "a batch of %zu rows: the training split has only %zu", c->options->rows, there);
    c->rows = c->options->rows > 0 ? c->options->rows : batch < most ? batch : most;
    return WEFT_OK;
}

/* The rows, and a step that shows its gradient as it is: not clipped, and without an update that might overflow. */
static weft_status open_step(struct check *c, const weft_settings *settings)
{
    weft_status st = weft_settings_check(settings);
    if (st == WEFT_OK && (c->settings = weft_settings_copy(settings)) == NULL) st = WEFT_ENOMEM;
    if (st == WEFT_OK) st = dataset_open(c->settings, NULL, &c->dataset);
    if (st == WEFT_OK) st = choose_rows(c);
    if (st != WEFT_OK)
        return st;
    c->settings->train.batch_size = c->rows;
    c->settings->optimizer.clip_value = c->settings->optimizer.clip_norm = 0;
    c->settings->optimizer.learning_rate = 0;
    size_t useful = training_useful_threads(c->settings, c->dataset.features, c->dataset.outputs);
    st = training_create(&c->training, c->settings, &c->dataset,
                         team_threads((size_t)c->settings->run.threads, useful, NULL));
    if (st == WEFT_OK && (c->training.step_loss = memory_new(1, sizeof *c->training.step_loss)) == NULL)
        st = WEFT_ENOMEM;
    return st;
}

static void displace(struct network *net, uint64_t seed)
{
    for (size_t t = 0; t < net->tensors; t++) {
        const struct tensor *tensor = &net->tensor[t];
        for (size_t i = 0; i < tensor->count && tensor->kind != TENSOR_WEIGHT; i++) {
            uint32_t word[4];
            rng_words(seed, RNG_GRADCHECK, (uint32_t)tensor->layer, tensor->kind, 0, (uint32_t)i, word);
            net->parameter[tensor->offset + i] += (float)(DISPLACEMENT * (2 * (word[0] * 0x1p-32) - 1));
        }
    }
}

static weft_status take_step(struct check *c)
{
    struct training *t = &c->training;
    unsigned mode = team_float_mode_enter();
    network_initialize(&t->net, c->settings);
    displace(&t->net, c->settings->train.seed);
    network_pack(&t->net);
    team_float_mode_leave(mode);
    t->observed_step = 0;
    tell(c, "one training step");
    return training_run_steps(t, 1);
}

/* ---- The definition ---- */

/* The batch of the step, as it is in the data. */
static struct definition_batch gather(struct check *c)
{
    const struct split *split = &c->dataset.split[SPLIT_TRAIN];
    const struct table *table = split->table;
    size_t value_bytes = table->pixel != NULL ? 1 : sizeof *table->value, K = table->targets;
    const uint8_t *bytes = table->pixel != NULL ? table->pixel : (const uint8_t *)table->value;
    sampler_rows(&c->training.sampler, 0, 0, c->rows, c->data_row);
    for (size_t n = 0; n < c->rows; n++) {
        c->raw[n] = bytes + (size_t)c->data_row[n] * table->features * value_bytes;
        if (table->label != NULL)
            c->label[n] = table->label[c->data_row[n]];
        for (size_t k = 0; k < K; k++)
            c->target[n * K + k] = table->target[(size_t)c->data_row[n] * K + k];
    }
    struct definition_batch batch = {.rows = c->rows, .input = batch_scaling(&c->dataset), .data_row = c->data_row,
                                     .label = table->label != NULL ? c->label : NULL, .target = c->target,
                                     .class_weight = c->dataset.class_weight};
    batch.input.row = c->raw;
    return batch;
}

static weft_status open_definition(struct check *c)
{
    c->data_row = memory_new(c->rows, sizeof *c->data_row);
    c->raw = memory_new(c->rows, sizeof *c->raw);
    c->label = memory_new(c->rows, sizeof *c->label);
    c->target = memory_new(c->rows * c->dataset.outputs, sizeof *c->target);
    if (c->data_row == NULL || c->raw == NULL || c->label == NULL || c->target == NULL)
        return WEFT_ENOMEM;
    struct definition_batch batch = gather(c);
    return definition_create(&c->definition, c->settings, &c->training.net, &batch);
}

/* Element k of those that are looked at: one of each of so many equal parts of the tensor, the first and the last among them. */
static size_t element_of(const struct check *c, size_t tensor, size_t k, size_t samples)
{
    size_t count = c->training.net.tensor[tensor].count;
    if (samples == count || k == 0)
        return k;
    if (k + 1 == samples)
        return count - 1;
    size_t part = count / samples, rest = count % samples;      /* k * count may be more than a size_t holds */
    size_t first = k * part + k * rest / samples, end = (k + 1) * part + (k + 1) * rest / samples;
    uint32_t word[4];
    rng_words(c->settings->train.seed, RNG_GRADCHECK, 255, tensor, 0, (uint32_t)k, word);
    return first + (size_t)rng_below(word[0], word[1], end - first);
}

/* Threads that have some 10^6 multiplications each: what is looked at goes through a unit, and all layers above it. */
static size_t useful_threads(const struct check *c)
{
    const struct network *net = &c->training.net;
    double total = 0, above = 0;
    for (size_t t = net->tensors; t-- > 0;) {
        const struct layer *layer = &net->layer[net->tensor[t].layer];
        total += (double)(c->first[t + 1] - c->first[t]) * ((double)layer->fan_in + above);
        if (net->tensor[t].kind == TENSOR_WEIGHT)               /* the first of its layer */
            above += (double)layer->fan_in * (double)layer->fan_out;
    }
    double fed = 8 * (double)c->rows * total / 1e6;
    return fed < 2 ? 1 : fed < (double)c->first[net->tensors] ? (size_t)fed : c->first[net->tensors];
}

static weft_status choose_elements(struct check *c)
{
    const struct network *net = &c->training.net;
    size_t most = c->options->samples > 0 ? c->options->samples : WEFT_GRADCHECK_SAMPLES;
    for (size_t t = 0; t < net->tensors; t++)
        c->first[t + 1] = c->first[t] + (net->tensor[t].count < most ? net->tensor[t].count : most);
    c->slope = memory_new(c->first[net->tensors], sizeof *c->slope);
    if (c->slope == NULL)
        return WEFT_ENOMEM;
    for (size_t t = 0; t < net->tensors; t++)
        for (size_t i = c->first[t]; i < c->first[t + 1]; i++) {
            size_t element = element_of(c, t, i - c->first[t], c->first[t + 1] - c->first[t]);
            c->slope[i] = (struct slope){.tensor = t, .element = element};
        }
    return team_create(&c->team, team_threads((size_t)c->settings->run.threads, useful_threads(c), NULL));
}

/* Another draw of roundings, and what it does to the loss and to these slopes. */
static weft_status shake(struct check *c, uint64_t draw, struct slope *slope, size_t count)
{
    definition_run(&c->definition, draw);
    c->loss_rounding = fmax(c->loss_rounding, fabs(c->definition.loss - c->loss));
    return slopes_shake(&c->definition, &c->team, slope, count);
}

static weft_status find_slopes(struct check *c)
{
    size_t count = c->first[c->training.net.tensors];
    char text[96];
    snprintf(text, sizeof text, "slopes of the cost, %zu elements in %zu tensors", count, c->training.net.tensors);
    tell(c, text);
    definition_run(&c->definition, 0);
    c->loss = c->definition.loss;
    weft_status st = slopes_find(&c->definition, &c->team, c->tolerance, c->slope, count);
    if (st == WEFT_OK)
        tell(c, "what roundings do to them");
    for (uint64_t draw = 1; draw <= DRAWS && st == WEFT_OK; draw++)
        st = shake(c, draw, c->slope, count);
    return st;
}

/* ---- The comparison ---- */

static double analytic_of(const struct check *c, const struct slope *s)
{
    return (double)c->training.observed_gradient[c->training.net.tensor[s->tensor].offset + s->element];
}

static double relative_error(const struct check *c, double analytic, double numerical, double rounding)
{
    double error = fabs(analytic - numerical), size = fmax(fabs(analytic), fabs(numerical));
    return error == 0 ? 0 : error / fmax(size, ROUNDINGS * rounding / c->tolerance);
}

static double error_of(const struct check *c, const struct slope *s)
{
    double rounding = fmax(fmax(s->rounding, c->median[s->tensor]), s->resolution);
    return relative_error(c, analytic_of(c, s), s->value, rounding);
}

static bool fails(const struct check *c, const struct slope *s)
{
    return !s->is_kink && !(error_of(c, s) <= c->tolerance);
}

static int in_order(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Over the elements that have a gradient: that of others has no roundings. */
static double median_rounding(const struct check *c, size_t tensor, double *scratch)
{
    size_t count = 0;
    for (size_t i = c->first[tensor]; i < c->first[tensor + 1]; i++)
        if (!c->slope[i].is_kink && (c->slope[i].rounding != 0 || analytic_of(c, &c->slope[i]) != 0))
            scratch[count++] = c->slope[i].rounding;
    qsort(scratch, count, sizeof *scratch, in_order);
    return count > 0 ? scratch[count / 2] : 0;
}

/* Where float's roundings decide on which side of a kink a row is, about every second draw finds it on the other one: with
 * more draws the change shows, and the element cannot be judged. */
static weft_status look_again(struct check *c, struct slope *failed)
{
    size_t all = c->first[c->training.net.tensors], count = 0, k = 0;
    for (size_t i = 0; i < all; i++)
        if (fails(c, &c->slope[i]))
            failed[count++] = c->slope[i];
    weft_status st = WEFT_OK;
    if (count > 0)
        tell(c, "another look at those that fail");
    for (uint64_t draw = 1; draw <= MORE_DRAWS && count > 0 && st == WEFT_OK; draw++)
        st = shake(c, DRAWS + draw, failed, count);
    for (size_t i = 0; i < all && k < count && st == WEFT_OK; i++)
        if (fails(c, &c->slope[i])) {
            c->slope[i].rounding = failed[k++].rounding;
            c->slope[i].is_kink = !fails(c, &c->slope[i]);
        }
    return st;
}

static weft_status judge_roundings(struct check *c)
{
    const struct network *net = &c->training.net;
    size_t count = c->first[net->tensors];
    double *scratch = memory_new(count, sizeof *scratch);
    struct slope *failed = memory_new(count, sizeof *failed);
    weft_status st = scratch != NULL && failed != NULL ? WEFT_OK : WEFT_ENOMEM;
    for (size_t t = 0; t < net->tensors && st == WEFT_OK; t++)
        c->median[t] = median_rounding(c, t, scratch);
    if (st == WEFT_OK)
        st = look_again(c, failed);
    memory_free(scratch);
    memory_free(failed);
    return st;
}

static void fill_tensor(const struct check *c, size_t t, weft_gradcheck_tensor *of)
{
    const struct tensor *tensor = &c->training.net.tensor[t];
    char path[TENSOR_PATH_SIZE];
    tensor_path(tensor, "", path);
    *of = (weft_gradcheck_tensor){.rank = tensor->rank, .dim = {tensor->dim[0], tensor->dim[1]}, .elements = tensor->count,
                                  .rounding = c->median[t], .relative_error = -1};
    snprintf(of->name, sizeof of->name, "%s", path + 1);
    for (size_t i = c->first[t]; i < c->first[t + 1]; i++) {
        const struct slope *s = &c->slope[i];
        double a = analytic_of(c, s), error = error_of(c, s);
        of->skipped += s->is_kink;
        if (s->is_kink)
            continue;
        of->checked++;
        of->failed += fails(c, s);
        of->largest = fmax(of->largest, fabs(a));
        of->absolute_error = fmax(of->absolute_error, fabs(a - s->value));
        if (!(error > of->relative_error))
            continue;
        bool is_weight = tensor->kind == TENSOR_WEIGHT;
        of->relative_error = error;
        of->worst[0] = is_weight ? s->element / tensor->dim[1] : s->element;
        of->worst[1] = is_weight ? s->element % tensor->dim[1] : 0;
        of->analytic = a;
        of->numerical = s->value;
    }
    of->relative_error = fmax(of->relative_error, 0);           /* nothing was compared */
}

static weft_status fill_result(struct check *c)
{
    weft_gradcheck_result *r = c->result;
    const struct training *t = &c->training;
    struct text network = {r->network, sizeof r->network, 0};
    text_add(&network, "%zu", t->net.features);
    for (size_t l = 0; l < t->net.layers; l++)
        text_add(&network, "-%zu", t->net.layer[l].fan_out);
    snprintf(r->isa, sizeof r->isa, "%s", kernel->name);
    r->threads = t->team.size;
    r->rows = c->rows;
    r->parameters = t->net.parameter_count;
    r->tolerance = c->tolerance;
    r->loss = (double)t->step_loss[0];
    r->numerical_loss = c->loss;
    r->loss_error = relative_error(c, r->loss, c->loss, c->loss_rounding);
    r->failed = !(r->loss_error <= c->tolerance);
    if ((r->tensor = memory_new(t->net.tensors, sizeof *r->tensor)) == NULL)
        return WEFT_ENOMEM;
    r->tensors = t->net.tensors;
    for (size_t i = 0; i < r->tensors; i++) {
        fill_tensor(c, i, &r->tensor[i]);
        r->failed += r->tensor[i].failed > 0;
    }
    return WEFT_OK;
}

static weft_status run(struct check *c, const weft_settings *settings)
{
    c->tolerance = c->options->tolerance == 0 ? TOLERANCE : c->options->tolerance;
    if (!(c->tolerance > 0 && c->tolerance < 1))
        return error_set(WEFT_EINVAL, "a tolerance of %g, wanted 0 < tolerance < 1, or 0 for %g", c->tolerance, TOLERANCE);
    weft_status st = kernel_choose();
    if (st == WEFT_OK) st = open_step(c, settings);
    if (st == WEFT_OK) st = take_step(c);
    if (st == WEFT_OK) st = open_definition(c);
    if (st == WEFT_OK) st = choose_elements(c);
    if (st == WEFT_OK) st = find_slopes(c);
    if (st == WEFT_OK) st = judge_roundings(c);
    return st == WEFT_OK ? fill_result(c) : st;
}

static void check_free(struct check *c)
{
    definition_destroy(&c->definition);
    training_destroy(&c->training);
    dataset_close(&c->dataset);
    weft_settings_destroy(c->settings);
    memory_free(c->slope);
    memory_free(c->target);
    memory_free(c->label);
    memory_free(c->raw);
    memory_free(c->data_row);
    memory_free(c);
}

weft_status weft_gradcheck(const weft_settings *settings, const weft_gradcheck_options *options, weft_gradcheck_result *result)
{
    static const weft_gradcheck_options DEFAULTS;
    *result = (weft_gradcheck_result){0};
    struct check *c = memory_new(1, sizeof *c);
    if (c == NULL)
        return WEFT_ENOMEM;
    c->options = options != NULL ? options : &DEFAULTS;
    c->result = result;
    weft_status st = run(c, settings);
    check_free(c);
    if (st != WEFT_OK)
        weft_gradcheck_clear(result);
    return st;
}

void weft_gradcheck_clear(weft_gradcheck_result *result)
{
    memory_free(result->tensor);
    *result = (weft_gradcheck_result){0};
}
