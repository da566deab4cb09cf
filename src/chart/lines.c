/* Lines over steps. Names stand at the lines' ends if all lines end at the right and there is room, else in a legend on top. */
#include "chart/chart.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "chart/ends.h"
#include "chart/label.h"
#include "chart/legend.h"
#include "chart/plot.h"
#include "chart/svg.h"
#include "chart/thin.h"

static const double MARKER_DISTANCE = 11, LEADER = 14;

struct lines {
    const struct chart_lines *chart;
    struct plot plot;
    struct legend_entry *entry;         /* one a name; serie[entry_serie[i]] is the first that has it */
    size_t *entry_serie, entries;
    struct line_end end[ENDS_MAX];
    size_t ends;                        /* 0: there is a legend */
    size_t *kept;                       /* of the series at hand */
};

/* ---- layout ---- */

static bool is_point(const struct chart_lines *chart, const struct chart_series *s, size_t i)
{
    return isfinite(s->x[i]) && isfinite(s->y[i]) && !(chart->y_is_logarithmic && s->y[i] <= 0);
}

static void find_ranges(const struct chart_lines *chart, struct range *x, struct range *y)
{
    for (size_t n = 0; n < chart->series; n++) {
        const struct chart_series *s = &chart->serie[n];
        for (size_t i = 0; i < s->count; i++) {
            if (!is_point(chart, s, i))
                continue;
            range_add(x, s->x[i], false);
            range_add(y, s->y[i], chart->y_is_logarithmic);
            if (s->low != NULL && s->high != NULL) {
                range_add(y, s->low[i], chart->y_is_logarithmic);
                range_add(y, s->high[i], chart->y_is_logarithmic);
            }
        }
    }
}

static bool is_named(const struct chart_series *s)
{
    return s->name != NULL && *s->name != '\0';
}

static void find_entries(struct lines *lines)
{
    for (size_t n = 0; n < lines->chart->series; n++) {
        const struct chart_series *s = &lines->chart->serie[n];
        size_t i = 0;
        while (i < lines->entries && is_named(s) && strcmp(lines->entry[i].name, s->name) != 0)
            i++;
        if (!is_named(s) || i < lines->entries)
            continue;
        enum legend_key key = s->is_faint ? LEGEND_FAINT : s->is_dashed ? LEGEND_DASHES : LEGEND_LINE;
        lines->entry_serie[lines->entries] = n;
        lines->entry[lines->entries++] = (struct legend_entry){s->name, s->colour, key};
    }
}

/* Index of the last point, or count. */
static size_t last_point(const struct chart_lines *chart, const struct chart_series *s)
{
    for (size_t i = s->count; i > 0; i--)
        if (is_point(chart, s, i - 1))
            return i - 1;
    return s->count;
}

/* False if a legend does better. Ends' y are to be found yet, when the plot's place is known. */
static bool find_ends(struct lines *lines, double *widest)
{
    double x_span = lines->plot.x.high - lines->plot.x.low;
    *widest = 0;
    for (size_t i = 0; i < lines->entries; i++) {
        const struct chart_series *s = &lines->chart->serie[lines->entry_serie[i]];
        size_t last = last_point(lines->chart, s);
        double width = label_width(s->name, TEXT_SIZE);
        if (i == ENDS_MAX || last == s->count || width > ENDS_WIDTH_MAX || s->is_faint)
            return false;
        if (lines->plot.x.high - s->x[last] > 0.04 * x_span)
            return false;
        *widest = fmax(*widest, width);
        lines->end[i] = (struct line_end){.name = s->name, .colour = s->colour};
    }
    return true;
}

static bool arrange_ends(struct lines *lines)
{
    for (size_t i = 0; i < lines->entries; i++) {
        const struct chart_series *s = &lines->chart->serie[lines->entry_serie[i]];
        lines->end[i].y = plot_y(&lines->plot, s->y[last_point(lines->chart, s)]);
    }
    return ends_arrange(lines->end, lines->entries, lines->plot.top - 8, lines->plot.bottom + 4);
}

