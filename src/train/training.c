/* See training.h. */
#include "train/training.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/batch.h"
#include "kernel/kernel.h"
#include "train/step.h"

/* ---- memory, touched by the thread that will use it ---- */

struct workspace_order {                        /* what create_workspace needs, for team_run */
    struct training *t;
    size_t slots;
    atomic_int failed;
};

static void create_workspace(void *context, size_t rank)
{
    struct workspace_order *order = context;
    struct training *t = order->t;
    if (workspace_create(&t->space[rank], &t->net, t->full.rows, order->slots) != WEFT_OK)
        atomic_store(&order->failed, 1);
    activations_touch(&t->batch, &t->net, step_rows(t, &t->full, rank).rows);
}

static weft_status create_workspaces(struct training *t)
{
    size_t slots = 0;
    if (t->strategy == GRADIENT_LOCAL) {
        size_t full = reduce_slots(t->full.shards, t->team.size), last = reduce_slots(t->last.shards, t->team.size);
        slots = full > last ? full : last;
    }
    weft_status st = activations_create(&t->batch, &t->net, t->full.rows);
    if (st != WEFT_OK)
        return st;
    struct workspace_order order = {.t = t, .slots = slots};
    st = team_run(&t->team, create_workspace, &order);
    if (st == WEFT_OK && atomic_load(&order.failed) != 0)
        st = error_set(WEFT_ENOMEM, "workspaces of %zu threads for batches of %zu rows: not enough memory", t->team.size,
                       t->full.rows);
    return st;
}

/* ---- who does what ---- */

/* Measured where a second thread begins to pay: on two cores of a Zen 5 at 10 us a step on one, at 64 rows of 784-10, 32 of
 * 784-20-7-5-10 and 8 of 784-128-10. */
#define FLOP_PER_THREAD 1e6

size_t training_useful_threads(const struct weft_settings *settings, size_t features, size_t outputs)
{
    size_t rows = (size_t)settings->train.batch_size, fan_in = features;
    double products = 0;
    for (size_t l = 0; l <= settings->network.hidden.count; l++) {
        size_t fan_out = l < settings->network.hidden.count ? (size_t)settings->network.hidden.value[l] : outputs;
        products += (double)fan_in * (double)fan_out * (l == 0 ? 2 : 3);
        fan_in = fan_out;
    }
    size_t most = settings->network.batch_norm != BATCH_NORM_NONE ? shard_count(rows) : rows;
    double fed = 2 * products * (double)rows / FLOP_PER_THREAD;
    return fed < 2 ? 1 : fed < (double)most ? (size_t)fed : most;
}

static struct batch_plan batch_plan_of(size_t rows, size_t threads)
{
    size_t shards = shard_count(rows);
    return (struct batch_plan){rows, shards, row_sum_make(rows, shards, (struct range){0, shards}),
                               reduce_plan_make(shards, threads)};
}

/* Roughly in multiplications, those of empty lanes included; a bias costs a load where a weight costs half an FMA. */
static size_t cost_of(const struct training *t, const struct parameter_piece *piece)
{
    size_t lanes = kernel->lanes, H = t->net.layer[piece->layer].fan_out;
    return piece->is_weight ? (piece->inputs + lanes - 1) / lanes * lanes * H : 2 * piece->count;
}

/* Neighbouring pieces to each thread, cut where the cost before a piece's middle passes the thread's share. */
static void share_out_pieces(struct training *t)
{
    size_t total = 0, before = 0, i = 0;
    for (size_t p = 0; p < t->pieces; p++)
        total += cost_of(t, &t->piece[p]);
    for (size_t rank = 0; rank < t->team.size; rank++) {
        double end = (double)total * (double)(rank + 1) / (double)t->team.size;
        size_t first = i;
        while (i < t->pieces && (double)before + 0.5 * (double)cost_of(t, &t->piece[i]) <= end)
            before += cost_of(t, &t->piece[i++]);
        t->own_pieces[rank] = (struct range){first, i};
    }
}

/* Bytes that one thread reads from the caches of the others in a step: its part of their gradients, or, of their rows, all
 * deltas and its part of the inputs. */
