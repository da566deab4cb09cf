/* What a network says of a split, counted: of classes, labels and values, against what is worked out by hand. */
#include "tally_samples.h"

#include <math.h>

/* Class 0 wins every tie.
 *   row   label   logits     said
 *   0     0       3 1 2      0
 *   1     0       1 1 0      0, a tie
 *   2     1       0 5 5      1, a tie
 *   3     1       9 1 9      0
 *   4     2       0 0 0      0, a tie
 *   5     2       0 1 2      2 */
static const float class_logits[] = {3, 1, 2, 1, 1, 0, 0, 5, 5, 9, 1, 9, 0, 0, 0, 0, 1, 2};
static const int32_t class_labels[] = {0, 0, 1, 1, 2, 2};
static const uint64_t class_confusion[] = {2, 0, 0, 1, 1, 0, 1, 0, 1};

static void expect_classes(const struct tally *tally, const uint64_t *confusion, size_t rows, size_t correct)
{
    assert_int_equal(tally->task, TASK_CLASSES);
    assert_int_equal(tally->rows, rows);
    assert_int_equal(tally->outputs, 3);
    assert_int_equal(tally->correct, correct);
    assert_memory_equal(tally->confusion, confusion, 9 * sizeof *confusion);
    assert_true(tally->label == NULL && tally->value == NULL);
}

static void classes_are_counted(void **state)
{
    (void)state;
    struct teller t;
    struct tally tally;
    double loss = 0;
    teller_open(&t, "", float_table(6, 3, class_logits, class_labels, 0, NULL));
    assert_ok(teller_tally(&t, &tally));
    expect_classes(&tally, class_confusion, 6, 4);
    for (size_t n = 0; n < 6; n++) {
        const float *z = class_logits + 3 * n;
        loss += (log(exp((double)z[0]) + exp((double)z[1]) + exp((double)z[2])) - (double)z[class_labels[n]]) / 6;
    }
    assert_within(tally.loss, loss, 16 * 0x1p-24 * loss, "loss");
    tally_clear(&tally);
    assert_true(tally.confusion == NULL && tally.rows == 0);
    tally_clear(&tally);
    teller_close(&t);
}

/* The class of a row of shares is the first of the largest. */
static void shares_have_a_class(void **state)
{
    (void)state;
    static const float shares[] = {0.5f, 0.25f, 0.25f, 0.4f, 0.4f, 0.2f, 0, 1, 0, 0.1f, 0.5f, 0.4f, 0.25f, 0.25f, 0.5f, 0, 0.5f, 0.5f};
    static const uint64_t confusion[] = {2, 0, 0, 1, 1, 1, 1, 0, 0};    /* classes 0 0 1 1 2 1 */
    struct teller t;
    struct tally tally;
    teller_open(&t, "", float_table(6, 3, class_logits, NULL, 3, shares));
    assert_ok(teller_tally(&t, &tally));
    expect_classes(&tally, confusion, 6, 3);
    tally_clear(&tally);
    teller_close(&t);
}

/* A sigmoid for each class: still the largest is what is said. */
static void classes_with_sigmoids_are_classes(void **state)
{
    (void)state;
    struct teller t;
    struct tally tally;
    teller_open(&t, TALLY_LABELS, float_table(6, 3, class_logits, class_labels, 0, NULL));
    assert_ok(teller_tally(&t, &tally));
    expect_classes(&tally, class_confusion, 6, 4);
    tally_clear(&tally);
    teller_close(&t);
}

static void labels_are_counted(void **state)
{
    (void)state;
    struct teller t;
    struct tally tally;
    teller_open(&t, TALLY_LABELS, labels_table());
    assert_ok(teller_tally(&t, &tally));
    static const struct label_counts want[] = {{3, 1, 0}, {0, 1, 1}, {2, 0, 0}};
    assert_int_equal(tally.task, TASK_LABELS);
    assert_int_equal(tally.rows, 4);
    assert_int_equal(tally.outputs, 3);
    assert_int_equal(tally.correct, 1);
    assert_memory_equal(tally.label, want, sizeof want);
    assert_true(tally.confusion == NULL && tally.value == NULL);
    tally_clear(&tally);
    teller_close(&t);
}

