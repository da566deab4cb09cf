/* Activations and workspaces, each taken from one arena: first the sizes are added up, then one block is allocated and handed
 * out. */
#include "nn/workspace.h"

#include <string.h>

#include "base/arena.h"
#include "base/memory.h"
#include "nn/layers.h"
#include "nn/loss.h"

static const struct op *norm_op(const struct network *net, size_t nth)
{
    for (size_t i = 0; i < net->ops; i++)
        if (net->op[i].kind == OP_NORM && net->op[i].nth == nth)
            return &net->op[i];
    return NULL;
}

/* ---- activations ---- */

static struct matrix take_matrix(struct arena *arena, size_t rows, size_t columns)
{
    return (struct matrix){arena_take(arena, rows * panels_of(columns) * PANEL, sizeof(float)), rows * PANEL};
}

static void take_rows(struct activations *a, const struct network *net, size_t rows, struct arena *arena)
{
    a->rows = rows;
    size_t row_bytes = net->features * (net->input_type == RAW_F32 ? sizeof(float) : 1);
    a->stride = (row_bytes + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES * CACHE_LINE_BYTES;
    a->bytes = arena_take(arena, rows, a->stride);
    a->raw = arena_take(arena, rows, sizeof *a->raw);
    a->data_row = arena_take(arena, rows, sizeof *a->data_row);
    a->label = arena_take(arena, rows, sizeof *a->label);
    a->best = arena_take(arena, rows, sizeof *a->best);
    a->loss = arena_take(arena, rows, sizeof *a->loss);
    a->wanted = arena_take(arena, rows * net->outputs, sizeof *a->wanted);
    a->target = take_matrix(arena, rows, net->outputs);
    a->row_weight = arena_take(arena, rows, sizeof *a->row_weight);
}

static void take_activations(struct activations *a, const struct network *net, size_t rows, struct arena *arena)
{
    take_rows(a, net, rows, arena);
    for (size_t b = net->input_is_raw ? 1 : 0; b < net->buffers; b++)
        a->buffer[b] = take_matrix(arena, rows, net->buffer_width[b]);
    for (size_t l = 0; l < net->layers; l++)
        a->delta[l] = take_matrix(arena, rows, net->layer[l].fan_out);
    for (size_t i = 0; i < net->ops; i++)
        if (net->op[i].kind == OP_DROPOUT)
            a->keep[net->op[i].nth] = arena_take(arena, rows * panels_of(net->op[i].width) * PANEL, 1);
}

size_t activations_size_bytes(const struct network *net, size_t rows)
{
    struct activations sizes;
    struct arena arena = ARENA_COUNTING;
    take_activations(&sizes, net, rows, &arena);
    return arena.used_bytes;
}

weft_status activations_create(struct activations *a, const struct network *net, size_t rows)
{
    memset(a, 0, sizeof *a);
    struct arena arena;
    weft_status st = arena_reserve(&arena, activations_size_bytes(net, rows));
    if (st != WEFT_OK)
        return st;
    take_activations(a, net, rows, &arena);
    return WEFT_OK;
}

static void point_at_bytes(struct activations *a, struct range rows)
{
    for (size_t n = rows.first; n < rows.end; n++)
        a->raw[n] = a->bytes + n * a->stride;
}

static void touch_matrix(struct matrix m, size_t columns, struct range rows)
{
    for (size_t p = 0; p < panels_of(columns); p++)
        memset(m.data + p * m.panel + rows.first * PANEL, 0, (rows.end - rows.first) * PANEL * sizeof *m.data);
}

void activations_touch(struct activations *a, const struct network *net, struct range rows)
{
    size_t count = rows.end - rows.first;
    for (size_t b = net->input_is_raw ? 1 : 0; b < net->buffers; b++)
        touch_matrix(a->buffer[b], net->buffer_width[b], rows);
    for (size_t l = 0; l < net->layers; l++)
        touch_matrix(a->delta[l], net->layer[l].fan_out, rows);
    for (size_t i = 0; i < net->ops; i++)
        for (size_t p = 0; net->op[i].kind == OP_DROPOUT && p < panels_of(net->op[i].width); p++)
            memset(a->keep[net->op[i].nth] + (p * a->rows + rows.first) * PANEL, 0, count * PANEL);
    memset(a->bytes + rows.first * a->stride, 0, count * a->stride);
    point_at_bytes(a, rows);
    memset(a->data_row + rows.first, 0, count * sizeof *a->data_row);
    memset(a->label + rows.first, 0, count * sizeof *a->label);
    memset(a->best + rows.first, 0, count * sizeof *a->best);
    memset(a->loss + rows.first, 0, count * sizeof *a->loss);
}

void activations_destroy(struct activations *a)
{
    memory_free(a->bytes);                              /* the arena begins with the first array taken */
    memset(a, 0, sizeof *a);
}

/* ---- workspaces ---- */

/* Inputs x outputs of the largest block of parameters that is updated at once: PANEL inputs, or bias, gamma and beta. */
static size_t largest_gradient(const struct network *net)
{
    size_t most = 0;
    for (size_t l = 0; l < net->layers; l++) {
        size_t inputs = PANEL * net->layer[l].fan_out, vectors = 3 * panels_of(net->layer[l].fan_out) * PANEL;
        most = inputs > most ? inputs : most;
        most = vectors > most ? vectors : most;
    }
    return most;
}

static void take_norm(struct norm_values *v, size_t width, struct arena *arena)
{
    size_t padded = panels_of(width) * PANEL;
    float **of_float[] = {&v->mean, &v->inverse_std, &v->gamma, &v->beta, &v->factor, &v->mean_dy, &v->mean_dy_xhat};
    for (size_t i = 0; i < sizeof of_float / sizeof *of_float; i++)
        *of_float[i] = arena_take(arena, padded, sizeof(float));
    v->batch_mean = arena_take(arena, padded, sizeof(double));
    v->batch_variance = arena_take(arena, padded, sizeof(double));
}

static void take(struct workspace *w, const struct network *net, size_t batch_rows, size_t slots, struct arena *arena)
{
    size_t input = dense_scratch_size(net);
    input = input > batch_rows * PANEL ? input : batch_rows * PANEL;
    w->input = arena_take(arena, input, sizeof(float));
    w->loss_scratch = arena_take(arena, loss_scratch_size(net->outputs), sizeof(float));
    for (size_t n = 0; n < net->norms; n++)
        take_norm(&w->norm[n], norm_op(net, n)->width, arena);
    take_rows(&w->infer, net, INFER_ROWS, arena);
    for (size_t b = 0; b < 2; b++)
        w->infer.buffer[b] = take_matrix(arena, INFER_ROWS, net->widest);
    if (batch_rows == 0)
        return;
    w->part = arena_take(arena, ROW_SUM_PARTS_MAX * PANEL * PANEL, sizeof(float));
    w->gradient = arena_take(arena, largest_gradient(net), sizeof(float));
    w->block_sum = arena_take(arena, net->blocks, sizeof(double));
    w->slots = slots;
    for (size_t i = 0; i < slots; i++)
        w->slot[i] = arena_take(arena, net->parameter_size, sizeof(float));
}

size_t workspace_size_bytes(const struct network *net, size_t batch_rows, size_t slots)
{
    struct workspace sizes = {0};
    struct arena arena = ARENA_COUNTING;
    take(&sizes, net, batch_rows, slots, &arena);
    return arena.used_bytes;
}

weft_status workspace_create(struct workspace *w, const struct network *net, size_t batch_rows, size_t slots)
{
    memset(w, 0, sizeof *w);
    struct arena arena;
    weft_status st = arena_create(&arena, workspace_size_bytes(net, batch_rows, slots));
    if (st != WEFT_OK)
        return st;
    take(w, net, batch_rows, slots, &arena);
    point_at_bytes(&w->infer, (struct range){0, INFER_ROWS});
    return WEFT_OK;
}

void workspace_destroy(struct workspace *w)
{
    memory_free(w->input);                              /* the arena begins with the first array taken */
    memset(w, 0, sizeof *w);
}

/* ---- exchange ---- */

weft_status norm_exchange_create(struct norm_exchange exchange[NETWORK_LAYERS_MAX], const struct network *net)
{
    memset(exchange, 0, NETWORK_LAYERS_MAX * sizeof *exchange);
    for (size_t n = 0; n < net->norms; n++) {
        size_t count = SHARDS_MAX * panels_of(norm_op(net, n)->width) * PANEL;
        double **array[] = {&exchange[n].mean, &exchange[n].m2, &exchange[n].sum_dy, &exchange[n].sum_dy_xhat};
        for (size_t i = 0; i < sizeof array / sizeof *array; i++)
            if ((*array[i] = memory_new(count, sizeof(double))) == NULL) {
                norm_exchange_destroy(exchange);
                return WEFT_ENOMEM;
            }
    }
    return WEFT_OK;
}

void norm_exchange_destroy(struct norm_exchange exchange[NETWORK_LAYERS_MAX])
{
    for (size_t n = 0; n < NETWORK_LAYERS_MAX; n++) {
        memory_free(exchange[n].mean);
        memory_free(exchange[n].m2);
        memory_free(exchange[n].sum_dy);
        memory_free(exchange[n].sum_dy_xhat);
    }
    memset(exchange, 0, NETWORK_LAYERS_MAX * sizeof *exchange);
}
