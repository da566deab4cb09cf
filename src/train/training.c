/* See training.h. */
#include "train/training.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernel/kernel.h"
#include "train/evaluate.h"

/* The most rows of shards that one thread takes of a batch. */
static size_t most_rows(size_t rows, size_t threads, size_t rank)
{
    size_t shards = shard_count(rows);
    struct range mine = share_of(shards, threads, rank);
    return mine.end == mine.first
               ? 0 : shard_rows(rows, shards, mine.end - 1).end - shard_rows(rows, shards, mine.first).first;
}

struct workspace_order {                        /* what create_workspace needs, for team_run */
    struct training *t;
    size_t batch, last_batch, slots;
    atomic_int failed;
};

/* By the thread that will use it, so that its pages lie in that thread's memory. */
static void create_workspace(void *context, size_t rank)
{
    struct workspace_order *order = context;
    size_t threads = order->t->team.size;
    size_t rows = most_rows(order->batch, threads, rank), last = most_rows(order->last_batch, threads, rank);
    rows = rows > last ? rows : last;
    rows = rows > EVALUATION_SHARD_ROWS ? rows : EVALUATION_SHARD_ROWS;
    if (workspace_create(&order->t->space[rank], &order->t->net, rows, order->slots) != WEFT_OK)
        atomic_store(&order->failed, 1);
}

static weft_status create_workspaces(struct training *t)
{
    size_t batch = t->sampler.batch_size, last = sampler_batch_rows(&t->sampler, t->sampler.steps_per_epoch - 1);
    t->plan = reduce_plan_make(shard_count(batch), t->team.size);
    t->last_plan = reduce_plan_make(shard_count(last), t->team.size);
    size_t slots = reduce_slots(t->plan.shards, t->team.size), last_slots = reduce_slots(t->last_plan.shards, t->team.size);
    struct workspace_order order = {.t = t, .batch = batch, .last_batch = last, .slots = slots > last_slots ? slots : last_slots};
    weft_status st = team_run(&t->team, create_workspace, &order);
    if (st == WEFT_OK && atomic_load(&order.failed) != 0)
        st = error_set(WEFT_ENOMEM, "workspaces of %zu threads for batches of %zu rows: not enough memory", t->team.size, batch);
    return st;
}

static uint64_t steps_of_run(const struct training *t)
{
    uint64_t by_epochs = t->settings->train.epochs * t->sampler.steps_per_epoch, by_steps = t->settings->train.steps;
    if (by_epochs == 0 || by_steps == 0)
        return by_epochs + by_steps;
    return by_epochs < by_steps ? by_epochs : by_steps;
}

static weft_status create_arrays(struct training *t)
{
    t->space = memory_new(t->team.size, sizeof *t->space);
    t->block_square = memory_new(t->net.blocks, sizeof *t->block_square);
    t->observed_gradient = memory_new(t->net.parameter_size, sizeof *t->observed_gradient);
    t->observed_parameter = memory_new(t->net.parameter_size, sizeof *t->observed_parameter);
    return t->space != NULL && t->block_square != NULL && t->observed_gradient != NULL && t->observed_parameter != NULL
               ? WEFT_OK : WEFT_ENOMEM;
}

weft_status training_create(struct training *t, const struct weft_settings *settings, const struct dataset *dataset,
                            size_t threads)
{
    *t = (struct training){.settings = settings, .dataset = dataset, .observed_step = UINT64_MAX, .pause_at_s = INFINITY};
    weft_status st = network_create(&t->net, settings, dataset->features, dataset->classes);
    if (st != WEFT_OK) goto failed;
    if ((st = optimizer_create(&t->optimizer, &t->net, settings)) != WEFT_OK) goto failed;
    if ((st = sampler_create(&t->sampler, &dataset->split[SPLIT_TRAIN], settings)) != WEFT_OK) goto failed;
    if ((st = team_create(&t->team, threads)) != WEFT_OK) goto failed;
    if ((st = create_arrays(t)) != WEFT_OK) goto failed;
    if ((st = norm_exchange_create(t->exchange, &t->net)) != WEFT_OK) goto failed;
    if ((st = create_workspaces(t)) != WEFT_OK) goto failed;
    t->total_steps = steps_of_run(t);
    return WEFT_OK;
failed:
    training_destroy(t);
    return st;
}

