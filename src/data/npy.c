/* NumPy's files: .npy, one array (versions 1.0 to 3.0 of numpy.lib.format), in a directory, and .npz, a zip archive of them.
 * The header of an array is a claim: it is held against the bytes that there are, and where those are packed, memory grows as
 * they come. Column-major (Fortran) order is the exception that costs memory: such an array is read whole before its rows are
 * put together. */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <zip.h>

#include "base/error.h"
#include "base/file_reader.h"
#include "base/memory.h"
#include "data/arrays.h"
#include "data/npy_header.h"
#include "data/readers.h"
#include "data/unpack.h"

enum {
    MAGIC_BYTES = 8, HEADER_BYTES_MAX = 1 << 16,
    BLOCK_BYTES = 1 << 18,
    FORTRAN_ROWS = 64,                          /* that a tile has at least: they lie side by side */
    FIRST_BYTES_PER_FILE_BYTE = 8, PIPE_FIRST_BYTES = 1 << 20,
    LISTED_MAX = 1000,
    NAME_BYTES = PATH_MAX + 256
};

static const size_t FILE_LIMIT_BYTES = (size_t)1 << 40;
static const char MAGIC[] = "\x93NUMPY";

/* What the URI names: a directory, an archive, or one .npy file, which then is X. */
struct place {
    const char *where;
    zip_t *archive;                             /* NULL: none */
    bool is_single;
};

/* One array, open: in a file of its own or in an archive. */
struct npy {
    char name[NAME_BYTES], path[PATH_MAX];
    struct file_reader reader;
    struct unpacker file;
    zip_file_t *member;                         /* NULL: in a file of its own */
    size_t stored_bytes, size_bytes;            /* in the file or archive; of header and numbers: SIZE_MAX if not known */
    size_t header_bytes;
    struct npy_header header;
};

/* ---- Bytes ---- */

static weft_status zip_status(int code)
{
    switch (code) {
    case ZIP_ER_MEMORY: return WEFT_ENOMEM;
    case ZIP_ER_NOENT: case ZIP_ER_OPEN: return WEFT_ENOINPUT;
    case ZIP_ER_READ: case ZIP_ER_SEEK: case ZIP_ER_TELL: return WEFT_EIO;
    default: return WEFT_EDATA;
    }
}

/* libzip checks the sum of a member when its end is met. */
static weft_status member_read(struct npy *npy, uint8_t *out, size_t wanted, size_t *got)
{
    *got = 0;
    while (*got < wanted) {
        zip_int64_t piece = zip_fread(npy->member, out + *got, wanted - *got);
        if (piece < 0) {
            zip_error_t *error = zip_file_get_error(npy->member);
            return error_set(zip_status(zip_error_code_zip(error)), "read %s: %s", npy->name, zip_error_strerror(error));
        }
        if (piece == 0)
            break;
        *got += (size_t)piece;
    }
    return WEFT_OK;
}

static weft_status bytes_read(struct npy *npy, void *out, size_t wanted, size_t *got)
{
    return npy->member != NULL ? member_read(npy, out, wanted, got) : unpack_read(&npy->file, out, wanted, got);
}

static weft_status bytes_end(struct npy *npy)
{
    uint8_t more;
    size_t got;
    weft_status st = bytes_read(npy, &more, 1, &got);
    if (st != WEFT_OK || got == 0)
        return st;
    return error_set(WEFT_EDATA, "read %s: it goes on where its header says that it ends", npy->name);
}

/* ---- The header ---- */

