/* The history of a run: rows by split and step, history.csv, and the way to and from a snapshot. */
#include "store_samples.h"

#include <locale.h>
#include <math.h>

#include "train/history.h"

static const char HEAD[] = "step,epoch,learning_rate,train_cost,train_loss,train_accuracy,validation_cost,validation_loss,"
                           "validation_accuracy,test_cost,test_loss,test_accuracy\n";

static void add(struct history *history, enum split_name split, int64_t step, double cost)
{
    const struct history_row row = {.step = step, .epoch = (double)step / 4, .cost = cost, .loss = cost - 0.5,
                                    .accuracy = 0.75, .learning_rate = 0.1};
    assert_ok(history_add(history, split, &row));
}

/* Steps 4 and 8 for training, 4 for validation, 10 (the last one) for all. */
static struct history sample_history(void)
{
    struct history history = {0};
    add(&history, SPLIT_TRAIN, 4, 2.5);
    add(&history, SPLIT_VALIDATION, 4, 3.25);
    add(&history, SPLIT_TRAIN, 8, 1.0 / 3);
    for (enum split_name s = 0; s < SPLIT_COUNT; s++)
        add(&history, s, 10, 1 + (double)s);
    return history;
}

static void assert_text(const struct history *history, int64_t last, const char *want)
{
    char *text = history_text(history, last);
    assert_non_null(text);
    assert_string_equal(text, want);
    memory_free(text);
}

static const char LINE_4[] = "4,1,0.1,2.5,2,0.75,3.25,2.75,0.75,,,\n";
static const char LINE_8[] = "8,2,0.1,0.3333333333333333,-0.16666666666666669,0.75,,,,,,\n";
static const char LINE_10[] = "10,2.5,0.1,1,0.5,0.75,2,1.5,0.75,3,2.5,0.75\n";

static void check_csv(void)
{
    struct history history = sample_history(), none = {0};
    char line[HISTORY_LINE_SIZE], all[4 * HISTORY_LINE_SIZE];
    history_head(&history, line, sizeof line);
    assert_string_equal(line, HEAD);
    history_line(&history, 8, line, sizeof line);
    assert_string_equal(line, LINE_8);
    snprintf(all, sizeof all, "%s%s%s%s", HEAD, LINE_4, LINE_8, LINE_10);
    assert_text(&history, INT64_MAX, all);
    assert_text(&history, 10, all);
    all[strlen(HEAD) + strlen(LINE_4) + strlen(LINE_8)] = '\0';
    assert_text(&history, 9, all);
    assert_text(&history, -1, HEAD);
    assert_text(&none, INT64_MAX, HEAD);
    history_clear(&history);
    history_clear(&history);
}

static void csv_has_one_line_a_step(void **state)
{
    (void)state;
    check_csv();
}

/* A regression: R2 and the mean absolute error in place of the accuracy. */
static const char HEAD_OF_VALUES[] =
    "step,epoch,learning_rate,train_cost,train_loss,train_r2,train_mean_absolute_error,validation_cost,validation_loss,validation_r2,"
    "validation_mean_absolute_error,test_cost,test_loss,test_r2,test_mean_absolute_error\n";

static struct history history_of_values(void)
{
    struct history history = {.has_values = true};
    const struct history_row early = {.step = 3, .epoch = 0.75, .cost = 4, .loss = 3.5, .learning_rate = 0.1,
                                      .accuracy = (double)NAN, .r2 = -1.5, .mean_absolute_error = 2};
    const struct history_row late = {.step = 8, .epoch = 2, .cost = 1.25, .loss = 1, .learning_rate = 0.05,
                                     .accuracy = (double)NAN, .r2 = 0.875, .mean_absolute_error = 0.5};
    assert_ok(history_add(&history, SPLIT_VALIDATION, &early));
    for (enum split_name s = 0; s < SPLIT_COUNT; s++)
        assert_ok(history_add(&history, s, &late));
    return history;
}

static void csv_of_values_has_their_figures(void **state)
{
    (void)state;
    struct history history = history_of_values();
    char line[HISTORY_LINE_SIZE], all[3 * HISTORY_LINE_SIZE];
    history_head(&history, line, sizeof line);
    assert_string_equal(line, HEAD_OF_VALUES);
    history_line(&history, 3, line, sizeof line);
    assert_string_equal(line, "3,0.75,0.1,,,,,4,3.5,-1.5,2,,,,\n");
    snprintf(all, sizeof all, "%s%s8,2,0.05,1.25,1,0.875,0.5,1.25,1,0.875,0.5,1.25,1,0.875,0.5\n", HEAD_OF_VALUES, line);
    assert_text(&history, INT64_MAX, all);
    history_clear(&history);
    assert_true(history.has_values);                            /* it stays what it is a history of */
    assert_text(&history, INT64_MAX, HEAD_OF_VALUES);
}

