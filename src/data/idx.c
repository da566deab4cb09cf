/* IDX, the format of the MNIST family. The elements come straight from the file, or from zlib, to the place where they stay;
 * the same from memory, so that a fuzzer needs no files. The dimensions in a header are a claim: memory for the elements starts
 * in proportion to the file and grows only as elements really arrive. */
#include "data/idx.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file_reader.h"
#include "base/memory.h"
#include "data/readers.h"
#include "data/unpack.h"
#include "data/uri.h"

enum { TYPE_U8 = 0x08, FIRST_BYTES_PER_FILE_BYTE = 8, PIPE_FIRST_BYTES = 1 << 20, NAMES_PER_FILE = 4 };

#define OTHER_NAMES " (nor with .gz, nor with '.' before idx)"
static const size_t FILE_LIMIT_BYTES = (size_t)1 << 36;

/* ---- One array ---- */

static uint32_t big_endian(const uint8_t byte[4])
{
    return (uint32_t)byte[0] << 24 | (uint32_t)byte[1] << 16 | (uint32_t)byte[2] << 8 | byte[3];
}

static weft_status magic_check(const char *name, const uint8_t magic[4], size_t rank_min, size_t rank_max)
{
    if (magic[0] == 0 && magic[1] == 0 && magic[2] == TYPE_U8 && magic[3] >= rank_min && magic[3] <= rank_max)
        return WEFT_OK;
    if (rank_min == rank_max)
        return error_set(WEFT_EDATA, "read IDX file %s: it begins with %02x %02x %02x %02x, wanted 00 00 08 %02zx (unsigned"
                         " bytes, rank %zu)", name, magic[0], magic[1], magic[2], magic[3], rank_min, rank_min);
    return error_set(WEFT_EDATA, "read IDX file %s: it begins with %02x %02x %02x %02x, wanted 00 00 08 %02zx to %02zx"
                     " (unsigned bytes, rank %zu to %zu)", name, magic[0], magic[1], magic[2], magic[3], rank_min, rank_max,
                     rank_min, rank_max);
}

static weft_status header_read(struct unpacker *file, size_t rank_min, size_t rank_max, struct idx_array *array)
{
    uint8_t byte[IDX_HEADER_BYTES_MAX];
    size_t got;
    weft_status st = unpack_read(file, byte, 4, &got);
    if (st != WEFT_OK)
        return st;
    if (got < 4)
        return error_set(WEFT_EDATA, "read IDX file %s: it has %zu bytes, wanted at least a header of %zu", file->name, got,
                         4 + 4 * rank_min);
    if ((st = magic_check(file->name, byte, rank_min, rank_max)) != WEFT_OK)
        return st;
    array->rank = byte[3];
    if ((st = unpack_read(file, byte + 4, 4 * array->rank, &got)) != WEFT_OK)
        return st;
    if (got < 4 * array->rank)
        return error_set(WEFT_EDATA, "read IDX file %s: the header ends at byte %zu of %zu", file->name, 4 + got,
                         4 + 4 * array->rank);
    array->size_bytes = 1;
    for (size_t i = 0; i < array->rank; i++) {
        array->dim[i] = big_endian(byte + 4 + 4 * i);
        if (array->dim[i] == 0)
            return error_set(WEFT_EDATA, "read IDX file %s: dimension %zu at byte %zu is 0, wanted at least 1", file->name,
                             i + 1, 4 + 4 * i);
        if (__builtin_mul_overflow(array->size_bytes, array->dim[i], &array->size_bytes) ||
            array->size_bytes > SIZE_MAX / 4)           /* room for every later sum */
            return error_set(WEFT_EDATA, "read IDX file %s: the product of the dimensions up to number %zu (%zu) is beyond"
                             " any memory", file->name, i + 1, array->dim[i]);
    }
    return WEFT_OK;
}

