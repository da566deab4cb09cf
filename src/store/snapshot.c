/* Two growing lists, each with a hash index of its names: with a picture of every unit of a wide layer there are many. */
#include "store/snapshot.h"

#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#include "base/error.h"
#include "base/memory.h"

enum { FIRST_CAPACITY = 32, FIRST_SLOTS = 64, SHAPE_TEXT_BYTES = 128 };

size_t array_element_size_bytes(enum array_type type)
{
    static const size_t size_bytes[] = {[ARRAY_U8] = 1, [ARRAY_I32] = 4, [ARRAY_I64] = 8, [ARRAY_F32] = 4, [ARRAY_F64] = 8};
    return size_bytes[type];
}

const char *array_type_name(enum array_type type)
{
    static const char *const name[] = {[ARRAY_U8] = "uint8", [ARRAY_I32] = "int32", [ARRAY_I64] = "int64",
                                       [ARRAY_F32] = "float32", [ARRAY_F64] = "float64"};
    return name[type];
}

struct snapshot *snapshot_create(void)
{
    return memory_new(1, sizeof(struct snapshot));
}

static void array_free(struct array *array)
{
    memory_free(array->path);
    memory_free(array->data);
}

static void attribute_free(struct attribute *attribute)
{
    memory_free(attribute->object);
    memory_free(attribute->name);
    memory_free(attribute->text);
}

void snapshot_destroy(struct snapshot *snapshot)
{
    if (snapshot == NULL)
        return;
    for (size_t i = 0; i < snapshot->array_count; i++)
        array_free(&snapshot->array[i]);
    for (size_t i = 0; i < snapshot->attribute_count; i++)
        attribute_free(&snapshot->attribute[i]);
    memory_free(snapshot->array);
    memory_free(snapshot->array_index.slot);
    memory_free(snapshot->attribute);
    memory_free(snapshot->attribute_index.slot);
    memory_free(snapshot);
}

static uint64_t hash_of_array(const char *path)
{
    return XXH3_64bits(path, strlen(path));
}

static uint64_t hash_of_attribute(const char *object, const char *name)
{
    return XXH3_64bits_withSeed(name, strlen(name), hash_of_array(object));
}

/* The next entry with this hash, or NULL. *probe starts at 0 and is moved on. */
static const struct name_slot *index_next(const struct name_index *index, uint64_t hash, size_t *probe)
{
    while (index->capacity != 0) {
        const struct name_slot *slot = &index->slot[(hash + (*probe)++) & (index->capacity - 1)];
        if (slot->entry == 0)
            break;
        if (slot->hash == hash)
            return slot;
    }
    return NULL;
}

/* There must be a free slot. */
static void index_add(struct name_index *index, uint64_t hash, size_t entry)
{
    size_t at = hash & (index->capacity - 1);
    while (index->slot[at].entry != 0)
        at = (at + 1) & (index->capacity - 1);
    index->slot[at] = (struct name_slot){hash, entry};
}

/* Room for one more than count. */
static weft_status index_reserve(struct name_index *index, size_t count)
{
    if (2 * (count + 1) <= index->capacity)
        return WEFT_OK;
    struct name_index larger = {.capacity = index->capacity == 0 ? FIRST_SLOTS : 2 * index->capacity};
    larger.slot = memory_new(larger.capacity, sizeof *larger.slot);
    if (larger.slot == NULL)
        return WEFT_ENOMEM;
    for (size_t i = 0; i < index->capacity; i++)
        if (index->slot[i].entry != 0)
            index_add(&larger, index->slot[i].hash, index->slot[i].entry);
    memory_free(index->slot);
    *index = larger;
    return WEFT_OK;
}

const struct array *snapshot_find_array(const struct snapshot *snapshot, const char *path)
{
    uint64_t hash = hash_of_array(path);
    size_t probe = 0;
    for (const struct name_slot *slot; (slot = index_next(&snapshot->array_index, hash, &probe)) != NULL;) {
        const struct array *array = &snapshot->array[slot->entry - 1];
        if (strcmp(array->path, path) == 0)
            return array;
    }
    return NULL;
}

const struct attribute *snapshot_find_attribute(const struct snapshot *snapshot, const char *object, const char *name)
{
    uint64_t hash = hash_of_attribute(object, name);
    size_t probe = 0;
    for (const struct name_slot *slot; (slot = index_next(&snapshot->attribute_index, hash, &probe)) != NULL;) {
        const struct attribute *attribute = &snapshot->attribute[slot->entry - 1];
        if (strcmp(attribute->object, object) == 0 && strcmp(attribute->name, name) == 0)
            return attribute;
    }
    return NULL;
}

/* "/a/b": absolute, no empty part, no "." or "..", no slash at the end. */
static bool path_is_plain(const char *path)
{
    if (path[0] != '/')
        return false;
    while (*path == '/') {
        const char *part = ++path;
        path += strcspn(part, "/");
        size_t length = (size_t)(path - part);
        if (length == 0 || (length == 1 && part[0] == '.') || (length == 2 && part[0] == '.' && part[1] == '.'))
            return false;
    }
    return true;
}

