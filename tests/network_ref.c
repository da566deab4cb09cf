/* See network_ref.h. The cost is in network_ref_cost.c. */
#include "network_ref.h"

#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "support.h"

static void *zeroed(size_t count, size_t size_bytes)
{
    void *array = calloc(count > 0 ? count : 1, size_bytes);
    assert_non_null(array);
    return array;
}

static size_t add_tensor(struct network_ref *ref, enum tensor_kind kind, size_t layer, size_t count)
{
    ref->tensor[ref->tensors++] = (struct ref_tensor){kind, layer, ref->parameters, count};
    ref->parameters += count;
    return ref->parameters - count;
}

static void make_layer(struct network_ref *ref, size_t l)
{
    const struct weft_settings *s = ref->settings;
    struct ref_layer *layer = &ref->layer[l];
    bool is_hidden = l + 1 < ref->layers;
    layer->fan_in = l == 0 ? ref->features : ref->layer[l - 1].fan_out;
    layer->fan_out = is_hidden ? s->network.hidden.value[l] : ref->outputs;
    layer->activation = is_hidden ? (enum activation)s->network.activation.value[s->network.activation.count == 1 ? 0 : l]
                                  : ACTIVATION_IDENTITY;
    layer->dropout = is_hidden ? s->network.dropout.value[s->network.dropout.count == 1 ? 0 : l] : 0;
    layer->has_norm = is_hidden && s->network.batch_norm != BATCH_NORM_NONE;
    layer->weight = add_tensor(ref, TENSOR_WEIGHT, l, layer->fan_in * layer->fan_out);
    layer->bias = add_tensor(ref, TENSOR_BIAS, l, layer->fan_out);
    if (layer->has_norm && s->network.batch_norm_affine) {
        layer->gamma = add_tensor(ref, TENSOR_GAMMA, l, layer->fan_out);
        layer->beta = add_tensor(ref, TENSOR_BETA, l, layer->fan_out);
    }
    size_t size = ref->rows * layer->fan_out;
    layer->in = l == 0 ? ref->dropped_input : ref->layer[l - 1].out;
    struct bounded **matrix[] = {&layer->sum, &layer->normed, &layer->activated, &layer->out};
    for (size_t i = 0; i < COUNT(matrix); i++)
        *matrix[i] = zeroed(size, sizeof **matrix[i]);
    layer->mean = zeroed(ref->groups * layer->fan_out, sizeof *layer->mean);
    layer->inverse_std = zeroed(ref->groups * layer->fan_out, sizeof *layer->inverse_std);
}

/* Unit j of a row is dropped if its 32 random bits, read as a fraction of 2^32, are below the dropped fraction. */
static bool *draw_keep(const struct network_ref *ref, uint32_t counter, double fraction, size_t width,
                       const uint32_t *data_row, uint64_t step)
{
    bool *keep = zeroed(ref->rows * width, sizeof *keep);
    for (size_t n = 0; n < ref->rows; n++)
        for (size_t j = 0; j < width; j++) {
            uint32_t word[4];
            rng_words(ref->settings->train.seed, RNG_DROPOUT, counter, step, data_row[n], (uint32_t)(j / 4), word);
            keep[n * width + j] = word[j % 4] >= floor(fraction * 0x1p32);
        }
    return keep;
}

/* S = min(16, ceil(B / 32)) shards, shard i from row floor(iB/S). */
static void cut_into_groups(struct network_ref *ref)
{
    ref->shards = (ref->rows + 31) / 32 < 16 ? (ref->rows + 31) / 32 : 16;
    ref->groups = ref->settings->network.batch_norm_statistics == BATCH_NORM_OF_SHARD ? ref->shards : 1;
    for (size_t g = 0; g <= ref->groups; g++)
        ref->group_first[g] = g * ref->rows / ref->groups;
}

struct network_ref *network_ref_new(const struct weft_settings *settings, size_t rows, size_t features, size_t outputs,
                                    const float *x, const uint32_t *data_row, uint64_t step)
{
    struct network_ref *ref = zeroed(1, sizeof *ref);
    *ref = (struct network_ref){.settings = settings, .rows = rows, .features = features, .outputs = outputs,
                                .layers = settings->network.hidden.count + 1};
    assert_true(ref->layers <= REF_LAYERS_MAX);
    cut_into_groups(ref);
    ref->input = zeroed(rows * features, sizeof *ref->input);
    ref->dropped_input = zeroed(rows * features, sizeof *ref->dropped_input);
    for (size_t i = 0; i < rows * features; i++)
        ref->input[i] = exactly((double)x[i]);
    ref->keep_input = draw_keep(ref, 0, settings->network.input_dropout, features, data_row, step);
    size_t widest = features;
    for (size_t l = 0; l < ref->layers; l++) {
        make_layer(ref, l);
        struct ref_layer *layer = &ref->layer[l];
        layer->keep = draw_keep(ref, (uint32_t)l + 1, layer->dropout, layer->fan_out, data_row, step);
        widest = layer->fan_out > widest ? layer->fan_out : widest;
    }
    ref->parameter = zeroed(ref->parameters, sizeof *ref->parameter);
    ref->gradient = zeroed(ref->parameters, sizeof *ref->gradient);
    ref->delta = zeroed(rows * widest, sizeof *ref->delta);
    ref->delta_below = zeroed(rows * widest, sizeof *ref->delta_below);
    return ref;
}

