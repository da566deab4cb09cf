/* See arrays.h. A shape is a claim: memory begins in proportion to what is stored and grows as numbers really come; what can be
 * said of shapes alone (rows of X and y that differ, a wrong number of features) is said before any number is read. */
#include "data/arrays.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "data/shown.h"
#include "data/uri.h"

static const double SHARES_TOLERANCE = 1e-3;    /* files hold shares rounded to a few digits */

enum { LIST_BYTES = 256 };

size_t array_size_bytes(const struct number_array *array, size_t first, size_t element_bytes)
{
    size_t size_bytes = element_bytes;
    for (size_t i = first; i < array->rank; i++)
        if (__builtin_mul_overflow(size_bytes, array->dim[i], &size_bytes) || size_bytes > SIZE_MAX / 8)
            return SIZE_MAX;
    return size_bytes;
}

static size_t rows_of(const struct number_array *array)
{
    return array->dim[0];
}

static size_t columns_of(const struct number_array *array)
{
    return array_size_bytes(array, 1, 1);
}

/* ---- Numbers ---- */

static double number_real(enum number_type type, const void *number, size_t i)
{
    switch (type) {
    case NUMBER_U8: return ((const uint8_t *)number)[i];
    case NUMBER_I64: return (double)((const int64_t *)number)[i];
    case NUMBER_U64: return (double)((const uint64_t *)number)[i];
    case NUMBER_F32: return (double)((const float *)number)[i];
    case NUMBER_F64: return ((const double *)number)[i];
    }
    return NAN;
}

/* From number `first` on. Each is rounded once. */
static void numbers_to_floats(enum number_type type, const void *number, size_t first, size_t count, float *out)
{
    switch (type) {
    case NUMBER_U8:
        for (size_t i = 0; i < count; i++)
            out[i] = ((const uint8_t *)number)[first + i];
        break;
    case NUMBER_I64:
        for (size_t i = 0; i < count; i++)
            out[i] = (float)((const int64_t *)number)[first + i];
        break;
    case NUMBER_U64:
        for (size_t i = 0; i < count; i++)
            out[i] = (float)((const uint64_t *)number)[first + i];
        break;
    case NUMBER_F32:
        memcpy(out, (const float *)number + first, count * sizeof *out);
        break;
    case NUMBER_F64:
        for (size_t i = 0; i < count; i++)
            out[i] = (float)((const double *)number)[first + i];
        break;
    }
}

/* ---- Numbers to rows of a table ---- */

enum role { ROLE_PIXEL, ROLE_VALUE, ROLE_LABEL, ROLE_SHARE, ROLE_SCORE, ROLE_TARGET };

/* One array of a table being filled. */
struct filling {
    const struct number_array *array;
    enum role role;
    size_t rows, columns, element_bytes;        /* when it is full */
    size_t capacity;                            /* elements that there is memory for */
    void *at;
};

/* Up to the last element of a tile. By elements, since a single row may say that it is larger than any memory. */
static weft_status make_room(struct filling *f, const struct number_tile *tile)
{
    size_t wanted = (tile->row + tile->rows - 1) * f->columns + tile->column + tile->columns, all = f->rows * f->columns;
    size_t larger = f->array->first_bytes / f->element_bytes;
    if (wanted <= f->capacity)
        return WEFT_OK;
    larger = larger > 2 * f->capacity ? larger : 2 * f->capacity;
    larger = larger > wanted ? larger : wanted;
    larger = larger < all ? larger : all;
    void *grown = f->at == NULL ? memory_reserve(larger, f->element_bytes)
                                : memory_grow(f->at, f->capacity, larger, f->element_bytes);
    if (grown == NULL)
        return error_context(WEFT_ENOMEM, "read %s", f->array->name);
    f->at = grown;
    f->capacity = larger;
    return WEFT_OK;
}

/* Number `column` of row `row` of a tile. */
static weft_status refuse(const struct filling *f, const struct number_tile *tile, size_t row, size_t column)
{
    static const char *const wanted[] = {
        [ROLE_VALUE] = "a number that a float holds, or NaN where it is missing",
        [ROLE_LABEL] = "the number of a class: whole, from 0 to 2147483647",
        [ROLE_SHARE] = "the share of a class: 0 or more, and 1 in the whole row",
        [ROLE_SCORE] = "a number from 0 to 1", [ROLE_TARGET] = "a number that a float holds"};
    double found = number_real(f->array->type, tile->number, row * tile->stride + column);
    row += tile->row;
    column += tile->column;
    if (f->columns == 1)
        return error_set(WEFT_EDATA, "read %s: row %zu is %.10g, wanted %s", f->array->name, row, found, wanted[f->role]);
    return error_set(WEFT_EDATA, "read %s: row %zu, column %zu is %.10g, wanted %s", f->array->name, row, column, found,
                     wanted[f->role]);
}

