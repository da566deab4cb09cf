/* See compare.h. */
#include "page/compare.h"

#include <math.h>
#include <string.h>

#include "page/figures.h"
#include "page/lines.h"

/* What people look for comes first. */
static const enum figure figure_order[FIGURES] = {
    FIGURE_ACCURACY, FIGURE_R2, FIGURE_MEAN_ABSOLUTE_ERROR, FIGURE_COST, FIGURE_LOSS};

/* ---- figures ---- */

static double final_figure(const weft_run *run, size_t split, enum figure figure)
{
    return figure_of_evaluation(&run->evaluation[split], figure);
}

static bool any_has(const weft_run *run, size_t count, size_t split, enum figure figure)
{
    for (size_t i = 0; i < count; i++)
        if (!isnan(final_figure(&run[i], split, figure)))
            return true;
    return false;
}

/* Is none of the others better, and one of them worse? Costs and losses are not held against each other: they may be of several
 * kinds. */
static bool is_best(const weft_run *run, size_t count, size_t i, size_t split, enum figure figure)
{
    if (figure == FIGURE_COST || figure == FIGURE_LOSS)
        return false;
    double sign = figure_info[figure].is_better_high ? 1 : -1, own = sign * final_figure(&run[i], split, figure);
    bool beats_one = false;
    for (size_t k = 0; k < count; k++) {
        double other = sign * final_figure(&run[k], split, figure);
        if (other > own)
            return false;
        beats_one = beats_one || own > other;
    }
    return beats_one;
}

static void write_heads(struct page *page, const weft_run *run, size_t count)
{
    char head[64];
    page_head(page, "run");
    for (size_t f = 0; f < FIGURES; f++)
        for (size_t s = 0; s < WEFT_RUN_SPLITS; s++)
            if (any_has(run, count, split_order[s], figure_order[f])) {
                snprintf(head, sizeof head, "%s %s", split_name[split_order[s]], figure_info[figure_order[f]].name);
                page_head(page, head);
            }
    page_head(page, "steps");
    page_head(page, "epochs");
    page_head(page, "model of step");
    page_head(page, "training time");
    page_head(page, "parameters");
}

static void write_run(struct page *page, const weft_run *run, size_t count, size_t i)
{
    for (size_t f = 0; f < FIGURES; f++)
        for (size_t s = 0; s < WEFT_RUN_SPLITS; s++)
            if (any_has(run, count, split_order[s], figure_order[f]))
                page_cell_spread(page, figure_info[figure_order[f]].number, final_figure(&run[i], split_order[s], figure_order[f]),
                                 (double)NAN, is_best(run, count, i, split_order[s], figure_order[f]));
    page_cell_number(page, HTML_COUNT, (double)run[i].last.step);
    page_cell_number(page, HTML_EPOCHS, run[i].last.epoch);
    page_cell_number(page, HTML_COUNT, (double)run[i].model_step);
    page_cell_number(page, HTML_SECONDS, run[i].training_time_s);
    page_cell_number(page, HTML_COUNT, (double)run[i].last.parameters);
}

void page_compare_runs(struct page *page, const weft_run *run, const struct compared *compared, size_t count)
{
    page_section_begin(page, "figures", "Figures");
    page_table_begin(page, "Final figures; the best of a score is bold");
    write_heads(page, run, count);
    for (size_t i = 0; i < count; i++) {
        char target[32];
        snprintf(target, sizeof target, "run-%zu", i + 1);
        page_row_link(page, compared[i].name, target);
        write_run(page, run, count, i);
    }
    page_table_end(page);
    size_t unfinished = 0;
    for (size_t i = 0; i < count; i++)
        unfinished += !run[i].is_over;
    if (unfinished > 0)
        page_note(page, "Without final figures, because they are not over: %zu of the runs.", unfinished);
    page_section_end(page);
}

/* ---- settings ---- */

