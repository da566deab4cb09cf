/* NumPy's files, made here byte by byte; and what arrays of any format become (arrays.c): which are taken, what their shapes
 * mean, how numbers become bytes, floats, classes and targets, and what is said of every kind of bad one. */
#include "npy_samples.h"

#include <float.h>

#include "base/fault.h"
#include "peak_samples.h"

static void swap(void *data, size_t size_bytes, size_t element_bytes)
{
    uint8_t *byte = data;
    for (size_t i = 0; i + element_bytes <= size_bytes; i += element_bytes)
        for (size_t k = 0; k < element_bytes / 2; k++) {
            uint8_t kept = byte[i + k];
            byte[i + k] = byte[i + element_bytes - 1 - k];
            byte[i + element_bytes - 1 - k] = kept;
        }
}

static weft_status read_options(const char *options, enum target_kind target, struct source *source)
{
    return read_from(npy_read, directory, options, target, source);
}

static weft_status read_class(struct source *source)
{
    return read_options("", TARGET_CLASS, source);
}

static void labels_put(const char *name)
{
    NPY_PUT(name, "|u1", "(2,)", uint8_t, 1, 0);
}

/* ---- Types ---- */

static void every_type_in_both_orders(void **state)
{
    (void)state;
    static const struct { const char *type; size_t size; uint8_t byte[16]; float want[2]; } kind[] = {
        {"b1", 1, {0, 1}, {0, 1}},
        {"i1", 1, {0x80, 0x7f}, {-128, 127}},
        {"i2", 2, {0, 0x80, 0xff, 0x7f}, {-32768, 32767}},
        {"u2", 2, {0, 0x80, 0xff, 0xff}, {32768, 65535}},
        {"i4", 4, {0, 0, 0, 0x80, 1, 0, 0, 1}, {-2147483648.0f, 16777216}},     /* 2^24 + 1: to even */
        {"u4", 4, {0xff, 0xff, 0xff, 0xff, 3, 0, 0, 1}, {4294967296.0f, 16777220}},
        {"i8", 8, {0, 0, 0, 0, 0, 0, 0, 0x80, 1, 0, 0, 0x40, 0, 0, 0x40, 0}, {-0x1p63f, 0x1.000002p54f}},  /* rounded once: up */
        {"u8", 8, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0x80}, {0x1p64f, 0x1p63f}},
        {"f2", 2, {0xff, 0x7b, 1, 0x80}, {65504, -0x1p-24f}},
        {"f2", 2, {0xff, 0x83, 0, 0x3c}, {-0x3ffp-24f, 1}},
        {"f2", 2, {0, 0x04, 0, 0x80}, {0x1p-14f, -0.0f}},
        {"f4", 4, {0xff, 0xff, 0x7f, 0x7f, 1, 0, 0, 0x80}, {FLT_MAX, -0x1p-149f}},
        {"f8", 8, {0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 1, 0, 0, 0x10, 0, 0, 0xf0, 0x3f}, {1.5f, 0x1.000002p0f}},
    };
    labels_put("y.npy");
    for (size_t i = 0; i < COUNT(kind); i++)
        for (size_t order = 0; order < 4; order++) {
            static const char mark[] = "<>|=";
            char descr[8];
            uint8_t byte[16];
            struct source source;
            memcpy(byte, kind[i].byte, 16);
            snprintf(descr, sizeof descr, "%c%s", mark[order], kind[i].type);
            if (order == 1)
                swap(byte, 2 * kind[i].size, kind[i].size);
            npy_put("X.npy", descr, "(2, 1)", byte, 2 * kind[i].size);
            assert_ok(read_class(&source));
            assert_int_equal(source.train.count, 2);
            assert_int_equal(source.train.features, 1);
            assert_null(source.train.pixel);
            if (memcmp(source.train.value, kind[i].want, sizeof kind[i].want) != 0)
                fail_msg("%s: %a %a, wanted %a %a", descr, (double)source.train.value[0], (double)source.train.value[1],
                         (double)kind[i].want[0], (double)kind[i].want[1]);
            source_free(&source);
        }
    struct source source;
    NPY_PUT("X.npy", "|u1", "(2, 3)", uint8_t, 0, 1, 2, 253, 254, 255);
    assert_ok(read_class(&source));
    assert_null(source.train.value);
    assert_memory_equal(source.train.pixel, ((uint8_t[]){0, 1, 2, 253, 254, 255}), 6);
    source_free(&source);
}

/* All 65,536 halves, against the definition in double. */
static void every_half(void **state)
{
    (void)state;
    uint16_t *half = malloc(65536 * sizeof *half);
    uint8_t *label = calloc(65536, 1);
    struct source source;
    for (size_t i = 0; i < 65536; i++)
        half[i] = (uint16_t)((i >> 10 & 31) == 31 && (i & 0x3ff) == 0 ? 0 : i);         /* no infinity */
    struct bytes header = npy_make("<f2", "False", "(65536, 1)", "", 0);
    int file = open(path_of("X.npy"), O_CREAT | O_WRONLY, 0600);
    assert_int_equal(write(file, header.at, header.size), header.size);
    assert_int_equal(write(file, half, 65536 * 2), 65536 * 2);
    close(file);
    assert_ok(read_options("", TARGET_NOTHING, &source));
    for (size_t i = 0; i < 65536; i++) {
        int exponent = half[i] >> 10 & 31, fraction = half[i] & 0x3ff;
        double size = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
        float value = source.train.value[i];
        if (exponent == 31)
            assert_true(isnan(value));
        else
            assert_true((double)value == (half[i] >> 15 ? -size : size) && !signbit(value) == !(half[i] >> 15));
    }
    source_free(&source);
    free(half);
    free(label);
}

