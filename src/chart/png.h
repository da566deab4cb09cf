/* Pixels as PNG, and PNG as text in a page. */
#ifndef CHART_PNG_H
#define CHART_PNG_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "weft/error.h"

/* Encode height x width pixels of 1 (grey) or 3 (red, green, blue) bytes, losslessly; a colour picture whose pixels are all grey
 * is written as grey. *png is the caller's, for memory_free. WEFT_OK; WEFT_ENOMEM; WEFT_EINVAL if libpng does not take the shape. */
weft_status png_encode(size_t height, size_t width, size_t channels, const uint8_t *pixel, uint8_t **png, size_t *size_bytes);

/* Base64 (RFC 4648, section 4), without line breaks. */
void png_write_base64(const uint8_t *bytes, size_t size_bytes, FILE *stream);

#endif
