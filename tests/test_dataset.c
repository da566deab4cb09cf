/* From a URI to rows, whatever holds for every source: its name, what it is made of, what a model expects of it, the digest. */
#include "data_samples.h"

#include <inttypes.h>
#include <math.h>

#include <xxhash.h>

/* ---- Source ---- */

static void sources_are_named_absolutely(void **state)
{
    (void)state;
    static const uint8_t pixel[8] = {1, 2, 3, 4, 5, 6, 7, 8}, label[2] = {0, 1};
    char here[PATH_MAX], uri[PATH_MAX], wanted[PATH_MAX + 8];
    struct dataset dataset;
    idx_put("train", 2, 2, 2, pixel, label);
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir("/tmp"), 0);
    snprintf(uri, sizeof uri, "idx:./%s/../%s/", scratch + 5, scratch + 5);
    open_source(uri, "", &dataset);
    assert_int_equal(chdir(here), 0);
    assert_non_null(realpath(scratch, here));
    snprintf(wanted, sizeof wanted, "idx:%s", here);
    assert_string_equal(dataset.source, wanted);
    assert_int_equal(dataset.features, 4);
    assert_int_equal(dataset.outputs, 2);
    assert_null(dataset.split[SPLIT_VALIDATION].table);
    assert_null(dataset.split[SPLIT_TEST].table);
    dataset_close(&dataset);
    assert_true(is_closed(&dataset));
    dataset_close(&dataset);

    open_source("digits:?train=20&test=10", "", &dataset);
    assert_string_equal(dataset.source, "digits:?train=20&test=10");
    assert_int_equal(dataset.outputs, 10);
    assert_int_equal(dataset.split[SPLIT_TEST].count, 10);
    dataset_close(&dataset);
}

