/* See csv_columns.h. Whether there is a header decides which columns are named, and which columns are features decides whether
 * there is a header; so a first row that holds a name asked for is a header, and without one the columns are taken by their
 * numbers to see what stands in the first row of the features. */
#include "data/csv_columns.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/decimal.h"
#include "data/labels.h"
#include "data/shown.h"
#include "data/uri.h"
#include "weft/settings.h"

/* ---- Options ---- */

/* "auto" or a word of the list. */
static weft_status word_find(const char *option, const char *text, const char *const *word, size_t words, const char *wanted,
                             size_t *place)
{
    for (*place = 0; *place < words; ++*place)
        if (text == NULL || strcmp(text, word[*place]) == 0)
            return WEFT_OK;
    return error_set(WEFT_ESETTINGS, "data source csv: option %s is \"%s\", wanted %s", option, text, wanted);
}

/* Names between commas, the blanks around them cut off. */
static weft_status list_read(const char *option, char *text, struct names *list)
{
    while (text != NULL) {
        char *comma = strchr(text, ','), *next = comma != NULL ? comma + 1 : NULL;
        if (comma != NULL)
            *comma = '\0';
        text += strspn(text, " \t");
        size_t length = strlen(text);
        while (length > 0 && strchr(" \t", text[length - 1]) != NULL)
            length--;
        if (length == 0)
            return error_set(WEFT_ESETTINGS, "data source csv: a column in option %s has no name, wanted names or numbers between"
                             " commas", option);
        if (names_add(list, text, length) != WEFT_OK)
            return WEFT_ENOMEM;
        text = next;
    }
    return WEFT_OK;
}

weft_status csv_options_read(const char *text, struct csv_options *options)
{
    static const char *const separator[] = {"auto", "comma", "semicolon", "tab", "space", "pipe"}, separator_of[] = "\0,;\t |";
    static const char *const header[] = {"auto", "yes", "no"};
    char *sep = NULL, *head = NULL, *label = NULL, *drop = NULL;
    const struct uri_option known[] = {{"sep", NULL, 0, 0, &sep}, {"header", NULL, 0, 0, &head}, {"label", NULL, 0, 0, &label},
                                       {"drop", NULL, 0, 0, &drop}};
    size_t place;
    *options = (struct csv_options){0};
    weft_status st = uri_options_read("csv", text, known, sizeof known / sizeof known[0]);
    if (st != WEFT_OK)
        return st;
    if ((st = word_find("sep", sep, separator, 6, "auto, comma, semicolon, tab, space or pipe", &place)) != WEFT_OK) goto done;
    options->separator = separator_of[place];
    if ((st = word_find("header", head, header, 3, "auto, yes or no", &place)) != WEFT_OK) goto done;
    options->header = (enum csv_header)place;
    if ((st = list_read("label", label, &options->label)) != WEFT_OK) goto done;
    st = list_read("drop", drop, &options->drop);
done:
    memory_free(sep);
    memory_free(head);
    memory_free(label);
    memory_free(drop);
    if (st != WEFT_OK)
        csv_options_free(options);
    return st;
}

void csv_options_free(struct csv_options *options)
{
    names_free(&options->label);
    names_free(&options->drop);
}

/* ---- One column ---- */

/* Where a file is looked at: its first row, which may be taken for a header. */
struct view {
    const struct csv_options *options;
    const struct read_request *request;
    const struct csv_scan *scan;
    const struct csv_row *first;
    bool has_header;
};

enum found { FOUND_NAME, FOUND_NUMBER, FOUND_NOT, FOUND_TWICE, FOUND_OUTSIDE };

static enum found by_name(const struct csv_row *row, const char *name, size_t *column)
{
    enum found found = FOUND_NOT;
    for (size_t i = 0; i < row->count; i++)
        if (strcmp(row->cell[i].text, name) == 0) {
            if (found == FOUND_NAME)
                return FOUND_TWICE;
            found = FOUND_NAME;
            *column = i;
        }
    return found;
}

/* 0 is the first column, -1 the last one. */
static enum found by_number(const char *text, size_t count, size_t *column)
{
    bool is_negative = *text == '-';
    const char *digit = text + is_negative;
    size_t number = 0;
    if (*digit == '\0' || digit[strspn(digit, "0123456789")] != '\0')
        return FOUND_NOT;
    for (; *digit != '\0'; digit++)
        number = number <= count ? 10 * number + (size_t)(*digit - '0') : number;
    if (is_negative ? number == 0 || number > count : number >= count)
        return FOUND_OUTSIDE;
    *column = is_negative ? count - number : number;
    return FOUND_NUMBER;
}

