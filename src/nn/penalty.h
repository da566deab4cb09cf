/* L1 and L2 penalties: what they add to the gradient of one tensor, and what they add to the cost. */
#ifndef NN_PENALTY_H
#define NN_PENALTY_H

#include "nn/network.h"

/* Factors for one kind of tensor: gradient += l2 * w + l1 * sign(w); decoupled decay w -= learning_rate * decay * w
 * (Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019; always with adamw). l2 applies to weights, and to biases, gamma
 * and beta if l2_biases is set; l1 to weights. batch_rows is m of lambda_over_2m: the rows of this batch. */
struct penalty_factors { float l2, l1, decay; };
struct penalty_factors penalty_factors_of(const struct weft_settings *settings, enum tensor_kind kind, size_t batch_rows);

/* The penalty itself [nats]: l1 * sum |w| plus the L2 form with m = batch_rows; decoupled decay is no part of the cost.
 * In double, blocks of SUM_BLOCK elements added as a tree within each tensor, tensors in file order. scratch: net->blocks
 * doubles. */
double penalty_value(const struct weft_settings *settings, const struct network *net, size_t batch_rows, double *scratch);

/* The sum of block_sum[0 .. net->blocks-1], one figure per parameter block: a tree over the blocks of each tensor, then the
 * tensors in file order. block_sum is used up. */
double parameter_total(const struct network *net, double *block_sum);

#endif
