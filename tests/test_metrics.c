/* The figures of a report, of classes, labels and values, against numbers worked by hand. */
#include "tally_samples.h"

#include <float.h>
#include <math.h>

#include "train/metrics.h"

static const struct names no_names;

static struct tally tally_of(size_t classes, const uint64_t *confusion)
{
    struct tally tally = {.task = TASK_CLASSES, .outputs = classes,
                          .confusion = memory_new(classes * classes, sizeof *tally.confusion)};
    assert_non_null(tally.confusion);
    for (size_t i = 0; i < classes * classes; i++) {
        tally.confusion[i] = confusion[i];
        tally.rows += confusion[i];
        tally.correct += i % (classes + 1) == 0 ? confusion[i] : 0;
    }
    tally.loss = 0.75;
    return tally;
}

/* A figure is one or two divisions, a mean the sum of a few products: five roundings are more than any of them has. */
static void assert_figures(const weft_class_figures *got, double precision, double recall, double f1, uint64_t support)
{
    const double bound = 5 * (DBL_EPSILON / 2);
    assert_within(got->precision, precision, bound, "precision");
    assert_within(got->recall, recall, bound, "recall");
    assert_within(got->f1, f1, bound, "F1");
    assert_int_equal(got->support, support);
}

/* True class 1 has no rows, and nothing was ever taken for class 2.
 *            predicted   0   1   2
 *   true 0               6   2   0      precision 6/7, recall 6/8, F1 12/15
 *   true 1               0   0   0      precision 0/4, recall 0/0 = 0, F1 0/0 = 0
 *   true 2               1   2   0      precision 0/0 = 0, recall 0/3, F1 0 */
static void a_matrix_with_an_absent_class(void **state)
{
    (void)state;
    static const uint64_t confusion[] = {6, 2, 0, 0, 0, 0, 1, 2, 0};
    struct tally tally = tally_of(3, confusion);
    weft_evaluation e;
    assert_int_equal(metrics_fill(&e, "validation", &tally, 0.5, &no_names), WEFT_OK);
    assert_null(tally.confusion);                               /* taken over */
    assert_string_equal(e.split, "validation");
    assert_int_equal(e.rows, 11);
    assert_int_equal(e.outputs, 3);
    assert_true(e.loss == 0.75 && e.cost == 1.25);
    assert_true(e.accuracy == 6.0 / 11);
    assert_int_equal(e.task, WEFT_TASK_CLASSES);
    assert_true(isnan(e.label_accuracy) && isnan(e.r2) && isnan(e.mean_absolute_error) && e.per_value == NULL && e.name == NULL);
    assert_memory_equal(e.confusion, confusion, sizeof confusion);
    assert_figures(&e.per_class[0], 6.0 / 7, 0.75, 0.8, 8);
    assert_figures(&e.per_class[1], 0, 0, 0, 0);
    assert_figures(&e.per_class[2], 0, 0, 0, 3);
    assert_figures(&e.macro, 2.0 / 7, 0.25, 0.8 / 3, 11);
    assert_figures(&e.weighted, 48.0 / 77, 6.0 / 11, 6.4 / 11, 11);
    weft_evaluation_clear(&e);
    assert_true(e.confusion == NULL && e.per_class == NULL && e.rows == 0);
    weft_evaluation_clear(&e);
}

/*            predicted   0   1   2
 *   true 0               3   1   0      precision 3/5, recall 3/4, F1 2/3
 *   true 1               2   4   2      precision 4/6, recall 4/8, F1 4/7
 *   true 2               0   1   7      precision 7/9, recall 7/8, F1 14/17 */
static void a_full_matrix(void **state)
{
    (void)state;
    static const uint64_t confusion[] = {3, 1, 0, 2, 4, 2, 0, 1, 7};
    struct tally tally = tally_of(3, confusion);
    weft_evaluation e;
    assert_int_equal(metrics_fill(&e, "test", &tally, 0, &no_names), WEFT_OK);
    assert_true(e.accuracy == 14.0 / 20 && e.cost == e.loss);
    assert_figures(&e.per_class[0], 0.6, 0.75, 2.0 / 3, 4);
    assert_figures(&e.per_class[1], 2.0 / 3, 0.5, 4.0 / 7, 8);
    assert_figures(&e.per_class[2], 7.0 / 9, 0.875, 14.0 / 17, 8);
    assert_figures(&e.macro, (0.6 + 2.0 / 3 + 7.0 / 9) / 3, 2.125 / 3, (2.0 / 3 + 4.0 / 7 + 14.0 / 17) / 3, 20);
    assert_figures(&e.weighted, (4 * 0.6 + 8 * (2.0 / 3) + 8 * (7.0 / 9)) / 20, 0.7,
                   (4 * (2.0 / 3) + 8 * (4.0 / 7) + 8 * (14.0 / 17)) / 20, 20);
    weft_evaluation_clear(&e);
}

