/* CSV: rows go into piles as they come, so the text of the file is never in memory as a whole. */
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/csv_columns.h"
#include "data/decimal.h"
#include "data/labels.h"
#include "data/pile.h"
#include "data/readers.h"
#include "data/shown.h"

enum label_form { LABEL_SKIPPED, LABEL_WORD, LABEL_SHARES, LABEL_VALUES };

struct csv_reading {
    const struct read_request *request;
    struct csv_options options;
    struct csv_scan scan;
    struct csv_columns columns;
    struct labels labels;
    enum label_form form;
    float *feature, *target;                    /* of the row at hand */
    struct pile features, targets, words;       /* of all: float, float, int32_t */
    size_t rows, first_line;                    /* first_line: of the first row, which says how many columns there are */
};

/* ---- Cells ---- */

static weft_status cell_beyond(const struct csv_reading *r, const struct csv_row *row, size_t column)
{
    const struct csv_cell *cell = &row->cell[column];
    return csv_error(&r->scan, row, column, "found \"%s\", wanted a finite number, at most 3.4028235e38 as a float holds",
                     shown(cell->text, cell->length).text);
}

static weft_status feature_odd(const struct csv_reading *r, const struct csv_row *row, size_t column, enum decimal why,
                               float *value)
{
    const struct csv_cell *cell = &row->cell[column];
    if (why == DECIMAL_BEYOND)
        return cell_beyond(r, row, column);
    if (!csv_is_missing(cell))
        return csv_error(&r->scan, row, column, "found \"%s\", wanted a number%s or a missing value",
                         shown(cell->text, cell->length).text,
                         memchr(cell->text, ',', cell->length) != NULL ? " (with a decimal point, no commas)" : "");
    *value = __builtin_nanf("");
    return WEFT_OK;
}

static weft_status number_take(struct csv_reading *r, const struct csv_row *row, size_t column, float *value)
{
    const struct csv_cell *cell = &row->cell[column];
    enum decimal found = decimal_read(cell->text, cell->length, value);
    if (found == DECIMAL_BEYOND)
        return cell_beyond(r, row, column);
    bool in_range = found == DECIMAL_NUMBER && (r->form == LABEL_VALUES || (*value >= 0 && *value <= 1));
    if (in_range)
        return WEFT_OK;
    return csv_error(&r->scan, row, column, "found \"%s\", wanted a number%s", shown(cell->text, cell->length).text,
                     r->form == LABEL_VALUES ? " to be predicted" : " from 0 to 1, as there are several labels");
}

static weft_status word_take(struct csv_reading *r, const struct csv_row *row, size_t column)
{
    const struct csv_cell *cell = &row->cell[column];
    int32_t number;
    weft_status st = labels_add(&r->labels, cell->text, cell->length, &number);
    return st == WEFT_OK ? pile_add(&r->words, &number, 1) : csv_error_place(&r->scan, row, column, st);
}

static weft_status label_take(struct csv_reading *r, const struct csv_row *row, size_t column)
{
    const struct csv_cell *cell = &row->cell[column];
    if (csv_is_missing(cell))
        return csv_error(&r->scan, row, column, "found \"%s\", wanted a label, which may not be missing",
                         shown(cell->text, cell->length).text);
    if (r->form == LABEL_WORD)
        return word_take(r, row, column);
    return number_take(r, row, column, &r->target[r->columns.role[column]]);
}

/* ---- Rows ---- */

static weft_status row_ragged(const struct csv_reading *r, const struct csv_row *row)
{
    return error_set(WEFT_EDATA, "read %s:%zu: found %zu cells, wanted %zu as in line %zu", r->scan.window.name, row->line,
                     row->count, r->columns.count, r->first_line);
}

