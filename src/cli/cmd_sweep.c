/* weft sweep: every combination of some settings, each with several seeds, and one table of what came of them. */
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/jobs.h"
#include "cli/options.h"
#include "cli/run.h"
#include "cli/shell_word.h"
#include "cli/sweep_json.h"
#include "cli/sweep_progress.h"
#include "cli/sweep_train.h"
#include "weft/report.h"

static const char VERB[] = "weft sweep";

static const char ABOUT[] =
    "Train every combination of some settings, each with several seeds, and print mean and standard deviation of what came of "
    "them. CONFIG.ini has the settings that all runs share, as for weft train, and a section [sweep] besides:\n\n"
    "[sweep] has seeds = 1, 2, 3 and settings with their values, whole names with '|' between the values: network.dropout = 0 | 0.5. "
    "Every value goes with every other. Sections [sweep NAME] list combinations one by one, each with the settings it sets; then "
    "every listed one goes with every value of [sweep].\n\n"
    "A run goes to OUT/COMBINATION/seed-N and is what weft train would make of the same settings, to the last bit. Runs are "
    "processes of their own, several side by side if they are small: a run that fails takes no other with it, and what "
    "failed is told at the end. The same command again goes on: what is over stays, what was stopped is resumed, what is missing is "
    "begun. Combinations and seeds may be added meanwhile; a setting of a run that is there may not be changed, and other data only "
    "be named with --data: the same rows in another place. train.max_time ends each run of a call, with exit code 75, and the next call "
    "goes on.\n\n"
    "Files in OUT: sweep.ini, the whole sweep; summary.csv, a line for each combination; runs.csv, a line for each run; summary.h5, "
    "all of it for h5py.\n\n"
    "SIGINT (Ctrl-C), SIGTERM, SIGHUP (a lost terminal; not under nohup) and SIGXCPU stop all runs at hand, which finish their step and save; "
    "no other is begun, and the exit code is 75, or 73 or 74 if one could not be saved. A second SIGINT or SIGTERM, a second or more after "
    "the first, ends all at once. A run that gets SIGXCPU itself stops alone. SIGUSR1 saves all and goes on.";

static const char EXAMPLES[] =
    "  weft sweep study.ini --data idx:data/mnist\n"
    "  weft sweep study.ini --dry-run\n"
    "  weft sweep checkpoints/study                (a directory: go on with the sweep in it)\n"
    "  weft sweep study.ini --jobs 4 --threads 16 --json\n";

struct arguments {
    const char *config, *out, *data, *progress;
    struct strings set;
    uint64_t threads, jobs;     /* THREADS_NOT_GIVEN; 0: chosen */
    bool is_dry, json;
};

/* A sweep on its way. */
struct going {
    const struct arguments *a;
    weft_sweep *sweep;
    weft_progress_style style;
    struct sweep_outcome *outcome;      /* of each run */
    size_t *todo, runs;                 /* those that are not over yet, so many */
    bool is_stopped;                    /* by a signal */
};

/* ---- what is asked for ---- */

__attribute__((format(printf, 1, 2)))
static char *text_of(const char *format, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    va_end(arguments);
    return text;
}

/* A directory goes on where it is; a file goes to checkpoints/<its name without .ini>. Texts to free; NULL: memory is short. */
static void choose_places(const struct arguments *a, char **path, char **out)
{
    const char *slash = strrchr(a->config, '/'), *name = slash != NULL ? slash + 1 : a->config;
    size_t length = strlen(name);
    bool is_directory = weft_sweep_is_directory(a->config), is_ini = length > 4 && strcmp(name + length - 4, ".ini") == 0;
    *path = text_of("%s%s", a->config, is_directory ? "/sweep.ini" : "");
    if (a->out != NULL || is_directory)
        *out = text_of("%s", a->out != NULL ? a->out : a->config);
    else
        *out = text_of("checkpoints/%.*s", (int)(is_ini ? length - 4 : length), name);
}

/* The sweep with --set, then --data and --threads, as assignments. Returns 0, or the exit code after saying what is wrong. */
static int load(const struct arguments *a, weft_sweep **sweep)
{
    int exit_code = 0;
    const char *assignment[STRINGS_MAX + 2];
    size_t count = a->set.count;
    char *path, *out, *data = text_of("data.source=%s", a->data != NULL ? a->data : ""), threads[48];
    choose_places(a, &path, &out);
    memcpy(assignment, a->set.item, count * sizeof *assignment);
    snprintf(threads, sizeof threads, "run.threads=%" PRIu64, a->threads);
    if (a->data != NULL)
        assignment[count++] = data;
    if (a->threads != THREADS_NOT_GIVEN)
        assignment[count++] = threads;
    if (path == NULL || out == NULL || data == NULL) {
        exit_code = exit_message(VERB, WEFT_ENOMEM, "not enough memory");
    } else {
        weft_status st = weft_sweep_load(path, count, assignment, out, sweep);
        exit_code = st == WEFT_OK ? 0 : exit_failure(VERB, st);
    }
    free(data);
    free(out);
    free(path);
    return exit_code;
}