void network_ref_free(struct network_ref *ref)
{
    for (size_t l = 0; l < ref->layers; l++) {
        struct ref_layer *layer = &ref->layer[l];
        void *const all[] = {layer->sum, layer->normed, layer->activated, layer->out, layer->mean, layer->inverse_std,
                             layer->keep};
        for (size_t i = 0; i < COUNT(all); i++)
            free(all[i]);
    }
    void *const all[] = {ref->parameter, ref->gradient, ref->input, ref->dropped_input, ref->keep_input, ref->delta,
                         ref->delta_below, ref};
    for (size_t i = 0; i < COUNT(all); i++)
        free(all[i]);
}

void network_ref_load(struct network_ref *ref, const struct network *net)
{
    assert_int_equal(ref->tensors, net->tensors);
    for (size_t t = 0; t < ref->tensors; t++) {
        const struct ref_tensor *to = &ref->tensor[t];
        const struct tensor *from = &net->tensor[t];
        assert_true(to->kind == from->kind && to->layer == from->layer && to->count == from->count);
        for (size_t i = 0; i < to->count; i++)
            ref->parameter[to->first + i] = (double)net->parameter[from->offset + i];
    }
}

/* y = x / (1 - fraction) where kept, 0 elsewhere; y may be x. */
static void drop(const bool *keep, double fraction, size_t count, const struct bounded *x, struct bounded *y)
{
    struct bounded scale = rounded(in_double(1 / (1 - fraction), 0));
    for (size_t i = 0; i < count; i++)
        y[i] = fraction == 0 ? x[i] : keep[i] ? rounded(times(x[i], scale)) : exactly(0);
}

static void dense(const struct network_ref *ref, const struct ref_layer *layer)
{
    const double *W = ref->parameter + layer->weight, *b = ref->parameter + layer->bias;
    for (size_t n = 0; n < ref->rows; n++)
        for (size_t o = 0; o < layer->fan_out; o++) {
            struct total sum = {0};
            for (size_t i = 0; i < layer->fan_in; i++)
                total_add(&sum, times(layer->in[n * layer->fan_in + i], exactly(W[i * layer->fan_out + o])));
            total_add(&sum, exactly(b[o]));
            layer->sum[n * layer->fan_out + o] = total_in_float(&sum);
        }
}

static bool is_lone_row(const struct network_ref *ref, size_t g)
{
    return ref->group_first[g + 1] - ref->group_first[g] == 1;
}

/* (x - mean) / std of row n, column j, which is in group g; exactly 0 for a row that is its own mean. */
static struct bounded xhat_of(const struct network_ref *ref, const struct ref_layer *layer, size_t g, size_t n, size_t j,
                              const struct bounded *x)
{
    size_t at = g * layer->fan_out + j;
    if (is_lone_row(ref, g))
        return exactly(0);
    return rounded(times(rounded(minus(x[n * layer->fan_out + j], layer->mean[at])), layer->inverse_std[at]));
}

static void find_moments(const struct network_ref *ref, struct ref_layer *layer, size_t g, size_t j, const struct bounded *x)
{
    size_t H = layer->fan_out, first = ref->group_first[g], end = ref->group_first[g + 1];
    struct bounded count = exactly((double)(end - first));
    struct total sum = {0}, squares = {0};
    for (size_t n = first; n < end; n++)
        total_add(&sum, x[n * H + j]);
    struct bounded mean = over(total_in_double(&sum), count);
    for (size_t n = first; n < end; n++)
        total_add(&squares, times(minus(x[n * H + j], mean), minus(x[n * H + j], mean)));
    struct bounded variance = is_lone_row(ref, g) ? exactly(0) : over(total_in_double(&squares), count);
    struct bounded epsilon = exactly(ref->settings->network.batch_norm_epsilon);
    layer->mean[g * H + j] = rounded(mean);
    layer->inverse_std[g * H + j] = rounded(over(exactly(1), root(plus(variance, epsilon))));
}

