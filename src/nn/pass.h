/* One shard's way through the network, forwards and backwards. The pass knows nothing of threads: the training step calls
 * these for each of its shards, and meets the other threads between two segments. */
#ifndef NN_PASS_H
#define NN_PASS_H

#include "nn/network.h"
#include "nn/workspace.h"

struct pass {                           /* one batch, as one thread sees it */
    const struct network *net;
    struct workspace *own;
    struct norm_exchange *exchange;     /* shared by the team; NULL in evaluation */
    size_t batch_rows, shards;
    uint64_t seed, step;                /* for dropout */
};

struct shard {
    size_t index;                       /* in the batch */
    size_t at, rows;                    /* its rows in the workspace */
};

/* Forward through segment p: normalise with the merged statistics (p > 0), run the operations, and publish this shard's
 * statistics for the batch-norm that begins segment p+1. The shard's input is in buffer 0. */
void pass_forward(struct pass *pass, size_t p, const struct shard *shard);

/* Loss of the shard from its logits: the sum over its rows [nats] is returned, *correct counts hits, and the delta of the
 * output layer is dLoss/dlogits, Loss being the mean over the whole batch. */
double pass_loss(struct pass *pass, const struct shard *shard, size_t *correct);

/* Backward through segment p: the batch-norm that begins segment p+1 (if there is one) with its merged sums, then the
 * operations in reverse order, then publish the sums for the batch-norm that begins segment p. The gradients of the
 * segment's parameters are written into gradient, a flat array as long as net->parameter. */
void pass_backward(struct pass *pass, size_t p, const struct shard *shard, float *gradient);

/* Merge what all shards have published; every thread for itself, after the barrier. Forward before segment p > 0,
 * backward before segment p < segments-1. */
void pass_merge_forward(struct pass *pass, size_t p);
void pass_merge_backward(struct pass *pass, size_t p);

/* The parameters whose gradients pass_backward(p) writes: elements first .. end-1 of the flat array. */
struct range pass_parameters(const struct network *net, size_t p);

/* Forward in evaluation: running statistics, no dropout; logits of `rows` rows in the last buffer. Changes no state. */
void pass_infer(const struct network *net, struct workspace *own, size_t rows);

#endif
