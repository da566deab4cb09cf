/* A plan as text: an INI file that gives the same settings back, comments in between, and the table of memory. */
#include "run_samples.h"

#include <math.h>

static char *report_of(weft_status (*report)(const weft_plan *plan, FILE *stream), const weft_plan *plan)
{
    char *text;
    size_t length;
    FILE *stream = open_memstream(&text, &length);
    assert_non_null(stream);
    assert_ok(report(plan, stream));
    assert_int_equal(fclose(stream), 0);
    return text;
}

static char batch_text[] = "512", source_text[] = "digits:", hidden_text[] = "20";
static char *outputs[] = {(char[]){"no"}, (char[]){"yes"}};

/* Static, so that a test can change a part of it. */
static weft_plan plan_of_two_layers(void)
{
    static weft_plan_setting setting[] = {
        {"data.source", source_text, 1}, {"network.hidden", hidden_text, 0}, {"train.batch_size", batch_text, 0}};
    static weft_plan_layer layer[] = {{784, 20, "relu", "before", 0.5, 15740}, {20, 2, "softmax", "none", 0, 42}};
    return (weft_plan){
        .settings = 3, .setting = setting, .layers = 2, .layer = layer, .loss = "cross_entropy", .features = 784, .outputs = 2,
        .parameters = 15782, .height = 28, .width = 28, .channels = 1, .are_bytes = 1, .task = "classes", .names = 2,
        .name = outputs, .rows = {900, 100, 0}, .batch_rows = 512, .batch_shards = 16, .last_batch_rows = 388,
        .steps_per_epoch = 2, .total_steps = 40, .total_epochs = 20, .early_stop = "none", .evaluate_every_steps = 2,
        .evaluates = {1, 1, 0}, .evaluations = 20, .save_every_s = 30, .keep = 3, .threads = 2, .thread_reason = "run.threads",
        .kernels = "avx2", .gradients = "owned", .gradients_are_chosen = 1, .learning_rate = 0.001, .full_rate = 0.002,
        .warmup_steps = 10, .first_rate = 0.0011, .last_rate = 0.002, .memories = 2,
        .memory = {{"parameters", 1, 64000, 64000}, {"batch-norm exchange", 4, 0, 1048576}}, .memory_bytes = 1112576,
        .first_checkpoint_bytes = 300000, .last_checkpoint_bytes = 340000, .evaluation_bytes = 2000,
    };
}

static const char FACTS[] =
    "; network: 15782 parameters; loss cross_entropy\n"
    "; layer  inputs      outputs  activation  batch-norm  dropout  parameters\n"
    ";    01     784  ->       20  relu        before          0.5       15740\n"
    ";    02      20  ->        2  softmax     none              0          42\n"
    "\n"
    "; rows           900 train, 100 validation, 0 test\n"
    "; features       784 bytes, a picture of 28 x 28 x 1\n"
    "; outputs        2 (classes), in this order:\n"
    ";                no, yes\n"
    "; batch          512 rows in 16 shards; the last one of an epoch has 388\n"
    "; steps          2 in an epoch, 40 in all: 20 epochs\n"
    "; evaluations    every 2 steps and at the end, 20 in all: train, validation; at the end all splits\n"
    "; checkpoints    at the start, every 30 s and at the end; the newest 3 stay, and the best\n"
    "; threads        2, by run.threads; avx2 kernels\n"
    "; gradients      owned: each weight has one thread, which adds up all rows of the batch\n"
    "; learning rate  0.001, which optimizer.lr_scale makes 0.002\n"
    ";                10 steps of warm-up; 0.0011 in the first step, 0.002 in the last\n"
    "\n"
    "; memory                  count  bytes each    bytes\n"
    "; parameters                  1       64000    64000\n"
    "; batch-norm exchange         4           -  1048576\n"
    "; all, at most (1.1 MiB)                     1112576\n"
    "; a checkpoint file: 300000 bytes at first, 340000 after the last step\n";

