/* The final figures of a run as a file, evaluation.h5: what the model is worth that the run leaves, on each split, so that nobody
 * needs the data again to look it up. docs/checkpoint-format.md describes it. */
#ifndef TRAIN_FIGURES_H
#define TRAIN_FIGURES_H

#include "settings/settings.h"
#include "store/snapshot.h"
#include "train/digest.h"
#include "weft/evaluation.h"

struct figures {
    int64_t step;                       /* of the model that was evaluated */
    int64_t last_step;                  /* of the run, when it was over */
    char last_digest[DIGEST_SIZE];      /* of its weights then: figures of an earlier end of the run have another one */
    weft_evaluation evaluation[SPLIT_COUNT];    /* rows is 0 where there are none */
};

/* Into an empty snapshot. WEFT_OK or WEFT_ENOMEM. */
weft_status figures_put(const struct figures *figures, struct snapshot *snapshot);

/* And back; on success the caller calls figures_clear. WEFT_OK; WEFT_EDAMAGED, WEFT_ENOMEM. */
weft_status figures_get(const struct snapshot *snapshot, struct figures *figures);
void figures_clear(struct figures *figures);

#endif
