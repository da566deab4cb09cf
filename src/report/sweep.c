/* A sweep as text. A figure is mean ± standard deviation; all figures of a line would be wider than any terminal, so there is a
 * table for each kind of them. */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "report/table.h"
#include "weft/report.h"

/* A column: the figure's name in the summary, what the table calls it, and its decimals. */
struct column {
    const char *figure, *head;
    int decimals;
};

enum { COLUMNS_MAX = 8, LAYERS_MAX = 12 };      /* of a table; deeper networks have the rest in summary.csv */

static const weft_sweep_figure *figure_of(const weft_sweep_summary *summary, const char *name)
{
    for (size_t f = 0; f < summary->figures; f++)
        if (strcmp(summary->figure[f].name, name) == 0)
            return &summary->figure[f];
    return NULL;
}

/* The deviation is left out where there is none: of a single run, or of runs that are all alike. Where the decimals would show
 * nothing of an amount, it has four digits. */
static void add_figure(struct table *table, double mean, double sd, int decimals)
{
    bool is_tiny = mean != 0 && fabs(mean) < 0.5 * pow(10, -decimals), has_sd = !isnan(sd) && sd != 0;
    if (isnan(mean))
        table_add(table, "-");
    else if (is_tiny)
        table_add(table, has_sd ? "%.3e ± %.1e" : "%.3e", mean, sd);
    else if (has_sd)
        table_add(table, "%.*f ± %.*f", decimals, mean, decimals, sd);
    else
        table_add(table, "%.*f", decimals, mean);
}

/* A table with the columns that the summary has figures of; nothing without any. */
static weft_status write_table(const weft_sweep *sweep, const weft_sweep_summary *summary, const char *title,
                               const struct column *column, size_t columns, FILE *stream)
{
    const weft_sweep_figure *figure[COLUMNS_MAX + LAYERS_MAX];
    char letters[COLUMNS_MAX + LAYERS_MAX + 3] = "lr";
    size_t shown = 0;
    for (size_t i = 0; i < columns; i++)
        if ((figure[i] = figure_of(summary, column[i].figure)) != NULL)
            letters[2 + shown++] = 'r';
    if (shown == 0)
        return WEFT_OK;
    struct table table = table_of(letters);
    table_add(&table, "%s", title);
    table_add(&table, "runs");
    for (size_t i = 0; i < columns; i++)
        if (figure[i] != NULL)
            table_add(&table, "%s", column[i].head);
    for (size_t c = 0; c < sweep->combinations; c++) {
        table_add(&table, "%s", sweep->combination[c].name);
        table_add(&table, "%zu", summary->over[c]);
        for (size_t i = 0; i < columns; i++)
            if (figure[i] != NULL)
                add_figure(&table, figure[i]->mean[c], figure[i]->sd[c], column[i].decimals);
    }
    fputc('\n', stream);
    return table_write(&table, stream);
}

static weft_status write_layers(const weft_sweep *sweep, const weft_sweep_summary *summary, FILE *stream)
{
    struct column column[LAYERS_MAX];
    char name[LAYERS_MAX][64], head[LAYERS_MAX][32];
    for (size_t l = 0; l < LAYERS_MAX; l++) {
        snprintf(name[l], sizeof name[l], "mean_abs_weight_%02zu", l + 1);
        snprintf(head[l], sizeof head[l], "layer %zu", l + 1);
        column[l] = (struct column){name[l], head[l], 5};
    }
    return write_table(sweep, summary, "mean |W|", column, LAYERS_MAX, stream);
}

weft_status weft_report_sweep(const weft_sweep *sweep, const weft_sweep_summary *summary, FILE *stream)
{
    static const struct column accuracy[] = {
        {"test_accuracy", "test", 4}, {"validation_accuracy", "validation", 4}, {"train_accuracy", "train", 4}};
    static const struct column r2[] = {{"test_r2", "test", 4}, {"validation_r2", "validation", 4}, {"train_r2", "train", 4}};
    static const struct column error[] = {
        {"test_mean_absolute_error", "test", 4}, {"validation_mean_absolute_error", "validation", 4},
        {"train_mean_absolute_error", "train", 4}};
    static const struct column cost[] = {{"test_cost", "test", 4}, {"validation_cost", "validation", 4}, {"train_cost", "train", 4}};
    static const struct column loss[] = {{"test_loss", "test", 4}, {"validation_loss", "validation", 4}, {"train_loss", "train", 4}};
    static const struct column length[] = {
        {"steps", "steps", 0}, {"epochs", "epochs", 2}, {"model_step", "model of step", 0}, {"training_time_s", "training time, s", 2}};
#define TABLE(title, columns) write_table(sweep, summary, title, columns, sizeof columns / sizeof *columns, stream)
    size_t over = 0;
    for (size_t c = 0; c < sweep->combinations; c++)
        over += summary->over[c];
    fprintf(stream, "%s: %zu combination%s, %zu of %zu runs over\n", sweep->out, sweep->combinations,
            sweep->combinations == 1 ? "" : "s", over, sweep->runs);
    weft_status st = TABLE("accuracy", accuracy);
    if (st == WEFT_OK) st = TABLE("R^2", r2);
    if (st == WEFT_OK) st = TABLE("mean |error|", error);
    if (st == WEFT_OK) st = TABLE("loss", loss);
    if (st == WEFT_OK) st = TABLE("cost (loss and penalty)", cost);
    if (st == WEFT_OK) st = TABLE("length", length);
    if (st == WEFT_OK) st = write_layers(sweep, summary, stream);
    if (st == WEFT_OK && ferror(stream))
        st = error_set(WEFT_EIO, "write the sweep: the output stream failed");
    return st;
#undef TABLE
}