static void types_that_are_no_numbers(void **state)
{
    (void)state;
    static const struct { const char *descr, *words; } bad[] = {
        {"|O", "'|O' (Python objects)"}, {"<U5", "'<U5' (text)"}, {"|S4", "(byte strings)"}, {"<c8", "(complex numbers)"},
        {"<m8[s]", "(spans of time)"}, {"<M8[D]", "(dates)"}, {"|V2", "(raw bytes)"}, {"<f16", "(a float of another size)"},
        {"<f1", "(a float of another size)"}, {"<i3", "unknown here"}, {"<i16", "unknown here"}, {"<u0", "unknown here"},
        {"<b2", "unknown here"}, {"<", "unknown here"}, {"", "unknown here"}, {"<f", "a float of another size"},
        {"<f4x", "a float of another size"}};
    struct source source;
    labels_put("y.npy");
    for (size_t i = 0; i < COUNT(bad); i++) {
        npy_put("X.npy", bad[i].descr, "(2, 1)", "0123456789abcdef0123456789abcdef", 32);
        assert_refused(read_class(&source), WEFT_EDATA, bad[i].words);
        assert_non_null(strstr(weft_last_error(), "X.npy: its elements are"));
    }
}

/* ---- Headers ---- */

static void headers_of_every_form(void **state)
{
    (void)state;
    static const char *const good[] = {
        "{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }",
        "{'shape': (2, 3), 'fortran_order': False, 'descr': '<i2'}",
        "{\"fortran_order\": False, \"descr\": \"<i2\", \"shape\": (2, 3,)}",
        "{'descr':'<i2','fortran_order':False,'shape':(2,3)}",
        " {\t'descr' :\n'<i2' , 'fortran_order' : False , 'shape' : ( 2L , 3L , ) , } ",
    };
    struct source source;
    labels_put("y.npy");
    for (size_t i = 0; i < COUNT(good); i++)
        for (int version = 1; version <= 3; version++) {
            struct bytes b = npy_of(version, good[i], (const int16_t[]){1, 2, 3, 4, 5, 6}, 12);
            file_put("X.npy", b.at, b.size);
            assert_ok(read_class(&source));
            assert_int_equal(source.train.features, 3);
            for (int k = 0; k < 6; k++)
                assert_true(source.train.value[k] == (float)(k + 1));
            source_free(&source);
        }
}

static void bad_headers_are_refused(void **state)
{
    (void)state;
    static const struct { const char *header, *words; } bad[] = {
        {"", "wanted '{'"},
        {"{", "wanted a key"},
        {"{}", "the keys descr, fortran_order and shape"},
        {"{'descr': '<i2', 'fortran_order': False}", "the keys descr, fortran_order and shape"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), 'more': 1}", "the keys descr, fortran_order and shape, once"},
        {"{'descr': '<i2', 'descr': '<i2', 'fortran_order': False, 'shape': (2, 3)}", "once each"},
        {"{'descr': [('a', '<i2')], 'fortran_order': False, 'shape': (2,)}", "not structures"},
        {"{'descr': ('<i2', (3,)), 'fortran_order': False, 'shape': (2,)}", "not structures"},
        {"{'descr': <i2, 'fortran_order': False, 'shape': (2, 3)}", "the name of a type"},
        {"{'descr': '<i2, \"fortran_order\": False, \"shape\": (2, 3)}", "the name of a type"},
        {"{'descr': '<i2', 'fortran_order': 0, 'shape': (2, 3)}", "True or False"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': [2, 3]}", "'(' and a shape"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (2, -3)}", "a dimension"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3.0)}", "',' or ')'"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (2, 99999999999999999999)}", "a dimension"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (2 3)}", "',' or ')'"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (,)}", "a dimension"},
        {"{'descr': '<i2' 'fortran_order': False, 'shape': (2, 3)}", "',' or '}'"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3)} x", "nothing behind"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3)", "',' or '}'"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)}",
         "at most 32 dimensions"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (2, 4)}", "says 16 bytes of numbers, but it has 12"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (2, 2)}", "says 8 bytes of numbers, but it has 12"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", "beyond any memory"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (3074457345618258602, 3)}", "beyond any memory"},   /* 2^63 + 6 */
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (6,)}", "its shape is [6], wanted 2 dimensions or more"},
        {"{'descr': '<i2', 'fortran_order': False, 'shape': (3, 2)}", "2 rows, but"},
    };
    struct source source;
    labels_put("y.npy");
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct bytes b = npy_of(1 + (int)i % 3, bad[i].header, (const int16_t[]){1, 2, 3, 4, 5, 6}, 12);
        file_put("X.npy", b.at, b.size);
        assert_refused(read_class(&source), WEFT_EDATA, bad[i].words);
        assert_non_null(strstr(weft_last_error(), "X.npy"));
    }
    struct bytes b = npy_make("<i2", "False", "(2, 3)", (const int16_t[]){1, 2, 3, 4, 5, 6}, 12);
    static const struct { size_t at; uint8_t byte; const char *words; } change[] = {
        {0, 'x', "does not begin as a .npy file"}, {5, 'y', "does not begin"}, {6, 4, "version 4.0 of the .npy format"},
        {6, 0, "version 0.0"}, {7, 1, "version 1.1"}, {9, 255, "it ends at byte 140 of its header of"}};
    for (size_t i = 0; i < COUNT(change); i++) {
        struct bytes changed = b;
        changed.at[change[i].at] = change[i].byte;
        file_put("X.npy", changed.at, changed.size);
        assert_refused(read_class(&source), WEFT_EDATA, change[i].words);
    }
    b = npy_of(2, "{}", "", 0);
    b.at[10] = 1;                               /* 65,536 more */
    file_put("X.npy", b.at, b.size);
    assert_refused(read_class(&source), WEFT_EDATA, "at most 65536 wanted");
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    struct bytes b = npy_make("<i2", "False", "(2, 3)", (const int16_t[]){1, 2, 3, 4, 5, 6}, 12);
    uint8_t packed[512];
    struct source source;
    labels_put("y.npy");
    for (size_t n = 0; n < b.size; n++) {
        file_put("X.npy", b.at, n);
        assert_refused(read_class(&source), WEFT_EDATA, "X.npy");
    }
    b.at[b.size] = 'x';
    file_put("X.npy", b.at, b.size + 1);
    assert_refused(read_class(&source), WEFT_EDATA, "says 12 bytes of numbers, but it has 13");
    file_put("X.npy", packed, pack(b.at, b.size + 1, packed, sizeof packed));
    assert_refused(read_class(&source), WEFT_EDATA, "it goes on where its header says that it ends");
    file_put("X.npy", packed, pack(b.at, b.size - 1, packed, sizeof packed));
    assert_refused(read_class(&source), WEFT_EDATA, "it ends after 11 bytes of numbers");
    size_t packed_bytes = pack(b.at, b.size, packed, sizeof packed);
    for (size_t n = 0; n < packed_bytes; n++) {
        file_put("X.npy", packed, n);
        assert_refused(read_class(&source), WEFT_EDATA, "X.npy");
    }
    file_put("X.npy", packed, packed_bytes);
    assert_ok(read_class(&source));
    assert_true(source.train.value[5] == 6);
    source_free(&source);
    unlink(path_of("X.npy"));
    file_put("X.npy.gz", packed, packed_bytes);
    assert_ok(read_class(&source));
    source_free(&source);
}

