/* What a plateau makes of the learning rate, as a function of a made-up history. */
#include "support.h"

#include <math.h>
#include <stdio.h>

#include "train/plateau.h"

enum { STEPS_PER_EPOCH = 5 };

static weft_settings *plateau_settings(const char *more)
{
    char all[512];
    snprintf(all, sizeof all, "schedule.name=plateau; schedule.factor=0.5; schedule.patience=20 steps; %s", more);
    return settings_of(all);
}

/* A row each ten steps, the first at step 0: the figure that is looked at, of this split. The others get better all the time. */
static struct history history_of(enum stop_metric metric, const double *value, size_t count)
{
    struct history history = {0};
    for (size_t i = 0; i < count; i++)
        for (enum split_name s = 0; s < SPLIT_COUNT; s++) {
            double good = 1 / (double)(i + 1);
            struct history_row row = {.step = 10 * (int64_t)i, .cost = good, .loss = good, .accuracy = 1 - good};
            size_t figure = (size_t)(metric - STOP_TRAIN_COST) % 3;
            if ((size_t)s == (size_t)(metric - STOP_TRAIN_COST) / 3)
                *(figure == 0 ? &row.cost : figure == 1 ? &row.loss : &row.accuracy) = value[i];
            assert_int_equal(history_add(&history, s, &row), WEFT_OK);
        }
    return history;
}

/* The scale after each row in turn: of rows beyond it nothing shows. */
static void expect_scales(const char *assignments, enum stop_metric metric, const double *value, const double *want, size_t count)
{
    weft_settings *s = plateau_settings(assignments);
    struct history history = history_of(metric, value, count);
    s->schedule.metric = metric;
    for (size_t i = 0; i < count; i++)
        for (int64_t late = 0; late < 10; late += 9) {
            double scale = plateau_scale(s, &history, 10 * (int64_t)i + late, STEPS_PER_EPOCH);
            if (scale != want[i])
                fail_msg("%s, after step %zu: %.17g, wanted %.17g", assignments, 10 * i + (size_t)late, scale, want[i]);
        }
    assert_true(plateau_scale(s, &history, -1, STEPS_PER_EPOCH) == 1);          /* nothing has been evaluated yet */
    assert_true(plateau_scale(s, &history, INT64_MAX, STEPS_PER_EPOCH) == want[count - 1]);
    history_clear(&history);
    weft_settings_destroy(s);
}

/* Patience is 20 steps, two rows. The best is 3 at step 20; nothing better by step 40: the first fall. Patience begins anew: 60, 80.
 * Then 2 is better at step 90, and 2 again is not. */
static void the_scale_falls_when_patience_is_out(void **state)
{
    (void)state;
    static const double value[] = {5, 4, 3, 3, 4, 3, 9, 3, 3, 2, 2, 2, 2};
    static const double want[] = {1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.125, 0.125, 0.125, 0.0625, 0.0625};
    expect_scales("", STOP_VALIDATION_COST, value, want, COUNT(want));
    expect_scales("", STOP_TRAIN_LOSS, value, want, COUNT(want));
    expect_scales("", STOP_TEST_COST, value, want, COUNT(want));
    double negative[COUNT(value)];
    for (size_t i = 0; i < COUNT(value); i++)
        negative[i] = -value[i];
    expect_scales("", STOP_TEST_ACCURACY, negative, want, COUNT(want));         /* an accuracy rises */
    expect_scales("", STOP_TRAIN_ACCURACY, negative, want, COUNT(want));
}

/* In steps that no row falls on, the row after them counts; patience in epochs is so many of their steps. */
static void patience_is_in_steps_or_epochs(void **state)
{
    (void)state;
    static const double value[] = {3, 3, 3, 3, 3, 3, 3}, each[] = {1, 0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625};
    static const double second[] = {1, 1, 0.5, 0.5, 0.25, 0.25, 0.125}, third[] = {1, 1, 1, 0.5, 0.5, 0.5, 0.25};
    expect_scales("schedule.patience=1 steps", STOP_VALIDATION_LOSS, value, each, COUNT(value));
    expect_scales("schedule.patience=10 steps", STOP_VALIDATION_LOSS, value, each, COUNT(value));
    expect_scales("schedule.patience=11 steps", STOP_VALIDATION_LOSS, value, second, COUNT(value));
    expect_scales("schedule.patience=2 epochs", STOP_VALIDATION_LOSS, value, each, COUNT(value));
    expect_scales("schedule.patience=4 epochs", STOP_VALIDATION_LOSS, value, second, COUNT(value));
    expect_scales("schedule.patience=5 epochs", STOP_VALIDATION_LOSS, value, third, COUNT(value));
    static const double never[] = {1, 1, 1, 1, 1, 1, 1};
    expect_scales("schedule.patience=1000 epochs", STOP_VALIDATION_LOSS, value, never, COUNT(value));
}

static void final_fraction_is_the_floor(void **state)
{
    (void)state;
    static const double value[] = {3, 3, 3, 3, 3}, floored[] = {1, 0.5, 0.25, 0.2, 0.2}, at_once[] = {1, 0.75, 0.75, 0.75, 0.75};
    expect_scales("schedule.patience=10 steps; schedule.final_fraction=0.2", STOP_VALIDATION_COST, value, floored, COUNT(value));
    expect_scales("schedule.patience=10 steps; schedule.final_fraction=0.75", STOP_VALIDATION_COST, value, at_once, COUNT(value));
    static const double never[] = {1, 1, 1, 1, 1};
    expect_scales("schedule.patience=10 steps; schedule.final_fraction=1", STOP_VALIDATION_COST, value, never, COUNT(value));
    expect_scales("schedule.patience=10 steps; schedule.factor=1", STOP_VALIDATION_COST, value, never, COUNT(value));
}

/* Any improvement counts, however small, of the best there was before the falls. */
static void improvements_are_of_the_best(void **state)
{
    (void)state;
    const double value[] = {3, 5, 5, 4, 4, nextafter(3, 0), 5, 5};
    static const double want[] = {1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125};
    expect_scales("", STOP_VALIDATION_COST, value, want, COUNT(want));
}

static void other_schedules_have_no_plateau(void **state)
{
    (void)state;
    static const double value[] = {3, 3, 3, 3, 3, 3};
    static const char *const names[] = {"constant", "step", "exponential", "cosine"};
    struct history history = history_of(STOP_VALIDATION_COST, value, COUNT(value)), none = {0};
    for (size_t i = 0; i < COUNT(names); i++) {
        weft_settings *s = plateau_settings("");
        assert_int_equal(weft_settings_set(s, "schedule.name", names[i]), WEFT_OK);
        assert_true(plateau_scale(s, &history, 50, STEPS_PER_EPOCH) == 1);
        weft_settings_destroy(s);
    }
    weft_settings *s = plateau_settings("");
    assert_true(plateau_scale(s, &none, 50, STEPS_PER_EPOCH) == 1);             /* not evaluated on that split */
    weft_settings_destroy(s);
    history_clear(&history);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_scale_falls_when_patience_is_out),
        cmocka_unit_test(patience_is_in_steps_or_epochs),
        cmocka_unit_test(final_fraction_is_the_floor),
        cmocka_unit_test(improvements_are_of_the_best),
        cmocka_unit_test(other_schedules_have_no_plateau),
    };
    return cmocka_run_group_tests_name("plateau", tests, NULL, NULL);
}
