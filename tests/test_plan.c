/* What a run would be, held against what it is: its steps, the memory that it really asks for, the files that it really writes,
 * the errors that it really ends with. */
#include "run_samples.h"

#include <math.h>

#include "counted_memory.h"
#include "train/trainer.h"

/* ---- runs to be planned, each with memory of another kind ---- */

static const char *const RUN[] = {
    "",                                                         /* bytes, batch-norm, dropout, adam, two threads */
    "network.hidden=20,7,5; network.batch_norm=none; network.dropout=0; optimizer.name=sgd; run.threads=3; run.gradient=local; "
    "train.batch_size=90; train.evaluate=validation",
    "network.hidden=none; network.dropout=0; network.input_dropout=0.1; optimizer.name=momentum; run.threads=1; "
    "data.scaling=standardize; train.class_weights=balanced; train.evaluate_every=1 steps; train.epochs=10",
    "network.hidden=70,300; network.activation=gelu; network.batch_norm=after; train.label_smoothing=0.1; run.gradient=owned; "
    "train.evaluate=train; checkpoint.every=1 steps; train.evaluate_every=never; train.epochs=40",
    "network.output=linear; network.loss=mse; network.hidden=6; data.validation_fraction=0; train.evaluate=test; "
    "data.source=csv:values.csv; train.evaluate_every=5 steps",
};

/* Floats with two values each to predict, where RUN looks for them. */
static void make_values(void)
{
    FILE *csv = fopen("values.csv", "w");
    assert_non_null(csv);
    for (size_t i = 0; i < 2000; i++)
        fprintf(csv, "%zu.5,%zu,%zu\n", i % 7, i % 11, i % 13);
    assert_int_equal(fclose(csv), 0);
}

static int make_place(void **state)
{
    if (run_scratch_make(state) != 0 || chdir(scratch) != 0)
        return -1;
    return 0;
}

static weft_status make(const char *more, weft_plan *plan)
{
    make_values();
    weft_settings *settings = settings_with(more);
    weft_status st = weft_plan_make(settings, NULL, plan);
    weft_settings_destroy(settings);
    return st;
}

static const weft_plan_memory *memory_of(const weft_plan *plan, const char *what)
{
    for (size_t i = 0; i < plan->memories; i++)
        if (strncmp(plan->memory[i].what, what, strlen(what)) == 0)
            return &plan->memory[i];
    return NULL;
}

static uint64_t bytes_of(const weft_plan *plan, const char *what)
{
    const weft_plan_memory *memory = memory_of(plan, what);
    return memory != NULL ? memory->bytes : 0;
}

/* What is not there all the time. */
static uint64_t passing_bytes(const weft_plan *plan)
{
    static const char *const what[] = {"statistics of", "history", "losses", "evaluation", "copy of", "copies of", "file of"};
    uint64_t bytes = 0;
    for (size_t i = 0; i < COUNT(what); i++)
        bytes += bytes_of(plan, what[i]);
    return bytes;
}

/* ---- figures ---- */

static void figures_are_those_of_the_run(void **state)
{
    (void)state;
    weft_plan p;
    assert_ok(make("", &p));
    assert_true(p.layers == 2 && p.features == 784 && p.outputs == 10 && p.parameters == 784 * 8 + 3 * 8 + 8 * 10 + 10);
    assert_true(p.layer[0].fan_in == 784 && p.layer[0].fan_out == 8 && p.layer[0].parameters == 784 * 8 + 3 * 8);
    assert_true(p.layer[1].fan_in == 8 && p.layer[1].fan_out == 10 && p.layer[1].parameters == 90);
    assert_string_equal(p.layer[0].activation, "relu");
    assert_string_equal(p.layer[0].batch_norm, "before");
    assert_string_equal(p.layer[1].activation, "softmax");
    assert_string_equal(p.layer[1].batch_norm, "none");
    assert_true(p.layer[0].dropout == 0.25 && p.layer[1].dropout == 0 && p.input_dropout == 0);
    assert_true(p.rows[WEFT_PLAN_TRAIN] == 270 && p.rows[WEFT_PLAN_VALIDATION] == 30 && p.rows[WEFT_PLAN_TEST] == 60);
    assert_true(p.height == 28 && p.width == 28 && p.channels == 1 && p.are_bytes);
    assert_string_equal(p.task, "classes");
    assert_string_equal(p.loss, "cross_entropy");
    assert_true(p.batch_rows == 40 && p.batch_shards == 2 && p.last_batch_rows == 30 && p.steps_per_epoch == 7);
    assert_true(p.total_steps == STEPS && p.total_epochs == 2 && p.evaluate_every_steps == 3 && p.evaluations == 5);
    assert_true(p.evaluates[0] && p.evaluates[1] && p.evaluates[2] && p.save_every_steps == 0 && p.save_every_s == 0);
    assert_true(p.saves == 2 && p.keep == 3 && p.threads == 2 && p.max_time_s == 0 && p.patience_steps == 0);
    assert_string_equal(p.early_stop, "none");
    assert_string_equal(p.thread_reason, "run.threads");
    assert_true(p.learning_rate == 0.001 && p.full_rate == 0.001 && p.first_rate == 0.001 && p.last_rate == 0.001);
    weft_plan_clear(&p);
    assert_true(p.setting == NULL && p.layer == NULL && p.name == NULL);
    weft_plan_clear(&p);
}

