/* Numbers of arrays: as they lie in a file, and as they lie in memory, where every type of a file goes to one that holds it
 * exactly. Each rounding after that is arrays.c's, whatever the format. */
#ifndef DATA_NUMBERS_H
#define DATA_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>

enum number_type { NUMBER_U8, NUMBER_I64, NUMBER_U64, NUMBER_F32, NUMBER_F64 };

/* Of 1, 2, 4 or 8 bytes: two's complement, unsigned, IEEE floats (2, 4, 8), or 1 byte that is 0 or true; bfloat16 has 2. */
enum number_kind { KIND_INTEGER, KIND_UNSIGNED, KIND_FLOAT, KIND_TRUTH, KIND_BFLOAT };
struct number_form {
    enum number_kind kind;
    size_t size_bytes;
    bool is_big_endian;
};

size_t number_size_bytes(enum number_type type);

/* What numbers of a form become in memory. */
enum number_type number_type_of(const struct number_form *form);

/* Make `count` numbers of a form, in raw (aligned for 8 bytes, changed), numbers of number_type_of(form). Returns where they are:
 * in raw itself, or in out, which has room for them. */
const void *numbers_decode(const struct number_form *form, void *raw, size_t count, void *out);

#endif
