/* CIFAR-10 and CIFAR-100, the binary version: records of one or two label bytes and 3072 pixels, red, green and blue plane, no
 * header. The planes stay as they are: so are the rows of a table, and so are pictures of weights drawn. */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file_reader.h"
#include "base/memory.h"
#include "base/text.h"
#include "data/readers.h"
#include "data/unpack.h"
#include "data/uri.h"

enum {
    SIDE = 32, CHANNELS = 3, FEATURES = CHANNELS * SIDE * SIDE,
    LABELS_MAX = 2,                             /* bytes in a record */
    BLOCK_RECORDS = 64,
    FIRST_BYTES_PER_FILE_BYTE = 8,
    TRAIN_FILES_MAX = 5,
    NAMES_LIMIT_BYTES = 1 << 16
};

static const size_t FILE_LIMIT_BYTES = (size_t)1 << 36;

struct form {
    const char *kind;                           /* of the URI */
    size_t label_bytes, label_at;               /* of a record; which of them is the class */
    size_t classes[LABELS_MAX];                 /* that each of them counts */
    size_t usual_records;                       /* of a training file */
    const char *train_file[TRAIN_FILES_MAX];
    size_t train_files;
    const char *test_file, *names_file;
    const char *const *usual_name;              /* of the classes, if there is no such file; NULL: none */
};

static size_t record_bytes(const struct form *form)
{
    return form->label_bytes + FEATURES;
}

/* ---- One file ---- */

/* Rows being collected from several files. */
struct collecting {
    const struct form *form;
    bool needs_labels;
    struct table *table;
    size_t capacity;                            /* rows that there is memory for */
};

static weft_status make_room(struct collecting *c, size_t rows)
{
    struct table *table = c->table;
    if (rows <= c->capacity)
        return WEFT_OK;
    size_t larger = 2 * c->capacity > rows ? 2 * c->capacity : rows;
    uint8_t *pixel = table->pixel == NULL ? memory_reserve(larger, FEATURES)
                                          : memory_grow(table->pixel, table->count, larger, FEATURES);
    if (pixel == NULL)
        return WEFT_ENOMEM;
    table->pixel = pixel;
    if (c->needs_labels) {
        int32_t *label = memory_grow(table->label, table->count, larger, sizeof *label);
        if (label == NULL)
            return WEFT_ENOMEM;
        table->label = label;
    }
    c->capacity = larger;
    return WEFT_OK;
}

static weft_status labels_check(const struct form *form, const char *path, size_t number, const uint8_t *record)
{
    for (size_t k = 0; k < form->label_bytes; k++)
        if (record[k] >= form->classes[k])
            return error_set(WEFT_EDATA, "read %s file %s: %s of record %zu is %u, wanted 0 to %zu", form->kind, path,
                             form->label_bytes == 1 ? "the label" : k == 0 ? "the coarse label" : "the fine label", number,
                             record[k], form->classes[k] - 1);
    return WEFT_OK;
}

/* first: the number of the first of these records in its file. */
static weft_status records_take(struct collecting *c, const char *path, size_t first, const uint8_t *record, size_t count)
{
    struct table *table = c->table;
    if (count > UINT32_MAX - table->count)
        return error_set(WEFT_EDATA, "read %s file %s: more than 4294967295 records", c->form->kind, path);
    weft_status st = make_room(c, table->count + count);
    for (size_t i = 0; i < count && st == WEFT_OK; i++, record += record_bytes(c->form)) {
        if (c->needs_labels) {
            st = labels_check(c->form, path, first + i, record);
            table->label[table->count] = record[c->form->label_at];
        }
        memcpy(table->pixel + table->count * FEATURES, record + c->form->label_bytes, FEATURES);
        table->count++;
    }
    return st;
}

static weft_status records_read(struct collecting *c, struct unpacker *file)
{
    size_t size = record_bytes(c->form), wanted = BLOCK_RECORDS * size, total = 0, got = wanted;
    uint8_t *block = memory_reserve(wanted, 1);
    weft_status st = block != NULL ? WEFT_OK : WEFT_ENOMEM;
    while (st == WEFT_OK && got == wanted) {
        st = unpack_read(file, block, wanted, &got);
        if (st == WEFT_OK)
            st = records_take(c, file->name, total / size, block, got / size);
        total += got;
    }
    memory_free(block);
    if (st == WEFT_OK && (total == 0 || total % size != 0))
        st = error_set(WEFT_EDATA, "read %s file %s: it has %zu bytes%s, wanted records of %zu bytes, one or more", c->form->kind,
                       file->name, total, file->packed ? " unpacked" : "", size);
    return st;
}

static weft_status file_take(struct collecting *c, const char *path)
{
    struct file_reader reader;
    struct unpacker file;
    weft_status st = file_reader_open(&reader, path, FILE_LIMIT_BYTES);
    if (st != WEFT_OK)
        return st;
    if ((st = unpack_open_file(&file, &reader)) == WEFT_OK) {
        st = records_read(c, &file);
        unpack_close(&file);
    }
    file_reader_close(&reader);
    return st;
}

