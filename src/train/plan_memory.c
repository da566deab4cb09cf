/* What a run takes: memory by kind, and the size of its checkpoints. Sizes come from what has been laid out and from the
 * functions that allocate; the first and the last checkpoint are built in memory and measured. A test counts what is really
 * allocated. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "store/h5_snapshot.h"
#include "store/seal.h"
#include "train/evaluate.h"
#include "train/plan.h"

/* Nothing of no bytes is listed. each: 0 if they are not alike; then `all` says how many bytes. */
static void add(weft_plan *plan, const char *what, uint64_t count, uint64_t each, uint64_t all)
{
    uint64_t bytes = each > 0 ? count * each : all;
    if (bytes == 0 || plan->memories == WEFT_PLAN_MEMORY_MAX)
        return;
    plan->memory[plan->memories++] = (weft_plan_memory){what, count, each, bytes};
    plan->memory_bytes += bytes;
}

/* ---- what is there all the time ---- */

static void add_table(weft_plan *plan, const char *what, const struct table *table)
{
    size_t row = table->features * (table->pixel != NULL ? sizeof *table->pixel : sizeof *table->value)
                 + (table->label != NULL ? sizeof *table->label : 0) + table->targets * sizeof *table->target;
    add(plan, what, table->count, row, 0);
}

static void add_data(weft_plan *plan, const weft_trainer *tr)
{
    const struct dataset *d = &tr->dataset;
    const struct sampler *sampler = &tr->training.sampler;
    size_t numbers = sampler->split->count;                     /* the order of an epoch */
    add_table(plan, "training data, rows", &d->train);
    add_table(plan, "validation data, rows", &d->validation);
    add_table(plan, "test data, rows", &d->test);
    for (size_t s = 0; s < SPLIT_COUNT; s++)
        numbers += d->split[s].count;
    add(plan, "row numbers of splits and order", numbers, sizeof *sampler->order, 0);
    size_t by_feature = d->features * (2 + (d->fill != NULL)), by_class = d->class_weight != NULL ? d->outputs : 0;
    add(plan, "scaling of features, class weights", by_feature + by_class, sizeof *d->scale, 0);
}

static uint64_t packed_size_bytes(const struct network *net)
{
    uint64_t floats = 0;
    for (size_t l = 0; l < net->layers; l++) {
        size_t D = net->layer[l].fan_in, H = net->layer[l].fan_out;
        floats += (panels_of(H) * D + panels_of(H)) * PANEL;
        floats += net->packed[l].backward != NULL ? panels_of(D) * H * PANEL : 0;
    }
    return floats * sizeof(float);
}

static uint64_t exchange_size_bytes(const struct network *net)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < net->ops; i++)
        if (net->op[i].kind == OP_NORM)
            bytes += 4 * SHARDS_MAX * panels_of(net->op[i].width) * PANEL * sizeof(double);
    return bytes;
}

static void add_training(weft_plan *plan, const struct training *t)
{
    const struct network *net = &t->net;
    size_t parameters_bytes = net->parameter_size * sizeof *net->parameter, threads = t->team.size;
    add(plan, "parameters", 1, parameters_bytes, 0);
    add(plan, "running statistics", 1, net->running_size * sizeof *net->running, 0);
    add(plan, "packed weights", 1, packed_size_bytes(net), 0);
    add(plan, "optimizer moments", t->optimizer.moments, parameters_bytes, 0);
    add(plan, "observed gradient and parameters", 2, parameters_bytes, 0);
    add(plan, "activations and deltas of a batch", 1, activations_size_bytes(net, t->full.rows), 0);
    add(plan, "workspaces, one a thread", threads, workspace_size_bytes(net, t->full.rows, t->space[0].slots), 0);
    add(plan, "batch-norm exchange", 4 * net->norms, 0, exchange_size_bytes(net));
    add(plan, "pieces and blocks of the update", t->pieces + net->blocks, 0,
        t->pieces * sizeof *t->piece + net->blocks * (sizeof *net->block + sizeof *t->block_square)
        + threads * (sizeof *t->own_pieces + sizeof *t->magnitude + sizeof *t->space));
}

