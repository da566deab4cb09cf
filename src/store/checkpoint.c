/* A checkpoint is built and taken apart in memory; only whole files go to and come from the disk. */
#include "store/checkpoint.h"

#include "base/error.h"
#include "base/memory.h"
#include "store/file.h"
#include "store/h5_snapshot.h"
#include "store/seal.h"

weft_status checkpoint_save(const char *path, const struct snapshot *snapshot)
{
    void *bytes = NULL;
    size_t size_bytes;
    weft_status st = h5_write_snapshot(snapshot, SEAL_SIZE_BYTES, &bytes, &size_bytes);
    if (st == WEFT_OK) {
        seal_write(bytes, size_bytes);
        st = file_replace(path, bytes, size_bytes + SEAL_SIZE_BYTES);
    }
    memory_free(bytes);
    return st == WEFT_OK ? st : error_context(st, "save checkpoint %s", path);
}

/* The bytes of a file and the length of its HDF5 part. */
static weft_status read_content(const char *path, bool unsealed, void **bytes, size_t *content_bytes)
{
    size_t size_bytes;
    weft_status st = file_read(path, SIZE_MAX / 4, bytes, &size_bytes);
    if (st != WEFT_OK)
        return st;
    if (!unsealed)
        st = seal_check(*bytes, size_bytes);
    if (st != WEFT_OK) {
        memory_free(*bytes);
        *bytes = NULL;
        return st;
    }
    *content_bytes = seal_is_present(*bytes, size_bytes) ? size_bytes - SEAL_SIZE_BYTES : size_bytes;
    return WEFT_OK;
}

weft_status checkpoint_load(const char *path, bool unsealed, struct snapshot **snapshot)
{
    void *bytes;
    size_t content_bytes;
    weft_status st = read_content(path, unsealed, &bytes, &content_bytes);
    if (st == WEFT_OK) {
        st = h5_read_snapshot(bytes, content_bytes, snapshot);
        memory_free(bytes);
    }
    return st == WEFT_OK ? st : error_context(st, "load checkpoint %s", path);
}

weft_status checkpoint_verify(const char *path)
{
    struct snapshot *snapshot;
    weft_status st = checkpoint_load(path, false, &snapshot);
    if (st == WEFT_OK)
        snapshot_destroy(snapshot);
    return st;
}

weft_status checkpoint_seal(const char *path)
{
    struct snapshot *snapshot = NULL;
    void *bytes = NULL, *sealed;
    size_t content_bytes;
    weft_status st = read_content(path, true, &bytes, &content_bytes);
    if (st != WEFT_OK)
        goto done;
    st = h5_read_snapshot(bytes, content_bytes, &snapshot);
    if (st != WEFT_OK)
        goto done;
    sealed = memory_grow(bytes, content_bytes, content_bytes + SEAL_SIZE_BYTES, 1);
    if (sealed == NULL) {
        st = WEFT_ENOMEM;
        goto done;
    }
    bytes = sealed;
    seal_write(bytes, content_bytes);
    st = file_replace(path, bytes, content_bytes + SEAL_SIZE_BYTES);
done:
    snapshot_destroy(snapshot);
    memory_free(bytes);
    return st == WEFT_OK ? st : error_context(st, "seal checkpoint %s", path);
}
