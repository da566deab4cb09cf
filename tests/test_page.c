/* Pages of runs: they hold what the run holds, leave out what it does not, and nothing in a file can break out of its place. */
#include "page_samples.h"

#include <locale.h>

#include "page/html.h"
#include "page/page.h"

/* ---- numbers and text ---- */

static char *number_of(enum html_number kind, double x)
{
    static char text[64];
    FILE *stream = fmemopen(text, sizeof text, "w");
    html_write_plain_number(kind, x, stream);
    assert_int_equal(fclose(stream), 0);
    return text;
}

static void numbers_are_written_for_people(void **state)
{
    (void)state;
    static const struct { enum html_number kind; double x; const char *text; } wanted[] = {
        {HTML_FIGURE, 0, "0"}, {HTML_FIGURE, 0.23456, "0.2346"}, {HTML_FIGURE, 12.3456, "12.346"},
        {HTML_FIGURE, -2, "\xe2\x88\x92" "2.0000"},
        {HTML_FIGURE, 0.0012346, "0.001235"}, {HTML_FIGURE, 1234.56, "1234.6"}, {HTML_FIGURE, 131134.2, "131,134"},
        {HTML_FIGURE, 1e-7, "1.00e-07"}, {HTML_FIGURE, -3e12, "\xe2\x88\x92" "3.00e+12"}, {HTML_FIGURE, NAN, "\xe2\x80\x93"},
        {HTML_FIGURE, INFINITY, "\xe2\x88\x9e"}, {HTML_FIGURE, -INFINITY, "\xe2\x88\x92\xe2\x88\x9e"},
        {HTML_PERCENT, 0.9312, "93.12\xe2\x80\xaf%"}, {HTML_PERCENT, 1, "100.00\xe2\x80\xaf%"},
        {HTML_PERCENT, -0.005, "\xe2\x88\x92" "0.50\xe2\x80\xaf%"}, {HTML_PERCENT, -0.00004, "0.00\xe2\x80\xaf%"},
        {HTML_COUNT, 0, "0"}, {HTML_COUNT, -0.4, "0"}, {HTML_COUNT, 60000, "60,000"},
        {HTML_EPOCHS, 24.468, "24.47"}, {HTML_SECONDS, 0.5, "0.50\xe2\x80\xafs"}, {HTML_SECONDS, 12.34, "12.3\xe2\x80\xafs"},
        {HTML_SECONDS, 125, "2\xe2\x80\xafmin 5\xe2\x80\xafs"}, {HTML_SECONDS, 3785, "1\xe2\x80\xafh 3\xe2\x80\xafmin"},
        {HTML_SECONDS, 1e300, "277777777777\xe2\x80\xafh 46\xe2\x80\xafmin"},
    };
    for (size_t i = 0; i < COUNT(wanted); i++)
        assert_string_equal(number_of(wanted[i].kind, wanted[i].x), wanted[i].text);
}

static void numbers_are_thinned_from_the_first_to_the_last(void **state)
{
    (void)state;
    assert_int_equal(page_numbers_shown(0), 0);
    for (size_t all = 1; all < 500; all++) {
        size_t shown = page_numbers_shown(all);
        assert_int_equal(shown, all < PAGE_NUMBERS_MAX ? all : PAGE_NUMBERS_MAX);
        assert_int_equal(page_numbers_row(0, all), 0);
        assert_int_equal(page_numbers_row(shown - 1, all), all - 1);
        for (size_t i = 1; i < shown; i++)
            assert_true(page_numbers_row(i, all) > page_numbers_row(i - 1, all));
    }
}

/* ---- one run ---- */

static void assert_chart(const char *page, const char *name)
{
    char id[96];
    snprintf(id, sizeof id, "id=\"%s-title\"", name);
    assert_int_equal(count_of(page, id), 1);
}

