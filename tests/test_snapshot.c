/* Named arrays and attributes in memory. */
#include "store_samples.h"

#include <math.h>

static void what_was_put_is_got(void **state)
{
    (void)state;
    struct snapshot *s = sample_new(3);
    unsigned char bytes[24 * 8];
    double real;
    int64_t integer;
    const char *text;
    const struct array *array = snapshot_find_array(s, "/layers/z6/float32_6");
    assert_non_null(array);
    assert_int_equal(array->count, 12);
    assert_int_equal(array->size_bytes, 48);
    assert_ok(snapshot_get_array(s, "/layers/z6/float32_6", ARRAY_F32, 2, (size_t[]){3, 4}, bytes));
    assert_memory_equal(bytes, array->data, 48);
    assert_ok(snapshot_get_array(s, "/layers/z6/float32_5", ARRAY_F32, 2, (size_t[]){0, 4}, NULL));
    assert_ok(snapshot_get_array(s, "/layers/z6/float32_9", ARRAY_F32, 0, NULL, bytes));
    assert_ok(snapshot_get_integer(s, "/", "step", &integer));
    assert_true(integer == INT64_MIN + 3);
    assert_ok(snapshot_get_real(s, "/settings", "a_real", &real));
    assert_true(real == 3.1);
    assert_ok(snapshot_get_text(s, "/settings", "checkpoint.empty", &text));
    assert_string_equal(text, "");
    snapshot_destroy(s);
    snapshot_destroy(NULL);
}

static void space_is_zero_and_can_be_filled(void **state)
{
    (void)state;
    struct snapshot *s = snapshot_create();
    void *data;
    double got[6];
    assert_ok(snapshot_put_space(s, "/a", ARRAY_F64, ROLE_PLAIN, 2, (size_t[]){2, 3}, &data));
    for (size_t i = 0; i < 6; i++) {
        assert_true(((double *)data)[i] == 0);
        ((double *)data)[i] = (double)i;
    }
    assert_ok(snapshot_get_array(s, "/a", ARRAY_F64, 2, (size_t[]){2, 3}, got));
    assert_true(got[5] == 5);
    snapshot_destroy(s);
}

/* A run goes on changing its weights while the writer has the snapshot. */
static void what_was_put_is_a_copy(void **state)
{
    (void)state;
    struct snapshot *s = snapshot_create();
    float weight[2] = {1, 2}, got[2];
    char word[] = "before";
    const char *text;
    assert_ok(snapshot_put_array(s, "/weight", ARRAY_F32, ROLE_PLAIN, 1, (size_t[]){2}, weight));
    assert_ok(snapshot_put_text(s, "/", "word", word));
    weight[1] = 3;
    strcpy(word, "after");
    assert_ok(snapshot_get_array(s, "/weight", ARRAY_F32, 1, (size_t[]){2}, got));
    assert_true(got[1] == 2);
    assert_ok(snapshot_get_text(s, "/", "word", &text));
    assert_string_equal(text, "before");
    snapshot_destroy(s);
}

static void both_lists_share_one_order(void **state)
{
    (void)state;
    struct snapshot *s = snapshot_create();
    assert_ok(snapshot_put_integer(s, "/a", "n", 1));
    assert_ok(snapshot_put_array(s, "/b", ARRAY_U8, ROLE_PLAIN, 0, NULL, "x"));
    assert_ok(snapshot_put_integer(s, "/c", "n", 1));
    assert_int_equal(s->attribute[0].arrays_before, 0);
    assert_int_equal(s->attribute[1].arrays_before, 1);
    snapshot_destroy(s);
}

