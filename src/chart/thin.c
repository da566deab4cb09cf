/* See thin.h. */
#include "chart/thin.h"

#include <math.h>

enum { KEPT_PER_COLUMN = 5 };           /* four points and a break */

struct column { size_t first, least, greatest, last; bool has_points, has_break; };

size_t thin_capacity(size_t count, size_t columns)
{
    return count <= KEPT_PER_COLUMN * columns ? count : KEPT_PER_COLUMN * (columns + 1);
}

static bool is_point(double x, double y, bool is_logarithmic)
{
    return isfinite(x) && isfinite(y) && !(is_logarithmic && y <= 0);
}

static size_t add_break(size_t *kept, size_t length)
{
    if (length > 0 && kept[length - 1] != THIN_BREAK)
        kept[length++] = THIN_BREAK;
    return length;
}

static size_t add_column(const struct column *column, size_t *kept, size_t length)
{
    if (column->has_points) {
        size_t low = column->least < column->greatest ? column->least : column->greatest;
        size_t high = column->least < column->greatest ? column->greatest : column->least;
        kept[length++] = column->first;
        if (low > kept[length - 1])
            kept[length++] = low;
        if (high > kept[length - 1])
            kept[length++] = high;
        if (column->last > kept[length - 1])
            kept[length++] = column->last;
    }
    return column->has_break ? add_break(kept, length) : length;
}

static void column_add(struct column *column, size_t i, const double *y)
{
    if (!column->has_points)
        column->first = column->least = column->greatest = i;
    column->has_points = true;
    column->last = i;
    if (y[i] < y[column->least])
        column->least = i;
    if (y[i] > y[column->greatest])
        column->greatest = i;
}

size_t thin_line(size_t count, const double *x, const double *y, bool is_logarithmic, double low, double high, size_t columns,
                 size_t *kept)
{
    bool all = count <= KEPT_PER_COLUMN * columns;
    size_t length = 0, at = 0;
    struct column column = {0};
    for (size_t i = 0; i < count; i++) {
        if (!is_point(x[i], y[i], is_logarithmic)) {
            if (all)
                length = add_break(kept, length);
            column.has_break = true;
        } else if (all) {
            kept[length++] = i;
        } else {
            double share = fmin(fmax((x[i] - low) / (high - low), 0), 1);
            size_t here = (size_t)(share * (double)columns);            /* columns itself: x at the high end */
            if (here > at) {
                length = add_column(&column, kept, length);
                column = (struct column){0};
                at = here;
            }
            column_add(&column, i, y);
        }
    }
    return all ? length : add_column(&column, kept, length);
}
