/* See jobs.h. While jobs go on, signals are blocked and waited for, so no handler runs; what a job prints goes to a file in memory and
 * is read when it has ended, so that the lines of two never mix. */
#include "cli/jobs.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OUTPUT_BYTES_MAX = 1 << 20 };

struct running {
    pid_t process;              /* 0: the place is free */
    size_t job, threads;
    int output;                 /* descriptor */
};

struct team {
    const struct jobs *jobs;
    struct jobs_result *result;
    struct running *running;    /* side_by_side */
    size_t places;              /* of these, as many as there can be processes */
    size_t going_on;            /* how many of them */
    sigset_t waited_for;
};

static volatile sig_atomic_t stops;     /* SIGTERM and SIGINT so far */

/* Jobs end with the process that started them (PR_SET_PDEATHSIG). */
static void on_stop(int number)
{
    if (stops++ > 0)
        _exit(128 + number);
}

static void on_save(int number)
{
    (void)number;                       /* nothing is to be saved while no jobs go on */
}

void jobs_take_signals(void)
{
    static const struct { int number; void (*handler)(int); } taken[] = {
        {SIGTERM, on_stop}, {SIGINT, on_stop}, {SIGUSR1, on_save}, {SIGPIPE, SIG_IGN}, {SIGCHLD, SIG_DFL}};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        struct sigaction action = {.sa_handler = taken[i].handler, .sa_flags = SA_RESTART};
        sigemptyset(&action.sa_mask);
        sigaction(taken[i].number, &action, NULL);
    }
}

/* Fewer jobs than places are left at the end: then each gets more threads. */
static size_t threads_of_next(const struct team *team)
{
    const struct jobs *jobs = team->jobs;
    size_t used = 0, places = team->places - team->going_on, left = jobs->count - team->result->started;
    for (size_t i = 0; i < jobs->side_by_side; i++)
        used += team->running[i].process != 0 ? team->running[i].threads : 0;
    size_t sharing = left < places ? left : places, unused = jobs->threads > used ? jobs->threads - used : 0;
    size_t threads = unused / sharing < jobs->threads_useful ? unused / sharing : jobs->threads_useful;
    return threads > 0 ? threads : 1;
}

/* In the new process, which needs descriptors for files of its own. */
__attribute__((noreturn))
static void work(const struct team *team, const struct running *r, pid_t parent)
{
    int exit_code = 70;
    for (size_t i = 0; i < team->jobs->side_by_side; i++)
        if (team->running[i].process != 0)
            close(team->running[i].output);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent        /* else it died before we asked for that */
        && dup2(r->output, STDOUT_FILENO) >= 0 && dup2(r->output, STDERR_FILENO) >= 0)
        exit_code = team->jobs->work(team->jobs->context, r->job, r->threads);
    fflush(NULL);
    _exit(exit_code);
}

static int job_start(struct team *team)
{
    struct running *r = team->running;
    while (r->process != 0)
        r++;
    pid_t parent = getpid();
    *r = (struct running){.job = team->result->started, .threads = threads_of_next(team)};
    r->output = memfd_create("weft job", MFD_CLOEXEC);
    if (r->output < 0)
        return errno;
    fflush(NULL);                                       /* or the new process would print it again */
    r->process = fork();
    if (r->process == 0)
        work(team, r, parent);
    if (r->process < 0) {
        int number = errno;
        close(r->output);
        r->process = 0;
        return number;
    }
    team->result->started++;
    team->going_on++;
    return 0;
}

static char *output_of(int descriptor)
{
    struct stat info;
    size_t size = fstat(descriptor, &info) == 0 ? (size_t)info.st_size : 0, got = 0;
    size = size < OUTPUT_BYTES_MAX ? size : OUTPUT_BYTES_MAX;
    char *output = calloc(size + 1, 1);
    for (ssize_t piece = 1; output != NULL && got < size && piece > 0; got += piece > 0 ? (size_t)piece : 0)
        piece = pread(descriptor, output + got, size - got, (off_t)got);
    return output;
}

static void job_end(struct team *team, struct running *r, int status)
{
    struct job_end end = {.job = r->job, .output = output_of(r->output)};
    end.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    close(r->output);
    r->process = 0;
    team->going_on--;
    team->jobs->ended(team->jobs->context, &end);
    free(end.output);
}

static void collect(struct team *team)
{
    int status;
    for (size_t i = 0; i < team->jobs->side_by_side; i++)
        if (team->running[i].process != 0 && waitpid(team->running[i].process, &status, WNOHANG) > 0)
            job_end(team, &team->running[i], status);
}

static void signal_all(const struct team *team, int number)
{
    for (size_t i = 0; i < team->jobs->side_by_side; i++)
        if (team->running[i].process != 0)
            kill(team->running[i].process, number);
}

static void kill_all(struct team *team, int killed_by)
{
    signal_all(team, SIGKILL);
    for (size_t i = 0; i < team->jobs->side_by_side; i++)
        if (team->running[i].process != 0)
            waitpid(team->running[i].process, NULL, 0);
    team->going_on = 0;
    team->result->killed_by = killed_by;
}

/* Until a signal comes, of an ended job or from outside; or a quarter of a second. */
static void wait_for_news(struct team *team)
{
    const struct timespec quarter = {.tv_nsec = 250000000};
    int number = sigtimedwait(&team->waited_for, NULL, &quarter);
    bool is_stop = number == SIGTERM || number == SIGINT;
    if (is_stop && stops++ > 0) {
        kill_all(team, number);
    } else if (is_stop) {
        team->result->is_stopped = true;
        signal_all(team, SIGTERM);
    } else if (number == SIGUSR1) {
        signal_all(team, SIGUSR1);
    }
}

/* Where one cannot be started beside those that go on, there are as many places as these have. */
static void start_jobs(struct team *team)
{
    struct jobs_result *result = team->result;
    while (!result->is_stopped && result->started < team->jobs->count && team->going_on < team->places) {
        int number = job_start(team);
        if (number != 0) {
            result->start_error = number;
            team->places = team->going_on;
        }
    }
}

static void run_all(struct team *team)
{
    for (;;) {
        start_jobs(team);
        if (team->going_on == 0)
            break;
        if (team->jobs->tick != NULL)
            team->jobs->tick(team->jobs->context);
        wait_for_news(team);
        collect(team);
    }
}

void jobs_run(const struct jobs *jobs, struct jobs_result *result)
{
    struct team team = {.jobs = jobs, .result = result, .places = jobs->side_by_side};
    sigset_t before;
    *result = (struct jobs_result){0};
    team.running = calloc(jobs->side_by_side, sizeof *team.running);
    if (team.running == NULL) {
        result->start_error = ENOMEM;
        return;
    }
    sigemptyset(&team.waited_for);
    const int waited_for[] = {SIGTERM, SIGINT, SIGUSR1, SIGCHLD};
    for (size_t i = 0; i < sizeof waited_for / sizeof *waited_for; i++)
        sigaddset(&team.waited_for, waited_for[i]);
    sigprocmask(SIG_BLOCK, &team.waited_for, &before);
    result->is_stopped = stops > 0;             /* blocked first: a stop counts here or is waited for, none falls between */
    run_all(&team);
    sigprocmask(SIG_SETMASK, &before, NULL);
    free(team.running);
}