static void rows_of_values_survive_a_snapshot(void **state)
{
    (void)state;
    static const char *const column[] = {"step", "epoch", "cost", "loss", "r2", "mean_absolute_error", "learning_rate"};
    struct history history = history_of_values(), got = {.has_values = true}, of_classes = {0};
    struct snapshot *snapshot = snapshot_create();
    assert_ok(history_put(&history, snapshot));
    assert_int_equal(snapshot->array_count, SPLIT_COUNT * COUNT(column));
    for (size_t c = 0; c < COUNT(column); c++) {
        char path[64];
        snprintf(path, sizeof path, "/history/validation/%s", column[c]);
        assert_string_equal(snapshot->array[COUNT(column) + c].path, path);
    }
    assert_ok(history_get(&got, snapshot));
    for (enum split_name s = 0; s < SPLIT_COUNT; s++) {
        assert_int_equal(got.count[s], history.count[s]);
        for (size_t i = 0; i < got.count[s]; i++) {
            const struct history_row *a = &got.row[s][i], *b = &history.row[s][i];
            assert_true(a->step == b->step && a->epoch == b->epoch && a->cost == b->cost && a->loss == b->loss && a->r2 == b->r2
                        && a->mean_absolute_error == b->mean_absolute_error && a->learning_rate == b->learning_rate);
        }
    }
    assert_int_equal(history_get(&of_classes, snapshot), WEFT_EDAMAGED);        /* another task's file */
    assert_non_null(strstr(weft_last_error(), "accuracy"));
    snapshot_destroy(snapshot);
    history_clear(&got);
    history_clear(&history);
}

/* A program that has set a locale with a decimal comma gets the same text. The locale is made for the occasion, because few
 * machines have one installed. */
static void csv_knows_no_locale(void **state)
{
    (void)state;
    char command[PATH_MAX], text[8];
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE.UTF-8 >/dev/null 2>&1", scratch);
    bool is_made = system(command) == 0;
    setenv("LOCPATH", scratch, 1);
    if (!is_made || setlocale(LC_ALL, "de_DE.UTF-8") == NULL) {
        print_message("skipped: localedef cannot make a locale with a decimal comma here\n");
        skip();
    }
    snprintf(text, sizeof text, "%.1f", 0.5);
    assert_string_equal(text, "0,5");
    check_csv();
    setlocale(LC_ALL, "C");
}

/* The longest numbers there are. */
static void a_line_always_fits(void **state)
{
    (void)state;
    const double longest = -2.2250738585072014e-308;
    const struct history_row row = {INT64_MIN + 1, longest, longest, longest, longest, longest, longest, longest};
    for (int has_values = 0; has_values < 2; has_values++) {
        struct history history = {.has_values = has_values};
        char line[HISTORY_LINE_SIZE];
        for (enum split_name s = 0; s < SPLIT_COUNT; s++)
            assert_ok(history_add(&history, s, &row));
        history_head(&history, line, sizeof line);
        assert_int_equal(line[strlen(line) - 1], '\n');
        history_line(&history, row.step, line, sizeof line);
        assert_true(strlen(line) < sizeof line - 1);
        assert_int_equal(line[strlen(line) - 1], '\n');
        history_clear(&history);
    }
}

static void rows_are_found_by_step(void **state)
{
    (void)state;
    struct history history = {0};
    for (int64_t i = 0; i < 300; i++)
        add(&history, SPLIT_TEST, 3 * i, (double)i);
    assert_null(history_at(&history, SPLIT_TRAIN, 0));
    for (int64_t step = -1; step < 901; step++) {
        const struct history_row *row = history_at(&history, SPLIT_TEST, step);
        assert_true((row != NULL) == (step >= 0 && step % 3 == 0 && step < 900));
        assert_true(row == NULL || (row->step == step && row->cost == (double)(step / 3)));
    }
    history_clear(&history);
}

