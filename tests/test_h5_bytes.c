/* What stands between libhdf5 and a file that it only reads: the bytes it asks for, from memory or from a descriptor, and the links of a
 * group. libhdf5 is to see what is there, and no more. */
#include "store_samples.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fault.h"
#include "store/h5_bytes.h"
#include "store/h5_links.h"

enum { NUMBERS = 3000 };
static const char TEXT[] = "a text of variable length lies in the global heap";
static double numbers[NUMBERS];

/* "file": the dataset /numbers and the attribute /text. length_bytes: of the lengths in the file, 8 as a rule. */
static void make_file(size_t length_bytes)
{
    const hsize_t count = NUMBERS;
    const char *text = TEXT;
    hid_t plan = H5Pcreate(H5P_FILE_CREATE), type = H5Tcopy(H5T_C_S1);
    assert_true(H5Pset_sizes(plan, 8, length_bytes) >= 0 && H5Tset_size(type, H5T_VARIABLE) >= 0);
    hid_t file = H5Fcreate(in_scratch("file"), H5F_ACC_TRUNC, plan, H5P_DEFAULT);
    hid_t many = H5Screate_simple(1, &count, NULL), one = H5Screate(H5S_SCALAR);
    hid_t dataset = H5Dcreate2(file, "numbers", H5T_IEEE_F64LE, many, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    hid_t attribute = H5Acreate2(file, "text", type, one, H5P_DEFAULT, H5P_DEFAULT);
    for (size_t i = 0; i < NUMBERS; i++)
        numbers[i] = (double)i / 7;
    assert_true(H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, numbers) >= 0);
    assert_true(H5Awrite(attribute, type, &text) >= 0);
    assert_true(H5Aclose(attribute) >= 0 && H5Dclose(dataset) >= 0 && H5Sclose(one) >= 0 && H5Sclose(many) >= 0);
    assert_true(H5Fclose(file) >= 0 && H5Tclose(type) >= 0 && H5Pclose(plan) >= 0);
}

/* The file of make_file behind a driver of either kind. */
struct opened {
    struct h5_turn turn;
    struct h5_bytes bytes;
    unsigned char *content;             /* NULL: by descriptor */
    hid_t file;
};

static void open_file(struct opened *o, bool in_memory)
{
    *o = (struct opened){0};
    h5_begin(&o->turn);
    o->content = get_file(in_scratch("file"), &o->bytes.size_bytes);
    o->bytes.descriptor = -1;
    if (in_memory) {
        o->bytes.at = o->content;
    } else {
        free(o->content);
        o->content = NULL;
        o->bytes.descriptor = open(in_scratch("file"), O_RDWR | O_CLOEXEC);
        assert_true(o->bytes.descriptor >= 0);
    }
    o->file = h5_bytes_open(&o->bytes, "file");
}

static void close_file(struct opened *o)
{
    assert_true(h5_bytes_close(&o->bytes, o->file) >= 0);
    if (o->bytes.descriptor >= 0)
        close(o->bytes.descriptor);
    free(o->content);
    h5_end(&o->turn);
}

static weft_status read_numbers(struct opened *o, double out[NUMBERS])
{
    hid_t dataset = H5Dopen2(o->file, "numbers", H5P_DEFAULT);
    weft_status st = WEFT_OK;
    if (dataset < 0 || H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) < 0)
        st = h5_failed(WEFT_EDAMAGED, "read numbers");
    return h5_bytes_status(&o->bytes, h5_close(dataset, st));
}

static weft_status read_text(struct opened *o, char out[200])
{
    char *text = NULL;
    hid_t attribute = H5Aopen(o->file, "text", H5P_DEFAULT), type = H5Aget_type(attribute);
    weft_status st = WEFT_OK;
    if (H5Aread(attribute, type, &text) < 0)
        st = h5_failed(WEFT_EDAMAGED, "read text");
    else
        snprintf(out, 200, "%s", text);
    H5free_memory(text);
    st = h5_close(type, st);
    return h5_bytes_status(&o->bytes, h5_close(attribute, st));
}

