/* See run_lock.h. A lock is on a file, not on its name: who works by names has to look whose file has the name now. */
#include "store/run_lock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file_reader.h"
#include "base/memory.h"
#include "store/file.h"

static void make_sign(char sign[RUN_LOCK_SIGN_BYTES + 1])
{
    static atomic_uint number;
    struct timespec now;
    char text[RUN_LOCK_SIGN_BYTES];
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(text, sizeof text, "process %ld, %lld.%09ld s, %u", (long)getpid(), (long long)now.tv_sec, now.tv_nsec,
             atomic_fetch_add(&number, 1));
    snprintf(sign, RUN_LOCK_SIGN_BYTES + 1, "%-*s\n", RUN_LOCK_SIGN_BYTES - 1, text);
}

static weft_status lock_and_sign(struct run_lock *lock)
{
    int descriptor;
    make_sign(lock->sign);
    weft_status st = file_lock(lock->path, &descriptor);
    if (st != WEFT_OK)
        return st;
    st = file_sign_lock(descriptor, lock->path, lock->sign);
    if (st == WEFT_OK)
        lock->descriptor = descriptor;
    else
        file_unlock(descriptor);
    return st;
}

weft_status run_lock_take(const char *directory, struct run_lock *lock)
{
    size_t size = strlen(directory) + sizeof "/lock";
    lock->path = memory_new(size, 1);
    if (lock->path == NULL)
        return WEFT_ENOMEM;
    snprintf(lock->path, size, "%s/lock", directory);
    weft_status st = lock_and_sign(lock);
    if (st != WEFT_OK)
        memory_free(lock->path);
    else
        pthread_mutex_init(&lock->mutex, NULL);         /* with no attributes it cannot fail */
    return st;
}

static int directory_length(const struct run_lock *lock)
{
    return (int)(strlen(lock->path) - strlen("/lock"));
}

/* Somebody has removed the file, as what is left of a run that has ended, or it could not be signed. Until it is locked again nobody
 * has the directory, and whoever is first gets it. */
static weft_status take_again(struct run_lock *lock)
{
    char path[4200];
    struct file_look ini;
    snprintf(path, sizeof path, "%.*s/run.ini", directory_length(lock), lock->path);
    weft_status st = file_look(path, &ini);
    if (st == WEFT_OK && !ini.exists)
        return error_set(WEFT_EIO, "save in %.*s: it is not the run's directory any more: neither lock nor run.ini is in it",
                         directory_length(lock), lock->path);
    if (st == WEFT_OK && lock->descriptor >= 0) {
        file_unlock(lock->descriptor);
        lock->descriptor = -1;
    }
    return st == WEFT_OK ? lock_and_sign(lock) : st;
}

/* The sign in the file; "" without a whole one. */
static weft_status read_sign(const struct run_lock *lock, char sign[RUN_LOCK_SIGN_BYTES + 1])
{
    struct file_look look;
    char *text = NULL;
    size_t size_bytes;
    sign[0] = '\0';
    weft_status st = file_look(lock->path, &look);
    if (st != WEFT_OK || !look.exists)
        return st;
    st = file_read(lock->path, RUN_LOCK_SIGN_BYTES, (void **)&text, &size_bytes);
    if (st == WEFT_OK && size_bytes == RUN_LOCK_SIGN_BYTES)
        memcpy(sign, text, size_bytes + 1);
    memory_free(text);
    if (st == WEFT_ENOINPUT && file_look(lock->path, &look) == WEFT_OK && !look.exists)
        return WEFT_OK;                                         /* removed just now */
    return st;
}

static weft_status check(struct run_lock *lock)
{
    char sign[RUN_LOCK_SIGN_BYTES + 1];
    weft_status st = read_sign(lock, sign);
    if (st == WEFT_OK && sign[0] == '\0')
        st = take_again(lock);
    else if (st == WEFT_OK && strcmp(sign, lock->sign) != 0)
        st = error_set(WEFT_EIO, "save in %.*s: another process has the directory now; this run's has been moved, or its lock removed",
                       directory_length(lock), lock->path);
    return st == WEFT_OK || st == WEFT_ENOMEM ? st : error_set(WEFT_EIO, "%s", weft_last_error());
}

weft_status run_lock_check(struct run_lock *lock)
{
    pthread_mutex_lock(&lock->mutex);
    weft_status st = check(lock);
    pthread_mutex_unlock(&lock->mutex);
    return st;
}

void run_lock_release(struct run_lock *lock)
{
    if (lock->descriptor >= 0)
        file_unlock(lock->descriptor);
    pthread_mutex_destroy(&lock->mutex);
    memory_free(lock->path);
}
