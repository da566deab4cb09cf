/* How Weft uses libhdf5: one thread at a time, silently, and with every failure as one line. Included only by files that
 * call libhdf5 themselves. */
#ifndef STORE_H5_H
#define STORE_H5_H

#define H5_USE_110_API                  /* the same functions behind the unnumbered names in 1.10, 1.12 and later */
#include <hdf5.h>

#include "store/snapshot.h"

/* From begin to end the calling thread is the only one of the process that Weft lets into libhdf5; nothing is printed,
 * and no plugin is loaded. What the caller's program had set is put back at the end. Does not nest. */
struct h5_turn {
    H5E_auto2_t report;
    void *report_data;
    unsigned plugins;
};
void h5_begin(struct h5_turn *turn);
void h5_end(struct h5_turn *turn);

/* A name that nothing in a file has: a look for it decodes all that is there. */
#define H5_NO_NAME "\x01"

/* After a call of libhdf5 that failed: error_set with the innermost of its own messages behind the formatted line; WEFT_ENOMEM in
 * place of WEFT_EIO and WEFT_EDAMAGED if that is what libhdf5 says, or if it has nothing to say. */
weft_status h5_failed(weft_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Close an object of any kind; a negative id ("not held") is fine. Returns status, or WEFT_EIO if that was WEFT_OK and
 * closing failed. */
weft_status h5_close(hid_t id, weft_status status);

/* The type of an array's elements on disk (little-endian) and in memory. The ids belong to libhdf5: not to be closed. */
hid_t h5_file_type(enum array_type type);
hid_t h5_memory_type(enum array_type type);

#endif
