/* What came of a run, at a glance: what was trained on what, the figures of each split, how far it went, its digests. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "page/figures.h"
#include "page/page.h"

/* ---- the network, the task and the data, in a line ---- */

/* "784-20-7-5-10", from the shapes of the weights. */
static void write_network(const weft_run *run, FILE *stream)
{
    fprintf(stream, "%zu", run->last.features);
    for (size_t i = 0; i < run->tensors; i++)
        if (run->tensor[i].rank == 2)
            fprintf(stream, "\xe2\x80\x91%zu", run->tensor[i].dim[1]);         /* a hyphen without a line break */
}

static void write_task(const weft_run *run, FILE *stream)
{
    bool is_regression = strcmp(run->task, "regression") == 0;
    const char *noun = is_regression ? "value" : strcmp(run->task, "labels") == 0 ? "label" : "class";
    const char *plural = run->last.outputs == 1 ? "" : strcmp(noun, "class") == 0 ? "es" : "s";
    fprintf(stream, "%s%zu %s%s", is_regression ? "regression, " : "", run->last.outputs, noun, plural);
}

/* The kind of the source and the last part of its path: where it lies is nobody's business. */
static void write_source(const char *source, FILE *stream)
{
    char name[256];
    const char *colon = strchr(source, ':'), *path = colon != NULL ? colon + 1 : source;
    size_t length = strcspn(path, "?");
    while (length > 0 && path[length - 1] == '/')
        length--;
    size_t first = length;
    while (first > 0 && path[first - 1] != '/')
        first--;
    snprintf(name, sizeof name, "%.*s", (int)(length - first), path + first);
    html_write_text(name, stream);
    if (colon == NULL)
        return;
    snprintf(name, sizeof name, "%.*s", (int)(colon - source), source);
    fputs(length > first ? " (" : "", stream);
    html_write_text(name, stream);
    fputs(length > first ? ")" : "", stream);
}

static void write_lead(const weft_run *run, FILE *stream)
{
    fputs("<p class=\"lead\"><span class=\"network\">", stream);
    write_network(run, stream);
    fputs("</span> <span class=\"dot\">\xc2\xb7</span> ", stream);
    write_task(run, stream);
    if (run->source[0] != '\0') {
        fputs(" <span class=\"dot\">\xc2\xb7</span> ", stream);
        write_source(run->source, stream);
    }
    fputs("</p>\n", stream);
}

/* ---- tiles ---- */

static void write_tile(const char *name, enum html_number kind, double x, FILE *stream)
{
    fprintf(stream, "<div><dt>%s</dt><dd>", name);
    html_write_number(kind, x, stream);
    fputs("</dd></div>\n", stream);
}

/* The final figure, or the latest one while there is none. */
static double main_figure(const weft_run *run, size_t split)
{
    const weft_history *history = &run->history[split];
    if (run->is_over)
        return figure_of_evaluation(&run->evaluation[split], figure_main(run));
    return history->rows > 0 ? figure_of_row(&history->row[history->rows - 1], figure_main(run)) : (double)NAN;
}

static void write_tiles(const weft_run *run, FILE *stream)
{
    fputs("<dl class=\"tiles\">\n", stream);
    for (size_t split = WEFT_RUN_SPLITS; split-- > 0;) {        /* test first: it is what people look for */
        char name[64];
        double x = main_figure(run, split);
        snprintf(name, sizeof name, "%s %s", split_name[split], figure_info[figure_main(run)].name);
        if (isfinite(x))
            write_tile(name, figure_info[figure_main(run)].number, x, stream);
    }
    write_tile("steps", HTML_COUNT, (double)run->last.step, stream);
    if (isfinite(run->training_time_s))
        write_tile("training time", HTML_SECONDS, run->training_time_s, stream);
    fputs("</dl>\n", stream);
}

/* ---- the figures of each split ---- */

static bool has_figure(const weft_run *run, enum figure figure)
{
    for (size_t split = 0; split < WEFT_RUN_SPLITS; split++)
        if (!isnan(figure_of_evaluation(&run->evaluation[split], figure)))
            return true;
    return false;
}

