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
    size_t rows, features, classes, layers, shards;
    size_t groups;                              /* of rows that batch-norm treats as one */
    size_t group_first[17];
    struct ref_layer layer[REF_LAYERS_MAX];
    size_t tensors, parameters;
    struct ref_tensor tensor[4 * REF_LAYERS_MAX];
    double *parameter;
    const int32_t *label;
    struct bounded *input, *dropped_input;      /* rows x features */
    bool *keep_input;

    struct bounded loss, penalty;               /* mean over the rows; cost = loss + penalty */
    uint64_t kinks;                             /* a digest of which ReLU units are on */
    struct bounded *gradient;                   /* of the cost, decoupled decay being no part of it; as parameter */
    struct bounded *delta, *delta_below;        /* d cost / d (what the backward pass has come to) */
};

/* Lay out a network for a batch of these rows: x, rows x features; the label and the number of each data row; the step, for
 * the dropout. Parameters are 0. The pointers must outlive it. */
struct network_ref *network_ref_new(const struct weft_settings *settings, size_t rows, size_t features, size_t classes,
                                    const float *x, const int32_t *label, const uint32_t *data_row, uint64_t step);
void network_ref_free(struct network_ref *ref);

/* Copy the parameters out of a network of the library, tensor by tensor. */
void network_ref_load(struct network_ref *ref, const struct network *net);

void network_ref_forward(struct network_ref *ref);              /* loss, penalty, kinks */
void network_ref_backward(struct network_ref *ref);             /* gradient; after forward */

#endif
