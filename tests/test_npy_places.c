/* Where NumPy's arrays lie: directories, archives and single files that lack something, change while they are read, or say sizes
 * that no memory holds; and which of the arrays that are there are taken. */
#include "npy_samples.h"

#include "base/fault.h"

static weft_status read_options(const char *options, enum target_kind target, struct source *source)
{
    return read_from(npy_read, directory, options, target, source);
}

static weft_status read_class(struct source *source)
{
    return read_options("", TARGET_CLASS, source);
}

static void sample_put(void)
{
    NPY_PUT("X.npy", "|u1", "(2, 2)", uint8_t, 1, 2, 3, 4);
    NPY_PUT("y.npy", "|u1", "(2,)", uint8_t, 1, 0);
}

/* As gzip: how many bytes there are is not known before they are read. */
static void packed_put(const char *name, const struct bytes *b)
{
    uint8_t packed[4096];
    file_put(name, packed, pack(b->at, b->size, packed, sizeof packed));
}

/* ---- Directories ---- */

static void paths_that_cannot_be(void **state)
{
    (void)state;
    struct source source;
    static char options[2 * PATH_MAX];
    sample_put();
    memset(options, 'x', sizeof options - 1);
    memcpy(options, "x=", 2);
    assert_refused(read_options(options, TARGET_CLASS, &source), WEFT_ENOINPUT, "find array xxx");
    options[2 + 300] = '\0';
    assert_refused(read_options(options, TARGET_CLASS, &source), WEFT_ENOINPUT, "File name too long");
    assert_refused(read_options("x=y.npy/x", TARGET_CLASS, &source), WEFT_ENOINPUT, "it has no array y.npy/x; it has: X, y");
}

static void packed_files_and_whole_names(void **state)
{
    (void)state;
    struct source source;
    struct bytes b = npy_make("|u1", "False", "(2, 2)", "\5\6\7\10", 4);
    sample_put();
    packed_put("Z.npy.gz", &b);
    assert_ok(read_options("x=Z", TARGET_CLASS, &source));
    assert_int_equal(source.train.pixel[3], 8);
    source_free(&source);
    assert_ok(read_options("x=Z.npy.gz&y=y.npy", TARGET_CLASS, &source));
    assert_int_equal(source.train.pixel[3], 8);
    source_free(&source);
    assert_refused(read_options("x=A", TARGET_CLASS, &source), WEFT_ENOINPUT, "it has no array A; it has: X, Z, y");
    assert_ok(read_from(npy_read, path_of("Z.npy.gz"), "", TARGET_NOTHING, &source));
    assert_int_equal(source.train.count, 2);
    source_free(&source);
    assert_refused(read_from(npy_read, path_of("X.npy"), "x=A", TARGET_NOTHING, &source), WEFT_ENOINPUT, "no array A; it has: X");
    text_put("odd.npy.gz", "hello");            /* what its name says is said to be missing in it */
    assert_refused(read_from(npy_read, path_of("odd.npy.gz"), "", TARGET_NOTHING, &source), WEFT_EDATA, "does not begin as a .npy");
    text_put("odd.npy", "hello");
    assert_refused(read_from(npy_read, path_of("odd.npy"), "", TARGET_NOTHING, &source), WEFT_EDATA, "does not begin as a .npy");
}

static void many_files_are_listed_in_part(void **state)
{
    (void)state;
    struct source source;
    char name[32];
    for (int i = 0; i < 1010; i++) {
        snprintf(name, sizeof name, "a%d.npy", i);
        text_put(name, "");
    }
    assert_refused(read_class(&source), WEFT_ENOINPUT, "and 990 more");
}

/* Looking a name up takes no descriptor, listing the directory does. */
static void a_directory_that_cannot_be_listed(void **state)
{
    (void)state;
    struct source source;
    struct rlimit limit, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = (rlim_t)lowest_free_descriptor();
    const struct read_request request = {.where = directory, .options = "", .target = TARGET_CLASS};
    source = (struct source){0};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    weft_status st = npy_read(&request, &source);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_refused(st, WEFT_ENOINPUT, "Too many open files");
    assert_true(is_all_zero(&source));
}

