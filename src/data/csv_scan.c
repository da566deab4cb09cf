/* A row is first marked where it stands, without changing a byte, for it may turn out that its end is not in the window yet, and
 * it begins again with more at hand. Then its cells are cut out: the byte behind each becomes 0, a doubled quote one. */
#include "data/csv_scan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/shown.h"

enum { SEPARATOR = 1, LINE = 2, ZERO = 4, BLANK = 8, STOP = SEPARATOR | LINE | ZERO };
enum { CELL_BYTES_MAX = 1 << 20, CELLS_MAX = 1 << 24, FIRST_CELLS = 64, ROW_LINES_MAX = (1 << 30) - 1, MESSAGE_BYTES = 768 };

/* ---- Messages ---- */

weft_status csv_error_place(const struct csv_scan *scan, const struct csv_row *row, size_t column, weft_status status)
{
    size_t line = row->line + (column < row->count ? row->cell[column].line : 0);
    if (status != WEFT_EDATA)
        return status;
    if (scan->header == NULL || column >= scan->header->count)
        return error_context(status, "read %s:%zu:%zu", scan->window.name, line, column + 1);
    const char *name = scan->header->name[column];
    return error_context(status, "read %s:%zu:%zu (%s)", scan->window.name, line, column + 1, shown(name, strlen(name)).text);
}

weft_status csv_error(const struct csv_scan *scan, const struct csv_row *row, size_t column, const char *format, ...)
{
    char text[MESSAGE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(text, sizeof text, format, arguments) < 0)
        text[0] = '\0';
    va_end(arguments);
    return csv_error_place(scan, row, column, error_set(WEFT_EDATA, "%s", text));
}

/* ---- The separator ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static char separator_find(const char *text, const char *end)
{
    static const char candidate[] = ";,\t|";
    size_t count[sizeof candidate] = {0}, best = 0;
    bool is_quoted = false, has_blank = false;
    while (text < end && (*text == '\n' || *text == '\r' || *text == ' '))
        text++;
    for (; text < end && (is_quoted || (*text != '\n' && *text != '\r')); text++) {
        is_quoted ^= *text == '"';
        const char *known = is_quoted || *text == '\0' ? NULL : strchr(candidate, *text);
        if (known != NULL)
            count[known - candidate]++;
        has_blank |= !is_quoted && *text == ' ' && strchr(" \t\r\n", text[1]) == NULL;   /* text[1]: the 0 at the end */
    }
    for (size_t i = 1; i < sizeof candidate - 1; i++)
        best = count[i] > count[best] ? i : best;
    return count[best] != 0 ? candidate[best] : has_blank ? ' ' : ',';
}

weft_status csv_scan_open(struct csv_scan *scan, const char *path, char separator)
{
    *scan = (struct csv_scan){.line = 1};
    weft_status st = window_open(&scan->window, path);
    if (st != WEFT_OK)
        return st;
    const struct window *window = &scan->window;
    if (separator == '\0')
        separator = separator_find(window->bytes + window->first, window->bytes + window->end);
    scan->separator = separator;
    scan->kind[' '] = scan->kind['\t'] = separator == ' ' ? SEPARATOR : BLANK;
    scan->kind[(unsigned char)separator] = SEPARATOR;
    scan->kind['\n'] = scan->kind['\r'] = LINE;
    scan->kind[0] = ZERO;
    return WEFT_OK;
}

void csv_scan_close(struct csv_scan *scan)
{
    window_close(&scan->window);
    memory_free(scan->cell);
    scan->cell = NULL;
}

/* ---- Marking ---- */

/* Where the marking of a row is. */
struct mark { char *at, *end; bool is_over, is_cut; size_t lines; };

static uint8_t kind_at(const struct csv_scan *scan, const char *p)
{
    return scan->kind[(unsigned char)*p];
}

static weft_status mark_error(const struct csv_scan *scan, const struct mark *mark, const char *problem)
{
    const struct csv_row here = {.line = scan->line + mark->lines};
    return csv_error(scan, &here, scan->count, "%s", problem);
}

/* Line breaks up to `end`; SIZE_MAX if there is a byte 0. */
static size_t line_breaks(const char *text, const char *end)
{
    size_t breaks = 0;
    for (; text < end; text++) {
        if (*text == '\0')
            return SIZE_MAX;
        breaks += *text == '\n' || (*text == '\r' && text[1] != '\n');
    }
    return breaks;
}

