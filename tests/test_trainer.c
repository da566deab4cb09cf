/* Setting a run up: what is refused, two runs in one process, and memory that is short at any moment of a run's life. */
#include "run_samples.h"

#include <pthread.h>

static void a_directory_with_a_run_is_refused(void **state)
{
    (void)state;
    struct watch watch = {0};
    train_undisturbed("run", "train.steps=1");
    assert_int_equal(create("run", "", &watch), WEFT_ECREATE);
    assert_int_equal(reopen("nothing", (weft_resume_options){0}, &watch), WEFT_ENOINPUT);
    assert_ok(create("locked", "", &watch));
    struct watch second = {0};
    assert_int_equal(reopen("locked", (weft_resume_options){0}, &second), WEFT_ERESOURCE);
    destroy(&watch);
    assert_ok(resume("locked", 1, &second));
}

static void contradictory_settings_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "train.epochs=0", "train.batch_size=271", "network.activation=relu,tanh",
        "train.early_stop=validation_loss; data.validation_fraction=0",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct watch watch = {0};
        assert_int_equal(create("run", bad[i], &watch), WEFT_ESETTINGS);
        assert_false(exists(in_scratch("run")));
    }
}

/* ---- two at once ---- */

struct one_of_two {
    const char *name;
    struct watch watch;
};

static void *train_one(void *context)
{
    struct one_of_two *one = context;
    weft_status st = weft_trainer_run(one->watch.trainer);
    return st == WEFT_OK ? NULL : one;
}

static void two_runs_at_once_do_not_meet(void **state)
{
    (void)state;
    static struct one_of_two pair[2] = {{.name = "one"}, {.name = "two"}};
    pthread_t thread[2];
    train_undisturbed("whole", "");
    for (size_t i = 0; i < 2; i++)
        assert_ok(create(pair[i].name, "checkpoint.every=1 steps", &pair[i].watch));
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, train_one, &pair[i]), 0);
    for (size_t i = 0; i < 2; i++) {
        void *failed;
        assert_int_equal(pthread_join(thread[i], &failed), 0);
        assert_null(failed);
    }
    for (size_t i = 0; i < 2; i++) {
        destroy(&pair[i].watch);
        assert_same_run("whole", pair[i].name);
    }
}

/* ---- memory ---- */

static const char SMALL[] = "data.source=digits:?train=40&test=10; network.hidden=1; network.dropout=0; "
                            "optimizer.name=momentum; train.batch_size=20; train.steps=1; train.evaluate=validation; run.threads=1; ";

static bool failed_for_memory(weft_status st)
{
    if (st != WEFT_OK && (st != WEFT_ENOMEM || weft_last_error()[0] == '\0'))
        fail_msg("%s: %s", weft_strerror(st), weft_last_error());
    return st != WEFT_OK;
}

/* Every allocation of the library fails once, and all after it; from the n-th on, 1, 2, 3 ... */
static void memory_may_be_short_in_a_run(void **state)
{
    (void)state;
    weft_settings *settings = settings_with(SMALL);
    weft_status st = WEFT_ENOMEM;
    size_t n = 1;
    for (; st != WEFT_OK; n++) {
        weft_trainer *trainer;
        bool has_run;
        const weft_trainer_options options = {.out = in_scratch("run")};
        memory_fail_from(n);
        st = weft_trainer_create(settings, &options, &trainer);
        assert_true((st == WEFT_OK) == (trainer != NULL));
        if (st == WEFT_OK)
            st = weft_trainer_run(trainer);
        weft_trainer_destroy(trainer);
        memory_fail_from(0);
        failed_for_memory(st);
        verify_all("run", &has_run);
        assert_int_equal(scratch_clear(NULL), 0);
    }
    print_message("%zu allocations in a run\n", n - 2);
    weft_settings_destroy(settings);
}

static void memory_may_be_short_when_resuming(void **state)
{
    (void)state;
    struct watch watch = {.hook = stop_at, .stop_kind = WEFT_EVENT_EVALUATED};
    size_t n = 1;
    bool has_run;
    assert_int_equal(train("run", SMALL, &watch), WEFT_ESTOPPED);
    for (weft_status st = WEFT_ENOMEM; st != WEFT_OK; n++) {
        weft_trainer *trainer;
        memory_fail_from(n);
        st = weft_trainer_resume(in_scratch("run"), NULL, &trainer);
        weft_trainer_destroy(trainer);
        memory_fail_from(0);
        failed_for_memory(st);
        verify_all("run", &has_run);
    }
    print_message("%zu allocations to resume\n", n - 2);
    watch.hook = NULL;
    assert_ok(resume("run", 2, &watch));
}

static void memory_may_be_short_for_a_model(void **state)
{
    (void)state;
    train_undisturbed("run", SMALL);
    size_t n = 1;
    for (weft_status st = WEFT_ENOMEM; st != WEFT_OK; n++) {
        weft_evaluation e;
        memory_fail_from(n);
        st = weft_evaluate(in_scratch("run"), &(weft_evaluate_options){.threads = 2}, &e, NULL);
        memory_fail_from(0);
        failed_for_memory(st);
        assert_true((e.confusion != NULL) == (st == WEFT_OK));
        weft_evaluation_clear(&e);
    }
    for (weft_status st = WEFT_ENOMEM; st != WEFT_OK; n++) {
        weft_checkpoint_info info;
        memory_fail_from(n);
        st = weft_checkpoint_inspect(in_scratch("run"), 0, &info);
        memory_fail_from(0);
        failed_for_memory(st);
        assert_true((info.tensor != NULL) == (st == WEFT_OK));
        weft_checkpoint_info_clear(&info);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_directory_with_a_run_is_refused),
        TEST(contradictory_settings_are_refused),
        TEST(two_runs_at_once_do_not_meet),
        TEST(memory_may_be_short_in_a_run),
        TEST(memory_may_be_short_when_resuming),
        TEST(memory_may_be_short_for_a_model),
    };
    return cmocka_run_group_tests_name("trainer", tests, run_scratch_make, scratch_remove);
}
