/* weft_run_read: a run from the files in its directory. The checkpoint that last.h5 points at tells nearly all; the model that a run
 * leaves may be another one (the best), and what it is worth is in evaluation.h5. Seconds are in timing.csv alone. */
#include "weft/run.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file_reader.h"
#include "base/memory.h"
#include "base/text.h"
#include "store/checkpoint.h"
#include "store/file.h"
#include "store/palette.h"
#include "store/weight_stats.h"
#include "train/figures.h"
#include "train/history.h"
#include "train/inspect.h"

#define TRY(call) do { weft_status try_status = (call); if (try_status != WEFT_OK) return try_status; } while (0)

_Static_assert((int)WEFT_RUN_TRAIN == SPLIT_TRAIN && (int)WEFT_RUN_VALIDATION == SPLIT_VALIDATION && (int)WEFT_RUN_TEST == SPLIT_TEST
               && (int)WEFT_RUN_SPLITS == SPLIT_COUNT, "splits have one order");
_Static_assert((int)WEFT_HISTOGRAM_BINS == HISTOGRAM_BINS, "histograms have one size");

enum { PATH_SIZE = 1200, TIMING_SIZE_MAX = 1 << 28, PICTURES_MAX = 256 };

static weft_status path_of(const weft_run *run, const char *name, char path[PATH_SIZE])
{
    return snprintf(path, PATH_SIZE, "%s/%s", run->directory, name) < PATH_SIZE
               ? WEFT_OK : error_set(WEFT_ENOINPUT, "the path %.60s... is too long", run->directory);
}

static weft_status find(const weft_run *run, const char *name, char path[PATH_SIZE], bool *is_there)
{
    struct file_look look;
    TRY(path_of(run, name, path));
    TRY(file_look(path, &look));
    *is_there = look.exists;
    return WEFT_OK;
}

/* Its own name, whatever way leads to it ("." has one, too). */
static weft_status name_run(const char *directory, weft_run *run)
{
    if (snprintf(run->directory, sizeof run->directory, "%s", directory) >= (int)sizeof run->directory)
        return error_set(WEFT_ENOINPUT, "the path %.60s... is too long", directory);
    char *whole = realpath(directory, NULL);
    if (whole == NULL)
        return error_set(WEFT_ENOINPUT, "read the run in %s: %m", directory);
    const char *slash = strrchr(whole, '/');
    snprintf(run->name, sizeof run->name, "%s", slash[1] != '\0' ? slash + 1 : whole);
    free(whole);                                                /* realpath's */
    return WEFT_OK;
}

/* ---- history and statistics ---- */

/* Evaluations come in the order of their steps, none after the checkpoint's. */
static weft_status check_step(const weft_run *run, const char *object, int64_t before, int64_t step)
{
    if (step > before && (uint64_t)step <= run->last.step)
        return WEFT_OK;
    return error_set(WEFT_EDAMAGED, "%s: found step %" PRId64 " behind step %" PRId64 ", wanted ascending ones up to %" PRIu64, object,
                     step, before, run->last.step);
}

static weft_status copy_history(const struct history *history, weft_run *run)
{
    for (enum split_name s = 0; s < SPLIT_COUNT; s++) {
        weft_history *to = &run->history[s];
        if (history->count[s] > 0 && (to->row = memory_new(history->count[s], sizeof *to->row)) == NULL)
            return WEFT_ENOMEM;
        to->rows = history->count[s];
        for (size_t i = 0; i < to->rows; i++) {
            const struct history_row *row = &history->row[s][i];
            char object[32];
            snprintf(object, sizeof object, "/history/%s", split_label(s));
            TRY(check_step(run, object, i > 0 ? row[-1].step : -1, row->step));
            to->row[i] = (weft_history_row){(uint64_t)row->step, row->epoch, row->cost, row->loss,
                                            history->has_values ? NAN : row->accuracy, history->has_values ? row->r2 : NAN,
                                            history->has_values ? row->mean_absolute_error : NAN, row->learning_rate};
        }
    }
    return WEFT_OK;
}

static weft_status read_history(const struct model *model, const struct snapshot *snapshot, weft_run *run)
{
    struct history history = {.has_values = model->task == TASK_REGRESSION};
    TRY(history_get(&history, snapshot));
    weft_status st = copy_history(&history, run);
    history_clear(&history);
    return st;
}

