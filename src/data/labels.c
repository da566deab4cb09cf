/* See labels.h. */
#include "data/labels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "data/shown.h"

enum { FIRST_SLOTS = 64, FIRST_WORDS = 32, NUMBER_BYTES = 32 };

static const double WHOLE_LIMIT = 0x1p53;       /* from here on different whole numbers are the same double */

/* ---- Names ---- */

/* Bytes of the UTF-8 character at text (Unicode 15, table 3-7: no surrogates, nothing longer than need be); 0: it is none. */
static size_t character_bytes(const unsigned char *text, size_t length)
{
    if (text[0] < 0x80)
        return 1;
    size_t bytes = text[0] < 0xc2 ? 0 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : text[0] < 0xf5 ? 4 : 0;
    if (bytes > length)
        return 0;
    for (size_t i = 1; i < bytes; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    bool is_bad = (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
                  (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f);
    return is_bad ? 0 : bytes;
}

weft_status label_check(const char *text, size_t length)
{
    if (length == 0)
        return error_set(WEFT_EDATA, "found an empty name of a class");
    for (size_t i = 0, bytes; i < length; i += bytes) {
        const unsigned char *c = (const unsigned char *)text + i;
        bytes = character_bytes(c, length - i);
        if (bytes == 0)
            return error_set(WEFT_EDATA, "found the byte %02x in the name of a class (\"%s\"), wanted UTF-8", *c,
                             shown(text, length).text);
        if (*c < ' ' || *c == 0x7f || (*c == 0xc2 && c[1] < 0xa0))
            return error_set(WEFT_EDATA, "found the control character %02x in the name of a class (\"%s\")",
                             *c == 0xc2 ? c[1] : *c, shown(text, length).text);
    }
    return WEFT_OK;
}

/* ---- Words ---- */

static uint64_t hash_of(const char *text, size_t length)        /* FNV-1a, mixed once more: the low bits are what counts */
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
    return hash ^ hash >> 32;
}

/* The slot where the word is, or the free one where it would be. text[length] is 0. */
static uint32_t *slot_of(const struct labels *labels, const char *text, size_t length)
{
    size_t i = (size_t)hash_of(text, length) & (labels->slots - 1);
    while (labels->slot[i] != 0 && strcmp(labels->word.name[labels->slot[i] - 1], text) != 0)
        i = (i + 1) & (labels->slots - 1);
    return &labels->slot[i];
}

/* Twice the slots, each word in its new one. */
static weft_status slots_grow(struct labels *labels)
{
    struct labels grown = *labels;
    grown.slots = labels->slots == 0 ? FIRST_SLOTS : 2 * labels->slots;
    grown.slot = memory_new(grown.slots, sizeof *grown.slot);
    if (grown.slot == NULL)
        return WEFT_ENOMEM;
    for (size_t i = 0; i < labels->word.count; i++) {
        uint32_t *slot = slot_of(&grown, labels->word.name[i], strlen(labels->word.name[i]));
        *slot = *slot == 0 ? (uint32_t)i + 1 : *slot;
    }
    memory_free(labels->slot);
    *labels = grown;
    return WEFT_OK;
}

static weft_status word_add(struct labels *labels, const char *text, size_t length, int32_t class)
{
    size_t n = labels->word.count;
    if (n == INT32_MAX)
        return error_set(WEFT_EDATA, "found more than %d different names of classes", INT32_MAX);
    if (2 * n >= labels->slots && slots_grow(labels) != WEFT_OK)
        return WEFT_ENOMEM;
    if (n == labels->class_capacity) {
        size_t capacity = n == 0 ? FIRST_WORDS : 2 * n;
        int32_t *grown = memory_grow(labels->class_of, n, capacity, sizeof *grown);
        if (grown == NULL)
            return WEFT_ENOMEM;
        labels->class_of = grown;
        labels->class_capacity = capacity;
    }
    if (names_add(&labels->word, text, length) != WEFT_OK)
        return WEFT_ENOMEM;
    labels->class_of[n] = class;
    uint32_t *slot = slot_of(labels, text, length);
    *slot = *slot == 0 ? (uint32_t)n + 1 : *slot;               /* of two known classes of one name, the first */
    return WEFT_OK;
}

static bool number_of(const char *text, double *value)
{
    return text_parse_real(text, value) && fabs(*value) < WHOLE_LIMIT;
}

struct number_name { char text[NUMBER_BYTES]; };

static struct number_name name_of(double value)
{
    struct number_name name = {""};
    struct text text = {name.text, sizeof name.text, 0};
    text_add_real(&text, value);
    return name;
}

/* The class of a word that is not among the known ones as it is written; -1: none. */
static int32_t class_by_value(const struct labels *labels, const char *text)
{
    double value;
    if (!number_of(text, &value))
        return -1;
    struct number_name name = name_of(value);
    uint32_t number = *slot_of(labels, name.text, strlen(name.text));
    return number == 0 ? -1 : labels->class_of[number - 1];
}

weft_status labels_open(struct labels *labels, const struct names *known)
{
    *labels = (struct labels){.known = known != NULL && known->count != 0 ? known : NULL};
    weft_status st = slots_grow(labels);
    for (size_t i = 0; labels->known != NULL && i < known->count && st == WEFT_OK; i++)
        st = word_add(labels, known->name[i], strlen(known->name[i]), (int32_t)i);
    if (st != WEFT_OK)
        labels_close(labels);
    return st;
}

weft_status labels_add(struct labels *labels, const char *text, size_t length, int32_t *number)
{
    uint32_t found = strlen(text) == length ? *slot_of(labels, text, length) : 0;
    if (found != 0) {
        *number = (int32_t)(found - 1);
        return WEFT_OK;
    }
    weft_status st = label_check(text, length);
    if (st != WEFT_OK)
        return st;
    int32_t class = labels->known != NULL ? class_by_value(labels, text) : 0;
    if (class < 0)
        return error_set(WEFT_EDATA, "found \"%s\", wanted one of the classes %s", shown(text, length).text,
                         listed(labels->known).text);
    *number = (int32_t)labels->word.count;
    return word_add(labels, text, length, class);
}

/* ---- Classes ---- */

struct entry { double value; const char *text; size_t number; };

static int by_value(const void *a, const void *b)
{
    double x = ((const struct entry *)a)->value, y = ((const struct entry *)b)->value;
    return (x > y) - (x < y);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->text, ((const struct entry *)b)->text);
}

