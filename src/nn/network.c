/* Layout of parameters, buffers and operations. The order of the tensors here is the order of the file, of the digest and
 * of every sum over parameters. */
#include "nn/network.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "nn/layers.h"

enum { TENSOR_ALIGNMENT = 16 };         /* floats: one cache line, one AVX-512 vector */

static size_t add_tensor(struct tensor *list, size_t *count, size_t *size, enum tensor_kind kind, size_t layer, size_t rows,
                         size_t columns)
{
    struct tensor *t = &list[(*count)++];
    *t = (struct tensor){.kind = kind, .layer = layer, .offset = *size, .rank = kind == TENSOR_WEIGHT ? 2 : 1,
                         .dim = {rows, columns}, .count = kind == TENSOR_WEIGHT ? rows * columns : rows};
    *size += (t->count + TENSOR_ALIGNMENT - 1) / TENSOR_ALIGNMENT * TENSOR_ALIGNMENT;
    return t->offset;
}

static void lay_out_layers(struct network *net, const struct weft_settings *s)
{
    size_t hidden = s->network.hidden.count;
    net->layers = hidden + 1;
    for (size_t l = 0; l <= hidden; l++) {
        struct layer *layer = &net->layer[l];
        layer->fan_in = l == 0 ? net->features : net->layer[l - 1].fan_out;
        layer->fan_out = l == hidden ? net->outputs : (size_t)s->network.hidden.value[l];
        layer->activation = l == hidden ? ACTIVATION_IDENTITY : (enum activation)choice_for_layer(&s->network.activation, l);
        layer->has_norm = l < hidden && s->network.batch_norm != BATCH_NORM_NONE;
        size_t *size = &net->parameter_size, *count = &net->tensors, H = layer->fan_out;
        layer->weight = add_tensor(net->tensor, count, size, TENSOR_WEIGHT, l, layer->fan_in, H);
        layer->bias = add_tensor(net->tensor, count, size, TENSOR_BIAS, l, H, 0);
        if (!layer->has_norm)
            continue;
        if (net->norm_affine) {
            layer->gamma = add_tensor(net->tensor, count, size, TENSOR_GAMMA, l, H, 0);
            layer->beta = add_tensor(net->tensor, count, size, TENSOR_BETA, l, H, 0);
        }
        layer->running_mean = add_tensor(net->running_tensor, &net->running_tensors, &net->running_size, TENSOR_RUNNING_MEAN,
                                         l, H, 0);
        layer->running_variance = add_tensor(net->running_tensor, &net->running_tensors, &net->running_size,
                                             TENSOR_RUNNING_VARIANCE, l, H, 0);
    }
}

static struct op *add_op(struct network *net, enum op_kind kind, size_t layer, size_t width)
{
    struct op *op = &net->op[net->ops++];
    *op = (struct op){.kind = kind, .layer = layer, .width = width, .in = net->buffers - 1, .out = net->buffers - 1};
    bool in_place = kind == OP_ACTIVATION && !activation_needs_input(net->layer[layer].activation);
    if (!in_place) {
        op->out = net->buffers++;
        net->buffer_width[op->out] = width;
        net->widest = width > net->widest ? width : net->widest;
    }
    return op;
}

static void add_norm(struct network *net, size_t layer, size_t width)
{
    if (net->norm_of_batch)
        net->segment_first[++net->segments] = net->ops;
    add_op(net, OP_NORM, layer, width)->nth = net->norms++;
}

static void add_dropout(struct network *net, size_t layer, size_t width, double fraction, uint32_t counter)
{
    if (fraction == 0)
        return;
    struct op *op = add_op(net, OP_DROPOUT, layer, width);
    op->nth = net->dropouts++;
    op->drop_fraction = fraction;
    op->drop_counter = counter;
}