/* NULL: the run's weft did not know it. */
static const char *value_of(const weft_run *run, const char *name)
{
    for (size_t i = 0; i < run->last.settings; i++)
        if (strcmp(run->last.setting[i].name, name) == 0)
            return run->last.setting[i].value;
    return NULL;
}

static bool is_same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool differs(const weft_run *run, size_t count, const char *name)
{
    for (size_t i = 1; i < count; i++)
        if (!is_same(value_of(&run[0], name), value_of(&run[i], name)))
            return true;
    return false;
}

/* Is a run before the k-th one of this setting's name? Then it has been written already. */
static bool is_known_before(const weft_run *run, size_t k, const char *name)
{
    for (size_t i = 0; i < k; i++)
        if (value_of(&run[i], name) != NULL)
            return true;
    return false;
}

static void write_difference(struct page *page, const weft_run *run, size_t count, const char *name)
{
    page_row(page, name);
    for (size_t i = 0; i < count; i++) {
        const char *value = value_of(&run[i], name);
        page_cell_code(page, value == NULL ? "(unknown)" : value[0] != '\0' ? value : "(empty)");
    }
}

static bool all_are_the_same(const weft_run *run, size_t count)
{
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < run[k].last.settings; i++)
            if (!is_known_before(run, k, run[k].last.setting[i].name) && differs(run, count, run[k].last.setting[i].name))
                return false;
    return true;
}

static void write_differences(struct page *page, const weft_run *run, const struct compared *compared, size_t count)
{
    page_table_begin(page, "Settings that are not the same in all runs");
    page_head(page, "setting");
    for (size_t i = 0; i < count; i++)
        page_head_code(page, compared[i].name);
    for (size_t k = 0; k < count; k++)
        for (size_t i = 0; i < run[k].last.settings; i++) {
            const char *name = run[k].last.setting[i].name;
            if (!is_known_before(run, k, name) && differs(run, count, name))
                write_difference(page, run, count, name);
        }
    page_table_end(page);
}

void page_compare_settings(struct page *page, const weft_run *run, const struct compared *compared, size_t count)
{
    page_section_begin(page, "differences", "Settings that differ");
    if (all_are_the_same(run, count))
        page_note(page, "None: the settings are the same.");
    else
        write_differences(page, run, compared, count);
    for (size_t i = 1; i < count; i++)
        if (strcmp(run[0].last.data_digest, run[i].last.data_digest) != 0) {
            page_note(page, "The data digests differ: not all runs saw the same rows in the same splits.");
            break;
        }
    page_section_end(page);
}

/* ---- curves ---- */

static void add_curve(struct lines *lines, const struct compared *compared, size_t colour, size_t split, enum figure figure)
{
    const weft_history *history = &compared->history[split], *sd = compared->sd != NULL ? &compared->sd[split] : NULL;
    double *x = lines_add(lines, compared->name, colour, history->rows);
    bool has_spread = false;
    for (size_t i = 0; i < history->rows && x != NULL; i++) {
        x[i] = (double)history->row[i].step;
        x[history->rows + i] = figure_of_row(&history->row[i], figure);
        has_spread = has_spread || (sd != NULL && isfinite(figure_of_row(&sd->row[i], figure)));
    }
    double *low = has_spread ? lines_add_band(lines) : NULL;
    bool is_share = figure_info[figure].number == HTML_PERCENT;                 /* and its band ends at 0 and 1 */
    for (size_t i = 0; i < history->rows && low != NULL; i++) {
        double y = x[history->rows + i], spread = figure_of_row(&sd->row[i], figure);
        double below = y - (isfinite(spread) ? spread : 0), above = y + (isfinite(spread) ? spread : 0);
        low[i] = is_share ? fmax(below, 0) : below;
        low[history->rows + i] = is_share ? fmin(above, 1) : above;
    }
}

