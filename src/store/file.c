/* All work on a file goes through an open descriptor of its directory: that is opened before anything is changed, and is
 * the same one for the temporary file, the rename and the fsync at the end. */
#include "store/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"

enum { TEMPORARY_TRIES = 1000 };

static int open_at(int directory, const char *name, int flags)
{
    int descriptor;
    do
        descriptor = SYSTEM(openat, directory, name, flags | O_CLOEXEC, 0666);
    while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

/* -1 with errno in place of 0: a disk that takes nothing is full. */
static ssize_t write_some(int descriptor, const void *bytes, size_t size_bytes)
{
    int fault = fault_of("write");
    if (fault > 0) {
        errno = fault;
        return -1;
    }
    ssize_t written = write(descriptor, bytes, fault == FAULT_SHORT ? (size_bytes + 1) / 2 : size_bytes);
    if (written != 0)
        return written;
    errno = ENOSPC;
    return -1;
}

static int write_all(int descriptor, const void *bytes, size_t size_bytes)
{
    const char *next = bytes;
    while (size_bytes > 0) {
        ssize_t written = write_some(descriptor, next, size_bytes);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        next += written;
        size_bytes -= (size_t)written;
    }
    return 0;
}

static int sync_all(int descriptor)
{
    int rc;
    do
        rc = SYSTEM(fsync, descriptor);
    while (rc < 0 && errno == EINTR);
    return rc;
}

/* Closes in any case, also if a test wants it to fail; never retried: after EINTR the descriptor is gone on Linux. What was
 * interrupted then is no write, so that is no failure. */
static int close_written(int descriptor)
{
    int rc = close(descriptor);
    if (fault_fails("close"))
        rc = -1;
    return rc < 0 && errno == EINTR ? 0 : rc;
}

/* Some file systems cannot fsync a directory and say so with EINVAL; there is nothing more that one could do on them. */
static int sync_directory(int directory)
{
    int rc = sync_all(directory);
    return rc < 0 && errno == EINVAL ? 0 : rc;
}

struct place {
    int directory;              /* descriptor */
    const char *name;           /* in it; points into the caller's path */
};

static weft_status place_open(const char *path, struct place *place)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash == NULL ? 0 : (size_t)(slash - path);
    char directory[PATH_MAX];
    place->name = slash == NULL ? path : slash + 1;
    if (place->name[0] == '\0')
        return error_set(WEFT_ECREATE, "write '%s': it names no file", path);
    if (length >= sizeof directory)
        return error_set(WEFT_ECREATE, "write %s: the path is longer than %d bytes", path, PATH_MAX);
    if (slash == NULL)
        strcpy(directory, ".");
    else
        snprintf(directory, sizeof directory, "%.*s/", (int)length, path);     /* "/" for a file in the root */
    place->directory = open_at(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY);
    if (place->directory < 0)
        return error_set(WEFT_ECREATE, "write %s: open directory %s: %m", path, directory);
    return WEFT_OK;
}

/* ".<name>.tmp.<pid>.<number>". The number tells the temporary files of this process from those of a dead one that had the
 * same pid, as every run in a container has. */
static atomic_ulong temporaries_named;

static bool temporary_name(const char *name, char temporary[NAME_MAX + 1])
{
    int length = snprintf(temporary, NAME_MAX + 1, ".%s.tmp.%ld.%lu", name, (long)getpid(),
                          atomic_fetch_add(&temporaries_named, 1));
    if (length <= NAME_MAX)
        return true;
    errno = ENAMETOOLONG;
    return false;
}

/* A new, empty temporary file beside place. Returns its descriptor or -1. */
static int temporary_open(const struct place *place, char temporary[NAME_MAX + 1])
{
    for (int i = 0; i < TEMPORARY_TRIES; i++) {
        if (!temporary_name(place->name, temporary))
            return -1;
        int descriptor = open_at(place->directory, temporary, O_WRONLY | O_CREAT | O_EXCL);
        if (descriptor >= 0 || errno != EEXIST)
            return descriptor;
    }
    return -1;
}

