/* LIBSVM, svmlight: words between blanks, a row a line. What is in the file is kept sparse until the last row has said how many
 * features there are and whether they count from 0; then it becomes a table with a place for each, if the machine can hold it. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/decimal.h"
#include "data/labels.h"
#include "data/pile.h"
#include "data/readers.h"
#include "data/shown.h"
#include "data/uri.h"
#include "data/window.h"

enum { WORD_BYTES_MAX = 1 << 16, BASE_UNKNOWN = 2 };

static const uint32_t INDEX_MAX = UINT32_MAX - 1;

struct entry { uint32_t index; float value; };

/* The word at hand; a 0 behind it covers `covered`, which is put back before the next is looked for. */
enum word_kind { WORD, LINE_END, FILE_END };
struct word { enum word_kind kind; char *text; size_t length; char covered; };

struct libsvm_reading {
    const struct read_request *request;
    struct window window;
    struct word word;
    struct labels labels;
    struct pile entries, entries_of;            /* of all rows: struct entry; and how many each has: uint32_t */
    struct pile words, words_of;                /* of all labels: int32_t; and how many a row has: uint32_t */
    struct pile targets;                        /* float, for TARGET_VALUES */
    uint64_t base;                              /* 0, 1 or BASE_UNKNOWN */
    size_t line, rows;
    size_t zero_line, most_line;                /* of the first index 0, and of the largest: 0 if there is none */
    uint32_t most;                              /* the largest index */
    bool one_label;                             /* each row has just one */
};

#define AT(r) (r)->window.name, (r)->line

/* ---- Words ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* From a '#' to the end of its line, or of the file. */
static weft_status comment_skip(struct window *window)
{
    for (;;) {
        char *start = window->bytes + window->first, *end = memchr(start, '\n', window->end - window->first);
        window->first = end != NULL ? (size_t)(end - window->bytes) : window->end;
        if (end != NULL || window->is_over)
            return WEFT_OK;
        weft_status st = window_more(window);
        if (st != WEFT_OK)
            return st;
    }
}

/* The word at window->first, if it ends in the window; else more of the file. */
static weft_status word_cut(struct libsvm_reading *r, bool *is_cut)
{
    struct window *window = &r->window;
    char *start = window->bytes + window->first, *end = window->bytes + window->end, *p = start;
    while (p < end && !is_blank(*p) && *p != '\n' && *p != '#')
        p++;
    if (p - start > WORD_BYTES_MAX)
        return error_set(WEFT_EDATA, "read %s:%zu: found \"%s\", which goes on for more than %d bytes; wanted numbers between"
                         " blanks", AT(r), shown(start, (size_t)(p - start)).text, WORD_BYTES_MAX);
    *is_cut = p == end && !window->is_over;
    if (*is_cut)
        return window_more(window);
    r->word = (struct word){.kind = WORD, .text = start, .length = (size_t)(p - start), .covered = *p};
    *p = '\0';
    window->first = (size_t)(p - window->bytes);
    return WEFT_OK;
}

/* The next word, or end of a line or of the file. */
static weft_status word_next(struct libsvm_reading *r)
{
    struct window *window = &r->window;
    weft_status st = WEFT_OK;
    if (r->word.kind == WORD && r->word.text != NULL)
        r->word.text[r->word.length] = r->word.covered;
    r->word = (struct word){.kind = FILE_END};
    for (bool is_cut = true; is_cut && st == WEFT_OK;) {
        while (window->first < window->end && is_blank(window->bytes[window->first]))
            window->first++;
        char c = window->first < window->end ? window->bytes[window->first] : '\n';
        if (window->first == window->end) {
            if (window->is_over)
                return WEFT_OK;
            st = window_more(window);
        } else if (c == '\n') {
            window->first++;
            r->word.kind = LINE_END;
            return WEFT_OK;
        } else if (c == '#') {
            st = comment_skip(window);
        } else {
            st = word_cut(r, &is_cut);
        }
    }
    return st;
}

/* ---- Labels ---- */

static weft_status label_odd(const struct libsvm_reading *r, const char *text, const char *wanted)
{
    return error_set(WEFT_EDATA, "read %s:%zu: found the label \"%s\", wanted %s", AT(r), shown(text, strlen(text)).text, wanted);
}

