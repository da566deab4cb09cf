/* A thread's workspace, taken from one arena: first the sizes are added up, then one block is allocated and handed out. */
#include "nn/workspace.h"

#include <string.h>

#include "base/arena.h"
#include "base/memory.h"

static const struct op *norm_op(const struct network *net, size_t nth)
{
    for (size_t i = 0; i < net->ops; i++)
        if (net->op[i].kind == OP_NORM && net->op[i].nth == nth)
            return &net->op[i];
    return NULL;
}

/* Hand every array out of the arena; with an arena that only counts, adds up what they need. */
static void take(struct workspace *w, const struct network *net, size_t rows, size_t slots, struct arena *arena)
{
    w->rows = rows;
    w->slots = slots;
    for (size_t b = 0; b < net->buffers; b++)
        w->buffer[b] = arena_take(arena, rows * net->buffer_width[b], sizeof(float));
    w->label = arena_take(arena, rows, sizeof(int32_t));
    w->predicted = arena_take(arena, rows, sizeof(int32_t));
    w->row = arena_take(arena, rows, sizeof(uint32_t));
    for (size_t n = 0; n < net->norms; n++) {
        size_t width = norm_op(net, n)->width;
        struct norm_values *v = &w->norm[n];
        float **of_float[] = {&v->mean, &v->inverse_std, &v->factor, &v->mean_dy, &v->mean_dy_xhat};
        for (size_t i = 0; i < sizeof of_float / sizeof *of_float; i++)
            *of_float[i] = arena_take(arena, width, sizeof(float));
        v->batch_mean = arena_take(arena, width, sizeof(double));
        v->batch_variance = arena_take(arena, width, sizeof(double));
    }
    if (slots == 0)
        return;
    for (size_t i = 0; i < net->ops; i++)
        if (net->op[i].kind == OP_DROPOUT)
            w->keep[net->op[i].nth] = arena_take(arena, rows * net->op[i].width, 1);
    for (size_t i = 0; i < 2; i++)
        w->delta[i] = arena_take(arena, rows * net->widest, sizeof(float));
    for (size_t i = 0; i < slots; i++)
        w->slot[i] = arena_take(arena, net->parameter_size, sizeof(float));
    w->block_sum = arena_take(arena, net->blocks, sizeof(double));
}

size_t workspace_size_bytes(const struct network *net, size_t rows, size_t slots)
{
    struct workspace sizes;
    struct arena arena = ARENA_COUNTING;
    take(&sizes, net, rows, slots, &arena);
    return arena.used_bytes;
}

weft_status workspace_create(struct workspace *w, const struct network *net, size_t rows, size_t slots)
{
    memset(w, 0, sizeof *w);
    struct arena arena;
    weft_status st = arena_create(&arena, workspace_size_bytes(net, rows, slots));
    if (st != WEFT_OK)
        return st;
    take(w, net, rows, slots, &arena);
    return WEFT_OK;
}

void workspace_destroy(struct workspace *w)
{
    memory_free(w->buffer[0]);                          /* the arena begins with the first array taken */
    memset(w, 0, sizeof *w);
}

weft_status norm_exchange_create(struct norm_exchange exchange[NETWORK_LAYERS_MAX], const struct network *net)
{
    memset(exchange, 0, NETWORK_LAYERS_MAX * sizeof *exchange);
    for (size_t n = 0; n < net->norms; n++) {
        size_t count = SHARDS_MAX * norm_op(net, n)->width;
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