static void a_pipe_is_read_as_it_comes(void **state)
{
    (void)state;
    struct source source;
    struct bytes b = npy_make("|u1", "False", "(2, 2)", "\1\2\3\4", 4);
    int status;
    sample_put();
    assert_int_equal(unlink(path_of("X.npy")), 0);
    assert_int_equal(mkfifo(path_of("X.npy"), 0600), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int descriptor = open(path_of("X.npy"), O_WRONLY);
        _exit(write(descriptor, b.at, b.size) == (ssize_t)b.size ? 0 : 1);
    }
    assert_ok(read_class(&source));
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_memory_equal(source.train.pixel, "\1\2\3\4", 4);
    source_free(&source);
}

/* ---- Files that change while they are read ---- */

static int reads, read_wanted;
static void (*change)(void);

static int change_at_read(const char *call)
{
    if (strcmp(call, "read") == 0 && ++reads == read_wanted)
        change();
    return 0;
}

static weft_status read_while(void (*what)(void), int read)
{
    struct source source;
    reads = 0;
    read_wanted = read;
    change = what;
    file_set_fault(change_at_read);
    weft_status st = read_class(&source);
    file_set_fault(NULL);
    assert_true(reads >= read_wanted);
    return st;
}

static void remove_y(void)
{
    assert_int_equal(unlink(path_of("y.npy")), 0);
}

static void turn_y_in_circles(void)
{
    remove_y();
    assert_int_equal(symlink("y.npy", path_of("y.npy")), 0);
}

static void complete_x(void)
{
    struct bytes b = npy_make("|u1", "False", "(2, 2)", "\1\2\3\4", 4);
    FILE *file = fopen(path_of("X.npy"), "r+b");
    assert_int_equal(fwrite(b.at, 1, b.size, file), b.size);
    assert_int_equal(fclose(file), 0);
}

static void files_that_change_are_refused(void **state)
{
    (void)state;
    sample_put();
    assert_refused(read_while(remove_y, 1), WEFT_ENOINPUT, "y.npy: no such file");
    sample_put();
    assert_refused(read_while(turn_y_in_circles, 1), WEFT_ENOINPUT, "Too many levels of symbolic links");
    sample_put();
    text_put("X.npy", "\x93NUMPY");             /* only its beginning when its size is asked for */
    assert_refused(read_while(complete_x, 1), WEFT_EDATA, "its header says 4 bytes of numbers, but it has 0");
}

/* ---- Sizes ---- */

static void sizes_that_no_memory_holds(void **state)
{
    (void)state;
    struct source source;
    sample_put();
    struct bytes b = npy_make("|u1", "False", "(2, 4611686018427387904)", "", 0);
    packed_put("x_huge.npy.gz", &b);
    assert_refused(read_options("x=x_huge", TARGET_CLASS, &source), WEFT_EDATA, "its header is beyond any memory");
    b = npy_make("|u1", "False", "(2, 288230376151711744)", "", 0);
    packed_put("y_huge.npy.gz", &b);            /* bytes would fit, numbers of 8 bytes do not */
    assert_refused(read_options("y=y_huge", TARGET_VALUES, &source), WEFT_EDATA, "wanted as many numbers as a memory can hold");
    assert_refused(read_options("x=y_huge", TARGET_CLASS, &source), WEFT_EDATA, "wanted as many numbers as a memory can hold");
    npy_put("none.npy", "|u1", "(0, 2)", "", 0);
    npy_put("wide.npy", "|u1", "(0, 4611686018427387904)", "", 0);
    assert_refused(read_options("x=none&y=wide", TARGET_VALUES, &source), WEFT_EDATA, "as many numbers as a memory can hold");
    assert_refused(read_options("x=wide&y=y", TARGET_VALUES, &source), WEFT_EDATA, "wanted as many numbers as a memory can hold");
}

