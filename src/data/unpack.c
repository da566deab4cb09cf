/* Plain and gzip files through one function. zlib's own file interface (gzread) takes a damaged start for a plain file and
 * says little about where the damage is, so this stands on inflate(). */
#include "data/unpack.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

enum {
    GZIP_WINDOW = 15 + 16,                      /* for inflateInit2: the largest window, and a gzip header */
    BUFFER_BYTES = 1 << 18
};

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

/* With the first bytes at hand. */
static weft_status start(struct unpacker *unpacker)
{
    unpacker->packed = unpacker->left >= 2 && unpacker->next[0] == 0x1f && unpacker->next[1] == 0x8b;
    if (!unpacker->packed)
        return WEFT_OK;
    unpacker->stream.zalloc = zlib_allocate;
    unpacker->stream.zfree = zlib_free;
    if (inflateInit2(&unpacker->stream, GZIP_WINDOW) != Z_OK)
        return error_set(WEFT_ENOMEM, "unpack %s: no memory for zlib", unpacker->name);
    return WEFT_OK;
}

/* When nothing is at hand: the next piece of the file, nothing at its end. */
static weft_status refill(struct unpacker *unpacker)
{
    if (unpacker->file == NULL)
        return WEFT_OK;
    unpacker->next = unpacker->buffer;
    return file_reader_read(unpacker->file, unpacker->buffer, BUFFER_BYTES, &unpacker->left);
}

weft_status unpack_open(struct unpacker *unpacker, const char *name, const void *bytes, size_t size_bytes)
{
    *unpacker = (struct unpacker){.name = name, .next = bytes, .left = size_bytes};
    return start(unpacker);
}

weft_status unpack_open_file(struct unpacker *unpacker, struct file_reader *file)
{
    *unpacker = (struct unpacker){.name = file->path, .file = file, .buffer = memory_reserve(BUFFER_BYTES, 1)};
    if (unpacker->buffer == NULL)
        return WEFT_ENOMEM;
    weft_status st = refill(unpacker);
    if (st == WEFT_OK)
        st = start(unpacker);
    if (st != WEFT_OK)
        memory_free(unpacker->buffer);
    return st;
}

void unpack_close(struct unpacker *unpacker)
{
    if (unpacker->packed)
        (void)inflateEnd(&unpacker->stream);    /* fails only on a stream that was never opened */
    memory_free(unpacker->buffer);
}

/* Give zlib what is at hand, and before that make sure that something is, unless the file is over. */
static weft_status feed(struct unpacker *unpacker)
{
    z_stream *stream = &unpacker->stream;
    if (stream->avail_in != 0)
        return WEFT_OK;
    weft_status st = unpacker->left == 0 ? refill(unpacker) : WEFT_OK;
    if (st != WEFT_OK)
        return st;
    size_t given = smaller(unpacker->left, ONE_CALL_BYTES);
    stream->next_in = (z_const Bytef *)(uintptr_t)unpacker->next;       /* zlib only reads it */
    stream->avail_in = (uInt)given;
    unpacker->next += given;
    unpacker->left -= given;
    unpacker->taken += given;
    return WEFT_OK;
}

/* After a gzip member: the file ends, or another member begins. */
static weft_status next_member(struct unpacker *unpacker)
{
    weft_status st = feed(unpacker);
    if (st != WEFT_OK)
        return st;
    if (unpacker->stream.avail_in == 0)
        unpacker->ended = true;
    else if (inflateReset(&unpacker->stream) != Z_OK)
        return error_set(WEFT_EDATA, "unpack %s: zlib cannot go on at byte %zu", unpacker->name,
                         unpacker->taken - unpacker->stream.avail_in);
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
        weft_status st = feed(unpacker);
        if (st != WEFT_OK)
            return st;
        size_t room = smaller(wanted - *got, ONE_CALL_BYTES);
        stream->next_out = out + *got;
        stream->avail_out = (uInt)room;
        int code = inflate(stream, Z_NO_FLUSH);
        *got += room - stream->avail_out;
        if (code != Z_OK && code != Z_STREAM_END)
            return inflate_failure(unpacker, code);
        st = code == Z_STREAM_END ? next_member(unpacker) : WEFT_OK;
        if (st != WEFT_OK)
            return st;
    }
    return WEFT_OK;
}

/* What is at hand first; of the rest, what fills a buffer or more goes past it. */
static weft_status read_plain(struct unpacker *unpacker, uint8_t *out, size_t wanted, size_t *got)
{
    weft_status st = WEFT_OK;
    for (;;) {
        size_t taken = smaller(wanted - *got, unpacker->left);
        if (taken != 0)
            memcpy(out + *got, unpacker->next, taken);
        unpacker->next += taken;
        unpacker->left -= taken;
        *got += taken;
        if (*got == wanted || unpacker->file == NULL)
            break;
        if (wanted - *got >= BUFFER_BYTES) {
            st = file_reader_read(unpacker->file, out + *got, wanted - *got, &taken);
            *got += taken;
            break;
        }
        if ((st = refill(unpacker)) != WEFT_OK || unpacker->left == 0)
            break;
    }
    return st;
}

weft_status unpack_read(struct unpacker *unpacker, void *out, size_t wanted, size_t *got)
{
    *got = 0;
    return unpacker->packed ? read_packed(unpacker, out, wanted, got) : read_plain(unpacker, out, wanted, got);
}
