/* HDF5 files that are well made and yet not what is usual: floats of other forms, names of classes that are no list, chunks larger
 * than what they hold, sizes that are claimed, a bad number in the middle, memory that is short at every place. */
#include "hdf5_samples.h"

static weft_status read_class(struct source *source)
{
    return read_from(hdf5_read, path_of("f.h5"), "", TARGET_CLASS, source);
}

/* ---- Types ---- */

/* A float in which one thing is another one than in IEEE's. */
static void floats_of_other_forms(void **state)
{
    (void)state;
    struct source source;
    for (int i = 0; i < 9; i++) {
        hid_t type = H5Tcopy(i < 8 ? H5T_IEEE_F32LE : H5T_IEEE_F64LE);
        switch (i) {
        case 0: H5Tset_fields(type, 31, 23, 8, 1, 22); break;          /* the fraction begins at bit 1 */
        case 1: H5Tset_fields(type, 22, 23, 8, 0, 22); break;          /* the sign stands between */
        case 2: H5Tset_fields(type, 31, 22, 8, 0, 22); break;
        case 3: H5Tset_fields(type, 31, 23, 7, 0, 23); break;
        case 4: H5Tset_fields(type, 31, 23, 8, 0, 22); break;
        case 5: H5Tset_norm(type, H5T_NORM_MSBSET); break;
        case 6: H5Tset_fields(type, 23, 15, 8, 0, 15); H5Tset_precision(type, 24); H5Tset_offset(type, 8); break;
        case 7: H5Tset_size(type, 8); break;
        case 8: H5Tset_ebias(type, 1022); break;
        }
        hid_t file = file_make();
        put(file, "X", type, H5P_DEFAULT, 2, (hsize_t[]){2, 1}, H5I_INVALID_HID, NULL);
        put_labels(file, "y", 2);
        H5Tclose(type);
        H5Fclose(file);
        if (read_class(&source) != WEFT_EDATA || strstr(weft_last_error(), "bytes and an unusual form") == NULL)
            fail_msg("form %d: %s", i, weft_last_error());
    }
}

static void times_are_no_numbers(void **state)
{
    (void)state;
    struct source source;
    hid_t file = file_make();
    put(file, "X", H5T_UNIX_D32LE, H5P_DEFAULT, 2, (hsize_t[]){2, 1}, H5I_INVALID_HID, NULL);
    put_labels(file, "y", 2);
    H5Fclose(file);
    assert_refused(read_class(&source), WEFT_EDATA, "f.h5: X: its elements are times, wanted integers or floats");
}

static void one_number_is_no_table(void **state)
{
    (void)state;
    struct source source;
    hid_t file = file_make();
    put(file, "X", H5T_STD_U8LE, H5P_DEFAULT, 0, NULL, H5T_NATIVE_INT, &(int){1});
    put_labels(file, "y", 1);
    file_close(file);
    assert_refused(read_class(&source), WEFT_EDATA, "X: its shape is [], wanted 2 dimensions or more");
}

/* ---- Names of classes: what is no plain list of texts is not meant ---- */

static void put_names(hid_t file, size_t rank, const hsize_t *dim, hid_t plan, size_t text_bytes)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, text_bytes);
    put(file, "class_names", type, plan, rank, dim, H5I_INVALID_HID, NULL);
    H5Tclose(type);
}

static void lists_that_are_not_meant(void **state)
{
    (void)state;
    enum { TOO_MANY = (1 << 16) + 1 };
    struct source source;
    hid_t chunked = H5Pcreate(H5P_DATASET_CREATE), external = H5Pcreate(H5P_DATASET_CREATE), never = H5Pcreate(H5P_DATASET_CREATE),
          early = H5Pcreate(H5P_DATASET_CREATE), compact = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(chunked, 1, (hsize_t[]){3});
    H5Pset_external(external, "/etc/passwd", 0, 12);
    H5Pset_alloc_time(never, H5D_ALLOC_TIME_LATE);
    H5Pset_alloc_time(early, H5D_ALLOC_TIME_EARLY);
    H5Pset_layout(compact, H5D_COMPACT);
    const struct { size_t rank; hsize_t dim[2]; hid_t plan; size_t text_bytes; } list[] = {
        {1, {3, 0}, chunked, 4}, {1, {3, 0}, external, 4}, {0, {0, 0}, H5P_DEFAULT, 4}, {2, {3, 1}, H5P_DEFAULT, 4},
        {1, {0, 0}, H5P_DEFAULT, 4}, {1, {TOO_MANY, 0}, early, 1}, {1, {3, 0}, never, 1 << 20}};
    for (size_t i = 0; i < COUNT(list); i++) {
        hid_t file = file_make();
        put_pixels(file, "X");
        put_labels(file, "y", 2);
        put_names(file, list[i].rank, list[i].dim, list[i].plan, list[i].text_bytes);
        H5Fclose(file);
        assert_ok(read_class(&source));
        assert_int_equal(source.classes.count, 0);
        source_free(&source);
    }
    hid_t file = file_make();
    put_pixels(file, "X");
    put_labels(file, "y", 2);
    hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, 4);
    H5Gclose(H5Gcreate2(file, "class_names", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));    /* a group, then a list after all */
    put(file, "label_names", type, compact, 1, (hsize_t[]){2}, type, "no\0\0yes\0");
    H5Tclose(type);
    file_close(file);
    assert_ok(read_class(&source));
    assert_int_equal(source.classes.count, 2);
    assert_string_equal(source.classes.name[1], "yes");
    source_free(&source);
    H5Pclose(chunked); H5Pclose(external); H5Pclose(never); H5Pclose(early); H5Pclose(compact);
}

