/* See weight_stats.h. */
#include "store/weight_stats.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/tree.h"
#include "kernel/kernel.h"

/* Sums of blocks, added as a tree; parts: 3 * blocks doubles. */
static struct block_sums sums_of(size_t count, const float *x, size_t blocks, double *parts)
{
    struct block_sums total = {.min = INFINITY, .max = -INFINITY};
    for (size_t b = 0; b < blocks; b++) {
        size_t left = count - b * SUM_BLOCK;
        struct block_sums sums;
        kernel->sums(left < SUM_BLOCK ? left : SUM_BLOCK, x + b * SUM_BLOCK, &sums);
        parts[b] = sums.sum;
        parts[blocks + b] = sums.sum_abs;
        parts[2 * blocks + b] = sums.sum_square;
        total.min = sums.min < total.min ? sums.min : total.min;
        total.max = sums.max > total.max ? sums.max : total.max;
        total.zeros += sums.zeros;
    }
    total.sum = tree_sum(parts, blocks);
    total.sum_abs = tree_sum(parts + blocks, blocks);
    total.sum_square = tree_sum(parts + 2 * blocks, blocks);
    return total;
}

/* Sum of squared deviations from the mean, and of squared differences to another array (NULL: 0); the same order. */
static void square_sums(size_t count, const float *x, double mean, const float *other, size_t blocks, double *parts,
                        double *deviation, double *difference)
{
    for (size_t b = 0; b < blocks; b++) {
        double own[SUM_LANES] = {0}, apart[SUM_LANES] = {0};
        size_t end = (b + 1) * SUM_BLOCK < count ? (b + 1) * SUM_BLOCK : count;
        for (size_t i = b * SUM_BLOCK; i < end; i++) {
            double d = (double)x[i] - mean, e = other != NULL ? (double)x[i] - (double)other[i] : 0;
            own[i % SUM_LANES] += d * d;
            apart[i % SUM_LANES] += e * e;
        }
        parts[b] = tree_sum(own, SUM_LANES);
        parts[blocks + b] = tree_sum(apart, SUM_LANES);
    }
    *deviation = tree_sum(parts, blocks);
    *difference = tree_sum(parts + blocks, blocks);
}

static void count_bins(size_t count, const float *x, struct weight_figures *figures)
{
    double low = figures->min, high = figures->max;
    if (low == high) {
        low -= 0.5;
        high += 0.5;
    }
    for (size_t i = 0; i <= HISTOGRAM_BINS; i++)
        figures->histogram_edges[i] = (float)(low + (high - low) * ((double)i / HISTOGRAM_BINS));
    memset(figures->histogram, 0, sizeof figures->histogram);
    double bins_per_unit = HISTOGRAM_BINS / (high - low);
    for (size_t i = 0; i < count; i++) {
        double place = ((double)x[i] - low) * bins_per_unit;
        figures->histogram[place < HISTOGRAM_BINS ? (size_t)place : HISTOGRAM_BINS - 1]++;     /* a NaN counts in the last */
    }
}

weft_status weight_figures_of(size_t count, const float *w, const float *gradient, const float *before,
                              struct weight_figures *figures)
{
    size_t blocks = (count + SUM_BLOCK - 1) / SUM_BLOCK;
    double *parts = memory_new(3 * blocks, sizeof *parts);
    if (parts == NULL)
        return WEFT_ENOMEM;
    struct block_sums sums = sums_of(count, w, blocks, parts);
    double n = (double)count, deviation, difference;
    *figures = (struct weight_figures){
        .mean_abs = sums.sum_abs / n, .l2_norm = sqrt(sums.sum_square), .mean = sums.sum / n, .min = (double)sums.min,
        .max = (double)sums.max, .zero_fraction = (double)sums.zeros / n,
    };
    square_sums(count, w, figures->mean, before, blocks, parts, &deviation, &difference);
    figures->std = sqrt(deviation / n);
    if (gradient != NULL)
        figures->gradient_l2_norm = sqrt(sums_of(count, gradient, blocks, parts).sum_square);
    if (before != NULL) {
        double old_norm = sqrt(sums_of(count, before, blocks, parts).sum_square);
        figures->update_ratio = old_norm > 0 ? sqrt(difference) / old_norm : 0;
    }
    count_bins(count, w, figures);
    memory_free(parts);
    return WEFT_OK;
}

