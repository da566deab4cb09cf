/* The background writer: jobs done in order, failures told to whoever asks. */
#include "store_samples.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/fault.h"
#include "store/checkpoint.h"
#include "store/writer.h"

static struct run_directory *run;
static struct writer *writer;

static void start(void)
{
    assert_ok(run_directory_create(in_scratch("run"), &run));
    assert_ok(writer_create(run, 2, &writer));
}

static void stop(void)
{
    writer_destroy(writer);
    run_directory_close(run);
}

static void submit(int64_t step, int64_t best_step, struct snapshot *best)
{
    assert_ok(writer_submit(writer, step, sample_new_small(step), best_step, best));
}

static void assert_saved(int64_t wanted)
{
    int64_t saved;
    assert_ok(writer_poll(writer, &saved));
    assert_int_equal(saved, wanted);
}

static atomic_bool held;                /* the writer waits at its next write until this is false */
static atomic_int writes_failing;       /* so many writes from now on fail */

static int hold_write(const char *call)
{
    while (strcmp(call, "write") == 0 && atomic_load(&held))
        usleep(1000);
    return 0;
}

static int fail_writes(const char *call)
{
    return strcmp(call, "write") == 0 && atomic_fetch_sub(&writes_failing, 1) > 0 ? ENOSPC : 0;
}

static void jobs_are_done_in_order(void **state)
{
    (void)state;
    start();
    assert_true(writer_is_idle(writer));
    assert_ok(writer_wait(writer));
    assert_saved(-1);
    for (int64_t step = 0; step < 10; step++)
        submit(step, -1, NULL);
    assert_ok(writer_wait(writer));
    assert_true(writer_is_idle(writer));
    assert_saved(9);
    assert_ok(checkpoint_verify(in_scratch("run/step-9.h5")));
    assert_ok(checkpoint_verify(in_scratch("run/last.h5")));
    assert_true(exists(in_scratch("run/step-8.h5")));
    assert_false(exists(in_scratch("run/step-7.h5")));
    stop();
    writer_destroy(NULL);
}

static void the_caller_does_not_wait_for_the_disk(void **state)
{
    (void)state;
    start();
    atomic_store(&held, true);
    file_set_fault(hold_write);
    submit(1, -1, NULL);
    assert_false(writer_is_idle(writer));
    assert_saved(-1);
    atomic_store(&held, false);
    assert_ok(writer_wait(writer));
    assert_saved(1);
    file_set_fault(NULL);
    stop();
}

static void destroy_finishes_the_job(void **state)
{
    (void)state;
    start();
    submit(4, -1, NULL);
    stop();
    assert_ok(checkpoint_verify(in_scratch("run/step-4.h5")));
}

static void lines_do_not_wait_for_the_disk(void **state)
{
    (void)state;
    start();
    atomic_store(&held, true);
    file_set_fault(hold_write);
    assert_ok(writer_append(writer, "log", "1\n"));
    assert_ok(writer_append(writer, "other", "2\n"));
    submit(5, -1, NULL);
    assert_ok(writer_append(writer, "log", "3\n"));
    assert_false(exists(in_scratch("run/step-5.h5")));
    atomic_store(&held, false);
    assert_ok(writer_wait(writer));
    assert_holds(in_scratch("run/log"), "1\n3\n");
    assert_holds(in_scratch("run/other"), "2\n");
    assert_saved(5);
    file_set_fault(NULL);
    memory_fail_from(1);
    assert_int_equal(writer_append(writer, "log", "none\n"), WEFT_ENOMEM);
    memory_fail_from(0);
    assert_ok(writer_append(writer, "log", "4\n"));      /* destroy writes it */
    stop();
    assert_holds(in_scratch("run/log"), "1\n3\n4\n");
}