void training_destroy(struct training *t)
{
    for (size_t rank = 0; t->space != NULL && rank < t->team.size; rank++)
        workspace_destroy(&t->space[rank]);
    memory_free(t->space);
    norm_exchange_destroy(t->exchange);
    memory_free(t->observed_parameter);
    memory_free(t->observed_gradient);
    memory_free(t->block_square);
    memory_free(t->step_loss);
    sampler_destroy(&t->sampler);
    optimizer_destroy(&t->optimizer);
    network_destroy(&t->net);
    *t = (struct training){0};
}

struct run {
    struct training *t;
    uint64_t first, until;
};

static void run_steps(void *context, size_t rank)
{
    const struct run *run = context;
    uint64_t step = run->first;
    while (step_run(run->t, rank, step) && step + 1 < run->until)
        step++;
}

/* Which tensor holds a non-finite element in an array laid out like the parameters; for a message. */
static void name_of_fault(const struct training *t, const float *array, const char *root, char path[TENSOR_PATH_SIZE])
{
    for (size_t i = 0; i < t->net.tensors; i++)
        if (!isfinite(kernel->largest_magnitude(t->net.tensor[i].count, array + t->net.tensor[i].offset))) {
            tensor_path(&t->net.tensor[i], root, path);
            return;
        }
    snprintf(path, TENSOR_PATH_SIZE, "an optimizer moment or a running statistic");
}

static weft_status fault_found(const struct training *t)
{
    if (atomic_load(&t->fault_before) & FAULT_LOSS)
        return error_set(WEFT_ENONFINITE, "step %" PRIu64 ": the loss is not finite; nothing was overwritten (a smaller "
                         "optimizer.learning_rate or optimizer.clip_norm may help)", t->step + 1);
    if (atomic_load(&t->fault_gradient))
        return error_set(WEFT_ENONFINITE, "step %" PRIu64 ": the gradient is not finite; nothing was overwritten (a smaller "
                         "optimizer.learning_rate or optimizer.clip_norm may help)", t->step + 1);
    if (atomic_load(&t->fault_after)) {
        char path[TENSOR_PATH_SIZE];
        name_of_fault(t, t->net.parameter, "/layers", path);
        return error_set(WEFT_ENONFINITE, "step %" PRIu64 ": the update overflowed in %s; the newest checkpoint is from before "
                         "it", t->step, path);
    }
    return WEFT_OK;
}

weft_status training_run_steps(struct training *t, uint64_t until)
{
    sampler_prepare(&t->sampler, t->step);
    if (t->step % t->sampler.steps_per_epoch == 0) {
        t->epoch_loss_sum = 0;
        t->epoch_rows = t->epoch_correct = 0;
    }
    atomic_store(&t->fault_before, FAULT_NONE);
    atomic_store(&t->fault_gradient, FAULT_NONE);
    atomic_store(&t->fault_after, FAULT_NONE);
    atomic_store(&t->pause, false);
    struct run run = {t, t->step, until};
    weft_status st = team_run(&t->team, run_steps, &run);
    return st != WEFT_OK ? st : fault_found(t);
}

static bool all_finite(const struct tensor *tensor, size_t count, const float *array)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(kernel->largest_magnitude(tensor[i].count, array + tensor[i].offset)))
            return false;
    return true;
}

bool training_is_finite(const struct training *t)
{
    const struct network *net = &t->net;
    bool finite = all_finite(net->tensor, net->tensors, net->parameter)
                  && all_finite(net->running_tensor, net->running_tensors, net->running);
    for (size_t i = 0; i < t->optimizer.moments; i++)
        finite = finite && all_finite(net->tensor, net->tensors, t->optimizer.moment[i]);
    return finite;
}
