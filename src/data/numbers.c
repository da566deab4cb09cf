/* See numbers.h. */
#include "data/numbers.h"

#include <byteswap.h>
#include <stdint.h>
#include <string.h>

enum { MEMORY_IS_BIG_ENDIAN = __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ };

size_t number_size_bytes(enum number_type type)
{
    return type == NUMBER_U8 ? 1 : type == NUMBER_F32 ? 4 : 8;
}

enum number_type number_type_of(const struct number_form *form)
{
    switch (form->kind) {
    case KIND_FLOAT: return form->size_bytes == 8 ? NUMBER_F64 : NUMBER_F32;
    case KIND_BFLOAT: return NUMBER_F32;
    case KIND_UNSIGNED: return form->size_bytes == 1 ? NUMBER_U8 : form->size_bytes == 8 ? NUMBER_U64 : NUMBER_I64;
    case KIND_INTEGER: case KIND_TRUTH: break;
    }
    return NUMBER_I64;
}

static void swap_bytes(void *raw, size_t count, size_t size_bytes)
{
    if (size_bytes == 2)
        for (uint16_t *x = raw; count-- > 0; x++)
            *x = bswap_16(*x);
    else if (size_bytes == 4)
        for (uint32_t *x = raw; count-- > 0; x++)
            *x = bswap_32(*x);
    else if (size_bytes == 8)
        for (uint64_t *x = raw; count-- > 0; x++)
            *x = bswap_64(*x);
}

static float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Without a branch, so that lanes can do it. With exponent 0 it is zero, or below the normal halves: a multiple of 2^-24. */
static float half_to_float(uint16_t half)
{
    int32_t exponent = half >> 10 & 31, fraction = half & 0x3ff;
    float tiny = (float)fraction * 0x1p-24f;
    uint32_t small, large = (uint32_t)(exponent == 31 ? 0xff : exponent + 112) << 23 | (uint32_t)fraction << 13;
    memcpy(&small, &tiny, sizeof small);
    return float_of((uint32_t)(half & 0x8000) << 16 | (exponent == 0 ? small : large));
}

#define WIDEN(type)                                     \
    do {                                                \
        int64_t *wide_ = out;                           \
        for (size_t i_ = 0; i_ < count; i_++)           \
            wide_[i_] = ((const type *)raw)[i_];        \
        return out;                                     \
    } while (0)

const void *numbers_decode(const struct number_form *form, void *raw, size_t count, void *out)
{
    size_t size = form->size_bytes;
    if (form->is_big_endian != MEMORY_IS_BIG_ENDIAN)
        swap_bytes(raw, count, size);
    if (form->kind == KIND_INTEGER && size == 1) WIDEN(int8_t);
    if (form->kind == KIND_INTEGER && size == 2) WIDEN(int16_t);
    if (form->kind == KIND_INTEGER && size == 4) WIDEN(int32_t);
    if (form->kind == KIND_UNSIGNED && size == 2) WIDEN(uint16_t);
    if (form->kind == KIND_UNSIGNED && size == 4) WIDEN(uint32_t);
    if (form->kind == KIND_TRUTH) {
        for (size_t i = 0; i < count; i++)
            ((int64_t *)out)[i] = ((const uint8_t *)raw)[i] != 0;
        return out;
    }
    if (form->kind == KIND_FLOAT && size == 2) {
        float *real = out;
        for (size_t i = 0; i < count; i++)
            real[i] = half_to_float(((const uint16_t *)raw)[i]);
        return out;
    }
    if (form->kind == KIND_BFLOAT) {
        for (size_t i = 0; i < count; i++)
            ((float *)out)[i] = float_of((uint32_t)((const uint16_t *)raw)[i] << 16);
        return out;
    }
    return raw;                                         /* as in memory */
}
