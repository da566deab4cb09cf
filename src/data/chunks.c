/* See chunks.h. The filters are those of the HDF5 file format: zlib streams, bytes of elements side by side, Fletcher's sum. */
#include "data/chunks.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

enum { SUM_BYTES = 4 };

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

static bool has_filter(const struct chunk_form *form, enum chunk_filter filter)
{
    for (size_t i = 0; i < form->filters; i++)
        if (form->filter[i] == filter)
            return true;
    return false;
}

weft_status chunk_unpacker_open(struct chunk_unpacker *unpacker, const char *name, const struct chunk_form *form)
{
    size_t capacity = form->size_bytes + SUM_BYTES * form->filters;
    *unpacker = (struct chunk_unpacker){.name = name, .form = form, .stream = {.zalloc = zlib_allocate, .zfree = zlib_free}};
    unpacker->buffer[0] = memory_reserve(capacity, 1);
    unpacker->buffer[1] = memory_reserve(capacity, 1);
    unpacker->has_stream = has_filter(form, CHUNK_GZIP) && inflateInit(&unpacker->stream) == Z_OK;
    if (unpacker->buffer[0] != NULL && unpacker->buffer[1] != NULL && unpacker->has_stream == has_filter(form, CHUNK_GZIP))
        return WEFT_OK;
    chunk_unpacker_close(unpacker);
    return error_set(WEFT_ENOMEM, "read %s: no memory to unpack chunks of %zu bytes", name, form->size_bytes);
}

void chunk_unpacker_close(struct chunk_unpacker *unpacker)
{
    if (unpacker->has_stream)
        (void)inflateEnd(&unpacker->stream);
    memory_free(unpacker->buffer[0]);
    memory_free(unpacker->buffer[1]);
}

/* ---- One filter ---- */

/* It must become exactly wanted_bytes. */
static weft_status unpack_gzip(struct chunk_unpacker *unpacker, const uint8_t *from, size_t size_bytes, uint8_t *to,
                               size_t wanted_bytes)
{
    z_stream *stream = &unpacker->stream;
    if (size_bytes > UINT32_MAX || wanted_bytes > UINT32_MAX || inflateReset(stream) != Z_OK)
        return error_set(WEFT_EDATA, "read %s: a chunk of %zu bytes, packed %zu, is too large", unpacker->name, wanted_bytes,
                         size_bytes);
    stream->next_in = (z_const Bytef *)(uintptr_t)from;         /* zlib only reads it */
    stream->avail_in = (uInt)size_bytes;
    stream->next_out = to;
    stream->avail_out = (uInt)wanted_bytes;
    int code = inflate(stream, Z_FINISH);
    if (code == Z_MEM_ERROR)
        return error_set(WEFT_ENOMEM, "read %s: no memory for zlib", unpacker->name);
    if (code != Z_STREAM_END || stream->avail_out != 0)
        return error_set(WEFT_EDATA, "read %s: the gzip data of a chunk are damaged: %s, after %zu of %zu bytes", unpacker->name,
                         stream->msg != NULL ? stream->msg : code == Z_STREAM_END ? "too short" : "cut off or too long",
                         wanted_bytes - stream->avail_out, wanted_bytes);
    return WEFT_OK;
}

/* First bytes of all elements first, then all second ones, ...; what is no whole element stays behind them. */
static inline void put_side_by_side(const uint8_t *from, size_t elements, size_t element_bytes, uint8_t *to)
{
    for (size_t i = 0; i < elements; i++)
        for (size_t k = 0; k < element_bytes; k++)
            to[i * element_bytes + k] = from[k * elements + i];
}

static void unshuffle(const uint8_t *from, size_t size_bytes, size_t element_bytes, uint8_t *to)
{
    size_t elements = size_bytes / element_bytes;
    switch (element_bytes) {                    /* numbers that the compiler knows */
    case 2: put_side_by_side(from, elements, 2, to); break;
    case 4: put_side_by_side(from, elements, 4, to); break;
    case 8: put_side_by_side(from, elements, 8, to); break;
    default: put_side_by_side(from, elements, element_bytes, to);
    }
    memcpy(to + elements * element_bytes, from + elements * element_bytes, size_bytes - elements * element_bytes);
}

static uint32_t fold(uint32_t sum)
{
    return (sum & 0xffff) + (sum >> 16);
}