/* first_bytes: of memory to begin with, if the header says that there is so much. */
static weft_status values_read(struct unpacker *file, size_t first_bytes, struct idx_array *array)
{
    size_t capacity = first_bytes < array->size_bytes ? first_bytes : array->size_bytes, filled = 0, got = 0;
    array->value = memory_reserve(capacity, 1);
    if (array->value == NULL)
        return WEFT_ENOMEM;
    for (;;) {
        weft_status st = unpack_read(file, array->value + filled, capacity - filled, &got);
        if (st != WEFT_OK)
            return st;
        filled += got;
        if (filled < capacity)
            return error_set(WEFT_EDATA, "read IDX file %s: it ends after %zu of the %zu bytes of data that its header says",
                             file->name, filled, array->size_bytes);
        if (filled == array->size_bytes)
            return WEFT_OK;
        size_t larger = capacity * 2 < array->size_bytes ? capacity * 2 : array->size_bytes;
        uint8_t *grown = memory_grow(array->value, capacity, larger, 1);
        if (grown == NULL)
            return WEFT_ENOMEM;
        array->value = grown;
        capacity = larger;
    }
}

/* The read that finds nothing also makes zlib check the sum at the end of the gzip data. */
static weft_status end_check(struct unpacker *file, const struct idx_array *array)
{
    uint8_t more;
    size_t got;
    weft_status st = unpack_read(file, &more, 1, &got);
    if (st != WEFT_OK || got == 0)
        return st;
    return error_set(WEFT_EDATA, "read IDX file %s: it goes on behind byte %zu, where its header says it ends", file->name,
                     4 + 4 * array->rank + array->size_bytes);
}

/* Takes the unpacker over. On failure *array is all zero. */
static weft_status array_read(struct unpacker *file, size_t first_bytes, size_t rank_min, size_t rank_max,
                              struct idx_array *array)
{
    assert(rank_min >= 1 && rank_min <= rank_max && rank_max <= IDX_RANK_MAX);
    weft_status st = header_read(file, rank_min, rank_max, array);
    if (st == WEFT_OK)
        st = values_read(file, first_bytes, array);
    if (st == WEFT_OK)
        st = end_check(file, array);
    unpack_close(file);
    if (st != WEFT_OK) {
        memory_free(array->value);
        *array = (struct idx_array){0};
    }
    return st;
}

weft_status idx_decode(const char *name, const void *bytes, size_t size_bytes, size_t rank_min, size_t rank_max,
                       struct idx_array *array)
{
    struct unpacker file;
    *array = (struct idx_array){0};
    weft_status st = unpack_open(&file, name, bytes, size_bytes);
    return st == WEFT_OK ? array_read(&file, size_bytes * FIRST_BYTES_PER_FILE_BYTE, rank_min, rank_max, array) : st;
}

size_t idx_header(size_t rank, const size_t *dim, uint8_t *header)
{
    assert(rank >= 1 && rank <= IDX_RANK_MAX);
    const uint8_t magic[4] = {0, 0, TYPE_U8, (uint8_t)rank};
    memcpy(header, magic, sizeof magic);
    for (size_t i = 0; i < rank; i++)
        for (size_t k = 0; k < 4; k++)
            header[4 + 4 * i + k] = (uint8_t)(dim[i] >> (24 - 8 * k));
    return 4 + 4 * rank;
}

/* ---- The four files of a directory ---- */

static weft_status file_decode(const char *path, size_t rank_min, size_t rank_max, struct idx_array *array)
{
    struct file_reader reader;
    struct unpacker file;
    weft_status st = file_reader_open(&reader, path, FILE_LIMIT_BYTES);
    if (st != WEFT_OK)
        return st;
    size_t first_bytes = reader.size_bytes != 0 ? reader.size_bytes * FIRST_BYTES_PER_FILE_BYTE : PIPE_FIRST_BYTES;
    if ((st = unpack_open_file(&file, &reader)) == WEFT_OK)
        st = array_read(&file, first_bytes, rank_min, rank_max, array);
    file_reader_close(&reader);
    return st;
}

/* The first of a file's names that is there, in path; "" if none is. part: "train-images", rank its usual rank. */
static weft_status file_find(const char *directory, const char *part, int rank, char path[PATH_MAX])
{
    static const char *const form[NAMES_PER_FILE] = {
        "%s/%s-idx%d-ubyte", "%s/%s-idx%d-ubyte.gz", "%s/%s.idx%d-ubyte", "%s/%s.idx%d-ubyte.gz"};
    for (size_t i = 0; i < NAMES_PER_FILE; i++) {
        struct stat status;
        int length = snprintf(path, PATH_MAX, form[i], directory, part, rank);
        if (length < 0 || length >= PATH_MAX)
            return error_set(WEFT_ENOINPUT, "find %s: its path would be longer than %d bytes: %s", part, PATH_MAX - 1,
                             directory);
        if (stat(path, &status) == 0)
            return WEFT_OK;
        if (errno != ENOENT)
            return error_set(WEFT_ENOINPUT, "find %s: %s", path, strerror(errno));
    }
    path[0] = '\0';
    return WEFT_OK;
}

