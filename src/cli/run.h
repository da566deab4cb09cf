/* What weft train and weft resume have in common: all but how the run is set up.
 *
 *     struct run run = {.verb = "weft train"};
 *     ... options_parse, with run.progress_name and run.json among the options ...
 *     int rc = run_open(&run);
 *     if (rc == 0) rc = run_finish(&run, weft_trainer_create(..., &run.trainer));                                        */
#ifndef CLI_RUN_H
#define CLI_RUN_H

#include <stdbool.h>

#include "weft/report.h"
#include "weft/trainer.h"

#define RUN_PROGRESS_WORDS "auto|bar|lines|none"
#define RUN_PROGRESS_HELP "auto, the default: a bar on a terminal, plain lines in a log. none: only what goes wrong"

struct run {
    const char *verb;                   /* "weft train" */
    const char *progress_name;          /* auto, bar, lines, none; NULL: auto */
    bool json;
    weft_progress *progress;            /* the context of weft_progress_event */
    weft_trainer *trainer;
};

/* Take over the signals and open the progress display. Returns 0, or the exit code after saying what is wrong. */
int run_open(struct run *run);

/* created: what setting up run->trainer returned. If that is WEFT_OK: train to the end and print what came of it. Then free
 * everything and give the signals back. Returns the exit code. */
int run_finish(struct run *run, weft_status created);

/* Why a run is over, in words: "all epochs are done" for "epochs". */
const char *run_stop_words(const char *stop_reason);

#endif
