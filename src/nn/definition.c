/* See definition.h. A matrix is rows x width, row-major. The functions that make a layer's output do so for units first ..
 * first + width - 1 alone: all of them, or one. */
#include "nn/definition.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"

enum { TILE = 64 };                             /* outputs at once: the weights that all rows meet stay in the L2 cache */

struct units {
    size_t layer, first, width;
    const double *weight, *bias, *gamma, *beta; /* fan_in x width, and width each */
    bool is_run;                                /* definition_run: mean and deviation are kept */
};

/* ---- Roundings ---- */

/* What is rounded: a part of the number that the draw is made from. */
enum rounded {
    ROUNDED_OUTPUT, ROUNDED_SUM, ROUNDED_MEAN, ROUNDED_DEVIATION, ROUNDED_CENTER, ROUNDED_SCALE, ROUNDED_NORM, ROUNDED_SLOPE,
    ROUNDED_PROBABILITY, ROUNDED_TARGET, ROUNDED_KINDS,
};

/* -1 to 1, from a number that is different for every value of a draw (SplitMix64's finalizer). */
static double drawn(uint64_t draw, uint64_t at)
{
    uint64_t z = draw * UINT64_C(0x9e3779b97f4a7c15) + at;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (double)(int64_t)(z ^ (z >> 31)) * 0x1p-63;
}

/* Half an ulp of 1 at most. */
static double rounding(const struct definition *d, enum rounded kind, size_t layer, size_t row, size_t unit)
{
    uint64_t at = ((uint64_t)(layer * ROUNDED_KINDS + kind) << 50) + ((uint64_t)row << 20) + unit;
    return 0x1p-24 * drawn(d->draw, at);
}

/* x, or what it may become when it is the sum of so many floats. */
static double rounded(const struct definition *d, enum rounded kind, size_t layer, size_t row, size_t unit, size_t terms,
                      double x)
{
    return d->draw == 0 ? x : x + x * sqrt((double)terms) * rounding(d, kind, layer, row, unit);
}

/* y = f(z), the slope of which training finds as 1 - y^2, y (1 - y) or y + 1: off by some roundings of 1, however small it is.
 * A sine has such slopes, and is small everywhere. */
static double rounded_slope(const struct definition *d, enum rounded kind, size_t layer, size_t row, size_t unit, double z,
                            double y)
{
    return d->draw == 0 ? y : y + 4 * rounding(d, kind, layer, row, unit) * sin(z);
}

/* ---- One layer ---- */

static void dense(const struct definition *d, const struct units *u, const double *x, double *y)
{
    size_t D = d->net->layer[u->layer].fan_in;
    for (size_t tile = 0; tile < u->width; tile += TILE) {
        size_t end = u->width - tile < TILE ? u->width : tile + TILE;
        for (size_t n = 0; n < d->batch.rows; n++) {
            double *sum = y + n * u->width;
            for (size_t o = tile; o < end; o++)
                sum[o] = 0;
            for (size_t i = 0; i < D; i++)
                for (size_t o = tile; o < end; o++)
                    sum[o] += x[n * D + i] * u->weight[i * u->width + o];
            for (size_t o = tile; o < end; o++)
                sum[o] += u->bias[o];
        }
    }
}

struct moments { double mean, deviation; };

static struct moments moments_of(const struct definition *d, const struct units *u, size_t g, size_t j, const double *y)
{
    size_t first = d->group_first[g], end = d->group_first[g + 1];
    double count = (double)(end - first), sum = 0, squares = 0;
    for (size_t n = first; n < end; n++)
        sum += y[n * u->width + j];
    for (size_t n = first; n < end; n++)
        squares += (y[n * u->width + j] - sum / count) * (y[n * u->width + j] - sum / count);
    return (struct moments){sum / count, sqrt(squares / count + d->settings->network.batch_norm_epsilon)};
}

/* Mean and deviation are rounded as all else; besides, backward takes them for exact. With xhat off by e, as a mean off by
 * e * deviation has it, the slope that it finds for x is
 *   (dy - mean(dy) - (xhat + e) mean(dy (xhat + e))) / deviation
 * which is right if the mean went up with the deviation, and the deviation with the mean, by e. So that is what they do here, in
 * proportion to how far they are from the latest run: there the loss is as it was, and only its slopes are not. */