static void assert_same_history(const struct history *a, const struct history *b)
{
    for (size_t s = 0; s < SPLIT_COUNT; s++) {
        assert_int_equal(a->count[s], b->count[s]);
        if (a->count[s] > 0)
            assert_memory_equal(a->row[s], b->row[s], a->count[s] * sizeof **a->row);
    }
}

static void rows_survive_a_snapshot(void **state)
{
    (void)state;
    struct history history = sample_history(), none = {0}, got = {0};
    for (int64_t i = 0; i < 200; i++)
        add(&history, SPLIT_TRAIN, 20 + i, 0.1 * (double)i);
    const struct history *const cases[] = {&history, &none};
    for (size_t c = 0; c < COUNT(cases); c++) {
        struct snapshot *snapshot = snapshot_create();
        assert_ok(history_put(cases[c], snapshot));
        assert_ok(history_get(&got, snapshot));
        assert_same_history(&got, cases[c]);
        history_clear(&got);
        snapshot_destroy(snapshot);
    }
    history_clear(&history);
}

static void is_refused(const struct snapshot *snapshot, const char *path)
{
    struct history got = {0};
    if (history_get(&got, snapshot) != WEFT_EDAMAGED || strstr(weft_last_error(), path) == NULL)
        fail_msg("%s: taken, or another message: %s", path, weft_last_error());
    for (size_t s = 0; s < SPLIT_COUNT; s++)
        assert_true(got.row[s] == NULL && got.count[s] == 0);
}

static void damaged_snapshots_are_refused(void **state)
{
    (void)state;
    struct history history = sample_history();
    for (size_t i = 0; i < 6 * SPLIT_COUNT; i++) {
        struct snapshot *snapshot = snapshot_create();
        assert_ok(history_put(&history, snapshot));
        assert_int_equal(snapshot->array_count, 6 * SPLIT_COUNT);
        struct array *array = &snapshot->array[i], whole = *array;
        char path[64];
        snprintf(path, sizeof path, "%s", array->path);
        array->type = whole.type == ARRAY_F64 ? ARRAY_I64 : ARRAY_F64;
        is_refused(snapshot, path);
        *array = whole;
        array->rank = 2;
        is_refused(snapshot, path);
        *array = whole;
        array->count = array->dim[0] = whole.count - 1;
        is_refused(snapshot, "rows, but /history/");
        *array = whole;
        array->path[strlen("/history/")] = '?';
        is_refused(snapshot, path);
        snapshot_destroy(snapshot);
    }
    history_clear(&history);
}

static weft_status through_a_snapshot(const struct history *history, struct history *got)
{
    struct snapshot *snapshot = snapshot_create();
    weft_status st = snapshot == NULL ? WEFT_ENOMEM : history_put(history, snapshot);
    if (st == WEFT_OK)
        st = history_get(got, snapshot);
    char *text = st == WEFT_OK ? history_text(got, INT64_MAX) : NULL;
    if (st == WEFT_OK && text == NULL)
        st = WEFT_ENOMEM;
    if (st == WEFT_OK)
        st = history_add(got, SPLIT_TEST, &(struct history_row){.step = 1000});
    memory_free(text);
    snapshot_destroy(snapshot);
    return st;
}

static void memory_may_be_short(void **state)
{
    (void)state;
    struct history history = {0};
    for (int64_t i = 0; i < 64; i++)                            /* the next row needs room */
        add(&history, SPLIT_TEST, i, 1);
    for (size_t n = 1;; n++) {
        struct history got = {0};
        memory_fail_from(n);
        weft_status st = through_a_snapshot(&history, &got);
        memory_fail_from(0);
        size_t rows = got.count[SPLIT_TEST];
        history_clear(&got);
        if (st == WEFT_OK) {
            assert_int_equal(rows, 65);
            break;
        }
        assert_int_equal(st, WEFT_ENOMEM);
        assert_true(rows == 0 || rows == 64);
    }
    history_clear(&history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_has_one_line_a_step),
        cmocka_unit_test(csv_of_values_has_their_figures),
        cmocka_unit_test(rows_of_values_survive_a_snapshot),
        cmocka_unit_test_teardown(csv_knows_no_locale, scratch_clear),
        cmocka_unit_test(a_line_always_fits),
        cmocka_unit_test(rows_are_found_by_step),
        cmocka_unit_test(rows_survive_a_snapshot),
        cmocka_unit_test(damaged_snapshots_are_refused),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests_name("history", tests, scratch_make, scratch_remove);
}
