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
#include "base/memory.h"

enum { READ_FIRST_BYTES = 1 << 16, TEMPORARY_TRIES = 1000 };

static _Atomic(file_fault *) fault;

void file_set_fault(file_fault *new_fault)
{
    atomic_store(&fault, new_fault);
}

static bool must_fail(const char *call)
{
    file_fault *ask = atomic_load(&fault);
    int number = ask == NULL ? 0 : ask(call);
    if (number != 0)
        errno = number;
    return number != 0;
}

#define SYSTEM(call, ...) (must_fail(#call) ? -1 : call(__VA_ARGS__))

static int open_at(int directory, const char *name, int flags)
{
    int descriptor;
    do
        descriptor = SYSTEM(openat, directory, name, flags | O_CLOEXEC, 0666);
    while (descriptor < 0 && errno == EINTR);
    return descriptor;
}

static int write_all(int descriptor, const void *bytes, size_t size_bytes)
{
    const char *next = bytes;
    while (size_bytes > 0) {
        ssize_t written = SYSTEM(write, descriptor, next, size_bytes);
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

/* Closes in any case, also if a test wants it to fail; never retried: after EINTR the descriptor is gone on Linux. */
static int close_written(int descriptor)
{
    int rc = close(descriptor);
    return must_fail("close") ? -1 : rc;
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
    if (lstat(path, &info) < 0 || !S_ISLNK(info.st_mode))
        return WEFT_OK;
    if (realpath(path, resolved) == NULL)
        return error_set(WEFT_ECREATE, "write %s: follow the symbolic link: %m", path);
    *real = resolved;
    return WEFT_OK;
}

static bool is_replaceable(const struct place *place)
{
    struct stat info;
    if (SYSTEM(fstatat, place->directory, place->name, &info, AT_SYMLINK_NOFOLLOW) < 0)
        return true;                    /* not there; anything worse shows when the temporary file is made */
    return S_ISREG(info.st_mode);
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
    if (!is_replaceable(&place)) {
        st = error_set(WEFT_ECREATE, "write %s: what is there is not a regular file", path);
        goto done;
    }
    int descriptor = temporary_open(&place, temporary);
    if (descriptor < 0) {
        st = error_set(WEFT_ECREATE, "write %s: create a temporary file beside it: %m", path);
        goto done;
    }
    st = temporary_fill(descriptor, path, part, count);
    if (st == WEFT_OK)
        st = temporary_rename(&place, temporary, path);
    if (st != WEFT_OK)
        unlinkat(place.directory, temporary, 0);        /* the failure above is what the caller hears of */
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
    unlinkat(place.directory, temporary, 0);    /* still there after a failure, or if both were hard links to one file */
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

static bool is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* mkdir, and make its name in the parent last. */
static weft_status make_one_directory(const char *path)
{
    if (SYSTEM(mkdir, path, 0777) < 0) {
        int number = errno;
        if (is_directory(path))
            return WEFT_OK;
        errno = number;
        return error_set(WEFT_ECREATE, "make directory %s: %m", path);
    }
    struct place place;
    weft_status st = place_open(path, &place);
    if (st != WEFT_OK)
        return st;
    if (sync_directory(place.directory) < 0)
        st = error_set(WEFT_EIO, "fsync the directory of %s: %m", path);
    close(place.directory);
    return st;
}

weft_status file_make_directory(const char *path)
{
    char part[PATH_MAX];
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')       /* "a/b/" is a/b */
        length--;
    if (length == 0 || length >= sizeof part)
        return error_set(WEFT_ECREATE, "make directory '%s': wanted a path of 1 to %d bytes", path, PATH_MAX - 1);
    memcpy(part, path, length);
    part[length] = '\0';
    if (is_directory(part))
        return WEFT_OK;
    for (char *slash = strchr(part + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        weft_status st = is_directory(part) ? WEFT_OK : make_one_directory(part);
        if (st != WEFT_OK)
            return st;
        *slash = '/';
    }
    return make_one_directory(part);
}

static weft_status too_large(const struct file_reader *reader, size_t size_bytes)
{
    return error_set(WEFT_EDATA, "read %s: %zu bytes or more, at most %zu wanted", reader->path, size_bytes,
                     reader->limit_bytes);
}

weft_status file_reader_open(struct file_reader *reader, const char *path, size_t limit_bytes)
{
    *reader = (struct file_reader){.path = path, .limit_bytes = limit_bytes};
    reader->descriptor = open_at(AT_FDCWD, path, O_RDONLY);
    if (reader->descriptor < 0)
        return error_set(WEFT_ENOINPUT, "open %s: %m", path);
    struct stat info;
    weft_status st = WEFT_OK;
    if (SYSTEM(fstat, reader->descriptor, &info) < 0)
        st = error_set(WEFT_ENOINPUT, "open %s: %m", path);
    else if (S_ISDIR(info.st_mode))
        st = error_set(WEFT_ENOINPUT, "open %s: it is a directory, wanted a file", path);
    else if (S_ISREG(info.st_mode) && (uintmax_t)info.st_size > limit_bytes)
        st = too_large(reader, (size_t)info.st_size);
    else
        reader->size_bytes = S_ISREG(info.st_mode) ? (size_t)info.st_size : 0;
    if (st != WEFT_OK)
        file_reader_close(reader);
    return st;
}

void file_reader_close(struct file_reader *reader)
{
    close(reader->descriptor);                          /* read only */
}

weft_status file_reader_read(struct file_reader *reader, void *out, size_t wanted, size_t *got)
{
    *got = 0;
    while (*got < wanted) {
        ssize_t piece = SYSTEM(read, reader->descriptor, (char *)out + *got, wanted - *got);
        if (piece < 0 && errno == EINTR)
            continue;
        if (piece < 0)
            return error_set(WEFT_EIO, "read %s at byte %zu: %m", reader->path, reader->taken_bytes);
        if (piece == 0)
            break;
        *got += (size_t)piece;
        reader->taken_bytes += (size_t)piece;
        if (reader->taken_bytes > reader->limit_bytes)
            return too_large(reader, reader->taken_bytes);
    }
    return WEFT_OK;
}

/* To the end, however long the file says it is: *bytes grows when it must. */
static weft_status read_all(struct file_reader *reader, char **bytes, size_t *size_bytes)
{
    size_t capacity = (reader->size_bytes != 0 ? reader->size_bytes : READ_FIRST_BYTES) + 2;
    char *buffer = memory_reserve(capacity, 1);         /* a byte to meet the end in, and one for the final 0 */
    if (buffer == NULL)
        return error_context(WEFT_ENOMEM, "read %s", reader->path);
    for (size_t size = 0, got;;) {
        weft_status st = file_reader_read(reader, buffer + size, capacity - 1 - size, &got);
        size += got;
        if (st == WEFT_OK && size < capacity - 1) {
            buffer[size] = '\0';
            *bytes = buffer;
            *size_bytes = size;
            return WEFT_OK;
        }
        char *grown = st == WEFT_OK ? memory_grow(buffer, size, 2 * capacity, 1) : NULL;
        if (grown == NULL) {
            memory_free(buffer);
            return st == WEFT_OK ? error_context(WEFT_ENOMEM, "read %s", reader->path) : st;
        }
        buffer = grown;
        capacity *= 2;
    }
}

weft_status file_read(const char *path, size_t limit_bytes, void **bytes, size_t *size_bytes)
{
    struct file_reader reader;
    char *buffer = NULL;
    weft_status st = file_reader_open(&reader, path, limit_bytes);
    if (st != WEFT_OK)
        return st;
    st = read_all(&reader, &buffer, size_bytes);
    file_reader_close(&reader);
    *bytes = buffer;
    return st;
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

/* Is this the name of a temporary file whose process cannot be writing it any more? */
static bool is_stale_temporary(const char *name)
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
    return kill((pid_t)process, 0) < 0 && errno == ESRCH;
}

weft_status file_remove_stale_temporaries(const char *directory)
{
    DIR *stream = opendir(directory);
    if (stream == NULL)
        return error_set(WEFT_EIO, "list directory %s: %m", directory);
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream))
        if (is_stale_temporary(entry->d_name))
            unlinkat(dirfd(stream), entry->d_name, 0);          /* litter: one that stays does no harm */
    closedir(stream);
    return WEFT_OK;
}
