/* Several runs from one file: every combination of some settings' values, each with several seeds.
 *
 * The file is a run's settings and a section [sweep]:
 *
 *     [sweep]
 *     seeds = 1, 2, 3, 4, 5                       ; of each combination; without it train.seed alone
 *     regularization.l2 = 0 | 0.1                 ; values of a setting, with | between them: every combination is trained
 *     network.batch_norm = none | after
 *
 * or with listed combinations, a section each, which may set what they like; then every listed one with every value above:
 *
 *     [sweep plain]                               ; this one's name is "plain"
 *     [sweep dropout 0.5]
 *     network.dropout = 0.5
 *
 * train.seed and run.threads are no settings of combinations: the first is what seeds are for, and the threads are shared between
 * the runs.
 *
 * A combination is called what its section is called, and for values "l2=0.1, batch_norm=after", in the order of the file: the
 * last word of a setting, or the whole name where two settings of the sweep end alike; "optimizer" for optimizer.name. Without
 * either there is one combination, "base". Its runs are in OUT/COMBINATION/seed-N, where letters, digits and '.', '=', '+', '-'
 * of the name stay and all between them becomes one '_': "l2=0.1_batch_norm=after". OUT/sweep.ini has the whole sweep. */
#ifndef WEFT_SWEEP_H
#define WEFT_SWEEP_H

#include <stddef.h>
#include <stdint.h>

#include "weft/api.h"
#include "weft/checkpoint.h"
#include "weft/error.h"
#include "weft/plan.h"
#include "weft/settings.h"
#include "weft/trainer.h"

WEFT_API_BEGIN

/* One run of a sweep. */
typedef struct weft_sweep_run {
    size_t combination;         /* index of its combination */
    uint64_t seed;              /* its train.seed */
    char *directory;            /* OUT/COMBINATION/seed-N */
    weft_settings *settings;    /* of this run; the sweep's */
} weft_sweep_run;

/* One combination. */
typedef struct weft_sweep_combination {
    char *name;                 /* as above */
    size_t settings;            /* what sets it apart */
    weft_setting_value *setting;        /* so many */
} weft_sweep_combination;

/* A sweep: what is to be trained, whether it has been or not. */
typedef struct weft_sweep {
    char *out;                  /* its directory */
    char *name;                 /* that directory's own name, without its parents */
    size_t combinations;        /* how many */
    weft_sweep_combination *combination;        /* in the order of the file; of values the last setting changes fastest */
    size_t runs;                /* how many: combinations x seeds */
    weft_sweep_run *run;        /* combination by combination, seeds in order */
    size_t threads;             /* run.threads of the file: of all runs together; 0: as many as the machine and the work allow.
                                   The settings of the runs have 0 */
} weft_sweep;

/* The sweep that a file describes, and nothing is looked at but that file.
 * path        CONFIG.ini
 * assignment  so many texts "section.key=value", which come after the file's settings, as --set of weft train. One of a setting
 *             that combinations set would change nothing: WEFT_ESETTINGS
 * out         directory of the sweep
 * data.source, data.validation and data.test get absolute paths, but not the values of [sweep], which are in names. The caller
 * destroys it. Returns WEFT_OK; WEFT_ENOINPUT, WEFT_EIO, WEFT_ESETTINGS (file and line of the first fault, or the combination whose
 * settings contradict each other or never end a run), WEFT_ENOMEM, WEFT_EINVAL (out is ""). */
weft_status weft_sweep_load(const char *path, size_t assignments, const char *const *assignment, const char *out, weft_sweep **sweep);

/* What a sweep measures of each run. */
typedef struct weft_sweep_figure {
    char name[64];              /* "test_accuracy", "training_time_s", "mean_abs_weight_01" */
    double *mean, *sd;          /* of each combination: over its runs that are over. sd: of a sample (n - 1), NaN for fewer than two;
                                   both NaN if no run has the figure */
    double *value;              /* of each run, in the order of weft_sweep.run; NaN: it has none (yet) */
} weft_sweep_figure;

/* What came of a sweep. */
typedef struct weft_sweep_summary {
    size_t combinations, runs;  /* of the sweep */
    size_t *over;               /* of each combination: how many of its runs are over */
    size_t figures;             /* how many */
    weft_sweep_figure *figure;  /* cost, loss and accuracy (or r2 and mean_absolute_error) of train, validation and test, as far as
                                   there are such: "train_cost", ...; then "steps", "epochs", "model_step", "training_time_s",
                                   "elapsed_s", and mean |W| of each layer: "mean_abs_weight_01", ...; those that no run has
                                   are left out */
} weft_sweep_summary;

/* How far a run has come. */
typedef enum weft_sweep_state {
    WEFT_SWEEP_MISSING,         /* nothing of it is there; or it was killed before its first checkpoint */
    WEFT_SWEEP_STOPPED,         /* it can go on from a checkpoint; or it goes on just now, in another process */
    WEFT_SWEEP_OVER             /* trained to its end, and its figures are there */
} weft_sweep_state;