static void lay_out_ops(struct network *net, const struct weft_settings *s)
{
    net->buffers = 1;
    net->buffer_width[0] = net->features;
    add_dropout(net, 0, net->features, s->network.input_dropout, 0);
    for (size_t l = 0; l < net->layers; l++) {
        size_t width = net->layer[l].fan_out;
        add_op(net, OP_DENSE, l, width);
        if (l + 1 == net->layers)
            break;
        if (s->network.batch_norm == BATCH_NORM_BEFORE)
            add_norm(net, l, width);
        if (net->layer[l].activation != ACTIVATION_IDENTITY)
            add_op(net, OP_ACTIVATION, l, width);
        if (s->network.batch_norm == BATCH_NORM_AFTER)
            add_norm(net, l, width);
        add_dropout(net, l, width, real_for_layer(&s->network.dropout, l), (uint32_t)l + 1);
    }
    net->segment_first[++net->segments] = net->ops;
}

static size_t blocks_of(size_t count)
{
    return (count + SUM_BLOCK - 1) / SUM_BLOCK;
}

static void cut_into_blocks(struct network *net)
{
    size_t b = 0;
    for (size_t t = 0; t < net->tensors; t++)
        for (size_t at = 0; at < net->tensor[t].count; at += SUM_BLOCK) {
            size_t left = net->tensor[t].count - at;
            net->block[b++] = (struct parameter_block){t, net->tensor[t].offset + at, left < SUM_BLOCK ? left : SUM_BLOCK};
        }
}

static bool allocate_packed(struct packed *packed, const struct layer *layer, bool goes_back)
{
    size_t D = layer->fan_in, H = layer->fan_out;
    packed->forward = memory_new(panels_of(H) * D * PANEL, sizeof *packed->forward);
    packed->backward = goes_back ? memory_new(panels_of(D) * H * PANEL, sizeof *packed->backward) : NULL;
    packed->bias = memory_new(panels_of(H) * PANEL, sizeof *packed->bias);
    return packed->forward != NULL && packed->bias != NULL && (packed->backward != NULL || !goes_back);
}

static weft_status allocate(struct network *net)
{
    for (size_t t = 0; t < net->tensors; t++) {
        net->parameter_count += net->tensor[t].count;
        net->blocks += blocks_of(net->tensor[t].count);
    }
    net->parameter = memory_new(net->parameter_size, sizeof *net->parameter);
    net->running = memory_new(net->running_size, sizeof *net->running);
    net->block = memory_new(net->blocks, sizeof *net->block);
    bool complete = net->parameter != NULL && net->running != NULL && net->block != NULL;
    for (size_t l = 0; l < net->layers && complete; l++)
        complete = allocate_packed(&net->packed[l], &net->layer[l], l > 0);
    return complete ? WEFT_OK : error_context(WEFT_ENOMEM, "network of %zu parameters", net->parameter_count);
}

weft_status network_create(struct network *net, const struct weft_settings *settings, size_t features,
                           enum raw_type input_type, size_t outputs)
{
    memset(net, 0, sizeof *net);
    net->features = features;
    net->outputs = outputs;
    net->input_type = input_type;
    net->output = (enum output_kind)settings->network.output;
    net->loss = (enum loss_kind)settings->network.loss;
    net->norm_of_batch = settings->network.batch_norm_statistics == BATCH_NORM_OF_BATCH;
    net->norm_affine = settings->network.batch_norm_affine;
    net->norm_momentum = settings->network.batch_norm_momentum;
    net->norm_epsilon = settings->network.batch_norm_epsilon;
    lay_out_layers(net, settings);
    lay_out_ops(net, settings);
    net->input_is_raw = net->op[0].kind == OP_DENSE;
    weft_status st = allocate(net);
    if (st != WEFT_OK) {
        network_destroy(net);
        return st;
    }
    cut_into_blocks(net);
    return WEFT_OK;
}

