/* The layout of a network: tensors, blocks, operations, segments, pieces; the packed weights; inference against a plain
 * computation; and memory that runs out at every allocation in turn. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "bounded.h"
#include "kernel/kernel.h"
#include "matrix_samples.h"
#include "nn/pass.h"
#include "support.h"

static const char *const networks[] = {
    "network.hidden=none",
    "network.hidden=none; network.input_dropout=0.1",
    "network.hidden=5; network.activation=identity",
    "network.hidden=20, 7, 5; network.dropout=0, 0.5, 0",
    "network.hidden=20, 7, 5; network.batch_norm=before",
    "network.hidden=20, 7, 5; network.batch_norm=after; network.dropout=0.5; network.input_dropout=0.2",
    "network.hidden=20, 7, 5; network.batch_norm=before; network.batch_norm_affine=no",
    "network.hidden=20, 7, 5; network.batch_norm=after; network.batch_norm_statistics=shard",
    "network.hidden=100, 90; network.batch_norm=before; network.activation=tanh, identity",
    "network.hidden=33, 64, 65; network.batch_norm=after; network.input_dropout=0.1",
    "network.hidden=20, 7, 5; network.activation=gelu, leaky_relu, softplus; network.dropout=0.5, 0, 0",
    "network.hidden=20, 40; network.activation=elu, gelu; network.batch_norm=before",
    "network.hidden=20, 40; network.activation=softplus, gelu; network.batch_norm=after; network.output=sigmoid",
};
enum { FEATURES = 60, CLASSES = 4 };

static void open_network_of(struct network *net, const char *assignments, enum raw_type type)
{
    weft_settings *s = settings_of(assignments);
    assert_int_equal(network_create(net, s, FEATURES, type, CLASSES), WEFT_OK);
    assert_int_equal(net->input_type, type);
    assert_int_equal(net->outputs, CLASSES);
    network_initialize(net, s);
    weft_settings_destroy(s);
}

static void open_network(struct network *net, const char *assignments)
{
    open_network_of(net, assignments, RAW_U8);
}

static void tensors_lie_side_by_side(void **state)
{
    (void)state;
    for (size_t n = 0; n < COUNT(networks); n++) {
        struct network net;
        open_network(&net, networks[n]);
        size_t next = 0, count = 0, block = 0;
        for (size_t t = 0; t < net.tensors; t++) {
            const struct tensor *tensor = &net.tensor[t];
            assert_int_equal(tensor->offset, next);
            assert_int_equal(tensor->offset % 16, 0);
            assert_int_equal(tensor->count, tensor->rank == 2 ? tensor->dim[0] * tensor->dim[1] : tensor->dim[0]);
            assert_int_equal(tensor->rank, tensor->kind == TENSOR_WEIGHT ? 2 : 1);
            for (size_t at = 0; at < tensor->count; block++) {          /* its blocks, 4,096 elements and a rest */
                assert_int_equal(net.block[block].tensor, t);
                assert_int_equal(net.block[block].offset, tensor->offset + at);
                assert_int_equal(net.block[block].count, tensor->count - at < 4096 ? tensor->count - at : 4096);
                at += net.block[block].count;
            }
            next += (tensor->count + 15) / 16 * 16;
            count += tensor->count;
        }
        assert_int_equal(net.blocks, block);
        assert_int_equal(net.parameter_size, next);
        assert_int_equal(net.parameter_count, count);
        network_destroy(&net);
    }
}

