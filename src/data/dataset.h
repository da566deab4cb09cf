/* The data of a run: rows as they were read, compact (uint8 pixels stay uint8), the splits as lists of row numbers, and how
 * a raw value becomes a network input. Read-only after dataset_open, so all threads may read it. */
#ifndef DATA_DATASET_H
#define DATA_DATASET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "settings/settings.h"

/* One table of rows as a reader delivers it: row-major count x features, labels in [0, classes), count below 2^32. A reader
 * allocates both arrays with memory_new. */
struct table {
    size_t count, features;
    size_t height, width, channels;             /* of one row as a picture; all 0 if it is none; product = features */
    uint8_t *pixel;
    int32_t *label;
};

struct split {
    const struct table *table;                  /* NULL: this split is not there */
    uint32_t *row;                              /* row numbers of table, ascending: file order */
    size_t count;
};

struct dataset {
    struct table train, test;                   /* test.count = 0 if the source has none */
    struct split split[SPLIT_COUNT];            /* their table pointers point into this struct: do not copy it */
    size_t features, classes;                   /* classes = 1 + the largest label of train, rows beyond a limit included */
    float *shift, *scale;                       /* input = (raw - shift[j]) * scale[j], for each of the features */
    char digest[33];                            /* of decoded rows, labels and splits (below), 32 hexadecimal digits */
    char *source;                               /* the URI, its path made absolute */
};

/* Open settings->data.source, apply the limits, cut the validation split off, work out the scaling on the training split.
 * The source is KIND:WHERE?OPTIONS, with the kinds and options of readers.h.
 * How the validation rows are chosen: the first round(fraction * n) of rng_permutation(seed, RNG_SPLIT, 0), n training rows
 * after train_limit; both lists are then sorted, and of the validation rows the first validation_limit stay.
 * Standardisation: mean and (biased) standard deviation over the training split, in whole numbers; a feature that is
 * constant there gets scale 0, so it never reaches the network.
 * The digest is XXH3-128 (in its canonical, big-endian form) of this stream, all numbers little-endian:
 *   train, then test: u64 count, features, height, width, channels; the pixels; the labels as i32
 *   training, validation, test split: u64 count; the row numbers as u32      (count 0: not there)
 * so it knows nothing of the scaling, of the file format, or of the source's name.
 * Returns WEFT_OK; WEFT_ENOINPUT, WEFT_EDATA (what is wrong, where), WEFT_ESETTINGS (unknown kind of source or option; a
 * fraction that leaves no row), WEFT_ENOMEM. The caller closes on success only. */
weft_status dataset_open(const struct weft_settings *settings, struct dataset *dataset);

/* The same with rows that are in memory already, all of them training rows; settings->data.source does not count. The table's
 * arrays, from memory_new, go over to the dataset, or are freed if the call fails; *train is empty afterwards.
 * source: what messages call the rows. */
weft_status dataset_from_table(const struct weft_settings *settings, const char *source, struct table *train,
                               struct dataset *dataset);

/* Free what it holds; it is all zero then, and may be closed again. */
void dataset_close(struct dataset *dataset);

/* "train", "validation", "test". */
const char *split_label(enum split_name name);

#endif
