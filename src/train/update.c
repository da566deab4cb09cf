/* The second half of a step: each thread owns whole blocks of parameters, sums their local gradients in tree order, adds
 * the penalty, clips, runs the optimizer and writes the weight, in one pass over what lies in its cache. Order: reduce,
 * penalty, clip by value, clip by norm, optimizer. Clipping by norm needs the whole gradient first, and clipping by value
 * would make an overflow look finite, so both split the pass in two with a barrier between. */
#include <math.h>
#include <string.h>

#include "kernel/kernel.h"
#include "nn/layers.h"
#include "nn/penalty.h"
#include "train/schedule.h"
#include "train/training.h"

struct update {                                 /* one step, as one thread sees it */
    struct training *t;
    size_t rank;
    uint64_t number;                            /* of the step, from 0 */
    const struct reduce_plan *plan;
    size_t batch_rows;
    bool careful;
    struct optimizer_step step;
    float clip_factor;                          /* of clipping by norm; 1: none */
};

static float *node_gradient(const struct update *u, size_t node, size_t offset)
{
    return u->t->space[u->plan->node[node].rank].slot[u->plan->node[node].slot] + offset;
}

/* Sum, penalty, clip by value; the result stays in node 0's buffer. */
static float *finish_gradient(const struct update *u, const struct parameter_block *block)
{
    struct training *t = u->t;
    for (size_t i = 0; i < u->plan->sums; i++)
        kernel->add(block->count, node_gradient(u, u->plan->sum[i].into, block->offset),
                    node_gradient(u, u->plan->sum[i].from, block->offset));
    float *g = node_gradient(u, 0, block->offset);
    struct penalty_factors f = penalty_factors_of(t->settings, t->net.tensor[block->tensor].kind, u->batch_rows);
    if (f.l2 != 0 || f.l1 != 0)
        kernel->penalize(block->count, t->net.parameter + block->offset, f.l2, f.l1, g);
    if (u->careful && !isfinite(kernel->largest_magnitude(block->count, g)))      /* clipping would hide it */
        atomic_fetch_or(&t->fault_gradient, FAULT_GRADIENT);
    if (t->settings->optimizer.clip_value > 0)
        kernel->clip(block->count, (float)t->settings->optimizer.clip_value, g);
    return g;
}

/* The weights just written, into their transposed copy: elements offset .. offset+count-1 of [D, H]. */
static void write_transposed(struct network *net, const struct parameter_block *block)
{
    const struct tensor *tensor = &net->tensor[block->tensor];
    float *transposed = net->transposed[tensor->layer];
    if (tensor->kind != TENSOR_WEIGHT || transposed == NULL)
        return;
    size_t D = tensor->dim[0], H = tensor->dim[1], at = block->offset - tensor->offset;
    size_t i = at / H, o = at % H;
    for (size_t e = 0; e < block->count; e++) {
        transposed[o * D + i] = net->parameter[block->offset + e];
        if (++o == H) {
            o = 0;
            i++;
        }
    }
}

static void look_for_overflow(const struct update *u, const struct parameter_block *block)
{
    const struct training *t = u->t;
    bool finite = isfinite(kernel->largest_magnitude(block->count, t->net.parameter + block->offset));
    for (size_t i = 0; i < t->optimizer.moments; i++)
        finite = finite && isfinite(kernel->largest_magnitude(block->count, t->optimizer.moment[i] + block->offset));
    if (!finite)
        atomic_fetch_or(&u->t->fault_after, FAULT_PARAMETER);
}

static void apply_gradient(const struct update *u, const struct parameter_block *block, float *g)
{
    struct training *t = u->t;
    float *w = t->net.parameter + block->offset;
    if (u->clip_factor != 1)
        kernel->scale(block->count, u->clip_factor, g);
    if (t->observed_step == u->number) {
        memcpy(t->observed_gradient + block->offset, g, block->count * sizeof *g);
        memcpy(t->observed_parameter + block->offset, w, block->count * sizeof *w);
    }
    struct penalty_factors f = penalty_factors_of(t->settings, t->net.tensor[block->tensor].kind, u->batch_rows);
    if (f.decay != 0)
        kernel->decay(block->count, (float)(u->step.learning_rate * (double)f.decay), w);
    optimizer_apply(&t->optimizer, &u->step, block->offset, block->count, g, w);
    write_transposed(&t->net, block);
    look_for_overflow(u, block);
}

/* Running statistics of this thread's features. With statistics of the shard, nobody has merged those of the batch yet. */
static void update_running(const struct update *u)
{
    struct training *t = u->t;
    for (size_t i = 0; i < t->net.ops; i++) {
        const struct op *op = &t->net.op[i];
        if (op->kind != OP_NORM)
            continue;
        struct norm_values *values = &t->space[u->rank].norm[op->nth];
        struct range features = share_of(op->width, t->team.size, u->rank);
        if (!t->net.norm_of_batch)
            norm_merge_moments(&t->net, &t->exchange[op->nth], op->width, u->batch_rows, u->plan->shards,
                               (struct range){0, u->plan->shards}, features, values);
        norm_update_running(&t->net, op->layer, u->batch_rows, features, values);
        const struct layer *layer = &t->net.layer[op->layer];
        size_t count = features.end - features.first;
        if (!isfinite(kernel->largest_magnitude(count, t->net.running + layer->running_mean + features.first))
            || !isfinite(kernel->largest_magnitude(count, t->net.running + layer->running_variance + features.first)))
            atomic_fetch_or(&t->fault_after, FAULT_PARAMETER);
    }
}

/* Clipping by global norm (Pascanu et al., ICML 2013, algorithm 1): g *= limit / norm if norm > limit. Every thread adds
 * up the same block sums in the same order. */
static float clip_factor(const struct update *u)
{
    struct training *t = u->t;
    double limit = t->settings->optimizer.clip_norm;
    if (limit == 0)
        return 1;
    double *sum = t->space[u->rank].block_sum;
    memcpy(sum, t->block_square, t->net.blocks * sizeof *sum);
    double norm = sqrt(parameter_total(&t->net, sum));
    return norm > limit ? (float)(limit / norm) : 1;
}

bool update_run(struct training *t, size_t rank, uint64_t step, const struct reduce_plan *plan, size_t batch_rows,
                bool careful)
{
    double rate = schedule_learning_rate(t->settings, step, t->total_steps);
    careful = careful || t->settings->optimizer.clip_value > 0;     /* clipping by value would make an overflow look finite */
    struct update u = {t, rank, step, plan, batch_rows, careful, optimizer_step_of(&t->optimizer, rate, step), 1};
    struct range mine = share_of(t->net.blocks, t->team.size, rank);
    bool clips_norm = t->settings->optimizer.clip_norm > 0;
    if (careful || clips_norm) {
        for (size_t b = mine.first; b < mine.end; b++) {
            struct block_sums sums;
            kernel->sums(t->net.block[b].count, finish_gradient(&u, &t->net.block[b]), &sums);
            t->block_square[b] = sums.sum_square;
        }
        team_barrier(&t->team);
        if (atomic_load(&t->fault_gradient) != FAULT_NONE)
            return false;
        u.clip_factor = clip_factor(&u);
    }
    for (size_t b = mine.first; b < mine.end; b++) {
        const struct parameter_block *block = &t->net.block[b];
        bool is_finished = careful || clips_norm;
        apply_gradient(&u, block, is_finished ? node_gradient(&u, 0, block->offset) : finish_gradient(&u, block));
    }
    update_running(&u);
    return true;
}