static weft_status value_take(struct libsvm_reading *r)
{
    float value;
    if (decimal_read(r->word.text, r->word.length, &value) != DECIMAL_NUMBER)
        return label_odd(r, r->word.text, "one finite number to be predicted");
    return pile_add(&r->targets, &value, 1);
}

/* One or, for scores, several between commas. */
static weft_status classes_take(struct libsvm_reading *r, uint32_t *count)
{
    char *text = r->word.text, *end = text + r->word.length;
    if (r->request->target == TARGET_CLASS && memchr(text, ',', r->word.length) != NULL)
        return label_odd(r, text, "a single one (a network with output = sigmoid takes several)");
    for (*count = 0; text <= end; ++*count) {
        char *comma = memchr(text, ',', (size_t)(end - text));
        size_t length = (size_t)((comma != NULL ? comma : end) - text);
        text[length] = '\0';
        float value;
        int32_t number;
        if (decimal_read(text, length, &value) != DECIMAL_NUMBER)
            return label_odd(r, text, "a finite number");
        weft_status st = labels_add(&r->labels, text, length, &number);
        if (st == WEFT_EDATA)
            return error_context(st, "read %s:%zu: label", AT(r));
        if (st != WEFT_OK || (st = pile_add(&r->words, &number, 1)) != WEFT_OK)
            return st;
        text += length + 1;
    }
    return WEFT_OK;
}

/* With the first word of a row, which need not be a label. */
static weft_status label_take(struct libsvm_reading *r)
{
    uint32_t count = 0;
    weft_status st;
    if (r->request->target == TARGET_NOTHING)
        return WEFT_OK;
    bool is_there = memchr(r->word.text, ':', r->word.length) == NULL;
    if (!is_there && r->request->target != TARGET_SCORES)
        return error_set(WEFT_EDATA, "read %s:%zu: found \"%s\", wanted a label in front of it", AT(r),
                         shown(r->word.text, r->word.length).text);
    if (r->request->target == TARGET_VALUES)
        return value_take(r);
    if (is_there && (st = classes_take(r, &count)) != WEFT_OK)
        return st;
    r->one_label = r->one_label && count == 1;
    return pile_add(&r->words_of, &count, 1);
}

/* ---- Features ---- */

static weft_status feature_odd(const struct libsvm_reading *r)
{
    return error_set(WEFT_EDATA, "read %s:%zu: found \"%s\", wanted index:value, two numbers", AT(r),
                     shown(r->word.text, r->word.length).text);
}

static bool is_nan(const char *text, size_t length)
{
    size_t sign = *text == '-' || *text == '+';
    text += sign;
    return length == sign + 3 && (text[0] | 32) == 'n' && (text[1] | 32) == 'a' && (text[2] | 32) == 'n';
}

/* An index that cannot be taken: too large, or not larger than the one before. digits: of them in the word. */
static weft_status index_odd(const struct libsvm_reading *r, size_t digits, uint64_t number, int64_t previous)
{
    struct shown index = shown(r->word.text, digits);
    size_t features = r->request->features;
    if (number > INDEX_MAX)
        return error_set(WEFT_EDATA, "read %s:%zu: found index %s, wanted at most %" PRIu32, AT(r), index.text, INDEX_MAX);
    if ((int64_t)number <= previous)
        return error_set(WEFT_EDATA, "read %s:%zu: found index %s behind index %" PRId64 ", wanted a larger one", AT(r),
                         index.text, previous);
    if (number == 0)
        return error_set(WEFT_EDATA, "read %s:%zu: found index 0, wanted 1 or more, as base=1", AT(r));
    return error_set(WEFT_EDATA, "read %s:%zu: found index %s, wanted at most %zu, as there are to be %zu features", AT(r),
                     index.text, features - (r->base == 0), features);
}

/* The number before the ':', which is where *value begins. */
static weft_status index_read(struct libsvm_reading *r, int64_t previous, uint32_t *index, const char **value)
{
    const char *p = r->word.text;
    uint64_t number = 0, least = r->base == 1, most = INDEX_MAX;
    if (r->request->features != 0 && r->request->features <= INDEX_MAX)
        most = r->request->features - (r->base == 0);
    for (; *p >= '0' && *p <= '9'; p++)
        number = number <= INDEX_MAX ? 10 * number + (uint64_t)(*p - '0') : number;
    if (*p != ':' || p == r->word.text)
        return feature_odd(r);
    if (number < least || number > most || (int64_t)number <= previous)
        return index_odd(r, (size_t)(p - r->word.text), number, previous);
    *index = (uint32_t)number;
    *value = p + 1;
    return WEFT_OK;
}