/* Infinity is refused, a NaN becomes the usual one: the digest of the data is of bits. Returns the place of an infinity, or
 * count. */
static size_t values_check(float *value, size_t count)
{
    uint32_t special = 0, bits;
    for (size_t i = 0; i < count; i++) {
        memcpy(&bits, &value[i], sizeof bits);
        special |= (bits & 0x7f800000) == 0x7f800000;
    }
    for (size_t i = 0; special != 0 && i < count; i++) {
        if (isinf(value[i]))
            return i;
        if (isnan(value[i]))
            value[i] = NAN;
    }
    return count;
}

static size_t targets_check(enum role role, const float *target, size_t count)
{
    float least = role == ROLE_TARGET ? -INFINITY : 0, most = role == ROLE_SCORE ? 1 : INFINITY;
    for (size_t i = 0; i < count; i++)
        if (!isfinite(target[i]) || target[i] < least || target[i] > most)
            return i;
    return count;
}

/* Whole rows that lie one behind the other are one piece, else each row is one. */
struct pieces { size_t count, length; };

static struct pieces cut(const struct filling *f, const struct number_tile *tile)
{
    bool is_one = tile->columns == f->columns && (tile->stride == tile->columns || tile->rows == 1);
    return (struct pieces){is_one ? 1 : tile->rows, is_one ? tile->rows * tile->columns : tile->columns};
}

static weft_status take_floats(void *filling, const struct number_tile *tile)
{
    struct filling *f = filling;
    weft_status st = make_room(f, tile);
    if (st != WEFT_OK)
        return st;
    struct pieces pieces = cut(f, tile);
    for (size_t p = 0; p < pieces.count; p++) {
        float *out = (float *)f->at + (tile->row + p) * f->columns + tile->column;
        numbers_to_floats(f->array->type, tile->number, p * tile->stride, pieces.length, out);
        size_t wrong = f->role == ROLE_VALUE ? values_check(out, pieces.length) : targets_check(f->role, out, pieces.length);
        if (wrong < pieces.length)
            return refuse(f, tile, p + wrong / tile->columns, wrong % tile->columns);
    }
    return WEFT_OK;
}

static weft_status take_pixels(void *filling, const struct number_tile *tile)
{
    struct filling *f = filling;
    weft_status st = make_room(f, tile);
    if (st != WEFT_OK)
        return st;
    const uint8_t *from = tile->number;
    struct pieces pieces = cut(f, tile);
    for (size_t p = 0; p < pieces.count; p++)
        memcpy((uint8_t *)f->at + (tile->row + p) * f->columns + tile->column, from + p * tile->stride, pieces.length);
    return WEFT_OK;
}

static weft_status take_labels(void *filling, const struct number_tile *tile)
{
    struct filling *f = filling;
    weft_status st = make_room(f, tile);
    for (size_t i = 0; st == WEFT_OK && i < tile->rows; i++) {
        double number = number_real(f->array->type, tile->number, i * tile->stride);
        if (!(number >= 0 && number <= INT32_MAX && floor(number) == number))
            return refuse(f, tile, i, 0);
        ((int32_t *)f->at)[tile->row + i] = (int32_t)number;
    }
    return st;
}

static weft_status shares_check(const struct filling *f)
{
    const float *share = f->at;
    for (size_t n = 0; n < f->rows; n++) {
        double sum = 0;
        for (size_t k = 0; k < f->columns; k++)
            sum += (double)share[n * f->columns + k];
        if (!(fabs(sum - 1) <= SHARES_TOLERANCE))
            return error_set(WEFT_EDATA, "read %s: the %zu shares of row %zu add up to %.9g, wanted 1", f->array->name,
                             f->columns, n, sum);
    }
    return WEFT_OK;
}

