/* What a run would be: all that follows from settings and data before the first step. */
#ifndef WEFT_PLAN_H
#define WEFT_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "weft/api.h"
#include "weft/error.h"
#include "weft/settings.h"
#include "weft/trainer.h"

WEFT_API_BEGIN

/* A setting as the run has it. */
typedef struct weft_plan_setting {
    const char *name;           /* "section.key"; static */
    char *value;                /* its text form, whole; the path in data.source is absolute */
    int is_default;             /* 1: as if it had not been set */
} weft_plan_setting;

/* A dense layer and what comes with it. All texts are static. */
typedef struct weft_plan_layer {
    size_t fan_in, fan_out;     /* inputs and outputs */
    const char *activation;     /* "relu", ...; of the last layer the network's output: "softmax", "sigmoid", "linear" */
    const char *batch_norm;     /* "none", or its place: "before" or "after" the activation */
    double dropout;             /* part of the outputs that is dropped in training */
    size_t parameters;          /* learned numbers: weights, biases, gamma, beta */
} weft_plan_layer;

/* Memory of one kind. */
typedef struct weft_plan_memory {
    const char *what;           /* "packed weights", ...; static */
    uint64_t count;             /* so many */
    uint64_t each_bytes;        /* of so many bytes each; 0: they are not all alike */
    uint64_t bytes;             /* together */
} weft_plan_memory;

enum { WEFT_PLAN_MEMORY_MAX = 24 };     /* kinds of memory at most */

/* Splits in the arrays below: training, validation, test. */
enum { WEFT_PLAN_TRAIN, WEFT_PLAN_VALIDATION, WEFT_PLAN_TEST, WEFT_PLAN_SPLITS };

/* A run before its first step. All texts but the settings' values and the names are static. */
typedef struct weft_plan {
    size_t settings;            /* how many */
    weft_plan_setting *setting; /* all, in the order of the manual */

    size_t layers;              /* how many, the output layer included */
    weft_plan_layer *layer;     /* in the order in which a row goes through them */
    double input_dropout;       /* part of the inputs that is dropped in training */
    const char *loss;           /* "cross_entropy", "mse" or "binary_cross_entropy" */
    size_t features, outputs, parameters;       /* inputs, outputs and learned numbers of the network */

    size_t height, width, channels;     /* of one row as a picture; 0: it is none */
    int are_bytes;              /* 1: the features are bytes; 0: floats */
    const char *task;           /* "classes", "labels" or "regression" */
    size_t names;               /* of the outputs; 0: they have none */
    char **name;                /* in their order */
    size_t rows[WEFT_PLAN_SPLITS];      /* of each split; 0: it is not there */

    size_t batch_rows, batch_shards;    /* of a full batch: rows, and the shards into which it is cut */
    size_t last_batch_rows;     /* of the last batch of an epoch */
    uint64_t steps_per_epoch;   /* batches in an epoch */
    uint64_t total_steps;       /* of the run, if nothing ends it sooner; 0: no limit */
    double total_epochs;        /* likewise */
    double max_time_s;          /* of each call; 0: no limit */
    const char *early_stop;     /* the figure that must improve, "validation_cost"; "none" */
    uint64_t patience_steps;    /* for how long early_stop waits for that */
    uint64_t evaluate_every_steps;      /* 0: only at the end */
    int evaluates[WEFT_PLAN_SPLITS];    /* 1: the split is evaluated then; at the end all are */
    uint64_t evaluations;       /* until total_steps; 0: no limit */
    uint64_t save_every_steps;  /* 0: not by steps */
    double save_every_s;        /* 0: not by time. The run is also saved at the start and at the end */
    uint64_t saves;             /* until total_steps, as far as they come by steps; 0: no limit, or they come by time */
    uint64_t keep;              /* newest checkpoints that stay; the best one stays as well */

    size_t threads;             /* of the team */
    const char *thread_reason;  /* what decided their number: "run.threads", "the cgroup's CPU quota", ... */
    const char *kernels;        /* "portable", "avx2" or "avx512" */
    const char *gradients;      /* how threads share them: "owned" or "local" (run.gradient) */
    int gradients_are_chosen;   /* 1: run.gradient is auto, and this is what it has come to */

    double learning_rate;       /* as set */
    double full_rate;           /* after optimizer.lr_scale: what the warm-up leads to */
    uint64_t warmup_steps;      /* 0: none */
    double first_rate, last_rate;       /* of the first and the last step; NaN: that is not known */

    size_t memories;            /* how many kinds of memory */
    weft_plan_memory memory[WEFT_PLAN_MEMORY_MAX];      /* the first so many are filled */
    uint64_t memory_bytes;      /* all together */

    uint64_t first_checkpoint_bytes;    /* size of a checkpoint file now */
    uint64_t last_checkpoint_bytes;     /* and after total_steps; 0: no limit */
    uint64_t evaluation_bytes;  /* what each evaluation adds to it; a step adds 4 bytes */
} weft_plan;

/* Lay a run out as weft_trainer_create does, say what it has come to, and free it again: the data are read and all memory is
 * taken, but nothing is trained, and no directory is made.
 * settings  as for weft_trainer_create
 * options   may be NULL; of it only init_from and on_event (for its notes) count
 * plan      filled on success; clear it with weft_plan_clear
 *
 * The memory is what the library asks for while it trains, at most, to within some kilobytes: with all splits being evaluated
 * while a checkpoint and a new best model are on their way to disk. Each array takes up to 63 bytes more than it was asked
 * for, one of 4 MiB or more up to 2 MiB more that are never touched. Not counted: the code, what libhdf5 and OpenMP take for
 * themselves (some 10 MiB), the threads' stacks, and what a reader needs while it reads.
 * Sizes of checkpoints are exact: they are built in memory to be measured. Only where the history of a run has more than 256 MiB,
 * the last one is off by some kilobytes, with which libhdf5 fills gaps.
 * Returns as weft_trainer_create, but for WEFT_ECREATE, WEFT_EIO and WEFT_EINVAL, which only the directory can give. */
weft_status weft_plan_make(const weft_settings *settings, const weft_trainer_options *options, weft_plan *plan);

/* The same of a run that has been created, from where it is now; the data are not read again. Before weft_trainer_run, on the
 * thread that will call it. WEFT_OK or WEFT_ENOMEM, WEFT_EIO if libhdf5 cannot build a file. */
weft_status weft_trainer_plan(const weft_trainer *trainer, weft_plan *plan);

/* Free what a plan points to; fine on a zeroed one. */
void weft_plan_clear(weft_plan *plan);

WEFT_API_END

#endif
