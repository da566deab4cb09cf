/* One dataset of an HDF5 file as an array: what it says of itself, checked, and its numbers. Between h5_begin and h5_end only. */
#ifndef DATA_HDF5_STORED_H
#define DATA_HDF5_STORED_H

#include "data/arrays.h"
#include "data/chunks.h"
#include "store/h5.h"

enum { STORED_NAME_BYTES = 1536 };

struct stored {
    char name[STORED_NAME_BYTES];               /* of file and dataset, for messages */
    size_t file_bytes;                          /* of the file */
    hid_t dataset, type, plan;                  /* how it was created */
    struct number_form form;
    bool is_chunked;
    size_t stored_bytes;
    hsize_t chunk[NUMBERS_RANK_MAX];
    struct chunk_form chunk_form;
};

/* name, file_bytes and dataset are set, type and plan not held. Type, shape and layout are looked at; array gets all but name and
 * state. WEFT_OK; WEFT_EDATA: damaged, or of a kind that is not read. Close it in either case. */
weft_status stored_open(struct stored *stored, struct number_array *array);

/* As array_format's read. */
weft_status stored_read(const struct stored *stored, const struct number_array *array, number_visit *visit, void *context);

void stored_close(struct stored *stored);

#endif
