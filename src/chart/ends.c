/* See ends.h. */
#include "chart/ends.h"

#include <math.h>

static const double LABEL_HEIGHT = 15, FAR = 34;

/* Names that touch form a cluster, which stands around the mean of what its names want. */
struct cluster { double middle_sum; size_t first, count; };

static double cluster_top(const struct cluster *cluster, double top, double bottom)
{
    double height = LABEL_HEIGHT * (double)cluster->count;
    double y = cluster->middle_sum / (double)cluster->count - height / 2;
    return fmax(top, fmin(y, bottom - height));
}

static void sort_by_y(struct line_end *end, size_t ends)
{
    for (size_t i = 1; i < ends; i++) {
        struct line_end moved = end[i];
        size_t at = i;
        for (; at > 0 && end[at - 1].y > moved.y; at--)
            end[at] = end[at - 1];
        end[at] = moved;
    }
}

bool ends_arrange(struct line_end *end, size_t ends, double top, double bottom)
{
    struct cluster cluster[ENDS_MAX];
    size_t clusters = 0;
    if (ends > ENDS_MAX || (double)ends * LABEL_HEIGHT > bottom - top)
        return false;
    sort_by_y(end, ends);
    for (size_t i = 0; i < ends; i++) {
        cluster[clusters++] = (struct cluster){end[i].y, i, 1};
        while (clusters > 1) {
            struct cluster *upper = &cluster[clusters - 2], *lower = &cluster[clusters - 1];
            double upper_end = cluster_top(upper, top, bottom) + LABEL_HEIGHT * (double)upper->count;
            if (upper_end <= cluster_top(lower, top, bottom) + 1e-9)
                break;
            upper->middle_sum += lower->middle_sum;
            upper->count += lower->count;
            clusters--;
        }
    }
    bool is_near = true;
    for (size_t c = 0; c < clusters; c++)
        for (size_t i = 0; i < cluster[c].count; i++) {
            struct line_end *at = &end[cluster[c].first + i];
            at->label_y = cluster_top(&cluster[c], top, bottom) + LABEL_HEIGHT * ((double)i + 0.5);
            is_near = is_near && fabs(at->label_y - at->y) <= FAR;
        }
    return is_near;
}
