/* A split through the network, in file order, in blocks of 512 rows with the shards of a batch of that size. Blocks are
 * shared out as threads come free; each block's result is kept by its number, so who took it does not show. */
#ifndef TRAIN_EVALUATE_H
#define TRAIN_EVALUATE_H

#include <stdatomic.h>

#include "data/dataset.h"
#include "nn/loss.h"
#include "nn/network.h"
#include "nn/workspace.h"
#include "parallel/team.h"

enum { EVALUATION_BLOCK_ROWS = 512 };

/* What the network says of each row of a split. */
struct inference {
    size_t rows, outputs;
    double loss;                        /* mean over the rows; NaN without labels */
    int32_t *best;                      /* the first largest output of each row */
    float *output;                      /* rows x outputs: probabilities, or values; NULL if not wanted */
};

/* The network, the rows, and who computes: one workspace for each thread. */
struct evaluator {
    const struct network *net;
    const struct dataset *dataset;
    const struct loss_rule *loss;       /* NULL: the rows need no labels, and there is no loss */
    struct team *team;
    struct workspace *space;
    const atomic_bool *stop_request;    /* may be NULL: stop when it becomes true */
};

/* WEFT_OK; WEFT_ESTOPPED (on request; no result), WEFT_ENOMEM, WEFT_ERESOURCE. Changes no state of the network. On success the
 * caller calls inference_clear. */
weft_status evaluate_infer(const struct evaluator *evaluator, const struct split *split, bool wants_outputs,
                           struct inference *inference);
void inference_clear(struct inference *inference);      /* fine on a zeroed one */

#endif
