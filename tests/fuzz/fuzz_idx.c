/* The four files of a directory of the MNIST family: images, labels, test images, test labels, some of them packed or missing. */
#include "fuzz.h"

#include "data/readers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const name[] = {"train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
                                       "train-images-idx3-ubyte"};
    struct fuzz_input input = {data, size};
    unsigned packed = fuzz_choice(&input, 16), there = fuzz_choice(&input, 16);
    struct read_request request = {.options = "", .target = fuzz_choice(&input, 4) == 3 ? TARGET_NOTHING : TARGET_CLASS};
    for (unsigned i = 0; i < COUNT(name); i++) {
        struct fuzz_input part = i + 1 < COUNT(name) ? fuzz_part(&input) : input;
        if ((there >> i & 1) != 0)
            (void)fuzz_put(name[i], part, packed >> i & 1);
        else
            fuzz_remove(name[i]);
    }
    request.where = fuzz_directory();
    fuzz_read(idx_read, &request, (1 << 20) + fuzz_unpacked_most(size));
    return 0;
}
