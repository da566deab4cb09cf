/* Which evaluation is the best, and when patience runs out. */
#include "store_samples.h"

#include "train/early_stop.h"
#include "train/stop_metric.h"

static void set(weft_settings *settings, const char *name, const char *value)
{
    assert_ok(weft_settings_set(settings, name, value));
}

static struct early_stop stop_of(const char *metric, const char *patience, const char *min_delta)
{
    struct early_stop stop;
    weft_settings *settings = weft_settings_create();
    assert_non_null(settings);
    set(settings, "train.early_stop", metric);
    set(settings, "train.patience", patience);
    set(settings, "train.min_delta", min_delta);
    set(settings, "train.evaluate", "train, validation, test");
    early_stop_setup(&stop, settings, 5, true);
    weft_settings_destroy(settings);
    return stop;
}

/* One evaluation: the figure in question is value, all others would mislead. */
static bool look(struct early_stop *stop, struct history *history, int64_t step, double value)
{
    for (enum split_name s = 0; s < SPLIT_COUNT; s++) {
        struct history_row row = {.step = step, .cost = -step, .loss = -step, .accuracy = step};
        if (stop->metric != STOP_NONE && s == (enum split_name)((stop->metric - STOP_TRAIN_COST) / 3)) {
            row.cost = stop->metric % 3 == STOP_TRAIN_COST % 3 ? value : -step;
            row.loss = stop->metric % 3 == STOP_TRAIN_LOSS % 3 ? value : -step;
            row.accuracy = stop->metric % 3 == STOP_TRAIN_ACCURACY % 3 ? value : step;
        }
        assert_ok(history_add(history, s, &row));
    }
    return early_stop_look(stop, history, step);
}

static void assert_best(const struct early_stop *stop, int64_t step, double value)
{
    assert_true(stop->has_best);
    assert_int_equal(stop->best_step, step);
    assert_true(stop->best == value);
}

static void every_metric_looks_at_its_figure(void **state)
{
    (void)state;
    static const char *const metric[] = {"train_cost", "train_loss", "train_accuracy", "validation_cost", "validation_loss",
                                         "validation_accuracy", "test_cost", "test_loss", "test_accuracy"};
    for (size_t m = 0; m < COUNT(metric); m++) {
        struct early_stop stop = stop_of(metric[m], "10 steps", "0");
        struct history history = {0};
        double better = m % 3 == 2 ? 1 : -1;                    /* an accuracy rises, a cost or loss falls */
        assert_string_equal(stop_metric_name(stop.metric), metric[m]);
        assert_true(look(&stop, &history, 1, 0.5));             /* the first is the best */
        assert_best(&stop, 1, 0.5);
        assert_false(look(&stop, &history, 2, 0.5));            /* a tie is not better */
        assert_false(look(&stop, &history, 3, 0.5 - 0.25 * better));
        assert_best(&stop, 1, 0.5);
        assert_true(look(&stop, &history, 4, 0.5 + 0.25 * better));
        assert_best(&stop, 4, 0.5 + 0.25 * better);
        assert_false(early_stop_look(&stop, &history, 5));      /* nothing was evaluated at that step */
        assert_best(&stop, 4, 0.5 + 0.25 * better);
        history_clear(&history);
    }
}

/* Better by exactly min_delta is not better; the distance is from the best, so that small steps do not add up unseen. */
static void an_improvement_is_more_than_min_delta(void **state)
{
    (void)state;
    struct early_stop cost = stop_of("validation_cost", "100 steps", "0.25"),
                      accuracy = stop_of("validation_accuracy", "100 steps", "0.25");
    struct history of_cost = {0}, of_accuracy = {0};
    static const double fall[] = {4, 3.75, 3.875, 3.5}, rise[] = {0.25, 0.5, 0.375, 0.75};
    static const bool best[] = {true, false, false, true};
    for (int64_t i = 0; i < 4; i++) {
        assert_int_equal(look(&cost, &of_cost, i, fall[i]), best[i]);
        assert_int_equal(look(&accuracy, &of_accuracy, i, rise[i]), best[i]);
    }
    assert_best(&cost, 3, 3.5);
    assert_best(&accuracy, 3, 0.75);
    history_clear(&of_cost);
    history_clear(&of_accuracy);
}