/* "Test accuracy"; the id "compare-test-accuracy". */
static void write_curves(struct page *page, const struct compared *compared, size_t count, size_t split, enum figure figure)
{
    const struct figure_info *info = &figure_info[figure];
    char name[64], title[64], description[192];
    snprintf(name, sizeof name, "compare-%s-%s", split_name[split], figure == FIGURE_R2 ? "r2" : info->name);
    snprintf(title, sizeof title, "%s, %s", info->name, split_name[split]);
    title[0] = title[0] >= 'a' && title[0] <= 'z' ? (char)(title[0] - 'a' + 'A') : title[0];
    snprintf(description, sizeof description, compared[0].sd != NULL
             ? "Mean over the seeds at each evaluation of the %s split that all have; shaded: one standard deviation to both sides."
             : "At each evaluation of the %s split.", split_name[split]);
    struct lines lines = lines_begin(page, count);
    for (size_t i = 0; i < count; i++)
        add_curve(&lines, &compared[i], i, split, figure);
    const struct lines_look look = {name, title, description, info->name,
                                    info->number == HTML_PERCENT ? CHART_NUMBER_PERCENT : CHART_NUMBER_PLAIN, false, false};
    lines_end(&lines, &look);
}

/* Training minus the other split: accuracy, or R2 where there is none. */
static void add_gap(struct lines *lines, const struct compared *compared, size_t colour, size_t split)
{
    const weft_history *train = &compared->history[WEFT_RUN_TRAIN], *other = &compared->history[split];
    double *x = lines_add(lines, compared->name, colour, train->rows);
    for (size_t i = 0; i < train->rows && x != NULL; i++) {
        x[i] = (double)train->row[i].step;
        x[train->rows + i] = figure_gap(train, i, other);
    }
}

static void write_gaps(struct page *page, const struct compared *compared, size_t count, size_t split)
{
    char name[64], title[96];
    snprintf(name, sizeof name, "compare-gap-%s", split_name[split]);
    snprintf(title, sizeof title, "Generalisation gap, %s", split_name[split]);
    struct lines lines = lines_begin(page, count);
    for (size_t i = 0; i < count; i++)
        add_gap(&lines, &compared[i], i, split);
    const weft_history *first = &compared[0].history[split];
    bool is_r2 = first->rows > 0 && isnan(first->row[0].accuracy);
    const struct lines_look look = {name, title, is_r2 ? "R\xc2\xb2 on the training rows minus that on the others."
                                    : "Accuracy on the training rows minus that on the others.", "difference",
                                    is_r2 ? CHART_NUMBER_PLAIN : CHART_NUMBER_PERCENT, false, false};
    lines_end(&lines, &look);
}

/* Without a penalty the cost is the loss, and is not drawn again. */
static bool have_penalty(const struct compared *compared, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (figure_has_penalty(compared[i].history))
            return true;
    return false;
}

/* A split that is evaluated at the end alone has no curve: its figures are in the table. */
static bool have_curve(const struct compared *compared, size_t count, size_t split)
{
    for (size_t i = 0; i < count; i++)
        if (compared[i].history[split].rows > 1)
            return true;
    return false;
}

static void write_all_curves(struct page *page, const struct compared *compared, size_t count)
{
    page_grid_begin(page);
    for (size_t f = 0; f < FIGURES; f++)
        for (size_t s = 0; s < WEFT_RUN_SPLITS; s++)
            if (have_curve(compared, count, split_order[s]) && (figure_order[f] != FIGURE_COST || have_penalty(compared, count)))
                write_curves(page, compared, count, split_order[s], figure_order[f]);
    for (size_t split = WEFT_RUN_VALIDATION; split <= WEFT_RUN_TEST; split++)
        if (have_curve(compared, count, split))
            write_gaps(page, compared, count, split);
    page_grid_end(page);
}

void page_compare_curves(struct page *page, const struct compared *compared, size_t count)
{
    bool have_any = false;
    for (size_t split = 0; split < WEFT_RUN_SPLITS; split++)
        have_any = have_any || have_curve(compared, count, split);
    page_section_begin(page, "curves", "Learning curves");
    if (have_any)
        write_all_curves(page, compared, count);
    else
        page_note(page, "None: no split was evaluated more than once.");
    page_section_end(page);
}
