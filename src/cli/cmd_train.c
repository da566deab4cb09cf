/* weft train: settings from a file and the command line, a directory for the run, and off it goes. */
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/dry_run.h"
#include "cli/options.h"
#include "cli/run.h"
#include "cli/signals.h"
#include "weft/settings.h"

static const char ABOUT[] =
    "Train a network: read the data, set some rows aside for validation, draw the first weights, and take "
    "minibatches until the epochs, steps or time are over or nothing gets better any more. Without any argument it "
    "trains 784-128-10 on the built-in digits for 20 epochs.\n\n"
    "A setting has its default unless CONFIG.ini gives another value; --set, --data and --threads come last. The "
    "trained weights follow from settings, seed and data alone: never from the number of threads, the machine, or "
    "from stopping and resuming.\n\n"
    "Files in the run's directory: step-N.h5, the newest checkpoints (HDF5; h5py and HDFView open them); last.h5 and "
    "best.h5, links to two of them; history.csv, a line for each evaluation; evaluation.h5, the figures of a run that is over; timing.csv, a log "
    "of how fast it went; run.ini, all settings: those of this machine (source, threads, max_time, checkpoints) may be edited "
    "for when the run goes on.\n\n"
    "Figures go to stderr while it trains, a summary to stdout when it is done. SIGINT (Ctrl-C), SIGTERM, SIGHUP (a lost "
    "terminal; not under nohup) and SIGXCPU (a limit of CPU time) finish the step at hand, save, and end with exit code 75: weft resume "
    "goes on from there. A second SIGINT or SIGTERM, a second or more after the first, ends at once. So does a stop that comes while the "
    "data are being read, when nothing of the run is on disk yet (exit code 75, too: the same command starts it again). SIGUSR1 saves and "
    "goes on. Training does not wait for whoever reads stderr: lines that nobody takes are left out, and that is said.";

static const char EXAMPLES[] =
    "  weft train --data idx:data/mnist\n"
    "  weft train study.ini --out checkpoints/study --threads 8\n"
    "  weft train --set network.hidden=20,7,5 --set train.batch_size=256 --json\n"
    "  weft train study.ini --dry-run\n";

struct train_arguments {
    struct settings_arguments from;
    const char *out, *init_from;
    bool is_dry, is_verbose;
};

/* Has another process taken the directory since we looked? Then creating the run found its files or its lock. */
static bool was_taken(const char *directory, weft_status st)
{
    char path[80];
    snprintf(path, sizeof path, "%s/%s", directory, st == WEFT_ECREATE ? "run.ini" : "lock");
    return (st == WEFT_ECREATE || st == WEFT_ERESOURCE) && access(path, F_OK) == 0;
}

/* In checkpoints/run-NNN, with the first number that is free. */
static weft_status create_numbered(const weft_settings *settings, weft_trainer_options *options, weft_trainer **trainer)
{
    enum { RACES_MAX = 100 };
    char path[64];
    options->out = path;
    for (unsigned number = 1, races = 0;; number++) {
        snprintf(path, sizeof path, "checkpoints/run-%03u", number);
        if (access(path, F_OK) == 0)
            continue;
        weft_status st = weft_trainer_create(settings, options, trainer);
        if (!was_taken(path, st) || ++races > RACES_MAX)
            return st;
    }
}

/* Until the run is set up, nothing of it is on disk, and reading the data may take long: a stop need not wait for that. */
static const char NOTHING_YET[] = "weft train: stopped on request before anything of the run was on disk: start it again with the same "
                                  "command\n";

static void on_event(void *context, const weft_event *event)
{
    if (event->kind == WEFT_EVENT_STARTED)
        signals_leave_at_once(NULL);
    weft_progress_event(context, event);
}

static int train(const struct train_arguments *a, const weft_settings *settings, struct run *run)
{
    int exit_code = run_open(run);
    if (exit_code != 0)
        return exit_code;
    signals_leave_at_once(NOTHING_YET);
    weft_trainer_options options = {.out = a->out, .init_from = a->init_from, .on_event = on_event, .event_context = run->progress};
    weft_status st = a->out != NULL ? weft_trainer_create(settings, &options, &run->trainer)
                                    : create_numbered(settings, &options, &run->trainer);
    if (st == WEFT_OK && a->is_verbose)
        st = dry_run_tell_memory(run->trainer);
    return run_finish(run, st);
}

int cmd_train(int argc, char **argv)
{
    struct train_arguments a = {.from.threads = THREADS_NOT_GIVEN};
    struct run run = {.verb = "weft train"};
    const struct option_def options[] = {
        {"CONFIG.ini", OPERAND_OPTIONAL, &a.from.config, NULL, "settings; without it all have their defaults"},
        {"data", OPT_STRING, &a.from.data, "URI", "the data, as data.source (weft help data)"},
        {"set", OPT_STRINGS, &a.from.set, "SECTION.KEY=VALUE", "one setting, as listed below; as often as needed"},
        {"threads", OPT_COUNT, &a.from.threads, "N", "threads, as run.threads; 0: as many as the machine and the work allow"},
        {"out", OPT_STRING, &a.out, "DIR", "directory of the run; it must not hold one already. Default: "
         "checkpoints/run-001, or the first number that is free"},
        {"init-from", OPT_STRING, &a.init_from, "CHECKPOINT", "begin with the weights of this model (fine-tuning), as network.init_from; a "
         "file, or a run's directory: then its best.h5, or last.h5"},
        {"dry-run", OPT_FLAG, &a.is_dry, NULL, "train nothing and make no directory: print what would be done, with all settings, "
         "as an INI file; the memory it takes is taken for a moment"},
        {"verbose", OPT_FLAG, &a.is_verbose, NULL, "print on stderr what memory the run takes, before it begins"},
        {"progress", OPT_STRING, &run.progress_name, RUN_PROGRESS_WORDS, RUN_PROGRESS_HELP},
        {"json", OPT_FLAG, &run.json, NULL, "print the summary, or what would be done, as one JSON object"}, {0}
    };
    const struct verb verb = {run.verb, ABOUT, options, true, EXAMPLES};
    int exit_code = options_parse(&verb, argc, argv);
    if (exit_code != OPTIONS_RUN)
        return exit_code;
    weft_settings *settings = weft_settings_create();
    weft_status st = settings != NULL ? arguments_apply(&a.from, settings) : WEFT_ENOMEM;
    if (st == WEFT_OK)
        st = weft_settings_check(settings);
    if (st != WEFT_OK)
        exit_code = exit_failure(run.verb, st);
    else
        exit_code = a.is_dry ? dry_run(run.verb, settings, a.init_from, run.json) : train(&a, settings, &run);
    weft_settings_destroy(settings);
    return exit_code;
}
