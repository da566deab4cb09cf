/* Work in processes of their own, several at a time: one that crashes takes no other with it, and each has memory, signals and
 * threads of its own. The process that starts them must not have used OpenMP before: its threads do not outlast a fork.
 *
 * While they go on, SIGTERM, SIGINT, SIGHUP (unless it was ignored, as under nohup) and SIGXCPU are passed on as SIGTERM, and nothing
 * new is started; a second SIGTERM or SIGINT (second_stop.h) kills all at once. SIGUSR1 is passed on. If this process ends, however
 * that is, so do they. */
#ifndef CLI_JOBS_H
#define CLI_JOBS_H

#include <stdbool.h>
#include <stddef.h>

/* Take the signals over, until the process ends: to be called before anything that takes long. A stop that is asked for while no
 * jobs go on is kept for the next ones; a second one ends the process with 128 + its number. SIGPIPE and SIGXFSZ are ignored. */
void jobs_take_signals(void);

struct jobs {
    size_t count;
    size_t side_by_side;        /* at most */
    size_t threads;             /* to be shared between those that go on at a time */
    size_t threads_useful;      /* for one of them at most */

    /* In the new process: returns its exit code. The signals that are waited for here are blocked until it unblocks them. */
    int (*work)(void *context, size_t job, size_t threads);
    /* In this process. A job has written this line, given without its end, to stdout or stderr: told within a quarter of a second,
     * and all of them before the job's end, even if it was killed. Very long ones come in pieces. NULL: nobody wants to know. */
    void (*said)(void *context, size_t job, const char *line);
    /* One has ended; 128 + its number after a signal. */
    void (*ended)(void *context, size_t job, int exit_code);
    /* Some four times a second, after what was said. NULL: nothing to do. */
    void (*tick)(void *context);
    void *context;
};

/* What became of them together. */
struct jobs_result {
    size_t started;             /* the first so many */
    bool is_stopped;            /* by a signal: some may not have been started, others may have ended early */
    int killed_by;              /* the second signal's number; 0: none. No job goes on any more */
    int start_error;            /* an errno: a process could not be started. The others went on, fewer at a time, and if there were
                                   none, nothing did and started shows it; 0: none */
};

/* Returns when the last one has ended. */
void jobs_run(const struct jobs *jobs, struct jobs_result *result);

#endif