/* ---- checkpoints ---- */

/* Some arrays have a row for each evaluation, or for each step. */
struct growth {
    bool grows, by_evaluation;                                  /* evaluation: in each of them, not only in the last */
    uint64_t rows;                                              /* at the end of the run */
};

static struct growth growth_of(const weft_plan *plan, const char *path)
{
    if (strncmp(path, "/statistics/", strlen("/statistics/")) == 0)
        return (struct growth){true, true, plan->evaluations};
    if (strcmp(path, "/history/step/loss") == 0)
        return (struct growth){true, false, plan->total_steps};
    for (enum split_name split = 0; split < SPLIT_COUNT; split++) {
        char group[32];
        snprintf(group, sizeof group, "/history/%s/", split_label(split));
        if (strncmp(path, group, strlen(group)) != 0)
            continue;
        if (plan->evaluates[split])
            return (struct growth){true, true, plan->evaluations};
        return (struct growth){true, false, plan->rows[split] > 0};     /* at the end all are evaluated */
    }
    return (struct growth){false, false, 0};
}

static uint64_t row_size_bytes(const struct array *array)
{
    uint64_t bytes = array_element_size_bytes(array->type);
    for (size_t d = 1; d < array->rank; d++)
        bytes *= array->dim[d];
    return bytes;
}

/* By how much the arrays of a checkpoint grow until the end of the run; and with each evaluation. */
static uint64_t growth_bytes(const struct snapshot *snapshot, weft_plan *plan)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < snapshot->array_count; i++) {
        const struct array *array = &snapshot->array[i];
        struct growth growth = growth_of(plan, array->path);
        if (growth.grows)
            bytes += growth.rows * row_size_bytes(array) - array->size_bytes;
        if (growth.by_evaluation)
            plan->evaluation_bytes += row_size_bytes(array);
    }
    return bytes;
}

/* The arrays as long as they will be, all zero. */
static weft_status grow(struct snapshot *snapshot, const weft_plan *plan)
{
    for (size_t i = 0; i < snapshot->array_count; i++) {
        struct array *array = &snapshot->array[i];
        struct growth growth = growth_of(plan, array->path);
        if (!growth.grows)
            continue;
        size_t size_bytes = growth.rows * row_size_bytes(array);
        void *data = memory_new(size_bytes, 1);
        if (data == NULL)
            return WEFT_ENOMEM;
        memory_free(array->data);
        array->data = data;
        array->dim[0] = growth.rows;
        array->size_bytes = size_bytes;
        array->count = size_bytes / array_element_size_bytes(array->type);
    }
    return WEFT_OK;
}

static uint64_t snapshot_size_bytes(const struct snapshot *s)
{
    uint64_t bytes = s->array_capacity * sizeof *s->array + s->attribute_capacity * sizeof *s->attribute
                     + (s->array_index.capacity + s->attribute_index.capacity) * sizeof *s->array_index.slot;
    for (size_t i = 0; i < s->array_count; i++)
        bytes += s->array[i].size_bytes + strlen(s->array[i].path) + 1;
    for (size_t i = 0; i < s->attribute_count; i++) {
        const struct attribute *a = &s->attribute[i];
        bytes += strlen(a->object) + strlen(a->name) + 2 + (a->text != NULL ? strlen(a->text) + 1 : 0);
    }
    return bytes;
}

/* Build the file, as if it were to be saved: its size, and that of what is in memory only for it. */
static weft_status measure(const struct snapshot *snapshot, uint64_t *file_bytes, uint64_t *image_bytes)
{
    struct image image = {0};
    size_t size_bytes = 0;
    weft_status st = h5_write_snapshot(snapshot, &image, &size_bytes);
    *file_bytes = size_bytes + SEAL_SIZE_BYTES;
    *image_bytes = image.pages * sizeof *image.page + image.loan_capacity * sizeof *image.loan;
    for (size_t i = 0; i < image.pages; i++)
        *image_bytes += image.page[i] != NULL ? IMAGE_PAGE_BYTES : 0;
    image_clear(&image);
    return st;
}

