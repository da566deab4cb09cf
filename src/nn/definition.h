/* The cost of one batch once more: the same operations in double, sums in the order in which one would write them down, one row
 * and one layer after the other. It shares no arithmetic with the network that trains, and knows no derivative, so the slope of
 * this cost says what the gradient should have been (train/slope.h, weft gradcheck). Nothing of it reaches a weight: exp, log,
 * tanh and erfc are libm's. */
#ifndef NN_DEFINITION_H
#define NN_DEFINITION_H

#include "nn/network.h"
#include "parallel/shard.h"

struct definition_batch {
    size_t rows;
    struct raw_rows input;                      /* the rows, in the order of the batch, and how they are scaled */
    const uint32_t *data_row;                   /* their numbers in the data, for the dropout */
    const int32_t *label;                       /* their classes; or NULL: */
    const float *target;                        /* rows x outputs */
    const float *class_weight;                  /* of each class; NULL: all 1 */
    uint64_t step;                              /* for the dropout */
};

struct definition {
    const struct weft_settings *settings;
    const struct network *net;                  /* how many layers, how wide, and where their parameters lie: nothing else */
    struct definition_batch batch;
    size_t groups, group_first[SHARDS_MAX + 1]; /* of rows that batch-norm treats as one */
    double *parameter;                          /* the network's, laid out as there */
    double *in[NETWORK_LAYERS_MAX + 1];         /* rows x width: what goes into each layer, dropout done; last the logits */
    uint8_t *keep[NETWORK_LAYERS_MAX + 1];      /* likewise: 1 = kept; NULL: no dropout there */
    uint64_t draw;                              /* of the roundings (below); 0: none */
    double *sum[NETWORK_LAYERS_MAX];            /* rows x width: of the latest run, of each layer but the first */
    double *mean[NETWORK_LAYERS_MAX], *deviation[NETWORK_LAYERS_MAX];   /* of batch-norm, groups x width: likewise */
    double loss;                                /* mean over the rows */
};

/* Take the network's parameters as they are now; draw the masks. settings, net and the arrays of batch must outlive it.
 * WEFT_OK or WEFT_ENOMEM; then nothing is held. */
weft_status definition_create(struct definition *d, const struct weft_settings *settings, const struct network *net,
                              const struct definition_batch *batch);
void definition_destroy(struct definition *d);                  /* fine on a zeroed one */

/* Take the batch through: in and loss.
 * draw  0: as exactly as double can. Else every input, sum, statistic, normalised value, output and target is off by up to a
 *       rounding to float, drawn from this number, and so are slopes that backward takes from a value (1 - y^2): the loss is
 *       one that the network might have computed had its floats been rounded in another way, and its slopes are such
 *       gradients. Where many floats are added up, forwards to a sum or backwards to an output, roundings walk sqrt(terms)
 *       times as far. */
void definition_run(struct definition *d, uint64_t draw);

/* What one thread needs to look at a changed network. WEFT_OK or WEFT_ENOMEM; then nothing is held. */
struct definition_space { double *weight, *unit, *rows[2]; };
weft_status definition_space_create(struct definition_space *space, const struct definition *d);
void definition_space_destroy(struct definition_space *space);  /* fine on a zeroed one */

/* The loss, if one element of a tensor had this value; the rest as it was when definition_run was called, d->draw included. That
 * changes one unit of its layer; one term of each sum of the next; and all of the layers after that. Several threads may look at
 * the same time. */
double definition_loss_with(const struct definition *d, struct definition_space *space, const struct tensor *tensor,
                            size_t element, double value);

/* What an element of such a tensor adds to the penalty if it has this value, and what all do as they are. Decoupled decay is
 * no part of the cost. */
double definition_penalty_of(const struct definition *d, enum tensor_kind kind, double value);
double definition_penalty(const struct definition *d);

#endif
