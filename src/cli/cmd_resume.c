/* weft resume: go on with a run that was stopped, or that is to have more epochs. */
#include <stdio.h>

#include "cli/command.h"
#include "cli/options.h"
#include "cli/run.h"
#include "cli/shell_word.h"
#include "cli/signals.h"

static const char ABOUT[] =
    "Go on with a run that was stopped, by a signal, a crash, train.max_time or a power cut: from the newest checkpoint in "
    "its directory that is whole, to the same bits as if it had never stopped, on any number of threads. A run that was stopped before "
    "its first save begins at step 0; one that is over is only evaluated.\n\n"
    "Settings come from the checkpoint; those of the machine (data.source, run.threads, train.max_time, checkpoint.every and "
    "checkpoint.keep) come from run.ini in the directory, where they may be edited, unless an option says otherwise. The data must have the same rows as before: a digest of them is compared.\n\n"
    "Output, files and signals are those of weft train; a stop that comes while the data are being read ends it at once, with nothing "
    "changed.";

static const char EXAMPLES[] =
    "  weft resume checkpoints/run-001\n"
    "  weft resume checkpoints/run-001 --epochs 40     (20 were done: 20 more)\n"
    "  weft resume /mnt/runs/a --data idx:/mnt/mnist --threads 16\n";

static const uint64_t NOT_GIVEN = UINT64_MAX;

/* Until the run is set up, all there is of it is on disk: unless it is to get another number of epochs. */
static void let_stops_end_the_start(const char *directory, const weft_resume_options *options)
{
    static char text[SHELL_WORD_BYTES + 200];
    char word[SHELL_WORD_BYTES];
    if (options->epochs != 0)
        return;
    snprintf(text, sizeof text, "weft resume: stopped on request before the first step; nothing has changed; go on with: weft resume %s\n",
             shell_word(directory, word, sizeof word));
    signals_leave_at_once(text);
}

static int resume(const char *directory, weft_resume_options *options, struct run *run)
{
    int exit_code = run_open(run);
    if (exit_code != 0)
        return exit_code;
    let_stops_end_the_start(directory, options);
    options->on_event = weft_progress_event;
    options->event_context = run->progress;
    weft_status st = weft_trainer_resume(directory, options, &run->trainer);
    if (st == WEFT_OK && weft_trainer_is_finished(run->trainer)) {
        weft_summary summary;
        weft_trainer_summary(run->trainer, &summary);
        fprintf(stderr, "%s: %s: the run is over already (%s)\n", run->verb, directory, run_stop_words(summary.stop_reason));
    }
    return run_finish(run, st);
}

int cmd_resume(int argc, char **argv)
{
    const char *directory = NULL;
    uint64_t threads = NOT_GIVEN;
    weft_resume_options a = {0};
    struct run run = {.verb = "weft resume"};
    const struct option_def options[] = {
        {"DIR", OPERAND, &directory, NULL, "directory of the run"},
        {"threads", OPT_COUNT, &threads, "N", "in place of those in run.ini; 0: as many as the machine and the work allow"},
        {"data", OPT_STRING, &a.data, "URI", "where the same data are now, in place of the source in run.ini"},
        {"epochs", OPT_COUNT, &a.epochs, "N", "the run's new number of epochs, those done included; not with a cosine "
         "schedule. 0: as planned"},
        {"progress", OPT_STRING, &run.progress_name, RUN_PROGRESS_WORDS, RUN_PROGRESS_HELP},
        {"json", OPT_FLAG, &run.json, NULL, "print the summary as one JSON object"}, {0}
    };
    const struct verb verb = {run.verb, ABOUT, options, false, EXAMPLES};
    int exit_code = options_parse(&verb, argc, argv);
    if (exit_code != OPTIONS_RUN)
        return exit_code;
    a.has_threads = threads != NOT_GIVEN;
    a.threads = (size_t)threads;
    return resume(directory, &a, &run);
}
