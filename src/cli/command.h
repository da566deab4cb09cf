/* The verbs of the weft command, and what they share. A verb takes argv with its own name at argv[0] and returns the exit
 * code of the process. Results go to stdout, all else to stderr. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stddef.h>

#include "weft/error.h"

/* Every verb, in the order of the manual (main.c). */
struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *usage, *summary;
};
extern const struct command command_table[];
extern const size_t command_count;

/* The variables of the environment that count (main.c). */
struct environment { const char *name, *meaning; };
extern const struct environment environment_table[];
extern const size_t environment_count;

int cmd_train(int argc, char **argv);
int cmd_resume(int argc, char **argv);
int cmd_sweep(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_predict(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_gradcheck(int argc, char **argv);
int cmd_digits(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_completion(int argc, char **argv);
int cmd_man(int argc, char **argv);

/* Say on stderr what went wrong, "weft eval: <message>", and return the exit code of the status. verb is the whole name,
 * "weft eval". exit_failure has the message of the library's latest failed call, exit_message its own. */
int exit_failure(const char *verb, weft_status status);
int exit_message(const char *verb, weft_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The end of a verb that prints: flush stdout and return exit_code; if stdout did not take all that was written to it, say
 * so and return 74 (or exit_code, if that is a failure already). */
int exit_flushed(const char *verb, int exit_code);

#endif
