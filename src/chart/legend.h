/* What the colours stand for: keys with names, in as many lines as they take. */
#ifndef CHART_LEGEND_H
#define CHART_LEGEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum legend_key { LEGEND_LINE, LEGEND_DASHES, LEGEND_FAINT, LEGEND_BOX };

struct legend_entry {
    const char *name;
    size_t colour;
    enum legend_key key;
};

/* Its height at this width, 0 without entries; then itself, its top at y. */
double legend_height(const struct legend_entry *entry, size_t entries, double width);
void legend_write(const struct legend_entry *entry, size_t entries, double width, double y, FILE *stream);

#endif