static struct moments rounded_moments(const struct definition *d, const struct units *u, size_t g, size_t j, struct moments m)
{
    size_t unit = u->first + j, at = g * d->net->layer[u->layer].fan_out + unit;
    double *mean = &d->mean[u->layer][at], *deviation = &d->deviation[u->layer][at];
    if (u->is_run) {
        *mean = m.mean;
        *deviation = m.deviation;
    }
    if (d->draw == 0)
        return m;
    double e = (rounded(d, ROUNDED_CENTER, u->layer, g, unit, 1, *mean) - *mean) / *deviation;
    double of_scale = rounded(d, ROUNDED_SCALE, u->layer, g, unit, 4, 1) - 1;
    double mean_off = m.mean - *mean, deviation_off = m.deviation - *deviation;
    return (struct moments){
        rounded(d, ROUNDED_MEAN, u->layer, g, unit, 1, m.mean) + e * deviation_off,
        rounded(d, ROUNDED_DEVIATION, u->layer, g, unit, 1, m.deviation) + e * mean_off + of_scale * deviation_off,
    };
}

/* Column j of the rows of group g. */
static void normalize_column(const struct definition *d, const struct units *u, size_t g, size_t j, double *y)
{
    struct moments m = rounded_moments(d, u, g, j, moments_of(d, u, g, j, y));
    for (size_t n = d->group_first[g]; n < d->group_first[g + 1]; n++) {
        double xhat = (y[n * u->width + j] - m.mean) / m.deviation;
        double normal = d->settings->network.batch_norm_affine ? u->gamma[j] * xhat + u->beta[j] : xhat;
        y[n * u->width + j] = rounded(d, ROUNDED_NORM, u->layer, n, u->first + j, 1, normal);
    }
}

static void normalize(const struct definition *d, const struct units *u, double *y)
{
    for (size_t g = 0; g < d->groups; g++)
        for (size_t j = 0; j < u->width; j++)
            normalize_column(d, u, g, j, y);
}

static double activation_of(enum activation activation, double z)
{
    switch (activation) {
    case ACTIVATION_IDENTITY: return z;
    case ACTIVATION_RELU: return z > 0 ? z : 0;
    case ACTIVATION_LEAKY_RELU: return z > 0 ? z : 0.01 * z;
    case ACTIVATION_ELU: return z > 0 ? z : expm1(z);
    case ACTIVATION_GELU: return z * erfc(-z / sqrt(2)) / 2;
    case ACTIVATION_TANH: return tanh(z);
    case ACTIVATION_SIGMOID: return 1 / (1 + exp(-z));
    case ACTIVATION_SOFTPLUS: return fmax(z, 0) + log1p(exp(-fabs(z)));
    }
    return NAN;
}

static void activate(const struct definition *d, const struct units *u, double *y)
{
    enum activation activation = (enum activation)choice_for_layer(&d->settings->network.activation, u->layer);
    bool is_from_value = activation == ACTIVATION_TANH || activation == ACTIVATION_SIGMOID || activation == ACTIVATION_ELU;
    for (size_t n = 0; n < d->batch.rows; n++)
        for (size_t j = 0; j < u->width; j++) {
            double z = y[n * u->width + j], value = activation_of(activation, z);
            y[n * u->width + j] = is_from_value ? rounded_slope(d, ROUNDED_SLOPE, u->layer, n, u->first + j, z, value) : value;
        }
}

static size_t width_of(const struct definition *d, size_t place)
{
    return place == 0 ? d->net->features : d->net->layer[place - 1].fan_out;
}

/* The dropped fraction of what goes into layer `place`. */
static double fraction_of(const struct definition *d, size_t place)
{
    if (place == 0)
        return d->settings->network.input_dropout;
    return place < d->net->layers ? real_for_layer(&d->settings->network.dropout, place - 1) : 0;
}

/* What goes into layer `place`, before dropout, becomes what goes into it. */
static void drop(const struct definition *d, size_t place, size_t first, size_t width, double *y)
{
    const uint8_t *keep = d->keep[place];
    double scale = 1 / (1 - fraction_of(d, place));
    size_t all = width_of(d, place), terms = d->net->layer[place].fan_out;
    for (size_t n = 0; n < d->batch.rows; n++)
        for (size_t j = 0; j < width; j++) {
            double out = keep == NULL ? y[n * width + j] : keep[n * all + first + j] ? scale * y[n * width + j] : 0;
            y[n * width + j] = rounded(d, ROUNDED_OUTPUT, place, n, first + j, terms, out);
        }
}

