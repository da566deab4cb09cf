/* A snapshot as the bytes of an ordinary HDF5 file, and back. libhdf5 never touches the disk here. */
#ifndef STORE_H5_SNAPSHOT_H
#define STORE_H5_SNAPSHOT_H

#include "store/image.h"
#include "store/snapshot.h"

enum { CHECKPOINT_FORMAT_VERSION = 1 };
#define CHECKPOINT_FORMAT "weft"
#define PALETTE_PATH "/images/palette"

/* The file in a zeroed image (image_clear it, whatever the result), *size_bytes long. Large arrays are lent to it: the snapshot
 * must stay as it is while the image is in use. The same snapshot gives the same bytes. WEFT_ENOMEM; WEFT_EIO if libhdf5 cannot
 * build it (its memory is short, or an array's path goes through another array). */
weft_status h5_write_snapshot(const struct snapshot *snapshot, struct image *image, size_t *size_bytes);

/* Read a whole file; the caller destroys *snapshot. Takes only what Weft itself writes, as the file may have been made by
 * anybody: no links but hard ones, no external or virtual storage, no filters, nothing larger than the file, numbers and
 * texts of known types. A sealed file gets the same checks: they cost nothing beside the reading. bytes are not changed.
 * WEFT_EDAMAGED, WEFT_ENOMEM. */
weft_status h5_read_snapshot(const void *bytes, size_t size_bytes, struct snapshot **snapshot);

#endif