/* A row longer than what is read at a time, with its bad number at its beginning: the rest is not read. */
static void the_first_bad_number_ends_it(void **state)
{
    (void)state;
    enum { COLUMNS = 100000 };
    static const char *const order[] = {"False", "True"};
    struct source source;
    float *x = calloc(2 * COLUMNS, sizeof *x);
    sample_put();
    x[0] = INFINITY;
    for (int i = 0; i < 2; i++) {
        struct bytes head = npy_make("<f4", order[i], "(2, 100000)", "", 0);
        uint8_t *whole = malloc(head.size + 2 * COLUMNS * sizeof *x);
        memcpy(whole, head.at, head.size);
        memcpy(whole + head.size, x, 2 * COLUMNS * sizeof *x);
        file_put("X.npy", whole, head.size + 2 * COLUMNS * sizeof *x);
        free(whole);
        assert_refused(read_class(&source), WEFT_EDATA, "X.npy: row 0, column 0 is inf");
    }
    free(x);
}

static void column_major_order_of_every_size(void **state)
{
    (void)state;
    struct source source;
    sample_put();
    const struct { const char *descr; const void *data; size_t size_bytes; } type[] = {
        {"|u1", (uint8_t[]){1, 4, 2, 5, 3, 6}, 6}, {"<i2", (int16_t[]){1, 4, 2, 5, 3, 6}, 12},
        {"<i4", (int32_t[]){1, 4, 2, 5, 3, 6}, 24}, {"<f8", (double[]){1, 4, 2, 5, 3, 6}, 48}};
    for (size_t i = 0; i < COUNT(type); i++) {
        struct bytes b = npy_make(type[i].descr, "True", "(2, 3)", type[i].data, type[i].size_bytes);
        file_put("X.npy", b.at, b.size);
        assert_ok(read_class(&source));
        for (size_t k = 0; k < 6; k++)
            assert_true((source.train.pixel != NULL ? source.train.pixel[k] : source.train.value[k]) == (float)(k + 1));
        source_free(&source);
    }
    struct bytes b = npy_make("|u1", "True", "(2,)", "\1\0", 2);        /* one dimension has no order */
    file_put("y.npy", b.at, b.size);
    assert_ok(read_class(&source));
    assert_true(source.train.label[0] == 1 && source.train.label[1] == 0);
    source_free(&source);
}

/* ---- Which arrays are taken ---- */

static void test_rows_without_training_rows(void **state)
{
    (void)state;
    struct source source;
    NPY_PUT("X_test.npy", "|u1", "(2, 2)", uint8_t, 1, 2, 3, 4);
    NPY_PUT("x_test.npy", "|u1", "(2, 2)", uint8_t, 5, 6, 7, 8);
    assert_ok(read_options("", TARGET_NOTHING, &source));       /* of two usual names the first */
    assert_true(source.train.count == 0 && source.test.count == 2 && source.test.pixel[0] == 1);
    source_free(&source);
    assert_refused(read_class(&source), WEFT_ENOINPUT, "it has no array X, ");
    npy_put("X_test.npy", "|u1", "(0, 2)", "", 0);
    assert_refused(read_options("", TARGET_NOTHING, &source), WEFT_EDATA, "X_test has no rows");
}

