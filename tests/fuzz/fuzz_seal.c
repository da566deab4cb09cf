/* Any bytes for a checkpoint: the seal alone decides, and libhdf5 sees none of them. */
#include "fuzz.h"

#include "store/checkpoint.h"
#include "store/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct snapshot *snapshot = NULL;
    weft_status st = seal_check(data, size);    /* libFuzzer's copy is of just this size */
    FUZZ_HOLDS(st == WEFT_OK || (st == WEFT_EDAMAGED && weft_last_error()[0] != '\0'));
    FUZZ_HOLDS(st != WEFT_OK || seal_is_present(data, size));
    if (size % 16 == 0) {                       /* the same by way of a file */
        const char *path = fuzz_put("checkpoint.h5", (struct fuzz_input){data, size}, 0);
        fuzz_memory_begin((1 << 20) + 16 * size);
        weft_status loaded = checkpoint_load(path, false, &snapshot);
        FUZZ_HOLDS(loaded == WEFT_OK || (loaded == WEFT_EDAMAGED && snapshot == NULL));
        FUZZ_HOLDS(st == WEFT_OK || loaded == WEFT_EDAMAGED);
        snapshot_destroy(snapshot);
        fuzz_memory_end();
    }
    return 0;
}