static weft_status feature_take(struct libsvm_reading *r, int64_t *previous)
{
    struct entry entry;
    const char *text = NULL;
    weft_status st = index_read(r, *previous, &entry.index, &text);
    if (st != WEFT_OK)
        return st;
    size_t length = r->word.length - (size_t)(text - r->word.text);
    enum decimal found = decimal_read(text, length, &entry.value);
    if (found == DECIMAL_BEYOND)
        return error_set(WEFT_EDATA, "read %s:%zu: found \"%s\", wanted a finite number, at most 3.4028235e38 as a float holds",
                         AT(r), shown(r->word.text, r->word.length).text);
    if (found == DECIMAL_NONE && !is_nan(text, length))
        return feature_odd(r);
    if (found == DECIMAL_NONE)
        entry.value = __builtin_nanf("");
    if (entry.index == 0 && r->zero_line == 0)
        r->zero_line = r->line;
    if (entry.index > r->most || r->most_line == 0) {
        r->most = entry.index;
        r->most_line = r->line;
    }
    *previous = entry.index;
    return pile_add(&r->entries, &entry, 1);
}

/* ---- Rows ---- */

/* With the first word of a row at hand; ends at the end of its line. */
static weft_status row_take(struct libsvm_reading *r)
{
    int64_t previous = -1;
    size_t before = r->entries.count;
    if (r->rows == UINT32_MAX)
        return error_set(WEFT_EDATA, "read %s:%zu: found more than %zu rows", AT(r), r->rows);
    weft_status st = label_take(r);
    bool is_label = memchr(r->word.text, ':', r->word.length) == NULL;
    if (st == WEFT_OK && is_label)
        st = word_next(r);
    while (st == WEFT_OK && r->word.kind == WORD) {
        bool is_query = r->word.length >= 4 && memcmp(r->word.text, "qid:", 4) == 0;
        st = is_query ? WEFT_OK : feature_take(r, &previous);
        if (st == WEFT_OK)
            st = word_next(r);
    }
    uint32_t count = (uint32_t)(r->entries.count - before);
    r->rows++;
    return st == WEFT_OK ? pile_add(&r->entries_of, &count, 1) : st;
}

static weft_status rows_read(struct libsvm_reading *r)
{
    for (r->line = 1;; r->line++) {
        weft_status st = word_next(r);
        if (st == WEFT_OK && r->word.kind == WORD)
            st = row_take(r);
        if (st != WEFT_OK)
            return st;
        if (r->word.kind == FILE_END)
            return r->rows != 0 ? WEFT_OK : error_set(WEFT_EDATA, "read %s: found no row, only empty lines and comments",
                                                      r->window.name);
    }
}

/* ---- The table ---- */

static weft_status width_find(struct libsvm_reading *r, size_t *features)
{
    size_t known = r->request->features;
    if (r->base == BASE_UNKNOWN)
        r->base = r->zero_line == 0;
    size_t wanted = r->most_line == 0 ? 0 : r->most + (r->base == 0);
    if (known != 0 && wanted > known)
        return error_set(WEFT_EDATA, "read %s:%zu: found index %" PRIu32 ", wanted at most %zu: there are to be %zu features, and"
                         " they count from 0, as there is an index 0 in line %zu", r->window.name, r->most_line, r->most,
                         known - 1, known, r->zero_line);
    *features = known != 0 ? known : wanted;
    if (*features != 0)
        return WEFT_OK;
    return error_set(WEFT_EDATA, "read %s: none of the %zu rows has a feature, wanted index:value", r->window.name, r->rows);
}

/* A table of rows x columns floats; the file says how large, so it is asked first whether the machine has so much. */
static weft_status floats_new(const struct libsvm_reading *r, const char *of, size_t columns, float **array)
{
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    double bytes = 4.0 * (double)r->rows * (double)columns, machine = (double)pages * (double)page_bytes;
    if (bytes >= 0x1p62 || (pages > 0 && bytes > machine))
        return error_set(WEFT_ENOMEM, "read %s: a table of %zu rows and %zu %s takes %.3g GB, zeros included; this machine has"
                         " %.3g GB", r->window.name, r->rows, columns, of, bytes / 1e9, machine / 1e9);
    *array = memory_new(r->rows * columns, sizeof **array);
    return *array != NULL ? WEFT_OK : WEFT_ENOMEM;
}