/* All of an array; *at is NULL on failure. */
static weft_status fill(const struct array_format *format, struct number_array *array, enum role role, void **at)
{
    static const struct { number_visit *take; size_t element_bytes; } how[] = {
        [ROLE_PIXEL] = {take_pixels, sizeof(uint8_t)}, [ROLE_VALUE] = {take_floats, sizeof(float)},
        [ROLE_LABEL] = {take_labels, sizeof(int32_t)}, [ROLE_SHARE] = {take_floats, sizeof(float)},
        [ROLE_SCORE] = {take_floats, sizeof(float)}, [ROLE_TARGET] = {take_floats, sizeof(float)}};
    struct filling f = {.array = array, .role = role, .rows = rows_of(array), .columns = columns_of(array),
                        .element_bytes = how[role].element_bytes};
    weft_status st = format->read(array, how[role].take, &f);
    if (st == WEFT_OK && role == ROLE_SHARE)
        st = shares_check(&f);
    if (st != WEFT_OK) {
        memory_free(f.at);
        f.at = NULL;
    }
    *at = f.at;
    return st;
}

/* ---- Shapes ---- */

static void shape_add(struct text *text, const struct number_array *array)
{
    text_add(text, "[");
    for (size_t i = 0; i < array->rank; i++)
        text_add(text, "%s%zu", i == 0 ? "" : ", ", array->dim[i]);
    text_add(text, "]");
}

static weft_status shape_refuse(const struct number_array *array, const char *wanted)
{
    char shape[LIST_BYTES];
    struct text text = {shape, sizeof shape, 0};
    shape_add(&text, array);
    return error_set(WEFT_EDATA, "read %s: its shape is %s, wanted %s", array->name, shape, wanted);
}

static weft_status inputs_check(const struct number_array *x, const struct read_request *request)
{
    if (x->rank < 2)
        return shape_refuse(x, "2 dimensions or more: rows, then features");
    if (array_size_bytes(x, 0, 8) == SIZE_MAX || array_size_bytes(x, 1, 8) == SIZE_MAX)
        return shape_refuse(x, "as many numbers as a memory can hold");
    if (columns_of(x) == 0)
        return shape_refuse(x, "at least one feature");
    if (rows_of(x) > UINT32_MAX)
        return shape_refuse(x, "at most 4294967295 rows");
    if (request->features != 0 && columns_of(x) != request->features)
        return error_set(WEFT_EDATA, "read %s: a row has %zu features, wanted %zu", x->name, columns_of(x), request->features);
    return WEFT_OK;
}

static weft_status labels_check(const struct number_array *y, const struct number_array *x)
{
    if (y->rank < 1)
        return shape_refuse(y, "one label or row of labels for each row");
    if (rows_of(y) != rows_of(x))
        return error_set(WEFT_EDATA, "read %s: %zu rows, but %s has %zu", y->name, rows_of(y), x->name, rows_of(x));
    if (array_size_bytes(y, 0, 8) == SIZE_MAX || array_size_bytes(y, 1, 8) == SIZE_MAX)
        return shape_refuse(y, "as many numbers as a memory can hold");
    if (columns_of(y) == 0)
        return shape_refuse(y, "at least one label a row");
    return WEFT_OK;
}

/* Rows of rank 2 are pictures of one channel; of rank 3, channels first. Channels last is no picture to Weft where that makes
 * another order of the features: the pictures of the weights are drawn from planes. */
static void picture_find(const struct number_array *x, struct table *table)
{
    const size_t *dim = x->dim;
    bool last = x->rank == 4 && (dim[3] == 1 || dim[3] == 3 || dim[3] == 4);
    bool planes = x->rank == 4 && !last && (dim[1] == 1 || dim[1] == 3);
    if (planes) {
        table->channels = dim[1];
        table->height = dim[2];
        table->width = dim[3];
    } else if (x->rank == 3 || (last && dim[3] == 1)) {
        table->channels = 1;
        table->height = dim[1];
        table->width = dim[2];
    }
}

/* ---- X and y to a table ---- */

static enum role label_role(const struct number_array *y, enum target_kind target)
{
    if (target == TARGET_VALUES)
        return ROLE_TARGET;
    if (target == TARGET_SCORES)
        return y->rank == 1 ? ROLE_LABEL : ROLE_SCORE;
    return columns_of(y) == 1 ? ROLE_LABEL : ROLE_SHARE;
}

static weft_status labels_fill(const struct array_format *format, struct number_array *y, enum target_kind target,
                               struct table *table)
{
    enum role role = label_role(y, target);
    void *at;
    weft_status st = fill(format, y, role, &at);
    if (st != WEFT_OK)
        return st;
    if (role == ROLE_LABEL) {
        table->label = at;
    } else {
        table->target = at;
        table->targets = columns_of(y);
    }
    return WEFT_OK;
}

