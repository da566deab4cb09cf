/* Text that is read and made the same whatever locale the calling program has set: numbers, and strings put together. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A string being put together in at[0 .. capacity-1], which the caller owns. What does not fit is cut, but length goes on
 * counting: as with snprintf, a first pass over {NULL, 0, 0} measures. at is always terminated if capacity > 0. */
struct text {
    char *at;
    size_t capacity, length;
};

void text_add(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Add x with 15, 16 or 17 significant digits: the fewest of these that read back to the same double. x must be finite. */
void text_add_real(struct text *text, double x);

/* Cut white space off both ends, in place: returns the first character that is kept. */
char *text_trim(char *text);

/* The whole text as a number: decimal digits; for a real also sign, point and exponent. False, and *value as it was, if
 * anything else is in it or the number does not fit (no nan, no infinity). -0 reads as 0. */
bool text_parse_count(const char *text, uint64_t *value);
bool text_parse_real(const char *text, double *value);

#endif
