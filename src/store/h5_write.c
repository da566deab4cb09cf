/* The file is built by libhdf5 in memory. The bytes must depend on the snapshot alone: hence no times in any object, types with
 * a fixed byte order, and one order of creation. The low format bound stays at "earliest": this one can be read by every
 * libhdf5. */
#include "store/h5_snapshot.h"

#include <stdbool.h>
#include <string.h>

#include <hdf5_hl.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/h5_image.h"
#include "store/palette.h"

struct builder {
    const struct snapshot *snapshot;
    struct h5_image image;
    hid_t file;
    hid_t group_plan, array_plan;       /* creation properties */
    hid_t text_type, scalar;
    hid_t palette;                      /* /images/palette, once there is a picture */
};

/* Children of a group are listed in the order in which they were made; no times. */
static herr_t plan_group(hid_t plan)
{
    if (H5Pset_obj_track_times(plan, 0) < 0)
        return -1;
    return H5Pset_link_creation_order(plan, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
}

static weft_status open_file(struct builder *b)
{
    hid_t access = H5Pcreate(H5P_FILE_ACCESS), creation = H5Pcreate(H5P_FILE_CREATE);
    if (access >= 0 && creation >= 0
        && H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_V18) >= 0
        && H5Pset_fclose_degree(access, H5F_CLOSE_SEMI) >= 0        /* an object left open makes the close fail */
        && plan_group(creation) >= 0)
        b->file = h5_image_create(&b->image, creation, access);
    weft_status st = b->file >= 0 ? WEFT_OK : h5_failed(WEFT_EIO, "create an HDF5 file in memory");
    st = h5_close(access, st);
    return h5_close(creation, st);
}

static weft_status open_plans(struct builder *b)
{
    b->group_plan = H5Pcreate(H5P_GROUP_CREATE);
    b->array_plan = H5Pcreate(H5P_DATASET_CREATE);
    b->text_type = H5Tcopy(H5T_C_S1);
    b->scalar = H5Screate(H5S_SCALAR);
    if (b->group_plan >= 0 && plan_group(b->group_plan) >= 0
        && b->array_plan >= 0 && H5Pset_obj_track_times(b->array_plan, 0) >= 0
        && H5Pset_fill_time(b->array_plan, H5D_FILL_TIME_NEVER) >= 0   /* every element is written */
        && b->text_type >= 0 && H5Tset_size(b->text_type, H5T_VARIABLE) >= 0
        && H5Tset_cset(b->text_type, H5T_CSET_UTF8) >= 0
        && b->scalar >= 0)
        return WEFT_OK;
    return h5_failed(WEFT_EIO, "prepare an HDF5 file in memory");
}

/* Make what is missing of the groups along path[0 .. length-1]. */
static weft_status make_groups(struct builder *b, const char *path, size_t length)
{
    char *part = memory_string(path);
    weft_status st = part == NULL ? WEFT_ENOMEM : WEFT_OK;
    for (size_t end = 2; st == WEFT_OK && end <= length; end++) {
        if (path[end] != '/' && path[end] != '\0')
            continue;
        part[end] = '\0';
        htri_t exists = H5Lexists(b->file, part, H5P_DEFAULT);
        if (exists == 0) {
            hid_t group = H5Gcreate2(b->file, part, H5P_DEFAULT, b->group_plan, H5P_DEFAULT);
            exists = group >= 0 ? 1 : -1;
            st = h5_close(group, st);
        }
        if (exists < 0)
            st = h5_failed(WEFT_EIO, "make group %s", part);
        part[end] = path[end];
    }
    memory_free(part);
    return st;
}

/* An array as a contiguous dataset, left open in *dataset. */
static weft_status make_array(struct builder *b, const struct array *array, hid_t *dataset)
{
    weft_status st = make_groups(b, array->path, (size_t)(strrchr(array->path, '/') - array->path));
    if (st != WEFT_OK)
        return st;
    hsize_t dim[ARRAY_RANK_MAX];
    for (size_t i = 0; i < array->rank; i++)
        dim[i] = array->dim[i];
    hid_t space = array->rank == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple((int)array->rank, dim, NULL);
    if (space >= 0)
        *dataset = H5Dcreate2(b->file, array->path, h5_file_type(array->type), space, H5P_DEFAULT, b->array_plan,
                              H5P_DEFAULT);
    b->image.lent = array->data;
    b->image.lent_bytes = array->size_bytes;
    if (*dataset < 0 || H5Dwrite(*dataset, h5_memory_type(array->type), H5S_ALL, H5S_ALL, H5P_DEFAULT, array->data) < 0)
        st = h5_failed(WEFT_EIO, "write array %s", array->path);
    b->image.lent_bytes = 0;
    return h5_close(space, st);
}

