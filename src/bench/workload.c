/* See workload.h. */
#include "bench/workload.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/text.h"
#include "data/readers.h"
#include "parallel/shard.h"
#include "parallel/team.h"

#define W1 "network.hidden=20,7,5; network.activation=relu; train.batch_size=256; optimizer.name=sgd; " \
           "optimizer.learning_rate=0.01"
#define W2 "network.hidden=128,128,128; network.activation=relu; train.batch_size=128; optimizer.name=sgd; " \
           "optimizer.learning_rate=0.01"

static const weft_bench_builtin BUILTIN[] = {
    {"W1a", 784, 10, 60000, W1},
    {"W1b", 784, 10, 60000, W1 "; network.batch_norm=before"},
    {"W1c", 784, 10, 60000, W1 "; regularization.l2=0.1; regularization.l2_form=lambda_over_2m"},
    {"W2a", 784, 10, 60000, W2},
    {"W2b", 784, 10, 60000, W2 "; network.dropout=0.1"},
    {"W2c", 784, 10, 60000, W2 "; network.batch_norm=before"},
    {"W3", 784, 10, 60000, "network.hidden=500,250,100; network.activation=relu; train.batch_size=64; optimizer.name=adam; "
     "optimizer.learning_rate=0.001"},
    {"W4", 3072, 10, 20000, "network.hidden=none; train.batch_size=100; optimizer.name=sgd; optimizer.learning_rate=0.01"},
    {"W5", 784, 10, 60000, "network.hidden=2048,2048,2048; network.activation=relu; network.batch_norm=before; "
     "train.batch_size=1024; optimizer.name=momentum; optimizer.momentum=0.9; optimizer.learning_rate=0.01"},
};
enum { BUILTINS = sizeof BUILTIN / sizeof *BUILTIN, SETTINGS_TEXT_SIZE = 512, NAMES_SIZE = 1024 };

/* All rows are trained on, scaled by 1/255. */
static const char EVERY_BUILTIN[] = "data.scaling=unit; data.validation_fraction=0; ";

size_t weft_bench_builtin_count(void)
{
    return BUILTINS;
}

const weft_bench_builtin *weft_bench_builtin_info(size_t i)
{
    return i < BUILTINS ? &BUILTIN[i] : NULL;
}

/* ---- settings ---- */

static weft_status assign_all(weft_settings *settings, const char *assignments)
{
    char text[SETTINGS_TEXT_SIZE], *rest = text, *part;
    snprintf(text, sizeof text, "%s", assignments);
    weft_status st = WEFT_OK;
    while (st == WEFT_OK && (part = strsep(&rest, ";")) != NULL)
        if ((part = text_trim(part))[0] != '\0')
            st = weft_settings_assign(settings, part);
    return st;
}

static weft_status assign_callers(weft_settings *settings, const weft_bench_options *options)
{
    static const char SOURCE[] = "data.source";
    weft_status st = WEFT_OK;
    for (size_t i = 0; i < options->assignment_count && st == WEFT_OK; i++) {
        const char *assignment = options->assignments[i];
        size_t name_length = strcspn(assignment, "= \t");
        if (name_length == sizeof SOURCE - 1 && strncmp(assignment, SOURCE, name_length) == 0)
            return error_set(WEFT_EINVAL, "%s: a built-in workload makes its own rows; time other data with a configuration file",
                             assignment);
        st = weft_settings_assign(settings, assignment);
    }
    return st;
}

static weft_status set_up_builtin(struct workload *w, const weft_bench_builtin *builtin, const weft_bench_options *options)
{
    w->builtin = builtin;
    w->features = builtin->features;
    w->classes = builtin->classes;
    snprintf(w->name, sizeof w->name, "%s", builtin->name);
    if ((w->settings = weft_settings_create()) == NULL)
        return WEFT_ENOMEM;
    weft_status st = assign_all(w->settings, EVERY_BUILTIN);
    if (st == WEFT_OK) st = assign_all(w->settings, builtin->settings);
    if (st == WEFT_OK) st = assign_callers(w->settings, options);
    return st == WEFT_OK ? weft_settings_check(w->settings) : st;
}

