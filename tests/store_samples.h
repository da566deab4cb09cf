/* What the tests of the store share: a directory of their own, files in it, and a snapshot with one of everything. */
#ifndef TESTS_STORE_SAMPLES_H
#define TESTS_STORE_SAMPLES_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/snapshot.h"

#ifndef COUNT
#define COUNT(table) (sizeof (table) / sizeof (table)[0])
#endif
#define assert_ok(call)                                             \
    do {                                                            \
        weft_status st_ = (call);                                   \
        if (st_ != WEFT_OK)                                         \
            fail_msg("%s: %s", #call, weft_last_error());           \
    } while (0)

static char scratch[64];                        /* the directory of this test program; each test has it empty */

static inline int scratch_remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info; (void)kind;
    return walk->level == 0 ? 0 : remove(path);
}

static inline int scratch_make(void **state)
{
    (void)state;
    strcpy(scratch, "/tmp/weft-test-XXXXXX");
    return mkdtemp(scratch) == NULL ? -1 : 0;
}

static inline int scratch_clear(void **state)
{
    (void)state;
    return nftw(scratch, scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static inline int scratch_remove(void **state)
{
    return scratch_clear(state) != 0 ? -1 : rmdir(scratch);
}

/* "<scratch>/<name>", in one of eight static buffers. */
static inline const char *in_scratch(const char *name)
{
    static char buffer[8][PATH_MAX];
    static unsigned next;
    char *path = buffer[next++ % 8];
    snprintf(path, PATH_MAX, "%s/%s", scratch, name);
    return path;
}

static inline void put_file(const char *path, const void *bytes, size_t size_bytes)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size_bytes, file), size_bytes);
    assert_int_equal(fclose(file), 0);
}

/* The whole file, free() it. */
static inline unsigned char *get_file(const char *path, size_t *size_bytes)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    *size_bytes = (size_t)info.st_size;
    unsigned char *bytes = malloc(*size_bytes + 1);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    assert_int_equal(fread(bytes, 1, *size_bytes, file), *size_bytes);
    fclose(file);
    bytes[*size_bytes] = '\0';
    return bytes;
}

static inline void assert_holds(const char *path, const char *text)
{
    size_t size_bytes;
    unsigned char *bytes = get_file(path, &size_bytes);
    assert_string_equal((char *)bytes, text);
    free(bytes);
}

static inline size_t count_entries(const char *path)
{
    size_t count = 0;
    DIR *stream = opendir(path);
    assert_non_null(stream);
    for (struct dirent *entry = readdir(stream); entry != NULL; entry = readdir(stream))
        count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(stream);
    return count;
}

static inline bool exists(const char *path)
{
    struct stat info;
    return lstat(path, &info) == 0;
}

static const char *const sample_names[] = {"uint8", "int32", "int64", "float32", "float64"};
static const size_t sample_shape[][1 + ARRAY_RANK_MAX] = {      /* rank, dims */
    {0}, {1, 5}, {1, 0}, {2, 3, 4}, {2, 0, 4}, {2, 4, 0}, {3, 2, 3, 4}, {4, 2, 1, 3, 2}};

/* Every type in every shape, empty ones too, with bytes that depend on the seed; attributes of all kinds on the root, on
 * groups with and without arrays and on an array; two pictures. The order is one in which no group is returned to, so
 * that what is read back has the same order. */
