/* Settings by name and text: every row of the table, the limits of each kind, contradictions. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "settings/settings.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

static weft_settings *settings_new(void)
{
    weft_settings *s = weft_settings_create();
    assert_non_null(s);
    return s;
}

static void assert_text(const weft_settings *s, const char *name, const char *wanted)
{
    char text[SETTING_TEXT_SIZE_BYTES];
    assert_int_equal(weft_settings_get(s, name, text, sizeof text), WEFT_OK);
    assert_string_equal(text, wanted);
}

static void assert_refused(weft_settings *s, const char *name, const char *value, const char *message_part)
{
    char before[SETTING_TEXT_SIZE_BYTES];
    weft_status known = weft_settings_get(s, name, before, sizeof before);
    if (weft_settings_set(s, name, value) != WEFT_ESETTINGS)
        fail_msg("%s took '%s'", name, value);
    if (strstr(weft_last_error(), message_part) == NULL)
        fail_msg("'%s' lacks '%s'", weft_last_error(), message_part);
    if (known == WEFT_OK)
        assert_text(s, name, before);
}

static void every_row_is_whole(void **state)
{
    (void)state;
    weft_settings *s = settings_new();
    assert_true(weft_settings_count() > 60);
    assert_null(weft_settings_info(weft_settings_count()));
    for (size_t i = 0; i < weft_settings_count(); i++) {
        const weft_setting_info *info = weft_settings_info(i);
        assert_memory_equal(info->name, info->section, strlen(info->section));
        assert_int_equal(info->name[strlen(info->section)], '.');
        assert_true(strlen(info->help) > 10 && strlen(info->values) > 2);
        assert_text(s, info->name, info->preset);
        assert_int_equal(weft_settings_set(s, info->name, info->preset), WEFT_OK);
        assert_text(s, info->name, info->preset);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(weft_settings_info(j)->name, info->name);
    }
    assert_int_equal(weft_settings_check(s), WEFT_OK);
    weft_settings_destroy(s);
    weft_settings_destroy(NULL);
}

static void machine_settings_are_these(void **state)
{
    (void)state;
    static const char *const machine[] = {"data.source", "data.validation", "data.test", "network.init_from", "train.max_time",
                                          "checkpoint.every", "checkpoint.keep", "run.threads", "run.gradient"};
    size_t found = 0;
    for (size_t i = 0; i < weft_settings_count(); i++) {
        const weft_setting_info *info = weft_settings_info(i);
        if (!info->identity)
            assert_string_equal(info->name, machine[found++]);
    }
    assert_int_equal(found, COUNT(machine));
    assert_int_equal(settings_identity_count(), weft_settings_count() - found);
}

/* What a text means in struct weft_settings: the words are tied to the enums by their order alone. */
static void words_are_the_enum_members(void **state)
{
    (void)state;
    weft_settings *s = settings_new();
    const struct { const char *name, *word; const int *place; int member; } row[] = {
        {"data.scaling", "none", &s->data.scaling, SCALING_NONE},
        {"data.scaling", "standardize", &s->data.scaling, SCALING_STANDARDIZE},
        {"data.scaling", "standardize_global", &s->data.scaling, SCALING_STANDARDIZE_GLOBAL},
        {"data.scaling", "unit", &s->data.scaling, SCALING_UNIT},
        {"data.missing", "mean", &s->data.missing, MISSING_MEAN},
        {"data.missing", "median", &s->data.missing, MISSING_MEDIAN},
        {"data.missing", "zero", &s->data.missing, MISSING_ZERO},
        {"data.missing", "error", &s->data.missing, MISSING_ERROR},
        {"network.activation", "identity", &s->network.activation.value[0], ACTIVATION_IDENTITY},
        {"network.activation", "relu", &s->network.activation.value[0], ACTIVATION_RELU},
        {"network.activation", "tanh", &s->network.activation.value[0], ACTIVATION_TANH},
        {"network.activation", "sigmoid", &s->network.activation.value[0], ACTIVATION_SIGMOID},
        {"network.activation", "leaky_relu", &s->network.activation.value[0], ACTIVATION_LEAKY_RELU},
        {"network.activation", "elu", &s->network.activation.value[0], ACTIVATION_ELU},
        {"network.activation", "gelu", &s->network.activation.value[0], ACTIVATION_GELU},
        {"network.activation", "softplus", &s->network.activation.value[0], ACTIVATION_SOFTPLUS},
        {"network.output", "sigmoid", &s->network.output, OUTPUT_SIGMOID},
        {"network.output", "linear", &s->network.output, OUTPUT_LINEAR},
        {"network.output", "softmax", &s->network.output, OUTPUT_SOFTMAX},
        {"network.loss", "mse", &s->network.loss, LOSS_MSE},
        {"network.loss", "binary_cross_entropy", &s->network.loss, LOSS_BINARY_CROSS_ENTROPY},
        {"network.loss", "cross_entropy", &s->network.loss, LOSS_CROSS_ENTROPY},
        {"network.init", "gaussian", &s->network.init, INIT_GAUSSIAN},
        {"network.init", "he_uniform", &s->network.init, INIT_HE_UNIFORM},
        {"network.init", "glorot_normal", &s->network.init, INIT_GLOROT_NORMAL},
        {"network.init", "glorot_uniform", &s->network.init, INIT_GLOROT_UNIFORM},
        {"network.init", "lecun_normal", &s->network.init, INIT_LECUN_NORMAL},
        {"network.init", "torch_linear", &s->network.init, INIT_TORCH_LINEAR},
        {"network.init", "he_normal", &s->network.init, INIT_HE_NORMAL},
        {"network.batch_norm", "before", &s->network.batch_norm, BATCH_NORM_BEFORE},
        {"network.batch_norm", "after", &s->network.batch_norm, BATCH_NORM_AFTER},
        {"network.batch_norm", "none", &s->network.batch_norm, BATCH_NORM_NONE},
        {"network.batch_norm_statistics", "shard", &s->network.batch_norm_statistics, BATCH_NORM_OF_SHARD},
        {"network.batch_norm_statistics", "batch", &s->network.batch_norm_statistics, BATCH_NORM_OF_BATCH},
        {"regularization.l2_form", "lambda_over_2m", &s->regularization.l2_form, L2_LAMBDA_OVER_2M},
        {"regularization.l2_form", "lambda", &s->regularization.l2_form, L2_LAMBDA},
        {"regularization.l2_form", "decoupled", &s->regularization.l2_form, L2_DECOUPLED},
        {"regularization.l2_form", "half_lambda", &s->regularization.l2_form, L2_HALF_LAMBDA},
        {"optimizer.name", "sgd", &s->optimizer.name, OPTIMIZER_SGD},
        {"optimizer.name", "momentum", &s->optimizer.name, OPTIMIZER_MOMENTUM},
        {"optimizer.name", "nesterov", &s->optimizer.name, OPTIMIZER_NESTEROV},
        {"optimizer.name", "rmsprop", &s->optimizer.name, OPTIMIZER_RMSPROP},
        {"optimizer.name", "adamw", &s->optimizer.name, OPTIMIZER_ADAMW},
        {"optimizer.name", "adam", &s->optimizer.name, OPTIMIZER_ADAM},
        {"optimizer.lr_scale", "linear", &s->optimizer.lr_scale, LR_SCALE_LINEAR},
        {"optimizer.lr_scale", "sqrt", &s->optimizer.lr_scale, LR_SCALE_SQRT},
        {"optimizer.lr_scale", "none", &s->optimizer.lr_scale, LR_SCALE_NONE},
        {"schedule.name", "step", &s->schedule.name, SCHEDULE_STEP},
        {"schedule.name", "exponential", &s->schedule.name, SCHEDULE_EXPONENTIAL},
        {"schedule.name", "plateau", &s->schedule.name, SCHEDULE_PLATEAU},
        {"schedule.name", "cosine", &s->schedule.name, SCHEDULE_COSINE},
        {"schedule.name", "constant", &s->schedule.name, SCHEDULE_CONSTANT},
        {"train.last_batch", "drop", &s->train.last_batch, LAST_BATCH_DROP},
        {"train.last_batch", "keep", &s->train.last_batch, LAST_BATCH_KEEP},
        {"train.evaluate", "train", &s->train.evaluate.value[0], SPLIT_TRAIN},
        {"train.evaluate", "validation", &s->train.evaluate.value[0], SPLIT_VALIDATION},
        {"train.evaluate", "test", &s->train.evaluate.value[0], SPLIT_TEST},
        {"train.early_stop", "train_cost", &s->train.early_stop, STOP_TRAIN_COST},
        {"train.early_stop", "train_loss", &s->train.early_stop, STOP_TRAIN_LOSS},
        {"train.early_stop", "train_accuracy", &s->train.early_stop, STOP_TRAIN_ACCURACY},
        {"train.early_stop", "validation_cost", &s->train.early_stop, STOP_VALIDATION_COST},
        {"train.early_stop", "validation_loss", &s->train.early_stop, STOP_VALIDATION_LOSS},
        {"train.early_stop", "validation_accuracy", &s->train.early_stop, STOP_VALIDATION_ACCURACY},
        {"train.early_stop", "test_cost", &s->train.early_stop, STOP_TEST_COST},
        {"train.early_stop", "test_loss", &s->train.early_stop, STOP_TEST_LOSS},
        {"train.early_stop", "test_accuracy", &s->train.early_stop, STOP_TEST_ACCURACY},
        {"train.early_stop", "none", &s->train.early_stop, STOP_NONE},
        {"schedule.metric", "none", &s->schedule.metric, STOP_NONE},
        {"schedule.metric", "test_accuracy", &s->schedule.metric, STOP_TEST_ACCURACY},
        {"schedule.metric", "validation_cost", &s->schedule.metric, STOP_VALIDATION_COST},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        assert_int_equal(weft_settings_set(s, row[i].name, row[i].word), WEFT_OK);
        if (*row[i].place != row[i].member)
            fail_msg("%s = %s gave %d, wanted %d", row[i].name, row[i].word, *row[i].place, row[i].member);
        assert_text(s, row[i].name, row[i].word);
    }
    weft_settings_destroy(s);
}

