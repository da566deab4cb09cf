/* Names beside the ends of lines, which say more than a legend where they find room. */
#ifndef CHART_ENDS_H
#define CHART_ENDS_H

#include <stdbool.h>
#include <stddef.h>

enum { ENDS_MAX = 8, ENDS_WIDTH_MAX = 118 };

struct line_end {
    const char *name;
    size_t colour;
    double y;           /* of the line's last point */
    double label_y;     /* of the name's middle; out of ends_arrange */
};

/* Put the names as near to their lines as they can stand without touching each other, between top and bottom; they are sorted by y
 * then. False if one would be too far from its line. */
bool ends_arrange(struct line_end *end, size_t ends, double top, double bottom);

#endif
