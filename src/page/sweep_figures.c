/* The figures of a sweep's combinations: tables of mean and standard deviation over the seeds, and bars of the main ones. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "page/figures.h"
#include "page/sweep.h"

/* The figures of evaluations, best known first; what they are called in a summary follows the split's name. */
static const struct { const char *name; enum figure figure; } evaluated[] = {
    {"accuracy", FIGURE_ACCURACY}, {"r2", FIGURE_R2}, {"mean_absolute_error", FIGURE_MEAN_ABSOLUTE_ERROR},
    {"cost", FIGURE_COST}, {"loss", FIGURE_LOSS},
};
enum { SCORES = 3, EVALUATED = sizeof evaluated / sizeof *evaluated };          /* behind the scores: what training makes small */
static const char MEAN_ABS[] = "mean_abs_weight_";     /* and the layer: "01" */

/* NULL: the runs do not have it. */
static const weft_sweep_figure *evaluated_figure(const weft_sweep_summary *summary, size_t split, size_t which)
{
    char name[64];
    snprintf(name, sizeof name, "%s_%s", split_name[split], evaluated[which].name);
    for (size_t i = 0; i < summary->figures; i++)
        if (strcmp(summary->figure[i].name, name) == 0)
            return &summary->figure[i];
    return NULL;
}

/* ---- columns of the tables ---- */

struct column {
    const weft_sweep_figure *figure;
    enum html_number number;
    int best;                           /* 1: the greatest mean is best; -1: the least; 0: none is */
    char head[96];
};

/* The figures evaluated[first .. end - 1] of every split. Returns how many there are. */
static size_t evaluated_columns(const weft_sweep_summary *summary, size_t first, size_t end, struct column *column)
{
    size_t count = 0;
    for (size_t which = first; which < end; which++)
        for (size_t s = 0; s < WEFT_RUN_SPLITS; s++) {
            const struct figure_info *info = &figure_info[evaluated[which].figure];
            const weft_sweep_figure *figure = evaluated_figure(summary, split_order[s], which);
            if (figure == NULL)
                continue;
            struct column *next = &column[count++];
            *next = (struct column){figure, info->number, which >= SCORES ? 0 : info->is_better_high ? 1 : -1, ""};
            snprintf(next->head, sizeof next->head, "%s %s", split_name[split_order[s]], info->name);
        }
    return count;
}

static bool is_evaluated(const weft_sweep_summary *summary, const weft_sweep_figure *figure)
{
    for (size_t which = 0; which < EVALUATED; which++)
        for (size_t split = 0; split < WEFT_RUN_SPLITS; split++)
            if (evaluated_figure(summary, split, which) == figure)
                return true;
    return false;
}

static bool is_of_layer(const weft_sweep_figure *figure)
{
    return strncmp(figure->name, MEAN_ABS, strlen(MEAN_ABS)) == 0;
}

static struct column column_of(const weft_sweep_figure *figure)
{
    static const struct { const char *name, *head; enum html_number number; } known[] = {
        {"steps", "steps", HTML_COUNT}, {"epochs", "epochs", HTML_EPOCHS}, {"model_step", "model of step", HTML_COUNT},
        {"training_time_s", "training time", HTML_SECONDS}, {"elapsed_s", "time with evaluations and saves", HTML_SECONDS},
    };
    struct column column = {figure, HTML_FIGURE, 0, ""};
    const char *layer = figure->name + strlen(MEAN_ABS);
    if (is_of_layer(figure))
        snprintf(column.head, sizeof column.head, "layer %s", layer + strspn(layer, "0"));
    else
        snprintf(column.head, sizeof column.head, "%s", figure->name);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(figure->name, known[i].name) == 0) {
            snprintf(column.head, sizeof column.head, "%s", known[i].head);
            column.number = known[i].number;
        }
    return column;
}

/* All that are of no evaluation: those of layers, or the others. */
static size_t other_columns(const weft_sweep_summary *summary, bool layers, struct column *column)
{
    size_t count = 0;
    for (size_t i = 0; i < summary->figures; i++)
        if (!is_evaluated(summary, &summary->figure[i]) && is_of_layer(&summary->figure[i]) == layers)
            column[count++] = column_of(&summary->figure[i]);
    return count;
}

/* ---- tables ---- */

/* Has this combination the best mean, and another one a worse one? */
static bool is_best(const struct column *column, size_t combinations, size_t c)
{
    bool beats_one = false;
    for (size_t k = 0; k < combinations; k++) {
        double lead = column->best * (column->figure->mean[c] - column->figure->mean[k]);
        if (lead < 0)
            return false;
        beats_one = beats_one || lead > 0;
    }
    return beats_one;
}

