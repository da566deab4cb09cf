/* The kinds of sources, and which reader takes each. */
#include "data/source.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "data/labels.h"
#include "data/readers.h"
#include "data/uri.h"

static const struct reader {
    const char *kind, *form;
    weft_status (*read)(const struct read_request *request, struct source *source);
    bool has_path;                              /* where is a path; else it is empty */
} READER[] = {
    {"idx", "idx:DIR", idx_read, true},         /* first: what is likely meant by a name that resembles no kind */
    {"csv", "csv:FILE", csv_read, true},
    {"libsvm", "libsvm:FILE", libsvm_read, true},
    {"cifar10", "cifar10:DIR", cifar10_read, true},
    {"cifar100", "cifar100:DIR", cifar100_read, true},
    {"npy", "npy:DIR or npy:FILE.npz", npy_read, true},
    {"hdf5", "hdf5:FILE", hdf5_read, true},
    {"digits", "digits:", digits_read, false},
};
enum { READERS = sizeof READER / sizeof READER[0] };

static size_t common_start(const char *a, const char *b)
{
    size_t n = 0;
    while (a[n] != '\0' && tolower((unsigned char)a[n]) == tolower((unsigned char)b[n]))
        n++;
    return n;
}

static weft_status kind_unknown(const struct uri *uri)
{
    const struct reader *likely = &READER[0];
    for (size_t i = 1; i < READERS; i++)
        if (common_start(uri->kind, READER[i].kind) > common_start(uri->kind, likely->kind))
            likely = &READER[i];
    char known[256];
    struct text list = {known, sizeof known, 0};
    for (size_t i = 0; i < READERS; i++)
        text_add(&list, "%s%s", i == 0 ? "" : ", ", READER[i].form);
    return error_set(WEFT_ESETTINGS, "data source \"%s:%s\": unknown kind \"%s\", known: %s; did you mean %s:%s?", uri->kind,
                     uri->where, uri->kind, known, likely->kind, likely->has_path ? uri->where : "");
}

static weft_status reader_find(const struct uri *uri, const struct reader **reader)
{
    size_t i = 0;
    while (i < READERS && strcmp(uri->kind, READER[i].kind) != 0)
        i++;
    if (i == READERS)
        return kind_unknown(uri);
    if (!READER[i].has_path && uri->where[0] != '\0')
        return error_set(WEFT_ESETTINGS, "data source %s: takes no path, but \"%s\" stands behind the ':'; options begin"
                         " with '?'", uri->kind, uri->where);
    if (READER[i].has_path && uri->where[0] == '\0')
        return error_set(WEFT_ESETTINGS, "data source %s: no path stands behind the ':'", uri->kind);
    *reader = &READER[i];
    return WEFT_OK;
}

/* The URI again, with an absolute path, so that a resumed run finds it from any directory. */
static weft_status source_name(const struct uri *uri, const struct reader *reader, char **source)
{
    char absolute[PATH_MAX] = "";
    if (reader->has_path && realpath(uri->where, absolute) == NULL)
        return error_set(WEFT_ENOINPUT, "open data source %s:%s: %s", uri->kind, uri->where, strerror(errno));
    if (strchr(absolute, '?') != NULL)                  /* it would not be found again: options begin there */
        return error_set(WEFT_ESETTINGS, "open data source %s:%s: its path is %s, and a URI cannot name one with '?'", uri->kind,
                         uri->where, absolute);
    size_t capacity = strlen(uri->kind) + strlen(absolute) + strlen(uri->options) + 3;
    *source = memory_new(capacity, 1);
    if (*source == NULL)
        return WEFT_ENOMEM;
    (void)snprintf(*source, capacity, "%s:%s%s%s", uri->kind, absolute, uri->options[0] != '\0' ? "?" : "", uri->options);
    return WEFT_OK;
}

weft_status source_absolute(const char *text, char **name)
{
    struct uri uri;
    const struct reader *reader = NULL;
    *name = NULL;
    weft_status st = uri_parse(text, &uri);
    if (st != WEFT_OK)
        return st;
    st = reader_find(&uri, &reader);
    if (st == WEFT_OK)
        st = source_name(&uri, reader, name);
    uri_free(&uri);
    return st;
}

/* Whatever the format: a checkpoint keeps the names as lines of one text, and pages and JSON show them. */
static weft_status classes_check(const struct uri *uri, const struct names *classes)
{
    for (size_t i = 0; i < classes->count; i++) {
        weft_status st = label_check(classes->name[i], strlen(classes->name[i]));
        if (st != WEFT_OK)
            return error_context(st, "read %s:%s: the name of class %zu", uri->kind, uri->where, i);
    }
    return WEFT_OK;
}

weft_status source_read(const char *text, struct read_request request, struct source *source, char **name)
{
    struct uri uri;
    const struct reader *reader = NULL;
    *source = (struct source){0};
    *name = NULL;
    weft_status st = uri_parse(text, &uri);
    if (st != WEFT_OK)
        return st;
    if ((st = reader_find(&uri, &reader)) != WEFT_OK) goto done;
    if ((st = source_name(&uri, reader, name)) != WEFT_OK) goto done;
    request.where = uri.where;
    request.options = uri.options;
    if ((st = reader->read(&request, source)) != WEFT_OK) goto done;
    if ((st = classes_check(&uri, &source->classes)) != WEFT_OK)
        source_free(source);
done:
    if (st != WEFT_OK) {
        memory_free(*name);
        *name = NULL;
    }
    uri_free(&uri);
    return st;
}