static void schedules_and_limits_are_told(void **state)
{
    (void)state;
    weft_plan p;
    assert_ok(make("optimizer.lr_scale=linear; optimizer.lr_scale_batch=10; schedule.warmup=4; schedule.name=cosine; "
                   "train.early_stop=validation_loss; train.patience=3 epochs; checkpoint.every=5 steps; train.steps=11", &p));
    assert_true(p.full_rate == 0.004 && p.warmup_steps == 4 && p.first_rate == 0.001 + 0.003 / 4);
    assert_true(p.last_rate > 0 && p.last_rate < 0.001 && p.total_steps == 11 && p.evaluations == 4 && p.saves == 4);
    assert_string_equal(p.early_stop, "validation_loss");
    assert_int_equal(p.patience_steps, 21);
    weft_plan_clear(&p);
    assert_ok(make("train.epochs=0; train.max_time=5; schedule.name=plateau; checkpoint.every=20 s; "
                   "train.evaluate_every=2 epochs", &p));
    assert_true(p.total_steps == 0 && p.total_epochs == 0 && p.evaluations == 0 && p.saves == 0 && p.max_time_s == 5);
    assert_true(isnan(p.last_rate) && p.save_every_s == 20 && p.evaluate_every_steps == 14);
    assert_true(p.first_checkpoint_bytes > 0 && p.last_checkpoint_bytes == 0 && p.evaluation_bytes > 0);
    assert_null(memory_of(&p, "history"));
    weft_plan_clear(&p);
}

static void threads_and_gradients_are_those_of_the_team(void **state)
{
    (void)state;
    weft_plan p;
    assert_ok(make(RUN[1], &p));
    assert_true(p.threads == 3 && !p.gradients_are_chosen && memory_of(&p, "workspaces")->count == 3);
    assert_string_equal(p.gradients, "local");
    weft_plan_clear(&p);
    assert_ok(make(RUN[3], &p));
    assert_string_equal(p.gradients, "owned");
    weft_plan_clear(&p);
    assert_ok(make("run.threads=0", &p));
    assert_true(p.threads >= 1 && p.gradients_are_chosen);
    assert_string_not_equal(p.thread_reason, "run.threads");
    weft_plan_clear(&p);
}

static const weft_plan_setting *setting_of(const weft_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->settings; i++)
        if (strcmp(plan->setting[i].name, name) == 0)
            return &plan->setting[i];
    fail_msg("no %s", name);
    return NULL;
}

static void settings_are_all_there(void **state)
{
    (void)state;
    weft_plan p;
    char here[PATH_MAX + 32] = "csv:";
    assert_ok(make(RUN[4], &p));
    assert_int_equal(p.settings, weft_settings_count());
    assert_non_null(getcwd(here + 4, PATH_MAX));
    strcat(here, "/values.csv");
    assert_string_equal(setting_of(&p, "data.source")->value, here);
    assert_string_equal(setting_of(&p, "data.validation")->value, "none");
    assert_true(setting_of(&p, "data.validation")->is_default && !setting_of(&p, "data.source")->is_default);
    assert_true(!setting_of(&p, "train.epochs")->is_default && setting_of(&p, "train.seed")->is_default);
    assert_string_equal(p.task, "regression");
    assert_true(!p.are_bytes && p.height == 0 && p.rows[WEFT_PLAN_VALIDATION] == 0);
    weft_plan_clear(&p);
}

/* ---- memory ---- */

