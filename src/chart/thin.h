/* Which points of a long line are drawn. */
#ifndef CHART_THIN_H
#define CHART_THIN_H

#include <stdbool.h>
#include <stddef.h>

#define THIN_BREAK ((size_t)-1)         /* among the kept: here the line is broken */

/* How many entries thin_line may keep. */
size_t thin_capacity(size_t count, size_t columns);

/* Choose from count points, x ascending, those that show the same line on so many columns between low and high: of each column the
 * first, the least, the greatest and the last; all of them if they are few. Points that are not finite (or have y <= 0, if the
 * axis is logarithmic) are not kept; a line is broken at them, after the column's other points. kept: thin_capacity entries,
 * indices ascending and THIN_BREAK. Returns how many. */
size_t thin_line(size_t count, const double *x, const double *y, bool is_logarithmic, double low, double high, size_t columns,
                 size_t *kept);

#endif
