/* What a chart is drawn with: elements of SVG, each on a line. Coordinates are written with two decimals at most, never as -0,
 * whatever the program's locale. Colours are classes of chart.css. */
#ifndef CHART_SVG_H
#define CHART_SVG_H

#include "chart/chart.h"

enum { CHART_WIDTH = 480 };             /* of the usual chart: on a telephone its text of 13 is then about 9 pixels high */

/* <svg> with title and description, on top the title in as many lines as it takes; svg_head_height says how high they are. The
 * caller draws below and closes. height: of all. */
double svg_head_height(const struct chart_frame *frame, double width);
void svg_open(const struct chart_frame *frame, double width, double height, FILE *stream);
void svg_close(FILE *stream);

/* One number; text with all that XML or UTF-8 does not allow escaped or replaced. */
void svg_number(double x, FILE *stream);
void svg_escaped(const char *text, FILE *stream);

enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };
void svg_text(const char *class, enum svg_anchor anchor, double x, double y, const char *text, FILE *stream);

/* Text that begins at x, y and rises to the right, by half a right angle. */
void svg_text_rising(const char *class, double x, double y, const char *text, FILE *stream);
void svg_line(const char *class, double x1, double y1, double x2, double y2, FILE *stream);
void svg_rect(const char *class, double x, double y, double width, double height, FILE *stream);

/* A rectangle that shows a share, 0 to 1, of its class's colour, and says `note` when pointed at. */
void svg_shade(const char *class, double share, double x, double y, double width, double height, const char *note, FILE *stream);

/* A marker of the colour's own shape, centred at x, y. */
void svg_marker(size_t colour, double x, double y, FILE *stream);

/* A path: svg_path_open, then svg_path_to (absolute; draw = false: the pen is lifted), then svg_path_close. */
void svg_path_open(const char *class, FILE *stream);
void svg_path_to(bool draw, double x, double y, FILE *stream);
void svg_path_close(FILE *stream);

/* The PNG (its bytes) as a picture that is stretched to these sides without smoothing. */
void svg_picture(const uint8_t *png, size_t size_bytes, double x, double y, double width, double height, FILE *stream);

/* The same, but the PNG says how much of the class's colour there is: none (black) to all (white). Once a class in a chart. */
void svg_mask(const char *id, const char *class, const uint8_t *png, size_t size_bytes, double x, double y, double width,
              double height, FILE *stream);

/* Elements that belong together; note, if not NULL, is said when one of them is pointed at. */
void svg_group_open(const char *class, const char *note, FILE *stream);
void svg_group_close(FILE *stream);

#endif
