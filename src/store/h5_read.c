/* The file may come from anybody (an edited checkpoint has no seal), so nothing in it is believed: each object is opened
 * by its own hard link, and before any memory is asked for, its declared size is held against what the file can hold. */
#include "store/h5_snapshot.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/h5_bytes.h"
#include "store/h5_links.h"

enum {
    DEPTH_MAX = 16,                     /* of groups; Weft needs 5 */
    NAME_MAX_BYTES = 255,
    OBJECT_MIN_BYTES = 32,              /* an object or attribute takes more than this of a file; a second link may not */
    TEXT_MAX_BYTES = 1 << 20,
    PATH_SIZE_BYTES = DEPTH_MAX * (NAME_MAX_BYTES + 1) + 1
};

struct reader {
    struct snapshot *snapshot;
    weft_status status;                 /* of a callback that libhdf5 called */
    size_t left_bytes;                  /* what all arrays and texts still to come may take together: the file's size */
    size_t left_objects;
    bool is_picture;                    /* of the object whose attributes are being read */
    size_t depth;                       /* groups open: the root and those below */
    size_t path_length;
    char path[PATH_SIZE_BYTES];         /* of the present object; "" is the root */
};

static const char *path_of(const struct reader *r)
{
    return r->path_length == 0 ? "/" : r->path;
}

/* What only a file can be blamed for: a path that a snapshot does not take. */
static weft_status blame_file(weft_status st)
{
    return st == WEFT_EINVAL ? WEFT_EDAMAGED : st;
}

static weft_status take_bytes(struct reader *r, const char *what, size_t size_bytes)
{
    if (size_bytes > r->left_bytes)
        return error_set(WEFT_EDAMAGED, "read %s of %s: it says that it has %zu bytes, more than the file can hold", what,
                         path_of(r), size_bytes);
    r->left_bytes -= size_bytes;
    return WEFT_OK;
}

static weft_status count_object(struct reader *r)
{
    if (r->left_objects == 0)
        return error_set(WEFT_EDAMAGED, "read %s: more objects and attributes than the file can hold", path_of(r));
    r->left_objects--;
    return WEFT_OK;
}

/* The text of an attribute of string type, fixed or of variable length; *text goes to memory_free. */
static weft_status read_text(struct reader *r, const char *name, hid_t attribute, hid_t file_type, char **text)
{
    htri_t variable = H5Tis_variable_str(file_type);
    size_t length = H5Tget_size(file_type), size = variable ? H5T_VARIABLE : length + 1;
    if (variable < 0 || length == 0)
        return h5_failed(WEFT_EDAMAGED, "read the type of attribute '%s' of %s", name, path_of(r));
    weft_status st = variable ? WEFT_OK : take_bytes(r, "an attribute", size);
    if (st != WEFT_OK)
        return st;
    char *fixed = NULL, *read = NULL;
    if (!variable && (fixed = memory_new(size, 1)) == NULL)
        return WEFT_ENOMEM;
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type < 0 || H5Tset_size(type, size) < 0 || H5Tset_cset(type, H5Tget_cset(file_type)) < 0
        || H5Aread(attribute, type, variable ? (void *)&read : fixed) < 0)
        st = h5_failed(WEFT_EDAMAGED, "read attribute '%s' of %s", name, path_of(r));
    else if (variable) {
        length = read == NULL ? 0 : strlen(read);                   /* libhdf5 gives NULL for an empty one */
        if (length > TEXT_MAX_BYTES)
            st = error_set(WEFT_EDAMAGED, "read attribute '%s' of %s: %zu bytes, at most %d wanted", name, path_of(r),
                           length, TEXT_MAX_BYTES);
        else
            st = take_bytes(r, "an attribute", length);
        if (st == WEFT_OK && (fixed = memory_string(read == NULL ? "" : read)) == NULL)
            st = WEFT_ENOMEM;
    }
    if (read != NULL)
        H5free_memory(read);
    st = h5_close(type, st);
    if (st != WEFT_OK) {
        memory_free(fixed);
        return st;
    }
    *text = fixed;
    return WEFT_OK;
}

