/* The image of a file against a dull model: one array of bytes. */
#include "store_samples.h"

#include <hdf5.h>
#include <xxhash.h>

#include "store/h5_snapshot.h"
#include "store/image.h"
#include "store/seal.h"

enum { FILE_BYTES = 5 * IMAGE_PAGE_BYTES / 2, SOURCE_BYTES = 2 * IMAGE_PAGE_BYTES };

static unsigned char model[FILE_BYTES], found[FILE_BYTES], source[SOURCE_BYTES];
static uint32_t random_state = 1;

static size_t random_below(size_t bound)
{
    random_state = random_state * 1664525 + 1013904223;
    return (size_t)(random_state >> 4) % bound;
}

static int source_fill(void **state)
{
    (void)state;
    for (size_t i = 0; i < SOURCE_BYTES; i++)
        source[i] = (unsigned char)(1 + i * i % 251 + (i >> 9));
    memset(model, 0, sizeof model);
    return 0;
}

/* The parts one after the other. Returns how many there are. */
static size_t assemble(struct image *image, size_t size_bytes)
{
    struct file_part *part;
    size_t count, at = 0;
    assert_ok(image_parts(image, size_bytes, &part, &count));
    part[count] = (struct file_part){NULL, 0};          /* there is room for it */
    for (size_t i = 0; i < count; i++) {
        assert_true(part[i].size_bytes > 0 && at + part[i].size_bytes <= size_bytes);
        memcpy(found + at, part[i].bytes, part[i].size_bytes);
        at += part[i].size_bytes;
    }
    assert_int_equal(at, size_bytes);
    memory_free(part);
    return count;
}

static void assert_same_image(struct image *image)
{
    size_t at = random_below(FILE_BYTES), size_bytes = random_below(FILE_BYTES - at + 1);
    image_get(image, at, found, size_bytes);
    assert_memory_equal(found, model + at, size_bytes);
    size_bytes = random_below(FILE_BYTES + 1);
    assemble(image, size_bytes);
    assert_memory_equal(found, model, size_bytes);
    for (size_t i = 0; i < image->loans; i++) {
        assert_true(image->loan[i].size_bytes > 0);
        assert_true(i == 0 || image->loan[i - 1].at + image->loan[i - 1].size_bytes <= image->loan[i].at);
    }
}

/* Pieces put and lent anywhere, over each other too: what came last counts. */
static void random_pieces_are_where_they_were_put(void **state)
{
    (void)state;
    for (size_t round = 0; round < 60; round++) {
        struct image image = {0};
        memset(model, 0, sizeof model);
        assert_same_image(&image);
        for (size_t piece = 0; piece < 30; piece++) {
            static const size_t limit[] = {100, 5000, SOURCE_BYTES};
            size_t size_bytes = 1 + random_below(limit[random_below(3)]), from = random_below(SOURCE_BYTES - size_bytes + 1);
            size_t at = random_below(FILE_BYTES - size_bytes + 1);
            assert_ok(random_below(2) == 0 ? image_lend(&image, at, source + from, size_bytes)
                                           : image_put(&image, at, source + from, size_bytes));
            memcpy(model + at, source + from, size_bytes);
            assert_same_image(&image);
        }
        image_clear(&image);
        assert_null(image.page);
    }
}

static void what_is_lent_is_not_copied(void **state)
{
    (void)state;
    struct image image = {0};
    struct file_part *part;
    size_t count;
    assert_ok(image_lend(&image, 1000, source, SOURCE_BYTES));
    assert_ok(image_put(&image, 0, source, 10));
    assert_ok(image_parts(&image, 1000 + SOURCE_BYTES, &part, &count));
    assert_int_equal(count, 2);
    assert_ptr_equal(part[1].bytes, source);
    assert_int_equal(part[1].size_bytes, SOURCE_BYTES);
    for (size_t i = 1; i < image.pages; i++)
        assert_null(image.page[i]);
    memory_free(part);
    image_clear(&image);
}

static void failing_memory_is_reported(void **state)
{
    (void)state;
    weft_status st;
    size_t n = 0;
    do {
        struct image image = {0};
        struct file_part *part = NULL;
        size_t count;
        memory_fail_from(++n);
        st = image_put(&image, IMAGE_PAGE_BYTES - 5, source, 10);
        if (st == WEFT_OK) st = image_lend(&image, 3 * IMAGE_PAGE_BYTES, source, 10);
        if (st == WEFT_OK) st = image_put(&image, 3 * IMAGE_PAGE_BYTES + 9, source, 10);
        if (st == WEFT_OK) st = image_parts(&image, 5 * IMAGE_PAGE_BYTES, &part, &count);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || st == WEFT_ENOMEM);
        memory_free(part);
        image_clear(&image);
    } while (st != WEFT_OK);
    assert_int_equal(n, 9);             /* page list, two pages, loan list, a third page, parts, and pages of zeros */
}

/* ---- What libhdf5 writes into one ---- */

enum { LARGE_ROWS = 300, LARGE_COLUMNS = 333 };

