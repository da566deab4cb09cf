/* How a raw value becomes a network input: (raw - shift[j]) * scale[j]. */
#ifndef DATA_SCALING_H
#define DATA_SCALING_H

#include "data/dataset.h"

/* Work out shift and scale, one of each for every feature of the training split (which has at least one row).
 *   none                shift 0, scale 1
 *   unit                of bytes: shift 0, scale 1/255; of floats: shift the least value, scale 1 / (largest - least)
 *   standardize         shift mean, scale 1 / standard deviation (biased), of each feature
 *   standardize_global  the same of all values together
 * A feature (or all values) that is constant gets scale 0. WEFT_OK or WEFT_ENOMEM. */
weft_status scaling_fit(enum scaling scaling, const struct split *train, float *shift, float *scale);

#endif
