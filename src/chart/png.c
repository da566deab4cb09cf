/* See png.h. libpng's simplified interface: it returns where the other one jumps. */
#include "chart/png.h"

#include <png.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static bool is_grey(const uint8_t *rgb, size_t pixels)
{
    for (size_t i = 0; i < pixels; i++)
        if (rgb[3 * i] != rgb[3 * i + 1] || rgb[3 * i] != rgb[3 * i + 2])
            return false;
    return true;
}

static weft_status encode(png_image *image, const uint8_t *pixel, uint8_t **png, size_t *size_bytes)
{
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(*image);
    *png = memory_reserve(size, 1);
    if (*png == NULL)
        return WEFT_ENOMEM;
    if (png_image_write_to_memory(image, *png, &size, 0, pixel, 0, NULL) == 0) {
        memory_free(*png);
        *png = NULL;
        return error_set(WEFT_EINVAL, "encode a picture of %u x %u pixels as PNG: %s", image->height, image->width,
                         image->message);
    }
    *size_bytes = size;
    return WEFT_OK;
}

weft_status png_encode(size_t height, size_t width, size_t channels, const uint8_t *pixel, uint8_t **png, size_t *size_bytes)
{
    enum { SIDE_MAX = 1 << 14 };                /* the buffer's size is reckoned in 32 bits */
    if (height < 1 || width < 1 || height > SIDE_MAX || width > SIDE_MAX)
        return error_set(WEFT_EINVAL, "encode a picture as PNG: %zu x %zu pixels, wanted sides of 1 to %d", height, width,
                         SIDE_MAX);
    png_image image = {.version = PNG_IMAGE_VERSION, .width = (png_uint_32)width, .height = (png_uint_32)height,
                       .format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB};
    if (channels == 1 || !is_grey(pixel, height * width))
        return encode(&image, pixel, png, size_bytes);
    uint8_t *grey = memory_reserve(height * width, 1);
    if (grey == NULL)
        return WEFT_ENOMEM;
    for (size_t i = 0; i < height * width; i++)
        grey[i] = pixel[3 * i];
    image.format = PNG_FORMAT_GRAY;
    weft_status st = encode(&image, grey, png, size_bytes);
    memory_free(grey);
    return st;
}

void png_write_base64(const uint8_t *bytes, size_t size_bytes, FILE *stream)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < size_bytes; i += 3) {
        size_t given = size_bytes - i < 3 ? size_bytes - i : 3;
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (k < given ? bytes[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            fputc(k <= given ? digit[bits >> (18 - 6 * k) & 63] : '=', stream);
    }
}
