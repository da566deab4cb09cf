/* Allocation: sizes, alignment, zeroing, growth, arenas, and failing on purpose. */
#include "base/memory.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/arena.h"
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
        error_set(WEFT_OK, "none");
        assert_null(memory_reserve(size[i][0], size[i][1]));
        assert_non_null(strstr(weft_last_error(), "more than an address can hold"));
    }
}

/* Nothing is said about what is in it, but all of it can be written, over the sizes that the kernel may give large pages to. */
static void reserved_memory_is_aligned_and_whole(void **state)
{
    (void)state;
    static const size_t size_bytes[] = {0, 1, 63, 64, 65, 4095, 4097, (1 << 20) + 1, 1 << 21, (1 << 22) + 3, (5 << 20) - 1};
    for (size_t s = 0; s < COUNT(size_bytes); s++) {
        unsigned char *p = memory_reserve(size_bytes[s], 1);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % CACHE_LINE_BYTES, 0);
        memset(p, 0xa5, size_bytes[s]);
        unsigned char *zeroed = memory_new(size_bytes[s], 1);
        assert_non_null(zeroed);
        assert_int_equal((uintptr_t)zeroed % CACHE_LINE_BYTES, 0);
        assert_all_zero(zeroed, size_bytes[s]);
        memset(zeroed, 0x5a, size_bytes[s]);
        for (size_t i = 0; i < size_bytes[s]; i++)                  /* neither lies in the other */
            assert_int_equal(p[i], 0xa5);
        memory_discard(p, size_bytes[s], 1);                        /* then it holds nothing, but is still there, */
        for (size_t i = 0; i < size_bytes[s]; i++)
            assert_int_equal(zeroed[i], 0x5a);                      /* and nothing else is touched */
        memset(p, 0x3c, size_bytes[s]);
        for (size_t i = 0; i < size_bytes[s]; i++)
            assert_int_equal(p[i], 0x3c);
        memory_free(p);
        memory_free(zeroed);
    }
}

/* A large array loses its pages and stays usable, to the byte; a small one is left alone, and so is what is behind either. */
static void what_is_discarded_takes_no_memory(void **state)
{
    (void)state;
    static const size_t size_bytes[] = {100, 3 << 20, (1 << 22) - 1, 1 << 22, (9 << 20) + 123};
    for (size_t s = 0; s < COUNT(size_bytes); s++) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = (size_bytes[s] + page - 1) / page, resident = 0;
        bool is_large = size_bytes[s] >= 1 << 22;
        unsigned char *before = memory_reserve(size_bytes[s], 1), *p = memory_reserve(size_bytes[s], 1);
        unsigned char *after = memory_reserve(size_bytes[s], 1), *in_memory = memory_new(pages + 1, 1);
        memset(before, 1, size_bytes[s]);
        memset(p, 2, size_bytes[s]);
        memset(after, 3, size_bytes[s]);
        memory_discard(p, size_bytes[s], 1);
        if (is_large)
            assert_int_equal(mincore(p, size_bytes[s], in_memory), 0);
        for (size_t i = 0; i < pages; i++)
            resident += in_memory[i] & 1;
        if (resident > (2 << 20) / page)
            fail_msg("%zu bytes: %zu of %zu pages are still there", size_bytes[s], resident, pages);
        for (size_t i = 0; i < size_bytes[s]; i++)
            if (before[i] != 1 || after[i] != 3 || (!is_large && p[i] != 2))
                fail_msg("%zu bytes: byte %zu has changed", size_bytes[s], i);
        memset(p, 4, size_bytes[s]);
        assert_int_equal(p[0] + p[size_bytes[s] - 1], 8);
        memory_free(before);
        memory_free(p);
        memory_free(after);
        memory_free(in_memory);
    }
    memory_discard(NULL, 0, 4);
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
    uint32_t *reserved = memory_reserve(3, sizeof *reserved);
    int succeeded = text != NULL && array != NULL && grown != NULL && reserved != NULL;
    memory_free(grown != NULL ? grown : array);
    memory_free(text);
    memory_free(reserved);
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
    assert_int_equal(n, 5);                                         /* four calls */
}

/* ---- arenas ---- */

