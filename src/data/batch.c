/* See batch.h. */
#include "data/batch.h"

#include <string.h>

enum {
    LINE_BYTES = 64,
    ROWS_AHEAD = 8,                     /* asked for before they are copied: as many lines as a core has under way */
};

static void prefetch(const uint8_t *bytes, size_t size_bytes)
{
    for (size_t j = 0; j < size_bytes; j += LINE_BYTES)
        __builtin_prefetch(bytes + j);
}

void batch_gather(const struct table *table, size_t count, const uint32_t *row, uint8_t *bytes, size_t stride, int32_t *label)
{
    size_t D = table->features;
    for (size_t n = 0; n < count; n++) {
        if (n + ROWS_AHEAD < count)
            prefetch(&table->pixel[(size_t)row[n + ROWS_AHEAD] * D], D);
        memcpy(bytes + n * stride, &table->pixel[(size_t)row[n] * D], D);
        label[n] = table->label[row[n]];
    }
}

struct byte_rows batch_scaling(const struct dataset *dataset)
{
    struct byte_rows scaling = {NULL, dataset->shift, dataset->scale, true};
    for (size_t j = 1; j < dataset->features; j++)
        if (dataset->shift[j] != dataset->shift[0] || dataset->scale[j] != dataset->scale[0])
            scaling.is_uniform = false;
    return scaling;
}
