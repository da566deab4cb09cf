/* The order in which Weft adds up parts: a pairwise tree. */
#ifndef BASE_TREE_H
#define BASE_TREE_H

#include <stddef.h>

/* For d = 1, 2, 4 ...: part[i] += part[i+d], i a multiple of 2d and i+d < count. In place; returns part[0], or 0 if there
 * is no part. */
static inline double tree_sum(double *part, size_t count)
{
    for (size_t d = 1; d < count; d *= 2)
        for (size_t i = 0; i + d < count; i += 2 * d)
            part[i] += part[i + d];
    return count > 0 ? part[0] : 0;
}

#endif
