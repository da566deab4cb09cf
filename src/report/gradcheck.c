/* A check of the gradient as text: a line for each tensor, and the verdict as the last line. */
#include <stdbool.h>

#include "base/error.h"
#include "report/table.h"
#include "weft/report.h"

static void add_head(struct table *table)
{
    static const char *const head[] = {"tensor", "shape", "elements", "checked", "skipped", "largest |a|", "|a - n|", "relative",
                                       "worst at", "a", "n", ""};
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        table_add(table, "%s", head[i]);
}

static void add_errors(struct table *table, const weft_gradcheck_tensor *t)
{
    table_add(table, "%.3g", t->largest);
    table_add(table, "%.1e", t->absolute_error);
    table_add(table, "%.1e", t->relative_error);
    if (t->rank == 2)
        table_add(table, "[%zu, %zu]", t->worst[0], t->worst[1]);
    else
        table_add(table, "[%zu]", t->worst[0]);
    table_add(table, "%.6g", t->analytic);
    table_add(table, "%.6g", t->numerical);
    table_add(table, t->failed > 0 ? "FAIL" : "ok");
}

static void add_tensor(struct table *table, const weft_gradcheck_tensor *t)
{
    table_add(table, "%s", t->name);
    if (t->rank == 2)
        table_add(table, "%zu x %zu", t->dim[0], t->dim[1]);
    else
        table_add(table, "%zu", t->dim[0]);
    table_add(table, "%zu", t->elements);
    table_add(table, "%zu", t->checked);
    table_add(table, "%zu", t->skipped);
    if (t->checked > 0) {
        add_errors(table, t);
        return;
    }
    for (size_t i = 0; i < 6; i++)
        table_add(table, "-");
    table_add(table, "none checked");
}

static weft_status write_tensors(const weft_gradcheck_result *r, FILE *stream)
{
    struct table table = table_of("llrrrrrrlrrl");
    add_head(&table);
    for (size_t i = 0; i < r->tensors; i++)
        add_tensor(&table, &r->tensor[i]);
    return table_write(&table, stream);
}

static bool loss_is_off(const weft_gradcheck_result *r)
{
    return !(r->loss_error <= r->tolerance);
}

static void write_verdict(const weft_gradcheck_result *r, FILE *stream)
{
    size_t checked = 0, skipped = 0;
    for (size_t i = 0; i < r->tensors; i++) {
        checked += r->tensor[i].checked;
        skipped += r->tensor[i].skipped;
    }
    if (r->failed == 0) {
        fprintf(stream, "\nok: %zu elements in %zu tensors, none off by more than %g", checked, r->tensors, r->tolerance);
        fprintf(stream, skipped > 0 ? "; %zu skipped at kinks\n" : "\n", skipped);
        return;
    }
    fprintf(stream, "\nFAIL: off by more than %g:", r->tolerance);
    const char *comma = " ";
    if (loss_is_off(r)) {
        fprintf(stream, " the loss");
        comma = ", ";
    }
    for (size_t i = 0; i < r->tensors; i++)
        if (r->tensor[i].failed > 0) {
            fprintf(stream, "%s%s (%zu of %zu)", comma, r->tensor[i].name, r->tensor[i].failed, r->tensor[i].checked);
            comma = ", ";
        }
    fprintf(stream, "\n");
}

weft_status weft_report_gradcheck(const weft_gradcheck_result *result, FILE *stream)
{
    fprintf(stream, "%s, %zu parameters; a batch of %zu row%s, %zu thread%s, %s kernels\n", result->network, result->parameters,
            result->rows, result->rows == 1 ? "" : "s", result->threads, result->threads == 1 ? "" : "s", result->isa);
    fprintf(stream, "loss %.9g, in double %.9g: relative error %.1e, %s\n\n", result->loss, result->numerical_loss,
            result->loss_error, loss_is_off(result) ? "FAIL" : "ok");
    weft_status st = write_tensors(result, stream);
    if (st != WEFT_OK)
        return st;
    write_verdict(result, stream);
    return ferror(stream) ? error_set(WEFT_EIO, "write the check of the gradient: the output stream failed") : WEFT_OK;
}