static void write_splits(struct page *page, const weft_run *run)
{
    char caption[96];
    snprintf(caption, sizeof caption, "Final figures of the model of step %" PRIu64 "%s", run->model_step,
             run->is_best ? ", the best one" : "");
    page_table_begin(page, caption);
    page_head(page, "split");
    page_head(page, "rows");
    for (enum figure figure = 0; figure < FIGURES; figure++)
        if (has_figure(run, figure))
            page_head(page, figure_info[figure].name);
    for (size_t split = 0; split < WEFT_RUN_SPLITS; split++) {
        const weft_evaluation *e = &run->evaluation[split];
        if (e->rows == 0)
            continue;
        page_row(page, split_name[split]);
        page_cell_number(page, HTML_COUNT, (double)e->rows);
        for (enum figure figure = 0; figure < FIGURES; figure++)
            if (has_figure(run, figure))
                page_cell_number(page, figure_info[figure].number, figure_of_evaluation(e, figure));
    }
    page_table_end(page);
}

/* ---- facts ---- */

static void fact_begin(struct page *page, const char *name)
{
    fprintf(page->stream, "<div><dt>%s</dt><dd>", name);
}

static void fact_end(struct page *page)
{
    fputs("</dd></div>\n", page->stream);
}

static void write_fact(struct page *page, const char *name, enum html_number kind, double x)
{
    fact_begin(page, name);
    html_write_number(kind, x, page->stream);
    fact_end(page);
}

static void write_fact_text(struct page *page, const char *name, const char *text)
{
    fact_begin(page, name);
    html_write_text(text, page->stream);
    fact_end(page);
}

static void write_digest(struct page *page, const char *name, const char *digest)
{
    fact_begin(page, name);
    fputs("<code>", page->stream);
    html_write_text(digest, page->stream);
    fputs("</code>", page->stream);
    fact_end(page);
}

static const char *stop_words(const char *reason)
{
    static const struct { const char *reason, *words; } known[] = {
        {"epochs", "all epochs are done"}, {"steps", "all steps are done"},
        {"early_stop", "no better for train.patience"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(reason, known[i].reason) == 0)
            return known[i].words;
    return reason;
}

static void write_best(struct page *page, const weft_run *run)
{
    if (run->last.best_step < 0)
        return;
    fact_begin(page, "best");
    html_write_text(run->last.best_metric, page->stream);
    fputc(' ', page->stream);
    html_write_number(HTML_FIGURE, run->last.best_value, page->stream);
    fputs(" at step ", page->stream);
    html_write_number(HTML_COUNT, (double)run->last.best_step, page->stream);
    fact_end(page);
}

static void write_facts(struct page *page, const weft_run *run)
{
    fputs("<dl class=\"facts\">\n", page->stream);
    write_fact(page, "epochs", HTML_EPOCHS, run->last.epoch);
    write_fact(page, "steps in an epoch", HTML_COUNT, (double)run->steps_per_epoch);
    if (run->last.stop_reason[0] != '\0')
        write_fact_text(page, "ended because", stop_words(run->last.stop_reason));
    write_best(page, run);
    if (isfinite(run->elapsed_s))
        write_fact(page, "time with evaluations and saves", HTML_SECONDS, run->elapsed_s);
    write_fact(page, "parameters", HTML_COUNT, (double)run->last.parameters);
    write_fact_text(page, "weft", run->last.weft_version);
    fputs("</dl>\n", page->stream);
}

static void write_digests(struct page *page, const weft_run *run)
{
    fputs("<dl class=\"facts\">\n", page->stream);
    write_digest(page, "weights digest", run->last.weights_digest);
    write_digest(page, "settings digest", run->last.settings_digest);
    write_digest(page, "data digest", run->last.data_digest);
    fputs("</dl>\n", page->stream);
}

void page_write_glance(struct page *page, const weft_run *run)
{
    write_lead(run, page->stream);
    write_tiles(run, page->stream);
    page_section_begin(page, "figures", "Figures");
    fputs("<div class=\"glance\">\n", page->stream);
    if (run->is_over)
        write_splits(page, run);
    else
        page_note(page, "%s: the figures above are those of its latest evaluation.",
                  run->last.stop_reason[0] == '\0' ? "This run is not over" : "This run has no file of final figures");
    write_facts(page, run);
    fputs("</div>\n", page->stream);
    write_digests(page, run);
    page_section_end(page);
}