/* With mark->at behind the opening quote; leaves it behind the closing one and the blanks there. */
static weft_status quoted_mark(const struct csv_scan *scan, struct mark *mark, struct csv_cell *cell)
{
    char *p = mark->at, *quote;
    *cell = (struct csv_cell){.text = p, .line = (uint32_t)mark->lines & ROW_LINES_MAX, .is_quoted = 1};
    for (;; p = quote + 2, cell->has_doubled = 1) {
        quote = memchr(p, '"', (size_t)(mark->end - p));
        size_t length = (size_t)((quote != NULL ? quote : mark->end) - cell->text);
        if (length > CELL_BYTES_MAX)
            return mark_error(scan, mark, "a quoted cell that begins here goes on for more than 1 MiB; wanted its closing quote");
        mark->is_cut = quote == NULL && !mark->is_over;
        if (quote == NULL)
            return mark->is_cut ? WEFT_OK : mark_error(scan, mark, "the quote that opens this cell is never closed");
        if (quote[1] != '"')                    /* where the window ends, too: then the row is cut anyway */
            break;
    }
    size_t breaks = line_breaks(cell->text, quote);
    if (breaks == SIZE_MAX)
        return mark_error(scan, mark, "found a byte 0, wanted text");
    mark->lines += breaks;
    cell->length = (uint32_t)(quote - cell->text);
    mark->at = quote + 1;
    while ((kind_at(scan, mark->at) & BLANK) != 0)
        mark->at++;
    if ((kind_at(scan, mark->at) & STOP) != 0)
        return WEFT_OK;
    size_t rest = (size_t)(mark->end - mark->at);
    const struct csv_row here = {.line = scan->line + mark->lines};
    return csv_error(scan, &here, scan->count, "found \"%s\" behind a closing quote, wanted a separator or the end of the line",
                     shown(mark->at, rest < 8 ? rest : 8).text);
}

/* One cell; leaves mark->at on the byte that ends it. Nothing is marked if it is cut. */
static weft_status cell_mark(const struct csv_scan *scan, struct mark *mark, struct csv_cell *cell)
{
    char *p = mark->at;
    while ((kind_at(scan, p) & BLANK) != 0)
        p++;
    if (*p == '"') {
        mark->at = p + 1;
        return quoted_mark(scan, mark, cell);
    }
    char *start = p;
    while ((kind_at(scan, p) & STOP) == 0)
        p++;
    mark->at = p;
    if (p - start > CELL_BYTES_MAX)
        return mark_error(scan, mark, "found a cell of more than 1 MiB");
    while (p > start && (kind_at(scan, p - 1) & BLANK) != 0)
        p--;
    *cell = (struct csv_cell){.text = start, .length = (uint32_t)(p - start), .line = (uint32_t)mark->lines & ROW_LINES_MAX};
    return WEFT_OK;
}

static weft_status cells_grow(struct csv_scan *scan)
{
    if (scan->count == CELLS_MAX) {
        const struct csv_row here = {.line = scan->line};
        return csv_error(scan, &here, scan->count, "found more than %d cells in a row", CELLS_MAX);
    }
    size_t capacity = scan->capacity == 0 ? FIRST_CELLS : 2 * scan->capacity;
    struct csv_cell *grown = memory_grow(scan->cell, scan->capacity, capacity, sizeof *grown);
    if (grown == NULL)
        return WEFT_ENOMEM;
    scan->cell = grown;
    scan->capacity = capacity;
    return WEFT_OK;
}

/* Behind a cell: whether the row goes on. Leaves mark->at where the next cell, or the next row, begins. */
static bool goes_on(const struct csv_scan *scan, struct mark *mark)
{
    uint8_t kind = kind_at(scan, mark->at);
    if ((kind & SEPARATOR) != 0) {
        mark->at++;
        if (scan->separator != ' ')
            return true;
        while ((kind_at(scan, mark->at) & SEPARATOR) != 0)
            mark->at++;
        if (mark->at < mark->end && (kind_at(scan, mark->at) & LINE) == 0)
            return true;
    }
    mark->is_cut = !mark->is_over && mark->end - mark->at < 2;  /* is there a \n behind a \r? */
    if (mark->at < mark->end)
        mark->at += *mark->at == '\r' && mark->at[1] == '\n' ? 2 : 1;
    return false;
}

