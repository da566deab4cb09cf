/* Some rows of a batch on their way through the network, forwards and backwards. The pass knows nothing of threads: the training
 * step calls these for its rows, and meets the other threads between two segments. */
#ifndef NN_PASS_H
#define NN_PASS_H

#include "nn/loss.h"
#include "nn/network.h"
#include "nn/workspace.h"

struct pass {                           /* one batch, as one thread sees it */
    const struct network *net;
    struct activations *batch;          /* of the whole batch */
    struct workspace *own;
    struct norm_exchange *exchange;     /* shared by the team */
    struct raw_rows input;              /* how raw rows are shifted and scaled; the rows are those of the batch */
    const struct loss_rule *loss;
    size_t batch_rows, shards;
    uint64_t seed, step;                /* for dropout */
};

/* Rows that go through together: any, if the network has no batch-norm; whole shards, if it is of the batch; one shard, if it is
 * of the shard. */
struct slice {
    struct range rows;                  /* of the batch */
    struct range shards;                /* whose rows these are; empty without batch-norm */
};

/* The rows' input as floats, where something lies between it and the first layer; batch->raw and data_row are set. */
void pass_gather(struct pass *pass, const struct slice *slice);

/* Forward through segment p: normalise with the merged statistics (p > 0), run the operations, and publish the statistics of
 * the shards for the batch-norm that begins segment p+1. */
void pass_forward(struct pass *pass, size_t p, const struct slice *slice);

/* From the logits: batch->loss and best of the rows; the delta of the output layer becomes dLoss/dlogits, Loss being the mean
 * over the whole batch. */
void pass_loss(struct pass *pass, const struct slice *slice);

/* Backward through segment p: the batch-norm that begins segment p+1 (if there is one) with its merged sums, then the
 * operations in reverse order down to the segment's input, then publish the sums for the batch-norm that begins segment p. Each
 * layer's delta is what its weight gradient needs. */
void pass_backward(struct pass *pass, size_t p, const struct slice *slice);

/* Merge what all shards have published; every thread for itself, after the barrier. Forward before segment p > 0,
 * backward before segment p < segments-1. */
void pass_merge_forward(struct pass *pass, size_t p);
void pass_merge_backward(struct pass *pass, size_t p);

/* Largest magnitudes of what the gradients are made of, by layer: of the dense layer's input and its delta in the rows, and of
 * the sums that a batch-norm's shards have published; NaN if there is one. The input of a first layer that takes bytes is left
 * out. */
struct magnitudes {
    float input[NETWORK_LAYERS_MAX], delta[NETWORK_LAYERS_MAX], norm[NETWORK_LAYERS_MAX];
};
void pass_magnitudes(const struct pass *pass, const struct slice *slice, struct magnitudes *found);

/* A local gradient: that of the parameters of one piece (below), summed over rows first_row .. of the batch as `sum` says, its
 * shards being those from first_shard on. Written to gradient, as long as the piece. */
struct parameter_piece {
    size_t layer;
    bool is_weight;                     /* inputs of one panel; else bias, and gamma and beta if there are */
    size_t panel, inputs;
    size_t offset, count;               /* in net->parameter: contiguous */
};
void pass_gradient(struct pass *pass, const struct parameter_piece *piece, const struct row_sum *sum, size_t first_row,
                   size_t first_shard, float *gradient);

/* The network in such pieces, in file order; returns how many, at most `capacity` are written. */
size_t pass_pieces(const struct network *net, struct parameter_piece *piece, size_t capacity);

/* Forward in evaluation: running statistics, no dropout; own->infer.raw holds up to INFER_ROWS rows. Returns the logits.
 * Changes no state. */
struct matrix pass_infer(const struct network *net, struct workspace *own, const struct raw_rows *input, size_t rows);

#endif