static void unknown_sources_are_refused_with_a_hint(void **state)
{
    (void)state;
    static const struct { const char *uri; weft_status status; const char *words; } bad[] = {
        {"data/mnist", WEFT_ESETTINGS, "no kind in front; did you mean idx:data/mnist?"},
        {"/data:1/mnist", WEFT_ESETTINGS, "did you mean idx:/data:1/mnist?"},
        {":x", WEFT_ESETTINGS, "no kind in front"},
        {"digit:", WEFT_ESETTINGS, "unknown kind \"digit\", known: idx:DIR, csv:FILE, "},
        {"digit:", WEFT_ESETTINGS, "; did you mean digits:?"},
        {"MNIST:dir", WEFT_ESETTINGS, "did you mean idx:dir?"},
        {"IDX:dir", WEFT_ESETTINGS, "did you mean idx:dir?"},
        {"idx:", WEFT_ESETTINGS, "no path"},
        {"digits:7", WEFT_ESETTINGS, "takes no path, but \"7\""},
        {"digits:?classes=3", WEFT_ESETTINGS, "unknown option \"classes\"; known: train, test, seed"},
        {"idx:/tmp?limit=3", WEFT_ESETTINGS, "unknown option \"limit\"; it takes none"},
        {"idx:/nowhere/at/all", WEFT_ENOINPUT, "idx:/nowhere/at/all: No such file"},
        {"idx:/dev/null", WEFT_ENOINPUT, "/dev/null"},
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        refuse_source(bad[i].uri, "", bad[i].status, bad[i].words);
}

/* What a reader was asked with is part of the name: a resumed run asks again. */
static void options_stay_in_the_name(void **state)
{
    (void)state;
    char uri[PATH_MAX], wanted[2 * PATH_MAX];
    struct dataset dataset;
    snprintf(uri, sizeof uri, "%s?label=a%%26b&header=yes", csv_put("odd.csv", "f,a&b\n1,0\n2,1\n"));
    open_source(uri, "", &dataset);
    snprintf(wanted, sizeof wanted, "csv:%s/odd.csv?label=a%%26b&header=yes", realpath(scratch, uri));
    assert_string_equal(dataset.source, wanted);
    dataset_close(&dataset);
}

/* ---- Rows ---- */

static void bad_tables_are_refused(void **state)
{
    (void)state;
    static const uint8_t pixel[64] = {0}, two[] = {0, 2, 2}, one[] = {3, 3, 3}, beyond[] = {0, 1, 3};
    struct dataset dataset;
    idx_put("train", 3, 2, 2, pixel, one);
    refuse_source(idx_uri(), "", WEFT_EDATA, "all 3 training rows have label 3, wanted two classes or more");
    idx_put("train", 3, 2, 2, pixel, two);
    open_source(idx_uri(), "", &dataset);
    assert_int_equal(dataset.outputs, 3);               /* label 1 is a class, though no row has it */
    dataset_close(&dataset);
    idx_put("t10k", 3, 2, 2, pixel, beyond);
    refuse_source(idx_uri(), "", WEFT_EDATA, "test row 2 has label 3, wanted 0 to 2");
    idx_put("t10k", 3, 2, 3, pixel, two);
    refuse_source(idx_uri(), "", WEFT_EDATA, "a test row has 6 features, wanted 4");
    idx_put("t10k", 3, 1, 4, pixel, two);
    refuse_source(idx_uri(), "", WEFT_EDATA, "a test row is a picture of 1 x 4 x 1, wanted 2 x 2 x 1 as in training");
    idx_put("t10k", 3, 0, 4, pixel, two);                       /* rows that are no pictures are as good */
    open_source(idx_uri(), "", &dataset);
    dataset_close(&dataset);
    idx_put("t10k", 0, 2, 2, pixel, two);
    refuse_source(idx_uri(), "", WEFT_EDATA, "dimension 1 at byte 4 is 0");
    idx_put("t10k", 3, 2, 2, pixel, two);
    open_source(idx_uri(), "", &dataset);
    dataset_close(&dataset);
}

static void tables_in_memory_are_taken_over(void **state)
{
    (void)state;
    static const float value[] = {1, 2, 3, 4, 5, 6};
    static const int32_t label[] = {0, 1, 0};
    struct dataset dataset;
    struct table table = float_table(3, 2, value, label, 0, NULL);
    const float *kept = table.value;
    open_table("", table, &dataset);
    assert_ptr_equal(dataset.train.value, kept);
    assert_int_equal(dataset.type, RAW_F32);
    assert_int_equal(dataset.features, 2);
    assert_string_equal(dataset.source, "made:");
    assert_string_equal(dataset.validation_source, "none");
    assert_string_equal(dataset.test_source, "none");
    assert_int_equal(dataset.split[SPLIT_TRAIN].count, 3);
    dataset_close(&dataset);
}

/* Bytes stay bytes if all tables hold bytes; beside floats they become floats of the same value. */
static void bytes_beside_floats_become_floats(void **state)
{
    (void)state;
    static const uint8_t pixel[] = {0, 1, 254, 255}, label[] = {0, 1};
    static const float as_floats[] = {0, 1, 254, 255}, others[] = {0.5f, -3};
    char more[PATH_MAX + 32];
    struct dataset dataset;
    idx_put("train", 2, 0, 2, pixel, label);
    open_source(idx_uri(), "", &dataset);
    assert_int_equal(dataset.type, RAW_U8);
    assert_memory_equal(dataset.train.pixel, pixel, sizeof pixel);
    dataset_close(&dataset);
    snprintf(more, sizeof more, "data.validation=%s", csv_put("floats.csv", "0.5,-3,1\n"));
    open_source(idx_uri(), more, &dataset);
    assert_int_equal(dataset.type, RAW_F32);
    assert_null(dataset.train.pixel);
    assert_same_bits(dataset.train.value, as_floats, COUNT(as_floats), "bytes as floats");
    assert_same_bits(dataset.validation.value, others, COUNT(others), "floats as they were");
    dataset_close(&dataset);
    snprintf(more, sizeof more, "data.validation=%s", idx_uri());
    open_source(csv_put("floats.csv", "0.5,-3,1\n1,1,0\n"), more, &dataset);
    assert_int_equal(dataset.type, RAW_F32);
    assert_same_bits(dataset.validation.value, as_floats, COUNT(as_floats), "bytes as floats");
    dataset_close(&dataset);
}

/* ---- What a model expects ---- */

static struct expected two_features(const struct names *classes)
{
    static const float shift[] = {1, 2}, scale[] = {3, 4};
    return (struct expected){.features = 2, .outputs = 3, .classes = classes, .shift = shift, .scale = scale};
}

static struct names names_abc(void)
{
    struct names names = {0};
    for (const char *name = "abc"; *name != '\0'; name++)
        assert_ok(names_add(&names, name, 1));
    return names;
}

static void a_model_brings_scaling_and_classes(void **state)
{
    (void)state;
    struct names names = names_abc(), none = {0};
    struct expected expected = two_features(&names), nameless = two_features(&none);
    weft_settings *settings = data_settings(csv_put("a.csv", "1,2,c\n3,4,a\n"), "data.scaling=standardize");
    struct dataset dataset;
    open_data(settings, &expected, &dataset);
    assert_same_bits(dataset.shift, expected.shift, 2, "shift");
    assert_same_bits(dataset.scale, expected.scale, 2, "scale");
    assert_int_equal(dataset.outputs, 3);
    assert_true(dataset.train.label[0] == 2 && dataset.train.label[1] == 0);        /* by name */
    dataset_close(&dataset);
    csv_put("a.csv", "1,2,d\n");
    refuse_data(settings, &expected, WEFT_EDATA, "\"d\"");
    csv_put("a.csv", "1,2,3,a\n");
    refuse_data(settings, &expected, WEFT_EDATA, "2");
    csv_put("a.csv", "1,2,0\n3,4,1\n");                               /* one class more than the model has */
    idx_put("train", 4, 0, 2, (const uint8_t[]){1, 2, 3, 4, 5, 6, 7, 8}, (const uint8_t[]){0, 1, 2, 3});
    weft_settings_destroy(settings);
    settings = data_settings(idx_uri(), "");
    refuse_data(settings, &nameless, WEFT_EDATA, "training row 3 has label 3, wanted 0 to 2, the classes of the model");
    nameless.outputs = 4;
    open_data(settings, &nameless, &dataset);
    dataset_close(&dataset);
    nameless.features = 3;
    refuse_data(settings, &nameless, WEFT_EDATA, "a training row has 2 features, wanted 3");
    weft_settings_destroy(settings);
    names_free(&names);
}

/* Labels are not looked at, and one class is enough. */
static void unlabelled_rows_are_taken(void **state)
{
    (void)state;
    struct names names = names_abc();
    struct expected expected = two_features(&names);
    expected.is_unlabelled = true;
    struct dataset dataset;
    static const char *const text[] = {"1,2\n3,4\n", "1,2,zebra\n3,4,a\n"};
    for (size_t i = 0; i < COUNT(text); i++) {
        weft_settings *settings = data_settings(csv_put("a.csv", text[i]), "");
        open_data(settings, &expected, &dataset);
        assert_true(dataset.train.label == NULL && dataset.train.target == NULL);
        assert_int_equal(dataset.train.count, 2);
        assert_int_equal(dataset.outputs, 3);
        assert_true(dataset.train.value[2] == 3 && dataset.train.value[3] == 4);
        dataset_close(&dataset);
        weft_settings_destroy(settings);
    }
    names_free(&names);
}

/* A prediction is content with test rows: there is nothing to cut validation rows off. */
static void test_rows_alone_are_enough_for_a_prediction(void **state)
{
    (void)state;
    struct names none = {0};
    struct expected expected = two_features(&none);
    struct dataset dataset;
    expected.is_unlabelled = true;
    idx_put("t10k", 3, 0, 2, (const uint8_t[]){1, 2, 3, 4, 5, 6}, (const uint8_t[]){0, 1, 2});
    static const char *const assignments[] = {"", "data.validation_fraction=0.1", "data.validation_fraction=0.5; data.train_limit=3"};
    for (size_t i = 0; i < COUNT(assignments); i++)
        for (int is_whole = 0; is_whole < 2; is_whole++) {
            weft_settings *settings = data_settings(idx_uri(), assignments[i]);
            expected.is_whole = is_whole;
            open_data(settings, &expected, &dataset);
            assert_int_equal(dataset.split[SPLIT_TRAIN].count, 0);
            assert_int_equal(dataset.split[SPLIT_VALIDATION].count, 0);
            assert_int_equal(dataset.split[SPLIT_TEST].count, 3);
            dataset_close(&dataset);
            weft_settings_destroy(settings);
        }
}

/* Nothing is cut off and nothing limited: all training rows are the training split. */
static void whole_sources_are_not_cut(void **state)
{
    (void)state;
    struct names none = {0};
    struct expected expected = two_features(&none);
    weft_settings *settings = data_settings(csv_put("a.csv", "1,2,0\n3,4,1\n5,6,2\n7,8,0\n"),
                                            "data.validation_fraction=0.5; data.train_limit=2; data.stratified=yes");
    struct dataset dataset;
    expected.is_whole = true;
    open_data(settings, &expected, &dataset);
    assert_int_equal(dataset.split[SPLIT_TRAIN].count, 4);
    assert_int_equal(dataset.split[SPLIT_VALIDATION].count, 0);
    dataset_close(&dataset);
    expected.is_whole = false;
    weft_settings_set(settings, "data.stratified", "no");
    open_data(settings, &expected, &dataset);
    assert_int_equal(dataset.split[SPLIT_TRAIN].count, 1);
    assert_int_equal(dataset.split[SPLIT_VALIDATION].count, 1);
    dataset_close(&dataset);
    weft_settings_destroy(settings);
}

static void tasks_have_names(void **state)
{
    (void)state;
    assert_string_equal(task_name(TASK_CLASSES), "classes");
    assert_string_equal(task_name(TASK_LABELS), "labels");
    assert_string_equal(task_name(TASK_REGRESSION), "regression");
}

/* ---- Digest ---- */

static void digest_of(const char *source, const char *assignments, char digest[33])
{
    struct dataset dataset;
    open_source(source, assignments, &dataset);
    memcpy(digest, dataset.digest, 33);
    assert_int_equal(strlen(digest), 32);
    dataset_close(&dataset);
}

static void expect_digest(const char *found, const void *stream, size_t size_bytes)
{
    char wanted[33];
    XXH128_hash_t hash = XXH3_128bits(stream, size_bytes);
    snprintf(wanted, sizeof wanted, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64, (uint64_t)hash.low64);
    assert_string_equal(found, wanted);
}

/* The stream of dataset.h, byte by byte, for two training and two test rows of 2 x 2 and no validation rows. */
static void digest_is_of_the_stream_described(void **state)
{
    (void)state;
    static const uint8_t train_pixel[] = {0, 1, 2, 3, 4, 5, 6, 7}, test_pixel[] = {9, 9, 9, 9, 8, 8, 8, 8}, label[] = {0, 1};
    static const uint8_t stream[] = {
        2,0,0,0,0,0,0,0, 4,0,0,0,0,0,0,0, 2,0,0,0,0,0,0,0, 2,0,0,0,0,0,0,0, 1,0,0,0,0,0,0,0,
        0,1,2,3,4,5,6,7, 0,0,0,0, 1,0,0,0,
        2,0,0,0,0,0,0,0, 4,0,0,0,0,0,0,0, 2,0,0,0,0,0,0,0, 2,0,0,0,0,0,0,0, 1,0,0,0,0,0,0,0,
        9,9,9,9,8,8,8,8, 0,0,0,0, 1,0,0,0,
        2,0,0,0,0,0,0,0, 0,0,0,0, 1,0,0,0, 0,0,0,0,0,0,0,0, 1,0,0,0,0,0,0,0, 0,0,0,0};
    char found[33];
    idx_put("train", 2, 2, 2, train_pixel, label);
    idx_put("t10k", 2, 2, 2, test_pixel, label);
    digest_of(idx_uri(), "data.test_limit=1", found);
    expect_digest(found, stream, sizeof stream);
}

/* Floats, targets, and a validation source: two rows of one value and two targets, no test rows, one validation row. */
static void digest_of_floats_is_of_the_stream_described(void **state)
{
    (void)state;
    static const uint8_t stream[] = {
        2,0,0,0,0,0,0,0, 1,0,0,0,0,0,0,0, 0,0,0,0,0,0,0,0, 0,0,0,0,0,0,0,0, 0,0,0,0,0,0,0,0,
        0,0,128,63, 0,0,0,192, 2,0,0,0,0,0,0,0, 0,0,0,63, 0,0,128,62, 0,0,64,64, 0,0,0,0,          /* 1 -2; 0.5 0.25 3 0 */
        0,0,0,0,0,0,0,0, 0,0,0,0,0,0,0,0, 0,0,0,0,0,0,0,0, 0,0,0,0,0,0,0,0, 0,0,0,0,0,0,0,0,
        1,0,0,0,0,0,0,0, 1,0,0,0,0,0,0,0, 0,0,0,0,0,0,0,0, 0,0,0,0,0,0,0,0, 0,0,0,0,0,0,0,0,
        0,0,128,64, 2,0,0,0,0,0,0,0, 0,0,128,191, 0,0,0,64,                                       /* 4; -1 2 */
        2,0,0,0,0,0,0,0, 0,0,0,0, 1,0,0,0, 1,0,0,0,0,0,0,0, 0,0,0,0, 0,0,0,0,0,0,0,0};
    char found[33], source[PATH_MAX], more[PATH_MAX + 128];
    snprintf(source, sizeof source, "%s?label=1,2&header=no", csv_put("train.csv", "1,0.5,0.25\n-2,3,0\n"));
    snprintf(more, sizeof more, "network.output=linear; network.loss=mse; data.validation=%s?label=1,2&header=no",
             csv_put("validation.csv", "4,-1,2\n"));
    digest_of(source, more, found);
    expect_digest(found, stream, sizeof stream);
}

static void digest_sees_rows_and_splits_and_nothing_else(void **state)
{
    (void)state;
    uint8_t pixel[] = {0, 1, 2, 3, 4, 5, 6, 7}, label[] = {0, 1};
    char first[33], other[33];
    idx_put("train", 2, 2, 2, pixel, label);
    idx_put("t10k", 2, 2, 2, pixel, label);
    digest_of(idx_uri(), "", first);
    digest_of(idx_uri(), "data.scaling=standardize", other);
    assert_string_equal(other, first);
    digest_of(idx_uri(), "train.seed=2", other);                /* no rows are drawn, so the seed does not show */
    assert_string_equal(other, first);
    digest_of(idx_uri(), "train.class_weights=1,3", other);
    assert_string_equal(other, first);
    digest_of(idx_uri(), "data.test_limit=1", other);
    assert_string_not_equal(other, first);
    pixel[7] = 8;
    idx_put("train", 2, 2, 2, pixel, label);
    digest_of(idx_uri(), "", other);
    assert_string_not_equal(other, first);
    pixel[7] = 7;
    idx_put("train", 2, 1, 4, pixel, label);
    idx_put("t10k", 2, 1, 4, pixel, label);
    digest_of(idx_uri(), "", other);
    assert_string_not_equal(other, first);
    label[0] = 1;
    label[1] = 0;
    idx_put("train", 2, 2, 2, pixel, label);
    idx_put("t10k", 2, 2, 2, pixel, label);
    digest_of(idx_uri(), "", other);
    assert_string_not_equal(other, first);
}

/* Rows from another kind of file: the same bytes as floats are other data, the same floats from another file are not. */
static void digest_knows_nothing_of_the_file(void **state)
{
    (void)state;
    static const uint8_t pixel[] = {0, 1, 2, 3}, label[] = {0, 1};
    char of_bytes[33], of_floats[33], other[33], more[PATH_MAX + 32];
    idx_put("train", 2, 0, 2, pixel, label);
    digest_of(idx_uri(), "", of_bytes);
    digest_of(csv_put("a.csv", "0,1,0\n2,3,1\n"), "", of_floats);
    assert_string_not_equal(of_bytes, of_floats);
    digest_of(csv_put("b.csv", "0.0;1e0;0\n2;3;1\n"), "", other);
    assert_string_equal(other, of_floats);
    snprintf(more, sizeof more, "data.test=%s", csv_put("b.csv", "0,1,0\n"));
    digest_of(csv_put("a.csv", "0,1,0\n2,3,1\n"), more, other);
    assert_string_not_equal(other, of_floats);
    snprintf(more, sizeof more, "data.validation=%s", csv_put("b.csv", "0,1,0\n"));
    digest_of(csv_put("a.csv", "0,1,0\n2,3,1\n"), more, of_bytes);
    assert_string_not_equal(of_bytes, of_floats);
    assert_string_not_equal(of_bytes, other);                   /* validation rows are not test rows */
}

/* ---- Memory ---- */

/* dataset_open with every allocation failing in turn: three sources, of bytes and of floats. */
static void memory_may_be_short(void **state)
{
    (void)state;
    char source[2][256], more[1024];
    snprintf(source[0], sizeof source[0], "%s", csv_put("a.csv", "1,2,dog\n3,,cat\n5,6,dog\n"));
    snprintf(source[1], sizeof source[1], "digits:?train=30&test=5");
    for (size_t i = 0; i < 2; i++) {
        snprintf(more, sizeof more, "data.scaling=standardize; data.missing=mean; %s%s; %s", i == 0 ? "data.validation=" : "",
                 i == 0 ? csv_put("b.csv", "1,2,cat\n") : "data.validation_fraction=0.3",
                 i == 0 ? "train.class_weights=balanced" : "data.test=digits:?train=3&test=0");
        weft_settings *settings = data_settings(source[i], more);
        weft_status st = WEFT_ENOMEM;
        struct dataset dataset;
        size_t n = 0;
        while (st != WEFT_OK) {
            memory_fail_from(++n);
            st = dataset_open(settings, NULL, &dataset);
            memory_fail_from(0);
            assert_true(st == WEFT_OK || (st == WEFT_ENOMEM && is_closed(&dataset)));
        }
        assert_true(n > 15);
        dataset_close(&dataset);
        weft_settings_destroy(settings);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(sources_are_named_absolutely),
        cmocka_unit_test(unknown_sources_are_refused_with_a_hint),
        TEST(options_stay_in_the_name),
        TEST(bad_tables_are_refused),
        cmocka_unit_test(tables_in_memory_are_taken_over),
        TEST(bytes_beside_floats_become_floats),
        TEST(a_model_brings_scaling_and_classes),
        TEST(unlabelled_rows_are_taken),
        TEST(test_rows_alone_are_enough_for_a_prediction),
        TEST(whole_sources_are_not_cut),
        cmocka_unit_test(tasks_have_names),
        TEST(digest_is_of_the_stream_described),
        TEST(digest_of_floats_is_of_the_stream_described),
        TEST(digest_sees_rows_and_splits_and_nothing_else),
        TEST(digest_knows_nothing_of_the_file),
        TEST(memory_may_be_short),
    };
    return cmocka_run_group_tests_name("dataset", tests, scratch_make, scratch_remove);
}
