/* Everything that a training step reads and writes: the state that decides bits, and the team that works on it. What is
 * around the steps (evaluations, files, signals) is the trainer's, one file up. */
#ifndef TRAIN_TRAINING_H
#define TRAIN_TRAINING_H

#include <stdatomic.h>

#include "data/dataset.h"
#include "data/sampler.h"
#include "nn/network.h"
#include "nn/pass.h"
#include "nn/workspace.h"
#include "parallel/reduce.h"
#include "parallel/team.h"
#include "train/optimizer.h"
#include "train/phase.h"
#include "train/schedule.h"

enum fault {                            /* found by any thread, acted upon by all after the next barrier */
    FAULT_NONE = 0,
    FAULT_LOSS = 1,                     /* the loss is not finite */
    FAULT_GRADIENT = 4,                 /* the gradient is not finite */
    FAULT_PARAMETER = 8,                /* a parameter, moment or running statistic became non-finite */
};

/* Two ways to the weight gradients, with the same bits; training.c chooses by what has to move between the cores.
 *   owned   each parameter piece has one thread, which sums it over all shards of the batch right before it updates it; the
 *           gradient as a whole is nowhere. Activations and deltas move.
 *   local   each thread sums all pieces over its own shards, then each sums its pieces over the threads. Gradients move. */
enum gradient_strategy { GRADIENT_OWNED, GRADIENT_LOCAL };

struct batch_plan {                     /* what follows from the number of rows of a batch */
    size_t rows, shards;
    struct row_sum sum;                 /* all rows, for the owner of a piece */
    struct reduce_plan reduce;          /* who holds which local gradient */
};

struct training {
    const struct weft_settings *settings;
    const struct dataset *dataset;
    struct raw_rows input;              /* how its rows are scaled */
    struct loss_rule loss;
    struct network net;
    struct optimizer optimizer;
    struct sampler sampler;
    struct schedule schedule;
    uint64_t total_steps;               /* 0: no limit */
    uint64_t step;                      /* done so far; the next one has this number */

    struct team team;
    struct workspace *space;            /* one a thread */
    struct activations batch;           /* of the step at hand */
    struct norm_exchange exchange[NETWORK_LAYERS_MAX];
    enum gradient_strategy strategy;
    struct batch_plan full, last;       /* of a full batch, and of the short one at the end of an epoch */
    size_t pieces;
    struct parameter_piece *piece;      /* in file order */
    struct range *own_pieces;           /* of each thread: those that it updates */
    struct magnitudes *magnitude;       /* of each thread's rows; read by all after the next barrier */
    float input_magnitude;              /* the largest that a raw input value can have */
    double *block_square;               /* per parameter block, for clipping by norm */

    float *step_loss;                   /* mean loss of each step done; the caller makes room before it runs steps */
    uint64_t step_loss_capacity;
    double epoch_loss_sum;              /* over the rows of the epoch at hand */
    uint64_t epoch_rows, epoch_correct;

    uint64_t observed_step;             /* of this step, keep gradient and old parameters; UINT64_MAX: of none */
    float *observed_gradient, *observed_parameter;      /* laid out like net.parameter */

    double (*phase_time_s)[PHASES];     /* of each thread, added to by every step; NULL: not timed */

    double pause_at_s;                  /* clock_seconds() at which run_steps comes back; infinity: not by time */
    const atomic_bool *stop_request, *save_request;     /* set by a signal: come back after the step at hand; NULL: none */
    atomic_uint fault_before, fault_gradient, fault_after;      /* enum fault, one word for each barrier they wait for */
    atomic_bool pause;
};

/* How many threads a step of this net can feed: each should have some 8 us of products between two barriers, which cost up to
 * 1 us each, and a row, or a shard where batch-norm adds up rows. At least 1. */
size_t training_useful_threads(const struct weft_settings *settings, size_t features, size_t outputs);

/* Lay out network, optimizer, workspaces and team for these settings and data; both must outlive it. All parameters are 0.
 * threads: at least 1, as team_threads gives it. WEFT_OK; WEFT_ENOMEM, WEFT_ERESOURCE, WEFT_ESETTINGS. */
weft_status training_create(struct training *t, const struct weft_settings *settings, const struct dataset *dataset,
                            size_t threads);
void training_destroy(struct training *t);                      /* fine on a zeroed one, or one whose creation failed */

/* Take steps t->step .. until-1 of one epoch in one parallel region, or fewer: it comes back after a step when a request
 * is pending or pause_at_s has passed. t->step, step_loss and the epoch's sums go on.
 * Returns WEFT_OK; WEFT_ENONFINITE if the loss or the gradient of step t->step is not finite (nothing was overwritten), or
 * an update overflowed (then the state is lost; the newest checkpoint holds the one to go back to); WEFT_ERESOURCE. */
weft_status training_run_steps(struct training *t, uint64_t until);

/* One minibatch, by every thread of the team (step.c). False, in every thread alike, if no further step may follow: a fault
 * or a pause. Only rank 0 writes t->step, between the two barriers; the others count for themselves. */
bool step_run(struct training *t, size_t rank, uint64_t step);

/* The second half of a step (update.c): the gradients of this thread's pieces, penalty, clipping, optimizer.
 * careful: look at the whole gradient before anything is written. False if it was not finite. */
bool update_run(struct training *t, size_t rank, struct pass *pass, const struct batch_plan *plan, bool careful,
                struct phase_clock *clock);

/* Is every parameter, running statistic and moment finite? */
bool training_is_finite(const struct training *t);

#endif
