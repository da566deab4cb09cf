/* HDF5 files made by libhdf5 itself: what is read from good ones, in every layout and type, and what is said of those that are
 * refused, lie, or are damaged. What arrays become is the matter of test_npy. */
#include "hdf5_samples.h"
#include "peak_samples.h"

/* libhdf5 asks for what a damaged file says, and takes no for an answer. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

/* ---- Reading ---- */

/* Every read leaves libhdf5 as it was: nothing open, its reports as the caller has set them. */
static herr_t report(hid_t stack, void *data)
{
    (void)stack; (void)data;
    return 0;
}

static weft_status read_options(const char *options, enum target_kind target, struct source *source)
{
    H5E_auto2_t function;
    void *data;
    ssize_t before = H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL);
    weft_status st = read_from(hdf5_read, path_of("f.h5"), options, target, source);
    assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), before);
    H5Eget_auto2(H5E_DEFAULT, &function, &data);
    assert_ptr_equal((void *)(uintptr_t)function, (void *)(uintptr_t)report);
    return st;
}

static weft_status read_class(struct source *source)
{
    return read_options("", TARGET_CLASS, source);
}

static int reports_off(void **state)
{
    (void)state;
    return H5Eset_auto2(H5E_DEFAULT, report, NULL) < 0;
}

/* ---- Types ---- */

static hid_t half_type(size_t exponent_bits)
{
    hid_t type = H5Tcopy(H5T_IEEE_F32LE);
    assert_true(H5Tset_fields(type, 15, 15 - exponent_bits, exponent_bits, 0, 15 - exponent_bits) >= 0);
    assert_true(H5Tset_size(type, 2) >= 0);
    assert_true(H5Tset_ebias(type, ((size_t)1 << (exponent_bits - 1)) - 1) >= 0);
    return type;
}

static void every_type_in_both_orders(void **state)
{
    (void)state;
    const struct { hid_t type, from; const void *data; float want[2]; } kind[] = {
        {H5T_STD_I8LE, H5T_NATIVE_INT8, (int8_t[]){-128, 127}, {-128, 127}},
        {H5T_STD_I8BE, H5T_NATIVE_INT8, (int8_t[]){-128, 127}, {-128, 127}},
        {H5T_STD_I16LE, H5T_NATIVE_INT16, (int16_t[]){-32768, 32767}, {-32768, 32767}},
        {H5T_STD_I16BE, H5T_NATIVE_INT16, (int16_t[]){-32768, 32767}, {-32768, 32767}},
        {H5T_STD_U16LE, H5T_NATIVE_UINT16, (uint16_t[]){1, 65535}, {1, 65535}},
        {H5T_STD_U16BE, H5T_NATIVE_UINT16, (uint16_t[]){1, 65535}, {1, 65535}},
        {H5T_STD_I32LE, H5T_NATIVE_INT32, (int32_t[]){INT32_MIN, 16777217}, {-2147483648.0f, 16777216}},        /* to even */
        {H5T_STD_I32BE, H5T_NATIVE_INT32, (int32_t[]){INT32_MIN, 16777217}, {-2147483648.0f, 16777216}},
        {H5T_STD_U32LE, H5T_NATIVE_UINT32, (uint32_t[]){UINT32_MAX, 16777219}, {4294967296.0f, 16777220}},
        {H5T_STD_U32BE, H5T_NATIVE_UINT32, (uint32_t[]){UINT32_MAX, 16777219}, {4294967296.0f, 16777220}},
        {H5T_STD_I64LE, H5T_NATIVE_INT64, (int64_t[]){INT64_MIN, 0x40000040000001}, {-0x1p63f, 0x1.000002p54f}},       /* once */
        {H5T_STD_I64BE, H5T_NATIVE_INT64, (int64_t[]){INT64_MIN, 0x40000040000001}, {-0x1p63f, 0x1.000002p54f}},
        {H5T_STD_U64LE, H5T_NATIVE_UINT64, (uint64_t[]){UINT64_MAX, 0x8000000000000001}, {0x1p64f, 0x1p63f}},
        {H5T_STD_U64BE, H5T_NATIVE_UINT64, (uint64_t[]){UINT64_MAX, 0x8000000000000001}, {0x1p64f, 0x1p63f}},
        {H5T_IEEE_F32LE, H5T_NATIVE_FLOAT, (float[]){-0x1p-149f, 3.4e38f}, {-0x1p-149f, 3.4e38f}},
        {H5T_IEEE_F32BE, H5T_NATIVE_FLOAT, (float[]){-0x1p-149f, 3.4e38f}, {-0x1p-149f, 3.4e38f}},
        {H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, (double[]){1.5, 0x1.0000010000001p0}, {1.5f, 0x1.000002p0f}},
        {H5T_IEEE_F64BE, H5T_NATIVE_DOUBLE, (double[]){1.5, 0x1.000001p0}, {1.5f, 1}},                         /* to even */
        {half_type(5), H5T_NATIVE_FLOAT, (float[]){65504, 0x1p-14f}, {65504, 0x1p-14f}},
        {half_type(8), H5T_NATIVE_FLOAT, (float[]){0x1p100f, -1.5f}, {0x1p100f, -1.5f}},
    };
    for (size_t i = 0; i < COUNT(kind); i++) {
        struct source source;
        hid_t file = file_make();
        put(file, "X", kind[i].type, H5P_DEFAULT, 2, (hsize_t[]){2, 1}, kind[i].from, kind[i].data);
        put_labels(file, "y", 2);
        file_close(file);
        assert_ok(read_class(&source));
        assert_int_equal(source.train.count, 2);
        assert_int_equal(source.train.features, 1);
        if (source.train.value == NULL || memcmp(source.train.value, kind[i].want, sizeof kind[i].want) != 0)
            fail_msg("type %zu: %a %a, wanted %a %a", i, (double)source.train.value[0], (double)source.train.value[1],
                     (double)kind[i].want[0], (double)kind[i].want[1]);
        source_free(&source);
    }
    for (size_t i = COUNT(kind) - 2; i < COUNT(kind); i++)
        H5Tclose(kind[i].type);
}