static void normalize(const struct network_ref *ref, struct ref_layer *layer, const struct bounded *x)
{
    const double *gamma = ref->parameter + layer->gamma, *beta = ref->parameter + layer->beta;
    for (size_t g = 0; g < ref->groups; g++)
        for (size_t j = 0; j < layer->fan_out; j++) {
            find_moments(ref, layer, g, j, x);
            for (size_t n = ref->group_first[g]; n < ref->group_first[g + 1]; n++) {
                struct bounded xhat = xhat_of(ref, layer, g, n, j, x);
                layer->normed[n * layer->fan_out + j] =
                    ref->settings->network.batch_norm_affine
                        ? rounded(plus(times(exactly(gamma[j]), xhat), exactly(beta[j]))) : xhat;
            }
        }
}

static struct bounded activation_of(enum activation activation, struct bounded z)
{
    switch (activation) {
    case ACTIVATION_IDENTITY: return z;
    case ACTIVATION_RELU: return relu_of(z);
    case ACTIVATION_LEAKY_RELU: return leaky_relu_of(z);
    case ACTIVATION_ELU: return elu_of(z);
    case ACTIVATION_GELU: return gelu_of(z);
    case ACTIVATION_TANH: return tanh_of(z);
    case ACTIVATION_SIGMOID: return sigmoid_of(z);
    case ACTIVATION_SOFTPLUS: return softplus_of(z);
    }
    fail();
    return z;
}

static bool has_kink(enum activation activation)
{
    return activation == ACTIVATION_RELU || activation == ACTIVATION_LEAKY_RELU || activation == ACTIVATION_ELU;
}

static void activate(struct network_ref *ref, struct ref_layer *layer, const struct bounded *z)
{
    for (size_t i = 0; i < ref->rows * layer->fan_out; i++) {
        layer->activated[i] = activation_of(layer->activation, z[i]);
        if (has_kink(layer->activation))
            ref->kinks = (ref->kinks ^ (z[i].value > 0)) * UINT64_C(0x100000001b3);
    }
}

static void forward_layer(struct network_ref *ref, struct ref_layer *layer)
{
    int place = layer->has_norm ? ref->settings->network.batch_norm : BATCH_NORM_NONE;
    dense(ref, layer);
    if (place == BATCH_NORM_BEFORE)
        normalize(ref, layer, layer->sum);
    activate(ref, layer, place == BATCH_NORM_BEFORE ? layer->normed : layer->sum);
    if (place == BATCH_NORM_AFTER)
        normalize(ref, layer, layer->activated);
    drop(layer->keep, layer->dropout, ref->rows * layer->fan_out,
         place == BATCH_NORM_AFTER ? layer->normed : layer->activated, layer->out);
}

void network_ref_forward(struct network_ref *ref)
{
    ref->kinks = UINT64_C(0xcbf29ce484222325);
    drop(ref->keep_input, ref->settings->network.input_dropout, ref->rows * ref->features, ref->input, ref->dropped_input);
    for (size_t l = 0; l < ref->layers; l++)
        forward_layer(ref, &ref->layer[l]);
    network_ref_cost(ref);
}

/* From d cost / dy to d cost / dx in place, for y = gamma xhat(x) + beta; dgamma and dbeta. */
static void normalize_backward(struct network_ref *ref, const struct ref_layer *layer, const struct bounded *x)
{
    size_t H = layer->fan_out;
    bool affine = ref->settings->network.batch_norm_affine;
    for (size_t j = 0; j < H; j++) {
        struct total dgamma = {0}, dbeta = {0};
        for (size_t g = 0; g < ref->groups; g++) {
            size_t first = ref->group_first[g], end = ref->group_first[g + 1];
            struct bounded count = exactly((double)(end - first));
            struct total sum = {0}, sum_xhat = {0};
            for (size_t n = first; n < end; n++) {
                struct bounded dy = ref->delta[n * H + j], dy_xhat = times(dy, xhat_of(ref, layer, g, n, j, x));
                total_add(&sum, dy);
                total_add(&sum_xhat, dy_xhat);
                total_add(&dbeta, dy);
                total_add(&dgamma, dy_xhat);
            }
            struct bounded mean = rounded(over(total_in_double(&sum), count));
            struct bounded mean_xhat = rounded(over(total_in_double(&sum_xhat), count));
            struct bounded factor = layer->inverse_std[g * H + j];
            if (affine)
                factor = rounded(times(exactly(ref->parameter[layer->gamma + j]), factor));
            for (size_t n = first; n < end; n++) {
                struct bounded rest = rounded(minus(ref->delta[n * H + j], mean));
                rest = rounded(minus(rest, times(xhat_of(ref, layer, g, n, j, x), mean_xhat)));
                ref->delta[n * H + j] = is_lone_row(ref, g) ? exactly(0) : rounded(times(factor, rest));
            }
        }
        if (affine) {
            ref->gradient[layer->gamma + j] = total_in_float(&dgamma);
            ref->gradient[layer->beta + j] = total_in_float(&dbeta);
        }
    }
}

