/* Going on with a run from its directory: settings from run.ini and the newest whole checkpoint, everything else from the latter; or,
 * if the run was stopped before its first save, from the beginning. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernel/kernel.h"
#include "store/file.h"
#include "train/lineage.h"
#include "train/loop.h"
#include "train/record.h"
#include "train/setup.h"

/* ---- settings ---- */

/* What run.ini says, over the defaults. named has weft_settings_count() entries; a missing file names nothing. */
static weft_status load_ini(weft_trainer *tr, bool named[], bool *is_there)
{
    char path[4200];
    struct file_look look;
    snprintf(path, sizeof path, "%s/run.ini", run_directory_path(tr->directory));
    weft_status st = file_look(path, &look);
    *is_there = look.exists;
    return st == WEFT_OK && look.exists ? ini_load_named(tr->settings, path, named) : st;
}

/* Options of the caller come last. */
static weft_status apply_options(weft_trainer *tr, const weft_resume_options *options)
{
    char text[32];
    weft_status st = options->data != NULL ? weft_settings_set(tr->settings, "data.source", options->data) : WEFT_OK;
    if (st == WEFT_OK && options->has_threads) {
        snprintf(text, sizeof text, "%zu", options->threads);
        st = weft_settings_set(tr->settings, "run.threads", text);
    }
    return st;
}

static weft_status set_epochs(weft_trainer *tr, uint64_t epochs)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, epochs);
    return weft_settings_set(tr->settings, "train.epochs", text);
}

/* The number of epochs may have been changed since: it is the checkpoint's that counts. Any other setting is of another run, or somebody
 * wants to change what cannot be changed. */
static weft_status tell_difference(weft_trainer *tr, const char *name, const char *wanted, const char *recorded, bool has_epochs)
{
    if (strcmp(name, "train.epochs") != 0)
        return error_set(WEFT_ESETTINGS, "resume %s: run.ini says %s = %s, but the newest checkpoint was trained with %s",
                         run_directory_path(tr->directory), name, wanted, recorded);
    char text[160];
    snprintf(text, sizeof text, "run.ini says train.epochs = %.20s, but the run has %.20s; weft resume --epochs changes that", wanted, recorded);
    if (!has_epochs)
        trainer_announce(tr, WEFT_EVENT_NOTE, text);
    return WEFT_OK;
}

/* What run.ini names of the identity must be what the checkpoint was trained with. */
static weft_status same_identity(weft_trainer *tr, const weft_settings *ini, const bool named[], const weft_resume_options *options)
{
    for (size_t i = 0; i < weft_settings_count(); i++) {
        const weft_setting_info *setting = weft_settings_info(i);
        char wanted[SETTING_TEXT_SIZE_BYTES], recorded[SETTING_TEXT_SIZE_BYTES];
        if (!setting->identity || !named[i])
            continue;
        weft_status st = weft_settings_get(ini, setting->name, wanted, sizeof wanted);
        if (st == WEFT_OK) st = weft_settings_get(tr->settings, setting->name, recorded, sizeof recorded);
        if (st == WEFT_OK && strcmp(wanted, recorded) != 0)
            st = tell_difference(tr, setting->name, wanted, recorded, options->epochs != 0);
        if (st != WEFT_OK)
            return st;
    }
    return WEFT_OK;
}

/* The checkpoint's own digest of its settings. */
static weft_status same_digest(const weft_trainer *tr, const struct snapshot *snapshot)
{
    char digest[SETTINGS_DIGEST_SIZE_BYTES];
    const char *recorded;
    weft_status st = snapshot_get_text(snapshot, "/", "settings_digest", &recorded);
    if (st != WEFT_OK)
        return st;
    settings_digest(tr->settings, digest);
    if (strcmp(digest, recorded) != 0)
        return error_set(WEFT_ESETTINGS, "the checkpoint's settings have digest %s, but it was trained with %s", digest, recorded);
    return WEFT_OK;
}

/* The checkpoint is held against itself, the one before it, and run.ini; a lost run.ini costs nothing but where the data are. */
static weft_status settings_of_run(weft_trainer *tr, const struct snapshot *snapshot, bool named[], const weft_resume_options *options)
{
    bool has_ini;
    weft_status st = load_ini(tr, named, &has_ini);
    if (st == WEFT_OK && !has_ini && options->data == NULL)
        st = error_set(WEFT_ENOINPUT, "resume %s: run.ini, which says where the data are, is lost; name them with --data",
                       run_directory_path(tr->directory));
    if (st != WEFT_OK)
        return st;
    weft_settings *ini = weft_settings_copy(tr->settings);
    if (ini == NULL)
        return WEFT_ENOMEM;
    st = restore_settings(snapshot, tr->settings);
    if (st == WEFT_OK) st = same_digest(tr, snapshot);
    if (st == WEFT_OK) st = lineage_check(tr->directory, snapshot);
    if (st == WEFT_OK) st = same_identity(tr, ini, named, options);
    weft_settings_destroy(ini);
    return st;
}