static inline weft_status sample_fill(struct snapshot *s, unsigned seed)
{
    static const unsigned char truecolor[2][2][3] = {{{255, 0, 0}, {0, 255, 0}}, {{0, 0, 255}, {9, 8, 7}}};
    unsigned char indexed[8][8], bytes[24 * 8];
    weft_status st = snapshot_put_text(s, "/", "weft_version", "0.1");
    if (st == WEFT_OK) st = snapshot_put_integer(s, "/", "step", INT64_MIN + (int64_t)seed);
    if (st == WEFT_OK) st = snapshot_put_text(s, "/settings", "data.source", "idx:/päth with spaces/ünïcode");
    if (st == WEFT_OK) st = snapshot_put_text(s, "/settings", "checkpoint.empty", "");
    if (st == WEFT_OK) st = snapshot_put_real(s, "/settings", "a_real", 0.1 + seed);
    for (int type = ARRAY_U8; type <= ARRAY_F64; type++)
        for (size_t i = 0; st == WEFT_OK && i < COUNT(sample_shape); i++) {
            char path[64];
            snprintf(path, sizeof path, "/layers/z%d/%s_%zu", 9 - type, sample_names[type], 9 - i);
            for (size_t b = 0; b < sizeof bytes; b++)           /* small exponents: a signalling NaN need not survive */
                bytes[b] = (unsigned char)((b * 37 + seed + i + (unsigned)type * 11) & 0x3f);
            st = snapshot_put_array(s, path, (enum array_type)type, ROLE_PLAIN, sample_shape[i][0], &sample_shape[i][1],
                                    bytes);
        }
    if (st == WEFT_OK) st = snapshot_put_text(s, "/layers/z5/float64_2", "activation", "relu");
    if (st == WEFT_OK) st = snapshot_put_integer(s, "/layers/z5/float64_2", "fan_in", -3);
    for (size_t y = 0; y < 8; y++)
        for (size_t x = 0; x < 8; x++)
            indexed[y][x] = (unsigned char)(32 * y + 4 * x + seed);
    if (st == WEFT_OK)
        st = snapshot_put_array(s, "/images/01/unit_00", ARRAY_U8, ROLE_IMAGE_INDEXED, 2, (size_t[]){8, 8}, indexed);
    if (st == WEFT_OK) st = snapshot_put_text(s, "/images/01/unit_00", "unit", "nought");
    if (st == WEFT_OK)
        st = snapshot_put_array(s, "/images/01/unit_01", ARRAY_U8, ROLE_IMAGE_TRUECOLOR, 3, (size_t[]){2, 2, 3}, truecolor);
    return st;
}

static inline struct snapshot *sample_new(unsigned seed)
{
    struct snapshot *s = snapshot_create();
    assert_non_null(s);
    assert_ok(sample_fill(s, seed));
    return s;
}

/* One array and one attribute: a file of some two thousand bytes. */
static inline struct snapshot *sample_new_small(int64_t step)
{
    struct snapshot *s = snapshot_create();
    assert_non_null(s);
    assert_ok(snapshot_put_integer(s, "/", "step", step));
    assert_ok(snapshot_put_array(s, "/x", ARRAY_F32, ROLE_PLAIN, 1, (size_t[]){3}, (float[]){1.5f, -2, (float)step}));
    return s;
}

/* Everything that b has, in b's order; a may begin with the store's own attributes of the root. */
static inline void assert_same_snapshot(const struct snapshot *a, const struct snapshot *b)
{
    assert_int_equal(a->array_count, b->array_count);
    for (size_t i = 0; i < b->array_count; i++) {
        const struct array *left = &a->array[i], *right = &b->array[i];
        assert_string_equal(left->path, right->path);
        assert_int_equal(left->type, right->type);
        assert_int_equal(left->role, right->role);
        assert_int_equal(left->rank, right->rank);
        assert_memory_equal(left->dim, right->dim, right->rank * sizeof *right->dim);
        assert_int_equal(left->size_bytes, right->size_bytes);
        assert_memory_equal(left->data, right->data, right->size_bytes);
    }
    for (size_t i = 0; i < b->attribute_count; i++) {
        const struct attribute *right = &b->attribute[i];
        const struct attribute *left = snapshot_find_attribute(a, right->object, right->name);
        assert_non_null(left);
        assert_int_equal(left->type, right->type);
        assert_int_equal(left->integer, right->integer);
        assert_memory_equal(&left->real, &right->real, sizeof left->real);
        assert_string_equal(left->text == NULL ? "" : left->text, right->text == NULL ? "" : right->text);
    }
}

#endif
