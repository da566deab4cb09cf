/* FANN, in its nearest forms: it has no ReLU, no softmax and no cross-entropy, so the hidden layers are FANN_LINEAR_PIECE
 * (a ReLU that ends at 1), the outputs sigmoids and the error their squares. It runs one thread.
 *
 *     fann DIR SECONDS FORM BATCH WIDTH WIDTH...     DIR holds unpacked IDX files
 *
 * FORM is minibatch (FANN_TRAIN_BATCH over data sets of BATCH rows, made beforehand), incremental (an update after every
 * row, FANN's usual way) or all. Prints {form: samples/s} as JSON. */
#include <floatfann.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_LAYERS = 16, MOST_ROWS = 16384, HEADER_IMAGES = 16, HEADER_LABELS = 8 };

struct rows { size_t count, features; unsigned char *pixel, *label; };

struct trainer { struct fann *net; struct fann_train_data **batch; size_t batches; };

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void give_up(const char *what, const char *about)
{
    fprintf(stderr, "fann: %s %s\n", what, about);
    exit(1);
}

static FILE *open_in(const char *directory, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "rb");
    if (!file) give_up("cannot open", path);
    return file;
}

static unsigned char *read_bytes(FILE *file, size_t size)
{
    unsigned char *bytes = malloc(size);
    if (!bytes || fread(bytes, 1, size, file) != size) give_up("cannot read", "the rows");
    return bytes;
}

/* The number of items of an IDX file; leaves the file at the first of them. */
static size_t read_header(FILE *file, size_t size)
{
    unsigned char *header = read_bytes(file, size);
    size_t count = (size_t)header[4] << 24 | (size_t)header[5] << 16 | (size_t)header[6] << 8 | header[7];
    free(header);
    return count;
}

/* The first rows will do: they are in random order, and FANN keeps them as floats. */
static struct rows read_rows(const char *directory, size_t features, size_t batch)
{
    FILE *images = open_in(directory, "train-images-idx3-ubyte"), *labels = open_in(directory, "train-labels-idx1-ubyte");
    size_t count = read_header(images, HEADER_IMAGES);
    read_header(labels, HEADER_LABELS);
    count = (count < MOST_ROWS ? count : MOST_ROWS) / batch * batch;
    struct rows rows = { count, features, read_bytes(images, count * features), read_bytes(labels, count) };
    fclose(images);
    fclose(labels);
    return rows;
}

static struct fann_train_data *make_batch(const struct rows *rows, size_t first, size_t count, size_t classes)
{
    struct fann_train_data *data = fann_create_train((unsigned)count, (unsigned)rows->features, (unsigned)classes);
    if (!data) give_up("no memory for", "a batch");
    for (size_t n = 0; n < count; n++) {
        for (size_t i = 0; i < rows->features; i++)
            data->input[n][i] = (fann_type)rows->pixel[(first + n) * rows->features + i] / 255;
        for (size_t c = 0; c < classes; c++) data->output[n][c] = rows->label[first + n] == c;
    }
    return data;
}

static struct trainer trainer_new(const struct rows *rows, size_t batch, const unsigned *width, unsigned layers)
{
    struct trainer t = { fann_create_standard_array(layers, width), NULL, rows->count / batch };
    t.batch = malloc(t.batches * sizeof *t.batch);
    if (!t.net || !t.batch) give_up("no memory for", "the network");
    for (size_t b = 0; b < t.batches; b++) t.batch[b] = make_batch(rows, b * batch, batch, width[layers - 1]);
    fann_set_activation_function_hidden(t.net, FANN_LINEAR_PIECE);
    fann_set_activation_function_output(t.net, FANN_SIGMOID);
    fann_set_train_error_function(t.net, FANN_ERRORFUNC_LINEAR);
    fann_set_learning_rate(t.net, 0.01F);
    return t;
}

/* Steps per second after a warm-up of a quarter of the time. */
static double steps_per_s(const struct trainer *t, double seconds)
{
    size_t steps = 0, counted_from = 0;
    double start = now_s(), time = start, warm_until = start + seconds / 4;
    for (int warm = 0; !warm || time - start < seconds || steps - counted_from < 2; time = now_s()) {
        fann_train_epoch(t->net, t->batch[steps++ % t->batches]);
        if (!warm && now_s() >= warm_until) {
            warm = 1;
            counted_from = steps;
            start = now_s();
        }
    }
    return (double)(steps - counted_from) / (time - start);
}

int main(int argc, char **argv)
{
    static const struct { const char *name; enum fann_train_enum algorithm; } form[] = {
        { "minibatch", FANN_TRAIN_BATCH }, { "incremental", FANN_TRAIN_INCREMENTAL } };
    unsigned width[MOST_LAYERS], layers = 0;
    if (argc < 7 || argc - 5 > MOST_LAYERS) give_up("usage:", "fann DIR SECONDS FORM BATCH WIDTH WIDTH...");
    double seconds = atof(argv[2]);
    size_t batch = strtoul(argv[4], NULL, 10);
    for (int i = 5; i < argc; i++) width[layers++] = (unsigned)strtoul(argv[i], NULL, 10);
    if (batch == 0 || width[0] == 0) give_up("not a size:", argv[4]);

    struct rows rows = read_rows(argv[1], width[0], batch);
    if (rows.count == 0) give_up("fewer rows than a batch in", argv[1]);
    struct trainer t = trainer_new(&rows, batch, width, layers);
    const char *comma = "{";
    for (size_t f = 0; f < sizeof form / sizeof form[0]; f++)
        if (strcmp(argv[3], "all") == 0 || strcmp(argv[3], form[f].name) == 0) {
            fann_set_training_algorithm(t.net, form[f].algorithm);
            printf("%s\"%s\": %.6g", comma, form[f].name, (double)batch * steps_per_s(&t, seconds));
            comma = ", ";
        }
    if (comma[0] == '{') give_up("no form", argv[3]);
    puts("}");
    return 0;
}
