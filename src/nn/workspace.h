/* What one thread needs to take rows through a network: activations, deltas, masks, the statistics it has merged, and the
 * slots for its local gradients. Allocated and first touched by the thread that uses it; nothing is allocated later. */
#ifndef NN_WORKSPACE_H
#define NN_WORKSPACE_H

#include "nn/network.h"
#include "parallel/shard.h"

/* Per-feature numbers of one batch-norm operation, as this thread works with them. */
struct norm_values {
    float *mean, *inverse_std;                          /* of the normalisation at hand */
    float *factor, *mean_dy, *mean_dy_xhat;             /* of its backward pass */
    double *batch_mean, *batch_variance;                /* of the whole batch, unbiased variance: for the running statistics */
};

struct workspace {
    size_t rows;                                        /* capacity of every row-wise array below */
    float *buffer[NETWORK_OPS_MAX + 1];                 /* rows x buffer_width */
    uint8_t *keep[NETWORK_LAYERS_MAX];                  /* per dropout: rows x width, 1 = kept */
    float *delta[2];                                    /* rows x widest; layer l's is delta[l % 2] */
    int32_t *label;
    uint32_t *row;                                      /* data row of each row */
    struct norm_values norm[NETWORK_LAYERS_MAX];
    size_t slots;
    float *slot[SHARDS_MAX + 1];                        /* parameter_size each */
    double *block_sum;                                  /* scratch: one per parameter block */
    int32_t *predicted;
};

/* What the shards of one batch publish to each other for one batch-norm operation: SHARDS_MAX x width doubles each. */
struct norm_exchange {
    double *mean, *m2;                                  /* forward: of each shard */
    double *sum_dy, *sum_dy_xhat;                       /* backward */
};

/* rows: the most rows at once. slots: local gradients at once; 0 for a workspace that only evaluates (no deltas either).
 * WEFT_OK or WEFT_ENOMEM; then nothing is held. */
weft_status workspace_create(struct workspace *w, const struct network *net, size_t rows, size_t slots);
void workspace_destroy(struct workspace *w);            /* fine on a zeroed one */
size_t workspace_size_bytes(const struct network *net, size_t rows, size_t slots);

weft_status norm_exchange_create(struct norm_exchange exchange[NETWORK_LAYERS_MAX], const struct network *net);
void norm_exchange_destroy(struct norm_exchange exchange[NETWORK_LAYERS_MAX]);

#endif
