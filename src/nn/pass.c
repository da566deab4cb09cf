/* See pass.h. The delta of layer l lives in delta[l % 2], at the shard's own rows, densely packed with the width at hand. */
#include "nn/pass.h"

#include <string.h>

#include "kernel/kernel.h"
#include "nn/layers.h"

static float *rows_of_buffer(const struct pass *pass, size_t buffer, const struct shard *shard)
{
    return pass->own->buffer[buffer] + shard->at * pass->net->buffer_width[buffer];
}

static float *delta_of(const struct pass *pass, size_t layer, const struct shard *shard)
{
    return pass->own->delta[layer % 2] + shard->at * pass->net->widest;
}

static struct range just(size_t i)
{
    return (struct range){i, i + 1};
}

static void forward_norm(struct pass *pass, const struct op *op, const struct shard *shard)
{
    const float *x = rows_of_buffer(pass, op->in, shard);
    struct norm_values *values = &pass->own->norm[op->nth];
    if (!pass->net->norm_of_batch) {
        norm_publish_moments(op, shard->index, shard->rows, x, &pass->exchange[op->nth]);
        norm_merge_moments(pass->net, &pass->exchange[op->nth], op->width, pass->batch_rows, pass->shards,
                           just(shard->index), (struct range){0, op->width}, values);
    }
    norm_forward(pass->net, op, shard->rows, x, values, rows_of_buffer(pass, op->out, shard));
}

static void forward_op(struct pass *pass, const struct op *op, const struct shard *shard)
{
    const float *x = rows_of_buffer(pass, op->in, shard);
    float *y = rows_of_buffer(pass, op->out, shard);
    switch (op->kind) {
    case OP_DENSE:
        dense_forward(pass->net, op->layer, shard->rows, x, y);
        break;
    case OP_NORM:
        forward_norm(pass, op, shard);
        break;
    case OP_ACTIVATION:
        activation_forward(pass->net->layer[op->layer].activation, shard->rows * op->width, y);
        break;
    case OP_DROPOUT:
        dropout_forward(op, pass->seed, pass->step, shard->rows, pass->own->row + shard->at, x,
                        pass->own->keep[op->nth] + shard->at * op->width, y);
        break;
    }
}

void pass_forward(struct pass *pass, size_t p, const struct shard *shard)
{
    const struct network *net = pass->net;
    for (size_t i = net->segment_first[p]; i < net->segment_first[p + 1]; i++)
        forward_op(pass, &net->op[i], shard);
    if (p + 1 < net->segments) {
        const struct op *norm = &net->op[net->segment_first[p + 1]];
        norm_publish_moments(norm, shard->index, shard->rows, rows_of_buffer(pass, norm->in, shard),
                             &pass->exchange[norm->nth]);
    }
}

double pass_loss(struct pass *pass, const struct shard *shard, size_t *correct)
{
    const struct network *net = pass->net;
    float *delta = delta_of(pass, net->layers - 1, shard);
    memcpy(delta, rows_of_buffer(pass, net->buffers - 1, shard), shard->rows * net->classes * sizeof *delta);
    return kernel->softmax_loss_gradient(shard->rows, net->classes, pass->own->label + shard->at,
                                         1.0f / (float)pass->batch_rows, delta, correct);
}

static void backward_norm(struct pass *pass, const struct op *op, const struct shard *shard)
{
    norm_backward(op, shard->rows, rows_of_buffer(pass, op->in, shard), &pass->own->norm[op->nth],
                  delta_of(pass, op->layer, shard));
}

/* The shard's sums, which are also its part of dgamma and dbeta. */
static void publish_norm(struct pass *pass, const struct op *op, const struct shard *shard, float *gradient)
{
    struct norm_exchange *exchange = &pass->exchange[op->nth];
    norm_publish_sums(op, shard->index, shard->rows, rows_of_buffer(pass, op->in, shard), &pass->own->norm[op->nth],
                      delta_of(pass, op->layer, shard), exchange);
    norm_gradient(pass->net, op, shard->index, exchange, gradient);
}

static void backward_op(struct pass *pass, const struct op *op, const struct shard *shard, float *gradient)
{
    const struct network *net = pass->net;
    float *delta = delta_of(pass, op->layer, shard);
    switch (op->kind) {
    case OP_DENSE:
        dense_gradient(net, op->layer, shard->rows, rows_of_buffer(pass, op->in, shard), delta, gradient);
        if (op->layer > 0)
            dense_backward(net, op->layer, shard->rows, delta, delta_of(pass, op->layer - 1, shard));
        break;
    case OP_NORM:                                       /* of the shard: whole here; of the batch: never comes here */
        publish_norm(pass, op, shard, gradient);
        norm_merge_sums(net, op, &pass->exchange[op->nth], pass->batch_rows, pass->shards, just(shard->index),
                        &pass->own->norm[op->nth]);
        backward_norm(pass, op, shard);
        break;
    case OP_ACTIVATION:
        activation_backward(net->layer[op->layer].activation, shard->rows * op->width, rows_of_buffer(pass, op->out, shard),
                            delta);
        break;
    case OP_DROPOUT:
        if (op->drop_counter > 0)                       /* the input's dropout has nothing below it to train */
            dropout_backward(op, shard->rows, pass->own->keep[op->nth] + shard->at * op->width, delta);
        break;
    }
}

void pass_backward(struct pass *pass, size_t p, const struct shard *shard, float *gradient)
{
    const struct network *net = pass->net;
    size_t first = net->segment_first[p], end = net->segment_first[p + 1];
    if (p + 1 < net->segments)
        backward_norm(pass, &net->op[end], shard);
    for (size_t i = end; i-- > first + (p > 0);)
        backward_op(pass, &net->op[i], shard, gradient);
    if (p > 0)
        publish_norm(pass, &net->op[first], shard, gradient);
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

/* Segment p holds the dense layers from the norm of layer l (its gamma and beta included) to the norm of a later layer
 * (excluded): neighbours in the flat array. */
struct range pass_parameters(const struct network *net, size_t p)
{
    struct range r = {0, net->parameter_size};
    if (p > 0) {
        size_t l = net->op[net->segment_first[p]].layer;
        r.first = net->norm_affine ? net->layer[l].gamma : net->layer[l + 1].weight;
    }
    if (p + 1 < net->segments) {
        size_t l = net->op[net->segment_first[p + 1]].layer;
        r.end = net->norm_affine ? net->layer[l].gamma : net->layer[l + 1].weight;
    }
    return r;
}

void pass_infer(const struct network *net, struct workspace *own, size_t rows)
{
    const float *x = own->buffer[0];
    for (size_t i = 0; i < net->ops; i++) {
        const struct op *op = &net->op[i];
        float *y = own->buffer[op->out];
        switch (op->kind) {
        case OP_DENSE:
            dense_forward(net, op->layer, rows, x, y);
            break;
        case OP_NORM:
            norm_values_from_running(net, op->layer, &own->norm[op->nth]);
            norm_forward(net, op, rows, x, &own->norm[op->nth], y);
            break;
        case OP_ACTIVATION:
            activation_forward(net->layer[op->layer].activation, rows * op->width, y);
            break;
        case OP_DROPOUT:
            continue;                                   /* the next operation reads what this one would have read */
        }
        x = y;
    }
}