static enum found column_find(const struct view *view, const char *name, size_t *column)
{
    enum found found = view->has_header ? by_name(view->first, name, column) : FOUND_NOT;
    return found == FOUND_NOT ? by_number(name, view->first->count, column) : found;
}

static weft_status name_unknown(const struct view *view, const char *option, const char *name, const struct names *header)
{
    const char *path = view->scan->window.name, *nearest = weft_nearest_name(name, (const char *const *)header->name, header->count);
    if (view->options->header == CSV_HEADER_NO)
        return error_set(WEFT_EDATA, "read %s: %s=%s is no number, and with header=no columns have no names; wanted 0 to %zu, or"
                         " -1 for the last column", path, option, name, view->first->count - 1);
    if (nearest == NULL)
        return error_set(WEFT_EDATA, "read %s:%zu: %s=%s: no column has this name; the first row is: %s", path, view->first->line,
                         option, name, listed(header).text);
    return error_set(WEFT_EDATA, "read %s:%zu: %s=%s: no column has this name (did you mean \"%s\"?); the first row is: %s", path,
                     view->first->line, option, name, nearest, listed(header).text);
}

static weft_status column_unknown(const struct view *view, const char *option, const char *name, enum found why)
{
    const char *path = view->scan->window.name;
    size_t line = view->first->line, count = view->first->count;
    if (why == FOUND_TWICE)
        return error_set(WEFT_EDATA, "read %s:%zu: %s=%s: two columns have this name; wanted the number of one, 0 to %zu", path,
                         line, option, name, count - 1);
    if (why == FOUND_OUTSIDE)
        return error_set(WEFT_EDATA, "read %s:%zu: %s=%s: found %zu columns, wanted a column from 0 to %zu, or from -%zu to -1",
                         path, line, option, name, count, count - 1, count);
    struct names header = {0};
    weft_status st = WEFT_OK;
    for (size_t i = 0; i < count && st == WEFT_OK; i++)
        st = names_add(&header, view->first->cell[i].text, view->first->cell[i].length);
    if (st == WEFT_OK)
        st = name_unknown(view, option, name, &header);
    names_free(&header);
    return st;
}

/* ---- All columns ---- */

/* Give a column its role, a label the next place. */
static weft_status column_set(const struct view *view, const char *option, size_t column, bool is_label,
                              struct csv_columns *columns)
{
    if (columns->role[column] != CSV_FEATURE)
        return error_set(WEFT_EDATA, "read %s:%zu: %s names column %zu, which %s already", view->scan->window.name,
                         view->first->line, option, column, columns->role[column] == CSV_LEFT_OUT ? "is left out" : "is a label");
    columns->role[column] = is_label ? (int32_t)columns->labels++ : CSV_LEFT_OUT;
    columns->features--;
    return WEFT_OK;
}

/* All that an option names. */
static weft_status list_set(const struct view *view, const char *option, const struct names *list, bool is_label,
                            struct csv_columns *columns)
{
    for (size_t i = 0; i < list->count; i++) {
        size_t column;
        enum found found = column_find(view, list->name[i], &column);
        if (found != FOUND_NAME && found != FOUND_NUMBER)
            return column_unknown(view, option, list->name[i], found);
        weft_status st = column_set(view, option, column, is_label, columns);
        if (st != WEFT_OK)
            return st;
    }
    return WEFT_OK;
}

/* Without ?label: the last column that is not left out. */
static weft_status last_set(const struct view *view, struct csv_columns *columns)
{
    size_t column = columns->count;
    while (column > 0 && columns->role[column - 1] != CSV_FEATURE)
        column--;
    return column > 0 ? column_set(view, "label", column - 1, true, columns) : WEFT_OK;
}

/* For TARGET_NOTHING: those of a list that are there, and are not left out yet. */
static void list_leave_out(const struct view *view, const struct names *list, enum found how, struct csv_columns *columns)
{
    for (size_t i = 0; i < list->count; i++) {
        size_t column;
        if (column_find(view, list->name[i], &column) == how && columns->role[column] == CSV_FEATURE) {
            columns->role[column] = CSV_LEFT_OUT;
            columns->features--;
        }
    }
}

/* What the header names is left out; then, while there are too many columns, what is to be dropped by number, and what would be
 * the labels. */
