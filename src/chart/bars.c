/* Bars that lie, so that names of any length stand before or above them, and many groups make the chart longer, not narrower. Each
 * says its value. */
#include "chart/chart.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "chart/label.h"
#include "chart/legend.h"
#include "chart/plot.h"
#include "chart/svg.h"

enum { BAR_HEIGHT = 15, BAR_ALONE_HEIGHT = 17, GROUP_GAP = 12, NAME_HEIGHT = 18, VALUE_BYTES_MAX = 2 * NUMBER_BYTES_MAX + 16 };
static const double NAME_BESIDE_MAX = 112;      /* longer names stand above their bars */

struct bars {
    const struct chart_bars *chart;
    struct legend_entry *entry;         /* bars */
    struct axis axis;
    int exponent;                       /* of the last digit in a value's text, in percent if they are written so */
    enum number_form form;
    bool names_above;
    double left, right, top, bottom, bar, group;        /* bar, group: heights */
};

static double value_x(const struct bars *b, double value)
{
    return b->left + axis_share(&b->axis, value) * (b->right - b->left);
}

static double deviation(const struct chart_bars *chart, size_t i)
{
    return isfinite(chart->sd[i]) ? fabs(chart->sd[i]) : 0;
}

/* The ends of a whisker. A share is from 0 to 1, so its whiskers do not go beyond. */
static struct range whisker_of(const struct chart_bars *chart, size_t i)
{
    double value = chart->value[i], sd = deviation(chart, i);
    bool is_share = chart->y_number == CHART_NUMBER_PERCENT && value >= 0 && value <= 1;
    return (struct range){is_share ? fmax(value - sd, 0) : value - sd, is_share ? fmin(value + sd, 1) : value + sd};
}

/* ---- values as text ---- */

static double shown(const struct chart_bars *chart, double value)
{
    return chart->y_number == CHART_NUMBER_PERCENT ? 100 * value : value;
}

/* Four digits of the largest value, two behind the point of a percentage: the points stand below each other. */
static void choose_digits(struct bars *b, struct range range)
{
    double largest = fmax(fabs(shown(b->chart, range.low)), fabs(shown(b->chart, range.high)));
    struct decimal rounded = number_round(largest, 4);
    b->exponent = b->chart->y_number == CHART_NUMBER_PERCENT && rounded.exponent < -2 ? -2 : rounded.exponent;
    b->form = number_form_of(rounded);
    if (b->form == NUMBER_GROUPED && b->exponent > 0)
        b->exponent = 0;
}

static void value_text(const struct bars *b, size_t i, char label[VALUE_BYTES_MAX])
{
    const struct chart_bars *chart = b->chart;
    struct text text = {label, VALUE_BYTES_MAX, 0};
    label[0] = '\0';
    number_add_decimal(&text, number_round_at(shown(chart, chart->value[i]), b->exponent), b->form);
    if (isfinite(chart->sd[i])) {
        text_add(&text, "\xc2\xa0± ");
        number_add_decimal(&text, number_round_at(shown(chart, fabs(chart->sd[i])), b->exponent), b->form);
    }
    if (chart->y_number == CHART_NUMBER_PERCENT)
        text_add(&text, "\xc2\xa0%%");
}

/* ---- layout ---- */

static double widest_value(const struct bars *b)
{
    double widest = 0;
    for (size_t i = 0; i < b->chart->groups * b->chart->bars; i++) {
        char label[VALUE_BYTES_MAX];
        if (!isfinite(b->chart->value[i]))
            continue;
        value_text(b, i, label);
        widest = fmax(widest, label_width(label, TEXT_SIZE));
    }
    return widest;
}

static double widest_name(const struct chart_bars *chart)
{
    double widest = 0;
    for (size_t g = 0; g < chart->groups; g++)
        widest = fmax(widest, label_width(chart->group_name[g], TEXT_SIZE));
    return widest;
}

/* Returns the chart's height. */
static double lay_out(struct bars *b)
{
    const struct chart_bars *chart = b->chart;
    struct range range = {0, 0};
    for (size_t i = 0; i < chart->groups * chart->bars; i++)
        if (isfinite(chart->value[i])) {
            range_add(&range, whisker_of(chart, i).low, false);
            range_add(&range, whisker_of(chart, i).high, false);
        }
    choose_digits(b, range);
    double name = widest_name(chart), value = widest_value(b);
    b->axis = axis_linear(range, AXIS_ENDS_AT_TICKS, 4, chart->y_number);
    b->names_above = name > NAME_BESIDE_MAX;
    double half_tick = label_width(b->axis.ticks > 0 ? b->axis.tick[0].label : "", TEXT_SIZE) / 2;
    b->left = fmax(ceil(half_tick), b->names_above ? 0 : ceil(name) + 8);
    b->right = CHART_WIDTH - ceil(value) - 8;
    b->bar = chart->bars <= 1 ? BAR_ALONE_HEIGHT : BAR_HEIGHT;
    b->group = b->bar * (double)chart->bars + GROUP_GAP + (b->names_above ? NAME_HEIGHT : 0);
    double legend = chart->bars > 1 ? legend_height(b->entry, chart->bars, CHART_WIDTH) : 0;
    b->top = svg_head_height(&chart->frame, CHART_WIDTH) + legend + PLOT_TOP_LABEL + 12;
    b->bottom = b->top + b->group * fmax(1, (double)chart->groups);
    return b->bottom + 6;
}