static void texts_become_canonical(void **state)
{
    (void)state;
    static const struct { const char *name, *value, *canonical; } row[] = {
        {"network.hidden", " 20,7 ,\t5 ", "20, 7, 5"}, {"network.hidden", "", "none"}, {"network.hidden", "none", "none"},
        {"network.hidden", "007", "7"}, {"network.dropout", "0.1,.25", "0.1, 0.25"}, {"network.dropout", "-0", "0"},
        {"network.batch_norm_affine", "off", "no"}, {"network.batch_norm_affine", "true", "yes"},
        {"network.batch_norm_affine", "0", "no"}, {"network.batch_norm_affine", "1", "yes"},
        {"optimizer.learning_rate", "1E-3", "0.001"}, {"optimizer.learning_rate", "+.5", "0.5"},
        {"optimizer.learning_rate", "0.30000000000000004", "0.30000000000000004"},
        {"optimizer.learning_rate", "0.1234567890123456", "0.1234567890123456"},
        {"optimizer.learning_rate", "4.9406564584124654e-324", "4.94065645841247e-324"},
        {"train.evaluate_every", "100 steps", "100 steps"}, {"train.evaluate_every", "1 step", "1 steps"},
        {"train.evaluate_every", "1epoch", "1 epochs"}, {"train.evaluate_every", "never", "never"},
        {"train.evaluate_every", "0 epochs", "never"}, {"checkpoint.every", "30s", "30 s"},
        {"train.max_time", "90 s", "90 s"}, {"train.max_time", "1.5", "1.5 s"}, {"train.max_time", "0 s", "0"},
        {"train.seed", "9223372036854775807", "9223372036854775807"}, {"run.threads", "1024", "1024"},
        {"run.gradient", "auto", "auto"}, {"run.gradient", "owned", "owned"}, {"run.gradient", "local", "local"},
        {"data.source", "  idx:a b;c#d=e ", "idx:a b;c#d=e"}, {"train.evaluate", "test,train", "test, train"},
        {"data.validation", "csv:a b?target=c", "csv:a b?target=c"}, {"data.test", " none ", "none"},
        {"data.stratified", "on", "yes"}, {"schedule.every", "3 epoch", "3 epochs"}, {"schedule.every", "0 steps", "never"},
        {"train.class_weights", "balanced", "balanced"}, {"train.class_weights", "1,.5 ,\t1e3", "1, 0.5, 1000"},
        {"train.class_weights", "7", "7"}, {"train.class_weights", " none", "none"},
        {"train.class_weights", "4.9406564584124654e-324, 1e30", "4.94065645841247e-324, 1e+30"},
    };
    weft_settings *s = settings_new();
    for (size_t i = 0; i < COUNT(row); i++) {
        assert_int_equal(weft_settings_set(s, row[i].name, row[i].value), WEFT_OK);
        assert_text(s, row[i].name, row[i].canonical);
        assert_int_equal(weft_settings_set(s, row[i].name, row[i].canonical), WEFT_OK);
        assert_text(s, row[i].name, row[i].canonical);
    }
    assert_int_equal(weft_settings_assign(s, " train.seed = 3"), WEFT_OK);
    assert_text(s, "train.seed", "3");
    assert_int_equal(weft_settings_assign(s, "data.source=csv:x?a=b"), WEFT_OK);
    assert_text(s, "data.source", "csv:x?a=b");
    assert_int_equal(weft_settings_assign(s, "train.seed"), WEFT_ESETTINGS);
    weft_settings_destroy(s);
}

