/* From a URI to a reader and to the URI with an absolute path, and the window through which text files are read. */
#include "source_samples.h"

#include "data/source.h"
#include "data/window.h"
#include "store/h5.h"

/* ---- Names of sources ---- */

static void a_source_has_an_absolute_name(void **state)
{
    (void)state;
    char *name, want[PATH_MAX + 32], here[PATH_MAX];
    text_put("a.csv", "1,2\n");
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(directory), 0);
    assert_ok(source_absolute("csv:a.csv?sep=comma", &name));
    snprintf(want, sizeof want, "csv:%s/a.csv?sep=comma", directory);
    assert_string_equal(name, want);
    memory_free(name);
    assert_ok(source_absolute("digits:?train=10", &name));
    assert_string_equal(name, "digits:?train=10");
    memory_free(name);
    assert_int_equal(chdir(here), 0);
}

static void names_that_lead_to_no_reader(void **state)
{
    (void)state;
    static const struct { const char *text; weft_status status; const char *words; } bad[] = {
        {"a.csv", WEFT_ESETTINGS, "has no kind in front; did you mean csv:a.csv?"},
        {"cvs:a.csv", WEFT_ESETTINGS, "unknown kind \"cvs\""},
        {"CIFAR:x", WEFT_ESETTINGS, "did you mean cifar10:x?"},
        {"digit:x", WEFT_ESETTINGS, "did you mean digits:?"},
        {"digits:x", WEFT_ESETTINGS, "takes no path, but \"x\" stands behind the ':'"},
        {"csv:", WEFT_ESETTINGS, "no path stands behind the ':'"},
        {"csv:/nowhere/a.csv", WEFT_ENOINPUT, "open data source csv:/nowhere/a.csv: No such file"}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        char *name = (char *)1;                 /* whatever was there */
        struct source source;
        assert_refused(source_absolute(bad[i].text, &name), bad[i].status, bad[i].words);
        assert_null(name);
        assert_refused(source_read(bad[i].text, (struct read_request){.target = TARGET_CLASS}, &source, &name), bad[i].status,
                       bad[i].words);
        assert_true(name == NULL && is_all_zero(&source));
    }
}

/* Options begin with the first '?', so a path that has one would not be found again. */
static void a_path_with_a_question_mark_is_refused(void **state)
{
    (void)state;
    char *name, here[PATH_MAX];
    assert_int_equal(mkdir(path_of("what?"), 0700), 0);
    text_put("what?/a.csv", "1,2\n");
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(path_of("what?")), 0);
    assert_refused(source_absolute("csv:a.csv", &name), WEFT_ESETTINGS, "what?/a.csv, and a URI cannot name one with '?'");
    assert_null(name);
    assert_int_equal(chdir(here), 0);
}

static void failing_memory_is_reported(void **state)
{
    (void)state;
    char *name;
    for (size_t n = 1; n <= 3; n++) {           /* the parts of the URI, the name */
        memory_fail_from(n);
        weft_status st = source_absolute("digits:", &name);
        memory_fail_from(0);
        assert_int_equal(st, n < 3 ? WEFT_ENOMEM : WEFT_OK);
        assert_int_equal(name == NULL, n < 3);
        memory_free(name);
    }
}

/* A checkpoint could not be read again with them: it has the names as lines. */
static void names_of_classes_that_are_none(void **state)
{
    (void)state;
    static const struct { char text[3][6]; const char *words; } bad[] = {
        {{"cat", "", "dog"}, "the name of class 1: found an empty name of a class"},
        {{"cat", "dog", "   "}, "the name of class 2: found an empty name of a class"},
        {{"a\nb", "cat", "dog"}, "the name of class 0: found the control character 0a in the name of a class (\"a?b\")"},
        {{"cat", "gr\xfcn", "dog"}, "the name of class 1: found the byte fc in the name of a class"}};
    hid_t type = H5Tcopy(H5T_C_S1);
    hid_t rows = H5Screate_simple(2, (hsize_t[]){3, 1}, NULL), row = H5Screate_simple(1, (hsize_t[]){3}, NULL);
    H5Tset_size(type, 6);
    char uri[PATH_MAX + 8], words[2 * PATH_MAX];
    snprintf(uri, sizeof uri, "hdf5:%s", path_of("f.h5"));
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct source source;
        char *name;
        hid_t file = H5Fcreate(path_of("f.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
        hid_t x = H5Dcreate2(file, "X", H5T_STD_U8LE, rows, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        hid_t y = H5Dcreate2(file, "y", H5T_STD_U8LE, row, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        hid_t names = H5Dcreate2(file, "class_names", type, row, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
        assert_true(H5Dwrite(names, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bad[i].text) >= 0);
        H5Dclose(x);
        H5Dclose(y);
        H5Dclose(names);
        assert_true(H5Fclose(file) >= 0);
        snprintf(words, sizeof words, "read hdf5:%s: %s", path_of("f.h5"), bad[i].words);
        assert_refused(source_read(uri, (struct read_request){.target = TARGET_CLASS}, &source, &name), WEFT_EDATA, words);
        assert_true(name == NULL && is_all_zero(&source));
    }
    H5Sclose(row);
    H5Sclose(rows);
    H5Tclose(type);
}

/* ---- The window ---- */

enum { PIECE = 1 << 20 };                       /* of the window, at first */

static void long_text_put(size_t size_bytes)
{
    char *text = malloc(size_bytes);
    for (size_t i = 0; i < size_bytes; i++)
        text[i] = (char)('a' + i % 23);
    file_put("text", text, size_bytes);
    free(text);
}

static void a_window_grows_over_what_is_kept(void **state)
{
    (void)state;
    struct window window;
    long_text_put(5 * PIECE / 2);
    assert_ok(window_open(&window, path_of("text")));
    while (!window.is_over)
        assert_ok(window_more(&window));
    assert_int_equal(window.end - window.first, 5 * PIECE / 2);
    for (size_t i = 0; i < window.end; i++)
        assert_int_equal(window.bytes[i], 'a' + i % 23);
    assert_int_equal(window.bytes[window.end], '\0');
    const size_t end = window.end, capacity = window.capacity;
    window.first = 100;
    assert_ok(window_more(&window));            /* at the end nothing moves */
    assert_true(window.first == 100 && window.end == end && window.capacity == capacity);
    window_close(&window);
}

static void a_window_that_cannot_grow(void **state)
{
    (void)state;
    struct window window;
    long_text_put(2 * PIECE);
    assert_ok(window_open(&window, path_of("text")));
    memory_fail_from(1);
    assert_int_equal(window_more(&window), WEFT_ENOMEM);
    memory_fail_from(0);
    assert_int_equal(window.end, PIECE);        /* as it was */
    assert_ok(window_more(&window));
    assert_int_equal(window.end, 2 * PIECE);
    window_close(&window);
}

int main(void)
{
#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, directory_make, directory_remove)
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(a_source_has_an_absolute_name),
        cmocka_unit_test(names_that_lead_to_no_reader),
        IN_DIRECTORY(a_path_with_a_question_mark_is_refused),
        cmocka_unit_test(failing_memory_is_reported),
        IN_DIRECTORY(names_of_classes_that_are_none),
        IN_DIRECTORY(a_window_grows_over_what_is_kept),
        IN_DIRECTORY(a_window_that_cannot_grow),
    };
    return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
