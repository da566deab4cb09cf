/* libhdf5's way to a file that is only read: a file driver in front of bytes in memory or of a descriptor. Nothing beyond the
 * file's end is ever asked of either. */
#ifndef STORE_H5_BYTES_H
#define STORE_H5_BYTES_H

#include <stdbool.h>

#include "store/h5.h"

/* size_bytes bytes at `at`; or, if that is NULL, those of an open file. Either stays the caller's, as does this struct, and must be
 * there until h5_bytes_close. */
struct h5_bytes {
    const void *at;
    int descriptor;
    size_t size_bytes;
    bool lacks_memory;                  /* the cause of a failure, which libhdf5 does not hand on; so is the next */
    int read_errno;                     /* of the descriptor; 0: none */
    struct bytes_file *file;            /* libhdf5's file; NULL: closed */
    hid_t driver;                       /* 1.10 frees one before it has closed the last file of it, unless it is still registered */
};

/* Open them for reading; name is for libhdf5's messages. Negative as H5Fopen; then there is nothing to close. */
hid_t h5_bytes_open(struct h5_bytes *bytes, const char *name);

/* Close the file and whatever is still open in it. Negative as H5Fclose: libhdf5 then keeps the file, but not these bytes. */
herr_t h5_bytes_close(struct h5_bytes *bytes, hid_t file);

/* The status of what was done with them: in place of another failure WEFT_ENOMEM if it came of a lack of memory, WEFT_EIO if the
 * descriptor could not be read; the message is then no more than that. */
weft_status h5_bytes_status(const struct h5_bytes *bytes, weft_status status);

#endif
