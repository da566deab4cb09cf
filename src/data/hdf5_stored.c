/* See hdf5_stored.h. What a dataset says of its size is held against what is stored before memory is asked for. libhdf5 finds
 * the bytes; chunks are unpacked and numbers decoded by Weft (chunks.c, numbers.c), each chunk once, so that memory is the table
 * and a chunk. */
#include "data/hdf5_stored.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

enum {
    TILE_BYTES = 1 << 20,
    DEFLATE_MOST = 1032,                        /* bytes that one byte of zlib's may become */
    FIRST_BYTES_PER_FILE_BYTE = 8,
    FILL_BYTES = 16 << 20,                      /* of a dataset that nothing was written to, at most */
    FILL_CHUNKS = 1 << 16                       /* that were never written, at most */
};

/* ---- What a dataset is ---- */

static const char *class_name(H5T_class_t class)
{
    switch (class) {
    case H5T_TIME: return "times";
    case H5T_STRING: return "text";
    case H5T_BITFIELD: return "bit fields";
    case H5T_OPAQUE: return "opaque bytes";
    case H5T_COMPOUND: return "structures (or complex numbers)";
    case H5T_REFERENCE: return "references";
    case H5T_ENUM: return "names (an enumeration of no integers)";
    case H5T_VLEN: return "lists";
    case H5T_ARRAY: return "arrays";
    default: return "of a class unknown here";
    }
}

static bool has_usual_order(hid_t type, bool *is_big)
{
    H5T_order_t order = H5Tget_order(type);
    *is_big = order == H5T_ORDER_BE;
    return H5Tget_offset(type) == 0 && (*is_big || order == H5T_ORDER_LE);
}

/* Two's complement or unsigned, of 1, 2, 4 or 8 bytes, all of them used. */
static bool integer_form(hid_t type, struct number_form *form)
{
    size_t size = H5Tget_size(type);
    H5T_sign_t sign = H5Tget_sign(type);
    bool is_big;
    if (!has_usual_order(type, &is_big) || H5Tget_precision(type) != 8 * size || sign == H5T_SGN_ERROR)
        return false;
    *form = (struct number_form){sign == H5T_SGN_NONE ? KIND_UNSIGNED : KIND_INTEGER, size, is_big};
    return size == 1 || size == 2 || size == 4 || size == 8;
}

/* IEEE half, single, double, and bfloat16. */
static bool float_form(hid_t type, struct number_form *form)
{
    static const struct { enum number_kind kind; size_t size, sign, exponent, exponent_size, fraction_size, bias; } usual[] = {
        {KIND_FLOAT, 2, 15, 10, 5, 10, 15}, {KIND_BFLOAT, 2, 15, 7, 8, 7, 127}, {KIND_FLOAT, 4, 31, 23, 8, 23, 127},
        {KIND_FLOAT, 8, 63, 52, 11, 52, 1023}};
    size_t size = H5Tget_size(type), sign, exponent, exponent_size, fraction, fraction_size, bias = H5Tget_ebias(type);
    bool is_big;
    if (H5Tget_fields(type, &sign, &exponent, &exponent_size, &fraction, &fraction_size) < 0 || fraction != 0
        || H5Tget_norm(type) != H5T_NORM_IMPLIED || !has_usual_order(type, &is_big))
        return false;
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
        if (size == usual[i].size && sign == usual[i].sign && exponent == usual[i].exponent && bias == usual[i].bias
            && exponent_size == usual[i].exponent_size && fraction_size == usual[i].fraction_size) {
            *form = (struct number_form){usual[i].kind, size, is_big};
            return true;
        }
    return false;
}