/* weight, bias, gamma, beta of each layer; the names that they have in a file. */
static void tensors_are_in_file_order(void **state)
{
    (void)state;
    static const char *const want[] = {
        "/layers/01/weight", "/layers/01/bias", "/layers/01/batch_norm/gamma", "/layers/01/batch_norm/beta",
        "/layers/02/weight", "/layers/02/bias", "/layers/02/batch_norm/gamma", "/layers/02/batch_norm/beta",
        "/layers/03/weight", "/layers/03/bias",
    };
    static const char *const want_running[] = {
        "/layers/01/batch_norm/running_mean", "/layers/01/batch_norm/running_variance",
        "/layers/02/batch_norm/running_mean", "/layers/02/batch_norm/running_variance",
    };
    struct network net;
    open_network(&net, "network.hidden=8, 6; network.batch_norm=before");
    char path[TENSOR_PATH_SIZE];
    assert_int_equal(net.tensors, COUNT(want));
    for (size_t t = 0; t < COUNT(want); t++) {
        tensor_path(&net.tensor[t], "/layers", path);
        assert_string_equal(path, want[t]);
    }
    assert_int_equal(net.running_tensors, COUNT(want_running));
    for (size_t t = 0; t < COUNT(want_running); t++) {
        tensor_path(&net.running_tensor[t], "/layers", path);
        assert_string_equal(path, want_running[t]);
    }
    assert_int_equal(net.tensor[0].dim[0], FEATURES);
    assert_int_equal(net.tensor[0].dim[1], 8);
    assert_int_equal(net.tensor[8].dim[1], CLASSES);
    network_destroy(&net);
}

/* D dense, N batch-norm, A activation, a one that leaves its argument as it is, - dropout; | where the threads meet. */
static void operations_are_in_order(void **state)
{
    (void)state;
    static const char *const want[] = {"D", "-D", "DD", "DADA-DAD", "D|NAD|NAD|NAD", "-DA|N-DA|N-DA|N-D", "D|NAD|NAD|NAD",
                                       "DANDANDAND", "D|NAD|ND", "-DA|NDA|NDA|ND", "Da-DADaD", "D|NAD|NaD", "Da|NDa|ND"};
    for (size_t n = 0; n < COUNT(networks); n++) {
        struct network net;
        open_network(&net, networks[n]);
        char text[64] = "", *at = text;
        for (size_t p = 0; p < net.segments; p++)
            for (size_t i = net.segment_first[p]; i < net.segment_first[p + 1]; i++) {
                if (p > 0 && i == net.segment_first[p])
                    *at++ = '|';
                static const char letter[] = {[OP_DENSE] = 'D', [OP_NORM] = 'N', [OP_ACTIVATION] = 'A', [OP_DROPOUT] = '-'};
                bool in_place = net.op[i].in == net.op[i].out, is_activation = net.op[i].kind == OP_ACTIVATION;
                *at++ = is_activation && !in_place ? 'a' : letter[net.op[i].kind];
                assert_true(is_activation || !in_place);
                assert_int_equal(net.op[i].in, i == 0 ? 0 : net.op[i - 1].out);
                assert_int_equal(net.buffer_width[net.op[i].out], net.op[i].width);
            }
        assert_string_equal(text, want[n]);
        assert_int_equal(net.op[net.ops - 1].out, net.buffers - 1);
        assert_int_equal(net.buffer_width[net.buffers - 1], CLASSES);
        network_destroy(&net);
    }
}

/* In file order, side by side, each tensor whole; a weight in pieces of 32 inputs, all else of a layer in one. */
static void pieces_share_the_parameters_out(void **state)
{
    (void)state;
    for (size_t n = 0; n < COUNT(networks); n++) {
        struct network net;
        open_network(&net, networks[n]);
        size_t count = pass_pieces(&net, NULL, 0), next = 0, p = 0;
        struct parameter_piece *piece = guarded_new(count, sizeof *piece);
        assert_int_equal(pass_pieces(&net, piece, count), count);
        for (size_t l = 0; l < net.layers; l++) {
            const struct layer *layer = &net.layer[l];
            for (size_t first = 0; first < layer->fan_in; first += 32, p++) {
                size_t inputs = layer->fan_in - first < 32 ? layer->fan_in - first : 32;
                assert_true(p < count && piece[p].layer == l && piece[p].is_weight);
                assert_int_equal(piece[p].panel * PANEL, first);
                assert_int_equal(piece[p].inputs, inputs);
                assert_int_equal(piece[p].offset, layer->weight + first * layer->fan_out);
                assert_int_equal(piece[p].count, inputs * layer->fan_out);
            }
            assert_true(p < count && piece[p].layer == l && !piece[p].is_weight);
            assert_int_equal(piece[p++].offset, layer->bias);
        }
        assert_int_equal(p, count);
        for (p = 0; p < count; p++) {           /* what lies between two of them, or inside one, is a gap of the layout */
            assert_true(piece[p].offset >= next && piece[p].offset - next < 16);
            for (; next < piece[p].offset; next++)
                assert_true(net.parameter[next] == 0);
            next = piece[p].offset + piece[p].count;
        }
        assert_true(next <= net.parameter_size && net.parameter_size - next < 16);
        for (size_t t = 0; t < net.tensors; t++) {
            size_t seen = 0, first = net.tensor[t].offset, end = first + net.tensor[t].count;
            for (p = 0; p < count; p++)
                for (size_t e = piece[p].offset; e < piece[p].offset + piece[p].count; e++)
                    seen += e >= first && e < end;
            assert_int_equal(seen, net.tensor[t].count);
        }
        struct parameter_piece first_two[2] = {{0}};
        assert_int_equal(pass_pieces(&net, first_two, 2), count);               /* no more than there is room for */
        assert_memory_equal(first_two, piece, sizeof first_two);
        guarded_free(piece);
        network_destroy(&net);
    }
}

