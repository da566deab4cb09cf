/* See signals.h. The handlers only touch lock-free atomics, call the two requests that are made for it, or _exit. */
#include "cli/signals.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static _Atomic(weft_trainer *) attached;
static atomic_int stops;                /* SIGTERM and SIGINT so far */

static void on_stop(int number)
{
    if (atomic_fetch_add(&stops, 1) > 0)
        _exit(128 + number);
    weft_trainer *trainer = atomic_load(&attached);
    if (trainer != NULL)
        weft_trainer_request_stop(trainer);
}

static void on_save(int number)
{
    (void)number;
    weft_trainer *trainer = atomic_load(&attached);
    if (trainer != NULL)
        weft_trainer_request_save(trainer);
}

static const struct {
    int number;
    void (*handler)(int);
} taken[] = {{SIGTERM, on_stop}, {SIGINT, on_stop}, {SIGUSR1, on_save}, {SIGPIPE, SIG_IGN}};

/* sigaction fails only for numbers that are no signals. */
void signals_install(void)
{
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++) {
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_handler = taken[i].handler;
        action.sa_flags = SA_RESTART;                   /* a read or write under way goes on */
        sigemptyset(&action.sa_mask);
        sigaction(taken[i].number, &action, NULL);
    }
}

/* The order closes the gap: a stop that comes before the store is seen by the load, a later one by its handler. */
void signals_attach(weft_trainer *trainer)
{
    atomic_store(&attached, trainer);
    if (trainer != NULL && atomic_load(&stops) > 0)
        weft_trainer_request_stop(trainer);
}