/* The sample, two arrays that are large enough to be lent, and one behind them. */
static struct snapshot *large_sample(void)
{
    struct snapshot *s = sample_new(5);
    float *w;
    for (int k = 0; k < 2; k++) {
        assert_ok(snapshot_put_space(s, k == 0 ? "/large/a" : "/large/b", ARRAY_F32, ROLE_PLAIN, 2,
                                     (size_t[]){LARGE_ROWS, LARGE_COLUMNS}, (void **)&w));
        for (size_t i = 0; i < LARGE_ROWS * LARGE_COLUMNS; i++)
            w[i] = (float)i / 7 - (float)k;
    }
    assert_ok(snapshot_put_array(s, "/large/c", ARRAY_U8, ROLE_PLAIN, 1, (size_t[]){1000}, source));
    return s;
}

static void large_arrays_stay_in_the_snapshot(void **state)
{
    (void)state;
    struct snapshot *s = large_sample(), *read;
    struct image image = {0};
    size_t size_bytes;
    assert_ok(h5_write_snapshot(s, &image, &size_bytes));
    assert_int_equal(image.loans, 2);
    assert_ptr_equal(image.loan[0].bytes, snapshot_find_array(s, "/large/a")->data);
    assert_ptr_equal(image.loan[1].bytes, snapshot_find_array(s, "/large/b")->data);
    unsigned char *bytes = malloc(size_bytes);
    image_get(&image, 0, bytes, size_bytes);
    assert_ok(h5_read_snapshot(bytes, size_bytes, &read));
    assert_same_snapshot(read, s);
    snapshot_destroy(read);
    snapshot_destroy(s);
    free(bytes);
    image_clear(&image);
}

/* More of libhdf5's own data than its cache holds, so that it reads some of them back. */
static struct snapshot *many_arrays(void)
{
    struct snapshot *s = snapshot_create();
    char path[32];
    for (int i = 0; i < 40000; i++) {
        snprintf(path, sizeof path, "/many/%d", 7 * i % 40000);
        assert_ok(snapshot_put_array(s, path, ARRAY_I32, ROLE_PLAIN, 0, NULL, &i));
    }
    return s;
}

/* XXH3-64 of what libhdf5 1.10.8 writes through its own core driver, a whole file in memory. */
static void the_bytes_are_those_of_the_core_driver(void **state)
{
    (void)state;
    static const struct { size_t size_bytes; uint64_t digest; } core[] = {
        {6144, 0x12dfecf36391e944}, {6156, 0x3dcb7ad62322127c}, {25184, 0x3c3e7db0a42df34d},
        {826432, 0x2e1b83b513040848}, {13185056, 0x192836a303fbcacc}};
    unsigned version[3];
    assert_true(H5get_libversion(&version[0], &version[1], &version[2]) >= 0);
    if (version[0] != 1 || version[1] != 10 || version[2] != 8) {
        print_message("skipped: libhdf5 is %u.%u.%u, the digests are of 1.10.8\n", version[0], version[1], version[2]);
        skip();
    }
    struct snapshot *sample[] = {snapshot_create(), sample_new_small(3), sample_new(5), large_sample(), many_arrays()};
    for (size_t i = 0; i < COUNT(core); i++) {
        struct image image = {0};
        size_t size_bytes;
        assert_ok(h5_write_snapshot(sample[i], &image, &size_bytes));
        assert_int_equal(size_bytes, core[i].size_bytes);
        unsigned char *bytes = malloc(size_bytes);
        image_get(&image, 0, bytes, size_bytes);
        if (XXH3_64bits(bytes, size_bytes) != core[i].digest)
            fail_msg("file %zu has other bytes", i);
        free(bytes);
        image_clear(&image);
        snapshot_destroy(sample[i]);
    }
}

/* Also while libhdf5 writes, which then hears nothing of it, and closes its file. */
static void failing_memory_below_libhdf5_is_reported(void **state)
{
    (void)state;
    struct snapshot *s = large_sample();
    weft_status st;
    size_t n = 0;
    do {
        struct image image = {0};
        size_t size_bytes;
        memory_fail_from(++n);
        st = h5_write_snapshot(s, &image, &size_bytes);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || st == WEFT_ENOMEM);
        assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
        image_clear(&image);
    } while (st != WEFT_OK);
    assert_in_range(n, 50, 1000);
    snapshot_destroy(s);
}

/* The seal of parts is the seal of the whole. */
static void a_file_in_parts_has_the_same_seal(void **state)
{
    (void)state;
    unsigned char whole[SEAL_SIZE_BYTES], parts[SEAL_SIZE_BYTES];
    static unsigned char sealed[SOURCE_BYTES + SEAL_SIZE_BYTES];
    seal_make(&(struct file_part){source, SOURCE_BYTES}, 1, whole);
    seal_make((struct file_part[]){{source, 1}, {NULL, 0}, {source + 1, 70000}, {source + 70001, SOURCE_BYTES - 70001}}, 4, parts);
    assert_memory_equal(whole, parts, SEAL_SIZE_BYTES);
    memcpy(sealed, source, SOURCE_BYTES);
    memcpy(sealed + SOURCE_BYTES, whole, SEAL_SIZE_BYTES);
    assert_ok(seal_check(sealed, sizeof sealed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_pieces_are_where_they_were_put),
        cmocka_unit_test(what_is_lent_is_not_copied),
        cmocka_unit_test(failing_memory_is_reported),
        cmocka_unit_test(large_arrays_stay_in_the_snapshot),
        cmocka_unit_test(the_bytes_are_those_of_the_core_driver),
        cmocka_unit_test(failing_memory_below_libhdf5_is_reported),
        cmocka_unit_test(a_file_in_parts_has_the_same_seal),
    };
    return cmocka_run_group_tests_name("image", tests, source_fill, NULL);
}
