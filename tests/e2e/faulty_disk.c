/* Preloaded into a program (LD_PRELOAD), this makes the disk below one directory fail or hang, or be the moment of a signal. Calls on
 * names and descriptors below the directory are counted from 1 on, whatever thread makes them, and those with the wanted numbers meet
 * the fault instead of, or before, what they are for. The environment says which:
 *   FAULTY_DIRECTORY  the directory, an absolute path without symbolic links; without it nothing is counted
 *   FAULTY_CALLS      the calls that count, as in "fsync,renameat"; unset: all that are below
 *   FAULTY_NAMES      only on files whose last part of the path is so (a pattern as in a shell); unset: all
 *   FAULTY_FIRST      number of the first call that meets the fault; unset: none does
 *   FAULTY_LAST       and of the last; unset: all that follow
 *   FAULTY_DO         "error 28" (an errno), "signal 9" (raised before the call is made), "short" (of a write only half is taken),
 *                     "torn" (so, and then SIGKILL), "wait FILE" (for as long as there is that file: a disk that hangs)
 *   FAULTY_LOG        a file that gets a line "<call> <path>" before each call that counts */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The function that would have been called without us. */
#define REAL(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

enum { LINE_BYTES = PATH_MAX + 64 };

enum outcome { MAKE_IT, FAIL_IT, HALF_OF_IT, HALF_AND_END };

static atomic_ulong counted;

static unsigned long number_of(const char *variable, unsigned long preset)
{
    const char *text = getenv(variable);
    return text != NULL ? strtoul(text, NULL, 10) : preset;
}

/* ---- which calls count ---- */

/* The path that a call is about: that of the descriptor if name is NULL, else name as seen from there. */
static void find_path(int descriptor, const char *name, char path[PATH_MAX])
{
    char link[64];
    size_t length = 0;
    if (name == NULL || name[0] != '/') {
        if (descriptor == AT_FDCWD)
            snprintf(link, sizeof link, "/proc/self/cwd");
        else
            snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
        ssize_t got = readlink(link, path, PATH_MAX - 1);
        length = got > 0 ? (size_t)got : 0;
    }
    path[length] = '\0';
    if (name != NULL)
        snprintf(path + length, PATH_MAX - length, "%s%s", length > 0 ? "/" : "", name);
}

static bool is_below(const char *path, const char *directory)
{
    size_t length = strlen(directory);
    return strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static bool is_listed(const char *list, const char *call)
{
    size_t length = strlen(call);
    for (const char *at = list; at != NULL; at = strchr(at, ',') != NULL ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, call, length) == 0 && (at[length] == ',' || at[length] == '\0'))
            return true;
    return false;
}

static bool counts(const char *call, const char *path)
{
    const char *directory = getenv("FAULTY_DIRECTORY"), *calls = getenv("FAULTY_CALLS"), *names = getenv("FAULTY_NAMES");
    if (directory == NULL || !is_below(path, directory) || (calls != NULL && !is_listed(calls, call)))
        return false;
    const char *slash = strrchr(path, '/');
    return names == NULL || fnmatch(names, slash != NULL ? slash + 1 : path, 0) == 0;
}

static void note(const char *call, const char *path)
{
    char line[LINE_BYTES];
    const char *log = getenv("FAULTY_LOG");
    int file = log != NULL ? REAL(openat)(AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666) : -1;
    if (file < 0)
        return;
    int length = snprintf(line, sizeof line, "%s %s\n", call, path);
    if (REAL(write)(file, line, (size_t)length) != length)
        abort();                                        /* a test that counts these lines would be wrong */
    REAL(close)(file);
}

/* ---- what happens to them ---- */

/* A disk that hangs lets no signal through. */
static void wait_while_there_is(const char *path)
{
    while (access(path, F_OK) == 0)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
}

