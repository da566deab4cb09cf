/* weft_predict: a model from a file, rows from a URI, a team for the time of the call. */
#include "weft/prediction.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/checkpoint.h"
#include "store/file.h"
#include "train/application.h"
#include "weft/report.h"

static weft_status fill(struct application *a, weft_prediction *p)
{
    static const weft_task public_task[] = {
        [TASK_CLASSES] = WEFT_TASK_CLASSES, [TASK_LABELS] = WEFT_TASK_LABELS, [TASK_REGRESSION] = WEFT_TASK_REGRESSION};
    struct inference found;
    struct names names;
    struct evaluator evaluator = application_evaluator(a);
    weft_status st = evaluate_infer(&evaluator, a->split, true, &found);
    if (st != WEFT_OK)
        return st;
    *p = (weft_prediction){.task = public_task[a->model.task], .rows = found.rows, .outputs = found.outputs,
                           .output = found.output, .step = (uint64_t)a->model.step};
    if (a->model.task == TASK_CLASSES)
        p->label = found.best;
    else
        memory_free(found.best);
    memcpy(p->weights_digest, a->model.digest, sizeof p->weights_digest);
    snprintf(p->split, sizeof p->split, "%s", a->split_name);
    snprintf(p->data, sizeof p->data, "%s", a->dataset.source);
    p->row = memory_new(p->rows, sizeof *p->row);
    if (p->row == NULL)
        return WEFT_ENOMEM;
    memcpy(p->row, a->split->row, p->rows * sizeof *p->row);
    if (a->model.classes.count > 0 && (st = names_copy(&a->model.classes, &names)) == WEFT_OK)
        p->name = names.name;
    return st;
}

weft_status weft_predict(const char *checkpoint, const weft_predict_options *options, weft_prediction *prediction)
{
    static const weft_predict_options defaults;
    if (options == NULL)
        options = &defaults;
    memset(prediction, 0, sizeof *prediction);
    const struct application_options wanted = {options->data, options->split, options->threads, options->unsealed != 0, true};
    struct application a;
    weft_status st = application_open(checkpoint, &wanted, &a);
    if (st != WEFT_OK)
        return st;
    if ((st = fill(&a, prediction)) != WEFT_OK)
        weft_prediction_clear(prediction);
    application_close(&a);
    return st;
}

void weft_prediction_clear(weft_prediction *prediction)
{
    struct names names = {prediction->name != NULL ? prediction->outputs : 0, prediction->name};
    names_free(&names);
    memory_free(prediction->row);
    memory_free(prediction->output);
    memory_free(prediction->label);
    memset(prediction, 0, sizeof *prediction);
}

/* ---- as a file ---- */

static weft_status put_outputs(const weft_prediction *p, struct snapshot *snapshot)
{
    const char *path = p->task == WEFT_TASK_REGRESSION ? "/value" : "/probability";
    size_t dim[2] = {p->rows, p->outputs};
    struct names names = {p->name != NULL ? p->outputs : 0, p->name};
    char *text = names_join(&names);
    weft_status st = text != NULL ? snapshot_put_array(snapshot, path, ARRAY_F32, ROLE_PLAIN, 2, dim, p->output) : WEFT_ENOMEM;
    if (st == WEFT_OK)
        st = snapshot_put_text(snapshot, path, "names", text);
    memory_free(text);
    return st;
}

static weft_status put_all(const weft_prediction *p, struct snapshot *snapshot)
{
    static const enum task task[] = {
        [WEFT_TASK_CLASSES] = TASK_CLASSES, [WEFT_TASK_LABELS] = TASK_LABELS, [WEFT_TASK_REGRESSION] = TASK_REGRESSION};
    void *row = NULL;
    weft_status st = snapshot_put_text(snapshot, "/", "content", "prediction");
    if (st == WEFT_OK) st = snapshot_put_text(snapshot, "/", "task", task_name(task[p->task]));
    if (st == WEFT_OK) st = snapshot_put_text(snapshot, "/", "split", p->split);
    if (st == WEFT_OK) st = snapshot_put_integer(snapshot, "/", "step", (int64_t)p->step);
    if (st == WEFT_OK) st = snapshot_put_text(snapshot, "/", "weights_digest", p->weights_digest);
    if (st == WEFT_OK) st = snapshot_put_space(snapshot, "/row", ARRAY_I64, ROLE_PLAIN, 1, &p->rows, &row);
    for (size_t n = 0; n < p->rows && st == WEFT_OK; n++)
        ((int64_t *)row)[n] = p->row[n];
    if (st == WEFT_OK && p->label != NULL)
        st = snapshot_put_array(snapshot, "/class", ARRAY_I32, ROLE_PLAIN, 1, &p->rows, p->label);
    return st == WEFT_OK ? put_outputs(p, snapshot) : st;
}

static weft_status save_hdf5(const weft_prediction *prediction, const char *path)
{
    struct snapshot *snapshot = snapshot_create();
    weft_status st = snapshot != NULL ? put_all(prediction, snapshot) : WEFT_ENOMEM;
    if (st == WEFT_OK)
        st = checkpoint_save(path, snapshot);
    snapshot_destroy(snapshot);
    return st;
}

static weft_status save_csv(const weft_prediction *prediction, const char *path)
{
    char *text = NULL;
    size_t size_bytes = 0;
    FILE *stream = open_memstream(&text, &size_bytes);
    if (stream == NULL)
        return error_set(WEFT_ENOMEM, "write the prediction: not enough memory");
    weft_status st = weft_report_prediction(prediction, stream);
    if (fclose(stream) != 0 && st == WEFT_OK)
        st = error_set(WEFT_ENOMEM, "write the prediction: not enough memory");
    if (st == WEFT_OK)
        st = file_replace(path, text, size_bytes);
    free(text);                                                 /* open_memstream's */
    return st;
}

static bool ends_in(const char *path, const char *ending)
{
    size_t length = strlen(path), of_ending = strlen(ending);
    return length > of_ending && strcmp(path + length - of_ending, ending) == 0;
}

weft_status weft_prediction_save(const weft_prediction *prediction, const char *path)
{
    if (ends_in(path, ".csv"))
        return save_csv(prediction, path);
    if (ends_in(path, ".h5") || ends_in(path, ".hdf5"))
        return save_hdf5(prediction, path);
    return error_set(WEFT_EINVAL, "write the prediction to %s: wanted a name that ends in .csv, .h5 or .hdf5", path);
}
