/* Where a test makes system calls fail: each one that file.c, file_reader.c and h5_bytes.c make is
 * announced here by its name first. */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <errno.h>
#include <stdbool.h>

/* For tests: asked before every system call with its name ("openat", "write", "fsync", "renameat", ...; "close" of what was
 * written only, and that closes all the same). Its answer: 0, the call is made; an errno, the call fails with it instead of being
 * made; FAULT_SHORT, a read or write moves half of its bytes, any other call is made.
 * Called by whatever thread makes the call. */
typedef int file_fault(const char *call);
enum { FAULT_SHORT = -1 };

/* NULL: none, as it is without a test. Process wide. */
void file_set_fault(file_fault *fault);

/* What the test says to this call. */
int fault_of(const char *call);

/* Must the call fail? Then errno is set. */
bool fault_fails(const char *call);

#define SYSTEM(call, ...) (fault_fails(#call) ? -1 : call(__VA_ARGS__))

#endif
