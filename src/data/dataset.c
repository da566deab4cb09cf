/* From a URI to rows, splits and scaling. Formats are the readers' matter; what holds for every source is checked here. */
#include "data/dataset.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_STATIC_LINKING_ONLY                 /* the state may live on the stack */
#include <xxhash.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"
#include "data/readers.h"
#include "data/scaling.h"
#include "data/uri.h"

static const struct reader {
    const char *kind;
    weft_status (*read)(const char *where, const char *options, struct table *train, struct table *test);
    bool has_path;                              /* where is a path; else it is empty */
} READER[] = {
    {"idx", idx_read, true},                    /* first: what is likely meant by a name that resembles no kind */
    {"digits", digits_read, false},
};
enum { READERS = sizeof READER / sizeof READER[0] };
#define KNOWN_KINDS "idx:DIR, digits:"

const char *split_label(enum split_name name)
{
    static const char *const label[SPLIT_COUNT] = {"train", "validation", "test"};
    assert(name < SPLIT_COUNT);
    return label[name];
}

void table_free(struct table *table)
{
    memory_free(table->pixel);
    memory_free(table->label);
    *table = (struct table){0};
}

void dataset_close(struct dataset *dataset)
{
    table_free(&dataset->train);
    table_free(&dataset->test);
    for (size_t s = 0; s < SPLIT_COUNT; s++)
        memory_free(dataset->split[s].row);
    memory_free(dataset->shift);
    memory_free(dataset->scale);
    memory_free(dataset->source);
    *dataset = (struct dataset){0};
}

/* ---- The source ---- */

static size_t common_start(const char *a, const char *b)
{
    size_t n = 0;
    while (a[n] != '\0' && tolower((unsigned char)a[n]) == tolower((unsigned char)b[n]))
        n++;
    return n;
}

static weft_status kind_unknown(const struct uri *uri)
{
    const struct reader *likely = &READER[0];
    for (size_t i = 1; i < READERS; i++)
        if (common_start(uri->kind, READER[i].kind) > common_start(uri->kind, likely->kind))
            likely = &READER[i];
    return error_set(WEFT_ESETTINGS, "data source \"%s:%s\": unknown kind \"%s\", known: " KNOWN_KINDS "; did you mean"
                     " %s:%s?", uri->kind, uri->where, uri->kind, likely->kind, likely->has_path ? uri->where : "");
}

static weft_status reader_find(const struct uri *uri, const struct reader **reader)
{
    size_t i = 0;
    while (i < READERS && strcmp(uri->kind, READER[i].kind) != 0)
        i++;
    if (i == READERS)
        return kind_unknown(uri);
    if (!READER[i].has_path && uri->where[0] != '\0')
        return error_set(WEFT_ESETTINGS, "data source %s: takes no path, but \"%s\" stands behind the ':'; options begin"
                         " with '?'", uri->kind, uri->where);
    if (READER[i].has_path && uri->where[0] == '\0')
        return error_set(WEFT_ESETTINGS, "data source %s: no path stands behind the ':'", uri->kind);
    *reader = &READER[i];
    return WEFT_OK;
}

/* The URI again, with an absolute path, so that a resumed run finds it from any directory. */
static weft_status source_name(const struct uri *uri, const struct reader *reader, char **source)
{
    char absolute[PATH_MAX] = "";
    if (reader->has_path && realpath(uri->where, absolute) == NULL)
        return error_set(WEFT_ENOINPUT, "open data source %s:%s: %s", uri->kind, uri->where, strerror(errno));
    if (strchr(absolute, '?') != NULL)                  /* it would not be found again: options begin there */
        return error_set(WEFT_ESETTINGS, "open data source %s:%s: its path is %s, and a URI cannot name one with '?'", uri->kind,
                         uri->where, absolute);
    size_t capacity = strlen(uri->kind) + strlen(absolute) + strlen(uri->options) + 3;
    *source = memory_new(capacity, 1);
    if (*source == NULL)
        return WEFT_ENOMEM;
    (void)snprintf(*source, capacity, "%s:%s%s%s", uri->kind, absolute, uri->options[0] != '\0' ? "?" : "", uri->options);
    return WEFT_OK;
}