/* The sums of a layer become what goes into the next; of the last one, the logits. */
static void finish(const struct definition *d, const struct units *u, double *y)
{
    int place = d->settings->network.batch_norm;
    size_t terms = d->net->layer[u->layer].fan_in + 1;
    for (size_t n = 0; n < d->batch.rows; n++)
        for (size_t j = 0; j < u->width; j++)
            y[n * u->width + j] = rounded(d, ROUNDED_SUM, u->layer, n, u->first + j, terms, y[n * u->width + j]);
    if (u->layer + 1 == d->net->layers)
        return;
    if (place == BATCH_NORM_BEFORE)
        normalize(d, u, y);
    activate(d, u, y);
    if (place == BATCH_NORM_AFTER)
        normalize(d, u, y);
    drop(d, u->layer + 1, u->first, u->width, y);
}

static struct units all_units(const struct definition *d, size_t l)
{
    const struct layer *layer = &d->net->layer[l];
    return (struct units){l, 0, layer->fan_out, d->parameter + layer->weight, d->parameter + layer->bias,
                          d->parameter + layer->gamma, d->parameter + layer->beta, false};
}

/* ---- Loss ---- */

/* Smoothed: a part goes evenly to all classes, or of a label's probability, to yes and no. */
static double target_of(const struct definition *d, size_t n, size_t c)
{
    double smoothing = d->settings->train.label_smoothing;
    double choices = d->settings->network.output == OUTPUT_SIGMOID ? 2 : (double)d->net->outputs;
    double target = d->batch.label != NULL ? (size_t)d->batch.label[n] == c : (double)d->batch.target[n * d->net->outputs + c];
    return rounded(d, ROUNDED_TARGET, 0, n, c, 1, (1 - smoothing) * target + smoothing / choices);
}

/* log(sum of exp(z_c - max)), accurate where one z is much larger than the others. */
static double log_sum(const double *z, size_t count, double *max)
{
    size_t best = 0;
    for (size_t c = 1; c < count; c++)
        best = z[c] > z[best] ? c : best;
    double rest = 0;
    for (size_t c = 0; c < count; c++)
        rest += c == best ? 0 : exp(z[c] - z[best]);
    *max = z[best];
    return log1p(rest);
}

static double loss_of_row(const struct definition *d, size_t n, const double *z)
{
    size_t C = d->net->outputs;
    bool is_mse = d->settings->network.loss == LOSS_MSE;
    double loss = 0, max, log_of_sum = log_sum(z, C, &max);
    for (size_t c = 0; c < C; c++) {
        double t = target_of(d, n, c), p = z[c], entropy = 0;
        switch ((enum output_kind)d->settings->network.output) {
        case OUTPUT_SOFTMAX:
            p = exp(z[c] - max - log_of_sum);
            entropy = t * (log_of_sum - (z[c] - max));
            break;
        case OUTPUT_SIGMOID:
            p = 1 / (1 + exp(-z[c]));
            entropy = fmax(z[c], 0) - z[c] * t + log1p(exp(-fabs(z[c])));
            break;
        case OUTPUT_LINEAR:
            break;
        }
        if (d->settings->network.output != OUTPUT_LINEAR)
            p = rounded_slope(d, ROUNDED_PROBABILITY, 0, n, c, z[c], p);
        loss += is_mse ? (p - t) * (p - t) / (double)C : entropy;
    }
    return d->batch.class_weight != NULL ? (double)d->batch.class_weight[d->batch.label[n]] * loss : loss;
}

/* Summed with compensation (Kahan, "Further remarks on reducing truncation errors", 1965): a difference of two such means is as
 * accurate as for one row. */
static double mean_loss(const struct definition *d, const double *logits)
{
    double sum = 0, missing = 0;
    for (size_t n = 0; n < d->batch.rows; n++) {
        double term = loss_of_row(d, n, logits + n * d->net->outputs) - missing, next = sum + term;
        missing = (next - sum) - term;
        sum = next;
    }
    return sum / (double)d->batch.rows;
}

/* ---- The whole network ---- */

static void convert(const struct definition *d, double *x)
{
    const struct raw_rows *input = &d->batch.input;
    for (size_t n = 0; n < d->batch.rows; n++)
        for (size_t j = 0; j < d->net->features; j++) {
            float value = 0;
            if (input->type == RAW_F32)
                memcpy(&value, input->row[n] + j * sizeof value, sizeof value);
            double raw = input->type == RAW_F32 ? (double)value : input->row[n][j];
            x[n * d->net->features + j] = (raw - (double)input->shift[j]) * (double)input->scale[j];
        }
}

