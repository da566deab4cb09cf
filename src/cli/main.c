/* The weft command: which verb it is, and what to say if it is none. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/options.h"
#include "weft/settings.h"
#include "weft/version.h"

const struct command command_table[] = {
    {"train", cmd_train, "[CONFIG.ini]", "train a network and save it as it goes"},
    {"resume", cmd_resume, "DIR", "go on with a run that was stopped"},
    {"sweep", cmd_sweep, "CONFIG.ini", "train every combination of settings, with several seeds"},
    {"eval", cmd_eval, "CHECKPOINT", "loss, accuracy, each class, confusion matrix"},
    {"predict", cmd_predict, "CHECKPOINT", "what a model says of rows, as CSV or HDF5"},
    {"inspect", cmd_inspect, "CHECKPOINT [CHECKPOINT2]", "what is in a checkpoint; two: side by side"},
    {"verify", cmd_verify, "CHECKPOINT...", "are the files whole?"},
    {"report", cmd_report, "DIR...", "a page about a run, several runs or a sweep"},
    {"gradcheck", cmd_gradcheck, "[CONFIG.ini]", "is the gradient the slope of the cost?"},
    {"bench", cmd_bench, "[CONFIG.ini]", "how fast training is on this machine"},
    {"digits", cmd_digits, "--out DIR", "write the built-in synthetic digits as IDX files"},
    {"completion", cmd_completion, "bash", "print what makes a shell complete weft's words"},
    {"man", cmd_man, "", "print the manual page"},
};

enum { COMMANDS = sizeof command_table / sizeof *command_table };
const size_t command_count = COMMANDS;

const struct environment environment_table[] = {
    {"OMP_NUM_THREADS", "how many threads to use where no setting or option says so"},
    {"OMP_THREAD_LIMIT", "the most threads there may be"},
    {"OMP_WAIT_POLICY", "active: threads spin where they wait for the next piece of work; without it they sleep"},
    {"WEFT_ISA", "the kernels to run: portable, avx2 or avx512; without it, the best the processor has"},
    {"TERM", "dumb: no progress bar, plain lines"},
};
const size_t environment_count = sizeof environment_table / sizeof *environment_table;

static void print_overview(FILE *out)
{
    fprintf(out, "weft %s trains fully connected networks on multicore CPUs.\n\n", WEFT_VERSION);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  weft %-10s %-25s %s\n", command_table[i].name, command_table[i].usage, command_table[i].summary);
    fprintf(out, "\nA first run, on built-in data:      weft train --set train.epochs=3\n"
                 "All about a verb and its options:   weft help VERB, or weft VERB --help\n"
                 "What data it reads:                 weft help data\n"
                 "\nThe environment decides how fast, never what comes out. The affinity mask and the CPU\n"
                 "quota of a cgroup bound the threads; besides:\n");
    for (size_t i = 0; i < environment_count; i++)
        fprintf(out, "  %-17s %s\n", environment_table[i].name, environment_table[i].meaning);
}

static const struct command *command_named(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(command_table[i].name, name) == 0)
            return &command_table[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[COMMANDS + 1] = {"help"};
    for (size_t i = 0; i < COMMANDS; i++)
        names[i + 1] = command_table[i].name;
    const char *nearest = weft_nearest_name(name, names, COMMANDS + 1);
    if (nearest != NULL)
        return exit_message("weft", WEFT_EINVAL, "unknown verb '%s'; did you mean '%s'?", name, nearest);
    return exit_message("weft", WEFT_EINVAL, "unknown verb '%s' (weft help lists them)", name);
}

/* weft help [VERB] */
static int help(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stdout);
        return exit_flushed("weft help", 0);
    }
    bool about_itself = strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0;
    if (about_itself)
        return help(1, argv);
    if (strcmp(argv[1], "data") == 0) {
        options_print_data(stdout);
        return exit_flushed("weft help", 0);
    }
    const struct command *wanted = command_named(argv[1]);
    if (wanted == NULL)
        return unknown_command(argv[1]);
    char option[] = "--help";
    return wanted->run(2, (char *[]){argv[1], option, NULL});
}

/* If the caller has closed stdin, stdout or stderr, the next file opened would take its number, and what is printed would
 * go into that file. Nothing can be written to what is put in place of stdout, so a lost result is exit code 74. */
static void fill_closed_streams(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0)
            (void)!open("/dev/null", fd == STDERR_FILENO ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv)
{
    fill_closed_streams();
    if (argc < 2) {
        print_overview(stderr);
        return weft_exit_code(WEFT_EINVAL);
    }
    const char *verb = argv[1];
    if (strcmp(verb, "--version") == 0 || strcmp(verb, "version") == 0) {
        printf("weft %s\n", WEFT_VERSION);
        return exit_flushed("weft", 0);
    }
    if (strcmp(verb, "help") == 0 || strcmp(verb, "--help") == 0 || strcmp(verb, "-h") == 0)
        return help(argc - 1, argv + 1);
    const struct command *wanted = command_named(verb);
    return wanted != NULL ? wanted->run(argc - 1, argv + 1) : unknown_command(verb);
}
