/* First-layer weights as pictures, so that HDFView shows what each unit looks for. */
#ifndef TRAIN_PICTURES_H
#define TRAIN_PICTURES_H

#include "data/dataset.h"
#include "nn/network.h"
#include "store/snapshot.h"

/* Put /images/01/unit_00 ... (at most 256 of them) and the contact sheet /images/01/sheet: indexed with the diverging
 * palette for one channel (0 is white, the unit's largest |w| full colour), true colour for three. Nothing if a row of the
 * data is no picture. WEFT_OK or WEFT_ENOMEM. */
weft_status pictures_put(const struct network *net, const struct dataset *dataset, struct snapshot *snapshot);

#endif
