/* The second promise of the contract: however often a run is stopped, and wherever, its files end up byte for byte those of
 * a run that never was. And what cannot be gone on from is refused. */
#include "run_samples.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

#include "kernel/kernel.h"
#include "store/checkpoint.h"

/* ---- stopping and going on ---- */

/* Stopped at each event of a kind, again and again, and resumed with another number of threads each time. */
static void stop_again_and_again(const char *more, weft_event_kind kind, size_t stops_wanted)
{
    size_t stops = 0;
    struct watch watch = {.hook = stop_at, .stop_kind = kind};
    weft_status st = train("cut", more, &watch);
    while (st == WEFT_ESTOPPED && !watch.is_finished) {
        assert_non_null(strstr(weft_last_error(), "stopped on request"));
        weft_checkpoint_info last = info_of("cut", "last.h5");
        assert_int_equal(last.step, watch.summary.steps);
        assert_string_equal(last.weights_digest, watch.summary.weights_digest);
        assert_string_equal(last.stop_reason, "");
        weft_checkpoint_info_clear(&last);
        lines_of_history("cut");
        watch.count = 0;
        st = resume("cut", 1 + ++stops % 3, &watch);
    }
    assert_true(stops >= stops_wanted);
    watch.hook = NULL;
    assert_ok(resume("cut", 2, &watch));
    assert_same_run("whole", "cut");
}

/* PROGRESS comes after the first step of each call: so it is stopped after every step, before the evaluation that is due. */
static void stops_after_every_step_leave_no_trace(void **state)
{
    (void)state;
    train_undisturbed("whole", "");
    stop_again_and_again("", WEFT_EVENT_PROGRESS, STEPS - 1);
}

static void stops_at_every_evaluation_leave_no_trace(void **state)
{
    (void)state;
    train_undisturbed("whole", "");
    stop_again_and_again("", WEFT_EVENT_EVALUATED, 4);
}

/* Nothing is so much better than the first evaluation: the run ends after step 5, however often its patience was cut off. */
static void patience_is_not_renewed(void **state)
{
    (void)state;
    static const char early[] = "train.evaluate_every=1 steps; train.early_stop=validation_loss; train.patience=4 steps; "
                                "train.min_delta=1000";
    struct watch watch = {0};
    assert_ok(train("whole", early, &watch));
    assert_int_equal(watch.summary.steps, 5);
    stop_again_and_again(early, WEFT_EVENT_PROGRESS, 4);
}

/* The kernels in use, but the n-th time that some rows are evaluated asks for a stop. */
static const struct kernel *real_kernel;
static struct kernel asking_kernel;
static atomic_size_t passes_left;
static weft_trainer *trainer_to_stop;

static void asking_softmax_loss(size_t B, size_t C, const int32_t *label, const float *logits, size_t panel_stride,
                                float *room, double *loss, int32_t *best)
{
    if (atomic_fetch_sub(&passes_left, 1) == 1)
        weft_trainer_request_stop(trainer_to_stop);
    real_kernel->softmax_loss(B, C, label, logits, panel_stride, room, loss, best);
}

static void ask_in_evaluations(bool ask)
{
    assert_int_equal(kernel_choose(), WEFT_OK);
    if (ask) {
        real_kernel = kernel;
        asking_kernel = *kernel;
        asking_kernel.softmax_loss = asking_softmax_loss;
    }
    kernel = ask ? &asking_kernel : real_kernel;
}

/* An evaluation has 270 training rows, which go through 120 at a time, 30 validation rows and 60 test rows: five passes.
 * Stopped among them in each call. */