static weft_status read_step_loss(const struct snapshot *snapshot, weft_run *run)
{
    static const char path[] = "/history/step/loss";
    const struct array *loss = snapshot_find_array(snapshot, path);
    int64_t per_epoch;
    TRY(snapshot_get_integer(snapshot, "/trainer", "steps_per_epoch", &per_epoch));
    run->steps_per_epoch = per_epoch > 0 ? (uint64_t)per_epoch : 1;
    if (loss == NULL || loss->count != run->last.step)          /* before memory is asked for */
        return error_set(WEFT_EDAMAGED, "%s: missing, or not one loss for each of %" PRIu64 " steps", path, run->last.step);
    size_t steps = loss->count;
    if (steps > 0 && (run->step_loss = memory_new(steps, sizeof *run->step_loss)) == NULL)
        return WEFT_ENOMEM;
    run->steps = steps;
    return steps > 0 ? snapshot_get_array(snapshot, path, ARRAY_F32, 1, &steps, run->step_loss) : WEFT_OK;
}

static weft_statistics_row row_of(int64_t step, const struct weight_figures *f)
{
    weft_statistics_row row = {
        .step = (uint64_t)step, .mean_abs = f->mean_abs, .l2_norm = f->l2_norm, .mean = f->mean, .std = f->std, .min = f->min,
        .max = f->max, .zero_fraction = f->zero_fraction, .gradient_l2_norm = f->gradient_l2_norm, .update_ratio = f->update_ratio,
    };
    memcpy(row.histogram, f->histogram, sizeof row.histogram);
    memcpy(row.histogram_edges, f->histogram_edges, sizeof row.histogram_edges);
    return row;
}

static weft_status copy_statistics(const struct weight_stats *stats, const char *path, const weft_run *run, weft_statistics *to)
{
    if (stats->count > 0 && (to->row = memory_new(stats->count, sizeof *to->row)) == NULL)
        return WEFT_ENOMEM;
    to->rows = stats->count;
    for (size_t i = 0; i < to->rows; i++) {
        TRY(check_step(run, path, i > 0 ? stats->step[i - 1] : -1, stats->step[i]));
        to->row[i] = row_of(stats->step[i], &stats->row[i]);
    }
    return WEFT_OK;
}

static weft_status read_tensor_statistics(const struct tensor *tensor, const struct snapshot *snapshot, const weft_run *run,
                                          weft_statistics *to)
{
    char path[TENSOR_PATH_SIZE], name[TENSOR_PATH_SIZE];
    struct weight_stats stats = {0};
    tensor_path(tensor, "", name);
    snprintf(to->name, sizeof to->name, "%s", name + 1);
    to->layer = tensor->layer + 1;
    tensor_path(tensor, "/statistics", path);
    TRY(weight_stats_get(&stats, path, snapshot));
    weft_status st = copy_statistics(&stats, path, run, to);
    weight_stats_clear(&stats);
    return st;
}

/* Layer by layer, as in the file. */
static weft_status read_statistics(const struct network *net, const struct snapshot *snapshot, weft_run *run)
{
    if ((run->statistic = memory_new(net->tensors, sizeof *run->statistic)) == NULL)
        return WEFT_ENOMEM;
    for (size_t l = 0; l < net->layers; l++)
        for (size_t i = 0; i < net->tensors; i++)
            if (net->tensor[i].layer == l)
                TRY(read_tensor_statistics(&net->tensor[i], snapshot, run, &run->statistic[run->statistics++]));
    return WEFT_OK;
}

/* ---- the model that is left ---- */

static weft_status read_picture(const struct snapshot *snapshot, const struct array *array, weft_picture *picture)
{
    const uint8_t *pixel = array->data;
    *picture = (weft_picture){.height = array->dim[0], .width = array->dim[1]};
    TRY(snapshot_get_real(snapshot, array->path, "largest_weight", &picture->largest_weight));
    if ((picture->rgb = memory_new(3 * picture->height * picture->width, 1)) == NULL)
        return WEFT_ENOMEM;
    if (array->rank == 3)
        memcpy(picture->rgb, pixel, array->count);
    else
        for (size_t i = 0; i < array->count; i++)
            palette_color(pixel[i], picture->rgb + 3 * i);
    return WEFT_OK;
}