static void both_kinds_give_what_is_there(void **state)
{
    (void)state;
    make_file(8);
    for (int in_memory = 0; in_memory < 2; in_memory++) {
        struct opened o;
        double got[NUMBERS];
        char text[200];
        open_file(&o, in_memory);
        assert_true(o.file >= 0);
        assert_ok(read_numbers(&o, got));
        assert_memory_equal(got, numbers, sizeof got);
        assert_ok(read_text(&o, text));
        assert_string_equal(text, TEXT);
        close_file(&o);
    }
}

/* Offsets are from the signature of the collection, whose one object has its header at 16. */
static void a_damaged_heap_is_refused(void **state)
{
    (void)state;
    static const struct { size_t at; uint64_t number; } damage[] = {
        {8, 15}, {8, UINT64_MAX}, {8, 1 << 20},                         /* length of the collection: of none, too long, beyond the file */
        {24, UINT64_MAX}, {24, 4096 - 16 - 8},                          /* of the object: too long; so that its header no longer fits */
    };
    make_file(8);
    size_t size_bytes;
    unsigned char *whole = get_file(in_scratch("file"), &size_bytes), *heap = memmem(whole, size_bytes, "GCOL", 4);
    assert_non_null(heap);
    for (size_t i = 0; i < 2 * COUNT(damage); i++) {
        struct opened o;
        char text[200];
        uint64_t before;
        memcpy(&before, heap + damage[i / 2].at, sizeof before);
        memcpy(heap + damage[i / 2].at, &damage[i / 2].number, sizeof before);
        put_file(in_scratch("file"), whole, size_bytes);
        memcpy(heap + damage[i / 2].at, &before, sizeof before);
        open_file(&o, i % 2);
        assert_int_equal(read_text(&o, text), WEFT_EDAMAGED);
        assert_non_null(strstr(weft_last_error(), "a global heap that is damaged"));
        close_file(&o);
    }
    free(whole);
}

static void a_file_that_changes_is_noticed(void **state)
{
    (void)state;
    double got[NUMBERS];
    struct opened o;
    make_file(8);
    open_file(&o, false);
    assert_int_equal(ftruncate(o.bytes.descriptor, 4000), 0);
    assert_int_equal(read_numbers(&o, got), WEFT_EDAMAGED);
    assert_non_null(strstr(weft_last_error(), "the file has become shorter, at byte 4000"));
    o.bytes.size_bytes = 100;
    assert_int_equal(read_numbers(&o, got), WEFT_EDAMAGED);
    assert_non_null(strstr(weft_last_error(), "beyond its end"));
    close_file(&o);
}

static int reads_to_interrupt, reads_to_pass;

static int interrupt_reads(const char *call)
{
    return strcmp(call, "pread") == 0 && reads_to_interrupt-- > 0 ? EINTR : 0;
}

static int fail_reads(const char *call)
{
    return strcmp(call, "pread") == 0 && reads_to_pass-- <= 0 ? EIO : 0;
}

static void a_disk_that_fails_is_named(void **state)
{
    (void)state;
    double got[NUMBERS];
    char text[200];
    struct opened o;
    make_file(8);
    open_file(&o, false);
    reads_to_interrupt = 3;
    file_set_fault(interrupt_reads);
    assert_ok(read_numbers(&o, got));
    assert_memory_equal(got, numbers, sizeof got);
    file_set_fault(fail_reads);
    for (int passed = 0, st = WEFT_EIO; st != WEFT_OK; passed++) {      /* the last one is that of the heap's rest */
        reads_to_pass = passed;
        st = (int)read_text(&o, text);
        if (st != WEFT_OK) {
            assert_int_equal(st, WEFT_EIO);
            assert_string_equal(weft_last_error(), "Input/output error");
        }
        assert_in_range(passed, 0, 9);
    }
    close_file(&o);
    reads_to_pass = 0;
    open_file(&o, false);
    assert_true(o.file < 0);
    file_set_fault(NULL);
    close_file(&o);
}

