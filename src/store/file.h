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

/* A file from front to back, in pieces. A pipe will do. */
struct file_reader {
    const char *path;
    int descriptor;
    size_t size_bytes;                  /* what it says itself; 0 if it is no regular file: it does not know */
    size_t limit_bytes, taken_bytes;
};

/* path must outlive the reader. WEFT_ENOINPUT if it is missing, unreadable or a directory; WEFT_EDATA if it says that it is
 * larger than limit_bytes. Close it on success only. */
weft_status file_reader_open(struct file_reader *reader, const char *path, size_t limit_bytes);

/* The next `wanted` bytes; *got < wanted only at the end of the file, wherever that is by now, or after a failure.
 * WEFT_EIO if reading fails; WEFT_EDATA once more than limit_bytes have come. */
weft_status file_reader_read(struct file_reader *reader, void *out, size_t wanted, size_t *got);

void file_reader_close(struct file_reader *reader);

/* The whole file in *bytes (memory_free it), *size_bytes long, followed by a 0 byte that does not count. A pipe will do.
 * WEFT_ENOINPUT if it is missing or unreadable, WEFT_EIO if reading fails, WEFT_EDATA if it is larger than limit_bytes,
 * WEFT_ENOMEM. */
weft_status file_read(const char *path, size_t limit_bytes, void **bytes, size_t *size_bytes);

/* An exclusive flock on path, made if missing. *descriptor goes to file_unlock; the lock ends with the process, however that
 * ends. The file stays: removing a locked file would let two processes lock two files of one name. A file system without
 * locks counts as locked. WEFT_ERESOURCE if another process holds it; WEFT_ECREATE. */
weft_status file_lock(const char *path, int *descriptor);
void file_unlock(int descriptor);

/* Remove from a directory the temporary files of file_replace and file_point_link whose process is no longer alive.
 * Foreign files are left alone, and so is what cannot be removed. WEFT_EIO if the directory cannot be read. */
weft_status file_remove_stale_temporaries(const char *directory);

/* For tests: asked before every system call of the functions above with its name ("openat", "write", "fsync", "renameat",
 * ...). A value other than 0 is the errno with which that call fails instead of being made. NULL: none. Process wide;
 * called by whatever thread writes. */
typedef int file_fault(const char *call);
void file_set_fault(file_fault *fault);

#endif