static enum outcome meet_fault(void)
{
    const char *fault = getenv("FAULTY_DO"), *word = fault != NULL ? strchr(fault, ' ') : NULL;
    if (fault == NULL)
        return MAKE_IT;
    if (strcmp(fault, "short") == 0)
        return HALF_OF_IT;
    if (strcmp(fault, "torn") == 0)
        return HALF_AND_END;
    if (word == NULL)
        abort();
    if (strncmp(fault, "error ", 6) == 0) {
        errno = atoi(word + 1);
        return FAIL_IT;
    }
    int before = errno;
    if (strncmp(fault, "signal ", 7) == 0)
        kill(getpid(), atoi(word + 1));
    else
        wait_while_there_is(word + 1);
    errno = before;
    return MAKE_IT;
}

/* Before a call on a name (seen from descriptor) or, if that is NULL, on a descriptor. */
static enum outcome before(const char *call, int descriptor, const char *name)
{
    char path[PATH_MAX];
    int number = errno;
    find_path(descriptor, name, path);
    if (!counts(call, path)) {
        errno = number;
        return MAKE_IT;
    }
    unsigned long this = atomic_fetch_add(&counted, 1) + 1;
    note(call, path);
    errno = number;
    bool is_wanted = this >= number_of("FAULTY_FIRST", ULONG_MAX) && this <= number_of("FAULTY_LAST", ULONG_MAX);
    return is_wanted ? meet_fault() : MAKE_IT;
}

/* ---- the calls ---- */

int openat(int directory, const char *name, int flags, ...)
{
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    return before("openat", directory, name) == FAIL_IT ? -1 : REAL(openat)(directory, name, flags, mode);
}

ssize_t read(int descriptor, void *bytes, size_t size)
{
    return before("read", descriptor, NULL) == FAIL_IT ? -1 : REAL(read)(descriptor, bytes, size);
}

ssize_t write(int descriptor, const void *bytes, size_t size)
{
    enum outcome outcome = before("write", descriptor, NULL);
    if (outcome == FAIL_IT)
        return -1;
    ssize_t written = REAL(write)(descriptor, bytes, outcome != MAKE_IT && size > 1 ? size / 2 : size);
    if (outcome == HALF_AND_END)
        kill(getpid(), SIGKILL);
    return written;
}

int fsync(int descriptor)
{
    return before("fsync", descriptor, NULL) == FAIL_IT ? -1 : REAL(fsync)(descriptor);
}

/* Closes, whatever it says then. */
int close(int descriptor)
{
    enum outcome outcome = before("close", descriptor, NULL);
    int number = errno, rc = REAL(close)(descriptor);
    if (outcome != FAIL_IT)
        return rc;
    errno = number;
    return -1;
}

int renameat(int from_directory, const char *from, int to_directory, const char *to)
{
    return before("renameat", to_directory, to) == FAIL_IT ? -1 : REAL(renameat)(from_directory, from, to_directory, to);
}

int symlinkat(const char *target, int directory, const char *name)
{
    return before("symlinkat", directory, name) == FAIL_IT ? -1 : REAL(symlinkat)(target, directory, name);
}

int linkat(int from_directory, const char *from, int to_directory, const char *to, int flags)
{
    return before("linkat", to_directory, to) == FAIL_IT ? -1 : REAL(linkat)(from_directory, from, to_directory, to, flags);
}

int unlinkat(int directory, const char *name, int flags)
{
    return before("unlinkat", directory, name) == FAIL_IT ? -1 : REAL(unlinkat)(directory, name, flags);
}

int unlink(const char *name)
{
    return before("unlink", AT_FDCWD, name) == FAIL_IT ? -1 : REAL(unlink)(name);
}

int mkdir(const char *name, mode_t mode)
{
    return before("mkdir", AT_FDCWD, name) == FAIL_IT ? -1 : REAL(mkdir)(name, mode);
}

int flock(int descriptor, int operation)
{
    return before("flock", descriptor, NULL) == FAIL_IT ? -1 : REAL(flock)(descriptor, operation);
}

DIR *opendir(const char *name)
{
    return before("opendir", AT_FDCWD, name) == FAIL_IT ? NULL : REAL(opendir)(name);
}

struct dirent *readdir(DIR *stream)
{
    return before("readdir", dirfd(stream), NULL) == FAIL_IT ? NULL : REAL(readdir)(stream);
}
