/* What the tests of the readers of text files share: a file made of a text, plain or packed; the source read from it, written
 * as one line; what is said of a bad one. Each test has a directory of its own. */
#ifndef TESTS_TEXT_SAMPLES_H
#define TESTS_TEXT_SAMPLES_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "data/readers.h"
#include "weft/error.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef weft_status reader_function(const struct read_request *request, struct source *source);

static char sample_path[PATH_MAX];

static int sample_setup(void **state)
{
    (void)state;
    strcpy(sample_path, "/tmp/weft_test_text_XXXXXX");
    if (mkdtemp(sample_path) == NULL)
        return 1;
    strcat(sample_path, "/file");
    return 0;
}

static int sample_teardown(void **state)
{
    (void)state;
    unlink(sample_path);
    *strrchr(sample_path, '/') = '\0';
    return rmdir(sample_path);
}

static void sample_put(const void *bytes, size_t size_bytes)
{
    unlink(sample_path);                        /* a new file: some file systems write one that was cut to nothing at once */
    int descriptor = open(sample_path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, bytes, size_bytes), size_bytes);
    assert_int_equal(close(descriptor), 0);
}

/* As gzip; returns its size. capacity: of packed. */
static size_t sample_pack(const void *bytes, size_t size_bytes, uint8_t *packed, size_t capacity)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)bytes;
    stream.avail_in = (uInt)size_bytes;
    stream.next_out = packed;
    stream.avail_out = (uInt)capacity;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(deflateEnd(&stream), Z_OK);
    return capacity - stream.avail_out;
}

/* "1 2 nan > 0; 3 4 5 > 1 [a,b]": features > label or targets; next row [classes]. */
static void source_describe(const struct source *source, char *line, size_t capacity)
{
    const struct table *table = &source->train;
    struct text text = {line, capacity, 0};
    for (size_t n = 0; n < table->count; n++) {
        text_add(&text, "%s", n == 0 ? "" : "; ");
        for (size_t j = 0; j < table->features; j++)
            text_add(&text, "%s%.9g", j == 0 ? "" : " ", (double)table->value[n * table->features + j]);
        if (table->label != NULL)
            text_add(&text, " > %d", (int)table->label[n]);
        for (size_t k = 0; k < table->targets; k++)
            text_add(&text, "%s%g", k == 0 ? " > " : " ", (double)table->target[n * table->targets + k]);
    }
    for (size_t i = 0; i < source->classes.count; i++)
        text_add(&text, "%s%s%s", i == 0 ? " [" : ",", source->classes.name[i], i + 1 == source->classes.count ? "]" : "");
}

/* A case: a text (bytes: its length if it holds a 0) and how it is read; and what comes out, as source_describe, or the status
 * and some words of the message. "%s" in the words is the path. */
struct text_case {
    const char *text, *options;
    enum target_kind target;
    const char *want;
    weft_status status;
    size_t features;
    const char *classes;                        /* "a,b,c"; NULL: not known */
    size_t bytes;
};

static void names_of(const char *list, struct names *names)
{
    for (const char *at = list; at != NULL && *at != '\0';) {
        size_t length = strcspn(at, ",");
        assert_int_equal(names_add(names, at, length), WEFT_OK);
        at += length + (at[length] == ',');
    }
}

static int lowest_free_descriptor(void)
{
    int descriptor = open("/dev/null", O_RDONLY);
    assert_true(descriptor >= 0);
    close(descriptor);
    return descriptor;
}

static bool is_all_zero(const struct source *source)
{
    static const struct source zero;
    return memcmp(source, &zero, sizeof zero) == 0;
}

static void case_check(reader_function *read, const struct text_case *c)
{
    struct names classes = {0};
    struct source source = {0};
    char line[4096] = "", wanted[4096];
    names_of(c->classes, &classes);
    struct read_request request = {.where = sample_path, .options = c->options != NULL ? c->options : "", .target = c->target,
                                   .classes = c->classes != NULL ? &classes : NULL, .features = c->features};
    int descriptor = lowest_free_descriptor();
    weft_status st = read(&request, &source);
    assert_int_equal(lowest_free_descriptor(), descriptor);
    snprintf(wanted, sizeof wanted, c->status != WEFT_OK ? c->want : "%.0s", sample_path);
    if (st == WEFT_OK)
        source_describe(&source, line, sizeof line);
    bool is_right = st == c->status && (st == WEFT_OK ? strcmp(line, c->want) == 0
                                                      : strstr(weft_last_error(), wanted) != NULL && is_all_zero(&source));
    if (!is_right)
        print_error("of \"%s\"?%s (target %d, %zu features)\n  found  %d: %s\n  wanted %d: %s\n", c->text, request.options,
                    (int)c->target, c->features, (int)st, st == WEFT_OK ? line : weft_last_error(), (int)c->status,
                    st == WEFT_OK ? c->want : wanted);
    assert_true(is_right);
    assert_int_equal(source.test.count, 0);
    source_free(&source);
    names_free(&classes);
}

/* Each case from a plain file and from a packed one. */
static void cases_check(reader_function *read, const struct text_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t packed[8192];
        size_t bytes = cases[i].bytes != 0 ? cases[i].bytes : strlen(cases[i].text);
        sample_put(cases[i].text, bytes);
        case_check(read, &cases[i]);
        sample_put(packed, sample_pack(cases[i].text, bytes, packed, sizeof packed));
        case_check(read, &cases[i]);
    }
}

