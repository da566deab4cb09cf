/* See label.h. */
#include "chart/label.h"

#include <stdio.h>
#include <string.h>

/* Bytes of the character at text: 1 for what is no UTF-8. */
static size_t character_bytes(const char *text)
{
    unsigned char lead = (unsigned char)*text;
    size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;
    for (size_t i = 1; i < bytes; i++)
        if (((unsigned char)text[i] & 0xc0) != 0x80)
            return 1;
    return bytes;
}

/* In parts of the font's size. */
static double character_width(const char *text)
{
    unsigned char lead = (unsigned char)*text;
    if (lead >= 0xe3)                           /* U+3000 and above: mostly square */
        return 1;
    if (lead >= 0x80)
        return 0.62;
    if (strchr("ijl|!.,;:'`", lead) != NULL)
        return 0.3;
    if (strchr(" ftrI()[]-/\"", lead) != NULL)
        return 0.38;
    if (strchr("mwMW@%", lead) != NULL)
        return 0.9;
    return lead >= 'A' && lead <= 'Z' ? 0.68 : 0.58;
}

/* Bytes at the beginning of text that are not wider than width. */
static size_t bytes_within(const char *text, double size, double width)
{
    size_t bytes = 0;
    for (double used = 0; text[bytes] != '\0'; bytes += character_bytes(text + bytes)) {
        used += size * character_width(text + bytes);
        if (used > width)
            break;
    }
    return bytes;
}

double label_width(const char *text, double size)
{
    double width = 0;
    for (; *text != '\0'; text += character_bytes(text))
        width += size * character_width(text);
    return width;
}

const char *label_fit(const char *text, double size, double width, char *cut)
{
    static const char dots[] = "…";
    size_t bytes = bytes_within(text, size, width);
    const char *end = text[bytes] == '\0' ? "" : dots;
    if (*end != '\0')
        bytes = bytes_within(text, size, width - label_width(dots, size));
    while (bytes + sizeof dots > LABEL_BYTES_MAX) {
        end = dots;
        size_t whole = 0;                       /* the last character that fits the bytes, whole */
        while (whole + character_bytes(text + whole) <= LABEL_BYTES_MAX - sizeof dots)
            whole += character_bytes(text + whole);
        bytes = whole;
    }
    snprintf(cut, LABEL_BYTES_MAX, "%.*s%s", (int)bytes, text, end);
    return cut;
}

size_t label_line(const char *text, double size, double width)
{
    size_t bytes = bytes_within(text, size, width), at = bytes;
    if (text[bytes] == '\0')
        return bytes;
    while (at > 0 && text[at] != ' ')
        at--;
    return at > 0 ? at : bytes > 0 ? bytes : character_bytes(text);
}
