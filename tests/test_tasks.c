/* Whole runs of every task, on rows of floats: stopped and resumed they end as the one that never was; the file knows all that an
 * evaluation needs; and the learning rate of a plateau follows from the history alone. */
#include "run_samples.h"

#include <math.h>

#include "store/checkpoint.h"
#include "support.h"
#include "train/model.h"

/* Four features of which one is missing now and then, and what is wanted: a class by name (three, unevenly many), shares of three
 * classes, two labels, two values. All follow from the features, with some noise. */
static void write_rows(const char *name, size_t rows, uint64_t seed)
{
    static const char *const class_name[] = {"ash", "oak", "yew"};
    struct random random = {seed};
    FILE *file = fopen(in_scratch(name), "w");
    assert_non_null(file);
    fprintf(file, "a,b,c,d,class,p,q,r,u,v,x,y\n");
    for (size_t n = 0; n < rows; n++) {
        double a = random_real(&random, -1, 1), b = random_real(&random, 0, 100), c = random_real(&random, 5, 6);
        double noise = random_real(&random, -0.2, 0.2), sum = a + b / 100 + noise;
        size_t class = n < 3 ? n : sum < 0.2 ? 0 : sum < 0.9 ? 1 : 2;
        double p = 1 / (1 + exp(4 * sum)), q = (1 - p) / 3;
        fprintf(file, "%.6f,", a);
        fprintf(file, n % 7 == 3 ? "," : "%.4f,", b);
        fprintf(file, "%.6f,1.5,%s,%.6f,%.6f,%.6f,%d,%d,%.5f,%.5f\n", c, class_name[class], p, q, 1 - p - q, sum > 0.5, a > noise,
                3 * a - b / 50 + noise, c * a);
    }
    assert_int_equal(fclose(file), 0);
}

static int make_rows(void **state)
{
    (void)state;
    write_rows("rows.csv", 120, 1);
    write_rows("more.csv", 40, 2);
    return 0;
}

static const struct of_task { const char *name, *columns, *drop, *settings; } tasks[] = {
    {"classes", "class", "p,q,r,u,v,x,y", "train.class_weights=balanced; data.stratified=yes; data.scaling=standardize"},
    {"shares", "p,q,r", "class,u,v,x,y", "train.label_smoothing=0.1; optimizer.name=nesterov; data.scaling=unit"},
    {"squares", "class", "p,q,r,u,v,x,y", "network.loss=mse; optimizer.name=rmsprop; data.scaling=standardize"},
    {"sigmoids", "class", "p,q,r,u,v,x,y", "network.output=sigmoid; network.loss=binary_cross_entropy; data.scaling=unit; "
     "train.class_weights=1, 2, 3"},
    {"labels", "u,v", "class,p,q,r,x,y", "network.output=sigmoid; network.loss=binary_cross_entropy; data.scaling=standardize; "
     "optimizer.name=adamw; regularization.l2=0.01"},
    {"values", "x,y", "class,p,q,r,u,v", "network.output=linear; network.loss=mse; data.scaling=standardize; network.activation=gelu"},
};

/* Sixty-odd steps on the rows of rows.csv; validation rows cut off them, or of more.csv; test rows of more.csv. */
static const char *run_of(const struct of_task *task, bool has_validation)
{
    static char text[2048];
    char source[512], more[512];
    snprintf(source, sizeof source, "csv:%s?label=%s&drop=%s", in_scratch("rows.csv"), task->columns, task->drop);
    snprintf(more, sizeof more, "csv:%s?label=%s&drop=%s", in_scratch("more.csv"), task->columns, task->drop);
    snprintf(text, sizeof text, "data.source=%s; data.test=%s; data.validation=%s; data.missing=median; train.epochs=3; "
             "network.batch_norm=after; %s", source, more, has_validation ? more : "none", task->settings);
    return text;
}