/* ---- what there is of it ---- */

static weft_status look(struct going *g)
{
    weft_status st = WEFT_OK;
    for (size_t i = 0; i < g->sweep->runs && st == WEFT_OK; i++) {
        st = weft_sweep_run_state(g->sweep, i, &g->outcome[i].state);
        if (g->outcome[i].state != WEFT_SWEEP_OVER)
            g->todo[g->runs++] = i;
    }
    return st;
}

static int print_plan(const struct going *g)
{
    if (g->a->json)
        return json_print(VERB, json_of_sweep_plan(g->sweep, g->outcome));
    for (size_t i = 0; i < g->sweep->runs; i++)
        printf("%-8s %s, seed %" PRIu64 ": %s\n", sweep_state_name(g->outcome[i].state),
               g->sweep->combination[g->sweep->run[i].combination].name, g->sweep->run[i].seed, g->sweep->run[i].directory);
    printf("%zu combination%s, %zu run%s, %zu of them over\n", g->sweep->combinations, g->sweep->combinations == 1 ? "" : "s",
           g->sweep->runs, g->sweep->runs == 1 ? "" : "s", g->sweep->runs - g->runs);
    return 0;
}

/* ---- what came of it ---- */

/* Of a run that ended by a signal: this process did not. */
static int exit_code_after(const struct sweep_outcome *outcome)
{
    enum { CRASHED = 70 };
    if (outcome->exit_code <= 128)
        return outcome->exit_code;
    return outcome->exit_code == 128 + SIGKILL ? weft_exit_code(WEFT_ERESOURCE) : CRASHED;
}

/* Which runs failed, and why. Returns the exit code of the first one, or 0. */
static int tell_failures(const struct going *g)
{
    int failed = 0;
    for (size_t i = 0; i < g->sweep->runs; i++) {
        const struct sweep_outcome *outcome = &g->outcome[i];
        char name[256];
        if (outcome->message[0] == '\0')
            continue;
        sweep_progress_name(g->sweep, i, name, sizeof name);
        fprintf(stderr, "%s: failed: %s: %s\n", VERB, name, outcome->message);
        failed = failed != 0 ? failed : exit_code_after(outcome);
    }
    return failed;
}

static size_t runs_over(const weft_sweep_summary *summary)
{
    size_t over = 0;
    for (size_t c = 0; c < summary->combinations; c++)
        over += summary->over[c];
    return over;
}

static size_t runs_failed(const struct going *g)
{
    size_t failed = 0;
    for (size_t i = 0; i < g->sweep->runs; i++)
        failed += g->outcome[i].message[0] != '\0';
    return failed;
}

/* The exit code of a sweep that was stopped. One whose runs could not all be saved cannot just go on. */
static int exit_code_of_stop(const struct going *g)
{
    for (size_t i = 0; i < g->sweep->runs; i++) {
        int exit_code = exit_code_after(&g->outcome[i]);
        if (exit_code == weft_exit_code(WEFT_EIO) || exit_code == weft_exit_code(WEFT_ECREATE))
            return exit_code;
    }
    return weft_exit_code(WEFT_ESTOPPED);
}

static void tell_how_to_go_on(const struct going *g, size_t over)
{
    char word[SHELL_WORD_BYTES];
    const char *why = g->is_stopped ? "stopped on request" : "runs stopped, by train.max_time or a signal of their own";
    size_t failed = runs_failed(g);
    char and_failed[40] = "";
    if (failed > 0)
        snprintf(and_failed, sizeof and_failed, ", %zu failed", failed);
    fprintf(stderr, "%s: %s; %zu of %zu runs are over%s, the others are saved or not begun; weft sweep %s goes on\n", VERB, why, over,
            g->sweep->runs, and_failed, shell_word(g->sweep->out, word, sizeof word));
}

static int print_summary(const struct going *g, const weft_sweep_summary *summary, bool is_stopped)
{
    if (g->a->json)
        return json_print(VERB, json_of_sweep(g->sweep, summary, g->outcome));
    if (!is_stopped && weft_report_sweep(g->sweep, summary, stdout) == WEFT_ENOMEM)
        return exit_failure(VERB, WEFT_ENOMEM);                 /* a stream that fails shows in exit_flushed */
    return 0;
}

