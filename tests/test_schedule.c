/* Learning rates against their formulas in libm's arithmetic. */
#include <math.h>

#include "support.h"
#include "train/schedule.h"

enum { STEPS_PER_EPOCH = 10 };

static double rate_at(const weft_settings *s, uint64_t step, uint64_t total, double plateau_scale)
{
    const struct schedule schedule = {s, STEPS_PER_EPOCH, total, plateau_scale};
    return schedule_learning_rate(&schedule, step);
}

static double rate_of(const weft_settings *s, uint64_t step, uint64_t total)
{
    return rate_at(s, step, total, 1);
}

/* The formula, with the errors of a handful of double operations and of two cosines. */
static void expect_rate(const weft_settings *s, uint64_t step, uint64_t total, double want)
{
    assert_within(rate_of(s, step, total), want, 16 * 0x1p-53 * schedule_full_rate(s), "learning rate of step %llu of %llu",
                  (unsigned long long)step, (unsigned long long)total);
}

static void constant_is_constant(void **state)
{
    (void)state;
    weft_settings *s = settings_of("optimizer.learning_rate=0.3");
    for (uint64_t step = 0; step < 100; step++)
        assert_true(rate_of(s, step, step % 2 * 50) == 0.3);
    weft_settings_destroy(s);
}

static void warmup_is_a_straight_line(void **state)
{
    (void)state;
    weft_settings *s = settings_of("optimizer.learning_rate=0.3; schedule.warmup=10");
    for (uint64_t step = 0; step < 10; step++)
        expect_rate(s, step, 0, 0.3 * (double)(step + 1) / 10);
    assert_true(rate_of(s, 9, 0) == 0.3);
    assert_true(rate_of(s, 10, 0) == 0.3);
    assert_true(rate_of(s, 1000, 0) == 0.3);
    weft_settings_destroy(s);
}

static void cosine_falls_to_the_final_fraction(void **state)
{
    (void)state;
    static const char *const given[] = {
        "optimizer.learning_rate=0.3; schedule.name=cosine",
        "optimizer.learning_rate=0.3; schedule.name=cosine; schedule.warmup=7",
        "optimizer.learning_rate=0.3; schedule.name=cosine; schedule.warmup=7; schedule.final_fraction=0.1",
    };
    for (size_t i = 0; i < COUNT(given); i++) {
        weft_settings *s = settings_of(given[i]);
        double warmup = (double)s->schedule.warmup, end = 0.3 * s->schedule.final_fraction, last = 1;
        for (uint64_t step = s->schedule.warmup; step < 100; step++) {
            double u = ((double)step - warmup) / (100 - warmup);
            expect_rate(s, step, 100, end + (0.3 - end) * (1 + cos(acos(-1) * u)) / 2);
            assert_true(rate_of(s, step, 100) < last);
            last = rate_of(s, step, 100);
        }
        expect_rate(s, 100, 100, end);
        expect_rate(s, 1000, 100, end);         /* a run that is made longer stays at the end */
        weft_settings_destroy(s);
    }
}

/* A run that ends within its warm-up has no cosine. */
static void warmup_may_be_longer_than_the_run(void **state)
{
    (void)state;
    weft_settings *s = settings_of("optimizer.learning_rate=0.3; schedule.name=cosine; schedule.warmup=20");
    expect_rate(s, 5, 10, 0.3 * 6 / 20);
    assert_true(rate_of(s, 20, 20) == 0.3);
    weft_settings_destroy(s);
}

/* factor^n in long double; the library's power and exponential each err by a few units more per doubling of n. */
static void expect_power(const weft_settings *s, uint64_t step, double exponent)
{
    double factor = s->schedule.factor, full = schedule_full_rate(s);
    double want = (double)((long double)full * powl((long double)factor, (long double)exponent));
    double relative = (16 + 4 * exponent * fmax(1, fabs(log(factor)))) * 0x1p-53;
    assert_within(rate_of(s, step, 0), want, relative * want, "%s at step %llu", s->schedule.name == SCHEDULE_STEP ? "step"
                  : "exponential", (unsigned long long)step);
}

static void steps_fall_at_once(void **state)
{
    (void)state;
    static const struct { const char *every; uint64_t steps; } row[] = {{"7 steps", 7}, {"3 epochs", 30}, {"1 steps", 1}};
    for (size_t r = 0; r < COUNT(row); r++)
        for (uint64_t warmup = 0; warmup <= 5; warmup += 5) {
            weft_settings *s = settings_of("optimizer.learning_rate=0.3; schedule.name=step; schedule.factor=0.7");
            assert_int_equal(weft_settings_set(s, "schedule.every", row[r].every), WEFT_OK);
            s->schedule.warmup = warmup;
            for (uint64_t step = warmup; step < warmup + 100; step++) {
                uint64_t falls = (step - warmup) / row[r].steps;
                expect_power(s, step, (double)falls);
                if (falls == 0)
                    assert_true(rate_of(s, step, 0) == 0.3);
                if (step > warmup && (step - warmup) % row[r].steps != 0)
                    assert_true(rate_of(s, step, 0) == rate_of(s, step - 1, 0));
            }
            weft_settings_destroy(s);
        }
}

