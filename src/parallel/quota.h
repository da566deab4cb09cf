/* What a container, a service manager or a cluster's scheduler lets this process have of the machine. */
#ifndef PARALLEL_QUOTA_H
#define PARALLEL_QUOTA_H

#include <stddef.h>
#include <stdint.h>

/* Cores that the quota allows, rounded up and at least 1; SIZE_MAX if there is no quota or none can be read.
 * cgroup v2: the smallest cpu.max from the process' group up to the root; v1: cpu.cfs_quota_us / cpu.cfs_period_us. */
size_t quota_cores(void);

/* Bytes of memory that it allows, likewise: memory.max or, v1, memory.limit_in_bytes; UINT64_MAX without a quota. */
uint64_t quota_memory_bytes(void);

/* Both with the two places given, for tests: the text of /proc/self/cgroup, and what is mounted at /sys/fs/cgroup. */
size_t quota_cores_at(const char *proc_cgroup_path, const char *mount_path);
uint64_t quota_memory_bytes_at(const char *proc_cgroup_path, const char *mount_path);

#endif
