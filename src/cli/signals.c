/* See signals.h. The handlers only touch lock-free atomics, call the two requests that are made for it, or write a line and _exit. */
#include "cli/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static _Atomic(weft_trainer *) attached;
static atomic_int stops;                /* SIGTERM and SIGINT so far */
static _Atomic(const char *) last_words;        /* of signals_leave_at_once; NULL: stay */

static void request_stop(void)
{
    weft_trainer *trainer = atomic_load(&attached);
    if (trainer != NULL)
        weft_trainer_request_stop(trainer);
}

static void leave_if_nothing_is_lost(void)
{
    const char *text = atomic_load(&last_words);
    if (text == NULL)
        return;
    (void)!write(STDERR_FILENO, text, strlen(text));
    _exit(weft_exit_code(WEFT_ESTOPPED));
}

static void on_stop(int number)
{
    if (atomic_fetch_add(&stops, 1) > 0)
        _exit(128 + number);
    leave_if_nothing_is_lost();
    request_stop();
}

static void on_stop_in_job(int number)
{
    (void)number;
    atomic_fetch_add(&stops, 1);
    request_stop();
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

void signals_install(void)
{
    handle(SIGTERM, on_stop);
    handle(SIGINT, on_stop);
    handle(SIGUSR1, on_save);
    handle(SIGPIPE, SIG_IGN);
}

void signals_leave_at_once(const char *text)
{
    atomic_store(&last_words, text);
    if (atomic_load(&stops) > 0)
        leave_if_nothing_is_lost();
}

void signals_install_in_job(void)
{
    handle(SIGTERM, on_stop_in_job);
    handle(SIGINT, SIG_IGN);
    handle(SIGUSR1, on_save);
    handle(SIGPIPE, SIG_IGN);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);              /* a job begins with all of them blocked; one that waits is handled now */
}

/* The order closes the gap: a stop that comes before the store is seen by the load, a later one by its handler. */
void signals_attach(weft_trainer *trainer)
{
    atomic_store(&last_words, NULL);
    atomic_store(&attached, trainer);
    if (trainer != NULL && atomic_load(&stops) > 0)
        weft_trainer_request_stop(trainer);
}
