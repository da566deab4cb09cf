/* INI files whose system calls fail, that come through a pipe, or that have no end. */
#include "store_samples.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "settings/settings.h"

enum { PIECE_BYTES = 4096, LIMIT_BYTES = 16 << 20 };    /* how much is read at a time, and in all */

static weft_settings *settings_new(void)
{
    weft_settings *s = weft_settings_create();
    assert_non_null(s);
    return s;
}

static void assert_same_settings(const weft_settings *a, const weft_settings *b)
{
    char *text, *other;
    assert_ok(settings_write_run_ini(a, &text));
    assert_ok(settings_write_run_ini(b, &other));
    assert_string_equal(text, other);
    memory_free(text);
    memory_free(other);
}

static void assert_says(weft_status found, weft_status wanted, const char *words)
{
    if (found != wanted || strstr(weft_last_error(), words) == NULL)
        fail_msg("found %d: %s, wanted %d: %s", (int)found, weft_last_error(), (int)wanted, words);
}

/* Lines of comment. */
static void fill(char *text, size_t size_bytes)
{
    for (size_t i = 0; i < size_bytes; i++)
        text[i] = i % 64 == 0 ? ';' : i % 64 == 63 ? '\n' : 'c';
}

/* Three pieces of comment, then what is set: it takes several reads to come to that. */
static const char *put_long_file(void)
{
    static const char study[] = "[network]\nhidden = 20, 7\nactivation = relu,   ; one\n    tanh\n[train]\nseed = 7\n";
    char text[3 * PIECE_BYTES + sizeof study];
    const char *path = in_scratch("long.ini");
    fill(text, 3 * PIECE_BYTES);
    memcpy(text + 3 * PIECE_BYTES, study, sizeof study);
    put_file(path, text, strlen(text));
    return path;
}

/* ---- calls that fail ---- */

static struct {
    const char *call;
    int number;
    size_t first, every;                /* the first-th of that name, and then each every-th */
    size_t seen, failed;
} plan;

static int by_plan(const char *call)
{
    if (strcmp(call, plan.call) != 0 || ++plan.seen < plan.first || (plan.seen - plan.first) % plan.every != 0)
        return 0;
    plan.failed++;
    return plan.number;
}

static weft_status load_with_fault(weft_settings *s, const char *path, const char *call, int number, size_t first, size_t every)
{
    plan.call = call;
    plan.number = number;
    plan.first = first;
    plan.every = every;
    plan.seen = plan.failed = 0;
    file_set_fault(by_plan);
    weft_status st = weft_settings_load(s, path);
    file_set_fault(NULL);
    return st;
}

/* What was done, the file (once) and the cause. */
static void assert_told(weft_status found, weft_status wanted, const char *path)
{
    const char *message = weft_last_error(), *place = strstr(message, path);
    assert_says(found, wanted, strerror(plan.number));
    if (strncmp(message, "read settings: ", 15) != 0 || place == NULL || strstr(place + 1, path) != NULL)
        fail_msg("%s fails: %s", plan.call, message);
}

static void each_failing_call_is_told(void **state)
{
    (void)state;
    static const struct { const char *name; weft_status wanted; } call[] = {
        {"openat", WEFT_ENOINPUT}, {"fstat", WEFT_ENOINPUT}, {"read", WEFT_EIO}};
    static const int number[] = {EIO, EACCES, EMFILE};
    const char *path = put_long_file();
    weft_settings *s = settings_new(), *untouched = settings_new();
    size_t descriptors = count_entries("/proc/self/fd"), cases = 0;
    for (size_t c = 0; c < COUNT(call); c++)
        for (size_t n = 0; n < COUNT(number); n++) {
            weft_status st = WEFT_EIO;
            for (size_t nth = 1; st != WEFT_OK; nth++) {
                st = load_with_fault(s, path, call[c].name, number[n], nth, SIZE_MAX);
                if (st == WEFT_OK)
                    break;
                assert_told(st, call[c].wanted, path);
                assert_same_settings(s, untouched);
                cases++;
            }
            assert_int_equal(plan.failed, 0);
            weft_settings_destroy(s);
            s = settings_new();
        }
    assert_int_equal(cases, 3 * (1 + 1 + 5));                   /* the fifth read finds the end */
    assert_int_equal(count_entries("/proc/self/fd"), descriptors);
    weft_settings_destroy(s);
    weft_settings_destroy(untouched);
}

/* What stands before the bytes that cannot be read is told first, but a line that they cut is none. */
static void a_read_fails_behind_a_bad_line(void **state)
{
    (void)state;
    char text[2 * PIECE_BYTES];
    const char *path = in_scratch("cut.ini");
    weft_settings *s = settings_new();
    fill(text, sizeof text);
    memcpy(text, "[train]\nnonsense\n;", 18);
    put_file(path, text, sizeof text);
    assert_says(load_with_fault(s, path, "read", EIO, 2, 1), WEFT_ESETTINGS, ":2: found neither");
    fill(text, sizeof text);
    memcpy(text + PIECE_BYTES - 15, "\n[train]\nseed = 7\n;", 19);
    put_file(path, text, sizeof text);
    assert_says(load_with_fault(s, path, "read", EIO, 2, 1), WEFT_EIO, "at byte 4096: Input/output error");
    weft_settings_destroy(s);
}