/* ---- packed weights ---- */

static void packed_weights_are_the_weights(void **state)
{
    (void)state;
    for (size_t n = 0; n < COUNT(networks); n++)
        for (int isa = 0; isa < ISA_COUNT; isa++) {
            struct network net;
            if (!kernel_use((enum isa)isa))
                continue;
            open_network(&net, networks[n]);                    /* initialisation packs */
            assert_packed(&net, networks[n]);
            struct random random = {n};
            random_floats(&random, net.parameter_size, -1, 1, net.parameter);
            network_pack(&net);
            assert_packed(&net, networks[n]);
            network_destroy(&net);
        }
}

/* Where the packed copies differ from what they were: the inputs of the forward one, and of the backward one. */
static void expect_changes_at(const struct network *net, size_t l, size_t first, size_t count, const float *forward,
                              const float *backward)
{
    size_t D = net->layer[l].fan_in, H = net->layer[l].fan_out;
    for (size_t o = 0; o < H; o++)
        for (size_t i = 0; i < D; i++) {
            bool is_packed = i >= first && i < first + count;
            size_t at = (o / PANEL * D + i) * PANEL + o % PANEL, at_back = (i / PANEL * H + o) * PANEL + i % PANEL;
            assert_true(net->packed[l].forward[at] == (is_packed ? weight_of(net, l, i, o) : forward[at]));
            assert_true(net->packed[l].backward[at_back] == (is_packed ? weight_of(net, l, i, o) : backward[at_back]));
        }
}

static void inputs_are_packed_apart(void **state)
{
    (void)state;
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        struct network net;
        if (!kernel_use((enum isa)isa))
            continue;
        open_network(&net, "network.hidden=100, 75");
        enum { LAYER = 1, D = 100, H = 75, FORWARD = 3 * D * PANEL, BACKWARD = 4 * H * PANEL };
        static const size_t cut[][2] = {{0, 32}, {32, 32}, {96, 4}, {32, 64}, {64, 36}, {0, 100}};
        struct random random = {3};
        for (size_t c = 0; c < COUNT(cut); c++) {
            float *forward = guarded_copy(net.packed[LAYER].forward, FORWARD);
            float *backward = guarded_copy(net.packed[LAYER].backward, BACKWARD);
            float *bias = guarded_copy(net.packed[LAYER].bias, panels_of(H) * PANEL);
            float *other = guarded_copy(net.packed[2].forward, panels_of(CLASSES) * H * PANEL);
            random_floats(&random, net.parameter_size, -1, 1, net.parameter);
            network_pack_inputs(&net, LAYER, cut[c][0], cut[c][1]);
            expect_changes_at(&net, LAYER, cut[c][0], cut[c][1], forward, backward);
            assert_same_bits(net.packed[LAYER].bias, bias, panels_of(H) * PANEL, "bias when inputs are packed");
            assert_same_bits(net.packed[2].forward, other, panels_of(CLASSES) * H * PANEL, "another layer");
            network_pack_bias(&net, LAYER);
            expect_changes_at(&net, LAYER, cut[c][0], cut[c][1], forward, backward);
            for (size_t o = 0; o < panels_of(H) * PANEL; o++)
                assert_true(net.packed[LAYER].bias[o] == (o < H ? net.parameter[net.layer[LAYER].bias + o] : 0));
            float *const all[] = {forward, backward, bias, other};
            for (size_t i = 0; i < COUNT(all); i++)
                guarded_free(all[i]);
        }
        network_pack(&net);
        assert_packed(&net, "network.hidden=100, 75");          /* with all padding as it was */
        network_destroy(&net);
    }
}

