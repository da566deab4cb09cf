/* The layout of a network: tensors, blocks, operations, segments; inference against a plain computation; and memory that
 * runs out at every allocation in turn. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "bounded.h"
#include "kernel/kernel.h"
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
};
enum { FEATURES = 60, CLASSES = 4 };

static void open_network(struct network *net, const char *assignments)
{
    weft_settings *s = settings_of(assignments);
    assert_int_equal(network_create(net, s, FEATURES, CLASSES), WEFT_OK);
    network_initialize(net, s);
    weft_settings_destroy(s);
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

/* D dense, N batch-norm, A activation, - dropout; | where the threads meet. */
static void operations_are_in_order(void **state)
{
    (void)state;
    static const char *const want[] = {"D", "-D", "DD", "DADA-DAD", "D|NAD|NAD|NAD", "-DA|N-DA|N-DA|N-D", "D|NAD|NAD|NAD",
                                       "DANDANDAND", "D|NAD|ND"};
    for (size_t n = 0; n < COUNT(networks); n++) {
        struct network net;
        open_network(&net, networks[n]);
        char text[64] = "", *at = text;
        for (size_t p = 0; p < net.segments; p++)
            for (size_t i = net.segment_first[p]; i < net.segment_first[p + 1]; i++) {
                if (p > 0 && i == net.segment_first[p])
                    *at++ = '|';
                static const char letter[] = {[OP_DENSE] = 'D', [OP_NORM] = 'N', [OP_ACTIVATION] = 'A', [OP_DROPOUT] = '-'};
                *at++ = letter[net.op[i].kind];
                bool in_place = net.op[i].in == net.op[i].out;
                assert_int_equal(in_place, net.op[i].kind == OP_ACTIVATION);
                assert_int_equal(net.op[i].in, i == 0 ? 0 : net.op[i - 1].out);
                assert_int_equal(net.buffer_width[net.op[i].out], net.op[i].width);
            }
        assert_string_equal(text, want[n]);
        assert_int_equal(net.op[net.ops - 1].out, net.buffers - 1);
        assert_int_equal(net.buffer_width[net.buffers - 1], CLASSES);
        network_destroy(&net);
    }
}

/* Every segment's backward pass writes its own stretch of the parameters, and together they write all. */
static void segments_share_the_parameters_out(void **state)
{
    (void)state;
    for (size_t n = 0; n < COUNT(networks); n++) {
        struct network net;
        open_network(&net, networks[n]);
        size_t next = 0;
        for (size_t p = 0; p < net.segments; p++) {
            struct range r = pass_parameters(&net, p);
            assert_int_equal(r.first, next);
            assert_true(r.end > r.first);
            next = r.end;
        }
        assert_int_equal(next, net.parameter_size);
        network_destroy(&net);
    }
}

static struct bounded activation_of(enum activation activation, struct bounded z)
{
    return activation == ACTIVATION_RELU ? relu_of(z) : activation == ACTIVATION_TANH ? tanh_of(z)
           : activation == ACTIVATION_SIGMOID ? sigmoid_of(z) : z;
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

static void inference_is_the_plain_computation(void **state)
{
    (void)state;
    enum { ROWS = 9 };
    for (size_t n = 0; n < COUNT(networks); n++) {
        struct network net;
        struct workspace space;
        open_network(&net, networks[n]);
        assert_int_equal(workspace_create(&space, &net, ROWS, 0), WEFT_OK);
        struct random random = {n};
        random_floats(&random, net.parameter_size, -0.3, 0.3, net.parameter);
        random_floats(&random, net.running_size, 0.5, 2, net.running);
        float *x = guarded_floats(&random, ROWS * FEATURES, -1, 1);
        memcpy(space.buffer[0], x, ROWS * FEATURES * sizeof *x);
        float *before = guarded_copy(net.running, net.running_size);
        pass_infer(&net, &space, ROWS);
        assert_same_bits(net.running, before, net.running_size, "inference changed the running statistics");
        for (size_t r = 0; r < ROWS; r++) {
            struct bounded row[128];
            for (size_t j = 0; j < FEATURES; j++)
                row[j] = exactly((double)x[r * FEATURES + j]);
            infer_row(&net, strstr(networks[n], "before") != NULL, row);
            for (size_t c = 0; c < CLASSES; c++)
                assert_within((double)space.buffer[net.buffers - 1][r * CLASSES + c], row[c].value, row[c].error,
                              "%s: row %zu class %zu", networks[n], r, c);
        }
        guarded_free(x);
        guarded_free(before);
        workspace_destroy(&space);
        network_destroy(&net);
    }
}

/* Fail the first allocation, then the second ...: WEFT_ENOMEM each time, nothing held, and then it works. */
static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    weft_settings *s = settings_of(networks[5]);
    struct network net;
    struct workspace space;
    struct norm_exchange exchange[NETWORK_LAYERS_MAX];
    size_t tries[3] = {0};
    weft_status st;
    do {
        memory_fail_from(++tries[0]);
        st = network_create(&net, s, FEATURES, CLASSES);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || (st == WEFT_ENOMEM && net.parameter == NULL && net.block == NULL));
    } while (st != WEFT_OK);
    do {
        memory_fail_from(++tries[1]);
        st = workspace_create(&space, &net, 10, 2);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || (st == WEFT_ENOMEM && space.buffer[0] == NULL));
    } while (st != WEFT_OK);
    do {
        memory_fail_from(++tries[2]);
        st = norm_exchange_create(exchange, &net);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || (st == WEFT_ENOMEM && exchange[0].mean == NULL));
    } while (st != WEFT_OK);
    assert_int_equal(tries[0], 3 + 3 + 1);      /* parameters, running, blocks; a transposed copy per upper layer */
    assert_int_equal(tries[1], 1 + 1);          /* one block for all of it */
    assert_int_equal(tries[2], 3 * 4 + 1);
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
        cmocka_unit_test(segments_share_the_parameters_out),
        cmocka_unit_test(inference_is_the_plain_computation),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
