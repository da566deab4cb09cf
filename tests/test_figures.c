/* The final figures as a file: to a snapshot and back, of every task; and what is not such a file is refused. */
#include "store_samples.h"

#include <math.h>

#include "store/checkpoint.h"
#include "train/figures.h"

static char *copy_of(const char *text)
{
    char *copy = memory_string(text);
    assert_non_null(copy);
    return copy;
}

static void *array_of(size_t count, size_t size)
{
    void *array = memory_new(count, size);
    assert_non_null(array);
    return array;
}

enum { OUTPUTS = 3 };

/* Every number another one, so that two that are confused show. */
static weft_evaluation sample(weft_task task, const char *split, double base)
{
    weft_evaluation e = {.task = task, .rows = (size_t)(10000 * base), .outputs = OUTPUTS, .loss = base + 0.25, .cost = base + 0.5,
                         .accuracy = NAN, .label_accuracy = NAN, .r2 = NAN, .mean_absolute_error = NAN};
    snprintf(e.split, sizeof e.split, "%s", split);
    e.name = array_of(OUTPUTS, sizeof *e.name);
    for (size_t i = 0; i < OUTPUTS; i++)
        e.name[i] = copy_of((const char *[]){"cat", "dog", "Känguru"}[i]);
    if (task == WEFT_TASK_REGRESSION) {
        e.r2 = base + 0.125;
        e.mean_absolute_error = base + 0.0625;
        e.per_value = array_of(OUTPUTS, sizeof *e.per_value);
        for (size_t i = 0; i < OUTPUTS; i++)
            e.per_value[i] = (weft_value_figures){base + 10 * (double)i, base + 10 * (double)i + 1, base + 10 * (double)i + 2};
        return e;
    }
    e.accuracy = base / 16;
    e.label_accuracy = task == WEFT_TASK_LABELS ? base / 32 : NAN;
    e.per_class = array_of(OUTPUTS, sizeof *e.per_class);
    for (size_t i = 0; i < OUTPUTS; i++)
        e.per_class[i] = (weft_class_figures){base + 20 * (double)i, base + 20 * (double)i + 1, base + 20 * (double)i + 2, 30 + i};
    e.macro = (weft_class_figures){base + 3, base + 4, base + 5, 93};
    e.weighted = (weft_class_figures){base + 6, base + 7, base + 8, 94};
    if (task == WEFT_TASK_CLASSES) {
        e.confusion = array_of(OUTPUTS * OUTPUTS, sizeof *e.confusion);
        for (size_t i = 0; i < OUTPUTS * OUTPUTS; i++)
            e.confusion[i] = 1000 + i;
    }
    return e;
}

/* No validation split. */
static struct figures sample_figures(weft_task task)
{
    struct figures figures = {.step = 700, .last_step = 900, .last_digest = "0123456789abcdef0123456789abcdef"};
    figures.evaluation[SPLIT_TRAIN] = sample(task, "train", 5);
    figures.evaluation[SPLIT_TEST] = sample(task, "test", 7);
    return figures;
}

static void assert_same_number(double a, double b)
{
    assert_memory_equal(&a, &b, sizeof a);
}

static void assert_same_class(const weft_class_figures *a, const weft_class_figures *b)
{
    assert_same_number(a->precision, b->precision);
    assert_same_number(a->recall, b->recall);
    assert_same_number(a->f1, b->f1);
    assert_int_equal(a->support, b->support);
}

static void assert_same_evaluation(const weft_evaluation *a, const weft_evaluation *b)
{
    assert_string_equal(a->split, b->split);
    assert_int_equal(a->task, b->task);
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->outputs, b->outputs);
    const double of_a[] = {a->loss, a->cost, a->accuracy, a->label_accuracy, a->r2, a->mean_absolute_error};
    const double of_b[] = {b->loss, b->cost, b->accuracy, b->label_accuracy, b->r2, b->mean_absolute_error};
    for (size_t i = 0; i < COUNT(of_a); i++)
        assert_true(of_a[i] == of_b[i] || (isnan(of_a[i]) && isnan(of_b[i])));
    assert_int_equal(a->confusion == NULL, b->confusion == NULL);
    if (a->confusion != NULL)
        assert_memory_equal(a->confusion, b->confusion, a->outputs * a->outputs * sizeof *a->confusion);
    assert_int_equal(a->per_class == NULL, b->per_class == NULL);
    assert_int_equal(a->per_value == NULL, b->per_value == NULL);
    for (size_t i = 0; i < a->outputs; i++) {
        if (a->per_class != NULL)
            assert_same_class(&a->per_class[i], &b->per_class[i]);
        if (a->per_value != NULL)
            assert_memory_equal(&a->per_value[i], &b->per_value[i], sizeof *a->per_value);
        assert_string_equal(a->name[i], b->name[i]);
    }
    assert_same_class(&a->macro, &b->macro);
    assert_same_class(&a->weighted, &b->weighted);
}

static void assert_same_figures(const struct figures *a, const struct figures *b)
{
    assert_int_equal(a->step, b->step);
    assert_int_equal(a->last_step, b->last_step);
    assert_string_equal(a->last_digest, b->last_digest);
    for (enum split_name s = 0; s < SPLIT_COUNT; s++)
        if (a->evaluation[s].rows > 0)
            assert_same_evaluation(&a->evaluation[s], &b->evaluation[s]);
        else
            assert_int_equal(b->evaluation[s].rows, 0);
}

