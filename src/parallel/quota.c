/* Reads the quotas of a cgroup. A file that is missing or says something else than expected means: no quota known. */
#include "parallel/quota.h"

#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static uint64_t cores_of(long long quota_us, long long period_us)
{
    if (quota_us <= 0 || period_us <= 0)
        return UINT64_MAX;
    return (uint64_t)(quota_us / period_us) + (quota_us % period_us != 0);
}

static bool read_line(const char *directory, const char *name, char *line, size_t capacity)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/%s", directory, name) >= (int)sizeof path)
        return false;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool found = fgets(line, (int)capacity, file) != NULL;
    fclose(file);                               /* read only: nothing can be lost */
    return found;
}

/* Of one group; UINT64_MAX: none. */
typedef uint64_t quota_in(const char *directory);

static uint64_t cores_in(const char *directory)
{
    char line[128];
    long long quota_us, period_us;
    if (read_line(directory, "cpu.max", line, sizeof line))                      /* v2: "max 100000" or "50000 100000" */
        return sscanf(line, "%lld %lld", &quota_us, &period_us) == 2 ? cores_of(quota_us, period_us) : UINT64_MAX;
    if (read_line(directory, "cpu.cfs_quota_us", line, sizeof line) && sscanf(line, "%lld", &quota_us) == 1
        && read_line(directory, "cpu.cfs_period_us", line, sizeof line) && sscanf(line, "%lld", &period_us) == 1)
        return cores_of(quota_us, period_us);                                   /* v1: -1 is no quota */
    return UINT64_MAX;
}

static uint64_t memory_bytes_in(const char *directory)
{
    char line[128];
    uint64_t size_bytes;
    bool found = read_line(directory, "memory.max", line, sizeof line)                  /* v2: "max" or a number */
                 || read_line(directory, "memory.limit_in_bytes", line, sizeof line);   /* v1: a number, without a limit a huge one */
    return found && sscanf(line, "%" SCNu64, &size_bytes) == 1 && size_bytes > 0 ? size_bytes : UINT64_MAX;
}

/* The smallest quota from mount/group up to mount itself: a parent's quota binds its children. */
static uint64_t least_up_from(const char *mount, const char *group, quota_in *quota)
{
    char directory[PATH_MAX];
    if (snprintf(directory, sizeof directory, "%s%s", mount, group) >= (int)sizeof directory)
        return UINT64_MAX;
    uint64_t least = UINT64_MAX;
    size_t mount_length = strlen(mount);
    for (;;) {
        uint64_t here = quota(directory);
        least = here < least ? here : least;
        char *slash = strrchr(directory, '/');
        if (slash == NULL || strlen(directory) <= mount_length)
            return least;
        *slash = '\0';
    }
}

static bool has_controller(const char *list, const char *wanted)
{
    size_t length = strlen(wanted);
    for (const char *at = list; (at = strstr(at, wanted)) != NULL; at += length)
        if ((at == list || at[-1] == ',') && (at[length] == '\0' || at[length] == ','))
            return true;
    return false;
}

/* The least quota of a controller in all hierarchies that this process is in. */
static uint64_t least_of(const char *proc_cgroup_path, const char *mount_path, const char *controller, quota_in *quota)
{
    FILE *file = fopen(proc_cgroup_path, "re");
    if (file == NULL)
        return UINT64_MAX;
    uint64_t least = UINT64_MAX;
    char line[PATH_MAX + 64];
    while (fgets(line, sizeof line, file) != NULL) {    /* "0::/group" (v2) or "4:cpu,cpuacct:/group" (v1) */
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
        if (group == NULL)
            continue;
        *group++ = '\0';
        controllers++;
        char mount[PATH_MAX];
        bool is_v2 = controllers[0] == '\0';
        if (!is_v2 && !has_controller(controllers, controller))
            continue;
        if (snprintf(mount, sizeof mount, "%s%s%s", mount_path, is_v2 ? "" : "/", is_v2 ? "" : controller) >= (int)sizeof mount)
            continue;
        uint64_t here = least_up_from(mount, group, quota);
        least = here < least ? here : least;
    }
    fclose(file);
    return least;
}

size_t quota_cores_at(const char *proc_cgroup_path, const char *mount_path)
{
    uint64_t cores = least_of(proc_cgroup_path, mount_path, "cpu", cores_in);
    return cores >= SIZE_MAX ? SIZE_MAX : cores > 0 ? (size_t)cores : 1;
}

uint64_t quota_memory_bytes_at(const char *proc_cgroup_path, const char *mount_path)
{
    return least_of(proc_cgroup_path, mount_path, "memory", memory_bytes_in);
}

size_t quota_cores(void)
{
    return quota_cores_at("/proc/self/cgroup", "/sys/fs/cgroup");
}

uint64_t quota_memory_bytes(void)
{
    return quota_memory_bytes_at("/proc/self/cgroup", "/sys/fs/cgroup");
}