static weft_status put_text(struct reader *r, const char *name, hid_t attribute, hid_t type)
{
    char *text;
    weft_status st = read_text(r, name, attribute, type, &text);
    if (st != WEFT_OK)
        return st;
    st = snapshot_put_text(r->snapshot, path_of(r), name, text);
    memory_free(text);
    return st;
}

static weft_status put_number(struct reader *r, const char *name, hid_t attribute, hid_t type, H5T_class_t class)
{
    int64_t integer = 0;
    double real = 0;
    bool whole = class == H5T_INTEGER;
    if (H5Tget_size(type) > 8 || (whole && H5Tget_size(type) == 8 && H5Tget_sign(type) != H5T_SGN_2))
        return error_set(WEFT_EDAMAGED, "read attribute '%s' of %s: a number of a kind that Weft does not write, wanted "
                         "int64 or float64", name, path_of(r));
    if (H5Aread(attribute, whole ? H5T_NATIVE_INT64 : H5T_NATIVE_DOUBLE, whole ? (void *)&integer : &real) < 0)
        return h5_failed(WEFT_EDAMAGED, "read attribute '%s' of %s", name, path_of(r));
    return whole ? snapshot_put_integer(r->snapshot, path_of(r), name, integer)
                 : snapshot_put_real(r->snapshot, path_of(r), name, real);
}

/* What the store itself wrote beside the snapshot's attributes and writes again by itself. */
static bool is_own_attribute(const struct reader *r, const char *name)
{
    static const char *const of_root[] = {"format", "format_version"};
    static const char *const of_picture[] = {"CLASS", "IMAGE_VERSION", "IMAGE_SUBCLASS", "IMAGE_COLORMODEL",
                                             "IMAGE_MINMAXRANGE", "DISPLAY_ORIGIN", "INTERLACE_MODE", "PALETTE"};
    const char *const *own = r->is_picture ? of_picture : of_root;
    size_t count = r->is_picture ? sizeof of_picture / sizeof of_picture[0] : sizeof of_root / sizeof of_root[0];
    if (!r->is_picture && r->path_length != 0)
        return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, own[i]) == 0)
            return true;
    return false;
}

static weft_status put_attribute(struct reader *r, hid_t object, const char *name)
{
    weft_status st = WEFT_OK;
    hid_t attribute = H5Aopen(object, name, H5P_DEFAULT);
    hid_t type = attribute < 0 ? attribute : H5Aget_type(attribute);
    hid_t space = type < 0 ? type : H5Aget_space(attribute);
    if (space < 0) {
        st = h5_failed(WEFT_EDAMAGED, "read attribute '%s' of %s", name, path_of(r));
    } else {
        H5T_class_t class = H5Tget_class(type);
        bool scalar = H5Sget_simple_extent_type(space) == H5S_SCALAR;
        if (scalar && class == H5T_STRING)
            st = put_text(r, name, attribute, type);
        else if (scalar && (class == H5T_INTEGER || class == H5T_FLOAT))
            st = put_number(r, name, attribute, type, class);
        else
            st = error_set(WEFT_EDAMAGED, "read attribute '%s' of %s: wanted one integer, real number or text", name,
                           path_of(r));
    }
    st = h5_close(space, st);
    st = h5_close(type, st);
    return h5_close(attribute, blame_file(st));
}

static herr_t visit_attribute(hid_t object, const char *name, const H5A_info_t *info, void *reader)
{
    struct reader *r = reader;
    (void)info;
    if (is_own_attribute(r, name))
        return 0;
    r->status = count_object(r);
    if (r->status == WEFT_OK)
        r->status = put_attribute(r, object, name);
    return r->status == WEFT_OK ? 0 : -1;
}

/* In the order in which they were written. Before that, all are looked at for a name that none has: 1.10 crashes when it is to list
 * attributes of which one cannot be decoded, but says so when it looks for one. */
static weft_status put_attributes(struct reader *r, hid_t object)
{
    r->status = WEFT_OK;
    htri_t is_there = H5Aexists(object, H5_NO_NAME);
    if (is_there > 0)
        return error_set(WEFT_EDAMAGED, "look at the attributes of %s: a name of one control character", path_of(r));
    if (is_there < 0)
        return h5_failed(WEFT_EDAMAGED, "look at the attributes of %s", path_of(r));
    if (H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, visit_attribute, r) < 0 && r->status == WEFT_OK)
        return h5_failed(WEFT_EDAMAGED, "list the attributes of %s", path_of(r));
    return r->status;
}

