/* The dense layer: three products. W is [fan_in, fan_out], row-major, as Keras and h5py users know it; the products read it
 * packed in panels. Which index becomes the lanes of a vector never shows in a result, so each product takes the one that
 * leaves the fewest lanes empty:
 *   forward     outputs; of a narrow first layer, samples
 *   backward    inputs
 *   gradient    outputs, or inputs where that pads less */
#include <string.h>

#include "nn/layers.h"

enum {
    DEPTH_PANELS = 64,                  /* of the summed index at once: 2,048 rows of a panel of W are 256 KiB, inside the L2 cache */
    ROWS_AT_ONCE = 512,                 /* rows of X that pass that panel: 4 MiB of that depth, inside the last cache */
    CONVERTED_SIZE = 1 << 16,           /* floats of the first layer's input at once: 256 KiB, likewise */
    CONVERTED_ROWS_LEAST = 28,          /* two tiles, whatever the number of features */
    TRANSPOSED_DEPTH = 256,             /* features at once of 32 transposed rows: 32 KiB, inside the L1 cache */
};

static size_t at_most(size_t n, size_t most)
{
    return n < most ? n : most;
}

/* C (rows x N) = A (rows x K) B + bias, all in panels; B's panels are K * PANEL floats apart. */
static void product(size_t rows, size_t N, size_t K, struct matrix A, const float *B, const float *bias, struct matrix C)
{
    size_t panels = panels_of(K), parts = (panels + DEPTH_PANELS - 1) / DEPTH_PANELS;
    for (size_t r = 0; r < rows; r += ROWS_AT_ONCE)
        for (size_t part = 0; part < parts; part++) {           /* cut evenly: a short rest would not pay for its stores */
            size_t first = part * panels / parts, end = (part + 1) * panels / parts;
            size_t depth = at_most(end * PANEL, K) - first * PANEL;
            for (size_t n = 0; n < N; n += PANEL)
                kernel->product(at_most(rows - r, ROWS_AT_ONCE), at_most(N - n, PANEL), depth,
                                A.data + first * A.panel + r * PANEL, A.panel, B + n * K + first * PANEL * PANEL, part > 0,
                                bias != NULL && part + 1 == parts ? bias + n : NULL, C.data + n / PANEL * C.panel + r * PANEL);
        }
}

void dense_forward(const struct network *net, size_t l, size_t rows, struct matrix x, struct matrix y)
{
    const struct layer *layer = &net->layer[l];
    product(rows, layer->fan_out, layer->fan_in, x, net->packed[l].forward, net->packed[l].bias, y);
}

void dense_backward(const struct network *net, size_t l, size_t rows, struct matrix dy, struct matrix dx)
{
    const struct layer *layer = &net->layer[l];
    product(rows, layer->fan_in, layer->fan_out, dy, net->packed[l].backward, NULL, dx);
}

/* ---- The first layer, from bytes ---- */

static size_t converted_rows(const struct network *net)
{
    size_t rows = at_most(CONVERTED_SIZE / (panels_of(net->features) * PANEL), ROWS_AT_ONCE);
    return rows > CONVERTED_ROWS_LEAST ? rows : CONVERTED_ROWS_LEAST;
}

size_t dense_scratch_size(const struct network *net)
{
    size_t converted = converted_rows(net) * panels_of(net->features) * PANEL;
    size_t transposed = (TRANSPOSED_DEPTH + net->layer[0].fan_out) * PANEL;
    return converted > transposed ? converted : transposed;
}

