/* The text that names a data source, cut into its parts, and the options of a reader: whole numbers and texts. */
#include "support.h"

#include <string.h>

#include "base/memory.h"
#include "data/uri.h"
#include "weft/error.h"

/* ---- parts ---- */

static void a_uri_has_three_parts(void **state)
{
    (void)state;
    static const struct { const char *text, *kind, *where, *options; } row[] = {
        {"digits:", "digits", "", ""}, {"idx:a/b", "idx", "a/b", ""}, {"csv:x.csv?sep=tab", "csv", "x.csv", "sep=tab"},
        {"digits:?train=1&test=2", "digits", "", "train=1&test=2"}, {"x:?", "x", "", ""}, {"x:a?b?c", "x", "a", "b?c"},
        {"cifar10:d", "cifar10", "d", ""}, {"npy:C:/a:b", "npy", "C:/a:b", ""}, {"csv:a&b=c", "csv", "a&b=c", ""},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct uri uri;
        assert_int_equal(uri_parse(row[i].text, &uri), WEFT_OK);
        assert_string_equal(uri.kind, row[i].kind);
        assert_string_equal(uri.where, row[i].where);
        assert_string_equal(uri.options, row[i].options);
        uri_free(&uri);
        assert_true(uri.text == NULL && uri.kind == NULL);
        uri_free(&uri);
    }
}

static void without_a_kind_it_is_none(void **state)
{
    (void)state;
    static const char *const bad[] = {"", ":x", "data/mnist", "/data:1", "1dx:x", "a b:x", "mnist"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct uri uri;
        assert_int_equal(uri_parse(bad[i], &uri), WEFT_ESETTINGS);
        assert_non_null(strstr(weft_last_error(), "no kind in front"));
        assert_null(uri.text);
    }
}

static void the_kind_is_guessed_by_the_ending(void **state)
{
    (void)state;
    static const struct { const char *text, *words; } row[] = {
        {"a/b.csv", "did you mean csv:a/b.csv?"}, {"b.tsv.gz", "did you mean csv:b.tsv.gz?"}, {"b.npz", "did you mean npy:b.npz?"},
        {"b.h5?x=X", "did you mean hdf5:b.h5?x=X?"}, {"b.libsvm", "did you mean libsvm:b.libsvm?"},
        {".csv", "did you mean idx:.csv?"}, {".gz", "did you mean idx:.gz?"}, {"data", "did you mean idx:data?"},
        {"a.csv?b.npy", "did you mean csv:a.csv?b.npy?"}};
    for (size_t i = 0; i < COUNT(row); i++) {
        struct uri uri;
        assert_int_equal(uri_parse(row[i].text, &uri), WEFT_ESETTINGS);
        if (strstr(weft_last_error(), row[i].words) == NULL)
            fail_msg("%s: %s", row[i].text, weft_last_error());
    }
}

/* ---- options ---- */

enum { LEAST = 2, MOST = 1000 };
struct found { uint64_t rows, seed; char *label, *drop; };

static weft_status read_options(const char *options, struct found *found)
{
    *found = (struct found){.rows = 7, .seed = 1};
    const struct uri_option known[] = {
        {"rows", &found->rows, LEAST, MOST, NULL}, {"label", NULL, 0, 0, &found->label},
        {"seed", &found->seed, 0, UINT64_MAX, NULL}, {"drop", NULL, 0, 0, &found->drop},
    };
    return uri_options_read("made", options, known, COUNT(known));
}

static void expect_text(const char *got, const char *want)
{
    if (want == NULL)
        assert_null(got);
    else
        assert_string_equal(got, want);
}

static void options_are_read(void **state)
{
    (void)state;
    static const struct { const char *options; uint64_t rows, seed; const char *label, *drop; } row[] = {
        {"", 7, 1, NULL, NULL},
        {"rows=2", 2, 1, NULL, NULL},
        {"rows=1000&seed=18446744073709551615", 1000, UINT64_MAX, NULL, NULL},
        {"seed=007", 7, 7, NULL, NULL},
        {"label=a", 7, 1, "a", NULL},
        {"drop=x y,z&rows=3&label=-1", 3, 1, "-1", "x y,z"},
        {"label=a=b", 7, 1, "a=b", NULL},                       /* the first '=' ends the name */
        {"label=%41%62%7A", 7, 1, "Abz", NULL},
        {"label=100%25&drop=a%26b%3Dc%2c", 7, 1, "100%", "a&b=c,"},
        {"label=%25%34%31", 7, 1, "%41", NULL},                 /* decoded once */
        {"label=%c3%A4%FF", 7, 1, "\xc3\xa4\xff", NULL},
        {"label=a+b%20c%0a", 7, 1, "a+b c\n", NULL},
        {"rows=5&", 5, 1, NULL, NULL},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct found found;
        if (read_options(row[i].options, &found) != WEFT_OK)
            fail_msg("%s: %s", row[i].options, weft_last_error());
        assert_int_equal(found.rows, row[i].rows);
        assert_true(found.seed == row[i].seed);
        expect_text(found.label, row[i].label);
        expect_text(found.drop, row[i].drop);
        memory_free(found.label);
        memory_free(found.drop);
    }
}