static void labels_that_do_not_go_together(void **state)
{
    (void)state;
    struct source source;
    NPY_PUT("data.npy", "|u1", "(2, 2)", uint8_t, 1, 2, 3, 4);
    NPY_PUT("label.npy", "|u1", "(2,)", uint8_t, 1, 0);
    NPY_PUT("more.npy", "|u1", "(2, 2)", uint8_t, 5, 6, 7, 8);
    assert_refused(read_options("x_test=more", TARGET_CLASS, &source), WEFT_ENOINPUT, "no array of labels to go with more");
    NPY_PUT("wide.npy", "<f4", "(2, 3)", float, 1, 0, 0, 0, 1, 0);
    NPY_PUT("narrow.npy", "<f4", "(2, 2)", float, 1, 0, 0, 1);
    assert_refused(read_options("y=wide&x_test=more&y_test=narrow", TARGET_SCORES, &source), WEFT_EDATA,
                   "narrow has 2 numbers a row, but wide has 3");
    NPY_PUT("label.npy", "<u8", "(2,)", uint64_t, 1, 18446744073709551615u);
    assert_refused(read_class(&source), WEFT_EDATA, "row 1");
    assert_ok(read_options("", TARGET_VALUES, &source));
    assert_true(source.train.target[0] == 1 && source.train.target[1] == 0x1p64f);
    source_free(&source);
}

/* ---- Headers that break off within a word or a number ---- */

static void headers_that_end_early(void **state)
{
    (void)state;
    static const struct { const char *header, *words; } bad[] = {
        {"{'fortran_order': Fals", "wanted True or False"}, {"{'fortran_order': Tru", "wanted True or False"},
        {"{'shape': (2, 1", "wanted ',' or ')'"}, {"{'shape': (18446744073709551616,)}", "a dimension that a memory can hold"},
        {"{'shape': (184467440737095516150,)}", "a dimension that a memory can hold"},
        {"{'descr': '|u1', 'descr': '|u1'}", "fortran_order and shape, once each"},
        {"{'fortran_order': True, 'fortran_order': True}", "fortran_order and shape, once each"},
        {"{'shape': (), 'shape': ()}", "fortran_order and shape, once each"},
        {"{'descr': '|u1', 'fortran_order': True}", "wanted the keys descr, fortran_order and shape"},
        {"{'descr': '|u1', 'shape': (2,)}", "wanted the keys descr, fortran_order and shape"},
        {"{'fortran_order': True, 'shape': (2,)}", "wanted the keys descr, fortran_order and shape"}};
    struct source source;
    sample_put();
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct bytes b = {.size = 0};           /* no white space behind the header */
        put(&b, "\x93NUMPY\1\0", 8);
        put_number(&b, strlen(bad[i].header), 2);
        put(&b, bad[i].header, strlen(bad[i].header));
        file_put("X.npy", b.at, b.size);
        assert_refused(read_class(&source), WEFT_EDATA, bad[i].words);
        assert_non_null(strstr(weft_last_error(), "X.npy: at byte "));
    }
}

/* ---- Archives ---- */

static void archive_put(const char *name, const char *const *member, size_t members)
{
    static struct archive a;
    a = (struct archive){.members = 0};
    for (size_t i = 0; i < members; i++)
        archive_add(&a, member[i], "damaged", 7, false);
    struct bytes b = archive_bytes(&a);
    file_put(name, b.at, b.size);
}

static void members_are_listed(void **state)
{
    (void)state;
    static const char *const member[] = {"b.npy", "read me.txt", "a.npy", "c.npy.gz"};
    struct source source;
    archive_put("f.npz", member, COUNT(member));
    assert_refused(read_from(npy_read, path_of("f.npz"), "", TARGET_CLASS, &source), WEFT_ENOINPUT, "it has: a, b, c, read me.txt");
    const struct read_request request = {.where = path_of("f.npz"), .options = "", .target = TARGET_CLASS};
    size_t n = 0;
    for (weft_status st = WEFT_ENOMEM; st != WEFT_ENOINPUT;) {
        memory_fail_from(++n);
        st = npy_read(&request, &source);
        memory_fail_from(0);
        assert_true(st == WEFT_ENOMEM || st == WEFT_ENOINPUT);
        assert_true(is_all_zero(&source));
    }
    assert_int_equal(n, 6);                     /* a list and four names */
}

static void an_archive_of_one_member_is_listed(void **state)
{
    (void)state;
    static const char *const member[] = {"b.npy"};
    struct source source;
    archive_put("f.npz", member, 1);
    assert_refused(read_from(npy_read, path_of("f.npz"), "", TARGET_CLASS, &source), WEFT_ENOINPUT, "it has: b");
}

