/* What the labels of a table become: classes, shares of classes, scores of labels, or values; and the weights of classes. */
#include "data_samples.h"

#include <math.h>

static const char SIGMOID[] = "network.output=sigmoid; network.loss=binary_cross_entropy; ";
static const char LINEAR[] = "network.output=linear; network.loss=mse; ";

static const char *with(const char *output, const char *more)
{
    static char both[4][4096 + 128];
    static unsigned next;
    char *text = both[next++ % COUNT(both)];
    snprintf(text, sizeof both[0], "%s%s", output, more);
    return text;
}

static void expect_labels(const struct table *table, const int32_t *want)
{
    assert_null(table->target);
    assert_int_equal(table->targets, 0);
    assert_memory_equal(table->label, want, table->count * sizeof *want);
}

static void expect_targets(const struct table *table, size_t targets, const float *want)
{
    assert_null(table->label);
    assert_int_equal(table->targets, targets);
    assert_same_bits(table->target, want, table->count * targets, "targets");
}

/* ---- classes ---- */

static void labels_stay_labels(void **state)
{
    (void)state;
    static const int32_t label[] = {0, 3, 1, 3};
    struct dataset dataset;
    open_table("", numbered_table(4, label, 0, NULL), &dataset);
    assert_int_equal(dataset.task, TASK_CLASSES);
    assert_int_equal(dataset.outputs, 4);               /* class 2 is one, though no row has it */
    expect_labels(&dataset.train, label);
    dataset_close(&dataset);
    static const int32_t same[] = {2, 2, 2}, negative[] = {0, -1, 1};
    refuse_table("", numbered_table(3, same, 0, NULL), WEFT_EDATA, "all 3 training rows have label 2, wanted two classes or more");
    refuse_table("", numbered_table(3, negative, 0, NULL), WEFT_EDATA, "training row 1 has label -1, wanted 0 to 1");
}

static void one_hot_shares_become_labels(void **state)
{
    (void)state;
    static const float shares[] = {0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0};
    static const int32_t want[] = {1, 2, 0, 1};
    struct dataset dataset, of_labels;
    open_table("", numbered_table(4, NULL, 3, shares), &dataset);
    assert_int_equal(dataset.outputs, 3);
    expect_labels(&dataset.train, want);
    open_table("", numbered_table(4, want, 0, NULL), &of_labels);
    assert_string_equal(dataset.digest, of_labels.digest);      /* the same rows in another file */
    dataset_close(&dataset);
    dataset_close(&of_labels);
}

static void soft_shares_stay(void **state)
{
    (void)state;
    static const float shares[] = {0, 1, 0, 0.25f, 0.25f, 0.5f, 0.333f, 0.333f, 0.333f, 0.9995f, 0, 0};
    struct dataset dataset;
    open_table("", numbered_table(4, NULL, 3, shares), &dataset);
    assert_int_equal(dataset.task, TASK_CLASSES);
    assert_int_equal(dataset.outputs, 3);
    expect_targets(&dataset.train, 3, shares);          /* rounded ones too, as they are */
    dataset_close(&dataset);
}