/* The message says which option of what; whatever was read before, no text is held. */
static void bad_options_are_refused(void **state)
{
    (void)state;
    static const struct { const char *options, *words; } row[] = {
        {"size=3", "data source made: unknown option \"size\"; known: rows, label, seed, drop"},
        {"label=a&Rows=3", "unknown option \"Rows\""},
        {"row=3", "unknown option \"row\""}, {"rowss=3", "unknown option \"rowss\""}, {"=3", "unknown option \"\""},
        {"rows=3&&seed=1", "unknown option \"\""},
        {"rows=3&seed=1&rows=3", "option rows is given twice"}, {"label=a&label=a", "option label is given twice"},
        {"rows", "option rows is \"\", wanted a whole number from 2 to 1000"}, {"rows=", "option rows is \"\""},
        {"rows=1", "option rows is \"1\""}, {"rows=1001", "option rows is \"1001\""}, {"rows=-3", "option rows is \"-3\""},
        {"rows=3.0", "option rows is \"3.0\""}, {"rows= 3", "option rows is \" 3\""}, {"rows=0x3", "option rows is \"0x3\""},
        {"rows=%33", "option rows is \"%33\""},
        {"seed=18446744073709551616", "option seed is"}, {"seed=99999999999999999999999", "option seed is"},
        {"label", "option label is \"\", wanted some text"}, {"label=", "option label is \"\""},
        {"drop=x&label=", "option label is \"\""},
        {"label=%", "option label is \"%\", wanted some text, '%' as %25"}, {"label=a%4", "option label is \"a%4\""},
        {"label=%4g", "option label is"}, {"label=%g4", "option label is"}, {"label=%%41", "option label is"},
        {"label=%4&drop=1", "option label is \"%4\""}, {"label=%00", "option label is \"%00\""}, {"label=a%00b", "option label is"},
        {"label=%+1", "option label is"}, {"label=% 1", "option label is"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct found found;
        if (read_options(row[i].options, &found) != WEFT_ESETTINGS)
            fail_msg("%s is taken", row[i].options);
        if (strstr(weft_last_error(), row[i].words) == NULL)
            fail_msg("%s: '%s' does not say '%s'", row[i].options, weft_last_error(), row[i].words);
        assert_true(found.label == NULL && found.drop == NULL);
    }
    assert_int_equal(uri_options_read("bare", "x=1", NULL, 0), WEFT_ESETTINGS);
    assert_non_null(strstr(weft_last_error(), "data source bare: unknown option \"x\"; it takes none"));
    assert_int_equal(uri_options_read("bare", "", NULL, 0), WEFT_OK);
}

static void memory_may_be_short(void **state)
{
    (void)state;
    struct uri uri;
    memory_fail_from(1);
    assert_int_equal(uri_parse("idx:a", &uri), WEFT_ENOMEM);
    memory_fail_from(0);
    assert_null(uri.text);
    for (size_t n = 1; n <= 3; n++) {           /* two texts */
        struct found found;
        memory_fail_from(n);
        weft_status st = read_options("label=a&rows=9&drop=b", &found);
        memory_fail_from(0);
        assert_int_equal(st, n <= 2 ? WEFT_ENOMEM : WEFT_OK);
        assert_true((found.label != NULL) == (st == WEFT_OK) && (found.drop != NULL) == (st == WEFT_OK));
        memory_free(found.label);
        memory_free(found.drop);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_uri_has_three_parts),
        cmocka_unit_test(without_a_kind_it_is_none),
        cmocka_unit_test(the_kind_is_guessed_by_the_ending),
        cmocka_unit_test(options_are_read),
        cmocka_unit_test(bad_options_are_refused),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests_name("uri", tests, NULL, NULL);
}
