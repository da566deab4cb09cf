/* An evaluation as text: the figures of the split; of each class or label, and which classes are taken for which; of each value. */
#include <inttypes.h>
#include <math.h>

#include "base/error.h"
#include "report/table.h"
#include "weft/report.h"

enum { CONFUSION_CLASSES_MAX = 40 };    /* above, a row of the matrix is wider than any terminal */

static void add_heads(struct table *table, const char *const *head, size_t count)
{
    for (size_t i = 0; i < count; i++)
        table_add(table, "%s", head[i]);
}

static void add_name(struct table *table, const weft_evaluation *e, size_t output)
{
    if (e->name != NULL)
        table_add(table, "%s", e->name[output]);
    else
        table_add(table, "%zu", output);
}

/* ---- classes and labels ---- */

static void add_figures(struct table *table, const weft_class_figures *figures)
{
    table_add(table, "%.4f", figures->precision);
    table_add(table, "%.4f", figures->recall);
    table_add(table, "%.4f", figures->f1);
    table_add(table, "%" PRIu64, figures->support);
}

static void add_total(struct table *table, const char *name, double figure, size_t rows)
{
    table_add(table, "%s", name);
    table_add(table, "%s", "");
    table_add(table, "%s", "");
    table_add(table, "%.4f", figure);
    table_add(table, "%zu", rows);
}

static weft_status write_classes(const weft_evaluation *e, FILE *stream)
{
    struct table table = table_of("lrrrr");
    const char *const head[] = {e->task == WEFT_TASK_LABELS ? "label" : "class", "precision", "recall", "f1", "support"};
    add_heads(&table, head, sizeof head / sizeof *head);
    for (size_t c = 0; c < e->outputs; c++) {
        add_name(&table, e, c);
        add_figures(&table, &e->per_class[c]);
    }
    add_total(&table, e->task == WEFT_TASK_LABELS ? "all labels right" : "accuracy", e->accuracy, e->rows);
    table_add(&table, "macro average");
    add_figures(&table, &e->macro);
    table_add(&table, "weighted average");
    add_figures(&table, &e->weighted);
    return table_write(&table, stream);
}

static weft_status write_confusion(const weft_evaluation *e, FILE *stream)
{
    if (e->outputs > CONFUSION_CLASSES_MAX) {
        fprintf(stream, "confusion matrix: %zu x %zu, too wide for text\n", e->outputs, e->outputs);
        return WEFT_OK;
    }
    char columns[CONFUSION_CLASSES_MAX + 2] = "l";
    for (size_t c = 0; c < e->outputs; c++)
        columns[c + 1] = 'r';
    struct table table = table_of(columns);
    table_add(&table, "true");
    for (size_t c = 0; c < e->outputs; c++)
        add_name(&table, e, c);
    for (size_t t = 0; t < e->outputs; t++) {
        add_name(&table, e, t);
        for (size_t p = 0; p < e->outputs; p++)
            table_add(&table, "%" PRIu64, e->confusion[t * e->outputs + p]);
    }
    fprintf(stream, "\nconfusion matrix (row: true class; column: predicted class)\n");
    return table_write(&table, stream);
}

/* ---- values ---- */

static weft_status write_values(const weft_evaluation *e, FILE *stream)
{
    struct table table = table_of("lrrr");
    static const char *const head[] = {"value", "R^2", "mean |error|", "root mean square"};
    add_heads(&table, head, sizeof head / sizeof *head);
    for (size_t k = 0; k < e->outputs; k++) {
        add_name(&table, e, k);
        table_add(&table, "%.6f", e->per_value[k].r2);
        table_add(&table, "%.6g", e->per_value[k].mean_absolute_error);
        table_add(&table, "%.6g", e->per_value[k].root_mean_square_error);
    }
    return table_write(&table, stream);
}

/* Four decimals, unless they would all be 0. */
static void write_amount(const char *name, double amount, FILE *stream)
{
    fprintf(stream, amount != 0 && fabs(amount) < 5e-5 ? "%s %.4g, " : "%s %.4f, ", name, amount);
}

weft_status weft_report_evaluation(const weft_evaluation *e, FILE *stream)
{
    static const char *const outputs[] = {
        [WEFT_TASK_CLASSES] = "classes", [WEFT_TASK_LABELS] = "labels", [WEFT_TASK_REGRESSION] = "values"};
    fprintf(stream, "%s split: %zu rows, %zu %s\n", e->split, e->rows, e->outputs, outputs[e->task]);
    write_amount("loss", e->loss, stream);
    write_amount("cost", e->cost, stream);
    if (e->task == WEFT_TASK_REGRESSION)
        fprintf(stream, "R^2 %.4f, mean absolute error %.6g\n\n", e->r2, e->mean_absolute_error);
    else
        fprintf(stream, "accuracy %.4f", e->accuracy);
    if (e->task == WEFT_TASK_LABELS)
        fprintf(stream, " (all labels of a row right), of single labels %.4f", e->label_accuracy);
    if (e->task != WEFT_TASK_REGRESSION)
        fprintf(stream, "\n\n");
    weft_status st = e->task == WEFT_TASK_REGRESSION ? write_values(e, stream) : write_classes(e, stream);
    if (st == WEFT_OK && e->task == WEFT_TASK_CLASSES)
        st = write_confusion(e, stream);
    if (st == WEFT_OK && ferror(stream))
        st = error_set(WEFT_EIO, "write the evaluation: the output stream failed");
    return st;
}
