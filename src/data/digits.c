/* The built-in data: a balanced set of pen-drawn digits, as a data source and as files.
 *
 * Training picture i is row i of the generator, test picture i is row 2^31 + i: neither depends on how many there are, so a
 * larger set begins with the smaller one. */
#include <limits.h>
#include <stdio.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"
#include "data/idx.h"
#include "data/pen.h"
#include "data/readers.h"
#include "data/uri.h"
#include "parallel/team.h"
#include "store/file.h"
#include "weft/dataset.h"

enum { ROWS_MOST = 10 * 1000 * 1000 };

static const uint32_t TEST_ROW = UINT32_C(1) << 31;

/* Every ten rows hold every class once, in a random order of their own. */
static size_t row_label(uint64_t seed, uint32_t row)
{
    uint32_t order[DIGIT_CLASSES], number = row & (TEST_ROW - 1);
    uint64_t block = (uint64_t)(row / TEST_ROW) << 32 | number / DIGIT_CLASSES;     /* no block has training and test rows */
    rng_permutation(seed, RNG_DIGITS, block, DIGIT_CLASSES, order);
    return order[number % DIGIT_CLASSES];
}

/* Rows first .. first + count - 1 into pixel, count x 784. */
struct drawing {
    uint64_t seed;
    uint32_t first;
    size_t count, threads;
    uint8_t *pixel;
    unsigned float_mode;                /* the caller's: a team has another */
};

static void share_draw(void *context, size_t rank)
{
    const struct drawing *d = context;
    team_float_mode_leave(d->float_mode);
    for (size_t i = d->count * rank / d->threads; i < d->count * (rank + 1) / d->threads; i++) {
        uint32_t row = d->first + (uint32_t)i;
        pen_draw(d->seed, row, row_label(d->seed, row), d->pixel + i * DIGIT_PIXELS);
    }
}

/* Where there are no threads to be had, one will do. */
static weft_status rows_draw(uint64_t seed, uint32_t first, size_t count, uint8_t *pixel)
{
    size_t threads = team_threads(0, count, NULL), cores = team_cores();
    struct team team;
    threads = threads < cores ? threads : cores;        /* nothing here waits for another thread: more are of no use */
    weft_status st = team_create(&team, threads);
    if (st == WEFT_ERESOURCE)
        st = team_create(&team, 1);
    if (st != WEFT_OK)
        return st;
    unsigned mode = team_float_mode_enter();
    team_float_mode_leave(mode);
    struct drawing drawing = {seed, first, count, team.size, pixel, mode};
    return team_run(&team, share_draw, &drawing);
}

/* ---- As a data source ---- */

static weft_status table_draw(uint64_t seed, uint32_t first, size_t count, struct table *table)
{
    if (count == 0)
        return WEFT_OK;
    table->pixel = memory_new(count, DIGIT_PIXELS);
    table->label = memory_new(count, sizeof *table->label);
    if (table->pixel == NULL || table->label == NULL) {
        table_free(table);
        return WEFT_ENOMEM;
    }
    weft_status st = rows_draw(seed, first, count, table->pixel);
    if (st != WEFT_OK) {
        table_free(table);
        return st;
    }
    for (size_t i = 0; i < count; i++)
        table->label[i] = (int32_t)row_label(seed, first + (uint32_t)i);
    table->count = count;
    table->features = DIGIT_PIXELS;
    table->height = table->width = DIGIT_SIDE;
    table->channels = 1;
    return WEFT_OK;
}

weft_status digits_read(const struct read_request *request, struct source *source)
{
    uint64_t train_rows = 60000, test_rows = 10000, seed = 1;
    const struct uri_option known[] = {
        {"train", &train_rows, 1, ROWS_MOST, NULL}, {"test", &test_rows, 0, ROWS_MOST, NULL}, {"seed", &seed, 0, UINT64_MAX, NULL}};
    weft_status st = uri_options_read("digits", request->options, known, sizeof known / sizeof known[0]);
    if (st == WEFT_OK)
        st = table_draw(seed, 0, (size_t)train_rows, &source->train);
    if (st == WEFT_OK)
        st = table_draw(seed, TEST_ROW, (size_t)test_rows, &source->test);
    if (st != WEFT_OK)
        source_free(source);
    return st;
}

/* ---- As files ---- */

static weft_status file_put(const char *directory, const char *name, const uint8_t *bytes, size_t size_bytes)
{
    char path[PATH_MAX];
    int length = snprintf(path, sizeof path, "%s/%s", directory, name);
    if (length < 0 || (size_t)length >= sizeof path)
        return error_set(WEFT_ECREATE, "write %s in %s: the path is longer than %d bytes", name, directory, PATH_MAX - 1);
    return file_replace(path, bytes, size_bytes);
}

static weft_status images_write(const char *directory, const char *name, uint64_t seed, uint32_t first, size_t count)
{
    const size_t dim[] = {count, DIGIT_SIDE, DIGIT_SIDE};
    uint8_t *bytes = memory_new(IDX_HEADER_BYTES_MAX + count * DIGIT_PIXELS, 1);
    if (bytes == NULL)
        return WEFT_ENOMEM;
    size_t header = idx_header(3, dim, bytes);
    weft_status st = rows_draw(seed, first, count, bytes + header);
    if (st == WEFT_OK)
        st = file_put(directory, name, bytes, header + count * DIGIT_PIXELS);
    memory_free(bytes);
    return st;
}

static weft_status labels_write(const char *directory, const char *name, uint64_t seed, uint32_t first, size_t count)
{
    uint8_t *bytes = memory_new(IDX_HEADER_BYTES_MAX + count, 1);
    if (bytes == NULL)
        return WEFT_ENOMEM;
    size_t header = idx_header(1, &count, bytes);
    for (size_t i = 0; i < count; i++)
        bytes[header + i] = (uint8_t)row_label(seed, first + (uint32_t)i);
    weft_status st = file_put(directory, name, bytes, header + count);
    memory_free(bytes);
    return st;
}

weft_status weft_digits_write(const char *directory, size_t train_rows, size_t test_rows, uint64_t seed)
{
    weft_status st;
    if (directory == NULL || train_rows < 1 || train_rows > ROWS_MOST || test_rows < 1 || test_rows > ROWS_MOST)
        return error_set(WEFT_EINVAL, "write digits: %zu training and %zu test rows%s, wanted 1 to %d of each and a"
                         " directory", train_rows, test_rows, directory == NULL ? ", no directory" : "", (int)ROWS_MOST);
    if ((st = file_make_directory(directory)) != WEFT_OK) goto done;
    if ((st = images_write(directory, "train-images-idx3-ubyte", seed, 0, train_rows)) != WEFT_OK) goto done;
    if ((st = labels_write(directory, "train-labels-idx1-ubyte", seed, 0, train_rows)) != WEFT_OK) goto done;
    if ((st = images_write(directory, "t10k-images-idx3-ubyte", seed, TEST_ROW, test_rows)) != WEFT_OK) goto done;
    st = labels_write(directory, "t10k-labels-idx1-ubyte", seed, TEST_ROW, test_rows);
done:
    return st == WEFT_OK ? st : error_context(st, "write digits to %s", directory);
}