static void a_run_has_all_its_parts(void **state)
{
    (void)state;
    struct sample s;
    sample_run(&s);
    char *page = page_of(&s.run, 1, NULL);
    static const char *const part[] = {
        "<title>first</title>", "<h1>first</h1>", "4\xe2\x80\x91" "3\xe2\x80\x91" "2", "2 classes", "mnist (idx)",
        "model of step 40, the best one", "<dt>test accuracy</dt><dd><data value=\"0.84999999999999998\">85.00\xe2\x80\xaf%</data>",
        "all epochs are done", "validation_cost", "12.5\xe2\x80\xafs", "1\xe2\x80\xafmin 15\xe2\x80\xafs", "3e16475", "5e77", "da7a",
        "mean of 2 steps", "macro average", "train.batch_size", "1 setting at its default"};
    static const char *const chart[] = {
        "cost", "loss", "accuracy", "minibatch-loss", "gap", "learning-rate", "mean-abs", "gradient", "update-ratio", "zeros",
        "spread-01-weight", "spread-01-bias", "units", "confusion-test", "confusion-train"};
    for (size_t i = 0; i < COUNT(part); i++)
        assert_has(page, part[i]);
    for (size_t i = 0; i < COUNT(chart); i++)
        assert_chart(page, chart[i]);
    assert_has_not(page, "somewhere");                          /* no paths */
    assert_has_not(page, "id=\"r2-title\"");
    assert_has_not(page, "<script");
    assert_balanced(page);
    free(page);
}

static void numbers_are_those_of_the_run(void **state)
{
    (void)state;
    struct sample s;
    sample_run(&s);
    char *page = page_of(&s.run, 1, NULL);
    static const char *const row[] = {
        "<tr><th scope=\"row\">40</th><td>80.00\xe2\x80\xaf%</td><td>79.00\xe2\x80\xaf%</td><td>78.00\xe2\x80\xaf%</td></tr>",
        "<tr><th scope=\"row\">40</th><td>1.00\xe2\x80\xaf%</td><td>2.00\xe2\x80\xaf%</td></tr>",             /* gaps */
        "<tr><th scope=\"row\">1</th><td>1.5000</td></tr>",                         /* mean of the first two minibatches */
        "<tr><th scope=\"row\">49</th><td>0.0404</td></tr>",
        ("<tr><th scope=\"row\">0</th><td>\xe2\x88\x92" "1.0000</td><td>0.2500</td><td>1.0000</td>")};
    for (size_t i = 0; i < COUNT(row); i++)
        assert_has(page, row[i]);
    assert_int_equal(count_of(page, "<tr><th scope=\"row\">10</th><td>0.5000</td><td>0.5000</td></tr>"), 2);      /* mean |W|, gradient */
    assert_int_equal(count_of(page, "<tr><th scope=\"row\">0</th><td>0.5000</td><td>0.5000</td></tr>"), 1);
    assert_int_equal(count_of(page, "<tr><th scope=\"row\">0</th><td>\xe2\x80\x93</td><td>\xe2\x80\x93</td></tr>"), 2);     /* no step yet */
    free(page);
}

static void the_same_run_gives_the_same_page(void **state)
{
    (void)state;
    struct sample s;
    sample_run(&s);
    uselocale(LC_GLOBAL_LOCALE);
    char *page = page_of(&s.run, 1, NULL);
    assert_ptr_equal(uselocale((locale_t)0), LC_GLOBAL_LOCALE);
    static const char *const locale[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "C.UTF-8"};
    for (size_t i = 0; i < COUNT(locale); i++) {
        if (setlocale(LC_ALL, locale[i]) == NULL)
            continue;
        snprintf(s.run.directory, sizeof s.run.directory, "/elsewhere/%zu/first", i);
        char *again = page_of(&s.run, 1, NULL), decimal[8];
        assert_string_equal(again, page);
        snprintf(decimal, sizeof decimal, "%.1f", 0.5);
        assert_int_equal(decimal[1], *localeconv()->decimal_point);     /* the caller's locale is back */
        free(again);
    }
    setlocale(LC_ALL, "C");
    free(page);
}

static void text_of_files_stays_text(void **state)
{
    (void)state;
    static const char hostile[] = "</td></title><script>alert('x')</script>\"&\x01\xff";
    struct sample s;
    sample_run(&s);
    char name[2][sizeof hostile], *names[2] = {strcpy(name[0], hostile), strcpy(name[1], hostile)};
    strcpy(s.run.name, hostile);
    strcpy(s.run.source, "csv:/x/</p><script>?y");
    strcpy(s.run.last.weft_version, "</dd><script>");
    strcpy(s.run.last.stop_reason, "</dd><script>");
    strcpy(s.run.last.best_metric, "</dd><script>");
    strcpy(s.run.last.weights_digest, "</code><script>");
    strcpy(s.setting[0].name, "</th><script>");
    strcpy(s.setting[0].value, hostile);
    strcpy(s.tensor[0].name, "</th><script>/weight");
    strcpy(s.tensor_over_time[0].name, "\"</h3><script>/weight");
    s.run.evaluation[WEFT_RUN_TEST].name = names;
    char *page = page_of(&s.run, 1, NULL);
    assert_has_not(page, "<script");
    assert_has_not(page, "\x01");
    assert_has_not(page, "\xff");
    assert_balanced(page);
    free(page);
    const weft_page_options options = {.title = hostile};
    page = page_of((weft_run[]){s.run, s.run}, 2, &options);
    assert_has(page, "<title>&lt;/td&gt;&lt;/title&gt;&lt;script&gt;alert(");
    assert_has_not(page, "<script");
    assert_balanced(page);
    free(page);
}