/* Sorted entries to classes: what compares equal to the one before is the same. */
static weft_status classes_name(struct labels *labels, const struct entry *entry, bool has_numbers, struct names *classes)
{
    int (*compare)(const void *, const void *) = has_numbers ? by_value : by_text;
    for (size_t i = 0; i < labels->word.count; i++) {
        if (i == 0 || compare(&entry[i - 1], &entry[i]) != 0) {
            struct number_name number = name_of(entry[i].value);
            const char *name = has_numbers ? number.text : entry[i].text;
            if (names_add(classes, name, strlen(name)) != WEFT_OK) {
                names_free(classes);
                return WEFT_ENOMEM;
            }
        }
        labels->class_of[entry[i].number] = (int32_t)classes->count - 1;
    }
    return WEFT_OK;
}

weft_status labels_finish(struct labels *labels, struct names *classes)
{
    if (labels->known != NULL)
        return names_copy(labels->known, classes);
    struct entry *entry = memory_new(labels->word.count, sizeof *entry);
    if (entry == NULL)
        return WEFT_ENOMEM;
    bool has_numbers = true;
    for (size_t i = 0; i < labels->word.count; i++) {
        entry[i] = (struct entry){.text = labels->word.name[i], .number = i};
        has_numbers = has_numbers && number_of(entry[i].text, &entry[i].value);
    }
    qsort(entry, labels->word.count, sizeof *entry, has_numbers ? by_value : by_text);
    weft_status st = classes_name(labels, entry, has_numbers, classes);
    memory_free(entry);
    return st;
}

void labels_close(struct labels *labels)
{
    names_free(&labels->word);
    memory_free(labels->class_of);
    memory_free(labels->slot);
    *labels = (struct labels){0};
}
