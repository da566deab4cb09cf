/* See pass.h. The delta of layer l lives in delta[l]; what the operations above its dense product do to it happens in place. */
#include "nn/pass.h"

#include <string.h>

#include "kernel/kernel.h"
#include "nn/layers.h"

static size_t rows_of(const struct slice *slice)
{
    return slice->rows.end - slice->rows.first;
}

static struct matrix buffer_of(const struct pass *pass, size_t buffer, const struct slice *slice)
{
    return matrix_from(pass->batch->buffer[buffer], slice->rows.first);
}

static struct matrix delta_of(const struct pass *pass, size_t layer, const struct slice *slice)
{
    return matrix_from(pass->batch->delta[layer], slice->rows.first);
}

static struct raw_rows raw_from(const struct pass *pass, size_t row)
{
    struct raw_rows rows = pass->input;
    rows.row = pass->batch->raw + row;
    return rows;
}

static uint8_t *keep_of(const struct pass *pass, const struct op *op, const struct slice *slice)
{
    return pass->batch->keep[op->nth] + slice->rows.first * PANEL;
}

/* ---- forward ---- */

void pass_gather(struct pass *pass, const struct slice *slice)
{
    if (pass->net->input_is_raw)
        return;
    struct raw_rows from = raw_from(pass, slice->rows.first);
    struct matrix x = buffer_of(pass, 0, slice);
    size_t D = pass->net->features;
    for (size_t j = 0, p = 0; j < D; j += PANEL, p++)
        kernel->convert(rows_of(slice), j, D - j < PANEL ? D - j : PANEL, &from, x.data + p * x.panel);
}

static void publish_moments(struct pass *pass, const struct op *op, const struct slice *slice)
{
    for (size_t s = slice->shards.first; s < slice->shards.end; s++) {
        struct range r = shard_rows(pass->batch_rows, pass->shards, s);
        norm_publish_moments(op, s, r.end - r.first, matrix_from(pass->batch->buffer[op->in], r.first),
                             &pass->exchange[op->nth]);
    }
}

static void forward_norm(struct pass *pass, const struct op *op, const struct slice *slice)
{
    struct norm_values *values = &pass->own->norm[op->nth];
    if (!pass->net->norm_of_batch) {
        publish_moments(pass, op, slice);
        norm_merge_moments(pass->net, &pass->exchange[op->nth], op->width, pass->batch_rows, pass->shards, slice->shards,
                           (struct range){0, op->width}, values);
    }
    norm_forward(pass->net, op, rows_of(slice), buffer_of(pass, op->in, slice), values, buffer_of(pass, op->out, slice));
}

static void forward_dense(struct pass *pass, const struct op *op, const struct slice *slice)
{
    struct matrix y = buffer_of(pass, op->out, slice);
    if (op->layer == 0 && pass->net->input_is_raw) {
        struct raw_rows x = raw_from(pass, slice->rows.first);
        dense_forward_bytes(pass->net, rows_of(slice), &x, pass->own->input, y);
    } else {
        dense_forward(pass->net, op->layer, rows_of(slice), buffer_of(pass, op->in, slice), y);
    }
}

static void forward_activation(struct pass *pass, const struct op *op, const struct slice *slice)
{
    struct matrix x = buffer_of(pass, op->in, slice), y = buffer_of(pass, op->out, slice);
    for (size_t p = 0; p < panels_of(op->width); p++)
        activation_forward(pass->net->layer[op->layer].activation, rows_of(slice) * PANEL, x.data + p * x.panel,
                           y.data + p * y.panel);
}

static void forward_op(struct pass *pass, const struct op *op, const struct slice *slice)
{
    struct matrix y = buffer_of(pass, op->out, slice);
    switch (op->kind) {
    case OP_DENSE:
        forward_dense(pass, op, slice);
        break;
    case OP_NORM:
        forward_norm(pass, op, slice);
        break;
    case OP_ACTIVATION:
        forward_activation(pass, op, slice);
        break;
    case OP_DROPOUT:
        dropout_forward(op, pass->seed, pass->step, rows_of(slice), pass->batch->data_row + slice->rows.first,
                        buffer_of(pass, op->in, slice), keep_of(pass, op, slice), y);
        break;
    }
}

void pass_forward(struct pass *pass, size_t p, const struct slice *slice)
{
    const struct network *net = pass->net;
    for (size_t i = net->segment_first[p]; i < net->segment_first[p + 1]; i++)
        forward_op(pass, &net->op[i], slice);
    if (p + 1 < net->segments)
        publish_moments(pass, &net->op[net->segment_first[p + 1]], slice);
}