static weft_status source_read(const char *text, struct dataset *dataset)
{
    struct uri uri;
    const struct reader *reader = NULL;
    weft_status st = uri_parse(text, &uri);
    if (st != WEFT_OK)
        return st;
    if ((st = reader_find(&uri, &reader)) != WEFT_OK) goto done;
    if ((st = source_name(&uri, reader, &dataset->source)) != WEFT_OK) goto done;
    st = reader->read(uri.where, uri.options, &dataset->train, &dataset->test);
done:
    uri_free(&uri);
    return st;
}

/* ---- What holds for every source ---- */

static weft_status shapes_check(struct dataset *dataset)
{
    const struct table *train = &dataset->train, *test = &dataset->test;
    assert(train->count >= 1 && train->features >= 1 && train->count <= UINT32_MAX && test->count <= UINT32_MAX);
    dataset->features = train->features;
    if (test->count == 0 || (test->features == train->features && test->height == train->height &&
                             test->width == train->width && test->channels == train->channels))
        return WEFT_OK;
    return error_set(WEFT_EDATA, "data source %s: a test row has %zu features (%zu x %zu x %zu), wanted %zu (%zu x %zu x"
                     " %zu) as in training", dataset->source, test->features, test->height, test->width, test->channels,
                     train->features, train->height, train->width, train->channels);
}

/* All training rows count, so that a limit does not change the shape of the network. */
static weft_status labels_check(struct dataset *dataset)
{
    const struct table *train = &dataset->train, *test = &dataset->test;
    int32_t least = train->label[0], most = train->label[0];
    for (size_t i = 1; i < train->count; i++) {
        least = train->label[i] < least ? train->label[i] : least;
        most = train->label[i] > most ? train->label[i] : most;
    }
    assert(least >= 0);
    if (least == most)
        return error_set(WEFT_EDATA, "data source %s: all %zu training rows have label %d, wanted two classes or more",
                         dataset->source, train->count, (int)most);
    for (size_t i = 0; i < test->count; i++)
        if (test->label[i] < 0 || test->label[i] > most)
            return error_set(WEFT_EDATA, "data source %s: test row %zu has label %d, wanted 0 to %d, the labels in training",
                             dataset->source, i, (int)test->label[i], (int)most);
    dataset->classes = (size_t)most + 1;
    return WEFT_OK;
}

/* ---- Splits ---- */

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

/* Mark the rows held out for validation: mark[i] = 1 for `held` of the rows 0 .. n-1. */
static weft_status validation_mark(uint64_t seed, size_t n, size_t held, uint8_t *mark)
{
    uint32_t *permutation = memory_new(n, sizeof *permutation);
    if (permutation == NULL)
        return WEFT_ENOMEM;
    rng_permutation(seed, RNG_SPLIT, 0, (uint32_t)n, permutation);
    for (size_t i = 0; i < held; i++)
        mark[permutation[i]] = 1;
    memory_free(permutation);
    return WEFT_OK;
}

static weft_status training_cut(const struct weft_settings *settings, struct dataset *dataset)
{
    const struct table *table = &dataset->train;
    const double fraction = settings->data.validation_fraction;
    const size_t n = limited(table->count, settings->data.train_limit);
    assert(fraction >= 0 && fraction < 1);
    if (fraction == 0)
        return split_fill(table, NULL, 0, n, n, &dataset->split[SPLIT_TRAIN]);
    const size_t held = (size_t)floor(fraction * (double)n + 0.5);
    if (held == 0 || held >= n)
        return error_set(WEFT_ESETTINGS, "data.validation_fraction = %g of %zu training rows leaves no row for %s", fraction,
                         n, held == 0 ? "validation" : "training");
    uint8_t *mark = memory_new(n, 1);
    if (mark == NULL)
        return WEFT_ENOMEM;
    struct split *validation = &dataset->split[SPLIT_VALIDATION];
    weft_status st = validation_mark(settings->train.seed, n, held, mark);
    if (st == WEFT_OK)
        st = split_fill(table, mark, 0, n, n - held, &dataset->split[SPLIT_TRAIN]);
    if (st == WEFT_OK)
        st = split_fill(table, mark, 1, n, held, validation);
    validation->count = limited(validation->count, settings->data.validation_limit);
    memory_free(mark);
    return st;
}