/* ---- The files of a directory ---- */

/* name, or name.gz, in path; "" if neither is there. *status is that of the file. */
static weft_status file_find(const char *directory, const char *name, char path[PATH_MAX], struct stat *status)
{
    static const char *const end[] = {"", ".gz"};
    for (size_t i = 0; i < 2; i++) {
        int length = snprintf(path, PATH_MAX, "%s/%s%s", directory, name, end[i]);
        if (length < 0 || length >= PATH_MAX)
            return error_set(WEFT_ENOINPUT, "find %s: its path would be longer than %d bytes: %s", name, PATH_MAX - 1, directory);
        if (stat(path, status) == 0)
            return WEFT_OK;
        if (errno != ENOENT)
            return error_set(WEFT_ENOINPUT, "find %s: %s", path, strerror(errno));
    }
    path[0] = '\0';
    return WEFT_OK;
}

/* How many records a file likely has; memory for so many is asked for before the first is read. */
static size_t records_expected(const struct form *form, const struct stat *status)
{
    size_t size_bytes = S_ISREG(status->st_mode) ? (size_t)status->st_size : 0, size = record_bytes(form);
    if (size_bytes > FILE_LIMIT_BYTES)
        return 0;
    if (size_bytes % size == 0)
        return size_bytes / size;
    size_t most = size_bytes * FIRST_BYTES_PER_FILE_BYTE / size + 1;            /* it must be packed */
    return most < form->usual_records ? most : form->usual_records;
}

/* Of the files named, those that are there; all must be if is_strict. None: the table stays empty. */
static weft_status files_read(struct collecting *c, const char *directory, const char *const *name, size_t names, bool is_strict)
{
    char path[PATH_MAX];
    struct stat status;
    size_t expected = 0;
    weft_status st = WEFT_OK;
    for (size_t i = 0; i < names && st == WEFT_OK; i++) {
        st = file_find(directory, name[i], path, &status);
        if (st == WEFT_OK && path[0] == '\0' && is_strict)
            st = error_set(WEFT_ENOINPUT, "read %s data in %s: no %s (nor with .gz), which batches= asks for", c->form->kind,
                           directory, name[i]);
        else if (st == WEFT_OK && path[0] != '\0')
            expected += records_expected(c->form, &status);
    }
    if (st == WEFT_OK)
        st = make_room(c, expected);
    for (size_t i = 0; i < names && st == WEFT_OK; i++) {
        st = file_find(directory, name[i], path, &status);
        if (st == WEFT_OK && path[0] != '\0')
            st = file_take(c, path);
    }
    if (st != WEFT_OK || c->table->count == 0) {
        table_free(c->table);
        return st;
    }
    c->table->features = FEATURES;
    c->table->channels = CHANNELS;
    c->table->height = c->table->width = SIDE;
    return WEFT_OK;
}

/* The Python version has files of the same names, but for the end. */
static weft_status none_there(const struct form *form, const char *directory, bool with_test)
{
    char path[PATH_MAX], name[NAME_MAX];
    struct stat status;
    size_t length = strlen(form->train_file[0]) - strlen(".bin");
    (void)snprintf(name, sizeof name, "%.*s", (int)length, form->train_file[0]);
    weft_status st = file_find(directory, name, path, &status);
    if (st != WEFT_OK)
        return st;
    if (path[0] != '\0')
        return error_set(WEFT_ENOINPUT, "read %s data in %s: %s is of the version for Python, wanted the binary version, with %s",
                         form->kind, directory, name, form->train_file[0]);
    const char *last = form->train_files > 1 ? form->train_file[form->train_files - 1] : NULL;
    return error_set(WEFT_ENOINPUT, "read %s data in %s: no %s%s%s%s%s (nor with .gz)", form->kind, directory,
                     form->train_file[0], last != NULL ? " to " : "", last != NULL ? last : "", with_test ? " and no " : "",
                     with_test ? form->test_file : "");
}

static weft_status usual_names(const struct form *form, struct names *names)
{
    weft_status st = WEFT_OK;
    for (size_t i = 0; i < form->classes[form->label_at] && st == WEFT_OK; i++)
        st = names_add(names, form->usual_name[i], strlen(form->usual_name[i]));
    return st;
}