/* ---- activations ---- */

enum { ROWS = 10 };

/* Every array as bytes: where it begins, how many there are for a row (and panel), and how many panels; and whether a thread
 * that touches its rows leaves 0 in it. */
struct stretch { unsigned char *first; size_t row_bytes, panel_bytes, panels; bool becomes_zero; };

static size_t stretches_of(const struct activations *a, const struct network *net, struct stretch *list)
{
    size_t count = 0;
    for (size_t b = 0; b < net->buffers; b++)
        if (b > 0 || !net->input_is_raw)
            list[count++] = (struct stretch){(unsigned char *)a->buffer[b].data, PANEL * sizeof(float),
                                             a->buffer[b].panel * sizeof(float), panels_of(net->buffer_width[b]), true};
    for (size_t l = 0; l < net->layers; l++)
        list[count++] = (struct stretch){(unsigned char *)a->delta[l].data, PANEL * sizeof(float),
                                         a->delta[l].panel * sizeof(float), panels_of(net->layer[l].fan_out), true};
    for (size_t i = 0; i < net->ops; i++)
        if (net->op[i].kind == OP_DROPOUT)      /* masks lie as their outputs do */
            list[count++] = (struct stretch){a->keep[net->op[i].nth], PANEL, a->buffer[net->op[i].out].panel,
                                             panels_of(net->op[i].width), true};
    list[count++] = (struct stretch){a->bytes, a->stride, 0, 1, true};
    list[count++] = (struct stretch){(unsigned char *)a->data_row, sizeof *a->data_row, 0, 1, true};
    list[count++] = (struct stretch){(unsigned char *)a->label, sizeof *a->label, 0, 1, true};
    list[count++] = (struct stretch){(unsigned char *)a->best, sizeof *a->best, 0, 1, true};
    list[count++] = (struct stretch){(unsigned char *)a->loss, sizeof *a->loss, 0, 1, true};
    list[count++] = (struct stretch){(unsigned char *)a->raw, sizeof *a->raw, 0, 1, false};
    list[count++] = (struct stretch){(unsigned char *)a->wanted, CLASSES * sizeof *a->wanted, 0, 1, false};
    list[count++] = (struct stretch){(unsigned char *)a->target.data, PANEL * sizeof(float), a->target.panel * sizeof(float),
                                     panels_of(CLASSES), false};
    list[count++] = (struct stretch){(unsigned char *)a->row_weight, sizeof *a->row_weight, 0, 1, false};
    return count;
}

/* All bytes of rows first .. end-1 of one array: are they `value`? */
static void expect_bytes(const struct stretch *s, size_t first, size_t end, unsigned char value, const char *assignments)
{
    for (size_t p = 0; p < s->panels; p++)
        for (size_t i = first * s->row_bytes; i < end * s->row_bytes; i++)
            if (s->first[p * s->panel_bytes + i] != value)
                fail_msg("%s: byte %zu of panel %zu is %d, wanted %d", assignments, i, p, s->first[p * s->panel_bytes + i],
                         value);
}

/* Each array has its own bytes, and a thread that touches its rows touches no others: they become 0, but for where the raw
 * bytes of each are. */
