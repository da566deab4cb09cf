/* A run's directory: what stands in it after saves, failures and deaths, and what is loaded from it. */
#include "store_samples.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "store/checkpoint.h"
#include "store/run_directory.h"

static struct run_directory *run_new(const char *name)
{
    struct run_directory *run;
    assert_ok(run_directory_create(in_scratch(name), &run));
    return run;
}

static void save(struct run_directory *run, int64_t step, int64_t best_step, bool set_last, uint64_t keep)
{
    struct snapshot *s = sample_new_small(step);
    assert_ok(run_directory_save(run, step, s, best_step, set_last, keep));
    snapshot_destroy(s);
}

/* The checkpoints and links, by name and in order, as "step-1.h5 last.h5=1 best.h5=". */
static void assert_stands(const char *name, const char *steps, const char *last, const char *best)
{
    char found[512] = "", target[64];
    for (int step = 0; step < 100; step++) {
        snprintf(target, sizeof target, "%s/step-%d.h5", name, step);
        if (exists(in_scratch(target)))
            snprintf(found + strlen(found), sizeof found - strlen(found), "%s%d", found[0] == '\0' ? "" : " ", step);
    }
    assert_string_equal(found, steps);
    static const char *const link[] = {"last", "best"};
    for (size_t i = 0; i < 2; i++) {
        const char *wanted = i == 0 ? last : best;
        char path[64], read[64] = "", name_wanted[64] = "";
        snprintf(path, sizeof path, "%s/%s.h5", name, link[i]);
        if (wanted[0] != '\0')
            snprintf(name_wanted, sizeof name_wanted, "step-%s.h5", wanted);
        if (readlink(in_scratch(path), read, sizeof read - 1) < 0)
            read[0] = '\0';
        assert_string_equal(read, name_wanted);
    }
}

static void assert_newest_is(struct run_directory *run, int64_t wanted, size_t passed_wanted, char *notes, size_t capacity)
{
    struct snapshot *s;
    int64_t step, stored;
    size_t passed;
    assert_ok(run_directory_load_newest(run, &s, &step, &passed, notes, capacity));
    assert_int_equal(step, wanted);
    assert_int_equal(passed, passed_wanted);
    assert_ok(snapshot_get_integer(s, "/", "step", &stored));
    assert_int_equal(stored, wanted);
    snapshot_destroy(s);
}

static void flip(const char *name)
{
    size_t size_bytes;
    unsigned char *bytes = get_file(in_scratch(name), &size_bytes);
    bytes[size_bytes / 2] ^= 16;
    put_file(in_scratch(name), bytes, size_bytes);
    free(bytes);
}

static void saves_keep_the_newest_and_the_best(void **state)
{
    (void)state;
    struct run_directory *run = run_new("a/run");
    assert_string_equal(run_directory_path(run), in_scratch("a/run"));
    save(run, 0, -1, true, 2);
    assert_stands("a/run", "0", "0", "");
    save(run, 9, 9, true, 2);
    assert_stands("a/run", "0 9", "9", "9");
    save(run, 10, 9, true, 2);
    assert_stands("a/run", "9 10", "10", "9");
    save(run, 11, 9, true, 2);
    save(run, 12, 9, true, 2);
    assert_stands("a/run", "9 11 12", "12", "9");
    save(run, 13, -1, false, 2);                        /* a best model before the checkpoint that names it */
    assert_stands("a/run", "9 11 12 13", "12", "9");
    save(run, 20, 13, true, 2);
    assert_stands("a/run", "13 20", "20", "13");
    save(run, 21, 99, true, 1);                         /* no file of that step: best.h5 stays, and so does its file */
    assert_stands("a/run", "13 21", "21", "13");
    save(run, 22, 22, true, 0);
    assert_stands("a/run", "22", "22", "22");
    run_directory_close(run);
    run_directory_close(NULL);
}

