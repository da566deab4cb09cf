/* Rows as a reader delivers them, and what it is asked for. */
#ifndef DATA_TABLE_H
#define DATA_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "data/names.h"

/* Row-major, count below 2^32. What is stored as bytes stays bytes; every other number becomes a float. Each row has a class,
 * or values to be predicted, or (for a prediction) neither. All arrays are from memory_new or memory_reserve. */
struct table {
    size_t count, features;
    size_t height, width, channels;             /* of one row as a picture; all 0 if it is none; product = features */
    uint8_t *pixel;                             /* count x features, or NULL: */
    float *value;                               /* count x features; NaN: missing. Infinity never */
    int32_t *label;                             /* class, in [0, 2^31); or NULL */
    float *target;                              /* count x targets, finite; or NULL */
    size_t targets;                             /* 0 without target */
};

/* What the labels are for; it decides how a reader takes them.
 *   class     one class for each row: whole numbers, words, or a row of shares of the classes (one-hot, or soft), which become
 *             target with at least 2 columns; the dataset takes one-hot shares for a class
 *   scores    a class as above, or a row of numbers in [0, 1], one a label (multi-label)
 *   values    numbers to be predicted, one or several a row: target, targets >= 1. A class number is a number, too
 *   nothing   labels are not needed: skipped where there are some, no fault where there are none */
enum target_kind { TARGET_CLASS, TARGET_SCORES, TARGET_VALUES, TARGET_NOTHING };

struct read_request {
    const char *where, *options;                /* of the URI: after the kind up to '?'; and after it, or "" */
    enum target_kind target;
    const struct names *classes;                /* the class of a word is its place here; NULL: not known yet (a reader sorts) */
    size_t features;                            /* as many as the network takes; 0: not known yet */
};

/* What a reader delivers: {0} but for what it has filled in. */
struct source {
    struct table train, test;                   /* train.count >= 1; test.count = 0 if it has no test rows */
    struct names classes;                       /* of the classes, or of the columns of target; empty if they have none */
};

/* Bytes become floats, if the table holds bytes. WEFT_OK or WEFT_ENOMEM. */
weft_status table_make_floats(struct table *table);

/* Free what a table holds; it is all zero then. */
void table_free(struct table *table);
void source_free(struct source *source);

#endif
