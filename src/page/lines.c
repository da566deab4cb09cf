/* See lines.h. */
#include "page/lines.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { MARKED_POINTS_MAX = 30 };        /* more of them would cover the line */

struct lines lines_begin(struct page *page, size_t most)
{
    struct lines lines = {.page = page, .most = most};
    if (page->status != WEFT_OK)
        return lines;
    lines.serie = memory_new(most, sizeof *lines.serie);
    lines.points = memory_new(most, sizeof *lines.points);
    if (lines.serie == NULL || lines.points == NULL)
        page->status = WEFT_ENOMEM;
    return lines;
}

double *lines_add(struct lines *lines, const char *name, size_t colour, size_t count)
{
    if (lines->page->status != WEFT_OK || lines->count == lines->most)
        return NULL;
    double *points = memory_new(2 * count, sizeof *points);
    char *copy = memory_string(name);
    lines->serie[lines->count] = (struct chart_series){
        .name = copy, .colour = colour, .is_dashed = colour / CHART_COLOURS % 2 != 0, .has_markers = count <= MARKED_POINTS_MAX,
        .count = count, .x = points, .y = points != NULL ? points + count : NULL};
    lines->points[lines->count++] = points;
    if (points == NULL || copy == NULL) {
        lines->page->status = WEFT_ENOMEM;
        return NULL;
    }
    return points;
}

static struct chart_series *latest(struct lines *lines)
{
    return &lines->serie[lines->count - 1];
}

double *lines_add_band(struct lines *lines)
{
    if (lines->page->status != WEFT_OK)
        return NULL;
    double *band = memory_new(2 * latest(lines)->count, sizeof *band);
    if (band == NULL) {
        lines->page->status = WEFT_ENOMEM;
        return NULL;
    }
    latest(lines)->low = band;
    latest(lines)->high = band + latest(lines)->count;
    return band;
}

void lines_is_faint(struct lines *lines)
{
    latest(lines)->is_faint = true;
    latest(lines)->has_markers = false;
}

/* ---- the chart ---- */

static bool has_a_point(const struct chart_series *serie)
{
    for (size_t i = 0; i < serie->count; i++)
        if (isfinite(serie->x[i]) && isfinite(serie->y[i]))
            return true;
    return false;
}

static void free_series(struct lines *lines, size_t i)
{
    memory_free((char *)lines->serie[i].name);                  /* memory_string's */
    memory_free((double *)lines->serie[i].low);                 /* the band's */
    memory_free(lines->points[i]);
}

/* Series without a point have no place in the legend. */
static void drop_empty_series(struct lines *lines)
{
    size_t kept = 0;
    for (size_t i = 0; i < lines->count; i++) {
        if (!has_a_point(&lines->serie[i])) {
            free_series(lines, i);
            continue;
        }
        lines->serie[kept] = lines->serie[i];
        lines->points[kept++] = lines->points[i];
    }
    lines->count = kept;
}

/* ---- the numbers ---- */

static int compare_steps(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Every x of the series that are not faint, ascending, each once; *count of them. To be freed; NULL: no memory. */
static double *steps_of(const struct lines *lines, size_t *count)
{
    size_t all = 0, kept = 0;
    for (size_t s = 0; s < lines->count; s++)
        all += lines->serie[s].is_faint ? 0 : lines->serie[s].count;
    double *step = memory_new(all, sizeof *step);
    if (step == NULL)
        return NULL;
    all = 0;
    for (size_t s = 0; s < lines->count; s++)
        for (size_t i = 0; i < lines->serie[s].count && !lines->serie[s].is_faint; i++)
            step[all++] = lines->serie[s].x[i];
    qsort(step, all, sizeof *step, compare_steps);
    for (size_t i = 0; i < all; i++)
        if (kept == 0 || step[i] != step[kept - 1])
            step[kept++] = step[i];
    *count = kept;
    return step;
}

/* y of a series at a step; NaN where it has none. */
static double value_at(const struct chart_series *serie, double step)
{
    const double *found = bsearch(&step, serie->x, serie->count, sizeof *serie->x, compare_steps);
    return found != NULL ? serie->y[found - serie->x] : (double)NAN;
}

static void write_numbers(const struct lines *lines, const struct lines_look *look)
{
    struct page *page = lines->page;
    enum html_number kind = look->number == CHART_NUMBER_PERCENT ? HTML_PERCENT : HTML_FIGURE;
    size_t steps = 0;
    double *step = steps_of(lines, &steps);
    if (step == NULL) {
        page->status = WEFT_ENOMEM;
        return;
    }
    page_numbers_begin(page, look->title, steps);
    page_head(page, "step");
    for (size_t s = 0; s < lines->count; s++)
        if (!lines->serie[s].is_faint)
            page_head(page, lines->serie[s].name);
    for (size_t i = 0; i < page_numbers_shown(steps); i++) {
        double at = step[page_numbers_row(i, steps)];
        page_row_of_step(page, at);
        for (size_t s = 0; s < lines->count; s++)
            if (!lines->serie[s].is_faint)
                page_cell_plain(page, kind, value_at(&lines->serie[s], at));
    }
    page_numbers_end(page);
    memory_free(step);
}

/* ---- both ---- */

static void write_chart(struct lines *lines, const struct lines_look *look)
{
    char id[PAGE_ID_SIZE_BYTES];
    struct chart_series alone = lines->serie[0];
    struct chart_lines chart = {
        .frame = page_frame(lines->page, id, look->name, look->title, look->description), .x_label = "step",
        .y_label = look->y_label, .y_number = look->number, .y_is_logarithmic = look->is_logarithmic,
        .y_has_zero = look->has_zero, .series = lines->count, .serie = lines->serie};
    if (lines->count == 1 && strcmp(alone.name, look->y_label) == 0) {          /* the axis says it already */
        alone.name = NULL;
        chart.serie = &alone;
    }
    page_lines_begin(lines->page, &chart);
    write_numbers(lines, look);
    page_figure_end(lines->page);
}

void lines_end(struct lines *lines, const struct lines_look *look)
{
    if (lines->page->status == WEFT_OK) {
        drop_empty_series(lines);
        if (lines->count > 0)
            write_chart(lines, look);
    }
    for (size_t i = 0; i < lines->count; i++)
        free_series(lines, i);
    memory_free(lines->serie);
    memory_free(lines->points);
    *lines = (struct lines){.page = lines->page};
}