static weft_status row_take(struct csv_reading *r, const struct csv_row *row)
{
    weft_status st = WEFT_OK;
    float *feature = r->feature;
    if (row->count != r->columns.count)
        return row_ragged(r, row);
    if (r->rows == UINT32_MAX)
        return error_set(WEFT_EDATA, "read %s:%zu: found more than %zu rows", r->scan.window.name, row->line, r->rows);
    for (size_t i = 0; i < row->count && st == WEFT_OK; i++) {
        const struct csv_cell *cell = &row->cell[i];
        int32_t role = r->columns.role[i];
        if (role == CSV_FEATURE) {
            enum decimal found = decimal_read(cell->text, cell->length, feature);
            st = found == DECIMAL_NUMBER ? WEFT_OK : feature_odd(r, row, i, found, feature);
            feature++;
        } else if (role >= 0) {
            st = label_take(r, row, i);
        }
    }
    if (st == WEFT_OK)
        st = pile_add(&r->features, r->feature, r->columns.features);
    if (st == WEFT_OK && r->target != NULL)
        st = pile_add(&r->targets, r->target, r->columns.labels);
    r->rows++;
    return st;
}

/* ---- Labels in several columns ---- */

/* The names of the label columns, in the order of the labels. */
static weft_status label_names(const struct csv_reading *r, const struct csv_row *first, struct names *names)
{
    for (size_t k = 0; k < r->columns.labels; k++) {
        size_t column = 0;
        while (r->columns.role[column] != (int32_t)k)
            column++;
        const char *name = r->columns.header.name[column];
        weft_status st = label_check(name, strlen(name));
        if (st == WEFT_OK && names_find(names, name) != NAME_UNKNOWN)
            st = error_set(WEFT_EDATA, "found a second label column with this name, wanted one of each");
        if (st != WEFT_OK)
            return csv_error_place(&r->scan, first, column, st);
        if ((st = names_add(names, name, strlen(name))) != WEFT_OK)
            return st;
    }
    return WEFT_OK;
}

/* Each label in the place where the known names have its column's. */
static weft_status labels_order(struct csv_reading *r, const struct csv_row *first, const struct names *known)
{
    for (size_t i = 0; i < r->columns.count && r->columns.header.count != 0; i++) {
        if (r->columns.role[i] < 0)
            continue;
        const char *name = r->columns.header.name[i];
        long place = names_find(known, name);
        if (place == NAME_UNKNOWN)
            return csv_error(&r->scan, first, i, "found a label column of this name, wanted one of %s",
                             listed(known).text);
        r->columns.role[i] = (int32_t)place;
    }
    return WEFT_OK;
}

static weft_status names_of_columns(struct csv_reading *r, const struct csv_row *first, struct names *classes)
{
    const struct names *known = r->request->classes;
    bool is_known = known != NULL && known->count != 0;
    if (is_known && known->count != r->columns.labels)
        return error_set(WEFT_EDATA, "read %s:%zu: found %zu label columns, wanted %zu, one for each of %s",
                         r->scan.window.name, first->line, r->columns.labels, known->count, listed(known).text);
    weft_status st = r->columns.header.count != 0 ? label_names(r, first, classes) : WEFT_OK;
    if (st != WEFT_OK || !is_known)
        return st;
    names_free(classes);
    if (known->count > 1)                       /* one column needs no name to find its place */
        st = labels_order(r, first, known);
    return st == WEFT_OK ? names_copy(known, classes) : st;
}

/* ---- The file ---- */

static weft_status form_choose(struct csv_reading *r, const struct csv_row *first, struct names *classes)
{
    switch (r->request->target) {
    case TARGET_NOTHING:
        r->form = LABEL_SKIPPED;
        return WEFT_OK;
    case TARGET_VALUES:
        r->form = LABEL_VALUES;
        break;
    case TARGET_CLASS:
    case TARGET_SCORES:
        r->form = r->columns.labels == 1 ? LABEL_WORD : LABEL_SHARES;
        if (r->form == LABEL_WORD)
            return labels_open(&r->labels, r->request->classes);
        break;
    }
    weft_status st = names_of_columns(r, first, classes);
    if (st != WEFT_OK)
        return st;
    r->target = memory_new(r->columns.labels, sizeof *r->target);
    return r->target != NULL ? WEFT_OK : WEFT_ENOMEM;
}