static void what_is_not_there_is_left_out(void **state)
{
    (void)state;
    const weft_run run = {.name = "new", .task = "classes", .training_time_s = NAN, .elapsed_s = NAN,
                          .last = {.best_step = -1, .features = 4, .outputs = 1}};
    char *page = page_of(&run, 1, NULL);
    assert_has(page, "This run is not over");
    assert_has(page, "1 class<");
    static const char *const part[] = {
        "<svg", "id=\"outputs\"", "#outputs", "id=\"weights\"", "#weights", "id=\"layers\"", "#layers", "id=\"spread\"", "#spread",
        "ended because", "training time", "<dt>best</dt>", "(idx)", "Tensors of the model"};
    for (size_t i = 0; i < COUNT(part); i++)
        assert_has_not(page, part[i]);
    assert_balanced(page);
    free(page);
}

static void a_split_that_is_never_evaluated_is_left_out(void **state)
{
    (void)state;
    struct sample s;
    sample_run(&s);
    s.run.history[WEFT_RUN_VALIDATION].rows = 0;
    char *page = page_of(&s.run, 1, NULL);
    assert_has(page, "train \xe2\x88\x92 test");
    assert_has_not(page, "train \xe2\x88\x92 validation");
    assert_has_not(page, "<th scope=\"col\">validation</th>");
    assert_balanced(page);
    free(page);
}

static void a_run_that_goes_on_has_its_latest_figures(void **state)
{
    (void)state;
    struct sample s;
    sample_run(&s);
    s.run.is_over = 0;
    for (size_t split = 0; split < WEFT_RUN_SPLITS; split++)
        s.run.evaluation[split].rows = 0;
    char *page = page_of(&s.run, 1, NULL);
    assert_has(page, "This run has no file of final figures");
    assert_has(page, "<dt>test accuracy</dt><dd><data value=\"0.78000000000000003\">78.00");
    assert_has_not(page, "Final figures");
    assert_balanced(page);
    free(page);
}

static void a_regression_has_its_own_figures(void **state)
{
    (void)state;
    struct sample s;
    sample_regression(&s);
    char *page = page_of(&s.run, 1, NULL);
    static const char *const part[] = {
        "regression, 1 value ", "<dt>test R\xc2\xb2</dt><dd><data value=\"0.75\">0.7500", "root mean square error"};
    static const char *const chart[] = {"cost", "loss", "r2", "mean-absolute-error", "gap"};
    for (size_t i = 0; i < COUNT(part); i++)
        assert_has(page, part[i]);
    for (size_t i = 0; i < COUNT(chart); i++)
        assert_chart(page, chart[i]);
    assert_has_not(page, "ccuracy");
    assert_has_not(page, "onfusion");
    assert_balanced(page);
    free(page);
}

static void labels_have_no_confusion(void **state)
{
    (void)state;
    struct sample s;
    sample_run(&s);
    strcpy(s.run.task, "labels");
    for (size_t split = 0; split < WEFT_RUN_SPLITS; split++) {
        s.run.evaluation[split].task = WEFT_TASK_LABELS;
        s.run.evaluation[split].confusion = NULL;
        s.run.evaluation[split].label_accuracy = 0.875;
    }
    char *page = page_of(&s.run, 1, NULL);
    assert_has(page, "2 labels");
    assert_has(page, "all labels right");
    assert_has(page, "<data value=\"0.875\">87.50");
    assert_has_not(page, "onfusion");
    assert_balanced(page);
    free(page);
}