/* ---- Listing ---- */

static void many_datasets_are_listed_in_part(void **state)
{
    (void)state;
    struct source source;
    char name[32];
    hid_t file = file_make();
    for (int i = 0; i < 1010; i++) {
        snprintf(name, sizeof name, "a%d", i);
        put(file, name, H5T_STD_U8LE, H5P_DEFAULT, 1, (hsize_t[]){1}, H5I_INVALID_HID, NULL);
    }
    file_close(file);
    assert_refused(read_class(&source), WEFT_ENOINPUT, "and 990 more");
}

/* ---- Sizes ---- */

/* 20 MiB of zeros in as few bytes as zlib can make of them: not more than is thought possible. */
static void well_packed_data_are_read(void **state)
{
    (void)state;
    enum { ROWS = 20, COLUMNS = 1 << 20 };
    struct source source;
    hid_t plan = H5Pcreate(H5P_DATASET_CREATE), file = file_make();
    uint8_t *zeros = calloc(ROWS, COLUMNS);
    H5Pset_chunk(plan, 2, (hsize_t[]){ROWS, COLUMNS});
    H5Pset_deflate(plan, 9);
    put(file, "X", H5T_STD_U8LE, plan, 2, (hsize_t[]){ROWS, COLUMNS}, H5T_NATIVE_UINT8, zeros);
    H5Pclose(plan);
    put_labels(file, "y", ROWS);
    file_close(file);
    assert_ok(read_class(&source));
    assert_memory_equal(source.train.pixel, zeros, (size_t)ROWS * COLUMNS);
    source_free(&source);
    free(zeros);
}

static hid_t growing(const hsize_t *chunk, int level)
{
    hid_t plan = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(plan, 2, chunk);
    if (level >= 0)
        H5Pset_deflate(plan, (unsigned)level);
    return plan;
}

