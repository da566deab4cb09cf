/* FMA peak and read bandwidth. All threads start together, and the time is that of the slowest. Of many short tries the best
 * counts: a peak is what the machine can do, whatever disturbs it makes it only smaller, and 2 ms fit between disturbances (on
 * two cores that others used too, tries of 20 ms gave 159 to 243 GFLOP/s). */
#include "bench/machine.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "kernel/kernel.h"
#include "parallel/shard.h"
#include "parallel/team.h"

enum { TRIES = 50, MEMORY_TRIES = 10, CALIBRATION_TRIES = 3 };
static const double TRY_S = 0.002;
static const size_t MEMORY_BYTES_LEAST = (size_t)1 << 28, MEMORY_BYTES_MOST = (size_t)1 << 31;

/* ---- what the system tells ---- */

void machine_cpu(char *name, size_t capacity)
{
    char line[512];
    struct utsname system;
    snprintf(name, capacity, "%s", uname(&system) == 0 ? system.machine : "unknown");
    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "model name", strlen("model name")) == 0 && strchr(line, ':') != NULL) {
            const char *value = strchr(line, ':') + 1;
            value += strspn(value, " ");
            snprintf(name, capacity, "%.*s", (int)strcspn(value, "\n"), value);
            break;
        }
    if (file != NULL)
        fclose(file);                           /* read only: nothing can be lost */
}

/* The first line of a file about cache `index` of the first processor. */
static bool cache_line(int index, const char *what, char *line, size_t capacity)
{
    char path[128];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", index, what);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool found = fgets(line, (int)capacity, file) != NULL;
    fclose(file);
    return found;
}

/* Bytes of the cache of this level, 0 if none is known; sharing: how many processors share one. */
static size_t cache_size(int wanted_level, size_t *sharing)
{
    char line[1024];
    for (int index = 0; cache_line(index, "level", line, sizeof line); index++) {
        int level = 0;
        unsigned long size_kib = 0;
        if (sscanf(line, "%d", &level) != 1 || level != wanted_level || !cache_line(index, "size", line, sizeof line)
            || sscanf(line, "%luK", &size_kib) != 1)
            continue;
        *sharing = 0;
        if (cache_line(index, "shared_cpu_map", line, sizeof line))     /* hexadecimal digits, a comma after each eight */
            for (const char *c = line; *c != '\0'; c++) {
                unsigned digit = 0;
                if (*c != ',' && sscanf(c, "%1x", &digit) == 1)
                    *sharing += (size_t)__builtin_popcount(digit);
            }
        *sharing = *sharing > 0 ? *sharing : 1;
        return (size_t)size_kib << 10;
    }
    return 0;
}

/* Four times the last caches that so many threads may use together. */
static size_t memory_size(size_t threads)
{
    size_t sharing = 1, cache = cache_size(3, &sharing);
    cache = cache > 0 ? cache : cache_size(2, &sharing);
    size_t caches = (threads + sharing - 1) / sharing;
    size_t wanted = cache < MEMORY_BYTES_MOST ? 4 * cache * caches : MEMORY_BYTES_MOST;
    wanted = wanted > MEMORY_BYTES_LEAST ? wanted : MEMORY_BYTES_LEAST;
    return wanted < MEMORY_BYTES_MOST ? wanted : MEMORY_BYTES_MOST;
}

static size_t half_l2_size(void)
{
    size_t sharing = 1, cache = cache_size(2, &sharing);
    return cache > 0 ? cache / sharing / 2 : (size_t)1 << 18;
}

/* ---- measuring ---- */

struct trial {
    struct team *team;
    size_t tries;
    size_t rounds;                              /* of FMAs, or times that an array is read, in each try */
    float *array;                               /* NULL: FMAs */
    size_t floats;                              /* of the array: its threads' shares */
    double best_s;
    float *result;                              /* of each thread: stored, so that it must be computed */
    double *start_s;                            /* of each thread in this try: one without a core may begin after others end */
};

static struct range share_of_array(const struct trial *trial, size_t rank)
{
    struct range share = share_of(trial->floats / READ_FLOATS, trial->team->size, rank);
    return (struct range){share.first * READ_FLOATS, share.end * READ_FLOATS};
}

static void touch(void *context, size_t rank)
{
    struct trial *trial = context;
    struct range mine = share_of_array(trial, rank);
    for (size_t i = mine.first; i < mine.end; i++)
        trial->array[i] = 1;
}

static double earliest(const double *time_s, size_t count)
{
    double least_s = time_s[0];
    for (size_t i = 1; i < count; i++)
        least_s = time_s[i] < least_s ? time_s[i] : least_s;
    return least_s;
}