/* `above` where z > 0, `below` elsewhere; where the sign of z is in doubt, so is which of them. */
static struct bounded by_sign(struct bounded z, struct bounded above, struct bounded below)
{
    struct bounded chosen = z.value > 0 ? above : below;
    if (fabs(z.value) <= z.error)
        chosen.error = fabs(above.value - below.value) + fmax(above.error, below.error);
    return chosen;
}

/* d cost / dz from d cost / dy, y = activation(z). */
static struct bounded activation_backward(enum activation activation, struct bounded z, struct bounded y, struct bounded dy)
{
    struct bounded one = exactly(1);
    switch (activation) {
    case ACTIVATION_IDENTITY: return dy;
    case ACTIVATION_RELU: return by_sign(z, dy, exactly(0));
    case ACTIVATION_LEAKY_RELU: return by_sign(z, dy, rounded(times(dy, rounded(in_double(0.01, 0)))));
    case ACTIVATION_ELU: return by_sign(z, dy, rounded(times(dy, rounded(plus(y, one)))));
    case ACTIVATION_GELU: return rounded(times(dy, gelu_slope_of(z)));
    case ACTIVATION_TANH: return rounded(times(dy, rounded(minus(one, times(y, y)))));
    case ACTIVATION_SIGMOID: return rounded(times(dy, rounded(times(y, rounded(minus(one, y))))));
    case ACTIVATION_SOFTPLUS: return rounded(times(dy, sigmoid_of(z)));
    }
    fail();
    return dy;
}

/* dW = x^T dz, db = column sums of dz, dx = dz W^T. */
static void dense_backward(struct network_ref *ref, const struct ref_layer *layer)
{
    size_t D = layer->fan_in, H = layer->fan_out;
    for (size_t o = 0; o < H; o++) {
        struct total db = {0};
        for (size_t n = 0; n < ref->rows; n++)
            total_add(&db, ref->delta[n * H + o]);
        ref->gradient[layer->bias + o] = total_in_float(&db);
        for (size_t i = 0; i < D; i++) {
            struct total dW = {0};
            for (size_t n = 0; n < ref->rows; n++)
                total_add(&dW, times(layer->in[n * D + i], ref->delta[n * H + o]));
            ref->gradient[layer->weight + i * H + o] = total_in_float(&dW);
        }
    }
    for (size_t n = 0; n < ref->rows; n++)
        for (size_t i = 0; i < D; i++) {
            struct total dx = {0};
            for (size_t o = 0; o < H; o++)
                total_add(&dx, times(ref->delta[n * H + o], exactly(ref->parameter[layer->weight + i * H + o])));
            ref->delta_below[n * D + i] = total_in_float(&dx);
        }
    memcpy(ref->delta, ref->delta_below, ref->rows * D * sizeof *ref->delta);
}

static void backward_layer(struct network_ref *ref, struct ref_layer *layer)
{
    int place = layer->has_norm ? ref->settings->network.batch_norm : BATCH_NORM_NONE;
    size_t count = ref->rows * layer->fan_out;
    drop(layer->keep, layer->dropout, count, ref->delta, ref->delta);
    if (place == BATCH_NORM_AFTER)
        normalize_backward(ref, layer, layer->activated);
    const struct bounded *z = place == BATCH_NORM_BEFORE ? layer->normed : layer->sum;
    for (size_t i = 0; i < count; i++)
        ref->delta[i] = activation_backward(layer->activation, z[i], layer->activated[i], ref->delta[i]);
    if (place == BATCH_NORM_BEFORE)
        normalize_backward(ref, layer, layer->sum);
    dense_backward(ref, layer);
}

static void add_penalty_gradient(struct network_ref *ref)
{
    struct bounded l2 = rounded(in_double(2 * network_ref_l2(ref), 0));
    struct bounded l1 = rounded(exactly(ref->settings->regularization.l1));
    for (size_t t = 0; t < ref->tensors; t++)
        for (size_t i = ref->tensor[t].first; i < ref->tensor[t].first + ref->tensor[t].count; i++) {
            double w = ref->parameter[i];
            if (network_ref_takes_l2(ref, ref->tensor[t].kind))
                ref->gradient[i] = rounded(plus(ref->gradient[i], times(l2, exactly(w))));
            if (ref->tensor[t].kind == TENSOR_WEIGHT)
                ref->gradient[i] = rounded(plus(ref->gradient[i], times(l1, exactly((w > 0) - (w < 0)))));
        }
}

void network_ref_backward(struct network_ref *ref)
{
    for (size_t l = ref->layers; l-- > 0;)
        backward_layer(ref, &ref->layer[l]);
    add_penalty_gradient(ref);
}
