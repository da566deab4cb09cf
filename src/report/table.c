/* See table.h. The cells lie in one growing buffer; their widths are found when all are known. */
#include "report/table.h"

#include <stdarg.h>
#include <string.h>

#include "base/memory.h"

struct table table_of(const char *columns)
{
    return (struct table){.columns = columns};
}

/* Bytes that begin a character: all but 10xxxxxx. */
static size_t text_width(const char *text)
{
    size_t width = 0;
    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static weft_status make_room(struct table *table, size_t bytes)
{
    if (table->capacity - table->used >= bytes)
        return WEFT_OK;
    size_t wanted = 2 * table->capacity + bytes + 1024;
    char *grown = memory_grow(table->text, table->used, wanted, 1);
    if (grown == NULL)
        return WEFT_ENOMEM;
    table->text = grown;
    table->capacity = wanted;
    return WEFT_OK;
}

void table_add(struct table *table, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length >= 0 && table->status == WEFT_OK && (table->status = make_room(table, (size_t)length + 1)) == WEFT_OK) {
        vsnprintf(table->text + table->used, (size_t)length + 1, format, again);
        table->used += (size_t)length + 1;
    }
    va_end(again);
    va_end(arguments);
}

static const char *next_cell(const char *cell)
{
    return cell + strlen(cell) + 1;
}

/* Blanks that are owed are written only once a cell with text follows. */
static void write_cells(const struct table *table, const size_t *width, size_t columns, FILE *stream)
{
    size_t column = 0, owed = 0;
    for (const char *cell = table->text; cell != table->text + table->used; cell = next_cell(cell)) {
        size_t padding = width[column] - text_width(cell);
        if (table->columns[column] == 'r')
            owed += padding;
        if (*cell != '\0') {
            fprintf(stream, "%*s%s", (int)owed, "", cell);
            owed = 0;
        }
        if (table->columns[column] != 'r')
            owed += padding;
        owed += 2;
        if (++column == columns) {
            fputc('\n', stream);
            column = owed = 0;
        }
    }
    if (column > 0)
        fputc('\n', stream);
}

weft_status table_write(struct table *table, FILE *stream)
{
    weft_status st = table->status;
    if (st == WEFT_OK && table->used > 0) {
        size_t width[TABLE_COLUMNS_MAX] = {0}, columns = strlen(table->columns), i = 0;
        for (const char *cell = table->text; cell != table->text + table->used; cell = next_cell(cell), i++) {
            size_t needed = text_width(cell);
            if (width[i % columns] < needed)
                width[i % columns] = needed;
        }
        write_cells(table, width, columns, stream);
    }
    table_clear(table);
    return st;
}

void table_clear(struct table *table)
{
    memory_free(table->text);
    *table = table_of(table->columns);
}
