/* Rows of a table as network input. They stay bytes; the network makes floats of them where it uses them, in the cache of the
 * thread that does. */
#ifndef DATA_BATCH_H
#define DATA_BATCH_H

#include "data/dataset.h"
#include "kernel/kernel.h"

/* Copy `count` rows of a table next to each other: their features as they are, stride bytes apart; their labels; of a table with
 * targets those, `targets` floats a row, and as label the first largest of them. A table may have neither. Rows drawn at random are fetched from memory one after another here, in the order in which the hardware fetches fast; what
 * follows reads them in tiles, many rows at a time, and would wait for each. */
struct gathered {
    uint8_t *bytes;
    size_t stride;
    int32_t *label;
    float *wanted;
};
void batch_gather(const struct table *table, size_t count, const uint32_t *row, const struct gathered *to);

/* How the rows of a dataset are shifted and scaled on their way into a network; no rows yet. */
struct raw_rows batch_scaling(const struct dataset *dataset);

#endif