static void interrupted_and_short_calls_change_nothing(void **state)
{
    (void)state;
    static const struct { const char *call; int number; size_t every; } row[] = {
        {"openat", EINTR, 2}, {"read", EINTR, 2}, {"read", FAULT_SHORT, 1}, {"read", FAULT_SHORT, 3}};
    const char *path = put_long_file();
    char text[SETTING_TEXT_SIZE_BYTES];
    weft_settings *wanted = settings_new();
    assert_ok(weft_settings_load(wanted, path));
    assert_ok(weft_settings_get(wanted, "network.activation", text, sizeof text));
    assert_string_equal(text, "relu, tanh");
    for (size_t i = 0; i < COUNT(row); i++) {
        weft_settings *s = settings_new();
        assert_ok(load_with_fault(s, path, row[i].call, row[i].number, 1, row[i].every));
        assert_true(plan.failed > 0);
        assert_same_settings(s, wanted);
        weft_settings_destroy(s);
    }
    weft_settings_destroy(wanted);
}

/* ---- pipes, and files without end ---- */

enum { PATIENCE_S = 20 };

static struct {
    int end;
    pid_t writer;
    char name[32];                      /* "/dev/fd/<end>" */
} the_pipe;

/* Its other side writes the text byte by byte, then `again` for ever, or nothing any more if that is NULL; it never closes it. */
static void pipe_open(const char *text, const char *again)
{
    int end[2];
    assert_int_equal(pipe(end), 0);
    the_pipe.end = end[0];
    the_pipe.writer = fork();
    assert_true(the_pipe.writer >= 0);
    if (the_pipe.writer == 0) {
        (void)alarm(PATIENCE_S);        /* should the test be gone by then */
        bool is_good = close(end[0]) == 0;
        for (; *text != '\0' && is_good; text++)
            is_good = write(end[1], text, 1) == 1;
        while (is_good && again != NULL)
            is_good = write(end[1], again, strlen(again)) > 0;
        while (is_good)
            pause();
        _exit(EXIT_FAILURE);
    }
    assert_int_equal(close(end[1]), 0);
    snprintf(the_pipe.name, sizeof the_pipe.name, "/dev/fd/%d", the_pipe.end);
}

static void pipe_close(void)
{
    assert_int_equal(kill(the_pipe.writer, SIGKILL), 0);
    assert_int_equal(waitpid(the_pipe.writer, NULL, 0), the_pipe.writer);
    assert_int_equal(close(the_pipe.end), 0);
}

static void a_fault_in_a_pipe_is_told_before_its_end(void **state)
{
    (void)state;
    static const struct { const char *text, *again, *wanted; } row[] = {
        {"[train]\nsed = 3\n[train]\n", NULL, ":2: unknown setting 'train.sed'"},
        {"[train]\nsed = 3\n", "epochs = 3\n", ":2: unknown setting 'train.sed'"},
        {"[train]\nnonsense\n", "; comment\n", ":2: found neither"},
        {"[train]\nseed = 3\n", "; comment\n", "bytes or more, at most 16777216 wanted"}};
    weft_settings *s = settings_new();
    for (size_t i = 0; i < COUNT(row); i++) {
        pipe_open(row[i].text, row[i].again);
        (void)alarm(PATIENCE_S);        /* who waits for more than is needed waits for ever */
        weft_status st = weft_settings_load(s, the_pipe.name);
        (void)alarm(0);
        pipe_close();
        assert_says(st, WEFT_ESETTINGS, row[i].wanted);
    }
    weft_settings_destroy(s);
}

static void a_file_has_16_MiB_at_most(void **state)
{
    (void)state;
    const char *path = in_scratch("large.ini");
    char seed[8], *text = memory_new(LIMIT_BYTES + 1, 1);
    weft_settings *s = settings_new();
    assert_non_null(text);
    fill(text, LIMIT_BYTES + 1);
    memcpy(text, "[train]\nseed = 7\n;", 18);
    put_file(path, text, LIMIT_BYTES);
    assert_ok(weft_settings_load(s, path));
    assert_ok(weft_settings_get(s, "train.seed", seed, sizeof seed));
    assert_string_equal(seed, "7");
    put_file(path, text, LIMIT_BYTES + 1);
    assert_says(weft_settings_load(s, path), WEFT_ESETTINGS, "16777217 bytes or more, at most 16777216 wanted");
    memory_free(text);
    weft_settings_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(each_failing_call_is_told, scratch_clear),
        cmocka_unit_test_teardown(a_read_fails_behind_a_bad_line, scratch_clear),
        cmocka_unit_test_teardown(interrupted_and_short_calls_change_nothing, scratch_clear),
        cmocka_unit_test_teardown(a_fault_in_a_pipe_is_told_before_its_end, scratch_clear),
        cmocka_unit_test_teardown(a_file_has_16_MiB_at_most, scratch_clear),
    };
    return cmocka_run_group_tests_name("ini_calls", tests, scratch_make, scratch_remove);
}