static weft_status splits_cut(const struct weft_settings *settings, struct dataset *dataset)
{
    weft_status st = training_cut(settings, dataset);
    if (st != WEFT_OK || dataset->test.count == 0)
        return st;
    const size_t n = limited(dataset->test.count, settings->data.test_limit);
    return split_fill(&dataset->test, NULL, 0, n, n, &dataset->split[SPLIT_TEST]);
}

/* ---- Scaling and digest ---- */

static weft_status scaling_make(const struct weft_settings *settings, struct dataset *dataset)
{
    dataset->shift = memory_new(dataset->features, sizeof *dataset->shift);
    dataset->scale = memory_new(dataset->features, sizeof *dataset->scale);
    if (dataset->shift == NULL || dataset->scale == NULL)
        return WEFT_ENOMEM;
    return scaling_fit((enum scaling)settings->data.scaling, &dataset->split[SPLIT_TRAIN], dataset->shift,
                       dataset->scale);
}

static void hash_bytes(XXH3_state_t *state, const void *bytes, size_t size_bytes)
{
    if (size_bytes != 0 && XXH3_128bits_update(state, bytes, size_bytes) == XXH_ERROR)
        abort();                                /* only for a NULL argument: our mistake */
}

/* 32-bit words, little-endian whatever the machine. */
static void hash_words(XXH3_state_t *state, const uint32_t *word, size_t count)
{
    enum { BLOCK = 1024 };
    uint8_t byte[4 * BLOCK];
    for (size_t done = 0; done < count; done += BLOCK) {
        size_t n = count - done < BLOCK ? count - done : BLOCK;
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < 4; k++)
                byte[4 * i + k] = (uint8_t)(word[done + i] >> 8 * k);
        hash_bytes(state, byte, 4 * n);
    }
}

static void hash_size(XXH3_state_t *state, size_t size)
{
    const uint32_t word[2] = {(uint32_t)size, (uint32_t)((uint64_t)size >> 32)};
    hash_words(state, word, 2);
}

static void hash_table(XXH3_state_t *state, const struct table *table)
{
    const size_t shape[] = {table->count, table->features, table->height, table->width, table->channels};
    for (size_t i = 0; i < sizeof shape / sizeof shape[0]; i++)
        hash_size(state, shape[i]);
    hash_bytes(state, table->pixel, table->count * table->features);
    hash_words(state, (const uint32_t *)table->label, table->count);
}

static void digest_make(struct dataset *dataset)
{
    XXH3_state_t state;
    XXH3_INITSTATE(&state);
    (void)XXH3_128bits_reset(&state);           /* fails only on NULL */
    hash_table(&state, &dataset->train);
    hash_table(&state, &dataset->test);
    for (size_t s = 0; s < SPLIT_COUNT; s++) {
        hash_size(&state, dataset->split[s].count);
        hash_words(&state, dataset->split[s].row, dataset->split[s].count);
    }
    XXH128_canonical_t canonical;
    XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(&state));
    for (size_t i = 0; i < sizeof canonical.digest; i++)
        (void)snprintf(dataset->digest + 2 * i, 3, "%02x", canonical.digest[i]);
}

/* From the tables on. On failure everything is freed. */
static weft_status finish(const struct weft_settings *settings, struct dataset *dataset)
{
    weft_status st = shapes_check(dataset);
    if (st == WEFT_OK) st = labels_check(dataset);
    if (st == WEFT_OK) st = splits_cut(settings, dataset);
    if (st == WEFT_OK) st = scaling_make(settings, dataset);
    if (st == WEFT_OK)
        digest_make(dataset);
    else
        dataset_close(dataset);
    return st;
}

weft_status dataset_open(const struct weft_settings *settings, struct dataset *dataset)
{
    *dataset = (struct dataset){0};
    weft_status st = source_read(settings->data.source, dataset);
    if (st == WEFT_OK)
        return finish(settings, dataset);
    dataset_close(dataset);
    return st;
}

weft_status dataset_from_table(const struct weft_settings *settings, const char *source, struct table *train,
                               struct dataset *dataset)
{
    *dataset = (struct dataset){.train = *train, .source = memory_string(source)};
    *train = (struct table){0};
    if (dataset->source != NULL)
        return finish(settings, dataset);
    dataset_close(dataset);
    return WEFT_ENOMEM;
}