static weft_status read_type(const struct reader *r, hid_t dataset, enum array_type *type)
{
    hid_t file_type = H5Dget_type(dataset);
    bool known = false;
    for (int t = ARRAY_U8; t <= ARRAY_F64 && file_type >= 0 && !known; t++) {
        known = H5Tequal(file_type, h5_file_type((enum array_type)t)) > 0;
        if (known)
            *type = (enum array_type)t;
    }
    weft_status st = known ? WEFT_OK
                           : error_set(WEFT_EDAMAGED, "read %s: its elements are of a type that Weft does not write, wanted "
                                       "uint8, int32, int64, float32 or float64, little-endian", path_of(r));
    return h5_close(file_type, st);
}

static weft_status read_shape(const struct reader *r, hid_t dataset, size_t *rank, size_t dim[ARRAY_RANK_MAX])
{
    hid_t space = H5Dget_space(dataset);
    H5S_class_t class = space < 0 ? H5S_NO_CLASS : H5Sget_simple_extent_type(space);
    int found = class == H5S_SCALAR ? 0 : class == H5S_SIMPLE ? H5Sget_simple_extent_ndims(space) : -1;
    hsize_t extent[ARRAY_RANK_MAX];
    weft_status st = WEFT_OK;
    if (found < 0)
        st = error_set(WEFT_EDAMAGED, "read %s: it has no shape", path_of(r));
    else if (found > ARRAY_RANK_MAX)
        st = error_set(WEFT_EDAMAGED, "read %s: rank %d, at most %d wanted", path_of(r), found, ARRAY_RANK_MAX);
    else if (found > 0 && H5Sget_simple_extent_dims(space, extent, NULL) < 0)
        st = h5_failed(WEFT_EDAMAGED, "read the shape of %s", path_of(r));
    for (int i = 0; st == WEFT_OK && i < found; i++)
        dim[i] = (size_t)extent[i];
    *rank = found < 0 ? 0 : (size_t)found;
    return h5_close(space, st);
}

/* The data must lie in this file, as they are: no other file, no virtual dataset, no chunks, no filter. */
static weft_status check_storage(const struct reader *r, hid_t dataset, bool *may_be_unwritten)
{
    hid_t plan = H5Dget_create_plist(dataset);
    H5D_layout_t layout = plan < 0 ? H5D_LAYOUT_ERROR : H5Pget_layout(plan);
    weft_status st = WEFT_OK;
    *may_be_unwritten = layout == H5D_CONTIGUOUS;
    if (layout != H5D_CONTIGUOUS && layout != H5D_COMPACT)
        st = error_set(WEFT_EDAMAGED, "read %s: it is chunked or virtual, wanted contiguous data", path_of(r));
    else if (H5Pget_external_count(plan) != 0)
        st = error_set(WEFT_EDAMAGED, "read %s: its data lie in another file", path_of(r));
    else if (H5Pget_nfilters(plan) != 0)
        st = error_set(WEFT_EDAMAGED, "read %s: it passes through a filter, wanted plain data", path_of(r));
    return h5_close(plan, st);
}

/* libhdf5 reads as much as the shape says, whatever there is of it: compact data from a piece of memory of their own size. */
static weft_status check_size(struct reader *r, hid_t dataset, bool may_be_unwritten, enum array_type type, size_t rank,
                              const size_t *dim)
{
    size_t size_bytes = array_element_size_bytes(type), stored = (size_t)H5Dget_storage_size(dataset);
    bool overflow = false;
    for (size_t i = 0; i < rank; i++)
        if (__builtin_mul_overflow(size_bytes, dim[i], &size_bytes))
            overflow = true;
    weft_status st = take_bytes(r, "the data", overflow ? SIZE_MAX : size_bytes);
    if (st == WEFT_OK && stored != size_bytes && !(may_be_unwritten && stored == 0))
        st = error_set(WEFT_EDAMAGED, "read %s: its shape takes %zu bytes, but %zu are stored", path_of(r), size_bytes, stored);
    return st;
}