static void a_line_that_failed_is_told_unless_a_save_failed_too(void **state)
{
    (void)state;
    int64_t saved;
    start();
    file_set_fault(fail_writes);
    atomic_store(&writes_failing, 1);
    assert_ok(writer_append(writer, "log", "1\n"));
    assert_ok(writer_wait(writer));                     /* which is about saves */
    assert_int_equal(writer_poll(writer, &saved), WEFT_EIO);
    assert_non_null(strstr(weft_last_error(), "run/log: No space left"));
    assert_null(strstr(weft_last_error(), "save"));
    assert_ok(writer_poll(writer, &saved));
    atomic_store(&writes_failing, 2);
    submit(1, -1, NULL);
    assert_int_equal(writer_wait(writer), WEFT_EIO);
    assert_ok(writer_append(writer, "log", "2\n"));
    assert_int_equal(writer_wait(writer), WEFT_EIO);
    assert_int_equal(writer_poll(writer, &saved), WEFT_EIO);
    assert_non_null(strstr(weft_last_error(), "a save failed: save checkpoint"));
    assert_non_null(strstr(weft_last_error(), "step-1.h5"));
    file_set_fault(NULL);
    stop();
}

static void the_best_is_on_disk_first(void **state)
{
    (void)state;
    start();
    submit(7, 5, sample_new_small(5));
    assert_ok(writer_wait(writer));
    assert_ok(checkpoint_verify(in_scratch("run/step-5.h5")));
    assert_ok(checkpoint_verify(in_scratch("run/best.h5")));
    stop();
}

static void a_failure_is_told_once_by_poll_and_always_by_wait(void **state)
{
    (void)state;
    int64_t saved;
    start();
    submit(1, -1, NULL);
    assert_ok(writer_wait(writer));
    file_set_fault(fail_writes);
    atomic_store(&writes_failing, 1);
    submit(2, -1, NULL);
    assert_int_equal(writer_wait(writer), WEFT_EIO);
    error_set(WEFT_EINVAL, "something else");
    assert_int_equal(writer_wait(writer), WEFT_EIO);
    assert_non_null(strstr(weft_last_error(), "No space left"));
    error_set(WEFT_EINVAL, "something else");
    assert_int_equal(writer_poll(writer, &saved), WEFT_EIO);
    assert_int_equal(saved, 1);
    assert_non_null(strstr(weft_last_error(), "step-2.h5"));
    assert_saved(1);
    submit(3, -1, NULL);
    assert_ok(writer_wait(writer));
    assert_saved(3);
    file_set_fault(NULL);
    stop();
}

static void a_failure_is_told_even_if_the_next_job_succeeds(void **state)
{
    (void)state;
    int64_t saved;
    start();
    file_set_fault(fail_writes);
    atomic_store(&writes_failing, 1);
    submit(1, -1, NULL);
    submit(2, -1, NULL);
    assert_ok(writer_wait(writer));
    assert_int_equal(writer_poll(writer, &saved), WEFT_EIO);
    assert_int_equal(saved, 2);
    file_set_fault(NULL);
    stop();
}

static void a_best_that_failed_is_saved_with_the_next(void **state)
{
    (void)state;
    int64_t saved;
    start();
    file_set_fault(fail_writes);
    atomic_store(&writes_failing, 2);
    submit(7, 5, sample_new_small(5));
    assert_int_equal(writer_wait(writer), WEFT_EIO);
    assert_non_null(strstr(weft_last_error(), "best model, of step 5"));
    assert_false(exists(in_scratch("run/step-7.h5")));
    submit(8, 6, sample_new_small(6));                  /* a newer best takes its place, and fails as well */
    assert_int_equal(writer_wait(writer), WEFT_EIO);
    submit(9, 6, NULL);
    assert_ok(writer_wait(writer));
    assert_int_equal(writer_poll(writer, &saved), WEFT_EIO);
    assert_int_equal(saved, 9);
    assert_false(exists(in_scratch("run/step-5.h5")));
    assert_ok(checkpoint_verify(in_scratch("run/step-6.h5")));
    assert_ok(checkpoint_verify(in_scratch("run/best.h5")));
    atomic_store(&writes_failing, 1);
    submit(10, 10, sample_new_small(10));               /* and one that is never saved is freed in the end */
    stop();
    file_set_fault(NULL);
}

