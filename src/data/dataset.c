/* From a URI to rows, splits and scaling. Formats are the readers' matter; what holds for every source is done here, stage by
 * stage. */
#include "data/dataset.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/parts.h"
#include "data/scaling.h"
#include "data/source.h"

const char *split_label(enum split_name name)
{
    static const char *const label[SPLIT_COUNT] = {"train", "validation", "test"};
    assert(name < SPLIT_COUNT);
    return label[name];
}

const char *task_name(enum task task)
{
    static const char *const name[] = {[TASK_CLASSES] = "classes", [TASK_LABELS] = "labels", [TASK_REGRESSION] = "regression"};
    return name[task];
}

void dataset_close(struct dataset *dataset)
{
    table_free(&dataset->train);
    table_free(&dataset->validation);
    table_free(&dataset->test);
    for (size_t s = 0; s < SPLIT_COUNT; s++)
        memory_free(dataset->split[s].row);
    names_free(&dataset->classes);
    memory_free(dataset->shift);
    memory_free(dataset->scale);
    memory_free(dataset->fill);
    memory_free(dataset->class_weight);
    memory_free(dataset->source);
    memory_free(dataset->validation_source);
    memory_free(dataset->test_source);
    *dataset = (struct dataset){0};
}

size_t dataset_tables(struct dataset *dataset, struct table *table[TABLES_MAX])
{
    struct table *all[] = {&dataset->train, &dataset->validation, &dataset->test};
    size_t count = 0;
    for (size_t t = 0; t < TABLES_MAX; t++)
        if (all[t]->count > 0)
            table[count++] = all[t];
    return count;
}

const char *dataset_table_name(const struct dataset *dataset, const struct table *table)
{
    return table == &dataset->train ? "training" : table == &dataset->test ? "test" : "validation";
}

/* ---- Reading ---- */

/* The training rows of another source become *table. */
static weft_status read_apart(const char *uri, struct read_request request, struct table *table, char **name)
{
    if (strcmp(uri, "none") == 0) {
        *name = memory_string(uri);
        return *name != NULL ? WEFT_OK : WEFT_ENOMEM;
    }
    struct source source;
    weft_status st = source_read(uri, request, &source, name);
    if (st != WEFT_OK)
        return st;
    table_free(table);
    *table = source.train;
    source.train = (struct table){0};
    source_free(&source);
    if (table->count == 0)
        return error_set(WEFT_EDATA, "data source %s: it has no training rows, which are what is taken here", *name);
    return WEFT_OK;
}

static enum target_kind target_of(const struct weft_settings *settings, const struct expected *expected)
{
    static const enum target_kind of_output[] = {
        [OUTPUT_SOFTMAX] = TARGET_CLASS, [OUTPUT_SIGMOID] = TARGET_SCORES, [OUTPUT_LINEAR] = TARGET_VALUES};
    return expected != NULL && expected->is_unlabelled ? TARGET_NOTHING : of_output[settings->network.output];
}

/* Other sources find their classes by these names: those of the first, or if it has none, their numbers. For a file that has only
 * the rows of classes 3 and 7 would otherwise count them 0 and 1. */
static weft_status names_of_classes(const struct dataset *dataset, struct names *names)
{
    enum { NUMBERS_MAX = 1 << 16 };
    const struct table *train = &dataset->train;
    int32_t most = 0;
    if (dataset->classes.count > 0 || train->label == NULL)
        return names_copy(&dataset->classes, names);
    for (size_t n = 0; n < train->count; n++)
        most = train->label[n] > most ? train->label[n] : most;
    *names = (struct names){0};
    return most < NUMBERS_MAX ? names_number(names, (size_t)most + 1) : WEFT_OK;
}

static weft_status read_others(const struct weft_settings *settings, struct read_request request, struct dataset *dataset)
{
    struct names names = {0};
    weft_status st = WEFT_OK;
    if (request.classes == NULL || request.classes->count == 0) {
        st = names_of_classes(dataset, &names);
        request.classes = &names;
    }
    if (dataset->train.count > 0)
        request.features = dataset->train.features;
    if (st == WEFT_OK)
        st = read_apart(settings->data.validation, request, &dataset->validation, &dataset->validation_source);
    if (st == WEFT_OK)
        st = read_apart(settings->data.test, request, &dataset->test, &dataset->test_source);
    names_free(&names);
    return st;
}

static weft_status read_sources(const struct weft_settings *settings, const struct expected *expected, struct dataset *dataset)
{
    struct source source;
    struct read_request request = {.target = target_of(settings, expected)};
    if (expected != NULL) {
        request.features = expected->features;
        request.classes = expected->classes;
    }
    weft_status st = source_read(settings->data.source, request, &source, &dataset->source);
    if (st != WEFT_OK)
        return st;
    dataset->train = source.train;
    dataset->test = source.test;
    dataset->classes = source.classes;
    return read_others(settings, request, dataset);
}

/* ---- What holds for every source ---- */

static weft_status shape_check(const struct dataset *dataset, const struct table *table, size_t features)
{
    const struct table *train = &dataset->train;
    assert(table->features >= 1 && table->count <= UINT32_MAX);
    bool alike = train->count == 0 || (table->height == train->height && table->width == train->width &&
                                       table->channels == train->channels) || table->height == 0 || train->height == 0;
    if (table->features == features && alike)
        return WEFT_OK;
    if (table->features == features)
        return error_set(WEFT_EDATA, "data source %s: a %s row is a picture of %zu x %zu x %zu, wanted %zu x %zu x %zu as in training",
                         dataset->source, dataset_table_name(dataset, table), table->height, table->width, table->channels,
                         train->height, train->width, train->channels);
    return error_set(WEFT_EDATA, "data source %s: a %s row has %zu features, wanted %zu", dataset->source,
                     dataset_table_name(dataset, table), table->features, features);
}

