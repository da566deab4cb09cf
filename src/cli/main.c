/* The weft command: which verb it is, and what to say if it is none. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "weft/settings.h"
#include "weft/version.h"

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage, *summary;
} command[] = {
    {"train", cmd_train, "[CONFIG.ini]", "train a network and save it as it goes"},
    {"resume", cmd_resume, "DIR", "go on with a run that was stopped"},
    {"eval", cmd_eval, "CHECKPOINT", "loss, accuracy, each class, confusion matrix"},
    {"inspect", cmd_inspect, "CHECKPOINT [CHECKPOINT2]", "what is in a checkpoint; two: side by side"},
    {"verify", cmd_verify, "CHECKPOINT...", "are the files whole?"},
    {"bench", cmd_bench, "[CONFIG.ini]", "how fast training is on this machine"},
    {"digits", cmd_digits, "--out DIR", "write the built-in synthetic digits as IDX files"},
};

enum { COMMANDS = sizeof command / sizeof *command };

static void print_overview(FILE *out)
{
    fprintf(out, "weft %s trains fully connected networks on multicore CPUs.\n\n", WEFT_VERSION);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  weft %-7s %-25s %s\n", command[i].name, command[i].usage, command[i].summary);
    fprintf(out, "\nA first run, on built-in data:      weft train --set train.epochs=3\n"
                 "All about a verb and its options:   weft help VERB, or weft VERB --help\n"
                 "\nThe environment decides how fast, never what comes out: OMP_NUM_THREADS and\n"
                 "OMP_THREAD_LIMIT bound the threads, as do the affinity mask and the CPU quota of a\n"
                 "cgroup; WEFT_ISA=portable, avx2 or avx512 names the kernels to run.\n");
}

static const struct command *command_named(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(command[i].name, name) == 0)
            return &command[i];
    return NULL;
}

static int unknown_command(const char *name)
{
    const char *names[COMMANDS + 1] = {"help"};
    for (size_t i = 0; i < COMMANDS; i++)
        names[i + 1] = command[i].name;
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