/* ---- Shapes ---- */

/* Fortran order, of ranks 2 to 4, against the same in C order; also rows longer than a block. */
static void fortran_order(void **state)
{
    (void)state;
    static const size_t shape[][5] = {{2, 5, 3}, {2, 1, 4}, {2, 4, 1}, {3, 5, 2, 3}, {4, 3, 4, 2, 5}, {2, 3, 40000},
                                      {2, 300, 200}, {2, 70000, 1}, {3, 130, 11, 50}};
    for (size_t s = 0; s < COUNT(shape); s++) {
        size_t rank = shape[s][0], rows = shape[s][1], elements = 1;
        char text[64] = "(";
        for (size_t i = 1; i <= rank; i++) {
            elements *= shape[s][i];
            snprintf(text + strlen(text), 16, "%zu, ", shape[s][i]);
        }
        strcat(text, ")");
        int32_t *data = malloc(elements * sizeof *data);
        for (size_t e = 0; e < elements; e++) {                 /* number e in C order, to its place in Fortran order */
            size_t place = 0, rest = e, stride = elements;
            for (size_t i = rank; i > 0; i--) {
                stride /= shape[s][i];
                place += rest % shape[s][i] * stride;
                rest /= shape[s][i];
            }
            data[place] = (int32_t)e;
        }
        struct bytes header = npy_make("<i4", "True", text, "", 0);
        int file = open(path_of("X.npy"), O_CREAT | O_WRONLY | O_TRUNC, 0600);
        assert_int_equal(write(file, header.at, header.size), header.size);
        assert_int_equal(write(file, data, elements * sizeof *data), elements * sizeof *data);
        close(file);
        struct source source;
        assert_ok(read_options("", TARGET_NOTHING, &source));
        assert_int_equal(source.train.count, rows);
        assert_int_equal(source.train.features, elements / rows);
        for (size_t e = 0; e < elements; e++)
            if (source.train.value[e] != (float)e)
                fail_msg("shape %s: number %zu is %g", text, e, (double)source.train.value[e]);
        source_free(&source);
        free(data);
    }
}

/* Rows that are longer than a block, and blocks that end inside the rows. */
static void long_rows(void **state)
{
    (void)state;
    static const size_t shape[][2] = {{3, 100000}, {7, 20000}, {70001, 3}, {262145, 1}};
    for (size_t s = 0; s < COUNT(shape); s++) {
        size_t elements = shape[s][0] * shape[s][1];
        char text[64];
        double *data = malloc(elements * sizeof *data);
        for (size_t i = 0; i < elements; i++)
            data[i] = (double)i;
        snprintf(text, sizeof text, "(%zu, %zu)", shape[s][0], shape[s][1]);
        struct bytes header = npy_make("<f8", "False", text, "", 0);
        int file = open(path_of("X.npy"), O_CREAT | O_WRONLY | O_TRUNC, 0600);
        assert_int_equal(write(file, header.at, header.size), header.size);
        assert_int_equal(write(file, data, elements * sizeof *data), elements * sizeof *data);
        struct source source;
        assert_ok(read_options("", TARGET_NOTHING, &source));
        for (size_t i = 0; i < elements; i++)
            assert_true(source.train.value[i] == (float)i);
        source_free(&source);
        data[elements - 1] = INFINITY;
        assert_int_equal(pwrite(file, data + elements - 1, 8, (off_t)(header.size + (elements - 1) * 8)), 8);
        char words[80];
        snprintf(words, sizeof words, shape[s][1] == 1 ? "row %zu is inf" : "row %zu, column %zu is inf", shape[s][0] - 1,
                 shape[s][1] - 1);
        assert_refused(read_options("", TARGET_NOTHING, &source), WEFT_EDATA, words);
        close(file);
        free(data);
    }
}

static void pictures_are_told_by_the_shape(void **state)
{
    (void)state;
    static const struct { const char *shape; size_t features, height, width, channels; } of[] = {
        {"(2, 60)", 60, 0, 0, 0}, {"(2, 6, 10)", 60, 6, 10, 1}, {"(2, 6, 10, 1)", 60, 6, 10, 1}, {"(2, 1, 6, 10)", 60, 6, 10, 1},
        {"(2, 3, 4, 5)", 60, 4, 5, 3}, {"(2, 4, 5, 3)", 60, 0, 0, 0}, {"(2, 3, 5, 4)", 60, 0, 0, 0},
        {"(2, 5, 3, 4)", 60, 0, 0, 0}, {"(2, 4, 3, 5)", 60, 0, 0, 0}, {"(2, 3, 1, 4, 5)", 60, 0, 0, 0}, {"(2, 1, 1, 60)", 60, 1, 60, 1}};
    uint8_t data[120];
    struct source source;
    for (size_t i = 0; i < 120; i++)
        data[i] = (uint8_t)i;
    labels_put("y.npy");
    for (size_t i = 0; i < COUNT(of); i++) {
        npy_put("X.npy", "|u1", of[i].shape, data, 120);
        assert_ok(read_class(&source));
        assert_int_equal(source.train.features, of[i].features);
        assert_int_equal(source.train.height, of[i].height);
        assert_int_equal(source.train.width, of[i].width);
        assert_int_equal(source.train.channels, of[i].channels);
        assert_memory_equal(source.train.pixel, data, 120);             /* row-major, whatever the shape */
        source_free(&source);
    }
}

