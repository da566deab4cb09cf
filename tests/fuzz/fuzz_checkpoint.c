/* A checkpoint whose seal is right, over bytes that are not: the seal is made over the input, so libhdf5 and the guard in front of
 * it see what nobody has checked. */
#include "fuzz.h"

#include <string.h>

#include "fuzz_hdf5.h"
#include "store/checkpoint.h"
#include "store/h5_snapshot.h"
#include "store/seal.h"

static void snapshot_check(const struct snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->array_count; i++) {
        const struct array *a = &snapshot->array[i];
        size_t sum = 0;
        for (size_t k = 0; k < a->size_bytes; k++)
            sum += ((const uint8_t *)a->data)[k];
        FUZZ_HOLDS(a->path[0] == '/' && sum <= UINT8_MAX * a->size_bytes);
        FUZZ_HOLDS(snapshot_find_array(snapshot, a->path) == a);
    }
    for (size_t i = 0; i < snapshot->attribute_count; i++) {
        const struct attribute *a = &snapshot->attribute[i];
        FUZZ_HOLDS(snapshot_find_attribute(snapshot, a->object, a->name) == a);
        FUZZ_HOLDS(a->type != ATTRIBUTE_TEXT || strlen(a->text) < SIZE_MAX);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct snapshot *snapshot = NULL;
    uint8_t *file = malloc(size + SEAL_SIZE_BYTES);
    FUZZ_HOLDS(file != NULL);
    memcpy(file, data, size);
    seal_make(&(struct file_part){data, size}, 1, file + size);
    FUZZ_HOLDS(seal_check(file, size + SEAL_SIZE_BYTES) == WEFT_OK);
    fuzz_memory_begin((4 << 20) + 64 * size);
    weft_status st = h5_read_snapshot(file, size, &snapshot);
    FUZZ_HOLDS(st == WEFT_OK || ((st == WEFT_EDAMAGED || st == WEFT_ENOMEM || st == WEFT_EIO) && snapshot == NULL));
    if (st == WEFT_OK)
        snapshot_check(snapshot);
    snapshot_destroy(snapshot);
    fuzz_memory_end();
    free(file);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    return fuzz_hdf5_mutate(data, size, most, seed);
}