static void figures_may_be_anything(void **state)
{
    (void)state;
    static const double wild[] = {NAN, INFINITY, -INFINITY, 1e308, -1e-308};
    struct sample s;
    for (size_t w = 0; w < COUNT(wild); w++) {
        sample_run(&s);
        for (size_t split = 0; split < WEFT_RUN_SPLITS; split++)
            for (size_t i = 0; i < ROWS; i++)
                s.history[split][i].cost = s.history[split][i].loss = s.history[split][i].accuracy = wild[w];
        for (size_t i = 0; i < ROWS; i++)
            s.statistics[0][i].mean_abs = s.statistics[0][i].update_ratio = s.statistics[0][i].max = wild[w];
        s.run.evaluation[WEFT_RUN_TEST].loss = s.run.training_time_s = s.run.last.best_value = s.run.last.epoch = wild[w];
        for (size_t i = 0; i < STEPS; i++)
            s.step_loss[i] = (float)wild[w];
        char *page = page_of(&s.run, 1, NULL);
        assert_has_not(page, ">nan");
        assert_has_not(page, "\"nan");
        assert_has_not(page, "\"inf");
        assert_balanced(page);
        free(page);
    }
}

static void a_penalty_makes_a_chart_of_its_own(void **state)
{
    (void)state;
    struct sample s;
    sample_run(&s);
    for (size_t split = 0; split < WEFT_RUN_SPLITS; split++)
        for (size_t i = 0; i < ROWS; i++)
            s.history[split][i].cost = s.history[split][i].loss;
    char *page = page_of(&s.run, 1, NULL);
    assert_has_not(page, "id=\"cost-title\"");
    assert_has(page, "Without a penalty the cost is the same");
    free(page);
}

static void long_tables_are_thinned_and_say_so(void **state)
{
    (void)state;
    struct sample s;
    sample_run(&s);
    for (size_t split = 0; split < WEFT_RUN_SPLITS; split++)
        s.run.history[split].rows = 80;
    char *page = page_of(&s.run, 1, NULL);
    assert_has(page, "Accuracy: 60 of 80 rows, evenly spread");
    assert_has(page, "<th scope=\"row\">790</th>");
    free(page);
}

/* ---- several ---- */

/* Softmax regression has a picture for each class, and these have names. */
static void pictures_of_outputs_have_their_names(void **state)
{
    (void)state;
    struct sample s;
    sample_run(&s);
    char *name[] = {"cat", "dog", "<emu>"};
    s.run.names = COUNT(name);
    s.run.name_of_output = name;
    char *page = page_of(&s.run, 1, NULL);
    assert_has(page, ">unit 2<");
    assert_has_not(page, "emu");
    free(page);
    s.run.statistics = 2;                                       /* a single layer */
    page = page_of(&s.run, 1, NULL);
    assert_has(page, ">&lt;emu&gt;<");
    assert_has_not(page, ">unit 2<");
    free(page);
}

/* A hundred thousand values, ten thousand evaluations and a million steps: a page that a browser opens. */
static void a_large_run_has_a_page_of_moderate_size(void **state)
{
    (void)state;
    enum { VALUES = 100000, EVALUATIONS = 10000, LOSSES = 1000000 };
    struct sample s;
    sample_regression(&s);
    weft_history_row *row = memory_new(EVALUATIONS, sizeof *row);
    for (size_t i = 0; i < EVALUATIONS; i++) {
        row[i] = s.history[WEFT_RUN_TEST][i % ROWS];
        row[i].step = 100 * i;
    }
    for (size_t split = 0; split < WEFT_RUN_SPLITS; split++)
        s.run.history[split] = (weft_history){EVALUATIONS, row};
    s.run.step_loss = memory_new(LOSSES, sizeof *s.run.step_loss);
    for (size_t i = 0; i < LOSSES; i++)
        s.run.step_loss[i] = (float)(i * 2654435761u % 1000);
    s.run.steps = s.run.last.step = LOSSES;
    s.run.evaluation[WEFT_RUN_TEST].outputs = VALUES;
    s.run.evaluation[WEFT_RUN_TEST].per_value = memory_new(VALUES, sizeof(weft_value_figures));
    char *page = page_of(&s.run, 1, NULL);
    assert_true(strlen(page) < 2000000);
    assert_has(page, "Each value, test: the first 2000 of 100000");
    assert_has(page, "<th scope=\"row\">1999</th>");
    assert_has_not(page, "<th scope=\"row\">2000</th>");
    assert_balanced(page);
    free(page);

    weft_evaluation *labels = &s.run.evaluation[WEFT_RUN_VALIDATION];
    *labels = (weft_evaluation){.split = "validation", .task = WEFT_TASK_LABELS, .rows = 20, .outputs = VALUES};
    labels->per_class = memory_new(VALUES, sizeof(weft_class_figures));
    page = page_of(&s.run, 1, NULL);
    assert_true(strlen(page) < 3000000);
    assert_has(page, "Each label, validation: the first 2000 of 100000");
    free(page);
    memory_free(labels->per_class);
    memory_free(s.run.evaluation[WEFT_RUN_TEST].per_value);
    memory_free(s.run.step_loss);
    memory_free(row);
}