static void pruning_spares_what_the_links_point_at(void **state)
{
    (void)state;
    struct run_directory *run = run_new("run");
    for (int step = 1; step <= 3; step++)
        save(run, step, step == 1 ? 1 : -1, true, 9);
    put_file(in_scratch("run/step-03.h5"), "foreign", 7);
    put_file(in_scratch("run/step-1.h5.txt"), "foreign", 7);
    put_file(in_scratch("run/step-99999999999999999999.h5"), "foreign", 7);
    assert_int_equal(unlink(in_scratch("run/best.h5")), 0);
    assert_int_equal(link(in_scratch("run/step-1.h5"), in_scratch("run/best.h5")), 0);      /* as where links are hard */
    save(run, 4, -1, true, 1);
    assert_stands("run", "1 4", "4", "");
    assert_true(exists(in_scratch("run/step-03.h5")));
    assert_true(exists(in_scratch("run/step-1.h5.txt")));
    assert_true(exists(in_scratch("run/step-99999999999999999999.h5")));
    run_directory_close(run);
}

static void a_directory_with_a_run_is_not_taken(void **state)
{
    (void)state;
    struct run_directory *run;
    assert_int_equal(mkdir(in_scratch("notes"), 0777), 0);
    put_file(in_scratch("notes/readme.txt"), "x", 1);
    assert_ok(run_directory_create(in_scratch("notes"), &run));             /* other files are no run */
    run_directory_close(run);
    assert_holds(in_scratch("notes/readme.txt"), "x");

    run = run_new("a");
    save(run, 5, -1, true, 1);
    run_directory_close(run);
    assert_int_equal(run_directory_create(in_scratch("a"), &run), WEFT_ECREATE);
    assert_non_null(strstr(weft_last_error(), "step-5.h5"));
    run = run_new("b");
    assert_ok(run_directory_write(run, "run.ini", "[data]\n"));
    run_directory_close(run);
    assert_int_equal(run_directory_create(in_scratch("b"), &run), WEFT_ECREATE);
    assert_non_null(strstr(weft_last_error(), "run.ini"));
    put_file(in_scratch("file"), "x", 1);
    assert_int_equal(run_directory_create(in_scratch("file"), &run), WEFT_ECREATE);
}

static void opening_needs_a_run(void **state)
{
    (void)state;
    struct run_directory *run;
    assert_int_equal(run_directory_open(in_scratch("missing"), &run), WEFT_ENOINPUT);
    assert_int_equal(mkdir(in_scratch("empty"), 0777), 0);
    assert_int_equal(run_directory_open(in_scratch("empty"), &run), WEFT_ENOINPUT);
    assert_int_equal(count_entries(in_scratch("empty")), 0);
    put_file(in_scratch("file"), "x", 1);
    assert_int_equal(run_directory_open(in_scratch("file"), &run), WEFT_ENOINPUT);
}

static void a_run_that_ended_before_its_first_save_says_so(void **state)
{
    (void)state;
    struct run_directory *run = run_new("run");
    struct snapshot *s;
    int64_t step;
    size_t passed;
    char notes[100] = "old";
    assert_ok(run_directory_write(run, "run.ini", ""));
    run_directory_close(run);
    assert_ok(run_directory_open(in_scratch("run"), &run));
    assert_int_equal(run_directory_load_newest(run, &s, &step, &passed, notes, sizeof notes), WEFT_ENOINPUT);
    assert_non_null(strstr(weft_last_error(), "no checkpoint"));
    assert_string_equal(notes, "");
    run_directory_close(run);
}

static void damaged_checkpoints_are_passed_over(void **state)
{
    (void)state;
    struct run_directory *run = run_new("run");
    struct snapshot *s;
    int64_t step;
    size_t passed;
    char notes[2048], few[10];
    for (step = 8; step <= 11; step++)
        save(run, step, -1, true, 9);
    assert_newest_is(run, 11, 0, notes, sizeof notes);
    assert_string_equal(notes, "");
    flip("run/step-11.h5");
    put_file(in_scratch("run/step-10.h5"), "", 0);
    assert_newest_is(run, 9, 2, notes, sizeof notes);
    assert_non_null(strstr(notes, "step-11.h5: its bytes do not match its seal"));
    assert_non_null(strstr(notes, "; load checkpoint"));
    assert_non_null(strstr(notes, "step-10.h5: no seal"));
    assert_newest_is(run, 9, 2, few, sizeof few);
    assert_int_equal(strlen(few), sizeof few - 1);
    assert_newest_is(run, 9, 2, NULL, 0);
    assert_ok(run_directory_load_step(run, 8, &s));
    snapshot_destroy(s);
    assert_int_equal(run_directory_load_step(run, 10, &s), WEFT_EDAMAGED);
    assert_int_equal(run_directory_load_step(run, 12, &s), WEFT_ENOINPUT);
    flip("run/step-9.h5");
    flip("run/step-8.h5");
    assert_int_equal(run_directory_load_newest(run, &s, &step, &passed, notes, sizeof notes), WEFT_EDAMAGED);
    assert_int_equal(passed, 4);
    assert_non_null(strstr(weft_last_error(), "none of its 4 checkpoints is whole"));
    run_directory_close(run);
}

