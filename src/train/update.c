/* The second half of a step: each thread owns whole pieces of the parameters, and for each sums the gradient, adds the penalty,
 * clips, runs the optimizer, writes the weight and packs it, while all of it lies in its cache. Order: reduce, penalty, clip by
 * value, clip by norm, optimizer. Clipping by norm needs the whole gradient first, and clipping by value would make an overflow
 * look finite, so both split the pass in two with a barrier between. */
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
    struct pass *pass;
    const struct batch_plan *plan;
    struct optimizer_step step;
    float clip_factor;                          /* of clipping by norm; 1: none */
    struct phase_clock *clock;
};

static struct penalty_factors penalty_of(const struct update *u, const struct parameter_piece *piece)
{
    return penalty_factors_of(u->t->settings, piece->is_weight ? TENSOR_WEIGHT : TENSOR_BIAS, u->plan->rows);
}

static float *node_gradient(const struct update *u, size_t node, size_t offset)
{
    const struct reduce_plan *plan = &u->plan->reduce;
    return u->t->space[plan->node[node].rank].slot[plan->node[node].slot] + offset;
}

/* The sum over all shards: into `room`, or where the first local gradient is. */
static float *sum_gradient(const struct update *u, const struct parameter_piece *piece, float *room)
{
    if (u->t->strategy == GRADIENT_OWNED) {
        pass_gradient(u->pass, piece, &u->plan->sum, 0, 0, room);
        return room;
    }
    const struct reduce_plan *plan = &u->plan->reduce;
    for (size_t i = 0; i < plan->sums; i++)
        kernel->add(piece->count, node_gradient(u, plan->sum[i].into, piece->offset),
                    node_gradient(u, plan->sum[i].from, piece->offset));
    return node_gradient(u, 0, piece->offset);
}

static void add_penalty(const struct update *u, const struct parameter_piece *piece, float *g)
{
    struct penalty_factors f = penalty_of(u, piece);
    if (f.l2 != 0 || f.l1 != 0)
        kernel->penalize(piece->count, u->t->net.parameter + piece->offset, f.l2, f.l1, g);
}

static void apply_gradient(const struct update *u, const struct parameter_piece *piece, float *g)
{
    struct training *t = u->t;
    float *w = t->net.parameter + piece->offset;
    if (u->clip_factor != 1)
        kernel->scale(piece->count, u->clip_factor, g);
    if (t->observed_step == u->pass->step) {
        memmove(t->observed_gradient + piece->offset, g, piece->count * sizeof *g);     /* it may be there already */
        memcpy(t->observed_parameter + piece->offset, w, piece->count * sizeof *w);
    }
    struct penalty_factors f = penalty_of(u, piece);
    if (f.decay != 0)
        kernel->decay(piece->count, (float)(u->step.learning_rate * (double)f.decay), w);
    if (!isfinite(optimizer_apply(&t->optimizer, &u->step, piece->offset, piece->count, g, w)))
        atomic_fetch_or(&t->fault_after, FAULT_PARAMETER);
    if (piece->is_weight)
        network_pack_inputs(&t->net, piece->layer, piece->panel * PANEL, piece->inputs);
    else
        network_pack_bias(&t->net, piece->layer);
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
            norm_merge_moments(&t->net, &t->exchange[op->nth], op->width, u->plan->rows, u->plan->shards,
                               (struct range){0, u->plan->shards}, features, values);
        norm_update_running(&t->net, op->layer, u->plan->rows, features, values);
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

/* The same for a look at the whole gradient, which then lies in observed_gradient or in the local gradients, before any of it
 * is applied. False if it is not finite. */
static bool finish_whole_gradient(struct update *u, float **gradient)
{
    struct training *t = u->t;
    struct range mine = t->own_pieces[u->rank];
    for (size_t p = mine.first; p < mine.end; p++) {
        const struct parameter_piece *piece = &t->piece[p];
        float *g = sum_gradient(u, piece, t->observed_gradient + piece->offset);
        add_penalty(u, piece, g);
        if (!isfinite(kernel->largest_magnitude(piece->count, g)))      /* clipping by value would hide it */
            atomic_fetch_or(&t->fault_gradient, FAULT_GRADIENT);
        if (t->settings->optimizer.clip_value > 0)
            kernel->clip(piece->count, (float)t->settings->optimizer.clip_value, g);
    }
    team_barrier(&t->team);
    *gradient = t->strategy == GRADIENT_OWNED ? t->observed_gradient : node_gradient(u, 0, 0);
    if (atomic_load(&t->fault_gradient) != FAULT_NONE)
        return false;
    if (t->settings->optimizer.clip_norm == 0)
        return true;
    struct range blocks = share_of(t->net.blocks, t->team.size, u->rank);
    for (size_t b = blocks.first; b < blocks.end; b++) {
        struct block_sums sums;
        kernel->sums(t->net.block[b].count, *gradient + t->net.block[b].offset, &sums);
        t->block_square[b] = sums.sum_square;
    }
    team_barrier(&t->team);
    u->clip_factor = clip_factor(u);
    return true;
}

bool update_run(struct training *t, size_t rank, struct pass *pass, const struct batch_plan *plan, bool careful,
                struct phase_clock *clock)
{
    double rate = schedule_learning_rate(&t->schedule, pass->step);
    struct update u = {t, rank, pass, plan, optimizer_step_of(&t->optimizer, rate, pass->step), 1, clock};
    struct range mine = t->own_pieces[rank];
    bool is_whole = careful || t->settings->optimizer.clip_value > 0 || t->settings->optimizer.clip_norm > 0;
    float *whole = NULL;
    if (is_whole && !finish_whole_gradient(&u, &whole))
        return false;
    for (size_t p = mine.first; p < mine.end; p++) {
        const struct parameter_piece *piece = &t->piece[p];
        float *g = is_whole ? whole + piece->offset : sum_gradient(&u, piece, pass->own->gradient);
        phase_end(clock, PHASE_GRADIENT);
        if (!is_whole)
            add_penalty(&u, piece, g);
        apply_gradient(&u, piece, g);
        phase_end(clock, PHASE_UPDATE);
    }
    update_running(&u);
    return true;
}
