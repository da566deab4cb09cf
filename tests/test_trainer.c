/* Setting a run up: what is refused, and two runs in one process. */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_directory_with_a_run_is_refused),
        TEST(contradictory_settings_are_refused),
        TEST(two_runs_at_once_do_not_meet),
    };
    return cmocka_run_group_tests_name("trainer", tests, run_scratch_make, scratch_remove);
}
