/* Texts from a file in a message: short, and without what would disturb its line. */
#ifndef DATA_SHOWN_H
#define DATA_SHOWN_H

#include <stddef.h>

#include "data/names.h"

/* The beginning of a text, no UTF-8 character cut, '?' for control characters; "..." behind it if there is more. */
enum { SHOWN_BYTES = 64 };
struct shown { char text[SHOWN_BYTES]; };
struct shown shown(const char *text, size_t length);

/* "a, b, c and 7 more". */
enum { LISTED_BYTES = 320 };
struct listed { char text[LISTED_BYTES]; };
struct listed listed(const struct names *names);

#endif