static void all_right_and_all_wrong(void **state)
{
    (void)state;
    static const uint64_t right[] = {4, 0, 0, 6}, wrong[] = {0, 4, 6, 0};
    struct tally tally = tally_of(2, right);
    weft_evaluation e;
    assert_int_equal(metrics_fill(&e, "train", &tally, 0, &no_names), WEFT_OK);
    assert_true(e.accuracy == 1);
    assert_figures(&e.macro, 1, 1, 1, 10);
    assert_figures(&e.weighted, 1, 1, 1, 10);
    weft_evaluation_clear(&e);
    tally = tally_of(2, wrong);
    assert_int_equal(metrics_fill(&e, "train", &tally, 0, &no_names), WEFT_OK);
    assert_true(e.accuracy == 0);
    assert_figures(&e.macro, 0, 0, 0, 10);
    assert_figures(&e.weighted, 0, 0, 0, 10);
    weft_evaluation_clear(&e);
}

/* ---- labels ---- */

/* labels_table: label 0 has 3 hits and 1 false alarm: precision 3/4, recall 1, F1 6/7; label 1 has nothing right; label 2
 * everything. Of 12 answers 3 are wrong, of 4 rows one is right as a whole. Supports are 3, 1 and 2. */
static void labels_have_figures_of_their_own(void **state)
{
    (void)state;
    struct teller t;
    struct tally tally;
    weft_evaluation e;
    teller_open(&t, TALLY_LABELS, labels_table());
    assert_ok(teller_tally(&t, &tally));
    assert_ok(metrics_fill(&e, "test", &tally, 0.25, &no_names));
    assert_int_equal(e.task, WEFT_TASK_LABELS);
    assert_int_equal(e.rows, 4);
    assert_int_equal(e.outputs, 3);
    assert_true(e.loss == tally.loss && e.cost == tally.loss + 0.25);
    assert_true(e.accuracy == 1.0 / 4);
    assert_true(e.label_accuracy == 1 - 3.0 / 12);
    assert_figures(&e.per_class[0], 0.75, 1, 6.0 / 7, 3);
    assert_figures(&e.per_class[1], 0, 0, 0, 1);
    assert_figures(&e.per_class[2], 1, 1, 1, 2);
    assert_figures(&e.macro, 1.75 / 3, 2.0 / 3, 13.0 / 21, 6);
    assert_figures(&e.weighted, 4.25 / 6, 5.0 / 6, (18.0 / 7 + 2) / 6, 6);
    assert_true(e.confusion == NULL && e.per_value == NULL && isnan(e.r2) && isnan(e.mean_absolute_error));
    weft_evaluation_clear(&e);
    tally_clear(&tally);
    teller_close(&t);
}

/* A label that no row has, and that nobody names: its ratios are 0, and so is the weight of its figures. */
static void absent_labels_have_no_weight(void **state)
{
    (void)state;
    struct label_counts counts[] = {{0, 0, 0}, {5, 0, 5}};
    struct tally tally = {.task = TASK_LABELS, .rows = 10, .outputs = 2, .correct = 5, .label = counts};
    weft_evaluation e;
    assert_ok(metrics_fill(&e, "test", &tally, 0, &no_names));
    assert_figures(&e.per_class[0], 0, 0, 0, 0);
    assert_figures(&e.per_class[1], 1, 0.5, 2.0 / 3, 10);
    assert_figures(&e.macro, 0.5, 0.25, 1.0 / 3, 10);
    assert_figures(&e.weighted, 1, 0.5, 2.0 / 3, 10);
    assert_true(e.label_accuracy == 0.75);
    weft_evaluation_clear(&e);
}

/* ---- values ---- */