static void stop_and_go_on(const char *settings)
{
    size_t stops = 0;
    struct watch watch = {.hook = stop_at, .stop_kind = WEFT_EVENT_EVALUATED};
    weft_status st = train("cut", settings, &watch);
    while (st == WEFT_ESTOPPED && !watch.is_finished) {
        watch.count = 0;
        st = resume("cut", 1 + ++stops % 3, &watch);
    }
    watch.hook = NULL;
    assert_ok(resume("cut", 2, &watch));
    assert_true(stops >= 2);
}

/* The final figures of a run; the evaluation's arrays are the trainer's. */
static void expect_figures(const char *name, const struct watch *watch)
{
    static const char *const splits[] = {"train", "validation", "test"};
    for (size_t s = 0; s < COUNT(splits); s++) {
        const weft_evaluation *of_run = weft_trainer_evaluation(watch->trainer, splits[s]);
        weft_evaluation e;
        const weft_evaluate_options options = {.split = splits[s], .threads = 1 + s};
        assert_non_null(of_run);
        assert_ok(weft_evaluate(file_of(name, "last.h5"), &options, &e, NULL));
        assert_int_equal(e.rows, of_run->rows);
        assert_int_equal(e.task, of_run->task);
        const double got[] = {e.loss, e.cost, e.accuracy, e.label_accuracy, e.r2, e.mean_absolute_error, e.macro.f1};
        const double want[] = {of_run->loss, of_run->cost, of_run->accuracy, of_run->label_accuracy, of_run->r2,
                               of_run->mean_absolute_error, of_run->macro.f1};
        assert_same_doubles(got, want, COUNT(got), "%s: %s figures", name, splits[s]);
        assert_int_equal(e.name != NULL, of_run->name != NULL);
        for (size_t k = 0; e.name != NULL && k < e.outputs; k++)
            assert_string_equal(e.name[k], of_run->name[k]);
        weft_evaluation_clear(&e);
    }
}

/* The last row of the history is of the last step, and so are those figures. */
static void expect_history(const char *name, const struct watch *watch)
{
    const weft_evaluation *e = weft_trainer_evaluation(watch->trainer, "validation");
    const struct { const char *column; double want; } row[] = {
        {"loss", e->loss}, {"cost", e->cost}, {"accuracy", e->accuracy}, {"r2", e->r2},
        {"mean_absolute_error", e->mean_absolute_error}};
    struct snapshot *snapshot;
    assert_ok(checkpoint_load(file_of(name, "last.h5"), false, &snapshot));
    for (size_t i = 0; i < COUNT(row); i++) {
        char path[64];
        snprintf(path, sizeof path, "/history/validation/%s", row[i].column);
        const struct array *column = snapshot_find_array(snapshot, path);
        assert_int_equal(column == NULL, isnan(row[i].want));           /* a figure that the task does not have has no column */
        if (column != NULL)
            assert_same_doubles(&((const double *)column->data)[column->count - 1], &row[i].want, 1, "%s", path);
    }
    snapshot_destroy(snapshot);
}

