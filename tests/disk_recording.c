/* Every system call that changes files comes here first: it is made, and what it did is written down, in one go, whatever thread
 * makes it. */
#include "disk_recording.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PROCESSES_MAX = 1 << 22 };       /* no process has a larger number (proc(5), pid_max) */

static struct disk *recorded;           /* NULL: none runs */
static long recordings;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* ---- the list ---- */

static size_t inode_new(struct disk *disk, int kind, const struct stat *info, const char *target)
{
    disk->inode = grown(disk->inode, disk->inodes, &disk->inode_capacity, sizeof *disk->inode);
    disk->inode[disk->inodes] = (struct inode){.kind = kind, .device = info->st_dev, .number = info->st_ino,
                                               .target = target != NULL ? copy_of(target, strlen(target) + 1) : NULL};
    return disk->inodes++;
}

/* The latest of that number: a file system may use the number of a removed one again. */
static size_t inode_of(const struct disk *disk, const struct stat *info)
{
    for (size_t i = disk->inodes; i-- > ROOT;)
        if (disk->inode[i].device == info->st_dev && disk->inode[i].number == info->st_ino)
            return i;
    return NOTHING;
}

static struct operation *operation_new(struct disk *disk, int kind, size_t inode)
{
    disk->operation = grown(disk->operation, disk->operations, &disk->operation_capacity, sizeof *disk->operation);
    struct operation *o = &disk->operation[disk->operations++];
    *o = (struct operation){.kind = kind, .inode = inode};
    return o;
}

static void add_name(struct disk *disk, size_t directory, const char *name, size_t inode, bool is_second)
{
    struct operation *o = operation_new(disk, NAME, inode);
    o->directory = directory;
    o->name = copy_of(name, strlen(name) + 1);
    o->is_second = is_second;
}

static void add_write(struct disk *disk, size_t inode, size_t at, const void *bytes, size_t size_bytes)
{
    struct operation *o = operation_new(disk, WRITE, inode);
    if (disk->inode[inode].kind != A_FILE)
        give_up("written to something that is no file");
    o->at = at;
    o->size_bytes = size_bytes;
    o->bytes = copy_of(bytes, size_bytes);
}

static void add_what_stands(struct disk *disk, size_t directory, const char *directory_path)
{
    DIR *stream = opendir(directory_path);
    if (stream == NULL)
        give_up("cannot list %s", directory_path);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        char path[PATH_MAX], target[PATH_MAX];
        struct stat info;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        path_of(path, directory_path, entry->d_name);
        if (lstat(path, &info) < 0)
            give_up("cannot look at %s", path);
        size_t inode = inode_of(disk, &info);
        if (inode == NOTHING && S_ISDIR(info.st_mode)) {
            inode = inode_new(disk, A_DIRECTORY, &info, NULL);
            add_what_stands(disk, inode, path);
        } else if (inode == NOTHING && S_ISLNK(info.st_mode)) {
            ssize_t length = readlink(path, target, sizeof target - 1);
            target[length < 0 ? 0 : length] = '\0';
            inode = inode_new(disk, A_LINK, &info, target);
        } else if (inode == NOTHING) {
            inode = inode_new(disk, A_FILE, &info, NULL);
            unsigned char *bytes = bytes_of(path, (size_t)info.st_size);
            add_write(disk, inode, 0, bytes, (size_t)info.st_size);
            free(bytes);
        }
        add_name(disk, directory, entry->d_name, inode, false);
    }
    closedir(stream);
}

struct disk *disk_record(const char *directory)
{
    struct disk *disk = calloc(1, sizeof *disk);
    struct stat info;
    if (disk == NULL || recorded != NULL || stat(directory, &info) < 0)
        give_up("cannot record %s", directory);
    snprintf(disk->root, sizeof disk->root, "%s", directory);
    (void)inode_new(disk, A_FILE, &(struct stat){0}, NULL);             /* NOTHING */
    add_what_stands(disk, inode_new(disk, A_DIRECTORY, &info, NULL), directory);
    for (size_t i = ROOT, end = disk->inodes; i < end; i++)
        (void)operation_new(disk, SYNC, i);
    disk->first = disk->operations;
    recordings++;
    recorded = disk;
    return disk;
}

void disk_mark(int kind, int64_t number)
{
    pthread_mutex_lock(&mutex);
    struct operation *o = operation_new(recorded, MARK, NOTHING);
    o->mark = kind;
    o->number = number;
    pthread_mutex_unlock(&mutex);
}

void disk_free(struct disk *disk)
{
    if (disk == NULL)
        return;
    if (disk == recorded)               /* its test has failed */
        recorded = NULL;
    for (size_t i = 0; i < disk->operations; i++) {
        free(disk->operation[i].name);
        free(disk->operation[i].bytes);
    }
    for (size_t i = 0; i < disk->inodes; i++)
        free(disk->inode[i].target);
    free(disk->operation);
    free(disk->inode);
    free(disk);
}

