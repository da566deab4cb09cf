/* The chunks of an HDF5 dataset, unpacked here and not by libhdf5: 1.10 reads beyond what a filter has returned if that is
 * shorter than the file says a chunk is, and lets gzip data grow without bound. */
#ifndef DATA_CHUNKS_H
#define DATA_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <zlib.h>

#include "weft/error.h"

enum { CHUNK_FILTERS_MAX = 32 };                /* as of libhdf5 */

enum chunk_filter { CHUNK_GZIP, CHUNK_SHUFFLE, CHUNK_FLETCHER32 };

/* What a dataset says of each of its chunks; filters in the order in which they were applied. */
struct chunk_form {
    size_t size_bytes;                          /* unpacked */
    size_t filters;
    enum chunk_filter filter[CHUNK_FILTERS_MAX];
    size_t element_bytes[CHUNK_FILTERS_MAX];    /* of a shuffle, 1 or more */
};

struct chunk_unpacker {
    const char *name;                           /* of the dataset, for messages */
    const struct chunk_form *form;
    uint8_t *buffer[2];                         /* aligned to a cache line, as a chunk that is unpacked then is */
    bool has_stream;
    z_stream stream;
};

/* name and form must outlive it. WEFT_OK, WEFT_ENOMEM. Close it on success only. */
weft_status chunk_unpacker_open(struct chunk_unpacker *unpacker, const char *name, const struct chunk_form *form);

/* A chunk as it is stored, of which the filters in skipped (bit i: filter i) were not applied. *out are form->size_bytes bytes,
 * until the next call; they may be written. WEFT_OK; WEFT_EDATA if it does not unpack to that or a sum is wrong; WEFT_ENOMEM. */
weft_status chunk_unpack(struct chunk_unpacker *unpacker, const uint8_t *stored, size_t stored_bytes, uint32_t skipped,
                         uint8_t **out);

void chunk_unpacker_close(struct chunk_unpacker *unpacker);

#endif
