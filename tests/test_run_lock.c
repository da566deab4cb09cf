/* Whose a run's directory is, when it is moved, replaced, or loses its lock under the run's hands. */
#include "store_samples.h"

#include <pthread.h>

#include "base/fault.h"
#include "store/run_directory.h"
#include "store/run_lock.h"

static struct run_directory *run_new(const char *name, const char *ini)
{
    struct run_directory *run;
    assert_ok(run_directory_create(in_scratch(name), &run));
    assert_ok(run_directory_write(run, "run.ini", ini));
    return run;
}

static weft_status save(struct run_directory *run, int64_t step)
{
    struct snapshot *s = sample_new_small(step);
    weft_status st = run_directory_save(run, step, s, -1, true, 3);
    snapshot_destroy(s);
    return st;
}

static void move(const char *from, const char *to)
{
    char old[128];
    snprintf(old, sizeof old, "%s", in_scratch(from));
    assert_int_equal(rename(old, in_scratch(to)), 0);
}

/* Every way in which a run writes is refused, with these words. */
static void assert_refused(struct run_directory *run, const char *words)
{
    struct snapshot *s = sample_new_small(9);
    const weft_status got[] = {
        run_directory_save(run, 9, s, -1, true, 1), run_directory_save(run, 9, s, -1, false, 1),
        run_directory_save_evaluation(run, s), run_directory_write(run, "run.ini", "of the other\n"),
        run_directory_append(run, "history.csv", "of the other\n"),
    };
    for (size_t i = 0; i < COUNT(got); i++)
        assert_int_equal(got[i], WEFT_EIO);
    assert_non_null(strstr(weft_last_error(), words));
    snapshot_destroy(s);
}

static void a_run_that_took_its_place_is_left_alone(void **state)
{
    (void)state;
    struct run_directory *moved = run_new("run", "first\n");
    assert_ok(save(moved, 1));
    move("run", "elsewhere");
    struct run_directory *run = run_new("run", "second\n");
    assert_ok(save(run, 1));
    assert_refused(moved, "another process has the directory now");
    assert_holds(in_scratch("run/run.ini"), "second\n");
    assert_false(exists(in_scratch("run/step-9.h5")));
    assert_false(exists(in_scratch("run/history.csv")));
    assert_ok(save(run, 2));
    run_directory_close(run);
    assert_refused(moved, "another process has the directory now");             /* also when that has ended */
    move("run", "second");
    move("elsewhere", "run");
    assert_ok(save(moved, 3));                                                  /* it was moved back */
    run_directory_close(moved);
}

static void an_empty_directory_in_its_place_is_not_filled(void **state)
{
    (void)state;
    struct run_directory *run = run_new("run", "first\n");
    assert_ok(save(run, 1));
    move("run", "elsewhere");
    assert_refused(run, "not the run's directory any more: neither lock nor run.ini is in it");
    assert_int_equal(mkdir(in_scratch("run"), 0777), 0);
    assert_refused(run, "not the run's directory any more: neither lock nor run.ini is in it");
    assert_int_equal(rmdir(in_scratch("run")), 0);                              /* nothing was put into it */
    run_directory_close(run);
}

static void a_removed_lock_is_taken_again(void **state)
{
    (void)state;
    struct run_directory *run = run_new("run", "first\n"), *other;
    assert_int_equal(unlink(in_scratch("run/lock")), 0);
    assert_ok(save(run, 1));
    assert_int_equal(run_directory_open(in_scratch("run"), &other), WEFT_ERESOURCE);
    assert_int_equal(unlink(in_scratch("run/lock")), 0);
    assert_ok(run_directory_open(in_scratch("run"), &other));                   /* this time somebody else is faster */
    assert_refused(run, "another process has the directory now");
    assert_ok(save(other, 2));
    run_directory_close(run);
    run_directory_close(other);
}

/* A disk that was full for a moment. */
static void a_sign_that_was_cut_short_is_written_again(void **state)
{
    (void)state;
    struct run_directory *run = run_new("run", "first\n"), *other;
    put_file(in_scratch("run/lock"), "process 1, 17", 13);
    assert_ok(save(run, 1));
    assert_int_equal(run_directory_open(in_scratch("run"), &other), WEFT_ERESOURCE);
    assert_ok(save(run, 2));
    run_directory_close(run);
}

/* Two threads write: that of the run and that which saves. */
static void *append_many(void *run)
{
    for (int i = 0; i < 200; i++)
        if (run_directory_append(run, "timing.csv", "x\n") != WEFT_OK)
            return run;
    return NULL;
}

static void two_threads_take_it_again(void **state)
{
    (void)state;
    struct run_directory *run = run_new("run", "first\n");
    pthread_t thread;
    void *failed;
    assert_int_equal(pthread_create(&thread, NULL, append_many, run), 0);
    for (int i = 0; i < 100; i++) {
        unlink(in_scratch("run/lock"));
        assert_ok(run_directory_append(run, "history.csv", "x\n"));
    }
    assert_int_equal(pthread_join(thread, &failed), 0);
    if (failed != NULL)
        fail_msg("%s", weft_last_error());
    run_directory_close(run);
}

/* Each call of the check in turn. */
static int calls, call_wanted;

static int fail_one(const char *call)
{
    (void)call;
    return ++calls == call_wanted ? EIO : 0;
}

static void a_lock_that_cannot_be_read_stops_the_save(void **state)
{
    (void)state;
    struct run_lock lock;
    int failed = 0;
    assert_int_equal(mkdir(in_scratch("run"), 0777), 0);
    assert_ok(run_lock_take(in_scratch("run"), &lock));
    put_file(in_scratch("run/run.ini"), "", 0);
    for (int removed = 0; removed < 2; removed++)
        for (call_wanted = 1;; call_wanted++) {
            if (removed)
                unlink(in_scratch("run/lock"));
            calls = 0;
            file_set_fault(fail_one);
            weft_status st = run_lock_check(&lock);
            file_set_fault(NULL);
            if (call_wanted > calls)
                break;
            failed += st != WEFT_OK;
            assert_true(st == WEFT_OK || st == WEFT_EIO);
            assert_true(st == WEFT_OK || strstr(weft_last_error(), "Input/output error") != NULL);
            assert_ok(run_lock_check(&lock));                                   /* the next time it goes well */
        }
    assert_true(failed > 5);
    run_lock_release(&lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, scratch_clear)
        TEST(a_run_that_took_its_place_is_left_alone), TEST(an_empty_directory_in_its_place_is_not_filled),
        TEST(a_removed_lock_is_taken_again), TEST(a_sign_that_was_cut_short_is_written_again),
        TEST(two_threads_take_it_again), TEST(a_lock_that_cannot_be_read_stops_the_save),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