/* "float32 [784, 20]" */
static void shape_describe(enum array_type type, size_t rank, const size_t *dim, char text[SHAPE_TEXT_BYTES])
{
    int at = snprintf(text, SHAPE_TEXT_BYTES, "%s [", array_type_name(type));
    for (size_t i = 0; i < rank; i++)
        at += snprintf(text + at, SHAPE_TEXT_BYTES - (size_t)at, "%s%zu", i == 0 ? "" : ", ", dim[i]);
    snprintf(text + at, SHAPE_TEXT_BYTES - (size_t)at, "]");
}

static bool role_fits(enum array_role role, enum array_type type, size_t rank, const size_t *dim)
{
    switch (role) {
    case ROLE_PLAIN: return true;
    case ROLE_IMAGE_INDEXED: return type == ARRAY_U8 && rank == 2;
    case ROLE_IMAGE_TRUECOLOR: return type == ARRAY_U8 && rank == 3 && dim[2] == 3;
    }
    return false;
}

static weft_status array_check(const struct snapshot *snapshot, const char *path, enum array_type type,
                               enum array_role role, size_t rank, const size_t *dim)
{
    if (!path_is_plain(path))
        return error_set(WEFT_EINVAL, "put array '%s': wanted a path like /group/name", path);
    if (snapshot_find_array(snapshot, path) != NULL)
        return error_set(WEFT_EINVAL, "put array %s: it is there already", path);
    if (rank > ARRAY_RANK_MAX)
        return error_set(WEFT_EINVAL, "put array %s: rank %zu, at most %d wanted", path, rank, ARRAY_RANK_MAX);
    if (!role_fits(role, type, rank, dim)) {
        char shape[SHAPE_TEXT_BYTES];
        shape_describe(type, rank, dim, shape);
        return error_set(WEFT_EINVAL, "put picture %s: %s, wanted uint8 [height, width%s]", path, shape,
                         role == ROLE_IMAGE_TRUECOLOR ? ", 3" : "");
    }
    return WEFT_OK;
}

/* Room for one more at the end of a list. */
static weft_status list_reserve(void *list_pointer, size_t count, size_t *capacity, size_t size_bytes)
{
    if (count < *capacity)
        return WEFT_OK;
    size_t wanted = *capacity == 0 ? FIRST_CAPACITY : 2 * *capacity;
    void *list;
    memcpy(&list, list_pointer, sizeof list);           /* list_pointer is a struct array ** or a struct attribute ** */
    list = memory_grow(list, count, wanted, size_bytes);
    if (list == NULL)
        return WEFT_ENOMEM;
    memcpy(list_pointer, &list, sizeof list);
    *capacity = wanted;
    return WEFT_OK;
}

weft_status snapshot_put_space(struct snapshot *snapshot, const char *path, enum array_type type, enum array_role role,
                               size_t rank, const size_t *dim, void **data)
{
    weft_status st = array_check(snapshot, path, type, role, rank, dim);
    if (st != WEFT_OK)
        return st;
    struct array array = {.type = type, .role = role, .rank = rank, .count = 1};
    bool overflow = false;
    for (size_t i = 0; i < rank; i++) {
        array.dim[i] = dim[i];
        overflow |= __builtin_mul_overflow(array.count, dim[i], &array.count);
    }
    if (overflow) {
        char shape[SHAPE_TEXT_BYTES];
        shape_describe(type, rank, dim, shape);
        return error_set(WEFT_ENOMEM, "put array %s: %s is more than an address can hold", path, shape);
    }
    array.size_bytes = array.count * array_element_size_bytes(type);       /* memory_new refuses what overflows here */
    st = list_reserve(&snapshot->array, snapshot->array_count, &snapshot->array_capacity, sizeof array);
    if (st == WEFT_OK)
        st = index_reserve(&snapshot->array_index, snapshot->array_count);
    if (st != WEFT_OK)
        return st;
    array.path = memory_string(path);
    array.data = array.path == NULL ? NULL : memory_new(array.count, array_element_size_bytes(type));
    if (array.data == NULL) {
        array_free(&array);
        return WEFT_ENOMEM;
    }
    snapshot->array[snapshot->array_count++] = array;
    index_add(&snapshot->array_index, hash_of_array(path), snapshot->array_count);
    *data = array.data;
    return WEFT_OK;
}

weft_status snapshot_put_array(struct snapshot *snapshot, const char *path, enum array_type type, enum array_role role,
                               size_t rank, const size_t *dim, const void *data)
{
    void *space;
    weft_status st = snapshot_put_space(snapshot, path, type, role, rank, dim, &space);
    if (st != WEFT_OK)
        return st;
    size_t size_bytes = snapshot->array[snapshot->array_count - 1].size_bytes;
    if (size_bytes != 0)
        memcpy(space, data, size_bytes);
    return WEFT_OK;
}

