/* Texts whose width must be known before they are drawn. Nobody knows the reader's font: widths are those of a wide common
 * sans serif, so that what fits here fits there. */
#ifndef CHART_LABEL_H
#define CHART_LABEL_H

#include <stddef.h>

enum { LABEL_BYTES_MAX = 256 };

/* Width of UTF-8 text in a font of this size, both in the chart's units. */
double label_width(const char *text, double size);

/* The text, or its beginning with "…" if it is wider than width. cut has LABEL_BYTES_MAX bytes. Returns cut. */
const char *label_fit(const char *text, double size, double width, char *cut);

/* The bytes of text that go on a line of this width: up to a blank if there is one. Never 0 for text that is not empty. */
size_t label_line(const char *text, double size, double width);

#endif
