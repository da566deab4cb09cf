/* The CPU quota that a container or a service manager has set for this process. */
#ifndef PARALLEL_QUOTA_H
#define PARALLEL_QUOTA_H

#include <stddef.h>

/* Cores that the quota allows, rounded up and at least 1; SIZE_MAX if there is no quota or none can be read.
 * cgroup v2: the smallest cpu.max from the process' group up to the root; v1: cpu.cfs_quota_us / cpu.cfs_period_us. */
size_t quota_cores(void);

/* The same with the two places given, for tests: the text of /proc/self/cgroup, and what is mounted at /sys/fs/cgroup. */
size_t quota_cores_at(const char *proc_cgroup_path, const char *mount_path);

#endif
