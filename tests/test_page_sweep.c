/* The page of a sweep: combinations by their means, curves averaged where all seeds have been evaluated, one run of each. */
#include "page_samples.h"

#include "page/mean.h"

/* ---- means ---- */

static weft_history_row row_of(uint64_t step, double loss)
{
    return (weft_history_row){step, 1, 2 * loss, loss, NAN, 0.5, 3 * loss, 0.125};
}

static void means_are_over_the_runs_that_are_over(void **state)
{
    (void)state;
    weft_history_row a[] = {row_of(10, 1), row_of(20, 2), row_of(30, 3)}, b[] = {row_of(20, 4), row_of(30, 5), row_of(40, 6)};
    weft_history_row unfinished[] = {row_of(25, 100)};
    const weft_run run[] = {
        {.history = {{1, unfinished}}}, {.is_over = 1, .history = {{3, a}}}, {.is_over = 1, .history = {{3, b}}}};
    struct mean_history history;
    assert_ok(mean_history_create(run, COUNT(run), &history));
    assert_int_equal(history.mean[0].rows, 2);                  /* steps 20 and 30 */
    assert_int_equal(history.sd[0].rows, 2);
    for (size_t i = 0; i < 2; i++) {
        const weft_history_row *mean = &history.mean[0].row[i], *sd = &history.sd[0].row[i];
        assert_int_equal(mean->step, 20 + 10 * i);
        assert_within(mean->loss, 3 + (double)i, 0, "loss");
        assert_within(mean->cost, 6 + 2 * (double)i, 0, "cost");
        assert_within(mean->mean_absolute_error, 9 + 3 * (double)i, 0, "mean absolute error");
        assert_within(mean->r2, 0.5, 0, "r2");
        assert_true(isnan(mean->accuracy));
        assert_within(sd->loss, sqrt(2), 1e-15, "sd of loss");
        assert_within(sd->r2, 0, 0, "sd of r2");
    }
    assert_int_equal(history.mean[1].rows, 0);
    mean_history_clear(&history);
}

static void one_run_has_a_mean_but_no_spread(void **state)
{
    (void)state;
    weft_history_row row[] = {row_of(10, 1)};
    const weft_run run[] = {{.is_over = 1, .history = {{0}, {0}, {1, row}}}, {.is_over = 0}};
    struct mean_history history;
    assert_ok(mean_history_create(run, COUNT(run), &history));
    assert_int_equal(history.mean[2].rows, 1);
    assert_within(history.mean[2].row[0].loss, 1, 0, "loss");
    assert_true(isnan(history.sd[2].row[0].loss));
    mean_history_clear(&history);
    assert_ok(mean_history_create(run + 1, 1, &history));
    assert_int_equal(history.mean[2].rows, 0);
    mean_history_clear(&history);
}

/* ---- the page ---- */

enum { COMBINATIONS = 3, RUNS = 5 };

/* Two combinations of two seeds, the second of which lacks one; a third that has not begun. */
struct sweep_sample {
    struct sample sample[RUNS];
    weft_run run[RUNS];
    weft_sweep_run planned[RUNS];
    weft_setting_value setting[2];
    weft_sweep_combination combination[COMBINATIONS];
    weft_sweep sweep;
    size_t over[COMBINATIONS];
    double mean[5][COMBINATIONS], sd[5][COMBINATIONS], value[5][RUNS];
    weft_sweep_figure figure[5];
    weft_sweep_summary summary;
};