/* ---- drawing ---- */

static void write_bar(const struct bars *b, double y, size_t group, size_t bar, FILE *stream)
{
    const struct chart_bars *chart = b->chart;
    size_t i = group * chart->bars + bar;
    if (!isfinite(chart->value[i]))
        return;
    struct range whisker = whisker_of(chart, i);
    double middle = y + b->bar / 2, zero = value_x(b, 0), end = value_x(b, chart->value[i]);
    double low = value_x(b, whisker.low), high = value_x(b, whisker.high);
    char class[32], label[VALUE_BYTES_MAX];
    snprintf(class, sizeof class, "bar c%zu", bar % CHART_COLOURS);
    svg_rect(class, fmin(zero, end), y + 0.5, fabs(end - zero), b->bar - 1, stream);
    if (deviation(chart, i) > 0) {
        svg_line("whisker", low, middle, high, middle, stream);
        svg_line("whisker", low, middle - 3, low, middle + 3, stream);
        svg_line("whisker", high, middle - 3, high, middle + 3, stream);
    }
    value_text(b, i, label);
    svg_text("over", SVG_START, fmax(high, zero) + 6, middle + 4.5, label, stream);
}

static void write_group(const struct bars *b, size_t group, FILE *stream)
{
    char cut[LABEL_BYTES_MAX];
    const char *name = b->chart->group_name[group];
    double y = b->top + b->group * (double)group + GROUP_GAP / 2.0;
    if (b->names_above)
        svg_text("over", SVG_START, b->left + 5, y + 13, label_fit(name, TEXT_SIZE, CHART_WIDTH - b->left - 5, cut), stream);
    else
        svg_text("name", SVG_END, b->left - 7, y + b->bar * (double)b->chart->bars / 2 + 4.5, name, stream);
    y += b->names_above ? NAME_HEIGHT : 0;
    for (size_t i = 0; i < b->chart->bars; i++)
        write_bar(b, y + b->bar * (double)i, group, i, stream);
}

static void write_axis(const struct bars *b, FILE *stream)
{
    char cut[LABEL_BYTES_MAX];
    svg_text("muted", SVG_START, 0, b->top - 23, label_fit(b->chart->y_label, TEXT_SIZE, CHART_WIDTH, cut), stream);
    double last = -INFINITY;
    for (size_t i = 0; i < b->axis.ticks; i++) {
        double x = value_x(b, b->axis.tick[i].at), half = label_width(b->axis.tick[i].label, TEXT_SIZE) / 2;
        svg_line("grid", x, b->top, x, b->bottom, stream);
        if (x - half < last + 8)
            continue;
        svg_text("tick", SVG_MIDDLE, x, b->top - 5, b->axis.tick[i].label, stream);
        last = x + half;
    }
}

static void write_all(const struct bars *b, double height, FILE *stream)
{
    const struct chart_bars *chart = b->chart;
    svg_open(&chart->frame, CHART_WIDTH, height, stream);
    if (chart->groups == 0 || chart->bars == 0) {
        plot_write_nothing(CHART_WIDTH, b->top, stream);
        svg_close(stream);
        return;
    }
    if (chart->bars > 1)
        legend_write(b->entry, chart->bars, CHART_WIDTH, svg_head_height(&chart->frame, CHART_WIDTH), stream);
    write_axis(b, stream);
    svg_line("axis", value_x(b, 0), b->top, value_x(b, 0), b->bottom, stream);
    for (size_t g = 0; g < chart->groups; g++)
        write_group(b, g, stream);
    svg_close(stream);
}

weft_status chart_write_bars(const struct chart_bars *chart, FILE *stream)
{
    struct bars b = {.chart = chart, .entry = memory_new(chart->bars, sizeof *b.entry)};
    if (b.entry == NULL)
        return error_context(WEFT_ENOMEM, "draw the chart %s", chart->frame.id);
    for (size_t i = 0; i < chart->bars; i++)
        b.entry[i] = (struct legend_entry){chart->bar_name[i], i, LEGEND_BOX};
    write_all(&b, lay_out(&b), stream);
    memory_free(b.entry);
    return WEFT_OK;
}
