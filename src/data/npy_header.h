/* The header of a .npy file: a Python dict that says type, order and shape of the array behind it. */
#ifndef DATA_NPY_HEADER_H
#define DATA_NPY_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include "data/arrays.h"
#include "data/numbers.h"

struct npy_header {
    struct number_form form;
    bool is_fortran;                            /* the first index runs fastest */
    size_t rank, dim[NUMBERS_RANK_MAX];
};

/* The text of the dict, length bytes from `offset` on in the file `name`, which are for messages. WEFT_OK; WEFT_EDATA: no such
 * dict, or elements that are no numbers. */
weft_status npy_header_parse(const char *name, size_t offset, const char *text, size_t length, struct npy_header *header);

#endif
