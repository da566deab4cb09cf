/* Statistics of named arrays over time: one row per evaluation, as they go into /statistics of a checkpoint. */
#ifndef STORE_WEIGHT_STATS_H
#define STORE_WEIGHT_STATS_H

#include <stdint.h>

#include "store/snapshot.h"

enum { HISTOGRAM_BINS = 64 };

struct weight_figures {                 /* of one array at one time; names of the datasets */
    double mean_abs, l2_norm, mean, std, min, max, zero_fraction;
    double gradient_l2_norm;            /* of the last step's gradient, penalty and clipping included */
    double update_ratio;                /* |w after - w before| / |w before| of the last step; 0 if w before is 0 */
    int32_t histogram[HISTOGRAM_BINS];
    float histogram_edges[HISTOGRAM_BINS + 1];  /* equal widths from min to max; +-1/2 around them if they are equal */
};

/* gradient, before: NULL if unknown (then their figures are 0). Sums are in double, blocks of 4,096 elements as a tree.
 * WEFT_OK or WEFT_ENOMEM. */
weft_status weight_figures_of(size_t count, const float *w, const float *gradient, const float *before,
                              struct weight_figures *figures);

struct weight_stats {                   /* the rows of one array */
    size_t count, capacity;
    int64_t *step;
    struct weight_figures *row;
};

weft_status weight_stats_add(struct weight_stats *stats, int64_t step, const struct weight_figures *figures);
void weight_stats_clear(struct weight_stats *stats);

/* To and from the group at path, e.g. "/statistics/01/weight". */
weft_status weight_stats_put(const struct weight_stats *stats, const char *path, struct snapshot *snapshot);
weft_status weight_stats_get(struct weight_stats *stats, const char *path, const struct snapshot *snapshot);

#endif