/* An enumeration of integers (a bool of h5py) counts as its integers. */
static weft_status form_find(struct stored *d)
{
    hid_t base = H5I_INVALID_HID;
    H5T_class_t class = (d->type = H5Dget_type(d->dataset)) < 0 ? H5T_NO_CLASS : H5Tget_class(d->type);
    weft_status st = WEFT_OK;
    if (d->type < 0) {
        st = h5_failed(WEFT_EDATA, "read the type of %s", d->name);
    } else if (class == H5T_INTEGER || class == H5T_FLOAT) {
        if (!(class == H5T_INTEGER ? integer_form(d->type, &d->form) : float_form(d->type, &d->form)))
            st = error_set(WEFT_EDATA, "read %s: its numbers are of %zu bytes and an unusual form, wanted integers of 1 to 8"
                           " bytes or IEEE floats of 2, 4 or 8", d->name, H5Tget_size(d->type));
    } else if (class != H5T_ENUM || (base = H5Tget_super(d->type)) < 0 || H5Tget_class(base) != H5T_INTEGER
               || !integer_form(base, &d->form)) {
        st = error_set(WEFT_EDATA, "read %s: its elements are %s, wanted integers or floats", d->name, class_name(class));
    }
    return h5_close(base, st);
}

static weft_status shape_find(const struct stored *d, struct number_array *array)
{
    hid_t space = H5Dget_space(d->dataset);
    H5S_class_t class = space < 0 ? H5S_NO_CLASS : H5Sget_simple_extent_type(space);
    int rank = class == H5S_SCALAR ? 0 : class == H5S_SIMPLE ? H5Sget_simple_extent_ndims(space) : -1;
    hsize_t extent[H5S_MAX_RANK];
    weft_status st = WEFT_OK;
    if (rank < 0 || rank > NUMBERS_RANK_MAX)
        st = error_set(WEFT_EDATA, "read %s: it has no shape", d->name);
    else if (rank > 0 && H5Sget_simple_extent_dims(space, extent, NULL) < 0)
        st = h5_failed(WEFT_EDATA, "read the shape of %s", d->name);
    for (int i = 0; st == WEFT_OK && i < rank; i++)
        array->dim[i] = (size_t)extent[i];
    array->rank = rank < 0 ? 0 : (size_t)rank;
    return h5_close(space, st);
}

static weft_status filters_find(struct stored *d)
{
    static const struct { H5Z_filter_t id; enum chunk_filter filter; } known[] = {
        {H5Z_FILTER_DEFLATE, CHUNK_GZIP}, {H5Z_FILTER_SHUFFLE, CHUNK_SHUFFLE}, {H5Z_FILTER_FLETCHER32, CHUNK_FLETCHER32}};
    int count = H5Pget_nfilters(d->plan);
    for (int i = 0; i < count && i < CHUNK_FILTERS_MAX; i++) {
        unsigned flags, configuration, value[1] = {0};
        size_t values = 1, k = 0;
        char name[64] = "";
        H5Z_filter_t id = H5Pget_filter2(d->plan, (unsigned)i, &flags, &values, value, sizeof name - 1, name, &configuration);
        if (id < 0)
            return h5_failed(WEFT_EDATA, "read the filters of %s", d->name);
        while (k < 3 && known[k].id != id)
            k++;
        if (k == 3)
            return error_set(WEFT_EDATA, "read %s: it is packed by filter %d (%s), wanted gzip, shuffle or fletcher32; h5repack"
                             " -f GZIP=4 makes a copy", d->name, (int)id, name);
        d->chunk_form.filter[i] = known[k].filter;
        d->chunk_form.element_bytes[i] = values > 0 && value[0] > 0 ? value[0] : 1;
    }
    if (count < 0)
        return h5_failed(WEFT_EDATA, "read the filters of %s", d->name);
    if (count > CHUNK_FILTERS_MAX)
        return error_set(WEFT_EDATA, "read %s: it is packed by %d filters, at most %d wanted", d->name, count, CHUNK_FILTERS_MAX);
    d->chunk_form.filters = (size_t)count;
    return WEFT_OK;
}

/* At most what zlib can make of the bytes that are stored; or what is filled without any. */
static bool is_plausible(const struct stored *d, size_t size_bytes)
{
    return size_bytes <= FILL_BYTES || size_bytes / DEFLATE_MOST <= d->stored_bytes;
}

/* Every chunk is looked for, and unpacked or filled as a whole, whatever part of it the shape has. One that is stored takes a byte
 * or more. */