static void shapes_that_do_not_fit(void **state)
{
    (void)state;
    struct source source;
    labels_put("y.npy");
    NPY_PUT("X.npy", "|u1", "()", uint8_t, 1);
    assert_refused(read_class(&source), WEFT_EDATA, "X.npy: its shape is [], wanted 2 dimensions or more");
    npy_put("X.npy", "|u1", "(2, 0)", "", 0);
    assert_refused(read_class(&source), WEFT_EDATA, "X.npy: its shape is [2, 0], wanted at least one feature");
    NPY_PUT("X.npy", "|u1", "(3, 1)", uint8_t, 1, 2, 3);
    assert_refused(read_class(&source), WEFT_EDATA, "y.npy: 2 rows, but");
    assert_non_null(strstr(weft_last_error(), "X.npy has 3"));
    npy_put("X.npy", "|u1", "(0, 1)", "", 0);
    assert_refused(read_class(&source), WEFT_EDATA, "2 rows");
    npy_put("y.npy", "|u1", "(0,)", "", 0);
    assert_refused(read_class(&source), WEFT_EDATA, "X has no rows");
    npy_put("X.npy", "|u1", "(4294967296, 0)", "", 0);
    assert_refused(read_class(&source), WEFT_EDATA, "at least one feature");
    npy_put("X.npy", "|u1", "(0, 4294967296, 4294967296)", "", 0);
    assert_refused(read_class(&source), WEFT_EDATA, "as many numbers as a memory can hold");
    NPY_PUT("X.npy", "|u1", "(2, 1)", uint8_t, 1, 2);
    NPY_PUT("y.npy", "|u1", "()", uint8_t, 1);
    assert_refused(read_class(&source), WEFT_EDATA, "y.npy: its shape is [], wanted one label");
    npy_put("y.npy", "|u1", "(2, 0)", "", 0);
    assert_refused(read_class(&source), WEFT_EDATA, "y.npy: its shape is [2, 0], wanted at least one label");
    labels_put("y.npy");
    const struct read_request request = {.where = directory, .options = "", .features = 7};
    assert_refused(npy_read(&request, &source), WEFT_EDATA, "X.npy: a row has 1 features, wanted 7");
}

/* More rows than a table may have: refused by the shape alone. */
static void too_many_rows(void **state)
{
    (void)state;
    struct source source;
    struct bytes header = npy_make("|u1", "False", "(4294967296, 1)", "", 0);
    file_put("X.npy", header.at, header.size);
    assert_int_equal(truncate(path_of("X.npy"), (off_t)header.size + 4294967296), 0);
    assert_refused(read_options("", TARGET_NOTHING, &source), WEFT_EDATA, "at most 4294967295 rows");
}

/* ---- Numbers ---- */

static void missing_and_infinite_values(void **state)
{
    (void)state;
    struct source source;
    labels_put("y.npy");
    NPY_PUT("X.npy", "<f4", "(2, 3)", uint32_t, 0x3f800000, 0xffc12345, 0, 0x7fffffff, 0x7f800001, 0x40000000);  /* five kinds */
    assert_ok(read_class(&source));
    static const float want[] = {1, 0, 0, 0, 0, 2}, nan = NAN;
    for (size_t i = 0; i < 6; i++)
        if (i == 1 || i == 3 || i == 4)
            assert_memory_equal(&source.train.value[i], &nan, sizeof nan);      /* one NaN is like another */
        else
            assert_true(source.train.value[i] == want[i]);
    source_free(&source);
    NPY_PUT("X.npy", "<f8", "(2, 3)", double, 1, 2, 3, NAN, 1e39, 5);
    assert_refused(read_class(&source), WEFT_EDATA, "X.npy: row 1, column 1 is 1e+39, wanted a number that a float holds, or");
    NPY_PUT("X.npy", "<f8", "(2, 3)", double, 1, 2, 3, NAN, 5, -INFINITY);
    assert_refused(read_class(&source), WEFT_EDATA, "X.npy: row 1, column 2 is -inf");
    NPY_PUT("X.npy", "<f2", "(2, 1)", uint16_t, 0, 0x7c00);
    assert_refused(read_class(&source), WEFT_EDATA, "X.npy: row 1 is inf");
}

