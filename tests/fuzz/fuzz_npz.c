/* An archive of NumPy files, or whatever libzip takes for one; or a single array. */
#include "fuzz.h"

#include "data/readers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct read_request request = {.options = "", .target = (enum target_kind)fuzz_choice(&input, TARGET_NOTHING + 1)};
    request.where = fuzz_put("data.npz", input, 0);
    fuzz_read(npy_read, &request, (8 << 20) + 8 * fuzz_unpacked_most(size));
    return 0;
}
