/* Text in columns, each as wide as its widest cell. Memory that runs out while cells are added is reported once, by
 * table_write: a table is filled without a check at every cell. */
#ifndef REPORT_TABLE_H
#define REPORT_TABLE_H

#include <stddef.h>
#include <stdio.h>

#include "weft/error.h"

enum { TABLE_COLUMNS_MAX = 64 };

struct table {
    const char *columns;        /* one character a column: 'l' flush left, 'r' flush right */
    char *text;                 /* all cells, row by row, each ending in 0 */
    size_t used, capacity;      /* bytes of text */
    weft_status status;         /* WEFT_ENOMEM: a cell is missing */
};

/* An empty table; columns is a string that outlives it, of 1 to TABLE_COLUMNS_MAX letters. Takes no memory. */
struct table table_of(const char *columns);

/* Add the next cell of the row at hand; after the last column's the next row begins. Columns are counted in characters
 * of UTF-8. */
void table_add(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Write the table, two blanks between columns, none at the end of a line, and free it. A row that is not full ends early.
 * Whether the stream took it is for the caller to find out (ferror). WEFT_OK, or WEFT_ENOMEM and nothing was written. */
weft_status table_write(struct table *table, FILE *stream);

/* Free the table unwritten; it is empty then. */
void table_clear(struct table *table);

#endif