/* What y becomes: labels "1 0", targets "0.5 0.5 / 1 0", or words of the message. */
static void labels_by_target(void **state)
{
    (void)state;
    static const struct { const char *descr, *shape; enum target_kind target; double y[6]; const char *want; } of[] = {
        {"<i8", "(2,)", TARGET_CLASS, {3, 0}, "3 0"},
        {"<i8", "(2, 1)", TARGET_CLASS, {3, 0}, "3 0"},
        {"<i8", "(2, 1, 1)", TARGET_CLASS, {3, 0}, "3 0"},
        {"<f4", "(2,)", TARGET_CLASS, {3, 0}, "3 0"},
        {"<f8", "(2,)", TARGET_CLASS, {2147483647, 0}, "2147483647 0"},
        {"<f8", "(2,)", TARGET_CLASS, {0, 2147483648.0}, "row 1 is 2147483648, wanted the number of a class"},
        {"<i8", "(2,)", TARGET_CLASS, {0, -1}, "y.npy: row 1 is -1, wanted the number of a class: whole, from 0 to 2147483647"},
        {"<f4", "(2,)", TARGET_CLASS, {0.5, 1}, "row 0 is 0.5, wanted the number of a class"},
        {"<f4", "(2,)", TARGET_CLASS, {0, NAN}, "row 1 is"},
        {"<f4", "(2,)", TARGET_CLASS, {0, INFINITY}, "row 1 is inf"},
        {"<f4", "(2, 3)", TARGET_CLASS, {0, 1, 0, 0.25, 0.25, 0.5}, "0 1 0 / 0.25 0.25 0.5"},
        {"|b1", "(2, 3)", TARGET_CLASS, {0, 1, 0, 1, 0, 0}, "0 1 0 / 1 0 0"},
        {"|u1", "(2, 3)", TARGET_CLASS, {0, 1, 0, 1, 0, 0}, "0 1 0 / 1 0 0"},
        {"<f4", "(2, 3)", TARGET_CLASS, {0, 1, 0, 0.25, 0.252, 0.5}, "the 3 shares of row 1 add up to 1.002, wanted 1"},
        {"<f8", "(2, 3)", TARGET_CLASS, {0, 1, 0, 0.25, 0.2509, 0.5}, "0 1 0 / 0.25 0.2509 0.5"},
        {"<f4", "(2, 3)", TARGET_CLASS, {0, 1, 0, 0, 0, 0}, "row 1 add up to 0"},
        {"<f4", "(2, 3)", TARGET_CLASS, {0, 1, 0, -1, 1, 1}, "row 1, column 0 is -1, wanted the share of a class"},
        {"<f4", "(2, 3)", TARGET_CLASS, {0, NAN, 0, 1, 0, 0}, "row 0, column 1 is"},
        {"<i8", "(2,)", TARGET_SCORES, {3, 0}, "3 0"},
        {"<f4", "(2,)", TARGET_SCORES, {0.5, 0}, "row 0 is 0.5, wanted the number of a class"},
        {"<f4", "(2, 1)", TARGET_SCORES, {0.5, 0}, "0.5 / 0"},
        {"<f4", "(2, 3)", TARGET_SCORES, {1, 1, 0, 0.25, 0, 0}, "1 1 0 / 0.25 0 0"},
        {"<f4", "(2, 3)", TARGET_SCORES, {1, 1, 0, 0.25, 1.5, 0}, "row 1, column 1 is 1.5, wanted a number from 0 to 1"},
        {"<f4", "(2, 3)", TARGET_SCORES, {1, 1, 0, 0.25, NAN, 0}, "row 1, column 1 is"},
        {"<i8", "(2,)", TARGET_VALUES, {3, -7}, "3 / -7"},
        {"<f8", "(2,)", TARGET_VALUES, {0.5, -1e30}, "0.5 / -1e+30"},
        {"<f8", "(2, 3)", TARGET_VALUES, {1, 2, 3, 4, 5, 6}, "1 2 3 / 4 5 6"},
        {"<f8", "(2,)", TARGET_VALUES, {0.5, 1e300}, "row 1 is 1e+300, wanted a number that a float holds"},
        {"<f8", "(2, 3)", TARGET_VALUES, {1, 2, 3, 4, NAN, 6}, "row 1, column 1 is"},
        {"<i8", "(2,)", TARGET_NOTHING, {-1, -1}, ""},
        {"<i8", "(7,)", TARGET_NOTHING, {0}, ""},
        {"|O", "(2,)", TARGET_NOTHING, {0}, ""},
    };
    NPY_PUT("X.npy", "|u1", "(2, 1)", uint8_t, 8, 9);
    for (size_t i = 0; i < COUNT(of); i++) {
        struct source source;
        uint8_t data[64];
        size_t count = strstr(of[i].shape, "3)") != NULL ? 6 : 2;
        size_t size = of[i].descr[2] != '\0' ? (size_t)(of[i].descr[2] - '0') : 0;
        for (size_t k = 0; k < count && size != 0; k++)
            switch (of[i].descr[1] << 4 | (int)size) {
            case 'i' << 4 | 8: memcpy(data + 8 * k, &(int64_t){(int64_t)of[i].y[k]}, 8); break;
            case 'f' << 4 | 8: memcpy(data + 8 * k, &of[i].y[k], 8); break;
            case 'f' << 4 | 4: memcpy(data + 4 * k, &(float){(float)of[i].y[k]}, 4); break;
            default: data[k] = (uint8_t)of[i].y[k];
            }
        npy_put("y.npy", of[i].descr, of[i].shape, data, count * size);
        weft_status st = read_options("", of[i].target, &source);
        char line[256] = "";
        for (size_t n = 0; n < source.train.count && source.train.label != NULL; n++)
            snprintf(line + strlen(line), 32, "%s%d", n == 0 ? "" : " ", (int)source.train.label[n]);
        for (size_t k = 0; k < source.train.count * source.train.targets; k++)
            snprintf(line + strlen(line), 32, "%s%g", k == 0 ? "" : k % source.train.targets == 0 ? " / " : " ",
                     (double)source.train.target[k]);
        bool right = st == WEFT_OK ? strcmp(line, of[i].want) == 0
                                   : st == WEFT_EDATA && strstr(weft_last_error(), of[i].want) != NULL;
        if (!right || (st != WEFT_OK && of[i].want[0] == '\0'))
            fail_msg("case %zu: %d: %s, wanted %s", i, (int)st, st == WEFT_OK ? line : weft_last_error(), of[i].want);
        source_free(&source);
    }
}

/* ---- Names ---- */

static void number_put(const char *name, uint8_t a, uint8_t b)
{
    NPY_PUT(name, "|u1", "(2, 1)", uint8_t, a, b);
}

static void labels_of(const char *name, uint8_t a, uint8_t b)
{
    NPY_PUT(name, "|u1", "(2,)", uint8_t, a, b);
}

/* "81>1 .": first pixel and first label of the training and the test rows. */
static void assert_source(const char *options, enum target_kind target, const char *want)
{
    struct source source;
    char line[64] = "";
    weft_status st = read_options(options, target, &source);
    if (st != WEFT_OK)
        fail_msg("?%s: %s", options, weft_last_error());
    const struct table *table[] = {&source.train, &source.test};
    for (size_t t = 0; t < 2; t++) {
        snprintf(line + strlen(line), 16, "%s", t == 0 ? "" : " ");
        if (table[t]->count == 0)
            strcat(line, ".");
        else if (table[t]->label == NULL)
            snprintf(line + strlen(line), 16, "%d", table[t]->pixel[0]);
        else
            snprintf(line + strlen(line), 16, "%d>%d", table[t]->pixel[0], (int)table[t]->label[0]);
    }
    assert_string_equal(line, want);
    source_free(&source);
}