/* How many bytes of text follow the magic number; *taken counts both it and its own length. */
static weft_status length_read(struct npy *npy, size_t *length)
{
    uint8_t byte[MAGIC_BYTES + 4];
    size_t got;
    weft_status st = bytes_read(npy, byte, MAGIC_BYTES, &got);
    if (st != WEFT_OK)
        return st;
    if (got < MAGIC_BYTES || memcmp(byte, MAGIC, MAGIC_BYTES - 2) != 0)
        return error_set(WEFT_EDATA, "read %s: it does not begin as a .npy file does, with 93 'NUMPY' and a version", npy->name);
    if (byte[6] < 1 || byte[6] > 3 || byte[7] != 0)
        return error_set(WEFT_EDATA, "read %s: version %d.%d of the .npy format, wanted 1.0, 2.0 or 3.0", npy->name, byte[6],
                         byte[7]);
    size_t count = byte[6] == 1 ? 2 : 4;
    if ((st = bytes_read(npy, byte + MAGIC_BYTES, count, &got)) != WEFT_OK)
        return st;
    *length = 0;
    for (size_t i = 0; i < got; i++)
        *length |= (size_t)byte[MAGIC_BYTES + i] << 8 * i;
    if (got < count || *length > HEADER_BYTES_MAX)
        return error_set(WEFT_EDATA, "read %s: it ends in its header, or that says it has %zu bytes, at most %d wanted",
                         npy->name, *length, HEADER_BYTES_MAX);
    npy->header_bytes = MAGIC_BYTES + count + *length;
    return WEFT_OK;
}

static weft_status header_read(struct npy *npy)
{
    size_t length = 0, got = 0;
    weft_status st = length_read(npy, &length);
    if (st != WEFT_OK)
        return st;
    char *text = memory_new(length + 1, 1);
    if (text == NULL)
        return WEFT_ENOMEM;
    st = bytes_read(npy, text, length, &got);
    if (st == WEFT_OK && got < length)
        st = error_set(WEFT_EDATA, "read %s: it ends at byte %zu of its header of %zu", npy->name,
                       npy->header_bytes - length + got, npy->header_bytes);
    if (st == WEFT_OK)
        st = npy_header_parse(npy->name, npy->header_bytes - length, text, length, &npy->header);
    memory_free(text);
    return st;
}

/* What the header says against what there is. */
static weft_status size_check(const struct npy *npy, const struct number_array *array)
{
    size_t said = array_size_bytes(array, 0, npy->header.form.size_bytes);
    if (npy->size_bytes == SIZE_MAX && said != SIZE_MAX)
        return WEFT_OK;                                 /* packed, or a pipe: how much there is will be seen */
    if (said == SIZE_MAX)
        return error_set(WEFT_EDATA, "read %s: the product of the dimensions in its header is beyond any memory", npy->name);
    bool has_grown = npy->size_bytes < npy->header_bytes;       /* since its size was asked for */
    size_t there = has_grown ? 0 : npy->size_bytes - npy->header_bytes;
    if (has_grown || said != there)
        return error_set(WEFT_EDATA, "read %s: its header says %zu bytes of numbers, but it has %zu", npy->name, said, there);
    return WEFT_OK;
}

/* ---- Numbers ---- */

/* Two blocks of one tile: as it lies in the file, and as numbers. */
struct blocks {
    void *raw, *number;
    size_t elements;                            /* in each */
};

static weft_status blocks_new(struct blocks *blocks, size_t elements)
{
    *blocks = (struct blocks){memory_reserve(elements, 8), memory_reserve(elements, 8), elements};
    if (blocks->raw != NULL && blocks->number != NULL)
        return WEFT_OK;
    memory_free(blocks->raw);
    memory_free(blocks->number);
    return WEFT_ENOMEM;
}