static void every_task_is_resumed_as_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(tasks); i++)
        for (int has_validation = 0; has_validation < 2; has_validation++) {
            const char *settings = run_of(&tasks[i], has_validation);
            struct watch watch = {0};
            assert_ok(create("whole", settings, &watch));
            assert_ok(run(&watch));
            expect_figures("whole", &watch);
            expect_history("whole", &watch);
            destroy(&watch);
            stop_and_go_on(settings);
            assert_same_run("whole", "cut");
            assert_int_equal(nftw(in_scratch("whole"), scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
            assert_int_equal(nftw(in_scratch("cut"), scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
        }
}

/* Something is learned, in the figure that the task has. */
static void every_task_learns(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(tasks); i++) {
        char settings[2400];
        struct watch watch = {0};
        snprintf(settings, sizeof settings, "%s; optimizer.learning_rate=0.01; network.dropout=0; train.epochs=20; "
                 "train.batch_size=20",
                 run_of(&tasks[i], true));
        assert_ok(create("run", settings, &watch));
        assert_ok(run(&watch));
        const weft_evaluation *e = weft_trainer_evaluation(watch.trainer, "test");
        bool is_regression = strcmp(tasks[i].name, "values") == 0;
        if (!(is_regression ? e->r2 > 0.5 : e->accuracy > 0.5))
            fail_msg("%s: accuracy %g, R2 %g", tasks[i].name, e->accuracy, e->r2);
        assert_int_equal(isnan(e->r2) != 0, !is_regression);
        assert_int_equal(isnan(e->accuracy) != 0, is_regression);
        destroy(&watch);
        assert_int_equal(nftw(in_scratch("run"), scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    }
}

/* ---- what the file says ---- */

static void the_file_holds_all_that_data_need(void **state)
{
    (void)state;
    static const enum task task_of[] = {TASK_CLASSES, TASK_CLASSES, TASK_CLASSES, TASK_CLASSES, TASK_LABELS, TASK_REGRESSION};
    for (size_t i = 0; i < COUNT(tasks); i++) {
        struct watch watch = {0};
        struct model model;
        assert_ok(train("run", run_of(&tasks[i], false), &watch));
        assert_ok(model_load(in_scratch("run"), "best.h5", false, &model, NULL));
        bool is_weighted = strstr(tasks[i].settings, "class_weights") != NULL;
        assert_int_equal(model.task, task_of[i]);
        assert_int_equal(model.net.outputs, i < 4 ? 3 : 2);
        assert_int_equal(model.net.features, 4);
        assert_non_null(model.fill);
        assert_true(model.fill[1] > 20 && model.fill[1] < 80);          /* the median of what is between 0 and 100 */
        assert_true(model.fill[3] == 1.5f && model.scale[3] == 0);
        assert_int_equal(model.class_weight != NULL, is_weighted);
        if (strcmp(tasks[i].columns, "class") == 0) {
            assert_int_equal(model.classes.count, 3);
            assert_string_equal(model.classes.name[1], "oak");
        }
        model_destroy(&model);
        assert_int_equal(nftw(in_scratch("run"), scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    }
}

static void history_has_the_figures_of_the_task(void **state)
{
    (void)state;
    size_t size;
    train_undisturbed("run", run_of(&tasks[5], false));
    char *text = (char *)get_file(file_of("run", "history.csv"), &size);
    assert_non_null(strstr(text, "step,epoch,learning_rate,train_cost,train_loss,train_r2,train_mean_absolute_error,validation_cost"));
    assert_null(strstr(text, "accuracy"));
    free(text);
    struct watch watch = {0};
    assert_ok(train("labels", run_of(&tasks[4], false), &watch));
    text = (char *)get_file(file_of("labels", "history.csv"), &size);
    assert_non_null(strstr(text, "train_accuracy"));
    free(text);
    for (size_t i = 0; i < watch.count; i++) {
        assert_true(isnan(watch.told[i].event.epoch_accuracy));         /* known only where each row has one class */
        assert_true(!watch.told[i].event.train.is_evaluated || isnan(watch.told[i].event.train.r2));
    }
}

/* All three sources are named absolutely in run.ini: the run goes on from any directory, and its model is evaluated from there. */
static void sources_are_found_from_anywhere(void **state)
{
    (void)state;
    char here[PATH_MAX], wanted[PATH_MAX + 64];
    size_t size;
    struct watch watch = {.hook = stop_at, .stop_kind = WEFT_EVENT_EVALUATED};
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(scratch), 0);
    assert_int_equal(train("run", "data.source=csv:rows.csv?label=class; data.validation=csv:./more.csv?label=class; "
                           "data.test=csv:more.csv?label=class; data.missing=zero", &watch), WEFT_ESTOPPED);
    assert_int_equal(chdir(here), 0);
    char *ini = (char *)get_file(file_of("run", "run.ini"), &size), absolute[PATH_MAX];
    assert_non_null(realpath(scratch, absolute));
    static const char *const line[] = {"source = csv:%s/rows.csv?label=class\n", "validation = csv:%s/more.csv?label=class\n",
                                       "test = csv:%s/more.csv?label=class\n"};
    for (size_t i = 0; i < COUNT(line); i++) {
        snprintf(wanted, sizeof wanted, line[i], absolute);
        if (strstr(ini, wanted) == NULL)
            fail_msg("run.ini does not say %s but\n%s", wanted, ini);
    }
    free(ini);
    watch.hook = NULL;
    assert_ok(resume("run", 2, &watch));
    static const struct { const char *split; size_t rows; } of[] = {{"train", 120}, {"validation", 40}, {"test", 40}};
    for (size_t i = 0; i < COUNT(of); i++) {
        weft_evaluation e;
        const weft_evaluate_options options = {.split = of[i].split};
        assert_ok(weft_evaluate(in_scratch("run"), &options, &e, NULL));
        assert_int_equal(e.rows, of[i].rows);
        weft_evaluation_clear(&e);
    }
    write_rows("more.csv", 40, 3);                              /* other validation rows are other data */
    assert_int_equal(reopen("run", (weft_resume_options){0}, &watch), WEFT_EDATA);
    assert_non_null(strstr(weft_last_error(), "digest"));
}

/* The rows of another task are refused, not misread. */
static void other_tasks_data_are_refused(void **state)
{
    (void)state;
    char source[512];
    train_undisturbed("run", run_of(&tasks[0], false));
    weft_evaluation e;
    snprintf(source, sizeof source, "csv:%s?label=p,q&drop=class,r,u,v,x,y", in_scratch("more.csv"));
    const weft_evaluate_options options = {.data = source};
    assert_int_equal(weft_evaluate(in_scratch("run"), &options, &e, NULL), WEFT_EDATA);
    snprintf(source, sizeof source, "csv:%s?label=class&drop=p,q,r,u,v,x", in_scratch("more.csv"));         /* a feature more */
    assert_int_equal(weft_evaluate(in_scratch("run"), &options, &e, NULL), WEFT_EDATA);
    snprintf(source, sizeof source, "csv:%s?label=class&drop=p,q,r,u,v,x,y", in_scratch("more.csv"));
    assert_ok(weft_evaluate(in_scratch("run"), &options, &e, NULL));
    assert_string_equal(e.split, "all");
    assert_int_equal(e.rows, 40);
    weft_evaluation_clear(&e);
}

/* ---- plateau ---- */

/* An accuracy of 30 rows stands still often enough. */
static const char PLATEAU[] = "schedule.name=plateau; schedule.metric=validation_accuracy; schedule.patience=3 steps; "
                              "schedule.factor=0.5; schedule.final_fraction=0.1; optimizer.learning_rate=0.003; schedule.warmup=2; "
                              "train.epochs=6; ";

/* The same again from the events: after each evaluation, the scale of the steps that follow. Returns how many there were. */
static size_t scales_of(const struct watch *watch, double *scale, size_t capacity)
{
    double best = 0, now = 1;
    int64_t since = 0;
    size_t count = 0;
    for (size_t i = 0; i < watch->count; i++) {
        const weft_event *event = &watch->told[i].event;
        if (event->kind != WEFT_EVENT_EVALUATED || count == capacity)
            continue;
        if (count == 0 || event->validation.accuracy > best) {
            best = event->validation.accuracy;
            since = (int64_t)event->step;
        } else if ((int64_t)event->step - since >= 3) {
            now = fmax(now * 0.5, 0.1);
            since = (int64_t)event->step;
        }
        scale[count++] = now;
    }
    return count;
}

static struct watch plateau_watch;              /* too large for the stack */

/* A fall changes the steps after the evaluation that it follows from: not the one before it, whose rate is written down. */
static void the_rate_follows_the_accuracy(void **state)
{
    (void)state;
    double scale[64];
    plateau_watch = (struct watch){0};
    assert_ok(train("run", PLATEAU, &plateau_watch));
    size_t count = scales_of(&plateau_watch, scale, COUNT(scale)), falls = 0;
    struct snapshot *snapshot;
    assert_ok(checkpoint_load(in_scratch("run/last.h5"), false, &snapshot));
    const struct array *rate = snapshot_find_array(snapshot, "/history/validation/learning_rate");
    assert_int_equal(rate->count, count);
    for (size_t i = 0; i < count; i++) {
        double before = i == 0 ? 1 : scale[i - 1];
        assert_true(((const double *)rate->data)[i] == 0.003 * before);
        falls += scale[i] < before;
    }
    assert_true(falls >= 2);                                    /* or nothing was seen */
    snapshot_destroy(snapshot);
}

/* In all rows of a step, and in what the handler is told of it. Nothing is learned at such a rate, so it falls at each evaluation,
 * the last one too. */
static void the_latest_step_has_one_rate(void **state)
{
    (void)state;
    static const char *const splits[] = {"train", "validation", "test"};
    char settings[512];
    plateau_watch = (struct watch){0};
    snprintf(settings, sizeof settings, "%soptimizer.learning_rate=1e-30; network.batch_norm=none; schedule.final_fraction=0; "
             "train.evaluate=train,validation", PLATEAU);       /* test rows in the end alone */
    assert_ok(train("run", settings, &plateau_watch));
    struct snapshot *snapshot;
    double last[COUNT(splits)], told[64];
    size_t count = 0;
    assert_ok(checkpoint_load(in_scratch("run/last.h5"), false, &snapshot));
    for (size_t i = 0; i < plateau_watch.count; i++)
        if (plateau_watch.told[i].event.kind == WEFT_EVENT_EVALUATED && count < COUNT(told))
            told[count++] = plateau_watch.told[i].event.learning_rate;
    for (size_t s = 0; s < COUNT(splits); s++) {
        char path[64];
        snprintf(path, sizeof path, "/history/%s/learning_rate", splits[s]);
        const struct array *rate = snapshot_find_array(snapshot, path);
        last[s] = ((const double *)rate->data)[rate->count - 1];
    }
    assert_same_doubles(last, (double[]){last[0], last[0], last[0]}, COUNT(last), "rate of the last step, by split");
    assert_same_doubles(told, snapshot_find_array(snapshot, "/history/train/learning_rate")->data, count, "rates as told");
    snapshot_destroy(snapshot);
}

static void a_plateau_is_resumed_as_it_was(void **state)
{
    (void)state;
    train_undisturbed("whole", PLATEAU);
    size_t stops = 0;
    struct watch watch = {.hook = stop_at, .stop_kind = WEFT_EVENT_PROGRESS};           /* after every step */
    weft_status st = train("cut", PLATEAU, &watch);
    while (st == WEFT_ESTOPPED && !watch.is_finished) {
        watch.count = 0;
        st = resume("cut", 1 + ++stops % 3, &watch);
    }
    watch.hook = NULL;
    assert_ok(resume("cut", 2, &watch));
    assert_true(stops >= 20);
    assert_same_run("whole", "cut");
    assert_int_equal(nftw(in_scratch("cut"), scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    stop_and_go_on(PLATEAU);                                    /* right at the evaluations that it follows from */
    assert_same_run("whole", "cut");
}

/* What it looks at must be there. */
static void a_plateau_needs_its_figure(void **state)
{
    (void)state;
    struct watch watch = {0};
    assert_int_equal(create("run", "data.source=digits:?train=300&test=0; schedule.name=plateau; schedule.metric=test_cost", &watch),
                     WEFT_ESETTINGS);
    assert_non_null(strstr(weft_last_error(), "schedule.metric is test_cost: the data have no test rows"));
    assert_int_equal(create("run", "schedule.name=plateau; data.validation_fraction=0", &watch), WEFT_ESETTINGS);
}

#define TASK_TEST(name) cmocka_unit_test_setup_teardown(name, make_rows, scratch_clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TASK_TEST(every_task_is_resumed_as_it_was),
        TASK_TEST(every_task_learns),
        TASK_TEST(the_file_holds_all_that_data_need),
        TASK_TEST(history_has_the_figures_of_the_task),
        TASK_TEST(sources_are_found_from_anywhere),
        TASK_TEST(other_tasks_data_are_refused),
        TEST(the_rate_follows_the_accuracy),
        TEST(the_latest_step_has_one_rate),
        TEST(a_plateau_is_resumed_as_it_was),
        TEST(a_plateau_needs_its_figure),
    };
    return cmocka_run_group_tests_name("tasks", tests, run_scratch_make, scratch_remove);
}
