/* A summary as files: two tables as CSV (RFC 4180), and all of it as HDF5. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "store/checkpoint.h"
#include "store/file.h"
#include "sweep/sweep.h"

typedef void table_writer(const weft_sweep *sweep, const weft_sweep_summary *summary, struct text *text);

/* ---- CSV ---- */

/* In quotes if it holds a quote, a comma or a line break. */
static void add_text(struct text *text, const char *cell)
{
    if (cell[strcspn(cell, "\",\r\n")] == '\0') {
        text_add(text, "%s", cell);
        return;
    }
    text_add(text, "\"");
    for (; *cell != '\0'; cell++)
        text_add(text, *cell == '"' ? "\"%c" : "%c", *cell);
    text_add(text, "\"");
}

static void add_real(struct text *text, double value)
{
    text_add(text, ",");
    if (isfinite(value))
        text_add_real(text, value);
}

static void print_combinations(const weft_sweep *sweep, const weft_sweep_summary *summary, struct text *text)
{
    text_add(text, "combination,runs_over");
    for (size_t f = 0; f < summary->figures; f++)
        text_add(text, ",%s_mean,%s_sd", summary->figure[f].name, summary->figure[f].name);
    text_add(text, "\n");
    for (size_t c = 0; c < sweep->combinations; c++) {
        add_text(text, sweep->combination[c].name);
        text_add(text, ",%zu", summary->over[c]);
        for (size_t f = 0; f < summary->figures; f++) {
            add_real(text, summary->figure[f].mean[c]);
            add_real(text, summary->figure[f].sd[c]);
        }
        text_add(text, "\n");
    }
}

static bool is_over(const weft_sweep_summary *summary, size_t run)
{
    bool over = false;
    for (size_t f = 0; f < summary->figures; f++)               /* the number of its steps is one of them */
        over = over || !isnan(summary->figure[f].value[run]);
    return over;
}

static void print_runs(const weft_sweep *sweep, const weft_sweep_summary *summary, struct text *text)
{
    text_add(text, "combination,seed,directory,is_over");
    for (size_t f = 0; f < summary->figures; f++)
        text_add(text, ",%s", summary->figure[f].name);
    text_add(text, "\n");
    for (size_t i = 0; i < sweep->runs; i++) {
        const weft_sweep_run *run = &sweep->run[i];
        add_text(text, sweep->combination[run->combination].name);
        text_add(text, ",%" PRIu64 ",", run->seed);
        add_text(text, run->directory + strlen(sweep->out) + 1);
        text_add(text, ",%d", is_over(summary, i));
        for (size_t f = 0; f < summary->figures; f++)
            add_real(text, summary->figure[f].value[i]);
        text_add(text, "\n");
    }
}

static weft_status save_csv(const weft_sweep *sweep, const weft_sweep_summary *summary, table_writer *print, const char *name)
{
    struct text text = {NULL, 0, 0};
    print(sweep, summary, &text);                               /* measure */
    text = (struct text){memory_new(text.length + 1, 1), text.length + 1, 0};
    char *path = sweep_path(sweep->out, name);
    weft_status st = text.at != NULL && path != NULL ? WEFT_OK : WEFT_ENOMEM;
    if (st == WEFT_OK) {
        print(sweep, summary, &text);
        st = file_replace(path, text.at, text.length);
    }
    memory_free(path);
    memory_free(text.at);
    return st;
}

/* ---- HDF5 ---- */

/* The figures' names as an attribute of an array, one a line. */
static weft_status put_figures(struct snapshot *snapshot, const char *path, const weft_sweep_summary *summary)
{
    char names[8192];                   /* some 85 names of fewer than 64 bytes */
    struct text text = {names, sizeof names, 0};
    names[0] = '\0';
    for (size_t f = 0; f < summary->figures; f++)
        text_add(&text, "%s%s", f > 0 ? "\n" : "", summary->figure[f].name);
    return snapshot_put_text(snapshot, path, "figures", names);
}

enum column { COLUMN_MEAN, COLUMN_SD, COLUMN_VALUE };