/* Settings of the identity from the checkpoint, those of the machine from run.ini, then the caller's. */
static weft_status resume_settings(weft_trainer *tr, const struct snapshot *snapshot, const weft_resume_options *options)
{
    bool *named = memory_new(weft_settings_count(), sizeof *named);
    if (named == NULL)
        return WEFT_ENOMEM;
    weft_status st = settings_of_run(tr, snapshot, named, options);
    memory_free(named);
    if (st == WEFT_OK) st = apply_options(tr, options);
    return st == WEFT_OK ? weft_settings_check(tr->settings) : st;
}

/* ---- from a checkpoint ---- */

static weft_status same_data(const weft_trainer *tr, const struct snapshot *snapshot)
{
    const char *recorded;
    weft_status st = snapshot_get_text(snapshot, "/", "data_digest", &recorded);
    if (st == WEFT_OK && strcmp(recorded, tr->dataset.digest) != 0)
        st = error_set(WEFT_EDATA, "%s: rows, labels or splits have digest %s, but the run was started on data with %s",
                       tr->settings->data.source, tr->dataset.digest, recorded);
    return st;
}

/* Another number of epochs than planned: the same trajectory goes on, so the schedule must not depend on its end. */
static weft_status change_epochs(weft_trainer *tr, uint64_t epochs)
{
    if (epochs == 0 || epochs == tr->settings->train.epochs)
        return WEFT_OK;
    if (tr->settings->schedule.name == SCHEDULE_COSINE)
        return error_set(WEFT_ESETTINGS, "--epochs %" PRIu64 ": the cosine schedule was planned for %" PRIu64 " epochs and its "
                         "past steps would differ", epochs, tr->settings->train.epochs);
    return set_epochs(tr, epochs);
}

/* Seconds in timing.csv begin anew with each call. */
static weft_status mark_call(weft_trainer *tr)
{
    char line[64];
    snprintf(line, sizeof line, "%" PRIu64 ",0,0,0\n", tr->training.step);
    return run_directory_append(tr->directory, "timing.csv", line);
}

/* An end between two evaluations was evaluated all the same, and a longer run would not have looked at it. The learning rate of a
 * plateau does not follow it, but the best may be the model of that moment, and patience counts from there. */
static bool has_looked_too_early(const weft_trainer *tr)
{
    const struct interval *every = &tr->settings->train.evaluate_every;
    uint64_t step = tr->training.step, interval = every->count;
    if (every->unit == INTERVAL_EPOCHS)
        interval *= tr->training.sampler.steps_per_epoch;
    return tr->early_stop.ends_run && tr->early_stop.best_step == (int64_t)step && (interval == 0 || step % interval != 0);
}

/* A run that had ended by its number of epochs goes on if there are more now. */
static weft_status reopen_if_longer(weft_trainer *tr, uint64_t epochs)
{
    const struct training *t = &tr->training;
    uint64_t per_epoch = t->sampler.steps_per_epoch;
    bool ended_by_count = strcmp(tr->stop_reason, "epochs") == 0;
    if (epochs > 0 && epochs < (t->step + per_epoch - 1) / per_epoch)
        return error_set(WEFT_ESETTINGS, "--epochs %" PRIu64 ": the run has done %.4g already", epochs, (double)t->step / (double)per_epoch);
    if (!ended_by_count || t->total_steps <= t->step)
        return WEFT_OK;
    if (has_looked_too_early(tr))
        return error_set(WEFT_ESETTINGS, "--epochs %" PRIu64 ": the run ended between two evaluations (train.evaluate_every) and "
                         "train.early_stop took its end for the best; a longer run would not have looked there", epochs);
    tr->stop_reason = "";
    return WEFT_OK;
}

