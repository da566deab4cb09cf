/* A list of names: it grows, is copied, and becomes one text and a list again. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "data/names.h"

static void add(struct names *names, const char *name)
{
    assert_int_equal(names_add(names, name, strlen(name)), WEFT_OK);
}

/* "0", "1", ..., past all the sizes at which the list grows. */
static struct names numbers(size_t count)
{
    struct names names = {0};
    for (size_t i = 0; i < count; i++) {
        char text[24];
        snprintf(text, sizeof text, "%zu", i);
        add(&names, text);
    }
    return names;
}

static void assert_same_names(const struct names *got, const struct names *want)
{
    assert_int_equal(got->count, want->count);
    for (size_t i = 0; i < want->count; i++)
        assert_string_equal(got->name[i], want->name[i]);
}

static void names_are_added_and_found(void **state)
{
    (void)state;
    struct names none = {0}, names = numbers(100);
    assert_int_equal(names.count, 100);
    for (long i = 0; i < 100; i++) {
        char text[24];
        snprintf(text, sizeof text, "%ld", i);
        assert_string_equal(names.name[i], text);
        assert_int_equal(names_find(&names, text), i);
    }
    assert_int_equal(names_find(&names, "100"), NAME_UNKNOWN);
    assert_int_equal(names_find(&names, ""), NAME_UNKNOWN);
    assert_int_equal(names_find(&names, "1 "), NAME_UNKNOWN);
    assert_int_equal(names_find(&none, "1"), NAME_UNKNOWN);
    assert_int_equal(names_add(&names, "catfish", 3), WEFT_OK);        /* so many bytes of the text */
    assert_int_equal(names_find(&names, "cat"), 100);
    add(&names, "cat");                                                 /* twice: the first is found */
    assert_int_equal(names_find(&names, "cat"), 100);
    names_free(&names);
    assert_true(names.count == 0 && names.name == NULL);
    names_free(&names);
}

static void a_copy_stands_by_itself(void **state)
{
    (void)state;
    for (size_t count = 0; count <= 40; count++) {
        struct names names = numbers(count), copy, want = numbers(count);
        assert_int_equal(names_copy(&names, &copy), WEFT_OK);
        if (count > 0)
            names.name[0][0] = '?';
        names_free(&names);
        assert_same_names(&copy, &want);
        add(&copy, "one more");
        assert_int_equal(names_find(&copy, "one more"), count);
        names_free(&copy);
        names_free(&want);
    }
}

static void join_and_split_go_round(void **state)
{
    (void)state;
    for (size_t count = 0; count <= 40; count++) {
        struct names names = numbers(count), back;
        char *text = names_join(&names);
        assert_non_null(text);
        assert_int_equal(names_split(text, &back), WEFT_OK);
        assert_same_names(&back, &names);
        memory_free(text);
        names_free(&names);
        names_free(&back);
    }
    struct names names = {0}, back;
    add(&names, "cat");
    add(&names, "Katze, gr\xc3\xbcn");
    char *text = names_join(&names);
    assert_string_equal(text, "cat\nKatze, gr\xc3\xbcn");
    assert_int_equal(names_split("cat\nKatze, gr\xc3\xbcn\n", &back), WEFT_OK);         /* a last line feed is no name */
    assert_same_names(&back, &names);
    memory_free(text);
    names_free(&names);
    names_free(&back);
}

static void numbers_are_names(void **state)
{
    (void)state;
    for (size_t count = 0; count <= 120; count += 10) {
        struct names names = {0}, want = numbers(count);
        assert_int_equal(names_number(&names, count), WEFT_OK);
        assert_same_names(&names, &want);
        names_free(&names);
        names_free(&want);
    }
    for (size_t n = 1; n <= 12; n++) {          /* two rooms and ten names */
        struct names names = {0};
        memory_fail_from(n);
        assert_int_equal(names_number(&names, 10), WEFT_ENOMEM);
        memory_fail_from(0);
        names_free(&names);
    }
}

static void empty_names_are_damage(void **state)
{
    (void)state;
    static const char *const bad[] = {"\n", "\ncat", "cat\n\ndog", "cat\n\n"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct names names;
        assert_int_equal(names_split(bad[i], &names), WEFT_EDAMAGED);
        assert_true(names.count == 0 && names.name == NULL);
    }
}

/* A failed call leaves what was there: the list that a name is added to as it was, what is made anew empty. */
static void memory_may_be_short(void **state)
{
    (void)state;
    struct names names = numbers(20), got;
    for (size_t n = 1;; n++) {
        memory_fail_from(n);
        weft_status st = names_copy(&names, &got);
        memory_fail_from(0);
        if (st == WEFT_OK) {
            assert_int_equal(n, 20 + 3 + 1);                            /* rooms of 8, 16 and 32 names */
            break;
        }
        assert_int_equal(st, WEFT_ENOMEM);
        assert_true(got.count == 0 && got.name == NULL);
    }
    names_free(&got);
    char *text = names_join(&names);
    memory_fail_from(1);
    assert_null(names_join(&names));
    for (size_t n = 1; n <= 23; n++) {
        memory_fail_from(n);
        assert_int_equal(names_split(text, &got), WEFT_ENOMEM);
        assert_true(got.count == 0 && got.name == NULL);
    }
    memory_fail_from(0);
    memory_free(text);
    names_free(&names);
    for (size_t count = 0; count <= 33; count++)                        /* room or copy fails, in a list of any length */
        for (size_t n = 1; n <= 2; n++) {
            struct names want = numbers(count);
            names = numbers(count);
            memory_fail_from(n);
            weft_status st = names_add(&names, "x", 1);
            memory_fail_from(0);
            assert_true(st == WEFT_ENOMEM || (st == WEFT_OK && n == 2));
            if (st == WEFT_ENOMEM) {
                assert_same_names(&names, &want);
                add(&names, "x");
            }
            assert_int_equal(names_find(&names, "x"), count);
            names_free(&names);
            names_free(&want);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_added_and_found),
        cmocka_unit_test(a_copy_stands_by_itself),
        cmocka_unit_test(join_and_split_go_round),
        cmocka_unit_test(numbers_are_names),
        cmocka_unit_test(empty_names_are_damage),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