/* The row at the start of the window. If mark->is_cut, its end is not there. */
static weft_status row_mark(struct csv_scan *scan, struct mark *mark)
{
    if (scan->separator == ' ')
        while ((kind_at(scan, mark->at) & SEPARATOR) != 0)
            mark->at++;
    scan->count = 0;
    do {
        weft_status st = scan->count == scan->capacity ? cells_grow(scan) : WEFT_OK;
        if (st == WEFT_OK)
            st = cell_mark(scan, mark, &scan->cell[scan->count]);
        if (st != WEFT_OK || mark->is_cut)
            return st;
        if ((kind_at(scan, mark->at) & ZERO) != 0 && mark->at < mark->end)
            return mark_error(scan, mark, "found a byte 0, wanted text");
        scan->count++;
    } while (goes_on(scan, mark));
    return WEFT_OK;
}

/* ---- Cutting ---- */

static void cell_cut(struct csv_cell *cell)
{
    cell->text[cell->length] = '\0';
    if (!cell->is_quoted)
        return;
    char *to = cell->text;
    if (cell->has_doubled) {
        for (const char *from = cell->text; from < cell->text + cell->length; from++) {
            from += *from == '"';
            *to++ = *from;
        }
        *to = '\0';
        cell->length = (uint32_t)(to - cell->text);
    }
    while (cell->length > 0 && is_blank(cell->text[cell->length - 1]))
        cell->text[--cell->length] = '\0';
    for (; is_blank(*cell->text); cell->length--)
        cell->text++;
}

weft_status csv_scan_row(struct csv_scan *scan, struct csv_row *row)
{
    struct window *window = &scan->window;
    *row = (struct csv_row){.line = scan->line};
    while (!window->is_over || window->first < window->end) {
        struct mark mark = {.at = window->bytes + window->first, .end = window->bytes + window->end, .is_over = window->is_over};
        weft_status st = row_mark(scan, &mark);
        if (st == WEFT_OK && mark.is_cut)
            st = window_more(window);
        if (st != WEFT_OK)
            return st;
        if (mark.is_cut)
            continue;
        window->first = (size_t)(mark.at - window->bytes);
        row->line = scan->line;
        scan->line += mark.lines + 1;
        if (scan->count == 1 && scan->cell[0].length == 0 && !scan->cell[0].is_quoted)
            continue;                           /* an empty line */
        for (size_t i = 0; i < scan->count; i++)
            cell_cut(&scan->cell[i]);
        row->cell = scan->cell;
        row->count = scan->count;
        return WEFT_OK;
    }
    return WEFT_OK;
}

/* ---- Cells ---- */

weft_status csv_row_copy(const struct csv_row *row, struct csv_row *copy)
{
    size_t bytes = row->count * sizeof *row->cell;
    for (size_t i = 0; i < row->count; i++)
        bytes += row->cell[i].length + 1;
    struct csv_cell *cell = memory_new(bytes, 1);
    *copy = (struct csv_row){0};
    if (cell == NULL)
        return WEFT_ENOMEM;
    char *text = (char *)(cell + row->count);
    for (size_t i = 0; i < row->count; i++) {
        cell[i] = row->cell[i];
        cell[i].text = memcpy(text, row->cell[i].text, cell[i].length + 1);
        text += cell[i].length + 1;
    }
    *copy = (struct csv_row){.cell = cell, .count = row->count, .line = row->line};
    return WEFT_OK;
}

void csv_row_free(struct csv_row *copy)
{
    memory_free((void *)(uintptr_t)copy->cell);
    *copy = (struct csv_row){0};
}

bool csv_is_missing(const struct csv_cell *cell)
{
    static const char *const word[] = {"", "?", "nan", "na", "n/a", "null", "-nan", "#n/a", "<na>"};
    char lower[8] = "";
    if (cell->length >= sizeof lower || strcmp(cell->text, "Na") == 0)          /* that is sodium */
        return false;
    for (size_t i = 0; i < cell->length; i++)
        lower[i] = cell->text[i] >= 'A' && cell->text[i] <= 'Z' ? (char)(cell->text[i] - 'A' + 'a') : cell->text[i];
    for (size_t i = 0; i < sizeof word / sizeof word[0]; i++)
        if (strcmp(lower, word[i]) == 0)
            return true;
    return false;
}
