/* What a checkpoint holds, in memory: named arrays and named attributes, in the order in which they were put. It knows
 * nothing of networks. The trainer fills one and hands it to the store; the store reads a file back into one.
 *
 * A path is absolute, "/layers/01/weight"; the groups on its way come into being by themselves. A snapshot owns copies of
 * everything put into it. It belongs to one thread at a time; handing it over is up to the caller. */
#ifndef STORE_SNAPSHOT_H
#define STORE_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

#include "weft/error.h"

enum array_type { ARRAY_U8, ARRAY_I32, ARRAY_I64, ARRAY_F32, ARRAY_F64 };
enum { ARRAY_RANK_MAX = 4 };

/* How a viewer should see an array. An indexed picture is u8 [height, width] and points to the one shared palette, a true
 * colour one u8 [height, width, 3] (HDF5 Image and Palette Specification 1.2). */
enum array_role { ROLE_PLAIN, ROLE_IMAGE_INDEXED, ROLE_IMAGE_TRUECOLOR };

struct array {
    char *path;
    enum array_type type;
    enum array_role role;
    size_t rank, dim[ARRAY_RANK_MAX];   /* a dim may be 0; rank 0 is a scalar */
    size_t count, size_bytes;           /* product of dims; count * bytes of an element */
    void *data;
};

enum attribute_type { ATTRIBUTE_INTEGER, ATTRIBUTE_REAL, ATTRIBUTE_TEXT };

struct attribute {
    char *object, *name;                /* path of a group or an array ("/" is the root), and the attribute's name */
    size_t arrays_before;               /* arrays put before it: with this the two lists have one common order */
    enum attribute_type type;
    int64_t integer;
    double real;
    char *text;
};

/* Where the entries of a list are, by the hash of their names: open addressing, at most half full. */
struct name_index {
    struct name_slot {
        uint64_t hash;
        size_t entry;                   /* 1 + its place in the list; 0: the slot is free */
    } *slot;
    size_t capacity;                    /* a power of two, or 0 */
};

struct snapshot {
    struct array *array;
    size_t array_count, array_capacity;
    struct name_index array_index;
    struct attribute *attribute;
    size_t attribute_count, attribute_capacity;
    struct name_index attribute_index;
};

struct snapshot *snapshot_create(void);                         /* NULL if memory is short (error_set has been called) */
void snapshot_destroy(struct snapshot *snapshot);               /* NULL is fine */

size_t array_element_size_bytes(enum array_type type);
const char *array_type_name(enum array_type type);              /* as NumPy calls it: "uint8" ... "float64" */

/* Copy an array of dim[0] x ... x dim[rank-1] elements in; data may be NULL if there are none.
 * WEFT_OK; WEFT_ENOMEM; WEFT_EINVAL for a path twice, a path that is not absolute and plain ("//", "." and ".." are not),
 * a rank above ARRAY_RANK_MAX, or a picture of the wrong type or shape. On failure the snapshot is as it was. */
weft_status snapshot_put_array(struct snapshot *snapshot, const char *path, enum array_type type, enum array_role role,
                               size_t rank, const size_t *dim, const void *data);
/* The same without data: the array is zero and *data points into it, for the caller to fill. */
weft_status snapshot_put_space(struct snapshot *snapshot, const char *path, enum array_type type, enum array_role role,
                               size_t rank, const size_t *dim, void **data);
/* An attribute of an array, put before or after it, or else of a group. The same errors. The names `format` and
 * `format_version` of the root belong to the store: it writes its own values, whatever is put here. */
weft_status snapshot_put_integer(struct snapshot *snapshot, const char *object, const char *name, int64_t value);
weft_status snapshot_put_real(struct snapshot *snapshot, const char *object, const char *name, double value);
weft_status snapshot_put_text(struct snapshot *snapshot, const char *object, const char *name, const char *value);

/* NULL if there is none. */
const struct array *snapshot_find_array(const struct snapshot *snapshot, const char *path);
const struct attribute *snapshot_find_attribute(const struct snapshot *snapshot, const char *object, const char *name);

/* Copy an array out into exactly this type and shape; WEFT_EDAMAGED names what is missing or what it found instead. */
weft_status snapshot_get_array(const struct snapshot *snapshot, const char *path, enum array_type type, size_t rank,
                               const size_t *dim, void *data);
weft_status snapshot_get_integer(const struct snapshot *snapshot, const char *object, const char *name, int64_t *value);
weft_status snapshot_get_real(const struct snapshot *snapshot, const char *object, const char *name, double *value);
/* *value points into the snapshot. */
weft_status snapshot_get_text(const struct snapshot *snapshot, const char *object, const char *name, const char **value);

#endif
