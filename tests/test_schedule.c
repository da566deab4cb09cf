/* Learning rates against their formulas in libm's arithmetic. */
#include <math.h>

#include "support.h"
#include "train/schedule.h"

/* The formula, with the errors of a handful of double operations and of two cosines. */
static void expect_rate(const weft_settings *s, uint64_t step, uint64_t total, double want)
{
    assert_within(schedule_learning_rate(s, step, total), want, 16 * 0x1p-53 * s->optimizer.learning_rate,
                  "learning rate of step %llu of %llu", (unsigned long long)step, (unsigned long long)total);
}

static void constant_is_constant(void **state)
{
    (void)state;
    weft_settings *s = settings_of("optimizer.learning_rate=0.3");
    for (uint64_t step = 0; step < 100; step++)
        assert_true(schedule_learning_rate(s, step, step % 2 * 50) == 0.3);
    weft_settings_destroy(s);
}

static void warmup_is_a_straight_line(void **state)
{
    (void)state;
    weft_settings *s = settings_of("optimizer.learning_rate=0.3; schedule.warmup=10");
    for (uint64_t step = 0; step < 10; step++)
        expect_rate(s, step, 0, 0.3 * (double)(step + 1) / 10);
    assert_true(schedule_learning_rate(s, 9, 0) == 0.3);
    assert_true(schedule_learning_rate(s, 10, 0) == 0.3);
    assert_true(schedule_learning_rate(s, 1000, 0) == 0.3);
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
        for (uint64_t step = s->schedule.warmup; step <= 100; step++) {
            double u = ((double)step - warmup) / (100 - warmup);
            expect_rate(s, step, 100, end + (0.3 - end) * (1 + cos(acos(-1) * u)) / 2);
            assert_true(schedule_learning_rate(s, step, 100) < last);
            last = schedule_learning_rate(s, step, 100);
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
    assert_true(schedule_learning_rate(s, 20, 20) == 0.3);
    weft_settings_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constant_is_constant),
        cmocka_unit_test(warmup_is_a_straight_line),
        cmocka_unit_test(cosine_falls_to_the_final_fraction),
        cmocka_unit_test(warmup_may_be_longer_than_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
