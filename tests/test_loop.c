/* A run from its start to its end: what it tells, what it saves when, what ends it, and what is left when the disk is full
 * or the numbers run away. */
#include "run_samples.h"

#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "base/fault.h"
#include "store/checkpoint.h"
#include "store/writer.h"
#include "train/trainer.h"

/* ---- what is told ---- */

static void events_come_in_order(void **state)
{
    (void)state;
    static const uint64_t evaluated[] = {3, 6, 9, 12, STEPS};
    struct watch watch = {0};
    size_t evaluations = 0, finished = 0, best = 0;
    uint64_t step = 0;
    assert_ok(train("run", "", &watch));
    assert_int_equal(watch.told[0].event.kind, WEFT_EVENT_STARTED);
    assert_non_null(strstr(watch.told[0].text, "784-8-10"));
    assert_int_equal(watch.told[1].event.kind, WEFT_EVENT_SAVED);
    assert_int_equal(watch.told[1].event.saved_step, 0);
    for (size_t i = 0; i < watch.count; i++) {
        const weft_event *e = &watch.told[i].event;
        assert_true(e->step >= step && e->total_steps == STEPS && e->total_epochs == 2 && e->epoch == (double)e->step / 7);
        step = e->step;
        if (e->kind == WEFT_EVENT_EVALUATED) {
            assert_int_equal(e->step, evaluated[evaluations++]);
            assert_true(e->train.is_evaluated && e->validation.is_evaluated && e->test.is_evaluated);
            assert_true(e->train.loss > 0 && e->train.cost == e->train.loss && e->learning_rate == 0.001);
            best = e->is_best ? (size_t)e->step : best;
        }
        finished += e->kind == WEFT_EVENT_FINISHED;
        assert_int_not_equal(e->kind, WEFT_EVENT_NOTE);
    }
    assert_int_equal(evaluations, COUNT(evaluated));
    assert_int_equal(finished, 1);
    const struct told *last = &watch.told[watch.count - 1];
    assert_int_equal(last->event.kind, WEFT_EVENT_FINISHED);
    assert_string_equal(last->text, "epochs");
    assert_int_equal(last[-1].event.kind, WEFT_EVENT_SAVED);
    assert_int_equal(last[-1].event.saved_step, STEPS);
    assert_int_equal(best, watch.summary.best_step);
}

static void the_summary_and_the_figures_agree_with_the_files(void **state)
{
    (void)state;
    static const char *const split[] = {"train", "validation", "test"};
    struct watch watch = {0};
    assert_ok(create("run", "", &watch));
    assert_null(weft_trainer_evaluation(watch.trainer, "train"));
    assert_ok(run(&watch));
    weft_checkpoint_info last = info_of("run", "last.h5");
    assert_int_equal(watch.summary.steps, STEPS);
    assert_true(watch.summary.epochs == 2 && !watch.summary.restored_best && watch.is_finished);
    assert_string_equal(watch.summary.stop_reason, "epochs");
    assert_string_equal(watch.summary.best_metric, "validation_cost");
    assert_string_equal(watch.summary.weights_digest, last.weights_digest);
    assert_int_equal(watch.summary.threads, 2);
    for (size_t s = 0; s < COUNT(split); s++) {
        const weft_evaluate_options options = {.split = split[s]};
        const weft_evaluation *own = weft_trainer_evaluation(watch.trainer, split[s]);
        weft_evaluation from_file;
        weft_model_info model;
        assert_non_null(own);
        assert_ok(weft_evaluate(file_of("run", "last.h5"), &options, &from_file, &model));
        assert_true(own->loss == from_file.loss && own->accuracy == from_file.accuracy && own->cost == from_file.cost);
        assert_memory_equal(own->confusion, from_file.confusion, 100 * sizeof *own->confusion);
        assert_int_equal(model.step, STEPS);
        assert_string_equal(model.weights_digest, last.weights_digest);
        weft_evaluation_clear(&from_file);
    }
    assert_null(weft_trainer_evaluation(watch.trainer, "none"));
    assert_int_equal(lines_of_history("run"), 5);
    weft_checkpoint_info_clear(&last);
    destroy(&watch);
}