/* Returns the chart's height. */
static double lay_out(struct lines *lines)
{
    const struct chart_lines *chart = lines->chart;
    struct plot *plot = &lines->plot;
    struct range x = RANGE_EMPTY, y = RANGE_EMPTY;
    find_ranges(chart, &x, &y);
    if (chart->y_has_zero && !chart->y_is_logarithmic && y.low <= y.high)
        range_add(&y, 0, false);
    plot->y = chart->y_is_logarithmic ? axis_logarithmic(y, chart->y_number)
                                      : axis_linear(y, AXIS_ENDS_AT_TICKS, 5, chart->y_number);
    plot->left = plot_left(&plot->y);
    plot->right = CHART_WIDTH - 8;
    plot->x = plot_x_axis(x, plot->right - plot->left);
    plot->top = svg_head_height(&chart->frame, CHART_WIDTH) + PLOT_TOP_LABEL;
    plot->bottom = plot->top + PLOT_HEIGHT;
    double widest;
    if (find_ends(lines, &widest) && arrange_ends(lines)) {
        lines->ends = lines->entries;
        plot->right -= lines->ends > 0 ? widest + LEADER : 0;
        plot->x = plot_x_axis(x, plot->right - plot->left);
    } else {
        double legend = legend_height(lines->entry, lines->entries, CHART_WIDTH);
        plot->top += legend;
        plot->bottom += legend;
    }
    return plot->bottom + PLOT_BELOW;
}

/* ---- drawing ---- */

static void write_band(const struct lines *lines, const struct chart_series *s, size_t first, size_t end, FILE *stream)
{
    char class[32];
    snprintf(class, sizeof class, "band c%zu", s->colour % CHART_COLOURS);
    const struct plot *plot = &lines->plot;
    const size_t *kept = lines->kept;
    svg_path_open(class, stream);
    for (size_t k = first; k < end; k++)
        svg_path_to(k > first, plot_x(plot, s->x[kept[k]]), plot_y(plot, s->high[kept[k]]), stream);
    for (size_t k = end; k > first; k--)
        svg_path_to(true, plot_x(plot, s->x[kept[k - 1]]), plot_y(plot, s->low[kept[k - 1]]), stream);
    fputc('Z', stream);
    svg_path_close(stream);
}

/* One closed shape for each run of points that have a band. */
static void write_bands(const struct lines *lines, const struct chart_series *s, size_t kept, FILE *stream)
{
    size_t first = 0;
    for (size_t k = 0; k <= kept; k++) {
        size_t i = k < kept ? lines->kept[k] : THIN_BREAK;
        struct range band = RANGE_EMPTY;
        if (i != THIN_BREAK)
            range_add(&band, s->low[i], lines->plot.y.is_logarithmic);
        bool has_band = band.low < INFINITY && isfinite(s->high[i]) && s->high[i] >= s->low[i];
        if (has_band)
            continue;
        if (k > first)
            write_band(lines, s, first, k, stream);
        first = k + 1;
    }
}

static void write_markers(const struct lines *lines, const struct chart_series *s, size_t kept, FILE *stream)
{
    double last_x = -INFINITY;
    for (size_t k = 0; k < kept; k++) {
        if (lines->kept[k] == THIN_BREAK)
            continue;
        double x = plot_x(&lines->plot, s->x[lines->kept[k]]);
        if (x - last_x >= MARKER_DISTANCE || last_point(lines->chart, s) == lines->kept[k]) {
            svg_marker(s->colour, x, plot_y(&lines->plot, s->y[lines->kept[k]]), stream);
            last_x = x;
        }
    }
}

