/* One minibatch, the whole team. Each thread takes its rows forwards and backwards; where batch-norm needs the whole batch the
 * threads meet; then they meet once more, and each sums the gradients of its pieces of the parameters and updates them. So a
 * step has two barriers, and two more for each whole-batch norm. */
#include "train/step.h"

#include <float.h>

#include "base/clock.h"
#include "base/tree.h"
#include "data/batch.h"
#include "kernel/kernel.h"

/* A gradient whose terms stay below this in sum is finite. */
#define TRUSTED_MAGNITUDE 0x1p120

struct work {                                   /* this thread's part of one step */
    struct training *t;
    size_t rank;
    struct pass pass;
    const struct batch_plan *plan;
    struct slice mine;
    struct phase_clock clock;
};

struct slice step_rows(const struct training *t, const struct batch_plan *plan, size_t rank)
{
    struct slice slice = {.rows = share_of(plan->rows, t->team.size, rank)};
    if (t->net.norms == 0 && t->strategy == GRADIENT_OWNED)
        return slice;
    slice.shards = share_of(plan->shards, t->team.size, rank);
    slice.rows.first = shard_rows(plan->rows, plan->shards, slice.shards.first).first;
    slice.rows.end = shard_rows(plan->rows, plan->shards, slice.shards.end).first;
    return slice;
}

static void meet(struct work *work)
{
    team_barrier(&work->t->team);
    phase_end(&work->clock, PHASE_WAIT);
}

static void gather(struct work *work)
{
    struct training *t = work->t;
    struct activations *batch = &t->batch;
    const struct table *table = t->dataset->split[SPLIT_TRAIN].table;
    size_t first = work->mine.rows.first, count = work->mine.rows.end - first;
    sampler_rows(&t->sampler, work->pass.step, first, count, batch->data_row + first);
    batch_gather(table, count, batch->data_row + first,
                 &(struct gathered){batch->bytes + first * batch->stride, batch->stride, batch->label + first,
                                    batch->wanted + first * t->net.outputs});
    pass_gather(&work->pass, &work->mine);
    phase_end(&work->clock, PHASE_GATHER);
}

/* The history keeps a step's loss, the mean over its rows, as a float, so that is the limit of each; NaN is beyond it too. */
static void look_at_loss(struct work *work)
{
    for (size_t n = work->mine.rows.first; n < work->mine.rows.end; n++)
        if (!(work->t->batch.loss[n] < (double)FLT_MAX)) {
            atomic_fetch_or(&work->t->fault_before, FAULT_LOSS);
            return;
        }
}

static void there_and_back(struct work *work, const struct slice *slice)
{
    size_t last = work->t->net.segments - 1;
    pass_forward(&work->pass, last, slice);
    pass_loss(&work->pass, slice);
    phase_end(&work->clock, PHASE_FORWARD);
    pass_backward(&work->pass, last, slice);
    phase_end(&work->clock, PHASE_BACKWARD);
}

static void pass_through_network(struct work *work)
{
    const struct network *net = &work->t->net;
    size_t last = net->segments - 1;
    gather(work);
    for (size_t segment = 0; segment < last; segment++) {
        pass_forward(&work->pass, segment, &work->mine);
        phase_end(&work->clock, PHASE_FORWARD);
        meet(work);
        pass_merge_forward(&work->pass, segment + 1);
    }
    if (net->norms > 0 && !net->norm_of_batch)          /* a shard's statistics are this thread's until the next shard */
        for (size_t s = work->mine.shards.first; s < work->mine.shards.end; s++)
            there_and_back(work, &(struct slice){shard_rows(work->plan->rows, work->plan->shards, s), {s, s + 1}});
    else
        there_and_back(work, &work->mine);
    for (size_t segment = last; segment-- > 0;) {
        meet(work);
        pass_merge_backward(&work->pass, segment);
        pass_backward(&work->pass, segment, &work->mine);
        phase_end(&work->clock, PHASE_BACKWARD);
    }
    look_at_loss(work);
    pass_magnitudes(&work->pass, &work->mine, &work->t->magnitude[work->rank]);
    phase_end(&work->clock, PHASE_BACKWARD);
}