void definition_run(struct definition *d, uint64_t draw)
{
    d->draw = draw;
    convert(d, d->in[0]);
    drop(d, 0, 0, d->net->features, d->in[0]);
    for (size_t l = 0; l < d->net->layers; l++) {
        struct units u = all_units(d, l);
        u.is_run = true;
        dense(d, &u, d->in[l], d->in[l + 1]);
        if (l > 0)
            memcpy(d->sum[l], d->in[l + 1], d->batch.rows * u.width * sizeof *d->sum[l]);
        finish(d, &u, d->in[l + 1]);
    }
    d->loss = mean_loss(d, d->in[d->net->layers]);
}

/* One unit's parameters, with one of them changed. */
static struct units one_unit(const struct definition *d, struct definition_space *space, const struct tensor *tensor,
                             size_t element, double value, double vector[3])
{
    const struct layer *layer = &d->net->layer[tensor->layer];
    size_t H = layer->fan_out, o = element % H;
    const size_t at[3] = {layer->bias, layer->gamma, layer->beta};
    for (size_t i = 0; i < layer->fan_in; i++)
        space->weight[i] = d->parameter[layer->weight + i * H + o];
    for (size_t i = 0; i < 3; i++)
        vector[i] = d->parameter[at[i] + o];
    if (tensor->kind == TENSOR_WEIGHT)
        space->weight[element / H] = value;
    else
        vector[tensor->kind == TENSOR_BIAS ? 0 : tensor->kind == TENSOR_GAMMA ? 1 : 2] = value;
    return (struct units){tensor->layer, o, 1, space->weight, &vector[0], &vector[1], &vector[2], false};
}

/* The sums of layer l when unit o of the layer below gives other outputs. */
static void add_change(const struct definition *d, size_t l, size_t o, const double *unit, double *y)
{
    const struct layer *layer = &d->net->layer[l];
    const double *weight = d->parameter + layer->weight + o * layer->fan_out;
    for (size_t n = 0; n < d->batch.rows; n++) {
        double change = unit[n] - d->in[l][n * layer->fan_in + o];
        for (size_t j = 0; j < layer->fan_out; j++)
            y[n * layer->fan_out + j] = d->sum[l][n * layer->fan_out + j] + change * weight[j];
    }
}

/* The logits when unit o has others. */
static void replace_logits(const struct definition *d, size_t o, const double *unit, double *y)
{
    memcpy(y, d->in[d->net->layers], d->batch.rows * d->net->outputs * sizeof *y);
    for (size_t n = 0; n < d->batch.rows; n++)
        y[n * d->net->outputs + o] = unit[n];
}

double definition_loss_with(const struct definition *d, struct definition_space *space, const struct tensor *tensor,
                            size_t element, double value)
{
    double vector[3], *x = space->rows[0], *y = space->rows[1];
    struct units u = one_unit(d, space, tensor, element, value, vector);
    dense(d, &u, d->in[u.layer], space->unit);
    finish(d, &u, space->unit);
    if (u.layer + 1 == d->net->layers) {
        replace_logits(d, u.first, space->unit, x);
        return mean_loss(d, x);
    }
    for (size_t l = u.layer + 1; l < d->net->layers; l++) {
        struct units all = all_units(d, l);
        if (l == u.layer + 1)
            add_change(d, l, u.first, space->unit, y);
        else
            dense(d, &all, x, y);
        finish(d, &all, y);
        double *swapped = x;
        x = y;
        y = swapped;
    }
    return mean_loss(d, x);
}

/* ---- Penalty ---- */

double definition_penalty_of(const struct definition *d, enum tensor_kind kind, double value)
{
    const struct weft_settings *s = d->settings;
    double lambda = s->regularization.l2, penalty = kind == TENSOR_WEIGHT ? s->regularization.l1 * fabs(value) : 0;
    if ((kind != TENSOR_WEIGHT && !s->regularization.l2_biases) || s->optimizer.name == OPTIMIZER_ADAMW)
        return penalty;
    switch ((enum l2_form)s->regularization.l2_form) {
    case L2_LAMBDA_OVER_2M: return penalty + lambda / (2 * (double)d->batch.rows) * value * value;
    case L2_HALF_LAMBDA: return penalty + lambda / 2 * value * value;
    case L2_LAMBDA: return penalty + lambda * value * value;
    case L2_DECOUPLED: break;
    }
    return penalty;
}

double definition_penalty(const struct definition *d)
{
    double sum = 0;
    for (size_t t = 0; t < d->net->tensors; t++)
        for (size_t i = 0; i < d->net->tensor[t].count; i++)
            sum += definition_penalty_of(d, d->net->tensor[t].kind, d->parameter[d->net->tensor[t].offset + i]);
    return sum;
}

/* ---- Life ---- */