size_t disk_points(const struct disk *disk)
{
    return disk->operations - disk->first + 1;
}

int64_t disk_marked(const struct disk *disk, size_t point, int kind)
{
    for (size_t i = disk->first + point; i-- > disk->first;)
        if (disk->operation[i].kind == MARK && disk->operation[i].mark == kind)
            return disk->operation[i].number;
    return -1;
}

void disk_stop(struct disk *disk)
{
    if (disk != recorded)
        give_up("stopped a recording that does not run");
    recorded = NULL;
    disk_compare(disk);
}

/* ---- the system calls ---- */

static bool begin(void)
{
    if (recorded == NULL)
        return false;
    pthread_mutex_lock(&mutex);
    return true;
}

static void end(int error)
{
    pthread_mutex_unlock(&mutex);
    errno = error;
}

/* The directory that holds a path's last name, which *name points at; NOTHING if that is not recorded. */
static size_t directory_of(int directory, const char *path, const char **name)
{
    const char *slash = strrchr(path, '/');
    char parent[PATH_MAX];
    struct stat info;
    *name = slash == NULL ? path : slash + 1;
    snprintf(parent, sizeof parent, "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1, slash == NULL ? "." : path);
    return fstatat(directory, parent, &info, 0) == 0 ? inode_of(recorded, &info) : NOTHING;
}

/* What a path stands for, a link not followed; NOTHING if it is not there or not recorded. */
static size_t named(int directory, const char *path)
{
    struct stat info;
    return fstatat(directory, path, &info, AT_SYMLINK_NOFOLLOW) == 0 ? inode_of(recorded, &info) : NOTHING;
}

static size_t new_at(int directory, const char *path, int kind, const char *target)
{
    struct stat info;
    if (fstatat(directory, path, &info, AT_SYMLINK_NOFOLLOW) < 0)
        give_up("%s is gone as soon as it was made", path);
    return inode_new(recorded, kind, &info, target);
}

static void add_name_at(int directory, const char *path, size_t inode, bool is_second)
{
    const char *name;
    size_t parent = directory_of(directory, path, &name);
    if (parent == NOTHING && inode != NOTHING)
        give_up("%s is outside the recorded directory", path);
    if (parent != NOTHING)
        add_name(recorded, parent, name, inode, is_second);
}

#define WRAPPED(type, call, ...) type __real_##call(__VA_ARGS__); type __wrap_##call(__VA_ARGS__); type __wrap_##call(__VA_ARGS__)

int __real_openat(int directory, const char *path, int flags, ...);
int __wrap_openat(int directory, const char *path, int flags, ...);
int __wrap_openat(int directory, const char *path, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    int mode = flags & O_CREAT ? va_arg(arguments, int) : 0;
    va_end(arguments);
    if (!begin())
        return __real_openat(directory, path, flags, mode);
    struct stat info;
    const char *name;
    bool is_new = flags & O_CREAT && directory_of(directory, path, &name) != NOTHING
                  && fstatat(directory, path, &info, AT_SYMLINK_NOFOLLOW) < 0;
    int descriptor = __real_openat(directory, path, flags, mode), error = errno;
    if (descriptor >= DESCRIPTORS_MAX || flags & O_TRUNC)
        give_up("openat of %s in a way that it does not know", path);
    if (descriptor >= 0 && is_new)
        add_name_at(directory, path, new_at(directory, path, A_FILE, NULL), false);
    if (descriptor >= 0 && fstat(descriptor, &info) == 0)
        recorded->open_inode[descriptor] = inode_of(recorded, &info);
    end(error);
    return descriptor;
}

static size_t open_inode(int descriptor)
{
    return descriptor >= 0 && descriptor < DESCRIPTORS_MAX ? recorded->open_inode[descriptor] : NOTHING;
}

WRAPPED(ssize_t, write, int descriptor, const void *bytes, size_t size_bytes)
{
    if (!begin())
        return __real_write(descriptor, bytes, size_bytes);
    ssize_t written = __real_write(descriptor, bytes, size_bytes);
    int error = errno;
    if (written > 0 && open_inode(descriptor) != NOTHING)
        add_write(recorded, open_inode(descriptor), (size_t)(lseek(descriptor, 0, SEEK_CUR) - written), bytes, (size_t)written);
    end(error);
    return written;
}

WRAPPED(int, fsync, int descriptor)
{
    if (!begin())
        return __real_fsync(descriptor);
    int rc = __real_fsync(descriptor), error = errno;
    if (rc == 0 && open_inode(descriptor) != NOTHING)
        (void)operation_new(recorded, SYNC, open_inode(descriptor));
    end(error);
    return rc;
}

WRAPPED(int, close, int descriptor)
{
    if (!begin())
        return __real_close(descriptor);
    if (open_inode(descriptor) != NOTHING)
        recorded->open_inode[descriptor] = NOTHING;
    int rc = __real_close(descriptor);
    end(errno);
    return rc;
}

WRAPPED(int, renameat, int from_directory, const char *from, int to_directory, const char *to)
{
    if (!begin())
        return __real_renameat(from_directory, from, to_directory, to);
    size_t inode = named(from_directory, from), replaced = named(to_directory, to);
    int rc = __real_renameat(from_directory, from, to_directory, to), error = errno;
    if (rc == 0 && inode != NOTHING && inode != replaced) {             /* two names of one file: rename does nothing */
        add_name_at(to_directory, to, inode, false);
        add_name_at(from_directory, from, NOTHING, true);
    }
    end(error);
    return rc;
}

WRAPPED(int, unlinkat, int directory, const char *path, int flags)
{
    if (!begin())
        return __real_unlinkat(directory, path, flags);
    int rc = __real_unlinkat(directory, path, flags), error = errno;
    if (rc == 0)
        add_name_at(directory, path, NOTHING, false);
    end(error);
    return rc;
}

WRAPPED(int, unlink, const char *path)
{
    return __wrap_unlinkat(AT_FDCWD, path, 0);
}

WRAPPED(int, symlinkat, const char *target, int directory, const char *path)
{
    if (!begin())
        return __real_symlinkat(target, directory, path);
    int rc = __real_symlinkat(target, directory, path), error = errno;
    if (rc == 0)
        add_name_at(directory, path, new_at(directory, path, A_LINK, target), false);
    end(error);
    return rc;
}

WRAPPED(int, linkat, int from_directory, const char *from, int to_directory, const char *to, int flags)
{
    if (!begin())
        return __real_linkat(from_directory, from, to_directory, to, flags);
    int rc = __real_linkat(from_directory, from, to_directory, to, flags), error = errno;
    if (rc == 0)
        add_name_at(to_directory, to, named(from_directory, from), false);
    end(error);
    return rc;
}

WRAPPED(int, mkdir, const char *path, mode_t mode)
{
    if (!begin())
        return __real_mkdir(path, mode);
    int rc = __real_mkdir(path, mode), error = errno;
    if (rc == 0)
        add_name_at(AT_FDCWD, path, new_at(AT_FDCWD, path, A_DIRECTORY, NULL), false);
    end(error);
    return rc;
}

WRAPPED(pid_t, getpid, void)
{
    return recorded != NULL ? (pid_t)(PROCESSES_MAX + recordings) : __real_getpid();
}

/* Calls that the library does not use: what they do would be missed. */
#define UNKNOWN(type, call, parameters, arguments)                          \
    type __real_##call parameters;                                          \
    type __wrap_##call parameters;                                          \
    type __wrap_##call parameters                                           \
    {                                                                       \
        if (recorded != NULL)                                               \
            give_up("it does not know the call %s", #call);                 \
        return __real_##call arguments;                                     \
    }
UNKNOWN(ssize_t, pwrite, (int file, const void *bytes, size_t size, off_t at), (file, bytes, size, at))
UNKNOWN(ssize_t, writev, (int file, const struct iovec *part, int count), (file, part, count))
UNKNOWN(ssize_t, pwritev, (int file, const struct iovec *part, int count, off_t at), (file, part, count, at))
UNKNOWN(ssize_t, sendfile, (int to, int from, off_t *at, size_t size), (to, from, at, size))
UNKNOWN(ssize_t, copy_file_range, (int from, off_t *at, int to, off_t *to_at, size_t size, unsigned flags),
        (from, at, to, to_at, size, flags))
UNKNOWN(int, fdatasync, (int file), (file))
UNKNOWN(int, syncfs, (int file), (file))
UNKNOWN(int, sync_file_range, (int file, off_t at, off_t size, unsigned flags), (file, at, size, flags))
UNKNOWN(int, ftruncate, (int file, off_t size), (file, size))
UNKNOWN(int, truncate, (const char *path, off_t size), (path, size))
UNKNOWN(int, fallocate, (int file, int mode, off_t at, off_t size), (file, mode, at, size))
UNKNOWN(int, posix_fallocate, (int file, off_t at, off_t size), (file, at, size))
UNKNOWN(int, rename, (const char *from, const char *to), (from, to))
UNKNOWN(int, renameat2, (int from_at, const char *from, int to_at, const char *to, unsigned flags), (from_at, from, to_at, to, flags))
UNKNOWN(int, link, (const char *from, const char *to), (from, to))
UNKNOWN(int, symlink, (const char *target, const char *path), (target, path))
UNKNOWN(int, mkdirat, (int directory, const char *path, mode_t mode), (directory, path, mode))
UNKNOWN(int, rmdir, (const char *path), (path))
UNKNOWN(int, remove, (const char *path), (path))
UNKNOWN(int, creat, (const char *path, mode_t mode), (path, mode))
UNKNOWN(int, mkstemp, (char *path), (path))
UNKNOWN(int, dup, (int file), (file))
UNKNOWN(int, dup2, (int file, int copy), (file, copy))