/* Allocation 1, 2, 3, ... fails until the read succeeds; nothing is left behind (a sanitizer sees that). At least `least` fail. */
static void failing_memory_check(reader_function *read, const struct text_case *c, size_t least)
{
    struct names classes = {0};
    struct source source = {0};
    names_of(c->classes, &classes);
    struct read_request request = {.where = sample_path, .options = c->options != NULL ? c->options : "", .target = c->target,
                                   .classes = c->classes != NULL ? &classes : NULL, .features = c->features};
    uint8_t packed[8192];
    sample_put(packed, sample_pack(c->text, strlen(c->text), packed, sizeof packed));
    size_t n = 0;
    for (weft_status st = WEFT_ENOMEM; st != WEFT_OK;) {
        int descriptor = lowest_free_descriptor();
        memory_fail_from(++n);
        st = read(&request, &source);
        memory_fail_from(0);
        assert_int_equal(lowest_free_descriptor(), descriptor);
        assert_true(st == WEFT_OK || (st == WEFT_ENOMEM && is_all_zero(&source)));
    }
    assert_true(n > least);
    char line[4096];
    source_describe(&source, line, sizeof line);
    assert_string_equal(line, c->want);
    source_free(&source);
    names_free(&classes);
}

static uint32_t random_next(uint32_t *random)           /* Numerical Recipes' quick generator; the high bits are the good ones */
{
    *random = *random * 1664525 + 1013904223;
    return *random >> 8;
}

/* Damage in 1 to 4 places: a byte changed, taken from elsewhere, inserted or removed; or the end cut off. Returns the new size. */
static size_t sample_damage(uint32_t *random, char *text, size_t size_bytes, const char *likely)
{
    for (size_t k = 1 + random_next(random) % 4; k > 0 && size_bytes > 1; k--) {
        size_t at = random_next(random) % size_bytes;
        char c = random_next(random) % 4 == 0 ? (char)random_next(random) : likely[random_next(random) % strlen(likely)];
        switch (random_next(random) % 8) {
        case 0:
            memmove(text + at, text + at + 1, --size_bytes - at);
            break;
        case 1: case 2:
            memmove(text + at + 1, text + at, size_bytes++ - at);
            text[at] = c;
            break;
        case 3:
            size_bytes = 1 + (random_next(random) % 4 == 0 ? at : size_bytes - 1);
            break;
        default:
            text[at] = c;
        }
    }
    return size_bytes;
}

/* What holds for whatever a reader lets pass. */
static void source_is_sound(const struct source *source, const struct read_request *request)
{
    const struct table *table = &source->train;
    assert_true(table->count >= 1 && table->features >= 1 && table->value != NULL && table->pixel == NULL);
    if (request->features != 0)
        assert_int_equal(table->features, request->features);
    for (size_t i = 0; i < table->count * table->features; i++)
        assert_false(isinf(table->value[i]));
    assert_int_equal((table->label != NULL) + (table->target != NULL), request->target != TARGET_NOTHING);
    for (size_t n = 0; n < table->count && table->label != NULL; n++)
        assert_true(table->label[n] >= 0 && (size_t)table->label[n] < source->classes.count);
    for (size_t i = 0; i < table->count * table->targets; i++)
        assert_true(request->target == TARGET_VALUES ? isfinite(table->target[i]) != 0
                                                     : table->target[i] >= 0 && table->target[i] <= 1);
}

/* `rounds` damaged copies of each text: any answer, but no crash, no leak, no status that is not a user's fault. */
static void damage_check(reader_function *read, const struct text_case *cases, size_t count, const char *likely, size_t rounds)
{
    uint32_t random = 1;
    size_t passed = 0;
    for (size_t i = 0; i < count * rounds; i++) {
        const struct text_case *c = &cases[i % count];
        struct names classes = {0};
        struct source source = {0};
        char text[4096];
        uint8_t packed[8192];
        size_t size_bytes = strlen(c->text);
        assert_true(size_bytes < sizeof text - 8);
        memcpy(text, c->text, size_bytes);
        size_bytes = sample_damage(&random, text, size_bytes, likely);
        size_t packed_bytes = random % 4 == 0 ? sample_pack(text, size_bytes, packed, sizeof packed) : 0;
        if (packed_bytes != 0 && random_next(&random) % 2 == 0)
            packed[random_next(&random) % packed_bytes] ^= (uint8_t)(1 + random_next(&random) % 255);
        sample_put(packed_bytes != 0 ? (void *)packed : text, packed_bytes != 0 ? packed_bytes : size_bytes);
        names_of(c->classes, &classes);
        struct read_request request = {.where = sample_path, .options = c->options != NULL ? c->options : "",
                                       .target = c->target, .classes = c->classes != NULL ? &classes : NULL,
                                       .features = c->features};
        weft_status st = read(&request, &source);
        assert_true(st == WEFT_OK || st == WEFT_EDATA || st == WEFT_ENOMEM);            /* ENOMEM: a table beyond the machine */
        if (st == WEFT_OK)
            source_is_sound(&source, &request);
        else
            assert_true(is_all_zero(&source));
        passed += st == WEFT_OK;
        source_free(&source);
        names_free(&classes);
    }
    assert_true(passed > rounds * count / 50 && passed < rounds * count);       /* the damage is neither too small nor too large */
}

#endif
