/* See batch.h. */
#include "data/batch.h"

#include "kernel/kernel.h"

void batch_gather(const struct dataset *dataset, const struct table *table, size_t count, const uint32_t *row, float *x,
                  int32_t *label)
{
    size_t D = dataset->features;
    for (size_t n = 0; n < count; n++) {
        kernel->convert(D, &table->pixel[(size_t)row[n] * D], dataset->shift, dataset->scale, &x[n * D]);
        label[n] = table->label[row[n]];
    }
}
