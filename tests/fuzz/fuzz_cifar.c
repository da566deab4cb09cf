/* A directory of CIFAR-10 or CIFAR-100: one training file, test file, names of the classes. Records are long and all alike, so an
 * input says how many there are, and gives the labels and the bytes around them; the rest of the pixels is made. */
#include "fuzz.h"

#include <string.h>

#include "data/readers.h"

enum { RECORDS_MAX = 130, PIXELS = 3072 };      /* more than a block of the reader */

/* records of label_bytes and pixels, then a tail of 0 to 255 bytes; or what is left of the input as it is. */
static struct fuzz_input records_make(struct fuzz_input *input, size_t label_bytes)
{
    static uint8_t bytes[RECORDS_MAX * (PIXELS + 2) + UINT8_MAX];
    size_t used = 0, records = fuzz_choice(input, RECORDS_MAX + 1);
    memset(bytes, 7, sizeof bytes);
    for (size_t i = 0; i < records; i++, used += label_bytes + PIXELS)
        for (size_t k = 0; k < label_bytes; k++)
            bytes[used + k] = (uint8_t)fuzz_choice(input, 256);
    return (struct fuzz_input){bytes, used + fuzz_choice(input, 256)};
}

static void file_put(struct fuzz_input *input, const char *name, size_t label_bytes)
{
    enum { NOT_THERE, RECORDS, PACKED_RECORDS, ANY_BYTES } form = fuzz_choice(input, 4);
    if (form == NOT_THERE)
        fuzz_remove(name);
    else
        (void)fuzz_put(name, form == ANY_BYTES ? fuzz_part(input) : records_make(input, label_bytes), form == PACKED_RECORDS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct { fuzz_reader *read; const char *options, *train, *test, *names; size_t label_bytes; } form[] = {
        {cifar10_read, "", "data_batch_1.bin", "test_batch.bin", "batches.meta.txt", 1},
        {cifar10_read, "batches=1", "data_batch_1.bin", "test_batch.bin", "batches.meta.txt", 1},
        {cifar100_read, "", "train.bin", "test.bin", "fine_label_names.txt", 2},
        {cifar100_read, "labels=coarse", "train.bin", "test.bin", "coarse_label_names.txt", 2},
    };
    struct fuzz_input input = {data, size};
    unsigned f = fuzz_choice(&input, COUNT(form));
    struct read_request request = {.options = form[f].options,
                                   .target = fuzz_choice(&input, 4) == 3 ? TARGET_NOTHING : TARGET_CLASS};
    file_put(&input, form[f].train, form[f].label_bytes);
    file_put(&input, form[f].test, form[f].label_bytes);
    if (input.left != 0)
        (void)fuzz_put(form[f].names, input, 0);
    else
        fuzz_remove(form[f].names);
    request.where = fuzz_directory();
    fuzz_read(form[f].read, &request, (8 << 20) + fuzz_unpacked_most(size));
    return 0;
}
