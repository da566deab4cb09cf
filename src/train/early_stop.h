/* Which evaluation was the best so far, and whether the run has gone on for too long without a better one. */
#ifndef TRAIN_EARLY_STOP_H
#define TRAIN_EARLY_STOP_H

#include "settings/settings.h"
#include "store/snapshot.h"
#include "train/history.h"

struct early_stop {
    enum stop_metric metric;            /* STOP_NONE: nothing is best */
    bool ends_run;                      /* false: only keeps track of the best */
    uint64_t patience_steps;
    double min_delta;
    bool has_best;
    double best;
    int64_t best_step;                  /* -1: none yet */
};

/* With early_stop = none the best is kept track of by the validation cost, if there is a validation split that is
 * evaluated. */
void early_stop_setup(struct early_stop *stop, const struct weft_settings *settings, uint64_t steps_per_epoch,
                      bool has_validation);

/* Look at the rows of this step. Returns true if it is the best so far: better than the old best by more than min_delta. */
bool early_stop_look(struct early_stop *stop, const struct history *history, int64_t step);

/* Has patience run out at this step? */
bool early_stop_is_due(const struct early_stop *stop, int64_t step);

/* To and from attributes of /trainer. */
weft_status early_stop_put(const struct early_stop *stop, struct snapshot *snapshot);
weft_status early_stop_get(struct early_stop *stop, const struct snapshot *snapshot);

#endif
