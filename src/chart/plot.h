/* Two axes and what lies between them. */
#ifndef CHART_PLOT_H
#define CHART_PLOT_H

#include <stdio.h>

#include "chart/axis.h"

enum { TEXT_SIZE = 13, PLOT_HEIGHT = 210, PLOT_TOP_LABEL = 26, PLOT_BELOW = 40 };   /* below: ticks and the x axis' name */

/* Where the axes lie in the chart; y.high is at the top. */
struct plot { double left, top, right, bottom; struct axis x, y; };

double plot_x(const struct plot *plot, double x);
double plot_y(const struct plot *plot, double y);

/* Room for the ticks' labels on the left. */
double plot_left(const struct axis *y);

/* The x axis over the range with as many ticks as have room between left and right, so that labels never touch. */
struct axis plot_x_axis(struct range range, double width);

/* Grid, ticks and names; the x axis' name ends at the right, the y axis' stands above it. */
void plot_write(const struct plot *plot, bool has_grid, const char *x_label, const char *y_label, FILE *stream);

/* In place of a plot that would be empty. */
void plot_write_nothing(double width, double y, FILE *stream);

#endif