/* Writing through a symbolic link replaces what it points to and leaves the link. */
static weft_status follow_link(const char *path, char resolved[PATH_MAX], const char **real)
{
    struct stat info;
    *real = path;
    if (SYSTEM(lstat, path, &info) < 0)
        return errno == ENOENT ? WEFT_OK : error_set(WEFT_ECREATE, "write %s: look what is there: %m", path);
    if (!S_ISLNK(info.st_mode))
        return WEFT_OK;
    if (fault_fails("realpath") || realpath(path, resolved) == NULL)
        return error_set(WEFT_ECREATE, "write %s: follow the symbolic link: %m", path);
    *real = resolved;
    return WEFT_OK;
}

/* A rename would put a file in place of a device as well. */
static weft_status refuse_what_is_no_file(const struct place *place, const char *path)
{
    struct stat info;
    if (SYSTEM(fstatat, place->directory, place->name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? WEFT_OK : error_set(WEFT_ECREATE, "write %s: look what is there: %m", path);
    if (!S_ISREG(info.st_mode))
        return error_set(WEFT_ECREATE, "write %s: what is there is not a regular file", path);
    return WEFT_OK;
}

static size_t total_bytes(const struct file_part *part, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++)
        total += part[i].size_bytes;
    return total;
}

/* Write, fsync and close the temporary file; the descriptor is closed in any case. */
static weft_status temporary_fill(int descriptor, const char *path, const struct file_part *part, size_t count)
{
    weft_status st = WEFT_OK;
    for (size_t i = 0; i < count && st == WEFT_OK; i++)
        if (write_all(descriptor, part[i].bytes, part[i].size_bytes) < 0)
            st = error_set(WEFT_EIO, "write %zu bytes for %s: %m", total_bytes(part, count), path);
    if (st == WEFT_OK && sync_all(descriptor) < 0)
        st = error_set(WEFT_EIO, "fsync for %s: %m", path);
    if (close_written(descriptor) < 0 && st == WEFT_OK)
        st = error_set(WEFT_EIO, "close for %s: %m", path);
    return st;
}

static weft_status temporary_rename(const struct place *place, const char *temporary, const char *path)
{
    if (SYSTEM(renameat, place->directory, temporary, place->directory, place->name) < 0)
        return error_set(WEFT_EIO, "rename %s to %s: %m", temporary, path);
    return WEFT_OK;
}

weft_status file_replace(const char *path, const void *bytes, size_t size_bytes)
{
    return file_replace_parts(path, &(struct file_part){bytes, size_bytes}, 1);
}

weft_status file_replace_parts(const char *path, const struct file_part *part, size_t count)
{
    struct place place;
    char temporary[NAME_MAX + 1], resolved[PATH_MAX];
    weft_status st = follow_link(path, resolved, &path);
    if (st == WEFT_OK)
        st = place_open(path, &place);
    if (st != WEFT_OK)
        return st;
    st = refuse_what_is_no_file(&place, path);
    if (st != WEFT_OK)
        goto done;
    int descriptor = temporary_open(&place, temporary);
    if (descriptor < 0) {
        st = error_set(WEFT_ECREATE, "write %s: create a temporary file beside it: %m", path);
        goto done;
    }
    st = temporary_fill(descriptor, path, part, count);
    if (st == WEFT_OK)
        st = temporary_rename(&place, temporary, path);
    if (st != WEFT_OK)
        (void)SYSTEM(unlinkat, place.directory, temporary, 0);  /* the failure above is what the caller hears of */
    else if (sync_directory(place.directory) < 0)
        st = error_set(WEFT_EIO, "fsync the directory of %s: %m", path);
done:
    close(place.directory);                             /* read only: nothing can be lost here */
    return st;
}

weft_status file_append(const char *path, const void *bytes, size_t size_bytes)
{
    int descriptor = open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND);
    if (descriptor < 0)
        return error_set(WEFT_ECREATE, "append to %s: %m", path);
    weft_status st = WEFT_OK;
    if (write_all(descriptor, bytes, size_bytes) < 0)
        st = error_set(WEFT_EIO, "append %zu bytes to %s: %m", size_bytes, path);
    if (close_written(descriptor) < 0 && st == WEFT_OK)
        st = error_set(WEFT_EIO, "close %s: %m", path);
    return st;
}

/* A symbolic link; where there are none, a second name of the target. Returns -1 with errno. */
static int link_make(const struct place *place, const char *target, const char *temporary)
{
    if (SYSTEM(symlinkat, target, place->directory, temporary) == 0)
        return 0;
    if (errno != EPERM && errno != ENOSYS && errno != EOPNOTSUPP)
        return -1;
    return SYSTEM(linkat, place->directory, target, place->directory, temporary, 0);
}

