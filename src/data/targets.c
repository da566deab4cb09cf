/* What the labels of the tables mean for the network: its outputs, one target or class for each row, and how much a class
 * counts. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/parts.h"

/* How far the shares of a row may be from 1 together: files hold them rounded to a few digits. */
static const double SHARES_TOLERANCE = 1e-3;

/* ---- Classes ---- */

static bool is_one_hot(const struct table *table, size_t n)
{
    size_t ones = 0;
    for (size_t k = 0; k < table->targets; k++) {
        float share = table->target[n * table->targets + k];
        if (share != 0 && share != 1)
            return false;
        ones += share == 1;
    }
    return ones == 1;
}

static bool all_one_hot(const struct table *table)
{
    for (size_t n = 0; n < table->count; n++)
        if (!is_one_hot(table, n))
            return false;
    return true;
}

static weft_status labels_of_shares(struct table *table)
{
    size_t K = table->targets;
    table->label = memory_new(table->count, sizeof *table->label);
    if (table->label == NULL)
        return WEFT_ENOMEM;
    for (size_t n = 0; n < table->count; n++)
        for (size_t k = 0; k < K; k++)
            if (table->target[n * K + k] == 1)
                table->label[n] = (int32_t)k;
    memory_free(table->target);
    table->target = NULL;
    table->targets = 0;
    return WEFT_OK;
}

/* One row of `outputs` shares for each label. */
static weft_status shares_of_labels(struct table *table, size_t outputs)
{
    table->target = memory_new(table->count * outputs, sizeof *table->target);
    if (table->target == NULL)
        return WEFT_ENOMEM;
    table->targets = outputs;
    for (size_t n = 0; n < table->count; n++)
        table->target[n * outputs + (size_t)table->label[n]] = 1;
    memory_free(table->label);
    table->label = NULL;
    return WEFT_OK;
}

static weft_status shares_check(const struct dataset *dataset, const struct table *table)
{
    if (table->targets != dataset->outputs)
        return error_set(WEFT_EDATA, "data source %s: a %s row has shares of %zu classes, wanted %zu", dataset->source,
                         dataset_table_name(dataset, table), table->targets, dataset->outputs);
    for (size_t n = 0; n < table->count; n++) {
        double sum = 0;
        bool negative = false;
        for (size_t k = 0; k < table->targets; k++) {
            sum += (double)table->target[n * table->targets + k];
            negative = negative || table->target[n * table->targets + k] < 0;
        }
        if (negative || !(fabs(sum - 1) <= SHARES_TOLERANCE))
            return error_set(WEFT_EDATA, "data source %s: the shares of the classes in %s row %zu %s, wanted 0 or more each and 1 "
                             "together", dataset->source, dataset_table_name(dataset, table), n,
                             negative ? "are not all positive" : "do not add up to 1");
    }
    return WEFT_OK;
}

static weft_status count_classes(struct dataset *dataset, size_t *classes)
{
    const struct table *train = &dataset->train;
    if (train->label == NULL) {
        *classes = train->targets;
        return WEFT_OK;
    }
    int32_t least = train->label[0], most = train->label[0];
    for (size_t n = 1; n < train->count; n++) {
        least = train->label[n] < least ? train->label[n] : least;
        most = train->label[n] > most ? train->label[n] : most;
    }
    *classes = (size_t)most + 1 > dataset->classes.count ? (size_t)most + 1 : dataset->classes.count;
    if (least == most && *classes == (size_t)most + 1)
        return error_set(WEFT_EDATA, "data source %s: all %zu training rows have label %d, wanted two classes or more",
                         dataset->source, train->count, (int)most);
    return WEFT_OK;
}

static weft_status labels_check(const struct dataset *dataset, const struct table *table)
{
    for (size_t n = 0; n < table->count; n++)
        if (table->label[n] < 0 || (size_t)table->label[n] >= dataset->outputs)
            return error_set(WEFT_EDATA, "data source %s: %s row %zu has label %d, wanted 0 to %zu, the classes %s",
                             dataset->source, dataset_table_name(dataset, table), n, (int)table->label[n], dataset->outputs - 1,
                             table == &dataset->train ? "of the model" : "in training");
    return WEFT_OK;
}

/* All tables alike: labels, or if some row has soft shares, shares. */
static weft_status fit_classes(struct dataset *dataset, const struct expected *expected)
{
    struct table *table[TABLES_MAX];
    size_t tables = dataset_tables(dataset, table);
    bool is_soft = false;
    for (size_t t = 0; t < tables; t++)
        is_soft = is_soft || (table[t]->label == NULL && !all_one_hot(table[t]));
    weft_status st = WEFT_OK;
    for (size_t t = 0; t < tables && st == WEFT_OK && !is_soft; t++)
        st = table[t]->label == NULL ? labels_of_shares(table[t]) : WEFT_OK;
    dataset->outputs = expected != NULL ? expected->outputs : 0;
    if (st == WEFT_OK && expected == NULL)
        st = count_classes(dataset, &dataset->outputs);
    for (size_t t = 0; t < tables && st == WEFT_OK; t++) {
        st = table[t]->label != NULL ? labels_check(dataset, table[t]) : shares_check(dataset, table[t]);
        if (st == WEFT_OK && is_soft && table[t]->label != NULL)
            st = shares_of_labels(table[t], dataset->outputs);
    }
    return st;
}

/* ---- Values ---- */

/* A class number is a value, too. */
static weft_status values_of_labels(struct table *table)
{
    table->target = memory_new(table->count, sizeof *table->target);
    if (table->target == NULL)
        return WEFT_ENOMEM;
    table->targets = 1;
    for (size_t n = 0; n < table->count; n++)
        table->target[n] = (float)table->label[n];
    memory_free(table->label);
    table->label = NULL;
    return WEFT_OK;
}

