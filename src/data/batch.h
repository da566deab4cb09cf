/* Rows of a table as network input: raw bytes become floats here, in the cache of the thread that will use them, and
 * nowhere earlier; the table itself stays compact. */
#ifndef DATA_BATCH_H
#define DATA_BATCH_H

#include "data/dataset.h"

/* x, count x features, and label, count, of the given rows of a split's table. */
void batch_gather(const struct dataset *dataset, const struct table *table, size_t count, const uint32_t *row, float *x,
                  int32_t *label);

#endif