/* The first row, which may be a header, and the second, which helps to tell. */
static weft_status start_read(struct csv_reading *r, struct names *classes)
{
    struct csv_row row, first = {0};
    weft_status st = csv_scan_row(&r->scan, &row);
    if (st != WEFT_OK)
        return st;
    if (row.count == 0)
        return error_set(WEFT_EDATA, "read %s: found no row, only empty lines", r->scan.window.name);
    r->first_line = row.line;
    if ((st = csv_row_copy(&row, &first)) != WEFT_OK) goto done;
    if ((st = csv_scan_row(&r->scan, &row)) != WEFT_OK) goto done;
    if ((st = csv_columns_find(&r->options, r->request, &r->scan, &first, &row, &r->columns)) != WEFT_OK) goto done;
    if ((st = form_choose(r, &first, classes)) != WEFT_OK) goto done;
    r->feature = memory_new(r->columns.features, sizeof *r->feature);
    if (r->feature == NULL) {
        st = WEFT_ENOMEM;
        goto done;
    }
    if (r->columns.header.count == 0 && (st = row_take(r, &first)) != WEFT_OK) goto done;
    if (row.count != 0)
        st = row_take(r, &row);
done:
    csv_row_free(&first);
    return st;
}

static weft_status table_fill(struct csv_reading *r, struct source *source)
{
    struct table *table = &source->train;
    void *array = NULL;
    weft_status st = pile_take(&r->features, &array);
    if (st != WEFT_OK)
        return st;
    table->value = array;
    table->count = r->rows;
    table->features = r->columns.features;
    if (r->target != NULL) {
        table->targets = r->columns.labels;
        st = pile_take(&r->targets, &array);
        table->target = st == WEFT_OK ? array : NULL;
    } else if (r->form == LABEL_WORD) {
        st = pile_take(&r->words, &array);
        table->label = st == WEFT_OK ? array : NULL;
        if (st == WEFT_OK)
            st = labels_finish(&r->labels, &source->classes);
        for (size_t i = 0; i < r->rows && st == WEFT_OK; i++)
            table->label[i] = r->labels.class_of[table->label[i]];
    }
    return st;
}

static weft_status file_take(struct csv_reading *r, struct source *source)
{
    struct csv_row row;
    pile_open(&r->features, sizeof(float));
    pile_open(&r->targets, sizeof(float));
    pile_open(&r->words, sizeof(int32_t));
    weft_status st = start_read(r, &source->classes);
    while (st == WEFT_OK && (st = csv_scan_row(&r->scan, &row)) == WEFT_OK && row.count != 0)
        st = row_take(r, &row);
    if (st == WEFT_OK && r->rows == 0)
        st = error_set(WEFT_EDATA, "read %s: found a header in line %zu and no row behind it", r->scan.window.name,
                       r->first_line);
    return st == WEFT_OK ? table_fill(r, source) : st;
}

weft_status csv_read(const struct read_request *request, struct source *source)
{
    struct csv_reading r = {.request = request};
    weft_status st = csv_options_read(request->options, &r.options);
    if (st != WEFT_OK)
        return st;
    if ((st = csv_scan_open(&r.scan, request->where, r.options.separator)) == WEFT_OK) {
        st = file_take(&r, source);
        csv_scan_close(&r.scan);
    }
    csv_options_free(&r.options);
    csv_columns_close(&r.columns);
    labels_close(&r.labels);
    memory_free(r.feature);
    memory_free(r.target);
    pile_close(&r.features);
    pile_close(&r.targets);
    pile_close(&r.words);
    if (st != WEFT_OK)
        source_free(source);
    return st;
}
