/* Which rows are for training, for validation and for the test. */
#include "data_samples.h"

#include "base/rng.h"

/* ---- cut off at random ---- */

static void without_validation_rows_keep_their_order(void **state)
{
    (void)state;
    struct dataset dataset;
    open_source("digits:?train=50&test=30", "data.train_limit=20; data.test_limit=31", &dataset);
    assert_int_equal(dataset.split[SPLIT_TRAIN].count, 20);
    assert_int_equal(dataset.split[SPLIT_TEST].count, 30);
    assert_ptr_equal(dataset.split[SPLIT_TRAIN].table, &dataset.train);
    assert_ptr_equal(dataset.split[SPLIT_TEST].table, &dataset.test);
    assert_null(dataset.split[SPLIT_VALIDATION].table);
    for (uint32_t i = 0; i < 30; i++) {
        if (i < 20)
            assert_int_equal(dataset.split[SPLIT_TRAIN].row[i], i);
        assert_int_equal(dataset.split[SPLIT_TEST].row[i], i);
    }
    dataset_close(&dataset);
}

/* The rule of dataset.h by another way: sort the head and the tail of the permutation. */
static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void validation_rows_follow_the_rule(void **state)
{
    (void)state;
    static const struct { uint64_t limit; double fraction; size_t n, held; } rule[] = {
        {0, 0.2, 50, 10}, {0, 0.01, 50, 1}, {0, 0.98, 50, 49}, {0, 0.5, 50, 25}, {13, 0.25, 13, 3}, {14, 0.25, 14, 4},
    };
    for (size_t r = 0; r < COUNT(rule); r++) {
        weft_settings *settings = data_settings("digits:?train=50&test=1", "");
        struct dataset dataset;
        uint32_t order[50];
        settings->data.train_limit = rule[r].limit;
        settings->data.validation_fraction = rule[r].fraction;
        settings->train.seed = 40 + r;
        open_data(settings, NULL, &dataset);
        const struct split *train = &dataset.split[SPLIT_TRAIN], *validation = &dataset.split[SPLIT_VALIDATION];
        assert_int_equal(validation->count, rule[r].held);
        assert_int_equal(train->count, rule[r].n - rule[r].held);
        assert_ptr_equal(validation->table, &dataset.train);
        rng_permutation(40 + r, RNG_SPLIT, 0, (uint32_t)rule[r].n, order);
        qsort(order, rule[r].held, sizeof order[0], ascending);
        qsort(order + rule[r].held, rule[r].n - rule[r].held, sizeof order[0], ascending);
        assert_memory_equal(validation->row, order, rule[r].held * sizeof order[0]);
        assert_memory_equal(train->row, order + rule[r].held, train->count * sizeof order[0]);

        settings->data.validation_limit = 2;            /* drops the last ones, and does not give them to training */
        struct dataset cut;
        open_data(settings, NULL, &cut);
        assert_int_equal(cut.split[SPLIT_VALIDATION].count, rule[r].held < 2 ? rule[r].held : 2);
        assert_memory_equal(cut.split[SPLIT_VALIDATION].row, order, cut.split[SPLIT_VALIDATION].count * sizeof order[0]);
        assert_int_equal(cut.split[SPLIT_TRAIN].count, train->count);
        dataset_close(&cut);
        dataset_close(&dataset);
        weft_settings_destroy(settings);
    }
}

static void fractions_that_leave_no_row_are_refused(void **state)
{
    (void)state;
    static const char source[] = "digits:?train=50&test=1";
    refuse_source(source, "data.validation_fraction=0.009", WEFT_ESETTINGS,
                  "validation_fraction = 0.009 of 50 training rows leaves no row for validation");
    refuse_source(source, "data.validation_fraction=0.995", WEFT_ESETTINGS, "leaves no row for training");
    refuse_source(source, "data.validation_fraction=0.4; data.train_limit=1", WEFT_ESETTINGS,
                  "of 1 training rows leaves no row for validation");
}

/* ---- stratified ---- */

/* Class c in `rows` rows; classes mixed in an order that the seed says. */
enum { CLASSES = 5 };
static const size_t class_rows[CLASSES] = {40, 3, 17, 100, 1};

static struct table mixed_table(uint64_t seed)
{
    struct random random = {seed};
    int32_t label[256];
    size_t count = 0;
    for (int32_t c = 0; c < CLASSES; c++)
        for (size_t i = 0; i < class_rows[c]; i++)
            label[count++] = c;
    for (size_t i = count - 1; i > 0; i--) {
        size_t other = random_below(&random, i + 1);
        int32_t kept = label[i];
        label[i] = label[other];
        label[other] = kept;
    }
    return numbered_table(count, label, 0, NULL);
}

