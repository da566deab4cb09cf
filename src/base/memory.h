/* Memory for arrays: zeroed, aligned to a cache line, sizes checked for overflow, and able to fail on purpose in tests. */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

#include <stddef.h>

enum { CACHE_LINE_BYTES = 64 };

/* count elements of size bytes, all zero, aligned to a cache line; NULL if count * size overflows or memory is short
 * (then error_set has been called with WEFT_ENOMEM). count = 0 gives a valid pointer that may not be read. */
void *memory_new(size_t count, size_t size_bytes);

/* The same, not zeroed: for arrays whose pages should lie in the memory of the threads that write them first. */
void *memory_reserve(size_t count, size_t size_bytes);

/* What is in the array is not needed any more, but the array is: its memory goes back to the system until it is written again.
 * Its contents are undefined then. Small arrays are left as they are. */
void memory_discard(void *p, size_t count, size_t size_bytes);

/* A zeroed copy-with-growth of an array from memory_new: the first old_count elements are kept, the rest are zero.
 * On failure returns NULL and leaves the old array as it was; on success the old one is freed. */
void *memory_grow(void *old, size_t old_count, size_t new_count, size_t size_bytes);

/* A copy of a string; NULL on failure. */
char *memory_string(const char *text);

/* Free what one of the above returned; NULL is fine. */
void memory_free(void *p);

/* For tests: the n-th call from now on (1 is the next) fails, and every later one too, or it alone; 0: none fails. Process wide.
 * The latter of the two calls counts. */
void memory_fail_from(size_t n);
void memory_fail_once(size_t n);

/* How many calls the latest of them that had a call to fail has made fail. */
size_t memory_failures(void);

#endif
