/* The figures of a classification report, against numbers worked by hand. */
#include "support.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "train/metrics.h"

static struct tally tally_of(size_t classes, const uint64_t *confusion)
{
    struct tally tally = {.classes = classes, .confusion = memory_new(classes * classes, sizeof *tally.confusion)};
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
    assert_int_equal(metrics_fill(&e, "validation", &tally, 0.5), WEFT_OK);
    assert_null(tally.confusion);                               /* taken over */
    assert_string_equal(e.split, "validation");
    assert_int_equal(e.rows, 11);
    assert_int_equal(e.classes, 3);
    assert_true(e.loss == 0.75 && e.cost == 1.25);
    assert_true(e.accuracy == 6.0 / 11);
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
    assert_int_equal(metrics_fill(&e, "test", &tally, 0), WEFT_OK);
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
    assert_int_equal(metrics_fill(&e, "train", &tally, 0), WEFT_OK);
    assert_true(e.accuracy == 1);
    assert_figures(&e.macro, 1, 1, 1, 10);
    assert_figures(&e.weighted, 1, 1, 1, 10);
    weft_evaluation_clear(&e);
    tally = tally_of(2, wrong);
    assert_int_equal(metrics_fill(&e, "train", &tally, 0), WEFT_OK);
    assert_true(e.accuracy == 0);
    assert_figures(&e.macro, 0, 0, 0, 10);
    assert_figures(&e.weighted, 0, 0, 0, 10);
    weft_evaluation_clear(&e);
}

/* The tally keeps its matrix, and the evaluation stays as it was. */
static void memory_may_be_short(void **state)
{
    (void)state;
    static const uint64_t confusion[] = {1, 2, 3, 4};
    struct tally tally = tally_of(2, confusion);
    weft_evaluation e = {.rows = 77};
    memory_fail_from(1);
    assert_int_equal(metrics_fill(&e, "train", &tally, 0), WEFT_ENOMEM);
    memory_fail_from(0);
    assert_memory_equal(tally.confusion, confusion, sizeof confusion);
    assert_int_equal(e.rows, 77);
    memory_free(tally.confusion);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_matrix_with_an_absent_class),
        cmocka_unit_test(a_full_matrix),
        cmocka_unit_test(all_right_and_all_wrong),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