static void a_checkpoint_that_is_the_best_is_not_lost(void **state)
{
    (void)state;
    int64_t saved;
    start();
    file_set_fault(fail_writes);
    atomic_store(&writes_failing, 1);
    submit(5, 5, NULL);
    assert_int_equal(writer_wait(writer), WEFT_EIO);
    assert_false(exists(in_scratch("run/step-5.h5")));
    submit(6, 5, NULL);
    assert_ok(writer_wait(writer));
    assert_int_equal(writer_poll(writer, &saved), WEFT_EIO);
    assert_int_equal(saved, 6);
    assert_ok(checkpoint_verify(in_scratch("run/step-5.h5")));
    assert_ok(checkpoint_verify(in_scratch("run/best.h5")));
    atomic_store(&writes_failing, 2);
    submit(7, 7, NULL);
    submit(8, 8, NULL);                                 /* the best no longer: it is not tried again */
    assert_int_equal(writer_wait(writer), WEFT_EIO);
    submit(9, 9, NULL);
    assert_ok(writer_wait(writer));
    assert_false(exists(in_scratch("run/step-7.h5")));
    assert_false(exists(in_scratch("run/step-8.h5")));
    assert_ok(checkpoint_verify(in_scratch("run/best.h5")));
    atomic_store(&writes_failing, 1);
    submit(10, 10, NULL);                               /* freed in the end */
    stop();
    file_set_fault(NULL);
}

static volatile sig_atomic_t taken_by_other;
static pthread_t own_thread;

static void on_signal(int number)
{
    (void)number;
    taken_by_other |= !pthread_equal(pthread_self(), own_thread);
}

static void signals_go_to_the_caller(void **state)
{
    (void)state;
    own_thread = pthread_self();
    signal(SIGUSR1, on_signal);
    start();
    sigset_t usr1;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &usr1, NULL);            /* the writer would have to take it */
    for (int64_t step = 0; step < 5; step++) {
        submit(step, -1, NULL);
        kill(getpid(), SIGUSR1);
        usleep(2000);
    }
    assert_ok(writer_wait(writer));
    pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
    assert_false(taken_by_other);
    stop();
    signal(SIGUSR1, SIG_DFL);
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    int64_t saved;
    start();
    memory_fail_from(1);
    struct writer *other;
    assert_int_equal(writer_create(run, 1, &other), WEFT_ENOMEM);
    memory_fail_from(0);
    size_t n = 0;
    for (weft_status st = WEFT_ENOMEM; st != WEFT_OK;) {
        struct snapshot *s = sample_new_small(1), *best = sample_new_small(0);
        memory_fail_from(++n);
        assert_ok(writer_submit(writer, 1, s, 0, best));
        st = writer_wait(writer);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || st == WEFT_ENOMEM);
        assert_int_equal(writer_poll(writer, &saved), st);
    }
    assert_in_range(n, 5, 100);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, scratch_clear)
        TEST(jobs_are_done_in_order),
        TEST(the_caller_does_not_wait_for_the_disk),
        TEST(destroy_finishes_the_job),
        TEST(lines_do_not_wait_for_the_disk),
        TEST(a_line_that_failed_is_told_unless_a_save_failed_too),
        TEST(the_best_is_on_disk_first),
        TEST(a_failure_is_told_once_by_poll_and_always_by_wait),
        TEST(a_failure_is_told_even_if_the_next_job_succeeds),
        TEST(a_best_that_failed_is_saved_with_the_next),
        TEST(a_checkpoint_that_is_the_best_is_not_lost),
        TEST(signals_go_to_the_caller),
        TEST(every_failed_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