/* Each group of /statistics is about the array of that name. */
static void statistics_are_of_their_array(void **state)
{
    (void)state;
    struct watch watch = {0};
    struct snapshot *last;
    assert_ok(train("run", "", &watch));
    assert_ok(checkpoint_load(file_of("run", "last.h5"), false, &last));
    static const char *const name[] = {"01/weight", "01/bias", "01/batch_norm/gamma", "01/batch_norm/beta", "02/weight",
                                       "02/bias"};
    for (size_t i = 0; i < COUNT(name); i++) {
        char path[64];
        struct weight_figures want;
        struct weight_stats stats = {0};
        snprintf(path, sizeof path, "/layers/%s", name[i]);
        const struct array *array = snapshot_find_array(last, path);
        assert_non_null(array);
        assert_ok(weight_figures_of(array->count, array->data, NULL, NULL, &want));
        snprintf(path, sizeof path, "/statistics/%s", name[i]);
        assert_ok(weight_stats_get(&stats, path, last));
        assert_int_equal(stats.count, 5);
        assert_true(stats.row[4].mean_abs == want.mean_abs && stats.row[4].std == want.std);
        assert_memory_equal(stats.row[4].histogram, want.histogram, sizeof want.histogram);
        weight_stats_clear(&stats);
    }
    snapshot_destroy(last);
}

static size_t resident_bytes(const void *array, size_t size_bytes)
{
    static unsigned char in_memory[1 << 16];
    size_t page = (size_t)sysconf(_SC_PAGESIZE), pages = size_bytes / page, resident = 0;
    assert_true(pages <= sizeof in_memory);
    assert_int_equal(mincore((void *)((uintptr_t)array & ~(page - 1)), pages * page, in_memory), 0);
    for (size_t i = 0; i < pages; i++)
        resident += in_memory[i] & 1;
    return resident * page;
}

/* Gradient and old parameters are kept from the last step before an evaluation to its statistics, and at no other time. */
static void look_for_the_observed_step(struct watch *watch, const weft_event *event)
{
    const struct training *t = &watch->trainer->training;
    size_t size_bytes = t->net.parameter_size * sizeof(float);
    assert_true(size_bytes > 4 << 20);
    if (event->kind != WEFT_EVENT_EVALUATED)
        return;
    assert_true(resident_bytes(t->observed_gradient, size_bytes) <= 2 << 20);
    assert_true(resident_bytes(t->observed_parameter, size_bytes) <= 2 << 20);
}

static void what_statistics_need_takes_memory_only_then(void **state)
{
    (void)state;
    struct watch watch = {.hook = look_for_the_observed_step};
    assert_ok(train("run", "network.hidden=1500; train.steps=4; train.evaluate_every=2 steps", &watch));
    weft_checkpoint_info last = info_of("run", "last.h5");
    assert_true(last.tensor[0].gradient_l2_norm > 0 && last.tensor[0].update_ratio > 0);
    weft_checkpoint_info_clear(&last);
}

/* ---- what ends a run ---- */

static void each_limit_ends_the_run(void **state)
{
    (void)state;
    static const struct { const char *settings, *reason; uint64_t steps; } limit[] = {
        {"train.epochs=1", "epochs", 7}, {"train.steps=5", "steps", 5}, {"train.steps=14", "steps", 14},
        {"train.epochs=0; train.steps=20", "steps", 20}, {"train.epochs=1; train.last_batch=drop", "epochs", 6},
        {"train.epochs=0; train.evaluate_every=1 steps; train.early_stop=validation_loss; train.patience=4 steps; "
         "train.min_delta=1000", "early_stop", 5},
    };
    for (size_t i = 0; i < COUNT(limit); i++) {
        char name[16];
        struct watch watch = {0};
        snprintf(name, sizeof name, "run-%zu", i);
        assert_ok(train(name, limit[i].settings, &watch));
        assert_string_equal(watch.summary.stop_reason, limit[i].reason);
        assert_int_equal(watch.summary.steps, limit[i].steps);
        weft_checkpoint_info last = info_of(name, "last.h5");
        assert_string_equal(last.stop_reason, limit[i].reason);
        assert_int_equal(last.step, limit[i].steps);
        weft_checkpoint_info_clear(&last);
    }
}

static void dawdle(struct watch *watch, const weft_event *event)
{
    (void)watch;
    if (event->kind == WEFT_EVENT_EVALUATED)
        sleep_ms(60);
}

/* Time that is up ends the call, not the run: it goes on, and comes to the same bytes. */
static void max_time_only_interrupts(void **state)
{
    (void)state;
    size_t calls = 1;
    train_undisturbed("whole", "");
    struct watch watch = {.hook = dawdle};
    assert_ok(train("cut", "train.max_time=0.05", &watch));
    assert_string_equal(watch.summary.stop_reason, "max_time");
    assert_string_equal(watch.told[watch.count - 1].text, "max_time");
    assert_true(watch.summary.steps < STEPS && !watch.is_finished);
    for (; !watch.is_finished && calls < 1000; calls++) {
        watch.count = 0;
        assert_ok(resume("cut", 1 + calls % 3, &watch));
    }
    assert_string_equal(watch.summary.stop_reason, "epochs");
    assert_in_range(calls, 3, 999);
    assert_same_run("whole", "cut");
}