void network_destroy(struct network *net)
{
    for (size_t l = 0; l < net->layers; l++) {
        memory_free(net->packed[l].forward);
        memory_free(net->packed[l].backward);
        memory_free(net->packed[l].bias);
    }
    memory_free(net->block);
    memory_free(net->running);
    memory_free(net->parameter);
    memset(net, 0, sizeof *net);
}

double lane_padding(size_t n)
{
    size_t lanes = kernel->lanes;
    return (double)((n + lanes - 1) / lanes * lanes) / (double)n;
}

/* Do outputs as lanes waste so much that transposing the input pays? Only where the kernels transpose bytes fast. On one core
 * of a Zen 5, 128 x 784 -> 20: 26 us with outputs, 17 with samples and 4 to 5 for transposing 128 rows while converting them,
 * against 3 for converting alone. */
bool network_is_narrow(const struct network *net)
{
    return kernel->lanes >= 16 && lane_padding(net->layer[0].fan_out) >= 1.25;
}

void network_pack_inputs(struct network *net, size_t l, size_t first, size_t count)
{
    size_t D = net->layer[l].fan_in, H = net->layer[l].fan_out;
    const float *W = net->parameter + net->layer[l].weight + first * H;
    const struct packed *packed = &net->packed[l];
    bool is_read_packed = l > 0 || !net->input_is_raw || !network_is_narrow(net);
    for (size_t o = 0; o < H && is_read_packed; o += PANEL) {
        size_t width = H - o < PANEL ? H - o : PANEL;
        float *panel = packed->forward + o * D + first * PANEL;
        for (size_t i = 0; i < count; i++)
            if (width == PANEL)                         /* a constant: two moves instead of a call */
                memcpy(panel + i * PANEL, &W[i * H + o], PANEL * sizeof *W);
            else
                memcpy(panel + i * PANEL, &W[i * H + o], width * sizeof *W);
    }
    if (packed->backward != NULL)
        for (size_t i = 0; i < count; i += PANEL)
            kernel->transpose(count - i < PANEL ? count - i : PANEL, H, W + i * H, H, packed->backward + (first + i) * H, PANEL);
}

void network_pack_bias(struct network *net, size_t l)
{
    memcpy(net->packed[l].bias, net->parameter + net->layer[l].bias, net->layer[l].fan_out * sizeof *net->parameter);
}

void network_pack(struct network *net)
{
    for (size_t l = 0; l < net->layers; l++) {
        network_pack_inputs(net, l, 0, net->layer[l].fan_in);
        network_pack_bias(net, l);
    }
}

void tensor_path(const struct tensor *tensor, const char *root, char path[TENSOR_PATH_SIZE])
{
    static const char *const name[] = {
        [TENSOR_WEIGHT] = "weight", [TENSOR_BIAS] = "bias", [TENSOR_GAMMA] = "batch_norm/gamma",
        [TENSOR_BETA] = "batch_norm/beta", [TENSOR_RUNNING_MEAN] = "batch_norm/running_mean",
        [TENSOR_RUNNING_VARIANCE] = "batch_norm/running_variance",
    };
    snprintf(path, TENSOR_PATH_SIZE, "%s/%02zu/%s", root, tensor->layer + 1, name[tensor->kind]);
}

const char *activation_name(enum activation activation)
{
    static const char *const name[] = {
        [ACTIVATION_IDENTITY] = "identity", [ACTIVATION_RELU] = "relu", [ACTIVATION_LEAKY_RELU] = "leaky_relu",
        [ACTIVATION_ELU] = "elu", [ACTIVATION_GELU] = "gelu", [ACTIVATION_TANH] = "tanh", [ACTIVATION_SIGMOID] = "sigmoid",
        [ACTIVATION_SOFTPLUS] = "softplus",
    };
    return name[activation];
}

const char *output_name(enum output_kind output)
{
    static const char *const name[] = {[OUTPUT_SOFTMAX] = "softmax", [OUTPUT_SIGMOID] = "sigmoid", [OUTPUT_LINEAR] = "linear"};
    return name[output];
}
