/* The options of a CSV source, and what each column of the file is: a feature, a label, or left out. */
#ifndef DATA_CSV_COLUMNS_H
#define DATA_CSV_COLUMNS_H

#include <stdbool.h>
#include <stdint.h>

#include "data/csv_scan.h"
#include "data/table.h"

enum csv_header { CSV_HEADER_AUTO, CSV_HEADER_YES, CSV_HEADER_NO };

struct csv_options {
    char separator;                             /* 0: from the first line */
    enum csv_header header;
    struct names label, drop;                   /* names or numbers of columns */
};

/* WEFT_OK; WEFT_ESETTINGS; WEFT_ENOMEM. csv_options_free on success only. */
weft_status csv_options_read(const char *text, struct csv_options *options);
void csv_options_free(struct csv_options *options);

enum { CSV_FEATURE = -1, CSV_LEFT_OUT = -2 };

struct csv_columns {
    size_t count, features, labels;
    int32_t *role;                              /* of each column: CSV_FEATURE, CSV_LEFT_OUT, or its place among the labels */
    struct names header;                        /* empty: the first row is a row like the others */
};

/* What the columns are, as said in readers.h.
 * first, second  rows of the file; second->count is 0 if there is none
 * Sets scan->header once it is known, to columns->header. WEFT_OK; WEFT_EDATA: a column is not there, no feature is left, or
 * not as many as request->features; WEFT_ENOMEM. Close in any case; all zero before. */
weft_status csv_columns_find(const struct csv_options *options, const struct read_request *request, struct csv_scan *scan,
                             const struct csv_row *first, const struct csv_row *second, struct csv_columns *columns);
void csv_columns_close(struct csv_columns *columns);

#endif
