/* The readers: one function a format, each fills two tables (test->count = 0 if the source has no test rows; train->count is
 * at least 1). On failure nothing is allocated. `where` is the part of the URI after the kind, up to '?'; `options` the part
 * after '?' or "". */
#ifndef DATA_READERS_H
#define DATA_READERS_H

#include "data/dataset.h"

/* MNIST family: DIR with train-images-idx3-ubyte, train-labels-idx1-ubyte and t10k-..., each plain or .gz (told by the
 * content, not by the name); also the names with '.' before idx (train-images.idx3-ubyte). Both t10k files may be missing.
 * Images have rank 3 (rows, height, width) or 2 (rows, features), labels rank 1; all are unsigned bytes. */
weft_status idx_read(const char *where, const char *options, struct table *train, struct table *test);

/* The built-in digits: ?train=60000&test=10000&seed=1 (train 1 to 10,000,000 rows, test 0 to 10,000,000).
 * Drawn by the OpenMP threads of the caller's settings. */
weft_status digits_read(const char *where, const char *options, struct table *train, struct table *test);

/* Free what a reader allocated; the table is all zero then. */
void table_free(struct table *table);

#endif