static weft_status labels_fill(const char *path, const char *image_path, size_t rows, struct table *table)
{
    struct idx_array label = {0};
    weft_status st = file_decode(path, 1, 1, &label);
    if (st == WEFT_OK && label.dim[0] != rows)
        st = error_set(WEFT_EDATA, "read labels %s: %zu rows, but %s has %zu", path, label.dim[0], image_path, rows);
    if (st == WEFT_OK && (table->label = memory_new(rows, sizeof *table->label)) == NULL)
        st = WEFT_ENOMEM;
    for (size_t i = 0; i < rows && st == WEFT_OK; i++)
        table->label[i] = label.value[i];
    memory_free(label.value);
    return st;
}

/* label_path NULL: no labels. */
static weft_status table_fill(const char *image_path, const char *label_path, struct table *table)
{
    struct idx_array image = {0};
    weft_status st = file_decode(image_path, 2, 3, &image);
    if (st == WEFT_OK && label_path != NULL)
        st = labels_fill(label_path, image_path, image.dim[0], table);
    if (st != WEFT_OK) {
        memory_free(image.value);
        return st;
    }
    table->count = image.dim[0];
    table->features = image.size_bytes / image.dim[0];
    if (image.rank == 3) {
        table->height = image.dim[1];
        table->width = image.dim[2];
        table->channels = 1;
    }
    table->pixel = image.value;
    return WEFT_OK;
}

/* set: "train" or "t10k". A set of which neither file is there leaves the table empty. */
static weft_status set_read(const char *directory, const char *set, bool needs_labels, struct table *table)
{
    char part[32], image_path[PATH_MAX], label_path[PATH_MAX];
    weft_status st;
    (void)snprintf(part, sizeof part, "%s-images", set);
    if ((st = file_find(directory, part, 3, image_path)) != WEFT_OK)
        return st;
    (void)snprintf(part, sizeof part, "%s-labels", set);
    if ((st = file_find(directory, part, 1, label_path)) != WEFT_OK)
        return st;
    if (image_path[0] == '\0' && (label_path[0] == '\0' || !needs_labels))
        return WEFT_OK;
    if (!needs_labels)
        return table_fill(image_path, NULL, table);
    if (image_path[0] == '\0')
        return error_set(WEFT_ENOINPUT, "read IDX data in %s: %s is there, but no %s-images-idx3-ubyte" OTHER_NAMES,
                         directory, label_path, set);
    if (label_path[0] == '\0')
        return error_set(WEFT_ENOINPUT, "read IDX data in %s: %s is there, but no %s-labels-idx1-ubyte" OTHER_NAMES,
                         directory, image_path, set);
    return table_fill(image_path, label_path, table);
}

weft_status idx_read(const struct read_request *request, struct source *source)
{
    bool needs_labels = request->target != TARGET_NOTHING;
    weft_status st = uri_options_read("idx", request->options, NULL, 0);
    if (st == WEFT_OK)
        st = set_read(request->where, "train", needs_labels, &source->train);
    if (st == WEFT_OK && source->train.count == 0 && needs_labels)
        st = error_set(WEFT_ENOINPUT, "read IDX data in %s: no train-images-idx3-ubyte and train-labels-idx1-ubyte" OTHER_NAMES,
                       request->where);
    if (st == WEFT_OK)
        st = set_read(request->where, "t10k", needs_labels, &source->test);
    if (st == WEFT_OK && source->train.count == 0 && source->test.count == 0)
        st = error_set(WEFT_ENOINPUT, "read IDX data in %s: no train-images-idx3-ubyte and no t10k-images-idx3-ubyte" OTHER_NAMES,
                       request->where);
    if (st != WEFT_OK)
        source_free(source);
    return st;
}
