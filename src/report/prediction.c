/* A prediction as CSV (RFC 4180): a line for each row. */
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "weft/report.h"

/* In quotes if it holds a quote, a comma or a line break. */
static void write_cell(const char *text, FILE *stream)
{
    if (text[strcspn(text, "\",\r\n")] == '\0') {
        fputs(text, stream);
        return;
    }
    fputc('"', stream);
    for (; *text != '\0'; text++) {
        if (*text == '"')
            fputc('"', stream);
        fputc(*text, stream);
    }
    fputc('"', stream);
}

static void write_name(const weft_prediction *p, size_t output, const char *nameless, FILE *stream)
{
    char text[32];
    snprintf(text, sizeof text, "%s%zu", nameless, output);
    write_cell(p->name != NULL ? p->name[output] : text, stream);
}

static void write_head(const weft_prediction *p, FILE *stream)
{
    fputs(p->task == WEFT_TASK_CLASSES ? "row,class" : p->task == WEFT_TASK_LABELS ? "row,labels" : "row", stream);
    for (size_t k = 0; k < p->outputs; k++) {
        fputc(',', stream);
        write_name(p, k, p->task == WEFT_TASK_CLASSES ? "class_" : p->task == WEFT_TASK_LABELS ? "label_" : "value_", stream);
    }
    fputc('\n', stream);
}

/* The names of all labels that are said, with '|' between them. */
static void write_labels(const weft_prediction *p, size_t n, FILE *stream)
{
    bool is_first = true;
    fputs(",\"", stream);
    for (size_t k = 0; k < p->outputs; k++) {
        if (p->output[n * p->outputs + k] < 0.5f)
            continue;
        fputs(is_first ? "" : "|", stream);
        if (p->name == NULL)
            fprintf(stream, "%zu", k);
        for (const char *c = p->name != NULL ? p->name[k] : ""; *c != '\0'; c++) {
            fputs(*c == '"' ? "\"" : "", stream);
            fputc(*c, stream);
        }
        is_first = false;
    }
    fputc('"', stream);
}

static void write_row(const weft_prediction *p, size_t n, FILE *stream)
{
    fprintf(stream, "%" PRIu32, p->row[n]);
    if (p->task == WEFT_TASK_CLASSES) {
        fputc(',', stream);
        write_name(p, (size_t)p->label[n], "", stream);
    } else if (p->task == WEFT_TASK_LABELS) {
        write_labels(p, n, stream);
    }
    for (size_t k = 0; k < p->outputs; k++)
        fprintf(stream, ",%.9g", (double)p->output[n * p->outputs + k]);
    fputc('\n', stream);
}

weft_status weft_report_prediction(const weft_prediction *prediction, FILE *stream)
{
    write_head(prediction, stream);
    for (size_t n = 0; n < prediction->rows && !ferror(stream); n++)
        write_row(prediction, n, stream);
    return ferror(stream) ? error_set(WEFT_EIO, "write the prediction: the output stream failed") : WEFT_OK;
}