/* Passed over, they neither push whole ones out nor go themselves, until a save of the same name takes their place. */
static void damaged_checkpoints_do_not_count_as_kept(void **state)
{
    (void)state;
    struct run_directory *run = run_new("run");
    for (int64_t step = 8; step <= 11; step++)
        save(run, step, -1, true, 3);
    assert_stands("run", "9 10 11", "11", "");
    flip("run/step-10.h5");
    flip("run/step-11.h5");
    put_file(in_scratch("run/step-99.h5"), "", 0);
    assert_newest_is(run, 9, 3, NULL, 0);
    assert_ok(run_directory_point_links(run, 9, -1));
    save(run, 10, -1, true, 3);
    assert_stands("run", "9 10 11 99", "10", "");
    save(run, 11, -1, true, 3);
    save(run, 12, -1, true, 3);
    assert_stands("run", "10 11 12 99", "12", "");
    run_directory_close(run);
}

/* Who has the lock knows that nobody else is writing, even where the number of the dead process is that of a living one now. */
static void litter_of_the_dead_is_removed(void **state)
{
    (void)state;
    static const char *const own[] = {".step-3.h5.tmp.1.0", ".last.h5.tmp.1.7", ".best.h5.tmp.1.7", ".run.ini.tmp.1.0",
                                      ".history.csv.tmp.1.0", ".evaluation.h5.tmp.1.0", ".other.tmp.999999999.0"};
    static const char *const others[] = {".report.html.tmp.1.0", ".step-x.h5.tmp.1.0", ".tmp.1.0", "step-3.h5.tmp.1.0"};
    char name[64];
    run_directory_close(run_new("run"));
    put_file(in_scratch("run/run.ini"), "", 0);
    for (size_t i = 0; i < COUNT(own) + COUNT(others); i++) {
        snprintf(name, sizeof name, "run/%s", i < COUNT(own) ? own[i] : others[i - COUNT(own)]);
        put_file(in_scratch(name), "", 0);
    }
    struct run_directory *run;
    assert_ok(run_directory_open(in_scratch("run"), &run));
    for (size_t i = 0; i < COUNT(own) + COUNT(others); i++) {
        snprintf(name, sizeof name, "run/%s", i < COUNT(own) ? own[i] : others[i - COUNT(own)]);
        assert_int_equal(exists(in_scratch(name)), i >= COUNT(own));
    }
    run_directory_close(run);
}

static void one_process_has_the_run(void **state)
{
    (void)state;
    struct run_directory *run = run_new("run"), *other;
    save(run, 1, -1, true, 1);
    int status;
    assert_int_equal(run_directory_open(in_scratch("run"), &other), WEFT_ERESOURCE);    /* nor this process twice */
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(run_directory_open(in_scratch("run"), &other) == WEFT_ERESOURCE
              && run_directory_create(in_scratch("run"), &other) == WEFT_ERESOURCE ? 0 : 1);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    run_directory_close(run);
    assert_ok(run_directory_open(in_scratch("run"), &run));
    run_directory_close(run);
}

static void logs_are_written_and_appended(void **state)
{
    (void)state;
    struct run_directory *run = run_new("run");
    assert_ok(run_directory_write(run, "history.csv", "step,loss\n"));
    assert_ok(run_directory_append(run, "history.csv", "1,2.5\n"));
    assert_ok(run_directory_append(run, "timing.csv", "1\n"));
    assert_holds(in_scratch("run/history.csv"), "step,loss\n1,2.5\n");
    assert_holds(in_scratch("run/timing.csv"), "1\n");
    run_directory_close(run);
}

