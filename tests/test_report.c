/* Results as text: columns of tables, the report of an evaluation, one checkpoint and two. Each text is compared whole. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "report/table.h"
#include "weft/report.h"
#include "weft/settings.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* A stream into memory; text_end closes it and returns what was written, to be freed. */
struct text_stream { char *text; size_t length; FILE *stream; };

static void text_begin(struct text_stream *t)
{
    t->stream = open_memstream(&t->text, &t->length);
    assert_non_null(t->stream);
}

static char *text_end(struct text_stream *t)
{
    assert_int_equal(fclose(t->stream), 0);
    return t->text;
}

/* ---- table ---- */

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
    (void)state;
    struct text_stream t;
    text_begin(&t);
    struct table table = table_of("lrl");
    const char *const cell[] = {"name", "count", "note", "a", "7", "", "\xc3\xbc\xc3\xbc", "12345678", "last", "x"};
    for (size_t i = 0; i < COUNT(cell); i++)
        table_add(&table, "%s", cell[i]);
    assert_int_equal(table_write(&table, t.stream), WEFT_OK);
    char *text = text_end(&t);
    assert_string_equal(text, "name     count  note\n"
                              "a            7\n"
                              "\xc3\xbc\xc3\xbc    12345678  last\n"
                              "x\n");
    free(text);
}

static void empty_table_writes_nothing(void **state)
{
    (void)state;
    struct text_stream t;
    text_begin(&t);
    struct table table = table_of("ll");
    assert_int_equal(table_write(&table, t.stream), WEFT_OK);
    table_clear(&table);
    char *text = text_end(&t);
    assert_string_equal(text, "");
    free(text);
}

static void table_grows(void **state)
{
    (void)state;
    struct text_stream t;
    text_begin(&t);
    struct table table = table_of("r");
    for (size_t i = 0; i < 5000; i++)
        table_add(&table, "%zu", i);
    assert_int_equal(table_write(&table, t.stream), WEFT_OK);
    char *text = text_end(&t);
    assert_int_equal(strlen(text), 5000 * 5);
    assert_memory_equal(text, "   0\n   1\n", 10);
    assert_string_equal(text + 4999 * 5, "4999\n");
    free(text);
}

/* ---- evaluation ---- */

static uint64_t two_by_two[] = {8, 2, 1, 9};
static weft_class_figures two_classes[] = {{0.8889, 0.8, 0.8421, 10}, {0.8182, 0.9, 0.8571, 10}};

static weft_evaluation evaluation_of_two(void)
{
    return (weft_evaluation){.split = "test", .rows = 20, .outputs = 2, .loss = 0.25, .cost = 0.5, .accuracy = 0.85,
                             .confusion = two_by_two, .per_class = two_classes, .macro = {0.85355, 0.85, 0.8496, 20},
                             .weighted = {0.85355, 0.85, 0.8496, 20}};
}

static void evaluation_is_reported(void **state)
{
    (void)state;
    struct text_stream t;
    weft_evaluation e = evaluation_of_two();
    text_begin(&t);
    assert_int_equal(weft_report_evaluation(&e, t.stream), WEFT_OK);
    char *text = text_end(&t);
    assert_string_equal(text, "test split: 20 rows, 2 classes\n"
                              "loss 0.2500, cost 0.5000, accuracy 0.8500\n"
                              "\n"
                              "class             precision  recall      f1  support\n"
                              "0                    0.8889  0.8000  0.8421       10\n"
                              "1                    0.8182  0.9000  0.8571       10\n"
                              "accuracy                             0.8500       20\n"
                              "macro average        0.8536  0.8500  0.8496       20\n"
                              "weighted average     0.8536  0.8500  0.8496       20\n"
                              "\n"
                              "confusion matrix (row: true class; column: predicted class)\n"
                              "true  0  1\n"
                              "0     8  2\n"
                              "1     1  9\n");
    free(text);
}

static void wide_confusion_is_left_out(void **state)
{
    (void)state;
    enum { CLASSES = 100 };
    struct text_stream t;
    weft_evaluation e = {.split = "train", .rows = CLASSES, .outputs = CLASSES};
    e.confusion = calloc(CLASSES * CLASSES, sizeof *e.confusion);
    e.per_class = calloc(CLASSES, sizeof *e.per_class);
    assert_true(e.confusion != NULL && e.per_class != NULL);
    text_begin(&t);
    assert_int_equal(weft_report_evaluation(&e, t.stream), WEFT_OK);
    char *text = text_end(&t);
    assert_non_null(strstr(text, "\n99 "));
    assert_non_null(strstr(text, "confusion matrix: 100 x 100, too wide for text\n"));
    free(text);
    free(e.confusion);
    free(e.per_class);
}

