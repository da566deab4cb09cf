/* What the parts of a page share: sections, tables and charts of a document that is being written.
 *
 * A page keeps a failure, and what is called on it afterwards does nothing or writes what nobody will read: a part is written
 * without a check at every line, and page_end returns the status. */
#ifndef PAGE_PAGE_H
#define PAGE_PAGE_H

#include <locale.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "chart/chart.h"
#include "page/html.h"
#include "weft/page.h"

struct page {
    FILE *stream;
    const weft_page_options *options;
    char prefix[32];            /* of every id of the run at hand: "", or "run-3-" */
    int level;                  /* of its headings: 2, or 3 where it has a heading of its own */
    enum { PAGE_TABLE_EMPTY, PAGE_TABLE_HEAD, PAGE_TABLE_ROW } table;    /* what is open in the table at hand */
    weft_status status;         /* what has failed */
    locale_t plain, callers;    /* numbers are written in the first; the second comes back at the end */
};

enum { PAGE_ID_SIZE_BYTES = 128 };

/* ---- the document (page.c) ---- */

/* All that comes before the parts. kind: a few words above the title; title: if the options have none. options may be NULL. */
void page_begin(struct page *page, const weft_page_options *options, const char *kind, const char *title, FILE *stream);

/* All that comes behind them. Returns what the page's caller gets. */
weft_status page_end(struct page *page);

/* The table of contents: begin, a line for each place (target: an id), end. */
void page_contents_begin(struct page *page);
void page_contents_line(struct page *page, const char *target, const char *text);
void page_contents_end(struct page *page);

/* <section> with a heading; name is what its id ends in. */
void page_section_begin(struct page *page, const char *name, const char *heading);
void page_section_end(struct page *page);

/* Charts between these stand side by side where there is room. */
void page_grid_begin(struct page *page);
void page_grid_end(struct page *page);

/* A part that is folded away at first; summary is text. */
void page_fold_begin(struct page *page, const char *summary);
void page_fold_end(struct page *page);

/* A paragraph of plain text, printf-like; what it is given is escaped. */
void page_note(struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- tables (table.c) ---- */

/* A table that scrolls on its own if it is too wide: the heads, then rows of cells. The first column names its row. */
void page_table_begin(struct page *page, const char *caption);
void page_table_end(struct page *page);
void page_head(struct page *page, const char *text);            /* of a column; first that of the names */
void page_head_code(struct page *page, const char *text);       /* of a column of page_cell_code */
void page_row(struct page *page, const char *name);
void page_row_of_step(struct page *page, double step);
void page_row_link(struct page *page, const char *name, const char *target);    /* target: an id; NULL: no link */
void page_cell(struct page *page, const char *text);
void page_cell_code(struct page *page, const char *text);       /* what a user types: a setting's value, a digest */
void page_cell_number(struct page *page, enum html_number kind, double x);
void page_cell_plain(struct page *page, enum html_number kind, double x);       /* as it is shown, without all its digits */
void page_cell_spread(struct page *page, enum html_number kind, double mean, double sd, bool is_best);

/* ---- charts (chart.c) ---- */

/* The frame of a chart; id gets the page's own, which the chart keeps. */
struct chart_frame page_frame(const struct page *page, char id[PAGE_ID_SIZE_BYTES], const char *name, const char *title,
                              const char *description);

/* A figure with a chart and its description; what is written until page_figure_end stands below it. */
void page_lines_begin(struct page *page, const struct chart_lines *chart);
void page_histograms_begin(struct page *page, const struct chart_histograms *chart);
void page_confusion_begin(struct page *page, const struct chart_confusion *chart);
void page_bars_begin(struct page *page, const struct chart_bars *chart);
void page_pictures_begin(struct page *page, const struct chart_pictures *chart);
void page_figure_end(struct page *page);

/* Below a figure: a table of its numbers, folded away; heads and rows go in between. Of all rows there are at most
 * PAGE_NUMBERS_MAX shown, evenly spread, the first and the last among them; page_numbers_row is the i-th of those. */
enum { PAGE_NUMBERS_MAX = 60 };
size_t page_numbers_shown(size_t all);
size_t page_numbers_row(size_t i, size_t all);
void page_numbers_begin(struct page *page, const char *title, size_t all);
void page_numbers_end(struct page *page);

/* ---- the parts, each in a file of its own ---- */

void page_write_glance(struct page *page, const weft_run *run);         /* glance.c: what came of it */
void page_write_curves(struct page *page, const weft_run *run);         /* curves.c: cost, loss, accuracy over steps */
void page_write_layers(struct page *page, const weft_run *run);         /* layers.c: tensors over steps */
void page_write_units(struct page *page, const weft_run *run);          /* layers.c: first-layer weights as pictures */
void page_write_evaluations(struct page *page, const weft_run *run);    /* evaluation.c: each class, label or value */
const char *page_evaluations_heading(const weft_run *run);              /* NULL: it has no final figures */
void page_write_settings(struct page *page, const weft_run *run);       /* settings.c */

/* All of these below a line with the run's name, folded away or not (run.c). number: of its ids, "run-3". */
void page_write_folded_run(struct page *page, const weft_run *run, size_t number, const char *name, bool is_open);

#endif
