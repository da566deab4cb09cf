/* Batch normalisation over one shard or over all of them. Moments are (count, mean, M2) and never E[x^2] - E[x]^2. */
#include <math.h>
#include <string.h>

#include "base/math.h"
#include "base/tree.h"
#include "kernel/kernel.h"
#include "nn/layers.h"

enum { MERGE_FEATURES = 64 };           /* features merged at once: 2 * 16 * 64 doubles on the stack */

static size_t padded(size_t width)
{
    return panels_of(width) * PANEL;
}

void norm_publish_moments(const struct op *op, size_t shard, size_t rows, struct matrix x, struct norm_exchange *exchange)
{
    size_t at = shard * padded(op->width);
    for (size_t p = 0; p < panels_of(op->width); p++)
        kernel->column_moments(rows, x.data + p * x.panel, exchange->mean + at + p * PANEL, exchange->m2 + at + p * PANEL);
}

void norm_publish_sums(const struct op *op, size_t shard, size_t rows, struct matrix x, const struct norm_values *values,
                       struct matrix dy, struct norm_exchange *exchange)
{
    size_t at = shard * padded(op->width);
    for (size_t j = 0, p = 0; j < op->width; j += PANEL, p++)
        kernel->normalize_sums(rows, x.data + p * x.panel, values->mean + j, values->inverse_std + j, dy.data + p * dy.panel,
                               exchange->sum_dy + at + j, exchange->sum_dy_xhat + at + j);
}

static double rows_of(size_t batch_rows, size_t shards, size_t s)
{
    struct range r = shard_rows(batch_rows, shards, s);
    return (double)(r.end - r.first);
}

/* The tree over parts 0 .. count-1 of `features` columns each; the result is part 0. rows[] become those of the subtrees. */
static void merge_tree(size_t count, size_t features, double rows[SHARDS_MAX], double mean[SHARDS_MAX][MERGE_FEATURES],
                       double m2[SHARDS_MAX][MERGE_FEATURES])
{
    for (size_t d = 1; d < count; d *= 2)
        for (size_t i = 0; i + d < count; i += 2 * d) {
            double total = rows[i] + rows[i + d], weight = rows[i + d] / total;
            double cross = rows[i] * weight;
            for (size_t j = 0; j < features; j++) {
                double difference = mean[i + d][j] - mean[i][j];
                mean[i][j] += difference * weight;
                m2[i][j] += m2[i + d][j] + difference * difference * cross;
            }
            rows[i] = total;
        }
}

void norm_merge_moments(const struct network *net, const struct norm_exchange *exchange, size_t width, size_t batch_rows,
                        size_t shards, struct range of_shards, struct range features, struct norm_values *values)
{
    double mean[SHARDS_MAX][MERGE_FEATURES], m2[SHARDS_MAX][MERGE_FEATURES];
    size_t count = of_shards.end - of_shards.first;
    for (size_t f = features.first; f < features.end; f += MERGE_FEATURES) {
        size_t some = features.end - f < MERGE_FEATURES ? features.end - f : MERGE_FEATURES;
        double rows[SHARDS_MAX];
        for (size_t s = 0; s < count; s++) {
            rows[s] = rows_of(batch_rows, shards, of_shards.first + s);
            for (size_t j = 0; j < some; j++) {
                mean[s][j] = exchange->mean[(of_shards.first + s) * padded(width) + f + j];
                m2[s][j] = exchange->m2[(of_shards.first + s) * padded(width) + f + j];
            }
        }
        merge_tree(count, some, rows, mean, m2);
        for (size_t j = 0; j < some; j++) {
            values->batch_mean[f + j] = mean[0][j];
            values->batch_variance[f + j] = rows[0] > 1 ? m2[0][j] / (rows[0] - 1) : 0;
            values->mean[f + j] = (float)mean[0][j];
            values->inverse_std[f + j] = (float)(1 / sqrt(m2[0][j] / rows[0] + net->norm_epsilon));
        }
    }
}

