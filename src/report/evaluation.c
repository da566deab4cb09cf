/* An evaluation as text: the figures of the split, of each class, and which classes are taken for which. */
#include <inttypes.h>

#include "base/error.h"
#include "report/table.h"
#include "weft/report.h"

enum { CONFUSION_CLASSES_MAX = 40 };    /* above, a row of the matrix is wider than any terminal */

static void add_figures(struct table *table, const char *name, const weft_class_figures *figures)
{
    table_add(table, "%s", name);
    table_add(table, "%.4f", figures->precision);
    table_add(table, "%.4f", figures->recall);
    table_add(table, "%.4f", figures->f1);
    table_add(table, "%" PRIu64, figures->support);
}

static weft_status write_classes(const weft_evaluation *e, FILE *stream)
{
    struct table table = table_of("lrrrr");
    static const char *const head[] = {"class", "precision", "recall", "f1", "support"};
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        table_add(&table, "%s", head[i]);
    for (size_t c = 0; c < e->classes; c++) {
        char name[24];
        snprintf(name, sizeof name, "%zu", c);
        add_figures(&table, name, &e->per_class[c]);
    }
    table_add(&table, "accuracy");
    table_add(&table, "%s", "");
    table_add(&table, "%s", "");
    table_add(&table, "%.4f", e->accuracy);
    table_add(&table, "%zu", e->rows);
    add_figures(&table, "macro average", &e->macro);
    add_figures(&table, "weighted average", &e->weighted);
    return table_write(&table, stream);
}

static weft_status write_confusion(const weft_evaluation *e, FILE *stream)
{
    if (e->classes > CONFUSION_CLASSES_MAX) {
        fprintf(stream, "confusion matrix: %zu x %zu, too wide for text\n", e->classes, e->classes);
        return WEFT_OK;
    }
    char columns[CONFUSION_CLASSES_MAX + 2] = "l";
    for (size_t c = 0; c < e->classes; c++)
        columns[c + 1] = 'r';
    struct table table = table_of(columns);
    table_add(&table, "true");
    for (size_t c = 0; c < e->classes; c++)
        table_add(&table, "%zu", c);
    for (size_t t = 0; t < e->classes; t++) {
        table_add(&table, "%zu", t);
        for (size_t p = 0; p < e->classes; p++)
            table_add(&table, "%" PRIu64, e->confusion[t * e->classes + p]);
    }
    fprintf(stream, "confusion matrix (row: true class; column: predicted class)\n");
    return table_write(&table, stream);
}

weft_status weft_report_evaluation(const weft_evaluation *e, FILE *stream)
{
    fprintf(stream, "%s split: %zu rows, %zu classes\n", e->split, e->rows, e->classes);
    fprintf(stream, "loss %.4f, cost %.4f, accuracy %.4f\n\n", e->loss, e->cost, e->accuracy);
    weft_status st = write_classes(e, stream);
    fputc('\n', stream);
    if (st == WEFT_OK)
        st = write_confusion(e, stream);
    if (st == WEFT_OK && ferror(stream))
        st = error_set(WEFT_EIO, "write the evaluation: the output stream failed");
    return st;
}
