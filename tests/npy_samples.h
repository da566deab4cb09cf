/* NumPy's files, made byte by byte: arrays, and archives of them. */
#ifndef TESTS_NPY_SAMPLES_H
#define TESTS_NPY_SAMPLES_H

#include "source_samples.h"

enum { FILE_ROOM = 1 << 16 };

struct bytes { uint8_t at[FILE_ROOM]; size_t size; };

static inline void put(struct bytes *b, const void *from, size_t size_bytes)
{
    assert_true(b->size + size_bytes <= FILE_ROOM);
    memcpy(b->at + b->size, from, size_bytes);
    b->size += size_bytes;
}

static inline void put_number(struct bytes *b, uint64_t number, size_t size_bytes)
{
    for (size_t i = 0; i < size_bytes; i++)
        put(b, &(uint8_t){i < 8 ? (uint8_t)(number >> 8 * i) : 0}, 1);
}

/* A .npy file with this text as its header, padded as NumPy does. */
static inline struct bytes npy_of(int version, const char *header, const void *data, size_t size_bytes)
{
    struct bytes b = {.size = 0};
    size_t start = version == 1 ? 10 : 12, length = strlen(header), whole = (start + length + 1 + 63) / 64 * 64 - start;
    put(&b, "\x93NUMPY", 6);
    put_number(&b, (uint64_t)version, 2);
    put_number(&b, whole, start - 8);
    put(&b, header, length);
    while (b.size < start + whole - 1)
        put(&b, " ", 1);
    put(&b, "\n", 1);
    put(&b, data, size_bytes);
    return b;
}

static inline struct bytes npy_make(const char *descr, const char *order, const char *shape, const void *data, size_t size_bytes)
{
    char header[256];
    snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': %s, 'shape': %s, }", descr, order, shape);
    return npy_of(1, header, data, size_bytes);
}

static inline void npy_put(const char *name, const char *descr, const char *shape, const void *data, size_t size_bytes)
{
    struct bytes b = npy_make(descr, "False", shape, data, size_bytes);
    file_put(name, b.at, b.size);
}

#define NPY_PUT(name, descr, shape, type, ...) \
    npy_put(name, descr, shape, (const type[]){__VA_ARGS__}, sizeof((const type[]){__VA_ARGS__}))

/* An archive made by hand: members one after the other, then the directory. */
struct archive { struct bytes local, central; size_t members; };

static inline void archive_add(struct archive *a, const char *name, const void *data, size_t size_bytes, bool is_packed)
{
    uint8_t packed[FILE_ROOM];
    size_t packed_bytes = size_bytes, at = a->local.size;
    memcpy(packed, data, size_bytes);
    if (is_packed) {
        z_stream stream = {0};
        assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
        stream.next_in = (Bytef *)(uintptr_t)data;
        stream.avail_in = (uInt)size_bytes;
        stream.next_out = packed;
        stream.avail_out = sizeof packed;
        assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
        packed_bytes = sizeof packed - stream.avail_out;
        assert_int_equal(deflateEnd(&stream), Z_OK);
    }
    for (int central = 0; central < 2; central++) {
        struct bytes *b = central ? &a->central : &a->local;
        put(b, central ? "PK\1\2\24\0" : "PK\3\4", central ? 6 : 4);
        put_number(b, 20, 2);                                   /* version needed */
        put_number(b, 0, 2);                                    /* flags */
        put_number(b, is_packed ? 8 : 0, 2);
        put_number(b, 0x00210000, 4);                           /* 1980-01-01 */
        put_number(b, crc32_z(0, data, size_bytes), 4);
        put_number(b, packed_bytes, 4);
        put_number(b, size_bytes, 4);
        put_number(b, strlen(name), 2);
        put_number(b, 0, 2);
        if (central) {
            put_number(b, 0, 10);
            put_number(b, at, 4);
        }
        put(b, name, strlen(name));
        if (!central)
            put(b, packed, packed_bytes);
    }
    a->members++;
}

static inline struct bytes archive_bytes(const struct archive *a)
{
    struct bytes b = a->local;
    put(&b, a->central.at, a->central.size);
    put(&b, "PK\5\6\0\0\0\0", 8);
    put_number(&b, a->members, 2);
    put_number(&b, a->members, 2);
    put_number(&b, a->central.size, 4);
    put_number(&b, a->local.size, 4);
    put_number(&b, 0, 2);
    return b;
}

#endif