static void count_classes(const struct split *split, size_t rows[CLASSES])
{
    memset(rows, 0, CLASSES * sizeof *rows);
    for (size_t i = 0; i < split->count; i++)
        rows[split->table->label[split->row[i]]]++;
}

/* Disjoint, complete and in file order. */
static void expect_partition(const struct dataset *dataset, size_t count)
{
    const struct split *train = &dataset->split[SPLIT_TRAIN], *validation = &dataset->split[SPLIT_VALIDATION];
    assert_int_equal(train->count + validation->count, count);
    assert_ptr_equal(train->table, &dataset->train);
    assert_ptr_equal(validation->table, &dataset->train);
    for (size_t row = 0, t = 0, v = 0; row < count; row++) {
        bool in_train = t < train->count && train->row[t] == row, in_validation = v < validation->count && validation->row[v] == row;
        assert_true(in_train != in_validation);
        t += in_train;
        v += in_validation;
    }
}

/* Of each class round(fraction * its rows), the first of them in the permutation. */
static void each_class_gives_its_part(void **state)
{
    (void)state;
    static const double fraction[] = {0.01, 0.05, 0.1, 0.25, 0.5, 0.9};
    for (size_t f = 0; f < COUNT(fraction); f++)
        for (uint64_t seed = 1; seed <= 3; seed++) {
            char more[160];
            struct dataset dataset;
            uint32_t order[256];
            size_t of_train[CLASSES], of_validation[CLASSES], left[CLASSES];
            snprintf(more, sizeof more, "data.stratified=yes; data.validation_fraction=%.17g; train.seed=%d", fraction[f], (int)seed);
            open_table(more, mixed_table(seed + f), &dataset);
            expect_partition(&dataset, dataset.train.count);
            count_classes(&dataset.split[SPLIT_TRAIN], of_train);
            count_classes(&dataset.split[SPLIT_VALIDATION], of_validation);
            for (size_t c = 0; c < CLASSES; c++) {
                assert_int_equal(of_validation[c], (size_t)(fraction[f] * (double)class_rows[c] + 0.5));
                assert_int_equal(of_train[c], class_rows[c] - of_validation[c]);
                left[c] = of_validation[c];
            }
            rng_permutation(seed, RNG_SPLIT, 0, (uint32_t)dataset.train.count, order);
            for (size_t i = 0; i < dataset.train.count; i++) {
                size_t class = (size_t)dataset.train.label[order[i]];
                const struct split *validation = &dataset.split[SPLIT_VALIDATION];
                bool is_held = bsearch(&order[i], validation->row, validation->count, sizeof *order, ascending) != NULL;
                assert_int_equal(is_held, left[class] > 0);
                left[class] -= is_held;
            }
            dataset_close(&dataset);
        }
}

static void the_cut_is_a_function_of_the_seed(void **state)
{
    (void)state;
    struct dataset one, again, other;
    open_table("data.stratified=yes; data.validation_fraction=0.25; train.seed=1", mixed_table(1), &one);
    open_table("data.stratified=yes; data.validation_fraction=0.25; train.seed=1", mixed_table(1), &again);
    open_table("data.stratified=yes; data.validation_fraction=0.25; train.seed=2", mixed_table(1), &other);
    const struct split *held = &one.split[SPLIT_VALIDATION];
    assert_memory_equal(again.split[SPLIT_VALIDATION].row, held->row, held->count * sizeof *held->row);
    assert_int_equal(other.split[SPLIT_VALIDATION].count, held->count);
    assert_memory_not_equal(other.split[SPLIT_VALIDATION].row, held->row, held->count * sizeof *held->row);
    assert_string_equal(again.digest, one.digest);
    assert_string_not_equal(other.digest, one.digest);
    dataset_close(&one);
    dataset_close(&again);
    dataset_close(&other);
}

/* Rows beyond train_limit are neither; validation_limit keeps the first. */
static void limits_hold_for_a_stratified_cut(void **state)
{
    (void)state;
    struct dataset dataset, cut;
    open_table("data.stratified=yes; data.validation_fraction=0.25; data.train_limit=80", mixed_table(4), &dataset);
    expect_partition(&dataset, 80);
    open_table("data.stratified=yes; data.validation_fraction=0.25; data.train_limit=80; data.validation_limit=5", mixed_table(4),
               &cut);
    assert_int_equal(cut.split[SPLIT_VALIDATION].count, 5);
    assert_memory_equal(cut.split[SPLIT_VALIDATION].row, dataset.split[SPLIT_VALIDATION].row, 5 * sizeof(uint32_t));
    assert_int_equal(cut.split[SPLIT_TRAIN].count, dataset.split[SPLIT_TRAIN].count);
    dataset_close(&dataset);
    dataset_close(&cut);
}