static void a_plan_is_reported(void **state)
{
    (void)state;
    weft_plan plan = plan_of_two_layers();
    char *text = report_of(weft_report_plan, &plan);
    static const char settings[] =
        "; weft train --dry-run: nothing was trained. This text can be saved and trained with: weft train FILE.ini\n"
        "; 2 of 3 settings differ from their defaults.\n"
        "\n"
        "[data]\n"
        "source                  = digits:\n"
        "\n"
        "[network]\n"
        "hidden                  = 20                            ; default: 128\n"
        "\n"
        "[train]\n"
        "batch_size              = 512                           ; default: 128\n"
        "\n";
    assert_memory_equal(text, settings, sizeof settings - 1);
    assert_string_equal(text + sizeof settings - 1, FACTS);
    free(text);
}

static void what_has_no_limit_is_said(void **state)
{
    (void)state;
    weft_plan plan = plan_of_two_layers();
    plan.total_steps = plan.evaluations = plan.save_every_s = plan.height = plan.are_bytes = plan.last_checkpoint_bytes = 0;
    plan.early_stop = "train_loss";
    plan.patience_steps = 1;
    plan.max_time_s = 90;
    plan.last_rate = NAN;
    plan.evaluate_every_steps = plan.warmup_steps = 0;
    plan.full_rate = plan.first_rate = plan.learning_rate;
    char *text = report_of(weft_report_plan, &plan);
    static const char *const line[] = {
        "; features       784 floats\n", "; steps          2 in an epoch, without a limit\n",
        "; early stop     when train_loss has not improved for 1 step\n", "; time           90 s for each call of train or resume\n",
        "; evaluations    at the end: all splits\n", "; checkpoints    at the start and at the end\n",
        "; learning rate  0.001\n;                0.001 in the first step\n",
        "; a checkpoint file: 300000 bytes at first, 2000 more for each evaluation\n",
    };
    for (size_t i = 0; i < COUNT(line); i++)
        if (strstr(text, line[i]) == NULL)
            fail_msg("%s is missing in\n%s", line[i], text);
    free(text);
}

static void memory_alone_is_no_comment(void **state)
{
    (void)state;
    weft_plan plan = plan_of_two_layers();
    char *text = report_of(weft_report_plan_memory, &plan);
    assert_string_equal(text, "memory                  count  bytes each    bytes\n"
                              "parameters                  1       64000    64000\n"
                              "batch-norm exchange         4           -  1048576\n"
                              "all, at most (1.1 MiB)                     1112576\n"
                              "a checkpoint file: 300000 bytes at first, 340000 after the last step\n");
    free(text);
}

/* ---- there and back ---- */

/* Any value of any setting: what is printed loads as the same. */
static void assert_loads_as(const weft_plan *plan)
{
    char *text = report_of(weft_report_plan, plan);
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
        if (end - line > 198)                                   /* what any build of the reader takes */
            fail_msg("a line of %zu bytes: %.*s", (size_t)(end - line), (int)(end - line), line);
    put_file(in_scratch("plan.ini"), text, strlen(text));
    weft_settings *settings = weft_settings_create();
    assert_ok(weft_settings_load(settings, in_scratch("plan.ini")));
    for (size_t i = 0; i < plan->settings; i++) {
        static char value[10000];
        assert_ok(weft_settings_get(settings, plan->setting[i].name, value, sizeof value));
        assert_string_equal(value, plan->setting[i].value);
    }
    weft_settings_destroy(settings);
    free(text);
}

