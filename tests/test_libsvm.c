/* LIBSVM files: what is read from good ones, and what is said of bad ones. Every case is read from a plain file and a
 * packed one. */
#include "text_samples.h"

#include <errno.h>

#include "base/fault.h"

#define GOOD WEFT_OK, 0, NULL, 0
#define BAD WEFT_EDATA, 0, NULL, 0
#define REFUSED WEFT_ESETTINGS, 0, NULL, 0

#define CHECK(cases) cases_check(libsvm_read, cases, COUNT(cases))

static void rows_and_words(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {"1 1:2 3:-4.5e1\n-1 2:7\n", NULL, TARGET_CLASS, "2 0 -45 > 1; 0 7 0 > 0 [-1,1]", GOOD},
        {"1 1:2 3:4\r\n-1 2:7\r\n", NULL, TARGET_CLASS, "2 0 4 > 1; 0 7 0 > 0 [-1,1]", GOOD},
        {"1 1:2 3:4\n-1 2:7", NULL, TARGET_CLASS, "2 0 4 > 1; 0 7 0 > 0 [-1,1]", GOOD},
        {"  +1\t 1:2   3:4 \n\n # nothing\n-1 2:7 # 5:5\n-1# 5:5\n1 2:3#x", NULL, TARGET_CLASS,
         "2 0 4 > 1; 0 7 0 > 0; 0 0 0 > 0; 0 3 0 > 1 [-1,1]",
         GOOD},
        {"\xef\xbb\xbf" "1 1:1\n", NULL, TARGET_CLASS, "1 > 0 [1]", GOOD},
        {"2 qid:7 1:1\n1 qid:x 1:2\n", NULL, TARGET_CLASS, "1 > 1; 2 > 0 [1,2]", GOOD},
        {"1 1:nan 2:1\n1 1:-NaN\n", NULL, TARGET_CLASS, "nan 1 > 0; nan 0 > 0 [1]", GOOD},
        {"1 0:5 2:6\n2 1:7\n", NULL, TARGET_CLASS,
         "5 0 6 > 0; 0 7 0 > 1 [1,2]", GOOD},          /* an index 0: they count from 0 */
        {"1 2:6\n2 0:7\n", NULL, TARGET_CLASS, "0 0 6 > 0; 7 0 0 > 1 [1,2]", GOOD},
        {"1 0:5\n", NULL, TARGET_CLASS, "5 > 0 [1]", GOOD},
        {"1 0:5\n1 0:6 1:7\n", NULL, TARGET_CLASS, "5 0 > 0; 6 7 > 0 [1]", GOOD},
        {"1 1:5\n", "base=0", TARGET_CLASS, "0 5 > 0 [1]", GOOD},
        {"1 1:5\n", "base=1", TARGET_CLASS, "5 > 0 [1]", GOOD},
        {"1 1:1\n2 0:5\n", "base=1", TARGET_CLASS, "read %s:2: found index 0, wanted 1 or more, as base=1", BAD},
        {"1 1:5\n", "base=2", TARGET_CLASS, "option base is \"2\", wanted a whole number from 0 to 1", REFUSED},
        {"1 1:5\n", "label=0", TARGET_CLASS, "unknown option \"label\"; known: base", REFUSED},
        {"1 001:5 2:6\n", NULL, TARGET_CLASS, "5 6 > 0 [1]", GOOD},
    };
    CHECK(cases);
}

