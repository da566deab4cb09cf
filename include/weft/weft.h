/* All of libweft, the library behind the weft command.
 *
 * A weft_settings says what to train; a weft_trainer trains it and saves checkpoints in a directory. weft_evaluate and weft_predict
 * take a checkpoint to some data, weft_checkpoint_inspect looks at one without data; weft_report_evaluation and others write
 * results as text to a stream of the caller's. Everything else is told through return values and weft_last_error: the library
 * never prints and never ends the process, and several trainers may live in one. Who creates frees.
 *
 * The shared library is weft::weft in CMake, after find_package(weft), or pkg-config weft; the static one is weft::weft_static. The
 * names of all functions and types begin with weft_, and nothing else is visible in either. */
#ifndef WEFT_WEFT_H
#define WEFT_WEFT_H

#include "weft/bench.h"
#include "weft/checkpoint.h"
#include "weft/dataset.h"
#include "weft/error.h"
#include "weft/evaluation.h"
#include "weft/gradcheck.h"
#include "weft/network.h"
#include "weft/page.h"
#include "weft/plan.h"
#include "weft/prediction.h"
#include "weft/report.h"
#include "weft/run.h"
#include "weft/settings.h"
#include "weft/sweep.h"
#include "weft/trainer.h"
#include "weft/version.h"

#endif
