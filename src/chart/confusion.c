/* A confusion matrix: what is right on the diagonal in one colour, what is wrong in another, each by the square root of its share
 * of the row, or a few errors among many would not show. Many classes are two pictures, one a colour, rather than ten thousand
 * rectangles. */
#include "chart/chart.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "chart/label.h"
#include "chart/number.h"
#include "chart/plot.h"
#include "chart/png.h"
#include "chart/svg.h"

enum { NUMBERED_CLASSES_MAX = 30, PIXELS_MAX = 300, SMALL_SIZE = 11, NAMES_HEIGHT = 20, RECALL_WIDTH = 52 };
static const double CELL_MIN = 30, CELL_MAX = 46, NAME_WIDTH_MAX = 120, RISING_WIDTH_MAX = 88, NAME_PITCH_MIN = 13;
static const double HALF_SHADE = 0.66, FULL_SHADE = 0.86;       /* from there on numbers have another colour, to be read well */

struct matrix {
    const struct chart_confusion *chart;
    double left, top, cell, width;      /* width: of the whole chart */
    bool has_numbers, names_rise;       /* rise: the columns' names, which are too long to lie */
    size_t name_every;                  /* so many classes a name, so that names do not touch */
};

/* ---- layout ---- */

static const char *class_name(const struct chart_confusion *chart, size_t class, char number[24])
{
    if (chart->name != NULL && chart->name[class] != NULL)
        return chart->name[class];
    snprintf(number, 24, "%zu", class);
    return number;
}

static double widest_name(const struct chart_confusion *chart)
{
    double widest = 0;
    for (size_t i = 0; i < chart->classes; i++) {
        char number[24];
        widest = fmax(widest, label_width(class_name(chart, i, number), TEXT_SIZE));
    }
    return widest;
}

static double widest_count(const struct chart_confusion *chart)
{
    uint64_t greatest = 0;
    for (size_t i = 0; i < chart->classes * chart->classes; i++)
        greatest = chart->count[i] > greatest ? chart->count[i] : greatest;
    char number[NUMBER_BYTES_MAX] = "";
    struct text text = {number, sizeof number, 0};
    number_add_count(&text, greatest);
    return label_width(number, SMALL_SIZE);
}

static struct matrix lay_out(const struct chart_confusion *chart)
{
    struct matrix m = {.chart = chart, .has_numbers = chart->classes <= NUMBERED_CLASSES_MAX};
    double classes = fmax(1, (double)chart->classes), widest = widest_name(chart);
    m.left = fmin(fmax(widest, label_width("true", TEXT_SIZE)), NAME_WIDTH_MAX) + 12;
    double least = m.has_numbers ? fmax(CELL_MIN, 1.15 * widest_count(chart) + 6) : 0;          /* some are bold */
    double right = m.has_numbers ? RECALL_WIDTH : 8;
    m.cell = fmax(least, fmin(CELL_MAX, (CHART_WIDTH - m.left - right) / classes));
    m.name_every = 1;
    while (m.cell * (double)m.name_every < NAME_PITCH_MIN)
        m.name_every += m.name_every == 1 ? 4 : 5;
    m.names_rise = widest + 6 > m.cell * (double)m.name_every;
    double beyond = m.names_rise ? fmin(widest, RISING_WIDTH_MAX) * M_SQRT1_2 - m.cell / 2 + 8 : 0;
    m.width = fmax(CHART_WIDTH, m.left + m.cell * classes + fmax(right, beyond));
    m.top = svg_head_height(&chart->frame, m.width) + 22 + NAMES_HEIGHT;
    m.top += m.names_rise ? fmin(widest, RISING_WIDTH_MAX) * M_SQRT1_2 : 0;
    return m;
}

static uint64_t row_sum(const struct chart_confusion *chart, size_t row)
{
    uint64_t sum = 0;
    for (size_t column = 0; column < chart->classes; column++)
        sum += chart->count[row * chart->classes + column];
    return sum;
}

/* ---- cells with numbers ---- */

/* In dark colours both shades are light sooner than they are dark in light ones, where the wrong one never is. */
static const char *number_class(bool is_right, double shade)
{
    return is_right && shade > FULL_SHADE ? "small on-shade" : shade > HALF_SHADE ? "small on-half-shade" : "small";
}

static void write_cell(const struct matrix *m, size_t row, size_t column, uint64_t sum, FILE *stream)
{
    uint64_t count = m->chart->count[row * m->chart->classes + column];
    if (count == 0)
        return;
    double share = (double)count / (double)sum, shade = sqrt(share);
    double x = m->left + m->cell * (double)column, y = m->top + m->cell * (double)row;
    char number[NUMBER_BYTES_MAX] = "", true_name[24], predicted_name[24], note[512] = "";
    struct text digits = {number, sizeof number, 0}, text = {note, sizeof note, 0};
    number_add_count(&digits, count);
    text_add(&text, "true %.150s, predicted %.150s: %s (", class_name(m->chart, row, true_name),
             class_name(m->chart, column, predicted_name), number);
    number_add(&text, share, 3, CHART_NUMBER_PERCENT);
    text_add(&text, ")");
    svg_shade(row == column ? "right" : "wrong", shade, x, y, m->cell, m->cell, note, stream);
    svg_text(number_class(row == column, shade), SVG_MIDDLE, x + m->cell / 2, y + m->cell / 2 + 4, number, stream);
}