static void short_memory_is_told(void **state)
{
    (void)state;
    char text[200];
    struct opened o;
    make_file(8);
    open_file(&o, false);
    memory_fail_from(1);                                /* for a look at the heap */
    weft_status st = read_text(&o, text);
    memory_fail_from(0);
    assert_int_equal(st, WEFT_ENOMEM);
    close_file(&o);
    memory_fail_from(1);                                /* for the file itself */
    open_file(&o, false);
    memory_fail_from(0);
    assert_true(o.file < 0);
    assert_int_equal(h5_bytes_status(&o.bytes, WEFT_EDAMAGED), WEFT_ENOMEM);
    close_file(&o);
}

static void lengths_of_four_bytes_are_refused(void **state)
{
    (void)state;
    struct opened o;
    make_file(4);
    open_file(&o, true);
    assert_true(o.file < 0);
    assert_int_equal(h5_failed(WEFT_EDAMAGED, "open"), WEFT_EDAMAGED);
    assert_non_null(strstr(weft_last_error(), "its lengths have 4 bytes, wanted 8"));
    close_file(&o);
}

/* Somebody else still holds the file: it must not reach for bytes that are gone. */
static void a_file_that_stays_open_is_parted_from_its_bytes(void **state)
{
    (void)state;
    double got[NUMBERS];
    struct opened o;
    make_file(8);
    open_file(&o, true);
    assert_true(H5Iinc_ref(o.file) == 2);
    assert_true(h5_bytes_close(&o.bytes, o.file) >= 0);
    memset(o.content, 0xaa, o.bytes.size_bytes);
    assert_int_equal(read_numbers(&o, got), WEFT_EDAMAGED);
    (void)H5Fclose(o.file);
    free(o.content);
    h5_end(&o.turn);
}

static void links_come_in_their_order(void **state)
{
    (void)state;
    static const char *const name[] = {"zeta", "beta", "omega", "alpha"}, *const sorted[] = {"alpha", "beta", "omega", "zeta"};
    struct h5_turn turn;
    h5_begin(&turn);
    hid_t file = H5Fcreate(in_scratch("links"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), plan = H5Pcreate(H5P_GROUP_CREATE);
    assert_true(H5Pset_link_creation_order(plan, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED) >= 0);
    for (int has_order = 0; has_order < 2; has_order++) {
        struct h5_links links = {0};
        hid_t group = H5Gcreate2(file, has_order ? "ordered" : "unordered", H5P_DEFAULT, has_order ? plan : H5P_DEFAULT, H5P_DEFAULT);
        for (size_t i = 0; i < COUNT(name); i++)
            assert_true(H5Gclose(H5Gcreate2(group, name[i], H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)) >= 0);
        assert_ok(h5_links_read(group, "/g", COUNT(name), &links));
        assert_int_equal(links.count, COUNT(name));
        for (size_t i = 0; i < COUNT(name); i++)
            assert_string_equal(links.link[i].name, has_order ? name[i] : sorted[i]);
        h5_links_free(&links);
        assert_int_equal(h5_links_read(group, "/g", COUNT(name) - 1, &links), WEFT_EDAMAGED);
        assert_non_null(strstr(weft_last_error(), "more objects"));
        h5_links_free(&links);
        assert_true(H5Gclose(H5Gcreate2(group, "\x01", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)) >= 0);
        assert_int_equal(h5_links_read(group, "/g", 100, &links), WEFT_EDAMAGED);
        assert_non_null(strstr(weft_last_error(), "control character"));
        h5_links_free(&links);
        assert_true(H5Gclose(group) >= 0);
    }
    assert_true(H5Pclose(plan) >= 0 && H5Fclose(file) >= 0);
    h5_end(&turn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, scratch_clear)
        TEST(both_kinds_give_what_is_there),
        TEST(a_damaged_heap_is_refused),
        TEST(a_file_that_changes_is_noticed),
        TEST(a_disk_that_fails_is_named),
        TEST(short_memory_is_told),
        TEST(lengths_of_four_bytes_are_refused),
        TEST(a_file_that_stays_open_is_parted_from_its_bytes),
        TEST(links_come_in_their_order),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
