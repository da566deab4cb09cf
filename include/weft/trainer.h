/* A training run: from settings and data to a directory of checkpoints. */
#ifndef WEFT_TRAINER_H
#define WEFT_TRAINER_H

#include <stddef.h>
#include <stdint.h>

#include "weft/api.h"
#include "weft/error.h"
#include "weft/evaluation.h"
#include "weft/settings.h"

WEFT_API_BEGIN

/* A run: from weft_trainer_create or weft_trainer_resume to weft_trainer_destroy. Calls for it come from one
 * thread at a time, the two requests apart; two runs, in two directories, may go on at once in one process. */
typedef struct weft_trainer weft_trainer;

/* What has happened. */
typedef enum weft_event_kind {
    WEFT_EVENT_STARTED,         /* all is set up; text says what will run on how many threads */
    WEFT_EVENT_PROGRESS,        /* now and then between evaluations, at most some four times a second */
    WEFT_EVENT_EVALUATED,       /* figures of the evaluated splits */
    WEFT_EVENT_SAVED,           /* a checkpoint is on disk: saved_step */
    WEFT_EVENT_NOTE,            /* something to know: text; say, a save that failed and will be tried again */
    WEFT_EVENT_FINISHED         /* the run is over; text says why */
} weft_event_kind;

/* How well the model does on a split. */
typedef struct weft_split_figures {
    int is_evaluated;           /* 0: the rest means nothing */
    double cost, loss;          /* as in weft_evaluation */
    double accuracy;            /* of classes and labels; NaN of a regression, which has: */
    double r2, mean_absolute_error;     /* mean over the values; NaN of all others */
} weft_split_figures;

/* What a run tells while it goes on. */
typedef struct weft_event {
    weft_event_kind kind;       /* what has happened */
    uint64_t step, total_steps; /* steps done; 0 total: no limit known */
    double epoch, total_epochs; /* epochs done; 0 total: no limit known */
    double elapsed_s;           /* since this call of weft_trainer_run */
    double samples_per_s;       /* training steps of this call; 0 before the first */
    double learning_rate;       /* of the latest step */
    double epoch_loss, epoch_accuracy;  /* over the rows of the epoch at hand, as they were trained on; accuracy NaN if not of
                                           classes */
    weft_split_figures train, validation, test;     /* EVALUATED: of the splits that were */
    int is_best;                /* EVALUATED: the best so far by best_metric */
    uint64_t saved_step;        /* SAVED: of the checkpoint */
    const char *text;           /* NULL or one line, valid during the call */
} weft_event;

/* Called on the thread that called weft_trainer_run, never inside a parallel region. */
typedef void (*weft_event_handler)(void *context, const weft_event *event);

/* Where a run goes, and who is told. */
typedef struct weft_trainer_options {
    const char *out;            /* directory of the run; created; must not hold a run already */
    const char *init_from;      /* NULL, or in place of network.init_from: a checkpoint (a directory: its best.h5, else last.h5)
                                   whose weights, biases, gamma, beta and running statistics the run begins with, in place of
                                   random ones (fine-tuning); its hidden layers must be those of the settings. An output layer of
                                   another width is drawn anew, which a note says */
    weft_event_handler on_event;        /* may be NULL */
    void *event_context;        /* handed to on_event */
} weft_trainer_options;

/* Set up a run: check the settings, read the data, lay out the network, draw the first weights, create the directory and
 * save step 0 in it. The settings are copied. *trainer is the caller's to destroy.
 * Returns WEFT_OK; WEFT_ESETTINGS, WEFT_ENOINPUT, WEFT_EDATA, WEFT_ENOMEM, WEFT_ERESOURCE, WEFT_ECREATE (the directory cannot
 * be created, or holds a run already), those of weft_evaluate for init_from, WEFT_EIO (the first save failed), WEFT_EINVAL (no
 * directory named). On failure *trainer is NULL, and a directory that held no run before holds none. */
weft_status weft_trainer_create(const weft_settings *settings, const weft_trainer_options *options, weft_trainer **trainer);

/* What may be different when a run goes on, and who is told. */
typedef struct weft_resume_options {
    const char *data;           /* URI in place of the one in run.ini; NULL: that one. The rows must be the same. */
    int has_threads;            /* 1: threads below in place of run.ini's */
    size_t threads;             /* as run.threads */
    uint64_t epochs;            /* 0: as planned; else the run's new number of epochs, not fewer than are done; not for a cosine
                                   schedule, nor where early stopping took an end between two evaluations for the best */
    weft_event_handler on_event;        /* may be NULL */
    void *event_context;        /* handed to on_event */
} weft_resume_options;

/* Go on from the newest checkpoint in a run's directory that is whole, with bits as if the run had never stopped; from step 0, with
 * the settings in run.ini, if the run was stopped before its first save.
 * options may be NULL. Returns as weft_trainer_create, and WEFT_EDAMAGED if there are checkpoints but none is whole, or that one
 * and the one before it are of different runs; WEFT_ENOINPUT if there is no run, or one whose checkpoints have been removed;
 * WEFT_EDATA if the data differ from those the run was started with, WEFT_ESETTINGS if the settings in run.ini do. */
weft_status weft_trainer_resume(const char *directory, const weft_resume_options *options, weft_trainer **trainer);

/* 1 if the run is over already (its epochs or steps are done, or it stopped early); running it again only evaluates. */
int weft_trainer_is_finished(const weft_trainer *trainer);

/* Train until the run is over, and save. Call it once.
 * Returns WEFT_OK; WEFT_ESTOPPED (on request; saved); WEFT_ENONFINITE (the checkpoints are from before it); WEFT_EIO if the
 * last save failed (earlier ones that failed are notes), as all do once the directory is not the run's any more, or history.csv
 * could not be written at the end; WEFT_ECREATE, WEFT_ENOMEM, WEFT_ERESOURCE. */
weft_status weft_trainer_run(weft_trainer *trainer);

/* Ask a running trainer to finish its step, save and return WEFT_ESTOPPED; or to save and go on. May be called from a signal
 * handler or another thread. */
void weft_trainer_request_stop(weft_trainer *trainer);
void weft_trainer_request_save(weft_trainer *trainer);

/* What came of it. */
typedef struct weft_summary {
    uint64_t steps;             /* done, those before a resume included */
    double epochs;              /* done, likewise */
    const char *stop_reason;    /* "epochs", "steps", "max_time", "early_stop"; "" if the run is not over */
    const char *best_metric;    /* "none", "validation_cost", ... */
    int64_t best_step;          /* -1: none */
    double best_value;          /* of best_metric at best_step */
    int restored_best;          /* 1: the evaluations below are those of the best model */
    char weights_digest[33];    /* of the last step: XXH3-128 over parameters, running statistics and optimizer state */
    double samples_per_s, training_time_s, elapsed_s;   /* of this call */
    size_t threads;             /* of the team */
    const char *directory;      /* of the run; this and the other texts belong to the trainer */
} weft_summary;
void weft_trainer_summary(const weft_trainer *trainer, weft_summary *summary);

/* The final evaluation of a split ("train", "validation", "test"); NULL if the data has none or the run is not over. */
const weft_evaluation *weft_trainer_evaluation(const weft_trainer *trainer, const char *split);

/* Wait for a save under way and free everything; NULL is fine. What is on disk stays. */
void weft_trainer_destroy(weft_trainer *trainer);

WEFT_API_END

#endif
