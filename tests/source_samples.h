/* What the tests of the readers of binary data share: a directory for each test, files in it, plain or packed; a read that leaves
 * nothing behind when it fails; damage. */
#ifndef TESTS_SOURCE_SAMPLES_H
#define TESTS_SOURCE_SAMPLES_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <zlib.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/readers.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef weft_status reader_function(const struct read_request *request, struct source *source);

static char directory[64];                      /* of this test */

static inline int directory_make(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/weft_test_source_XXXXXX");
    return mkdtemp(directory) == NULL;
}

static inline int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info; (void)kind; (void)walk;
    return remove(path);
}

static inline int directory_remove(void **state)
{
    (void)state;
    return nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Its path, in one of four buffers. */
static inline const char *path_of(const char *name)
{
    static char buffer[4][PATH_MAX];
    static unsigned next;
    char *path = buffer[next++ % 4];
    snprintf(path, PATH_MAX, "%s/%s", directory, name);
    return path;
}

static inline void file_put(const char *name, const void *bytes, size_t size_bytes)
{
    unlink(path_of(name));                      /* a new file: some file systems write one that was cut to nothing at once */
    int descriptor = open(path_of(name), O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, bytes, size_bytes), size_bytes);
    assert_int_equal(close(descriptor), 0);
}

static inline void text_put(const char *name, const char *text)
{
    file_put(name, text, strlen(text));
}

/* The whole file; free() it. */
static inline uint8_t *file_get(const char *name, size_t *size_bytes)
{
    struct stat info;
    assert_int_equal(stat(path_of(name), &info), 0);
    *size_bytes = (size_t)info.st_size;
    uint8_t *bytes = malloc(*size_bytes + 1);
    FILE *file = fopen(path_of(name), "rb");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, *size_bytes, file), *size_bytes);
    fclose(file);
    return bytes;
}

/* As gzip; returns its size. capacity: of packed. */
static inline size_t pack(const void *bytes, size_t size_bytes, uint8_t *packed, size_t capacity)
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

/* The same again after a call: it has left no file open. */
static inline int lowest_free_descriptor(void)
{
    int descriptor = open("/dev/null", O_RDONLY);
    assert_true(descriptor >= 0);
    close(descriptor);
    return descriptor;
}

static inline bool is_all_zero(const struct source *source)
{
    static const struct source zero;
    return memcmp(source, &zero, sizeof zero) == 0;
}

/* On failure the source is all zero and no file is open. */
static inline weft_status read_from(reader_function *read, const char *where, const char *options, enum target_kind target,
                                    struct source *source)
{
    const struct read_request request = {.where = where, .options = options, .target = target};
    int descriptor = lowest_free_descriptor();
    *source = (struct source){0};
    weft_status st = read(&request, source);
    assert_int_equal(lowest_free_descriptor(), descriptor);
    if (st != WEFT_OK)
        assert_true(is_all_zero(source));
    return st;
}

#define assert_ok(call)                                                                 \
    do {                                                                                \
        weft_status st_ = (call);                                                       \
        if (st_ != WEFT_OK)                                                             \
            fail_msg("%s: %d: %s", #call, (int)st_, weft_last_error());                 \
    } while (0)

#define assert_refused(call, status, words)                                             \
    do {                                                                                \
        weft_status st_ = (call);                                                       \
        if (st_ != (status) || strstr(weft_last_error(), words) == NULL)                \
            fail_msg("found  %d: %s\n  wanted %d: %s", (int)st_, weft_last_error(), (int)(status), words);      \
    } while (0)

static inline uint32_t random_next(uint32_t *random)    /* Numerical Recipes' quick generator; the high bits are the good ones */
{
    *random = *random * 1664525 + 1013904223;
    return *random >> 8;
}

/* What holds for whatever a reader lets pass. */
static inline void table_is_sound(const struct table *table, enum target_kind target)
{
    assert_true(table->count >= 1 && table->features >= 1 && (table->pixel != NULL) != (table->value != NULL));
    if (table->height != 0)
        assert_int_equal(table->height * table->width * table->channels, table->features);
    uint32_t sum = 0;
    for (size_t i = 0; i < table->count * table->features; i++) {
        sum += table->pixel != NULL ? table->pixel[i] : 0;      /* a sanitizer sees whether it is there */
        assert_true(table->value == NULL || !isinf(table->value[i]));
    }
    (void)sum;
    assert_int_equal((table->label != NULL) + (table->target != NULL), target != TARGET_NOTHING);
    for (size_t n = 0; n < table->count && table->label != NULL; n++)
        assert_true(table->label[n] >= 0);
    for (size_t i = 0; i < table->count * table->targets; i++)
        assert_true(isfinite(table->target[i]));
}

/* Allocation 1, 2, 3, ... fails until the read succeeds; nothing is left behind (a sanitizer sees that). `least` fail or more. */
static inline void failing_memory_check(reader_function *read, const char *where, enum target_kind target, size_t least)
{
    size_t n = 0;
    struct source source = {0};
    for (weft_status st = WEFT_ENOMEM; st != WEFT_OK;) {
        const struct read_request request = {.where = where, .options = "", .target = target};
        int descriptor = lowest_free_descriptor();
        memory_fail_from(++n);
        st = read(&request, &source);
        memory_fail_from(0);
        assert_int_equal(lowest_free_descriptor(), descriptor);
        assert_true(st == WEFT_OK || (st == WEFT_ENOMEM && is_all_zero(&source)));
    }
    assert_true(n > least);
    table_is_sound(&source.train, target);
    source_free(&source);
}

/* The file `name` again and again, bytes or bits of it changed, or cut off; `where` is then read. Any answer, but no crash, no
 * leak, no status that is not a user's fault. places: how much of its beginning is damaged. */
static inline void damage_check(reader_function *read, const char *where, const char *name, size_t places, size_t rounds,
                                enum target_kind target)
{
    size_t size_bytes, refused = 0;
    uint8_t *bytes = file_get(name, &size_bytes), *copy = malloc(size_bytes);
    uint32_t random = 1;
    places = places < size_bytes ? places : size_bytes;
    for (size_t round = 0; round < rounds; round++) {
        struct source source;
        memcpy(copy, bytes, size_bytes);
        for (size_t k = 1 + random_next(&random) % 4; k > 0; k--) {
            uint8_t *byte = copy + random_next(&random) % places, any = (uint8_t)random_next(&random);
            *byte = random_next(&random) % 2 == 0 ? any : (uint8_t)(*byte ^ 1 << any % 8);
        }
        size_t kept = random_next(&random) % 8 == 0 ? random_next(&random) % size_bytes : size_bytes;
        file_put(name, copy, kept);
        weft_status st = read_from(read, where, "", target, &source);
        if (st != WEFT_OK && st != WEFT_EDATA && st != WEFT_ENOINPUT && st != WEFT_ENOMEM)
            fail_msg("%d: %s", (int)st, weft_last_error());
        if (st == WEFT_OK && source.train.count != 0)
            table_is_sound(&source.train, target);
        refused += st != WEFT_OK;
        source_free(&source);
    }
    assert_true(refused > rounds / 20);         /* the damage is not too small */
    file_put(name, bytes, size_bytes);
    free(bytes);
    free(copy);
}

#endif
