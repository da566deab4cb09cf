/* The message behind a weft_status, kept per thread. Inside the library a failing function calls error_set once, where
 * it knows the value found and the value wanted; a caller that knows more adds it in front with error_context. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include "weft/error.h"

/* Keep the formatted line as this thread's message and return status, so that a caller can `return error_set(...)`.
 * Line breaks and other control characters become spaces; what does not fit in 1,023 bytes is cut. */
weft_status error_set(weft_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Put "<formatted line>: " in front of this thread's message and return status. */
weft_status error_context(weft_status status, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
