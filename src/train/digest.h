/* The number that must not change. */
#ifndef TRAIN_DIGEST_H
#define TRAIN_DIGEST_H

#include "nn/network.h"
#include "train/optimizer.h"

/* XXH3-128 over the little-endian floats of all parameters, then the running statistics, then each optimizer moment, the
 * tensors of each in file order and without the gaps between them; as 32 hexadecimal digits. WEFT_OK or WEFT_ENOMEM. */
enum { DIGEST_SIZE = 33 };
weft_status weights_digest(const struct network *net, const struct optimizer *optimizer, char digest[DIGEST_SIZE]);

#endif
