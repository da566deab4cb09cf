/* Every call that writing and reading a checkpoint makes of libhdf5 fails in turn: a save that fails leaves the old file, a load
 * that fails leaves nothing, each says which file it was, and one that succeeds all the same has the same content. */
#include "store_samples.h"

#include "library_calls.h"
#include "store/checkpoint.h"
#include "store/h5.h"

/* One of each kind of thing that a checkpoint has. */
static struct snapshot *snapshot_make(int64_t step)
{
    static const unsigned char indexed[2][2] = {{1, 2}, {3, 4}};
    static const unsigned char truecolor[2][2][3] = {{{255, 0, 0}, {0, 255, 0}}, {{0, 0, 255}, {9, 8, 7}}};
    struct snapshot *s = snapshot_create();
    assert_ok(snapshot_put_integer(s, "/", "step", step));
    assert_ok(snapshot_put_text(s, "/settings", "data.source", "digits:"));
    assert_ok(snapshot_put_text(s, "/settings", "checkpoint.empty", ""));
    assert_ok(snapshot_put_array(s, "/layers/1/W", ARRAY_F32, ROLE_PLAIN, 2, (size_t[]){2, 2}, (float[]){1, 2, 3, (float)step}));
    assert_ok(snapshot_put_real(s, "/layers/1/W", "mean", 0.5));
    assert_ok(snapshot_put_array(s, "/layers/1/loss", ARRAY_F64, ROLE_PLAIN, 0, NULL, &(double){0.25}));
    assert_ok(snapshot_put_array(s, "/images/1/a", ARRAY_U8, ROLE_IMAGE_INDEXED, 2, (size_t[]){2, 2}, indexed));
    assert_ok(snapshot_put_array(s, "/images/1/b", ARRAY_U8, ROLE_IMAGE_TRUECOLOR, 3, (size_t[]){2, 2, 3}, truecolor));
    return s;
}

static void assert_file_has(const char *path, const struct snapshot *want)
{
    struct snapshot *loaded;
    assert_ok(checkpoint_load(path, false, &loaded));
    assert_same_snapshot(loaded, want);
    snapshot_destroy(loaded);
}

static void assert_is_told(weft_status st, const char *doing, const char *call)
{
    if ((st != WEFT_EIO && st != WEFT_EDAMAGED && st != WEFT_ENOMEM) || strstr(weft_last_error(), doing) == NULL
        || strstr(weft_last_error(), "a.h5") == NULL)
        fail_msg("when %s fails: %d: %s", call, (int)st, weft_last_error());
}

static void each_failing_call_leaves_the_old_file(void **state)
{
    (void)state;
    struct snapshot *before = snapshot_make(1), *after = snapshot_make(2);
    const char *path = in_scratch("a.h5");
    ssize_t open = H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL);
    for (size_t n = 1; n == 1 || library_failed_call() != NULL; n++) {
        assert_ok(checkpoint_save(path, before));
        library_fail_call(n);
        weft_status st = checkpoint_save(path, after);
        library_fail_call(0);
        if (st != WEFT_OK)
            assert_is_told(st, "save checkpoint", library_failed_call());
        assert_file_has(path, st == WEFT_OK ? after : before);
        assert_int_equal(count_entries(scratch), 1);
        assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), open);
        assert_true(n < 1000 && (n > 100 || library_failed_call() != NULL));
    }
    snapshot_destroy(before);
    snapshot_destroy(after);
}

static void each_failing_call_of_a_load_is_told(void **state)
{
    (void)state;
    struct snapshot *want = snapshot_make(1);
    const char *path = in_scratch("a.h5");
    assert_ok(checkpoint_save(path, want));
    ssize_t open = H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL);
    for (size_t n = 1; n == 1 || library_failed_call() != NULL; n++) {
        struct snapshot *loaded = NULL;
        library_fail_call(n);
        weft_status st = checkpoint_load(path, false, &loaded);
        library_fail_call(0);
        if (st == WEFT_OK)
            assert_same_snapshot(loaded, want);
        else
            assert_is_told(st, "load checkpoint", library_failed_call());
        assert_int_equal(loaded != NULL, st == WEFT_OK);
        snapshot_destroy(loaded);
        assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), open);
        assert_true(n < 1000 && (n > 100 || library_failed_call() != NULL));
    }
    snapshot_destroy(want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_failing_call_leaves_the_old_file, scratch_clear),
        cmocka_unit_test_setup(each_failing_call_of_a_load_is_told, scratch_clear),
    };
    return cmocka_run_group_tests_name("checkpoint_calls", tests, scratch_make, scratch_remove);
}