static void bad_texts_are_refused(void **state)
{
    (void)state;
    static const struct { const char *name, *value; } row[] = {
        {"train.seed", ""}, {"train.seed", "-1"}, {"train.seed", "+1"}, {"train.seed", "1.0"}, {"train.seed", "0x10"},
        {"train.seed", "1 2"}, {"train.seed", "9223372036854775808"}, {"train.seed", "99999999999999999999999"},
        {"train.batch_size", "0"}, {"run.threads", "1025"}, {"checkpoint.keep", "0"}, {"train.epochs", "1000000000001"},
        {"run.gradient", "shared"}, {"run.gradient", "0"}, {"run.gradient", ""},
        {"optimizer.learning_rate", "0"}, {"optimizer.learning_rate", "-1"}, {"optimizer.learning_rate", "nan"},
        {"optimizer.learning_rate", "inf"}, {"optimizer.learning_rate", "1e999"}, {"optimizer.learning_rate", "0x1p-3"},
        {"optimizer.learning_rate", "0,1"}, {"optimizer.learning_rate", "1e"}, {"optimizer.learning_rate", ""},
        {"optimizer.learning_rate", "."}, {"optimizer.learning_rate", "1 2"}, {"optimizer.learning_rate", "1e-400"},
        {"network.input_dropout", "1"}, {"network.input_dropout", "0.99999999999"}, {"network.dropout", "0.1, 1"},
        {"network.dropout", ""}, {"network.dropout", "none"}, {"network.hidden", "20,,5"}, {"network.hidden", "20, 0"},
        {"network.hidden", ","}, {"network.hidden", "20, x"}, {"network.hidden", "1048577"},
        {"network.activation", "rel"}, {"network.activation", "relu6"}, {"network.activation", "relu | tanh"},
        {"network.activation", "|"}, {"network.activation", ""}, {"network.activation", "Relu"}, {"data.scaling", "3"},
        {"network.batch_norm_affine", "2"}, {"network.batch_norm_affine", ""}, {"network.batch_norm_affine", "YES"},
        {"train.evaluate_every", "30 s"}, {"train.evaluate_every", "30"}, {"train.evaluate_every", "steps"},
        {"train.evaluate_every", "1 2 steps"}, {"train.evaluate_every", "-1 steps"}, {"train.evaluate_every", "1.5 epochs"},
        {"train.evaluate_every", "0000000000000000000000000000000000001 steps"}, {"checkpoint.every", "30 m"},
        {"train.max_time", "-1"}, {"train.max_time", "90 m"}, {"train.max_time", "s"}, {"train.max_time", "2e9 s"},
        {"train.evaluate", ""}, {"train.evaluate", "none"}, {"train.evaluate", "train validation"},
        {"data.source", ""}, {"data.source", "idx:a ;b"}, {"data.source", ";a"}, {"data.source", "a\nb"},
        {"data.source", "a\tb"}, {"data.validation", ""}, {"data.test", "a\nb"}, {"data.missing", "max"},
        {"data.stratified", "maybe"}, {"schedule.factor", "0"}, {"schedule.factor", "1.5"}, {"schedule.every", "10 s"},
        {"optimizer.rho", "1"}, {"optimizer.lr_scale_batch", "0"}, {"train.label_smoothing", "1"},
        {"train.label_smoothing", "-0.1"}, {"train.class_weights", ""}, {"train.class_weights", "0"},
        {"train.class_weights", "1, 0"}, {"train.class_weights", "1, -1"}, {"train.class_weights", "1,,2"},
        {"train.class_weights", "1, nan"}, {"train.class_weights", "inf"}, {"train.class_weights", "2e30"},
        {"train.class_weights", "1 2"}, {"train.class_weights", "balanced, 1"}, {"train.class_weights", "none, 1"},
        {"train.class_weights", "uniform"}, {"train.class_weights", "1, balanced"},
    };
    weft_settings *s = settings_new();
    for (size_t i = 0; i < COUNT(row); i++)
        assert_refused(s, row[i].name, row[i].value, "wanted");
    char list[512] = "1";
    for (size_t i = 1; i < LAYERS_MAX; i++)
        strcat(list, ", 1");
    assert_int_equal(weft_settings_set(s, "network.hidden", list), WEFT_OK);
    assert_int_equal(s->network.hidden.count, LAYERS_MAX);
    assert_text(s, "network.hidden", list);
    strcat(list, ", 1");
    assert_refused(s, "network.hidden", list, "wanted none | up to 64 integers");
    for (size_t i = 0; i < 20; i++)
        strcat(list, ", 1");
    assert_refused(s, "network.hidden", list, "' (and more): wanted none | up to 64 integers");
    weft_settings_destroy(s);
}