static void activations_lie_apart(void **state)
{
    (void)state;
    for (size_t n = 0; n < COUNT(networks); n++) {
        struct network net;
        struct activations a;
        struct stretch list[3 * NETWORK_OPS_MAX];
        open_network_of(&net, networks[n], n % 2 == 0 ? RAW_U8 : RAW_F32);
        assert_int_equal(activations_create(&a, &net, ROWS), WEFT_OK);
        assert_int_equal(a.rows, ROWS);
        assert_true((a.buffer[0].data == NULL) == net.input_is_raw);
        assert_true(a.stride >= FEATURES * (n % 2 == 0 ? 1 : sizeof(float)) && a.stride % sizeof(float) == 0);
        size_t count = stretches_of(&a, &net, list);
        for (size_t i = 0; i < count; i++)
            for (size_t p = 0; p < list[i].panels; p++)
                memset(list[i].first + p * list[i].panel_bytes, (int)i + 1, ROWS * list[i].row_bytes);
        for (size_t i = 0; i < count; i++)
            expect_bytes(&list[i], 0, ROWS, (unsigned char)(i + 1), networks[n]);
        activations_touch(&a, &net, (struct range){3, 7});
        for (size_t i = 0; i < count; i++) {
            expect_bytes(&list[i], 0, 3, (unsigned char)(i + 1), networks[n]);
            if (list[i].becomes_zero)
                expect_bytes(&list[i], 3, 7, 0, networks[n]);
            expect_bytes(&list[i], 7, ROWS, (unsigned char)(i + 1), networks[n]);
        }
        for (size_t r = 3; r < 7; r++)
            assert_ptr_equal(a.raw[r], a.bytes + r * a.stride);
        activations_touch(&a, &net, (struct range){5, 5});
        activations_destroy(&a);
        network_destroy(&net);
    }
}

/* ---- inference ---- */

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
    return exactly((double)NAN);
}

/* gamma (x - mean) / sqrt(variance + epsilon) + beta with the running statistics. */
static struct bounded norm_of(const struct network *net, const struct layer *layer, size_t j, struct bounded x)
{
    double variance = (double)net->running[layer->running_variance + j];
    struct bounded inverse = rounded(in_double(1 / sqrt(variance + net->norm_epsilon), 0));
    struct bounded mean = exactly((double)net->running[layer->running_mean + j]);
    struct bounded xhat = rounded(times(rounded(minus(x, mean)), inverse));
    if (!net->norm_affine)
        return xhat;
    struct bounded gamma = exactly((double)net->parameter[layer->gamma + j]);
    return rounded(plus(times(gamma, xhat), exactly((double)net->parameter[layer->beta + j])));
}

/* One row, layer by layer, no dropout. */
static void infer_row(const struct network *net, bool norm_first, struct bounded *x)
{
    for (size_t l = 0; l < net->layers; l++) {
        const struct layer *layer = &net->layer[l];
        struct bounded y[128];
        for (size_t j = 0; j < layer->fan_out; j++) {
            struct total sum = {0};
            for (size_t i = 0; i < layer->fan_in; i++)
                total_add(&sum, times(x[i], exactly((double)net->parameter[layer->weight + i * layer->fan_out + j])));
            total_add(&sum, exactly((double)net->parameter[layer->bias + j]));
            y[j] = total_in_float(&sum);
            if (layer->has_norm && norm_first)
                y[j] = norm_of(net, layer, j, y[j]);
            y[j] = activation_of(layer->activation, y[j]);
            if (layer->has_norm && !norm_first)
                y[j] = norm_of(net, layer, j, y[j]);
        }
        memcpy(x, y, layer->fan_out * sizeof *x);
    }
}

static struct bounded input_of(const struct raw_rows *input, const struct workspace *space, size_t n, size_t j)
{
    const uint8_t *row = space->infer.bytes + n * space->infer.stride;
    float value = row[j];
    if (input->type == RAW_F32)
        memcpy(&value, row + j * sizeof value, sizeof value);
    return rounded(times(rounded(minus(exactly((double)value), exactly((double)input->shift[j]))), exactly((double)input->scale[j])));
}

