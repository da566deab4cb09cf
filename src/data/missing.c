/* Missing values: a NaN in a table of floats. They are filled in once, when the data are opened, with what the training rows
 * say; a trained model brings along what that was. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/parts.h"

static weft_status refuse_missing(const struct dataset *dataset, const struct table *table)
{
    for (size_t i = 0; i < table->count * table->features; i++)
        if (isnan(table->value[i]))
            return error_set(WEFT_EDATA, "data source %s: feature %zu of %s row %zu is missing; data.missing = mean, median or zero "
                             "fills such places in", dataset->source, i % table->features, dataset_table_name(dataset, table),
                             i / table->features);
    return WEFT_OK;
}

static void fill_table(struct table *table, const float *fill)
{
    for (size_t n = 0; n < table->count; n++)
        for (size_t j = 0; j < table->features; j++)
            if (isnan(table->value[n * table->features + j]))
                table->value[n * table->features + j] = fill[j];
}

/* The values of feature j that are there, in the order of the rows; returns how many. */
static size_t present_values(const struct split *train, size_t j, float *present)
{
    size_t count = 0, features = train->table->features;
    for (size_t i = 0; i < train->count; i++) {
        float x = train->table->value[train->row[i] * features + j];
        if (!isnan(x))
            present[count++] = x;
    }
    return count;
}

static float mean_of(const float *x, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)x[i];
    return (float)(sum / (double)count);
}

static int ascending(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* x is sorted on the way. */
static float median_of(float *x, size_t count)
{
    qsort(x, count, sizeof *x, ascending);
    return (float)(((double)x[(count - 1) / 2] + (double)x[count / 2]) / 2);
}

/* A feature that no training row has becomes 0. */
static weft_status fit_fill(struct dataset *dataset, enum missing missing)
{
    const struct split *train = &dataset->split[SPLIT_TRAIN];
    float *present = memory_reserve(train->count, sizeof *present);
    if (present == NULL)
        return WEFT_ENOMEM;
    for (size_t j = 0; j < dataset->features && missing != MISSING_ZERO; j++) {
        size_t count = present_values(train, j, present);
        if (count > 0)
            dataset->fill[j] = missing == MISSING_MEAN ? mean_of(present, count) : median_of(present, count);
    }
    memory_free(present);
    return WEFT_OK;
}

weft_status dataset_fill_missing(struct dataset *dataset, enum missing missing, const struct expected *expected)
{
    struct table *table[TABLES_MAX];
    size_t tables = dataset_tables(dataset, table);
    bool is_filled = expected != NULL ? expected->fill != NULL : missing != MISSING_ERROR;
    weft_status st = WEFT_OK;
    if (dataset->type == RAW_U8)                                /* bytes are all there */
        return WEFT_OK;
    for (size_t t = 0; t < tables && st == WEFT_OK && !is_filled; t++)
        st = refuse_missing(dataset, table[t]);
    if (st != WEFT_OK || !is_filled)
        return st;
    dataset->fill = memory_new(dataset->features, sizeof *dataset->fill);
    if (dataset->fill == NULL)
        return WEFT_ENOMEM;
    if (expected != NULL)
        memcpy(dataset->fill, expected->fill, dataset->features * sizeof *dataset->fill);
    else
        st = fit_fill(dataset, missing);
    for (size_t t = 0; t < tables && st == WEFT_OK; t++)
        fill_table(table[t], dataset->fill);
    return st;
}