static void usual_names(void **state)
{
    (void)state;
    static const struct { const char *x, *y, *x_test, *y_test; } set[] = {
        {"X", "y", "X_test", "y_test"}, {"x_train", "y_train", "x_test", "y_test"}, {"X_train", "y_train", "X_test", "y_test"},
        {"data", "label", NULL, NULL}, {"data", "labels", NULL, NULL}, {"images", "labels", NULL, NULL},
        {"train_images", "train_labels", "test_images", "test_labels"}};
    for (size_t i = 0; i < COUNT(set); i++) {
        char name[64];
        snprintf(name, sizeof name, "%s.npy", set[i].x);
        number_put(name, 81, 82);
        assert_source("", TARGET_NOTHING, "81 .");
        snprintf(name, sizeof name, "%s.npy", set[i].y);
        labels_of(name, 1, 0);
        assert_source("", TARGET_CLASS, "81>1 .");
        if (set[i].x_test != NULL) {
            snprintf(name, sizeof name, "%s.npy", set[i].x_test);
            number_put(name, 91, 92);
            assert_source("", TARGET_NOTHING, "81 91");
            snprintf(name, sizeof name, "%s.npy", set[i].y_test);
            labels_of(name, 2, 0);
            assert_source("", TARGET_CLASS, "81>1 91>2");
            snprintf(name, sizeof name, "%s.npy", set[i].x);
            unlink(path_of(name));
            assert_source("", TARGET_NOTHING, ". 91");
        }
        directory_remove(NULL);
        assert_int_equal(mkdir(directory, 0700), 0);
    }
}

static void names_in_options(void **state)
{
    (void)state;
    struct source source;
    number_put("X.npy", 81, 82);
    labels_of("y.npy", 1, 0);
    number_put("X_test.npy", 91, 92);
    labels_of("y_test.npy", 2, 0);
    labels_of("fine.npy", 3, 0);
    labels_of("fine_test.npy", 4, 0);
    number_put("other.npy", 71, 72);
    assert_int_equal(mkdir(path_of("sub"), 0700), 0);
    number_put("sub/a b%.npy", 61, 62);
    assert_source("", TARGET_CLASS, "81>1 91>2");
    assert_source("y=fine", TARGET_CLASS, "81>3 .");            /* test rows have labels of another kind perhaps */
    assert_source("y=fine&y_test=fine_test", TARGET_CLASS, "81>3 91>4");
    assert_source("x=other", TARGET_CLASS, "71>1 .");
    assert_source("x=other.npy&y=fine", TARGET_CLASS, "71>3 .");
    assert_source("x_test=other", TARGET_CLASS, "81>1 71>2");
    assert_source("x=sub/a%20b%25", TARGET_CLASS, "61>1 .");
    assert_source("x=other&y=fine&x_test=X&y_test=y", TARGET_CLASS, "71>3 81>1");
    assert_source("y=nothing", TARGET_NOTHING, "81 .");
    assert_refused(read_options("x=nothing", TARGET_CLASS, &source), WEFT_ENOINPUT, "no array nothing; it has: X, X_test, fine");
    assert_refused(read_options("x=nothing", TARGET_NOTHING, &source), WEFT_ENOINPUT, "it has no array nothing");
    assert_refused(read_options("y=nothing", TARGET_CLASS, &source), WEFT_ENOINPUT, "it has no array nothing to go with X");
    assert_refused(read_options("x_test=nothing", TARGET_CLASS, &source), WEFT_ENOINPUT, "it has no array nothing");
    assert_refused(read_options("y_test=nothing", TARGET_CLASS, &source), WEFT_ENOINPUT, "it has no array nothing");
    assert_refused(read_options("z=X", TARGET_CLASS, &source), WEFT_ESETTINGS, "known: x, y, x_test, y_test");
    unlink(path_of("y_test.npy"));
    assert_refused(read_options("", TARGET_CLASS, &source), WEFT_ENOINPUT, "it has no array y_test to go with X_test");
    labels_of("y_test.npy", 2, 0);
    unlink(path_of("X_test.npy"));
    assert_refused(read_options("", TARGET_CLASS, &source), WEFT_ENOINPUT, "it has no array X_test to go with y_test");
    unlink(path_of("X.npy"));
    assert_refused(read_class(&source), WEFT_ENOINPUT, "no array X, x_train, X_train, data, images or train_images");
    NPY_PUT("X.npy", "|u1", "(2, 1)", uint8_t, 81, 82);
    NPY_PUT("X_test.npy", "|u1", "(1, 2)", uint8_t, 91, 92);
    NPY_PUT("y.npy", "<f4", "(2, 2)", float, 1, 0, 0, 1);
    NPY_PUT("y_test.npy", "<f4", "(1, 3)", float, 1, 0, 0);
    assert_refused(read_options("", TARGET_CLASS, &source), WEFT_EDATA, "y_test has 3 numbers a row, but y has 2");
    npy_put("X_test.npy", "|u1", "(0, 1)", "", 0);
    npy_put("y_test.npy", "|u1", "(0,)", "", 0);
    assert_ok(read_class(&source));
    assert_int_equal(source.test.count, 0);                     /* no test rows */
    source_free(&source);
}

static void places_that_are_not_there(void **state)
{
    (void)state;
    struct source source;
    assert_refused(read_class(&source), WEFT_ENOINPUT, "it has: none");
    assert_refused(read_from(npy_read, "/nowhere", "", TARGET_CLASS, &source), WEFT_ENOINPUT, "open npy:/nowhere: No such file");
    assert_refused(read_from(npy_read, "/dev/null", "", TARGET_CLASS, &source), WEFT_ENOINPUT, "neither a directory nor a file");
    text_put("f", "hello");
    assert_refused(read_from(npy_read, path_of("f"), "", TARGET_CLASS, &source), WEFT_EDATA, "neither an archive (.npz) nor");
    text_put("f", "");
    assert_refused(read_from(npy_read, path_of("f"), "", TARGET_CLASS, &source), WEFT_EDATA, "begins with 00 00 00 00");
    number_put("a.npy", 81, 82);
    assert_refused(read_from(npy_read, path_of("a.npy"), "", TARGET_CLASS, &source), WEFT_ENOINPUT, "one array has no labels");
    assert_ok(read_from(npy_read, path_of("a.npy"), "", TARGET_NOTHING, &source));
    assert_int_equal(source.train.pixel[1], 82);
    source_free(&source);
    assert_int_equal(mkdir(path_of("X.npy"), 0700), 0);
    labels_of("y.npy", 1, 0);
    assert_refused(read_class(&source), WEFT_ENOINPUT, "X.npy: it is a directory");
}