static void bad_words(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {"1 1:1\n\n1 2\n", NULL, TARGET_CLASS, "read %s:3: found \"2\", wanted index:value, two numbers", BAD},
        {"1 1:1 x:2\n", NULL, TARGET_CLASS, "read %s:1: found \"x:2\", wanted index:value", BAD},
        {"1 :2\n", NULL, TARGET_CLASS, "found \":2\", wanted index:value", BAD},
        {"1 1:\n", NULL, TARGET_CLASS, "found \"1:\", wanted index:value", BAD},
        {"1 1: 2\n", NULL, TARGET_CLASS, "found \"1:\", wanted index:value", BAD},
        {"1 1:2:3\n", NULL, TARGET_CLASS, "found \"1:2:3\", wanted index:value", BAD},
        {"1 1:2,5\n", NULL, TARGET_CLASS, "found \"1:2,5\", wanted index:value", BAD},
        {"1 -1:2\n", NULL, TARGET_CLASS, "found \"-1:2\", wanted index:value", BAD},
        {"1 1:nanx\n", NULL, TARGET_CLASS, "found \"1:nanx\", wanted index:value", BAD},
        {"1 1:inf\n", NULL, TARGET_CLASS, "found \"1:inf\", wanted a finite number, at most 3.4028235e38", BAD},
        {"1 1:-1e39\n", NULL, TARGET_CLASS, "found \"1:-1e39\", wanted a finite number", BAD},
        {"1 1:1\n1 3:1 2:1\n", NULL, TARGET_CLASS, "read %s:2: found index 2 behind index 3, wanted a larger one", BAD},
        {"1 3:1 3:1\n", NULL, TARGET_CLASS, "read %s:1: found index 3 behind index 3, wanted a larger one", BAD},
        {"1 4294967295:1\n", NULL, TARGET_CLASS, "read %s:1: found index 4294967295, wanted at most 4294967294", BAD},
        {"1 99999999999999999999999999:1\n", NULL, TARGET_CLASS,
         "found index 99999999999999999999999999, wanted at most 4294967294", BAD},
        {"1 18446744073709551617:1\n", NULL, TARGET_CLASS,
         "found index 18446744073709551617, wanted at most", BAD},    /* 2^64 + 1 */
        {"1 1:1\0002\n", NULL, TARGET_CLASS, "read %s:1: found \"1:1?2\", wanted index:value", WEFT_EDATA, 0, NULL, 8},
        {"1 1:nan\0\n", NULL, TARGET_CLASS, "found \"1:nan?\", wanted index:value", WEFT_EDATA, 0, NULL, 9},
        {"1\0 1:1\n", NULL, TARGET_CLASS, "read %s:1: found the label \"1", WEFT_EDATA, 0, NULL, 7},
        {"\n# no rows\n", NULL, TARGET_CLASS, "read %s: found no row, only empty lines and comments", BAD},
        {"1\n2\n", NULL, TARGET_CLASS, "read %s: none of the 2 rows has a feature, wanted index:value", BAD},
        {"\xff\xfe" "1\0", NULL, TARGET_CLASS, "the mark of UTF-16", WEFT_EDATA, 0, NULL, 4},
    };
    CHECK(cases);
}

static void known_features(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {"1 1:2\n2 2:3\n", NULL, TARGET_CLASS, "2 0 0 > 0; 0 3 0 > 1 [1,2]", WEFT_OK, 3, NULL, 0},
        {"1 3:2\n", NULL, TARGET_CLASS, "0 0 2 > 0 [1]", WEFT_OK, 3, NULL, 0},
        {"1 0:2 2:3\n", NULL, TARGET_CLASS, "2 0 3 > 0 [1]", WEFT_OK, 3, NULL, 0},
        {"1\n2\n", NULL, TARGET_CLASS, "0 > 0; 0 > 1 [1,2]", WEFT_OK, 1, NULL, 0},
        {"1 1:1\n1 4:2\n", NULL, TARGET_CLASS,
         "read %s:2: found index 4, wanted at most 3, as there are to be 3 features", WEFT_EDATA, 3, NULL, 0},
        {"1 3:2\n", "base=0", TARGET_CLASS,
         "read %s:1: found index 3, wanted at most 2, as there are to be 3 features", WEFT_EDATA, 3, NULL, 0},
        {"1 1:1\n1 3:2\n1 0:1\n", NULL, TARGET_CLASS,
         "read %s:2: found index 3, wanted at most 2: there are to be 3 features, and they count from 0,"
         " as there is an index 0 in line 3", WEFT_EDATA, 3, NULL, 0},
    };
    CHECK(cases);
}

