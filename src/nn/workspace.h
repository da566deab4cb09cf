/* Memory for rows on their way through a network. Activations are of a whole batch and shared: each thread writes its own rows,
 * and reads those of the others for the weight gradients. A workspace is what one thread needs for itself. Nothing is allocated
 * after the start. */
#ifndef NN_WORKSPACE_H
#define NN_WORKSPACE_H

#include "nn/network.h"
#include "parallel/shard.h"

struct matrix {                                         /* in panels (kernel.h) */
    float *data;                                        /* row 0 of panel 0 */
    size_t panel;                                       /* floats from one panel to the next */
};

struct activations {
    size_t rows;                                        /* capacity of every array */
    struct matrix buffer[NETWORK_OPS_MAX + 1];          /* no buffer 0 where the first layer takes bytes */
    struct matrix delta[NETWORK_LAYERS_MAX];            /* dLoss/dy, y being what layer l's dense gave, in the end */
    uint8_t *keep[NETWORK_LAYERS_MAX];                  /* per dropout: panels as those of its output, 1 = kept */
    uint8_t *bytes;                                     /* per row: its input as it is in the data, stride bytes apart, */
    size_t stride;
    const uint8_t **raw;                                /* where that is, */
    uint32_t *data_row;                                 /* its number in the data, */
    int32_t *label, *best;                              /* its class (or the first largest of its targets), and the one found, */
    double *loss;                                       /* its loss, */
    float *wanted;                                      /* a target for each output, row by row, if the data say so */
    struct matrix target;                               /* targets as the loss takes them, where labels are not enough */
    float *row_weight;                                  /* how much the row counts, where classes have weights */
};

/* Per-feature numbers of one batch-norm operation, as this thread works with them; padded to whole panels. */
struct norm_values {
    float *mean, *inverse_std, *gamma, *beta;           /* of the normalisation at hand */
    float *factor, *mean_dy, *mean_dy_xhat;             /* of its backward pass */
    double *batch_mean, *batch_variance;                /* of the whole batch, unbiased variance: for the running statistics */
};

struct workspace {
    struct norm_values norm[NETWORK_LAYERS_MAX];
    float *input;                                       /* the first layer's: some rows, or one panel of all rows of a batch */
    float *loss_scratch;
    float *part;                                        /* scratch of a block of a weight gradient */
    float *gradient;                                    /* of PANEL inputs of any layer, or of its bias, gamma and beta */
    double *block_sum;                                  /* one per parameter block */
    size_t slots;
    float *slot[SHARDS_MAX + 1];                        /* local gradients, parameter_size each */
    struct activations infer;                           /* rows in evaluation: buffers 0 and 1 take turns */
};

/* What the shards of one batch publish to each other for one batch-norm operation: SHARDS_MAX x padded width doubles each. */
struct norm_exchange {
    double *mean, *m2;                                  /* forward: of each shard */
    double *sum_dy, *sum_dy_xhat;                       /* backward */
};

/* For batches of up to `rows` rows. The floats hold nothing yet: each thread zeroes its share with activations_touch, so that
 * the pages lie in that thread's memory. WEFT_OK or WEFT_ENOMEM; then nothing is held. */
weft_status activations_create(struct activations *a, const struct network *net, size_t rows);
void activations_touch(struct activations *a, const struct network *net, struct range rows);
void activations_destroy(struct activations *a);        /* fine on a zeroed one */
size_t activations_size_bytes(const struct network *net, size_t rows);

/* batch_rows: of a batch that is trained on; 0 for a workspace that only evaluates. slots: local gradients at once.
 * WEFT_OK or WEFT_ENOMEM; then nothing is held. */
weft_status workspace_create(struct workspace *w, const struct network *net, size_t batch_rows, size_t slots);
void workspace_destroy(struct workspace *w);            /* fine on a zeroed one */
size_t workspace_size_bytes(const struct network *net, size_t batch_rows, size_t slots);

weft_status norm_exchange_create(struct norm_exchange exchange[NETWORK_LAYERS_MAX], const struct network *net);
void norm_exchange_destroy(struct norm_exchange exchange[NETWORK_LAYERS_MAX]);

/* The matrix from its row r on. */
static inline struct matrix matrix_from(struct matrix m, size_t r)
{
    return (struct matrix){m.data + r * PANEL, m.panel};
}

enum { INFER_ROWS = 128 };                              /* of the activations for evaluation: whole shards of 32 */

#endif