static bool is_picture(const struct array *array)
{
    static const char unit[] = "/images/01/unit_";
    return strncmp(array->path, unit, sizeof unit - 1) == 0 && array->type == ARRAY_U8 && array->count > 0
           && (array->rank == 2 || (array->rank == 3 && array->dim[2] == 3));
}

/* In the order of the file, which is that of the units. */
static weft_status read_pictures(const struct snapshot *snapshot, weft_run *run)
{
    size_t count = 0;
    for (size_t i = 0; i < snapshot->array_count; i++)
        count += is_picture(&snapshot->array[i]);
    if (count > PICTURES_MAX)
        return error_set(WEFT_EDAMAGED, "/images/01: found pictures of %zu units, wanted %d at most", count, PICTURES_MAX);
    if (count > 0 && (run->picture = memory_new(count, sizeof *run->picture)) == NULL)
        return WEFT_ENOMEM;
    for (size_t i = 0; i < snapshot->array_count; i++) {
        const struct array *array = &snapshot->array[i];
        if (!is_picture(array))
            continue;
        weft_picture *picture = &run->picture[run->pictures++];
        TRY(read_picture(snapshot, array, picture));
        if (picture->height != run->picture[0].height || picture->width != run->picture[0].width)
            return error_set(WEFT_EDAMAGED, "%s: found %zu x %zu pixels, wanted the %zu x %zu of the first unit", array->path,
                             picture->height, picture->width, run->picture[0].height, run->picture[0].width);
    }
    return WEFT_OK;
}

static weft_status describe_model(const struct model *model, const struct snapshot *snapshot, weft_run *run)
{
    run->model_step = (uint64_t)model->step;
    TRY(inspect_tensors(model, snapshot, &run->tensor, &run->tensors));
    return read_pictures(snapshot, run);
}

static weft_status read_best(weft_run *run)
{
    char path[PATH_SIZE];
    struct model model;
    struct snapshot *snapshot;
    TRY(path_of(run, "best.h5", path));
    TRY(model_load(path, "", false, &model, &snapshot));
    weft_status st = (uint64_t)model.step == run->model_step
                         ? describe_model(&model, snapshot, run)
                         : error_set(WEFT_EDAMAGED, "%s is of step %" PRId64 ", but evaluation.h5 is of step %" PRIu64, path,
                                     model.step, run->model_step);
    snapshot_destroy(snapshot);
    model_destroy(&model);
    return st;
}

/* Of this end of the run, not of an earlier one that it has gone on from. */
static bool are_of(const struct figures *figures, const weft_checkpoint_info *last)
{
    return last->stop_reason[0] != '\0' && (uint64_t)figures->last_step == last->step
           && strcmp(figures->last_digest, last->weights_digest) == 0;
}

static weft_status read_figures(weft_run *run)
{
    char path[PATH_SIZE];
    struct snapshot *snapshot;
    struct figures figures;
    bool is_there;
    run->model_step = run->last.step;
    TRY(find(run, "evaluation.h5", path, &is_there));
    if (!is_there)
        return WEFT_OK;
    TRY(checkpoint_load(path, false, &snapshot));
    weft_status st = figures_get(snapshot, &figures);
    snapshot_destroy(snapshot);
    if (st != WEFT_OK)
        return error_context(st, "read %s", path);
    if (!are_of(&figures, &run->last)) {
        figures_clear(&figures);
        return WEFT_OK;
    }
    memcpy(run->evaluation, figures.evaluation, sizeof run->evaluation);        /* and they are the run's now */
    run->is_over = 1;
    run->model_step = (uint64_t)figures.step;
    run->is_best = figures.step == run->last.best_step;
    return WEFT_OK;
}

/* ---- what is not in a checkpoint ---- */

static weft_status read_source(weft_run *run)
{
    char path[PATH_SIZE];
    bool is_there;
    TRY(find(run, "run.ini", path, &is_there));
    if (!is_there)
        return WEFT_OK;
    weft_settings *settings = weft_settings_create();
    if (settings == NULL)
        return WEFT_ENOMEM;
    weft_status st = weft_settings_load(settings, path);
    if (st == WEFT_OK && snprintf(run->source, sizeof run->source, "%s", settings->data.source) >= (int)sizeof run->source)
        memcpy(run->source + sizeof run->source - 4, "...", 4);
    weft_settings_destroy(settings);
    return st;
}