static weft_status set_up_own(struct workload *w, const weft_bench_options *options)
{
    snprintf(w->name, sizeof w->name, "%s", options->settings_name != NULL ? options->settings_name : "settings");
    if ((w->settings = weft_settings_copy(options->settings)) == NULL)
        return WEFT_ENOMEM;
    weft_status st = weft_settings_check(w->settings);
    if (st == WEFT_OK)
        st = dataset_open(w->settings, NULL, &w->dataset);
    w->features = w->dataset.features;
    w->classes = w->dataset.outputs;
    return st;
}

/* ---- numbers of threads ---- */

static weft_status set_threads(struct workload *w, const weft_bench_options *options)
{
    if (options->thread_counts > WORKLOAD_THREADS_MAX)
        return error_set(WEFT_EINVAL, "%zu numbers of threads, wanted %d at most", options->thread_counts, WORKLOAD_THREADS_MAX);
    for (size_t i = 0; i < options->thread_counts; i++) {
        size_t threads = options->threads[i], at = w->thread_counts;
        if (threads < 1 || threads > THREADS_MAX)
            return error_set(WEFT_EINVAL, "%zu threads, wanted 1 to %d", threads, THREADS_MAX);
        while (at > 0 && w->threads[at - 1] >= threads)
            at--;
        if (at < w->thread_counts && w->threads[at] == threads)
            continue;
        memmove(w->threads + at + 1, w->threads + at, (w->thread_counts++ - at) * sizeof *w->threads);
        w->threads[at] = threads;
    }
    if (options->thread_counts > 0)
        return WEFT_OK;
    size_t automatic = team_threads(0, shard_count((size_t)w->settings->train.batch_size), NULL);       /* as in a training run */
    for (size_t threads = 1; threads < automatic; threads *= 2)
        w->threads[w->thread_counts++] = threads;
    w->threads[w->thread_counts++] = automatic;
    return WEFT_OK;
}

/* ---- the list ---- */

