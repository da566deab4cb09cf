/* See metrics.h. */
#include "train/metrics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

static weft_class_figures figures_of(uint64_t hits, uint64_t predicted, uint64_t support)
{
    weft_class_figures f = {.precision = ratio((double)hits, (double)predicted),
                            .recall = ratio((double)hits, (double)support), .support = support};
    f.f1 = ratio(2 * f.precision * f.recall, f.precision + f.recall);
    return f;
}

static weft_class_figures figures_of_class(const uint64_t *confusion, size_t classes, size_t c)
{
    uint64_t support = 0, predicted = 0;
    for (size_t other = 0; other < classes; other++) {
        support += confusion[c * classes + other];
        predicted += confusion[other * classes + c];
    }
    return figures_of(confusion[c * classes + c], predicted, support);
}

static weft_class_figures figures_of_label(const struct label_counts *l)
{
    return figures_of(l->hits, l->hits + l->false_alarms, l->hits + l->misses);
}

static void add_weighted(weft_class_figures *mean, const weft_class_figures *f, double weight)
{
    mean->precision += weight * f->precision;
    mean->recall += weight * f->recall;
    mean->f1 += weight * f->f1;
    mean->support += f->support;
}

static weft_status fill_classes(weft_evaluation *e, const struct tally *tally)
{
    uint64_t support = 0, wrong = 0;
    e->per_class = memory_new(tally->outputs, sizeof *e->per_class);
    if (e->per_class == NULL)
        return WEFT_ENOMEM;
    for (size_t c = 0; c < tally->outputs; c++) {
        e->per_class[c] = tally->task == TASK_CLASSES ? figures_of_class(tally->confusion, tally->outputs, c)
                                                      : figures_of_label(&tally->label[c]);
        support += e->per_class[c].support;
        wrong += tally->task == TASK_LABELS ? tally->label[c].false_alarms + tally->label[c].misses : 0;
    }
    for (size_t c = 0; c < tally->outputs; c++) {
        add_weighted(&e->macro, &e->per_class[c], 1 / (double)tally->outputs);
        add_weighted(&e->weighted, &e->per_class[c], ratio((double)e->per_class[c].support, (double)support));
    }
    e->accuracy = ratio((double)tally->correct, (double)tally->rows);
    if (tally->task == TASK_LABELS)
        e->label_accuracy = 1 - ratio((double)wrong, (double)tally->rows * (double)tally->outputs);
    return WEFT_OK;
}

static weft_status fill_values(weft_evaluation *e, const struct tally *tally)
{
    e->per_value = memory_new(tally->outputs, sizeof *e->per_value);
    if (e->per_value == NULL)
        return WEFT_ENOMEM;
    double rows = (double)tally->rows;
    for (size_t k = 0; k < tally->outputs; k++)
        e->per_value[k] = (weft_value_figures){value_r2(&tally->value[k]), tally->value[k].absolute / rows,
                                               sqrt(tally->value[k].error2 / rows)};
    e->r2 = tally_r2(tally);
    e->mean_absolute_error = tally_mean_absolute_error(tally);
    return WEFT_OK;
}

static weft_status fill_names(weft_evaluation *e, const struct names *names)
{
    struct names copy;
    if (names->count == 0)
        return WEFT_OK;
    weft_status st = names_copy(names, &copy);
    e->name = copy.name;
    return st;
}

weft_status metrics_fill(weft_evaluation *evaluation, const char *split, struct tally *tally, double penalty,
                         const struct names *names)
{
    static const weft_task public_task[] = {
        [TASK_CLASSES] = WEFT_TASK_CLASSES, [TASK_LABELS] = WEFT_TASK_LABELS, [TASK_REGRESSION] = WEFT_TASK_REGRESSION};
    *evaluation = (weft_evaluation){.task = public_task[tally->task], .rows = tally->rows, .outputs = tally->outputs,
                                    .loss = tally->loss, .cost = tally->loss + penalty, .accuracy = NAN, .label_accuracy = NAN,
                                    .r2 = NAN, .mean_absolute_error = NAN};
    snprintf(evaluation->split, sizeof evaluation->split, "%s", split);
    weft_status st = tally->task == TASK_REGRESSION ? fill_values(evaluation, tally) : fill_classes(evaluation, tally);
    if (st == WEFT_OK)
        st = fill_names(evaluation, names);
    if (st != WEFT_OK) {
        weft_evaluation_clear(evaluation);
        return st;
    }
    evaluation->confusion = tally->confusion;
    tally->confusion = NULL;
    return WEFT_OK;
}

void weft_evaluation_clear(weft_evaluation *evaluation)
{
    struct names names = {evaluation->name != NULL ? evaluation->outputs : 0, evaluation->name};
    names_free(&names);
    memory_free(evaluation->confusion);
    memory_free(evaluation->per_class);
    memory_free(evaluation->per_value);
    memset(evaluation, 0, sizeof *evaluation);
}