/* Of big-endian words of 16 bits. 360 of them do not overflow 32 bits. */
static uint32_t fletcher32(const uint8_t *byte, size_t size_bytes)
{
    uint32_t a = 0, b = 0;
    for (size_t i = 0; i < size_bytes;) {
        for (size_t end = size_bytes - i > 720 ? i + 720 : size_bytes; i < end; i += 2) {
            a += (uint32_t)byte[i] << 8 | (i + 1 < size_bytes ? byte[i + 1] : 0);
            b += a;
        }
        a = fold(a);
        b = fold(b);
    }
    return fold(b) << 16 | fold(a);
}

static weft_status check_sum(const struct chunk_unpacker *unpacker, const uint8_t *from, size_t size_bytes)
{
    if (size_bytes < SUM_BYTES)
        return error_set(WEFT_EDATA, "read %s: a chunk has %zu bytes, too few for its sum (fletcher32)", unpacker->name,
                         size_bytes);
    const uint8_t *at = from + size_bytes - SUM_BYTES;
    uint32_t stored = (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
    uint32_t found = fletcher32(from, size_bytes - SUM_BYTES);
    uint32_t swapped = (found & 0xff00ff) << 8 | (found >> 8 & 0xff00ff);               /* libhdf5 before 1.6.3, of 2004 */
    if (stored == found || stored == swapped)
        return WEFT_OK;
    return error_set(WEFT_EDATA, "read %s: a chunk is damaged: its sum (fletcher32) is %08x, wanted %08x", unpacker->name, found,
                     stored);
}

/* ---- All of them, from the last to the first ---- */

static bool is_applied(uint32_t skipped, size_t i)
{
    return (skipped >> i & 1) == 0;
}

/* How many bytes filter i was given. */
static size_t bytes_before(const struct chunk_form *form, uint32_t skipped, size_t i)
{
    size_t size_bytes = form->size_bytes;
    for (size_t k = 0; k < i; k++)
        size_bytes += form->filter[k] == CHUNK_FLETCHER32 && is_applied(skipped, k) ? SUM_BYTES : 0;
    return size_bytes;
}

static weft_status size_check(const struct chunk_unpacker *unpacker, size_t size_bytes, size_t wanted_bytes)
{
    if (size_bytes == wanted_bytes)
        return WEFT_OK;
    return error_set(WEFT_EDATA, "read %s: a chunk has %zu bytes, wanted %zu", unpacker->name, size_bytes, wanted_bytes);
}

weft_status chunk_unpack(struct chunk_unpacker *unpacker, const uint8_t *stored, size_t stored_bytes, uint32_t skipped,
                         uint8_t **out)
{
    const struct chunk_form *form = unpacker->form;
    const uint8_t *from = stored;
    size_t size_bytes = stored_bytes, next = 0;
    for (size_t i = form->filters; i-- > 0;) {
        if (!is_applied(skipped, i))
            continue;
        size_t before_bytes = bytes_before(form, skipped, i);
        uint8_t *to = unpacker->buffer[next];
        weft_status st = WEFT_OK;
        if (form->filter[i] == CHUNK_GZIP) {
            st = unpack_gzip(unpacker, from, size_bytes, to, before_bytes);
        } else if (form->filter[i] == CHUNK_SHUFFLE) {
            st = size_check(unpacker, size_bytes, before_bytes);
            if (st == WEFT_OK)
                unshuffle(from, size_bytes, form->element_bytes[i], to);
        } else {
            st = check_sum(unpacker, from, size_bytes);
            size_bytes -= SUM_BYTES;            /* where they are, they stay */
        }
        if (st != WEFT_OK)
            return st;
        if (form->filter[i] != CHUNK_FLETCHER32) {
            from = to;
            next = 1 - next;
            size_bytes = before_bytes;
        }
    }
    weft_status st = size_check(unpacker, size_bytes, form->size_bytes);
    if (st != WEFT_OK)
        return st;
    if (from != unpacker->buffer[0] && from != unpacker->buffer[1]) {
        memcpy(unpacker->buffer[0], from, size_bytes);
        from = unpacker->buffer[0];
    }
    *out = from == unpacker->buffer[0] ? unpacker->buffer[0] : unpacker->buffer[1];
    return WEFT_OK;
}
