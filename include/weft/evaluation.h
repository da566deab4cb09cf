/* How well a model does on a split: loss, and by what it does the figures of each class, label or value. */
#ifndef WEFT_EVALUATION_H
#define WEFT_EVALUATION_H

#include <stddef.h>
#include <stdint.h>

#include "weft/api.h"
#include "weft/error.h"

WEFT_API_BEGIN

/* What a model says of a row. */
typedef enum weft_task {
    WEFT_TASK_CLASSES,          /* one of several classes */
    WEFT_TASK_LABELS,           /* each of several labels: yes or no */
    WEFT_TASK_REGRESSION        /* one or several values */
} weft_task;

/* Precision, recall and F1 of one class or label (or their mean over all); a ratio with denominator 0 is 0. */
typedef struct weft_class_figures {
    double precision, recall, f1;       /* right / said to be it; right / truly it; harmonic mean of the two */
    uint64_t support;           /* rows whose true class it is, or that have the label */
} weft_class_figures;

/* Of one value: R^2 = 1 - sum of squared errors / sum of squared deviations of the true values from their mean (of a constant
 * value 1 if it is met, else 0), the mean of |error|, and the root of the mean squared error. */
typedef struct weft_value_figures {
    double r2, mean_absolute_error, root_mean_square_error;     /* see above */
} weft_value_figures;

/* How well a model does on a split. */
typedef struct weft_evaluation {
    char split[16];             /* "train", "validation", "test"; "all": every training row of a source */
    weft_task task;             /* what the outputs are */
    size_t rows, outputs;       /* outputs: classes, labels or values */
    double loss;                /* mean over the rows of what training makes small, without penalty; cross-entropies in nats */
    double cost;                /* loss + penalty, m of lambda_over_2m being train.batch_size */
    double accuracy;            /* share of rows whose largest output is the true class (the first one wins a tie), or all of
                                   whose labels are right, a label being said from a probability of one half on; NaN: values */
    double label_accuracy;      /* share of all labels of all rows that are right; NaN: not labels */
    double r2, mean_absolute_error;     /* mean over the values; NaN: not values */
    uint64_t *confusion;        /* outputs x outputs, row = true class, column = predicted class; NULL: not classes */
    weft_class_figures *per_class;      /* outputs; NULL: values */
    weft_class_figures macro, weighted; /* plain mean over classes or labels, and mean weighted by support */
    weft_value_figures *per_value;      /* outputs; NULL: not values */
    char **name;                /* of each output, as the data or their labels call it; NULL: they have none */
} weft_evaluation;

/* Free what a filled evaluation points to; fine on a zeroed one. */
void weft_evaluation_clear(weft_evaluation *evaluation);

/* What to evaluate on. */
typedef struct weft_evaluate_options {
    const char *data;           /* URI; NULL: the data the model was trained on, as its run.ini says */
    const char *split;          /* "train", "validation", "test", cut as in the run; "all": all rows of data that are not test
                                   rows. NULL: test; without test rows all, or of the run's own data validation */
    size_t threads;             /* 0: as many as the machine and the work allow */
    int unsealed;               /* 1: take a file whose seal is missing or wrong (edited in h5py) */
} weft_evaluate_options;

/* Which model it was, and on what. */
typedef struct weft_model_info {
    uint64_t step;              /* done when it was saved */
    char weights_digest[33];    /* XXH3-128 over parameters, running statistics and optimizer state */
    char data[1024];            /* the URI evaluated on */
} weft_model_info;

/* Take a split through the model of a checkpoint, in file order, in blocks of 512 rows. The result is the same for any
 * number of threads. Raw values are scaled with the feature means and scales that the checkpoint holds, so other data than
 * the training data is fine as long as it has as many features and no more classes; class names are matched by name.
 * checkpoint  a file, or a run's directory (then its best.h5 if there is one, else last.h5)
 * options     may be NULL: all defaults
 * evaluation  filled on success; clear it with weft_evaluation_clear
 * info        may be NULL
 * Returns WEFT_OK; WEFT_ENOINPUT, WEFT_EDAMAGED, WEFT_EDATA (features or classes do not fit), WEFT_EINVAL (no such split),
 * WEFT_ESETTINGS, WEFT_ENOMEM, WEFT_ERESOURCE. Starts an OpenMP team for the time of the call. */
weft_status weft_evaluate(const char *checkpoint, const weft_evaluate_options *options, weft_evaluation *evaluation,
                          weft_model_info *info);

WEFT_API_END

#endif