/* Sizes in the way of ZIP64, one of them beyond any memory. */
static void sizes_of_members_are_not_believed(void **state)
{
    (void)state;
    struct source source;
    for (int packed = 0; packed < 2; packed++) {
        struct bytes b = {.size = 0};
        put(&b, "PK\3\4\55\0\0\0\0\0\0\0\41\0\0\0\0\0", 18);
        put_number(&b, 1, 4);
        put_number(&b, 1, 4);
        put_number(&b, 5, 2);
        put_number(&b, 0, 2);
        put(&b, "X.npyx", 6);
        size_t central = b.size;
        put(&b, "PK\1\2\55\0\55\0\0\0\0\0\0\0\41\0\0\0\0\0", 20);
        put_number(&b, UINT32_MAX, 4);
        put_number(&b, UINT32_MAX, 4);
        put_number(&b, 5, 2);
        put_number(&b, 20, 2);                  /* more fields: both sizes */
        put_number(&b, 0, 14);
        put(&b, "X.npy\1\0\20\0", 9);
        put_number(&b, packed ? 1 : (uint64_t)1 << 41, 8);
        put_number(&b, packed ? (uint64_t)1 << 41 : 1, 8);
        size_t central_bytes = b.size - central;
        put(&b, "PK\5\6\0\0\0\0\1\0\1\0", 12);
        put_number(&b, central_bytes, 4);
        put_number(&b, central, 4);
        put_number(&b, 0, 2);
        file_put("f.npz", b.at, b.size);
        assert_refused(read_from(npy_read, path_of("f.npz"), "", TARGET_NOTHING, &source), WEFT_EDATA,
                       "f.npz: X: the archive says no size for it that a memory can hold");
    }
}

static int calls, call_wanted;

static int fail_one(const char *call)
{
    (void)call;
    return ++calls == call_wanted ? EIO : 0;
}

static void each_failing_call_on_an_archive_is_told(void **state)
{
    (void)state;
    struct source source;
    static const char *const member[] = {"b.npy"};
    archive_put("f.npz", member, 1);
    for (call_wanted = 1; call_wanted <= 3; call_wanted++) {    /* openat, fstat, read: the rest is libzip's */
        calls = 0;
        file_set_fault(fail_one);
        weft_status st = read_from(npy_read, path_of("f.npz"), "", TARGET_CLASS, &source);
        file_set_fault(NULL);
        assert_refused(st, call_wanted < 3 ? WEFT_ENOINPUT : WEFT_EIO, "f.npz");
        assert_non_null(strstr(weft_last_error(), "Input/output error"));
    }
}

int main(void)
{
#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, directory_make, directory_remove)
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(paths_that_cannot_be),
        IN_DIRECTORY(packed_files_and_whole_names),
        IN_DIRECTORY(many_files_are_listed_in_part),
        IN_DIRECTORY(a_directory_that_cannot_be_listed),
        IN_DIRECTORY(a_pipe_is_read_as_it_comes),
        IN_DIRECTORY(files_that_change_are_refused),
        IN_DIRECTORY(sizes_that_no_memory_holds),
        IN_DIRECTORY(the_first_bad_number_ends_it),
        IN_DIRECTORY(column_major_order_of_every_size),
        IN_DIRECTORY(test_rows_without_training_rows),
        IN_DIRECTORY(labels_that_do_not_go_together),
        IN_DIRECTORY(headers_that_end_early),
        IN_DIRECTORY(members_are_listed),
        IN_DIRECTORY(an_archive_of_one_member_is_listed),
        IN_DIRECTORY(sizes_of_members_are_not_believed),
        IN_DIRECTORY(each_failing_call_on_an_archive_is_told),
    };
    return cmocka_run_group_tests_name("npy_places", tests, NULL, NULL);
}