/* Takes the value from *value and copies its texts. */
static weft_status put_attribute(struct snapshot *snapshot, const char *object, const char *name,
                                 const struct attribute *value)
{
    if (!path_is_plain(object) && strcmp(object, "/") != 0)
        return error_set(WEFT_EINVAL, "put attribute '%s' of '%s': wanted a path like /group/name, or /", name, object);
    if (name[0] == '\0')
        return error_set(WEFT_EINVAL, "put an attribute of %s: its name is empty", object);
    if (snapshot_find_attribute(snapshot, object, name) != NULL)
        return error_set(WEFT_EINVAL, "put attribute '%s' of %s: it is there already", name, object);
    weft_status st = list_reserve(&snapshot->attribute, snapshot->attribute_count, &snapshot->attribute_capacity,
                                  sizeof *value);
    if (st == WEFT_OK)
        st = index_reserve(&snapshot->attribute_index, snapshot->attribute_count);
    if (st != WEFT_OK)
        return st;
    struct attribute attribute = *value;
    attribute.arrays_before = snapshot->array_count;
    attribute.object = memory_string(object);
    attribute.name = memory_string(name);
    attribute.text = value->text == NULL ? NULL : memory_string(value->text);
    if (attribute.object == NULL || attribute.name == NULL || (value->text != NULL && attribute.text == NULL)) {
        attribute_free(&attribute);
        return WEFT_ENOMEM;
    }
    snapshot->attribute[snapshot->attribute_count++] = attribute;
    index_add(&snapshot->attribute_index, hash_of_attribute(object, name), snapshot->attribute_count);
    return WEFT_OK;
}

weft_status snapshot_put_integer(struct snapshot *snapshot, const char *object, const char *name, int64_t value)
{
    return put_attribute(snapshot, object, name, &(struct attribute){.type = ATTRIBUTE_INTEGER, .integer = value});
}

weft_status snapshot_put_real(struct snapshot *snapshot, const char *object, const char *name, double value)
{
    return put_attribute(snapshot, object, name, &(struct attribute){.type = ATTRIBUTE_REAL, .real = value});
}

weft_status snapshot_put_text(struct snapshot *snapshot, const char *object, const char *name, const char *value)
{
    return put_attribute(snapshot, object, name, &(struct attribute){.type = ATTRIBUTE_TEXT, .text = (char *)value});
}

weft_status snapshot_get_array(const struct snapshot *snapshot, const char *path, enum array_type type, size_t rank,
                               const size_t *dim, void *data)
{
    char found[SHAPE_TEXT_BYTES], wanted[SHAPE_TEXT_BYTES];
    assert(rank <= ARRAY_RANK_MAX);
    const struct array *array = snapshot_find_array(snapshot, path);
    bool same = array != NULL && array->type == type && array->rank == rank;
    for (size_t i = 0; same && i < rank; i++)
        same = array->dim[i] == dim[i];
    if (same) {
        if (array->size_bytes != 0)
            memcpy(data, array->data, array->size_bytes);
        return WEFT_OK;
    }
    shape_describe(type, rank, dim, wanted);
    if (array == NULL)
        return error_set(WEFT_EDAMAGED, "read %s: missing, wanted %s", path, wanted);
    shape_describe(array->type, array->rank, array->dim, found);
    return error_set(WEFT_EDAMAGED, "read %s: it is %s, wanted %s", path, found, wanted);
}

static weft_status get_attribute(const struct snapshot *snapshot, const char *object, const char *name,
                                 enum attribute_type type, const struct attribute **attribute)
{
    static const char *const kind[] = {[ATTRIBUTE_INTEGER] = "an integer", [ATTRIBUTE_REAL] = "a real number",
                                       [ATTRIBUTE_TEXT] = "a text"};
    *attribute = snapshot_find_attribute(snapshot, object, name);
    if (*attribute == NULL)
        return error_set(WEFT_EDAMAGED, "read attribute '%s' of %s: missing, wanted %s", name, object, kind[type]);
    if ((*attribute)->type != type)
        return error_set(WEFT_EDAMAGED, "read attribute '%s' of %s: it is %s, wanted %s", name, object,
                         kind[(*attribute)->type], kind[type]);
    return WEFT_OK;
}

weft_status snapshot_get_integer(const struct snapshot *snapshot, const char *object, const char *name, int64_t *value)
{
    const struct attribute *attribute;
    weft_status st = get_attribute(snapshot, object, name, ATTRIBUTE_INTEGER, &attribute);
    if (st == WEFT_OK)
        *value = attribute->integer;
    return st;
}

weft_status snapshot_get_real(const struct snapshot *snapshot, const char *object, const char *name, double *value)
{
    const struct attribute *attribute;
    weft_status st = get_attribute(snapshot, object, name, ATTRIBUTE_REAL, &attribute);
    if (st == WEFT_OK)
        *value = attribute->real;
    return st;
}

weft_status snapshot_get_text(const struct snapshot *snapshot, const char *object, const char *name, const char **value)
{
    const struct attribute *attribute;
    weft_status st = get_attribute(snapshot, object, name, ATTRIBUTE_TEXT, &attribute);
    if (st == WEFT_OK)
        *value = attribute->text;
    return st;
}
