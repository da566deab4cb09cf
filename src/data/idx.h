/* An IDX file in memory: `00 00 T R`, T the type and R the rank, R big-endian 32-bit dimensions, the elements row by row. */
#ifndef DATA_IDX_H
#define DATA_IDX_H

#include <stddef.h>
#include <stdint.h>

#include "weft/error.h"

enum { IDX_RANK_MAX = 3, IDX_HEADER_BYTES_MAX = 4 + 4 * IDX_RANK_MAX };

struct idx_array {
    size_t rank, dim[IDX_RANK_MAX], size_bytes;         /* size_bytes: product of the dimensions, > 0 */
    uint8_t *value;                                     /* memory_free it */
};

/* Decode the bytes of one file, plain or gzip, which must hold an array of unsigned bytes of rank rank_min to rank_max
 * (at most IDX_RANK_MAX) and nothing behind it. Safe for any bytes: never holds more than about eight times size_bytes, or
 * twice what the file really unpacks to.
 * name  of the file, for messages
 * Returns WEFT_OK; WEFT_EDATA, WEFT_ENOMEM, and then *array is all zero. */
weft_status idx_decode(const char *name, const void *bytes, size_t size_bytes, size_t rank_min, size_t rank_max,
                       struct idx_array *array);

/* Write the header of a file with these dimensions, each below 2^32, into header; returns its size, 4 + 4 * rank bytes. */
size_t idx_header(size_t rank, const size_t *dim, uint8_t *header);

#endif
