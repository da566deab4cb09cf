/* How the machine is shared between the runs of a sweep. No bit of a run depends on it.
 *
 * A run of one thread has no barriers, and while one reads its data the others train, so runs are done soonest side by side; where
 * their weights leave the caches that is no longer sure to gain, costs memory for each run, and the first result comes later. Four
 * seeds on MNIST, weft sweep with --jobs 2 (of one thread each) and --jobs 1 (of two), on two cores of an AMD EPYC with 32 MiB of L3,
 * five interleaved rounds: the least and the median of each, and the first as a share of the second, round by round.
 *     784-20-7-5-10, batch 256, 20,000 steps      5.8, 6.4 s      7.1, 7.7 s      0.62 to 0.96
 *     784-128-10, batch 64, 10,000 steps          4.1, 4.4 s      5.0, 5.4 s      0.61 to 0.88
 *     784-500-250-100-10, batch 64, 1,000 steps   4.5, 4.8 s      5.4, 5.5 s      0.62 to 0.95
 *     784-2048-2048-10, batch 256, 10 steps      19.3, 20.3 s    21.5, 22.1 s     0.80 to 1.19                                 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "parallel/quota.h"
#include "parallel/team.h"
#include "sweep/sweep.h"

static bool read_line(const char *path, char *line, int capacity)
{
    FILE *file = fopen(path, "re");
    bool found = file != NULL && fgets(line, capacity, file) != NULL;
    if (file != NULL)
        fclose(file);
    return found;
}

/* What the kernel would give without swapping, but no more than the cgroup may have; UINT64_MAX if neither says. */
static uint64_t available_bytes(void)
{
    FILE *file = fopen("/proc/meminfo", "re");
    char line[256];
    uint64_t kilobytes, most = quota_memory_bytes(), found = UINT64_MAX;
    while (file != NULL && found == UINT64_MAX && fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "MemAvailable: %" SCNu64 " kB", &kilobytes) == 1)
            found = 1024 * kilobytes;
    if (file != NULL)
        fclose(file);                           /* read only: nothing can be lost */
    return most < found ? most : found;
}

/* How many there are in "0-7,64-71". */
static size_t count_of_list(const char *list)
{
    size_t count = 0;
    unsigned first, last;
    for (int used; *list != '\0' && sscanf(list, "%u%n", &first, &used) == 1; list += *list == ',') {
        list += used;
        last = first;
        if (*list == '-' && sscanf(list, "-%u%n", &last, &used) == 1)
            list += used;
        count += last >= first ? last - first + 1 : 1;
    }
    return count;
}

/* The caches that several cores have in common, of so many cores; 0 if the system does not say. (sysconf knows the cache of the
 * whole processor, which may be ten times what a virtual machine has of it.) */
static uint64_t shared_cache_bytes(size_t cores)
{
    static const char place[] = "/sys/devices/system/cpu/cpu0/cache/index3/";
    char path[96], line[256];
    uint64_t kilobytes = 0;
    snprintf(path, sizeof path, "%ssize", place);
    if (!read_line(path, line, sizeof line) || sscanf(line, "%" SCNu64 "K", &kilobytes) != 1)
        return 0;
    snprintf(path, sizeof path, "%sshared_cpu_list", place);
    size_t sharing = read_line(path, line, sizeof line) ? count_of_list(line) : 0;
    return 1024 * kilobytes * (sharing > 0 ? (cores + sharing - 1) / sharing : 1);
}

static void at_most(weft_sweep_share *share, uint64_t most, const char *reason)
{
    if (most >= share->side_by_side)
        return;
    share->side_by_side = most > 0 ? (size_t)most : 1;
    share->reason = reason;
}

void weft_sweep_share_machine(const weft_sweep *sweep, size_t runs, const weft_plan *plan, weft_sweep_share *share)
{
    enum { PARAMETER_BYTES = 20 };              /* a weight, packed twice, two moments */
    const uint64_t process_bytes = 32u << 20;   /* code, libraries, stacks, what a reader needs while it reads */
    size_t threads = team_threads(sweep->threads, THREADS_MAX, NULL);
    *share = (weft_sweep_share){.side_by_side = threads, .threads = threads, .threads_useful = threads, .reason = "one thread each"};
    at_most(share, runs, "there are no more");
    if (plan == NULL) {
        at_most(share, 1, "how much memory they need is not known");
    } else {
        share->threads_useful = plan->threads;
        uint64_t weights_bytes = PARAMETER_BYTES * plan->parameters, cache_bytes = shared_cache_bytes(threads);
        if (cache_bytes > 0)
            at_most(share, cache_bytes / (weights_bytes + 1), "the weights of more would not fit the shared cache");
        at_most(share, available_bytes() / 4 * 3 / (plan->memory_bytes + process_bytes), "there is no memory for more");
    }
}

/* Weights and the activations of a batch, in numbers; the inputs are not known without the data, and alike in most sweeps. */
static double size_of(const weft_settings *s)
{
    const double inputs = 784, outputs = 10;
    double weights = 0, units = inputs + outputs, fan_in = inputs;
    for (size_t l = 0; l < s->network.hidden.count; l++) {
        double width = (double)s->network.hidden.value[l];
        weights += fan_in * width;
        units += 2 * width;
        fan_in = width;
    }
    return 5 * (weights + fan_in * outputs) + units * (double)s->train.batch_size;
}

size_t weft_sweep_largest(const weft_sweep *sweep, size_t runs, const size_t *run)
{
    size_t largest = run[0];
    for (size_t i = 1; i < runs; i++)
        if (size_of(sweep->run[run[i]].settings) > size_of(sweep->run[largest].settings))
            largest = run[i];
    return largest;
}
