/* HDF5 files. They may come from anybody, so nothing in one is believed: each object is opened by its own hard link, only plain
 * layouts, usual numbers and known filters are read (hdf5_stored.c). Attributes, and what libhdf5 keeps in its global heap (texts
 * of variable length), are not looked at: it does not survive damage there. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file_reader.h"
#include "base/memory.h"
#include "data/arrays.h"
#include "data/hdf5_stored.h"
#include "data/readers.h"
#include "store/h5_bytes.h"
#include "store/h5_links.h"

enum {
    NAME_BYTES = 1024,                          /* of an object's path */
    LISTED_MAX = 1000,
    CLASSES_MAX = 1 << 16
};

struct place {
    const char *where;
    struct file_reader reader;                  /* held, and the file behind it, by hdf5_read */
    struct h5_bytes bytes;
    hid_t file;
};

/* ---- Objects by their names ---- */

/* What a path leads to. */
enum what { WHAT_NOTHING, WHAT_LINK, WHAT_OBJECT };

static weft_status type_find(const struct place *place, hid_t object, H5I_type_t *type)
{
    *type = H5Iget_type(object);
    return *type != H5I_BADID ? WEFT_OK : h5_failed(WEFT_EDATA, "look at an object of %s", place->where);
}

/* The object at a path from the root, through hard links only, and what it is; *object is held if it is WHAT_OBJECT. */
static weft_status walk(const struct place *place, const char *path, hid_t *object, enum what *what, H5I_type_t *type)
{
    char name[NAME_BYTES];
    *what = WHAT_OBJECT;
    *object = H5Gopen2(place->file, "/", H5P_DEFAULT);
    if (*object < 0)
        return h5_failed(WEFT_EDATA, "open / of %s", place->where);
    weft_status st = type_find(place, *object, type);
    while (path += strspn(path, "/"), *path != '\0' && *what == WHAT_OBJECT && st == WEFT_OK) {
        size_t length = strcspn(path, "/");
        hid_t next = H5I_INVALID_HID;
        H5L_info_t info;
        (void)snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : 0), path);
        htri_t is_there = *type == H5I_GROUP && name[0] != '\0' ? H5Lexists(*object, name, H5P_DEFAULT) : 0;
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
        if (st == WEFT_OK && *what == WHAT_OBJECT)
            st = type_find(place, *object, type);
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
    H5I_type_t type;
    weft_status st = walk(file, name, &object, &what, &type);
    *has = st == WEFT_OK && (what == WHAT_LINK || (what == WHAT_OBJECT && type == H5I_DATASET));
    return h5_close(object, st);
}

