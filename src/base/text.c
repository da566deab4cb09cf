/* printf and strtod write and expect the decimal point of the current locale; here they run in the C locale. */
#include "base/text.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\n\v\f"

void text_add(struct text *text, const char *format, ...)
{
    bool full = text->length >= text->capacity;
    va_list arguments;
    va_start(arguments, format);
    int added = vsnprintf(full ? NULL : text->at + text->length, full ? 0 : text->capacity - text->length, format,
                          arguments);
    va_end(arguments);
    if (added > 0)
        text->length += (size_t)added;
}

void text_add_real(struct text *text, double x)
{
    char digits[32];                            /* the longest is -2.2250738585072014e-308 */
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t before = uselocale(c);             /* of this thread only */
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, x);
        if (strtod(digits, NULL) == x)
            break;
    }
    uselocale(before);
    if (c != (locale_t)0)
        freelocale(c);
    text_add(text, "%s", digits);
}

char *text_trim(char *text)
{
    text += strspn(text, BLANKS);
    size_t length = strlen(text);
    while (length > 0 && strchr(BLANKS, text[length - 1]) != NULL)
        length--;
    text[length] = '\0';
    return text;
}

bool text_parse_count(const char *text, uint64_t *value)
{
    if (*text == '\0' || text[strspn(text, "0123456789")] != '\0')
        return false;
    errno = 0;
    unsigned long long parsed = strtoull(text, NULL, 10);
    if (errno != 0)
        return false;
    *value = parsed;
    return true;
}

bool text_parse_real(const char *text, double *value)
{
    if (text[strspn(text, "0123456789+-.eE")] != '\0')          /* strtod would take nan, inf, 0x1p3 and leading blanks */
        return false;
    char *end;
    locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (c == (locale_t)0)
        return false;
    double parsed = strtod_l(text, &end, c);
    freelocale(c);
    if (end == text || *end != '\0' || !isfinite(parsed))
        return false;
    *value = parsed + 0.0;                      /* -0 + 0 is +0 */
    return true;
}