static void labels(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {"10 1:1\n2 1:1\n+2.0 1:1\n", NULL, TARGET_CLASS, "1 > 1; 1 > 0; 1 > 0 [2,10]", GOOD},
        {"0.5 1:1\n-1e1 1:1\n", NULL, TARGET_SCORES, "1 > 1; 1 > 0 [-10,0.5]", GOOD},
        {"3 1:1\n1 1:1\n", NULL, TARGET_CLASS, "1 > 0; 1 > 2 [3,2,1]", WEFT_OK, 0, "3,2,1", 0},
        {"3 1:1\n4 1:1\n", NULL, TARGET_CLASS,
         "read %s:2: label: found \"4\", wanted one of the classes 3, 2, 1", WEFT_EDATA, 0, "3,2,1", 0},
        {"1 1:1\nx 1:1\n", NULL, TARGET_CLASS, "read %s:2: found the label \"x\", wanted a finite number", BAD},
        {"nan 1:1\n", NULL, TARGET_CLASS, "found the label \"nan\", wanted a finite number", BAD},
        {"inf 1:1\n", NULL, TARGET_SCORES, "found the label \"inf\", wanted a finite number", BAD},
        {"1,3 1:1\n", NULL, TARGET_CLASS, "read %s:1: found the label \"1,3\", wanted a single one", BAD},
        {"1 1:1\n 1:1\n", NULL, TARGET_CLASS, "read %s:2: found \"1:1\", wanted a label in front of it", BAD},
        {"1 1:1\nqid:1 1:1\n", NULL, TARGET_VALUES, "read %s:2: found \"qid:1\", wanted a label in front of it", BAD},

        {"1,3 1:1\n10 1:2\n 1:3\n3,1 1:4\n", NULL, TARGET_SCORES, "1 > 1 1 0; 2 > 0 0 1; 3 > 0 0 0; 4 > 1 1 0 [1,3,10]", GOOD},
        {"1,1.0 1:1\n", NULL, TARGET_SCORES, "1 > 1 [1]", GOOD},
        {"3 1:1\n 1:2\n", NULL, TARGET_SCORES, "1 > 0 0 1; 2 > 0 0 0 [1,2,3]", WEFT_OK, 0, "1,2,3", 0},
        {"1, 1:1\n", NULL, TARGET_SCORES, "read %s:1: found the label \"\", wanted a finite number", BAD},
        {",1 1:1\n", NULL, TARGET_SCORES, "found the label \"\", wanted a finite number", BAD},
        {"1,x 1:1\n", NULL, TARGET_SCORES, "found the label \"x\", wanted a finite number", BAD},
        {"1,7 1:1\n", NULL, TARGET_SCORES,
         "read %s:1: label: found \"7\", wanted one of the classes 1, 2", WEFT_EDATA, 0, "1,2", 0},
        {" 1:1\n 1:2\n", NULL, TARGET_SCORES, "read %s: none of the 2 rows has a label", BAD},

        {"1.5 1:1\n-2e3 1:2\n", NULL, TARGET_VALUES, "1 > 1.5; 2 > -2000", GOOD},
        {"1,5 1:1\n", NULL, TARGET_VALUES, "read %s:1: found the label \"1,5\", wanted one finite number to be predicted", BAD},
        {"nan 1:1\n", NULL, TARGET_VALUES, "found the label \"nan\", wanted one finite number to be predicted", BAD},
        {"1e39 1:1\n", NULL, TARGET_VALUES, "found the label \"1e39\", wanted one finite number", BAD},

        {"1 1:1\n 1:2\n?,! 1:3\nqid:7 1:4\n1:5\n", NULL, TARGET_NOTHING, "1; 2; 3; 4; 5", GOOD},
    };
    CHECK(cases);
}

/* What a file of a few bytes claims is not believed. */
static void tables_beyond_the_machine_are_refused(void **state)
{
    (void)state;
    enum { ROWS = 30000 };
    char *text = memory_new(ROWS * 24, 1);
    size_t bytes = 0;
    assert_non_null(text);
    for (size_t n = 0; n < ROWS; n++)
        bytes += (size_t)sprintf(text + bytes, "1 %s:1\n", n == 7 ? "4294967294" : "1");
    sample_put(text, bytes);
    const struct text_case large = {"30,000 x 4,294,967,294", NULL, TARGET_CLASS,
                                    "read %s: a table of 30000 rows and 4294967294 features takes 5.15e+05 GB, zeros included; this"
                                    " machine has ", WEFT_ENOMEM, 0, NULL, 0};
    case_check(libsvm_read, &large);
    const struct text_case beyond = {"2^63 known features", NULL, TARGET_NOTHING, "read %s: a table of 30000 rows",
                                     WEFT_ENOMEM, (size_t)1 << 63, NULL, 0};
    case_check(libsvm_read, &beyond);
    memory_free(text);
}

