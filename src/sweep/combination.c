/* From a description to combinations and runs: their settings, names and directories. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "sweep/sweep.h"

/* ---- names ---- */

/* The last word of a setting's name; of optimizer.name the first, which says more. */
static void last_word(const struct setting *setting, char word[64])
{
    const char *key = setting->info.name + strlen(setting->info.section) + 1;
    snprintf(word, 64, "%s", strcmp(key, "name") == 0 ? setting->info.section : key);
}

static void name_of_axis(const struct description *d, size_t axis, char name[64])
{
    last_word(d->axis[axis].setting, name);
    for (size_t i = 0; i < d->axes; i++) {
        char other[64];
        last_word(d->axis[i].setting, other);
        if (i != axis && strcmp(other, name) == 0) {
            snprintf(name, 64, "%s", d->axis[axis].setting->info.name);
            return;
        }
    }
}

/* value[i] is the index of axis i's value. */
static void add_name(struct text *text, const struct description *d, const struct listed *listed, const size_t *value)
{
    if (listed != NULL)
        text_add(text, "%s", listed->name);
    else if (d->axes == 0)
        text_add(text, "base");
    for (size_t i = 0; i < d->axes; i++) {
        char name[64];
        name_of_axis(d, i, name);
        text_add(text, "%s%s=%s", text->length > 0 ? ", " : "", name, d->axis[i].value[value[i]]);
    }
}

static char *combination_name(const struct description *d, const struct listed *listed, const size_t *value)
{
    struct text text = {NULL, 0, 0};
    add_name(&text, d, listed, value);                          /* measure */
    text = (struct text){memory_new(text.length + 1, 1), text.length + 1, 0};
    if (text.at != NULL)
        add_name(&text, d, listed, value);
    return text.at;
}

static bool is_kept(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (unsigned char)c >= 0x80
           || (c != '\0' && strchr(".=+-_", c) != NULL);
}

/* A name that is too long for a directory ends in its hash. */
char *sweep_directory_name(const char *name)
{
    enum { KEPT_BYTES = 120, HASH_BYTES = 9 };
    char *out = memory_new(strlen(name) + HASH_BYTES + 2, 1);
    size_t length = 0;
    if (out == NULL)
        return NULL;
    for (const char *c = name; *c != '\0'; c++) {
        bool leads = length == 0 && (*c == '.' || *c == '-');  /* ".." would lead out of the directory, "-x" is an option */
        if (is_kept(*c) && !leads)
            out[length++] = *c;
        else if (length == 0 || out[length - 1] != '_')
            out[length++] = '_';
    }
    if (length == 0)
        out[length++] = '_';
    if (length > KEPT_BYTES + HASH_BYTES) {
        length = KEPT_BYTES;
        while (((unsigned char)out[length] & 0xc0) == 0x80)     /* not within a character */
            length--;
        length += (size_t)snprintf(out + length, HASH_BYTES + 1, "-%08" PRIx32, (uint32_t)XXH3_64bits(name, strlen(name)));
    }
    out[length] = '\0';
    return out;
}

char *sweep_path(const char *directory, const char *name)
{
    size_t size = strlen(directory) + strlen(name) + 2;
    char *path = memory_new(size, 1);
    if (path != NULL)
        snprintf(path, size, "%s/%s", directory, name);
    return path;
}

/* ---- one combination ---- */

static void note_value(weft_sweep_combination *c, const struct setting *setting, const char *value)
{
    weft_setting_value *to = &c->setting[c->settings++];
    snprintf(to->name, sizeof to->name, "%s", setting->info.name);
    if (snprintf(to->value, sizeof to->value, "%s", value) >= (int)sizeof to->value)
        memcpy(to->value + sizeof to->value - 4, "...", 4);
}

static bool has_end(const weft_settings *settings)
{
    return settings->train.epochs > 0 || settings->train.steps > 0 || settings->train.early_stop != STOP_NONE;
}

/* Name and settings of a combination; *settings are those of its runs but for the seed. */
static weft_status combination_fill(weft_sweep_combination *c, const struct description *d, const struct listed *listed,
                                    const size_t *value, weft_settings **settings)
{
    size_t assignments = listed != NULL ? listed->assignments : 0;
    c->name = combination_name(d, listed, value);
    c->setting = memory_new(assignments + d->axes, sizeof *c->setting);
    *settings = weft_settings_copy(d->base);
    if (c->name == NULL || c->setting == NULL || *settings == NULL)
        return WEFT_ENOMEM;
    weft_status st = weft_settings_set(*settings, "run.threads", "0");
    for (size_t i = 0; i < assignments && st == WEFT_OK; i++) {
        note_value(c, listed->assignment[i].setting, listed->assignment[i].value);
        st = weft_settings_set(*settings, listed->assignment[i].setting->info.name, listed->assignment[i].value);
    }
    for (size_t i = 0; i < d->axes && st == WEFT_OK; i++) {
        note_value(c, d->axis[i].setting, d->axis[i].value[value[i]]);
        st = weft_settings_set(*settings, d->axis[i].setting->info.name, d->axis[i].value[value[i]]);
    }
    if (st == WEFT_OK)
        st = weft_settings_check(*settings);
    if (st == WEFT_OK && !has_end(*settings))
        st = error_set(WEFT_ESETTINGS, "train.max_time only interrupts a run, and the next call goes on with it: wanted train.epochs, "
                       "steps or early_stop besides");
    return st == WEFT_OK ? WEFT_OK : error_context(st, "combination '%.200s'", c->name);
}

