/* Allocation: sizes, alignment, zeroing, growth, and failing on purpose. */
#include "base/memory.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/error.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

/* A test that fails midway must not make the later ones fail. */
static int let_all_succeed(void **state)
{
    (void)state;
    memory_fail_from(0);
    return 0;
}

static void assert_all_zero(const unsigned char *p, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(p[i], 0);
}

static void new_is_aligned_and_zero(void **state)
{
    (void)state;
    static const size_t size_bytes[] = {0, 1, 3, 4, 8, 63, 64, 65};
    for (size_t s = 0; s < COUNT(size_bytes); s++)
        for (size_t count = 0; count < 70; count++)
            for (int again = 0; again < 2; again++) {               /* the second time in memory that was just written on */
                unsigned char *p = memory_new(count, size_bytes[s]);
                assert_non_null(p);
                assert_int_equal((uintptr_t)p % CACHE_LINE_BYTES, 0);
                assert_all_zero(p, count * size_bytes[s]);
                memset(p, 0xa5, count * size_bytes[s]);             /* all of it is ours, or the sanitizer says so */
                memory_free(p);
            }
}

static void sizes_that_overflow_are_refused(void **state)
{
    (void)state;
    const size_t half_the_bits = (size_t)1 << (sizeof (size_t) * 4);            /* its square is 0 modulo SIZE_MAX + 1 */
    const size_t size[][2] = {
        {SIZE_MAX, SIZE_MAX}, {SIZE_MAX, 1}, {1, SIZE_MAX}, {SIZE_MAX / 2, 1}, {SIZE_MAX / 2, 2}, {SIZE_MAX / 2 + 1, 2},
        {SIZE_MAX / 4 + 1, 4}, {SIZE_MAX / 8 + 2, 8}, {half_the_bits, half_the_bits},
    };
    for (size_t i = 0; i < COUNT(size); i++) {
        error_set(WEFT_OK, "none");
        assert_null(memory_new(size[i][0], size[i][1]));
        assert_non_null(strstr(weft_last_error(), "more than an address can hold"));
    }
}

static void grow_keeps_what_was_there(void **state)
{
    (void)state;
    uint32_t *p = NULL;
    size_t old_count = 0;
    static const size_t count[] = {1, 5, 16, 17, 1000, 1000, 3, 0, 2};          /* smaller too: what fits is kept */
    for (size_t step = 0; step < COUNT(count); step++) {
        uint32_t *grown = memory_grow(p, old_count, count[step], sizeof *p);
        assert_non_null(grown);
        assert_int_equal((uintptr_t)grown % CACHE_LINE_BYTES, 0);
        size_t kept = old_count < count[step] ? old_count : count[step];
        for (size_t i = 0; i < kept; i++)
            assert_int_equal(grown[i], 1000 + i);
        assert_all_zero((unsigned char *)(grown + kept), (count[step] - kept) * sizeof *grown);
        for (size_t i = 0; i < count[step]; i++)
            grown[i] = (uint32_t)(1000 + i);
        p = grown;
        old_count = count[step];
    }
    memory_free(p);
}

static void a_failed_grow_leaves_the_old_array(void **state)
{
    (void)state;
    uint32_t *p = memory_new(4, sizeof *p);
    assert_non_null(p);
    p[3] = 33;
    memory_fail_from(1);
    assert_null(memory_grow(p, 4, 8, sizeof *p));
    memory_fail_from(0);
    assert_null(memory_grow(p, 4, SIZE_MAX / 2, sizeof *p));
    assert_int_equal(p[3], 33);
    memory_free(p);                                                 /* freed once: the sanitizer would tell of twice */
}

static void string_is_a_copy(void **state)
{
    (void)state;
    static const char *const text[] = {"", "a", "idx:data/mnist", "a line\nand \xc3\xb6"};
    for (size_t i = 0; i < COUNT(text); i++) {
        char *copy = memory_string(text[i]);
        assert_non_null(copy);
        assert_ptr_not_equal(copy, text[i]);
        assert_string_equal(copy, text[i]);
        memory_free(copy);
    }
}

/* Every kind of call once; 1 if all succeeded. Whatever failed, nothing is left behind. */
static int all_calls(void)
{
    char *text = memory_string("text");
    uint32_t *array = memory_new(3, sizeof *array);
    uint32_t *grown = array == NULL ? NULL : memory_grow(array, 3, 100, sizeof *array);
    int succeeded = text != NULL && array != NULL && grown != NULL;
    memory_free(grown != NULL ? grown : array);
    memory_free(text);
    return succeeded;
}

static void any_call_can_be_made_to_fail(void **state)
{
    (void)state;
    size_t n = 1;
    for (;; n++) {
        error_set(WEFT_OK, "none");
        memory_fail_from(n);
        int succeeded = all_calls();
        memory_fail_from(0);
        if (succeeded)
            break;
        assert_non_null(strstr(weft_last_error(), "not available"));
    }
    assert_int_equal(n, 4);                                         /* three calls */
}

static void from_the_nth_call_on_all_fail(void **state)
{
    (void)state;
    memory_fail_from(3);
    for (int call = 1; call <= 6; call++) {
        void *p = memory_new(1, 1);
        if (call < 3)
            assert_non_null(p);
        else
            assert_null(p);
        memory_free(p);
    }
    memory_fail_from(0);
    void *p = memory_new(1, 1);
    assert_non_null(p);
    memory_free(p);
    memory_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(new_is_aligned_and_zero, let_all_succeed),
        cmocka_unit_test_teardown(sizes_that_overflow_are_refused, let_all_succeed),
        cmocka_unit_test_teardown(grow_keeps_what_was_there, let_all_succeed),
        cmocka_unit_test_teardown(a_failed_grow_leaves_the_old_array, let_all_succeed),
        cmocka_unit_test_teardown(string_is_a_copy, let_all_succeed),
        cmocka_unit_test_teardown(any_call_can_be_made_to_fail, let_all_succeed),
        cmocka_unit_test_teardown(from_the_nth_call_on_all_fail, let_all_succeed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