/* The names of the classes, one a line. */
static weft_status names_read(const struct form *form, const char *directory, struct names *names)
{
    char path[PATH_MAX];
    struct stat status;
    void *bytes;
    size_t size_bytes;
    weft_status st = file_find(directory, form->names_file, path, &status);
    if (st != WEFT_OK)
        return st;
    if (path[0] == '\0')
        return form->usual_name != NULL ? usual_names(form, names) : WEFT_OK;
    if ((st = file_read(path, NAMES_LIMIT_BYTES, &bytes, &size_bytes)) != WEFT_OK)
        return st;
    char *rest = bytes, *line;
    while (st == WEFT_OK && (line = strsep(&rest, "\n")) != NULL) {
        line = text_trim(line);
        if (*line != '\0')
            st = names_add(names, line, strlen(line));
    }
    memory_free(bytes);
    if (st == WEFT_OK && names->count != form->classes[form->label_at])
        return error_set(WEFT_EDATA, "read %s: %zu names of classes, wanted %zu", path, names->count,
                         form->classes[form->label_at]);
    return st;
}

/* train_file: those asked for; NULL: those that are there. */
static weft_status read_all(const struct form *form, const struct read_request *request, const char *const *train_file,
                            size_t train_files, struct source *source)
{
    const char *directory = request->where;
    bool needs_labels = request->target != TARGET_NOTHING, is_strict = train_file != NULL;
    struct collecting train = {.form = form, .needs_labels = needs_labels, .table = &source->train};
    struct collecting test = {.form = form, .needs_labels = needs_labels, .table = &source->test};
    weft_status st = is_strict ? files_read(&train, directory, train_file, train_files, true)
                               : files_read(&train, directory, form->train_file, form->train_files, false);
    if (st == WEFT_OK && source->train.count == 0 && needs_labels)
        st = none_there(form, directory, false);
    if (st == WEFT_OK)
        st = files_read(&test, directory, &form->test_file, 1, false);
    if (st == WEFT_OK && source->train.count == 0 && source->test.count == 0)
        st = none_there(form, directory, true);
    if (st == WEFT_OK)
        st = names_read(form, directory, &source->classes);
    return st;
}

/* ---- CIFAR-10 ---- */

/* "1,2": the names of these files, in the order of their numbers. */
static weft_status batches_choose(const struct form *form, const char *text, const char *name[TRAIN_FILES_MAX], size_t *names)
{
    bool chosen[TRAIN_FILES_MAX] = {false};
    for (const char *at = text; ; at += 2) {
        size_t batch = (size_t)(unsigned char)at[0] - '1';              /* wraps far beyond what there is */
        if (batch >= form->train_files || chosen[batch] || (at[1] != ',' && at[1] != '\0'))
            return error_set(WEFT_ESETTINGS, "data source %s: option batches is \"%s\", wanted different numbers from 1 to %zu"
                             " with ',' between them", form->kind, text, form->train_files);
        chosen[batch] = true;
        if (at[1] == '\0')
            break;
    }
    *names = 0;
    for (size_t i = 0; i < form->train_files; i++)
        if (chosen[i])
            name[(*names)++] = form->train_file[i];
    return WEFT_OK;
}

weft_status cifar10_read(const struct read_request *request, struct source *source)
{
    static const char *const usual_name[] = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
                                             "truck"};
    static const struct form form = {
        .kind = "cifar10", .label_bytes = 1, .classes = {10}, .usual_records = 10000,
        .train_file = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"},
        .train_files = 5, .test_file = "test_batch.bin", .names_file = "batches.meta.txt", .usual_name = usual_name};
    char *batches = NULL;
    const char *name[TRAIN_FILES_MAX];
    size_t names = 0;
    const struct uri_option known[] = {{.name = "batches", .text = &batches}};
    weft_status st = uri_options_read(form.kind, request->options, known, 1);
    if (st == WEFT_OK && batches != NULL)
        st = batches_choose(&form, batches, name, &names);
    if (st == WEFT_OK)
        st = read_all(&form, request, batches != NULL ? name : NULL, names, source);
    memory_free(batches);
    if (st != WEFT_OK)
        source_free(source);
    return st;
}

/* ---- CIFAR-100 ---- */

weft_status cifar100_read(const struct read_request *request, struct source *source)
{
    struct form form = {
        .kind = "cifar100", .label_bytes = 2, .label_at = 1, .classes = {20, 100}, .usual_records = 50000,
        .train_file = {"train.bin"}, .train_files = 1, .test_file = "test.bin", .names_file = "fine_label_names.txt"};
    char *labels = NULL;
    const struct uri_option known[] = {{.name = "labels", .text = &labels}};
    weft_status st = uri_options_read(form.kind, request->options, known, 1);
    if (st == WEFT_OK && labels != NULL && strcmp(labels, "coarse") == 0) {
        form.label_at = 0;
        form.names_file = "coarse_label_names.txt";
    } else if (st == WEFT_OK && labels != NULL && strcmp(labels, "fine") != 0) {
        st = error_set(WEFT_ESETTINGS, "data source cifar100: option labels is \"%s\", wanted fine or coarse", labels);
    }
    if (st == WEFT_OK)
        st = read_all(&form, request, NULL, 0, source);
    memory_free(labels);
    if (st != WEFT_OK)
        source_free(source);
    return st;
}