static void try_some(void *context, size_t rank)
{
    struct trial *trial = context;
    struct range mine = share_of_array(trial, rank);
    for (size_t i = 0; i < trial->tries; i++) {
        team_barrier(trial->team);
        trial->start_s[rank] = clock_seconds();
        if (trial->array == NULL)
            trial->result[rank] += kernel->fma_rounds(trial->rounds, 0.5f, 0.25f);
        else
            for (size_t round = 0; round < trial->rounds; round++)
                trial->result[rank] += kernel->read_floats(mine.end - mine.first, trial->array + mine.first);
        team_barrier(trial->team);
        double time_s = clock_seconds() - earliest(trial->start_s, trial->team->size);
        if (rank == 0 && (trial->best_s == 0 || time_s < trial->best_s))
            trial->best_s = time_s;
    }
}

/* The best time in trial->best_s, each try having as many rounds as take TRY_S, one at least. */
static weft_status try_often(struct trial *trial, size_t tries)
{
    weft_status st = WEFT_OK;
    trial->tries = CALIBRATION_TRIES;
    for (trial->rounds = 1; st == WEFT_OK; trial->rounds *= 2) {
        trial->best_s = 0;
        st = team_run(trial->team, try_some, trial);
        if (trial->best_s >= TRY_S)
            break;
    }
    trial->tries = tries;
    return st == WEFT_OK ? team_run(trial->team, try_some, trial) : st;
}

static weft_status measure_peak(struct trial *trial, weft_bench_rates *rate)
{
    weft_status st = try_often(trial, TRIES);
    if (st != WEFT_OK)
        return st;
    double flop = 2.0 * FMA_CHAINS * (double)kernel->lanes * (double)trial->rounds * (double)rate->threads;
    double gflops = 1e-9 * flop / trial->best_s;
    rate->peak_gflops = gflops > rate->peak_gflops ? gflops : rate->peak_gflops;
    return WEFT_OK;
}

static weft_status measure_reading(struct trial *trial, size_t size_bytes, size_t tries, double *gb_per_s)
{
    trial->floats = size_bytes / sizeof *trial->array / READ_FLOATS * READ_FLOATS;
    trial->array = memory_reserve(trial->floats, sizeof *trial->array);
    if (trial->array == NULL)
        return WEFT_ENOMEM;
    weft_status st = team_run(trial->team, touch, trial);
    if (st == WEFT_OK)
        st = try_often(trial, tries);
    *gb_per_s = 1e-9 * (double)trial->rounds * (double)(trial->floats * sizeof *trial->array) / trial->best_s;
    memory_free(trial->array);
    trial->array = NULL;
    return st;
}

enum { BARRIERS = 1000 };

static void meet_often(void *context, size_t rank)
{
    struct trial *trial = context;
    for (size_t i = 0; i < trial->tries; i++) {
        team_barrier(trial->team);
        double start_s = clock_seconds();
        for (size_t meeting = 0; meeting < BARRIERS; meeting++)
            team_barrier(trial->team);
        double time_s = clock_seconds() - start_s;
        if (rank == 0 && (trial->best_s == 0 || time_s < trial->best_s))
            trial->best_s = time_s;
    }
}

static weft_status measure_barrier(struct trial *trial, weft_bench_rates *rate)
{
    trial->best_s = 0;
    trial->tries = TRIES;
    weft_status st = team_run(trial->team, meet_often, trial);
    rate->barrier_us = 1e6 * trial->best_s / BARRIERS;
    return st;
}

static weft_status measure_all(struct trial *trial, weft_bench_rates *rate)
{
    size_t threads = rate->threads;
    weft_status st = measure_peak(trial, rate);
    if (st == WEFT_OK)
        st = measure_reading(trial, memory_size(threads), MEMORY_TRIES, &rate->memory_gb_per_s);
    if (st == WEFT_OK)
        st = measure_reading(trial, half_l2_size() * threads, TRIES, &rate->l2_gb_per_s);
    if (st == WEFT_OK)
        st = measure_barrier(trial, rate);
    return st;
}

static weft_status with_team(weft_bench_rates *rate, weft_status (*measure)(struct trial *trial, weft_bench_rates *rate))
{
    struct team team;
    weft_status st = team_create(&team, rate->threads);
    if (st != WEFT_OK)
        return st;
    if (team.size != rate->threads)
        return error_set(WEFT_ERESOURCE, "a team of %zu threads: OpenMP gives %zu", rate->threads, team.size);
    struct trial trial = {.team = &team, .result = memory_new(rate->threads, sizeof *trial.result),
                          .start_s = memory_new(rate->threads, sizeof *trial.start_s)};
    st = trial.result != NULL && trial.start_s != NULL ? measure(&trial, rate) : WEFT_ENOMEM;
    memory_free(trial.result);
    memory_free(trial.start_s);
    return st;
}

weft_status machine_measure(weft_bench_rates *rate)
{
    return with_team(rate, measure_all);
}

weft_status machine_measure_peak(weft_bench_rates *rate)
{
    return with_team(rate, measure_peak);
}
