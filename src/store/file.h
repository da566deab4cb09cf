/* The only file of Weft that writes to disk. Everything here is POSIX; each function says what is true after it failed. */
#ifndef STORE_FILE_H
#define STORE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/error.h"

/* Put size_bytes bytes at path, whole or not at all: write to a temporary file in the same directory, fsync, rename, fsync
 * the directory. A symbolic link is followed; what is neither missing nor a regular file (a device, a pipe) is refused.
 * WEFT_ECREATE if the temporary file cannot be made; WEFT_EIO later on (no space included). On failure the temporary
 * file is gone and the old file is as it was, with one exception: if the very last step, the fsync of the directory,
 * fails, path is the new file, whole, but it may not outlast a power cut. */
weft_status file_replace(const char *path, const void *bytes, size_t size_bytes);

/* The same with bytes that lie in several places, one after the other in the file. */
struct file_part {
    const void *bytes;
    size_t size_bytes;
};
weft_status file_replace_parts(const char *path, const struct file_part *part, size_t count);

/* Append bytes at the end of path, made if missing. Not atomic: for logs whose truth is kept elsewhere. */
weft_status file_append(const char *path, const void *bytes, size_t size_bytes);

/* Make link_path a symbolic link to target (relative to its directory), replacing what was there, atomically; a hard link
 * where the file system has no symbolic links. WEFT_ECREATE; the last step as in file_replace. */
weft_status file_point_link(const char *target, const char *link_path);

weft_status file_remove(const char *path);                      /* a missing file is fine */
weft_status file_make_directory(const char *path);              /* parents too; an existing one is fine */

/* What is at path, behind symbolic links. Two paths with one identity are one file. Nothing being there is no error;
 * WEFT_EIO if that cannot be found out. */
struct file_look {
    bool exists, is_directory;
    uint64_t device, number;            /* its identity */
};
weft_status file_look(const char *path, struct file_look *look);

/* Call take with the name of each entry of a directory ("." and ".." too, in no order) for as long as it returns WEFT_OK; what it
 * returned otherwise. WEFT_EIO if the directory cannot be read to its end. */
weft_status file_list(const char *directory, weft_status (*take)(void *context, const char *name), void *context);

/* An exclusive flock on path, made if missing. *descriptor goes to file_unlock; the lock ends with the process, however that
 * ends. The file stays: removing a locked file lets two processes lock two files of one name. A file system without
 * locks counts as locked. WEFT_ERESOURCE if another process holds it; WEFT_ECREATE. */
weft_status file_lock(const char *path, int *descriptor);
void file_unlock(int descriptor);

/* Write text to the beginning of the file at path that file_lock has just locked. WEFT_EIO. */
weft_status file_sign_lock(int descriptor, const char *path, const char *text);

/* Remove from a directory the temporary files of file_replace and file_point_link whose process is no longer alive, and those of
 * other processes for files that nobody but the caller may write: is_own says which (its argument is the name of the file that was
 * to be; NULL: there are none), for the number of a dead process may be that of a living one by now. Foreign files are left alone,
 * and so is what cannot be removed. WEFT_EIO if the directory cannot be read. */
weft_status file_remove_stale_temporaries(const char *directory, bool (*is_own)(const char *name));

#endif
