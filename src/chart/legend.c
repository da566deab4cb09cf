/* See legend.h. */
#include "chart/legend.h"

#include <math.h>

#include "chart/label.h"
#include "chart/plot.h"
#include "chart/svg.h"

enum { KEY_WIDTH = 22, BOX_WIDTH = 12, KEY_GAP = 6, ENTRY_GAP = 18, LINE_HEIGHT = 19 };

static void write_key(const struct legend_entry *entry, double x, double y, FILE *stream)
{
    static const char *const more[] = {[LEGEND_LINE] = "", [LEGEND_DASHES] = " dashed", [LEGEND_FAINT] = " faint"};
    char class[48];
    size_t colour = entry->colour % CHART_COLOURS;
    if (entry->key == LEGEND_BOX) {
        snprintf(class, sizeof class, "bar c%zu", colour);
        svg_rect(class, x, y - 10, BOX_WIDTH, 11, stream);
        return;
    }
    snprintf(class, sizeof class, "series%s l%zu", more[entry->key], colour);
    svg_line(class, x, y - 4.5, x + KEY_WIDTH, y - 4.5, stream);
    if (entry->key != LEGEND_FAINT)
        svg_marker(colour, x + KEY_WIDTH / 2.0, y - 4.5, stream);
}

static double key_width(const struct legend_entry *entry)
{
    return (entry->key == LEGEND_BOX ? BOX_WIDTH : KEY_WIDTH) + KEY_GAP;
}

/* Name, which is cut if it is wider than all. */
static const char *entry_name(const struct legend_entry *entry, double width, char cut[LABEL_BYTES_MAX])
{
    return label_fit(entry->name, TEXT_SIZE, width - key_width(entry), cut);
}

static double entry_width(const struct legend_entry *entry, double width)
{
    char cut[LABEL_BYTES_MAX];
    return key_width(entry) + label_width(entry_name(entry, width, cut), TEXT_SIZE) + ENTRY_GAP;
}

/* Writes the entries if a stream is given: on one line, or in columns. Returns the height of all. */
static double lay_out(const struct legend_entry *entry, size_t entries, double width, double top, FILE *stream)
{
    double sum = 0, widest = 0, x = 0, y = top + 13;
    for (size_t i = 0; i < entries; i++) {
        sum += entry_width(&entry[i], width);
        widest = fmax(widest, entry_width(&entry[i], width));
    }
    bool in_columns = sum - ENTRY_GAP > width;
    for (size_t i = 0; i < entries; i++) {
        if (in_columns && x > 0 && x + widest - ENTRY_GAP > width) {
            x = 0;
            y += LINE_HEIGHT;
        }
        if (stream != NULL) {
            char cut[LABEL_BYTES_MAX];
            write_key(&entry[i], x, y, stream);
            svg_text("key", SVG_START, x + key_width(&entry[i]), y, entry_name(&entry[i], width, cut), stream);
        }
        x += in_columns ? widest : entry_width(&entry[i], width);
    }
    return entries > 0 ? y - top + 13 : 0;
}

double legend_height(const struct legend_entry *entry, size_t entries, double width)
{
    return lay_out(entry, entries, width, 0, NULL);
}

void legend_write(const struct legend_entry *entry, size_t entries, double width, double y, FILE *stream)
{
    (void)lay_out(entry, entries, width, y, stream);
}
