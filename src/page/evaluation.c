/* The final figures of each split in detail: which classes are taken for which, each class, label or value. */
#include <inttypes.h>
#include <math.h>

#include "page/figures.h"
#include "page/page.h"

enum { CONFUSION_TABLE_MAX = 30 };      /* classes: a wider table says less than the chart */
enum { OUTPUTS_SHOWN_MAX = 2000 };      /* rows of a table: nobody reads more */

static const char *output_name(const weft_evaluation *e, size_t output, char text[24])
{
    if (e->name != NULL)
        return e->name[output];
    snprintf(text, 24, "%zu", output);
    return text;
}

/* ---- confusion ---- */

static void write_confusion_numbers(struct page *page, const weft_evaluation *e)
{
    char text[24], title[96];
    snprintf(title, sizeof title, "Confusion matrix, %s (row: true class; column: predicted class)", e->split);
    page_numbers_begin(page, title, e->outputs);
    page_head(page, "true");
    for (size_t p = 0; p < e->outputs; p++)
        page_head(page, output_name(e, p, text));
    for (size_t t = 0; t < e->outputs; t++) {
        page_row(page, output_name(e, t, text));
        for (size_t p = 0; p < e->outputs; p++)
            page_cell_plain(page, HTML_COUNT, (double)e->confusion[t * e->outputs + p]);
    }
    page_numbers_end(page);
}

static void write_confusion(struct page *page, const weft_evaluation *e)
{
    char id[PAGE_ID_SIZE_BYTES], name[64], title[64];
    snprintf(name, sizeof name, "confusion-%s", e->split);
    snprintf(title, sizeof title, "Confusion, %s", e->split);
    const struct chart_confusion chart = {
        .frame = page_frame(page, id, name, title,
                            "Rows: the true class; columns: what the model says. Shade: the square root of the share of the row."),
        .classes = e->outputs, .count = e->confusion, .name = (const char *const *)e->name};
    page_confusion_begin(page, &chart);
    if (e->outputs <= CONFUSION_TABLE_MAX)
        write_confusion_numbers(page, e);
    page_figure_end(page);
}

/* ---- classes, labels and values ---- */

static size_t outputs_shown(const weft_evaluation *e)
{
    return e->outputs < OUTPUTS_SHOWN_MAX ? e->outputs : OUTPUTS_SHOWN_MAX;
}

/* noun: "class" */
static void begin_outputs(struct page *page, const weft_evaluation *e, const char *noun, const char *const *head, size_t heads)
{
    char caption[96];
    if (outputs_shown(e) < e->outputs)
        snprintf(caption, sizeof caption, "Each %s, %s: the first %zu of %zu", noun, e->split, outputs_shown(e), e->outputs);
    else
        snprintf(caption, sizeof caption, "Each %s, %s", noun, e->split);
    page_table_begin(page, caption);
    for (size_t i = 0; i < heads; i++)
        page_head(page, head[i]);
}

static void add_figures(struct page *page, const char *name, const weft_class_figures *figures)
{
    page_row(page, name);
    page_cell_number(page, HTML_PERCENT, figures->precision);
    page_cell_number(page, HTML_PERCENT, figures->recall);
    page_cell_number(page, HTML_PERCENT, figures->f1);
    page_cell_number(page, HTML_COUNT, (double)figures->support);
}

static void add_total(struct page *page, const char *name, double figure, size_t rows)
{
    page_row(page, name);
    page_cell(page, "");
    page_cell(page, "");
    page_cell_number(page, HTML_PERCENT, figure);
    page_cell_number(page, HTML_COUNT, (double)rows);
}

static void write_classes(struct page *page, const weft_evaluation *e)
{
    bool are_labels = e->task == WEFT_TASK_LABELS;
    const char *const head[] = {are_labels ? "label" : "class", "precision", "recall", "F1", "rows"};
    char text[24];
    begin_outputs(page, e, head[0], head, sizeof head / sizeof *head);
    for (size_t c = 0; c < outputs_shown(e); c++)
        add_figures(page, output_name(e, c, text), &e->per_class[c]);
    add_total(page, are_labels ? "all labels right" : "accuracy", e->accuracy, e->rows);
    if (are_labels)
        add_total(page, "single labels right", e->label_accuracy, e->rows);
    add_figures(page, "macro average", &e->macro);
    add_figures(page, "weighted average", &e->weighted);
    page_table_end(page);
}

static void write_values(struct page *page, const weft_evaluation *e)
{
    static const char *const head[] = {"value", "R\xc2\xb2", "mean absolute error", "root mean square error"};
    char text[24];
    begin_outputs(page, e, head[0], head, sizeof head / sizeof *head);
    for (size_t k = 0; k < outputs_shown(e); k++) {
        page_row(page, output_name(e, k, text));
        page_cell_number(page, HTML_FIGURE, e->per_value[k].r2);
        page_cell_number(page, HTML_FIGURE, e->per_value[k].mean_absolute_error);
        page_cell_number(page, HTML_FIGURE, e->per_value[k].root_mean_square_error);
    }
    page_table_end(page);
}

static void write_split(struct page *page, const weft_evaluation *e)
{
    if (e->confusion != NULL) {
        page_grid_begin(page);
        write_confusion(page, e);
    }
    if (e->per_class != NULL)
        write_classes(page, e);
    if (e->per_value != NULL)
        write_values(page, e);
    if (e->confusion != NULL)
        page_grid_end(page);
}

const char *page_evaluations_heading(const weft_run *run)
{
    static const char *const heading[] = {
        [WEFT_TASK_CLASSES] = "Classes", [WEFT_TASK_LABELS] = "Labels", [WEFT_TASK_REGRESSION] = "Values"};
    for (size_t split = WEFT_RUN_SPLITS; split-- > 0;)
        if (run->evaluation[split].rows > 0)
            return heading[run->evaluation[split].task];
    return NULL;
}

/* The test split, or the last one there is, lies open. */
void page_write_evaluations(struct page *page, const weft_run *run)
{
    bool is_first = true;
    if (page_evaluations_heading(run) == NULL)
        return;
    page_section_begin(page, "outputs", page_evaluations_heading(run));
    for (size_t split = WEFT_RUN_SPLITS; split-- > 0;) {
        char summary[48];
        if (run->evaluation[split].rows == 0)
            continue;
        if (!is_first) {
            snprintf(summary, sizeof summary, "The same for the %s split", split_name[split]);
            page_fold_begin(page, summary);
        }
        write_split(page, &run->evaluation[split]);
        if (!is_first)
            page_fold_end(page);
        is_first = false;
    }
    page_section_end(page);
}