static weft_status targets_check(const struct dataset *dataset, const struct table *table)
{
    if (table->targets != dataset->outputs)
        return error_set(WEFT_EDATA, "data source %s: a %s row has %zu targets, wanted %zu", dataset->source,
                         dataset_table_name(dataset, table), table->targets, dataset->outputs);
    for (size_t i = 0; i < table->count * table->targets; i++) {
        float target = table->target[i];
        bool is_score = target >= 0 && target <= 1;
        if (!isfinite(target) || (dataset->task == TASK_LABELS && !is_score))
            return error_set(WEFT_EDATA, "data source %s: target %zu of %s row %zu is %g, wanted %s", dataset->source,
                             i % table->targets, dataset_table_name(dataset, table), i / table->targets, (double)target,
                             dataset->task == TASK_LABELS ? "0 to 1" : "a finite number");
    }
    return WEFT_OK;
}

static weft_status fit_values(struct dataset *dataset, const struct expected *expected)
{
    struct table *table[TABLES_MAX];
    size_t tables = dataset_tables(dataset, table);
    weft_status st = WEFT_OK;
    for (size_t t = 0; t < tables && st == WEFT_OK; t++)
        st = table[t]->label != NULL ? values_of_labels(table[t]) : WEFT_OK;
    dataset->outputs = expected != NULL ? expected->outputs : table[0]->targets;
    for (size_t t = 0; t < tables && st == WEFT_OK; t++)
        st = targets_check(dataset, table[t]);
    return st;
}

/* For a model of labels: a class is a row with this label alone. */
static weft_status labels_of_classes(struct dataset *dataset, size_t outputs)
{
    struct table *table[TABLES_MAX];
    size_t tables = dataset_tables(dataset, table);
    weft_status st = WEFT_OK;
    dataset->outputs = outputs;
    for (size_t t = 0; t < tables && st == WEFT_OK; t++) {
        if (table[t]->label == NULL)
            continue;
        st = labels_check(dataset, table[t]);
        if (st == WEFT_OK)
            st = shares_of_labels(table[t], outputs);
    }
    return st;
}

weft_status dataset_fit_targets(struct dataset *dataset, const struct expected *expected)
{
    if (expected != NULL && expected->is_unlabelled) {
        dataset->outputs = expected->outputs;
        return WEFT_OK;
    }
    bool has_classes = dataset->task == TASK_LABELS && dataset->train.label != NULL;    /* one of the outputs is right */
    if (has_classes && (expected == NULL || expected->task == TASK_CLASSES))
        dataset->task = TASK_CLASSES;
    weft_status st = dataset->task == TASK_LABELS && has_classes ? labels_of_classes(dataset, expected->outputs) : WEFT_OK;
    if (st == WEFT_OK)
        st = dataset->task == TASK_CLASSES ? fit_classes(dataset, expected) : fit_values(dataset, expected);
    if (st == WEFT_OK && dataset->classes.count != 0 && dataset->classes.count != dataset->outputs)
        names_free(&dataset->classes);                          /* of other numbers: better none than wrong ones */
    return st;
}

/* ---- Weights of the classes ---- */

/* n / (classes * rows of the class), so that a row counts 1 in the mean (King and Zeng, "Logistic regression in rare events
 * data", 2001; scikit-learn's "balanced"). */
static weft_status balance(struct dataset *dataset)
{
    const struct split *train = &dataset->split[SPLIT_TRAIN];
    size_t *rows = memory_new(dataset->outputs, sizeof *rows), empty = 0;
    if (rows == NULL)
        return WEFT_ENOMEM;
    for (size_t n = 0; n < train->count; n++)
        rows[train->table->label[train->row[n]]]++;
    while (empty < dataset->outputs && rows[empty] > 0)
        empty++;
    for (size_t c = 0; c < dataset->outputs && empty == dataset->outputs; c++)
        dataset->class_weight[c] = (float)((double)train->count / ((double)dataset->outputs * (double)rows[c]));
    memory_free(rows);
    if (empty < dataset->outputs)
        return error_set(WEFT_EDATA, "train.class_weights = balanced: class %zu has no training rows in %s", empty, dataset->source);
    return WEFT_OK;
}

static weft_status take_list(struct dataset *dataset, const struct class_weights *list)
{
    double sum = 0;
    if (list->count != dataset->outputs)
        return error_set(WEFT_ESETTINGS, "train.class_weights has %zu numbers for %zu classes", list->count, dataset->outputs);
    for (size_t c = 0; c < list->count; c++)
        sum += list->value[c];
    for (size_t c = 0; c < list->count; c++) {
        dataset->class_weight[c] = (float)(list->value[c] / sum * (double)list->count);
        if (!(dataset->class_weight[c] > 0))
            return error_set(WEFT_ESETTINGS, "train.class_weights: number %zu is nothing beside the others", c + 1);
    }
    return WEFT_OK;
}

weft_status dataset_weigh_classes(struct dataset *dataset, const struct weft_settings *settings)
{
    const struct class_weights *weights = &settings->train.class_weights;
    if (weights->kind == WEIGHTING_NONE)
        return WEFT_OK;
    if (dataset->train.label == NULL)
        return error_set(WEFT_ESETTINGS, "train.class_weights: the rows of %s have no single class each", dataset->source);
    dataset->class_weight = memory_new(dataset->outputs, sizeof *dataset->class_weight);
    if (dataset->class_weight == NULL)
        return WEFT_ENOMEM;
    return weights->kind == WEIGHTING_BALANCED ? balance(dataset) : take_list(dataset, weights);
}