static double bytes_moved(const struct training *t, enum gradient_strategy strategy)
{
    double threads = (double)t->team.size, others = (threads - 1) / threads, per_row = 0;
    if (strategy == GRADIENT_LOCAL)
        return (double)t->net.parameter_size * sizeof(float) * others;
    for (size_t l = 0; l < t->net.layers; l++) {
        size_t input_bytes = l == 0 && t->net.input_is_raw && t->net.input_type == RAW_U8 ? 1 : sizeof(float);
        per_row += (double)(t->net.layer[l].fan_out * sizeof(float))
                   + (double)(t->net.layer[l].fan_in * input_bytes) / threads;
    }
    return per_row * (double)t->full.rows * others;
}

/* Local gradients where they are small enough for the cache of a core, the shards divide well among the threads, and they are
 * less to move than the rows. On two cores of a Zen 5, local against owned, medians of three interleaved runs of 0.7 s:
 * 784-20-7-5-10 at batch 256 63 to 66 us a step, 20-16-3 at 2048 40 to 48 us, 784-128-128-128-10 at 128 237 to 225 us. */
static enum gradient_strategy choose_strategy(const struct training *t)
{
    enum { SMALL_GRADIENT = 1 << 16 };
    switch ((enum gradient_choice)t->settings->run.gradient) {
    case GRADIENT_CHOICE_OWNED: return GRADIENT_OWNED;
    case GRADIENT_CHOICE_LOCAL: return GRADIENT_LOCAL;
    case GRADIENT_CHOICE_AUTO: break;
    }
    size_t threads = t->team.size, shards = t->full.shards, most = (shards + threads - 1) / threads;
    bool is_even = most * threads * 8 <= shards * 9;
    bool is_less = bytes_moved(t, GRADIENT_LOCAL) < bytes_moved(t, GRADIENT_OWNED);
    return threads > 1 && is_even && is_less && t->net.parameter_size <= SMALL_GRADIENT ? GRADIENT_LOCAL : GRADIENT_OWNED;
}

static weft_status plan_work(struct training *t)
{
    t->full = batch_plan_of(t->sampler.batch_size, t->team.size);
    t->last = batch_plan_of(sampler_batch_rows(&t->sampler, t->sampler.steps_per_epoch - 1), t->team.size);
    t->pieces = pass_pieces(&t->net, NULL, 0);
    t->piece = memory_new(t->pieces, sizeof *t->piece);
    t->own_pieces = memory_new(t->team.size, sizeof *t->own_pieces);
    t->magnitude = memory_new(t->team.size, sizeof *t->magnitude);
    if (t->piece == NULL || t->own_pieces == NULL || t->magnitude == NULL)
        return WEFT_ENOMEM;
    pass_pieces(&t->net, t->piece, t->pieces);
    share_out_pieces(t);
    t->strategy = choose_strategy(t);
    t->input_magnitude = dataset_largest_input(t->dataset);
    return WEFT_OK;
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

/* ---- life ---- */

weft_status training_create(struct training *t, const struct weft_settings *settings, const struct dataset *dataset,
                            size_t threads)
{
    *t = (struct training){.settings = settings, .dataset = dataset, .input = batch_scaling(dataset),
                           .observed_step = UINT64_MAX, .pause_at_s = INFINITY};
    weft_status st = network_create(&t->net, settings, dataset->features, dataset->type, dataset->outputs);
    if (st != WEFT_OK) goto failed;
    t->loss = loss_rule_of(&t->net, settings, dataset->split[SPLIT_TRAIN].table->label != NULL, dataset->class_weight);
    if ((st = optimizer_create(&t->optimizer, &t->net, settings)) != WEFT_OK) goto failed;
    if ((st = sampler_create(&t->sampler, &dataset->split[SPLIT_TRAIN], settings)) != WEFT_OK) goto failed;
    if ((st = team_create(&t->team, threads)) != WEFT_OK) goto failed;
    if ((st = plan_work(t)) != WEFT_OK) goto failed;
    if ((st = create_arrays(t)) != WEFT_OK) goto failed;
    if ((st = norm_exchange_create(t->exchange, &t->net)) != WEFT_OK) goto failed;
    if ((st = create_workspaces(t)) != WEFT_OK) goto failed;
    t->total_steps = steps_of_run(t);
    t->schedule = (struct schedule){settings, t->sampler.steps_per_epoch, t->total_steps, 1};
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
    activations_destroy(&t->batch);
    norm_exchange_destroy(t->exchange);
    memory_free(t->magnitude);
    memory_free(t->own_pieces);
    memory_free(t->piece);
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
