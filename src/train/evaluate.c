/* See evaluate.h. */
#include "train/evaluate.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/tree.h"
#include "data/batch.h"
#include "kernel/kernel.h"
#include "nn/pass.h"

struct evaluation {
    const struct evaluator *by;
    struct raw_rows input;              /* how rows are scaled */
    const struct split *split;
    size_t blocks;
    double *block_loss;                 /* sum over the rows of each block */
    atomic_size_t next_block;
    atomic_bool is_stopped;
    struct inference *found;
};

static enum output_function function_of(const struct network *net)
{
    static const enum output_function of_kind[] = {
        [OUTPUT_SOFTMAX] = OUTPUT_OF_SOFTMAX, [OUTPUT_SIGMOID] = OUTPUT_OF_SIGMOID, [OUTPUT_LINEAR] = OUTPUT_OF_LINEAR};
    return of_kind[net->output];
}

/* The outputs of rows first on, from their logits, which are used up. */
static void keep_outputs(struct evaluation *e, struct workspace *own, struct matrix logits, size_t first, size_t rows)
{
    size_t K = e->found->outputs;
    kernel->outputs(function_of(e->by->net), rows, K, logits.data, logits.panel, own->loss_scratch);
    for (size_t n = 0; n < rows; n++)
        for (size_t k = 0; k < K; k += PANEL)
            memcpy(&e->found->output[(first + n) * K + k], &logits.data[k / PANEL * logits.panel + n * PANEL],
                   (K - k < PANEL ? K - k : PANEL) * sizeof(float));
}

static void find_best(struct matrix logits, size_t outputs, size_t rows, int32_t *best)
{
    for (size_t n = 0; n < rows; n++) {
        const float *row = logits.data + n * PANEL;
        float largest = row[0];
        best[n] = 0;
        for (size_t k = 1; k < outputs; k++)
            if (row[k / PANEL * logits.panel + k % PANEL] > largest) {
                largest = row[k / PANEL * logits.panel + k % PANEL];
                best[n] = (int32_t)k;
            }
    }
}

/* Rows first .. first+rows-1 of the split through the network; their losses are in own->infer. */
static void infer(struct evaluation *e, struct workspace *own, size_t first, size_t rows)
{
    struct activations *a = &own->infer;
    size_t outputs = e->by->net->outputs;
    batch_gather(e->split->table, rows, e->split->row + first, &(struct gathered){a->bytes, a->stride, a->label, a->wanted});
    struct matrix logits = pass_infer(e->by->net, own, &e->input, rows);
    if (e->by->loss != NULL) {
        loss_value(e->by->loss, rows, outputs, logits, a, 0, own->loss_scratch);
        memcpy(e->found->best + first, a->best, rows * sizeof *a->best);
    } else {
        find_best(logits, outputs, rows, e->found->best + first);
    }
    if (e->found->output != NULL)
        keep_outputs(e, own, logits, first, rows);
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
        for (size_t i = s; i < end && e->by->loss != NULL; i++) {
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
        if (e->by->stop_request != NULL && atomic_load(e->by->stop_request)) {
            atomic_store(&e->is_stopped, true);
            return;
        }
        run_block(e, &e->by->space[rank], b);
    }
}

static double mean_loss(const struct evaluation *e)
{
    double loss = 0;
    for (size_t b = 0; b < e->blocks; b++)
        loss += e->block_loss[b];
    return e->by->loss != NULL ? loss / (double)e->split->count : NAN;
}

weft_status evaluate_infer(const struct evaluator *evaluator, const struct split *split, bool wants_outputs,
                           struct inference *inference)
{
    struct evaluation e = {.by = evaluator, .input = batch_scaling(evaluator->dataset), .split = split, .found = inference,
                           .blocks = (split->count + EVALUATION_BLOCK_ROWS - 1) / EVALUATION_BLOCK_ROWS};
    size_t outputs = evaluator->net->outputs;
    *inference = (struct inference){.rows = split->count, .outputs = outputs};
    e.block_loss = memory_new(e.blocks, sizeof *e.block_loss);
    inference->best = memory_new(split->count, sizeof *inference->best);
    inference->output = wants_outputs ? memory_new(split->count, outputs * sizeof *inference->output) : NULL;
    bool complete = e.block_loss != NULL && inference->best != NULL && (inference->output != NULL || !wants_outputs);
    weft_status st = complete ? team_run(evaluator->team, run_blocks, &e) : WEFT_ENOMEM;
    if (st == WEFT_OK && atomic_load(&e.is_stopped))
        st = error_set(WEFT_ESTOPPED, "evaluation: stopped on request");
    if (st == WEFT_OK)
        inference->loss = mean_loss(&e);
    else
        inference_clear(inference);
    memory_free(e.block_loss);
    return st;
}

void inference_clear(struct inference *inference)
{
    memory_free(inference->best);
    memory_free(inference->output);
    *inference = (struct inference){0};
}
