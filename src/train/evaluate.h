/* A split through the network, in file order, in blocks of 512 rows with the shards of a batch of that size. Blocks are
 * shared out as threads come free; each block's result is kept by its number, so who took it does not show. */
#ifndef TRAIN_EVALUATE_H
#define TRAIN_EVALUATE_H

#include <stdatomic.h>

#include "data/dataset.h"
#include "nn/network.h"
#include "nn/workspace.h"
#include "parallel/team.h"

enum { EVALUATION_BLOCK_ROWS = 512 };

struct tally {
    size_t rows, classes, correct;
    double loss;                        /* mean over the rows [nats] */
    uint64_t *confusion;                /* classes x classes, row = true class; memory_free it */
};

/* space: one workspace a thread. stop_request (may be NULL): stop when it becomes true.
 * WEFT_OK; WEFT_ESTOPPED (on request; no result), WEFT_ENOMEM, WEFT_ERESOURCE. Changes no state of the network. */
weft_status evaluate_split(const struct network *net, const struct dataset *dataset, const struct split *split,
                           struct team *team, struct workspace *space, const atomic_bool *stop_request, struct tally *tally);

#endif