static void stratified_cuts_may_leave_no_row(void **state)
{
    (void)state;
    static const int32_t four[] = {0, 1, 0, 1};
    refuse_table("data.stratified=yes; data.validation_fraction=0.2", numbered_table(4, four, 0, NULL), WEFT_ESETTINGS,
                 "data.validation_fraction = 0.2 of 4 training rows leaves no row for validation");
    refuse_table("data.stratified=yes; data.validation_fraction=0.8", numbered_table(4, four, 0, NULL), WEFT_ESETTINGS,
                 "leaves no row for training");
    static const float shares[] = {0.5f, 0.5f, 1, 0, 0, 1, 0.25f, 0.75f};
    refuse_table("data.stratified=yes; data.validation_fraction=0.5", numbered_table(4, NULL, 2, shares), WEFT_ESETTINGS,
                 "data.stratified = yes: the rows of made: have no single class each");
    struct dataset dataset;                     /* of no use, so no fault */
    open_table("data.stratified=yes", numbered_table(4, NULL, 2, shares), &dataset);
    dataset_close(&dataset);
}

/* ---- validation and test rows of their own ---- */

static const char TRAIN[] = "1,0\n2,1\n3,0\n4,1\n5,2\n", VALIDATION[] = "6,1\n7,2\n8,0\n", TEST_ROWS[] = "9,1\n10,1\n";

static void sources_of_their_own(void **state)
{
    (void)state;
    char more[4096], wanted[PATH_MAX];
    struct dataset dataset, alone;
    const char *train = csv_put("train.csv", TRAIN), *validation = csv_put("validation.csv", VALIDATION);
    const char *test = csv_put("test.csv", TEST_ROWS);
    snprintf(more, sizeof more, "data.validation=%s; data.test=%s; data.validation_fraction=0.4", validation, test);
    open_source(train, more, &dataset);
    static const size_t count[] = {5, 3, 2};
    const struct table *const table[] = {&dataset.train, &dataset.validation, &dataset.test};
    for (enum split_name s = 0; s < SPLIT_COUNT; s++) {         /* and nothing is cut off */
        assert_int_equal(dataset.split[s].count, count[s]);
        assert_ptr_equal(dataset.split[s].table, table[s]);
        for (size_t i = 0; i < count[s]; i++)
            assert_int_equal(dataset.split[s].row[i], i);
    }
    assert_true(dataset.validation.value[2] == 8 && dataset.validation.label[1] == 2 && dataset.test.value[1] == 10);
    snprintf(wanted, sizeof wanted, "csv:%s", realpath(in_scratch("validation.csv"), more));
    assert_string_equal(dataset.validation_source, wanted);
    snprintf(wanted, sizeof wanted, "csv:%s", realpath(in_scratch("test.csv"), more));
    assert_string_equal(dataset.test_source, wanted);
    open_source(train, "", &alone);
    assert_string_equal(alone.validation_source, "none");
    assert_string_equal(alone.test_source, "none");
    assert_string_not_equal(alone.digest, dataset.digest);
    dataset_close(&alone);
    dataset_close(&dataset);
}

static void sources_of_their_own_are_limited(void **state)
{
    (void)state;
    char more[4096];
    struct dataset dataset;
    const char *train = csv_put("train.csv", TRAIN), *validation = csv_put("validation.csv", VALIDATION);
    const char *test = csv_put("test.csv", TEST_ROWS);
    snprintf(more, sizeof more, "data.validation=%s; data.test=%s; data.train_limit=4; data.validation_limit=2; data.test_limit=1",
             validation, test);
    open_source(train, more, &dataset);
    assert_int_equal(dataset.split[SPLIT_TRAIN].count, 4);
    assert_int_equal(dataset.split[SPLIT_VALIDATION].count, 2);
    assert_int_equal(dataset.split[SPLIT_TEST].count, 1);
    dataset_close(&dataset);
}

/* Of the other source the training rows are taken, and they replace test rows of the first. */
static void training_rows_of_another_source_are_taken(void **state)
{
    (void)state;
    struct dataset dataset, plain;
    open_source("digits:?train=30&test=20", "data.test=digits:?train=10&test=7&seed=2; data.validation=digits:?train=5&test=0&seed=3",
                &dataset);
    open_source("digits:?train=10&test=7&seed=2", "", &plain);
    assert_int_equal(dataset.test.count, 10);
    assert_memory_equal(dataset.test.pixel, plain.train.pixel, 10 * plain.features);
    assert_int_equal(dataset.validation.count, 5);
    assert_string_equal(dataset.test_source, "digits:?train=10&test=7&seed=2");
    dataset_close(&dataset);
    dataset_close(&plain);
}

