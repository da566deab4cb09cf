/* What a model says of rows whose labels need not be known. */
#ifndef WEFT_PREDICTION_H
#define WEFT_PREDICTION_H

#include <stddef.h>
#include <stdint.h>

#include "weft/api.h"
#include "weft/error.h"
#include "weft/evaluation.h"

WEFT_API_BEGIN

/* What to predict on. */
typedef struct weft_predict_options {
    const char *data;           /* URI; NULL: the data the model was trained on, as its run.ini says */
    const char *split;          /* "train", "validation", "test", cut as in the run; "all": all rows of data that are not test
                                   rows. NULL: test; without test rows all, or of the run's own data validation */
    size_t threads;             /* 0: as many as the machine and the work allow */
    int unsealed;               /* 1: take a file whose seal is missing or wrong (edited in h5py) */
} weft_predict_options;

/* What a model says of each row. */
typedef struct weft_prediction {
    weft_task task;             /* what the outputs are */
    size_t rows, outputs;       /* outputs: classes, labels or values */
    uint32_t *row;              /* rows: the number of each in its file or array, from 0 */
    float *output;              /* rows x outputs, row-major: a probability for each class or label, or the values */
    int32_t *label;             /* rows: the class with the largest probability, the first one of equals; NULL: not classes */
    char **name;                /* outputs: what the classes or labels are called; NULL: they have no names */
    char split[16];             /* as in weft_evaluation */
    uint64_t step;              /* of the model */
    char weights_digest[33];    /* likewise */
    char data[1024];            /* the URI predicted on */
} weft_prediction;

/* Take rows through the model of a checkpoint, in file order. The result is the same for any number of threads. Raw values are
 * scaled, and missing ones filled in, as the checkpoint says. Labels are not looked at, and may be missing.
 * checkpoint  a file, or a run's directory (then its best.h5 if there is one, else last.h5)
 * options     may be NULL: all defaults
 * prediction  filled on success; clear it with weft_prediction_clear
 * Returns WEFT_OK; WEFT_ENOINPUT, WEFT_EDAMAGED, WEFT_EDATA (the features do not fit), WEFT_EINVAL (no such split),
 * WEFT_ESETTINGS, WEFT_ENOMEM, WEFT_ERESOURCE. Starts an OpenMP team for the time of the call. */
weft_status weft_predict(const char *checkpoint, const weft_predict_options *options, weft_prediction *prediction);

/* Write a prediction to a file, whole or not at all; what was there is replaced.
 * path  ends in .csv: as weft_report_prediction prints it. Ends in .h5 or .hdf5: the datasets /row (int64), /class (int32; of
 *       classes) and /probability or /value (float32 [rows, outputs]) with the names as the attribute `names` (one a line), and the
 *       attributes content = "prediction", task, split, step, weights_digest of the root
 * Returns WEFT_OK; WEFT_EINVAL (another ending), WEFT_ECREATE, WEFT_EIO, WEFT_ENOMEM. */
weft_status weft_prediction_save(const weft_prediction *prediction, const char *path);

/* Free what a filled prediction points to; fine on a zeroed one. */
void weft_prediction_clear(weft_prediction *prediction);

WEFT_API_END

#endif
