/* The histograms of a tensor as a picture, a shade for the share of the elements: each of its columns of pixels shows the nearest
 * evaluation, each of its rows a bin of one axis for all. The picture is a PNG that masks a rectangle, so that it has the page's
 * colours, and weighs a few kilobytes, where rectangles would weigh a hundred. */
#include "chart/chart.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "chart/label.h"
#include "chart/plot.h"
#include "chart/png.h"
#include "chart/svg.h"

enum { PIXEL_COLUMNS_MAX = 400, PIXEL_ROWS = 70 };      /* a row is three units high */

/* Add a column's counts to the rows that they overlap, in proportion; their sum becomes 1. share: PIXEL_ROWS, the lowest first. */
static void spread(const struct axis *axis, size_t bins, const double *count, const double *edge, double *share)
{
    double sum = 0, row = (axis->high - axis->low) / PIXEL_ROWS;
    for (size_t b = 0; b < bins; b++)
        sum += isfinite(count[b]) && count[b] > 0 ? count[b] : 0;
    for (size_t b = 0; b < bins; b++) {
        if (!(count[b] > 0) || !isfinite(count[b]) || !isfinite(edge[b]) || !isfinite(edge[b + 1]))
            continue;
        double low = (edge[b] - axis->low) / row, high = (edge[b + 1] - axis->low) / row;
        size_t first = (size_t)fmin(fmax(low, 0), PIXEL_ROWS - 1), last = (size_t)fmin(fmax(high, 0), PIXEL_ROWS - 1);
        for (size_t r = first; r <= last; r++) {
            double overlap = fmin(high, (double)r + 1) - fmax(low, (double)r);
            double part = high > low ? fmax(overlap, 0) / (high - low) : r == first;    /* all alike: bins have no width */
            share[r] += count[b] / sum * part;
        }
    }
}

/* shade: PIXEL_ROWS x columns, the highest row first; by the square root. */
static weft_status draw(const struct chart_histograms *chart, const struct plot *plot, size_t columns, uint8_t *shade,
                        double *greatest)
{
    double *share = memory_new(columns * PIXEL_ROWS, sizeof *share);
    if (share == NULL)
        return WEFT_ENOMEM;
    size_t nearest = 0;
    *greatest = 0;
    for (size_t c = 0; c < columns; c++) {
        double x = plot->x.low + (plot->x.high - plot->x.low) * ((double)c + 0.5) / (double)columns;
        while (nearest + 1 < chart->columns && fabs(chart->x[nearest + 1] - x) <= fabs(chart->x[nearest] - x))
            nearest++;
        double *column = share + c * PIXEL_ROWS;
        spread(&plot->y, chart->bins, chart->count + nearest * chart->bins, chart->edge + nearest * (chart->bins + 1), column);
        for (size_t r = 0; r < PIXEL_ROWS; r++)
            *greatest = fmax(*greatest, column[r]);
    }
    for (size_t r = 0; r < PIXEL_ROWS; r++)
        for (size_t c = 0; c < columns; c++) {
            double part = *greatest > 0 ? share[c * PIXEL_ROWS + PIXEL_ROWS - 1 - r] / *greatest : 0;
            shade[r * columns + c] = (uint8_t)lround(255 * sqrt(part));
        }
    memory_free(share);
    return WEFT_OK;
}

/* What the darkest shade says, in the upper right corner. Returns where it begins. */
static double write_scale(const struct plot *plot, double greatest, FILE *stream)
{
    enum { SHADES = 6, SHADE_WIDTH = 13 };
    char label[NUMBER_BYTES_MAX + 40] = "";
    struct text text = {label, sizeof label, 0};
    number_add(&text, greatest, 2, CHART_NUMBER_PERCENT);
    text_add(&text, " of the elements");
    double y = plot->top - 14, left = plot->right - label_width(label, TEXT_SIZE) - 5 - SHADES * SHADE_WIDTH;
    svg_text("muted", SVG_END, left - 5, y, "0", stream);
    for (size_t i = 0; i < SHADES; i++)
        svg_shade("right", (double)i / (SHADES - 1), left + (double)(i * SHADE_WIDTH), y - 10, SHADE_WIDTH, 11, NULL, stream);
    svg_rect("outline", left, y - 10, SHADES * SHADE_WIDTH, 11, stream);
    svg_text("muted", SVG_START, left + SHADES * SHADE_WIDTH + 5, y, label, stream);
    return left - 14;
}

static struct plot lay_out(const struct chart_histograms *chart)
{
    struct range x = RANGE_EMPTY, y = RANGE_EMPTY;
    for (size_t c = 0; c < chart->columns; c++) {
        range_add(&x, chart->x[c], false);
        for (size_t b = 0; b <= chart->bins; b++)
            range_add(&y, chart->edge[c * (chart->bins + 1) + b], false);
    }
    struct plot plot = {.y = axis_linear(y, AXIS_ENDS_AT_VALUES, 8, CHART_NUMBER_PLAIN)};
    plot.left = plot_left(&plot.y);
    plot.right = CHART_WIDTH - 8;
    plot.x = plot_x_axis(x, plot.right - plot.left);
    plot.top = svg_head_height(&chart->frame, CHART_WIDTH) + PLOT_TOP_LABEL;
    plot.bottom = plot.top + PLOT_HEIGHT;
    return plot;
}

weft_status chart_write_histograms(const struct chart_histograms *chart, FILE *stream)
{
    struct plot plot = lay_out(chart);
    size_t columns = (size_t)fmin(plot.right - plot.left, PIXEL_COLUMNS_MAX), size_bytes = 0;
    double greatest = 0;
    uint8_t *png = NULL, *shade = memory_new(columns * PIXEL_ROWS, 1);
    weft_status st = shade != NULL ? WEFT_OK : WEFT_ENOMEM;
    bool is_empty = chart->columns == 0 || chart->bins == 0;
    if (st == WEFT_OK && !is_empty)
        st = draw(chart, &plot, columns, shade, &greatest);
    if (st == WEFT_OK && !is_empty)
        st = png_encode(PIXEL_ROWS, columns, 1, shade, &png, &size_bytes);
    memory_free(shade);
    if (st != WEFT_OK)
        return error_context(st, "draw the chart %s", chart->frame.id);
    svg_open(&chart->frame, CHART_WIDTH, plot.bottom + PLOT_BELOW, stream);
    if (greatest > 0) {
        char cut[LABEL_BYTES_MAX];
        svg_mask(chart->frame.id, "right", png, size_bytes, plot.left, plot.top, plot.right - plot.left, plot.bottom - plot.top,
                 stream);
        double scale = write_scale(&plot, greatest, stream);
        plot_write(&plot, false, chart->x_label, label_fit(chart->y_label, TEXT_SIZE, scale - 12, cut), stream);
    } else {
        plot_write_nothing(CHART_WIDTH, (plot.top + plot.bottom) / 2, stream);
    }
    svg_close(stream);
    memory_free(png);
    return WEFT_OK;
}
