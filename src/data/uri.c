/* Names of data sources and their options. */
#include "data/uri.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

enum { KNOWN_TEXT_BYTES = 256 };

weft_status uri_parse(const char *text, struct uri *uri)
{
    *uri = (struct uri){0};
    size_t kind_length = 0;
    while (isalnum((unsigned char)text[kind_length]))
        kind_length++;
    if (kind_length == 0 || !isalpha((unsigned char)text[0]) || text[kind_length] != ':')
        return error_set(WEFT_ESETTINGS, "data source \"%s\" has no kind in front; did you mean idx:%s?", text, text);
    char *copy = memory_string(text);
    if (copy == NULL)
        return WEFT_ENOMEM;
    copy[kind_length] = '\0';
    char *where = copy + kind_length + 1;
    char *options = strchr(where, '?');
    if (options != NULL)
        *options++ = '\0';
    *uri = (struct uri){.text = copy, .kind = copy, .where = where, .options = options != NULL ? options : ""};
    return WEFT_OK;
}

void uri_free(struct uri *uri)
{
    memory_free(uri->text);
    *uri = (struct uri){0};
}

static bool number_parse(const char *text, size_t length, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < length; i++)
        if (!isdigit((unsigned char)text[i]) || __builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, (uint64_t)(text[i] - '0'), value))
            return false;
    return length > 0;
}

static weft_status name_unknown(const char *kind, const char *name, size_t length, const struct uri_option *known,
                                size_t known_count)
{
    char list[KNOWN_TEXT_BYTES] = "it takes none";
    size_t used = 0;
    for (size_t i = 0; i < known_count && used < sizeof list; i++) {
        int more = snprintf(list + used, sizeof list - used, "%s%s", i == 0 ? "known: " : ", ", known[i].name);
        used += more > 0 ? (size_t)more : 0;
    }
    return error_set(WEFT_ESETTINGS, "data source %s: unknown option \"%.*s\"; %s", kind, (int)length, name, list);
}

/* One NAME=NUMBER of `length` bytes; *index is its place among the known ones. */
static weft_status option_read(const char *kind, const char *text, size_t length, const struct uri_option *known,
                               size_t known_count, size_t *index)
{
    const char *equals = memchr(text, '=', length);
    size_t name_length = equals != NULL ? (size_t)(equals - text) : length, i = 0;
    while (i < known_count && (strlen(known[i].name) != name_length || memcmp(known[i].name, text, name_length) != 0))
        i++;
    if (i == known_count)
        return name_unknown(kind, text, name_length, known, known_count);
    const char *value = text + name_length + (equals != NULL);
    size_t value_length = length - (size_t)(value - text);
    uint64_t number;
    if (!number_parse(value, value_length, &number) || number < known[i].least || number > known[i].most)
        return error_set(WEFT_ESETTINGS, "data source %s: option %s is \"%.*s\", wanted a whole number from %" PRIu64 " to %"
                         PRIu64, kind, known[i].name, (int)value_length, value, known[i].least, known[i].most);
    *known[i].value = number;
    *index = i;
    return WEFT_OK;
}

weft_status uri_options_read(const char *kind, const char *options, const struct uri_option *known, size_t known_count)
{
    uint64_t seen = 0;                          /* one bit an option; no reader has 64 */
    while (*options != '\0') {
        size_t length = strcspn(options, "&"), index = 0;
        weft_status st = option_read(kind, options, length, known, known_count, &index);
        if (st != WEFT_OK)
            return st;
        if (seen >> index & 1)
            return error_set(WEFT_ESETTINGS, "data source %s: option %s is given twice", kind, known[index].name);
        seen |= UINT64_C(1) << index;
        options += length + (options[length] == '&');
    }
    return WEFT_OK;
}
