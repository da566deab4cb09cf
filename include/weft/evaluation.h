/* How well a model does on a split: loss, accuracy, the figures of each class, the confusion matrix. */
#ifndef WEFT_EVALUATION_H
#define WEFT_EVALUATION_H

#include <stddef.h>
#include <stdint.h>

#include "weft/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Precision, recall and F1 of one class (or their mean over classes); a ratio with denominator 0 is 0. */
typedef struct weft_class_figures {
    double precision, recall, f1;
    uint64_t support;           /* rows whose true class it is */
} weft_class_figures;

typedef struct weft_evaluation {
    char split[16];             /* "train", "validation", "test" */
    size_t rows, classes;
    double loss;                /* mean cross-entropy [nats per row] */
    double cost;                /* loss + penalty, m of lambda_over_2m being train.batch_size */
    double accuracy;            /* share of rows whose largest output is the true class; the first one wins a tie */
    uint64_t *confusion;        /* classes x classes, row = true class, column = predicted class */
    weft_class_figures *per_class;      /* classes */
    weft_class_figures macro, weighted; /* plain mean over classes, and mean weighted by support */
} weft_evaluation;

/* Free what a filled evaluation points to; fine on a zeroed one. */
void weft_evaluation_clear(weft_evaluation *evaluation);

typedef struct weft_evaluate_options {
    const char *data;           /* URI; NULL: the data the model was trained on, as its run.ini says */
    const char *split;          /* "train", "validation" or "test"; NULL: test, or validation if the data has no test rows */
    size_t threads;             /* 0: as many as the machine and the work allow */
    int unsealed;               /* 1: take a file whose seal is missing or wrong (edited in h5py) */
} weft_evaluate_options;

typedef struct weft_model_info {
    uint64_t step;
    char weights_digest[33];    /* XXH3-128 over parameters, running statistics and optimizer state */
    char data[1024];            /* the URI evaluated on */
} weft_model_info;

/* Take a split through the model of a checkpoint, in file order, in blocks of 512 rows. The result is the same for any
 * number of threads. Raw values are scaled with the feature means and scales that the checkpoint holds, so other data than
 * the training data is fine as long as it has as many features and no more classes.
 * checkpoint  a file, or a run's directory (then its best.h5 if there is one, else last.h5)
 * options     may be NULL: all defaults
 * evaluation  filled on success; clear it with weft_evaluation_clear
 * info        may be NULL
 * Returns WEFT_OK; WEFT_ENOINPUT, WEFT_EDAMAGED, WEFT_EDATA (features or classes do not fit), WEFT_EINVAL (no such split),
 * WEFT_ESETTINGS, WEFT_ENOMEM, WEFT_ERESOURCE. Starts an OpenMP team for the time of the call. */
weft_status weft_evaluate(const char *checkpoint, const weft_evaluate_options *options, weft_evaluation *evaluation,
                          weft_model_info *info);

#ifdef __cplusplus
}
#endif
#endif