static weft_status inputs_fill(const struct array_format *format, struct number_array *x, struct table *table)
{
    bool is_bytes = x->type == NUMBER_U8;
    void *at;
    weft_status st = fill(format, x, is_bytes ? ROLE_PIXEL : ROLE_VALUE, &at);
    if (st != WEFT_OK)
        return st;
    table->pixel = is_bytes ? at : NULL;
    table->value = is_bytes ? NULL : at;
    table->count = rows_of(x);
    table->features = columns_of(x);
    picture_find(x, table);
    return WEFT_OK;
}

/* y_name NULL: without labels. A table of no rows stays all zero. */
static weft_status table_read(const struct read_request *request, const struct array_format *format, void *file,
                              const char *x_name, const char *y_name, struct table *table)
{
    struct number_array x = {0}, y = {0};
    bool x_open = false, y_open = false;
    weft_status st;
    if ((st = format->open(file, x_name, &x)) != WEFT_OK) goto done;
    x_open = true;
    if ((st = inputs_check(&x, request)) != WEFT_OK) goto done;
    if (y_name != NULL) {
        if ((st = format->open(file, y_name, &y)) != WEFT_OK) goto done;
        y_open = true;
        if ((st = labels_check(&y, &x)) != WEFT_OK) goto done;
    }
    if (rows_of(&x) == 0) goto done;
    if ((st = inputs_fill(format, &x, table)) != WEFT_OK) goto done;
    if (y_name != NULL)
        st = labels_fill(format, &y, request->target, table);
done:
    if (y_open)
        format->close(&y);
    if (x_open)
        format->close(&x);
    return st;
}

/* ---- Names ---- */

/* The names of the arrays of one file; a name that is NULL is not wanted. */
struct choice { const char *x, *y, *x_test, *y_test; };

static const struct choice USUAL[] = {
    {"X", "y", "X_test", "y_test"},
    {"x_train", "y_train", "x_test", "y_test"},         /* Keras */
    {"X_train", "y_train", "X_test", "y_test"},         /* scikit-learn */
    {"data", "label", NULL, NULL},                      /* Caffe */
    {"data", "labels", NULL, NULL},
    {"images", "labels", NULL, NULL},
    {"train_images", "train_labels", "test_images", "test_labels"},     /* MedMNIST */
};
enum { USUALS = sizeof USUAL / sizeof USUAL[0] };
#define USUAL_X "X, x_train, X_train, data, images or train_images"

/* Which of the arrays are there. */
struct found { bool x, y, x_test, y_test; };

/* Rows of an array that was named are not mixed with those of one that was not: a name of a training array alone means that
 * there are no test rows. */
static struct choice merge(const struct choice *given, const struct choice *usual)
{
    bool test = given->x_test != NULL || given->y_test != NULL, train = given->x != NULL || given->y != NULL;
    struct choice choice = {given->x != NULL ? given->x : usual->x, given->y != NULL ? given->y : usual->y, NULL, NULL};
    if (test || !train) {
        choice.x_test = given->x_test != NULL ? given->x_test : usual->x_test;
        choice.y_test = given->y_test != NULL ? given->y_test : usual->y_test;
    }
    return choice;
}

static weft_status find_all(const struct array_format *format, void *file, const struct choice *choice, bool needs_labels,
                            struct found *found)
{
    const char *const name[] = {choice->x, choice->x_test, needs_labels ? choice->y : NULL, needs_labels ? choice->y_test : NULL};
    bool *const is_there[] = {&found->x, &found->x_test, &found->y, &found->y_test};
    weft_status st = WEFT_OK;
    *found = (struct found){0};
    for (size_t i = 0; i < 4 && st == WEFT_OK; i++)
        if (name[i] != NULL)
            st = format->has(file, name[i], is_there[i]);
    return st;
}

/* The first of the usual sets whose training arrays are all there; failing that, one that has some of them. */
static weft_status choose(const struct array_format *format, void *file, const struct choice *given, bool needs_labels,
                          struct choice *choice, struct found *found)
{
    *choice = merge(given, &USUAL[0]);
    *found = (struct found){0};
    for (size_t i = 0; i < USUALS; i++) {
        struct choice next = merge(given, &USUAL[i]);
        struct found there;
        weft_status st = find_all(format, file, &next, needs_labels, &there);
        if (st != WEFT_OK)
            return st;
        bool complete = there.x && (there.y || !needs_labels), better = there.x && !found->x;
        if (complete || better || (there.x_test && !found->x && !found->x_test)) {
            *choice = next;
            *found = there;
        }
        if (complete)
            break;
    }
    return WEFT_OK;
}