/* Nothing else ends this run; its checkpoints are models like any other. */
static void max_time_may_be_the_only_limit(void **state)
{
    (void)state;
    struct watch watch = {.hook = dawdle};
    weft_evaluation e;
    assert_ok(train("run", "train.epochs=0; train.max_time=0.05", &watch));
    weft_checkpoint_info last = info_of("run", "last.h5");
    assert_string_equal(last.stop_reason, "");
    assert_ok(weft_evaluate(in_scratch("run"), NULL, &e, NULL));
    weft_evaluation_clear(&e);
    weft_checkpoint_info_clear(&last);
}

/* The best was at step 1, the last step is 5. */
static void the_best_is_evaluated_and_the_last_is_kept(void **state)
{
    (void)state;
    static const char early[] = "train.evaluate_every=1 steps; train.early_stop=validation_loss; train.patience=4 steps; "
                                "train.min_delta=1000; ";
    struct watch watch = {0};
    weft_evaluation best, last;
    assert_ok(create("run", early, &watch));
    assert_ok(run(&watch));
    assert_true(watch.summary.restored_best);
    assert_int_equal(watch.summary.best_step, 1);
    const weft_evaluate_options options = {.split = "validation"};
    assert_ok(weft_evaluate(file_of("run", "best.h5"), &options, &best, NULL));
    assert_ok(weft_evaluate(file_of("run", "last.h5"), &options, &last, NULL));
    const weft_evaluation *own = weft_trainer_evaluation(watch.trainer, "validation");
    assert_true(own->loss == best.loss && own->loss == watch.summary.best_value && own->loss != last.loss);
    weft_checkpoint_info info = info_of("run", "last.h5");
    assert_int_equal(info.step, 5);
    assert_string_equal(info.weights_digest, watch.summary.weights_digest);
    weft_evaluation_clear(&best);
    weft_evaluation_clear(&last);
    weft_checkpoint_info_clear(&info);
    destroy(&watch);

    assert_ok(create("kept", "train.evaluate_every=1 steps; train.early_stop=validation_loss; train.patience=4 steps; "
                     "train.min_delta=1000; train.restore_best=no", &watch));
    assert_ok(run(&watch));
    assert_false(watch.summary.restored_best);
    assert_ok(weft_evaluate(file_of("kept", "last.h5"), &options, &last, NULL));
    assert_true(weft_trainer_evaluation(watch.trainer, "validation")->loss == last.loss);
    weft_evaluation_clear(&last);
    destroy(&watch);
}

/* ---- saving ---- */

/* At the evaluation of each step the save of the step before is over, and its checkpoint in its place. */
static void await_save(struct watch *watch, const weft_event *event)
{
    char file[64], target[64];
    if (event->kind != WEFT_EVENT_EVALUATED || event->step < 2)
        return;
    snprintf(file, sizeof file, "step-%llu.h5", (unsigned long long)event->step - 1);
    assert_ok(writer_wait(watch->trainer->writer));
    ssize_t length = readlink(in_scratch("run/last.h5"), target, sizeof target - 1);
    target[length > 0 ? length : 0] = '\0';
    assert_string_equal(target, file);
}

static void keep_leaves_the_newest_and_the_best(void **state)
{
    (void)state;
    for (size_t keep = 1; keep <= 4; keep++) {
        char more[256];
        struct watch watch = {.hook = await_save};
        bool has_run;
        snprintf(more, sizeof more, "train.evaluate_every=1 steps; train.early_stop=validation_loss; train.min_delta=1000; "
                 "train.patience=10 epochs; checkpoint.every=1 steps; checkpoint.keep=%zu", keep);
        assert_ok(train("run", more, &watch));
        assert_int_equal(verify_all("run", &has_run), keep + 1);
        assert_true(exists(in_scratch("run/step-14.h5")) && exists(in_scratch("run/step-1.h5")));
        weft_checkpoint_info best = info_of("run", "best.h5");
        assert_int_equal(best.step, 1);
        weft_checkpoint_info_clear(&best);
        scratch_clear(NULL);
    }
}

static void ask_to_save(struct watch *watch, const weft_event *event)
{
    if (event->kind == WEFT_EVENT_EVALUATED && event->step == 3)
        weft_trainer_request_save(watch->trainer);
}