static weft_status unknown_workload(const char *name)
{
    const char *names[BUILTINS];
    char known[NAMES_SIZE] = "";
    struct text text = {known, sizeof known, 0};
    for (size_t i = 0; i < BUILTINS; i++) {
        names[i] = BUILTIN[i].name;
        text_add(&text, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    const char *nearest = weft_nearest_name(name, names, BUILTINS);
    return error_set(WEFT_EINVAL, "workload \"%s\" is unknown, known: %s%s%s%s", name, known, nearest != NULL ? "; did you mean "
                     : "", nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
}

/* The built-in workloads named, in the order of their names. */
static weft_status find_builtins(const char *names, const weft_bench_builtin *found[NAMES_SIZE], size_t *count)
{
    char text[NAMES_SIZE], *rest = text, *name;
    *count = 0;
    if (names == NULL) {
        for (size_t i = 0; i < BUILTINS; i++)
            found[(*count)++] = &BUILTIN[i];
        return WEFT_OK;
    }
    if (strlen(names) >= sizeof text)
        return error_set(WEFT_EINVAL, "a list of workloads of %zu characters, wanted %d at most", strlen(names), NAMES_SIZE - 1);
    snprintf(text, sizeof text, "%s", names);
    while ((name = strsep(&rest, ",")) != NULL) {
        size_t i = 0;
        name = text_trim(name);
        while (i < BUILTINS && strcmp(name, BUILTIN[i].name) != 0)
            i++;
        if (i == BUILTINS)
            return unknown_workload(name);
        found[(*count)++] = &BUILTIN[i];
    }
    return WEFT_OK;
}

weft_status workloads_create(const weft_bench_options *options, struct workload **workload, size_t *count)
{
    const weft_bench_builtin *found[NAMES_SIZE] = {NULL};
    bool is_own = options->settings != NULL;
    *workload = NULL;
    *count = 1;
    if (is_own && (options->workloads != NULL || options->assignment_count > 0))
        return error_set(WEFT_EINVAL, "settings of one's own and %s: wanted one or the other",
                         options->workloads != NULL ? "built-in workloads" : "assignments for built-in workloads");
    weft_status st = is_own ? WEFT_OK : find_builtins(options->workloads, found, count);
    if (st != WEFT_OK)
        return st;
    struct workload *w = memory_new(*count, sizeof *w);
    if (w == NULL)
        return WEFT_ENOMEM;
    for (size_t i = 0; i < *count && st == WEFT_OK; i++) {
        st = is_own ? set_up_own(&w[i], options) : set_up_builtin(&w[i], found[i], options);
        if (st == WEFT_OK)
            st = set_threads(&w[i], options);
    }
    if (st == WEFT_OK)
        *workload = w;
    else
        workloads_destroy(w, *count);
    return st;
}

void workloads_destroy(struct workload *workload, size_t count)
{
    for (size_t i = 0; workload != NULL && i < count; i++) {
        workload_close(&workload[i]);
        weft_settings_destroy(workload[i].settings);
    }
    memory_free(workload);
}

/* ---- rows ---- */

enum { STREAM_LAYER = 1 };                      /* apart from what the built-in digits draw with the same purpose */

static weft_status draw_table(const weft_bench_builtin *builtin, struct table *table)
{
    size_t D = builtin->features, words = (D + 15) / 16;
    *table = (struct table){.count = builtin->rows, .features = D, .pixel = memory_new(builtin->rows, D),
                            .label = memory_new(builtin->rows, sizeof *table->label)};
    if (table->pixel == NULL || table->label == NULL) {
        table_free(table);
        return WEFT_ENOMEM;
    }
    for (size_t n = 0; n < builtin->rows; n++) {
        uint32_t word[4];
        for (size_t i = 0; i < words; i++) {
            size_t left = D - 16 * i;
            rng_words(1, RNG_DIGITS, STREAM_LAYER, 0, (uint32_t)n, (uint32_t)i, word);
            memcpy(table->pixel + n * D + 16 * i, word, left < sizeof word ? left : sizeof word);
        }
        rng_words(1, RNG_DIGITS, STREAM_LAYER, 0, (uint32_t)n, (uint32_t)words, word);
        table->label[n] = (int32_t)(n < builtin->classes ? n : rng_below(word[0], word[1], builtin->classes));
    }
    return WEFT_OK;
}

weft_status workload_open(struct workload *workload)
{
    struct table table;
    if (workload->dataset.features > 0)
        return WEFT_OK;
    weft_status st = draw_table(workload->builtin, &table);
    return st == WEFT_OK ? dataset_from_table(workload->settings, workload->name, &table, &workload->dataset) : st;
}

void workload_close(struct workload *workload)
{
    dataset_close(&workload->dataset);
}

void draw_floats(uint32_t stream, size_t n, float *x)
{
    uint32_t word[4];
    for (size_t i = 0; i < n; i++) {
        if (i % 4 == 0)
            rng_words(2, RNG_DIGITS, STREAM_LAYER, 0, stream, (uint32_t)(i / 4), word);
        x[i] = (float)(word[i % 4] >> 8) * 0x1p-23f - 1;
    }
}

/* ---- shapes ---- */

size_t workload_layers(const struct workload *workload)
{
    return workload->settings->network.hidden.count + 1;
}

size_t workload_fan_in(const struct workload *workload, size_t l)
{
    return l == 0 ? workload->features : (size_t)workload->settings->network.hidden.value[l - 1];
}

size_t workload_fan_out(const struct workload *workload, size_t l)
{
    return l + 1 == workload_layers(workload) ? workload->classes : (size_t)workload->settings->network.hidden.value[l];
}

static double flop_per_sample(const struct workload *w)
{
    double flop = 0;
    for (size_t l = 0; l < workload_layers(w); l++)
        flop += (l > 0 ? 6.0 : 4.0) * (double)workload_fan_in(w, l) * (double)workload_fan_out(w, l);
    return flop;
}

static size_t parameter_count(const struct workload *w)
{
    bool has_affine = w->settings->network.batch_norm != BATCH_NORM_NONE && w->settings->network.batch_norm_affine;
    size_t count = 0;
    for (size_t l = 0; l < workload_layers(w); l++) {
        bool is_hidden = l + 1 < workload_layers(w);
        count += workload_fan_out(w, l) * (workload_fan_in(w, l) + 1 + (is_hidden && has_affine ? 2 : 0));
    }
    return count;
}

void workload_describe(const struct workload *workload, weft_bench_workload *timed)
{
    struct text network = {timed->network, sizeof timed->network, 0};
    snprintf(timed->name, sizeof timed->name, "%s", workload->name);
    text_add(&network, "%zu", workload->features);
    for (size_t l = 0; l < workload_layers(workload); l++)
        text_add(&network, "-%zu", workload_fan_out(workload, l));
    timed->batch = (size_t)workload->settings->train.batch_size;
    timed->parameters = parameter_count(workload);
    timed->flop_per_sample = flop_per_sample(workload);
}
