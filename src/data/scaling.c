/* Standardisation of bytes: sums of x and x^2 are whole numbers and kept as such, so mean and variance come out correctly
 * rounded and no order of summation can show. */
#include "data/scaling.h"

#include <math.h>

#include "base/memory.h"

/* Sum of x^2 is at most 65,025 * count: exact for every table that fits an address space. */
struct sums { uint64_t x, x2; };

static void standardize(struct sums sums, uint64_t count, float *shift, float *scale)
{
    unsigned __int128 spread = (unsigned __int128)count * sums.x2 - (unsigned __int128)sums.x * sums.x;
    double n = (double)count;
    double variance = (double)spread / (n * n);
    *shift = (float)((double)sums.x / n);
    *scale = spread == 0 ? 0.0f : (float)(1 / sqrt(variance));
}

static void sums_fill(const struct split *train, struct sums *sums)
{
    const size_t features = train->table->features;
    for (size_t i = 0; i < train->count; i++) {
        const uint8_t *pixel = train->table->pixel + train->row[i] * features;
        for (size_t j = 0; j < features; j++) {
            uint32_t x = pixel[j];
            sums[j].x += x;
            sums[j].x2 += x * x;
        }
    }
}

weft_status scaling_fit(enum scaling scaling, const struct split *train, float *shift, float *scale)
{
    const size_t features = train->table->features;
    for (size_t j = 0; j < features; j++) {
        shift[j] = 0;
        scale[j] = scaling == SCALING_UNIT ? (float)(1 / 255.0) : 1.0f;
    }
    if (scaling == SCALING_NONE || scaling == SCALING_UNIT)
        return WEFT_OK;
    struct sums *sums = memory_new(features, sizeof *sums), all = {0, 0};
    if (sums == NULL)
        return WEFT_ENOMEM;
    sums_fill(train, sums);
    for (size_t j = 0; j < features; j++) {
        all.x += sums[j].x;
        all.x2 += sums[j].x2;
        if (scaling == SCALING_STANDARDIZE)
            standardize(sums[j], train->count, &shift[j], &scale[j]);
    }
    if (scaling == SCALING_STANDARDIZE_GLOBAL) {
        standardize(all, (uint64_t)train->count * features, &shift[0], &scale[0]);
        for (size_t j = 1; j < features; j++) {
            shift[j] = shift[0];
            scale[j] = scale[0];
        }
    }
    memory_free(sums);
    return WEFT_OK;
}
