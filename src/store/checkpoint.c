/* A checkpoint is built and taken apart in memory; only whole files go to and come from the disk. The large arrays of one that
 * is built stay in the snapshot: libhdf5's part is what is between them. */
#include "store/checkpoint.h"

#include "base/error.h"
#include "base/file_reader.h"
#include "base/memory.h"
#include "store/file.h"
#include "store/h5_snapshot.h"
#include "store/image.h"
#include "store/seal.h"

weft_status checkpoint_save(const char *path, const struct snapshot *snapshot)
{
    struct image image = {0};
    struct file_part *part = NULL;
    unsigned char seal[SEAL_SIZE_BYTES];
    size_t size_bytes, count;
    weft_status st = h5_write_snapshot(snapshot, &image, &size_bytes);
    if (st == WEFT_OK)
        st = image_parts(&image, size_bytes, &part, &count);
    if (st == WEFT_OK) {
        seal_make(part, count, seal);
        part[count++] = (struct file_part){seal, sizeof seal};
        st = file_replace_parts(path, part, count);
    }
    memory_free(part);
    image_clear(&image);
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
    void *bytes = NULL;
    unsigned char seal[SEAL_SIZE_BYTES];
    size_t content_bytes;
    weft_status st = read_content(path, true, &bytes, &content_bytes);
    if (st != WEFT_OK)
        goto done;
    st = h5_read_snapshot(bytes, content_bytes, &snapshot);
    if (st != WEFT_OK)
        goto done;
    const struct file_part part[2] = {{bytes, content_bytes}, {seal, sizeof seal}};
    seal_make(part, 1, seal);
    st = file_replace_parts(path, part, 2);
done:
    snapshot_destroy(snapshot);
    memory_free(bytes);
    return st == WEFT_OK ? st : error_context(st, "seal checkpoint %s", path);
}