void pass_loss(struct pass *pass, const struct slice *slice)
{
    const struct network *net = pass->net;
    struct matrix logits = buffer_of(pass, net->buffers - 1, slice), delta = delta_of(pass, net->layers - 1, slice);
    size_t rows = rows_of(slice);
    for (size_t p = 0; p < panels_of(net->outputs); p++)
        memcpy(delta.data + p * delta.panel, logits.data + p * logits.panel, rows * PANEL * sizeof *delta.data);
    loss_gradient(pass->loss, rows, net->outputs, 1.0f / (float)pass->batch_rows, delta, pass->batch, slice->rows.first,
                  pass->own->loss_scratch);
}

/* ---- backward ---- */

static void backward_norm(struct pass *pass, const struct op *op, const struct slice *slice)
{
    norm_backward(op, rows_of(slice), buffer_of(pass, op->in, slice), &pass->own->norm[op->nth],
                  delta_of(pass, op->layer, slice));
}

/* The shards' sums, which are also their parts of dgamma and dbeta. */
static void publish_sums(struct pass *pass, const struct op *op, const struct slice *slice)
{
    for (size_t s = slice->shards.first; s < slice->shards.end; s++) {
        struct range r = shard_rows(pass->batch_rows, pass->shards, s);
        norm_publish_sums(op, s, r.end - r.first, matrix_from(pass->batch->buffer[op->in], r.first), &pass->own->norm[op->nth],
                          matrix_from(pass->batch->delta[op->layer], r.first), &pass->exchange[op->nth]);
    }
}

static void backward_activation(struct pass *pass, const struct op *op, const struct slice *slice)
{
    struct matrix x = buffer_of(pass, op->in, slice), y = buffer_of(pass, op->out, slice), delta = delta_of(pass, op->layer, slice);
    for (size_t p = 0; p < panels_of(op->width); p++)
        activation_backward(pass->net->layer[op->layer].activation, rows_of(slice) * PANEL, x.data + p * x.panel,
                            y.data + p * y.panel, delta.data + p * delta.panel);
}

static void backward_op(struct pass *pass, const struct op *op, const struct slice *slice)
{
    const struct network *net = pass->net;
    struct matrix delta = delta_of(pass, op->layer, slice);
    switch (op->kind) {
    case OP_DENSE:
        if (op->layer > 0)
            dense_backward(net, op->layer, rows_of(slice), delta, delta_of(pass, op->layer - 1, slice));
        break;
    case OP_NORM:                                       /* of the shard: whole here; of the batch: never comes here */
        publish_sums(pass, op, slice);
        norm_merge_sums(net, op, &pass->exchange[op->nth], pass->batch_rows, pass->shards, slice->shards,
                        &pass->own->norm[op->nth]);
        backward_norm(pass, op, slice);
        break;
    case OP_ACTIVATION:
        backward_activation(pass, op, slice);
        break;
    case OP_DROPOUT:
        if (op->drop_counter > 0)                       /* the input's dropout has nothing below it to train */
            dropout_backward(op, rows_of(slice), keep_of(pass, op, slice), delta);
        break;
    }
}

void pass_backward(struct pass *pass, size_t p, const struct slice *slice)
{
    const struct network *net = pass->net;
    size_t first = net->segment_first[p], end = net->segment_first[p + 1];
    if (p + 1 < net->segments)
        backward_norm(pass, &net->op[end], slice);
    for (size_t i = end; i-- > first + (p > 0);)
        backward_op(pass, &net->op[i], slice);
    if (p > 0)
        publish_sums(pass, &net->op[first], slice);
}

void pass_merge_forward(struct pass *pass, size_t p)
{
    const struct op *norm = &pass->net->op[pass->net->segment_first[p]];
    norm_merge_moments(pass->net, &pass->exchange[norm->nth], norm->width, pass->batch_rows, pass->shards,
                       (struct range){0, pass->shards}, (struct range){0, norm->width}, &pass->own->norm[norm->nth]);
}

void pass_merge_backward(struct pass *pass, size_t p)
{
    const struct op *norm = &pass->net->op[pass->net->segment_first[p + 1]];
    norm_merge_sums(pass->net, norm, &pass->exchange[norm->nth], pass->batch_rows, pass->shards,
                    (struct range){0, pass->shards}, &pass->own->norm[norm->nth]);
}

/* ---- gradients ---- */

static float largest_in(struct matrix m, size_t columns, size_t rows)
{
    float largest = 0;
    for (size_t p = 0; p < panels_of(columns); p++) {
        float magnitude = kernel->largest_magnitude(rows * PANEL, m.data + p * m.panel);
        largest = magnitude <= largest ? largest : magnitude;   /* a NaN is taken over, */
        if (largest != largest)
            return largest;                                     /* and stays */
    }
    return largest;
}

