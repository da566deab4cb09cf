/* Which rows are for training, for validation and for the test. */
#include <assert.h>
#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"
#include "data/parts.h"

static size_t limited(size_t count, uint64_t limit)
{
    return limit != 0 && limit < count ? (size_t)limit : count;
}

/* Rows 0 .. n-1 of a table whose mark is `wanted` (all rows if mark is NULL), count of them, in ascending order. */
static weft_status split_fill(const struct table *table, const uint8_t *mark, uint8_t wanted, size_t n, size_t count,
                              struct split *split)
{
    split->row = memory_new(count, sizeof *split->row);
    if (split->row == NULL)
        return WEFT_ENOMEM;
    for (size_t i = 0; i < n; i++)
        if (mark == NULL || mark[i] == wanted)
            split->row[split->count++] = (uint32_t)i;
    assert(split->count == count);
    split->table = table;
    return WEFT_OK;
}

static size_t part_of(double fraction, size_t n)
{
    return (size_t)floor(fraction * (double)n + 0.5);
}

/* Of every class its part, the first of its rows in the order of the permutation. */
static weft_status mark_stratified(const struct table *table, size_t classes, double fraction, size_t n, const uint32_t *permutation,
                                   uint8_t *mark, size_t *held)
{
    size_t *left = memory_new(classes, sizeof *left);
    if (left == NULL)
        return WEFT_ENOMEM;
    for (size_t i = 0; i < n; i++)
        left[table->label[i]]++;
    *held = 0;
    for (size_t c = 0; c < classes; c++)
        *held += left[c] = part_of(fraction, left[c]);
    for (size_t i = 0; i < n; i++) {
        size_t *of_class = &left[table->label[permutation[i]]];
        if (*of_class > 0) {
            mark[permutation[i]] = 1;
            --*of_class;
        }
    }
    memory_free(left);
    return WEFT_OK;
}

/* Mark the rows held out for validation: mark[i] = 1 for *held of the rows 0 .. n-1. */
static weft_status validation_mark(const struct weft_settings *settings, const struct dataset *dataset, size_t n, uint8_t *mark,
                                   size_t *held)
{
    const double fraction = settings->data.validation_fraction;
    if (settings->data.stratified && dataset->train.label == NULL)
        return error_set(WEFT_ESETTINGS, "data.stratified = yes: the rows of %s have no single class each", dataset->source);
    uint32_t *permutation = memory_new(n, sizeof *permutation);
    if (permutation == NULL)
        return WEFT_ENOMEM;
    rng_permutation(settings->train.seed, RNG_SPLIT, 0, (uint32_t)n, permutation);
    weft_status st = WEFT_OK;
    if (settings->data.stratified) {
        st = mark_stratified(&dataset->train, dataset->outputs, fraction, n, permutation, mark, held);
    } else {
        *held = part_of(fraction, n);
        for (size_t i = 0; i < *held; i++)
            mark[permutation[i]] = 1;
    }
    memory_free(permutation);
    return st;
}

static weft_status held_check(double fraction, size_t n, size_t held)
{
    if (held > 0 && held < n)
        return WEFT_OK;
    return error_set(WEFT_ESETTINGS, "data.validation_fraction = %g of %zu training rows leaves no row for %s", fraction, n,
                     held == 0 ? "validation" : "training");
}

static weft_status cut_off_validation(const struct weft_settings *settings, struct dataset *dataset, size_t n)
{
    size_t held = 0;
    uint8_t *mark = memory_new(n, 1);
    if (mark == NULL)
        return WEFT_ENOMEM;
    struct split *validation = &dataset->split[SPLIT_VALIDATION];
    weft_status st = validation_mark(settings, dataset, n, mark, &held);
    if (st == WEFT_OK) st = held_check(settings->data.validation_fraction, n, held);
    if (st == WEFT_OK) st = split_fill(&dataset->train, mark, 0, n, n - held, &dataset->split[SPLIT_TRAIN]);
    if (st == WEFT_OK) st = split_fill(&dataset->train, mark, 1, n, held, validation);
    validation->count = limited(validation->count, settings->data.validation_limit);
    memory_free(mark);
    return st;
}

/* The first rows of a table, as a split of its own. */
static weft_status split_first(const struct table *table, uint64_t limit, struct split *split)
{
    const size_t n = limited(table->count, limit);
    return n > 0 ? split_fill(table, NULL, 0, n, n, split) : WEFT_OK;
}

weft_status dataset_cut(struct dataset *dataset, const struct weft_settings *settings, bool is_whole)
{
    const size_t n = limited(dataset->train.count, settings->data.train_limit);
    bool is_cut = !is_whole && n > 0 && dataset->validation.count == 0 && settings->data.validation_fraction > 0;
    weft_status st = is_cut ? cut_off_validation(settings, dataset, n)
                            : split_first(&dataset->train, is_whole ? 0 : n, &dataset->split[SPLIT_TRAIN]);
    if (st == WEFT_OK && !is_cut)
        st = split_first(&dataset->validation, settings->data.validation_limit, &dataset->split[SPLIT_VALIDATION]);
    if (st == WEFT_OK)
        st = split_first(&dataset->test, is_whole ? 0 : settings->data.test_limit, &dataset->split[SPLIT_TEST]);
    return st;
}