static void what_is_saved_comes_back(void **state)
{
    (void)state;
    for (weft_task task = WEFT_TASK_CLASSES; task <= WEFT_TASK_REGRESSION; task++) {
        struct figures figures = sample_figures(task), back;
        struct snapshot *snapshot = snapshot_create(), *loaded;
        assert_ok(figures_put(&figures, snapshot));
        assert_ok(checkpoint_save(in_scratch("evaluation.h5"), snapshot));
        assert_ok(checkpoint_load(in_scratch("evaluation.h5"), false, &loaded));
        assert_ok(figures_get(loaded, &back));
        assert_same_figures(&figures, &back);
        figures_clear(&back);
        figures_clear(&figures);
        snapshot_destroy(snapshot);
        snapshot_destroy(loaded);
    }
}

/* Whatever is missing, the file is refused, and nothing leaks. */
static void parts_that_are_missing_are_named(void **state)
{
    (void)state;
    for (weft_task task = WEFT_TASK_CLASSES; task <= WEFT_TASK_REGRESSION; task++) {
        struct figures figures = sample_figures(task), back;
        size_t arrays = 1;
        for (size_t i = 0; i < arrays; i++) {
            struct snapshot *snapshot = snapshot_create();
            assert_ok(figures_put(&figures, snapshot));
            arrays = snapshot->array_count;
            snapshot->array[i].count++;                 /* a shape that is not the one of the others */
            assert_int_equal(figures_get(snapshot, &back), WEFT_EDAMAGED);
            assert_non_null(strstr(weft_last_error(), snapshot->array[i].path));
            snapshot->array[i].count--;
            snapshot_destroy(snapshot);
        }
        figures_clear(&figures);
    }
}

static void other_files_are_refused(void **state)
{
    (void)state;
    struct figures figures = sample_figures(WEFT_TASK_CLASSES), back;
    static const struct { const char *name, *text, *message; } wrong[] = {
        {"content", "prediction", "wanted \"evaluation\""}, {"task", "guessing", "wanted classes, labels or regression"},
        {"names", "cat\ndog", "2 names of 3 outputs"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct snapshot *snapshot = snapshot_create();
        assert_ok(figures_put(&figures, snapshot));
        struct attribute *found = (struct attribute *)snapshot_find_attribute(snapshot, "/", wrong[i].name);
        memory_free(found->text);
        found->text = copy_of(wrong[i].text);
        assert_int_equal(figures_get(snapshot, &back), WEFT_EDAMAGED);
        assert_non_null(strstr(weft_last_error(), wrong[i].message));
        snapshot_destroy(snapshot);
    }
    struct snapshot *snapshot = snapshot_create();
    assert_ok(figures_put(&figures, snapshot));
    ((struct attribute *)snapshot_find_attribute(snapshot, "/", "outputs"))->integer = -1;
    assert_int_equal(figures_get(snapshot, &back), WEFT_EDAMAGED);
    snapshot_destroy(snapshot);
    figures_clear(&figures);
}

/* Counts that contradict each other, or would overflow when they are added up. */
static void counts_are_of_the_rows(void **state)
{
    (void)state;
    struct figures figures = sample_figures(WEFT_TASK_CLASSES), back;
    static const struct { const char *path; size_t at; int64_t count; } wrong[] = {
        {"/test/confusion", 4, -1}, {"/test/confusion", 8, INT64_MAX}, {"/test/confusion", 0, 65000}, {"/test/support", 2, -5},
        {"/train/support", 0, 50001},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct snapshot *snapshot = snapshot_create();
        assert_ok(figures_put(&figures, snapshot));
        ((int64_t *)snapshot_find_array(snapshot, wrong[i].path)->data)[wrong[i].at] = wrong[i].count;
        assert_int_equal(figures_get(snapshot, &back), WEFT_EDAMAGED);
        assert_non_null(strstr(weft_last_error(), wrong[i].path));
        snapshot_destroy(snapshot);
    }
    for (int64_t step = -1; step < 1000; step += 902) {         /* -1, then 901: the run had 900 */
        struct snapshot *snapshot = snapshot_create();
        figures.step = step;
        assert_ok(figures_put(&figures, snapshot));
        assert_int_equal(figures_get(snapshot, &back), WEFT_EDAMAGED);
        assert_non_null(strstr(weft_last_error(), "wanted 0 to 900"));
        snapshot_destroy(snapshot);
    }
    figures_clear(&figures);
}

static void short_memory_is_told(void **state)
{
    (void)state;
    struct figures figures = sample_figures(WEFT_TASK_CLASSES), back;
    size_t failed_puts = 0, failed_gets = 0;
    struct snapshot *whole = NULL;
    for (size_t n = 1; whole == NULL; n++) {
        struct snapshot *snapshot = snapshot_create();
        memory_fail_from(n);
        weft_status st = figures_put(&figures, snapshot);
        memory_fail_from(0);
        if (st == WEFT_OK) {
            whole = snapshot;
            break;
        }
        assert_int_equal(st, WEFT_ENOMEM);
        snapshot_destroy(snapshot);
        failed_puts++;
    }
    for (size_t n = 1;; n++) {
        memory_fail_from(n);
        weft_status st = figures_get(whole, &back);
        memory_fail_from(0);
        if (st == WEFT_OK)
            break;
        assert_int_equal(st, WEFT_ENOMEM);
        failed_gets++;
    }
    assert_same_figures(&figures, &back);
    assert_true(failed_puts > 20 && failed_gets > 6);
    figures_clear(&back);
    figures_clear(&figures);
    snapshot_destroy(whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(what_is_saved_comes_back, scratch_clear),
        cmocka_unit_test(parts_that_are_missing_are_named),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(counts_are_of_the_rows),
        cmocka_unit_test(short_memory_is_told),
    };
    return cmocka_run_group_tests_name("figures", tests, scratch_make, scratch_remove);
}
