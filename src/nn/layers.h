/* The operations of a network on the rows of one shard. x, y, dy point at the shard's first row, row-major. */
#ifndef NN_LAYERS_H
#define NN_LAYERS_H

#include "nn/network.h"
#include "nn/workspace.h"

/* dense.c: y = x W + b; dW = x^T dy and db = column sums of dy into gradient (flat, as net->parameter); dx = dy W^T
 * (not for the first layer, whose input is not trained). */
void dense_forward(const struct network *net, size_t l, size_t rows, const float *x, float *y);
void dense_gradient(const struct network *net, size_t l, size_t rows, const float *x, const float *dy, float *gradient);
void dense_backward(const struct network *net, size_t l, size_t rows, const float *dy, float *dx);

/* activation.c: in place on n values; the derivative from the activation's value y. */
void activation_forward(enum activation kind, size_t n, float *x);
void activation_backward(enum activation kind, size_t n, const float *y, float *dy);

/* dropout.c: draw the keep mask of the rows and apply it, y = x / (1 - fraction) where kept, else 0 (inverted dropout,
 * Srivastava et al., JMLR 15, 2014, section 10); the same scaling of dy on the way back. A unit's draw depends on (seed,
 * step, layer, data row, unit) alone. */
void dropout_forward(const struct op *op, uint64_t seed, uint64_t step, size_t rows, const uint32_t *data_row, const float *x,
                     uint8_t *keep, float *y);
void dropout_backward(const struct op *op, size_t rows, const uint8_t *keep, float *dy);

/* batchnorm.c: Ioffe and Szegedy, "Batch normalization", ICML 2015, algorithms 1 and 2. "Of the batch" means: shard s
 * publishes its part (column chains in double), each thread merges all parts in tree order (Chan, Golub and LeVeque,
 * "Algorithms for computing the sample variance", 1983, eq. 2.1). "Of the shard" is ghost batch-norm (Hoffer et al.,
 * NeurIPS 2017): the same with one part. */
void norm_publish_moments(const struct op *op, size_t shard, size_t rows, const float *x, struct norm_exchange *exchange);
void norm_publish_sums(const struct op *op, size_t shard, size_t rows, const float *x, const struct norm_values *values,
                       const float *dy, struct norm_exchange *exchange);
/* Statistics of shards first .. end-1 of a batch of batch_rows rows cut into `shards`, for features range, into values. */
void norm_merge_moments(const struct network *net, const struct norm_exchange *exchange, size_t width, size_t batch_rows,
                        size_t shards, struct range of_shards, struct range features, struct norm_values *values);
/* Means of the backward sums over the same rows, and factor = gamma * inverse_std. */
void norm_merge_sums(const struct network *net, const struct op *op, const struct norm_exchange *exchange, size_t batch_rows,
                     size_t shards, struct range of_shards, struct norm_values *values);
void norm_forward(const struct network *net, const struct op *op, size_t rows, const float *x,
                  const struct norm_values *values, float *y);
void norm_backward(const struct op *op, size_t rows, const float *x, const struct norm_values *values, float *dy);
/* dgamma and dbeta of one shard: its published sums. */
void norm_gradient(const struct network *net, const struct op *op, size_t shard, const struct norm_exchange *exchange,
                   float *gradient);
/* Values for inference, from the running statistics. */
void norm_values_from_running(const struct network *net, size_t l, struct norm_values *values);
/* running = (1-m) * running + m * batch for the given features; needs batch_mean, batch_variance of norm_merge_moments.
 * A batch of one row leaves them as they are. */
void norm_update_running(struct network *net, size_t l, size_t batch_rows, struct range features,
                         const struct norm_values *values);

#endif
