/* The trainer's inside: a run with everything around its steps. Shared by trainer.c (setting up and telling), loop.c (the
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
};

/* Time was up: this call is over, but the run is not. It is saved as it stands, and resume goes on. */
#define STOPPED_BY_TIME "max_time"

/* The whole state of the run as a snapshot, or NULL (WEFT_ENOMEM in the message). */
struct snapshot *capture_run(const weft_trainer *trainer);

/* Settings of the run's identity from a snapshot, over what is in settings. WEFT_EDAMAGED, WEFT_ESETTINGS. */
weft_status restore_settings(const struct snapshot *snapshot, weft_settings *settings);

/* Parameters and running statistics. */
weft_status restore_network(const struct snapshot *snapshot, struct network *net);

weft_status restore_optimizer(const struct snapshot *snapshot, const struct network *net, struct optimizer *optimizer);

/* All of a run: network, optimizer, position, history, statistics, best so far. The trainer is laid out for the same settings. */
weft_status restore_run(const struct snapshot *snapshot, weft_trainer *trainer);

#endif
