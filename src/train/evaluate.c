/* See evaluate.h. */
#include "train/evaluate.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/tree.h"
#include "data/batch.h"
#include "kernel/kernel.h"
#include "nn/pass.h"

struct evaluation {
    const struct network *net;
    struct byte_rows input;             /* how bytes are scaled */
    const struct split *split;
    struct workspace *space;
    const atomic_bool *stop_request;
    size_t blocks;
    double *block_loss;                 /* sum over the rows of each block */
    atomic_size_t next_block;
    atomic_bool is_stopped;
    int32_t *predicted;                 /* class found for each row of the split */
};

/* Rows first .. first+rows-1 of the split through the network; their losses are in own->infer. */
static void infer(struct evaluation *e, struct workspace *own, size_t first, size_t rows)
{
    struct activations *a = &own->infer;
    batch_gather(e->split->table, rows, e->split->row + first, a->bytes, a->stride, a->label);
    struct matrix logits = pass_infer(e->net, own, &e->input, rows);
    kernel->softmax_loss(rows, e->net->classes, a->label, logits.data, logits.panel, own->softmax, a->loss,
                         e->predicted + first);
}

/* As many whole shards at once as the workspace holds rows; each shard's losses are one chain. */
static void run_block(struct evaluation *e, struct workspace *own, size_t b)
{
    size_t first = b * EVALUATION_BLOCK_ROWS, left = e->split->count - first;
    size_t rows = left < EVALUATION_BLOCK_ROWS ? left : EVALUATION_BLOCK_ROWS, shards = shard_count(rows);
    double part[SHARDS_MAX] = {0};
    for (size_t s = 0, end; s < shards; s = end) {
        size_t at = shard_rows(rows, shards, s).first;
        for (end = s + 1; end < shards && shard_rows(rows, shards, end).end - at <= INFER_ROWS; end++)
            ;
        infer(e, own, first + at, shard_rows(rows, shards, end).first - at);
        for (size_t i = s; i < end; i++) {
            struct range r = shard_rows(rows, shards, i);
            for (size_t n = r.first; n < r.end; n++)
                part[i] += own->infer.loss[n - at];
        }
    }
    e->block_loss[b] = tree_sum(part, shards);
}

static void run_blocks(void *context, size_t rank)
{
    struct evaluation *e = context;
    size_t b;
    while ((b = atomic_fetch_add(&e->next_block, 1)) < e->blocks) {
        if (e->stop_request != NULL && atomic_load(e->stop_request)) {
            atomic_store(&e->is_stopped, true);
            return;
        }
        run_block(e, &e->space[rank], b);
    }
}

static void add_up(const struct evaluation *e, struct tally *tally)
{
    double loss = 0;
    for (size_t b = 0; b < e->blocks; b++)
        loss += e->block_loss[b];
    tally->loss = loss / (double)tally->rows;
    for (size_t n = 0; n < tally->rows; n++) {
        size_t label = (size_t)e->split->table->label[e->split->row[n]];
        tally->confusion[label * tally->classes + (size_t)e->predicted[n]]++;
    }
    for (size_t c = 0; c < tally->classes; c++)
        tally->correct += tally->confusion[c * tally->classes + c];
}

weft_status evaluate_split(const struct network *net, const struct dataset *dataset, const struct split *split,
                           struct team *team, struct workspace *space, const atomic_bool *stop_request, struct tally *tally)
{
    size_t cells = net->classes * net->classes;
    struct evaluation e = {.net = net, .input = batch_scaling(dataset), .split = split, .space = space, .stop_request = stop_request,
                           .blocks = (split->count + EVALUATION_BLOCK_ROWS - 1) / EVALUATION_BLOCK_ROWS};
    *tally = (struct tally){.rows = split->count, .classes = net->classes};
    e.block_loss = memory_new(e.blocks, sizeof *e.block_loss);
    e.predicted = memory_new(split->count, sizeof *e.predicted);
    tally->confusion = memory_new(cells, sizeof *tally->confusion);
    weft_status st = e.block_loss == NULL || e.predicted == NULL || tally->confusion == NULL ? WEFT_ENOMEM : WEFT_OK;
    if (st == WEFT_OK)
        st = team_run(team, run_blocks, &e);
    if (st == WEFT_OK && atomic_load(&e.is_stopped))
        st = error_set(WEFT_ESTOPPED, "evaluation: stopped on request");
    if (st == WEFT_OK) {
        add_up(&e, tally);
    } else {
        memory_free(tally->confusion);
        *tally = (struct tally){0};
    }
    memory_free(e.block_loss);
    memory_free(e.predicted);
    return st;
}