static void put_growing(hid_t file, const char *name, hid_t plan, const void *data)
{
    hid_t space = H5Screate_simple(2, (hsize_t[]){2, 3}, (hsize_t[]){H5S_UNLIMITED, H5S_UNLIMITED});
    hid_t dataset = H5Dcreate2(file, name, H5T_STD_I16LE, space, H5P_DEFAULT, plan, H5P_DEFAULT);
    if (data != NULL)
        assert_true(H5Dwrite(dataset, H5T_NATIVE_INT16, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    H5Dclose(dataset);
    H5Sclose(space);
    H5Pclose(plan);
}

static void chunks_larger_than_the_data(void **state)
{
    (void)state;
    static const int16_t data[] = {1, -2, 3, -4, 5, -6};
    struct source source;
    hid_t file = file_make();
    put_growing(file, "X", growing((hsize_t[]){10, 10}, 0), data);     /* level 0: gzip's form, nothing packed */
    put_labels(file, "y", 2);
    put_growing(file, "X_test", growing((hsize_t[]){8192, 4096}, -1), NULL);
    put_labels(file, "y_test", 2);
    file_close(file);
    assert_refused(read_class(&source), WEFT_EDATA, "X_test: a chunk takes 67108864 bytes, but 0 are stored");
    file = H5Fopen(path_of("f.h5"), H5F_ACC_RDWR, H5P_DEFAULT);
    H5Ldelete(file, "X_test", H5P_DEFAULT);
    H5Ldelete(file, "y_test", H5P_DEFAULT);
    file_close(file);
    assert_ok(read_class(&source));
    for (size_t i = 0; i < COUNT(data); i++)
        assert_true(source.train.value[i] == (float)data[i]);
    source_free(&source);
}

/* Chunks that were never written and have no fill value; labels in chunks. */
static void chunks_of_one_dimension(void **state)
{
    (void)state;
    struct source source;
    hid_t plan = H5Pcreate(H5P_DATASET_CREATE), file = file_make();
    H5Pset_chunk(plan, 1, (hsize_t[]){2});
    put(file, "y", H5T_STD_U8LE, plan, 1, (hsize_t[]){5}, H5T_NATIVE_INT, (int[]){4, 3, 2, 1, 0});
    H5Pclose(plan);
    plan = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(plan, 2, (hsize_t[]){2, 2});
    H5Pset_fill_value(plan, H5T_NATIVE_INT, NULL);
    H5Pset_fill_time(plan, H5D_FILL_TIME_NEVER);
    put(file, "X", H5T_STD_I16LE, plan, 2, (hsize_t[]){5, 3}, H5I_INVALID_HID, NULL);
    H5Pclose(plan);
    file_close(file);
    assert_ok(read_class(&source));
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(source.train.label[i], 4 - i);
    for (size_t i = 0; i < 15; i++)
        assert_true(source.train.value[i] == 0);
    source_free(&source);
}

/* As many filters as there may be. */
static void filters_in_a_long_row(void **state)
{
    (void)state;
    static const int16_t data[] = {1, -2, 3, -4, 5, -6};
    struct source source;
    hid_t file = file_make(), plan = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(plan, 2, (hsize_t[]){2, 3});
    for (int i = 0; i < 32; i++)
        assert_true(H5Pset_fletcher32(plan) >= 0);
    put(file, "X", H5T_STD_I16LE, plan, 2, (hsize_t[]){2, 3}, H5T_NATIVE_INT16, data);
    H5Pclose(plan);
    put_labels(file, "y", 2);
    file_close(file);
    assert_ok(read_class(&source));
    for (size_t i = 0; i < COUNT(data); i++)
        assert_true(source.train.value[i] == (float)data[i]);
    source_free(&source);
}

/* ---- Numbers that are refused, and memory that is short ---- */

/* In a row of several pieces, each of the layouts: the rest is not read. */
static void the_first_bad_number_ends_it(void **state)
{
    (void)state;
    enum { COLUMNS = 600000 };
    struct source source;
    float *x = calloc(2 * COLUMNS, sizeof *x);
    x[1] = INFINITY;
    for (int chunked = 0; chunked < 2; chunked++) {
        hid_t file = file_make(), plan = H5Pcreate(H5P_DATASET_CREATE);
        if (chunked)
            H5Pset_chunk(plan, 2, (hsize_t[]){1, COLUMNS / 4});
        put(file, "X", H5T_IEEE_F32LE, plan, 2, (hsize_t[]){2, COLUMNS}, H5T_NATIVE_FLOAT, x);
        H5Pclose(plan);
        put_labels(file, "y", 2);
        file_close(file);
        assert_refused(read_class(&source), WEFT_EDATA, "f.h5: X: row 0, column 1 is inf");
    }
    free(x);
}

static void failing_memory_is_reported(void **state)
{
    (void)state;
    hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, 4);
    for (int kind = 0; kind < 3; kind++) {      /* side by side, in chunks, in chunks that are packed */
        hid_t file = file_make(), plan = H5Pcreate(H5P_DATASET_CREATE);
        if (kind > 0)
            H5Pset_chunk(plan, 2, (hsize_t[]){1, 3});
        if (kind > 1)
            H5Pset_deflate(plan, 6);
        put(file, "X", H5T_STD_I16LE, plan, 2, (hsize_t[]){2, 3}, H5T_NATIVE_INT16, (int16_t[]){1, 2, 3, 4, 5, 6});
        H5Pclose(plan);
        put_labels(file, "y", 2);
        put(file, "class_names", text, H5P_DEFAULT, 1, (hsize_t[]){2}, text, "no\0\0yes\0");
        file_close(file);
        failing_memory_check(hdf5_read, path_of("f.h5"), TARGET_CLASS, 8);
    }
    H5Tclose(text);
    struct source source = {0};
    const struct read_request request = {.where = path_of("f.h5"), .options = "x=none", .target = TARGET_CLASS};
    for (size_t n = 1;; n++) {                  /* while the names of what is there are listed */
        memory_fail_from(n);
        weft_status st = hdf5_read(&request, &source);
        memory_fail_from(0);
        assert_true(is_all_zero(&source));
        if (st == WEFT_ENOINPUT)
            break;
        assert_int_equal(st, WEFT_ENOMEM);
        assert_true(n < 100);
    }
    assert_non_null(strstr(weft_last_error(), "it has: X, class_names, y"));
}

static int reports_off(void **state)
{
    (void)state;
    return H5Eset_auto2(H5E_DEFAULT, NULL, NULL) < 0;
}

int main(void)
{
#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, directory_make, directory_remove)
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(floats_of_other_forms),
        IN_DIRECTORY(times_are_no_numbers),
        IN_DIRECTORY(one_number_is_no_table),
        IN_DIRECTORY(lists_that_are_not_meant),
        IN_DIRECTORY(many_datasets_are_listed_in_part),
        IN_DIRECTORY(well_packed_data_are_read),
        IN_DIRECTORY(chunks_larger_than_the_data),
        IN_DIRECTORY(chunks_of_one_dimension),
        IN_DIRECTORY(filters_in_a_long_row),
        IN_DIRECTORY(the_first_bad_number_ends_it),
        IN_DIRECTORY(failing_memory_is_reported),
    };
    return cmocka_run_group_tests_name("hdf5_forms", tests, reports_off, NULL);
}
