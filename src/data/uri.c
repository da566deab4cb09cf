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

/* By how the name of a file ends, packed or not. */
static const char *likely_kind(const char *path)
{
    static const struct { const char *ending, *kind; } known[] = {
        {".csv", "csv"}, {".tsv", "csv"}, {".npy", "npy"}, {".npz", "npy"}, {".h5", "hdf5"}, {".hdf5", "hdf5"}, {".svm", "libsvm"},
        {".libsvm", "libsvm"},
    };
    size_t length = strcspn(path, "?");
    length -= length > 3 && memcmp(path + length - 3, ".gz", 3) == 0 ? 3 : 0;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        size_t of_ending = strlen(known[i].ending);
        if (length > of_ending && memcmp(path + length - of_ending, known[i].ending, of_ending) == 0)
            return known[i].kind;
    }
    return "idx";
}

weft_status uri_parse(const char *text, struct uri *uri)
{
    *uri = (struct uri){0};
    size_t kind_length = 0;
    while (isalnum((unsigned char)text[kind_length]))
        kind_length++;
    if (kind_length == 0 || !isalpha((unsigned char)text[0]) || text[kind_length] != ':')
        return error_set(WEFT_ESETTINGS, "data source \"%s\" has no kind in front; did you mean %s:%s?", text, likely_kind(text), text);
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

static int digit_of(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10 : -1;
}

static weft_status number_read(const char *kind, const struct uri_option *option, const char *text, size_t length)
{
    uint64_t number;
    if (!number_parse(text, length, &number) || number < option->least || number > option->most)
        return error_set(WEFT_ESETTINGS, "data source %s: option %s is \"%.*s\", wanted a whole number from %" PRIu64 " to %"
                         PRIu64, kind, option->name, (int)length, text, option->least, option->most);
    *option->value = number;
    return WEFT_OK;
}

static weft_status text_read(const char *kind, const struct uri_option *option, const char *text, size_t length)
{
    char *copy = memory_new(length + 1, 1);
    if (copy == NULL)
        return WEFT_ENOMEM;
    size_t used = 0;
    bool good = length > 0;
    for (size_t i = 0; i < length && good; i++) {
        int byte = (unsigned char)text[i];
        if (byte == '%') {
            good = length - i > 2 && digit_of(text[i + 1]) >= 0 && digit_of(text[i + 2]) >= 0;
            byte = good ? 16 * digit_of(text[i + 1]) + digit_of(text[i + 2]) : 0;
            good = byte != 0;
            i += 2;
        }
        copy[used++] = (char)byte;
    }
    if (!good) {
        memory_free(copy);
        return error_set(WEFT_ESETTINGS, "data source %s: option %s is \"%.*s\", wanted some text, '%%' as %%25", kind, option->name,
                         (int)length, text);
    }
    *option->text = copy;
    return WEFT_OK;
}

/* One NAME=VALUE of `length` bytes among the known ones; seen has a bit for each that came before. */
static weft_status option_read(const char *kind, const char *text, size_t length, const struct uri_option *known,
                               size_t known_count, uint64_t *seen)
{
    const char *equals = memchr(text, '=', length);
    size_t name_length = equals != NULL ? (size_t)(equals - text) : length, i = 0;
    while (i < known_count && (strlen(known[i].name) != name_length || memcmp(known[i].name, text, name_length) != 0))
        i++;
    if (i == known_count)
        return name_unknown(kind, text, name_length, known, known_count);
    if (*seen >> i & 1)
        return error_set(WEFT_ESETTINGS, "data source %s: option %s is given twice", kind, known[i].name);
    *seen |= UINT64_C(1) << i;
    const char *value = text + name_length + (equals != NULL);
    size_t value_length = length - (size_t)(value - text);
    return known[i].value != NULL ? number_read(kind, &known[i], value, value_length)
                                  : text_read(kind, &known[i], value, value_length);
}

weft_status uri_options_read(const char *kind, const char *options, const struct uri_option *known, size_t known_count)
{
    uint64_t seen = 0;                          /* one bit an option; no reader has 64 */
    while (*options != '\0') {
        size_t length = strcspn(options, "&");
        weft_status st = option_read(kind, options, length, known, known_count, &seen);
        if (st != WEFT_OK) {
            for (size_t i = 0; i < known_count; i++)
                if (known[i].value == NULL) {
                    memory_free(*known[i].text);
                    *known[i].text = NULL;
                }
            return st;
        }
        options += length + (options[length] == '&');
    }
    return WEFT_OK;
}
