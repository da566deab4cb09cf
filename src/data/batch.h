/* Rows of a table as network input. They stay bytes; the network makes floats of them where it uses them, in the cache of the
 * thread that does. */
#ifndef DATA_BATCH_H
#define DATA_BATCH_H

#include "data/dataset.h"
#include "kernel/kernel.h"

/* Copy the bytes of the given rows of a table next to each other, stride bytes apart, and their labels; `count` of each. Rows
 * drawn at random are fetched from memory one after another here, in the order in which the hardware fetches fast; what
 * follows reads them in tiles, many rows at a time, and would wait for each. */
void batch_gather(const struct table *table, size_t count, const uint32_t *row, uint8_t *bytes, size_t stride, int32_t *label);

/* How the bytes of a dataset are shifted and scaled on their way into a network; no rows yet. */
struct byte_rows batch_scaling(const struct dataset *dataset);

#endif
