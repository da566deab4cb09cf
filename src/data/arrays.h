/* Arrays of numbers, X and y, to a table: what NumPy files and HDF5 files have in common. A format opens an array by its name
 * and hands its numbers out in tiles; which arrays are taken, what their shapes mean, how numbers become bytes, floats, classes
 * and targets, and what is refused, is the same for all formats and decided here. */
#ifndef DATA_ARRAYS_H
#define DATA_ARRAYS_H

#include <stdbool.h>
#include <stddef.h>

#include "data/numbers.h"
#include "data/table.h"

enum { NUMBERS_RANK_MAX = 32 };                 /* as of NumPy 1 and of HDF5 */

/* One array, open. Rows lie along the first dimension; the other dimensions, flattened row-major, are columns. */
struct number_array {
    const char *name;                           /* file and array, for messages; the format's, until it is closed */
    enum number_type type;                      /* of the tiles */
    size_t rank, dim[NUMBERS_RANK_MAX];         /* rank 0: one number */
    size_t first_bytes;                         /* memory for it to begin with, in proportion to what is stored; then it grows */
    void *state;                                /* of the format */
};

/* rows x columns numbers of the array's type that belong at (row, column); from one row to the next it is `stride` numbers. */
struct number_tile {
    size_t row, rows, column, columns, stride;
    const void *number;
};
typedef weft_status number_visit(void *context, const struct number_tile *tile);

/* A format. file is its own: an open file or directory.
 *   has    is there an array of this name?
 *   list   add the names of the arrays that are there, for a message; a few will do
 *   open   fill an array that is all zero; what cannot be read is told here as far as it can be seen. On failure nothing is held
 *   read   show every number to visit, in tiles, and stop at its first failure; what is behind the last number is checked
 *   close  an open array
 *   names  of the classes, added to a list that is empty; NULL: the format has none */
struct array_format {
    const char *kind;                           /* of the URI */
    weft_status (*has)(void *file, const char *name, bool *has);
    weft_status (*list)(void *file, struct names *names);
    weft_status (*open)(void *file, const char *name, struct number_array *array);
    weft_status (*read)(struct number_array *array, number_visit *visit, void *context);
    void (*close)(struct number_array *array);
    weft_status (*names)(void *file, struct names *names);
};

/* The product of the dimensions from number `first` on, times element_bytes; SIZE_MAX if that is beyond SIZE_MAX / 8. */
size_t array_size_bytes(const struct number_array *array, size_t first, size_t element_bytes);

/* Choose the arrays by the request's options and the usual names, and read them. WEFT_OK; WEFT_ESETTINGS of the options;
 * WEFT_ENOINPUT if an array is not there; WEFT_EDATA: a shape or a number that does not fit; WEFT_ENOMEM; or what the format
 * returns. On failure *source is all zero. */
weft_status arrays_read(const struct read_request *request, const struct array_format *format, void *file,
                        struct source *source);

#endif
