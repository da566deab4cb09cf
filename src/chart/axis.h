/* Axes with ticks at round numbers: 1, 2 or 5 times a power of ten. */
#ifndef CHART_AXIS_H
#define CHART_AXIS_H

#include "chart/number.h"

enum { AXIS_TICKS_MAX = 12 };

struct tick {
    double at;
    char label[NUMBER_BYTES_MAX];
};

struct axis {
    bool is_logarithmic;
    double low, high;           /* its ends, low < high; of a logarithmic one above 0 */
    size_t ticks;               /* ascending, all within the ends */
    struct tick tick[AXIS_TICKS_MAX];
};

/* Least and greatest of some values; none yet: RANGE_EMPTY. What is not finite, or in a logarithmic range not above 0, is no
 * value. */
struct range { double low, high; };
#define RANGE_EMPTY ((struct range){INFINITY, -INFINITY})
void range_add(struct range *range, double x, bool is_logarithmic);

/* Whether the axis ends at ticks (3 to 10 of them) or with the values. */
enum axis_ends { AXIS_ENDS_AT_TICKS, AXIS_ENDS_AT_VALUES };

/* A linear axis over the range, with about `wanted` (3 to 8) ticks; 8 give at least 3 even where the ends are the values'. A range
 * of a single value (to 9 digits) is widened; an empty one is 0 to 1. */
struct axis axis_linear(struct range range, enum axis_ends ends, int wanted, enum chart_number kind);

/* A logarithmic axis, its ends at ticks: at powers of ten, at 1, 2, 5, 10, ... or, within less than half a decade, at round
 * steps. */
struct axis axis_logarithmic(struct range range, enum chart_number kind);

/* Where x lies: 0 at the low end and below, 1 at the high one and above. */
double axis_share(const struct axis *axis, double x);

#endif
