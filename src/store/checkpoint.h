/* A checkpoint file: one snapshot as an ordinary HDF5 file with a 64-byte seal behind it. docs/checkpoint-format.md has it
 * to the byte. All functions may be called from any thread. */
#ifndef STORE_CHECKPOINT_H
#define STORE_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "store/snapshot.h"

/* Build the file in memory, seal it, and put it in place of path: a reader, or a crash at any moment, sees the old file or
 * the new one. The same snapshot gives the same bytes.
 * Returns WEFT_OK; WEFT_ECREATE or WEFT_EIO (disk), WEFT_ENOMEM. On failure the file at path is as it was (but see
 * file_replace). */
weft_status checkpoint_save(const char *path, const struct snapshot *snapshot);

/* Read a whole file into a new snapshot, *snapshot, which the caller destroys. Its root has the attributes `format` and
 * `format_version` besides what was put.
 * unsealed  false: the seal must be there and right, checked before libhdf5 sees a byte;
 *           true: also take a file without a valid seal (one that was edited in h5py). It is guarded against links out of
 *           the file, external storage, virtual datasets, filters and shapes that do not fit the file, but libhdf5 reads
 *           bytes that nobody vouches for
 * Returns WEFT_OK; WEFT_ENOINPUT or WEFT_EIO (cannot be read), WEFT_EDAMAGED (why, in the message), WEFT_ENOMEM. */
weft_status checkpoint_load(const char *path, bool unsealed, struct snapshot **snapshot);

/* Is the file whole? Reads it and checks the seal, then that libhdf5 can read every object. Same errors as load. */
weft_status checkpoint_verify(const char *path);

/* Seal a file again after an edit: drops an old seal if there is one, checks that the file can be read, writes the new
 * one (atomically). Same errors as load, and WEFT_ECREATE, WEFT_EIO. */
weft_status checkpoint_seal(const char *path);

#endif