static void wrong_use_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    static const char *const bad_path[] = {"", "a", "/", "//a", "/a/", "/a//b", "/.", "/a/..", "/./a"};
    struct snapshot *s = snapshot_create();
    const size_t one = 1, shape[] = {4, 4, 3, 1, 1};
    void *data;
    assert_ok(snapshot_put_array(s, "/a", ARRAY_U8, ROLE_PLAIN, 1, &one, "x"));
    assert_ok(snapshot_put_integer(s, "/a", "n", 1));
    for (size_t i = 0; i < COUNT(bad_path); i++) {
        assert_int_equal(snapshot_put_array(s, bad_path[i], ARRAY_U8, ROLE_PLAIN, 1, &one, "x"), WEFT_EINVAL);
        if (strcmp(bad_path[i], "/") != 0)
            assert_int_equal(snapshot_put_text(s, bad_path[i], "t", ""), WEFT_EINVAL);
    }
    assert_int_equal(snapshot_put_array(s, "/a", ARRAY_U8, ROLE_PLAIN, 1, &one, "x"), WEFT_EINVAL);
    assert_int_equal(snapshot_put_space(s, "/b", ARRAY_U8, ROLE_PLAIN, 5, shape, &data), WEFT_EINVAL);
    assert_int_equal(snapshot_put_space(s, "/b", ARRAY_F32, ROLE_IMAGE_INDEXED, 2, shape, &data), WEFT_EINVAL);
    assert_int_equal(snapshot_put_space(s, "/b", ARRAY_U8, ROLE_IMAGE_INDEXED, 3, shape, &data), WEFT_EINVAL);
    assert_int_equal(snapshot_put_space(s, "/b", ARRAY_U8, ROLE_IMAGE_TRUECOLOR, 2, shape, &data), WEFT_EINVAL);
    assert_int_equal(snapshot_put_space(s, "/b", ARRAY_U8, ROLE_IMAGE_TRUECOLOR, 3, (size_t[]){4, 4, 4}, &data),
                     WEFT_EINVAL);
    assert_int_equal(snapshot_put_space(s, "/b", ARRAY_F64, ROLE_PLAIN, 2, (size_t[]){SIZE_MAX, 2}, &data), WEFT_ENOMEM);
    assert_int_equal(snapshot_put_space(s, "/b", ARRAY_F64, ROLE_PLAIN, 1, (size_t[]){SIZE_MAX / 4}, &data), WEFT_ENOMEM);
    assert_int_equal(snapshot_put_integer(s, "/a", "n", 2), WEFT_EINVAL);
    assert_int_equal(snapshot_put_real(s, "/a", "n", 2), WEFT_EINVAL);
    assert_int_equal(snapshot_put_text(s, "/a", "", "t"), WEFT_EINVAL);
    assert_int_equal(s->array_count, 1);
    assert_int_equal(s->attribute_count, 1);
    assert_int_equal(s->attribute[0].integer, 1);
    snapshot_destroy(s);
}

static void getting_names_what_was_found(void **state)
{
    (void)state;
    struct snapshot *s = sample_new(0);
    char bytes[1000];
    double real;
    int64_t integer;
    const char *text;
    assert_int_equal(snapshot_get_array(s, "/layers/z6/float32_6", ARRAY_F32, 2, (size_t[]){4, 3}, bytes), WEFT_EDAMAGED);
    assert_string_equal(weft_last_error(), "read /layers/z6/float32_6: it is float32 [3, 4], wanted float32 [4, 3]");
    assert_int_equal(snapshot_get_array(s, "/layers/z6/float32_6", ARRAY_F64, 2, (size_t[]){3, 4}, bytes), WEFT_EDAMAGED);
    assert_int_equal(snapshot_get_array(s, "/layers/z6/float32_6", ARRAY_F32, 1, (size_t[]){3}, bytes), WEFT_EDAMAGED);
    assert_int_equal(snapshot_get_array(s, "/no", ARRAY_I32, 0, NULL, bytes), WEFT_EDAMAGED);
    assert_string_equal(weft_last_error(), "read /no: missing, wanted int32 []");
    assert_int_equal(snapshot_get_real(s, "/", "step", &real), WEFT_EDAMAGED);
    assert_string_equal(weft_last_error(), "read attribute 'step' of /: it is an integer, wanted a real number");
    assert_int_equal(snapshot_get_integer(s, "/", "weft_version", &integer), WEFT_EDAMAGED);
    assert_int_equal(snapshot_get_text(s, "/", "no", &text), WEFT_EDAMAGED);
    assert_null(snapshot_find_attribute(s, "/no", "step"));
    snapshot_destroy(s);
}

static void a_shape_of_huge_dims_is_described_whole(void **state)
{
    (void)state;
    struct snapshot *s = snapshot_create();
    size_t dim[4] = {SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX};
    assert_int_equal(snapshot_get_array(s, "/a", ARRAY_F32, 4, dim, NULL), WEFT_EDAMAGED);
    assert_non_null(strstr(weft_last_error(), "18446744073709551615]"));
    snapshot_destroy(s);
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    size_t n = 0;
    for (weft_status st = WEFT_ENOMEM; st != WEFT_OK;) {
        memory_fail_from(++n);
        struct snapshot *s = snapshot_create();
        st = s == NULL ? WEFT_ENOMEM : sample_fill(s, 1);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || st == WEFT_ENOMEM);
        snapshot_destroy(s);
    }
    assert_in_range(n, 50, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_got),
        cmocka_unit_test(space_is_zero_and_can_be_filled),
        cmocka_unit_test(what_was_put_is_a_copy),
        cmocka_unit_test(both_lists_share_one_order),
        cmocka_unit_test(wrong_use_is_refused_and_changes_nothing),
        cmocka_unit_test(getting_names_what_was_found),
        cmocka_unit_test(a_shape_of_huge_dims_is_described_whole),
        cmocka_unit_test(every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
