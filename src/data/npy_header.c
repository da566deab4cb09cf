/* See npy_header.h. A dict as numpy.lib.format writes it, in any order and with either quotes; not all of Python. */
#include "data/npy_header.h"

#include <ctype.h>
#include <string.h>

#include "base/error.h"

enum { DESCR_BYTES = 32 };

struct cursor { const char *at, *end; };

static char peek(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r'))
        c->at++;
    return c->at < c->end ? *c->at : '\0';
}

static bool take(struct cursor *c, char wanted)
{
    bool is_there = peek(c) == wanted;
    c->at += is_there;
    return is_there;
}

static bool take_word(struct cursor *c, const char *word)
{
    size_t length = strlen(word);
    bool is_there = peek(c) == word[0] && (size_t)(c->end - c->at) >= length && memcmp(c->at, word, length) == 0;
    c->at += is_there ? length : 0;
    return is_there;
}

static bool take_text(struct cursor *c, char *text, size_t capacity)
{
    char quote = peek(c);
    if (quote != '\'' && quote != '"')
        return false;
    const char *end = memchr(c->at + 1, quote, (size_t)(c->end - c->at - 1));
    if (end == NULL || (size_t)(end - c->at) > capacity)
        return false;
    size_t length = (size_t)(end - c->at - 1);
    memcpy(text, c->at + 1, length);
    text[length] = '\0';
    c->at = end + 1;
    return true;
}

static bool take_count(struct cursor *c, size_t *count)
{
    *count = 0;
    if (!isdigit((unsigned char)peek(c)))
        return false;
    for (; c->at < c->end && isdigit((unsigned char)*c->at); c->at++)
        if (__builtin_mul_overflow(*count, 10, count) || __builtin_add_overflow(*count, (size_t)(*c->at - '0'), count))
            return false;
    (void)take(c, 'L');                         /* Python 2 wrote 3L for a long */
    return true;
}

/* NULL, or what was wanted at the cursor. */
static const char *shape_take(struct cursor *c, struct npy_header *header)
{
    if (!take(c, '('))
        return "'(' and a shape";
    header->rank = 0;
    while (!take(c, ')')) {
        if (header->rank == NUMBERS_RANK_MAX)
            return "at most 32 dimensions";
        if (!take_count(c, &header->dim[header->rank++]))
            return "a dimension that a memory can hold";
        if (!take(c, ',') && peek(c) != ')')
            return "',' or ')'";
    }
    return NULL;
}

static const char *dict_take(struct cursor *c, struct npy_header *header, char descr[DESCR_BYTES])
{
    bool has_descr = false, has_order = false, has_shape = false;
    char key[16];
    const char *wanted = NULL;
    if (!take(c, '{'))
        return "'{'";
    while (wanted == NULL && !take(c, '}')) {
        if (!take_text(c, key, sizeof key) || !take(c, ':'))
            return "a key and ':'";
        if (strcmp(key, "descr") == 0 && !has_descr) {
            has_descr = true;
            if (peek(c) == '[' || peek(c) == '(')
                return "the name of a type of numbers, not structures";
            wanted = take_text(c, descr, DESCR_BYTES) ? NULL : "the name of a type";
        } else if (strcmp(key, "fortran_order") == 0 && !has_order) {
            has_order = true;
            header->is_fortran = take_word(c, "True");
            wanted = header->is_fortran || take_word(c, "False") ? NULL : "True or False";
        } else if (strcmp(key, "shape") == 0 && !has_shape) {
            has_shape = true;
            wanted = shape_take(c, header);
        } else {
            return "the keys descr, fortran_order and shape, once each";
        }
        if (wanted == NULL && !take(c, ',') && peek(c) != '}')
            wanted = "',' or '}'";
    }
    if (wanted == NULL && !(has_descr && has_order && has_shape))
        return "the keys descr, fortran_order and shape";
    if (wanted == NULL && peek(c) != '\0')
        return "nothing behind '}'";
    return wanted;
}

static const char *refused_type(char letter)
{
    switch (letter) {
    case 'O': return "Python objects";
    case 'S': case 'a': return "byte strings";
    case 'U': return "text";
    case 'c': return "complex numbers";
    case 'm': return "spans of time";
    case 'M': return "dates";
    case 'V': return "raw bytes";
    default: return "a type unknown here";
    }
}

/* '=' and '|' are the order of the machine that wrote it: taken to be this one's, as NumPy does. */
static weft_status form_find(const char *name, const char *descr, struct number_form *form)
{
    const char *at = descr;
    const bool is_native_big = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__;
    bool is_big = *at == '>' || (*at != '<' && is_native_big);
    if (*at == '<' || *at == '>' || *at == '|' || *at == '=')
        at++;
    char letter = *at != '\0' ? *at : '?';
    size_t size = at[0] != '\0' && at[1] >= '1' && at[1] <= '8' && at[2] == '\0' ? (size_t)(at[1] - '0') : 0;
    bool whole = (letter == 'i' || letter == 'u') && (size == 1 || size == 2 || size == 4 || size == 8);
    bool real = letter == 'f' && (size == 2 || size == 4 || size == 8);
    if (!whole && !real && !(letter == 'b' && size == 1))
        return error_set(WEFT_EDATA, "read %s: its elements are '%s' (%s), wanted bool, or int, uint or float of 1 to 8 bytes",
                         name, descr, letter == 'f' ? "a float of another size" : refused_type(letter));
    enum number_kind kind = letter == 'i' ? KIND_INTEGER : letter == 'u' ? KIND_UNSIGNED : real ? KIND_FLOAT : KIND_TRUTH;
    *form = (struct number_form){kind, size, is_big};
    return WEFT_OK;
}

weft_status npy_header_parse(const char *name, size_t offset, const char *text, size_t length, struct npy_header *header)
{
    struct cursor c = {text, text + length};
    char descr[DESCR_BYTES] = "";
    *header = (struct npy_header){.rank = 0};
    const char *wanted = dict_take(&c, header, descr);
    if (wanted != NULL)
        return error_set(WEFT_EDATA, "read %s: at byte %zu of its header, wanted %s", name, offset + (size_t)(c.at - text),
                         wanted);
    return form_find(name, descr, &header->form);
}