static void write_over(struct page *page, const struct sweep_parts *parts, size_t c)
{
    char text[64];
    size_t runs = sweep_parts_runs(parts, c), over = parts->summary->over[c];
    snprintf(text, sizeof text, over < runs ? "%zu of %zu" : "%zu", over, runs);
    page_cell(page, text);
}

static void write_table(struct page *page, const struct sweep_parts *parts, const char *caption, const struct column *column,
                        size_t columns)
{
    size_t combinations = parts->summary->combinations;
    if (columns == 0)
        return;
    page_table_begin(page, caption);
    page_head(page, "combination");
    page_head(page, "runs");
    for (size_t i = 0; i < columns; i++)
        page_head(page, column[i].head);
    for (size_t c = 0; c < combinations; c++) {
        page_row_combination(page, parts, c);
        write_over(page, parts, c);
        for (size_t i = 0; i < columns; i++)
            page_cell_spread(page, column[i].number, column[i].figure->mean[c], column[i].figure->sd[c],
                             is_best(&column[i], combinations, c));
    }
    page_table_end(page);
}

/* ---- bars ---- */

/* values: combinations x splits, then the same of deviations. Returns the splits that are there. */
static size_t fill_bars(const struct sweep_parts *parts, size_t which, const char **bar, double *value, double *sd)
{
    size_t bars = 0, combinations = parts->summary->combinations;
    for (size_t s = 0; s < WEFT_RUN_SPLITS; s++)
        if (evaluated_figure(parts->summary, s, which) != NULL)
            bar[bars++] = split_name[s];
    for (size_t s = 0, b = 0; s < WEFT_RUN_SPLITS; s++) {
        const weft_sweep_figure *figure = evaluated_figure(parts->summary, s, which);
        for (size_t c = 0; c < combinations && figure != NULL; c++) {
            value[c * bars + b] = figure->mean[c];
            sd[c * bars + b] = figure->sd[c];
        }
        b += figure != NULL;
    }
    return bars;
}

static void write_bars_of(struct page *page, const struct sweep_parts *parts, size_t which, const char **group, double *value)
{
    const struct figure_info *info = &figure_info[evaluated[which].figure];
    size_t groups = parts->summary->combinations;
    double *sd = value + groups * WEFT_RUN_SPLITS;
    const char *bar[WEFT_RUN_SPLITS];
    char id[PAGE_ID_SIZE_BYTES], name[64], title[64];
    size_t bars = fill_bars(parts, which, bar, value, sd);
    if (bars == 0)
        return;
    for (size_t c = 0; c < groups; c++)
        group[c] = parts->sweep->combination[c].name;
    snprintf(name, sizeof name, "final-%s", evaluated[which].name);
    snprintf(title, sizeof title, "Final %s", info->name);
    const struct chart_bars chart = {
        .frame = page_frame(page, id, name, title, "Mean over the seeds; whiskers: one standard deviation to both sides."),
        .y_label = info->name, .y_number = info->number == HTML_PERCENT ? CHART_NUMBER_PERCENT : CHART_NUMBER_PLAIN,
        .groups = groups, .bars = bars, .group_name = group, .bar_name = bar, .value = value, .sd = sd};
    page_bars_begin(page, &chart);
    page_figure_end(page);
}

static void write_bars(struct page *page, const struct sweep_parts *parts, size_t which)
{
    size_t groups = parts->summary->combinations;
    const char **group = memory_new(groups, sizeof *group);
    double *value = memory_new(2 * groups * WEFT_RUN_SPLITS, sizeof *value);
    if (group != NULL && value != NULL)
        write_bars_of(page, parts, which, group, value);
    else
        page->status = WEFT_ENOMEM;
    memory_free(group);
    memory_free(value);
}

/* ---- all ---- */

void page_write_sweep_figures(struct page *page, const struct sweep_parts *parts)
{
    const weft_sweep_summary *summary = parts->summary;
    struct column *column = memory_new(summary->figures, sizeof *column);
    if (column == NULL) {
        page->status = WEFT_ENOMEM;
        return;
    }
    page_section_begin(page, "figures", "Figures");
    page_note(page, "Mean \xc2\xb1 standard deviation over the seeds. The best mean of a score is bold; "
                    "costs and losses may be of several kinds.");
    write_table(page, parts, "What the models get right", column, evaluated_columns(summary, 0, SCORES, column));
    for (size_t which = 0; which < SCORES; which++)
        write_bars(page, parts, which);
    write_table(page, parts, "Cost and loss", column, evaluated_columns(summary, SCORES, EVALUATED, column));
    write_table(page, parts, "How far the runs went, and how long they took", column, other_columns(summary, false, column));
    write_table(page, parts, "Mean |W| of each layer of the models", column, other_columns(summary, true, column));
    page_section_end(page);
    memory_free(column);
}