static void a_requested_save_is_made_and_told(void **state)
{
    (void)state;
    struct watch watch = {.hook = ask_to_save};
    assert_ok(train("run", "", &watch));
    uint64_t saved[8], saves = 0;
    for (size_t i = 0; i < watch.count; i++)
        if (watch.told[i].event.kind == WEFT_EVENT_SAVED && saves < COUNT(saved)) {
            assert_true(watch.told[i].event.saved_step <= watch.told[i].event.step);
            saved[saves++] = watch.told[i].event.saved_step;
        }
    assert_int_equal(saves, 3);
    assert_true(saved[0] == 0 && saved[1] == 3 && saved[2] == STEPS);
    assert_true(exists(in_scratch("run/step-3.h5")));
}

static void look_at_what_is_saved(struct watch *watch, const weft_event *event)
{
    (void)watch;
    char file[64];
    if (event->kind == WEFT_EVENT_EVALUATED)
        sleep_ms(5);                                            /* leave the disk some time, so that there are several */
    if (event->kind != WEFT_EVENT_SAVED)
        return;
    snprintf(file, sizeof file, "step-%llu.h5", (unsigned long long)event->saved_step);
    assert_ok(weft_checkpoint_verify(file_of("run", file)));
}

static void what_is_told_to_be_saved_is_on_disk(void **state)
{
    (void)state;
    struct watch watch = {.hook = look_at_what_is_saved};
    assert_ok(train("run", "train.evaluate_every=1 steps; checkpoint.every=1 steps; checkpoint.keep=100", &watch));
}

static atomic_int renames;

static int count_renames(const char *call)
{
    if (strcmp(call, "renameat") == 0)
        atomic_fetch_add(&renames, 1);
    return 0;
}

/* The last step is the only one that is evaluated, so it is the best, and its checkpoint the best model. */
static void a_checkpoint_of_the_best_step_is_written_once(void **state)
{
    (void)state;
    struct watch watch = {0};
    assert_ok(create("run", "train.evaluate_every=never", &watch));
    atomic_store(&renames, 0);
    file_set_fault(count_renames);
    weft_status st = run(&watch);
    file_set_fault(NULL);
    assert_int_equal(st, WEFT_OK);
    assert_int_equal(watch.summary.best_step, STEPS);
    assert_int_equal(atomic_load(&renames), 5);         /* step-14.h5, best.h5, last.h5, history.csv, evaluation.h5 */
    destroy(&watch);
    weft_checkpoint_info best = info_of("run", "best.h5");
    assert_int_equal(best.step, STEPS);
    weft_checkpoint_info_clear(&best);
}

/* ---- disks that fail ---- */

static atomic_bool disk_is_full;

static int full_disk(const char *call)
{
    return atomic_load(&disk_is_full) && strcmp(call, "write") == 0 ? ENOSPC : 0;
}

/* Full from the evaluation of step 3, when a save is asked for, until that save has failed. Lines of history.csv are lost as well,
 * until the end of the run. */
static void fill_the_disk(struct watch *watch, const weft_event *event)
{
    if (event->kind == WEFT_EVENT_EVALUATED && event->step == 3) {
        atomic_store(&disk_is_full, true);
        weft_trainer_request_save(watch->trainer);
    } else if (event->kind == WEFT_EVENT_EVALUATED && event->step == 6) {
        (void)writer_wait(watch->trainer->writer);
        atomic_store(&disk_is_full, false);
    }
}

static void a_failed_save_is_a_note_and_nothing_is_lost(void **state)
{
    (void)state;
    train_undisturbed("whole", "");
    struct watch watch = {.hook = fill_the_disk};
    file_set_fault(full_disk);
    weft_status st = train("run", "", &watch);
    file_set_fault(NULL);
    assert_int_equal(st, WEFT_OK);
    size_t notes = 0;
    for (size_t i = 0; i < watch.count; i++) {
        const weft_event *e = &watch.told[i].event;
        notes += e->kind == WEFT_EVENT_NOTE && strstr(watch.told[i].text, "a save failed") != NULL;
        assert_false(e->kind == WEFT_EVENT_SAVED && e->saved_step == 3);
    }
    assert_int_equal(notes, 1);
    assert_same_run("whole", "run");
}

/* Full when the save of step 3 is due; empty again before that of step 6. */
static void fill_the_disk_for_one_save(struct watch *watch, const weft_event *event)
{
    if (event->kind != WEFT_EVENT_EVALUATED)
        return;
    (void)writer_wait(watch->trainer->writer);
    atomic_store(&disk_is_full, event->step == 3);
}