/* A picture is told by its IMAGE_SUBCLASS. */
static weft_status read_role(struct reader *r, hid_t dataset, enum array_role *role)
{
    static const char name[] = "IMAGE_SUBCLASS";
    char *text = NULL;
    htri_t exists = H5Aexists(dataset, name);
    if (exists <= 0)
        return exists == 0 ? WEFT_OK : h5_failed(WEFT_EDAMAGED, "look for attribute '%s' of %s", name, path_of(r));
    hid_t attribute = H5Aopen(dataset, name, H5P_DEFAULT);
    hid_t type = attribute < 0 ? attribute : H5Aget_type(attribute);
    hid_t space = type < 0 ? type : H5Aget_space(attribute);
    weft_status st = WEFT_OK;
    if (space < 0 || H5Tget_class(type) != H5T_STRING || H5Sget_simple_extent_type(space) != H5S_SCALAR)
        st = error_set(WEFT_EDAMAGED, "read attribute '%s' of %s: wanted a text", name, path_of(r));
    else
        st = read_text(r, name, attribute, type, &text);
    if (st == WEFT_OK && strcmp(text, "IMAGE_INDEXED") == 0)
        *role = ROLE_IMAGE_INDEXED;
    else if (st == WEFT_OK && strcmp(text, "IMAGE_TRUECOLOR") == 0)
        *role = ROLE_IMAGE_TRUECOLOR;
    memory_free(text);
    st = h5_close(space, st);
    st = h5_close(type, st);
    return h5_close(attribute, st);
}

static weft_status put_array(struct reader *r, hid_t dataset)
{
    enum array_type type = ARRAY_U8;
    enum array_role role = ROLE_PLAIN;
    size_t rank = 0, dim[ARRAY_RANK_MAX];
    void *data;
    bool may_be_unwritten;
    weft_status st = check_storage(r, dataset, &may_be_unwritten);
    if (st == WEFT_OK)
        st = read_type(r, dataset, &type);
    if (st == WEFT_OK)
        st = read_shape(r, dataset, &rank, dim);
    if (st == WEFT_OK)
        st = check_size(r, dataset, may_be_unwritten, type, rank, dim);
    if (st == WEFT_OK)
        st = read_role(r, dataset, &role);
    if (st == WEFT_OK)
        st = blame_file(snapshot_put_space(r->snapshot, r->path, type, role, rank, dim, &data));
    if (st != WEFT_OK)
        return st;
    if (H5Dread(dataset, h5_memory_type(type), H5S_ALL, H5S_ALL, H5P_DEFAULT, data) < 0)
        return h5_failed(WEFT_EDAMAGED, "read %s", path_of(r));
    r->is_picture = role != ROLE_PLAIN;
    st = put_attributes(r, dataset);
    r->is_picture = false;
    return st;
}

static weft_status put_group(struct reader *r, hid_t group);

/* The object behind the link that r->path now ends in. */
static weft_status put_object(struct reader *r, hid_t parent, const char *name, H5L_type_t link)
{
    weft_status st = count_object(r);
    if (st != WEFT_OK)
        return st;
    if (link != H5L_TYPE_HARD)
        return error_set(WEFT_EDAMAGED, "read %s: it is a link to another place, wanted the object itself", path_of(r));
    hid_t object = H5Oopen(parent, name, H5P_DEFAULT);
    switch (object < 0 ? H5I_BADID : H5Iget_type(object)) {
    case H5I_GROUP:
        st = put_group(r, object);
        break;
    case H5I_DATASET:
        st = strcmp(r->path, PALETTE_PATH) == 0 ? WEFT_OK : put_array(r, object);
        break;
    case H5I_BADID:
        st = h5_failed(WEFT_EDAMAGED, "open %s", path_of(r));
        break;
    default:
        st = error_set(WEFT_EDAMAGED, "read %s: it is neither a group nor a dataset", path_of(r));
    }
    return h5_close(object, st);
}

