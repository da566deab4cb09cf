/* What came of a sweep: figures of each run, then mean and standard deviation over the runs of each combination. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "sweep/sweep.h"

/* All figures that a run may have, in their order: those of the splits, those of the run, one a layer. */
enum {
    OF_SPLIT = 5, OF_RUN = 5,
    OF_SPLITS = WEFT_RUN_SPLITS * OF_SPLIT,
    LAYER_FIRST = OF_SPLITS + OF_RUN,
    FIGURES_MAX = LAYER_FIRST + LAYERS_MAX + 1,
};

static void figure_name(size_t figure, char name[64])
{
    static const char *const split[WEFT_RUN_SPLITS] = {"train", "validation", "test"};
    static const char *const of_split[OF_SPLIT] = {"cost", "loss", "accuracy", "r2", "mean_absolute_error"};
    static const char *const of_run[OF_RUN] = {"steps", "epochs", "model_step", "training_time_s", "elapsed_s"};
    if (figure < OF_SPLITS)
        snprintf(name, 64, "%s_%s", split[figure / OF_SPLIT], of_split[figure % OF_SPLIT]);
    else if (figure < LAYER_FIRST)
        snprintf(name, 64, "%s", of_run[figure - OF_SPLITS]);
    else
        snprintf(name, 64, "mean_abs_weight_%02zu", figure - LAYER_FIRST + 1);
}

static double of_split(const weft_evaluation *e, size_t figure)
{
    const double value[OF_SPLIT] = {e->cost, e->loss, e->accuracy, e->r2, e->mean_absolute_error};
    return e->rows > 0 ? value[figure] : NAN;
}

static double of_layer(const weft_run *run, size_t layer)
{
    char name[64];
    snprintf(name, sizeof name, "%02zu/weight", layer);
    for (size_t i = 0; i < run->tensors; i++)
        if (run->tensor[i].layer == layer && strcmp(run->tensor[i].name, name) == 0)
            return run->tensor[i].mean_abs;
    return NAN;
}

static double figure_value(const weft_run *run, size_t figure)
{
    const double of_run[OF_RUN] = {(double)run->steps, run->last.epoch, (double)run->model_step, run->training_time_s, run->elapsed_s};
    if (figure < OF_SPLITS)
        return of_split(&run->evaluation[figure / OF_SPLIT], figure % OF_SPLIT);
    return figure < LAYER_FIRST ? of_run[figure - OF_SPLITS] : of_layer(run, figure - LAYER_FIRST + 1);
}

/* value: [FIGURES_MAX, runs] */
static weft_status read_runs(const weft_sweep *sweep, double *value, weft_sweep_summary *summary)
{
    for (size_t i = 0; i < sweep->runs; i++) {
        weft_sweep_state state;
        weft_run run;
        weft_status st = sweep_run_read(sweep, i, &state, &run);
        if (st != WEFT_OK)
            return st;
        summary->over[sweep->run[i].combination] += state == WEFT_SWEEP_OVER;
        for (size_t f = 0; f < FIGURES_MAX; f++)
            value[f * sweep->runs + i] = state == WEFT_SWEEP_OVER ? figure_value(&run, f) : NAN;
        weft_run_clear(&run);
    }
    return WEFT_OK;
}

/* Mean and standard deviation of a sample: two passes, for the mean is far from 0 and the deviations are small. */
static void mean_and_sd(const weft_sweep *sweep, size_t combination, weft_sweep_figure *figure)
{
    double sum = 0, squares = 0;
    size_t count = 0;
    for (size_t i = 0; i < sweep->runs; i++)
        if (sweep->run[i].combination == combination && !isnan(figure->value[i])) {
            sum += figure->value[i];
            count++;
        }
    double mean = count > 0 ? sum / (double)count : NAN;
    for (size_t i = 0; i < sweep->runs; i++)
        if (sweep->run[i].combination == combination && !isnan(figure->value[i]))
            squares += (figure->value[i] - mean) * (figure->value[i] - mean);
    figure->mean[combination] = mean;
    figure->sd[combination] = count > 1 ? sqrt(squares / (double)(count - 1)) : NAN;
}

static bool has_any(const double *value, size_t count)
{
    bool any = false;
    for (size_t i = 0; i < count; i++)
        any = any || !isnan(value[i]);
    return any;
}

static weft_status figure_add(const weft_sweep *sweep, size_t which, const double *value, weft_sweep_summary *summary)
{
    weft_sweep_figure *figure = &summary->figure[summary->figures++];
    figure_name(which, figure->name);
    figure->mean = memory_new(sweep->combinations, sizeof *figure->mean);
    figure->sd = memory_new(sweep->combinations, sizeof *figure->sd);
    figure->value = memory_new(sweep->runs, sizeof *figure->value);
    if (figure->mean == NULL || figure->sd == NULL || figure->value == NULL)
        return WEFT_ENOMEM;
    memcpy(figure->value, value, sweep->runs * sizeof *value);
    for (size_t c = 0; c < sweep->combinations; c++)
        mean_and_sd(sweep, c, figure);
    return WEFT_OK;
}

weft_status weft_sweep_summarize(const weft_sweep *sweep, weft_sweep_summary *summary)
{
    *summary = (weft_sweep_summary){.combinations = sweep->combinations, .runs = sweep->runs};
    double *value = memory_new(FIGURES_MAX * sweep->runs, sizeof *value);
    summary->over = memory_new(sweep->combinations, sizeof *summary->over);
    summary->figure = memory_new(FIGURES_MAX, sizeof *summary->figure);
    weft_status st = value != NULL && summary->over != NULL && summary->figure != NULL ? read_runs(sweep, value, summary) : WEFT_ENOMEM;
    for (size_t f = 0; f < FIGURES_MAX && st == WEFT_OK; f++)
        if (has_any(&value[f * sweep->runs], sweep->runs))
            st = figure_add(sweep, f, &value[f * sweep->runs], summary);
    memory_free(value);
    if (st != WEFT_OK)
        weft_sweep_summary_clear(summary);
    return st;
}

void weft_sweep_summary_clear(weft_sweep_summary *summary)
{
    for (size_t i = 0; i < summary->figures; i++) {
        memory_free(summary->figure[i].mean);
        memory_free(summary->figure[i].sd);
        memory_free(summary->figure[i].value);
    }
    memory_free(summary->figure);
    memory_free(summary->over);
    *summary = (weft_sweep_summary){0};
}
