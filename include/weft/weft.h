/* All of libweft. */
#ifndef WEFT_WEFT_H
#define WEFT_WEFT_H

#include "weft/bench.h"
#include "weft/checkpoint.h"
#include "weft/dataset.h"
#include "weft/error.h"
#include "weft/evaluation.h"
#include "weft/network.h"
#include "weft/report.h"
#include "weft/settings.h"
#include "weft/trainer.h"
#include "weft/version.h"

#endif