/* One weight a class, 128 at most. */
static void class_weights_are_a_list(void **state)
{
    (void)state;
    weft_settings *s = settings_new();
    assert_int_equal(s->train.class_weights.kind, WEIGHTING_NONE);
    assert_int_equal(weft_settings_set(s, "train.class_weights", "balanced"), WEFT_OK);
    assert_int_equal(s->train.class_weights.kind, WEIGHTING_BALANCED);
    assert_int_equal(weft_settings_set(s, "train.class_weights", "1, 0.25"), WEFT_OK);
    assert_int_equal(s->train.class_weights.kind, WEIGHTING_LIST);
    assert_int_equal(s->train.class_weights.count, 2);
    assert_true(s->train.class_weights.value[0] == 1 && s->train.class_weights.value[1] == 0.25);
    char list[SETTING_TEXT_SIZE_BYTES];
    struct text text = {list, sizeof list, 0};
    for (size_t i = 0; i < CLASS_WEIGHTS_MAX; i++)              /* the longest numbers there are */
        text_add(&text, "%s1.2345678901234568e-300", i == 0 ? "" : ", ");
    assert_int_equal(weft_settings_set(s, "train.class_weights", list), WEFT_OK);
    assert_int_equal(s->train.class_weights.count, CLASS_WEIGHTS_MAX);
    assert_text(s, "train.class_weights", list);
    text_add(&text, ", 1");
    assert_true(text.length < sizeof list);
    assert_refused(s, "train.class_weights", list, "wanted none | balanced | a number above 0 for each class, up to 128");
    weft_settings_destroy(s);
}

