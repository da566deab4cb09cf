/* One minibatch, the whole team. Each thread takes its shards through the network; where batch-norm needs the whole batch
 * the threads meet; then they meet once more, sum the gradients slice by slice, and update. Without batch-norm a shard goes
 * forwards and backwards in one go, and a step has two barriers. */
#include "train/training.h"

#include <float.h>

#include "base/clock.h"
#include "base/tree.h"
#include "data/batch.h"
#include "kernel/kernel.h"
#include "nn/pass.h"

/* Sixteen partial sums below this cannot overflow. */
#define TRUSTED_MAGNITUDE 0x1p120f

struct work {                                   /* this thread's part of one step */
    struct pass pass;
    struct range shards;
    size_t first_row;                           /* of the batch: row 0 of the workspace */
    struct tree_stack stack;
};

static struct shard shard_of(const struct work *work, size_t s)
{
    struct range rows = shard_rows(work->pass.batch_rows, work->pass.shards, s);
    return (struct shard){s, rows.first - work->first_row, rows.end - rows.first};
}

static void gather(struct training *t, struct work *work, const struct shard *shard)
{
    struct workspace *own = work->pass.own;
    sampler_rows(&t->sampler, work->pass.step, work->first_row + shard->at, shard->rows, own->row + shard->at);
    batch_gather(t->dataset, t->dataset->split[SPLIT_TRAIN].table, shard->rows, own->row + shard->at,
                 own->buffer[0] + shard->at * t->net.features, own->label + shard->at);
}

static void forward(struct training *t, struct work *work, size_t segment, const struct shard *shard)
{
    if (segment == 0)
        gather(t, work, shard);
    pass_forward(&work->pass, segment, shard);
    if (segment + 1 < t->net.segments)
        return;
    double loss = pass_loss(&work->pass, shard, &t->correct_part[shard->index]);
    t->loss_part[shard->index] = loss;
    if (!(loss < (double)FLT_MAX))                      /* NaN too; the history keeps a step's loss as a float */
        atomic_fetch_or(&t->fault_before, FAULT_LOSS);
}

/* Backward, then add up the pairs of the tree that are complete. Every segment makes the same pairs for its parameters. */
static void backward(struct training *t, struct work *work, size_t segment, const struct shard *shard)
{
    struct workspace *own = work->pass.own;
    struct range p = pass_parameters(&t->net, segment);
    tree_push(&work->stack, shard->index);
    pass_backward(&work->pass, segment, shard, own->slot[work->stack.depth - 1]);
    while (tree_is_pair(&work->stack)) {
        size_t into = work->stack.depth - 2;
        kernel->add(p.end - p.first, own->slot[into] + p.first, own->slot[into + 1] + p.first);
        tree_merge(&work->stack);
    }
}

static void pass_through_network(struct training *t, struct work *work)
{
    size_t last = t->net.segments - 1;
    for (size_t segment = 0; segment < last; segment++) {
        for (size_t s = work->shards.first; s < work->shards.end; s++) {
            struct shard shard = shard_of(work, s);
            forward(t, work, segment, &shard);
        }
        team_barrier(&t->team);
        pass_merge_forward(&work->pass, segment + 1);
    }
    for (size_t s = work->shards.first; s < work->shards.end; s++) {
        struct shard shard = shard_of(work, s);
        forward(t, work, last, &shard);
        backward(t, work, last, &shard);
    }
    for (size_t segment = last; segment-- > 0;) {
        team_barrier(&t->team);
        pass_merge_backward(&work->pass, segment);
        work->stack.depth = 0;
        for (size_t s = work->shards.first; s < work->shards.end; s++) {
            struct shard shard = shard_of(work, s);
            backward(t, work, segment, &shard);
        }
    }
}

static void look_for_faults(struct training *t, const struct work *work)
{
    for (size_t node = 0; node < work->stack.depth; node++)
        if (!(kernel->largest_magnitude(t->net.parameter_size, work->pass.own->slot[node]) < TRUSTED_MAGNITUDE))
            atomic_fetch_or(&t->fault_before, FAULT_SUSPECT);
}

static bool is_requested(const atomic_bool *request)
{
    return request != NULL && atomic_load_explicit(request, memory_order_relaxed);
}

/* By rank 0 while the others update; what it decides is seen after the barrier that ends the step. */
static void keep_books(struct training *t, const struct work *work)
{
    double part[SHARDS_MAX];
    for (size_t s = 0; s < work->pass.shards; s++) {
        part[s] = t->loss_part[s];
        t->epoch_correct += t->correct_part[s];
    }
    double loss_sum = tree_sum(part, work->pass.shards);
    t->step_loss[work->pass.step] = (float)(loss_sum / (double)work->pass.batch_rows);
    t->epoch_loss_sum += loss_sum;
    t->epoch_rows += work->pass.batch_rows;
    t->step = work->pass.step + 1;
    atomic_store(&t->pause, is_requested(t->stop_request) || is_requested(t->save_request)
                            || clock_seconds() >= t->pause_at_s);
}

bool step_run(struct training *t, size_t rank, uint64_t step)
{
    size_t rows = sampler_batch_rows(&t->sampler, step);
    const struct reduce_plan *plan = rows == t->sampler.batch_size ? &t->plan : &t->last_plan;
    struct work work = {
        .pass = {&t->net, &t->space[rank], t->exchange, rows, plan->shards, t->settings->train.seed, step},
        .shards = share_of(plan->shards, t->team.size, rank),
        .stack = {.shards = plan->shards},
    };
    work.first_row = shard_rows(rows, plan->shards, work.shards.first).first;
    pass_through_network(t, &work);
    look_for_faults(t, &work);
    team_barrier(&t->team);

    unsigned fault = atomic_load(&t->fault_before);
    if ((fault & FAULT_LOSS) != 0)
        return false;
    if (!update_run(t, rank, step, plan, rows, (fault & FAULT_SUSPECT) != 0))
        return false;
    if (rank == 0)
        keep_books(t, &work);
    team_barrier(&t->team);
    return atomic_load(&t->fault_after) == FAULT_NONE && !atomic_load(&t->pause);
}
