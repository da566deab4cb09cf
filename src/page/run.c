/* weft_page_write: one run, or several with a comparison before them. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "page/compare.h"
#include "page/page.h"

static void write_parts(struct page *page, const weft_run *run)
{
    page_write_glance(page, run);
    page_write_evaluations(page, run);
    page_write_curves(page, run);
    page_write_units(page, run);
    page_write_layers(page, run);
    page_write_settings(page, run);
}

void page_write_folded_run(struct page *page, const weft_run *run, size_t number, const char *name, bool is_open)
{
    fprintf(page->stream, "<details class=\"run\"%s><summary><h2>", is_open ? " open" : "");
    html_write_text(name, page->stream);
    fprintf(page->stream, "</h2></summary>\n<div id=\"run-%zu\">\n", number);
    snprintf(page->prefix, sizeof page->prefix, "run-%zu-", number);
    page->level = 3;
    write_parts(page, run);
    page->prefix[0] = '\0';
    page->level = 2;
    fputs("</div>\n</details>\n", page->stream);
}

static void write_contents(struct page *page, const weft_run *run)
{
    page_contents_begin(page);
    page_contents_line(page, "figures", "Figures");
    if (page_evaluations_heading(run) != NULL)
        page_contents_line(page, "outputs", page_evaluations_heading(run));
    page_contents_line(page, "curves", "Learning curves");
    if (run->pictures > 0)
        page_contents_line(page, "weights", "First-layer weights");
    if (run->tensors > 0)
        page_contents_line(page, "layers", "Layers");
    if (run->statistics > 0)
        page_contents_line(page, "spread", "Spread");
    page_contents_line(page, "settings", "Settings");
    page_contents_end(page);
}

static weft_status write_one(const weft_run *run, const weft_page_options *options, FILE *stream)
{
    struct page page;
    page_begin(&page, options, "weft report \xc2\xb7 one run", run->name, stream);
    write_contents(&page, run);
    write_parts(&page, run);
    return page_end(&page);
}

/* ---- several ---- */

/* Runs of the same name, from different places, are told apart by a number. */
static void name_run(const weft_run *run, size_t runs, size_t i, struct compared *to)
{
    size_t before = 0, all = 0;
    for (size_t k = 0; k < runs; k++) {
        bool is_same = strcmp(run[k].name, run[i].name) == 0;
        all += is_same;
        before += is_same && k < i;
    }
    if (all > 1)
        snprintf(to->name, sizeof to->name, "%.200s (%zu)", run[i].name, before + 1);
    else
        snprintf(to->name, sizeof to->name, "%s", run[i].name);
}

static void write_several(struct page *page, const weft_run *run, size_t runs, const struct compared *compared)
{
    page_contents_begin(page);
    page_contents_line(page, "figures", "Figures");
    page_contents_line(page, "differences", "Settings that differ");
    page_contents_line(page, "curves", "Learning curves");
    page_contents_line(page, "runs", "Each run");
    page_contents_end(page);
    page_compare_runs(page, run, compared, runs);
    page_compare_settings(page, run, compared, runs);
    page_compare_curves(page, compared, runs);
    fputs("<div id=\"runs\">\n", page->stream);
    for (size_t i = 0; i < runs; i++)
        page_write_folded_run(page, &run[i], i + 1, compared[i].name, i == 0);
    fputs("</div>\n", page->stream);
}

weft_status weft_page_write(const weft_run *run, size_t runs, const weft_page_options *options, FILE *stream)
{
    struct page page;
    char title[64];
    if (runs == 0)
        return error_set(WEFT_EINVAL, "write a page of runs: found none, wanted 1 at least");
    if (runs == 1)
        return write_one(run, options, stream);
    struct compared *compared = memory_new(runs, sizeof *compared);
    if (compared == NULL)
        return WEFT_ENOMEM;
    for (size_t i = 0; i < runs; i++) {
        name_run(run, runs, i, &compared[i]);
        compared[i].history = run[i].history;
    }
    snprintf(title, sizeof title, "%zu runs side by side", runs);
    page_begin(&page, options, "weft report \xc2\xb7 comparison", title, stream);
    write_several(&page, run, runs, compared);
    memory_free(compared);
    return page_end(&page);
}
