/* What the fuzz targets share. A target takes any bytes for a file, lets a reader have it, and holds the answer against what the
 * reader promises; libFuzzer makes the bytes, the sanitizers see every fault of memory and arithmetic.  scripts/fuzz  runs them. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/readers.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What must hold for any bytes; libFuzzer keeps the input otherwise. */
#define FUZZ_HOLDS(condition)                                                                                   \
    do {                                                                                                        \
        if (!(condition)) {                                                                                     \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                      \
            abort();                                                                                            \
        }                                                                                                       \
    } while (0)

/* The target itself: libFuzzer calls it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An input, taken from front to back: choices of a byte each, then files. */
struct fuzz_input { const uint8_t *at; size_t left; };

/* The next byte modulo `choices`; 0 behind the end. */
unsigned fuzz_choice(struct fuzz_input *input, unsigned choices);

/* The next file of several: its length in two bytes, little-endian, then so many bytes, or as many as there are. The last file of
 * an input needs no length: it is what is left. */
struct fuzz_input fuzz_part(struct fuzz_input *input);

/* Put a file in the directory of this process, which lies in TMPDIR and is for whoever set that to remove. is_packed: as gzip, so
 * that zlib's sums are right whatever is in it. Returns its path, which stays until the fourth call from now. */
const char *fuzz_put(const char *name, struct fuzz_input bytes, bool is_packed);
void fuzz_remove(const char *name);             /* a missing one is fine */
const char *fuzz_directory(void);

/* Around the calls of a target: what they ask memory.h for in between is freed again, and never is it more than most_bytes. */
void fuzz_memory_begin(size_t most_bytes);
void fuzz_memory_end(void);

/* Read with a reader that may ask for most_bytes, check what it delivers, and free it. */
typedef weft_status fuzz_reader(const struct read_request *request, struct source *source);
void fuzz_read(fuzz_reader *read, const struct read_request *request, size_t most_bytes);

/* What zlib can make of so many bytes, and the same again while memory for it grows. */
size_t fuzz_unpacked_most(size_t size_bytes);

#endif
