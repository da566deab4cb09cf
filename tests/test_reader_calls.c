/* Every call that the readers make of libhdf5, libzip and zlib fails in turn: the read is refused with the file's name, or gives
 * the same rows as without it, and nothing is left open. */
#include "hdf5_samples.h"

#include <zip.h>

#include "library_calls.h"

/* ---- Files ---- */

/* One of everything that is read: integers in chunks through all filters, floats side by side, truth values as labels, texts of
 * both kinds, a group. unwritten: the chunks of X are not there. */
static void hdf5_make(bool unwritten)
{
    uint16_t x[8 * 6];
    for (size_t i = 0; i < COUNT(x); i++)
        x[i] = (uint16_t)(i * i * 29);          /* up to 64061: as signed numbers they would be others */
    hid_t file = file_make(), plan = H5Pcreate(H5P_DATASET_CREATE);
    hid_t truth = H5Tenum_create(H5T_NATIVE_INT8), fixed = H5Tcopy(H5T_C_S1), variable = H5Tcopy(H5T_C_S1);
    H5Pset_chunk(plan, 3, (hsize_t[]){4, 2, 2});
    H5Pset_shuffle(plan);
    H5Pset_deflate(plan, 6);
    H5Pset_fletcher32(plan);
    H5Tenum_insert(truth, "FALSE", &(int8_t){0});
    H5Tenum_insert(truth, "TRUE", &(int8_t){1});
    H5Tset_size(fixed, 4);
    H5Tset_size(variable, H5T_VARIABLE);
    put(file, "X", H5T_STD_U16BE, plan, 3, (hsize_t[]){8, 2, 3}, H5T_NATIVE_UINT16, unwritten ? NULL : x);
    put(file, "y", truth, H5P_DEFAULT, 1, (hsize_t[]){8}, truth, (int8_t[]){0, 1, 1, 0, 1, 0, 0, 1});
    put(file, "X_test", H5T_IEEE_F32BE, H5P_DEFAULT, 2, (hsize_t[]){2, 6}, H5T_NATIVE_UINT16, x);
    put(file, "y_test", H5T_STD_I64BE, H5P_DEFAULT, 1, (hsize_t[]){2}, H5T_NATIVE_INT, (int[]){1, 0});
    put(file, "class_names", variable, H5P_DEFAULT, 1, (hsize_t[]){2}, variable, (const char *[]){"no", "yes"});
    put(file, "label_names", fixed, H5P_DEFAULT, 1, (hsize_t[]){2}, fixed, (char[2][4]){"no", "yes"});
    H5Gclose(H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
    H5Tclose(variable);
    H5Tclose(fixed);
    H5Tclose(truth);
    H5Pclose(plan);
    file_close(file);
}

static void member_put(zip_t *archive, const char *name, const char *header, const void *data, size_t size_bytes,
                       zip_int32_t method)
{
    uint8_t *bytes = calloc(128 + size_bytes, 1);               /* the archive's, which frees it */
    memcpy(bytes, "\x93NUMPY\1\0\x76\0", 10);
    memset(bytes + 10, ' ', 118);
    memcpy(bytes + 10, header, strlen(header));
    memcpy(bytes + 128, data, size_bytes);
    zip_int64_t i = zip_file_add(archive, name, zip_source_buffer(archive, bytes, 128 + size_bytes, 1), 0);
    assert_true(i >= 0 && zip_set_file_compression(archive, (zip_uint64_t)i, method, 0) == 0);
}

static void archive_make(void)
{
    (void)unlink(path_of("f.npz"));
    zip_t *archive = zip_open(path_of("f.npz"), ZIP_CREATE, NULL);
    uint8_t x[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    member_put(archive, "X.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (4, 3)}", x, 12, ZIP_CM_DEFLATE);
    member_put(archive, "y.npy", "{'descr': '|u1', 'fortran_order': False, 'shape': (4,)}", "\0\1\1", 4, ZIP_CM_STORE);
    assert_int_equal(zip_close(archive), 0);
}

static void gzip_make(void)
{
    static const uint8_t label[] = {0, 0, 8, 1, 0, 0, 0, 2, 1, 0}, image[] = {0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6};
    uint8_t packed[200];
    size_t first = pack(image, 11, packed, sizeof packed);      /* two members, so that zlib has to begin again */
    file_put("train-images-idx3-ubyte", packed, first + pack(image + 11, sizeof image - 11, packed + first, sizeof packed - first));
    file_put("train-labels-idx1-ubyte", packed, pack(label, sizeof label, packed, sizeof packed));
}

/* ---- What is read ---- */

static void assert_same_table(const struct table *got, const struct table *want, const char *call)
{
    size_t values = want->count * want->features;
    if (got->count != want->count || got->features != want->features
        || (want->pixel != NULL && memcmp(got->pixel, want->pixel, values) != 0)
        || (want->value != NULL && memcmp(got->value, want->value, values * sizeof *want->value) != 0)
        || (want->label != NULL && memcmp(got->label, want->label, want->count * sizeof *want->label) != 0))
        fail_msg("other rows when %s fails", call);
}

static void assert_same_source(const struct source *got, const struct source *want, const char *call)
{
    assert_same_table(&got->train, &want->train, call);
    assert_same_table(&got->test, &want->test, call);
    assert_true(got->classes.count == 0 || got->classes.count == want->classes.count);  /* names that cannot be read are none */
    for (size_t i = 0; i < got->classes.count; i++)
        assert_string_equal(got->classes.name[i], want->classes.name[i]);
}

/* A refusal is the fault of a file or of short memory, and names the file. */
static void assert_is_told(weft_status st, const char *file, const char *call)
{
    if ((st != WEFT_EDATA && st != WEFT_EIO && st != WEFT_ENOINPUT && st != WEFT_ENOMEM) || strstr(weft_last_error(), file) == NULL)
        fail_msg("when %s fails: %d: %s", call, (int)st, weft_last_error());
    if (strncmp(call, "inflate", 7) == 0 && strcmp(call, "inflateReset") != 0)
        assert_int_equal(st, WEFT_ENOMEM);
}

/* Returns how many calls were made to fail. */
static size_t every_call_fails(reader_function *read, const char *where, const char *options, enum target_kind target,
                               const char *file)
{
    struct source want, got;
    bool is_fine = read_from(read, where, options, target, &want) == WEFT_OK;
    ssize_t open = H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL);
    for (size_t n = 1;; n++) {
        library_fail_call(n);
        weft_status st = read_from(read, where, options, target, &got);
        library_fail_call(0);
        const char *call = library_failed_call();
        assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), open);
        if (st == WEFT_OK) {
            assert_true(is_fine);
            assert_same_source(&got, &want, call == NULL ? "nothing" : call);
        } else if (is_fine || call != NULL) {
            assert_is_told(st, file, call == NULL ? "nothing" : call);
        }
        source_free(&got);
        if (call == NULL) {
            source_free(&want);
            return n - 1;
        }
    }
}

