/* Charts as SVG, one <svg> element each, for a page or as files of their own.
 *
 * In a page, colours come from the page's style sheet (chart.css): a chart follows light and dark. A file of its own has the light
 * colours inside. A chart is readable without colours, too: series differ in dashes and markers, and each chart has <title> and
 * <desc> for who does not see it. All text is escaped here. Numbers are written alike on every machine: the same figures give the
 * same bytes. */
#ifndef CHART_CHART_H
#define CHART_CHART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "weft/error.h"

/* Where a chart goes. */
enum chart_place { CHART_IN_PAGE, CHART_IN_FILE };

/* The charts' part of a page's style sheet: colours for light and dark as custom properties (--chart-ink, ...), then rules that
 * begin with .chart; without <style> around it. */
void chart_write_style(FILE *stream);

/* What every chart has. */
struct chart_frame {
    enum chart_place place;
    const char *id;             /* unique in the page, [a-z0-9-]; of <title> and <desc>, too */
    const char *title;          /* a few words, above the plot */
    const char *description;    /* a sentence on what is to be seen, for screen readers */
};

/* How numbers on an axis or in a cell are written. */
enum chart_number { CHART_NUMBER_PLAIN, CHART_NUMBER_PERCENT };         /* 0.93; 93 % */

/* One line. Points with a y (or x) that is not finite are left out, and the line is broken there. */
struct chart_series {
    const char *name;           /* beside the line's end or in the legend, once if several have it; NULL or "": in neither */
    size_t colour;              /* 0 first: the palette's colours; alike in all charts of a page */
    bool is_dashed, has_markers, is_faint;      /* faint: drawn thin and pale, behind the others */
    size_t count;
    const double *x, *y;        /* count each, x ascending */
    const double *low, *high;   /* NULL, or a band around y */
};

struct chart_lines {
    struct chart_frame frame;
    const char *x_label, *y_label;
    enum chart_number y_number;
    bool y_is_logarithmic;      /* values <= 0 are left out */
    bool y_has_zero;            /* the axis begins at 0 */
    size_t series;
    const struct chart_series *serie;
};

/* Lines over steps, with ticks at round numbers, a grid, and names beside the lines' ends, or in a legend above where they find no
 * room. Series of more points than the plot has columns are thinned to the least and greatest of each, so that no peak is lost.
 * WEFT_OK; WEFT_ENOMEM; whether the stream took it is for the caller to find out (ferror). Likewise below. */
weft_status chart_write_lines(const struct chart_lines *chart, FILE *stream);

/* How the distribution of a tensor's elements changes: a column for each evaluation, a shade for the share of the elements in each
 * bin (by the square root, or the tails would not show), over one common axis of values. */
struct chart_histograms {
    struct chart_frame frame;
    const char *x_label, *y_label;
    size_t columns, bins;
    const double *x;            /* columns, ascending */
    const double *count;        /* columns x bins */
    const double *edge;         /* columns x (bins + 1), each ascending */
};
weft_status chart_write_histograms(const struct chart_histograms *chart, FILE *stream);

/* Rows are true classes, columns predicted ones; a cell has its count and a shade for its share of the row (by the square root
 * again), on the diagonal in one colour, beside it in another. Up to 30 classes have numbers in the cells and their recall behind
 * the row, more of them shades alone; of more than 300 a dot stands for several, and shows its strongest cell. */
struct chart_confusion {
    struct chart_frame frame;
    size_t classes;
    const uint64_t *count;      /* classes x classes */
    const char *const *name;    /* classes; NULL: their numbers */
};
weft_status chart_write_confusion(const struct chart_confusion *chart, FILE *stream);

/* Bars from 0 to the right, one below the other, one group a combination: a value, which is written behind it, and, if sd is
 * finite, a whisker of one sd to both sides. */
struct chart_bars {
    struct chart_frame frame;
    const char *y_label;
    enum chart_number y_number;
    size_t groups, bars;
    const char *const *group_name;      /* groups */
    const char *const *bar_name;        /* bars, in the legend */
    const double *value, *sd;           /* groups x bars; value NaN: no bar */
};
weft_status chart_write_bars(const struct chart_bars *chart, FILE *stream);

/* Pictures in rows, each with a caption: height x width x 3 bytes, embedded as PNG (libpng), drawn without smoothing; of more than
 * 2^20 pixels in all, each pixel is the mean of several. */
struct chart_picture {
    const char *caption;        /* "unit 3", a class; NULL: none */
    const uint8_t *rgb;
};
struct chart_pictures {
    struct chart_frame frame;
    size_t height, width;       /* of each picture, in pixels */
    size_t pictures;
    const struct chart_picture *picture;
};
weft_status chart_write_pictures(const struct chart_pictures *chart, FILE *stream);

/* How many colours the palette has; series colours are taken modulo this. */
enum { CHART_COLOURS = 10 };

#endif