static weft_status not_there(const struct array_format *format, void *file, const char *where, const char *wanted)
{
    struct names names = {0};
    weft_status st = format->list(file, &names);
    if (st == WEFT_OK)
        st = error_set(WEFT_ENOINPUT, "read %s:%s: it has no array %s; it has: %s", format->kind, where, wanted,
                       names.count != 0 ? listed(&names).text : "none");
    names_free(&names);
    return st;
}

static weft_status missing(const struct array_format *format, void *file, const char *where, const char *there,
                           const char *name)
{
    char wanted[LIST_BYTES];
    (void)snprintf(wanted, sizeof wanted, "%.80s to go with %.80s", name != NULL ? name : "of labels", there);
    return not_there(format, file, where, wanted);
}

/* Every array that is needed or was named is there. */
static weft_status found_check(const struct array_format *format, void *file, const struct read_request *request,
                               const struct choice *given, const struct choice *choice, const struct found *found)
{
    bool needs_labels = request->target != TARGET_NOTHING;
    const char *where = request->where;
    if (given->x != NULL && !found->x)
        return not_there(format, file, where, given->x);
    if (given->x_test != NULL && !found->x_test)
        return not_there(format, file, where, given->x_test);
    if (!found->x && (needs_labels || !found->x_test))
        return not_there(format, file, where, USUAL_X);
    if (!needs_labels)
        return WEFT_OK;
    if (!found->y)
        return missing(format, file, where, choice->x, choice->y);
    if (given->y_test != NULL && !found->y_test)
        return not_there(format, file, where, given->y_test);
    if (found->x_test && !found->y_test)
        return missing(format, file, where, choice->x_test, choice->y_test);
    if (found->y_test && !found->x_test)
        return missing(format, file, where, choice->y_test, choice->x_test);
    return WEFT_OK;
}

/* ---- The whole ---- */

static weft_status tables_read(const struct read_request *request, const struct array_format *format, void *file,
                               const struct choice *given, struct source *source)
{
    bool needs_labels = request->target != TARGET_NOTHING;
    struct choice choice;
    struct found found;
    weft_status st = choose(format, file, given, needs_labels, &choice, &found);
    if (st == WEFT_OK)
        st = found_check(format, file, request, given, &choice, &found);
    if (st == WEFT_OK && found.x)
        st = table_read(request, format, file, choice.x, needs_labels ? choice.y : NULL, &source->train);
    if (st == WEFT_OK && found.x && source->train.count == 0)
        st = error_set(WEFT_EDATA, "read %s:%s: %s has no rows", format->kind, request->where, choice.x);
    if (st == WEFT_OK && found.x_test)
        st = table_read(request, format, file, choice.x_test, needs_labels ? choice.y_test : NULL, &source->test);
    if (st == WEFT_OK && source->train.count == 0 && source->test.count == 0)
        st = error_set(WEFT_EDATA, "read %s:%s: %s has no rows", format->kind, request->where, choice.x_test);
    size_t targets = source->train.targets;
    if (st == WEFT_OK && targets != 0 && source->test.targets != 0 && source->test.targets != targets)
        st = error_set(WEFT_EDATA, "read %s:%s: %s has %zu numbers a row, but %s has %zu", format->kind, request->where,
                       choice.y_test, source->test.targets, choice.y, targets);
    if (st == WEFT_OK && format->names != NULL)
        st = format->names(file, &source->classes);
    return st;
}

weft_status arrays_read(const struct read_request *request, const struct array_format *format, void *file,
                        struct source *source)
{
    char *name[4] = {NULL};
    const struct uri_option known[] = {{.name = "x", .text = &name[0]}, {.name = "y", .text = &name[1]},
                                       {.name = "x_test", .text = &name[2]}, {.name = "y_test", .text = &name[3]}};
    weft_status st = uri_options_read(format->kind, request->options, known, sizeof known / sizeof known[0]);
    if (st == WEFT_OK) {
        struct choice given = {name[0], name[1], name[2], name[3]};
        st = tables_read(request, format, file, &given, source);
    }
    for (size_t i = 0; i < 4; i++)
        memory_free(name[i]);
    if (st != WEFT_OK)
        source_free(source);
    return st;
}
