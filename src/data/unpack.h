/* A file in memory, read from front to back: as it is, or unpacked if it is gzip (told by its first two bytes, not by its
 * name; several gzip members in a row are one file). */
#ifndef DATA_UNPACK_H
#define DATA_UNPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zlib.h>

#include "weft/error.h"

struct unpacker {
    const char *name;                           /* of the file, for messages */
    const uint8_t *byte;
    size_t size_bytes, taken;                   /* taken: bytes handed out, or given to zlib */
    bool packed, ended;                         /* ended: the last gzip member is over and was whole */
    z_stream stream;
};

/* name and the bytes must outlive the unpacker. WEFT_OK, WEFT_ENOMEM. Close it on success only. */
weft_status unpack_open(struct unpacker *unpacker, const char *name, const void *bytes, size_t size_bytes);

/* The next `wanted` bytes; *got < wanted only at the end of the file. WEFT_OK; WEFT_EDATA if the gzip data is damaged or
 * ends too early; WEFT_ENOMEM. */
weft_status unpack_read(struct unpacker *unpacker, void *out, size_t wanted, size_t *got);

void unpack_close(struct unpacker *unpacker);

#endif