static void exponential_falls_smoothly(void **state)
{
    (void)state;
    static const struct { const char *every; double steps; } row[] = {{"7 steps", 7}, {"3 epochs", 30}, {"1 steps", 1}};
    for (size_t r = 0; r < COUNT(row); r++)
        for (uint64_t warmup = 0; warmup <= 5; warmup += 5) {
            weft_settings *s = settings_of("optimizer.learning_rate=0.3; schedule.name=exponential; schedule.factor=0.7");
            assert_int_equal(weft_settings_set(s, "schedule.every", row[r].every), WEFT_OK);
            s->schedule.warmup = warmup;
            assert_true(rate_of(s, warmup, 0) == 0.3);
            for (uint64_t step = warmup; step < warmup + 100; step++) {
                expect_power(s, step, (double)(step - warmup) / row[r].steps);
                assert_true(rate_of(s, step + 1, 0) < rate_of(s, step, 0));
            }
            weft_settings_destroy(s);
        }
}

/* Factor 1 falls nowhere, and a long run ends at 0, not at a NaN. */
static void powers_have_their_ends(void **state)
{
    (void)state;
    static const char *const names[] = {"step", "exponential"};
    for (size_t i = 0; i < COUNT(names); i++) {
        weft_settings *s = settings_of("optimizer.learning_rate=0.3; schedule.factor=1; schedule.every=1 steps");
        assert_int_equal(weft_settings_set(s, "schedule.name", names[i]), WEFT_OK);
        assert_true(rate_of(s, 1000000, 0) == 0.3);
        s->schedule.factor = 0.5;
        assert_true(rate_of(s, UINT64_C(1000000000000), 0) == 0);
        s->schedule.factor = 4.94e-324;
        assert_true(rate_of(s, 0, 0) == 0.3 && rate_of(s, 5, 0) == 0);
        weft_settings_destroy(s);
    }
}

/* What has become of the rate so far is for the caller to say; the warm-up comes first. */
static void plateau_multiplies(void **state)
{
    (void)state;
    weft_settings *s = settings_of("optimizer.learning_rate=0.3; schedule.name=plateau; schedule.warmup=4");
    for (uint64_t step = 0; step < 20; step++)
        assert_true(rate_at(s, step, 0, 0.125) == (step < 4 ? 0.3 * ((double)(step + 1) / 4) : 0.3 * 0.125));
    weft_settings_destroy(s);
    s = settings_of("optimizer.learning_rate=0.3");             /* no other schedule looks at it */
    assert_true(rate_at(s, 5, 0, 0.125) == 0.3);
    weft_settings_destroy(s);
}

/* ---- large batches ---- */

static void large_batches_scale_the_rate(void **state)
{
    (void)state;
    static const struct { const char *assignments; double full; } row[] = {
        {"optimizer.lr_scale=none; train.batch_size=1024", 0.1},
        {"optimizer.lr_scale=linear; train.batch_size=1024", 0.4},
        {"optimizer.lr_scale=sqrt; train.batch_size=1024", 0.2},
        {"optimizer.lr_scale=linear; train.batch_size=256", 0.1},
        {"optimizer.lr_scale=linear; train.batch_size=64", 0.025},
        {"optimizer.lr_scale=sqrt; train.batch_size=64", 0.05},
        {"optimizer.lr_scale=linear; train.batch_size=96; optimizer.lr_scale_batch=32", 0.3},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        weft_settings *s = settings_of(row[i].assignments);
        s->optimizer.learning_rate = 0.1;
        assert_within(schedule_full_rate(s), row[i].full, 0x1p-52 * row[i].full, "%s", row[i].assignments);
        expect_rate(s, 100, 0, row[i].full);
        weft_settings_destroy(s);
    }
}

/* From the rate as it is given to the larger one; from 0 where it is not larger, or not scaled. */
static void warmup_leads_from_the_base_rate(void **state)
{
    (void)state;
    static const struct { const char *assignments; double from, to; } row[] = {
        {"optimizer.lr_scale=linear; train.batch_size=1024", 0.1, 0.4},
        {"optimizer.lr_scale=sqrt; train.batch_size=1024", 0.1, 0.2},
        {"optimizer.lr_scale=linear; train.batch_size=256", 0, 0.1},
        {"optimizer.lr_scale=linear; train.batch_size=64", 0, 0.025},
        {"optimizer.lr_scale=none; train.batch_size=1024", 0, 0.1},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        weft_settings *s = settings_of(row[i].assignments);
        s->optimizer.learning_rate = 0.1;
        s->schedule.warmup = 8;
        for (uint64_t step = 0; step < 8; step++)
            expect_rate(s, step, 0, row[i].from + (row[i].to - row[i].from) * (double)(step + 1) / 8);
        assert_true(rate_of(s, 7, 0) == schedule_full_rate(s) && rate_of(s, 8, 0) == schedule_full_rate(s));
        s->schedule.name = SCHEDULE_COSINE;
        s->schedule.final_fraction = 0.5;
        expect_rate(s, 100, 100, row[i].to / 2);                /* of the full rate */
        s->schedule.name = SCHEDULE_PLATEAU;
        assert_within(rate_at(s, 50, 0, 0.25), row[i].to / 4, 0x1p-50 * row[i].to, "plateau of the full rate");
        weft_settings_destroy(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant_is_constant),
        cmocka_unit_test(warmup_is_a_straight_line),
        cmocka_unit_test(cosine_falls_to_the_final_fraction),
        cmocka_unit_test(warmup_may_be_longer_than_the_run),
        cmocka_unit_test(steps_fall_at_once),
        cmocka_unit_test(exponential_falls_smoothly),
        cmocka_unit_test(powers_have_their_ends),
        cmocka_unit_test(plateau_multiplies),
        cmocka_unit_test(large_batches_scale_the_rate),
        cmocka_unit_test(warmup_leads_from_the_base_rate),
    };
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
