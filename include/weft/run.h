/* What a run's directory tells, without its data and without going on with it: what the page of weft report is made of. */
#ifndef WEFT_RUN_H
#define WEFT_RUN_H

#include <stddef.h>
#include <stdint.h>

#include "weft/api.h"
#include "weft/checkpoint.h"
#include "weft/error.h"
#include "weft/evaluation.h"

WEFT_API_BEGIN

/* Splits in the arrays below: training, validation, test. */
enum { WEFT_RUN_TRAIN, WEFT_RUN_VALIDATION, WEFT_RUN_TEST, WEFT_RUN_SPLITS };

/* One evaluation of a split. */
typedef struct weft_history_row {
    uint64_t step;              /* done */
    double epoch;               /* done */
    double cost, loss;          /* as in weft_evaluation */
    double accuracy;            /* 0 to 1; NaN of a regression, which has: */
    double r2, mean_absolute_error;     /* mean over the values; NaN of all others */
    double learning_rate;       /* of the latest step */
} weft_history_row;

/* All evaluations of a split, steps ascending. */
typedef struct weft_history {
    size_t rows;                /* 0: the split was never evaluated */
    weft_history_row *row;      /* so many */
} weft_history;

enum { WEFT_HISTOGRAM_BINS = 64 };      /* of equal width */

/* A tensor at one evaluation. */
typedef struct weft_statistics_row {
    uint64_t step;              /* done */
    double mean_abs, l2_norm, mean, std, min, max, zero_fraction;       /* of its elements */
    double gradient_l2_norm;    /* of the last step's gradient, penalty and clipping included; 0 if unknown */
    double update_ratio;        /* L2 of the last step's update / L2 of the tensor before it; 0 if unknown */
    int32_t histogram[WEFT_HISTOGRAM_BINS];             /* elements in each bin */
    float histogram_edges[WEFT_HISTOGRAM_BINS + 1];     /* ascending */
} weft_statistics_row;

/* A learned tensor over time. */
typedef struct weft_statistics {
    char name[64];              /* "01/weight", "02/batch_norm/gamma" */
    size_t layer;               /* 1 first */
    size_t rows;                /* evaluations */
    weft_statistics_row *row;   /* so many, steps ascending */
} weft_statistics;

/* What a unit of the first layer looks for, drawn from its weights: red above 0, blue below; of colour pictures each channel's
 * weight as the channel's brightness. */
typedef struct weft_picture {
    size_t height, width;       /* of all pictures of a run the same */
    uint8_t *rgb;               /* height x width x 3, rows from the top */
    double largest_weight;      /* magnitude that has the full colour */
} weft_picture;

/* A run as its files tell it. */
typedef struct weft_run {
    char directory[1024];       /* as given */
    char name[256];             /* the directory's own name, without its parents */
    weft_checkpoint_info last;  /* last.h5; clear nothing of it yourself */
    int is_over;                /* 1: trained to its end, with the figures below */
    uint64_t model_step;        /* step of the model that the figures, tensors and pictures below are of: the best one if the run
                                   restored it at its end, else the last */
    int is_best;                /* 1: it is the best one */
    size_t tensors;             /* how many */
    weft_tensor_info *tensor;   /* of that model, in file order */
    size_t pictures;            /* 0: the rows are no pictures; else one a unit, 256 at most */
    weft_picture *picture;      /* so many */

    char task[16];              /* "classes", "labels" or "regression" */
    size_t names;               /* of the outputs; 0: they have none */
    char **name_of_output;      /* in their order */
    char source[1024];          /* URI of the data, as run.ini has it; "" without one */

    weft_history history[WEFT_RUN_SPLITS];      /* evaluations while it went on */
    size_t steps;               /* done */
    uint64_t steps_per_epoch;   /* minibatches in an epoch */
    float *step_loss;           /* mean loss of each minibatch, steps of them */
    size_t statistics;          /* learned tensors */
    weft_statistics *statistic; /* of each, in file order */
    weft_evaluation evaluation[WEFT_RUN_SPLITS];        /* final figures; rows is 0 where there are none */

    double training_time_s, elapsed_s;  /* of all calls that trained, until the last evaluation; evaluations and saves are in the
                                           second only. NaN without a timing.csv */
} weft_run;

/* Read a run's directory: last.h5, and if they are there evaluation.h5, run.ini and timing.csv; best.h5 if evaluation.h5 is of that
 * one. It may be a copy, of a run that still goes on, on another machine; nothing in it is changed or locked.
 * run  filled on success, and to be cleared with weft_run_clear; else all 0
 * Returns WEFT_OK; WEFT_ENOINPUT if there is no run, WEFT_EDAMAGED, WEFT_ENOMEM, WEFT_ESETTINGS. */
weft_status weft_run_read(const char *directory, weft_run *run);

/* Free what run points to; fine on a zeroed one. */
void weft_run_clear(weft_run *run);

WEFT_API_END

#endif
