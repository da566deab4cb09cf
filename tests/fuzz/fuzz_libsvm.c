/* A LIBSVM file, plain or gzip. It is sparse, so a few bytes may name a table that fills any machine; the reader asks how large
 * this one is, and is told that it is small (--wrap). */
#include "fuzz.h"

#include <unistd.h>

#include "data/readers.h"

enum { MACHINE_BYTES = 1 << 22 };

long __real_sysconf(int name);
long __wrap_sysconf(int name);

long __wrap_sysconf(int name)
{
    return name == _SC_PHYS_PAGES ? MACHINE_BYTES / __real_sysconf(_SC_PAGESIZE) : __real_sysconf(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const options[] = {"", "base=0", "base=1"};
    static char *known[] = {"0", "1", "b"};
    static const struct names classes = {COUNT(known), known};
    struct fuzz_input input = {data, size};
    struct read_request request = {.options = options[fuzz_choice(&input, COUNT(options))]};
    request.target = (enum target_kind)fuzz_choice(&input, TARGET_NOTHING + 1);
    request.features = fuzz_choice(&input, 8);                                  /* 0: not known */
    unsigned more = fuzz_choice(&input, 4);
    request.classes = (more & 1) != 0 ? &classes : NULL;
    request.where = fuzz_put("rows.svm", input, (more & 2) != 0);
    fuzz_read(libsvm_read, &request, 2 * MACHINE_BYTES + (8 << 20) + 64 * size + fuzz_unpacked_most(size));
    return 0;
}