static void write_series(const struct lines *lines, const struct chart_series *s, FILE *stream)
{
    const struct plot *plot = &lines->plot;
    size_t columns = (size_t)(plot->right - plot->left), *kept = lines->kept;
    size_t count = thin_line(s->count, s->x, s->y, plot->y.is_logarithmic, plot->x.low, plot->x.high, columns, kept);
    if (s->low != NULL && s->high != NULL)
        write_bands(lines, s, count, stream);
    if (count == 0)
        return;
    char class[64];
    snprintf(class, sizeof class, "series%s%s l%zu", s->is_dashed ? " dashed" : "", s->is_faint ? " faint" : "",
             s->colour % CHART_COLOURS);
    svg_path_open(class, stream);
    for (size_t k = 0; k < count; k++) {
        if (kept[k] == THIN_BREAK)
            continue;
        double x = plot_x(plot, s->x[kept[k]]), y = plot_y(plot, s->y[kept[k]]);
        bool begins = k == 0 || kept[k - 1] == THIN_BREAK, ends = k + 1 == count || kept[k + 1] == THIN_BREAK;
        svg_path_to(!begins, x, y, stream);
        if (begins && ends)                             /* alone: a dot, by the stroke's round ends */
            svg_path_to(true, x, y, stream);
    }
    svg_path_close(stream);
    if (s->has_markers)
        write_markers(lines, s, count, stream);
    else if (!s->is_faint && is_named(s)) {
        size_t last = last_point(lines->chart, s);
        svg_marker(s->colour, plot_x(plot, s->x[last]), plot_y(plot, s->y[last]), stream);
    }
}

static void write_names(const struct lines *lines, FILE *stream)
{
    double right = lines->plot.right;
    for (size_t i = 0; i < lines->ends; i++) {
        const struct line_end *end = &lines->end[i];
        char class[32];
        snprintf(class, sizeof class, "leader l%zu", end->colour % CHART_COLOURS);
        if (fabs(end->label_y - end->y) > 2)
            svg_line(class, right, end->y, right + LEADER - 4, end->label_y, stream);
        svg_text("name", SVG_START, right + LEADER - 3, end->label_y + 4.5, end->name, stream);
    }
}

static bool is_empty(const struct chart_lines *chart)
{
    for (size_t n = 0; n < chart->series; n++)
        if (last_point(chart, &chart->serie[n]) < chart->serie[n].count)
            return false;
    return true;
}

static void write_all(const struct lines *lines, double height, FILE *stream)
{
    const struct chart_lines *chart = lines->chart;
    svg_open(&chart->frame, CHART_WIDTH, height, stream);
    if (lines->ends == 0)
        legend_write(lines->entry, lines->entries, CHART_WIDTH, svg_head_height(&chart->frame, CHART_WIDTH), stream);
    if (is_empty(chart)) {
        plot_write_nothing(CHART_WIDTH, (lines->plot.top + lines->plot.bottom) / 2, stream);
    } else {
        plot_write(&lines->plot, true, chart->x_label, chart->y_label, stream);
        for (int is_front = 0; is_front < 2; is_front++)
            for (size_t n = 0; n < chart->series; n++)
                if (chart->serie[n].is_faint != is_front)
                    write_series(lines, &chart->serie[n], stream);
        write_names(lines, stream);
    }
    svg_close(stream);
}

weft_status chart_write_lines(const struct chart_lines *chart, FILE *stream)
{
    size_t kept = 0;
    for (size_t n = 0; n < chart->series; n++) {
        size_t needed = thin_capacity(chart->serie[n].count, CHART_WIDTH);
        kept = needed > kept ? needed : kept;
    }
    struct lines lines = {.chart = chart};
    lines.kept = memory_new(kept, sizeof *lines.kept);
    lines.entry = memory_new(chart->series, sizeof *lines.entry);
    lines.entry_serie = memory_new(chart->series, sizeof *lines.entry_serie);
    weft_status st = lines.kept != NULL && lines.entry != NULL && lines.entry_serie != NULL ? WEFT_OK : WEFT_ENOMEM;
    if (st == WEFT_OK) {
        find_entries(&lines);
        write_all(&lines, lay_out(&lines), stream);
    }
    memory_free(lines.entry_serie);
    memory_free(lines.entry);
    memory_free(lines.kept);
    return st == WEFT_OK ? st : error_context(st, "draw the chart %s", chart->frame.id);
}
