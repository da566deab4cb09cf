/* A file from front to back, in pieces or as a whole. A pipe will do. */
#ifndef BASE_FILE_READER_H
#define BASE_FILE_READER_H

#include <stddef.h>

#include "weft/error.h"

struct file_reader {
    const char *path;
    int descriptor;
    size_t size_bytes;                  /* what it says itself; 0 if it is no regular file: it does not know */
    size_t limit_bytes, taken_bytes;
};

/* path must outlive the reader. WEFT_ENOINPUT if it is missing, unreadable or a directory; WEFT_EDATA if it says that it is
 * larger than limit_bytes. Close it on success only. */
weft_status file_reader_open(struct file_reader *reader, const char *path, size_t limit_bytes);

/* The next bytes, at most capacity (not 0), as soon as there are some; *got is 0 only at the end of the file, or if reading fails.
 * WEFT_EIO if it does; WEFT_EDATA once more than limit_bytes have come. */
weft_status file_reader_read_some(struct file_reader *reader, void *out, size_t capacity, size_t *got);

/* The next `wanted` bytes; *got < wanted only at the end of the file, wherever that is by now, or after a failure.
 * WEFT_EIO if reading fails; WEFT_EDATA once more than limit_bytes have come. */
weft_status file_reader_read(struct file_reader *reader, void *out, size_t wanted, size_t *got);

void file_reader_close(struct file_reader *reader);

/* The whole file in *bytes (memory_free it), *size_bytes long, followed by a 0 byte that does not count.
 * WEFT_ENOINPUT if it is missing or unreadable, WEFT_EIO if reading fails, WEFT_EDATA if it is larger than limit_bytes,
 * WEFT_ENOMEM. */
weft_status file_read(const char *path, size_t limit_bytes, void **bytes, size_t *size_bytes);

#endif