/* ---- Archives ---- */

static struct bytes archive_make(bool x_packed, bool y_packed)
{
    static struct archive a;
    a = (struct archive){.members = 0};
    uint8_t pixel[60];
    for (size_t i = 0; i < 60; i++)
        pixel[i] = (uint8_t)(i * i / 7);
    struct bytes x = npy_make("|u1", "False", "(2, 5, 6)", pixel, 60);
    struct bytes y = npy_make("<i8", "False", "(2,)", (int64_t[]){3, 1}, 16);
    archive_add(&a, "x_train.npy", x.at, x.size, x_packed);
    archive_add(&a, "y_train.npy", y.at, y.size, y_packed);
    archive_add(&a, "other.npy", "damaged", 7, false);
    return archive_bytes(&a);
}

static weft_status read_archive(const struct bytes *b, struct source *source)
{
    file_put("a.npz", b->at, b->size);
    return read_from(npy_read, path_of("a.npz"), "", TARGET_CLASS, source);
}

static void archives_stored_and_packed(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct source source;
        struct bytes b = archive_make(i & 1, i >> 1);
        assert_ok(read_archive(&b, &source));
        assert_int_equal(source.train.count, 2);
        assert_int_equal(source.train.height, 5);
        assert_int_equal(source.train.width, 6);
        for (size_t k = 0; k < 60; k++)
            assert_int_equal(source.train.pixel[k], (uint8_t)(k * k / 7));
        assert_int_equal(source.train.label[0], 3);
        source_free(&source);
        assert_refused(read_from(npy_read, path_of("a.npz"), "x=nothing", TARGET_CLASS, &source), WEFT_ENOINPUT,
                       "no array nothing; it has: other, x_train, y_train");
        assert_refused(read_from(npy_read, path_of("a.npz"), "x=other", TARGET_CLASS, &source), WEFT_EDATA,
                       "a.npz: other: it does not begin as a .npy file");
    }
}

static size_t place_of(const struct bytes *b, const char *what, size_t length)
{
    uint8_t *at = memmem(b->at, b->size, what, length);
    assert_non_null(at);
    return (size_t)(at - b->at);
}

static void bad_archives_are_refused(void **state)
{
    (void)state;
    struct source source;
    struct bytes good = archive_make(false, false), b = good;
    b.at[place_of(&b, "x_train.npy", 11) + 11 + 128 + 59] ^= 1;                 /* the last pixel of x_train */
    assert_refused(read_archive(&b, &source), WEFT_EDATA, "a.npz: x_train: CRC error");
    b = archive_make(true, true);
    size_t x = place_of(&b, "PK\3\4", 4);
    b.at[x + 30 + 11 + 60] ^= 0x40;
    assert_refused(read_archive(&b, &source), WEFT_EDATA, "a.npz: x_train");
    b = good;
    size_t central = place_of(&b, "PK\1\2", 4);
    b.at[central + 10] = 12;                                                    /* bzip2 */
    assert_refused(read_archive(&b, &source), WEFT_EDATA, "packed by method 12");
    b = good;
    b.at[central + 24] ^= 1;                                                    /* the size */
    assert_refused(read_archive(&b, &source), WEFT_EDATA, "but it has 61");
    b = good;
    b.at[central + 8] |= 1;                                                     /* encrypted */
    assert_refused(read_archive(&b, &source), WEFT_EDATA, "x_train");
    for (size_t n = 2; n < good.size; n += n < 40 || n + 40 > good.size ? 1 : 13) {
        b = good;
        b.size = n;
        assert_refused(read_archive(&b, &source), WEFT_EDATA, "a.npz");
    }
    struct archive none = {.members = 0};
    b = archive_bytes(&none);
    weft_status st = read_archive(&b, &source);
    assert_true(st == WEFT_ENOINPUT || st == WEFT_EDATA);
}

/* ---- Damage, memory, failures ---- */

static void random_damage_is_survived(void **state)
{
    (void)state;
    struct bytes b = archive_make(true, false);
    file_put("a.npz", b.at, b.size);
    damage_check(npy_read, path_of("a.npz"), "a.npz", SIZE_MAX, 2000, TARGET_CLASS);
    NPY_PUT("y.npy", "<f4", "(3, 2)", float, 1, 0, 0, 1, 0.5, 0.5);
    NPY_PUT("X.npy", "<f4", "(3, 2)", float, 1, 2, 3, 4, 5, 6);
    damage_check(npy_read, directory, "X.npy", 140, 1500, TARGET_CLASS);
    damage_check(npy_read, directory, "y.npy", 140, 1500, TARGET_CLASS);
    NPY_PUT("X.npy", "|u1", "(3, 2)", uint8_t, 1, 2, 3, 4, 5, 6);
    damage_check(npy_read, directory, "X.npy", 100, 1000, TARGET_VALUES);
    struct bytes f = npy_make("<f8", "True", "(3, 2)", (double[]){1, 2, 3, 4, 5, 6}, 48);
    uint8_t packed[512];
    file_put("X.npy", packed, pack(f.at, f.size, packed, sizeof packed));
    damage_check(npy_read, directory, "X.npy", SIZE_MAX, 1000, TARGET_SCORES);
}