/* ---- Large files ---- */

enum { LARGE_ROWS = 30000, LARGE_FEATURES = 50, LARGE_BYTES = 1 << 25 };

/* Rows, words and comments lie across the pieces in which a file comes. */
static void large_files_are_read_in_pieces(void **state)
{
    (void)state;
    char *text = memory_new(LARGE_BYTES, 1);
    uint8_t *packed = memory_new(LARGE_BYTES, 1);
    float *value = memory_new(LARGE_ROWS * LARGE_FEATURES, sizeof *value);
    int32_t *label = memory_new(LARGE_ROWS, sizeof *label);
    assert_true(text != NULL && packed != NULL && value != NULL && label != NULL);
    uint32_t random = 3;
    size_t bytes = 0;
    for (size_t n = 0; n < LARGE_ROWS; n++) {
        label[n] = (int32_t)(random_next(&random) % 3);
        bytes += (size_t)sprintf(text + bytes, "%s%d", n % 5 == 0 ? "  " : "", (int)label[n] - 1);
        for (size_t j = 0; j < LARGE_FEATURES; j++)
            if (n == 0 || random_next(&random) % 4 == 0) {
                value[n * LARGE_FEATURES + j] = (float)(((int32_t)random_next(&random) % 4096 - 2048) / 64.0);
                bytes += (size_t)sprintf(text + bytes, " %zu:%.9g", j + 1, (double)value[n * LARGE_FEATURES + j]);
            }
        if (n % 7 == 0)
            bytes += (size_t)sprintf(text + bytes, " # 1:2 %.*s", (int)(n % 40), "a comment, of some length, with 3:4 in it");
        if (n % 10000 == 5000) {                /* one longer than the window */
            memset(text + bytes, 'x', 3 << 20);
            text[bytes] = '#';
            bytes += 3 << 20;
        }
        text[bytes++] = '\n';
        assert_true(bytes < LARGE_BYTES - (4 << 20));
    }
    for (size_t round = 0; round < 2; round++) {
        if (round == 0)
            sample_put(text, bytes);
        else
            sample_put(packed, sample_pack(text, bytes, packed, LARGE_BYTES));
        struct source source = {0};
        struct read_request request = {.where = sample_path, .options = "", .target = TARGET_CLASS};
        if (libsvm_read(&request, &source) != WEFT_OK)
            fail_msg("%s", weft_last_error());
        assert_int_equal(source.train.count, LARGE_ROWS);
        assert_int_equal(source.train.features, LARGE_FEATURES);
        assert_memory_equal(source.train.value, value, LARGE_ROWS * LARGE_FEATURES * sizeof *value);
        assert_memory_equal(source.train.label, label, LARGE_ROWS * sizeof *label);
        source_free(&source);
    }
    memset(text, '1', 70000);                   /* a word that does not end */
    text[70000] = ':';
    sample_put(text, 70001);
    const struct text_case bad = {"a long word", NULL, TARGET_CLASS, "...\", which goes on for more than 65536 bytes", BAD};
    case_check(libsvm_read, &bad);
    memory_free(text);
    memory_free(packed);
    memory_free(value);
    memory_free(label);
}

/* More blanks, and a longer comment, than what of the file is in memory at a time; and a disk that fails within them. */
static const char *call_to_fail;
static int calls, call_wanted;

static int fail_one(const char *call)
{
    return strcmp(call, call_to_fail) == 0 && ++calls == call_wanted ? EIO : 0;
}

