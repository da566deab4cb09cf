/* Bytes of a file from front to back: as they are, or unpacked if it is gzip (told by its first two bytes, not by its name;
 * several gzip members in a row are one file). The file may be in memory, or on disk: then only a piece of it is in memory at
 * a time, and what is not packed is read straight to where it is wanted. */
#ifndef DATA_UNPACK_H
#define DATA_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zlib.h>

#include "base/file_reader.h"

struct unpacker {
    const char *name;                           /* of the file, for messages */
    struct file_reader *file;                   /* where more comes from; NULL: all is in memory */
    uint8_t *buffer;                            /* for pieces of the file; NULL without one */
    const uint8_t *next;                        /* bytes at hand: not handed out, nor given to zlib */
    size_t left, taken;                         /* how many; how many came before them */
    bool packed, ended;                         /* ended: the last gzip member is over and was whole */
    z_stream stream;
};

/* From memory. name and the bytes must outlive the unpacker. WEFT_OK, WEFT_ENOMEM. Close it on success only. */
weft_status unpack_open(struct unpacker *unpacker, const char *name, const void *bytes, size_t size_bytes);

/* From an open file, which must outlive the unpacker and stays the caller's; also WEFT_EIO, WEFT_EDATA of its reader. */
weft_status unpack_open_file(struct unpacker *unpacker, struct file_reader *file);

/* The next `wanted` bytes; *got < wanted only at the end of the file, or after a failure. WEFT_OK; WEFT_EDATA if the gzip data
 * is damaged or ends too early; WEFT_ENOMEM; WEFT_EIO, WEFT_EDATA of the file's reader. */
weft_status unpack_read(struct unpacker *unpacker, void *out, size_t wanted, size_t *got);

void unpack_close(struct unpacker *unpacker);

#endif