static void sweep_sample(struct sweep_sample *s)
{
    static const struct weft_sweep_figure figure[] = {
        {"train_accuracy", NULL, NULL, NULL}, {"test_accuracy", NULL, NULL, NULL}, {"test_cost", NULL, NULL, NULL},
        {"training_time_s", NULL, NULL, NULL}, {"mean_abs_weight_01", NULL, NULL, NULL}};
    static const double mean[] = {0.9375, 0.75, 0.5, 12, 0.125};
    memset(s, 0, sizeof *s);
    for (size_t i = 0; i < RUNS; i++) {
        sample_run(&s->sample[i]);
        s->planned[i] = (weft_sweep_run){.combination = i / 2, .seed = 41 + i % 2};
        if (i < 3)
            s->run[i] = s->sample[i].run;
    }
    s->setting[0] = s->setting[1] = (weft_setting_value){"regularization.l2", "0.5"};
    s->combination[0] = (weft_sweep_combination){"plain", 0, NULL};
    s->combination[1] = (weft_sweep_combination){"l2=0.5, <b>", 1, &s->setting[0]};
    s->combination[2] = (weft_sweep_combination){"not begun", 1, &s->setting[1]};
    s->sweep = (weft_sweep){.out = "/somewhere/secret/study", .name = "study", .combinations = COMBINATIONS, .combination = s->combination,
                            .runs = RUNS, .run = s->planned};
    s->over[0] = 2, s->over[1] = 1;
    for (size_t f = 0; f < COUNT(figure); f++) {
        s->figure[f] = figure[f];
        s->figure[f].mean = s->mean[f];
        s->figure[f].sd = s->sd[f];
        s->figure[f].value = s->value[f];
        for (size_t c = 0; c < COMBINATIONS; c++) {
            s->mean[f][c] = c < 2 ? mean[f] * (1 + (double)c / 64) : (double)NAN;
            s->sd[f][c] = c < 1 ? 0.03125 : (double)NAN;
        }
    }
    s->summary = (weft_sweep_summary){COMBINATIONS, RUNS, s->over, COUNT(figure), s->figure};
}

static char *sweep_page(const struct sweep_sample *s)
{
    static char *text;
    static size_t length;
    FILE *stream = open_memstream(&text, &length);
    assert_ok(weft_page_write_sweep(&s->sweep, &s->summary, s->run, NULL, stream));
    assert_int_equal(fclose(stream), 0);
    return text;
}

static void a_sweep_has_its_combinations(void **state)
{
    (void)state;
    static struct sweep_sample s;
    sweep_sample(&s);
    char *page = sweep_page(&s);
    static const char *const part[] = {
        "<h1>study</h1>", "<a href=\"#run-1\">plain</a></th><td>2</td>",
        "<a href=\"#run-2\">l2=0.5, &lt;b&gt;</a></th><td>1 of 2</td>", "<th scope=\"row\">not begun</th><td>0 of 1</td>",
        ("<td><data value=\"0.75\">75.00\xe2\x80\xaf%</data> "
         "<span class=\"spread\">\xc2\xb1\xc2\xa0<data value=\"0.03125\">3.12\xe2\x80\xaf%</data></span></td>"),
        "<td class=\"best\"><data value=\"0.76171875\">76.17\xe2\x80\xaf%</data></td>",         /* a greater accuracy, no spread */
        "training time", ">layer 1<", "id=\"final-accuracy-title\"", "id=\"compare-test-accuracy-title\"",
        "id=\"compare-gap-validation-title\"", "<th scope=\"col\" class=\"left\">regularization.l2</th>",
        "<td class=\"code\">0.5</td>", "plain, seed 41", "id=\"run-2-accuracy-title\""};
    for (size_t i = 0; i < COUNT(part); i++)
        assert_has(page, part[i]);
    assert_int_equal(count_of(page, "<details class=\"run\">"), 2);
    assert_has_not(page, "<td class=\"best\"><data value=\"0.5\">");                               /* costs are not compared */
    assert_has_not(page, "run-3");
    assert_has_not(page, "secret");
    assert_has_not(page, "<b>");
    assert_balanced(page);
    char *again = sweep_page(&s);
    assert_string_equal(again, page);
    free(again);
    free(page);
}

static void a_sweep_that_has_not_begun_has_a_page(void **state)
{
    (void)state;
    static struct sweep_sample s;
    sweep_sample(&s);
    memset(s.run, 0, sizeof s.run);
    memset(s.over, 0, sizeof s.over);
    s.summary.figures = 0;
    char *page = sweep_page(&s);
    assert_has(page, "<th scope=\"row\">plain</th>");
    assert_has_not(page, "<svg");
    assert_balanced(page);
    free(page);
}

static void memory_may_be_short(void **state)
{
    (void)state;
    static struct sweep_sample s;
    sweep_sample(&s);
    size_t n = 1;
    for (weft_status st = WEFT_ENOMEM; st != WEFT_OK; n++) {
        FILE *stream = fopen("/dev/null", "w");
        memory_fail_from(n);
        st = weft_page_write_sweep(&s.sweep, &s.summary, s.run, NULL, stream);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || st == WEFT_ENOMEM);
        fclose(stream);
    }
    assert_true(n > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_are_over_the_runs_that_are_over),
        cmocka_unit_test(one_run_has_a_mean_but_no_spread),
        cmocka_unit_test(a_sweep_has_its_combinations),
        cmocka_unit_test(a_sweep_that_has_not_begun_has_a_page),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
