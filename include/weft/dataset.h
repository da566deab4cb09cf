/* Data sources outside a training run. */
#ifndef WEFT_DATASET_H
#define WEFT_DATASET_H

#include <stddef.h>
#include <stdint.h>

#include "weft/api.h"
#include "weft/error.h"

WEFT_API_BEGIN

/* Write the built-in synthetic digits as four IDX files of the MNIST family (train-images-idx3-ubyte and so on, not
 * packed) into a directory, made if missing; existing files of these names are replaced one by one, each atomically.
 * train_rows, test_rows  1 to 10,000,000 each
 * seed                   the same seed gives the same bytes on every machine
 * Returns WEFT_OK; WEFT_EINVAL (rows out of range), WEFT_ECREATE, WEFT_EIO, WEFT_ENOMEM. Uses the OpenMP threads of the
 * caller's settings while it draws. */
weft_status weft_digits_write(const char *directory, size_t train_rows, size_t test_rows, uint64_t seed);

WEFT_API_END

#endif
