/* What the tests of pages share: runs made by hand, the page as a string, and whether its tags are balanced. */
#ifndef TESTS_PAGE_SAMPLES_H
#define TESTS_PAGE_SAMPLES_H

#include "support.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "weft/page.h"

#define assert_ok(call) assert_int_equal(call, WEFT_OK)

/* ---- a run of 4-3-2 on pictures of 2 x 2, evaluated ROWS times ---- */

enum { ROWS = 5, STEPS = 50 };

struct sample {
    weft_run run;
    weft_history_row history[WEFT_RUN_SPLITS][80];
    weft_statistics_row statistics[3][80];
    weft_statistics tensor_over_time[3];
    weft_tensor_info tensor[4];
    weft_setting_value setting[2];
    float step_loss[STEPS];
    weft_picture picture[3];
    uint8_t rgb[12];
    uint64_t confusion[4];
    weft_class_figures per_class[2];
    weft_value_figures per_value[1];
};

static inline weft_history_row sample_row(size_t split, size_t i)
{
    double offset = 0.01 * (double)split;
    return (weft_history_row){10 * i, 0.5 * (double)i, 2.5 / (double)(i + 1) + offset, 2.25 / (double)(i + 1) + offset,
                              0.9 - 0.5 / (double)(i + 1) - offset, NAN, NAN, 0.125};
}

static inline void sample_statistics(struct sample *s)
{
    static const char *const name[] = {"01/weight", "01/bias", "02/weight"};
    for (size_t t = 0; t < 3; t++) {
        s->tensor_over_time[t] = (weft_statistics){.layer = t < 2 ? 1 : 2, .rows = ROWS, .row = s->statistics[t]};
        snprintf(s->tensor_over_time[t].name, sizeof s->tensor_over_time[t].name, "%s", name[t]);
        for (size_t i = 0; i < ROWS; i++) {
            weft_statistics_row *row = &s->statistics[t][i];
            *row = (weft_statistics_row){.step = 10 * i, .mean_abs = 0.5, .l2_norm = 1.5, .mean = 0.25, .std = 0.125, .min = -1,
                                         .max = 1, .zero_fraction = 0.25, .gradient_l2_norm = i > 0 ? 0.5 : 0,
                                         .update_ratio = i > 0 ? 0.001 : 0};
            row->histogram[10 + i] = 12;
            for (size_t b = 0; b <= WEFT_HISTOGRAM_BINS; b++)
                row->histogram_edges[b] = -1 + 2 * (float)b / WEFT_HISTOGRAM_BINS;
        }
    }
}

static inline void sample_model(struct sample *s)
{
    static const weft_tensor_info tensor[] = {
        {"01/weight", 1, 2, {4, 3}, 0.5, 1.5, 0.25, 0.125, -1, 1, 0.25, 0.5, 0.001},
        {"01/bias", 1, 1, {3}, 0, 0, 0, 0, 0, 0, 1, 0, 0},
        {"02/weight", 2, 2, {3, 2}, 0.5, 1.5, 0.25, 0.125, -1, 1, 0.25, 0.5, 0.001},
        {"02/bias", 2, 1, {2}, 0, 0, 0, 0, 0, 0, 1, 0, 0}};
    memcpy(s->tensor, tensor, sizeof tensor);
    for (size_t i = 0; i < 3; i++)
        s->picture[i] = (weft_picture){2, 2, s->rgb, 0.5};
    s->confusion[0] = 8, s->confusion[1] = 2, s->confusion[2] = 1, s->confusion[3] = 9;
    s->per_class[0] = (weft_class_figures){8.0 / 9, 0.8, 0.8421, 10};
    s->per_class[1] = (weft_class_figures){9.0 / 11, 0.9, 0.8571, 10};
    s->run.evaluation[WEFT_RUN_TEST] = (weft_evaluation){
        .split = "test", .rows = 20, .outputs = 2, .loss = 0.25, .cost = 0.5, .accuracy = 0.85, .label_accuracy = NAN, .r2 = NAN,
        .mean_absolute_error = NAN, .confusion = s->confusion, .per_class = s->per_class, .macro = {0.85355, 0.85, 0.8496, 20},
        .weighted = {0.85355, 0.85, 0.8496, 20}};
    s->run.evaluation[WEFT_RUN_TRAIN] = s->run.evaluation[WEFT_RUN_TEST];
    snprintf(s->run.evaluation[WEFT_RUN_TRAIN].split, sizeof s->run.evaluation[0].split, "train");
    s->run.evaluation[WEFT_RUN_TRAIN].accuracy = 0.96875;
}

