/* The memory that the library asks base/memory.h for, counted by the byte: on every machine the same, however it maps pages and
 * whenever it looks. What libhdf5, zlib and libzip take for themselves is not in it. The linker puts counted_memory.c between
 * (tests/CMakeLists.txt). */
#ifndef TESTS_COUNTED_MEMORY_H
#define TESTS_COUNTED_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* Asked for, and not given back. */
size_t counted_live_bytes(void);

/* Forget what was before: the most is counted from now on. Of an array that memory_reserve has given, either all of it or, if
 * only_written, the pages that have been written to, as a system counts them; that is for a single thread. */
void counted_begin(bool only_written);

/* The most that was live at once since. */
size_t counted_most_bytes(void);

#endif