/* The fixed strings of the image specification must be terminated, which is how H5LT writes them. */
static herr_t mark(hid_t object, const char *const (*name_and_value)[2], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (H5LTset_attribute_string(object, ".", name_and_value[i][0], name_and_value[i][1]) < 0)
            return -1;
    return 0;
}
#define MARK(object, table) mark(object, table, sizeof (table) / sizeof (table)[0])

static weft_status make_palette(struct builder *b)
{
    static const char *const mark_of_palette[][2] = {
        {"CLASS", "PALETTE"}, {"PAL_VERSION", "1.2"}, {"PAL_COLORMODEL", "RGB"}, {"PAL_TYPE", "STANDARD8"}};
    uint8_t color[PALETTE_COLORS][3];
    for (size_t i = 0; i < PALETTE_COLORS; i++)
        palette_color((uint8_t)i, color[i]);
    struct array palette = {.path = PALETTE_PATH, .type = ARRAY_U8, .rank = 2, .dim = {PALETTE_COLORS, 3}, .data = color};
    weft_status st = make_array(b, &palette, &b->palette);
    if (st == WEFT_OK && MARK(b->palette, mark_of_palette) < 0)
        st = h5_failed(WEFT_EIO, "describe %s", PALETTE_PATH);
    return st;
}

static weft_status describe_picture(struct builder *b, const struct array *array, hid_t dataset)
{
    static const char *const mark_of_both[][2] = {
        {"CLASS", "IMAGE"}, {"IMAGE_VERSION", "1.2"}, {"DISPLAY_ORIGIN", "UL"}, {"IMAGE_COLORMODEL", "RGB"}};
    static const char *const mark_of_indexed[][2] = {{"IMAGE_SUBCLASS", "IMAGE_INDEXED"}};
    static const char *const mark_of_truecolor[][2] = {
        {"IMAGE_SUBCLASS", "IMAGE_TRUECOLOR"}, {"INTERLACE_MODE", "INTERLACE_PIXEL"}};
    static const unsigned char range[2] = {0, 255};
    herr_t rc = MARK(dataset, mark_of_both);
    if (array->role == ROLE_IMAGE_TRUECOLOR)
        rc = rc < 0 ? rc : MARK(dataset, mark_of_truecolor);
    else if (rc < 0 || MARK(dataset, mark_of_indexed) < 0
             || H5LTset_attribute_uchar(dataset, ".", "IMAGE_MINMAXRANGE", range, 2) < 0
             || H5IMlink_palette(b->file, array->path, PALETTE_PATH) < 0)
        rc = -1;
    return rc < 0 ? h5_failed(WEFT_EIO, "describe picture %s", array->path) : WEFT_OK;
}

static weft_status put_array(struct builder *b, const struct array *array)
{
    hid_t dataset = H5I_INVALID_HID;
    weft_status st = WEFT_OK;
    if (array->role == ROLE_IMAGE_INDEXED && b->palette < 0)
        st = make_palette(b);
    if (st == WEFT_OK)
        st = make_array(b, array, &dataset);
    if (st == WEFT_OK && array->role != ROLE_PLAIN)
        st = describe_picture(b, array, dataset);
    return h5_close(dataset, st);
}

/* Arrays and the groups of attributes, in their common order. */
static weft_status put_objects(struct builder *b)
{
    const struct snapshot *s = b->snapshot;
    weft_status st = WEFT_OK;
    size_t next = 0;
    for (size_t i = 0; st == WEFT_OK && i <= s->array_count; i++) {
        for (; st == WEFT_OK && next < s->attribute_count && s->attribute[next].arrays_before <= i; next++) {
            const char *object = s->attribute[next].object;
            if (snapshot_find_array(s, object) == NULL)
                st = make_groups(b, object, strlen(object));
        }
        if (st == WEFT_OK && i < s->array_count)
            st = put_array(b, &s->array[i]);
    }
    return st;
}