/* Usually the test split is evaluated once, at the end. */
static void a_single_evaluation_is_no_curve(void **state)
{
    (void)state;
    struct sample s, other;
    sample_run(&s);
    sample_run(&other);
    s.run.history[WEFT_RUN_TEST].rows = other.run.history[WEFT_RUN_TEST].rows = 1;
    weft_run run[] = {s.run, other.run};
    char *page = page_of(run, COUNT(run), NULL);
    assert_has(page, "id=\"compare-validation-accuracy-title\"");
    assert_has(page, "id=\"compare-gap-validation-title\"");
    assert_has_not(page, "compare-test-accuracy");
    assert_has_not(page, "compare-gap-test");
    assert_has(page, "test accuracy");                          /* in the table */
    free(page);
    for (size_t split = 0; split < WEFT_RUN_SPLITS; split++)
        run[0].history[split].rows = run[1].history[split].rows = 1;
    page = page_of(run, COUNT(run), NULL);
    assert_has(page, "no split was evaluated more than once");
    assert_has_not(page, "id=\"compare-");
    assert_balanced(page);
    free(page);
}

/* Runs beyond the palette's colours have dashes. */
static void many_runs_are_told_apart(void **state)
{
    (void)state;
    struct sample s;
    sample_run(&s);
    weft_run run[CHART_COLOURS + 1];
    for (size_t i = 0; i < COUNT(run); i++)
        run[i] = s.run;
    char *page = page_of(run, CHART_COLOURS, NULL);
    assert_has_not(page, "class=\"series dashed");
    free(page);
    page = page_of(run, COUNT(run), NULL);
    assert_has(page, "class=\"series dashed l0\"");
    assert_has_not(page, "class=\"series dashed l1\"");
    free(page);
}

static void runs_are_compared(void **state)
{
    (void)state;
    static struct sample a, b;
    sample_run(&a);
    sample_run(&b);
    strcpy(b.setting[0].value, "128");
    strcpy(b.run.last.data_digest, "0714e2");
    b.run.evaluation[WEFT_RUN_TEST].accuracy = 0.95;
    b.run.evaluation[WEFT_RUN_TEST].loss /= 2;                  /* less, but nobody says of what kind */
    b.run.is_over = 0;
    char *page = page_of((weft_run[]){a.run, b.run}, 2, NULL);
    static const char *const part[] = {
        "<h1>2 runs side by side</h1>", "<a href=\"#run-1\">first (1)</a>", "<a href=\"#run-2\">first (2)</a>",
        "<div id=\"run-2\">", "<td class=\"best\"><data value=\"0.94999999999999996\">",
        "<tr><th scope=\"row\">train.batch_size</th><td class=\"code\">64</td><td class=\"code\">128</td></tr>",
        "The data digests differ", "because they are not over: 1 of the runs."};
    static const char *const chart[] = {"compare-test-accuracy", "compare-validation-cost", "compare-train-loss", "compare-gap-test",
                                        "run-1-accuracy", "run-2-accuracy"};
    for (size_t i = 0; i < COUNT(part); i++)
        assert_has(page, part[i]);
    for (size_t i = 0; i < COUNT(chart); i++)
        assert_chart(page, chart[i]);
    assert_int_equal(count_of(page, "<td class=\"best\">"), 1);
    assert_int_equal(count_of(page, "<details class=\"run\" open>"), 1);
    assert_int_equal(count_of(page, "<details class=\"run\">"), 1);
    assert_balanced(page);
    free(page);
}

static void runs_of_different_kinds_stand_side_by_side(void **state)
{
    (void)state;
    static struct sample a, b;
    sample_run(&a);
    sample_regression(&b);
    strcpy(b.run.name, "second");
    char *page = page_of((weft_run[]){a.run, b.run, {.name = "empty", .task = "classes"}}, 3, NULL);
    static const char *const chart[] = {"compare-test-accuracy", "compare-test-r2", "compare-test-mean-absolute-error"};
    for (size_t i = 0; i < COUNT(chart); i++)
        assert_chart(page, chart[i]);
    assert_has(page, "<th scope=\"row\"><a href=\"#run-2\">second</a></th>");
    assert_has(page, "because they are not over: 1 of");
    assert_balanced(page);
    free(page);
}

/* ---- charts, and what fails ---- */

