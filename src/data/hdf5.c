/* HDF5 files. They may come from anybody, so nothing in one is believed: each object is opened by its own hard link, only plain
 * layouts, usual numbers and known filters are read (hdf5_stored.c). Attributes, and what libhdf5 keeps in its global heap (texts
 * of variable length), are not looked at: it does not survive damage there. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/arrays.h"
#include "data/hdf5_stored.h"
#include "data/readers.h"
#include "store/file_reader.h"
#include "store/h5.h"

enum {
    NAME_BYTES = 1024,                          /* of an object's path */
    LISTED_MAX = 1000,
    CLASSES_MAX = 1 << 16
};

struct place {
    const char *where;
    hid_t file;
    size_t size_bytes;
    struct names *listed;                       /* of a callback that libhdf5 calls */
    weft_status status;
};

/* ---- Objects by their names ---- */

/* What a path leads to. */
enum what { WHAT_NOTHING, WHAT_LINK, WHAT_OBJECT };

/* The object at a path from the root, through hard links only; *object is held if it is WHAT_OBJECT. */
static weft_status walk(const struct place *place, const char *path, hid_t *object, enum what *what)
{
    char name[NAME_BYTES];
    *what = WHAT_OBJECT;
    *object = H5Gopen2(place->file, "/", H5P_DEFAULT);
    if (*object < 0)
        return h5_failed(WEFT_EDATA, "open / of %s", place->where);
    weft_status st = WEFT_OK;
    while (path += strspn(path, "/"), *path != '\0' && *what == WHAT_OBJECT && st == WEFT_OK) {
        size_t length = strcspn(path, "/");
        hid_t next = H5I_INVALID_HID;
        H5L_info_t info;
        bool is_group = H5Iget_type(*object) == H5I_GROUP;
        (void)snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : 0), path);
        htri_t is_there = is_group && name[0] != '\0' ? H5Lexists(*object, name, H5P_DEFAULT) : 0;
        if (is_there < 0 || (is_there > 0 && H5Lget_info(*object, name, &info, H5P_DEFAULT) < 0))
            st = h5_failed(WEFT_EDATA, "look up '%s' in %s", name, place->where);
        else if (is_there == 0)
            *what = WHAT_NOTHING;
        else if (info.type != H5L_TYPE_HARD)
            *what = WHAT_LINK;
        else if ((next = H5Oopen(*object, name, H5P_DEFAULT)) < 0)
            st = h5_failed(WEFT_EDATA, "open '%s' of %s", name, place->where);
        st = h5_close(*object, st);
        *object = next;
        path += length;
    }
    if (st != WEFT_OK || *what != WHAT_OBJECT) {
        st = h5_close(*object, st);
        *object = H5I_INVALID_HID;
    }
    return st;
}

/* A link to elsewhere is there, too: opening it tells why it is not read. */
static weft_status hdf5_has(void *file, const char *name, bool *has)
{
    hid_t object;
    enum what what;
    weft_status st = walk(file, name, &object, &what);
    *has = st == WEFT_OK && (what == WHAT_LINK || (what == WHAT_OBJECT && H5Iget_type(object) == H5I_DATASET));
    return h5_close(object, st);
}

static herr_t list_one(hid_t group, const char *name, const H5L_info_t *info, void *file)
{
    struct place *place = file;
    H5O_info_t object;
    if (info->type == H5L_TYPE_HARD && H5Oget_info_by_name(group, name, &object, H5P_DEFAULT) >= 0
        && object.type == H5O_TYPE_DATASET)
        place->status = names_add(place->listed, name, strlen(name));
    return place->status != WEFT_OK || place->listed->count == LISTED_MAX;
}

static weft_status hdf5_list(void *file, struct names *names)
{
    struct place *place = file;
    place->listed = names;
    place->status = WEFT_OK;
    if (H5Literate(place->file, H5_INDEX_NAME, H5_ITER_INC, NULL, list_one, place) < 0 && place->status == WEFT_OK)
        return h5_failed(WEFT_EDATA, "list %s", place->where);
    return place->status;
}

/* ---- Arrays ---- */

static void hdf5_close(struct number_array *array)
{
    stored_close(array->state);
    memory_free(array->state);
}

static weft_status hdf5_open(void *file, const char *name, struct number_array *array)
{
    const struct place *place = file;
    struct stored *d = memory_new(1, sizeof *d);
    enum what what = WHAT_NOTHING;
    if (d == NULL)
        return WEFT_ENOMEM;
    (void)snprintf(d->name, sizeof d->name, "%.*s: %s", STORED_NAME_BYTES - NAME_BYTES - 8, place->where, name);
    d->file_bytes = place->size_bytes;
    d->dataset = d->type = d->plan = H5I_INVALID_HID;
    array->name = d->name;
    array->state = d;
    weft_status st = walk(place, name, &d->dataset, &what);
    if (st == WEFT_OK && what == WHAT_LINK)
        st = error_set(WEFT_EDATA, "read %s: it is a soft link or a link into another file, wanted the dataset itself", d->name);
    else if (st == WEFT_OK && (what == WHAT_NOTHING || H5Iget_type(d->dataset) != H5I_DATASET))
        st = error_set(WEFT_ENOINPUT, "read %s: no such dataset", d->name);
    if (st == WEFT_OK)
        st = stored_open(d, array);
    if (st != WEFT_OK)
        hdf5_close(array);
    return st;
}