static weft_status put_attribute(struct builder *b, const struct attribute *a)
{
    hid_t file_type = H5I_INVALID_HID, memory_type = H5I_INVALID_HID;
    const void *value = NULL;
    switch (a->type) {
    case ATTRIBUTE_INTEGER: file_type = H5T_STD_I64LE; memory_type = H5T_NATIVE_INT64; value = &a->integer; break;
    case ATTRIBUTE_REAL: file_type = H5T_IEEE_F64LE; memory_type = H5T_NATIVE_DOUBLE; value = &a->real; break;
    case ATTRIBUTE_TEXT: file_type = memory_type = b->text_type; value = &a->text; break;
    }
    hid_t object = H5Oopen(b->file, a->object, H5P_DEFAULT);
    hid_t attribute = object < 0 ? object : H5Acreate2(object, a->name, file_type, b->scalar, H5P_DEFAULT, H5P_DEFAULT);
    weft_status st = WEFT_OK;
    if (attribute < 0 || H5Awrite(attribute, memory_type, value) < 0)
        st = h5_failed(WEFT_EIO, "write attribute '%s' of %s", a->name, a->object);
    st = h5_close(attribute, st);
    return h5_close(object, st);
}

/* The store's own two first; a snapshot that was read from a file brings them along. */
static weft_status put_attributes(struct builder *b)
{
    const struct attribute own[2] = {
        {.object = "/", .name = "format", .type = ATTRIBUTE_TEXT, .text = CHECKPOINT_FORMAT},
        {.object = "/", .name = "format_version", .type = ATTRIBUTE_INTEGER, .integer = CHECKPOINT_FORMAT_VERSION}};
    weft_status st = put_attribute(b, &own[0]);
    if (st == WEFT_OK)
        st = put_attribute(b, &own[1]);
    for (size_t i = 0; st == WEFT_OK && i < b->snapshot->attribute_count; i++) {
        const struct attribute *a = &b->snapshot->attribute[i];
        bool is_own = strcmp(a->object, "/") == 0
                      && (strcmp(a->name, own[0].name) == 0 || strcmp(a->name, own[1].name) == 0);
        if (!is_own)
            st = put_attribute(b, a);
    }
    return st;
}

static weft_status build(struct builder *b, size_t *size_bytes)
{
    weft_status st = open_plans(b);
    if (st == WEFT_OK)
        st = open_file(b);
    if (st == WEFT_OK)
        st = put_objects(b);
    if (st == WEFT_OK)
        st = put_attributes(b);
    if (st == WEFT_OK && H5Fflush(b->file, H5F_SCOPE_GLOBAL) < 0)
        st = h5_failed(WEFT_EIO, "complete an HDF5 file in memory");
    b->image.complete = true;
    st = h5_close(b->palette, st);
    st = h5_close(b->scalar, st);
    st = h5_close(b->text_type, st);
    st = h5_close(b->array_plan, st);
    st = h5_close(b->group_plan, st);
    if (b->file >= 0 && H5Fclose(b->file) < 0 && st == WEFT_OK)
        st = h5_failed(WEFT_EIO, "close an HDF5 file in memory");
    h5_image_part(&b->image);
    *size_bytes = b->image.end;
    return b->image.failed ? error_set(WEFT_ENOMEM, "build an HDF5 file of %zu bytes: not enough memory", *size_bytes) : st;
}

weft_status h5_write_snapshot(const struct snapshot *snapshot, struct image *image, size_t *size_bytes)
{
    struct builder b = {.snapshot = snapshot, .file = H5I_INVALID_HID, .group_plan = H5I_INVALID_HID,
                        .array_plan = H5I_INVALID_HID, .text_type = H5I_INVALID_HID, .scalar = H5I_INVALID_HID,
                        .palette = H5I_INVALID_HID};
    struct h5_turn turn;
    h5_begin(&turn);
    weft_status st = build(&b, size_bytes);
    h5_end(&turn);
    *image = b.image.image;
    return st;
}
