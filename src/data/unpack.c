/* Plain and gzip files through one function. zlib's own file interface (gzread) takes a damaged start for a plain file and
 * says little about where the damage is, so this stands on inflate(). */
#include "data/unpack.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

enum { GZIP_WINDOW = 15 + 16 };                 /* for inflateInit2: the largest window, and a gzip header */

static const size_t ONE_CALL_BYTES = (size_t)1 << 30;   /* z_stream counts in unsigned int */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void *zlib_allocate(void *opaque, unsigned count, unsigned size_bytes)
{
    (void)opaque;
    return memory_new(count, size_bytes);
}

static void zlib_free(void *opaque, void *p)
{
    (void)opaque;
    memory_free(p);
}

weft_status unpack_open(struct unpacker *unpacker, const char *name, const void *bytes, size_t size_bytes)
{
    *unpacker = (struct unpacker){.name = name, .byte = bytes, .size_bytes = size_bytes};
    unpacker->packed = size_bytes >= 2 && unpacker->byte[0] == 0x1f && unpacker->byte[1] == 0x8b;
    if (!unpacker->packed)
        return WEFT_OK;
    unpacker->stream.zalloc = zlib_allocate;
    unpacker->stream.zfree = zlib_free;
    if (inflateInit2(&unpacker->stream, GZIP_WINDOW) != Z_OK)
        return error_set(WEFT_ENOMEM, "unpack %s: no memory for zlib", name);
    return WEFT_OK;
}

void unpack_close(struct unpacker *unpacker)
{
    if (unpacker->packed)
        (void)inflateEnd(&unpacker->stream);    /* fails only on a stream that was never opened */
}

/* After a gzip member: the file ends, or another member begins. */
static weft_status next_member(struct unpacker *unpacker)
{
    size_t offset = unpacker->taken - unpacker->stream.avail_in;
    if (offset == unpacker->size_bytes) {
        unpacker->ended = true;
        return WEFT_OK;
    }
    if (inflateReset(&unpacker->stream) != Z_OK)
        return error_set(WEFT_EDATA, "unpack %s: zlib cannot go on at byte %zu", unpacker->name, offset);
    return WEFT_OK;
}

static weft_status inflate_failure(const struct unpacker *unpacker, int code)
{
    size_t offset = unpacker->taken - unpacker->stream.avail_in;
    if (code == Z_MEM_ERROR)
        return error_set(WEFT_ENOMEM, "unpack %s: no memory for zlib", unpacker->name);
    if (code == Z_BUF_ERROR)                    /* it can go no further: there is no more input */
        return error_set(WEFT_EDATA, "unpack %s: the gzip data is cut off, it ends at byte %zu", unpacker->name, offset);
    return error_set(WEFT_EDATA, "unpack %s: damaged gzip data before byte %zu (%s)", unpacker->name, offset,
                     unpacker->stream.msg != NULL ? unpacker->stream.msg : "a preset dictionary is asked for");
}

static weft_status read_packed(struct unpacker *unpacker, uint8_t *out, size_t wanted, size_t *got)
{
    z_stream *stream = &unpacker->stream;
    while (*got < wanted && !unpacker->ended) {
        if (stream->avail_in == 0) {
            size_t given = smaller(unpacker->size_bytes - unpacker->taken, ONE_CALL_BYTES);
            stream->next_in = (z_const Bytef *)(uintptr_t)(unpacker->byte + unpacker->taken);   /* zlib only reads it */
            stream->avail_in = (uInt)given;
            unpacker->taken += given;
        }
        size_t room = smaller(wanted - *got, ONE_CALL_BYTES);
        stream->next_out = out + *got;
        stream->avail_out = (uInt)room;
        int code = inflate(stream, Z_NO_FLUSH);
        *got += room - stream->avail_out;
        if (code != Z_OK && code != Z_STREAM_END)
            return inflate_failure(unpacker, code);
        weft_status st = code == Z_STREAM_END ? next_member(unpacker) : WEFT_OK;
        if (st != WEFT_OK)
            return st;
    }
    return WEFT_OK;
}

weft_status unpack_read(struct unpacker *unpacker, void *out, size_t wanted, size_t *got)
{
    *got = 0;
    if (unpacker->packed)
        return read_packed(unpacker, out, wanted, got);
    *got = smaller(wanted, unpacker->size_bytes - unpacker->taken);
    if (*got != 0)
        memcpy(out, unpacker->byte + unpacker->taken, *got);
    unpacker->taken += *got;
    return WEFT_OK;
}