static void what_is_printed_loads_again(void **state)
{
    (void)state;
    static char widths[2000], weights[4000], source[1200];
    for (size_t i = 0; i < 64; i++)
        sprintf(widths + strlen(widths), "%s%zu", i > 0 ? ", " : "", 1000 + i * i);
    for (size_t i = 0; i < 128; i++)
        sprintf(weights + strlen(weights), "%s%.17g", i > 0 ? ", " : "", 0.1 + 1.0 / (double)(i + 3));
    strcpy(source, "idx:/a place;with all/that # may ; be");
    for (size_t i = 0; i < 90; i++)
        strcat(source, i % 3 == 0 ? "/sub dir" : ";#x");
    char *blank = strstr(source, " ;");                         /* no URI has that */
    while (blank != NULL) {
        *blank = '_';
        blank = strstr(source, " ;");
    }
    weft_plan_setting setting[] = {
        {"data.source", source, 0}, {"data.validation", (char[]){"none"}, 1}, {"network.hidden", widths, 0},
        {"network.dropout", (char[]){"0, 0.5, 0.25"}, 0}, {"optimizer.epsilon", (char[]){"1e-12"}, 0},
        {"train.max_time", (char[]){"90 s"}, 0}, {"train.evaluate_every", (char[]){"never"}, 0}, {"train.class_weights", weights, 0}};
    weft_plan plan = plan_of_two_layers();
    plan.setting = setting;
    plan.settings = COUNT(setting);
    weft_settings *canonical = weft_settings_create();          /* the form in which they are printed */
    for (size_t i = 0; i < COUNT(setting); i++) {
        static char value[COUNT(setting)][10000];
        assert_ok(weft_settings_set(canonical, setting[i].name, setting[i].value));
        assert_ok(weft_settings_get(canonical, setting[i].name, value[i], sizeof value[i]));
        setting[i].value = value[i];
    }
    assert_loads_as(&plan);
    weft_settings_destroy(canonical);
}

/* A real one: every setting that there is, at a value of its own where possible. */
static void a_plan_loads_as_its_settings(void **state)
{
    (void)state;
    weft_plan plan;
    weft_settings *settings = settings_with("network.hidden=5,6,7; network.activation=relu,tanh,gelu; network.dropout=0,0.5,0.1; "
                                            "schedule.name=step; schedule.every=5 steps; train.max_time=90; data.scaling=standardize");
    assert_ok(weft_plan_make(settings, NULL, &plan));
    assert_loads_as(&plan);
    weft_plan_clear(&plan);
    weft_settings_destroy(settings);
}

/* Names of any number and length: comments, each in lines that are short enough. */
static void many_names_are_wrapped(void **state)
{
    (void)state;
    enum { NAMES = 300 };
    static char text[NAMES][400];
    static char *name[NAMES];
    weft_plan plan = plan_of_two_layers();
    for (size_t i = 0; i < NAMES; i++) {
        memset(text[i], 'a' + (int)(i % 26), i < 200 ? i % 17 + 1 : i);
        name[i] = text[i];
    }
    for (plan.names = 0; plan.names <= NAMES; plan.names += 20) {
        plan.name = name;
        assert_loads_as(&plan);
    }
    plan.names = 40;
    char *whole = report_of(weft_report_plan, &plan);
    for (size_t i = 0; i < 40; i++)
        assert_non_null(strstr(whole, text[i]));
    free(whole);
}

static void failures_are_reported(void **state)
{
    (void)state;
    weft_status (*const report[])(const weft_plan *, FILE *) = {weft_report_plan, weft_report_plan_memory};
    weft_plan plan = plan_of_two_layers();
    for (size_t i = 0; i < COUNT(report); i++) {
        FILE *full = fopen("/dev/full", "w"), *none = fopen("/dev/null", "w");
        assert_true(full != NULL && none != NULL);
        setvbuf(full, NULL, _IONBF, 0);
        assert_int_equal(report[i](&plan, full), WEFT_EIO);
        memory_fail_from(1);
        weft_status st = report[i](&plan, none);
        memory_fail_from(0);
        assert_int_equal(st, WEFT_ENOMEM);
        fclose(full);
        fclose(none);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_plan_is_reported),
        TEST(what_has_no_limit_is_said),
        TEST(memory_alone_is_no_comment),
        TEST(what_is_printed_loads_again),
        TEST(a_plan_loads_as_its_settings),
        TEST(many_names_are_wrapped),
        TEST(failures_are_reported),
    };
    return cmocka_run_group_tests_name("plan_report", tests, run_scratch_make, scratch_remove);
}