/* Classes are matched by name: "cat" alone in a test file is the class that it is in training. */
static void other_sources_have_the_classes_of_training(void **state)
{
    (void)state;
    char more[4096];
    struct dataset dataset;
    const char *train = csv_put("train.csv", "1,dog\n2,cat\n3,owl\n"), *test = csv_put("test.csv", "4,owl\n5,dog\n");
    snprintf(more, sizeof more, "data.test=%s", test);
    open_source(train, more, &dataset);
    assert_int_equal(dataset.classes.count, 3);
    assert_string_equal(dataset.classes.name[2], "owl");
    assert_true(dataset.test.label[0] == 2 && dataset.test.label[1] == 1);
    dataset_close(&dataset);
    csv_put("test.csv", "4,owl\n5,elk\n");
    refuse_source(train, more, WEFT_EDATA, "elk");
}

/* Without names classes are found by their numbers: a test file of 7 and 3 alone does not count them 0 and 1. */
static void other_sources_have_the_numbers_of_training(void **state)
{
    (void)state;
    static const uint8_t pixel[16] = {0}, label[] = {0, 3, 7, 1};
    char more[PATH_MAX + 32];
    struct dataset dataset;
    idx_put("train", 4, 0, 2, pixel, label);
    snprintf(more, sizeof more, "data.test=%s", csv_put("test.csv", "1,2,7\n3,4,3\n5,6,7\n"));
    open_source(idx_uri(), more, &dataset);
    static const int32_t want[] = {7, 3, 7};
    assert_memory_equal(dataset.test.label, want, sizeof want);
    assert_int_equal(dataset.outputs, 8);
    assert_int_equal(dataset.classes.count, 0);
    dataset_close(&dataset);
    csv_put("test.csv", "1,2,8\n");
    refuse_source(idx_uri(), more, WEFT_EDATA, "8");
}

static void other_sources_must_fit(void **state)
{
    (void)state;
    char more[PATH_MAX + 32];
    const char *train = csv_put("train.csv", "1,2,0\n2,3,1\n"), *other = csv_put("other.csv", "1,0\n");
    snprintf(more, sizeof more, "data.validation=%s", other);
    refuse_source(train, more, WEFT_EDATA, "2");                /* features, says the reader */
    refuse_source("digits:?train=5&test=5", more, WEFT_EDATA, "784");
    static const uint8_t pixel[784] = {0}, label[] = {1};
    idx_put("train", 1, 14, 56, pixel, label);
    snprintf(more, sizeof more, "data.test=%s", idx_uri());
    refuse_source("digits:?train=5&test=5", more, WEFT_EDATA, "a test row is a picture of 14 x 56 x 1, wanted 28 x 28 x 1");
    idx_put("train", 1, 0, 783, pixel, label);
    snprintf(more, sizeof more, "data.validation=%s", idx_uri());
    refuse_source("digits:?train=5&test=5", more, WEFT_EDATA, "a validation row has 783 features, wanted 784");
    refuse_source(train, "data.validation=csv:/nowhere", WEFT_ENOINPUT, "/nowhere");
    refuse_source(train, "data.test=cvs:/nowhere", WEFT_ESETTINGS, "unknown kind \"cvs\"");
    struct dataset dataset;                                     /* no picture fits every picture */
    idx_put("train", 1, 0, 784, pixel, label);
    open_source("digits:?train=5&test=5", more, &dataset);
    dataset_close(&dataset);
}

static void split_labels(void **state)
{
    (void)state;
    assert_string_equal(split_label(SPLIT_TRAIN), "train");
    assert_string_equal(split_label(SPLIT_VALIDATION), "validation");
    assert_string_equal(split_label(SPLIT_TEST), "test");
}

static void memory_may_be_short(void **state)
{
    (void)state;
    struct table table = mixed_table(1);
    assert_true(starve_table("data.stratified=yes; data.validation_fraction=0.3", &table) >= 9);
    table_free(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_validation_rows_keep_their_order),
        cmocka_unit_test(validation_rows_follow_the_rule),
        cmocka_unit_test(fractions_that_leave_no_row_are_refused),
        cmocka_unit_test(each_class_gives_its_part),
        cmocka_unit_test(the_cut_is_a_function_of_the_seed),
        cmocka_unit_test(limits_hold_for_a_stratified_cut),
        cmocka_unit_test(stratified_cuts_may_leave_no_row),
        TEST(sources_of_their_own),
        TEST(sources_of_their_own_are_limited),
        cmocka_unit_test(training_rows_of_another_source_are_taken),
        TEST(other_sources_have_the_classes_of_training),
        TEST(other_sources_have_the_numbers_of_training),
        TEST(other_sources_must_fit),
        cmocka_unit_test(split_labels),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests_name("split", tests, scratch_make, scratch_remove);
}
