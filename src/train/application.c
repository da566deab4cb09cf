/* See application.h. */
#include "train/application.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

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
    if (st == WEFT_OK)
        st = weft_settings_set(model->settings, "data.source", of_run->data.source);
    if (st == WEFT_OK)
        st = weft_settings_set(model->settings, "data.validation", of_run->data.validation);
    if (st == WEFT_OK)
        st = weft_settings_set(model->settings, "data.test", of_run->data.test);
    weft_settings_destroy(of_run);
    return st;
}

static weft_status split_named(const struct application *a, const char *wanted, enum split_name *split)
{
    for (*split = 0; *split < SPLIT_COUNT; ++*split)
        if (strcmp(wanted, split_label(*split)) == 0)
            return a->dataset.split[*split].count > 0
                       ? WEFT_OK : error_set(WEFT_EDATA, "%s: there is no %s split", a->dataset.source, wanted);
    return error_set(WEFT_EINVAL, "split \"%s\": wanted train, validation, test or all", wanted);
}

/* is_whole: the training split has all rows that are not test rows. */
static weft_status choose_split(struct application *a, const char *wanted, bool is_whole)
{
    const struct split *split = a->dataset.split;
    enum split_name chosen = SPLIT_TRAIN;
    bool wants_all = wanted != NULL && strcmp(wanted, "all") == 0;
    if (wanted != NULL && !wants_all) {
        weft_status st = split_named(a, wanted, &chosen);
        if (st != WEFT_OK)
            return st;
    } else if (wanted == NULL && split[SPLIT_TEST].count > 0) {
        chosen = SPLIT_TEST;
    } else if (wanted == NULL && split[SPLIT_VALIDATION].count > 0) {
        chosen = SPLIT_VALIDATION;
    }
    a->split = &split[chosen];
    a->split_name = is_whole && chosen == SPLIT_TRAIN ? "all" : split_label(chosen);
    if (a->split->count > 0)
        return WEFT_OK;
    return error_set(WEFT_EDATA, "%s: there are only test rows", a->dataset.source);
}

static weft_status open_data(struct application *a, const struct application_options *options)
{
    struct expected expected = model_expected(&a->model);
    expected.is_unlabelled = options->is_unlabelled;
    expected.is_whole = options->split != NULL ? strcmp(options->split, "all") == 0 : options->data != NULL;
    weft_status st = WEFT_OK;
    if (a->model.classes.count == 0 && a->model.task == TASK_CLASSES) {
        st = names_number(&a->numbers, a->model.net.outputs);
        expected.classes = &a->numbers;
    }
    if (st == WEFT_OK) st = options->data != NULL ? weft_settings_set(a->model.settings, "data.source", options->data)
                                                  : source_of_run(&a->model);
    if (st == WEFT_OK) st = dataset_open(a->model.settings, &expected, &a->dataset);
    if (st == WEFT_OK) st = choose_split(a, options->split, expected.is_whole);
    if (st != WEFT_OK)
        return st;
    if (a->dataset.task != a->model.task && !options->is_unlabelled)
        return error_set(WEFT_EDATA, "%s: its rows are of task %s, but the model is of task %s", a->dataset.source,
                         task_name(a->dataset.task), task_name(a->model.task));
    a->model.net.input_type = a->dataset.type;
    a->loss = loss_rule_of(&a->model.net, a->model.settings, a->split->table->label != NULL, a->model.class_weight);
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

static weft_status gather_team(struct application *a, size_t threads)
{
    size_t blocks = (a->split->count + EVALUATION_BLOCK_ROWS - 1) / EVALUATION_BLOCK_ROWS;
    weft_status st = team_create(&a->team, team_threads(threads, blocks, NULL));
    if (st != WEFT_OK)
        return st;
    a->space = memory_new(a->team.size, sizeof *a->space);
    if (a->space == NULL)
        return WEFT_ENOMEM;
    struct workspace_order order = {&a->model.net, a->space, 0};
    st = team_run(&a->team, create_workspace, &order);
    if (st == WEFT_OK && atomic_load(&order.failed) != 0)
        st = error_set(WEFT_ENOMEM, "workspaces of %zu threads: not enough memory", a->team.size);
    return st;
}

weft_status application_open(const char *checkpoint, const struct application_options *options, struct application *a)
{
    memset(a, 0, sizeof *a);
    weft_status st = model_load(checkpoint, "best.h5", options->unsealed, &a->model, NULL);
    if (st == WEFT_OK) st = open_data(a, options);
    if (st == WEFT_OK) st = gather_team(a, options->threads);
    if (st != WEFT_OK)
        application_close(a);
    return st;
}

void application_close(struct application *a)
{
    for (size_t rank = 0; a->space != NULL && rank < a->team.size; rank++)
        workspace_destroy(&a->space[rank]);
    memory_free(a->space);
    dataset_close(&a->dataset);
    names_free(&a->numbers);
    model_destroy(&a->model);
    memset(a, 0, sizeof *a);
}

struct evaluator application_evaluator(struct application *a)
{
    bool has_labels = a->split->table->label != NULL || a->split->table->target != NULL;
    return (struct evaluator){&a->model.net, &a->dataset, has_labels ? &a->loss : NULL, &a->team, a->space, NULL};
}