/* The checkpoint at hand and, unless its history takes more memory than a look ahead is worth, the last one. */
static weft_status measure_both(struct snapshot *snapshot, weft_plan *plan, uint64_t *snapshot_bytes, uint64_t *image_bytes)
{
    enum { WORTH_BYTES = 1 << 28 };
    weft_status st = measure(snapshot, &plan->first_checkpoint_bytes, image_bytes);
    uint64_t grown_bytes = growth_bytes(snapshot, plan);
    *snapshot_bytes = snapshot_size_bytes(snapshot);
    if (st != WEFT_OK || plan->total_steps == 0)
        return st;
    *snapshot_bytes += grown_bytes;
    plan->last_checkpoint_bytes = plan->first_checkpoint_bytes + grown_bytes;
    if (grown_bytes > WORTH_BYTES)
        return WEFT_OK;
    st = grow(snapshot, plan);
    return st == WEFT_OK ? measure(snapshot, &plan->last_checkpoint_bytes, image_bytes) : st;
}

/* The best model is a snapshot too: one is being written, one waits for the next checkpoint, one has just been found better. */
static weft_status add_checkpoints(weft_plan *plan, const weft_trainer *tr)
{
    uint64_t snapshot_bytes = 0, image_bytes = 0;
    struct snapshot *snapshot;
    weft_status st = capture_run(tr, &snapshot);
    if (st != WEFT_OK)
        return st;
    st = measure_both(snapshot, plan, &snapshot_bytes, &image_bytes);
    snapshot_destroy(snapshot);
    add(plan, "copy of the run in a checkpoint", 1, snapshot_bytes, 0);
    add(plan, "copies of the best model, at most", tr->early_stop.metric != STOP_NONE ? 3 : 0, snapshot_bytes, 0);
    add(plan, "file of a checkpoint, without arrays", 1, image_bytes, 0);
    return st;
}

/* ---- what comes and goes ---- */

/* Lists that double whenever they are full. */
static uint64_t capacity_of(uint64_t count, uint64_t first)
{
    uint64_t capacity = count > 0 ? first : 0;
    while (capacity < count)
        capacity *= 2;
    return capacity;
}

/* What a run keeps of its past, at its end. */
static void add_history(weft_plan *plan, const weft_trainer *tr)
{
    uint64_t rows = 0, losses = plan->total_steps + plan->total_steps / 2 + 1024;       /* at most (loop.c) */
    for (size_t s = 0; s < SPLIT_COUNT; s++)
        rows += plan->rows[s] == 0 ? 0 : capacity_of(plan->evaluates[s] ? plan->evaluations : 1, 64);
    if (plan->total_steps == 0)
        return;
    add(plan, "statistics of weights, at the end", tr->training.net.tensors * capacity_of(plan->evaluations, 32),
        sizeof *tr->stats->row + sizeof *tr->stats->step, 0);
    add(plan, "history, at the end", rows, sizeof *tr->history.row[0], 0);
    add(plan, "losses of the steps, at the end", losses, sizeof *tr->training.step_loss, 0);
}

/* evaluate.c: the largest split. */
static void add_evaluation(weft_plan *plan, const weft_trainer *tr)
{
    size_t most = 0, outputs = tr->dataset.task != TASK_CLASSES ? tr->dataset.outputs : 0;
    for (size_t s = 0; s < SPLIT_COUNT; s++)
        most = plan->rows[s] > most ? plan->rows[s] : most;
    add(plan, "evaluation of the largest split", most, sizeof(int32_t) + outputs * sizeof(float), 0);
}

weft_status plan_memory(const weft_trainer *tr, weft_plan *plan)
{
    add_data(plan, tr);
    add_training(plan, &tr->training);
    add_history(plan, tr);
    add_evaluation(plan, tr);
    add(plan, "the run itself and its settings", 1, sizeof *tr + sizeof *tr->settings, 0);
    return add_checkpoints(plan, tr);
}