/* Up to PANEL rows with samples as lanes: y^T = W^T x^T, then back, and the bias. */
static void forward_samples(const struct network *net, size_t rows, const struct raw_rows *x, float *scratch, struct matrix y)
{
    size_t D = net->features, H = net->layer[0].fan_out;
    size_t parts = (D + TRANSPOSED_DEPTH - 1) / TRANSPOSED_DEPTH;
    float *result = scratch + TRANSPOSED_DEPTH * PANEL;
    const float *W = net->parameter + net->layer[0].weight, *bias = net->packed[0].bias;
    for (size_t part = 0; part < parts; part++) {
        size_t first = part * D / parts, depth = (part + 1) * D / parts - first;
        kernel->convert_transposed(rows, first, depth, x, scratch);
        for (size_t o = 0; o < H; o += PANEL)
            kernel->product_columns(at_most(H - o, PANEL), rows, depth, W + first * H + o, H, scratch, part > 0,
                                    result + o * PANEL);
    }
    for (size_t o = 0; o < H; o += PANEL) {
        float *out = y.data + o / PANEL * y.panel;
        size_t width = at_most(H - o, PANEL);
        kernel->transpose(width, rows, result + o * PANEL, PANEL, out, PANEL);
        for (size_t r = 0; r < rows; r++)
            for (size_t j = 0; j < PANEL; j++)                  /* all of the panel: a constant number, and the padding is 0 + 0 */
                out[r * PANEL + j] += bias[o + j];
    }
}

void dense_forward_bytes(const struct network *net, size_t rows, const struct raw_rows *x, float *scratch, struct matrix y)
{
    bool narrow = network_is_narrow(net);
    size_t block = narrow ? PANEL : converted_rows(net), blocks = (rows + block - 1) / block;
    for (size_t b = 0; b < blocks; b++) {
        size_t first = narrow ? b * PANEL : b * rows / blocks, end = narrow ? at_most(first + PANEL, rows) : (b + 1) * rows / blocks;
        struct raw_rows some = {x->row + first, x->shift, x->scale, x->is_uniform, x->type};
        if (narrow) {
            forward_samples(net, end - first, &some, scratch, matrix_from(y, first));
            continue;
        }
        struct matrix converted = {scratch, (end - first) * PANEL};
        for (size_t j = 0; j < net->features; j += PANEL)
            kernel->convert(end - first, j, at_most(net->features - j, PANEL), &some, scratch + j / PANEL * converted.panel);
        dense_forward(net, 0, end - first, converted, matrix_from(y, first));
    }
}

/* ---- Gradients ---- */

void dense_gradient(const struct network *net, size_t l, size_t panel, const struct row_sum *sum, const float *x,
                    struct matrix dy, float *part, float *gradient)
{
    size_t D = net->layer[l].fan_in, H = net->layer[l].fan_out, inputs = at_most(D - panel * PANEL, PANEL);
    bool lanes_are_inputs = lane_padding(D) < lane_padding(H);
    for (size_t o = 0; o < H; o += PANEL) {
        size_t width = at_most(H - o, PANEL);
        const float *dy_panel = dy.data + o / PANEL * dy.panel;
        if (lanes_are_inputs) {
            float turned[PANEL * PANEL];
            kernel->gradient(width, inputs, sum, dy_panel, x, part, turned, PANEL);
            kernel->transpose(width, inputs, turned, PANEL, gradient + o, H);
        } else {
            kernel->gradient(inputs, width, sum, x, dy_panel, part, gradient + o, H);
        }
    }
}

void dense_bias_gradient(const struct network *net, size_t l, const struct row_sum *sum, struct matrix dy, float *gradient)
{
    size_t H = net->layer[l].fan_out;
    for (size_t o = 0; o < H; o += PANEL) {
        float part[ROW_SUM_PARTS_MAX][PANEL];
        size_t held = 0;
        for (size_t s = 0; s < sum->shards; s++) {
            size_t first = s > 0 ? sum->end[s - 1] : 0;
            kernel->column_sums(sum->end[s] - first, dy.data + o / PANEL * dy.panel + first * PANEL, part[held++]);
            for (size_t merge = 0; merge < sum->merges[s]; merge++, held--)
                kernel->add(PANEL, part[held - 2], part[held - 1]);
        }
        memcpy(gradient + o, part[0], at_most(H - o, PANEL) * sizeof *gradient);
    }
}