/* The files and the tables, or after a stop only the JSON object. Files that a full disk does not take are no reason to say nothing. */
static int report(const struct going *g, const weft_sweep_summary *summary, bool is_stopped)
{
    weft_status st = is_stopped ? WEFT_OK : weft_sweep_summary_save(g->sweep, summary);
    int failed = st == WEFT_OK ? 0 : exit_failure(VERB, st), printed = print_summary(g, summary, is_stopped);
    return failed != 0 ? failed : printed;
}

/* A stop that came when all was over changes nothing any more. */
static int finish(struct going *g)
{
    weft_sweep_summary summary;
    int exit_code = tell_failures(g);
    weft_status st = weft_sweep_summarize(g->sweep, &summary);
    if (st != WEFT_OK)
        return exit_failure(VERB, st);
    size_t over = runs_over(&summary);
    bool is_stopped = over < g->sweep->runs && (g->is_stopped || exit_code == 0);
    if (is_stopped) {
        tell_how_to_go_on(g, over);
        exit_code = exit_code_of_stop(g);
    }
    int failed = report(g, &summary, is_stopped);
    weft_sweep_summary_clear(&summary);
    return exit_flushed(VERB, exit_code != 0 ? exit_code : failed);
}

/* ---- all of it ---- */

static int train(struct going *g)
{
    const struct sweep_train train = {.sweep = g->sweep, .run = g->todo, .runs = g->runs, .data = g->a->data, .jobs = (size_t)g->a->jobs,
                                      .style = g->style};
    return sweep_train(&train, g->outcome, &g->is_stopped);
}

static int sweep(struct going *g)
{
    g->outcome = calloc(g->sweep->runs, sizeof *g->outcome);
    g->todo = calloc(g->sweep->runs, sizeof *g->todo);
    if (g->outcome == NULL || g->todo == NULL)
        return exit_message(VERB, WEFT_ENOMEM, "not enough memory for %zu runs", g->sweep->runs);
    weft_status st = weft_sweep_check(g->sweep);
    if (st == WEFT_OK)
        st = look(g);
    if (st == WEFT_OK && !g->a->is_dry)
        st = weft_sweep_begin(g->sweep);
    if (st != WEFT_OK)
        return exit_failure(VERB, st);
    if (g->a->is_dry)
        return exit_flushed(VERB, print_plan(g));
    int exit_code = g->runs > 0 ? train(g) : 0;
    return exit_code != 0 ? exit_code : finish(g);
}

int cmd_sweep(int argc, char **argv)
{
    struct arguments a = {.threads = THREADS_NOT_GIVEN};
    struct going going = {.a = &a};
    const struct option_def options[] = {
        {"CONFIG.ini", OPERAND, &a.config, NULL, "settings and the section [sweep]; or the directory of a sweep, to go on with it"},
        {"data", OPT_STRING, &a.data, "URI", "the data, as data.source (weft help data)"},
        {"set", OPT_STRINGS, &a.set, "SECTION.KEY=VALUE", "one setting of all runs, as listed below; as often as needed"},
        {"threads", OPT_COUNT, &a.threads, "N", "threads of all runs together, as run.threads; 0: as many as the machine allows"},
        {"jobs", OPT_COUNT, &a.jobs, "N", "runs side by side; 0, the default: chosen by their size, the threads and the memory"},
        {"out", OPT_STRING, &a.out, "DIR", "directory of the sweep. Default: checkpoints/ and the name of CONFIG without .ini"},
        {"dry-run", OPT_FLAG, &a.is_dry, NULL, "train nothing: list the runs, and which of them are there"},
        {"progress", OPT_STRING, &a.progress, RUN_PROGRESS_WORDS, RUN_PROGRESS_HELP},
        {"json", OPT_FLAG, &a.json, NULL, "print one JSON object"}, {0}
    };
    const struct verb verb = {VERB, ABOUT, options, true, EXAMPLES};
    int exit_code = options_parse(&verb, argc, argv);
    if (exit_code != OPTIONS_RUN)
        return exit_code;
    if (!sweep_progress_style(a.progress, &going.style))
        return exit_message(VERB, WEFT_EINVAL, "--progress: found '%s', wanted auto, bar, lines or none", a.progress);
    jobs_take_signals();
    exit_code = load(&a, &going.sweep);
    if (exit_code == 0)
        exit_code = sweep(&going);
    free(going.todo);
    free(going.outcome);
    weft_sweep_destroy(going.sweep);
    return exit_code;
}
