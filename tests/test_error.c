/* Status codes, and the message of a thread's latest failure. */
#include "base/error.h"

#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

enum { LONGEST = 1023 };            /* bytes of a message */

static const struct {
    weft_status status;
    const char *name;
    int exit_code;
} statuses[] = {
#define ROW(name, exit_code, meaning) {name, #name, exit_code},
    WEFT_STATUS_LIST(ROW)
#undef ROW
};

enum { STATUSES = sizeof statuses / sizeof statuses[0] };

/* What the manual promises to scripts: written out here, because the list itself cannot prove itself. */
static void exit_codes_are_the_documented_ones(void **state)
{
    (void)state;
    assert_int_equal(weft_exit_code(WEFT_OK), 0);
    assert_int_equal(weft_exit_code(WEFT_EINVAL), 64);
    assert_int_equal(weft_exit_code(WEFT_EDATA), 65);
    assert_int_equal(weft_exit_code(WEFT_EDAMAGED), 65);
    assert_int_equal(weft_exit_code(WEFT_ENONFINITE), 65);
    assert_int_equal(weft_exit_code(WEFT_ENOINPUT), 66);
    assert_int_equal(weft_exit_code(WEFT_ENOMEM), 69);
    assert_int_equal(weft_exit_code(WEFT_ERESOURCE), 69);
    assert_int_equal(weft_exit_code(WEFT_ECREATE), 73);
    assert_int_equal(weft_exit_code(WEFT_EIO), 74);
    assert_int_equal(weft_exit_code(WEFT_ESTOPPED), 75);
    assert_int_equal(weft_exit_code(WEFT_ESETTINGS), 78);
    assert_int_equal(STATUSES, 12);
    assert_int_equal(weft_exit_code((weft_status)STATUSES), 70);
    assert_int_equal(weft_exit_code((weft_status)1000), 70);
}

static void every_status_has_its_own_meaning(void **state)
{
    (void)state;
    assert_int_equal(WEFT_OK, 0);
    for (size_t i = 0; i < STATUSES; i++) {
        assert_int_equal(statuses[i].status, i);                    /* 0, 1, 2, ...: part of the binary interface */
        const char *meaning = weft_strerror(statuses[i].status);
        assert_true(strlen(meaning) > 0);
        assert_null(strchr(meaning, '\n'));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(meaning, weft_strerror(statuses[j].status));
    }
    assert_string_equal(weft_strerror((weft_status)STATUSES), "unknown status");
}

static void set_formats_and_returns_the_status(void **state)
{
    (void)state;
    weft_status status = error_set(WEFT_EDATA, "read %s: label %d at row %zu, wanted 0 to 9", "a.csv", 12, (size_t)7);
    assert_int_equal(status, WEFT_EDATA);
    assert_string_equal(weft_last_error(), "read a.csv: label 12 at row 7, wanted 0 to 9");
    assert_int_equal(error_set(WEFT_EIO, "%s", "100% full"), WEFT_EIO);
    assert_string_equal(weft_last_error(), "100% full");            /* the old text is gone, all of it */
}

static void context_goes_in_front(void **state)
{
    (void)state;
    error_set(WEFT_EIO, "write 64 bytes: disk full");
    assert_int_equal(error_context(WEFT_EIO, "save checkpoint of step %d", 12), WEFT_EIO);
    assert_int_equal(error_context(WEFT_ECREATE, "train"), WEFT_ECREATE);       /* a caller may know a better status */
    assert_string_equal(weft_last_error(), "train: save checkpoint of step 12: write 64 bytes: disk full");
}

static void arguments_may_be_the_old_message(void **state)
{
    (void)state;
    error_set(WEFT_EIO, "cause");
    error_set(WEFT_EIO, "effect of (%s)", weft_last_error());
    assert_string_equal(weft_last_error(), "effect of (cause)");
    error_context(WEFT_EIO, "again (%s)", weft_last_error());
    assert_string_equal(weft_last_error(), "again (effect of (cause)): effect of (cause)");
}

static void a_message_is_one_line(void **state)
{
    (void)state;
    char found[33], want[33];
    for (int c = 1; c <= 32; c++) {
        found[c - 1] = (char)(c == 32 ? 0x7f : c);                  /* 1 to 31, and delete */
        want[c - 1] = ' ';
    }
    found[32] = want[32] = '\0';
    error_set(WEFT_EDATA, "%s", found);
    assert_string_equal(weft_last_error(), want);
    error_context(WEFT_EDATA, "open a\nb\x1b[31m");
    assert_int_equal(strncmp(weft_last_error(), "open a b [31m: ", 15), 0);
    error_set(WEFT_EDATA, "Gr\xc3\xb6\xc3\x9f" "e \xe7\xba\xba");   /* UTF-8 is left alone */
    assert_string_equal(weft_last_error(), "Gr\xc3\xb6\xc3\x9f" "e \xe7\xba\xba");
}

static void a_long_message_is_cut(void **state)
{
    (void)state;
    static char text[3000];
    memset(text, 'x', sizeof text - 1);
    for (size_t length = LONGEST - 2; length <= LONGEST + 2; length++) {
        error_set(WEFT_EIO, "%.*s", (int)length, text);
        assert_int_equal(strlen(weft_last_error()), length < LONGEST ? length : LONGEST);
    }
    error_context(WEFT_EIO, "front");                               /* the end gives way, not the context */
    assert_int_equal(strlen(weft_last_error()), LONGEST);
    assert_int_equal(strncmp(weft_last_error(), "front: xxx", 10), 0);
    error_context(WEFT_EIO, "%s", text);
    assert_int_equal(strlen(weft_last_error()), LONGEST);
    assert_int_equal(strspn(weft_last_error(), "x"), LONGEST);
}

struct thread_result {
    char before[LONGEST + 1];
    char after[LONGEST + 1];
};

static void *fail_in_a_thread(void *argument)
{
    struct thread_result *result = argument;
    strcpy(result->before, weft_last_error());
    error_set(WEFT_EIO, "of the other thread");
    error_context(WEFT_EIO, "context");
    strcpy(result->after, weft_last_error());
    return NULL;
}

static void each_thread_has_its_own_message(void **state)
{
    (void)state;
    struct thread_result result;
    pthread_t thread;
    error_set(WEFT_EDATA, "of this thread");
    assert_int_equal(pthread_create(&thread, NULL, fail_in_a_thread, &result), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_string_equal(result.before, "");
    assert_string_equal(result.after, "context: of the other thread");
    assert_string_equal(weft_last_error(), "of this thread");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_codes_are_the_documented_ones),
        cmocka_unit_test(every_status_has_its_own_meaning),
        cmocka_unit_test(set_formats_and_returns_the_status),
        cmocka_unit_test(context_goes_in_front),
        cmocka_unit_test(arguments_may_be_the_old_message),
        cmocka_unit_test(a_message_is_one_line),
        cmocka_unit_test(a_long_message_is_cut),
        cmocka_unit_test(each_thread_has_its_own_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