/* Halves as h5py writes them: subnormal, NaN, and infinity, which is refused. */
static void halves_of_every_kind(void **state)
{
    (void)state;
    static const uint16_t bits[] = {0x0001, 0x83ff, 0x7e00, 0x8000, 0x7bff, 0xfc01};
    static const float want[] = {0x1p-24f, -0x3ffp-24f, NAN, -0.0f, 65504, NAN};
    struct source source;
    hid_t type = half_type(5), file = file_make();
    put(file, "X", type, H5P_DEFAULT, 2, (hsize_t[]){2, 3}, type, bits);
    put(file, "bad", type, H5P_DEFAULT, 2, (hsize_t[]){2, 2}, type, (uint16_t[]){0, 0, 0xfc00, 0});
    put_labels(file, "y", 2);
    H5Tclose(type);
    file_close(file);
    assert_ok(read_class(&source));
    for (size_t i = 0; i < 6; i++)
        if (memcmp(&source.train.value[i], &want[i], 4) != 0)
            fail_msg("number %zu is %a, wanted %a", i, (double)source.train.value[i], (double)want[i]);
    source_free(&source);
    assert_refused(read_options("x=bad", TARGET_CLASS, &source), WEFT_EDATA, "f.h5: bad: row 1, column 0 is -inf");
}

static void bytes_stay_bytes(void **state)
{
    (void)state;
    struct source source;
    hid_t file = file_make();
    put_pixels(file, "X");
    put_labels(file, "y", 2);
    put_pixels(file, "X_test");
    put(file, "y_test", H5T_IEEE_F32BE, H5P_DEFAULT, 2, (hsize_t[]){2, 1}, H5T_NATIVE_FLOAT, (float[]){7, 0});  /* as Caffe */
    file_close(file);
    assert_ok(read_class(&source));
    assert_null(source.train.value);
    assert_memory_equal(source.train.pixel, ((uint8_t[]){1, 2, 3, 4, 5, 6}), 6);
    assert_int_equal(source.train.label[1], 1);
    assert_int_equal(source.test.count, 2);
    assert_int_equal(source.test.label[0], 7);
    source_free(&source);
}

static void truth_values(void **state)
{
    (void)state;
    struct source source;
    hid_t type = H5Tenum_create(H5T_NATIVE_INT8), file = file_make();           /* as h5py writes bool */
    H5Tenum_insert(type, "FALSE", &(int8_t){0});
    H5Tenum_insert(type, "TRUE", &(int8_t){1});
    put(file, "X", type, H5P_DEFAULT, 2, (hsize_t[]){2, 2}, type, (int8_t[]){0, 1, 1, 0});
    put(file, "y", type, H5P_DEFAULT, 1, (hsize_t[]){2}, type, (int8_t[]){1, 0});
    H5Tclose(type);
    file_close(file);
    assert_ok(read_class(&source));
    assert_true(source.train.value[0] == 0 && source.train.value[1] == 1 && source.train.value[3] == 0);
    assert_int_equal(source.train.label[0], 1);
    source_free(&source);
}

static void types_that_are_no_numbers(void **state)
{
    (void)state;
    struct source source;
    hid_t text = H5Tcopy(H5T_C_S1), variable = H5Tvlen_create(H5T_NATIVE_INT), pair = H5Tcreate(H5T_COMPOUND, 8),
          list = H5Tarray_create2(H5T_NATIVE_INT, 1, (hsize_t[]){2}), odd = H5Tcopy(H5T_STD_I32LE),
          padded = H5Tcopy(H5T_STD_I32LE), raw = H5Tcreate(H5T_OPAQUE, 3), strange = H5Tcopy(H5T_IEEE_F32LE);
    H5Tset_size(text, 5);
    H5Tinsert(pair, "r", 0, H5T_NATIVE_FLOAT);
    H5Tinsert(pair, "i", 4, H5T_NATIVE_FLOAT);
    H5Tset_size(odd, 3);
    H5Tset_precision(padded, 12);
    H5Tset_ebias(strange, 100);
    const struct { hid_t type; const char *words; } bad[] = {
        {text, "its elements are text, wanted integers or floats"}, {variable, "are lists"}, {pair, "are structures"},
        {list, "are arrays"}, {raw, "are opaque bytes"}, {H5T_STD_B8LE, "are bit fields"}, {H5T_STD_REF_OBJ, "are references"},
        {odd, "are of 3 bytes and an unusual form"}, {padded, "are of 4 bytes and an unusual form"},
        {strange, "are of 4 bytes and an unusual form"}, {H5T_NATIVE_LDOUBLE, "are of 16 bytes and an unusual form"}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        hid_t file = file_make();
        put(file, "X", bad[i].type, H5P_DEFAULT, 2, (hsize_t[]){2, 1}, H5I_INVALID_HID, NULL);
        put_labels(file, "y", 2);
        H5Fclose(file);
        assert_refused(read_from(hdf5_read, path_of("f.h5"), "", TARGET_CLASS, &source), WEFT_EDATA, bad[i].words);
        assert_non_null(strstr(weft_last_error(), "f.h5: X: "));
    }
    const hid_t made[] = {text, variable, pair, list, odd, padded, raw, strange};
    for (size_t i = 0; i < COUNT(made); i++)
        H5Tclose(made[i]);
}