/* What is too small for the table: paths, names, the writer; while a run goes on, also what a save puts together. */
enum { UNTOLD_BYTES = 3000, UNTOLD_AT_MOST_BYTES = 12000 };

static void memory_is_what_is_asked_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(RUN); i++) {
        struct watch watch = {0};
        weft_plan p;
        make_values();
        size_t before = counted_live_bytes();
        assert_ok(create("run", RUN[i], &watch));
        size_t standing = counted_live_bytes() - before;
        assert_ok(weft_trainer_plan(watch.trainer, &p));
        uint64_t told = p.memory_bytes - passing_bytes(&p);
        if (standing < told || standing > told + UNTOLD_BYTES)
            fail_msg("run %zu: %zu bytes, but the plan says %zu", i, standing, (size_t)told);
        print_message("run %zu: %zu bytes stand, %zu are told", i, standing, (size_t)told);
        counted_begin(false);
        assert_ok(run(&watch));
        size_t most = counted_most_bytes() - before;
        print_message("; at most %zu, %zu are told\n", most, (size_t)p.memory_bytes);
        if (most > p.memory_bytes + UNTOLD_AT_MOST_BYTES)
            fail_msg("run %zu: up to %zu bytes, but the plan says at most %zu", i, most, (size_t)p.memory_bytes);
        if (most < told + bytes_of(&p, "copy of"))
            fail_msg("run %zu: up to %zu bytes, and not even one checkpoint", i, most);
        weft_plan_clear(&p);
        destroy(&watch);
        assert_int_equal(counted_live_bytes(), before);         /* and nothing is left */
        assert_int_equal(scratch_clear(NULL), 0);
    }
}

/* A history too long to look at: by arithmetic then. Two runs that differ in their number of steps alone tell by how much. */
static void long_histories_are_worked_out(void **state)
{
    (void)state;
    weft_plan a, b, c;
    assert_ok(make("train.epochs=0; train.steps=100000000; train.evaluate_every=never", &a));
    assert_ok(make("train.epochs=0; train.steps=100001000; train.evaluate_every=never", &b));
    assert_ok(make("train.epochs=0; train.steps=100000000; train.evaluate_every=50000000 steps; train.evaluate=test", &c));
    assert_int_equal(b.last_checkpoint_bytes - a.last_checkpoint_bytes, 4 * 1000);
    assert_int_equal(a.first_checkpoint_bytes + 400000000 + a.evaluation_bytes, a.last_checkpoint_bytes);
    assert_int_equal(a.evaluation_bytes, 6 * (8 + 9 * 8 + 64 * 4 + 65 * 4) + 3 * 6 * 8);       /* tensors, splits */
    assert_int_equal(c.evaluation_bytes, a.evaluation_bytes - 2 * 6 * 8);
    assert_int_equal(c.last_checkpoint_bytes, a.last_checkpoint_bytes + c.evaluation_bytes);    /* the last one is of all splits */
    weft_plan_clear(&c);
    weft_plan_clear(&a);
    weft_plan_clear(&b);
}

/* Laid out for a plan or for a run: the same. */
static void a_plan_is_that_of_its_run(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(RUN); i++) {
        struct watch watch = {0};
        weft_plan a, b;
        assert_ok(make(RUN[i], &a));
        assert_ok(create("run", RUN[i], &watch));
        assert_ok(weft_trainer_plan(watch.trainer, &b));
        assert_int_equal(a.memories, b.memories);
        for (size_t m = 0; m < a.memories; m++) {
            assert_string_equal(a.memory[m].what, b.memory[m].what);
            assert_true(a.memory[m].bytes == b.memory[m].bytes && a.memory[m].count == b.memory[m].count);
            assert_true(a.memory[m].each_bytes == 0 || a.memory[m].each_bytes * a.memory[m].count == a.memory[m].bytes);
        }
        for (size_t s = 0; s < a.settings; s++)
            assert_string_equal(a.setting[s].value, b.setting[s].value);
        assert_true(a.total_steps == b.total_steps && a.threads == b.threads && strcmp(a.gradients, b.gradients) == 0);
        assert_true(a.first_checkpoint_bytes == b.first_checkpoint_bytes && a.memory_bytes == b.memory_bytes);
        weft_plan_clear(&a);
        weft_plan_clear(&b);
        destroy(&watch);
        assert_int_equal(scratch_clear(NULL), 0);
    }
}

/* ---- files ---- */

static size_t size_of(const char *file)
{
    struct stat info;
    assert_int_equal(stat(file_of("run", file), &info), 0);
    return (size_t)info.st_size;
}

