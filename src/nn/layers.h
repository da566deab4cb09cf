/* The operations of a network on some rows of a batch. Matrices are in panels (kernel.h); a struct matrix points at the first of
 * the rows at hand. */
#ifndef NN_LAYERS_H
#define NN_LAYERS_H

#include "nn/network.h"
#include "nn/workspace.h"

/* dense.c: y = x W + b; dx = dy W^T (not for the first layer, whose input is not trained). The first layer may take its input
 * as bytes, which become floats on the way, in the cache: scratch has dense_scratch_size floats. */
void dense_forward(const struct network *net, size_t l, size_t rows, struct matrix x, struct matrix y);
void dense_forward_bytes(const struct network *net, size_t rows, const struct raw_rows *x, float *scratch, struct matrix y);
void dense_backward(const struct network *net, size_t l, size_t rows, struct matrix dy, struct matrix dx);
size_t dense_scratch_size(const struct network *net);

/* dense.c: dW of inputs 32 panel .. of layer l (at most PANEL of them), summed over rows as `sum` says; [inputs][fan_out],
 * row-major. x is that panel of the layer's input alone. */
void dense_gradient(const struct network *net, size_t l, size_t panel, const struct row_sum *sum, const float *x,
                    struct matrix dy, float *part, float *gradient);
/* db = column sums of dy. */
void dense_bias_gradient(const struct network *net, size_t l, const struct row_sum *sum, struct matrix dy, float *gradient);

/* activation.c: n values y of x; y may be x. The derivative from y, or from x where y alone does not tell it
 * (activation_needs_input; x may be NULL elsewhere): dy becomes dx. */
void activation_forward(enum activation kind, size_t n, const float *x, float *y);
void activation_backward(enum activation kind, size_t n, const float *x, const float *y, float *dy);
bool activation_needs_input(enum activation kind);

/* dropout.c: draw the keep mask of the rows and apply it, y = x / (1 - fraction) where kept, else 0 (inverted dropout,
 * Srivastava et al., JMLR 15, 2014, section 10); the same scaling of dy on the way back. A unit's draw depends on (seed,
 * step, layer, data row, unit) alone. keep lies in panels as far apart as those of y. */
void dropout_forward(const struct op *op, uint64_t seed, uint64_t step, size_t rows, const uint32_t *data_row, struct matrix x,
                     uint8_t *keep, struct matrix y);
void dropout_backward(const struct op *op, size_t rows, const uint8_t *keep, struct matrix dy);

/* batchnorm.c: Ioffe and Szegedy, "Batch normalization", ICML 2015, algorithms 1 and 2. "Of the batch" means: shard s
 * publishes its part (column chains in double), each thread merges all parts in tree order (Chan, Golub and LeVeque,
 * "Algorithms for computing the sample variance", 1983, eq. 2.1). "Of the shard" is ghost batch-norm (Hoffer et al.,
 * NeurIPS 2017): the same with one part. */
void norm_publish_moments(const struct op *op, size_t shard, size_t rows, struct matrix x, struct norm_exchange *exchange);
void norm_publish_sums(const struct op *op, size_t shard, size_t rows, struct matrix x, const struct norm_values *values,
                       struct matrix dy, struct norm_exchange *exchange);
/* Statistics of shards first .. end-1 of a batch of batch_rows rows cut into `shards`, for features range, into values. */
void norm_merge_moments(const struct network *net, const struct norm_exchange *exchange, size_t width, size_t batch_rows,
                        size_t shards, struct range of_shards, struct range features, struct norm_values *values);
/* Means of the backward sums over the same rows, and factor = gamma * inverse_std. */
void norm_merge_sums(const struct network *net, const struct op *op, const struct norm_exchange *exchange, size_t batch_rows,
                     size_t shards, struct range of_shards, struct norm_values *values);
void norm_forward(const struct network *net, const struct op *op, size_t rows, struct matrix x, const struct norm_values *values,
                  struct matrix y);
void norm_backward(const struct op *op, size_t rows, struct matrix x, const struct norm_values *values, struct matrix dy);
/* dgamma and dbeta: the shards' published sums, added up as `sum` says, its shards being those from first_shard on. */
void norm_gradient(const struct op *op, const struct row_sum *sum, size_t first_shard, const struct norm_exchange *exchange,
                   float *dgamma, float *dbeta);
/* The largest magnitude among the sums that shards of a range have published for them, as a float; NaN if there is one. */
float norm_largest_sum(const struct op *op, struct range of_shards, const struct norm_exchange *exchange);
/* Values for inference, from the running statistics. */
void norm_values_from_running(const struct network *net, size_t l, struct norm_values *values);
/* running = (1-m) * running + m * batch for the given features; needs batch_mean, batch_variance of norm_merge_moments.
 * A batch of one row leaves them as they are. */
void norm_update_running(struct network *net, size_t l, size_t batch_rows, struct range features,
                         const struct norm_values *values);

#endif