/* ---- checkpoints ---- */

static weft_tensor_info tensors_a[] = {
    {.name = "01/weight", .layer = 1, .rank = 2, .dim = {784, 10}, .mean_abs = 0.04, .l2_norm = 3.5, .mean = -0.001,
     .std = 0.05, .min = -0.25, .max = 0.3, .zero_fraction = 0.125, .gradient_l2_norm = 1.5, .update_ratio = 0.002},
    {.name = "01/batch_norm/running_mean", .layer = 1, .rank = 1, .dim = {10}, .mean_abs = 0.5, .l2_norm = 2, .mean = 0.5,
     .std = 0.1, .min = 0.25, .max = 1, .zero_fraction = 0, .gradient_l2_norm = NAN, .update_ratio = NAN},
};
static weft_tensor_info tensors_b[] = {
    {.name = "01/weight", .layer = 1, .rank = 2, .dim = {784, 5}, .mean_abs = 0.08, .l2_norm = 7, .zero_fraction = 1},
    {.name = "02/weight", .layer = 2, .rank = 2, .dim = {5, 10}, .mean_abs = 1e-9, .l2_norm = 12345678, .zero_fraction = 0},
};
static weft_setting_value settings_a[] = {{"train.epochs", "20"}, {"network.hidden", "none"}, {"old.name", "1"}};
static weft_setting_value settings_b[] = {{"train.epochs", "20"}, {"network.hidden", "5"}, {"new.name", "2"}};

static weft_checkpoint_info checkpoint_a(void)
{
    return (weft_checkpoint_info){
        .path = "a.h5", .weft_version = "0.1.0", .step = 120, .epoch = 2.5, .settings_digest = "5e", .data_digest = "da",
        .weights_digest = "3e", .best_metric = "validation_cost", .best_step = 100, .best_value = 0.25, .features = 784,
        .outputs = 10, .task = "classes", .parameters = 7840, .height = 28, .width = 28, .channels = 1, .tensors = COUNT(tensors_a),
        .tensor = tensors_a, .settings = COUNT(settings_a), .setting = settings_a};
}

static weft_checkpoint_info checkpoint_b(void)
{
    return (weft_checkpoint_info){
        .path = "b.h5", .weft_version = "0.1.0", .step = 7, .epoch = 1, .settings_digest = "5f", .data_digest = "db",
        .weights_digest = "4f", .stop_reason = "epochs", .best_step = -1, .features = 784, .outputs = 10, .task = "classes", .parameters = 3970,
        .tensors = COUNT(tensors_b), .tensor = tensors_b, .settings = COUNT(settings_b), .setting = settings_b};
}

static void checkpoint_is_reported(void **state)
{
    (void)state;
    struct text_stream t;
    weft_checkpoint_info a = checkpoint_a();
    text_begin(&t);
    assert_int_equal(weft_report_checkpoint(&a, t.stream), WEFT_OK);
    char *text = text_end(&t);
    assert_string_equal(text,
        "a.h5, by weft 0.1.0\n"
        "step 120, epoch 2.50; the run is not over\n"
        "best validation_cost so far: 0.25 at step 100\n"
        "784 features (pictures of 28 x 28 x 1), 10 classes, 7840 parameters\n"
        "weights digest   3e\n"
        "settings digest  5e\n"
        "data digest      da\n"
        "\n"
        "settings that differ from their defaults\n"
        "  network.hidden  = none  (default 128)\n"
        "  old.name        = 1     (unknown to this version)\n"
        "\n"
        "tensor                         shape  mean |W|  L2 norm   zeros"
            "    mean   std    min  max  gradient L2  update ratio\n"
        "01/weight                   784 x 10      0.04      3.5  12.5 %"
            "  -0.001  0.05  -0.25  0.3          1.5         0.002\n"
        "01/batch_norm/running_mean        10       0.5        2   0.0 %"
            "     0.5   0.1   0.25    1            -             -\n"
        "gradient L2 and update ratio (L2 of the update / L2 of the tensor): of the latest evaluation\n");
    free(text);
}

