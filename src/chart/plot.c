/* See plot.h. */
#include "chart/plot.h"

#include <math.h>

#include "chart/label.h"
#include "chart/svg.h"

double plot_x(const struct plot *plot, double x)
{
    return plot->left + axis_share(&plot->x, x) * (plot->right - plot->left);
}

double plot_y(const struct plot *plot, double y)
{
    return plot->bottom - axis_share(&plot->y, y) * (plot->bottom - plot->top);
}

static double widest_tick(const struct axis *axis)
{
    double widest = 0;
    for (size_t i = 0; i < axis->ticks; i++)
        widest = fmax(widest, label_width(axis->tick[i].label, TEXT_SIZE));
    return widest;
}

double plot_left(const struct axis *y)
{
    return ceil(widest_tick(y)) + 8;
}

/* Of one step: its one tick is in the middle. */
static struct axis single_tick(double x)
{
    double margin = fmax(1, 0.1 * fabs(x));
    struct axis axis = {.low = x - margin, .high = x + margin, .ticks = 1, .tick = {{.at = x}}};
    struct text label = {axis.tick[0].label, sizeof axis.tick[0].label, 0};
    number_add(&label, x, 9, CHART_NUMBER_PLAIN);
    return axis;
}

struct axis plot_x_axis(struct range range, double width)
{
    if (range.low == range.high && fabs(range.low) < 1e15)
        return single_tick(range.low);
    struct axis axis;
    for (int wanted = 8; wanted >= 3; wanted--) {
        axis = axis_linear(range, AXIS_ENDS_AT_VALUES, wanted, CHART_NUMBER_PLAIN);
        double between = axis.ticks > 1 ? (axis.tick[1].at - axis.tick[0].at) / (axis.high - axis.low) * width : width;
        if (widest_tick(&axis) + 14 <= between)
            break;
    }
    return axis;
}

void plot_write(const struct plot *plot, bool has_grid, const char *x_label, const char *y_label, FILE *stream)
{
    for (size_t i = 0; i < plot->y.ticks; i++) {
        double y = plot_y(plot, plot->y.tick[i].at);
        if (has_grid)
            svg_line("grid", plot->left, y, plot->right, y, stream);
        svg_text("tick", SVG_END, plot->left - 7, y + 4.5, plot->y.tick[i].label, stream);
    }
    svg_line("axis", plot->left, plot->bottom, plot->right, plot->bottom, stream);
    for (size_t i = 0; i < plot->x.ticks; i++) {
        double x = plot_x(plot, plot->x.tick[i].at), half = label_width(plot->x.tick[i].label, TEXT_SIZE) / 2;
        enum svg_anchor anchor = x + half > CHART_WIDTH ? SVG_END : SVG_MIDDLE;
        svg_line("axis", x, plot->bottom, x, plot->bottom + 4, stream);
        svg_text("tick", anchor, anchor == SVG_END ? CHART_WIDTH : x, plot->bottom + 18, plot->x.tick[i].label, stream);
    }
    char cut[LABEL_BYTES_MAX];
    svg_text("muted", SVG_END, plot->right, plot->bottom + 36, label_fit(x_label, TEXT_SIZE, CHART_WIDTH, cut), stream);
    svg_text("muted", SVG_START, 0, plot->top - 14, label_fit(y_label, TEXT_SIZE, CHART_WIDTH, cut), stream);
}

void plot_write_nothing(double width, double y, FILE *stream)
{
    svg_text("muted", SVG_MIDDLE, width / 2, y, "no data", stream);
}