static weft_status chunks_count(const struct stored *d, const struct number_array *array)
{
    struct number_array chunks = {.rank = array->rank};
    for (size_t i = 0; i < array->rank; i++)
        chunks.dim[i] = array->dim[i] / (size_t)d->chunk[i] + (array->dim[i] % d->chunk[i] != 0);
    size_t count = array_size_bytes(&chunks, 0, 1), bytes = array_size_bytes(&chunks, 0, d->chunk_form.size_bytes);
    if (count > FILL_CHUNKS && count - FILL_CHUNKS > d->stored_bytes)
        return error_set(WEFT_EDATA, "read %s: its shape takes %zu chunks, but %zu bytes are stored", d->name, count, d->stored_bytes);
    if (!is_plausible(d, bytes))
        return error_set(WEFT_EDATA, "read %s: its chunks take %zu bytes, but %zu are stored", d->name, bytes, d->stored_bytes);
    return WEFT_OK;
}

static weft_status chunks_find(struct stored *d, const struct number_array *array)
{
    struct number_array chunk = {.rank = array->rank};
    int rank = H5Pget_chunk(d->plan, (int)array->rank, d->chunk);
    if (rank < 0)
        return h5_failed(WEFT_EDATA, "read the chunks of %s", d->name);
    if (rank != (int)array->rank)
        return error_set(WEFT_EDATA, "read %s: its chunks have rank %d, its shape %zu", d->name, rank, array->rank);
    for (size_t i = 0; i < array->rank; i++)
        if ((chunk.dim[i] = (size_t)d->chunk[i]) == 0)
            return error_set(WEFT_EDATA, "read %s: a chunk has length 0", d->name);
    d->chunk_form.size_bytes = array_size_bytes(&chunk, 0, d->form.size_bytes);
    if (d->chunk_form.size_bytes > UINT32_MAX || !is_plausible(d, d->chunk_form.size_bytes))
        return error_set(WEFT_EDATA, "read %s: a chunk takes %zu bytes, but %zu are stored", d->name, d->chunk_form.size_bytes,
                         d->stored_bytes);
    weft_status st = chunks_count(d, array);
    if (st == WEFT_OK)
        st = filters_find(d);
    if (st == WEFT_OK && d->chunk_form.filters == 0 && d->stored_bytes % d->chunk_form.size_bytes != 0)
        return error_set(WEFT_EDATA, "read %s: %zu bytes are stored, which is no number of chunks of %zu", d->name,
                         d->stored_bytes, d->chunk_form.size_bytes);
    return st;
}

/* The data lie in this file, as they are or in chunks; no memory before it is known to hold numbers in proportion. */
static weft_status layout_find(struct stored *d, const struct number_array *array)
{
    size_t said = array_size_bytes(array, 0, d->form.size_bytes);
    H5D_layout_t layout = (d->plan = H5Dget_create_plist(d->dataset)) < 0 ? H5D_LAYOUT_ERROR : H5Pget_layout(d->plan);
    if (layout == H5D_LAYOUT_ERROR)
        return h5_failed(WEFT_EDATA, "read the layout of %s", d->name);
    if (layout != H5D_CONTIGUOUS && layout != H5D_COMPACT && layout != H5D_CHUNKED)
        return error_set(WEFT_EDATA, "read %s: it is a view of data elsewhere (a virtual dataset), wanted the data themselves",
                         d->name);
    if (H5Pget_external_count(d->plan) != 0)
        return error_set(WEFT_EDATA, "read %s: its data lie in another file", d->name);
    d->is_chunked = layout == H5D_CHUNKED;
    d->stored_bytes = (size_t)H5Dget_storage_size(d->dataset);
    if (d->stored_bytes > d->file_bytes)
        return error_set(WEFT_EDATA, "read %s: it says that %zu bytes are stored, more than the file has", d->name,
                         d->stored_bytes);
    bool is_unwritten = layout != H5D_COMPACT && d->stored_bytes == 0;
    if (!is_plausible(d, said) || (!d->is_chunked && !is_unwritten && said != d->stored_bytes))
        return error_set(WEFT_EDATA, "read %s: its shape takes %zu bytes%s, but %zu are stored", d->name, said,
                         said == SIZE_MAX ? " or more" : "", d->stored_bytes);
    return d->is_chunked ? chunks_find(d, array) : WEFT_OK;
}

