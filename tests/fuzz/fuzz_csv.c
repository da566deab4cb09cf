/* A CSV file, plain or gzip, with the options and for the purposes that there are. */
#include "fuzz.h"

#include "data/readers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const options[] = {"", "sep=space", "sep=tab", "header=no", "header=yes", "label=0", "label=-1,-2",
                                          "label=a", "label=a,b&drop=0", "drop=b,-1", "sep=pipe&label=1,2&header=yes"};
    static char *known[] = {"0", "1", "b"};
    static const struct names classes = {COUNT(known), known};
    struct fuzz_input input = {data, size};
    struct read_request request = {.options = options[fuzz_choice(&input, COUNT(options))]};
    request.target = (enum target_kind)fuzz_choice(&input, TARGET_NOTHING + 1);
    request.features = fuzz_choice(&input, 4);                                  /* 0: not known */
    unsigned more = fuzz_choice(&input, 4);
    request.classes = (more & 1) != 0 ? &classes : NULL;
    request.where = fuzz_put("rows.csv", input, (more & 2) != 0);
    fuzz_read(csv_read, &request, (8 << 20) + 64 * size + fuzz_unpacked_most(size));
    return 0;
}
