/* What a trained network consists of, as numbers for people: one entry per array. */
#ifndef WEFT_NETWORK_H
#define WEFT_NETWORK_H

#include <stddef.h>

#include "weft/api.h"

WEFT_API_BEGIN

/* One learned array or running statistic of a network. */
typedef struct weft_tensor_info {
    char name[64];              /* "01/weight", "02/batch_norm/gamma" */
    size_t layer;               /* 1 first */
    size_t rank, dim[2];        /* a weight is [fan_in, fan_out] */
    double mean_abs, l2_norm, mean, std, min, max, zero_fraction;       /* of the values in the file */
    double gradient_l2_norm, update_ratio;      /* of the latest evaluation in the file; NaN if there is none */
} weft_tensor_info;

WEFT_API_END

#endif
