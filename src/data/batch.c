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

static int32_t first_largest(const float *x, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        best = x[i] > x[best] ? i : best;
    return (int32_t)best;
}

void batch_gather(const struct table *table, size_t count, const uint32_t *row, const struct gathered *to)
{
    const uint8_t *bytes = table->pixel != NULL ? table->pixel : (const uint8_t *)table->value;
    size_t row_bytes = table->features * (table->pixel != NULL ? 1 : sizeof *table->value), K = table->targets;
    for (size_t n = 0; n < count; n++) {
        if (n + ROWS_AHEAD < count)
            prefetch(&bytes[(size_t)row[n + ROWS_AHEAD] * row_bytes], row_bytes);
        memcpy(to->bytes + n * to->stride, &bytes[(size_t)row[n] * row_bytes], row_bytes);
        to->label[n] = table->label != NULL ? table->label[row[n]] : 0;
        if (table->target == NULL)
            continue;
        memcpy(to->wanted + n * K, &table->target[(size_t)row[n] * K], K * sizeof *to->wanted);
        to->label[n] = first_largest(to->wanted + n * K, K);
    }
}

struct raw_rows batch_scaling(const struct dataset *dataset)
{
    struct raw_rows scaling = {.shift = dataset->shift, .scale = dataset->scale, .is_uniform = true, .type = dataset->type};
    for (size_t j = 1; j < dataset->features; j++)
        if (dataset->shift[j] != dataset->shift[0] || dataset->scale[j] != dataset->scale[0])
            scaling.is_uniform = false;
    return scaling;
}
