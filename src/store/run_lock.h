/* Who has a run's directory: the process that holds the lock on its file `lock`, and has signed it. */
#ifndef STORE_RUN_LOCK_H
#define STORE_RUN_LOCK_H

#include <pthread.h>

#include "weft/error.h"

enum { RUN_LOCK_SIGN_BYTES = 80 };

struct run_lock {
    char *path;
    int descriptor;                     /* -1: it was lost, and could not be taken again */
    char sign[RUN_LOCK_SIGN_BYTES + 1]; /* the file's text, always as long: process, time, number; no two are the same */
    pthread_mutex_t mutex;              /* of descriptor and sign */
};

/* Lock <directory>/lock and sign it. WEFT_ERESOURCE if another process holds it; WEFT_ECREATE, WEFT_EIO, WEFT_ENOMEM. */
weft_status run_lock_take(const char *directory, struct run_lock *lock);

/* Is the file at that path still the one that was signed? It is not once the directory has been moved and another run has begun in
 * its place, or if another process has come past the lock. A file that is gone, or not signed, is locked again, unless run.ini is gone
 * as well: then the directory is another one. Before anything is written; any thread. WEFT_EIO, and nothing must be written. */
weft_status run_lock_check(struct run_lock *lock);

void run_lock_release(struct run_lock *lock);

#endif
