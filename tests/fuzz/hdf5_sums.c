/* See fuzz_hdf5.h. The parts are those of version 2 and later of the file format (HDF5 File Format Specification 3.0, sections II
 * to IV) whose length is told by their own first bytes, with addresses of 8 bytes: superblock, object header, and the headers of a
 * fractal heap and of a version 2 B-tree. */
#include "fuzz_hdf5.h"

#include <string.h>

enum { SUM_BYTES = 4, SUPERBLOCK_BYTES = 44, HEAP_HEADER_BYTES = 142, TREE_HEADER_BYTES = 34 };

static uint32_t rotate(uint32_t x, unsigned by)
{
    return x << by | x >> (32 - by);
}

static uint32_t word_at(const uint8_t *byte, size_t left)
{
    uint32_t word = 0;
    for (size_t i = 0; i < 4 && i < left; i++)
        word |= (uint32_t)byte[i] << 8 * i;
    return word;
}

/* Bob Jenkins' lookup3 (hashlittle, 2006, public domain) with a start of 0. */
static uint32_t lookup3(const uint8_t *byte, size_t left)
{
    uint32_t a = 0xdeadbeef + (uint32_t)left, b = a, c = a;
    for (; left > 12; byte += 12, left -= 12) {
        a += word_at(byte, 4);
        b += word_at(byte + 4, 4);
        c += word_at(byte + 8, 4);
        a -= c; a ^= rotate(c, 4); c += b;
        b -= a; b ^= rotate(a, 6); a += c;
        c -= b; c ^= rotate(b, 8); b += a;
        a -= c; a ^= rotate(c, 16); c += b;
        b -= a; b ^= rotate(a, 19); a += c;
        c -= b; c ^= rotate(b, 4); b += a;
    }
    if (left == 0)
        return c;
    a += word_at(byte, left);
    b += left > 4 ? word_at(byte + 4, left - 4) : 0;
    c += left > 8 ? word_at(byte + 8, left - 8) : 0;
    c ^= b; c -= rotate(b, 14);
    a ^= c; a -= rotate(c, 11);
    b ^= a; b -= rotate(a, 25);
    c ^= b; c -= rotate(b, 16);
    a ^= c; a -= rotate(c, 4);
    b ^= a; b -= rotate(a, 14);
    c ^= b; c -= rotate(b, 24);
    return c;
}

/* Bytes of an object header before its sum: by the flags, times and limits of attributes, then 1, 2, 4 or 8 bytes of length. */
static size_t object_header_bytes(const uint8_t *part, size_t left)
{
    if (left < 6)
        return 0;
    unsigned flags = part[5], length_bytes = 1U << (flags & 3);
    size_t start = 6 + ((flags & 0x20) != 0 ? 16 : 0) + ((flags & 0x10) != 0 ? 4 : 0), length = 0;
    if (left < start + length_bytes)
        return 0;
    for (unsigned i = 0; i < length_bytes && i < 4; i++)
        length |= (size_t)part[start + i] << 8 * i;
    return start + length_bytes + length;
}

/* Bytes of the part that begins here, without its sum; 0: none does. */
static size_t part_bytes(const uint8_t *part, size_t left)
{
    if (left >= 9 && memcmp(part, "\x89HDF\r\n\x1a\n", 8) == 0)
        return part[8] >= 2 ? SUPERBLOCK_BYTES : 0;
    if (memcmp(part, "OHDR", 4) == 0)
        return object_header_bytes(part, left);
    if (memcmp(part, "FRHP", 4) == 0)
        return HEAP_HEADER_BYTES;
    return memcmp(part, "BTHD", 4) == 0 ? TREE_HEADER_BYTES : 0;
}

static void sums_mend(uint8_t *data, size_t size)
{
    for (size_t at = 0; at + 4 <= size; at++) {
        size_t bytes = part_bytes(data + at, size - at);
        if (bytes == 0 || bytes + SUM_BYTES > size - at)
            continue;
        uint32_t sum = lookup3(data + at, bytes);
        for (size_t i = 0; i < SUM_BYTES; i++)
            data[at + bytes + i] = (uint8_t)(sum >> 8 * i);
    }
}

size_t fuzz_hdf5_mutate(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    size = LLVMFuzzerMutate(data, size, most);
    if (seed % 8 != 0)
        sums_mend(data, size);
    return size;
}
