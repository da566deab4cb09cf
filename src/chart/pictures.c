/* Pictures in rows, each as large as the row's width and a whole number of them allow. Nobody sees more pixels than a screen has:
 * large pictures are made smaller, or a page of 256 of them would weigh a hundred megabytes. */
#include "chart/chart.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "chart/label.h"
#include "chart/plot.h"
#include "chart/png.h"
#include "chart/svg.h"

enum { GAP = 8, CAPTION_SIZE = 11, CAPTION_HEIGHT = 16, COLUMNS_MAX = 10 };
enum { SIDE_WANTED = 56, SIDE_OF_MANY = 44, MANY = 42, SIDE_MAX = 130 };
enum { PIXELS_MAX = 1 << 20, PIXEL_SIDE_MAX = 1 << 12 };        /* of all pictures together; of one */

struct grid { size_t columns, rows; double width, height, top, row; };  /* of one picture; row: with its caption and a gap */

static struct grid lay_out(const struct chart_pictures *chart)
{
    bool has_captions = false;
    for (size_t i = 0; i < chart->pictures; i++)
        has_captions = has_captions || chart->picture[i].caption != NULL;
    double ratio = (double)chart->height / (double)chart->width, side = chart->pictures > MANY ? SIDE_OF_MANY : SIDE_WANTED;
    size_t most = (size_t)fmax(1, fmin(COLUMNS_MAX, floor((CHART_WIDTH + GAP) / (side * fmax(1, 1 / ratio) + GAP))));
    struct grid grid = {.rows = (chart->pictures + most - 1) / most};
    grid.columns = grid.rows > 0 ? (chart->pictures + grid.rows - 1) / grid.rows : 1;   /* rows alike, none short */
    grid.width = fmin((CHART_WIDTH - GAP * (double)(grid.columns - 1)) / (double)grid.columns, SIDE_MAX / fmin(1, ratio));
    grid.width = fmin(grid.width, CHART_WIDTH / ratio);
    grid.height = grid.width * ratio;
    grid.top = svg_head_height(&chart->frame, CHART_WIDTH) + 2;
    grid.row = grid.height + (has_captions ? CAPTION_HEIGHT : 0) + GAP;
    return grid;
}

/* ---- pixels ---- */

static size_t shrunk(size_t side, size_t factor)
{
    return (side + factor - 1) / factor;
}

/* The least whole number of pixels a side that become one. */
static size_t shrink_factor(const struct chart_pictures *chart)
{
    size_t factor = 1;
    while (shrunk(chart->height, factor) > PIXEL_SIDE_MAX || shrunk(chart->width, factor) > PIXEL_SIDE_MAX
           || shrunk(chart->height, factor) * shrunk(chart->width, factor) * chart->pictures > PIXELS_MAX)
        factor++;
    return factor;
}

/* Mean of a channel over the pixels that become the one at y, x. */
static uint8_t mean_of(const struct chart_pictures *chart, const uint8_t *rgb, size_t factor, size_t y, size_t x, size_t channel)
{
    size_t bottom = (y + 1) * factor < chart->height ? (y + 1) * factor : chart->height;
    size_t right = (x + 1) * factor < chart->width ? (x + 1) * factor : chart->width;
    size_t sum = 0, count = (bottom - y * factor) * (right - x * factor);
    for (size_t row = y * factor; row < bottom; row++)
        for (size_t column = x * factor; column < right; column++)
            sum += rgb[(row * chart->width + column) * 3 + channel];
    return (uint8_t)((sum + count / 2) / count);
}

static weft_status encode(const struct chart_pictures *chart, const uint8_t *rgb, uint8_t **png, size_t *size_bytes)
{
    size_t factor = shrink_factor(chart), height = shrunk(chart->height, factor), width = shrunk(chart->width, factor);
    if (factor == 1)
        return png_encode(height, width, 3, rgb, png, size_bytes);
    uint8_t *small = memory_new(height * width, 3);
    if (small == NULL)
        return WEFT_ENOMEM;
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++)
            for (size_t channel = 0; channel < 3; channel++)
                small[(y * width + x) * 3 + channel] = mean_of(chart, rgb, factor, y, x, channel);
    weft_status st = png_encode(height, width, 3, small, png, size_bytes);
    memory_free(small);
    return st;
}

/* ---- drawing ---- */

static weft_status write_picture(const struct chart_pictures *chart, const struct grid *grid, size_t i, FILE *stream)
{
    uint8_t *png;
    size_t size_bytes;
    const struct chart_picture *picture = &chart->picture[i];
    weft_status st = encode(chart, picture->rgb, &png, &size_bytes);
    if (st != WEFT_OK)
        return st;
    double x = (double)(i % grid->columns) * (grid->width + GAP), y = grid->top + (double)(i / grid->columns) * grid->row;
    svg_group_open("picture", picture->caption, stream);
    svg_picture(png, size_bytes, x, y, grid->width, grid->height, stream);
    svg_rect("outline", x, y, grid->width, grid->height, stream);
    if (picture->caption != NULL) {
        char cut[LABEL_BYTES_MAX];
        svg_text("muted small", SVG_MIDDLE, x + grid->width / 2, y + grid->height + 12,
                 label_fit(picture->caption, CAPTION_SIZE, grid->width + GAP / 2.0, cut), stream);
    }
    svg_group_close(stream);
    memory_free(png);
    return WEFT_OK;
}

weft_status chart_write_pictures(const struct chart_pictures *chart, FILE *stream)
{
    bool is_empty = chart->pictures == 0 || chart->height == 0 || chart->width == 0;
    struct grid grid = {.top = svg_head_height(&chart->frame, CHART_WIDTH), .row = 40, .rows = 1};
    weft_status st = WEFT_OK;
    if (!is_empty)
        grid = lay_out(chart);
    svg_open(&chart->frame, CHART_WIDTH, grid.top + grid.row * (double)grid.rows, stream);
    if (is_empty)
        plot_write_nothing(CHART_WIDTH, grid.top + 20, stream);
    for (size_t i = 0; i < chart->pictures && !is_empty && st == WEFT_OK; i++)
        st = write_picture(chart, &grid, i, stream);
    svg_close(stream);
    return st == WEFT_OK ? st : error_context(st, "draw the chart %s", chart->frame.id);
}
