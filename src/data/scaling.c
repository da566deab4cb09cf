/* Scaling. Of bytes the sums of x and x^2 are whole numbers and kept as such, so mean and variance come out correctly rounded and
 * no order of summation can show. Of floats they are sums in double, row by row, in two passes. */
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

static weft_status standardize_bytes(enum scaling scaling, const struct split *train, float *shift, float *scale)
{
    const size_t features = train->table->features;
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
    for (size_t j = 0; j < features && scaling == SCALING_STANDARDIZE_GLOBAL; j++)
        standardize(all, (uint64_t)train->count * features, &shift[j], &scale[j]);
    memory_free(sums);
    return WEFT_OK;
}

/* ---- Floats ---- */

static const float *values_of(const struct split *train, size_t i)
{
    return train->table->value + train->row[i] * train->table->features;
}

/* 1 / spread, or 0 if there is none to speak of. */
static float inverse_of(double spread)
{
    float inverse = spread > 0 ? (float)(1 / spread) : 0;
    return isfinite(inverse) ? inverse : 0;
}

static void fit_range(const struct split *train, float *shift, float *scale)
{
    for (size_t j = 0; j < train->table->features; j++) {
        float least = values_of(train, 0)[j], most = least;
        for (size_t i = 1; i < train->count; i++) {
            float x = values_of(train, i)[j];
            least = x < least ? x : least;
            most = x > most ? x : most;
        }
        shift[j] = least;
        scale[j] = inverse_of((double)most - (double)least);
    }
}

/* mean[j] = the mean over the rows of (x - center[j])^power, power 1 or 2. */
static void mean_powers(const struct split *train, const double *center, int power, double *mean)
{
    const size_t features = train->table->features;
    for (size_t j = 0; j < features; j++)
        mean[j] = 0;
    for (size_t i = 0; i < train->count; i++)
        for (size_t j = 0; j < features; j++) {
            double x = (double)values_of(train, i)[j] - center[j];
            mean[j] += power == 1 ? x : x * x;
        }
    for (size_t j = 0; j < features; j++)
        mean[j] /= (double)train->count;
}

static void make_global(double *mean, size_t features)
{
    double sum = 0;
    for (size_t j = 0; j < features; j++)
        sum += mean[j];
    for (size_t j = 0; j < features; j++)
        mean[j] = sum / (double)features;
}

static weft_status standardize_floats(enum scaling scaling, const struct split *train, float *shift, float *scale)
{
    const size_t features = train->table->features;
    double *zero = memory_new(3 * features, sizeof *zero), *mean = zero + features, *variance = zero + 2 * features;
    if (zero == NULL)
        return WEFT_ENOMEM;
    mean_powers(train, zero, 1, mean);
    if (scaling == SCALING_STANDARDIZE_GLOBAL)
        make_global(mean, features);
    mean_powers(train, mean, 2, variance);
    if (scaling == SCALING_STANDARDIZE_GLOBAL)
        make_global(variance, features);
    for (size_t j = 0; j < features; j++) {
        shift[j] = (float)mean[j];
        scale[j] = inverse_of(sqrt(variance[j]));
    }
    memory_free(zero);
    return WEFT_OK;
}

weft_status scaling_fit(enum scaling scaling, const struct split *train, float *shift, float *scale)
{
    bool has_bytes = train->table->pixel != NULL;
    for (size_t j = 0; j < train->table->features; j++) {
        shift[j] = 0;
        scale[j] = scaling == SCALING_UNIT ? (float)(1 / 255.0) : 1.0f;
    }
    if (scaling == SCALING_UNIT && !has_bytes)
        fit_range(train, shift, scale);
    if (scaling == SCALING_NONE || scaling == SCALING_UNIT)
        return WEFT_OK;
    return has_bytes ? standardize_bytes(scaling, train, shift, scale) : standardize_floats(scaling, train, shift, scale);
}