/* The sample must stay where it is: the run points into it. */
static inline void sample_run(struct sample *s)
{
    *s = (struct sample){.run = {.name = "first", .is_over = 1, .model_step = 40, .is_best = 1, .tensors = 4, .pictures = 3,
                                 .task = "classes", .source = "idx:/somewhere/secret/mnist?a=b", .steps = STEPS,
                                 .steps_per_epoch = 20,
                                 .statistics = 3, .training_time_s = 12.5, .elapsed_s = 75,
                                 .last = {.weft_version = "0.1.0", .step = STEPS, .epoch = 2.5, .settings_digest = "5e77",
                                          .data_digest = "da7a", .weights_digest = "3e16475", .stop_reason = "epochs",
                                          .best_metric = "validation_cost", .best_step = 40, .best_value = 0.5, .features = 4,
                                          .outputs = 2, .parameters = 23, .height = 2, .width = 2, .channels = 1, .settings = 2}},
                         .setting = {{"train.batch_size", "64"}, {"train.seed", "1"}}};
    for (size_t split = 0; split < WEFT_RUN_SPLITS; split++) {
        for (size_t i = 0; i < 80; i++)
            s->history[split][i] = sample_row(split, i);
        s->run.history[split] = (weft_history){ROWS, s->history[split]};
    }
    for (size_t i = 0; i < STEPS; i++)
        s->step_loss[i] = 2.0f / (float)(i + 1);
    sample_statistics(s);
    sample_model(s);
    s->run.statistic = s->tensor_over_time;
    s->run.tensor = s->tensor;
    s->run.picture = s->picture;
    s->run.step_loss = s->step_loss;
    s->run.last.setting = s->setting;
}

/* The same as a regression of one value; its test split has the figures. */
static inline void sample_regression(struct sample *s)
{
    sample_run(s);
    strcpy(s->run.task, "regression");
    s->run.pictures = 0;
    s->run.last.outputs = 1;
    for (size_t split = 0; split < WEFT_RUN_SPLITS; split++)
        for (size_t i = 0; i < ROWS; i++) {
            weft_history_row *row = &s->history[split][i];
            row->r2 = row->accuracy;
            row->mean_absolute_error = row->loss;
            row->accuracy = NAN;
        }
    s->per_value[0] = (weft_value_figures){0.75, 1.25, 1.5};
    s->run.evaluation[WEFT_RUN_TRAIN].rows = 0;
    s->run.evaluation[WEFT_RUN_TEST] = (weft_evaluation){
        .split = "test", .task = WEFT_TASK_REGRESSION, .rows = 20, .outputs = 1, .loss = 0.25, .cost = 0.5, .accuracy = NAN,
        .label_accuracy = NAN, .r2 = 0.75, .mean_absolute_error = 1.25, .per_value = s->per_value};
}

/* ---- the page ---- */

static inline char *page_of(const weft_run *run, size_t runs, const weft_page_options *options)
{
    static char *text;                  /* the stream has its address while it is open */
    static size_t length;
    FILE *stream = open_memstream(&text, &length);
    assert_non_null(stream);
    assert_ok(weft_page_write(run, runs, options, stream));
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(strlen(text), length);
    return text;
}

static inline size_t count_of(const char *page, const char *part)
{
    size_t count = 0;
    for (const char *at = page; (at = strstr(at, part)) != NULL; at += strlen(part))
        count++;
    return count;
}

static inline void assert_has(const char *page, const char *part)
{
    if (strstr(page, part) == NULL)
        fail_msg("not in the page: %s", part);
}

static inline void assert_has_not(const char *page, const char *part)
{
    const char *found = strstr(page, part);
    if (found != NULL)
        fail_msg("in the page: %.200s", found);
}

/* Every element that needs an end has one, in the right order. Attributes have double quotes, and no '>' in them. */
static inline void assert_balanced(const char *page)
{
    char open[64][24];
    size_t depth = 0;
    for (const char *at = strchr(page, '<'); at != NULL; at = strchr(at + 1, '<')) {
        const char *end = strchr(at, '>');
        char name[24] = "";
        assert_non_null(end);
        (void)sscanf(at + 1, "%23[/a-zA-Z0-9]", name);
        if (at[1] == '!' || end[-1] == '/' || strcmp(name, "meta") == 0)
            continue;
        if (name[0] != '/') {
            assert_true(depth < COUNT(open));
            strcpy(open[depth++], name);
        } else if (depth == 0 || strcmp(open[--depth], name + 1) != 0) {
            fail_msg("<%s> ends <%s>: %.100s", name, depth > 0 ? open[depth] : "", at);
        }
    }
    assert_int_equal(depth, 0);
}

#endif
