/* How a run went: cost, loss and accuracy of each split, what lies between training and the rest, each minibatch, learning rate. */
#include <math.h>
#include <string.h>

#include "page/figures.h"
#include "page/lines.h"
#include "page/page.h"

/* A series of each split that has the figure. */
static void add_splits(struct lines *lines, const weft_run *run, enum figure figure)
{
    for (size_t split = 0; split < WEFT_RUN_SPLITS; split++) {
        const weft_history *history = &run->history[split];
        double *x = lines_add(lines, split_name[split], split, history->rows);
        for (size_t i = 0; i < history->rows && x != NULL; i++) {
            x[i] = (double)history->row[i].step;
            x[history->rows + i] = figure_of_row(&history->row[i], figure);
        }
    }
}

static void write_figure(struct page *page, const weft_run *run, enum figure figure, const struct lines_look *look)
{
    struct lines lines = lines_begin(page, WEFT_RUN_SPLITS);
    add_splits(&lines, run, figure);
    lines_end(&lines, look);
}

/* ---- cost and loss ---- */

static void write_cost_and_loss(struct page *page, const weft_run *run)
{
    static const struct lines_look cost = {
        "cost", "Cost", "Loss and penalty together, at each evaluation.", "cost", CHART_NUMBER_PLAIN, .has_zero = true};
    static const struct lines_look loss = {
        "loss", "Loss", "Mean over the rows of each split, without the penalty.", "loss", CHART_NUMBER_PLAIN, .has_zero = true};
    static const struct lines_look both = {
        "loss", "Loss", "Mean over the rows of each split. Without a penalty the cost is the same.", "loss", CHART_NUMBER_PLAIN,
        .has_zero = true};
    bool is_both = !figure_has_penalty(run->history);
    if (!is_both)
        write_figure(page, run, FIGURE_COST, &cost);
    write_figure(page, run, FIGURE_LOSS, is_both ? &both : &loss);
}

/* ---- each minibatch ---- */

enum { MEAN_OF_STEPS = 200, MEANS_MIN = 20 };

/* Steps in a mean: 200, or fewer of a run so short that the curve would have less than 20 points. */
static size_t mean_width(size_t steps)
{
    static const size_t width[] = {MEAN_OF_STEPS, 100, 50, 20, 10, 5, 2};
    for (size_t i = 0; i < sizeof width / sizeof *width; i++)
        if (steps / width[i] >= MEANS_MIN)
            return width[i];
    return 1;
}

/* x and y at points, count apart; a point stands in the middle of the steps of its mean. */
static void add_means(double *points, const weft_run *run, size_t width, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        size_t first = k * width, end = first + width < run->steps ? first + width : run->steps;
        double sum = 0;
        for (size_t i = first; i < end; i++)
            sum += (double)run->step_loss[i];
        points[k] = (double)((first + 1 + end) / 2);
        points[count + k] = sum / (double)(end - first);
    }
}

static void write_minibatches(struct page *page, const weft_run *run)
{
    char description[160] = "Mean loss of the rows of each minibatch.", mean[48];
    size_t width = mean_width(run->steps), count = (run->steps + width - 1) / width;
    struct lines lines = lines_begin(page, 2);
    if (width > 1) {
        snprintf(description, sizeof description, "The line is the mean of %zu steps each; behind it, every minibatch.", width);
        snprintf(mean, sizeof mean, "mean of %zu steps", width);
        double *points = lines_add(&lines, mean, 0, count);
        if (points != NULL)
            add_means(points, run, width, count);
    }
    double *x = lines_add(&lines, "minibatch", 0, run->steps);
    if (x != NULL && width > 1)
        lines_is_faint(&lines);
    for (size_t i = 0; i < run->steps && x != NULL; i++) {
        x[i] = (double)(i + 1);
        x[run->steps + i] = (double)run->step_loss[i];
    }
    const struct lines_look look = {
        "minibatch-loss", "Loss of the minibatches", description, "loss", CHART_NUMBER_PLAIN, .has_zero = true};
    lines_end(&lines, &look);
}