static void patience_runs_from_the_best(void **state)
{
    (void)state;
    struct early_stop stop = stop_of("train_loss", "3 steps", "0");
    struct history history = {0};
    assert_false(early_stop_is_due(&stop, 1000));               /* nothing is best yet */
    assert_true(look(&stop, &history, 10, 1));
    assert_false(early_stop_is_due(&stop, 10));
    assert_false(early_stop_is_due(&stop, 12));
    assert_true(early_stop_is_due(&stop, 13));
    assert_true(look(&stop, &history, 12, 0.5));
    assert_false(early_stop_is_due(&stop, 14));
    assert_false(look(&stop, &history, 15, 0.5));
    assert_true(early_stop_is_due(&stop, 15));
    assert_true(early_stop_is_due(&stop, 16));
    history_clear(&history);
    struct early_stop epochs = stop_of("train_loss", "3 epochs", "0");
    assert_int_equal(epochs.patience_steps, 15);
}

/* Without early_stop the best is still kept track of, by the validation cost if there is one, and never ends the run. */
static void without_early_stop_the_best_is_known(void **state)
{
    (void)state;
    weft_settings *settings = weft_settings_create();
    struct early_stop stop;
    struct history history = {0};
    early_stop_setup(&stop, settings, 5, true);
    assert_string_equal(stop_metric_name(stop.metric), "validation_cost");
    assert_true(look(&stop, &history, 1, 3));
    assert_false(look(&stop, &history, 2, 3));
    assert_false(early_stop_is_due(&stop, 1000000));
    history_clear(&history);
    early_stop_setup(&stop, settings, 5, false);
    assert_string_equal(stop_metric_name(stop.metric), "none");
    assert_false(look(&stop, &history, 1, 3));
    assert_int_equal(stop.best_step, -1);
    history_clear(&history);
    set(settings, "train.evaluate", "train");
    early_stop_setup(&stop, settings, 5, true);
    assert_string_equal(stop_metric_name(stop.metric), "none");
    weft_settings_destroy(settings);
}

static void the_best_survives_a_snapshot(void **state)
{
    (void)state;
    for (int has_best = 0; has_best <= 1; has_best++) {
        struct early_stop stop = stop_of("test_loss", "3 steps", "0"), got = stop_of("test_loss", "3 steps", "0");
        struct history history = {0};
        if (has_best)
            look(&stop, &history, 7, 0.1);
        struct snapshot *snapshot = snapshot_create();
        assert_ok(early_stop_put(&stop, snapshot));
        assert_ok(early_stop_get(&got, snapshot));
        assert_int_equal(got.has_best, has_best);
        assert_int_equal(got.best_step, has_best ? 7 : -1);
        assert_true(got.best == stop.best);
        assert_int_equal(early_stop_is_due(&got, 10), has_best);
        snapshot_destroy(snapshot);
        history_clear(&history);
    }
}

static void a_damaged_snapshot_is_refused(void **state)
{
    (void)state;
    struct early_stop stop = stop_of("test_loss", "3 steps", "0");
    struct snapshot *snapshot = snapshot_create();
    assert_int_equal(early_stop_get(&stop, snapshot), WEFT_EDAMAGED);
    assert_ok(snapshot_put_integer(snapshot, "/trainer", "best_step", 3));
    assert_int_equal(early_stop_get(&stop, snapshot), WEFT_EDAMAGED);
    assert_ok(snapshot_put_text(snapshot, "/trainer", "best_value", "low"));
    assert_int_equal(early_stop_get(&stop, snapshot), WEFT_EDAMAGED);
    snapshot_destroy(snapshot);
}

static void memory_may_be_short(void **state)
{
    (void)state;
    struct early_stop stop = stop_of("test_loss", "3 steps", "0");
    for (size_t n = 1;; n++) {
        struct snapshot *snapshot = snapshot_create();
        memory_fail_from(n);
        weft_status st = early_stop_put(&stop, snapshot);
        memory_fail_from(0);
        snapshot_destroy(snapshot);
        if (st == WEFT_OK)
            break;
        assert_int_equal(st, WEFT_ENOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_metric_looks_at_its_figure),
        cmocka_unit_test(an_improvement_is_more_than_min_delta),
        cmocka_unit_test(patience_runs_from_the_best),
        cmocka_unit_test(without_early_stop_the_best_is_known),
        cmocka_unit_test(the_best_survives_a_snapshot),
        cmocka_unit_test(a_damaged_snapshot_is_refused),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests_name("early_stop", tests, NULL, NULL);
}