static void labels_leave_out(const struct view *view, struct csv_columns *columns)
{
    const struct csv_options *options = view->options;
    size_t wanted = view->request->features;    /* 0, if it is not known: there are always too many */
    list_leave_out(view, &options->drop, FOUND_NAME, columns);
    list_leave_out(view, &options->label, FOUND_NAME, columns);
    if (columns->features > wanted)
        list_leave_out(view, &options->drop, FOUND_NUMBER, columns);
    if (columns->features > wanted)
        list_leave_out(view, &options->label, FOUND_NUMBER, columns);
    if (columns->features > wanted && options->label.count == 0)
        (void)last_set(view, columns);          /* there is one, and it was a feature */
    for (size_t i = 0; i < columns->count; i++)
        columns->role[i] = columns->role[i] == CSV_FEATURE ? CSV_FEATURE : CSV_LEFT_OUT;
    columns->labels = 0;
}

static weft_status features_check(const struct view *view, const struct csv_columns *columns)
{
    const char *path = view->scan->window.name;
    size_t wanted = view->request->features;
    if (columns->features == 0)
        return error_set(WEFT_EDATA, "read %s:%zu: none of the %zu columns is a feature; wanted one or more beside the label",
                         path, view->first->line, columns->count);
    if (wanted != 0 && columns->features != wanted)
        return error_set(WEFT_EDATA, "read %s:%zu: found %zu features (%zu columns, %zu of them labels or left out), wanted %zu",
                         path, view->first->line, columns->features, columns->count, columns->count - columns->features, wanted);
    return WEFT_OK;
}

static weft_status roles_set(const struct view *view, struct csv_columns *columns)
{
    const struct csv_options *options = view->options;
    weft_status st;
    columns->features = columns->count;
    columns->labels = 0;
    for (size_t i = 0; i < columns->count; i++)
        columns->role[i] = CSV_FEATURE;
    if (view->request->target == TARGET_NOTHING) {
        labels_leave_out(view, columns);
    } else {
        if ((st = list_set(view, "drop", &options->drop, false, columns)) != WEFT_OK)
            return st;
        st = options->label.count != 0 ? list_set(view, "label", &options->label, true, columns) : last_set(view, columns);
        if (st != WEFT_OK)
            return st;
    }
    return features_check(view, columns);
}

/* ---- The header ---- */

/* Neither a number nor missing. */
static bool is_text(const struct csv_cell *cell)
{
    float value;
    return decimal_read(cell->text, cell->length, &value) == DECIMAL_NONE && !csv_is_missing(cell);
}

static bool has_name_of(const struct csv_row *row, const struct names *list)
{
    for (size_t i = 0; i < list->count; i++) {
        size_t column;
        if (by_number(list->name[i], row->count, &column) == FOUND_NOT && by_name(row, list->name[i], &column) != FOUND_NOT)
            return true;
    }
    return false;
}

/* With columns->role as it is without a header. */
static bool is_header(const struct csv_columns *columns, const struct csv_row *first, const struct csv_row *second)
{
    for (size_t i = 0; i < first->count; i++) {
        if (columns->role[i] == CSV_FEATURE && is_text(&first->cell[i]))
            return true;
        if (columns->role[i] != CSV_FEATURE && i < second->count && is_text(&first->cell[i]) && !is_text(&second->cell[i]) &&
            !csv_is_missing(&second->cell[i]))
            return true;
    }
    return false;
}

static weft_status header_keep(const struct view *view, struct csv_columns *columns)
{
    for (size_t i = 0; i < view->first->count; i++)
        if (names_add(&columns->header, view->first->cell[i].text, view->first->cell[i].length) != WEFT_OK)
            return WEFT_ENOMEM;
    return WEFT_OK;
}

weft_status csv_columns_find(const struct csv_options *options, const struct read_request *request, struct csv_scan *scan,
                             const struct csv_row *first, const struct csv_row *second, struct csv_columns *columns)
{
    weft_status st = WEFT_OK;
    struct view view = {options, request, scan, first, options->header == CSV_HEADER_YES};
    columns->count = first->count;
    columns->role = memory_new(first->count, sizeof *columns->role);
    if (columns->role == NULL)
        return WEFT_ENOMEM;
    if (options->header == CSV_HEADER_AUTO)
        view.has_header = has_name_of(first, &options->label) || has_name_of(first, &options->drop);
    if (options->header == CSV_HEADER_AUTO && !view.has_header) {
        if ((st = roles_set(&view, columns)) != WEFT_OK)
            return st;
        view.has_header = is_header(columns, first, second);
    }
    if (view.has_header && (st = header_keep(&view, columns)) != WEFT_OK)
        return st;
    scan->header = &columns->header;
    return roles_set(&view, columns);
}

void csv_columns_close(struct csv_columns *columns)
{
    memory_free(columns->role);
    names_free(&columns->header);
    *columns = (struct csv_columns){0};
}
