/* The pen that draws the built-in digits. */
#ifndef DATA_PEN_H
#define DATA_PEN_H

#include <stddef.h>
#include <stdint.h>

enum { DIGIT_SIDE = 28, DIGIT_PIXELS = DIGIT_SIDE * DIGIT_SIDE, DIGIT_CLASSES = 10 };

/* Draw the digit `label` (0 to 9) into pixel[0 .. DIGIT_PIXELS-1], row by row, 0 the paper and 255 full ink. How it is
 * written (style, size, slant, place, bend, pen, noise) follows from (seed, row). Any number of threads at once. */
void pen_draw(uint64_t seed, uint32_t row, size_t label, uint8_t *pixel);

#endif
