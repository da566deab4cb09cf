/* A team of OpenMP threads with its own barrier. Its size is what the runtime really gave, read inside the first region.
 * The barrier spins briefly, then sleeps: on free cores it costs well under a microsecond, and where threads share cores a
 * waiting thread gives its core away instead of burning it. It never yields: a yield lets the scheduler favour whoever else
 * wants the core for milliseconds, while a sleeper that is woken gets it back at once. */
#ifndef PARALLEL_TEAM_H
#define PARALLEL_TEAM_H

#include <stdatomic.h>
#include <stddef.h>

#include "weft/error.h"

enum { THREADS_MAX = 1024 };

struct team {
    size_t size;
    unsigned spins;                                     /* at most, before it sleeps; 0 if there are fewer cores than threads */
    _Alignas(64) atomic_size_t arrived;
    _Alignas(64) atomic_uint generation;                /* one more at each barrier passed; the futex that sleepers wait on */
    _Alignas(64) atomic_uint sleepers;
};

/* How many threads a run gets, and why.
 * wanted  0: as many as OMP_NUM_THREADS says if it is set, else min(affinity mask, cgroup CPU quota, useful); at least 1
 *         n > 0: n, at most THREADS_MAX
 * useful  more threads than this would have nothing to do
 * reason  (may be NULL) gets a static phrase such as "the cgroup's CPU quota" when something other than `wanted` decided
 * OMP_THREAD_LIMIT holds in any case. */
size_t team_threads(size_t wanted, size_t useful, const char **reason);

/* Cores that this process may keep busy: affinity mask and cgroup quota (v1 and v2), rounded up; at least 1. */
size_t team_cores(void);

/* Open a region of `threads` threads once and take the real number. WEFT_ERESOURCE if the system does
 * not give that many threads, WEFT_ENOMEM. */
weft_status team_create(struct team *team, size_t threads);

/* One parallel region: work(context, rank) on every thread, rank 0 being the caller. Denormals are flushed to zero inside,
 * in every thread alike, and the caller's floating-point mode is as before afterwards. WEFT_ERESOURCE if the runtime
 * gives another number of threads than the team's size; then no work was called. */
weft_status team_run(struct team *team, void (*work)(void *context, size_t rank), void *context);

/* Wait for all threads of the team; everything written before it is visible after it. Only inside work. */
void team_barrier(struct team *team);

/* Flush denormals to zero in this thread (on x86-64, the only processors that the digests are promised for); returns the mode for restoring. For serial arithmetic outside a region. */
unsigned team_float_mode_enter(void);
void team_float_mode_leave(unsigned mode);

#endif