static weft_status hdf5_array_read(struct number_array *array, number_visit *visit, void *context)
{
    return stored_read(array->state, array, visit, context);
}

/* ---- Names of the classes: a list of texts of fixed length, the dataset class_names or label_names ---- */

static weft_status texts_add(hid_t dataset, hid_t type, size_t count, const char *name, struct names *names)
{
    size_t size_bytes = H5Tget_size(type);
    char *text = memory_new(count, size_bytes);
    if (text == NULL)
        return WEFT_ENOMEM;
    weft_status st = WEFT_OK;
    if (H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text) < 0)
        st = h5_failed(WEFT_EDATA, "read %s", name);
    for (size_t i = 0; i < count && st == WEFT_OK; i++) {
        const char *one = text + i * size_bytes;
        size_t length = strnlen(one, size_bytes);
        while (length > 0 && one[length - 1] == ' ')
            length--;
        st = names_add(names, one, length);
    }
    memory_free(text);
    return st;
}

/* What is no such list, plainly in this file, is not meant. */
static weft_status texts_read(hid_t dataset, const struct place *place, const char *name, struct names *names)
{
    hid_t plan = H5Dget_create_plist(dataset), type = H5Dget_type(dataset), space = H5Dget_space(dataset);
    H5D_layout_t layout = plan < 0 ? H5D_LAYOUT_ERROR : H5Pget_layout(plan);
    hsize_t count = 0;
    weft_status st = WEFT_OK;
    if (plan < 0 || type < 0 || space < 0)
        st = h5_failed(WEFT_EDATA, "read %s", name);
    else if ((layout == H5D_CONTIGUOUS || layout == H5D_COMPACT) && H5Pget_external_count(plan) == 0
             && H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 && H5Sget_simple_extent_ndims(space) == 1
             && H5Sget_simple_extent_dims(space, &count, NULL) == 1 && count >= 1 && count <= CLASSES_MAX
             && H5Tget_size(type) <= place->size_bytes / count)
        st = texts_add(dataset, type, (size_t)count, name, names);
    st = h5_close(space, st);
    st = h5_close(type, st);
    return h5_close(plan, st);
}

static weft_status hdf5_names(void *file, struct names *names)
{
    static const char *const name[] = {"class_names", "label_names"};
    weft_status st = WEFT_OK;
    for (size_t i = 0; i < 2 && st == WEFT_OK && names->count == 0; i++) {
        hid_t object;
        enum what what;
        st = walk(file, name[i], &object, &what);
        if (st == WEFT_OK && what == WHAT_OBJECT && H5Iget_type(object) == H5I_DATASET)
            st = texts_read(object, file, name[i], names);
        st = h5_close(object, st);
    }
    return st;
}

/* ---- The whole ---- */

static weft_status file_check(struct place *place)
{
    struct stat status;
    struct file_reader reader;
    if (stat(place->where, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
        return error_set(WEFT_ENOINPUT, "open hdf5:%s: it is no file", place->where);
    weft_status st = file_reader_open(&reader, place->where, SIZE_MAX);         /* says well why a file cannot be opened */
    if (st != WEFT_OK)
        return st;
    place->size_bytes = reader.size_bytes;
    file_reader_close(&reader);
    return WEFT_OK;
}

static weft_status file_open(struct place *place)
{
    if (H5Fis_hdf5(place->where) <= 0)
        return error_set(WEFT_EDATA, "open hdf5:%s: it is no HDF5 file", place->where);
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    if (access >= 0 && H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0)     /* whatever libhdf5 has lost hold of */
        place->file = H5Fopen(place->where, H5F_ACC_RDONLY, access);
    weft_status st = place->file < 0 ? h5_failed(WEFT_EDATA, "open hdf5:%s", place->where) : WEFT_OK;
    return h5_close(access, st);
}

weft_status hdf5_read(const struct read_request *request, struct source *source)
{
    static const struct array_format format = {.kind = "hdf5", .has = hdf5_has, .list = hdf5_list, .open = hdf5_open,
                                               .read = hdf5_array_read, .close = hdf5_close, .names = hdf5_names};
    struct place place = {.where = request->where, .file = H5I_INVALID_HID};
    weft_status st = file_check(&place);
    if (st != WEFT_OK)
        return st;
    struct h5_turn turn;
    h5_begin(&turn);
    st = file_open(&place);
    if (st == WEFT_OK)
        st = arrays_read(request, &format, &place, source);
    if (place.file >= 0 && H5Fclose(place.file) < 0 && st == WEFT_OK) {
        st = h5_failed(WEFT_EDATA, "close hdf5:%s", request->where);
        source_free(source);
    }
    h5_end(&turn);
    return st;
}
