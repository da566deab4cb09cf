/* Threads: how many, the region they run in, the barrier they meet at. */
#include "parallel/team.h"

#include <limits.h>
#include <linux/futex.h>
#include <omp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#if defined __x86_64__
#include <immintrin.h>
#endif

#include "base/error.h"
#include "parallel/quota.h"

enum {
    SPINS = 4000,                       /* of a pause each, some 50 us: longer than the threads of a step drift apart */
    YIELDS = 50,
};

unsigned team_float_mode_enter(void)
{
#if defined __x86_64__
    unsigned mode = _mm_getcsr();
    _mm_setcsr(mode | 0x8040);          /* flush to zero, denormals are zero */
    return mode;
#else
    return 0;
#endif
}

void team_float_mode_leave(unsigned mode)
{
#if defined __x86_64__
    _mm_setcsr(mode);
#else
    (void)mode;
#endif
}

static size_t affinity_cores(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return (size_t)CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN);        /* more than 1,024 cores do not fit the set */
    return online > 0 ? (size_t)online : 1;
}

size_t team_cores(void)
{
    size_t cores = affinity_cores(), quota = quota_cores();
    return quota < cores ? quota : cores;
}

static size_t smaller(size_t a, size_t b, const char *phrase, const char **reason)
{
    if (b >= a)
        return a;
    *reason = phrase;
    return b;
}

size_t team_threads(size_t wanted, size_t useful, const char **reason)
{
    const char *why = NULL;
    size_t threads = wanted;
    if (wanted == 0 && getenv("OMP_NUM_THREADS") != NULL) {
        threads = (size_t)omp_get_max_threads();
        why = "OMP_NUM_THREADS";
    } else if (wanted == 0) {
        threads = affinity_cores();
        threads = smaller(threads, quota_cores(), "the cgroup's CPU quota", &why);
        threads = smaller(threads, useful > 0 ? useful : 1, "the shards of a batch", &why);
    }
    threads = smaller(threads, (size_t)omp_get_thread_limit(), "OMP_THREAD_LIMIT", &why);
    threads = smaller(threads, THREADS_MAX, "Weft's limit of 1,024 threads", &why);
    if (reason != NULL)
        *reason = why;
    return threads > 0 ? threads : 1;
}

weft_status team_create(struct team *team, size_t threads)
{
    int given = 0;
#pragma omp parallel num_threads((int)threads) default(none) shared(given)
    {
#pragma omp master
        given = omp_get_num_threads();
    }
    if (given < 1)
        return error_set(WEFT_ERESOURCE, "start %zu threads: the OpenMP runtime gave none", threads);
    team->size = (size_t)given;
    team->spins = team->size <= team_cores() ? SPINS : 0;
    atomic_init(&team->arrived, 0);
    atomic_init(&team->generation, 0);
    atomic_init(&team->sleepers, 0);
    return WEFT_OK;
}

weft_status team_run(struct team *team, void (*work)(void *context, size_t rank), void *context)
{
    int given = (int)team->size;
#pragma omp parallel num_threads((int)team->size) default(none) shared(team, work, context, given)
    {
        if ((size_t)omp_get_num_threads() == team->size) {
            unsigned mode = team_float_mode_enter();
            work(context, (size_t)omp_get_thread_num());
            team_float_mode_leave(mode);
        } else {
#pragma omp master
            given = omp_get_num_threads();
        }
    }
    if ((size_t)given != team->size)
        return error_set(WEFT_ERESOURCE, "run on %zu threads: the OpenMP runtime now gives %d", team->size, given);
    return WEFT_OK;
}

static void pause_briefly(void)
{
#if defined __x86_64__
    _mm_pause();
#endif
}

static bool passed(struct team *team, unsigned before)
{
    return atomic_load_explicit(&team->generation, memory_order_acquire) != before;
}

static void sleep_until_passed(struct team *team, unsigned before)
{
    atomic_fetch_add(&team->sleepers, 1);
    while (atomic_load(&team->generation) == before)    /* the kernel compares once more before it puts us to sleep */
        syscall(SYS_futex, &team->generation, FUTEX_WAIT_PRIVATE, before, NULL, NULL, 0);
    atomic_fetch_sub(&team->sleepers, 1);
}

void team_barrier(struct team *team)
{
    unsigned before = atomic_load(&team->generation);   /* cannot move on before this thread has arrived */
    if (atomic_fetch_add(&team->arrived, 1) + 1 == team->size) {
        atomic_store(&team->arrived, 0);
        atomic_fetch_add(&team->generation, 1);
        if (atomic_load(&team->sleepers) > 0)           /* ordered after the line above: no sleeper is overlooked */
            syscall(SYS_futex, &team->generation, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
        return;
    }
    for (unsigned i = 0; i < team->spins; i++) {
        if (passed(team, before))
            return;
        pause_briefly();
    }
    for (unsigned i = 0; i < YIELDS; i++) {
        if (passed(team, before))
            return;
        sched_yield();
    }
    sleep_until_passed(team, before);
}