/* Die at the n-th system call of a save. */
static int calls, call_wanted;

static int die_there(const char *call)
{
    (void)call;
    if (++calls == call_wanted)
        kill(getpid(), SIGKILL);
    return 0;
}

static int no_space(const char *call)
{
    return strcmp(call, "write") == 0 ? ENOSPC : 0;
}

static void a_run_killed_at_any_call_of_a_save_goes_on(void **state)
{
    (void)state;
    bool killed = true;
    char name[32];
    for (int n = 1; killed; n++) {
        int status;
        snprintf(name, sizeof name, "run%d", n);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct run_directory *run = run_new(name);
            save(run, 1, 1, true, 1);
            calls = 0;
            call_wanted = n;
            file_set_fault(die_there);
            save(run, 2, -1, false, 1);
            save(run, 3, 2, true, 1);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        killed = WIFSIGNALED(status);
        struct run_directory *run;
        struct snapshot *s;
        int64_t step;
        size_t passed;
        char last[64];
        assert_ok(run_directory_open(in_scratch(name), &run));
        assert_ok(run_directory_load_newest(run, &s, &step, &passed, NULL, 0));
        snapshot_destroy(s);
        assert_int_equal(passed, 0);
        assert_in_range(step, 1, 3);
        snprintf(last, sizeof last, "%s/last.h5", name);
        assert_ok(checkpoint_verify(in_scratch(last)));
        snprintf(last, sizeof last, "%s/best.h5", name);
        assert_ok(checkpoint_verify(in_scratch(last)));
        save(run, 3, 2, true, 1);
        if (step > 1)
            assert_stands(name, "2 3", "3", "2");
        run_directory_close(run);
        assert_in_range(count_entries(in_scratch(name)), 5, 6);     /* lock, links, steps: no litter */
        assert_in_range(n, 1, 100);
    }
}

static void a_failed_save_keeps_the_last(void **state)
{
    (void)state;
    struct run_directory *run = run_new("run");
    struct snapshot *s = sample_new_small(2);
    save(run, 1, 1, true, 1);
    file_set_fault(no_space);
    assert_int_equal(run_directory_save(run, 2, s, 1, true, 1), WEFT_EIO);
    assert_non_null(strstr(weft_last_error(), "No space left"));
    file_set_fault(NULL);
    assert_stands("run", "1", "1", "1");
    snapshot_destroy(s);
    run_directory_close(run);
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    size_t n = 0, passed;
    int64_t step;
    struct snapshot *small = sample_new_small(2), *loaded;
    for (weft_status st = WEFT_ENOMEM; st != WEFT_OK;) {
        struct run_directory *run = NULL;
        memory_fail_from(++n);
        st = run_directory_open(in_scratch("run"), &run);
        if (st == WEFT_ENOINPUT)
            st = run_directory_create(in_scratch("run"), &run);
        if (st == WEFT_OK) st = run_directory_save(run, 2, small, 2, true, 1);
        if (st == WEFT_OK) st = run_directory_write(run, "run.ini", "");
        if (st == WEFT_OK) st = run_directory_append(run, "timing.csv", "");
        if (st == WEFT_OK) st = run_directory_load_newest(run, &loaded, &step, &passed, NULL, 0);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || st == WEFT_ENOMEM);
        run_directory_close(run);
    }
    assert_in_range(n, 20, 200);
    snapshot_destroy(loaded);
    snapshot_destroy(small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, scratch_clear)
        TEST(saves_keep_the_newest_and_the_best),
        TEST(pruning_spares_what_the_links_point_at),
        TEST(a_directory_with_a_run_is_not_taken),
        TEST(opening_needs_a_run),
        TEST(a_run_that_ended_before_its_first_save_says_so),
        TEST(damaged_checkpoints_are_passed_over),
        TEST(damaged_checkpoints_do_not_count_as_kept),
        TEST(litter_of_the_dead_is_removed),
        TEST(one_process_has_the_run),
        TEST(logs_are_written_and_appended),
        TEST(a_run_killed_at_any_call_of_a_save_goes_on),
        TEST(a_failed_save_keeps_the_last),
        TEST(every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
