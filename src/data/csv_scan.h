/* The cells of a CSV file (RFC 4180), row by row. */
#ifndef DATA_CSV_SCAN_H
#define DATA_CSV_SCAN_H

#include <stdbool.h>
#include <stdint.h>

#include "data/names.h"
#include "data/window.h"

struct csv_cell {
    char *text;                                 /* without quotes around it and blanks at its ends; 0 behind it, none in it */
    uint32_t length;                            /* in bytes */
    uint32_t line : 30, is_quoted : 1, has_doubled : 1;         /* line breaks in the row before it; has quotes inside */
};

struct csv_row {
    const struct csv_cell *cell;
    size_t count, line;                         /* count 0: the file is over. The first line of a file is 1 */
};

struct csv_scan {
    struct window window;
    char separator;                             /* ' ': any number of blanks is one */
    uint8_t kind[256];                          /* of each byte, for the scanner */
    size_t line;                                /* of the next row */
    struct csv_cell *cell;                      /* of the row at hand */
    size_t count, capacity;
    const struct names *header;                 /* names of the columns, for messages; NULL or empty: they have none */
};

/* separator  ',', ';', '\t', ' ' or '|'; 0: of these (but for the blank) the one that is most often in the first line, ';' among
 *            equals; the blank if there is none of them, but a blank between two words
 * Returns what window_open returns. The scan points into itself: do not copy it. Close it on success only. */
weft_status csv_scan_open(struct csv_scan *scan, const char *path, char separator);

/* The next row that is no empty line; its cells stay until the next call. WEFT_OK; WEFT_EDATA for a quote that is never closed,
 * for more than a blank between a closing quote and the separator, for a byte 0, a cell beyond 1 MiB or a row beyond 16,777,216
 * cells (the message names the place); as of unpack_read; WEFT_ENOMEM. */
weft_status csv_scan_row(struct csv_scan *scan, struct csv_row *row);

/* A copy of a row, which outlives the next call; csv_row_free it. WEFT_OK, WEFT_ENOMEM. */
weft_status csv_row_copy(const struct csv_row *row, struct csv_row *copy);
void csv_row_free(struct csv_row *copy);

/* Set WEFT_EDATA and a message that begins with file:line:column and the column's name, if it has one; and put that in front of
 * the message that there is. column counts from 0, in the message from 1. */
weft_status csv_error(const struct csv_scan *scan, const struct csv_row *row, size_t column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
weft_status csv_error_place(const struct csv_scan *scan, const struct csv_row *row, size_t column, weft_status status);

/* "", NA, N/A, #N/A, <NA>, nan, -nan, null or ?, in capitals or not ("Na" may be sodium, and is a text). */
bool csv_is_missing(const struct csv_cell *cell);

void csv_scan_close(struct csv_scan *scan);

#endif
