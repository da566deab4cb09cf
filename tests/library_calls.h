/* The calls that Weft makes of libhdf5, libzip and zlib, each of which can be made to fail: the linker puts library_calls.c between
 * (tests/CMakeLists.txt names them). A library fails where a disk does, where memory is short, or on damage that only it sees. */
#ifndef TESTS_LIBRARY_CALLS_H
#define TESTS_LIBRARY_CALLS_H

#include <stdbool.h>
#include <stddef.h>

/* The n-th call from now on (1 is the next) fails in place of being made; one that closes something, after being made. 0: none. */
void library_fail_call(size_t n);

/* Only calls of this name count from now on; NULL: all of them, as at first. */
void library_fail_only(const char *call);

/* What zip_open says why it fails. */
void library_fail_zip_with(int code);

/* The call that failed since; NULL: fewer than n were made. */
const char *library_failed_call(void);

#endif
