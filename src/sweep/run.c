/* One run of a sweep: how far it has come, and how it begins or goes on. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/file.h"
#include "sweep/sweep.h"

static const char *const first_file[] = {"run.ini", "history.csv", "timing.csv"};      /* before the first checkpoint */
enum { FIRST_FILES = sizeof first_file / sizeof *first_file };

/* ---- how far it has come ---- */

/* What the names in a run's directory say. */
struct names_found {
    bool is_directory;
    bool has_checkpoint;
    bool has_other;             /* than what a run has before its first checkpoint */
};

/* Links to a checkpoint do not come before it, and nobody else's file may go. */
static bool is_of_begun_run(const char *name)
{
    static const char *const own[] = {".", "..", "lock"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (strcmp(name, own[i]) == 0)
            return true;
    for (size_t i = 0; i < FIRST_FILES; i++)
        if (strcmp(name, first_file[i]) == 0)
            return true;
    return name[0] == '.' && strstr(name, ".tmp.") != NULL;
}

static weft_status note_name(void *context, const char *name)
{
    struct names_found *found = context;
    size_t length = strlen(name);
    found->has_checkpoint |= strncmp(name, "step-", 5) == 0 && length > 8 && strcmp(name + length - 3, ".h5") == 0;
    found->has_other |= !is_of_begun_run(name);
    return WEFT_OK;
}

/* Nothing is found where there is no directory. */
static weft_status look_into(const char *directory, struct names_found *found)
{
    struct file_look look;
    weft_status st = file_look(directory, &look);
    *found = (struct names_found){.is_directory = look.is_directory};
    return look.is_directory ? file_list(directory, note_name, found) : st;
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
    struct names_found found;
    *read = (weft_run){0};
    weft_status st = look_into(run->directory, &found);
    *state = found.has_checkpoint ? WEFT_SWEEP_STOPPED : WEFT_SWEEP_MISSING;
    if (st != WEFT_OK || *state == WEFT_SWEEP_MISSING)
        return st;
    st = weft_run_read(run->directory, read);
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

static weft_status remove_first_files(const char *directory)
{
    weft_status st = WEFT_OK;
    for (size_t i = FIRST_FILES; i-- > 0 && st == WEFT_OK;) {        /* run.ini last: it marks a run */
        char *path = sweep_path(directory, first_file[i]);
        st = path != NULL ? file_remove(path) : WEFT_ENOMEM;
        memory_free(path);
    }
    return st;
}

/* Killed before its first checkpoint, the run begins anew with the settings of the sweep. What else may be in the directory is in
 * the way of weft_trainer_create, which says so. */
static weft_status clear_away(const char *directory)
{
    int lock;
    struct names_found found;
    char *path = sweep_path(directory, "lock");
    weft_status st = path != NULL ? file_lock(path, &lock) : WEFT_ENOMEM;
    memory_free(path);
    if (st != WEFT_OK)
        return st;
    st = look_into(directory, &found);                          /* once more, now that nobody else has it */
    if (st == WEFT_OK && !found.has_other)
        st = remove_first_files(directory);
    file_unlock(lock);
    return st;
}

weft_status weft_sweep_run_open(const weft_sweep *sweep, size_t i, const char *data, weft_event_handler on_event,
                                void *event_context, weft_trainer **trainer)
{
    const weft_sweep_run *run = &sweep->run[i];
    const weft_resume_options resume = {.data = data, .on_event = on_event, .event_context = event_context};
    const weft_trainer_options begin = {.out = run->directory, .on_event = on_event, .event_context = event_context};
    struct names_found found;
    *trainer = NULL;
    weft_status st = look_into(run->directory, &found);
    if (st == WEFT_OK && found.has_checkpoint)
        return weft_trainer_resume(run->directory, &resume, trainer);
    if (st == WEFT_OK && found.is_directory && !found.has_other)
        st = clear_away(run->directory);
    return st == WEFT_OK ? weft_trainer_create(run->settings, &begin, trainer) : st;
}