struct taken { size_t count, at_most; char name[64][64]; };

static weft_status take(void *context, const char *name, const char *svg, size_t size_bytes)
{
    struct taken *taken = context;
    assert_int_equal(strlen(svg), size_bytes);
    assert_non_null(strstr(svg, "<svg"));
    assert_int_equal(name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")], '\0');
    for (size_t i = 0; i < taken->count; i++)
        assert_string_not_equal(taken->name[i], name);
    if (taken->count == taken->at_most)
        return WEFT_ECREATE;
    assert_true(taken->count < COUNT(taken->name));
    snprintf(taken->name[taken->count++], sizeof taken->name[0], "%s", name);
    return WEFT_OK;
}

static void charts_are_handed_over(void **state)
{
    (void)state;
    struct sample s;
    struct taken taken = {.at_most = SIZE_MAX};
    const weft_page_options options = {.chart = take, .context = &taken};
    sample_run(&s);
    char *page = page_of(&s.run, 1, &options);
    assert_int_equal(taken.count, count_of(page, "<svg"));
    for (size_t i = 0; i < taken.count; i++)
        assert_chart(page, taken.name[i]);
    free(page);
}

static void who_takes_the_charts_may_fail(void **state)
{
    (void)state;
    struct sample s;
    struct taken taken = {.at_most = 3};
    const weft_page_options options = {.chart = take, .context = &taken};
    sample_run(&s);
    FILE *stream = tmpfile();
    assert_int_equal(weft_page_write(&s.run, 1, &options, stream), WEFT_ECREATE);
    assert_int_equal(taken.count, 3);
    fclose(stream);
}

static void memory_may_be_short(void **state)
{
    (void)state;
    static struct sample a, b;
    sample_run(&a);
    sample_regression(&b);
    const weft_run run[] = {a.run, b.run};
    for (size_t runs = 1; runs <= 2; runs++) {
        size_t n = 1;
        for (weft_status st = WEFT_ENOMEM; st != WEFT_OK; n++) {
            FILE *stream = fopen("/dev/null", "w");
            memory_fail_from(n);
            st = weft_page_write(run, runs, NULL, stream);
            memory_fail_from(0);
            assert_true(st == WEFT_OK || st == WEFT_ENOMEM);
            fclose(stream);
        }
        assert_true(n > 30);
    }
}

static void a_stream_may_fail(void **state)
{
    (void)state;
    struct sample s;
    sample_run(&s);
    FILE *stream = fopen("/dev/full", "w");
    if (stream == NULL)
        skip();
    assert_int_equal(weft_page_write(&s.run, 1, NULL, stream), WEFT_EIO);
    assert_non_null(strstr(weft_last_error(), "the output stream failed"));
    fclose(stream);
}

static void no_run_is_no_page(void **state)
{
    (void)state;
    assert_int_equal(weft_page_write(NULL, 0, NULL, stdout), WEFT_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_for_people),
        cmocka_unit_test(numbers_are_thinned_from_the_first_to_the_last),
        cmocka_unit_test(a_run_has_all_its_parts),
        cmocka_unit_test(numbers_are_those_of_the_run),
        cmocka_unit_test(the_same_run_gives_the_same_page),
        cmocka_unit_test(text_of_files_stays_text),
        cmocka_unit_test(what_is_not_there_is_left_out),
        cmocka_unit_test(a_split_that_is_never_evaluated_is_left_out),
        cmocka_unit_test(a_run_that_goes_on_has_its_latest_figures),
        cmocka_unit_test(a_regression_has_its_own_figures),
        cmocka_unit_test(labels_have_no_confusion),
        cmocka_unit_test(figures_may_be_anything),
        cmocka_unit_test(a_penalty_makes_a_chart_of_its_own),
        cmocka_unit_test(long_tables_are_thinned_and_say_so),
        cmocka_unit_test(pictures_of_outputs_have_their_names),
        cmocka_unit_test(a_large_run_has_a_page_of_moderate_size),
        cmocka_unit_test(a_single_evaluation_is_no_curve),
        cmocka_unit_test(many_runs_are_told_apart),
        cmocka_unit_test(runs_are_compared),
        cmocka_unit_test(runs_of_different_kinds_stand_side_by_side),
        cmocka_unit_test(charts_are_handed_over),
        cmocka_unit_test(who_takes_the_charts_may_fail),
        cmocka_unit_test(memory_may_be_short),
        cmocka_unit_test(a_stream_may_fail),
        cmocka_unit_test(no_run_is_no_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
