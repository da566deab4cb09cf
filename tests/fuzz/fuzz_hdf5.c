/* An HDF5 file for data. */
#include "fuzz.h"

#include "data/readers.h"
#include "fuzz_hdf5.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum target_kind target[] = {TARGET_CLASS, TARGET_CLASS, TARGET_SCORES, TARGET_VALUES, TARGET_NOTHING};
    struct fuzz_input input = {data, size};
    unsigned last = size != 0 ? data[size - 1] : 0;     /* a choice, without a byte in front: inputs are files as they are */
    struct read_request request = {.options = "", .target = target[last % COUNT(target)]};
    request.where = fuzz_put("data.h5", input, 0);
    fuzz_read(hdf5_read, &request, (size_t)512 << 20);
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    return fuzz_hdf5_mutate(data, size, most, seed);
}
