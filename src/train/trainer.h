/* The trainer's inside: a run with everything around its steps. Shared by trainer.c, setup.c and resume.c (setting up), loop.c (the
 * run itself), capture.c and restore.c (to and from a snapshot). */
#ifndef TRAIN_TRAINER_H
#define TRAIN_TRAINER_H

#include "store/run_directory.h"
#include "store/weight_stats.h"
#include "store/writer.h"
#include "train/digest.h"
#include "train/early_stop.h"
#include "train/history.h"
#include "train/training.h"
#include "weft/trainer.h"

struct weft_trainer {
    weft_settings *settings;
    struct dataset dataset;
    struct training training;
    struct history history;
    struct weight_stats stats[NETWORK_TENSORS_MAX];     /* one per parameter tensor, in file order */
    struct early_stop early_stop;
    int64_t evaluated_step;                     /* of the latest evaluation; -1: none */
    const char *stop_reason;                    /* "" while the run is not over; STOPPED_BY_TIME is in no checkpoint */

    struct run_directory *directory;
    struct writer *writer;
    struct snapshot *best;                      /* the best model, until the next checkpoint takes it to disk */
    int64_t saved_step;                         /* of the latest save handed over; -1: none */
    double saved_at_s;
    int64_t told_step;                          /* of the latest save that the handler knows to be on disk; -1: none */

    atomic_bool stop_request, save_request;     /* set at any moment, by a signal handler or another thread */
    weft_event_handler on_event;
    void *event_context;
    double started_at_s, training_time_s, progress_at_s;
    uint64_t trained_rows;                      /* of this call */
    weft_evaluation evaluation[SPLIT_COUNT];    /* final */
    bool restored_best;
    char digest[DIGEST_SIZE];                   /* of the weights when the run was last saved and waited for */
    char initial_digest[DIGEST_SIZE];           /* of the model that the run began with; "": it began with random weights */
};

/* A trainer without a run; NULL (WEFT_ENOMEM in the message). weft_trainer_destroy takes it back, whatever has become of it. */
weft_trainer *trainer_new(weft_event_handler on_event, void *event_context);

/* *out is the trainer if st is WEFT_OK; else it is destroyed. Returns st. */
weft_status trainer_give(weft_trainer *trainer, weft_status st, weft_trainer **out);

/* Settings, data, and everything that is sized by them: all of a run but its first weights and its directory. init_from: NULL, or
 * in place of network.init_from; thread_reason as in team_threads. Errors as weft_trainer_create, but for those of the directory;
 * the trainer is then only good to be destroyed. */
weft_status trainer_lay_out(weft_trainer *trainer, const weft_settings *settings, const char *init_from, const char **thread_reason);

/* Tell the caller's handler, if there is one (announce.c). */
void trainer_announce(weft_trainer *trainer, weft_event_kind kind, const char *text);

/* Time was up: this call is over, but the run is not. It is saved as it stands, and resume goes on. */
#define STOPPED_BY_TIME "max_time"

/* The whole state of the run as a snapshot, which the caller destroys. WEFT_ENOMEM; WEFT_ENONFINITE if a number of it is not finite:
 * such a state is never saved. */
weft_status capture_run(const weft_trainer *trainer, struct snapshot **snapshot);

/* Settings of the run's identity from a snapshot, over what is in settings. WEFT_EDAMAGED, WEFT_ESETTINGS. */
weft_status restore_settings(const struct snapshot *snapshot, weft_settings *settings);

/* Parameters and running statistics. */
weft_status restore_network(const struct snapshot *snapshot, struct network *net);

weft_status restore_optimizer(const struct snapshot *snapshot, const struct network *net, struct optimizer *optimizer);

/* All of a run: network, optimizer, position, history, statistics, best so far. The trainer is laid out for the same settings. */
weft_status restore_run(const struct snapshot *snapshot, weft_trainer *trainer);

#endif