static void unknown_names_get_a_suggestion(void **state)
{
    (void)state;
    weft_settings *s = settings_new();
    assert_refused(s, "network.hiden", "1", "did you mean 'network.hidden'?");
    assert_refused(s, "netwrok.hidden", "1", "did you mean 'network.hidden'?");
    assert_refused(s, "train.learning_rate", "1", "did you mean 'optimizer.learning_rate'?");
    assert_refused(s, "seed", "1", "did you mean 'train.seed'?");
    assert_refused(s, "", "1", "unknown setting ''");
    assert_refused(s, "xyzzy.plugh", "1", "unknown setting 'xyzzy.plugh'");
    assert_null(strstr(weft_last_error(), "did you mean"));
    char text[8];
    assert_int_equal(weft_settings_get(s, "train.sed", text, sizeof text), WEFT_ESETTINGS);
    assert_int_equal(weft_settings_get(s, "network.init", text, sizeof text), WEFT_EINVAL);
    assert_string_equal(text, "he_norm");
    assert_int_equal(weft_settings_get(s, "network.init", NULL, 0), WEFT_EINVAL);
    weft_settings_destroy(s);
}

static void nearest_name_counts_edits(void **state)
{
    (void)state;
    static const char *const names[] = {"data", "threads", "out", "json"};
    assert_string_equal(weft_nearest_name("thread", names, 4), "threads");
    assert_string_equal(weft_nearest_name("thraeds", names, 4), "threads");
    assert_string_equal(weft_nearest_name("otu", names, 4), "out");
    assert_string_equal(weft_nearest_name("dta", names, 4), "data");
    assert_null(weft_nearest_name("verbose", names, 4));
    assert_null(weft_nearest_name("data", names, 0));
    char word[200];
    memset(word, 'x', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    assert_null(weft_nearest_name(word, names, 4));
}

/* Each case: the defaults with these assignments, and what the message must name (NULL: no contradiction). */
static void contradictions_are_found(void **state)
{
    (void)state;
    static const struct { const char *assignment[4], *named; } row[] = {
        {{"network.activation=relu,tanh"}, "network.activation has 2 values for 1"},
        {{"network.hidden=9,9", "network.activation=relu,tanh"}, NULL},
        {{"network.hidden=9,9,9", "network.dropout=0,0.5"}, "network.dropout"},
        {{"network.hidden=none"}, NULL},
        {{"train.epochs=0"}, "train.epochs"},
        {{"train.epochs=0", "train.steps=1"}, NULL},
        {{"train.epochs=0", "train.max_time=1"}, NULL},
        {{"train.epochs=0", "train.early_stop=validation_loss"}, NULL},
        {{"train.early_stop=test_loss"}, "train.evaluate"},
        {{"train.early_stop=test_accuracy", "train.evaluate=test"}, NULL},
        {{"train.early_stop=train_accuracy", "train.evaluate=validation"}, "train.evaluate"},
        {{"train.early_stop=validation_cost", "data.validation_fraction=0"}, "data.validation_fraction"},
        {{"data.validation_fraction=0"}, NULL},
        {{"train.early_stop=train_cost", "train.evaluate_every=never"}, "train.evaluate_every"},
        {{"train.early_stop=train_cost", "train.patience=never"}, "train.patience"},
        {{"train.evaluate=train,test,train"}, "train.evaluate names train twice"},
        {{"schedule.name=cosine", "train.epochs=0", "train.max_time=9"}, "schedule.name"},
        {{"schedule.name=cosine", "schedule.final_fraction=0.1"}, NULL},
        {{"schedule.final_fraction=0.1"}, "schedule.final_fraction"},
        {{"schedule.name=cosine", "train.steps=10", "schedule.warmup=10"}, "schedule.warmup"},
        {{"schedule.name=cosine", "train.steps=10", "schedule.warmup=9"}, NULL},
        {{"schedule.name=step", "schedule.final_fraction=0.1"}, "schedule.final_fraction"},
        {{"schedule.name=plateau", "schedule.final_fraction=0.1"}, NULL},
        {{"schedule.name=step", "schedule.every=never"}, "schedule.every"},
        {{"schedule.name=exponential", "schedule.every=never"}, "schedule.every"},
        {{"schedule.every=never", "schedule.patience=never", "schedule.metric=none"}, NULL},    /* of no use: no matter */
        {{"schedule.name=plateau", "schedule.patience=never"}, "schedule.patience"},
        {{"schedule.name=plateau", "schedule.metric=none"}, "schedule.metric"},
        {{"schedule.name=plateau", "schedule.metric=test_loss"}, "schedule.metric looks at test, which train.evaluate"},
        {{"schedule.name=plateau", "schedule.metric=test_loss", "train.evaluate=test"}, NULL},
        {{"schedule.name=plateau", "data.validation_fraction=0"}, "schedule.metric looks at validation"},
        {{"schedule.name=plateau", "data.validation_fraction=0", "data.validation=digits:"}, NULL},
        {{"schedule.name=plateau", "train.evaluate_every=never"}, "train.evaluate_every"},
        {{"train.early_stop=validation_cost", "data.validation_fraction=0", "data.validation=digits:"}, NULL},
        {{"network.loss=mse"}, NULL},
        {{"network.loss=binary_cross_entropy"}, "network.output = softmax: wanted cross_entropy or mse"},
        {{"network.output=sigmoid"}, "wanted binary_cross_entropy or mse"},
        {{"network.output=sigmoid", "network.loss=binary_cross_entropy", "train.class_weights=balanced"}, NULL},
        {{"network.output=sigmoid", "network.loss=mse", "data.stratified=yes"}, NULL},
        {{"network.output=linear"}, "network.output = linear: wanted mse"},
        {{"network.output=linear", "network.loss=mse"}, NULL},
        {{"network.output=linear", "network.loss=mse", "data.stratified=yes"}, "data.stratified"},
        {{"network.output=linear", "network.loss=mse", "train.class_weights=1, 2"}, "train.class_weights"},
        {{"network.output=linear", "network.loss=mse", "train.early_stop=train_accuracy"}, "looks at an accuracy"},
        {{"network.output=linear", "network.loss=mse", "train.early_stop=train_loss"}, NULL},
        {{"network.loss=mse", "train.label_smoothing=0.1"}, "train.label_smoothing"},
        {{"train.label_smoothing=0.1", "train.class_weights=1, 2"}, NULL},
        {{"optimizer.lr_scale=linear", "train.batch_size=257"}, "schedule.warmup is 0"},
        {{"optimizer.lr_scale=linear", "train.batch_size=256"}, NULL},
        {{"optimizer.lr_scale=sqrt", "train.batch_size=257", "schedule.warmup=1"}, NULL},
        {{"optimizer.name=adamw", "regularization.l2=0.1"}, NULL},
        {{"optimizer.name=adamw", "regularization.l2=0.1", "regularization.l2_form=decoupled"}, NULL},
        {{"optimizer.name=adamw", "regularization.l2=0.1", "regularization.l2_form=lambda"}, "always decouples"},
        {{"optimizer.name=adamw", "regularization.l2_form=lambda"}, NULL},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        weft_settings *s = settings_new();
        for (size_t a = 0; a < 4 && row[i].assignment[a] != NULL; a++)
            assert_int_equal(weft_settings_assign(s, row[i].assignment[a]), WEFT_OK);
        weft_status wanted = row[i].named != NULL ? WEFT_ESETTINGS : WEFT_OK;
        if (weft_settings_check(s) != wanted)
            fail_msg("case %zu (%s): wanted %s", i, row[i].assignment[0], weft_strerror(wanted));
        if (row[i].named != NULL && strstr(weft_last_error(), row[i].named) == NULL)
            fail_msg("case %zu: '%s' does not name %s", i, weft_last_error(), row[i].named);
        weft_settings_destroy(s);
    }
}

static void layers_share_a_single_value(void **state)
{
    (void)state;
    weft_settings *s = settings_new();
    assert_int_equal(choice_for_layer(&s->network.activation, 5), ACTIVATION_RELU);
    assert_int_equal(weft_settings_set(s, "network.dropout", "0.5, 0.25"), WEFT_OK);
    assert_true(real_for_layer(&s->network.dropout, 1) == 0.25);
    assert_true(real_for_layer(&s->network.dropout, 0) == 0.5);
    weft_settings_destroy(s);
}

/* A random double, printed, reads back to its bits, in a locale with a decimal comma too where there is one. */
static void reals_go_round_in_any_locale(void **state)
{
    (void)state;
    bool comma = setlocale(LC_NUMERIC, "de_DE.UTF-8") != NULL || setlocale(LC_NUMERIC, "fr_FR.UTF-8") != NULL;
    if (!comma)
        print_message("no locale with a decimal comma here: checked in the C locale only\n");
    double untouched = 5;
    assert_false(text_parse_real("1e999", &untouched) || text_parse_real("", &untouched) || untouched != 5);
    uint64_t bits = 1;
    for (int i = 0; i < 20000; i++) {
        bits = bits * 6364136223846793005u + 1442695040888963407u;
        double x, back = 0;
        memcpy(&x, &bits, sizeof x);
        if (!isfinite(x))
            continue;
        char at[40];
        struct text text = {at, sizeof at, 0};
        text_add_real(&text, x);
        assert_true(text.length < sizeof at && strchr(at, ',') == NULL);
        assert_true(text_parse_real(at, &back));
        assert_memory_equal(&x, &back, sizeof x);
    }
    setlocale(LC_NUMERIC, "C");
}

static void memory_may_fail_at_any_moment(void **state)
{
    (void)state;
    weft_settings *s = NULL;
    size_t n;
    for (n = 1; s == NULL; n++) {
        memory_fail_from(n);
        s = weft_settings_create();
        memory_fail_from(0);
    }
    assert_true(n > 40);
    memory_fail_from(1);
    assert_int_equal(weft_settings_set(s, "train.seed", "5"), WEFT_ENOMEM);
    assert_int_equal(weft_settings_assign(s, "train.seed=5"), WEFT_ENOMEM);
    memory_fail_from(2);
    assert_int_equal(weft_settings_assign(s, "train.seed=5"), WEFT_ENOMEM);
    memory_fail_from(2);
    assert_int_equal(weft_settings_set(s, "data.source", "idx:x"), WEFT_ENOMEM);
    for (n = 1; n <= 5; n++) {                  /* itself, three URIs and a path */
        memory_fail_from(n);
        assert_null(weft_settings_copy(s));
    }
    memory_fail_from(6);
    weft_settings *copy = weft_settings_copy(s);
    assert_non_null(copy);
    assert_true(copy->data.source != s->data.source && copy->data.validation != s->data.validation);
    assert_true(copy->data.test != s->data.test && copy->network.init_from != s->network.init_from);
    weft_settings_destroy(copy);
    char *text;
    for (n = 1; n <= 2; n++) {
        memory_fail_from(n);
        assert_int_equal(settings_write_run_ini(s, &text), WEFT_ENOMEM);
        assert_null(text);
    }
    memory_fail_from(0);
    assert_text(s, "train.seed", "1");
    assert_text(s, "data.source", "digits:");
    weft_settings_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_whole), cmocka_unit_test(machine_settings_are_these),
        cmocka_unit_test(words_are_the_enum_members), cmocka_unit_test(texts_become_canonical),
        cmocka_unit_test(bad_texts_are_refused), cmocka_unit_test(class_weights_are_a_list),
        cmocka_unit_test(unknown_names_get_a_suggestion),
        cmocka_unit_test(nearest_name_counts_edits), cmocka_unit_test(contradictions_are_found),
        cmocka_unit_test(layers_share_a_single_value), cmocka_unit_test(reals_go_round_in_any_locale),
        cmocka_unit_test(memory_may_fail_at_any_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