static weft_status features_fill(struct libsvm_reading *r, struct table *table)
{
    void *array = NULL;
    struct entry *entry = NULL;
    uint32_t *count = NULL;
    weft_status st;
    table->count = r->rows;
    if ((st = width_find(r, &table->features)) != WEFT_OK) goto done;
    if ((st = floats_new(r, "features", table->features, &table->value)) != WEFT_OK) goto done;
    if ((st = pile_take(&r->entries, &array)) != WEFT_OK) goto done;
    entry = array;
    if ((st = pile_take(&r->entries_of, &array)) != WEFT_OK) goto done;
    count = array;
    const struct entry *next = entry;
    for (size_t n = 0; n < r->rows; n++)
        for (uint32_t left = count[n]; left > 0; left--, next++)
            table->value[n * table->features + next->index - r->base] = next->value;
done:
    memory_free(entry);
    memory_free(count);
    return st;
}

static weft_status labels_fill(struct libsvm_reading *r, struct table *table, struct names *classes)
{
    void *array = NULL;
    int32_t *word = NULL;
    uint32_t *count = NULL;
    weft_status st;
    if ((st = labels_finish(&r->labels, classes)) != WEFT_OK) goto done;
    if (classes->count == 0) {
        st = error_set(WEFT_EDATA, "read %s: none of the %zu rows has a label", r->window.name, r->rows);
        goto done;
    }
    if ((st = pile_take(&r->words, &array)) != WEFT_OK) goto done;
    word = array;
    if (r->one_label) {
        for (size_t n = 0; n < r->rows; n++)
            word[n] = r->labels.class_of[word[n]];
        table->label = word;
        word = NULL;
        goto done;
    }
    if ((st = pile_take(&r->words_of, &array)) != WEFT_OK) goto done;
    count = array;
    if ((st = floats_new(r, "labels", classes->count, &table->target)) != WEFT_OK) goto done;
    table->targets = classes->count;
    const int32_t *next = word;
    for (size_t n = 0; n < r->rows; n++)
        for (uint32_t left = count[n]; left > 0; left--, next++)
            table->target[n * table->targets + (size_t)r->labels.class_of[*next]] = 1;
done:
    memory_free(word);
    memory_free(count);
    return st;
}

static weft_status source_fill(struct libsvm_reading *r, struct source *source)
{
    void *array = NULL;
    weft_status st = features_fill(r, &source->train);
    if (st != WEFT_OK || r->request->target == TARGET_NOTHING)
        return st;
    if (r->request->target != TARGET_VALUES)
        return labels_fill(r, &source->train, &source->classes);
    st = pile_take(&r->targets, &array);
    source->train.target = st == WEFT_OK ? array : NULL;
    source->train.targets = 1;
    return st;
}

weft_status libsvm_read(const struct read_request *request, struct source *source)
{
    struct libsvm_reading r = {.request = request, .base = BASE_UNKNOWN, .one_label = true};
    const struct uri_option known[] = {{"base", &r.base, 0, 1, NULL}};
    weft_status st = uri_options_read("libsvm", request->options, known, 1);
    if (st != WEFT_OK || (st = labels_open(&r.labels, request->classes)) != WEFT_OK)
        return st;
    pile_open(&r.entries, sizeof(struct entry));
    pile_open(&r.entries_of, sizeof(uint32_t));
    pile_open(&r.words, sizeof(int32_t));
    pile_open(&r.words_of, sizeof(uint32_t));
    pile_open(&r.targets, sizeof(float));
    if ((st = window_open(&r.window, request->where)) == WEFT_OK) {
        st = rows_read(&r);
        if (st == WEFT_OK)
            st = source_fill(&r, source);
        window_close(&r.window);
    }
    labels_close(&r.labels);
    pile_close(&r.entries);
    pile_close(&r.entries_of);
    pile_close(&r.words);
    pile_close(&r.words_of);
    pile_close(&r.targets);
    if (st != WEFT_OK)
        source_free(source);
    return st;
}