static void a_failed_save_is_made_again(void **state)
{
    (void)state;
    struct watch watch = {.hook = fill_the_disk_for_one_save};
    file_set_fault(full_disk);
    weft_status st = train("run", "checkpoint.every=3 steps", &watch);
    file_set_fault(NULL);
    assert_int_equal(st, WEFT_OK);
    size_t failed = 0, saved = 0;
    for (size_t i = 0; i < watch.count; i++) {
        const weft_event *e = &watch.told[i].event;
        failed += e->kind == WEFT_EVENT_NOTE && strstr(watch.told[i].text, "a save failed") != NULL;
        saved += e->kind == WEFT_EVENT_SAVED && e->saved_step > 3 && e->saved_step < STEPS;
    }
    assert_int_equal(failed, 1);
    assert_true(saved > 0);
}

static void fill_the_disk_at_the_end(struct watch *watch, const weft_event *event)
{
    (void)watch;
    if (event->kind == WEFT_EVENT_EVALUATED && event->step == STEPS)
        atomic_store(&disk_is_full, true);
}

static void a_failed_last_save_leaves_the_run_open(void **state)
{
    (void)state;
    bool has_run;
    train_undisturbed("whole", "");
    struct watch watch = {.hook = fill_the_disk_at_the_end};
    file_set_fault(full_disk);
    weft_status st = train("run", "", &watch);
    file_set_fault(NULL);
    atomic_store(&disk_is_full, false);
    assert_int_equal(st, WEFT_EIO);
    assert_non_null(strstr(weft_last_error(), "No space left"));
    assert_false(watch.is_finished);
    assert_string_equal(watch.summary.stop_reason, "");
    assert_int_equal(verify_all("run", &has_run), 1);
    watch.hook = NULL;
    assert_ok(resume("run", 1, &watch));
    assert_same_run("whole", "run");
}

/* ---- numbers that run away ---- */

static void what_is_not_finite_is_never_saved(void **state)
{
    (void)state;
    static const struct { const char *settings, *message; } bad[] = {
        {"optimizer.name=sgd; optimizer.learning_rate=1e30; train.evaluate_every=never", "nothing was overwritten"},
        {"optimizer.name=sgd; optimizer.learning_rate=1e30; train.evaluate_every=1 steps", "the loss of the train rows"},
        {"optimizer.name=sgd; optimizer.learning_rate=1e30; regularization.l2=1e30", "the update overflowed"},
        {"optimizer.name=sgd; optimizer.learning_rate=1e30; regularization.l2=1e30; optimizer.clip_norm=1", ""},
        {"optimizer.learning_rate=1e30; regularization.l2=1e30; checkpoint.every=1 steps", "the update overflowed"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        char name[16];
        bool has_run;
        struct watch watch = {0};
        snprintf(name, sizeof name, "run-%zu", i);
        for (size_t call = 0; call < 2; call++) {
            weft_status st = call == 0 ? train(name, bad[i].settings, &watch) : resume(name, 3, &watch);
            if (st != WEFT_ENONFINITE || strstr(weft_last_error(), bad[i].message) == NULL)
                fail_msg("%s: %s: %s", bad[i].settings, weft_strerror(st), weft_last_error());
            assert_false(watch.is_finished);
            assert_true(verify_all(name, &has_run) >= 1);
            weft_checkpoint_info info = info_of(name, "last.h5");
            for (size_t t = 0; t < info.tensors; t++)
                assert_true(isfinite(info.tensor[t].l2_norm));
            weft_checkpoint_info_clear(&info);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(events_come_in_order),
        TEST(the_summary_and_the_figures_agree_with_the_files),
        TEST(statistics_are_of_their_array),
        TEST(what_statistics_need_takes_memory_only_then),
        TEST(each_limit_ends_the_run),
        TEST(max_time_only_interrupts),
        TEST(max_time_may_be_the_only_limit),
        TEST(the_best_is_evaluated_and_the_last_is_kept),
        TEST(keep_leaves_the_newest_and_the_best),
        TEST(a_requested_save_is_made_and_told),
        TEST(what_is_told_to_be_saved_is_on_disk),
        TEST(a_checkpoint_of_the_best_step_is_written_once),
        TEST(a_failed_save_is_a_note_and_nothing_is_lost),
        TEST(a_failed_save_is_made_again),
        TEST(a_failed_last_save_leaves_the_run_open),
        TEST(what_is_not_finite_is_never_saved),
    };
    return cmocka_run_group_tests_name("loop", tests, run_scratch_make, scratch_remove);
}
