/* What the tests of a dataset's stages share: tables made in memory, files in the scratch directory, and datasets opened from
 * them, or refused. */
#ifndef TESTS_DATA_SAMPLES_H
#define TESTS_DATA_SAMPLES_H

#include "support.h"

#include "store_samples.h"

#include "data/dataset.h"
#include "data/idx.h"

#define TEST(name) cmocka_unit_test_teardown(name, scratch_clear)

/* Settings with nothing cut off and nothing scaled, then the assignments. */
static inline weft_settings *data_settings(const char *source, const char *assignments)
{
    static const char form[] = "data.source=%s; data.validation_fraction=0; data.scaling=none; %s";
    size_t size = sizeof form + strlen(source) + strlen(assignments);
    char *all = malloc(size);
    assert_non_null(all);
    snprintf(all, size, form, source, assignments);
    weft_settings *settings = settings_of(all);
    free(all);
    return settings;
}

/* ---- tables in memory ---- */

static inline void *copy_of(const void *array, size_t count, size_t size_bytes)
{
    void *copy = memory_new(count, size_bytes);
    assert_non_null(copy);
    memcpy(copy, array, count * size_bytes);
    return copy;
}

/* Rows of floats; label NULL: they have targets (targets of them a row), or nothing if target is NULL, too. */
static inline struct table float_table(size_t count, size_t features, const float *value, const int32_t *label, size_t targets,
                                       const float *target)
{
    struct table table = {.count = count, .features = features, .value = copy_of(value, count * features, sizeof *value)};
    if (label != NULL)
        table.label = copy_of(label, count, sizeof *label);
    if (target != NULL)
        table.target = copy_of(target, count * targets, sizeof *target);
    table.targets = target != NULL ? targets : 0;
    return table;
}

/* `count` rows of one feature, 0, 1, 2, ...: for what is about labels alone. */
static inline struct table numbered_table(size_t count, const int32_t *label, size_t targets, const float *target)
{
    float value[1024];
    assert_true(count <= COUNT(value));
    for (size_t n = 0; n < count; n++)
        value[n] = (float)n;
    return float_table(count, 1, value, label, targets, target);
}

static inline bool is_closed(const struct dataset *dataset)
{
    static const struct dataset zero;
    return memcmp(dataset, &zero, sizeof zero) == 0;
}

static inline void open_table(const char *assignments, struct table table, struct dataset *dataset)
{
    weft_settings *settings = data_settings("digits:", assignments);
    if (dataset_from_table(settings, "made:", &table, dataset) != WEFT_OK)
        fail_msg("%s: %s", assignments, weft_last_error());
    assert_true(table.count == 0 && table.pixel == NULL && table.value == NULL);        /* handed over */
    weft_settings_destroy(settings);
}

static inline void expect_words(const char *words)
{
    if (strstr(weft_last_error(), words) == NULL)
        fail_msg("'%s' does not say '%s'", weft_last_error(), words);
}

static inline void refuse_table(const char *assignments, struct table table, weft_status wanted, const char *words)
{
    weft_settings *settings = data_settings("digits:", assignments);
    struct dataset dataset;
    weft_status st = dataset_from_table(settings, "made:", &table, &dataset);
    if (st != wanted)
        fail_msg("%s: %d (%s), wanted %d: %s", assignments, (int)st, weft_last_error(), (int)wanted, words);
    expect_words(words);
    assert_true(is_closed(&dataset) && table.value == NULL);
    weft_settings_destroy(settings);
}

/* Allocation 1, 2, 3, ... fails until the call succeeds; a failure leaves nothing behind. Returns how many failed. */
static inline size_t starve_table(const char *assignments, const struct table *table)
{
    weft_settings *settings = data_settings("digits:", assignments);
    weft_status st = WEFT_ENOMEM;
    size_t n = 0;
    while (st == WEFT_ENOMEM) {
        struct dataset dataset;
        struct table copy = float_table(table->count, table->features, table->value, table->label, table->targets, table->target);
        memory_fail_from(++n);
        st = dataset_from_table(settings, "made:", &copy, &dataset);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || is_closed(&dataset));
        dataset_close(&dataset);
    }
    assert_int_equal(st, WEFT_OK);
    weft_settings_destroy(settings);
    return n - 1;
}

/* ---- files ---- */

/* "csv:<scratch>/<name>" of a file with this text, in one of eight static buffers. */
static inline const char *csv_put(const char *name, const char *text)
{
    static char buffer[8][PATH_MAX + 8];
    static unsigned next;
    char *uri = buffer[next++ % 8];
    put_file(in_scratch(name), text, strlen(text));
    snprintf(uri, sizeof buffer[0], "csv:%s", in_scratch(name));
    return uri;
}

/* "idx:<scratch>". */
static inline const char *idx_uri(void)
{
    static char uri[PATH_MAX];
    snprintf(uri, sizeof uri, "idx:%s", scratch);
    return uri;
}

/* set: "train" or "t10k"; pixel is count x height x width, or count x width if height is 0. */
static inline void idx_put(const char *set, size_t count, size_t height, size_t width, const uint8_t *pixel, const uint8_t *label)
{
    char name[64];
    uint8_t bytes[4096];
    const size_t picture[] = {count, height, width}, flat[] = {count, width}, size = count * (height != 0 ? height : 1) * width;
    size_t head = height != 0 ? idx_header(3, picture, bytes) : idx_header(2, flat, bytes);
    assert_true(head + size <= sizeof bytes);
    memcpy(bytes + head, pixel, size);
    snprintf(name, sizeof name, "%s-images-idx3-ubyte", set);
    put_file(in_scratch(name), bytes, head + size);
    head = idx_header(1, &count, bytes);
    memcpy(bytes + head, label, count);
    snprintf(name, sizeof name, "%s-labels-idx1-ubyte", set);
    put_file(in_scratch(name), bytes, head + count);
}

static inline void open_data(const weft_settings *settings, const struct expected *expected, struct dataset *dataset)
{
    if (dataset_open(settings, expected, dataset) != WEFT_OK)
        fail_msg("%s: %s", settings->data.source, weft_last_error());
}

/* The settings are the last word on it: they are freed. */
static inline void open_source(const char *source, const char *assignments, struct dataset *dataset)
{
    weft_settings *settings = data_settings(source, assignments);
    open_data(settings, NULL, dataset);
    weft_settings_destroy(settings);
}

static inline void refuse_data(const weft_settings *settings, const struct expected *expected, weft_status wanted, const char *words)
{
    struct dataset dataset;
    weft_status st = dataset_open(settings, expected, &dataset);
    if (st != wanted)
        fail_msg("%s: %d (%s), wanted %d: %s", settings->data.source, (int)st, weft_last_error(), (int)wanted, words);
    expect_words(words);
    assert_true(is_closed(&dataset));
}

static inline void refuse_source(const char *source, const char *assignments, weft_status wanted, const char *words)
{
    weft_settings *settings = data_settings(source, assignments);
    refuse_data(settings, NULL, wanted, words);
    weft_settings_destroy(settings);
}

#endif