static void each_failing_call_of_libhdf5_is_told(void **state)
{
    (void)state;
    hdf5_make(false);
    assert_in_range(every_call_fails(hdf5_read, path_of("f.h5"), "", TARGET_CLASS, "f.h5"), 150, 1500);
    assert_in_range(every_call_fails(hdf5_read, path_of("f.h5"), "x=none", TARGET_CLASS, "f.h5"), 10, 500);
    assert_in_range(every_call_fails(hdf5_read, path_of("f.h5"), "x=group", TARGET_CLASS, "f.h5"), 10, 500);
    hdf5_make(true);
    assert_in_range(every_call_fails(hdf5_read, path_of("f.h5"), "", TARGET_NOTHING, "f.h5"), 50, 1500);
}

static void each_failing_call_of_libzip_is_told(void **state)
{
    (void)state;
    archive_make();
    assert_in_range(every_call_fails(npy_read, path_of("f.npz"), "", TARGET_CLASS, "f.npz"), 20, 200);
    assert_in_range(every_call_fails(npy_read, path_of("f.npz"), "x=none", TARGET_CLASS, "f.npz"), 4, 50);
}

static void each_failing_call_of_zlib_is_told(void **state)
{
    (void)state;
    gzip_make();
    assert_in_range(every_call_fails(idx_read, directory, "", TARGET_CLASS, "idx"), 8, 50);
}

/* What is to blame for an archive that does not open shows in the status. */
static void why_an_archive_does_not_open(void **state)
{
    (void)state;
    static const struct { int code; weft_status status; const char *words; } why[] = {
        {ZIP_ER_MEMORY, WEFT_ENOMEM, "Malloc failure"}, {ZIP_ER_NOENT, WEFT_ENOINPUT, "No such file"},
        {ZIP_ER_OPEN, WEFT_ENOINPUT, "Can't open file"}, {ZIP_ER_READ, WEFT_EIO, "Read error"},
        {ZIP_ER_SEEK, WEFT_EIO, "Seek error"},
        {ZIP_ER_TELL, WEFT_EIO, "Tell error"}, {ZIP_ER_NOZIP, WEFT_EDATA, "Not a zip archive"}};
    struct source source;
    archive_make();
    for (size_t i = 0; i < COUNT(why); i++) {
        library_fail_zip_with(why[i].code);
        library_fail_only("zip_open");
        library_fail_call(1);
        weft_status st = read_from(npy_read, path_of("f.npz"), "", TARGET_CLASS, &source);
        library_fail_call(0);
        library_fail_only(NULL);
        assert_refused(st, why[i].status, why[i].words);
        assert_non_null(strstr(weft_last_error(), "f.npz as an archive (.npz)"));
    }
}

int main(void)
{
#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, directory_make, directory_remove)
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(each_failing_call_of_libhdf5_is_told),
        IN_DIRECTORY(each_failing_call_of_libzip_is_told),
        IN_DIRECTORY(each_failing_call_of_zlib_is_told),
        IN_DIRECTORY(why_an_archive_does_not_open),
    };
    return cmocka_run_group_tests_name("reader_calls", tests, NULL, NULL);
}