static void check_inference(const char *assignments, enum raw_type type, size_t rows)
{
    struct network net;
    struct workspace space;
    open_network_of(&net, assignments, type);
    assert_int_equal(workspace_create(&space, &net, 0, 0), WEFT_OK);
    struct random random = {rows};
    random_floats(&random, net.parameter_size, -0.3, 0.3, net.parameter);
    random_floats(&random, net.running_size, 0.5, 2, net.running);
    network_pack(&net);
    float *shift = fenced_floats(&random, FEATURES, 0, 255), *scale = fenced_floats(&random, FEATURES, 0, 0.01);
    for (size_t n = 0; n < rows; n++)
        for (size_t j = 0; j < FEATURES; j++) {
            uint8_t *row = space.infer.bytes + n * space.infer.stride;
            float value = (float)random_real(&random, 0, 255);
            if (type == RAW_F32)
                memcpy(row + j * sizeof value, &value, sizeof value);
            else
                row[j] = (uint8_t)value;
        }
    float *before = guarded_copy(net.running, net.running_size), *parameter = guarded_copy(net.parameter, net.parameter_size);
    const struct raw_rows input = {NULL, shift, scale, false, type};
    struct matrix logits = pass_infer(&net, &space, &input, rows);
    assert_same_bits(net.running, before, net.running_size, "inference changed the running statistics");
    assert_same_bits(net.parameter, parameter, net.parameter_size, "inference changed the parameters");
    for (size_t n = 0; n < rows; n++) {
        struct bounded row[128];
        for (size_t j = 0; j < FEATURES; j++)
            row[j] = input_of(&input, &space, n, j);
        infer_row(&net, strstr(assignments, "before") != NULL, row);
        for (size_t c = 0; c < CLASSES; c++)
            assert_within((double)*matrix_at(logits, n, c), row[c].value, row[c].error, "%s, %s kernels: row %zu class %zu",
                          assignments, kernel->name, n, c);
    }
    float *const all[] = {shift, scale, before, parameter};
    for (size_t i = 0; i < COUNT(all); i++)
        guarded_free(all[i]);
    workspace_destroy(&space);
    network_destroy(&net);
}

static void inference_is_the_plain_computation(void **state)
{
    (void)state;
    static const size_t rows[] = {1, 9, 33, INFER_ROWS};
    for (size_t n = 0; n < COUNT(networks); n++)
        for (int isa = 0; isa < ISA_COUNT; isa++)
            for (size_t r = 0; r < COUNT(rows) && kernel_use((enum isa)isa); r++)
                check_inference(networks[n], (n + r) % 2 == 0 ? RAW_U8 : RAW_F32, rows[r]);
}

/* Fail the first allocation, then the second ...: WEFT_ENOMEM each time, nothing held, and then it works. */
static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    weft_settings *s = settings_of(networks[5]);
    struct network net;
    struct activations batch;
    struct workspace space;
    struct norm_exchange exchange[NETWORK_LAYERS_MAX];
    size_t tries[4] = {0};
    weft_status st;
    do {
        memory_fail_from(++tries[0]);
        st = network_create(&net, s, FEATURES, RAW_U8, CLASSES);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || (st == WEFT_ENOMEM && net.parameter == NULL && net.block == NULL
                                      && net.packed[0].forward == NULL));
    } while (st != WEFT_OK);
    do {
        memory_fail_from(++tries[1]);
        st = workspace_create(&space, &net, 10, 2);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || (st == WEFT_ENOMEM && space.input == NULL && space.gradient == NULL));
    } while (st != WEFT_OK);
    do {
        memory_fail_from(++tries[2]);
        st = norm_exchange_create(exchange, &net);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || (st == WEFT_ENOMEM && exchange[0].mean == NULL));
    } while (st != WEFT_OK);
    do {
        memory_fail_from(++tries[3]);
        st = activations_create(&batch, &net, 10);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || (st == WEFT_ENOMEM && batch.bytes == NULL && batch.buffer[0].data == NULL));
    } while (st != WEFT_OK);
    assert_int_equal(tries[0], 3 + 4 * 2 + 3 + 1);      /* parameters, running, blocks; W, bias of each layer, W^T of three */
    assert_int_equal(tries[1], 1 + 1);                  /* one block for all of it */
    assert_int_equal(tries[2], 3 * 4 + 1);
    assert_int_equal(tries[3], 1 + 1);
    activations_destroy(&batch);
    activations_destroy(&batch);                        /* fine on a zeroed one */
    norm_exchange_destroy(exchange);
    workspace_destroy(&space);
    network_destroy(&net);
    weft_settings_destroy(s);
}

int main(void)
{
    if (kernel_choose() != WEFT_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tensors_lie_side_by_side),
        cmocka_unit_test(tensors_are_in_file_order),
        cmocka_unit_test(operations_are_in_order),
        cmocka_unit_test(pieces_share_the_parameters_out),
        cmocka_unit_test(packed_weights_are_the_weights),
        cmocka_unit_test(inputs_are_packed_apart),
        cmocka_unit_test(activations_lie_apart),
        cmocka_unit_test(inference_is_the_plain_computation),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