void norm_merge_sums(const struct network *net, const struct op *op, const struct norm_exchange *exchange, size_t batch_rows,
                     size_t shards, struct range of_shards, struct norm_values *values)
{
    double rows = 0;
    for (size_t s = of_shards.first; s < of_shards.end; s++)
        rows += rows_of(batch_rows, shards, s);
    size_t count = of_shards.end - of_shards.first;
    const float *gamma = net->norm_affine ? net->parameter + net->layer[op->layer].gamma : NULL;
    for (size_t j = 0; j < op->width; j++) {
        double sum_dy[SHARDS_MAX], sum_dy_xhat[SHARDS_MAX];
        for (size_t s = 0; s < count; s++) {
            sum_dy[s] = exchange->sum_dy[(of_shards.first + s) * padded(op->width) + j];
            sum_dy_xhat[s] = exchange->sum_dy_xhat[(of_shards.first + s) * padded(op->width) + j];
        }
        values->mean_dy[j] = (float)(tree_sum(sum_dy, count) / rows);
        values->mean_dy_xhat[j] = (float)(tree_sum(sum_dy_xhat, count) / rows);
        values->factor[j] = gamma != NULL ? gamma[j] * values->inverse_std[j] : values->inverse_std[j];
    }
}

void norm_forward(const struct network *net, const struct op *op, size_t rows, struct matrix x, const struct norm_values *values,
                  struct matrix y)
{
    const struct layer *layer = &net->layer[op->layer];
    if (net->norm_affine) {
        memcpy(values->gamma, net->parameter + layer->gamma, op->width * sizeof *values->gamma);
        memcpy(values->beta, net->parameter + layer->beta, op->width * sizeof *values->beta);
    }
    for (size_t j = 0, p = 0; j < op->width; j += PANEL, p++)
        kernel->normalize(rows, x.data + p * x.panel, values->mean + j, values->inverse_std + j,
                          net->norm_affine ? values->gamma + j : NULL, values->beta + j, y.data + p * y.panel);
}

void norm_backward(const struct op *op, size_t rows, struct matrix x, const struct norm_values *values, struct matrix dy)
{
    for (size_t j = 0, p = 0; j < op->width; j += PANEL, p++)
        kernel->normalize_backward(rows, x.data + p * x.panel, values->mean + j, values->inverse_std + j, values->factor + j,
                                   values->mean_dy + j, values->mean_dy_xhat + j, dy.data + p * dy.panel);
}

void norm_gradient(const struct op *op, const struct row_sum *sum, size_t first_shard, const struct norm_exchange *exchange,
                   float *dgamma, float *dbeta)
{
    for (size_t j = 0; j < op->width; j++) {
        float of_gamma[ROW_SUM_PARTS_MAX], of_beta[ROW_SUM_PARTS_MAX];
        size_t held = 0;
        for (size_t s = 0; s < sum->shards; s++) {
            size_t at = (first_shard + s) * padded(op->width) + j;
            of_gamma[held] = (float)exchange->sum_dy_xhat[at];
            of_beta[held++] = (float)exchange->sum_dy[at];
            for (size_t merge = 0; merge < sum->merges[s]; merge++, held--) {
                of_gamma[held - 2] += of_gamma[held - 1];
                of_beta[held - 2] += of_beta[held - 1];
            }
        }
        dgamma[j] = of_gamma[0];
        dbeta[j] = of_beta[0];
    }
}

static uint64_t larger(uint64_t largest, double x)
{
    uint64_t magnitude = math_bits_of_double(x) & (UINT64_MAX >> 1);        /* as integers, NaN is larger than any number */
    return magnitude > largest ? magnitude : largest;
}

float norm_largest_sum(const struct op *op, struct range of_shards, const struct norm_exchange *exchange)
{
    uint64_t largest = 0;
    for (size_t s = of_shards.first; s < of_shards.end; s++)
        for (size_t j = 0; j < op->width; j++) {
            size_t at = s * padded(op->width) + j;
            largest = larger(larger(largest, exchange->sum_dy[at]), exchange->sum_dy_xhat[at]);
        }
    return (float)math_double_of_bits(largest);
}

void norm_values_from_running(const struct network *net, size_t l, struct norm_values *values)
{
    const struct layer *layer = &net->layer[l];
    for (size_t j = 0; j < layer->fan_out; j++) {
        values->mean[j] = net->running[layer->running_mean + j];
        double variance = (double)net->running[layer->running_variance + j];
        values->inverse_std[j] = (float)(1 / sqrt(variance + net->norm_epsilon));
    }
}

void norm_update_running(struct network *net, size_t l, size_t batch_rows, struct range features,
                         const struct norm_values *values)
{
    if (batch_rows < 2)
        return;
    float *mean = net->running + net->layer[l].running_mean, *variance = net->running + net->layer[l].running_variance;
    double m = net->norm_momentum;
    for (size_t j = features.first; j < features.end; j++) {
        mean[j] = (float)((1 - m) * (double)mean[j] + m * values->batch_mean[j]);
        variance[j] = (float)((1 - m) * (double)variance[j] + m * values->batch_variance[j]);
    }
}