static weft_status restore(weft_trainer *tr, const struct snapshot *snapshot, const weft_resume_options *options)
{
    const char *thread_reason = NULL;
    weft_status st = resume_settings(tr, snapshot, options);
    if (st == WEFT_OK) st = change_epochs(tr, options->epochs);
    if (st == WEFT_OK) st = dataset_open(tr->settings, NULL, &tr->dataset);
    if (st == WEFT_OK) st = same_data(tr, snapshot);
    if (st == WEFT_OK) st = setup_state(tr, &thread_reason);
    if (st == WEFT_OK) st = restore_run(snapshot, tr);
    if (st == WEFT_OK) st = reopen_if_longer(tr, options->epochs);
    if (st != WEFT_OK)
        return st;
    record_learning_rate(tr);
    tr->saved_step = (int64_t)tr->training.step;
    st = run_directory_point_links(tr->directory, tr->saved_step, tr->early_stop.best_step);
    if (st == WEFT_OK)
        st = setup_write_files(tr, false);
    if (st != WEFT_OK)
        return st;
    if (tr->stop_reason[0] == '\0' && (st = mark_call(tr)) != WEFT_OK)
        return st;
    setup_announce(tr, thread_reason);
    return weights_digest(&tr->training.net, &tr->training.optimizer, tr->digest);
}

static weft_status go_on(weft_trainer *tr, const weft_resume_options *options)
{
    struct snapshot *snapshot = NULL;
    int64_t step;
    size_t passed_over;
    char notes[1024] = "";
    weft_status st = run_directory_load_newest(tr->directory, &snapshot, &step, &passed_over, notes, sizeof notes);
    if (st == WEFT_OK && passed_over > 0) trainer_announce(tr, WEFT_EVENT_NOTE, notes);
    if (st == WEFT_OK) st = restore(tr, snapshot, options);
    if (st == WEFT_OK) st = writer_create(tr->directory, tr->settings->checkpoint.keep, &tr->writer);
    if (st == WEFT_OK && options->epochs != 0) st = loop_save_and_wait(tr);     /* or a kill would forget the new number */
    snapshot_destroy(snapshot);
    return st;
}

/* ---- from the beginning ---- */

/* All of the identity: nothing may be guessed. */
static weft_status has_whole_identity(const weft_trainer *tr, const bool named[])
{
    for (size_t i = 0; i < weft_settings_count(); i++)
        if (weft_settings_info(i)->identity && !named[i])
            return error_set(WEFT_ENOINPUT, "resume %s: it was stopped before its first save, and run.ini does not name %s; start it again "
                             "with weft train, in another directory", run_directory_path(tr->directory), weft_settings_info(i)->name);
    return WEFT_OK;
}

static weft_status whole_settings(weft_trainer *tr, const weft_resume_options *options)
{
    bool *named = memory_new(weft_settings_count(), sizeof *named);
    if (named == NULL)
        return WEFT_ENOMEM;
    bool has_ini;
    weft_status st = load_ini(tr, named, &has_ini);
    if (st == WEFT_OK) st = has_whole_identity(tr, named);
    memory_free(named);
    if (st == WEFT_OK) st = apply_options(tr, options);
    if (st == WEFT_OK && options->epochs != 0) st = set_epochs(tr, options->epochs);
    return st == WEFT_OK ? weft_settings_check(tr->settings) : st;
}

/* Stopped before its first save, a run is what run.ini says. */
static weft_status begin_again(weft_trainer *tr, const weft_resume_options *options)
{
    const char *thread_reason = NULL;
    weft_status st = whole_settings(tr, options);
    if (st == WEFT_OK) st = dataset_open(tr->settings, NULL, &tr->dataset);
    if (st == WEFT_OK) st = setup_state(tr, &thread_reason);
    if (st != WEFT_OK)
        return st;
    trainer_announce(tr, WEFT_EVENT_NOTE, "the run was stopped before its first save: it begins at step 0");
    return setup_begin(tr, thread_reason);
}

static weft_status reopen(weft_trainer *tr, const char *directory, const weft_resume_options *options)
{
    bool is_unsaved = false;
    weft_status st = kernel_choose();
    if (st == WEFT_OK && (tr->settings = weft_settings_create()) == NULL) st = WEFT_ENOMEM;
    if (st == WEFT_OK) st = run_directory_open(directory, &tr->directory);
    if (st == WEFT_OK) st = run_directory_look_unsaved(tr->directory, &is_unsaved);
    if (st != WEFT_OK)
        return st;
    return is_unsaved ? begin_again(tr, options) : go_on(tr, options);
}

weft_status weft_trainer_resume(const char *directory, const weft_resume_options *options, weft_trainer **trainer)
{
    static const weft_resume_options defaults;
    *trainer = NULL;
    if (options == NULL)
        options = &defaults;
    weft_trainer *tr = trainer_new(options->on_event, options->event_context);
    return tr != NULL ? trainer_give(tr, reopen(tr, directory, options), trainer) : WEFT_ENOMEM;
}