/* values_table: value 0 has squared errors 2 of a spread of 5; value 1 is constant and met, value 2 constant and once off by 2. */
static void values_have_figures_of_their_own(void **state)
{
    (void)state;
    struct teller t;
    struct tally tally;
    weft_evaluation e;
    teller_open(&t, TALLY_VALUES, values_table());
    assert_ok(teller_tally(&t, &tally));
    assert_ok(metrics_fill(&e, "test", &tally, 0.25, &no_names));
    assert_int_equal(e.task, WEFT_TASK_REGRESSION);
    assert_true(e.per_value[0].r2 == 1 - 2.0 / 5 && e.per_value[0].mean_absolute_error == 0.5);
    assert_true(e.per_value[0].root_mean_square_error == sqrt(0.5));
    assert_true(e.per_value[1].r2 == 1 && e.per_value[1].mean_absolute_error == 0 && e.per_value[1].root_mean_square_error == 0);
    assert_true(e.per_value[2].r2 == 0 && e.per_value[2].mean_absolute_error == 0.5 && e.per_value[2].root_mean_square_error == 1);
    assert_within(e.r2, 1.6 / 3, 4 * 0x1p-53, "R2");
    assert_true(e.mean_absolute_error == 4.0 / 12);
    assert_true(e.loss == 0.5 && e.cost == 0.75);
    assert_true(isnan(e.accuracy) && isnan(e.label_accuracy));
    assert_true(e.confusion == NULL && e.per_class == NULL && e.macro.support == 0);
    weft_evaluation_clear(&e);
    assert_true(e.per_value == NULL);
    tally_clear(&tally);
    teller_close(&t);
}

/* ---- names ---- */

static struct names names_of(size_t count)
{
    static const char *const word[] = {"cat", "dog", "owl"};
    struct names names = {0};
    for (size_t i = 0; i < count; i++)
        assert_ok(names_add(&names, word[i], strlen(word[i])));
    return names;
}

static void names_are_copied(void **state)
{
    (void)state;
    static const uint64_t confusion[] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    struct names names = names_of(3);
    struct tally tally = tally_of(3, confusion);
    weft_evaluation e;
    assert_ok(metrics_fill(&e, "test", &tally, 0, &names));
    names_free(&names);
    assert_string_equal(e.name[0], "cat");
    assert_string_equal(e.name[2], "owl");
    weft_evaluation_clear(&e);
    assert_null(e.name);
    tally = tally_of(3, confusion);
    assert_ok(metrics_fill(&e, "test", &tally, 0, &no_names));
    assert_null(e.name);
    weft_evaluation_clear(&e);
}

/* ---- memory ---- */

/* The tally keeps what it has, and the evaluation is empty. */
static void memory_may_be_short(void **state)
{
    (void)state;
    static const uint64_t confusion[] = {1, 2, 3, 4};
    struct label_counts counts[] = {{1, 2, 3}, {3, 2, 1}};
    struct value_sums sums[] = {{1, 2, 3}, {3, 2, 1}};
    struct names names = names_of(2);
    const struct tally given[] = {tally_of(2, confusion), {.task = TASK_LABELS, .rows = 10, .outputs = 2, .label = counts},
                                  {.task = TASK_REGRESSION, .rows = 10, .outputs = 2, .value = sums}};
    for (size_t i = 0; i < COUNT(given); i++) {
        weft_status st = WEFT_ENOMEM;
        size_t n = 0;
        while (st != WEFT_OK) {
            struct tally tally = given[i];
            weft_evaluation e = {.rows = 77};
            memory_fail_from(++n);
            st = metrics_fill(&e, "train", &tally, 0, &names);
            memory_fail_from(0);
            assert_true(st == WEFT_OK || st == WEFT_ENOMEM);
            if (st == WEFT_ENOMEM) {
                assert_true(tally.confusion == given[i].confusion && e.rows == 0 && e.per_class == NULL && e.per_value == NULL);
                assert_true(e.name == NULL && e.confusion == NULL);
            }
            weft_evaluation_clear(&e);
        }
        assert_int_equal(n, 5);                         /* figures, room for names, two names; then none fails */
    }
    names_free(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_matrix_with_an_absent_class),
        cmocka_unit_test(a_full_matrix),
        cmocka_unit_test(all_right_and_all_wrong),
        cmocka_unit_test(labels_have_figures_of_their_own),
        cmocka_unit_test(absent_labels_have_no_weight),
        cmocka_unit_test(values_have_figures_of_their_own),
        cmocka_unit_test(names_are_copied),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
