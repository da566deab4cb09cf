/* The directory of a sweep: who has it, what is in it already, and sweep.ini. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/source.h"
#include "store/file.h"
#include "sweep/sweep.h"

static weft_status find(const char *directory, const char *name, bool *is_there)
{
    struct file_look look = {0};
    char *path = sweep_path(directory, name);
    weft_status st = path != NULL ? file_look(path, &look) : WEFT_ENOMEM;
    memory_free(path);
    *is_there = look.exists;
    return st;
}

int weft_sweep_is_directory(const char *directory)
{
    bool is_there;
    return find(directory, "sweep.ini", &is_there) == WEFT_OK && is_there;
}

bool sweep_differ(const weft_settings *a, const weft_settings *b, struct setting_difference *difference)
{
    for (size_t i = 0; i < setting_count; i++) {
        const struct setting *setting = &setting_table[i];
        if (!setting->info.identity)
            continue;
        setting_print(setting, a, difference->a, sizeof difference->a);
        setting_print(setting, b, difference->b, sizeof difference->b);
        difference->name = setting->info.name;
        if (strcmp(difference->a, difference->b) != 0)
            return true;
    }
    return false;
}

static bool has_begun(const weft_sweep_run *run)
{
    return access(run->directory, F_OK) == 0;
}

/* The run with that directory; the search begins behind the one found before, where it mostly is. NULL: there is none. */
static const weft_sweep_run *run_at(const weft_sweep *sweep, const char *directory, size_t *next)
{
    for (size_t i = 0; i < sweep->runs; i++) {
        const weft_sweep_run *run = &sweep->run[(*next + i) % sweep->runs];
        if (strcmp(run->directory, directory) == 0) {
            *next = (*next + i + 1) % sweep->runs;
            return run;
        }
    }
    return NULL;
}

/* A combination that is trained on other rows than the rest of its table would spoil it. They may have moved: then an assignment says
 * so, and a run that goes on sees by itself whether they are the same. Where nothing is, nothing can be trained. */
static weft_status compare_data(const weft_sweep *sweep, const char *combination, const weft_settings *old, const weft_settings *new)
{
    const struct { const char *name, *old, *new; } place[] = {
        {"data.source", old->data.source, new->data.source}, {"data.validation", old->data.validation, new->data.validation},
        {"data.test", old->data.test, new->data.test}};
    for (size_t i = 0; i < sizeof place / sizeof *place; i++) {
        char *absolute;
        if (strcmp(place[i].old, place[i].new) == 0 || sweep_of(sweep)->description.data_are_assigned)
            continue;
        weft_status st = source_absolute(place[i].new, &absolute);
        memory_free(absolute);
        if (st == WEFT_ENOMEM)
            return st;
        if (st != WEFT_ENOINPUT)
            return error_set(WEFT_ECREATE, "%s holds another sweep: it has trained '%.200s' with %s = %.200s, found %.200s; wanted the "
                             "same, or --data (or --set) if these rows have moved, or another directory", sweep->out, combination,
                             place[i].name, place[i].old, place[i].new);
    }
    return WEFT_OK;
}

/* Every run there is that the sweep on disk has begun must be one of this sweep. */
static weft_status compare(const weft_sweep *sweep, const weft_sweep *there)
{
    struct setting_difference difference;
    size_t next = 0;
    for (size_t i = 0; i < there->runs; i++) {
        const weft_sweep_run *old = &there->run[i], *run = run_at(sweep, old->directory, &next);
        if (!has_begun(old))
            continue;
        if (run == NULL)
            return error_set(WEFT_ECREATE, "%s holds another sweep: it has trained '%.200s' with seed %" PRIu64 ", which is not among "
                             "the runs asked for; wanted all of its runs, or another directory", sweep->out,
                             there->combination[old->combination].name, old->seed);
        if (sweep_differ(old->settings, run->settings, &difference))
            return error_set(WEFT_ECREATE, "%s holds another sweep: it has trained '%.200s' with %s = %.100s, found %.100s; wanted the "
                             "same, or another directory", sweep->out, there->combination[old->combination].name, difference.name,
                             difference.a, difference.b);
        weft_status st = compare_data(sweep, there->combination[old->combination].name, old->settings, run->settings);
        if (st != WEFT_OK)
            return st;
    }
    return WEFT_OK;
}

/* A directory without a sweep must hold nothing that one would replace or that a run would take for its own. */
static weft_status check_new(const char *directory)
{
    static const char *const file[] = {"run.ini", "last.h5", "summary.csv", "runs.csv", "summary.h5"};
    for (size_t i = 0; i < sizeof file / sizeof *file; i++) {
        bool is_there;
        weft_status st = find(directory, file[i], &is_there);
        if (st != WEFT_OK)
            return st;
        if (is_there)
            return error_set(WEFT_ECREATE, "begin a sweep in %s: it holds %s, but no sweep.ini; wanted a directory without, or a sweep's",
                             directory, file[i]);
    }
    return WEFT_OK;
}

weft_status weft_sweep_check(const weft_sweep *sweep)
{
    weft_sweep *there = NULL;
    bool is_there;
    weft_status st = find(sweep->out, "sweep.ini", &is_there);
    if (st == WEFT_OK && !is_there)
        return check_new(sweep->out);
    if (st == WEFT_OK)
        st = weft_sweep_read(sweep->out, &there);
    if (st == WEFT_OK)
        st = compare(sweep, there);
    weft_sweep_destroy(there);
    return st;
}

static weft_status take_lock(struct sweep *sweep)
{
    char *path = sweep_path(sweep->shown.out, "lock");
    weft_status st = path != NULL ? file_lock(path, &sweep->lock) : WEFT_ENOMEM;
    memory_free(path);
    return st;
}

/* Does the directory's sweep.ini say the same, perhaps in other words? Then it stays as somebody may have written it. */
static weft_status is_written(const struct sweep *sweep, const char *text, bool *same)
{
    weft_sweep *there = NULL;
    char *its_text = NULL;
    weft_status st = find(sweep->shown.out, "sweep.ini", same);
    if (st != WEFT_OK || !*same)
        return st;
    st = weft_sweep_read(sweep->shown.out, &there);
    if (st == WEFT_OK)
        st = description_print(&sweep_of(there)->description, &its_text);
    *same = st == WEFT_OK && strcmp(text, its_text) == 0;
    memory_free(its_text);
    weft_sweep_destroy(there);
    return st;
}

static weft_status write_ini(const struct sweep *sweep)
{
    bool same;
    char *text = NULL, *path = sweep_path(sweep->shown.out, "sweep.ini");
    weft_status st = path != NULL ? description_print(&sweep->description, &text) : WEFT_ENOMEM;
    if (st == WEFT_OK)
        st = is_written(sweep, text, &same);
    if (st == WEFT_OK && !same)
        st = file_replace(path, text, strlen(text));
    memory_free(text);
    memory_free(path);
    return st;
}

weft_status weft_sweep_begin(weft_sweep *shown)
{
    struct sweep *sweep = (struct sweep *)(void *)shown;
    weft_status st = file_make_directory(shown->out);
    if (st == WEFT_OK) st = take_lock(sweep);
    if (st == WEFT_OK) st = file_remove_stale_temporaries(shown->out, NULL);
    if (st == WEFT_OK) st = weft_sweep_check(shown);
    if (st == WEFT_OK) st = write_ini(sweep);
    return st;
}
