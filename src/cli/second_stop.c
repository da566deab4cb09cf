/* See second_stop.h. Only calls and types that are allowed in a handler. */
#include "cli/second_stop.h"

#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

enum { APART_MS = 1000 };

static _Atomic int64_t first_ms;        /* on a clock that only goes forward; 0: none has come yet */
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "a handler may not take a lock");

bool second_stop(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t now_ms = 1 + (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000, first = 0;
    return !atomic_compare_exchange_strong(&first_ms, &first, now_ms) && now_ms - first >= APART_MS;
}
