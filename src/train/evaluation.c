/* weft_evaluate: a model from a file, data from a URI, a team for the time of the call. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "nn/penalty.h"
#include "train/evaluate.h"
#include "train/metrics.h"
#include "train/model.h"
#include "weft/evaluation.h"

/* The data source of the run that the checkpoint lies in. Nothing else of run.ini counts here. */
static weft_status source_of_run(struct model *model)
{
    char ini[MODEL_PATH_SIZE + 16];
    const char *slash = strrchr(model->path, '/');
    int directory_length = slash != NULL ? (int)(slash - model->path) + 1 : 0;
    snprintf(ini, sizeof ini, "%.*srun.ini", directory_length, model->path);
    weft_settings *of_run = weft_settings_create();
    if (of_run == NULL)
        return WEFT_ENOMEM;
    weft_status st = weft_settings_load(of_run, ini);
    if (st != WEFT_OK)
        error_context(st, "which data %s was trained on (name some with --data)", model->path);
    else
        st = weft_settings_set(model->settings, "data.source", of_run->data.source);
    weft_settings_destroy(of_run);
    return st;
}

static weft_status choose_split(const struct dataset *dataset, const char *wanted, enum split_name *split)
{
    static const enum split_name by_default[] = {SPLIT_TEST, SPLIT_VALIDATION, SPLIT_TRAIN};
    for (size_t i = 0; i < SPLIT_COUNT; i++) {
        *split = by_default[i];
        if (wanted == NULL ? dataset->split[*split].count > 0 : strcmp(wanted, split_label(*split)) == 0) {
            if (dataset->split[*split].count > 0)
                return WEFT_OK;
            return error_set(WEFT_EDATA, "%s: there is no %s split", dataset->source, wanted);
        }
    }
    return error_set(WEFT_EINVAL, "split \"%s\": wanted train, validation or test", wanted);
}

/* The rows must fit the network, and are scaled as those it was trained on. */
static weft_status fit(struct dataset *dataset, enum split_name split, const struct model *model)
{
    if (dataset->features != model->net.features)
        return error_set(WEFT_EDATA, "%s: rows have %zu features, but the model takes %zu", dataset->source, dataset->features,
                         model->net.features);
    const struct split *rows = &dataset->split[split];
    for (size_t i = 0; i < rows->count; i++)
        if ((size_t)rows->table->label[rows->row[i]] >= model->net.classes)
            return error_set(WEFT_EDATA, "%s: row %u of the %s rows has label %d, but the model knows %zu classes",
                             dataset->source, rows->row[i], split_label(split), rows->table->label[rows->row[i]],
                             model->net.classes);
    memcpy(dataset->shift, model->shift, dataset->features * sizeof *dataset->shift);
    memcpy(dataset->scale, model->scale, dataset->features * sizeof *dataset->scale);
    return WEFT_OK;
}

struct workspace_order {
    const struct network *net;
    struct workspace *space;
    atomic_int failed;
};

static void create_workspace(void *context, size_t rank)
{
    struct workspace_order *order = context;
    if (workspace_create(&order->space[rank], order->net, 0, 0) != WEFT_OK)
        atomic_store(&order->failed, 1);
}

static weft_status tally_split(struct model *model, const struct dataset *dataset, enum split_name name, size_t threads,
                               struct tally *tally)
{
    const struct split *split = &dataset->split[name];
    size_t blocks = (split->count + EVALUATION_BLOCK_ROWS - 1) / EVALUATION_BLOCK_ROWS;
    struct team team;
    weft_status st = team_create(&team, team_threads(threads, blocks, NULL));
    if (st != WEFT_OK)
        return st;
    struct workspace_order order = {&model->net, memory_new(team.size, sizeof *order.space), 0};
    if (order.space == NULL)
        return WEFT_ENOMEM;
    st = team_run(&team, create_workspace, &order);
    if (st == WEFT_OK && atomic_load(&order.failed) != 0)
        st = error_set(WEFT_ENOMEM, "workspaces of %zu threads: not enough memory", team.size);
    if (st == WEFT_OK)
        st = evaluate_split(&model->net, dataset, split, &team, order.space, NULL, tally);
    for (size_t rank = 0; rank < team.size; rank++)
        workspace_destroy(&order.space[rank]);
    memory_free(order.space);
    return st;
}

static weft_status penalty_of(struct model *model, double *penalty)
{
    double *scratch = memory_new(model->net.blocks, sizeof *scratch);
    if (scratch == NULL)
        return WEFT_ENOMEM;
    unsigned mode = team_float_mode_enter();
    *penalty = penalty_value(model->settings, &model->net, (size_t)model->settings->train.batch_size, scratch);
    team_float_mode_leave(mode);
    memory_free(scratch);
    return WEFT_OK;
}

static weft_status evaluate_model(struct model *model, const weft_evaluate_options *options, struct dataset *dataset,
                                  weft_evaluation *evaluation)
{
    enum split_name split;
    struct tally tally = {0};
    double penalty;
    weft_status st = options->data != NULL ? weft_settings_set(model->settings, "data.source", options->data)
                                           : source_of_run(model);
    if (st == WEFT_OK) st = dataset_open(model->settings, dataset);
    if (st == WEFT_OK) st = choose_split(dataset, options->split, &split);
    if (st == WEFT_OK) st = fit(dataset, split, model);
    if (st == WEFT_OK) st = tally_split(model, dataset, split, options->threads, &tally);
    if (st == WEFT_OK) st = penalty_of(model, &penalty);
    if (st == WEFT_OK) st = metrics_fill(evaluation, split_label(split), &tally, penalty);
    memory_free(tally.confusion);
    return st;
}

weft_status weft_evaluate(const char *checkpoint, const weft_evaluate_options *options, weft_evaluation *evaluation,
                          weft_model_info *info)
{
    static const weft_evaluate_options defaults;
    if (options == NULL)
        options = &defaults;
    memset(evaluation, 0, sizeof *evaluation);
    struct model model;
    struct dataset dataset = {0};
    weft_status st = model_load(checkpoint, "best.h5", options->unsealed != 0, &model, NULL);
    if (st == WEFT_OK)
        st = evaluate_model(&model, options, &dataset, evaluation);
    if (st == WEFT_OK && info != NULL) {
        *info = (weft_model_info){.step = (uint64_t)model.step};
        memcpy(info->weights_digest, model.digest, sizeof info->weights_digest);
        snprintf(info->data, sizeof info->data, "%s", dataset.source);
    }
    dataset_close(&dataset);
    model_destroy(&model);
    return st;
}
