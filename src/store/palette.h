/* The one palette of indexed pictures. */
#ifndef STORE_PALETTE_H
#define STORE_PALETTE_H

#include <stdint.h>

enum { PALETTE_COLORS = 256 };

/* Blue - white - red: index 128 is white and stands for 0, each side fades in proportion. rgb: red, green, blue. */
static inline void palette_color(uint8_t index, uint8_t rgb[3])
{
    int distance = index < 128 ? 128 - index : index - 128;     /* from white: 0 .. 128 */
    uint8_t faded = (uint8_t)(255 - (distance * 255 + 64) / 128);
    rgb[0] = index < 128 ? faded : 255;
    rgb[1] = faded;
    rgb[2] = index < 128 ? 255 : faded;
}

#endif