static void long_blanks_and_comments(void **state)
{
    (void)state;
    enum { BYTES = 3 << 20 };
    struct source source = {0};
    const struct read_request request = {.where = sample_path, .options = "", .target = TARGET_CLASS};
    char *text = memory_new(BYTES, 1);
    for (int kind = 0; kind < 3; kind++) {      /* blanks in a line, blanks to the end, a comment to the end */
        memset(text, kind < 2 ? ' ' : 'x', BYTES);
        memcpy(text, kind < 2 ? "1 1:5" : "1 1:5#", kind < 2 ? 5 : 6);
        if (kind == 0)
            memcpy(text + BYTES - 4, "2:6\n", 4);
        sample_put(text, BYTES);
        assert_int_equal(libsvm_read(&request, &source), WEFT_OK);
        assert_int_equal(source.train.features, kind == 0 ? 2 : 1);
        assert_true(source.train.value[0] == 5 && (kind > 0 || source.train.value[1] == 6));
        source_free(&source);
        for (call_wanted = 2; call_wanted <= 3; call_wanted++) {
            call_to_fail = "read";
            calls = 0;
            file_set_fault(fail_one);
            weft_status st = libsvm_read(&request, &source);
            file_set_fault(NULL);
            assert_int_equal(st, WEFT_EIO);
            assert_non_null(strstr(weft_last_error(), "Input/output error"));
            assert_true(is_all_zero(&source));
        }
    }
    memory_free(text);
}

static void cut_off_packed_files_are_refused(void **state)
{
    (void)state;
    static const char text[] = "1 1:2 2:3\n-1 1:3 2:4\n1 1:5\n";
    uint8_t packed[256];
    size_t packed_bytes = sample_pack(text, strlen(text), packed, sizeof packed);
    for (size_t n = 2; n < packed_bytes; n++) {
        const struct text_case bad = {"cut off", NULL, TARGET_CLASS, "unpack %s: the gzip data is cut off", BAD};
        sample_put(packed, n);
        case_check(libsvm_read, &bad);
    }
}

static void files_that_are_not_there(void **state)
{
    (void)state;
    struct source source = {0};
    struct read_request request = {.where = sample_path, .options = "", .target = TARGET_CLASS};
    assert_int_equal(libsvm_read(&request, &source), WEFT_ENOINPUT);
    assert_non_null(strstr(weft_last_error(), sample_path));
    sample_put("", 0);
    assert_int_equal(libsvm_read(&request, &source), WEFT_EDATA);
    assert_non_null(strstr(weft_last_error(), "the file is empty"));
}

/* ---- Memory, damage ---- */

static void failing_memory_is_reported(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {"1 1:2 3:4\n-1 2:7\n", NULL, TARGET_CLASS, "2 0 4 > 1; 0 7 0 > 0 [-1,1]", GOOD},
        {"1,3 1:1\n 1:2\n", NULL, TARGET_SCORES, "1 > 1 1; 2 > 0 0 [1,3]", GOOD},
        {"1 1:1\n3 1:2\n", NULL, TARGET_SCORES, "1 > 2; 2 > 0 [3,2,1]", WEFT_OK, 0, "3,2,1", 0},
        {"1.5 1:1\n", NULL, TARGET_VALUES, "1 > 1.5", GOOD},
        {"1.5 1:1\n", NULL, TARGET_NOTHING, "1", GOOD},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        failing_memory_check(libsvm_read, &cases[i], 10);
}

static void random_damage_is_survived(void **state)
{
    (void)state;
    static const struct text_case cases[] = {
        {"1 1:2 3:4 # words\n-1 2:7e1\n+1 1:nan 12:5\n", NULL, TARGET_CLASS, NULL, GOOD},
        {"1 1:2 3:4\n3 0:7\n2\n", NULL, TARGET_CLASS, NULL, WEFT_OK, 4, "3,2,1", 0},
        {"1,3 1:1\n 1:2 2:5\n20 1:-1\n", NULL, TARGET_SCORES, NULL, GOOD},
        {"1.5 qid:3 1:1\n2.5 qid:4 2:1\n", "base=1", TARGET_VALUES, NULL, GOOD},
        {"1.5 1:1\n2:5 3:6\n", "base=0", TARGET_NOTHING, NULL, GOOD},
    };
    damage_check(libsvm_read, cases, COUNT(cases), ":, \n#01234.-enaq", 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_and_words, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(bad_words, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(known_features, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(labels, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(tables_beyond_the_machine_are_refused, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(large_files_are_read_in_pieces, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(long_blanks_and_comments, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(cut_off_packed_files_are_refused, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(files_that_are_not_there, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(failing_memory_is_reported, sample_setup, sample_teardown),
        cmocka_unit_test_setup_teardown(random_damage_is_survived, sample_setup, sample_teardown),
    };
    return cmocka_run_group_tests_name("libsvm", tests, NULL, NULL);
}