/* The share of the row that is right, behind it. */
static void write_recall(const struct matrix *m, size_t row, uint64_t sum, FILE *stream)
{
    char label[NUMBER_BYTES_MAX] = "";
    struct text text = {label, sizeof label, 0};
    double right = (double)m->chart->count[row * m->chart->classes + row] / (double)sum;
    number_add_decimal(&text, number_round_at(100 * right, -1), NUMBER_GROUPED);
    text_add(&text, "\xc2\xa0%%");
    svg_text("muted small", SVG_END, m->left + m->cell * (double)m->chart->classes + RECALL_WIDTH - 4,
             m->top + m->cell * ((double)row + 0.5) + 4, label, stream);
}

static void write_cells(const struct matrix *m, FILE *stream)
{
    svg_group_open("cells", NULL, stream);
    for (size_t row = 0; row < m->chart->classes; row++) {
        uint64_t sum = row_sum(m->chart, row);
        for (size_t column = 0; column < m->chart->classes; column++)
            write_cell(m, row, column, sum, stream);
        if (sum > 0)
            write_recall(m, row, sum, stream);
    }
    svg_group_close(stream);
    svg_text("muted small", SVG_END, m->left + m->cell * (double)m->chart->classes + RECALL_WIDTH - 4,
             m->top + m->cell * (double)m->chart->classes + 14, "recall", stream);
}

/* ---- cells as pictures ---- */

struct picture { uint8_t *png; size_t size_bytes; };

/* The cells of one colour: those on the diagonal, or the others. Of more classes than there are pixels, a pixel is its strongest
 * cell, and those on the diagonal have the diagonal's colour. */
static weft_status draw(const struct chart_confusion *chart, bool is_diagonal, struct picture *picture)
{
    size_t classes = chart->classes, side = classes < PIXELS_MAX ? classes : PIXELS_MAX;
    uint8_t *shade = memory_new(side * side, 1);
    if (shade == NULL)
        return WEFT_ENOMEM;
    for (size_t row = 0; row < classes; row++) {
        uint64_t sum = row_sum(chart, row);
        for (size_t column = 0; column < classes && sum > 0; column++) {
            size_t y = row * side / classes, x = column * side / classes;
            double share = (double)chart->count[row * classes + column] / (double)sum;
            uint8_t here = (uint8_t)lround(255 * sqrt(share)), *pixel = &shade[y * side + x];
            if ((is_diagonal ? row == column : y != x) && here > *pixel)
                *pixel = here;
        }
    }
    weft_status st = png_encode(side, side, 1, shade, &picture->png, &picture->size_bytes);
    memory_free(shade);
    return st;
}

/* ---- the chart ---- */

static void write_names(const struct matrix *m, FILE *stream)
{
    double room = m->cell * (double)m->name_every;
    const char *class = room >= 16 ? "name" : "small";
    for (size_t i = 0; i < m->chart->classes; i += m->name_every) {
        char number[24], cut[LABEL_BYTES_MAX];
        const char *name = class_name(m->chart, i, number);
        double middle = m->cell * ((double)i + 0.5);
        svg_text(class, SVG_END, m->left - 7, m->top + middle + 4.5, label_fit(name, TEXT_SIZE, NAME_WIDTH_MAX, cut), stream);
        if (m->names_rise)
            svg_text_rising(class, m->left + middle + 4, m->top - 6, label_fit(name, TEXT_SIZE, RISING_WIDTH_MAX, cut), stream);
        else
            svg_text(class, SVG_MIDDLE, m->left + middle, m->top - 6, label_fit(name, TEXT_SIZE, room, cut), stream);
    }
}

static void write_all(const struct matrix *m, const struct picture *right, const struct picture *wrong, FILE *stream)
{
    const struct chart_confusion *chart = m->chart;
    double side = m->cell * (double)chart->classes;
    svg_open(&chart->frame, m->width, chart->classes > 0 ? m->top + side + 20 : m->top + 60, stream);
    if (chart->classes == 0) {
        plot_write_nothing(m->width, m->top + 20, stream);
        svg_close(stream);
        return;
    }
    svg_text("muted", SVG_START, m->left, svg_head_height(&chart->frame, m->width) + 15, "predicted", stream);
    svg_text("muted", SVG_END, m->left - 7, m->top - 6, "true", stream);
    if (m->has_numbers) {
        write_cells(m, stream);
    } else {
        svg_mask(chart->frame.id, "right", right->png, right->size_bytes, m->left, m->top, side, side, stream);
        svg_mask(chart->frame.id, "wrong", wrong->png, wrong->size_bytes, m->left, m->top, side, side, stream);
    }
    svg_rect("outline", m->left, m->top, side, side, stream);
    write_names(m, stream);
    svg_close(stream);
}

weft_status chart_write_confusion(const struct chart_confusion *chart, FILE *stream)
{
    weft_status st = WEFT_OK;
    struct picture right = {0}, wrong = {0};
    struct matrix m = lay_out(chart);
    if (!m.has_numbers && (st = draw(chart, true, &right)) == WEFT_OK)
        st = draw(chart, false, &wrong);
    if (st == WEFT_OK)
        write_all(&m, &right, &wrong, stream);
    memory_free(wrong.png);
    memory_free(right.png);
    return st == WEFT_OK ? st : error_context(st, "draw the chart %s", chart->frame.id);
}