/* One of the tables, figures as its columns. */
static weft_status put_table(struct snapshot *snapshot, const char *path, enum column column, size_t rows,
                             const weft_sweep_summary *summary)
{
    void *data;
    weft_status st = snapshot_put_space(snapshot, path, ARRAY_F64, ROLE_PLAIN, 2, (size_t[]){rows, summary->figures}, &data);
    if (st != WEFT_OK)
        return st;
    for (size_t f = 0; f < summary->figures; f++) {
        const weft_sweep_figure *figure = &summary->figure[f];
        const double *from = column == COLUMN_MEAN ? figure->mean : column == COLUMN_SD ? figure->sd : figure->value;
        for (size_t row = 0; row < rows; row++)
            ((double *)data)[row * summary->figures + f] = from[row];
    }
    return put_figures(snapshot, path, summary);
}

static weft_status put_runs(struct snapshot *snapshot, const weft_sweep *sweep)
{
    void *combination, *seed;
    weft_status st = snapshot_put_space(snapshot, "/run/combination", ARRAY_I32, ROLE_PLAIN, 1, &sweep->runs, &combination);
    for (size_t i = 0; i < sweep->runs && st == WEFT_OK; i++)
        ((int32_t *)combination)[i] = (int32_t)sweep->run[i].combination;
    if (st == WEFT_OK)
        st = snapshot_put_space(snapshot, "/run/seed", ARRAY_I64, ROLE_PLAIN, 1, &sweep->runs, &seed);
    for (size_t i = 0; i < sweep->runs && st == WEFT_OK; i++)
        ((int64_t *)seed)[i] = (int64_t)sweep->run[i].seed;
    return st;
}

/* The groups sort as the combinations do: their numbers have one width. */
static weft_status put_combination(struct snapshot *snapshot, const weft_sweep *sweep, size_t c, size_t over)
{
    const weft_sweep_combination *combination = &sweep->combination[c];
    char group[64];
    int width = snprintf(NULL, 0, "%zu", sweep->combinations);
    snprintf(group, sizeof group, "/combinations/%0*zu", width, c + 1);
    weft_status st = snapshot_put_text(snapshot, group, "name", combination->name);
    if (st == WEFT_OK) st = snapshot_put_integer(snapshot, group, "runs", (int64_t)(sweep->runs / sweep->combinations));
    if (st == WEFT_OK) st = snapshot_put_integer(snapshot, group, "over", (int64_t)over);
    for (size_t i = 0; i < combination->settings && st == WEFT_OK; i++)
        st = snapshot_put_text(snapshot, group, combination->setting[i].name, combination->setting[i].value);
    return st;
}

static weft_status put_all(struct snapshot *snapshot, const weft_sweep *sweep, const weft_sweep_summary *summary)
{
    weft_status st = snapshot_put_text(snapshot, "/", "content", "sweep");
    for (size_t c = 0; c < sweep->combinations && st == WEFT_OK; c++)
        st = put_combination(snapshot, sweep, c, summary->over[c]);
    if (st == WEFT_OK) st = put_table(snapshot, "/mean", COLUMN_MEAN, sweep->combinations, summary);
    if (st == WEFT_OK) st = put_table(snapshot, "/sd", COLUMN_SD, sweep->combinations, summary);
    if (st == WEFT_OK) st = put_table(snapshot, "/value", COLUMN_VALUE, sweep->runs, summary);
    return st == WEFT_OK ? put_runs(snapshot, sweep) : st;
}

static weft_status save_hdf5(const weft_sweep *sweep, const weft_sweep_summary *summary)
{
    struct snapshot *snapshot = snapshot_create();
    char *path = sweep_path(sweep->out, "summary.h5");
    weft_status st = snapshot != NULL && path != NULL ? put_all(snapshot, sweep, summary) : WEFT_ENOMEM;
    if (st == WEFT_OK)
        st = checkpoint_save(path, snapshot);
    memory_free(path);
    snapshot_destroy(snapshot);
    return st;
}

weft_status weft_sweep_summary_save(const weft_sweep *sweep, const weft_sweep_summary *summary)
{
    weft_status st = save_csv(sweep, summary, print_combinations, "summary.csv");
    if (st == WEFT_OK)
        st = save_csv(sweep, summary, print_runs, "runs.csv");
    return st == WEFT_OK ? save_hdf5(sweep, summary) : st;
}