weft_status weight_stats_add(struct weight_stats *stats, int64_t step, const struct weight_figures *figures)
{
    if (stats->count == stats->capacity) {
        size_t capacity = stats->count > 0 ? 2 * stats->count : 32;
        int64_t *steps = memory_grow(stats->step, stats->count, capacity, sizeof *steps);
        if (steps == NULL)
            return WEFT_ENOMEM;
        stats->step = steps;
        struct weight_figures *rows = memory_grow(stats->row, stats->count, capacity, sizeof *rows);
        if (rows == NULL)
            return WEFT_ENOMEM;
        stats->row = rows;
        stats->capacity = capacity;
    }
    stats->step[stats->count] = step;
    stats->row[stats->count++] = *figures;
    return WEFT_OK;
}

void weight_stats_clear(struct weight_stats *stats)
{
    memory_free(stats->step);
    memory_free(stats->row);
    *stats = (struct weight_stats){0};
}

/* The datasets of the group: name, type, columns, and where a row keeps them. */
static const struct column {
    const char *name;
    enum array_type type;
    size_t width, offset;
} column[] = {
#define FIGURE(name) {#name, ARRAY_F64, 1, offsetof(struct weight_figures, name)}
    FIGURE(mean_abs), FIGURE(l2_norm), FIGURE(mean), FIGURE(std), FIGURE(min), FIGURE(max), FIGURE(zero_fraction),
    FIGURE(gradient_l2_norm), FIGURE(update_ratio),
#undef FIGURE
    {"histogram", ARRAY_I32, HISTOGRAM_BINS, offsetof(struct weight_figures, histogram)},
    {"histogram_edges", ARRAY_F32, HISTOGRAM_BINS + 1, offsetof(struct weight_figures, histogram_edges)},
};
enum { COLUMNS = sizeof column / sizeof *column, PATH_SIZE = 128 };

static size_t rank_of(const struct column *c)
{
    return c->width > 1 ? 2 : 1;
}

weft_status weight_stats_put(const struct weight_stats *stats, const char *path, struct snapshot *snapshot)
{
    char name[PATH_SIZE];
    snprintf(name, sizeof name, "%s/step", path);
    weft_status st = snapshot_put_array(snapshot, name, ARRAY_I64, ROLE_PLAIN, 1, &stats->count, stats->step);
    for (size_t c = 0; c < COLUMNS && st == WEFT_OK; c++) {
        size_t dim[2] = {stats->count, column[c].width};
        size_t row_bytes = column[c].width * array_element_size_bytes(column[c].type);
        void *data;
        snprintf(name, sizeof name, "%s/%s", path, column[c].name);
        st = snapshot_put_space(snapshot, name, column[c].type, ROLE_PLAIN, rank_of(&column[c]), dim, &data);
        for (size_t i = 0; i < stats->count && st == WEFT_OK; i++)
            memcpy((char *)data + i * row_bytes, (const char *)&stats->row[i] + column[c].offset, row_bytes);
    }
    return st;
}

static weft_status get_column(struct weight_stats *stats, const struct column *c, const char *path,
                              const struct snapshot *snapshot)
{
    char name[PATH_SIZE];
    snprintf(name, sizeof name, "%s/%s", path, c->name);
    const struct array *array = snapshot_find_array(snapshot, name);
    if (array == NULL || array->type != c->type || array->rank != rank_of(c) || array->dim[0] != stats->count
        || array->count != stats->count * c->width)
        return error_set(WEFT_EDAMAGED, "%s: missing, or not %zu rows of %zu numbers", name, stats->count, c->width);
    size_t row_bytes = c->width * array_element_size_bytes(c->type);
    for (size_t i = 0; i < stats->count; i++)
        memcpy((char *)&stats->row[i] + c->offset, (const char *)array->data + i * row_bytes, row_bytes);
    return WEFT_OK;
}

weft_status weight_stats_get(struct weight_stats *stats, const char *path, const struct snapshot *snapshot)
{
    static const struct weight_figures none;
    char name[PATH_SIZE];
    snprintf(name, sizeof name, "%s/step", path);
    const struct array *steps = snapshot_find_array(snapshot, name);
    if (steps == NULL || steps->type != ARRAY_I64 || steps->rank != 1)
        return error_set(WEFT_EDAMAGED, "%s: missing, or not a column of integers", name);
    weft_status st = WEFT_OK;
    for (size_t i = 0; i < steps->count && st == WEFT_OK; i++)
        st = weight_stats_add(stats, ((const int64_t *)steps->data)[i], &none);
    for (size_t c = 0; c < COLUMNS && st == WEFT_OK; c++)
        st = get_column(stats, &column[c], path, snapshot);
    if (st != WEFT_OK)
        weight_stats_clear(stats);
    return st;
}