weft_status stored_open(struct stored *d, struct number_array *array)
{
    weft_status st = form_find(d);
    if (st == WEFT_OK)
        st = shape_find(d, array);
    if (st == WEFT_OK)
        st = layout_find(d, array);
    array->type = number_type_of(&d->form);
    array->first_bytes = d->stored_bytes * FIRST_BYTES_PER_FILE_BYTE;
    return st;
}

void stored_close(struct stored *d)
{
    (void)h5_close(d->plan, WEFT_EDATA);
    (void)h5_close(d->type, WEFT_EDATA);
    (void)h5_close(d->dataset, WEFT_EDATA);
}

/* ---- Numbers without chunks ---- */

static weft_status slab_read(const struct stored *d, const struct number_array *array, const hsize_t *start, const hsize_t *count,
                             hid_t file_space, void *out)
{
    hsize_t elements = 1;
    for (size_t i = 0; i < array->rank; i++)
        elements *= count[i];
    hid_t memory_space = H5Screate_simple(1, &elements, NULL);
    weft_status st = WEFT_OK;
    if (memory_space < 0 || H5Sselect_hyperslab(file_space, H5S_SELECT_SET, start, NULL, count, NULL) < 0
        || H5Dread(d->dataset, d->type, memory_space, file_space, H5P_DEFAULT, out) < 0)
        st = h5_failed(WEFT_EDATA, "read %s, from row %llu on", d->name, (unsigned long long)start[0]);
    return h5_close(memory_space, st);
}

static size_t within(size_t least, size_t x, size_t most)
{
    x = x > least ? x : least;
    return x < most ? x : most;
}

/* Tiles are whole rows, or of one row a part of the second dimension and all of the others. */
static weft_status slabs_read(const struct stored *d, const struct number_array *array, hid_t file_space, number_visit *visit,
                              void *context)
{
    size_t rows = array->dim[0], columns = array->rank > 1 ? array->dim[1] : 1, inner = array_size_bytes(array, 2, 1);
    size_t wanted = TILE_BYTES / d->form.size_bytes / inner, columns_at_once = within(1, wanted, columns);
    size_t rows_at_once = columns_at_once < columns ? 1 : within(1, wanted / columns, rows);
    size_t elements = rows_at_once * columns_at_once * inner;
    void *raw = memory_reserve(elements, 8), *number = memory_reserve(elements, 8);
    weft_status st = raw != NULL && number != NULL ? WEFT_OK : WEFT_ENOMEM;
    for (size_t row = 0; row < rows && st == WEFT_OK; row += rows_at_once)
        for (size_t column = 0; column < columns && st == WEFT_OK; column += columns_at_once) {
            hsize_t start[NUMBERS_RANK_MAX] = {row, column}, count[NUMBERS_RANK_MAX];
            struct number_tile tile = {.row = row, .rows = within(0, rows_at_once, rows - row), .column = column * inner,
                                       .columns = within(0, columns_at_once, columns - column) * inner};
            tile.stride = tile.columns;
            count[0] = tile.rows;
            count[1] = tile.columns / inner;
            for (size_t i = 2; i < array->rank; i++)
                count[i] = array->dim[i];
            if ((st = slab_read(d, array, start, count, file_space, raw)) != WEFT_OK)
                break;
            tile.number = numbers_decode(&d->form, raw, tile.rows * tile.columns, number);
            st = visit(context, &tile);
        }
    memory_free(raw);
    memory_free(number);
    return st;
}

/* ---- Numbers in chunks ---- */