static weft_status hdf5_list(void *file, struct names *names)
{
    const struct place *place = file;
    struct h5_links links = {0};
    weft_status st = h5_links_read(place->file, place->where, SIZE_MAX, &links);
    for (size_t i = 0; i < links.count && st == WEFT_OK && names->count < LISTED_MAX; i++) {
        H5O_info_t object;
        const char *name = links.link[i].name;
        if (links.link[i].type == H5L_TYPE_HARD && H5Oget_info_by_name(place->file, name, &object, H5P_DEFAULT) >= 0
            && object.type == H5O_TYPE_DATASET)
            st = names_add(names, name, strlen(name));
    }
    h5_links_free(&links);
    return st == WEFT_EDAMAGED ? WEFT_EDATA : st;
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
    H5I_type_t type;
    if (d == NULL)
        return WEFT_ENOMEM;
    (void)snprintf(d->name, sizeof d->name, "%.*s: %s", STORED_NAME_BYTES - NAME_BYTES - 8, place->where, name);
    d->file_bytes = place->reader.size_bytes;
    d->dataset = d->type = d->plan = H5I_INVALID_HID;
    array->name = d->name;
    array->state = d;
    weft_status st = walk(place, name, &d->dataset, &what, &type);
    if (st == WEFT_OK && what == WHAT_LINK)
        st = error_set(WEFT_EDATA, "read %s: it is a soft link or a link into another file, wanted the dataset itself", d->name);
    else if (st == WEFT_OK && (what == WHAT_NOTHING || type != H5I_DATASET))
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

static weft_status texts_add(hid_t dataset, hid_t type, size_t count, size_t size_bytes, struct names *names)
{
    char *text = memory_new(count, size_bytes);
    if (text == NULL)
        return WEFT_ENOMEM;
    weft_status st = WEFT_OK;
    if (H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text) < 0)
        st = h5_failed(WEFT_EDATA, "read the texts");
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
static weft_status texts_read(hid_t dataset, const struct place *place, struct names *names)
{
    hid_t plan = H5Dget_create_plist(dataset), type = H5Dget_type(dataset), space = H5Dget_space(dataset);
    H5D_layout_t layout = plan < 0 ? H5D_LAYOUT_ERROR : H5Pget_layout(plan);
    hsize_t count = 0;
    size_t size_bytes = 0;                      /* of one text */
    weft_status st = WEFT_OK;
    if (plan < 0 || type < 0 || space < 0)
        st = h5_failed(WEFT_EDATA, "look at it");
    else if ((layout == H5D_CONTIGUOUS || layout == H5D_COMPACT) && H5Pget_external_count(plan) == 0
             && H5Tget_class(type) == H5T_STRING && H5Tis_variable_str(type) == 0 && H5Sget_simple_extent_ndims(space) == 1
             && H5Sget_simple_extent_dims(space, &count, NULL) == 1 && count >= 1 && count <= CLASSES_MAX
             && (size_bytes = H5Tget_size(type)) > 0 && size_bytes <= place->reader.size_bytes / count
             && H5Dget_storage_size(dataset) == count * size_bytes)
        st = texts_add(dataset, type, (size_t)count, size_bytes, names);
    st = h5_close(space, st);
    st = h5_close(type, st);
    return h5_close(plan, st);
}

static weft_status hdf5_names(void *file, struct names *names)
{
    static const char *const name[] = {"class_names", "label_names"};
    const struct place *place = file;
    weft_status st = WEFT_OK;
    for (size_t i = 0; i < 2 && st == WEFT_OK && names->count == 0; i++) {
        hid_t object;
        enum what what;
        H5I_type_t type;
        st = walk(place, name[i], &object, &what, &type);
        if (st == WEFT_OK && what == WHAT_OBJECT && type == H5I_DATASET
            && (st = texts_read(object, place, names)) != WEFT_OK)
            st = error_context(st, "read %s: %s", place->where, name[i]);
        st = h5_close(object, st);
    }
    return st;
}

/* ---- The whole ---- */

static weft_status reader_open(struct place *place)
{
    struct stat status;
    if (stat(place->where, &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
        return error_set(WEFT_ENOINPUT, "open hdf5:%s: it is no file", place->where);
    return file_reader_open(&place->reader, place->where, SIZE_MAX);            /* says well why a file cannot be opened */
}

static weft_status file_open(struct place *place)
{
    htri_t is_hdf5 = H5Fis_hdf5(place->where);
    if (is_hdf5 < 0)
        return h5_failed(WEFT_EDATA, "open hdf5:%s", place->where);
    if (is_hdf5 == 0)
        return error_set(WEFT_EDATA, "open hdf5:%s: it is no HDF5 file", place->where);
    place->bytes = (struct h5_bytes){.descriptor = place->reader.descriptor, .size_bytes = place->reader.size_bytes};
    place->file = h5_bytes_open(&place->bytes, place->where);
    return place->file < 0 ? h5_failed(WEFT_EDATA, "open hdf5:%s", place->where) : WEFT_OK;
}

weft_status hdf5_read(const struct read_request *request, struct source *source)
{
    static const struct array_format format = {.kind = "hdf5", .has = hdf5_has, .list = hdf5_list, .open = hdf5_open,
                                               .read = hdf5_array_read, .close = hdf5_close, .names = hdf5_names};
    struct place place = {.where = request->where, .file = H5I_INVALID_HID};
    weft_status st = reader_open(&place);
    if (st != WEFT_OK)
        return st;
    struct h5_turn turn;
    h5_begin(&turn);
    st = file_open(&place);
    if (st == WEFT_OK)
        st = arrays_read(request, &format, &place, source);
    if (place.file >= 0 && h5_bytes_close(&place.bytes, place.file) < 0 && st == WEFT_OK) {
        st = h5_failed(WEFT_EDATA, "close hdf5:%s", request->where);
        source_free(source);
    }
    h5_end(&turn);
    file_reader_close(&place.reader);
    st = h5_bytes_status(&place.bytes, st);
    return st == WEFT_EIO ? error_context(st, "read hdf5:%s", request->where) : st;     /* what could not be closed has no name */
}
