/* Words that become classes: which texts can be names, how a list of names and a text look in a message, and what is held when
 * memory is short. What classes a file's words get is the matter of test_csv. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/labels.h"
#include "data/shown.h"

static void expect(weft_status st, weft_status status, const char *words)
{
    if (st != status || strstr(weft_last_error(), words) == NULL)
        fail_msg("found %d: %s, wanted %d: %s", (int)st, weft_last_error(), (int)status, words);
}

/* ---- Names ---- */

/* The ends of all ranges of Unicode's table of well-formed UTF-8. */
static void well_formed_texts_are_names(void **state)
{
    (void)state;
    static const char *const good[] = {
        "a", "~", "\xc2\xa0", "\xdf\xbf", "\xe0\xa0\x80", "\xe0\xbf\xbf", "\xed\x80\x80", "\xed\x9f\xbf", "\xee\x80\x80",
        "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf0\xbf\xbf\xbf", "\xf1\x80\x80\x80", "\xf4\x80\x80\x80", "\xf4\x8f\xbf\xbf",
        "gr\xc3\xbcn, blau"};
    for (size_t i = 0; i < COUNT(good); i++)
        if (label_check(good[i], strlen(good[i])) != WEFT_OK)
            fail_msg("text %zu: %s", i, weft_last_error());
}

static void other_texts_are_none(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc3(", "\xe0\x9f\xbf", "\xe0\x80\x80", "\xe2\x82", "\xe2(\xa1",
        "\xe2\x82(", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\xff"};
    static const char *const control[] = {"\x01", "\t", "\n", "\x1f", "\x7f", "\xc2\x80", "\xc2\x9f"};
    char text[16], words[48];
    for (size_t i = 0; i < COUNT(bad); i++) {
        snprintf(text, sizeof text, "a%s", bad[i]);
        snprintf(words, sizeof words, "found the byte %02x in the name", (unsigned char)bad[i][0]);
        expect(label_check(text, strlen(text)), WEFT_EDATA, words);
    }
    for (size_t i = 0; i < COUNT(control); i++) {
        snprintf(text, sizeof text, "a%sb", control[i]);
        snprintf(words, sizeof words, "found the control character %02x", (unsigned char)control[i][strlen(control[i]) - 1]);
        expect(label_check(text, strlen(text)), WEFT_EDATA, words);
    }
    expect(label_check("", 0), WEFT_EDATA, "an empty name");
}

static void a_text_with_a_zero_byte_is_none(void **state)
{
    (void)state;
    struct labels labels;
    int32_t number;
    assert_int_equal(labels_open(&labels, NULL), WEFT_OK);
    assert_int_equal(labels_add(&labels, "cat", 3, &number), WEFT_OK);
    expect(labels_add(&labels, "cat\0s", 5, &number), WEFT_EDATA, "control character 00");
    assert_int_equal(labels.word.count, 1);
    labels_close(&labels);
}

/* ---- Words ---- */

/* Known classes may have one name twice; more of them than the first table has room for. */
static void of_two_classes_of_one_name_the_first_is_found(void **state)
{
    (void)state;
    struct names known = {0}, classes = {0};
    struct labels labels;
    int32_t number;
    for (size_t i = 0; i < 200; i++) {
        char text[24];
        snprintf(text, sizeof text, "class %zu", i % 100);
        assert_int_equal(names_add(&known, text, strlen(text)), WEFT_OK);
    }
    assert_int_equal(labels_open(&labels, &known), WEFT_OK);
    for (int32_t i = 0; i < 200; i++) {
        assert_int_equal(labels_add(&labels, known.name[i], strlen(known.name[i]), &number), WEFT_OK);
        assert_int_equal(number, i % 100);
    }
    expect(labels_add(&labels, "class 100", 9, &number), WEFT_EDATA,
           "found \"class 100\", wanted one of the classes class 0, class 1, ");
    assert_int_equal(labels_finish(&labels, &classes), WEFT_OK);
    assert_int_equal(classes.count, 200);
    labels_close(&labels);
    names_free(&classes);
    names_free(&known);
}

static weft_status add_many(struct labels *labels)
{
    weft_status st = WEFT_OK;
    int32_t number;
    for (size_t i = 0; i < 100 && st == WEFT_OK; i++) {
        char text[24];
        snprintf(text, sizeof text, "word %zu", i);
        st = labels_add(labels, text, strlen(text), &number);
    }
    return st;
}

static void memory_may_be_short(void **state)
{
    (void)state;
    size_t opened = 0;
    for (size_t n = 1;; n++) {
        struct labels labels;
        memory_fail_from(n);
        weft_status st = labels_open(&labels, NULL);
        bool is_open = st == WEFT_OK;
        if (is_open)
            st = add_many(&labels);
        memory_fail_from(0);
        opened += is_open;
        if (is_open)
            labels_close(&labels);
        if (st == WEFT_OK)
            break;
        assert_int_equal(st, WEFT_ENOMEM);
        assert_true(n < 1000);
    }
    assert_true(opened > 100);                  /* a copy of each word, and the tables that grow */
}

/* ---- In messages ---- */

static void texts_in_messages_are_short(void **state)
{
    (void)state;
    char text[200], want[200];
    memset(text, 'x', sizeof text);
    assert_string_equal(shown("a\tb\x7f", 4).text, "a?b?");
    assert_string_equal(shown("", 0).text, "");
    for (size_t length = 0; length < sizeof text; length++) {
        struct shown found = shown(text, length);
        snprintf(want, sizeof want, "%.*s%s", (int)(length <= 60 ? length : 60), text, length <= 60 ? "" : "...");
        assert_string_equal(found.text, want);
    }
    memcpy(text + 59, "\xc3\xbc", 2);           /* a character in two is not cut */
    snprintf(want, sizeof want, "%.59s...", text);
    assert_string_equal(shown(text, sizeof text).text, want);
    memset(text, 0xbf, sizeof text);            /* no UTF-8 at all */
    assert_string_equal(shown(text, sizeof text).text, "...");
}

static void lists_in_messages_are_short(void **state)
{
    (void)state;
    struct names names = {0};
    assert_string_equal(listed(&names).text, "");
    for (size_t i = 0; i < 12; i++)
        assert_int_equal(names_add(&names, "n", 1), WEFT_OK);
    assert_string_equal(listed(&names).text, "n, n, n, n, n, n, n, n, n, n, n, n");
    assert_int_equal(names_add(&names, "n", 1), WEFT_OK);
    assert_string_equal(listed(&names).text, "n, n, n, n, n, n, n, n, n, n and 3 more");
    names_free(&names);
    for (size_t i = 0; i < 8; i++)              /* 50 bytes each: five of them fill the text */
        assert_int_equal(names_add(&names, "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn", 50), WEFT_OK);
    struct listed list = listed(&names);
    assert_non_null(strstr(list.text, "nnn and 3 more"));
    assert_int_equal(strlen(list.text), 5 * 52 - 2 + strlen(" and 3 more"));
    names_free(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(well_formed_texts_are_names),
        cmocka_unit_test(other_texts_are_none),
        cmocka_unit_test(a_text_with_a_zero_byte_is_none),
        cmocka_unit_test(of_two_classes_of_one_name_the_first_is_found),
        cmocka_unit_test(memory_may_be_short),
        cmocka_unit_test(texts_in_messages_are_short),
        cmocka_unit_test(lists_in_messages_are_short),
    };
    return cmocka_run_group_tests_name("labels", tests, NULL, NULL);
}
