/* The data of a run: rows as they were read, compact (uint8 pixels stay uint8), the splits as lists of row numbers, and how
 * a raw value becomes a network input. Read-only after dataset_open, so all threads may read it. */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/table.h"
#include "kernel/kernel.h"
#include "settings/settings.h"

struct split {
    const struct table *table;                  /* NULL: this split is not there */
    uint32_t *row;                              /* row numbers of table, ascending: file order */
    size_t count;
};

/* What a row asks of the network, by network.output. */
enum task {
    TASK_CLASSES,               /* which class: split->table->label; or shares of the classes: target */
    TASK_LABELS,                /* which of several labels: target */
    TASK_REGRESSION,            /* values: target */
};

struct dataset {
    struct table train, validation, test;       /* count = 0: no rows of their own */
    struct split split[SPLIT_COUNT];            /* their table pointers point into this struct: do not copy it */
    size_t features;
    enum raw_type type;                         /* of every table */
    enum task task;
    size_t outputs;                             /* of the network: classes, labels or values */
    struct names classes;                       /* names of the outputs; empty if they have none */
    float *shift, *scale;                       /* input = (raw - shift[j]) * scale[j], for each of the features */
    float *fill;                                /* what a missing value became, by feature; NULL if none may be missing */
    float *class_weight;                        /* of each class, mean 1 as train.class_weights says; NULL: all count alike */
    char digest[33];                            /* of decoded rows, labels and splits (below), 32 hexadecimal digits */
    char *source;                               /* the URI, its path made absolute */
    char *validation_source, *test_source;      /* likewise, or "none" */
};

/* What a trained model expects of the data it is given. */
struct expected {
    enum task task;
    size_t features, outputs;
    const struct names *classes;                /* empty: they have none */
    const float *shift, *scale;                 /* of the training data */
    const float *fill, *class_weight;           /* NULL: none */
    bool is_unlabelled;                         /* labels are not needed, and not looked at */
    bool is_whole;                              /* nothing is cut off: all training rows make the training split */
};

/* Open settings->data.source (and validation, test), apply the limits, cut the validation split off, fill in what is missing,
 * work out the scaling on the training split. A source is KIND:WHERE?OPTIONS, with the kinds and options of readers.h.
 * How the validation rows are chosen: the first round(fraction * n) of rng_permutation(seed, RNG_SPLIT, 0), n training rows
 * after train_limit; stratified: of each class, the first round(fraction * its rows) in that permutation. Both lists are then
 * sorted, and of the validation rows the first validation_limit stay.
 * Tables that hold bytes stay so if all do; else all become floats.
 * Standardisation: mean and (biased) standard deviation over the training split, of bytes in whole numbers, of floats in double
 * row by row, the deviation in a second pass; a feature that is constant there gets scale 0, so it never reaches the network.
 * The digest is XXH3-128 (in its canonical, big-endian form) of this stream, all numbers little-endian:
 *   train, then test: u64 count, features, height, width, channels; the pixels as bytes or the values as f32; the labels as
 *   i32, or u64 targets and the targets as f32; then the same of a validation source, if there is one
 *   training, validation, test split: u64 count; the row numbers as u32      (count 0: not there)
 * so it knows nothing of the scaling, of the file format, or of the source's name.
 * expected  NULL: a model is yet to be trained on the rows; else scaling, fill and class weights are those it brings
 * Returns WEFT_OK; WEFT_ENOINPUT, WEFT_EDATA (what is wrong, where), WEFT_ESETTINGS (unknown kind of source or option; a
 * fraction that leaves no row; targets that do not fit the network's output), WEFT_ENOMEM. The caller closes on success only. */
weft_status dataset_open(const struct weft_settings *settings, const struct expected *expected, struct dataset *dataset);

/* The same with rows that are in memory already, all of them training rows; settings->data.source does not count. The table's
 * arrays, from memory_new, go over to the dataset, or are freed if the call fails; *train is empty afterwards.
 * source: what messages call the rows. */
weft_status dataset_from_table(const struct weft_settings *settings, const char *source, struct table *train,
                               struct dataset *dataset);

/* Free what it holds; it is all zero then, and may be closed again. */
void dataset_close(struct dataset *dataset);

/* The largest magnitude that a row of the training split has as network input. */
float dataset_largest_input(const struct dataset *dataset);

/* "classes", "labels", "regression". */
const char *task_name(enum task task);

/* "train", "validation", "test". */
const char *split_label(enum split_name name);

#endif