/* Every piece, over this thread's shards alone. */
static void form_local_gradients(struct work *work)
{
    struct training *t = work->t;
    struct tree_stack nodes = tree_share(work->plan->shards, work->mine.shards);
    for (size_t i = 0; i < nodes.depth; i++) {
        struct row_sum sum = row_sum_make(work->plan->rows, work->plan->shards, nodes.node[i]);
        size_t first_row = shard_rows(work->plan->rows, work->plan->shards, nodes.node[i].first).first;
        for (size_t p = 0; p < t->pieces; p++)
            pass_gradient(&work->pass, &t->piece[p], &sum, first_row, nodes.node[i].first,
                          work->pass.own->slot[i] + t->piece[p].offset);
    }
    phase_end(&work->clock, PHASE_GRADIENT);
}

/* Could some sum of a gradient overflow? |dW| <= rows * max |x| * max |dy|, |db| <= rows * max |dy|, and dgamma and dbeta have as
 * many terms as there are shards. The same answer in every thread. */
static bool is_suspect(const struct work *work)
{
    const struct training *t = work->t;
    double rows = (double)work->plan->rows;
    for (size_t l = 0; l < t->net.layers; l++) {
        double input = l == 0 ? (double)t->input_magnitude : 0, delta = 0;
        for (size_t rank = 0; rank < t->team.size; rank++) {
            double of_input = (double)t->magnitude[rank].input[l], of_delta = (double)t->magnitude[rank].delta[l];
            double of_norm = (double)t->magnitude[rank].norm[l];
            if (!(of_input < TRUSTED_MAGNITUDE && of_delta < TRUSTED_MAGNITUDE && of_norm < TRUSTED_MAGNITUDE / SHARDS_MAX))
                return true;
            input = of_input > input ? of_input : input;
            delta = of_delta > delta ? of_delta : delta;
        }
        if (!(rows * delta * (input > 1 ? input : 1) < TRUSTED_MAGNITUDE))
            return true;
    }
    return false;
}

static bool is_requested(const atomic_bool *request)
{
    return request != NULL && atomic_load_explicit(request, memory_order_relaxed);
}

/* By rank 0 while the others update; what it decides is seen after the barrier that ends the step. */
static void keep_books(struct work *work)
{
    struct training *t = work->t;
    const struct batch_plan *plan = work->plan;
    double part[SHARDS_MAX];
    for (size_t s = 0; s < plan->shards; s++) {
        struct range rows = shard_rows(plan->rows, plan->shards, s);
        part[s] = 0;
        for (size_t n = rows.first; n < rows.end; n++) {
            part[s] += t->batch.loss[n];
            t->epoch_correct += t->batch.best[n] == t->batch.label[n];
        }
    }
    double loss_sum = tree_sum(part, plan->shards);
    t->step_loss[work->pass.step] = (float)(loss_sum / (double)plan->rows);
    t->epoch_loss_sum += loss_sum;
    t->epoch_rows += plan->rows;
    t->step = work->pass.step + 1;
    atomic_store(&t->pause, is_requested(t->stop_request) || is_requested(t->save_request)
                            || clock_seconds() >= t->pause_at_s);
}

bool step_run(struct training *t, size_t rank, uint64_t step)
{
    const struct batch_plan *plan = sampler_batch_rows(&t->sampler, step) == t->full.rows ? &t->full : &t->last;
    struct work work = {
        .t = t, .rank = rank, .plan = plan, .mine = step_rows(t, plan, rank),
        .pass = {&t->net, &t->batch, &t->space[rank], t->exchange, t->input, &t->loss, plan->rows, plan->shards,
                 t->settings->train.seed, step},
    };
    if (t->phase_time_s != NULL)
        work.clock = (struct phase_clock){t->phase_time_s[rank], clock_seconds()};
    pass_through_network(&work);
    if (t->strategy == GRADIENT_LOCAL)
        form_local_gradients(&work);
    meet(&work);

    if (atomic_load(&t->fault_before) != FAULT_NONE)
        return false;
    if (!update_run(t, rank, &work.pass, plan, is_suspect(&work), &work.clock))
        return false;
    if (rank == 0)
        keep_books(&work);
    phase_end(&work.clock, PHASE_UPDATE);
    meet(&work);
    return atomic_load(&t->fault_after) == FAULT_NONE && !atomic_load(&t->pause);
}