/* The numbers before the first `cells` commas of a line; false if it has others there, or fewer. The line is cut up. */
static bool read_cells(char *line, size_t cells, double *cell)
{
    for (size_t i = 0; i < cells; i++) {
        char *text = strsep(&line, ",");
        if (line == NULL || !text_parse_real(text, &cell[i]))
            return false;
    }
    return true;
}

/* "step,elapsed_s,training_time_s,samples_per_s" a line; the seconds of a call begin anew, with a line of zeros if it resumed. What
 * is no such line (a head, one that was cut off) does not count. */
static void add_times(char *text, weft_run *run)
{
    double elapsed_s = 0, training_s = 0, cell[3];
    run->elapsed_s = run->training_time_s = 0;
    for (char *line; (line = strsep(&text, "\n")) != NULL;) {
        if (!read_cells(line, sizeof cell / sizeof *cell, cell))
            continue;
        if (cell[1] < elapsed_s) {
            run->elapsed_s += elapsed_s;
            run->training_time_s += training_s;
        }
        elapsed_s = cell[1];
        training_s = cell[2];
    }
    run->elapsed_s += elapsed_s;
    run->training_time_s += training_s;
}

static weft_status read_times(weft_run *run)
{
    char path[PATH_SIZE];
    void *bytes;
    size_t size_bytes;
    run->elapsed_s = run->training_time_s = NAN;
    bool is_there;
    TRY(find(run, "timing.csv", path, &is_there));
    if (!is_there)
        return WEFT_OK;
    TRY(file_read(path, TIMING_SIZE_MAX, &bytes, &size_bytes));
    add_times(bytes, run);
    memory_free(bytes);
    return WEFT_OK;
}

/* ---- all of it ---- */

static void take_names(struct model *model, weft_run *run)
{
    snprintf(run->task, sizeof run->task, "%s", task_name(model->task));
    run->names = model->classes.count;
    run->name_of_output = model->classes.name;
    model->classes = (struct names){0};                         /* they are the run's now */
}

static weft_status read_last(struct model *model, const struct snapshot *snapshot, weft_run *run)
{
    TRY(inspect_model(model, snapshot, &run->last));
    TRY(read_history(model, snapshot, run));
    TRY(read_step_loss(snapshot, run));
    TRY(read_statistics(&model->net, snapshot, run));
    TRY(read_figures(run));
    TRY(run->model_step == run->last.step ? describe_model(model, snapshot, run) : read_best(run));
    take_names(model, run);
    TRY(read_source(run));
    return read_times(run);
}

static weft_status find_last(const weft_run *run, char path[PATH_SIZE])
{
    struct file_look look;
    bool is_there;
    TRY(file_look(run->directory, &look));
    if (!look.is_directory)
        return error_set(WEFT_ENOINPUT, "read the run in %s: it is a file, wanted the run's directory", run->directory);
    TRY(find(run, "last.h5", path, &is_there));
    return is_there ? WEFT_OK : error_set(WEFT_ENOINPUT, "read the run in %s: there is no last.h5 in it", run->directory);
}

weft_status weft_run_read(const char *directory, weft_run *run)
{
    struct model model;
    struct snapshot *snapshot;
    char path[PATH_SIZE];
    memset(run, 0, sizeof *run);
    weft_status st = name_run(directory, run);
    if (st == WEFT_OK) st = find_last(run, path);
    if (st == WEFT_OK && (st = model_load(path, "", false, &model, &snapshot)) == WEFT_OK) {
        if ((st = read_last(&model, snapshot, run)) != WEFT_OK)
            error_context(st, "read the run in %s", directory);
        snapshot_destroy(snapshot);
        model_destroy(&model);
    }
    if (st != WEFT_OK)
        weft_run_clear(run);
    return st;
}

void weft_run_clear(weft_run *run)
{
    struct names names = {run->names, run->name_of_output};
    names_free(&names);
    weft_checkpoint_info_clear(&run->last);
    memory_free(run->tensor);
    for (size_t i = 0; i < run->pictures; i++)
        memory_free(run->picture[i].rgb);
    memory_free(run->picture);
    for (size_t i = 0; i < run->statistics; i++)
        memory_free(run->statistic[i].row);
    memory_free(run->statistic);
    memory_free(run->step_loss);
    for (size_t s = 0; s < WEFT_RUN_SPLITS; s++) {
        memory_free(run->history[s].row);
        weft_evaluation_clear(&run->evaluation[s]);
    }
    memset(run, 0, sizeof *run);
}