static weft_status run_fill(weft_sweep_run *run, const weft_settings *settings, const char *directory, uint64_t seed)
{
    char name[40], text[24];
    snprintf(name, sizeof name, "seed-%" PRIu64, seed);
    snprintf(text, sizeof text, "%" PRIu64, seed);
    run->seed = seed;
    run->directory = sweep_path(directory, name);
    run->settings = weft_settings_copy(settings);
    if (run->directory == NULL || run->settings == NULL)
        return WEFT_ENOMEM;
    return weft_settings_set(run->settings, "train.seed", text);
}

static weft_status runs_fill(weft_sweep *shown, const struct description *d, const char *name, const weft_settings *settings)
{
    char *part = sweep_directory_name(name);
    char *directory = part != NULL ? sweep_path(shown->out, part) : NULL;
    weft_status st = directory != NULL ? WEFT_OK : WEFT_ENOMEM;
    for (size_t i = 0; i < (d->seeds > 0 ? d->seeds : 1) && st == WEFT_OK; i++) {
        weft_sweep_run *run = &shown->run[shown->runs++];
        run->combination = shown->combinations - 1;
        st = run_fill(run, settings, directory, d->seeds > 0 ? d->seed[i] : d->base->train.seed);
    }
    memory_free(directory);
    memory_free(part);
    return st;
}

/* ---- all of them ---- */

/* The next combination of the axes' values, the last axis fastest. False after the last one. */
static bool values_next(const struct description *d, size_t *value)
{
    for (size_t i = d->axes; i-- > 0;) {
        if (++value[i] < d->axis[i].values)
            return true;
        value[i] = 0;
    }
    return false;
}

static weft_status combine_values(weft_sweep *shown, const struct description *d, const struct listed *listed, size_t *value)
{
    weft_status st;
    do {
        weft_sweep_combination *c = &shown->combination[shown->combinations++];
        weft_settings *settings = NULL;
        st = combination_fill(c, d, listed, value, &settings);
        if (st == WEFT_OK)
            st = runs_fill(shown, d, c->name, settings);
        weft_settings_destroy(settings);
    } while (st == WEFT_OK && values_next(d, value));
    return st;
}

static int by_directory(const void *a, const void *b)
{
    const weft_sweep_run *const *left = a, *const *right = b;
    return strcmp((*left)->directory, (*right)->directory);
}

/* Two names may become one where characters are replaced, and a name may be that of a file of the sweep. */
static weft_status check_directories(const weft_sweep *shown)
{
    static const char *const file[] = {"sweep.ini", "summary.csv", "runs.csv", "summary.h5", "lock", "report.html"};
    const weft_sweep_run **sorted = memory_new(shown->runs, sizeof *sorted);
    if (sorted == NULL)
        return WEFT_ENOMEM;
    weft_status st = WEFT_OK;
    for (size_t i = 0; i < shown->runs; i++)
        sorted[i] = &shown->run[i];
    qsort(sorted, shown->runs, sizeof *sorted, by_directory);
    for (size_t i = 1; i < shown->runs && st == WEFT_OK; i++)
        if (by_directory(&sorted[i - 1], &sorted[i]) == 0)
            st = error_set(WEFT_ESETTINGS, "combinations '%.200s' and '%.200s' would both go to %s, wanted other names",
                           shown->combination[sorted[i - 1]->combination].name, shown->combination[sorted[i]->combination].name,
                           sorted[i]->directory);
    for (size_t c = 0; c < shown->combinations && st == WEFT_OK; c++)
        for (size_t i = 0; i < sizeof file / sizeof *file && st == WEFT_OK; i++)
            if (strcmp(shown->combination[c].name, file[i]) == 0)
                st = error_set(WEFT_ESETTINGS, "a combination is called %s, like a file of the sweep, wanted another name", file[i]);
    memory_free(sorted);
    return st;
}

weft_status sweep_combine(struct sweep *sweep)
{
    const struct description *d = &sweep->description;
    weft_sweep *shown = &sweep->shown;
    size_t listings = d->listings > 0 ? d->listings : 1, seeds = d->seeds > 0 ? d->seeds : 1, combinations = listings;
    for (size_t i = 0; i < d->axes && combinations <= SWEEP_RUNS_MAX; i++)
        combinations *= d->axis[i].values;
    if (combinations > SWEEP_RUNS_MAX || combinations * seeds > SWEEP_RUNS_MAX)
        return error_set(WEFT_ESETTINGS, "the sweep has more than %d runs, wanted fewer values, combinations or seeds", SWEEP_RUNS_MAX);
    shown->combination = memory_new(combinations, sizeof *shown->combination);
    shown->run = memory_new(combinations * seeds, sizeof *shown->run);
    size_t *value = memory_new(d->axes, sizeof *value);
    weft_status st = shown->combination != NULL && shown->run != NULL && value != NULL ? WEFT_OK : WEFT_ENOMEM;
    for (size_t i = 0; i < listings && st == WEFT_OK; i++)
        st = combine_values(shown, d, d->listings > 0 ? &d->listed[i] : NULL, value);
    memory_free(value);
    return st == WEFT_OK ? check_directories(shown) : st;
}
