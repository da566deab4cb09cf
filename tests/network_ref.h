/* The whole network once more, in double precision and as plainly as it can be written, sharing no code with src/nn: the
 * rows of a batch go through one layer after another, sums are taken over the whole batch, and only what the result depends
 * on besides (the cut into shards for batch-norm of the shard, the counter of the dropout) follows the design. Every number
 * carries a bound on what the float computation may differ from it (bounded.h). */
#ifndef TESTS_NETWORK_REF_H
#define TESTS_NETWORK_REF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bounded.h"
#include "nn/network.h"
#include "settings/settings.h"

enum { REF_LAYERS_MAX = 8 };

struct ref_tensor {                             /* parameter[first .. first + count - 1] */
    enum tensor_kind kind;
    size_t layer, first, count;
};

struct ref_layer {                              /* matrices are rows x fan_out */
    size_t fan_in, fan_out;
    size_t weight, bias, gamma, beta;           /* first parameter of each */
    enum activation activation;
    double dropout;
    bool has_norm;
    const struct bounded *in;                   /* rows x fan_in: the input, or out of the layer below */
    struct bounded *sum, *normed, *activated, *out;     /* after dense, batch-norm, activation, dropout */
    struct bounded *mean, *inverse_std;         /* of each group of rows: groups x fan_out */
    bool *keep;
};

struct network_ref {
    const struct weft_settings *settings;
    size_t rows, features, outputs, layers, shards;
    size_t groups;                              /* of rows that batch-norm treats as one */
    size_t group_first[17];
    struct ref_layer layer[REF_LAYERS_MAX];
    size_t tensors, parameters;
    struct ref_tensor tensor[4 * REF_LAYERS_MAX];
    double *parameter;
    const int32_t *label;                       /* the class of each row; or NULL: */
    const float *target;                        /* rows x outputs */
    const float *class_weight;                  /* of each class; NULL: all count alike */
    struct bounded *input, *dropped_input;      /* rows x features */
    bool *keep_input;

    struct bounded loss, penalty;               /* mean over the rows; cost = loss + penalty */
    uint64_t kinks;                             /* a digest of which side of a kink the units are on that have one */
    struct bounded *gradient;                   /* of the cost, decoupled decay being no part of it; as parameter */
    struct bounded *delta, *delta_below;        /* d cost / d (what the backward pass has come to) */
};

/* Lay out a network for a batch of these rows: x, rows x features; the number of each data row; the step, for the dropout.
 * Parameters are 0. What is wanted of a row, label or target (and class_weight), is for the caller to fill in. The pointers must
 * outlive it. */
struct network_ref *network_ref_new(const struct weft_settings *settings, size_t rows, size_t features, size_t outputs,
                                    const float *x, const uint32_t *data_row, uint64_t step);
void network_ref_free(struct network_ref *ref);

/* Copy the parameters out of a network of the library, tensor by tensor. */
void network_ref_load(struct network_ref *ref, const struct network *net);

void network_ref_forward(struct network_ref *ref);              /* loss, penalty, kinks */
void network_ref_backward(struct network_ref *ref);             /* gradient; after forward */

/* network_ref_cost.c. The loss of row n from its logits x; d becomes the gradient of that loss / rows. Of the network it needs
 * settings, rows, outputs, and what is wanted of the row. */
struct bounded network_ref_row_loss(const struct network_ref *ref, size_t n, const struct bounded *x, struct bounded *d);

/* Loss, penalty, and delta for the logits; c of the penalty c * sum w^2, and which tensors it is over. */
void network_ref_cost(struct network_ref *ref);
double network_ref_l2(const struct network_ref *ref);
bool network_ref_takes_l2(const struct network_ref *ref, enum tensor_kind kind);

#endif