/* ---- Layouts ---- */

static void every_layout(void **state)
{
    (void)state;
    static const struct { size_t rank; hsize_t dim[4], chunk[4]; } shape[] = {
        {2, {7, 5}, {0}}, {2, {7, 5}, {3, 2}}, {2, {7, 5}, {7, 5}}, {2, {7, 5}, {1, 1}}, {2, {7, 5}, {100, 100}},
        {2, {3000, 700}, {0}}, {2, {3000, 700}, {1000, 64}}, {2, {3000, 700}, {3000, 1}}, {2, {3000, 700}, {1, 700}},
        {2, {3000, 700}, {17, 699}}, {2, {3, 600000}, {0}}, {2, {3, 600000}, {2, 100000}},
        {3, {50, 20, 30}, {0}}, {3, {50, 20, 30}, {7, 3, 11}}, {4, {60, 30, 20, 40}, {64, 7, 20, 3}}, {4, {60, 30, 20, 40}, {0}}};
    for (size_t s = 0; s < COUNT(shape); s++)
        for (int filters = 0; filters < (shape[s].chunk[0] != 0 ? 4 : 1); filters++) {
            size_t elements = 1;
            hid_t plan = H5Pcreate(H5P_DATASET_CREATE), file = file_make(), space;
            hsize_t unlimited[4] = {H5S_UNLIMITED, H5S_UNLIMITED, H5S_UNLIMITED, H5S_UNLIMITED};
            for (size_t i = 0; i < shape[s].rank; i++)
                elements *= (size_t)shape[s].dim[i];
            if (shape[s].chunk[0] == 1 && shape[s].chunk[1] == 1 && filters > 1)
                elements = 0;
            int32_t *data = malloc(elements * sizeof *data + 1);
            for (size_t i = 0; i < elements; i++)
                data[i] = (int32_t)i;
            if (shape[s].chunk[0] != 0)
                H5Pset_chunk(plan, (int)shape[s].rank, shape[s].chunk);
            if (filters & 1)
                H5Pset_shuffle(plan);
            if (filters & 2)
                H5Pset_deflate(plan, 1);
            if (filters == 3)
                H5Pset_fletcher32(plan);
            space = H5Screate_simple((int)shape[s].rank, shape[s].dim, shape[s].chunk[0] != 0 ? unlimited : NULL);
            hid_t dataset = H5Dcreate2(file, "X", H5T_STD_I32BE, space, H5P_DEFAULT, plan, H5P_DEFAULT);
            if (elements != 0)
                assert_true(H5Dwrite(dataset, H5T_NATIVE_INT32, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
            H5Dclose(dataset);
            H5Sclose(space);
            H5Pclose(plan);
            put_labels(file, "y", shape[s].dim[0]);
            file_close(file);
            struct source source;
            assert_ok(read_class(&source));
            assert_int_equal(source.train.count, shape[s].dim[0]);
            for (size_t i = 0; i < elements; i++)
                if (source.train.value[i] != (float)i)
                    fail_msg("shape %zu, filters %d: number %zu is %g", s, filters, i, (double)source.train.value[i]);
            source_free(&source);
            free(data);
        }
}

static void compact_data(void **state)
{
    (void)state;
    struct source source;
    hid_t plan = H5Pcreate(H5P_DATASET_CREATE), file = file_make();
    H5Pset_layout(plan, H5D_COMPACT);
    put(file, "X", H5T_STD_U8LE, plan, 2, (hsize_t[]){2, 3}, H5T_NATIVE_UINT8, (uint8_t[]){1, 2, 3, 4, 5, 6});
    H5Pclose(plan);
    put_labels(file, "y", 2);
    file_close(file);
    assert_ok(read_class(&source));
    assert_int_equal(source.train.pixel[5], 6);
    source_free(&source);
}

/* The first place in the file where these bytes are; one of them becomes another. */
static void byte_replace(const uint8_t *bytes, size_t count, size_t which, uint8_t byte)
{
    size_t size_bytes;
    uint8_t *file = file_get("f.h5", &size_bytes), *at = memmem(file, size_bytes, bytes, count);
    assert_non_null(at);
    at[which] = byte;
    file_put("f.h5", file, size_bytes);
    free(file);
}

/* libhdf5 reads as much as the shape says from wherever the data begin: of compact data, from a piece of memory of their size. */
static void data_shorter_than_their_shape(void **state)
{
    (void)state;
    struct source source;
    static const uint8_t number[] = {1, 2, 3, 4, 5, 6};
    static const uint8_t compact[] = {3, 0, 6, 0, 1, 2, 3, 4, 5, 6};            /* version 3, compact, 6 bytes (of 2), the data */
    static const uint8_t contiguous[] = {6, 0, 0, 0, 0, 0, 0, 0};               /* bytes, behind their address */
    hid_t plan = H5Pcreate(H5P_DATASET_CREATE), file = file_make();
    H5Pset_layout(plan, H5D_COMPACT);
    put(file, "X", H5T_STD_U8LE, plan, 2, (hsize_t[]){2, 3}, H5T_NATIVE_UINT8, number);
    H5Pclose(plan);
    put_labels(file, "y", 2);
    file_close(file);
    byte_replace(compact, sizeof compact, 2, 2);
    assert_refused(read_class(&source), WEFT_EDATA, "X: its shape takes 6 bytes, but 2 are stored");
    file = file_make();
    put(file, "X", H5T_STD_U8LE, H5P_DEFAULT, 2, (hsize_t[]){2, 3}, H5T_NATIVE_UINT8, number);
    put_labels(file, "y", 2);
    file_close(file);
    byte_replace(contiguous, sizeof contiguous, 0, 4);
    assert_refused(read_class(&source), WEFT_EDATA, "X: its shape takes 6 bytes, but 4 are stored");
}

/* A file with one chunk of 4 x 3 uint16, written as these bytes, the filters in skipped not applied. order: of the filters,
 * g(zip), s(huffle), f(letcher32). */
static void chunk_put(const char *order, const void *bytes, size_t size_bytes, uint32_t skipped)
{
    hid_t file = file_make(), plan = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(2, (hsize_t[]){4, 3}, NULL);
    H5Pset_chunk(plan, 2, (hsize_t[]){4, 3});
    for (; *order != '\0'; order++)
        (void)(*order == 'g' ? H5Pset_deflate(plan, 6) : *order == 's' ? H5Pset_shuffle(plan) : H5Pset_fletcher32(plan));
    hid_t dataset = H5Dcreate2(file, "X", H5T_STD_U16LE, space, H5P_DEFAULT, plan, H5P_DEFAULT);
    assert_true(H5Dwrite_chunk(dataset, H5P_DEFAULT, skipped, (hsize_t[]){0, 0}, size_bytes, bytes) >= 0);
    H5Dclose(dataset);
    H5Sclose(space);
    H5Pclose(plan);
    put_labels(file, "y", 4);
    file_close(file);
}

static size_t deflated(const void *bytes, size_t size_bytes, uint8_t *packed)
{
    uLongf packed_bytes = 100;
    assert_int_equal(compress(packed, &packed_bytes, bytes, size_bytes), Z_OK);
    return packed_bytes;
}

static void assert_chunk_is_read(const uint16_t *want)
{
    struct source source;
    assert_ok(read_class(&source));
    for (size_t i = 0; i < 12; i++)
        assert_true(source.train.value[i] == want[i]);
    source_free(&source);
}

/* Chunks that a writer may store as they are, in any order of filters; and those that do not unpack to a chunk. */
static void chunks_of_every_kind(void **state)
{
    (void)state;
    static const uint16_t number[13] = {1, 2, 3, 500, 600, 700, 8, 9, 10, 11, 12, 0xabcd, 77};
    struct source source;
    uint8_t packed[100], sum[28], shuffled[24];
    for (size_t i = 0; i < 24; i++)
        shuffled[i] = ((const uint8_t *)number)[i % 12 * 2 + i / 12];
    uint32_t a = 0, b = 0;                      /* Fletcher's sum, as Wikipedia has it: modulo 65535 at each step */
    for (size_t i = 0; i < 12; i++) {
        a = (a + ((number[i] & 0xffu) << 8 | number[i] >> 8)) % 65535;
        b = (b + a) % 65535;
    }
    memcpy(sum, number, 24);
    memcpy(sum + 24, (uint16_t[]){(uint16_t)a, (uint16_t)b}, 4);
    chunk_put("", number, 24, 0);
    assert_chunk_is_read(number);
    chunk_put("sg", number, 24, 3);             /* neither was applied */
    assert_chunk_is_read(number);
    chunk_put("sg", shuffled, 24, 2);
    assert_chunk_is_read(number);
    chunk_put("sg", packed, deflated(number, 24, packed), 1);
    assert_chunk_is_read(number);
    chunk_put("sg", packed, deflated(shuffled, 24, packed), 0);
    assert_chunk_is_read(number);
    chunk_put("f", sum, 28, 0);
    assert_chunk_is_read(number);
    chunk_put("fg", packed, deflated(sum, 28, packed), 0);
    assert_chunk_is_read(number);
    chunk_put("gf", sum, 24, 3);
    assert_chunk_is_read(number);
    for (size_t i = 24; i < 28; i += 2) {       /* the sum of a libhdf5 of 2004: halves swapped */
        uint8_t kept = sum[i];
        sum[i] = sum[i + 1];
        sum[i + 1] = kept;
    }
    chunk_put("f", sum, 28, 0);
    assert_chunk_is_read(number);
    static const struct { const char *order, *words; size_t size_bytes; bool is_packed; } bad[] = {
        {"gf", "a chunk is damaged: its sum", 23, false},
        {"", "23 bytes are stored, which is no number of chunks of 24", 23, false},
        {"", "25 bytes are stored, which is no number of chunks of 24", 25, false},
        {"g", "too short, after 22 of 24 bytes", 22, true}, {"g", "cut off or too long, after 24 of 24 bytes", 26, true},
        {"g", "gzip data of a chunk are damaged", 24, false}, {"s", "a chunk has 22 bytes, wanted 24", 22, false},
        {"sg", "too short", 12, true}, {"f", "too few for its sum", 3, false}, {"f", "a chunk is damaged: its sum", 24, false},
        {"fg", "too short, after 24 of 28 bytes", 24, true}, {"gs", "gzip data of a chunk", 24, false}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        size_t size_bytes = bad[i].is_packed ? deflated(number, bad[i].size_bytes, packed) : bad[i].size_bytes;
        chunk_put(bad[i].order, bad[i].is_packed ? (const void *)packed : number, size_bytes, 0);
        assert_refused(read_class(&source), WEFT_EDATA, bad[i].words);
        assert_non_null(strstr(weft_last_error(), "f.h5: X: "));
    }
    size_t packed_bytes = deflated(number, 24, packed);
    for (size_t n = 1; n < packed_bytes; n++) {
        chunk_put("g", packed, n, 0);
        assert_refused(read_class(&source), WEFT_EDATA, "gzip data of a chunk are damaged");
    }
}

/* Chunks without filters of which most have fewer bytes than they should, and one has more: their sum is right. libhdf5 1.10
 * would read all of them to where there is room for the right number. */
static void chunks_of_wrong_sizes(void **state)
{
    (void)state;
    enum { CHUNKS = 40, NUMBERS = 3000, MORE_BYTES = 2 * (CHUNKS * NUMBERS - CHUNKS + 1) };
    struct source source;
    uint16_t *number = malloc(CHUNKS * NUMBERS * sizeof *number);
    hid_t file = file_make(), plan = H5Pcreate(H5P_DATASET_CREATE);
    hid_t space = H5Screate_simple(2, (hsize_t[]){CHUNKS, NUMBERS}, NULL);
    for (size_t i = 0; i < CHUNKS * NUMBERS; i++)
        number[i] = (uint16_t)(i % 60000 + 1);
    H5Pset_chunk(plan, 2, (hsize_t[]){1, NUMBERS});
    hid_t dataset = H5Dcreate2(file, "X", H5T_STD_U16LE, space, H5P_DEFAULT, plan, H5P_DEFAULT);
    for (hsize_t n = 0; n < CHUNKS; n++)
        assert_true(H5Dwrite_chunk(dataset, H5P_DEFAULT, 0, (hsize_t[]){n, 0}, n > 0 ? 2 : MORE_BYTES, number) >= 0);
    H5Dclose(dataset);
    H5Sclose(space);
    H5Pclose(plan);
    put_labels(file, "y", CHUNKS);
    file_close(file);
    assert_ok(read_class(&source));
    for (size_t i = 0; i < CHUNKS * NUMBERS; i++)
        assert_true(source.train.value[i] == (i < NUMBERS ? number[i] : i % NUMBERS == 0 ? 1 : 0));
    source_free(&source);
    free(number);
}

/* What cannot be found is not taken for what was never written. */
static void lost_chunks_are_told(void **state)
{
    (void)state;
    struct source source;
    hid_t file = file_make(), plan = H5Pcreate(H5P_DATASET_CREATE);
    size_t size_bytes, trees = 0;
    H5Pset_chunk(plan, 2, (hsize_t[]){1, 3});
    H5Pset_deflate(plan, 6);
    put(file, "X", H5T_STD_U8LE, plan, 2, (hsize_t[]){2, 3}, H5T_NATIVE_UINT8, (uint8_t[]){1, 2, 3, 4, 5, 6});
    H5Pclose(plan);
    put_labels(file, "y", 2);
    file_close(file);
    uint8_t *bytes = file_get("f.h5", &size_bytes);
    for (size_t i = 0; i + 4 <= size_bytes; i++)
        if (memcmp(bytes + i, "TREE", 4) == 0) {                /* of the group, and of the chunks */
            bytes[i] = 'X';
            file_put("f.h5", bytes, size_bytes);
            assert_refused(read_class(&source), WEFT_EDATA, "f.h5");
            bytes[i] = 'T';
            trees++;
        }
    assert_int_equal(trees, 2);
    free(bytes);
}

/* Chunks that were never written hold the fill value. */
static void chunks_that_are_not_there(void **state)
{
    (void)state;
    struct source source;
    for (int kind = 0; kind < 4; kind++) {
        bool filled = kind & 1, packed = kind & 2;
        hid_t file = file_make(), plan = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(2, (hsize_t[]){5, 4}, NULL);
        H5Pset_chunk(plan, 2, (hsize_t[]){2, 3});
        if (packed)
            H5Pset_deflate(plan, 6);
        if (filled)
            H5Pset_fill_value(plan, H5T_NATIVE_INT, &(int){-321});
        hid_t dataset = H5Dcreate2(file, "X", H5T_STD_I16BE, space, H5P_DEFAULT, plan, H5P_DEFAULT);
        H5Sselect_hyperslab(space, H5S_SELECT_SET, (hsize_t[]){2, 0}, NULL, (hsize_t[]){1, 3}, NULL);
        hid_t memory = H5Screate_simple(1, (hsize_t[]){3}, NULL);
        assert_true(H5Dwrite(dataset, H5T_NATIVE_INT, memory, space, H5P_DEFAULT, (int[]){7, 8, 9}) >= 0);
        H5Dclose(dataset);
        H5Sclose(memory);
        H5Sclose(space);
        H5Pclose(plan);
        put_labels(file, "y", 5);
        file_close(file);
        assert_ok(read_class(&source));
        for (size_t i = 0; i < 20; i++)
            assert_true(source.train.value[i] == (float)(i >= 8 && i < 11 ? (int)i - 1 : filled ? -321 : 0));
        source_free(&source);
    }
}

static size_t keep_all(unsigned flags, size_t values, const unsigned *value, size_t size_bytes, size_t *capacity, void **buffer)
{
    (void)flags; (void)values; (void)value; (void)capacity; (void)buffer;
    return size_bytes;
}

static void layouts_that_are_refused(void **state)
{
    (void)state;
    struct source source;
    const H5Z_class2_t filter = {H5Z_CLASS_T_VERS, 32000, 1, 1, "lzf", NULL, NULL, keep_all};
    hid_t file = file_make(), external = H5Pcreate(H5P_DATASET_CREATE), other = H5Pcreate(H5P_DATASET_CREATE),
          chunked = H5Pcreate(H5P_DATASET_CREATE), scaled = H5Pcreate(H5P_DATASET_CREATE), view = H5Pcreate(H5P_DATASET_CREATE);
    hsize_t dim[] = {2, 3};
    put_labels(file, "y", 2);
    H5Pset_external(external, "/etc/passwd", 0, 6);
    put(file, "external", H5T_STD_U8LE, external, 2, dim, H5I_INVALID_HID, NULL);
    assert_true(H5Zregister(&filter) >= 0);
    H5Pset_chunk(other, 2, dim);
    H5Pset_filter(other, 32000, H5Z_FLAG_OPTIONAL, 0, NULL);
    put(file, "other", H5T_STD_U8LE, other, 2, dim, H5T_NATIVE_UINT8, (uint8_t[]){1, 2, 3, 4, 5, 6});
    H5Pset_chunk(scaled, 2, dim);
    H5Pset_scaleoffset(scaled, H5Z_SO_INT, 0);
    put(file, "scaled", H5T_STD_U8LE, scaled, 2, dim, H5T_NATIVE_UINT8, (uint8_t[]){1, 2, 3, 4, 5, 6});
    hid_t space = H5Screate_simple(2, dim, NULL);
    H5Pset_virtual(view, space, "/etc/passwd", "X", space);
    put(file, "view", H5T_STD_U8LE, view, 2, dim, H5I_INVALID_HID, NULL);
    H5Pset_chunk(chunked, 2, (hsize_t[]){1024, 1024});
    put(file, "claim", H5T_STD_U8LE, chunked, 2, (hsize_t[]){100000000, 100000}, H5I_INVALID_HID, NULL);
    put(file, "wrap", H5T_STD_U8LE, chunked, 2, (hsize_t[]){(hsize_t)1 << 40, (hsize_t)1 << 40}, H5I_INVALID_HID, NULL);
    H5Pset_chunk(chunked, 2, (hsize_t[]){1, 1});
    put(file, "dust", H5T_STD_U8LE, chunked, 2, (hsize_t[]){4096, 4096}, H5I_INVALID_HID, NULL);
    H5Pset_chunk(chunked, 2, (hsize_t[]){1, 1 << 22});
    hid_t strip = H5Screate_simple(2, (hsize_t[]){2000, 1}, (hsize_t[]){2000, H5S_UNLIMITED});
    H5Dclose(H5Dcreate2(file, "overhang", H5T_STD_U8LE, strip, H5P_DEFAULT, chunked, H5P_DEFAULT));
    H5Sclose(strip);
    put_labels(file, "group/X", 2);
    H5Lcreate_soft("/group/X", file, "soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/group", file, "way", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("/etc/passwd", "X", file, "elsewhere", H5P_DEFAULT, H5P_DEFAULT);
    hid_t nothing = H5Screate(H5S_NULL), dataset = H5Dcreate2(file, "empty", H5T_STD_U8LE, nothing, H5P_DEFAULT, H5P_DEFAULT,
                                                              H5P_DEFAULT);
    H5Dclose(dataset);
    H5Sclose(nothing);
    H5Sclose(space);
    H5Pclose(external); H5Pclose(other); H5Pclose(scaled); H5Pclose(chunked); H5Pclose(view);
    file_close(file);
    assert_true(H5Zunregister(32000) >= 0);
    static const struct { const char *name; weft_status status; const char *words; } bad[] = {
        {"external", WEFT_EDATA, "f.h5: external: its data lie in another file"},
        {"other", WEFT_EDATA, "it is packed by filter 32000 (lzf), wanted gzip, shuffle or fletcher32"},
        {"scaled", WEFT_EDATA, "it is packed by filter 6 (scaleoffset)"},
        {"view", WEFT_EDATA, "a virtual dataset"},
        {"claim", WEFT_EDATA, "its shape takes 10000000000000 bytes, but 0 are stored"},
        {"wrap", WEFT_EDATA, "but 0 are stored"},
        {"dust", WEFT_EDATA, "its shape takes 16777216 chunks, but 0 bytes are stored"},
        {"overhang", WEFT_EDATA, "its chunks take 8388608000 bytes, but 0 are stored"},
        {"soft", WEFT_EDATA, "it is a soft link or a link into another file"},
        {"elsewhere", WEFT_EDATA, "it is a soft link or a link into another file"},
        {"way/X", WEFT_EDATA, "it is a soft link or a link into another file"},
        {"empty", WEFT_EDATA, "it has no shape"},
        {"group", WEFT_ENOINPUT, "it has no array group; it has: claim, dust, empty, external, other, overhang, scaled, view, wrap, y"},
        {"group/X/X", WEFT_ENOINPUT, "it has no array group/X/X"},
        {"group/Y", WEFT_ENOINPUT, "it has no array group/Y"},
        {"y", WEFT_EDATA, "f.h5: y: its shape is [2], wanted 2 dimensions or more"},
        {"/", WEFT_ENOINPUT, "it has no array /"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        char options[64];
        snprintf(options, sizeof options, "x=%s", bad[i].name);
        assert_refused(read_options(options, TARGET_CLASS, &source), bad[i].status, bad[i].words);
    }
}

/* ---- Names ---- */

static void usual_and_given_names(void **state)
{
    (void)state;
    struct source source;
    hid_t file = file_make();
    put_pixels(file, "data/of/a");              /* data is a group: not meant */
    put_labels(file, "data/labels", 2);
    put_pixels(file, "images");
    put_labels(file, "labels", 2);
    file_close(file);
    assert_ok(read_class(&source));
    assert_int_equal(source.train.count, 2);
    source_free(&source);
    assert_ok(read_options("x=/data/of/a&y=data/labels", TARGET_CLASS, &source));
    assert_int_equal(source.train.label[1], 1);
    assert_int_equal(source.test.count, 0);
    source_free(&source);
    assert_ok(read_options("x=//data//of/a&y=data/labels&x_test=images&y_test=labels", TARGET_CLASS, &source));
    assert_int_equal(source.test.count, 2);
    source_free(&source);
    assert_refused(read_options("x=data/none", TARGET_CLASS, &source), WEFT_ENOINPUT, "no array data/none; it has: images, labels");
    char options[3000] = "x=";
    memset(options + 2, 'x', 2500);
    assert_refused(read_options(options, TARGET_CLASS, &source), WEFT_ENOINPUT, "it has no array xxx");
}

static void put_texts(hid_t file, const char *name, bool is_variable, H5T_str_t padding)
{
    static const char fixed[3][6] = {"cat", "a dog", "fi sh"};
    static const char *const variable[3] = {"cat", "a dog", "fi sh"};
    char spaced[3][6];
    hid_t type = H5Tcopy(H5T_C_S1);
    memcpy(spaced, fixed, sizeof spaced);
    for (size_t i = 0; i < 18 && padding == H5T_STR_SPACEPAD; i++)
        if (spaced[i / 6][i % 6] == '\0')
            spaced[i / 6][i % 6] = ' ';
    H5Tset_size(type, is_variable ? H5T_VARIABLE : 6);
    if (!is_variable)
        H5Tset_strpad(type, padding);
    put(file, name, type, H5P_DEFAULT, 1, (hsize_t[]){3}, type, is_variable ? (const void *)variable : spaced);
    H5Tclose(type);
}

static void names_of_classes(void **state)
{
    (void)state;
    static const H5T_str_t padding[] = {H5T_STR_NULLTERM, H5T_STR_NULLPAD, H5T_STR_SPACEPAD, H5T_STR_NULLTERM};
    struct source source;
    for (int i = 0; i < 8; i++) {
        bool is_variable = i % 4 == 3;
        hid_t file = file_make();
        put_pixels(file, "X");
        put_labels(file, "y", 2);
        if (i & 4)
            put_labels(file, "class_names", 2);         /* no texts: not meant */
        put_texts(file, i & 4 ? "label_names" : "class_names", is_variable, padding[i % 4]);
        file_close(file);
        assert_ok(read_class(&source));
        assert_int_equal(source.classes.count, is_variable ? 0 : 3);            /* not read */
        for (size_t k = 0; k < source.classes.count; k++)
            assert_string_equal(source.classes.name[k], ((const char *[]){"cat", "a dog", "fi sh"})[k]);
        source_free(&source);
    }
}

/* ---- Files that are none, damage, memory ---- */

static void files_that_are_none(void **state)
{
    (void)state;
    struct source source;
    assert_refused(read_options("", TARGET_CLASS, &source), WEFT_ENOINPUT, "No such file");
    assert_refused(read_from(hdf5_read, directory, "", TARGET_CLASS, &source), WEFT_ENOINPUT, "it is a directory");
    assert_refused(read_from(hdf5_read, "/dev/null", "", TARGET_CLASS, &source), WEFT_ENOINPUT, "it is no file");
    text_put("f.h5", "hello");
    assert_refused(read_options("", TARGET_CLASS, &source), WEFT_EDATA, "it is no HDF5 file");
    text_put("f.h5", "");
    assert_refused(read_options("", TARGET_CLASS, &source), WEFT_EDATA, "it is no HDF5 file");
    hid_t file = file_make();
    file_close(file);
    assert_refused(read_options("", TARGET_CLASS, &source), WEFT_ENOINPUT, "it has: none");
    assert_refused(read_options("z=1", TARGET_CLASS, &source), WEFT_ESETTINGS, "known: x, y, x_test, y_test");
}

/* One of everything that is read. */
static void sample_make(void)
{
    hid_t file = file_make(), plan = H5Pcreate(H5P_DATASET_CREATE);
    uint16_t data[40 * 24];
    for (size_t i = 0; i < COUNT(data); i++)
        data[i] = (uint16_t)(i * i);
    H5Pset_chunk(plan, 3, (hsize_t[]){16, 4, 6});
    H5Pset_shuffle(plan);
    H5Pset_deflate(plan, 6);
    H5Pset_fletcher32(plan);
    put(file, "X", H5T_STD_U16BE, plan, 3, (hsize_t[]){40, 4, 6}, H5T_NATIVE_UINT16, data);
    H5Pclose(plan);
    put_labels(file, "y", 40);
    put_pixels(file, "X_test");
    put_texts(file, "class_names", true, H5T_STR_NULLTERM);
    put_texts(file, "label_names", false, H5T_STR_NULLTERM);
    H5Fclose(file);
}

static void truncations_are_refused(void **state)
{
    (void)state;
    struct source source;
    size_t size_bytes;
    sample_make();
    uint8_t *bytes = file_get("f.h5", &size_bytes);
    for (size_t n = 0; n < size_bytes; n += n < 128 ? 1 : 61) {
        file_put("f.h5", bytes, n);
        assert_refused(read_options("", TARGET_NOTHING, &source), WEFT_EDATA, "f.h5");
    }
    free(bytes);
}

/* fletcher32 and the ends of gzip streams tell wrong data. */
static void wrong_data_are_told(void **state)
{
    (void)state;
    struct source source;
    size_t size_bytes;
    hsize_t address, stored;
    unsigned mask;
    hid_t file, dataset;
    sample_make();
    file = H5Fopen(path_of("f.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
    dataset = H5Dopen2(file, "X", H5P_DEFAULT);
    haddr_t at;
    assert_true(H5Dget_chunk_info_by_coord(dataset, (hsize_t[]){16, 0, 0}, &mask, &at, &stored) >= 0);
    address = at;
    H5Dclose(dataset);
    H5Fclose(file);
    uint8_t *bytes = file_get("f.h5", &size_bytes);
    for (size_t i = 0; i < stored; i++) {
        bytes[address + i] ^= 4;
        file_put("f.h5", bytes, size_bytes);
        assert_refused(read_options("x_test=X&y_test=y", TARGET_CLASS, &source), WEFT_EDATA, "f.h5: X: a chunk is damaged: its sum");
        bytes[address + i] ^= 4;
    }
    free(bytes);
}

/* In a process of its own, which ends at once: libhdf5 itself loses memory on a damaged file, and may not find out of its own end
 * then. A check that fails there runs the other tests once more and ends with another code. */
static void random_damage_is_survived(void **state)
{
    (void)state;
    sample_make();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        damage_check(hdf5_read, path_of("f.h5"), "f.h5", 4096, 2000, TARGET_NOTHING);
        _exit(EXIT_SUCCESS);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void failing_memory_is_reported(void **state)
{
    (void)state;
    sample_make();
    failing_memory_check(hdf5_read, path_of("f.h5"), TARGET_NOTHING, 12);
    hid_t file = file_make(), plan = H5Pcreate(H5P_DATASET_CREATE);
    float *data = calloc(3000 * 500, sizeof *data);
    H5Pset_chunk(plan, 2, (hsize_t[]){100, 500});
    H5Pset_deflate(plan, 9);
    put(file, "X", H5T_IEEE_F32LE, plan, 2, (hsize_t[]){3000, 500}, H5T_NATIVE_FLOAT, data);     /* grows several times */
    H5Pclose(plan);
    put_labels(file, "y", 3000);
    put_texts(file, "label_names", false, H5T_STR_NULLTERM);
    file_close(file);
    free(data);
    failing_memory_check(hdf5_read, path_of("f.h5"), TARGET_CLASS, 15);
    failing_memory_check(hdf5_read, path_of("f.h5"), TARGET_VALUES, 15);
}

/* The table and a tile, whatever the chunks are like. What libhdf5 takes for itself is not counted. */
static void a_table_is_in_memory_once(void **state)
{
    (void)state;
    enum { ROWS = 24000, COLUMNS = 1000 };
    static const hsize_t chunk[][2] = {{100, 1000}, {2400, 50}};
    double *data = malloc((size_t)ROWS * COLUMNS * sizeof *data);
    for (size_t i = 0; i < (size_t)ROWS * COLUMNS; i++)
        data[i] = (double)(i * 2654435761u % 1000003) / 7;
    for (size_t i = 0; i < COUNT(chunk); i++) {
        hid_t file = file_make(), plan = H5Pcreate(H5P_DATASET_CREATE);
        H5Pset_chunk(plan, 2, chunk[i]);
        H5Pset_shuffle(plan);
        H5Pset_deflate(plan, 1);
        put(file, "X", H5T_IEEE_F32LE, plan, 2, (hsize_t[]){ROWS, COLUMNS}, H5T_NATIVE_DOUBLE, data);
        H5Pclose(plan);
        put_labels(file, "y", ROWS);
        file_close(file);
        if (i == COUNT(chunk) - 1)
            free(data);
        peak_check(hdf5_read, path_of("f.h5"), ROWS, (size_t)ROWS * COLUMNS * 4 / 8 * 9);
    }
}

int main(void)
{
#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, directory_make, directory_remove)
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(every_type_in_both_orders),
        IN_DIRECTORY(halves_of_every_kind),
        IN_DIRECTORY(bytes_stay_bytes),
        IN_DIRECTORY(truth_values),
        IN_DIRECTORY(types_that_are_no_numbers),
        IN_DIRECTORY(every_layout),
        IN_DIRECTORY(compact_data),
        IN_DIRECTORY(data_shorter_than_their_shape),
        IN_DIRECTORY(chunks_of_every_kind),
        IN_DIRECTORY(chunks_of_wrong_sizes),
        IN_DIRECTORY(lost_chunks_are_told),
        IN_DIRECTORY(chunks_that_are_not_there),
        IN_DIRECTORY(layouts_that_are_refused),
        IN_DIRECTORY(usual_and_given_names),
        IN_DIRECTORY(names_of_classes),
        IN_DIRECTORY(files_that_are_none),
        IN_DIRECTORY(truncations_are_refused),
        IN_DIRECTORY(wrong_data_are_told),
        IN_DIRECTORY(failing_memory_is_reported),
        IN_DIRECTORY(a_table_is_in_memory_once),
        IN_DIRECTORY(random_damage_is_survived),
    };
    return cmocka_run_group_tests_name("hdf5", tests, reports_off, NULL);
}