/* A unit is dropped if its 32 random bits, read as a fraction of 2^32, are below the dropped fraction. */
static void draw_keep(const struct definition *d, size_t place, uint8_t *keep)
{
    double limit = floor(fraction_of(d, place) * 0x1p32);
    size_t width = width_of(d, place);
    for (size_t n = 0; n < d->batch.rows; n++)
        for (size_t j = 0; j < width; j++) {
            uint32_t word[4];
            rng_words(d->settings->train.seed, RNG_DROPOUT, (uint32_t)place, d->batch.step, d->batch.data_row[n],
                      (uint32_t)(j / 4), word);
            keep[n * width + j] = word[j % 4] >= limit;
        }
}

/* S = min(16, ceil(B / 32)) shards, shard i from row floor(iB/S) on; or the whole batch. */
static void cut_into_groups(struct definition *d)
{
    size_t rows = d->batch.rows, shards = (rows + 31) / 32 < SHARDS_MAX ? (rows + 31) / 32 : SHARDS_MAX;
    d->groups = d->settings->network.batch_norm_statistics == BATCH_NORM_OF_SHARD ? shards : 1;
    for (size_t g = 0; g <= d->groups; g++)
        d->group_first[g] = g * rows / d->groups;
}

weft_status definition_create(struct definition *d, const struct weft_settings *settings, const struct network *net,
                              const struct definition_batch *batch)
{
    *d = (struct definition){.settings = settings, .net = net, .batch = *batch};
    cut_into_groups(d);
    bool complete = (d->parameter = memory_new(net->parameter_size, sizeof *d->parameter)) != NULL;
    for (size_t place = 0; place <= net->layers && complete; place++) {
        size_t count = batch->rows * width_of(d, place);
        complete = (d->in[place] = memory_new(count, sizeof *d->in[place])) != NULL;
        if (complete && fraction_of(d, place) != 0)
            complete = (d->keep[place] = memory_new(count, 1)) != NULL;
        if (complete && d->keep[place] != NULL)
            draw_keep(d, place, d->keep[place]);
    }
    for (size_t l = 0; l < net->layers && complete; l++) {
        size_t count = d->groups * net->layer[l].fan_out;
        d->mean[l] = net->layer[l].has_norm ? memory_new(count, sizeof(double)) : NULL;
        d->deviation[l] = net->layer[l].has_norm ? memory_new(count, sizeof(double)) : NULL;
        d->sum[l] = l > 0 ? memory_new(batch->rows * net->layer[l].fan_out, sizeof(double)) : NULL;
        complete = (l == 0 || d->sum[l] != NULL) && (!net->layer[l].has_norm || (d->mean[l] != NULL && d->deviation[l] != NULL));
    }
    if (!complete) {
        definition_destroy(d);
        return WEFT_ENOMEM;
    }
    for (size_t i = 0; i < net->parameter_size; i++)
        d->parameter[i] = (double)net->parameter[i];
    return WEFT_OK;
}

void definition_destroy(struct definition *d)
{
    for (size_t place = 0; place <= NETWORK_LAYERS_MAX; place++) {
        memory_free(d->in[place]);
        memory_free(d->keep[place]);
    }
    for (size_t l = 0; l < NETWORK_LAYERS_MAX; l++) {
        memory_free(d->sum[l]);
        memory_free(d->mean[l]);
        memory_free(d->deviation[l]);
    }
    memory_free(d->parameter);
    *d = (struct definition){0};
}

weft_status definition_space_create(struct definition_space *space, const struct definition *d)
{
    size_t fan_in = 0, fan_out = 0;
    for (size_t l = 0; l < d->net->layers; l++) {
        fan_in = d->net->layer[l].fan_in > fan_in ? d->net->layer[l].fan_in : fan_in;
        fan_out = d->net->layer[l].fan_out > fan_out ? d->net->layer[l].fan_out : fan_out;
    }
    *space = (struct definition_space){0};
    double **array[] = {&space->weight, &space->unit, &space->rows[0], &space->rows[1]};
    const size_t size[] = {fan_in, d->batch.rows, d->batch.rows * fan_out, d->batch.rows * fan_out};
    for (size_t i = 0; i < sizeof array / sizeof *array; i++)
        if ((*array[i] = memory_new(size[i], sizeof(double))) == NULL) {
            definition_space_destroy(space);
            return WEFT_ENOMEM;
        }
    return WEFT_OK;
}

void definition_space_destroy(struct definition_space *space)
{
    memory_free(space->weight);
    memory_free(space->unit);
    memory_free(space->rows[0]);
    memory_free(space->rows[1]);
    *space = (struct definition_space){0};
}