/* In a row each 0 or more, together 1 within 0.001. */
static void shares_must_add_up(void **state)
{
    (void)state;
    static const struct { float share[3]; const char *words; } bad[] = {
        {{0.5f, 0.5f, 0.5f}, "the shares of the classes in training row 1 do not add up to 1"},
        {{0.5f, 0.498f, 0}, "do not add up to 1"}, {{0.5f, 0.502f, 0}, "do not add up to 1"}, {{0, 0, 0}, "do not add up to 1"},
        {{1, 1, 0}, "do not add up to 1"}, {{1.5f, -0.5f, 0}, "in training row 1 are not all positive"},
        {{NAN, 0.5f, 0.5f}, "do not add up to 1"}, {{INFINITY, 0, 0}, "do not add up to 1"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        float shares[6] = {1, 0, 0};
        memcpy(shares + 3, bad[i].share, sizeof bad[i].share);
        refuse_table("", numbered_table(2, NULL, 3, shares), WEFT_EDATA, bad[i].words);
    }
}

/* A file's labels beside another one's shares: all become shares if some are soft, else all labels. */
static void labels_and_shares_are_mixed(void **state)
{
    (void)state;
    char more[4096];
    struct dataset dataset;
    const char *hard = csv_put("hard.csv", "1,a\n2,b\n3,c\n"), *soft = csv_put("soft.csv", "f,a,b,c\n4,0.5,0.5,0\n5,0,0,1\n");
    const char *one_hot = csv_put("one_hot.csv", "f,a,b,c\n4,0,1,0\n5,0,0,1\n");
    snprintf(more, sizeof more, "data.validation=%s?label=a,b,c", soft);
    open_source(hard, more, &dataset);
    static const float of_train[] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, of_validation[] = {0.5f, 0.5f, 0, 0, 0, 1};
    expect_targets(&dataset.train, 3, of_train);
    expect_targets(&dataset.validation, 3, of_validation);
    assert_int_equal(dataset.outputs, 3);
    dataset_close(&dataset);
    snprintf(more, sizeof more, "data.validation=%s?label=a,b,c", one_hot);
    open_source(hard, more, &dataset);
    static const int32_t labels[] = {1, 2};
    expect_labels(&dataset.validation, labels);
    assert_non_null(dataset.train.label);
    dataset_close(&dataset);
    snprintf(more, sizeof more, "%s?label=a,b,c", soft);
    open_source(more, with("data.validation=", hard), &dataset);
    expect_targets(&dataset.validation, 3, of_train);
    dataset_close(&dataset);
}

/* Soft shares with more or fewer columns than there are classes must not get past. */
static void shares_have_a_column_for_each_class(void **state)
{
    (void)state;
    static const char *const other[] = {"1,0.5,0.25,0.25,0\n", "1,0.5,0.5\n"};
    static const char *const label[] = {"?label=1,2,3,4&header=no", "?label=1,2&header=no"};
    char more[4096], of_train[4096];
    snprintf(of_train, sizeof of_train, "%s?label=1,2,3&header=no", csv_put("train.csv", "1,0.5,0.5,0\n2,0,0,1\n"));
    for (size_t i = 0; i < COUNT(other); i++) {
        snprintf(more, sizeof more, "data.validation=%s%s", csv_put("other.csv", other[i]), label[i]);
        refuse_source(of_train, more, WEFT_EDATA, "wanted 3");
    }
}

/* ---- scores ---- */

static void scores_are_targets(void **state)
{
    (void)state;
    static const float scores[] = {1, 1, 0, 0, 0.25f, 1, 0, 0, 0};
    struct dataset dataset;
    open_table(SIGMOID, numbered_table(3, NULL, 3, scores), &dataset);
    assert_int_equal(dataset.task, TASK_LABELS);
    assert_int_equal(dataset.outputs, 3);
    expect_targets(&dataset.train, 3, scores);          /* one-hot or not: several may be right */
    dataset_close(&dataset);
    open_table(SIGMOID, numbered_table(3, NULL, 1, scores + 1), &dataset);
    assert_int_equal(dataset.outputs, 1);               /* one label: a plain yes or no */
    dataset_close(&dataset);
    static const float bad[] = {1.0001f, -0.0001f, NAN, INFINITY};
    static const char *const words[] = {"is 1.0001, wanted 0 to 1", "is -0.0001, wanted 0 to 1", "wanted 0 to 1", "is inf, wanted 0"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        const float with_bad[] = {0, 1, 0, bad[i]};
        refuse_table(SIGMOID, numbered_table(2, NULL, 2, with_bad), WEFT_EDATA, "target 1 of training row 1 ");
        expect_words(words[i]);
    }
}

/* A class each: of the sigmoids exactly one is right. */
static void classes_may_have_sigmoids(void **state)
{
    (void)state;
    static const int32_t label[] = {0, 2, 1};
    struct dataset dataset;
    open_table(SIGMOID, numbered_table(3, label, 0, NULL), &dataset);
    assert_int_equal(dataset.task, TASK_CLASSES);
    assert_int_equal(dataset.outputs, 3);
    expect_labels(&dataset.train, label);
    dataset_close(&dataset);
}

/* What the rows are for a model is what it was trained for: a class alone is one label of several, if it says so. */
static void a_model_of_labels_takes_a_class_for_one(void **state)
{
    (void)state;
    static const struct names none;
    static const float shift[] = {0}, scale[] = {1}, want[] = {0, 0, 1, 1, 0, 0};
    static const int32_t labels[] = {2, 0};
    struct expected expected = {.task = TASK_LABELS, .features = 1, .outputs = 3, .classes = &none, .shift = shift, .scale = scale};
    idx_put("train", 2, 0, 1, (const uint8_t[]){7, 8}, (const uint8_t[]){2, 0});
    weft_settings *settings = data_settings(idx_uri(), SIGMOID);
    struct dataset dataset;
    open_data(settings, &expected, &dataset);
    assert_int_equal(dataset.task, TASK_LABELS);
    assert_int_equal(dataset.outputs, 3);
    expect_targets(&dataset.train, 3, want);
    dataset_close(&dataset);
    expected.task = TASK_CLASSES;
    open_data(settings, &expected, &dataset);
    assert_int_equal(dataset.task, TASK_CLASSES);
    expect_labels(&dataset.train, labels);
    dataset_close(&dataset);
    expected.outputs = 2;
    refuse_data(settings, &expected, WEFT_EDATA, "training row 0 has label 2, wanted 0 to 1");
    expected.task = TASK_LABELS;
    refuse_data(settings, &expected, WEFT_EDATA, "training row 0 has label 2, wanted 0 to 1");
    weft_settings_destroy(settings);
}

/* ---- values ---- */

static void values_are_targets(void **state)
{
    (void)state;
    static const float values[] = {-3, 1e30f, 0.5f, -0.0f, 7, 1e-30f};
    struct dataset dataset;
    open_table(LINEAR, numbered_table(3, NULL, 2, values), &dataset);
    assert_int_equal(dataset.task, TASK_REGRESSION);
    assert_int_equal(dataset.outputs, 2);
    expect_targets(&dataset.train, 2, values);
    dataset_close(&dataset);
    static const float bad[] = {1, 2, NAN, 4}, infinite[] = {1, 2, 3, -INFINITY};
    refuse_table(LINEAR, numbered_table(2, NULL, 2, bad), WEFT_EDATA, "target 0 of training row 1 is nan, wanted a finite number");
    refuse_table(LINEAR, numbered_table(2, NULL, 2, infinite), WEFT_EDATA, "target 1 of training row 1 is -inf");
}

static void a_class_number_is_a_value(void **state)
{
    (void)state;
    static const int32_t label[] = {7, 0, 1000000};
    static const float want[] = {7, 0, 1e6f};
    struct dataset dataset;
    open_table(LINEAR, numbered_table(3, label, 0, NULL), &dataset);
    expect_targets(&dataset.train, 1, want);
    assert_int_equal(dataset.outputs, 1);
    dataset_close(&dataset);
    static const int32_t same[] = {5, 5};               /* all the same: dull, but a regression */
    open_table(LINEAR, numbered_table(2, same, 0, NULL), &dataset);
    dataset_close(&dataset);
    open_source("digits:?train=20&test=5", LINEAR, &dataset);
    assert_true(dataset.train.label == NULL && dataset.test.label == NULL && dataset.test.targets == 1);
    assert_int_equal(dataset.classes.count, 0);
    dataset_close(&dataset);
}

static void other_sources_have_as_many_targets(void **state)
{
    (void)state;
    char more[4096];
    const char *train = csv_put("train.csv", "1,2,3\n4,5,6\n"), *other = csv_put("other.csv", "1,2\n");
    char of_two[4096];
    snprintf(of_two, sizeof of_two, "%s?label=1,2&header=no", train);
    snprintf(more, sizeof more, "%sdata.test=%s?header=no", LINEAR, other);
    refuse_source(of_two, more, WEFT_EDATA, "a test row has 1 targets, wanted 2");
}

/* ---- names ---- */

/* Names of some classes are kept if they are names of all outputs. */
static void names_are_of_all_outputs_or_of_none(void **state)
{
    (void)state;
    struct dataset dataset;
    open_source(csv_put("a.csv", "1,dog\n2,cat\n"), "", &dataset);
    assert_int_equal(dataset.classes.count, 2);
    assert_string_equal(dataset.classes.name[0], "cat");
    dataset_close(&dataset);
    char uri[4096];
    snprintf(uri, sizeof uri, "%s?label=x,y", csv_put("b.csv", "f,x,y\n1,0.5,0.25\n2,1,0\n"));
    open_source(uri, SIGMOID, &dataset);
    assert_int_equal(dataset.outputs, 2);
    assert_true(dataset.classes.count == 0 || dataset.classes.count == 2);
    dataset_close(&dataset);
}

/* ---- weights of classes ---- */

/* Ten rows: 5, 3 and 2 of the classes. n / (classes * rows): 10/15, 10/9, 10/6. */
static const int32_t uneven[] = {0, 1, 0, 2, 0, 1, 0, 2, 0, 1};

static void balanced_weights_make_classes_count_alike(void **state)
{
    (void)state;
    static const float want[] = {(float)(10.0 / 15), (float)(10.0 / 9), (float)(10.0 / 6)};
    struct dataset dataset;
    open_table("train.class_weights=balanced", numbered_table(10, uneven, 0, NULL), &dataset);
    assert_same_bits(dataset.class_weight, want, 3, "balanced weights");
    double total = 0;
    for (size_t n = 0; n < 10; n++)
        total += (double)dataset.class_weight[uneven[n]];
    assert_within(total / 10, 1, 0x1p-24 * 2, "mean weight of a row");
    dataset_close(&dataset);
    static const float of_six[] = {(float)(6.0 / 9), 2, 1};     /* rows 0 to 5: 3, 2 and 1 */
    open_table("train.class_weights=balanced; data.train_limit=6", numbered_table(10, uneven, 0, NULL), &dataset);
    assert_true(dataset.class_weight[0] == of_six[0] && dataset.class_weight[1] == 1 && dataset.class_weight[2] == 2);
    dataset_close(&dataset);
    open_table(with(SIGMOID, "train.class_weights=balanced"), numbered_table(10, uneven, 0, NULL), &dataset);
    assert_same_bits(dataset.class_weight, want, 3, "balanced weights of sigmoids");
    dataset_close(&dataset);
    open_table("", numbered_table(10, uneven, 0, NULL), &dataset);
    assert_null(dataset.class_weight);
    dataset_close(&dataset);
    refuse_table("train.class_weights=balanced; data.train_limit=3", numbered_table(10, uneven, 0, NULL), WEFT_EDATA,
                 "train.class_weights = balanced: class 2 has no training rows in made:");
}

/* Rows that are held out for validation have no say. */
static void balanced_weights_are_of_the_training_rows(void **state)
{
    (void)state;
    size_t differ = 0;
    for (int seed = 1; seed <= 10; seed++) {
        char more[128];
        struct dataset plain, dataset;
        size_t rows[3] = {0};
        snprintf(more, sizeof more, "data.validation_fraction=0.3; train.seed=%d", seed);
        open_table(more, numbered_table(10, uneven, 0, NULL), &plain);
        const struct split *train = &plain.split[SPLIT_TRAIN];
        for (size_t i = 0; i < train->count; i++)
            rows[uneven[train->row[i]]]++;
        dataset_close(&plain);
        if (rows[0] == 0 || rows[1] == 0 || rows[2] == 0)
            continue;
        snprintf(more, sizeof more, "train.class_weights=balanced; data.validation_fraction=0.3; train.seed=%d", seed);
        open_table(more, numbered_table(10, uneven, 0, NULL), &dataset);
        for (size_t c = 0; c < 3; c++)
            assert_true(dataset.class_weight[c] == (float)(7 / (3 * (double)rows[c])));
        differ += rows[0] != 4 || rows[1] != 2 || rows[2] != 1;         /* those of the first seven rows */
        dataset_close(&dataset);
    }
    assert_true(differ >= 3);                           /* or something else would do as well */
}

/* Brought to mean 1. */
static void listed_weights_are_ratios(void **state)
{
    (void)state;
    static const struct { const char *list; float want[3]; } row[] = {
        {"1, 1, 1", {1, 1, 1}}, {"1, 2, 3", {0.5f, 1, 1.5f}}, {"2e10, 4e10, 6e10", {0.5f, 1, 1.5f}},
        {"0.1, 0.1, 0.4", {0.5f, 0.5f, 2}}, {"1e30, 1e30, 1e30", {1, 1, 1}},
    };
    for (size_t r = 0; r < COUNT(row); r++) {
        struct dataset dataset;
        open_table(with("train.class_weights=", row[r].list), numbered_table(10, uneven, 0, NULL), &dataset);
        for (size_t c = 0; c < 3; c++)          /* a sum, a quotient, a product: in double; then one rounding */
            assert_within((double)dataset.class_weight[c], (double)row[r].want[c], 2 * 0x1p-24, "%s: class %zu", row[r].list, c);
        dataset_close(&dataset);
    }
    refuse_table("train.class_weights=1, 2", numbered_table(10, uneven, 0, NULL), WEFT_ESETTINGS, "2 numbers for 3 classes");
    refuse_table("train.class_weights=1, 2, 3, 4", numbered_table(10, uneven, 0, NULL), WEFT_ESETTINGS, "4 numbers for 3 classes");
    refuse_table("train.class_weights=1, 1e-300, 1", numbered_table(10, uneven, 0, NULL), WEFT_ESETTINGS,
                 "number 2 is nothing beside the others");
}

static void weights_need_a_class_for_each_row(void **state)
{
    (void)state;
    static const float shares[] = {0.5f, 0.5f, 1, 0};
    refuse_table("train.class_weights=1, 2", numbered_table(2, NULL, 2, shares), WEFT_ESETTINGS,
                 "train.class_weights: the rows of made: have no single class each");
    refuse_table(with(SIGMOID, "train.class_weights=balanced"), numbered_table(2, NULL, 2, shares), WEFT_ESETTINGS,
                 "have no single class each");
    static const float one_hot[] = {0, 1, 1, 0};
    struct dataset dataset;
    open_table("train.class_weights=1, 3", numbered_table(2, NULL, 2, one_hot), &dataset);
    assert_true(dataset.class_weight[0] == 0.5f && dataset.class_weight[1] == 1.5f);
    dataset_close(&dataset);
}

static void a_model_brings_its_own_weights(void **state)
{
    (void)state;
    static const struct names none;
    static const float shift[] = {0}, scale[] = {1}, weight[] = {0.25f, 1.75f};
    struct expected expected = {.features = 1, .outputs = 2, .classes = &none, .shift = shift, .scale = scale, .class_weight = weight};
    weft_settings *settings = data_settings(csv_put("a.csv", "1,0\n2,0\n3,0\n"), "train.class_weights=balanced");
    struct dataset dataset;
    open_data(settings, &expected, &dataset);
    assert_same_bits(dataset.class_weight, weight, 2, "weights of the model");
    assert_ptr_not_equal(dataset.class_weight, weight);
    dataset_close(&dataset);
    expected.class_weight = NULL;
    open_data(settings, &expected, &dataset);
    assert_null(dataset.class_weight);
    dataset_close(&dataset);
    weft_settings_destroy(settings);
}

/* ---- memory ---- */

static void memory_may_be_short(void **state)
{
    (void)state;
    static const float one_hot[] = {0, 1, 1, 0};
    static const int32_t label[] = {0, 1};
    struct table of_shares = numbered_table(2, NULL, 2, one_hot), of_labels = numbered_table(2, label, 0, NULL);
    assert_true(starve_table("train.class_weights=1, 3", &of_shares) >= 8);
    assert_true(starve_table("train.class_weights=balanced", &of_labels) >= 8);
    assert_true(starve_table(LINEAR, &of_labels) >= 7);
    table_free(&of_shares);
    table_free(&of_labels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_stay_labels),
        cmocka_unit_test(one_hot_shares_become_labels),
        cmocka_unit_test(soft_shares_stay),
        cmocka_unit_test(shares_must_add_up),
        TEST(labels_and_shares_are_mixed),
        TEST(shares_have_a_column_for_each_class),
        cmocka_unit_test(scores_are_targets),
        cmocka_unit_test(classes_may_have_sigmoids),
        TEST(a_model_of_labels_takes_a_class_for_one),
        cmocka_unit_test(values_are_targets),
        cmocka_unit_test(a_class_number_is_a_value),
        TEST(other_sources_have_as_many_targets),
        TEST(names_are_of_all_outputs_or_of_none),
        cmocka_unit_test(balanced_weights_make_classes_count_alike),
        cmocka_unit_test(balanced_weights_are_of_the_training_rows),
        cmocka_unit_test(listed_weights_are_ratios),
        cmocka_unit_test(weights_need_a_class_for_each_row),
        TEST(a_model_brings_its_own_weights),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests_name("targets", tests, scratch_make, scratch_remove);
}
