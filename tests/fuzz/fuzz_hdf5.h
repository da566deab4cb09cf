/* Mutations of HDF5 files. */
#ifndef TESTS_FUZZ_HDF5_H
#define TESTS_FUZZ_HDF5_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's two functions that this stands between. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);

/* libFuzzer's own mutation, after which the sums of the newer parts of the format are mostly made right again: whoever makes a
 * hostile file does that too, and a wrong sum hides what is behind it. Returns the new size. */
size_t fuzz_hdf5_mutate(uint8_t *data, size_t size, size_t most, unsigned seed);

#endif