void pass_magnitudes(const struct pass *pass, const struct slice *slice, struct magnitudes *found)
{
    const struct network *net = pass->net;
    for (size_t i = 0; i < net->ops; i++) {
        const struct op *op = &net->op[i];
        if (op->kind == OP_NORM)
            found->norm[op->layer] = norm_largest_sum(op, slice->shards, &pass->exchange[op->nth]);
        if (op->kind != OP_DENSE)
            continue;
        bool is_raw = op->layer == 0 && net->input_is_raw;
        found->input[op->layer] =
            is_raw ? 0 : largest_in(buffer_of(pass, op->in, slice), net->buffer_width[op->in], rows_of(slice));
        found->delta[op->layer] = largest_in(delta_of(pass, op->layer, slice), op->width, rows_of(slice));
    }
}

static const struct op *op_of_layer(const struct network *net, enum op_kind kind, size_t layer)
{
    size_t i = 0;
    while (net->op[i].kind != kind || net->op[i].layer != layer)
        i++;
    return &net->op[i];
}

static void weight_gradient(struct pass *pass, const struct parameter_piece *piece, const struct row_sum *sum, size_t first_row,
                            float *gradient)
{
    const struct network *net = pass->net;
    const float *x = pass->own->input;
    if (piece->layer == 0 && net->input_is_raw) {
        struct raw_rows from = raw_from(pass, first_row);
        kernel->convert(sum->end[sum->shards - 1], piece->panel * PANEL, piece->inputs, &from, pass->own->input);
    } else {
        struct matrix in = pass->batch->buffer[op_of_layer(net, OP_DENSE, piece->layer)->in];
        x = in.data + piece->panel * in.panel + first_row * PANEL;
    }
    dense_gradient(net, piece->layer, piece->panel, sum, x, matrix_from(pass->batch->delta[piece->layer], first_row),
                   pass->own->part, gradient);
}

void pass_gradient(struct pass *pass, const struct parameter_piece *piece, const struct row_sum *sum, size_t first_row,
                   size_t first_shard, float *gradient)
{
    const struct network *net = pass->net;
    const struct layer *layer = &net->layer[piece->layer];
    if (piece->is_weight) {
        weight_gradient(pass, piece, sum, first_row, gradient);
        return;
    }
    memset(gradient, 0, piece->count * sizeof *gradient);       /* the gaps between tensors */
    dense_bias_gradient(net, piece->layer, sum, matrix_from(pass->batch->delta[piece->layer], first_row), gradient);
    if (layer->has_norm && net->norm_affine) {
        const struct op *norm = op_of_layer(net, OP_NORM, piece->layer);
        norm_gradient(norm, sum, first_shard, &pass->exchange[norm->nth], gradient + layer->gamma - piece->offset,
                      gradient + layer->beta - piece->offset);
    }
}

size_t pass_pieces(const struct network *net, struct parameter_piece *piece, size_t capacity)
{
    size_t count = 0;
    for (size_t l = 0; l < net->layers; l++) {
        const struct layer *layer = &net->layer[l];
        for (size_t p = 0; p < panels_of(layer->fan_in); p++) {
            size_t left = layer->fan_in - p * PANEL, inputs = left < PANEL ? left : PANEL;
            if (count++ < capacity)
                piece[count - 1] = (struct parameter_piece){l, true, p, inputs, layer->weight + p * PANEL * layer->fan_out,
                                                            inputs * layer->fan_out};
        }
        size_t last = layer->has_norm && net->norm_affine ? layer->beta : layer->bias;
        if (count++ < capacity)
            piece[count - 1] = (struct parameter_piece){l, false, 0, 0, layer->bias, last + layer->fan_out - layer->bias};
    }
    return count;
}

/* ---- evaluation ---- */

struct matrix pass_infer(const struct network *net, struct workspace *own, const struct raw_rows *input, size_t rows)
{
    struct raw_rows raw = *input;
    raw.row = own->infer.raw;
    struct matrix x = {0}, y = own->infer.buffer[0];
    for (size_t i = 0; i < net->ops; i++) {
        const struct op *op = &net->op[i];
        struct matrix next = own->infer.buffer[y.data == own->infer.buffer[0].data];
        switch (op->kind) {
        case OP_DENSE:
            if (op->layer == 0) {
                dense_forward_bytes(net, rows, &raw, own->input, y);
                break;
            }
            x = y;
            y = next;
            dense_forward(net, op->layer, rows, x, y);
            break;
        case OP_NORM:
            norm_values_from_running(net, op->layer, &own->norm[op->nth]);
            norm_forward(net, op, rows, y, &own->norm[op->nth], y);
            break;
        case OP_ACTIVATION:
            for (size_t p = 0; p < panels_of(op->width); p++)
                activation_forward(net->layer[op->layer].activation, rows * PANEL, y.data + p * y.panel, y.data + p * y.panel);
            break;
        case OP_DROPOUT:
            break;                                      /* every unit is kept, and nothing scaled */
        }
    }
    return y;
}