/* How far a run of the sweep has come, from its directory. run: its index. One whose files are damaged counts as stopped: going on
 * finds an older checkpoint, or says what is wrong.
 * Returns WEFT_OK; WEFT_ESETTINGS if the directory holds a run with other settings (the message names the first one that differs);
 * WEFT_EIO, WEFT_ENOMEM. */
weft_status weft_sweep_run_state(const weft_sweep *sweep, size_t run, weft_sweep_state *state);

/* May the sweep go where it is to go? A directory that holds no sweep yet must hold no run and no file that a sweep writes; if there
 * is a sweep, each of its runs that has been begun must be in this one, with the settings it has: combinations and seeds may be
 * added. Of the settings of the machine only the places of the data count, unless an assignment of weft_sweep_load sets one: for
 * data that have moved.
 * What the directories of runs hold is for weft_sweep_run_state to say.
 * Returns WEFT_OK; WEFT_ECREATE (the message names the first difference), WEFT_ESETTINGS (a sweep.ini that cannot be read), WEFT_EIO,
 * WEFT_ENOMEM. */
weft_status weft_sweep_check(const weft_sweep *sweep);

/* Take the directory: make it, lock it until the sweep is destroyed, check the sweep and write sweep.ini.
 * Returns as weft_sweep_check, and WEFT_ECREATE or WEFT_EIO if it cannot be written, WEFT_ERESOURCE if another process has it. */
weft_status weft_sweep_begin(weft_sweep *sweep);

/* Set up a run of the sweep: from its newest checkpoint if it has one, else from the start, as weft_trainer_create would; what was
 * left by a process that was killed before the first checkpoint is cleared away. A run that goes on has the settings of the machine
 * that its run.ini has. It is the caller's to train and to destroy.
 * data                     URI of where the data are now, if the run goes on; NULL: where its run.ini says
 * on_event, event_context  as in weft_trainer_options
 * Returns as weft_trainer_create and weft_trainer_resume. */
weft_status weft_sweep_run_open(const weft_sweep *sweep, size_t run, const char *data, weft_event_handler on_event,
                                void *event_context, weft_trainer **trainer);

/* How the machine is shared between runs. */
typedef struct weft_sweep_share {
    size_t side_by_side;        /* runs at a time */
    size_t threads;             /* of all of them together */
    size_t threads_useful;      /* of one run: more would have nothing to do */
    const char *reason;         /* static: why there are not more at a time */
} weft_sweep_share;

/* Share it: as many runs of one thread as there are threads, if the runs are small and there is memory for them; else fewer, with
 * more threads each. No bit of any run depends on it.
 * sweep  its threads, 0 for all that the machine allows, are shared
 * runs   are to be trained, 1 at least
 * plan   of the largest of them; NULL if it is not known: then one run at a time */
void weft_sweep_share_machine(const weft_sweep *sweep, size_t runs, const weft_plan *plan, weft_sweep_share *share);

/* The run among the given ones with the most to keep in memory, as far as settings tell: the one to plan for.
 * run  indices, so many as runs; one at least */
size_t weft_sweep_largest(const weft_sweep *sweep, size_t runs, const size_t *run);

/* Summarise what is on disk by now; runs that are not over, or damaged, count as not there.
 * summary  filled on success; clear it with weft_sweep_summary_clear
 * Returns as weft_sweep_run_state. */
weft_status weft_sweep_summarize(const weft_sweep *sweep, weft_sweep_summary *summary);

/* Free what a summary points to; fine on a zeroed one. */
void weft_sweep_summary_clear(weft_sweep_summary *summary);

/* Write a summary into the sweep's directory, each file whole or not at all:
 *   summary.csv  a line for each combination: its name, how many runs are over, the mean and sd of each figure
 *   runs.csv     a line for each run: its combination, seed, directory below the sweep's, 1 if it is over, each figure
 *   summary.h5   the datasets /mean and /sd (float64 [combinations, figures]) and /value (float64 [runs, figures]), each with the names
 *                of the figures as its attribute `figures` (one a line); /run/combination (int32, from 0) and /run/seed (int64); and for
 *                each combination a group /combinations/N with the attributes name, runs, over, and what it sets
 * What there is none of is an empty cell or NaN. Returns WEFT_OK; WEFT_ECREATE, WEFT_EIO, WEFT_ENOMEM. */
weft_status weft_sweep_summary_save(const weft_sweep *sweep, const weft_sweep_summary *summary);

/* Is the directory one of a sweep (has it a sweep.ini)? 1 or 0. */
int weft_sweep_is_directory(const char *directory);

/* The sweep in a directory, from its sweep.ini. The caller destroys it.
 * Returns WEFT_OK; WEFT_ENOINPUT, WEFT_EIO, WEFT_ESETTINGS (file and line of the first fault), WEFT_ENOMEM. */
weft_status weft_sweep_read(const char *directory, weft_sweep **sweep);

/* Free a sweep, and give its directory back; NULL is fine. */
void weft_sweep_destroy(weft_sweep *sweep);

WEFT_API_END

#endif