weft_status file_point_link(const char *target, const char *link_path)
{
    struct place place;
    char temporary[NAME_MAX + 1];
    weft_status st = place_open(link_path, &place);
    if (st != WEFT_OK)
        return st;
    int rc = -1;
    for (int i = 0; i < TEMPORARY_TRIES && rc < 0; i++) {
        rc = temporary_name(place.name, temporary) ? link_make(&place, target, temporary) : -1;
        if (rc < 0 && errno != EEXIST)
            break;
    }
    if (rc < 0) {
        st = error_set(WEFT_ECREATE, "point %s to %s: %m", link_path, target);
        goto done;
    }
    st = temporary_rename(&place, temporary, link_path);
    (void)SYSTEM(unlinkat, place.directory, temporary, 0);      /* still there after a failure, or if both were hard links to one file */
    if (st == WEFT_OK && sync_directory(place.directory) < 0)
        st = error_set(WEFT_EIO, "fsync the directory of %s: %m", link_path);
done:
    close(place.directory);
    return st;
}

weft_status file_remove(const char *path)
{
    if (SYSTEM(unlink, path) < 0 && errno != ENOENT)
        return error_set(WEFT_EIO, "remove %s: %m", path);
    return WEFT_OK;
}

weft_status file_look(const char *path, struct file_look *look)
{
    struct stat info;
    *look = (struct file_look){0};
    if (SYSTEM(stat, path, &info) < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG ? WEFT_OK : error_set(WEFT_EIO, "look at %s: %m", path);
    *look = (struct file_look){true, S_ISDIR(info.st_mode), (uint64_t)info.st_dev, (uint64_t)info.st_ino};
    return WEFT_OK;
}

weft_status file_list(const char *directory, weft_status (*take)(void *context, const char *name), void *context)
{
    DIR *stream = fault_fails("opendir") ? NULL : opendir(directory);
    if (stream == NULL)
        return error_set(WEFT_EIO, "list directory %s: %m", directory);
    weft_status st = WEFT_OK;
    while (st == WEFT_OK) {
        errno = 0;
        struct dirent *entry = fault_fails("readdir") ? NULL : readdir(stream);
        if (entry == NULL)
            break;
        st = take(context, entry->d_name);
    }
    if (st == WEFT_OK && errno != 0)
        st = error_set(WEFT_EIO, "list directory %s: %m", directory);
    closedir(stream);
    return st;
}

static bool is_directory(const char *path)
{
    struct stat info;
    return SYSTEM(stat, path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Make the name of a directory in its parent last. */
static weft_status sync_name(const char *path)
{
    struct place place;
    weft_status st = place_open(path, &place);
    if (st != WEFT_OK)
        return st;
    if (sync_directory(place.directory) < 0)
        st = error_set(WEFT_EIO, "fsync the directory of %s: %m", path);
    close(place.directory);
    return st;
}

static weft_status make_one_directory(const char *path)
{
    if (SYSTEM(mkdir, path, 0777) == 0)
        return sync_name(path);
    int number = errno;
    if (is_directory(path))
        return WEFT_OK;
    errno = number;
    return error_set(WEFT_ECREATE, "make directory %s: %m", path);
}

/* path, or what is above it. *there: it was there already. */
static weft_status make_part(const char *path, const char *part, bool *there)
{
    struct file_look look;
    if (file_look(part, &look) != WEFT_OK)
        return error_context(WEFT_ECREATE, "make directory %s", path);
    *there = look.is_directory;
    return look.is_directory ? WEFT_OK : make_one_directory(part);
}

/* A directory that was there may have been made a moment ago, by somebody who synced nothing. Not "/", nor one whose parent we may
 * not read. */
static bool is_ours_to_sync(const char *path)
{
    char parent[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (path[0] == '\0' || strcmp(path, "/") == 0)
        return false;
    snprintf(parent, sizeof parent, "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1, slash == NULL ? "." : path);
    return access(parent, R_OK) == 0;
}

weft_status file_make_directory(const char *path)
{
    char part[PATH_MAX];
    size_t length = strlen(path), there_length = 0;
    while (length > 1 && path[length - 1] == '/')       /* "a/b/" is a/b */
        length--;
    if (length == 0 || length >= sizeof part)
        return error_set(WEFT_ECREATE, "make directory '%s': wanted a path of 1 to %d bytes", path, PATH_MAX - 1);
    memcpy(part, path, length);
    part[length] = '\0';
    for (size_t end = 1; end <= length; end++) {
        if ((path[end] != '/' && end < length) || path[end - 1] == '/')     /* "a//b" is a/b */
            continue;
        bool there = false;
        part[end] = '\0';
        weft_status st = make_part(path, part, &there);
        if (st != WEFT_OK)
            return st;
        if (there)
            there_length = end;
        part[end] = path[end];
    }
    part[there_length] = '\0';
    return is_ours_to_sync(part) ? sync_name(part) : WEFT_OK;
}

weft_status file_lock(const char *path, int *descriptor)
{
    int file = open_at(AT_FDCWD, path, O_RDWR | O_CREAT);
    if (file < 0)
        return error_set(WEFT_ECREATE, "open lock file %s: %m", path);
    int rc;
    do
        rc = SYSTEM(flock, file, LOCK_EX | LOCK_NB);
    while (rc < 0 && errno == EINTR);
    if (rc < 0 && errno != ENOLCK && errno != ENOSYS && errno != EOPNOTSUPP) {
        weft_status st = errno == EWOULDBLOCK ? error_set(WEFT_ERESOURCE, "lock %s: another process holds it", path)
                                              : error_set(WEFT_ECREATE, "lock %s: %m", path);
        close(file);
        return st;
    }
    *descriptor = file;
    return WEFT_OK;
}

void file_unlock(int descriptor)
{
    close(descriptor);
}

weft_status file_sign_lock(int descriptor, const char *path, const char *text)
{
    if (write_all(descriptor, text, strlen(text)) < 0)
        return error_set(WEFT_EIO, "write %s: %m", path);
    return WEFT_OK;
}

/* Is name ".<own file>.tmp.<process>.<number>"? mark_length is what stands before ".tmp.". */
static bool is_of_own(bool (*is_own)(const char *name), const char *name, size_t mark_length)
{
    char file[NAME_MAX + 1];
    if (is_own == NULL || mark_length == 0 || mark_length > sizeof file)
        return false;
    memcpy(file, name + 1, mark_length - 1);
    file[mark_length - 1] = '\0';
    return is_own(file);
}

/* Is this the name of a temporary file that nobody can be writing any more? */
static bool is_stale_temporary(const char *name, bool (*is_own)(const char *name))
{
    const char *mark = NULL;
    if (name[0] != '.')
        return false;
    for (const char *next = strstr(name, ".tmp."); next != NULL; next = strstr(next + 1, ".tmp."))
        mark = next;
    if (mark == NULL || mark == name)
        return false;
    const char *digits = mark + strlen(".tmp.");
    size_t length = strspn(digits, "0123456789");
    size_t tail = digits[length] == '.' ? strspn(digits + length + 1, "0123456789") : 0;
    if (length == 0 || length > 10 || tail == 0 || tail > 18 || digits[length + 1 + tail] != '\0')
        return false;
    long process = strtol(digits, NULL, 10);
    unsigned long number = strtoul(digits + length + 1, NULL, 10);
    if (process == (long)getpid())
        return number >= atomic_load(&temporaries_named);       /* not ours: of a dead process with our pid */
    if (process <= 0 || process > INT_MAX)
        return false;
    if (is_of_own(is_own, name, (size_t)(mark - name)))
        return true;
    return kill((pid_t)process, 0) < 0 && errno == ESRCH;
}

struct litter {
    int directory;
    bool (*is_own)(const char *name);
};

/* One that stays does no harm. */
static weft_status remove_if_stale(void *litter, const char *name)
{
    const struct litter *in = litter;
    if (is_stale_temporary(name, in->is_own))
        (void)SYSTEM(unlinkat, in->directory, name, 0);
    return WEFT_OK;
}

weft_status file_remove_stale_temporaries(const char *directory, bool (*is_own)(const char *name))
{
    struct litter litter = {open_at(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY), is_own};
    if (litter.directory < 0)
        return error_set(WEFT_EIO, "open directory %s: %m", directory);
    weft_status st = file_list(directory, remove_if_stale, &litter);
    close(litter.directory);
    return st;
}
