/* See signals.h. The handlers only touch lock-free atomics, call the two requests that are made for it, or write a line and _exit. */
#include "cli/signals.h"

#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "cli/second_stop.h"

static _Atomic(weft_trainer *) attached;
static atomic_bool is_stopped;          /* somebody has asked for it */
static _Atomic(const char *) last_words;        /* of signals_leave_at_once; NULL: stay */

/* Where nobody reads stderr the text is left out: the exit code says it, too. */
static void leave_if_nothing_is_lost(void)
{
    const char *text = atomic_load(&last_words);
    struct pollfd reader = {.fd = STDERR_FILENO, .events = POLLOUT};
    if (text == NULL)
        return;
    if (poll(&reader, 1, 0) > 0)
        (void)!write(STDERR_FILENO, text, strlen(text));
    _exit(weft_exit_code(WEFT_ESTOPPED));
}

/* However often it comes, the run is saved. */
static void on_stop(int number)
{
    (void)number;
    atomic_store(&is_stopped, true);
    leave_if_nothing_is_lost();
    weft_trainer *trainer = atomic_load(&attached);
    if (trainer != NULL)
        weft_trainer_request_stop(trainer);
}

static void on_stop_of_somebody(int number)
{
    if (second_stop())
        _exit(128 + number);
    on_stop(number);
}

static void on_save(int number)
{
    (void)number;
    weft_trainer *trainer = atomic_load(&attached);
    if (trainer != NULL)
        weft_trainer_request_save(trainer);
}

/* sigaction fails only for numbers that are no signals. */
static void handle(int number, void (*handler)(int))
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;                       /* a read or write under way goes on */
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

/* What the kernel or a shell sends by itself, perhaps several times: it need not be somebody who is impatient. */
static void handle_the_rest(void)
{
    struct sigaction before;
    if (sigaction(SIGHUP, NULL, &before) == 0 && before.sa_handler != SIG_IGN)          /* nohup */
        handle(SIGHUP, on_stop);
    handle(SIGXCPU, on_stop);
    handle(SIGUSR1, on_save);
    handle(SIGPIPE, SIG_IGN);
    handle(SIGXFSZ, SIG_IGN);
}

void signals_install(void)
{
    handle(SIGTERM, on_stop_of_somebody);
    handle(SIGINT, on_stop_of_somebody);
    handle_the_rest();
}

void signals_leave_at_once(const char *text)
{
    atomic_store(&last_words, text);
    if (atomic_load(&is_stopped))
        leave_if_nothing_is_lost();
}

void signals_install_in_job(void)
{
    handle(SIGTERM, on_stop);
    handle(SIGINT, SIG_IGN);
    handle_the_rest();
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);              /* a job begins with all of them blocked; one that waits is handled now */
}

/* The order closes the gap: a stop that comes before the store is seen by the load, a later one by its handler. */
void signals_attach(weft_trainer *trainer)
{
    atomic_store(&last_words, NULL);
    atomic_store(&attached, trainer);
    if (trainer != NULL && atomic_load(&is_stopped))
        weft_trainer_request_stop(trainer);
}
