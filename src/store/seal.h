/* The 64 bytes behind the HDF5 part of a checkpoint, by which Weft knows that every byte is as it was written. HDF5
 * readers stop at the end that the superblock names, and do not see them.
 *
 *   offset  bytes
 *        0  8      magic: 89 57 45 46 54 0d 0a 1a ("\x89WEFT\r\n\x1a")
 *        8  4      version of the seal, 1, little-endian
 *       12  4      zero
 *       16  8      length of the HDF5 part, little-endian
 *       24  16     XXH3-128 of the HDF5 part and the 24 bytes before this one, in canonical (big-endian) form
 *       40  24     zero */
#ifndef STORE_SEAL_H
#define STORE_SEAL_H

#include <stdbool.h>
#include <stddef.h>

#include "store/file.h"

enum { SEAL_SIZE_BYTES = 64 };

/* The seal of an HDF5 part that lies in parts of memory, one after the other. */
void seal_make(const struct file_part *part, size_t count, unsigned char seal[SEAL_SIZE_BYTES]);

/* Does a file of size_bytes bytes end in a seal, right or wrong? */
bool seal_is_present(const void *bytes, size_t size_bytes);

/* Is the seal at the end there and right, to the bit? WEFT_OK; WEFT_EDAMAGED says what is wrong. */
weft_status seal_check(const void *bytes, size_t size_bytes);

#endif