/* The same takes from an arena that counts, one that is zeroed and one that is not: as many bytes, and each array its own. */
enum { TAKES = 4 };
static void take_some(struct arena *arena, unsigned char *array[TAKES])
{
    static const size_t count[TAKES] = {3, 0, 65, 1}, size_bytes[TAKES] = {4, 8, 1, 64};
    for (size_t i = 0; i < TAKES; i++)
        array[i] = arena_take(arena, count[i], size_bytes[i]);
}

static void arenas_hand_out_what_was_counted(void **state)
{
    (void)state;
    weft_status (*const make[])(struct arena *, size_t) = {arena_create, arena_reserve};
    unsigned char *array[TAKES];
    struct arena counting = ARENA_COUNTING;
    take_some(&counting, array);
    assert_int_equal(counting.used_bytes, 64 + 0 + 128 + 64);
    for (size_t i = 0; i < TAKES; i++)
        assert_null(array[i]);
    for (size_t m = 0; m < COUNT(make); m++) {
        struct arena arena;
        assert_int_equal(make[m](&arena, counting.used_bytes), WEFT_OK);
        take_some(&arena, array);
        assert_int_equal(arena.used_bytes, counting.used_bytes);
        static const size_t at[TAKES] = {0, 64, 64, 192};
        for (size_t i = 0; i < TAKES; i++)
            assert_ptr_equal(array[i], arena.base + at[i]);
        assert_int_equal((uintptr_t)array[0] % CACHE_LINE_BYTES, 0);
        if (make[m] == arena_create)
            assert_all_zero(array[0], arena.size_bytes);
        memset(array[0], 0xa5, arena.size_bytes);
        memory_free(array[0]);                                      /* the first array is the arena */
    }
}

static void arenas_may_not_be_had(void **state)
{
    (void)state;
    weft_status (*const make[])(struct arena *, size_t) = {arena_create, arena_reserve};
    for (size_t m = 0; m < COUNT(make); m++) {
        struct arena arena;
        error_set(WEFT_OK, "none");
        memory_fail_from(1);
        assert_int_equal(make[m](&arena, 1000), WEFT_ENOMEM);
        memory_fail_from(0);
        assert_null(arena.base);
        assert_non_null(strstr(weft_last_error(), "not available"));
        struct arena counting = ARENA_COUNTING;                     /* sums that overflow stay at the largest size, */
        arena_take(&counting, SIZE_MAX / 2, 3);
        arena_take(&counting, 100, 100);
        assert_int_equal(counting.used_bytes, SIZE_MAX);
        error_set(WEFT_OK, "none");
        assert_int_equal(make[m](&arena, counting.used_bytes), WEFT_ENOMEM);    /* which nobody has */
        assert_null(arena.base);
        assert_non_null(strstr(weft_last_error(), "more than an address can hold"));
    }
}

static void only_the_nth_call_fails(void **state)
{
    (void)state;
    memory_fail_once(3);
    for (int call = 1; call <= 6; call++) {
        void *p = memory_new(1, 1);
        assert_true((p == NULL) == (call == 3));
        memory_free(p);
    }
    assert_int_equal(memory_failures(), 1);
    memory_fail_from(2);
    assert_int_equal(memory_failures(), 0);
    for (int call = 1; call <= 4; call++)
        memory_free(memory_new(1, 1));
    memory_fail_from(0);
    assert_int_equal(memory_failures(), 3);
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
        cmocka_unit_test_teardown(reserved_memory_is_aligned_and_whole, let_all_succeed),
        cmocka_unit_test_teardown(what_is_discarded_takes_no_memory, let_all_succeed),
        cmocka_unit_test_teardown(grow_keeps_what_was_there, let_all_succeed),
        cmocka_unit_test_teardown(a_failed_grow_leaves_the_old_array, let_all_succeed),
        cmocka_unit_test_teardown(string_is_a_copy, let_all_succeed),
        cmocka_unit_test_teardown(any_call_can_be_made_to_fail, let_all_succeed),
        cmocka_unit_test_teardown(only_the_nth_call_fails, let_all_succeed),
        cmocka_unit_test_teardown(from_the_nth_call_on_all_fail, let_all_succeed),
        cmocka_unit_test_teardown(arenas_hand_out_what_was_counted, let_all_succeed),
        cmocka_unit_test_teardown(arenas_may_not_be_had, let_all_succeed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
