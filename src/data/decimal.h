/* Decimal numbers in a text file, to float: whatever the locale, and fast, for a file may hold a hundred million of them. */
#ifndef DATA_DECIMAL_H
#define DATA_DECIMAL_H

#include <stddef.h>

enum decimal {
    DECIMAL_NUMBER,
    DECIMAL_NONE,                               /* it is no decimal number */
    DECIMAL_BEYOND                              /* it is inf, or a number larger than the largest float */
};

/* text[0 .. length-1], and text[length] = 0: an optional sign, digits with a point or without, an optional exponent. *value is
 * the nearest float of the nearest double (ties to even), the float that numpy.float32(float(text)) is in Python; -0 stays -0;
 * what is too small becomes 0. Set for DECIMAL_NUMBER only. */
enum decimal decimal_read(const char *text, size_t length, float *value);

#endif
