/* See window.h. */
#include "data/window.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

enum { FIRST_BYTES = 1 << 20 };

static const size_t FILE_LIMIT_BYTES = (size_t)1 << 40;

weft_status window_more(struct window *window)
{
    size_t kept = window->end - window->first, got;
    if (window->is_over)
        return WEFT_OK;
    if (window->first == 0 && window->end == window->capacity) {
        char *grown = memory_grow(window->bytes, window->capacity, 2 * window->capacity + 1, 1);
        if (grown == NULL)
            return WEFT_ENOMEM;
        window->bytes = grown;
        window->capacity *= 2;
    }
    memmove(window->bytes, window->bytes + window->first, kept);
    window->first = 0;
    window->end = kept;
    weft_status st = unpack_read(&window->file, window->bytes + kept, window->capacity - kept, &got);
    window->end += got;
    window->is_over = got < window->capacity - kept;
    window->bytes[window->end] = '\0';
    return st;
}

static weft_status start_check(struct window *window)
{
    const unsigned char *byte = (const unsigned char *)window->bytes;
    if (window->end == 0)
        return error_set(WEFT_EDATA, "read %s: the file is empty", window->name);
    if (window->end >= 2 && (byte[0] ^ byte[1]) == (0xfe ^ 0xff) && (byte[0] == 0xfe || byte[0] == 0xff))
        return error_set(WEFT_EDATA, "read %s: it begins with %02x %02x, the mark of UTF-16; wanted text in UTF-8", window->name,
                         byte[0], byte[1]);
    if (window->end >= 3 && memcmp(byte, "\xef\xbb\xbf", 3) == 0)
        window->first = 3;
    return WEFT_OK;
}

weft_status window_open(struct window *window, const char *path)
{
    *window = (struct window){.name = path};
    weft_status st = file_reader_open(&window->reader, path, FILE_LIMIT_BYTES);
    if (st != WEFT_OK)
        return st;
    if ((st = unpack_open_file(&window->file, &window->reader)) != WEFT_OK) {
        file_reader_close(&window->reader);
        return st;
    }
    window->capacity = FIRST_BYTES;
    window->bytes = memory_reserve(FIRST_BYTES + 1, 1);
    st = window->bytes != NULL ? window_more(window) : WEFT_ENOMEM;
    if (st == WEFT_OK)
        st = start_check(window);
    if (st != WEFT_OK)
        window_close(window);
    return st;
}

void window_close(struct window *window)
{
    unpack_close(&window->file);
    file_reader_close(&window->reader);
    memory_free(window->bytes);
    window->bytes = NULL;
}