static weft_status put_link(struct reader *r, hid_t group, const struct h5_link *link)
{
    size_t parent_length = r->path_length, length = strlen(link->name);
    if (length > NAME_MAX_BYTES)
        return error_set(WEFT_EDAMAGED, "list group %s: a name of %zu bytes, at most %d wanted", path_of(r), length, NAME_MAX_BYTES);
    r->path_length += (size_t)snprintf(r->path + parent_length, sizeof r->path - parent_length, "/%s", link->name);
    weft_status st = put_object(r, group, link->name, link->type);
    r->path_length = parent_length;
    r->path[parent_length] = '\0';
    return st;
}

static weft_status put_group(struct reader *r, hid_t group)
{
    if (r->depth == DEPTH_MAX)
        return error_set(WEFT_EDAMAGED, "read %.60s...: groups inside each other, more than %d deep", r->path, DEPTH_MAX);
    struct h5_links links = {0};
    weft_status st = put_attributes(r, group);
    if (st == WEFT_OK)
        st = h5_links_read(group, path_of(r), r->left_objects, &links);
    r->depth++;
    for (size_t i = 0; i < links.count && st == WEFT_OK; i++)
        st = put_link(r, group, &links.link[i]);
    r->depth--;
    h5_links_free(&links);
    return st;
}

/* Before anything else is read: a newer format may hold what this Weft does not know. */
static weft_status check_format(struct reader *r, hid_t root)
{
    const char *format;
    int64_t version;
    if (H5Aexists(root, "format") <= 0 || H5Aexists(root, "format_version") <= 0)
        return error_set(WEFT_EDAMAGED, "an HDF5 file, but not a checkpoint of Weft: / has no attributes 'format' and "
                         "'format_version'");
    weft_status st = put_attribute(r, root, "format");
    if (st == WEFT_OK)
        st = put_attribute(r, root, "format_version");
    if (st == WEFT_OK)
        st = snapshot_get_text(r->snapshot, "/", "format", &format);
    if (st == WEFT_OK)
        st = snapshot_get_integer(r->snapshot, "/", "format_version", &version);
    if (st != WEFT_OK)
        return st;
    if (strcmp(format, CHECKPOINT_FORMAT) != 0)
        return error_set(WEFT_EDAMAGED, "not a checkpoint of Weft: format is '%.40s', wanted '%s'", format,
                         CHECKPOINT_FORMAT);
    if (version != CHECKPOINT_FORMAT_VERSION)
        return error_set(WEFT_EDAMAGED, "format_version is %" PRId64 ", this Weft reads %d: use a newer Weft", version,
                         CHECKPOINT_FORMAT_VERSION);
    return WEFT_OK;
}

static weft_status read_file(struct reader *r, const void *bytes, size_t size_bytes)
{
    struct h5_bytes own = {.at = bytes, .size_bytes = size_bytes};
    hid_t file = h5_bytes_open(&own, "checkpoint");
    if (file < 0)
        return h5_bytes_status(&own, h5_failed(WEFT_EDAMAGED, "open as an HDF5 file"));
    hid_t root = H5Gopen2(file, "/", H5P_DEFAULT);
    weft_status st = root < 0 ? h5_failed(WEFT_EDAMAGED, "open /") : check_format(r, root);
    if (st == WEFT_OK)
        st = put_group(r, root);
    st = h5_close(root, st);
    if (h5_bytes_close(&own, file) < 0 && st == WEFT_OK)
        st = h5_failed(WEFT_EDAMAGED, "close as an HDF5 file");
    return st;
}

weft_status h5_read_snapshot(const void *bytes, size_t size_bytes, struct snapshot **snapshot)
{
    struct reader *r = memory_new(1, sizeof *r);
    struct snapshot *read = r == NULL ? NULL : snapshot_create();
    if (read == NULL) {
        memory_free(r);
        return WEFT_ENOMEM;
    }
    r->snapshot = read;
    r->left_bytes = size_bytes;
    r->left_objects = size_bytes / OBJECT_MIN_BYTES;
    struct h5_turn turn;
    h5_begin(&turn);
    weft_status st = read_file(r, bytes, size_bytes);
    h5_end(&turn);
    memory_free(r);
    if (st != WEFT_OK) {
        snapshot_destroy(read);
        return st;
    }
    *snapshot = read;
    return WEFT_OK;
}