/* ---- training minus the rest ---- */

static void add_gap(struct lines *lines, const weft_run *run, size_t split)
{
    const weft_history *train = &run->history[WEFT_RUN_TRAIN], *other = &run->history[split];
    char name[32];
    snprintf(name, sizeof name, "train \xe2\x88\x92 %s", split_name[split]);
    double *x = lines_add(lines, name, split, train->rows);
    for (size_t i = 0; i < train->rows && x != NULL; i++) {
        x[i] = (double)train->row[i].step;
        x[train->rows + i] = figure_gap(train, i, other);
    }
}

static void write_gap(struct page *page, const weft_run *run)
{
    static const struct lines_look accuracy = {
        "gap", "Generalisation gap", "Accuracy on the training rows minus that on the others.", "difference",
        CHART_NUMBER_PERCENT, false, false};
    static const struct lines_look r2 = {
        "gap", "Generalisation gap", "R\xc2\xb2 on the training rows minus that on the others.", "difference",
        CHART_NUMBER_PLAIN, false, false};
    struct lines lines = lines_begin(page, 2);
    add_gap(&lines, run, WEFT_RUN_VALIDATION);
    add_gap(&lines, run, WEFT_RUN_TEST);
    lines_end(&lines, figure_main(run) == FIGURE_R2 ? &r2 : &accuracy);
}

/* ---- learning rate ---- */

static void write_learning_rate(struct page *page, const weft_run *run)
{
    static const struct lines_look look = {
        "learning-rate", "Learning rate", "Of the latest step at each evaluation.", "learning rate", CHART_NUMBER_PLAIN,
        .has_zero = true};
    const weft_history *longest = &run->history[0];
    for (size_t split = 1; split < WEFT_RUN_SPLITS; split++)
        longest = run->history[split].rows > longest->rows ? &run->history[split] : longest;
    struct lines lines = lines_begin(page, 1);
    double *x = lines_add(&lines, "learning rate", 3, longest->rows);
    for (size_t i = 0; i < longest->rows && x != NULL; i++) {
        x[i] = (double)longest->row[i].step;
        x[longest->rows + i] = longest->row[i].step > 0 ? longest->row[i].learning_rate : (double)NAN;
    }
    lines_end(&lines, &look);
}

void page_write_curves(struct page *page, const weft_run *run)
{
    static const struct lines_look accuracy = {
        "accuracy", "Accuracy", "Share of the rows of each split that the model gets right.", "accuracy", CHART_NUMBER_PERCENT,
        false, false};
    static const struct lines_look all_labels = {
        "accuracy", "Accuracy", "Share of the rows of each split of which the model gets all labels right.", "accuracy",
        CHART_NUMBER_PERCENT, false, false};
    static const struct lines_look r2 = {
        "r2", "R\xc2\xb2", "Share of the variance that the model explains, mean over the values.", "R\xc2\xb2",
        CHART_NUMBER_PLAIN, false, false};
    static const struct lines_look error = {
        "mean-absolute-error", "Mean absolute error", "Mean over rows and values.", "mean |error|", CHART_NUMBER_PLAIN,
        .has_zero = true};
    page_section_begin(page, "curves", "Learning curves");
    page_grid_begin(page);
    write_cost_and_loss(page, run);
    write_figure(page, run, FIGURE_ACCURACY, strcmp(run->task, "labels") == 0 ? &all_labels : &accuracy);
    write_figure(page, run, FIGURE_R2, &r2);
    write_figure(page, run, FIGURE_MEAN_ABSOLUTE_ERROR, &error);
    write_minibatches(page, run);
    write_gap(page, run);
    write_learning_rate(page, run);
    page_grid_end(page);
    page_section_end(page);
}