struct chunk_walk {
    const struct stored *d;
    const struct number_array *array;
    struct chunk_unpacker unpacker;
    hsize_t start[NUMBERS_RANK_MAX];            /* of the present chunk */
    uint8_t *packed;
    size_t packed_bytes;                        /* room for them */
    void *number;
};

/* What the present chunk has of the array: less than its size at the array's ends. */
static void chunk_extent(const struct chunk_walk *w, hsize_t there[NUMBERS_RANK_MAX])
{
    for (size_t i = 0; i < w->array->rank; i++) {
        hsize_t left = w->array->dim[i] - w->start[i];
        there[i] = w->d->chunk[i] < left ? w->d->chunk[i] : left;
    }
}

static herr_t find_unallocated(unsigned depth, const H5E_error2_t *entry, void *found)
{
    (void)depth;
    if (entry->desc != NULL && strcmp(entry->desc, "chunk storage is not allocated") == 0)
        *(bool *)found = true;
    return 0;
}

/* How many bytes of the chunk are stored; none of one that was never written, which 1.10 calls a failure. */
static weft_status chunk_size(const struct chunk_walk *w, hsize_t *size_bytes)
{
    const struct stored *d = w->d;
    bool is_unallocated = false;
    *size_bytes = 0;
    if (H5Dget_chunk_storage_size(d->dataset, w->start, size_bytes) < 0) {
        *size_bytes = 0;
        H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, find_unallocated, &is_unallocated);
        if (!is_unallocated)
            return h5_failed(WEFT_EDATA, "read %s: the chunk at row %llu", d->name, (unsigned long long)w->start[0]);
        H5Eclear2(H5E_DEFAULT);
    }
    if (*size_bytes > d->stored_bytes)
        return error_set(WEFT_EDATA, "read %s: the chunk at row %llu says that it has %llu bytes, all have %zu", d->name,
                         (unsigned long long)w->start[0], (unsigned long long)*size_bytes, d->stored_bytes);
    return WEFT_OK;
}

/* As it is stored, in w->packed. Without filters, 1.10 reads as many bytes as are noted with the chunk and yet says that they
 * are those of a chunk: there is room then for all that any could have, of which a sound file touches the beginning; and what
 * an unsound one has less is 0. */
static weft_status chunk_fetch(struct chunk_walk *w, size_t size_bytes, uint32_t *skipped)
{
    const struct stored *d = w->d;
    size_t room_bytes = d->chunk_form.filters == 0 ? d->stored_bytes : size_bytes;
    if (room_bytes > w->packed_bytes) {
        memory_free(w->packed);
        w->packed_bytes = 0;
        if ((w->packed = memory_reserve(room_bytes, 1)) == NULL)
            return WEFT_ENOMEM;
        w->packed_bytes = room_bytes;
    }
    if (d->chunk_form.filters == 0)
        memset(w->packed, 0, size_bytes);
    if (H5Dread_chunk(d->dataset, H5P_DEFAULT, w->start, skipped, w->packed) < 0)
        return h5_failed(WEFT_EDATA, "read %s: the chunk at row %llu", d->name, (unsigned long long)w->start[0]);
    return WEFT_OK;
}

/* What a chunk is read as that was never written. */
static weft_status chunk_fill(const struct chunk_walk *w, uint8_t *out)
{
    const struct stored *d = w->d;
    H5D_fill_value_t defined;
    uint8_t value[8] = {0};
    if (H5Pfill_value_defined(d->plan, &defined) < 0
        || (defined != H5D_FILL_VALUE_UNDEFINED && H5Pget_fill_value(d->plan, d->type, value) < 0))
        return h5_failed(WEFT_EDATA, "read the fill value of %s", d->name);
    for (size_t i = 0; i < d->chunk_form.size_bytes; i++)
        out[i] = value[i % d->form.size_bytes];
    return WEFT_OK;
}