static void defaults_are_said(void **state)
{
    (void)state;
    struct text_stream t;
    weft_checkpoint_info b = checkpoint_b();
    b.settings = 1;                                     /* train.epochs = 20 */
    b.tensors = 0;
    text_begin(&t);
    assert_int_equal(weft_report_checkpoint(&b, t.stream), WEFT_OK);
    char *text = text_end(&t);
    assert_string_equal(text, "b.h5, by weft 0.1.0\n"
                              "step 7, epoch 1.00; the run is over (epochs)\n"
                              "784 features, 10 classes, 3970 parameters\n"
                              "weights digest   4f\n"
                              "settings digest  5f\n"
                              "data digest      db\n"
                              "\n"
                              "all settings are at their defaults\n"
                              "\n"
                              "tensor  shape  mean |W|  L2 norm  zeros  mean  std  min  max  gradient L2  update ratio\n");
    free(text);
}

static void two_checkpoints_stand_side_by_side(void **state)
{
    (void)state;
    struct text_stream t;
    weft_checkpoint_info a = checkpoint_a(), b = checkpoint_b();
    text_begin(&t);
    assert_int_equal(weft_report_comparison(&a, &b, t.stream), WEFT_OK);
    char *text = text_end(&t);
    assert_string_equal(text,
        "A  a.h5: step 120, epoch 2.50, 7840 parameters, weights digest 3e\n"
        "B  b.h5: step 7, epoch 1.00, 3970 parameters, weights digest 4f\n"
        "trained on different data\n"
        "\n"
        "tensor                       shape A        B  mean |W| A      B  L2 norm A          B  zeros A        B\n"
        "01/weight                   784 x 10  784 x 5        0.04   0.08        3.5          7   12.5 %  100.0 %\n"
        "01/batch_norm/running_mean        10        -         0.5      -          2          -    0.0 %        -\n"
        "02/weight                          -   5 x 10           -  1e-09          -  1.235e+07        -    0.0 %\n"
        "\n"
        "settings that differ  A     B\n"
        "  network.hidden      none  5\n"
        "  old.name            1     -\n"
        "  new.name            -     2\n");
    free(text);
}

static void equal_checkpoints_are_said_to_be_equal(void **state)
{
    (void)state;
    struct text_stream t;
    weft_checkpoint_info a = checkpoint_a();
    text_begin(&t);
    assert_int_equal(weft_report_comparison(&a, &a, t.stream), WEFT_OK);
    char *text = text_end(&t);
    assert_non_null(strstr(text, "the weights and the optimizer's state are the same to the last bit\n"));
    assert_non_null(strstr(text, "the settings are the same\n"));
    assert_null(strstr(text, "different data"));
    free(text);
}

/* ---- what can fail ---- */

static weft_status report(int which, FILE *stream)
{
    weft_evaluation e = evaluation_of_two();
    weft_checkpoint_info a = checkpoint_a(), b = checkpoint_b();
    switch (which) {
    case 0: return weft_report_evaluation(&e, stream);
    case 1: return weft_report_checkpoint(&a, stream);
    case 2: return weft_report_comparison(&a, &b, stream);
    default: return weft_report_comparison(&a, &a, stream);
    }
}

static void short_memory_is_reported(void **state)
{
    (void)state;
    for (int which = 0; which < 4; which++) {
        size_t n = 1;
        for (weft_status st = WEFT_ENOMEM; st != WEFT_OK; n++) {
            struct text_stream t;
            text_begin(&t);
            memory_fail_from(n);
            st = report(which, t.stream);
            memory_fail_from(0);
            assert_true(st == WEFT_OK || st == WEFT_ENOMEM);
            free(text_end(&t));
        }
        assert_true(n > 2);                             /* it did fail, the first time at least */
    }
}

static void full_stream_is_reported(void **state)
{
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    if (full == NULL)
        skip();
    setvbuf(full, NULL, _IONBF, 0);
    for (int which = 0; which < 4; which++) {
        clearerr(full);
        assert_int_equal(report(which, full), WEFT_EIO);
    }
    fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
        cmocka_unit_test(empty_table_writes_nothing),
        cmocka_unit_test(table_grows),
        cmocka_unit_test(evaluation_is_reported),
        cmocka_unit_test(wide_confusion_is_left_out),
        cmocka_unit_test(checkpoint_is_reported),
        cmocka_unit_test(defaults_are_said),
        cmocka_unit_test(two_checkpoints_stand_side_by_side),
        cmocka_unit_test(equal_checkpoints_are_said_to_be_equal),
        cmocka_unit_test(short_memory_is_reported),
        cmocka_unit_test(full_stream_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