static void stops_inside_evaluations_leave_no_trace(void **state)
{
    (void)state;
    static const size_t pass[] = {1, 2, 3, 4, 5, 6, 9, 10, 11};
    train_undisturbed("whole", "");
    for (size_t i = 0; i < COUNT(pass); i++) {
        struct watch watch = {0};
        size_t calls = 0;
        weft_status st = create("cut", "", &watch);
        assert_int_equal(st, WEFT_OK);
        ask_in_evaluations(true);
        for (;; calls++) {
            atomic_store(&passes_left, pass[i]);
            trainer_to_stop = watch.trainer;
            st = run(&watch);
            destroy(&watch);
            lines_of_history("cut");
            assert_true(st == WEFT_OK || st == WEFT_ESTOPPED);
            if (watch.is_finished)
                break;
            assert_ok(reopen("cut", (weft_resume_options){.has_threads = 1, .threads = 1 + calls % 3}, &watch));
        }
        ask_in_evaluations(false);
        assert_true(calls > 1);
        if (st == WEFT_ESTOPPED)                                /* among the figures for the summary: the run is on disk */
            assert_ok(resume("cut", 2, &watch));
        assert_same_run("whole", "cut");
        assert_int_equal(nftw(in_scratch("cut"), scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    }
}

static atomic_bool run_is_over;

static void *nag(void *trainer)
{
    for (unsigned i = 0; !atomic_load(&run_is_over); i++) {
        weft_trainer_request_save(trainer);
        sleep_ms(1);
        if (i >= 2)
            weft_trainer_request_stop(trainer);
    }
    return NULL;
}

/* Saves and stops asked for by another thread at whatever moment. */
static void requests_from_another_thread_leave_no_trace(void **state)
{
    (void)state;
    train_undisturbed("whole", "");
    struct watch watch = {0};
    assert_ok(create("cut", "checkpoint.every=2 steps", &watch));
    for (;;) {
        pthread_t thread;
        atomic_store(&run_is_over, false);
        assert_int_equal(pthread_create(&thread, NULL, nag, watch.trainer), 0);
        weft_status st = run(&watch);
        atomic_store(&run_is_over, true);
        assert_int_equal(pthread_join(thread, NULL), 0);
        destroy(&watch);
        assert_true(st == WEFT_OK || st == WEFT_ESTOPPED);
        if (watch.is_finished)
            break;
        assert_ok(reopen("cut", (weft_resume_options){0}, &watch));
    }
    assert_ok(resume("cut", 2, &watch));
    assert_same_run("whole", "cut");
}

static void a_stop_before_the_first_step_is_saved(void **state)
{
    (void)state;
    struct watch watch = {0};
    train_undisturbed("whole", "");
    assert_ok(create("cut", "", &watch));
    weft_trainer_request_stop(watch.trainer);
    assert_int_equal(run(&watch), WEFT_ESTOPPED);
    assert_int_equal(watch.summary.steps, 0);
    destroy(&watch);
    assert_ok(resume("cut", 3, &watch));
    assert_same_run("whole", "cut");
}

/* ---- resuming ---- */

static void a_finished_run_is_only_evaluated(void **state)
{
    (void)state;
    struct watch watch = {0}, again = {0};
    train_undisturbed("whole", "");
    assert_ok(train("run", "", &watch));
    assert_ok(reopen("run", (weft_resume_options){0}, &again));
    assert_true(weft_trainer_is_finished(again.trainer));
    assert_ok(run(&again));
    assert_non_null(weft_trainer_evaluation(again.trainer, "test"));
    assert_true(again.summary.training_time_s == 0);
    assert_string_equal(again.summary.weights_digest, watch.summary.weights_digest);
    destroy(&again);
    assert_same_run("whole", "run");
}

static void more_epochs_go_on_as_if_planned(void **state)
{
    (void)state;
    static const char every[] = "train.evaluate_every=1 epochs; train.evaluate=train,validation; ";
    struct watch watch = {0};
    char more[256];
    snprintf(more, sizeof more, "%strain.epochs=4", every);
    assert_ok(train("long", more, &watch));
    char digest[33];
    memcpy(digest, watch.summary.weights_digest, sizeof digest);
    train_undisturbed("short", every);
    assert_ok(reopen("short", (weft_resume_options){.epochs = 4}, &watch));
    assert_false(weft_trainer_is_finished(watch.trainer));
    assert_ok(run(&watch));
    destroy(&watch);
    assert_string_equal(watch.summary.weights_digest, digest);
    assert_int_equal(watch.summary.steps, 28);
    assert_int_equal(reopen("short", (weft_resume_options){.epochs = 3}, &watch), WEFT_ESETTINGS);
    assert_non_null(strstr(weft_last_error(), "the run has done 4 already"));
    assert_ok(reopen("short", (weft_resume_options){.epochs = 4}, &watch));
    assert_true(weft_trainer_is_finished(watch.trainer));
    destroy(&watch);
    train_undisturbed("cosine", "schedule.name=cosine");
    assert_int_equal(reopen("cosine", (weft_resume_options){.epochs = 4}, &watch), WEFT_ESETTINGS);
    assert_non_null(strstr(weft_last_error(), "cosine"));
}

/* The end of the shorter run is between two evaluations, so that the longer one would not look there: a plateau does not, and where
 * early stopping has, the run cannot be made longer. */
static void an_end_between_evaluations_is_not_looked_at(void **state)
{
    (void)state;
    static const char plateau[] = "train.evaluate_every=4 steps; schedule.name=plateau; schedule.patience=1 steps; schedule.factor=0.5; "
                                  "schedule.metric=validation_loss; optimizer.learning_rate=0.3; train.early_stop=none; ";
    struct watch watch = {0};
    char more[512];
    snprintf(more, sizeof more, "%strain.epochs=6", plateau);
    assert_ok(train("long", more, &watch));
    char digest[33];
    memcpy(digest, watch.summary.weights_digest, sizeof digest);
    for (unsigned epochs = 1; epochs < 6; epochs++) {
        char name[16];
        snprintf(name, sizeof name, "short-%u", epochs);
        snprintf(more, sizeof more, "%strain.epochs=%u", plateau, epochs);
        assert_ok(train(name, more, &watch));
        assert_ok(reopen(name, (weft_resume_options){.epochs = 6}, &watch));
        assert_ok(run(&watch));
        destroy(&watch);
        assert_string_equal(watch.summary.weights_digest, digest);
    }
    train_undisturbed("early", "train.evaluate_every=4 steps; train.epochs=1; train.early_stop=train_loss; train.patience=100 steps");
    assert_int_equal(reopen("early", (weft_resume_options){.epochs = 2}, &watch), WEFT_ESETTINGS);
    assert_non_null(strstr(weft_last_error(), "between two evaluations"));
    train_undisturbed("even", "train.evaluate_every=7 steps; train.epochs=1; train.early_stop=train_loss; train.patience=100 steps");
    assert_ok(reopen("even", (weft_resume_options){.epochs = 2}, &watch));
    destroy(&watch);
}

static void other_data_are_refused(void **state)
{
    (void)state;
    struct watch watch = {.hook = stop_at, .stop_kind = WEFT_EVENT_EVALUATED};
    assert_int_equal(train("run", "", &watch), WEFT_ESTOPPED);
    assert_ok(checkpoint_verify(in_scratch("run/last.h5")));
    static const char *const other[] = {"digits:?train=300&test=60&seed=2", "digits:?train=301&test=60",
                                        "digits:?train=300&test=61"};
    for (size_t i = 0; i < COUNT(other); i++) {
        assert_int_equal(reopen("run", (weft_resume_options){.data = other[i]}, &watch), WEFT_EDATA);
        assert_non_null(strstr(weft_last_error(), "digest"));
    }
    assert_int_equal(reopen("run", (weft_resume_options){.data = "idx:/nowhere"}, &watch), WEFT_ENOINPUT);
    watch.hook = NULL;
    assert_ok(resume("run", 1, &watch));                        /* run.ini still has the right ones */
}

/* Sealed again with another setting, the checkpoint does not pass for that run's. */
static void changed_settings_are_refused(void **state)
{
    (void)state;
    struct watch watch = {.hook = stop_at, .stop_kind = WEFT_EVENT_EVALUATED};
    assert_int_equal(train("run", "", &watch), WEFT_ESTOPPED);
    static const struct { const char *name; int64_t integer; double real; weft_status st; } change[] = {
        {"train.batch_size", 41, 0, WEFT_ESETTINGS}, {"train.seed", 2, 0, WEFT_ESETTINGS},
        {"optimizer.learning_rate", 0, 0.002, WEFT_ESETTINGS}, {"optimizer.learning_rate", 0, -1, WEFT_ESETTINGS},
    };
    for (size_t i = 0; i < COUNT(change); i++) {
        struct snapshot *snapshot;
        assert_ok(checkpoint_load(in_scratch("run/last.h5"), false, &snapshot));
        struct attribute *setting = attribute_of(snapshot, "/settings", change[i].name), whole = *setting;
        setting->integer = change[i].integer;
        setting->real = change[i].real;
        assert_ok(checkpoint_save(in_scratch("run/step-3.h5"), snapshot));
        assert_int_equal(reopen("run", (weft_resume_options){0}, &watch), change[i].st);
        *setting = whole;
        assert_ok(checkpoint_save(in_scratch("run/step-3.h5"), snapshot));
        snapshot_destroy(snapshot);
    }
    watch.hook = NULL;
    assert_ok(resume("run", 1, &watch));
}

/* The name of a setting that the file is to be without: the reader looks for it in vain. */
static char *hide_setting(struct snapshot *snapshot, const char *name)
{
    char *first = attribute_of(snapshot, "/settings", name)->name;
    *first = '?';
    return first;
}

/* A file from before there was a setting: the run had its default, and goes on with it, to the same end. */
static void missing_settings_have_their_defaults(void **state)
{
    (void)state;
    static const char *const newer[] = {"data.stratified", "data.missing", "optimizer.rho", "optimizer.lr_scale", "schedule.factor",
                                        "schedule.every", "schedule.metric", "train.label_smoothing", "train.class_weights"};
    train_undisturbed("whole", "");
    struct watch watch = {.hook = stop_at, .stop_kind = WEFT_EVENT_EVALUATED};
    assert_int_equal(train("run", "", &watch), WEFT_ESTOPPED);
    struct snapshot *snapshot;
    assert_ok(checkpoint_load(in_scratch("run/last.h5"), false, &snapshot));
    char *hidden[COUNT(newer)];
    for (size_t i = 0; i < COUNT(newer); i++)
        hidden[i] = hide_setting(snapshot, newer[i]);
    assert_ok(checkpoint_save(in_scratch("run/step-3.h5"), snapshot));
    for (size_t i = 0; i < COUNT(newer); i++)
        *hidden[i] = newer[i][0];
    watch.hook = NULL;
    assert_ok(resume("run", 2, &watch));
    assert_same_run("whole", "run");
    snapshot_destroy(snapshot);
}

/* But one that was not at its default is missed: the digest of the settings does not fit. */
static void a_lost_setting_is_noticed(void **state)
{
    (void)state;
    static const char *const set[] = {
        "train.batch_size", "network.dropout", "train.label_smoothing", "schedule.every",
    };
    struct watch watch = {.hook = stop_at, .stop_kind = WEFT_EVENT_EVALUATED};
    assert_int_equal(train("run", "train.label_smoothing=0.1; schedule.every=3 epochs", &watch), WEFT_ESTOPPED);
    struct snapshot *snapshot;
    assert_ok(checkpoint_load(in_scratch("run/last.h5"), false, &snapshot));
    for (size_t i = 0; i < COUNT(set); i++) {
        char *first = hide_setting(snapshot, set[i]);
        assert_ok(checkpoint_save(in_scratch("run/step-3.h5"), snapshot));
        *first = set[i][0];
        assert_int_equal(reopen("run", (weft_resume_options){0}, &watch), WEFT_ESETTINGS);
        assert_non_null(strstr(weft_last_error(), "digest"));
    }
    assert_ok(checkpoint_save(in_scratch("run/step-3.h5"), snapshot));
    watch.hook = NULL;
    assert_ok(resume("run", 2, &watch));
    snapshot_destroy(snapshot);
}

/* Position, history and statistics that do not fit each other are refused, before memory is asked for what they claim. */
static void damaged_states_are_refused(void **state)
{
    (void)state;
    struct watch watch = {.hook = stop_at, .stop_kind = WEFT_EVENT_EVALUATED};
    assert_int_equal(train("run", "", &watch), WEFT_ESTOPPED);
    static const struct { const char *name; int64_t value; } bad[] = {
        {"step", -1}, {"step", 2}, {"step", INT64_MAX}, {"epoch_rows", -1}, {"epoch_correct", INT64_MIN},
    };
    struct snapshot *snapshot;
    assert_ok(checkpoint_load(in_scratch("run/last.h5"), false, &snapshot));
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct attribute *attribute = attribute_of(snapshot, "/trainer", bad[i].name), whole = *attribute;
        attribute->integer = bad[i].value;
        assert_ok(checkpoint_save(in_scratch("run/step-3.h5"), snapshot));
        assert_int_equal(reopen("run", (weft_resume_options){0}, &watch), WEFT_EDAMAGED);
        *attribute = whole;
    }
    char *reason = attribute_of(snapshot, "/trainer", "stop_reason")->text;
    attribute_of(snapshot, "/trainer", "stop_reason")->text = (char[]){"boredom"};
    assert_ok(checkpoint_save(in_scratch("run/step-3.h5"), snapshot));
    assert_int_equal(reopen("run", (weft_resume_options){0}, &watch), WEFT_EDAMAGED);
    assert_non_null(strstr(weft_last_error(), "boredom"));
    attribute_of(snapshot, "/trainer", "stop_reason")->text = reason;
    static const char *const array[] = {"/layers/01/weight", "/layers/01/batch_norm/running_mean",
                                        "/optimizer/02/bias/mean"};
    for (size_t i = 0; i < COUNT(array); i++) {
        float *data = snapshot_find_array(snapshot, array[i])->data, whole = data[3];
        data[3] = NAN;
        assert_ok(checkpoint_save(in_scratch("run/step-3.h5"), snapshot));
        assert_int_equal(reopen("run", (weft_resume_options){0}, &watch), WEFT_EDAMAGED);
        assert_non_null(strstr(weft_last_error(), "finite"));
        data[3] = whole;
    }
    snapshot_destroy(snapshot);
}

static void a_damaged_newest_checkpoint_is_passed_over(void **state)
{
    (void)state;
    train_undisturbed("whole", "");
    struct watch watch = {0};
    assert_ok(train("run", "checkpoint.keep=5", &watch));
    assert_int_equal(truncate(in_scratch("run/step-14.h5"), 1000), 0);
    watch.count = 0;
    assert_ok(resume("run", 2, &watch));
    assert_int_equal(watch.told[0].event.kind, WEFT_EVENT_NOTE);
    assert_non_null(strstr(watch.told[0].text, "step-14.h5"));
    assert_true(isfinite(watch.told[0].event.epoch) && isfinite(watch.told[0].event.total_epochs));
    assert_same_run("whole", "run");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(stops_after_every_step_leave_no_trace),
        TEST(stops_at_every_evaluation_leave_no_trace),
        TEST(patience_is_not_renewed),
        TEST(stops_inside_evaluations_leave_no_trace),
        TEST(requests_from_another_thread_leave_no_trace),
        TEST(a_stop_before_the_first_step_is_saved),
        TEST(a_finished_run_is_only_evaluated),
        TEST(more_epochs_go_on_as_if_planned),
        TEST(an_end_between_evaluations_is_not_looked_at),
        TEST(other_data_are_refused),
        TEST(changed_settings_are_refused),
        TEST(missing_settings_have_their_defaults),
        TEST(a_lost_setting_is_noticed),
        TEST(damaged_states_are_refused),
        TEST(a_damaged_newest_checkpoint_is_passed_over),
    };
    return cmocka_run_group_tests_name("restore", tests, run_scratch_make, scratch_remove);
}