/* Whole numbers: every sum is exact. */
static void values_are_summed(void **state)
{
    (void)state;
    struct teller t;
    struct tally tally;
    teller_open(&t, TALLY_VALUES, values_table());
    assert_ok(teller_tally(&t, &tally));
    static const struct value_sums want[] = {{2, 2, 5}, {0, 0, 0}, {4, 2, 0}};
    assert_int_equal(tally.task, TASK_REGRESSION);
    assert_int_equal(tally.outputs, 3);
    assert_int_equal(tally.correct, 0);
    assert_memory_equal(tally.value, want, sizeof want);
    assert_true(tally.loss == 6.0 / 3 / 4);             /* mean over values, then over rows */
    assert_true(value_r2(&tally.value[0]) == 1 - 2.0 / 5);
    assert_true(value_r2(&tally.value[1]) == 1);        /* constant, and met */
    assert_true(value_r2(&tally.value[2]) == 0);        /* constant, and not met */
    assert_within(tally_r2(&tally), (0.6 + 1 + 0) / 3, 4 * 0x1p-53, "R2");
    assert_true(tally_mean_absolute_error(&tally) == 4.0 / 12);
    tally_clear(&tally);
    teller_close(&t);
}

/* A mean is better than nothing, something worse than it below 0. */
static void r2_is_against_the_mean(void **state)
{
    (void)state;
    assert_true(value_r2(&(struct value_sums){.error2 = 0, .spread = 3}) == 1);
    assert_true(value_r2(&(struct value_sums){.error2 = 3, .spread = 3}) == 0);
    assert_true(value_r2(&(struct value_sums){.error2 = 9, .spread = 3}) == -2);
    assert_true(value_r2(&(struct value_sums){.error2 = 1e-300, .spread = 0}) == 0);
}

/* The rows of a split, not those of its table: here 1 and 3. */
static void only_rows_of_the_split_count(void **state)
{
    (void)state;
    static const struct label_counts want[] = {{2, 0, 0}, {0, 1, 1}, {1, 0, 0}};
    struct teller t;
    struct tally tally;
    teller_open(&t, TALLY_LABELS, labels_table());
    struct split *split = &t.dataset.split[SPLIT_TRAIN];
    split->row[0] = 1;
    split->row[1] = 3;
    split->count = 2;
    assert_ok(teller_tally(&t, &tally));
    assert_int_equal(tally.rows, 2);
    assert_memory_equal(tally.label, want, sizeof want);
    tally_clear(&tally);
    teller_close(&t);
    teller_open(&t, TALLY_VALUES, values_table());
    split = &t.dataset.split[SPLIT_TRAIN];
    split->row[0] = 1;
    split->row[1] = 3;
    split->count = 2;
    assert_ok(teller_tally(&t, &tally));
    assert_true(tally.value[0].error2 == 1 && tally.value[0].absolute == 1 && tally.value[0].spread == 2);
    tally_clear(&tally);
    teller_close(&t);
    teller_open(&t, "", float_table(6, 3, class_logits, class_labels, 0, NULL));
    split = &t.dataset.split[SPLIT_TRAIN];
    split->row[0] = 3;
    split->count = 1;
    assert_ok(teller_tally(&t, &tally));
    static const uint64_t of_one[] = {0, 0, 0, 1, 0, 0, 0, 0, 0};
    expect_classes(&tally, of_one, 1, 0);
    tally_clear(&tally);
    teller_close(&t);
}

static void memory_may_be_short(void **state)
{
    (void)state;
    for (size_t task = 0; task < 3; task++) {
        struct teller t;
        teller_open(&t, task == 0 ? "" : task == 1 ? TALLY_LABELS : TALLY_VALUES,
                    task == 0 ? float_table(6, 3, class_logits, class_labels, 0, NULL) : task == 1 ? labels_table() : values_table());
        weft_status st = WEFT_ENOMEM;
        size_t n = 0;
        while (st != WEFT_OK) {
            struct tally tally;
            memory_fail_from(++n);
            st = teller_tally(&t, &tally);
            memory_fail_from(0);
            assert_true(st == WEFT_OK || st == WEFT_ENOMEM);
            if (st == WEFT_OK)
                tally_clear(&tally);
            else
                assert_true(tally.confusion == NULL && tally.label == NULL && tally.value == NULL);
        }
        assert_true(n >= 4);
        teller_close(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_are_counted),
        cmocka_unit_test(shares_have_a_class),
        cmocka_unit_test(classes_with_sigmoids_are_classes),
        cmocka_unit_test(labels_are_counted),
        cmocka_unit_test(values_are_summed),
        cmocka_unit_test(r2_is_against_the_mean),
        cmocka_unit_test(only_rows_of_the_split_count),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests_name("tally", tests, NULL, NULL);
}