/* Bytes stay bytes if all tables hold bytes. */
static weft_status types_fit(struct dataset *dataset)
{
    struct table *table[TABLES_MAX];
    size_t tables = dataset_tables(dataset, table);
    weft_status st = WEFT_OK;
    dataset->type = RAW_U8;
    for (size_t t = 0; t < tables; t++)
        if (table[t]->pixel == NULL)
            dataset->type = RAW_F32;
    for (size_t t = 0; t < tables && st == WEFT_OK && dataset->type == RAW_F32; t++)
        st = table_make_floats(table[t]);
    return st;
}

static weft_status tables_fit(struct dataset *dataset, const struct expected *expected)
{
    struct table *table[TABLES_MAX];
    size_t tables = dataset_tables(dataset, table);
    assert(tables > 0);
    dataset->features = expected != NULL ? expected->features : table[0]->features;
    for (size_t t = 0; t < tables; t++) {
        weft_status st = shape_check(dataset, table[t], dataset->features);
        if (st != WEFT_OK)
            return st;
    }
    return types_fit(dataset);
}

static weft_status scaling_make(const struct weft_settings *settings, const struct expected *expected, struct dataset *dataset)
{
    size_t size_bytes = dataset->features * sizeof *dataset->shift;
    dataset->shift = memory_new(dataset->features, sizeof *dataset->shift);
    dataset->scale = memory_new(dataset->features, sizeof *dataset->scale);
    if (dataset->shift == NULL || dataset->scale == NULL)
        return WEFT_ENOMEM;
    if (expected == NULL)
        return scaling_fit((enum scaling)settings->data.scaling, &dataset->split[SPLIT_TRAIN], dataset->shift, dataset->scale);
    memcpy(dataset->shift, expected->shift, size_bytes);
    memcpy(dataset->scale, expected->scale, size_bytes);
    return WEFT_OK;
}

static weft_status weights_make(const struct weft_settings *settings, const struct expected *expected, struct dataset *dataset)
{
    if (expected == NULL)
        return dataset_weigh_classes(dataset, settings);
    if (expected->class_weight == NULL)
        return WEFT_OK;
    dataset->class_weight = memory_new(dataset->outputs, sizeof *dataset->class_weight);
    if (dataset->class_weight == NULL)
        return WEFT_ENOMEM;
    memcpy(dataset->class_weight, expected->class_weight, dataset->outputs * sizeof *dataset->class_weight);
    return WEFT_OK;
}

/* From the tables on. On failure everything is freed. */
static weft_status finish(const struct weft_settings *settings, const struct expected *expected, struct dataset *dataset)
{
    static const enum task of_output[] = {
        [OUTPUT_SOFTMAX] = TASK_CLASSES, [OUTPUT_SIGMOID] = TASK_LABELS, [OUTPUT_LINEAR] = TASK_REGRESSION};
    dataset->task = of_output[settings->network.output];
    weft_status st = tables_fit(dataset, expected);
    if (st == WEFT_OK) st = dataset_fit_targets(dataset, expected);
    if (st == WEFT_OK) st = dataset_cut(dataset, settings, expected != NULL && expected->is_whole);
    if (st == WEFT_OK) dataset_digest(dataset);
    if (st == WEFT_OK) st = dataset_fill_missing(dataset, (enum missing)settings->data.missing, expected);
    if (st == WEFT_OK) st = scaling_make(settings, expected, dataset);
    if (st == WEFT_OK) st = weights_make(settings, expected, dataset);
    if (st != WEFT_OK)
        dataset_close(dataset);
    return st;
}

weft_status dataset_open(const struct weft_settings *settings, const struct expected *expected, struct dataset *dataset)
{
    *dataset = (struct dataset){0};
    weft_status st = read_sources(settings, expected, dataset);
    if (st == WEFT_OK)
        return finish(settings, expected, dataset);
    dataset_close(dataset);
    return st;
}

weft_status dataset_from_table(const struct weft_settings *settings, const char *source, struct table *train,
                               struct dataset *dataset)
{
    *dataset = (struct dataset){.train = *train, .source = memory_string(source), .validation_source = memory_string("none"),
                                .test_source = memory_string("none")};
    *train = (struct table){0};
    if (dataset->source != NULL && dataset->validation_source != NULL && dataset->test_source != NULL)
        return finish(settings, NULL, dataset);
    dataset_close(dataset);
    return WEFT_ENOMEM;
}

float dataset_largest_input(const struct dataset *dataset)
{
    const struct split *train = &dataset->split[SPLIT_TRAIN];
    float largest = 0;
    for (size_t j = 0; j < dataset->features && dataset->type == RAW_U8; j++) {
        float low = fabsf(dataset->shift[j] * dataset->scale[j]), high = fabsf((255 - dataset->shift[j]) * dataset->scale[j]);
        largest = fmaxf(largest, fmaxf(low, high));
    }
    for (size_t i = 0; i < train->count && dataset->type == RAW_F32; i++) {
        const float *x = train->table->value + train->row[i] * dataset->features;
        for (size_t j = 0; j < dataset->features; j++)
            largest = fmaxf(largest, fabsf((x[j] - dataset->shift[j]) * dataset->scale[j]));
    }
    return largest;
}
