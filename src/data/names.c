/* See names.h. */
#include "data/names.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

/* Room for `count` names is held as 8, 16, 32, ... */
static int is_full(size_t count)
{
    return count == 0 || (count >= 8 && (count & (count - 1)) == 0);
}

weft_status names_add(struct names *names, const char *text, size_t length)
{
    if (is_full(names->count)) {
        size_t capacity = names->count == 0 ? 8 : 2 * names->count;
        char **grown = memory_grow(names->name, names->count, capacity, sizeof *grown);
        if (grown == NULL)
            return WEFT_ENOMEM;
        names->name = grown;
    }
    char *copy = memory_new(length + 1, 1);
    if (copy == NULL)
        return WEFT_ENOMEM;
    memcpy(copy, text, length);
    names->name[names->count++] = copy;
    return WEFT_OK;
}

weft_status names_copy(const struct names *from, struct names *to)
{
    *to = (struct names){0};
    for (size_t i = 0; i < from->count; i++)
        if (names_add(to, from->name[i], strlen(from->name[i])) != WEFT_OK) {
            names_free(to);
            return WEFT_ENOMEM;
        }
    return WEFT_OK;
}

char *names_join(const struct names *names)
{
    size_t length = 1;
    for (size_t i = 0; i < names->count; i++)
        length += strlen(names->name[i]) + 1;
    char *text = memory_new(length, 1), *at = text;
    for (size_t i = 0; text != NULL && i < names->count; i++) {
        size_t size = strlen(names->name[i]);
        if (i > 0)
            *at++ = '\n';
        memcpy(at, names->name[i], size);
        at += size;
    }
    return text;
}

weft_status names_split(const char *text, struct names *names)
{
    *names = (struct names){0};
    weft_status st = WEFT_OK;
    while (*text != '\0' && st == WEFT_OK) {
        size_t length = strcspn(text, "\n");
        st = length > 0 ? names_add(names, text, length) : error_set(WEFT_EDAMAGED, "an empty name in a list of names");
        text += length + (text[length] != '\0');
    }
    if (st != WEFT_OK)
        names_free(names);
    return st;
}

weft_status names_number(struct names *names, size_t count)
{
    weft_status st = WEFT_OK;
    for (size_t i = 0; i < count && st == WEFT_OK; i++) {
        char number[24];
        st = names_add(names, number, (size_t)snprintf(number, sizeof number, "%zu", i));
    }
    return st;
}

long names_find(const struct names *names, const char *text)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->name[i], text) == 0)
            return (long)i;
    return NAME_UNKNOWN;
}

void names_free(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        memory_free(names->name[i]);
    memory_free(names->name);
    *names = (struct names){0};
}
