/* See jobs.h. While jobs go on, signals are blocked and waited for, so no handler runs; what a job prints goes to a file in memory
 * that is read line by line as it grows: the lines of two never mix, no job waits for a slow reader, and none takes what it has said
 * with it. */
#include "cli/jobs.h"

#include <errno.h>
#include <fcntl.h>
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

#include "cli/second_stop.h"

enum { LINE_BYTES_MAX = 8192 };

struct running {
    pid_t process;              /* 0: the place is free */
    size_t job, threads;
    int output;                 /* descriptor */
    off_t told;                 /* so many bytes of it */
};

struct team {
    const struct jobs *jobs;
    struct jobs_result *result;
    struct running *running;    /* side_by_side */
    size_t places;              /* of these, as many as there can be processes */
    size_t going_on;            /* how many of them */
    sigset_t waited_for;
};

static volatile sig_atomic_t is_stopped;        /* somebody has asked for it */

static bool ends_at_once(int number)
{
    return (number == SIGTERM || number == SIGINT) && second_stop();
}

/* Jobs end with the process that started them (PR_SET_PDEATHSIG). */
static void on_stop(int number)
{
    is_stopped = 1;
    if (ends_at_once(number))
        _exit(128 + number);
}

static void on_save(int number)
{
    (void)number;                       /* nothing is to be saved while no jobs go on */
}

static bool is_ignored(int number)
{
    struct sigaction action;
    return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

void jobs_take_signals(void)
{
    static const struct { int number; void (*handler)(int); } taken[] = {
        {SIGTERM, on_stop}, {SIGINT, on_stop}, {SIGHUP, on_stop}, {SIGXCPU, on_stop}, {SIGUSR1, on_save},
        {SIGPIPE, SIG_IGN}, {SIGXFSZ, SIG_IGN}, {SIGCHLD, SIG_DFL}};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        if (taken[i].number == SIGHUP && is_ignored(SIGHUP))            /* nohup */
            continue;
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

/* What it has written since the last time. A line without an end may be going on, unless the job has ended. What is written while
 * we tell has to wait, or a job that never stops talking would be all that we hear. */
static void tell_output(const struct team *team, struct running *r, bool has_ended)
{
    char line[LINE_BYTES_MAX + 1];
    struct stat info;
    off_t written = team->jobs->said != NULL && fstat(r->output, &info) == 0 ? info.st_size : 0, before = r->told;
    while (r->told < written) {
        ssize_t got = pread(r->output, line, LINE_BYTES_MAX, r->told);
        char *end = got > 0 ? memchr(line, '\n', (size_t)got) : NULL;
        if (got <= 0 || (end == NULL && got < LINE_BYTES_MAX && !has_ended))
            break;
        size_t length = end != NULL ? (size_t)(end - line) : (size_t)got;
        line[length] = '\0';
        r->told += (off_t)length + (end != NULL);
        team->jobs->said(team->jobs->context, r->job, line);
    }
    if (r->told > before)               /* what was told need not take memory any more; no harm if it does */
        fallocate(r->output, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, r->told);
}

static void job_end(struct team *team, struct running *r, int status)
{
    tell_output(team, r, true);
    close(r->output);
    r->process = 0;
    team->going_on--;
    team->jobs->ended(team->jobs->context, r->job, WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

/* What they have said, and which of them have ended. */
static void collect(struct team *team)
{
    int status;
    for (struct running *r = team->running; r < team->running + team->jobs->side_by_side; r++) {
        if (r->process == 0)
            continue;
        if (waitpid(r->process, &status, WNOHANG) > 0)
            job_end(team, r, status);
        else
            tell_output(team, r, false);
    }
}

static void signal_all(const struct team *team, int number)
{
    for (size_t i = 0; i < team->jobs->side_by_side; i++)
        if (team->running[i].process != 0)
            kill(team->running[i].process, number);
}

/* What they had said is told all the same; nobody asks any more how they ended. */
static void kill_all(struct team *team, int killed_by)
{
    signal_all(team, SIGKILL);
    for (struct running *r = team->running; r < team->running + team->jobs->side_by_side; r++) {
        if (r->process == 0)
            continue;
        waitpid(r->process, NULL, 0);
        tell_output(team, r, true);
        close(r->output);
        r->process = 0;
    }
    team->going_on = 0;
    team->result->killed_by = killed_by;
}

/* Until a signal comes, of an ended job or from outside; or a quarter of a second. */
static void wait_for_news(struct team *team)
{
    const struct timespec quarter = {.tv_nsec = 250000000};
    int number = sigtimedwait(&team->waited_for, NULL, &quarter);
    if (ends_at_once(number)) {
        kill_all(team, number);
    } else if (number == SIGUSR1) {
        signal_all(team, SIGUSR1);
    } else if (number > 0 && number != SIGCHLD) {
        is_stopped = 1;
        team->result->is_stopped = true;
        signal_all(team, SIGTERM);
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
    const int waited_for[] = {SIGTERM, SIGINT, SIGHUP, SIGXCPU, SIGUSR1, SIGCHLD};
    for (size_t i = 0; i < sizeof waited_for / sizeof *waited_for; i++)
        if (!is_ignored(waited_for[i]))                 /* one that is ignored would come all the same while it is blocked */
            sigaddset(&team.waited_for, waited_for[i]);
    sigprocmask(SIG_BLOCK, &team.waited_for, &before);
    result->is_stopped = is_stopped;             /* blocked first: a stop counts here or is waited for, none falls between */
    run_all(&team);
    sigprocmask(SIG_SETMASK, &before, NULL);
    free(team.running);
}
