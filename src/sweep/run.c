/* One run of a sweep: how far it has come, and how it begins or goes on. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/file.h"
#include "sweep/sweep.h"

/* ---- how far it has come ---- */

/* The names in a directory; visit returns false to end. False: it cannot be read, or visit has ended it. */
static bool all_names(const char *directory, bool (*visit)(const char *directory, const char *name))
{
    DIR *stream = opendir(directory);
    if (stream == NULL)
        return false;
    bool all = true;
    for (struct dirent *entry = readdir(stream); entry != NULL && all; entry = readdir(stream))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            all = visit(directory, entry->d_name);
    closedir(stream);
    return all;
}

static bool is_no_checkpoint(const char *directory, const char *name)
{
    size_t length = strlen(name);
    (void)directory;
    return !(strncmp(name, "step-", 5) == 0 && length > 8 && strcmp(name + length - 3, ".h5") == 0);
}

static bool has_checkpoint(const char *directory)
{
    return access(directory, F_OK) == 0 && !all_names(directory, is_no_checkpoint);
}

/* Settings of a checkpoint against those that the run should have. */
static weft_status check_settings(const weft_sweep_run *run, const weft_checkpoint_info *info)
{
    char digest[SETTINGS_DIGEST_SIZE_BYTES], wanted[SETTING_TEXT_SIZE_BYTES];
    settings_digest(run->settings, digest);
    if (strcmp(digest, info->settings_digest) == 0)
        return WEFT_OK;
    for (size_t i = 0; i < info->settings; i++) {
        const weft_setting_value *found = &info->setting[i];
        weft_status st = weft_settings_get(run->settings, found->name, wanted, sizeof wanted);
        if (st != WEFT_OK)
            return st;
        if (strncmp(found->value, wanted, sizeof found->value - 4) != 0)        /* the rest may be "..." */
            return error_set(WEFT_ESETTINGS, "%s holds a run with %s = %.100s, wanted %.100s, or another directory", run->directory,
                             found->name, found->value, wanted);
    }
    return error_set(WEFT_ESETTINGS, "%s holds a run whose settings have digest %s, wanted %s, or another directory", run->directory,
                     info->settings_digest, digest);
}

weft_status sweep_run_read(const weft_sweep *sweep, size_t i, weft_sweep_state *state, weft_run *read)
{
    const weft_sweep_run *run = &sweep->run[i];
    *read = (weft_run){0};
    *state = has_checkpoint(run->directory) ? WEFT_SWEEP_STOPPED : WEFT_SWEEP_MISSING;
    if (*state == WEFT_SWEEP_MISSING)
        return WEFT_OK;
    weft_status st = weft_run_read(run->directory, read);
    if (st == WEFT_ENOINPUT || st == WEFT_EDAMAGED)             /* going on finds an older checkpoint, or says what is wrong */
        return WEFT_OK;
    if (st != WEFT_OK)
        return st;
    st = check_settings(run, &read->last);
    if (st == WEFT_OK && read->is_over)
        *state = WEFT_SWEEP_OVER;
    else
        weft_run_clear(read);
    return st;
}

weft_status weft_sweep_run_state(const weft_sweep *sweep, size_t run, weft_sweep_state *state)
{
    weft_run read;
    weft_status st = sweep_run_read(sweep, run, state, &read);
    weft_run_clear(&read);
    return st;
}

/* ---- how it begins or goes on ---- */

static const char *const first_file[] = {"run.ini", "history.csv", "timing.csv"};      /* before the first checkpoint */

/* Links to a checkpoint do not come before it, and nobody else's file may go. */
static bool is_of_begun_run(const char *directory, const char *name)
{
    (void)directory;
    for (size_t i = 0; i < sizeof first_file / sizeof *first_file; i++)
        if (strcmp(name, first_file[i]) == 0)
            return true;
    return strcmp(name, "lock") == 0 || (name[0] == '.' && strstr(name, ".tmp.") != NULL);
}

static weft_status remove_first_files(const char *directory)
{
    weft_status st = WEFT_OK;
    for (size_t i = sizeof first_file / sizeof *first_file; i-- > 0 && st == WEFT_OK;) {        /* run.ini last: it marks a run */
        char *path = sweep_path(directory, first_file[i]);
        st = path != NULL ? file_remove(path) : WEFT_ENOMEM;
        memory_free(path);
    }
    return st;
}

/* A process that was killed before its first checkpoint leaves a directory that can neither be begun nor gone on with. */
static weft_status clear_away(const char *directory)
{
    int lock;
    if (!all_names(directory, is_of_begun_run))
        return WEFT_OK;                                         /* not there, or weft_trainer_create says what is in the way */
    char *path = sweep_path(directory, "lock");
    weft_status st = path != NULL ? file_lock(path, &lock) : WEFT_ENOMEM;
    memory_free(path);
    if (st != WEFT_OK)
        return st;
    if (all_names(directory, is_of_begun_run))                  /* still, now that nobody else has it */
        st = remove_first_files(directory);
    file_unlock(lock);
    return st;
}

weft_status weft_sweep_run_open(const weft_sweep *sweep, size_t i, const char *data, weft_event_handler on_event,
                                void *event_context, weft_trainer **trainer)
{
    const weft_sweep_run *run = &sweep->run[i];
    *trainer = NULL;
    if (has_checkpoint(run->directory)) {
        const weft_resume_options options = {.data = data, .on_event = on_event, .event_context = event_context};
        return weft_trainer_resume(run->directory, &options, trainer);
    }
    const weft_trainer_options options = {.out = run->directory, .on_event = on_event, .event_context = event_context};
    weft_status st = clear_away(run->directory);
    return st == WEFT_OK ? weft_trainer_create(run->settings, &options, trainer) : st;
}