/* As numbers of a file, in *raw. */
static weft_status chunk_unpacked(struct chunk_walk *w, uint8_t **raw)
{
    hsize_t size_bytes;
    uint32_t skipped = 0;
    *raw = w->unpacker.buffer[0];
    weft_status st = chunk_size(w, &size_bytes);
    if (st == WEFT_OK && size_bytes == 0)
        return chunk_fill(w, *raw);
    if (st == WEFT_OK)
        st = chunk_fetch(w, (size_t)size_bytes, &skipped);
    return st == WEFT_OK ? chunk_unpack(&w->unpacker, w->packed, (size_t)size_bytes, skipped, raw) : st;
}

/* The tiles of a chunk. The dimensions behind number `run` are whole in it, so what it has of that one and those is one run of
 * columns; of the dimensions between the first and that one, each place has a run of its own. */
static weft_status chunk_visit(struct chunk_walk *w, const void *number, number_visit *visit, void *context)
{
    const size_t rank = w->array->rank, *dim = w->array->dim;
    const hsize_t *chunk = w->d->chunk;
    size_t run = rank - 1, inner = 1, stride = 1, place[NUMBERS_RANK_MAX] = {0};
    hsize_t there[NUMBERS_RANK_MAX];
    chunk_extent(w, there);
    for (size_t i = 1; i < rank; i++)
        stride *= (size_t)chunk[i];
    while (run > 1 && chunk[run] == dim[run])
        inner *= dim[run--];
    for (;;) {
        size_t from = 0, column = 0;
        for (size_t i = 1; i <= run; i++) {                     /* row-major, in the chunk and in the row */
            from = from * (size_t)chunk[i] + place[i];
            column = column * dim[i] + (size_t)w->start[i] + place[i];
        }
        struct number_tile tile = {.row = (size_t)w->start[0], .rows = (size_t)there[0], .column = column * inner,
                                   .columns = (run > 0 ? (size_t)there[run] : 1) * inner, .stride = stride,
                                   .number = (const char *)number + from * inner * number_size_bytes(w->array->type)};
        weft_status st = visit(context, &tile);
        if (st != WEFT_OK)
            return st;
        size_t i = run;
        while (i > 1 && ++place[i - 1] == there[i - 1])
            place[--i] = 0;
        if (i <= 1)
            return WEFT_OK;
    }
}

static weft_status chunk_read(struct chunk_walk *w, number_visit *visit, void *context)
{
    const struct stored *d = w->d;
    uint8_t *raw;
    weft_status st = chunk_unpacked(w, &raw);
    if (st != WEFT_OK)
        return st;
    size_t numbers = d->chunk_form.size_bytes / d->form.size_bytes;
    return chunk_visit(w, numbers_decode(&d->form, raw, numbers, w->number), visit, context);
}

/* To the next chunk in row-major order; false behind the last. */
static bool chunk_next(struct chunk_walk *w)
{
    for (size_t i = w->array->rank; i-- > 0;) {
        w->start[i] += w->d->chunk[i];
        if (w->start[i] < w->array->dim[i])
            return true;
        w->start[i] = 0;
    }
    return false;
}

static weft_status chunks_read(const struct stored *d, const struct number_array *array, number_visit *visit, void *context)
{
    struct chunk_walk w = {.d = d, .array = array};
    weft_status st = chunk_unpacker_open(&w.unpacker, d->name, &d->chunk_form);
    if (st != WEFT_OK)
        return st;
    w.number = memory_reserve(d->chunk_form.size_bytes / d->form.size_bytes, number_size_bytes(array->type));
    st = w.number != NULL ? WEFT_OK : WEFT_ENOMEM;
    do
        st = st == WEFT_OK ? chunk_read(&w, visit, context) : st;
    while (st == WEFT_OK && chunk_next(&w));
    chunk_unpacker_close(&w.unpacker);
    memory_free(w.packed);
    memory_free(w.number);
    return st;
}

weft_status stored_read(const struct stored *d, const struct number_array *array, number_visit *visit, void *context)
{
    if (d->is_chunked)
        return chunks_read(d, array, visit, context);
    hid_t file_space = H5Dget_space(d->dataset);
    if (file_space < 0)
        return h5_failed(WEFT_EDATA, "read the shape of %s", d->name);
    return h5_close(file_space, slabs_read(d, array, file_space, visit, context));
}
