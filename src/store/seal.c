/* Every bit of the file is covered: the HDF5 part, magic, version and length by the digest, the digest by being compared,
 * the rest by having to be zero. */
#include "store/seal.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define XXH_STATIC_LINKING_ONLY                 /* the state may live on the stack */
#include <xxhash.h>

#include "base/error.h"

enum { VERSION = 1, AT_VERSION = 8, AT_LENGTH = 16, AT_DIGEST = 24, AT_REST = 40 };

static const unsigned char magic[8] = {0x89, 'W', 'E', 'F', 'T', '\r', '\n', 0x1a};

static void number_write(unsigned char *at, size_t size_bytes, uint64_t number)
{
    for (size_t i = 0; i < size_bytes; i++)
        at[i] = (unsigned char)(number >> 8 * i);
}

static uint64_t number_read(const unsigned char *at, size_t size_bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size_bytes; i++)
        number |= (uint64_t)at[i] << 8 * i;
    return number;
}

static void add(XXH3_state_t *state, const void *bytes, size_t size_bytes)
{
    if (size_bytes != 0 && XXH3_128bits_update(state, bytes, size_bytes) == XXH_ERROR)
        abort();                                /* only for a NULL argument: our mistake */
}

void seal_make(const struct file_part *part, size_t count, unsigned char seal[SEAL_SIZE_BYTES])
{
    XXH3_state_t state;
    size_t size_bytes = 0;
    XXH3_INITSTATE(&state);
    (void)XXH3_128bits_reset(&state);           /* fails only on NULL */
    for (size_t i = 0; i < count; i++) {
        add(&state, part[i].bytes, part[i].size_bytes);
        size_bytes += part[i].size_bytes;
    }
    memset(seal, 0, SEAL_SIZE_BYTES);
    memcpy(seal, magic, sizeof magic);
    number_write(seal + AT_VERSION, 4, VERSION);
    number_write(seal + AT_LENGTH, 8, size_bytes);
    add(&state, seal, AT_DIGEST);
    XXH128_canonical_t digest;
    XXH128_canonicalFromHash(&digest, XXH3_128bits_digest(&state));
    memcpy(seal + AT_DIGEST, digest.digest, sizeof digest.digest);
}

bool seal_is_present(const void *bytes, size_t size_bytes)
{
    return size_bytes >= SEAL_SIZE_BYTES
           && memcmp((const unsigned char *)bytes + size_bytes - SEAL_SIZE_BYTES, magic, sizeof magic) == 0;
}

weft_status seal_check(const void *bytes, size_t size_bytes)
{
    if (!seal_is_present(bytes, size_bytes))
        return error_set(WEFT_EDAMAGED, "no seal at its end: truncated, edited since, or not a checkpoint of Weft");
    size_t content = size_bytes - SEAL_SIZE_BYTES;
    const unsigned char *seal = (const unsigned char *)bytes + content;
    uint64_t version = number_read(seal + AT_VERSION, 4), length = number_read(seal + AT_LENGTH, 8);
    if (version != VERSION)
        return error_set(WEFT_EDAMAGED, "its seal has version %" PRIu64 ", wanted %d: written by a newer Weft, or damaged",
                         version, VERSION);
    if (length != content)
        return error_set(WEFT_EDAMAGED, "%zu bytes before its seal, the seal wants %" PRIu64, content, length);
    XXH128_canonical_t digest;
    XXH128_canonicalFromHash(&digest, XXH3_128bits(bytes, content + AT_DIGEST));
    if (memcmp(seal + AT_DIGEST, digest.digest, sizeof digest.digest) != 0)
        return error_set(WEFT_EDAMAGED, "its bytes do not match its seal: damaged after it was written");
    bool rest_is_zero = number_read(seal + AT_VERSION + 4, 4) == 0;
    for (size_t i = AT_REST; i < SEAL_SIZE_BYTES; i++)
        rest_is_zero = rest_is_zero && seal[i] == 0;
    if (!rest_is_zero)
        return error_set(WEFT_EDAMAGED, "the reserved bytes of its seal are not zero: damaged after it was written");
    return WEFT_OK;
}