static void failing_memory_is_reported(void **state)
{
    (void)state;
    enum { ROWS = 3000, COLUMNS = 100 };
    struct bytes b = npy_make("<i4", "True", "(3000, 100)", "", 0);
    uint8_t *packed = malloc(1 << 16), *data = calloc(1, b.size + ROWS * COLUMNS * 4);
    memcpy(data, b.at, b.size);
    file_put("X.npy", packed, pack(data, b.size + ROWS * COLUMNS * 4, packed, 1 << 16));         /* grows many times */
    b = npy_make("|u1", "False", "(3000,)", "", 0);
    memcpy(data, b.at, b.size);
    file_put("y.npy", packed, pack(data, b.size + ROWS, packed, 1 << 16));
    failing_memory_check(npy_read, directory, TARGET_CLASS, 20);
    failing_memory_check(npy_read, directory, TARGET_VALUES, 20);
    free(packed);
    free(data);
    b = archive_make(true, true);
    file_put("a.npz", b.at, b.size);
    failing_memory_check(npy_read, path_of("a.npz"), TARGET_CLASS, 8);
    assert_int_equal(unlink(path_of("X.npy")), 0);
    const struct read_request request = {.where = directory, .options = "x=X&y=y"};
    struct source source = {0};
    weft_status st = WEFT_ENOMEM;
    for (size_t n = 1; st == WEFT_ENOMEM; n++) {                /* the message of what is missing needs memory, too */
        memory_fail_from(n);
        st = npy_read(&request, &source);
        memory_fail_from(0);
    }
    assert_int_equal(st, WEFT_ENOINPUT);
}

/* A shape that no memory has, in few bytes: refused without a try to get it. */
static void claims_get_no_memory(void **state)
{
    (void)state;
    struct source source;
    uint8_t packed[1024];
    struct bytes b = npy_make("<f4", "False", "(1000000, 1000000)", "x", 1);
    file_put("X.npy", packed, pack(b.at, b.size, packed, sizeof packed));
    assert_refused(read_options("", TARGET_NOTHING, &source), WEFT_EDATA, "it ends after 1 bytes of numbers");
    uint8_t *data = calloc(1 << 20, 1), *large = malloc(1 << 14);
    memcpy(data, b.at, b.size);
    file_put("X.npy", large, pack(data, 1 << 20, large, 1 << 14));             /* the first numbers do come */
    assert_refused(read_options("", TARGET_NOTHING, &source), WEFT_EDATA, "it ends after 1048448 bytes of numbers");
    b = npy_make("<f4", "False", "(1, 1000000000000)", "x", 1);                 /* a row is as long as a table may be */
    memcpy(data, b.at, b.size - 1);
    file_put("X.npy", large, pack(data, 1 << 20, large, 1 << 14));
    assert_refused(read_options("", TARGET_NOTHING, &source), WEFT_EDATA, "it ends after 1048448 bytes of numbers");
    free(data);
    free(large);
    b = npy_make("<f4", "True", "(1000000, 1000000)", "x", 1);
    file_put("X.npy", packed, pack(b.at, b.size, packed, sizeof packed));
    assert_refused(read_options("", TARGET_NOTHING, &source), WEFT_EDATA, "it ends after 1 bytes of numbers");
}

static void an_array_is_in_memory_once(void **state)
{
    (void)state;
    enum { ROWS = 48000 };
    struct bytes header = npy_make("<f4", "False", "(48000, 1000)", "", 0);
    file_put("X.npy", header.at, header.size);
    assert_int_equal(truncate(path_of("X.npy"), (off_t)header.size + ROWS * 4000), 0);          /* zeros that take no place */
    header = npy_make("<i8", "False", "(48000,)", "", 0);
    file_put("y.npy", header.at, header.size);
    assert_int_equal(truncate(path_of("y.npy"), (off_t)header.size + ROWS * 8), 0);
    peak_check(npy_read, directory, ROWS, ROWS * (size_t)4000 / 8 * 9);
}

static int calls, call_wanted;

static int fail_one(const char *call)
{
    (void)call;
    return ++calls == call_wanted ? EIO : 0;
}

static void each_failing_call_is_told(void **state)
{
    (void)state;
    struct source source;
    number_put("X.npy", 81, 82);
    labels_of("y.npy", 1, 0);
    number_put("X_test.npy", 91, 92);
    labels_of("y_test.npy", 2, 0);
    file_set_fault(fail_one);
    for (call_wanted = 1; ; call_wanted++) {
        calls = 0;
        weft_status st = read_class(&source);
        if (calls < call_wanted) {
            assert_int_equal(st, WEFT_OK);
            break;
        }
        assert_true(st == WEFT_EIO || st == WEFT_ENOINPUT);
        assert_non_null(strstr(weft_last_error(), "Input/output error"));
    }
    file_set_fault(NULL);
    assert_true(call_wanted > 10);
    source_free(&source);
}

int main(void)
{
#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, directory_make, directory_remove)
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(every_type_in_both_orders),
        IN_DIRECTORY(every_half),
        IN_DIRECTORY(types_that_are_no_numbers),
        IN_DIRECTORY(headers_of_every_form),
        IN_DIRECTORY(bad_headers_are_refused),
        IN_DIRECTORY(every_truncation_is_refused),
        IN_DIRECTORY(fortran_order),
        IN_DIRECTORY(long_rows),
        IN_DIRECTORY(pictures_are_told_by_the_shape),
        IN_DIRECTORY(shapes_that_do_not_fit),
        IN_DIRECTORY(too_many_rows),
        IN_DIRECTORY(missing_and_infinite_values),
        IN_DIRECTORY(labels_by_target),
        IN_DIRECTORY(usual_names),
        IN_DIRECTORY(names_in_options),
        IN_DIRECTORY(places_that_are_not_there),
        IN_DIRECTORY(archives_stored_and_packed),
        IN_DIRECTORY(bad_archives_are_refused),
        IN_DIRECTORY(random_damage_is_survived),
        IN_DIRECTORY(failing_memory_is_reported),
        IN_DIRECTORY(claims_get_no_memory),
        IN_DIRECTORY(an_array_is_in_memory_once),
        IN_DIRECTORY(each_failing_call_is_told),
    };
    return cmocka_run_group_tests_name("npy", tests, NULL, NULL);
}