static void files_are_as_large_as_planned(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(RUN); i++) {
        weft_plan p;
        char last[64];
        struct watch watch = {0};
        assert_ok(make(RUN[i], &p));
        assert_ok(create("run", RUN[i], &watch));
        assert_int_equal(size_of("step-0.h5"), p.first_checkpoint_bytes);
        assert_ok(run(&watch));
        destroy(&watch);
        snprintf(last, sizeof last, "step-%zu.h5", (size_t)p.total_steps);
        assert_int_equal(size_of(last), p.last_checkpoint_bytes);
        weft_plan_clear(&p);
        assert_int_equal(scratch_clear(NULL), 0);
    }
}

static void planning_writes_nothing_and_changes_no_bit(void **state)
{
    (void)state;
    struct watch watch = {0}, plain = {0};
    weft_plan p;
    assert_ok(make("", &p));
    weft_plan_clear(&p);
    assert_int_equal(count_entries("."), 1);                    /* values.csv */
    assert_ok(train("plain", "", &plain));
    assert_ok(create("run", "", &watch));
    assert_ok(weft_trainer_plan(watch.trainer, &p));
    weft_plan_clear(&p);
    assert_ok(run(&watch));
    destroy(&watch);
    assert_same_run("plain", "run");
}

/* ---- what goes wrong ---- */

static void errors_are_those_of_the_run(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "train.epochs=0", "train.batch_size=271", "network.activation=relu,tanh", "data.source=idx:/nowhere", "data.source=nothing",
        "train.early_stop=validation_loss; data.validation_fraction=0", "data.source=csv:nowhere.csv",
        "schedule.name=cosine; schedule.warmup=14", "schedule.name=plateau; data.validation_fraction=0",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct watch watch = {0};
        weft_plan p;
        char message[1024];
        weft_status st = create("run", bad[i], &watch);
        assert_true(st != WEFT_OK);
        snprintf(message, sizeof message, "%s", weft_last_error());
        assert_int_equal(make(bad[i], &p), st);
        assert_string_equal(weft_last_error(), message);
        assert_true(p.setting == NULL && p.layer == NULL);
    }
}

static void a_model_to_begin_with_must_fit(void **state)
{
    (void)state;
    weft_plan p;
    train_undisturbed("run", "train.steps=1");
    const weft_trainer_options options = {.init_from = in_scratch("run")};
    weft_settings *same = settings_with(""), *other = settings_with("network.hidden=9");
    assert_ok(weft_plan_make(same, &options, &p));
    weft_plan_clear(&p);
    assert_int_equal(weft_plan_make(other, &options, &p), WEFT_EDATA);
    weft_settings_destroy(same);
    weft_settings_destroy(other);
}

static void memory_may_be_short(void **state)
{
    (void)state;
    weft_settings *settings = settings_with("data.source=digits:?train=40&test=10; network.hidden=1; network.dropout=0; "
                                            "optimizer.name=momentum; train.batch_size=20; train.steps=1; run.threads=1; ");
    size_t n = 1, before = counted_live_bytes();
    for (weft_status st = WEFT_ENOMEM; st != WEFT_OK; n++) {
        weft_plan p;
        memory_fail_from(n);
        st = weft_plan_make(settings, NULL, &p);
        memory_fail_from(0);
        if (st != WEFT_OK && (st != WEFT_ENOMEM || weft_last_error()[0] == '\0'))
            fail_msg("%zu: %s: %s", n, weft_strerror(st), weft_last_error());
        assert_true((p.setting != NULL) == (st == WEFT_OK));
        weft_plan_clear(&p);
        assert_int_equal(counted_live_bytes(), before);
    }
    print_message("%zu allocations in a plan\n", n - 2);
    weft_settings_destroy(settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(figures_are_those_of_the_run),
        TEST(schedules_and_limits_are_told),
        TEST(threads_and_gradients_are_those_of_the_team),
        TEST(settings_are_all_there),
        TEST(memory_is_what_is_asked_for),
        TEST(long_histories_are_worked_out),
        TEST(a_plan_is_that_of_its_run),
        TEST(files_are_as_large_as_planned),
        TEST(planning_writes_nothing_and_changes_no_bit),
        TEST(errors_are_those_of_the_run),
        TEST(a_model_to_begin_with_must_fit),
        TEST(memory_may_be_short),
    };
    return cmocka_run_group_tests_name("plan", tests, make_place, scratch_remove);
}
