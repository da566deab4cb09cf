/* weft_page_write_sweep: the combinations of a sweep side by side, then one run of each. */
#include <inttypes.h>
#include <string.h>

#include "base/memory.h"
#include "page/sweep.h"

size_t sweep_parts_runs(const struct sweep_parts *parts, size_t combination)
{
    size_t runs = 0;
    for (size_t i = 0; i < parts->sweep->runs; i++)
        runs += parts->sweep->run[i].combination == combination;
    return runs;
}

const weft_run *sweep_parts_first(const struct sweep_parts *parts, size_t combination)
{
    for (size_t i = 0; i < parts->sweep->runs; i++)
        if (parts->sweep->run[i].combination == combination && parts->run[i].is_over)
            return &parts->run[i];
    return NULL;
}

void page_row_combination(struct page *page, const struct sweep_parts *parts, size_t combination)
{
    char target[32];
    snprintf(target, sizeof target, "run-%zu", combination + 1);
    page_row_link(page, parts->sweep->combination[combination].name, sweep_parts_first(parts, combination) != NULL ? target : NULL);
}

/* ---- what sets them apart ---- */

static const char *value_of(const weft_sweep_combination *combination, const char *name)
{
    for (size_t i = 0; i < combination->settings; i++)
        if (strcmp(combination->setting[i].name, name) == 0)
            return combination->setting[i].value;
    return NULL;
}

/* The next setting behind the last one that a combination has and none before it: combination by combination. NULL: no more. */
static const char *next_setting(const weft_sweep *sweep, size_t *combination, size_t *setting)
{
    for (; *combination < sweep->combinations; ++*combination, *setting = 0)
        while (*setting < sweep->combination[*combination].settings) {
            const char *name = sweep->combination[*combination].setting[(*setting)++].name;
            bool is_new = true;
            for (size_t c = 0; c < *combination && is_new; c++)
                is_new = value_of(&sweep->combination[c], name) == NULL;
            if (is_new)
                return name;
        }
    return NULL;
}

static void write_differences(struct page *page, const struct sweep_parts *parts)
{
    const weft_sweep *sweep = parts->sweep;
    const char *name;
    page_section_begin(page, "differences", "Combinations");
    page_table_begin(page, "What sets each apart; a dash: it has what all share");
    page_head(page, "combination");
    for (size_t c = 0, i = 0; (name = next_setting(sweep, &c, &i)) != NULL;)
        page_head_code(page, name);
    for (size_t row = 0; row < sweep->combinations; row++) {
        page_row_combination(page, parts, row);
        for (size_t c = 0, i = 0; (name = next_setting(sweep, &c, &i)) != NULL;) {
            const char *value = value_of(&sweep->combination[row], name);
            page_cell_code(page, value == NULL ? "\xe2\x80\x93" : value[0] != '\0' ? value : "(empty)");
        }
    }
    page_table_end(page);
    page_section_end(page);
}

/* ---- the page ---- */

static void write_contents(struct page *page)
{
    page_contents_begin(page);
    page_contents_line(page, "figures", "Figures");
    page_contents_line(page, "differences", "Combinations");
    page_contents_line(page, "curves", "Learning curves");
    page_contents_line(page, "runs", "A run of each");
    page_contents_end(page);
}

static void write_runs(struct page *page, const struct sweep_parts *parts)
{
    fputs("<div id=\"runs\">\n", page->stream);
    for (size_t c = 0; c < parts->sweep->combinations; c++) {
        const weft_run *run = sweep_parts_first(parts, c);
        char name[320];
        if (run == NULL)
            continue;
        uint64_t seed = parts->sweep->run[run - parts->run].seed;
        snprintf(name, sizeof name, "%.250s, seed %" PRIu64, parts->sweep->combination[c].name, seed);
        page_write_folded_run(page, run, c + 1, name, false);
    }
    fputs("</div>\n", page->stream);
}

/* First of each combination: the runs of a combination stand together. */
static size_t first_index(const weft_sweep *sweep, size_t combination)
{
    size_t i = 0;
    while (i < sweep->runs && sweep->run[i].combination != combination)
        i++;
    return i;
}

static weft_status average_all(struct sweep_parts *parts)
{
    const weft_sweep *sweep = parts->sweep;
    weft_status st = WEFT_OK;
    for (size_t c = 0; c < sweep->combinations && st == WEFT_OK; c++) {
        st = mean_history_create(parts->run + first_index(sweep, c), sweep_parts_runs(parts, c), &parts->mean[c]);
        snprintf(parts->compared[c].name, sizeof parts->compared[c].name, "%s", sweep->combination[c].name);
        parts->compared[c].history = parts->mean[c].mean;
        parts->compared[c].sd = parts->mean[c].sd;
    }
    return st;
}

static weft_status write_page(const struct sweep_parts *parts, const weft_page_options *options, FILE *stream)
{
    struct page page;
    page_begin(&page, options, "weft report \xc2\xb7 sweep", parts->sweep->name, stream);
    write_contents(&page);
    page_write_sweep_figures(&page, parts);
    write_differences(&page, parts);
    page_compare_curves(&page, parts->compared, parts->sweep->combinations);
    write_runs(&page, parts);
    return page_end(&page);
}

weft_status weft_page_write_sweep(const weft_sweep *sweep, const weft_sweep_summary *summary, const weft_run *run,
                                  const weft_page_options *options, FILE *stream)
{
    struct sweep_parts parts = {sweep, summary, run, NULL, NULL};
    parts.mean = memory_new(sweep->combinations, sizeof *parts.mean);
    parts.compared = memory_new(sweep->combinations, sizeof *parts.compared);
    weft_status st = parts.mean != NULL && parts.compared != NULL ? average_all(&parts) : WEFT_ENOMEM;
    if (st == WEFT_OK)
        st = write_page(&parts, options, stream);
    for (size_t c = 0; c < sweep->combinations && parts.mean != NULL; c++)
        mean_history_clear(&parts.mean[c]);
    memory_free(parts.mean);
    memory_free(parts.compared);
    return st;
}
