/* A directory of NumPy files, X, y and X_test, plain or packed. Archives of them are fuzz_npz's. */
#include "fuzz.h"

#include <string.h>

#include "data/readers.h"

enum { TAIL_BYTES = 300 << 10 };                /* more than a tile of the reader */

/* The bytes and, if it is so chosen, zeros behind them: numbers that take no place in the input. */
static struct fuzz_input with_tail(struct fuzz_input bytes, bool has_tail)
{
    static uint8_t buffer[TAIL_BYTES + (1 << 16)];
    if (!has_tail || bytes.left > sizeof buffer - TAIL_BYTES)
        return bytes;
    memcpy(buffer, bytes.at, bytes.left);
    memset(buffer + bytes.left, 0, TAIL_BYTES);
    return (struct fuzz_input){buffer, bytes.left + TAIL_BYTES};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const name[] = {"y", "X_test", "X"};
    struct fuzz_input input = {data, size};
    unsigned packed = fuzz_choice(&input, 8), there = fuzz_choice(&input, 8);
    struct read_request request = {.options = "", .target = (enum target_kind)fuzz_choice(&input, TARGET_NOTHING + 1)};
    request.features = fuzz_choice(&input, 4);                                  /* 0: not known */
    bool has_tail = fuzz_choice(&input, 8) == 7;
    for (unsigned i = 0; i < COUNT(name); i++) {
        struct fuzz_input part = i + 1 < COUNT(name) ? fuzz_part(&input) : input;
        char file[16];
        (void)snprintf(file, sizeof file, "%s.npy", name[i]);
        if ((there >> i & 1) == 0)
            (void)fuzz_put(file, with_tail(part, has_tail && file[0] == 'X'), packed >> i & 1);
        else
            fuzz_remove(file);
    }
    request.where = fuzz_directory();
    fuzz_read(npy_read, &request, (8 << 20) + 8 * TAIL_BYTES + 8 * fuzz_unpacked_most(size));
    return 0;
}