static void blocks_free(struct blocks *blocks)
{
    memory_free(blocks->raw);
    memory_free(blocks->number);
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static weft_status bytes_need(struct npy *npy, void *out, size_t wanted, size_t before)
{
    size_t got;
    weft_status st = bytes_read(npy, out, wanted, &got);
    if (st == WEFT_OK && got < wanted)
        return error_set(WEFT_EDATA, "read %s: it ends after %zu bytes of numbers, its header says more", npy->name,
                         before + got);
    return st;
}

/* As many whole rows as fit into a block, or as much of one as fits. */
static weft_status read_rows(struct npy *npy, const struct number_array *array, struct blocks *b, number_visit *visit,
                             void *context)
{
    const struct number_form *form = &npy->header.form;
    size_t rows = array->dim[0], columns = array_size_bytes(array, 1, 1), before = 0;
    size_t rows_at_once = columns <= b->elements ? b->elements / columns : 1;
    weft_status st = WEFT_OK;
    for (size_t row = 0; row < rows && st == WEFT_OK; row += rows_at_once)
        for (size_t column = 0, n; column < columns && st == WEFT_OK; column += n) {
            struct number_tile tile = {.row = row, .rows = smaller(rows_at_once, rows - row), .column = column};
            tile.stride = tile.columns = n = smaller(b->elements, columns - column);
            size_t count = tile.rows * tile.columns;
            if ((st = bytes_need(npy, b->raw, count * form->size_bytes, before)) != WEFT_OK)
                break;
            before += count * form->size_bytes;
            tile.number = numbers_decode(form, b->raw, count, b->number);
            st = visit(context, &tile);
        }
    return st;
}

/* ---- Column-major order ---- */

/* All bytes of the numbers, in memory that grows as they come. */
static weft_status read_whole(struct npy *npy, const struct number_array *array, uint8_t **raw)
{
    size_t size = array_size_bytes(array, 0, npy->header.form.size_bytes), filled = 0;
    size_t capacity = smaller(array->first_bytes + 1, size);
    uint8_t *bytes = memory_reserve(capacity, 1);
    weft_status st = bytes != NULL ? WEFT_OK : WEFT_ENOMEM;
    while (st == WEFT_OK) {
        st = bytes_need(npy, bytes + filled, capacity - filled, filled);
        filled = capacity;
        if (st != WEFT_OK || filled == size)
            break;
        capacity = smaller(2 * capacity, size);
        uint8_t *grown = memory_grow(bytes, filled, capacity, 1);
        bytes = grown != NULL ? grown : bytes;
        st = grown != NULL ? WEFT_OK : WEFT_ENOMEM;
    }
    if (st != WEFT_OK) {
        memory_free(bytes);
        return st;
    }
    *raw = bytes;
    return WEFT_OK;
}

/* The number of an element in column-major order; column is the row-major number of its place behind the first dimension. */
static size_t fortran_place(const struct number_array *array, size_t row, size_t column)
{
    size_t place = 0;
    for (size_t i = array->rank - 1; i > 0; i--) {      /* the last index first: Horner's rule from behind */
        size_t stride = array->dim[0];
        for (size_t k = 1; k < i; k++)
            stride *= array->dim[k];
        place += column % array->dim[i] * stride;
        column /= array->dim[i];
    }
    return place + row;
}

/* `rows` elements that lie side by side, to places `stride` elements apart. */
static void spread(const uint8_t *from, size_t size_bytes, size_t rows, size_t stride, uint8_t *to)
{
    switch (size_bytes) {
    case 1:
        for (size_t i = 0; i < rows; i++)
            to[i * stride] = from[i];
        break;
    case 2:
        for (size_t i = 0; i < rows; i++)
            ((uint16_t *)(void *)to)[i * stride] = ((const uint16_t *)(const void *)from)[i];
        break;
    case 4:
        for (size_t i = 0; i < rows; i++)
            ((uint32_t *)(void *)to)[i * stride] = ((const uint32_t *)(const void *)from)[i];
        break;
    default:
        for (size_t i = 0; i < rows; i++)
            ((uint64_t *)(void *)to)[i * stride] = ((const uint64_t *)(const void *)from)[i];
    }
}

static weft_status read_columns(struct npy *npy, const struct number_array *array, struct blocks *b, number_visit *visit,
                                void *context)
{
    const struct number_form *form = &npy->header.form;
    size_t rows = array->dim[0], columns = array_size_bytes(array, 1, 1), size = form->size_bytes;
    size_t whole_rows = b->elements / smaller(columns, b->elements);
    size_t rows_at_once = smaller(whole_rows > FORTRAN_ROWS ? whole_rows : FORTRAN_ROWS, rows);
    size_t columns_at_once = b->elements / rows_at_once;
    uint8_t *whole = NULL;
    weft_status st = read_whole(npy, array, &whole);
    for (size_t row = 0; row < rows && st == WEFT_OK; row += rows_at_once)
        for (size_t column = 0; column < columns && st == WEFT_OK; column += columns_at_once) {
            struct number_tile tile = {.row = row, .rows = smaller(rows_at_once, rows - row), .column = column};
            tile.stride = tile.columns = smaller(columns_at_once, columns - column);
            for (size_t c = 0; c < tile.columns; c++)
                spread(whole + fortran_place(array, row, column + c) * size, size, tile.rows, tile.columns,
                       (uint8_t *)b->raw + c * size);
            tile.number = numbers_decode(form, b->raw, tile.rows * tile.columns, b->number);
            st = visit(context, &tile);
        }
    memory_free(whole);
    return st;
}

static weft_status npy_array_read(struct number_array *array, number_visit *visit, void *context)
{
    struct npy *npy = array->state;
    struct blocks blocks;
    weft_status st = blocks_new(&blocks, BLOCK_BYTES / npy->header.form.size_bytes);
    if (st != WEFT_OK)
        return st;
    st = npy->header.is_fortran && array->rank > 1 ? read_columns(npy, array, &blocks, visit, context)
                                                   : read_rows(npy, array, &blocks, visit, context);
    blocks_free(&blocks);
    return st == WEFT_OK ? bytes_end(npy) : st;
}

/* ---- Arrays in a directory and in an archive ---- */

static bool ends_with(const char *text, const char *end)
{
    size_t length = strlen(text), end_length = strlen(end);
    return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* The file of an array: DIR/NAME.npy, DIR/NAME.npy.gz, or DIR/NAME if that has the end already; "" if none is there. */
static weft_status file_find(const struct place *place, const char *name, char path[PATH_MAX])
{
    bool is_whole = ends_with(name, ".npy") || ends_with(name, ".npy.gz");
    path[0] = '\0';
    if (place->is_single) {
        if (strcmp(name, "X") == 0)
            (void)snprintf(path, PATH_MAX, "%s", place->where);
        return WEFT_OK;
    }
    static const char *const end[] = {".npy", ".npy.gz"};
    for (size_t i = 0; i < (is_whole ? 1 : 2); i++) {
        struct stat status;
        int length = snprintf(path, PATH_MAX, "%s/%s%s", place->where, name, is_whole ? "" : end[i]);
        if (length < 0 || length >= PATH_MAX)
            return error_set(WEFT_ENOINPUT, "find array %s: its path would be longer than %d bytes: %s", name, PATH_MAX - 1,
                             place->where);
        if (stat(path, &status) == 0)
            return WEFT_OK;
        if (errno != ENOENT && errno != ENOTDIR)
            return error_set(WEFT_ENOINPUT, "find %s: %s", path, strerror(errno));
    }
    path[0] = '\0';
    return WEFT_OK;
}

/* The number of an array in the archive, -1 if it is not there. */
static zip_int64_t member_find(const struct place *place, const char *name)
{
    char member[NAME_BYTES];
    (void)snprintf(member, sizeof member, "%s.npy", name);
    zip_int64_t index = zip_name_locate(place->archive, member, 0);
    return index >= 0 ? index : zip_name_locate(place->archive, name, 0);
}

static weft_status npy_has(void *file, const char *name, bool *has)
{
    const struct place *place = file;
    char path[PATH_MAX];
    if (place->archive != NULL) {
        *has = member_find(place, name) >= 0;
        return WEFT_OK;
    }
    weft_status st = file_find(place, name, path);
    *has = st == WEFT_OK && path[0] != '\0';
    return st;
}

static weft_status member_open(const struct place *place, const char *name, struct npy *npy)
{
    zip_stat_t info;
    (void)snprintf(npy->name, sizeof npy->name, "%s: %s", place->where, name);
    zip_int64_t index = member_find(place, name);
    if (index < 0 || zip_stat_index(place->archive, (zip_uint64_t)index, 0, &info) != 0)
        return error_set(WEFT_ENOINPUT, "read %s: no such array", npy->name);
    if (!(info.valid & ZIP_STAT_SIZE) || !(info.valid & ZIP_STAT_COMP_SIZE) || info.size > FILE_LIMIT_BYTES
        || info.comp_size > FILE_LIMIT_BYTES)
        return error_set(WEFT_EDATA, "read %s: the archive says no size for it that a memory can hold", npy->name);
    if ((info.valid & ZIP_STAT_COMP_METHOD) && info.comp_method != ZIP_CM_STORE && info.comp_method != ZIP_CM_DEFLATE)
        return error_set(WEFT_EDATA, "read %s: packed by method %d, wanted 0 (stored) or 8 (deflated), as NumPy writes",
                         npy->name, info.comp_method);
    npy->member = zip_fopen_index(place->archive, (zip_uint64_t)index, 0);
    if (npy->member == NULL) {
        zip_error_t *error = zip_get_error(place->archive);
        return error_set(zip_status(zip_error_code_zip(error)), "read %s: %s", npy->name, zip_error_strerror(error));
    }
    npy->stored_bytes = (size_t)info.comp_size;
    npy->size_bytes = (size_t)info.size;
    return WEFT_OK;
}

static weft_status file_open(const struct place *place, const char *name, struct npy *npy)
{
    weft_status st = file_find(place, name, npy->path);
    if (st != WEFT_OK)
        return st;
    if (npy->path[0] == '\0')
        return error_set(WEFT_ENOINPUT, "read %s/%s.npy: no such file", place->where, name);
    (void)snprintf(npy->name, sizeof npy->name, "%s", npy->path);
    if ((st = file_reader_open(&npy->reader, npy->path, FILE_LIMIT_BYTES)) != WEFT_OK)
        return st;
    if ((st = unpack_open_file(&npy->file, &npy->reader)) != WEFT_OK) {
        file_reader_close(&npy->reader);
        return st;
    }
    npy->stored_bytes = npy->reader.size_bytes;
    npy->size_bytes = npy->file.packed || npy->reader.size_bytes == 0 ? SIZE_MAX : npy->reader.size_bytes;
    return WEFT_OK;
}

static void npy_free(struct npy *npy)
{
    if (npy->member != NULL) {
        (void)zip_fclose(npy->member);
    } else {
        unpack_close(&npy->file);
        file_reader_close(&npy->reader);
    }
    memory_free(npy);
}

static weft_status npy_open(void *file, const char *name, struct number_array *array)
{
    const struct place *place = file;
    struct npy *npy = memory_new(1, sizeof *npy);
    if (npy == NULL)
        return WEFT_ENOMEM;
    weft_status st = place->archive != NULL ? member_open(place, name, npy) : file_open(place, name, npy);
    if (st != WEFT_OK) {
        memory_free(npy);
        return st;
    }
    st = header_read(npy);
    array->rank = npy->header.rank;
    memcpy(array->dim, npy->header.dim, sizeof array->dim);
    if (st == WEFT_OK)
        st = size_check(npy, array);
    if (st != WEFT_OK) {
        npy_free(npy);
        return st;
    }
    array->name = npy->name;
    array->type = number_type_of(&npy->header.form);
    array->first_bytes = npy->stored_bytes != 0 ? npy->stored_bytes * FIRST_BYTES_PER_FILE_BYTE : PIPE_FIRST_BYTES;
    array->state = npy;
    return WEFT_OK;
}

static void npy_close(struct number_array *array)
{
    npy_free(array->state);
}

/* ---- What there is, for a message ---- */

/* Without the end. */
static weft_status list_add(struct names *names, const char *name)
{
    size_t length = strlen(name) - (ends_with(name, ".npy") ? 4 : ends_with(name, ".npy.gz") ? 7 : 0);
    return names_add(names, name, length);
}

static int in_order(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static weft_status list_directory(const char *path, struct names *names)
{
    weft_status st = WEFT_OK;
    DIR *directory = opendir(path);
    if (directory == NULL)
        return error_set(WEFT_ENOINPUT, "list %s: %s", path, strerror(errno));
    for (struct dirent *entry; st == WEFT_OK && names->count < LISTED_MAX && (entry = readdir(directory)) != NULL; )
        if (ends_with(entry->d_name, ".npy") || ends_with(entry->d_name, ".npy.gz"))
            st = list_add(names, entry->d_name);
    closedir(directory);
    return st;
}

static weft_status npy_list(void *file, struct names *names)
{
    const struct place *place = file;
    weft_status st = WEFT_OK;
    if (place->is_single)
        return names_add(names, "X", 1);
    if (place->archive == NULL)
        st = list_directory(place->where, names);
    for (zip_int64_t i = 0; place->archive != NULL && i < zip_get_num_entries(place->archive, 0) && i < LISTED_MAX; i++) {
        const char *name = zip_get_name(place->archive, (zip_uint64_t)i, 0);
        if (st == WEFT_OK && name != NULL)
            st = list_add(names, name);
    }
    if (st == WEFT_OK && names->count > 1)
        qsort(names->name, names->count, sizeof *names->name, in_order);
    return st;
}

/* ---- The whole ---- */

static weft_status archive_open(struct place *place)
{
    int code;
    place->archive = zip_open(place->where, ZIP_RDONLY, &code);
    if (place->archive != NULL)
        return WEFT_OK;
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    weft_status st = error_set(zip_status(code), "open npy:%s as an archive (.npz): %s", place->where,
                               zip_error_strerror(&error));
    zip_error_fini(&error);
    return st;
}

/* A directory, an archive or an array: by its first bytes. */
static weft_status place_open(struct place *place, const struct read_request *request)
{
    uint8_t byte[4] = {0};
    struct stat status;
    struct file_reader reader;
    size_t got;
    if (stat(request->where, &status) != 0)
        return error_set(WEFT_ENOINPUT, "open npy:%s: %s", request->where, strerror(errno));
    if (S_ISDIR(status.st_mode))
        return WEFT_OK;
    if (!S_ISREG(status.st_mode))
        return error_set(WEFT_ENOINPUT, "open npy:%s: it is neither a directory nor a file", request->where);
    weft_status st = file_reader_open(&reader, request->where, FILE_LIMIT_BYTES);
    if (st != WEFT_OK)
        return st;
    st = file_reader_read(&reader, byte, sizeof byte, &got);
    file_reader_close(&reader);
    if (st != WEFT_OK)
        return st;
    if (byte[0] == 'P' && byte[1] == 'K')
        return archive_open(place);
    place->is_single = true;
    if (memcmp(byte, MAGIC, sizeof byte) != 0 && !ends_with(request->where, ".npy") && !ends_with(request->where, ".npy.gz"))
        return error_set(WEFT_EDATA, "open npy:%s: neither an archive (.npz) nor an array (.npy): it begins with %02x %02x %02x"
                         " %02x", request->where, byte[0], byte[1], byte[2], byte[3]);
    if (request->target != TARGET_NOTHING)
        return error_set(WEFT_ENOINPUT, "read npy:%s: one array has no labels, wanted an archive (.npz) or a directory with"
                         " X.npy and y.npy", request->where);
    return WEFT_OK;
}

weft_status npy_read(const struct read_request *request, struct source *source)
{
    static const struct array_format format = {.kind = "npy", .has = npy_has, .list = npy_list, .open = npy_open,
                                               .read = npy_array_read, .close = npy_close};
    struct place place = {.where = request->where};
    weft_status st = place_open(&place, request);
    if (st == WEFT_OK)
        st = arrays_read(request, &format, &place, source);
    if (place.archive != NULL)
        zip_discard(place.archive);
    return st;
}
