/* The charts of a page as files: DIR/<chart>.svg while the page is written, DIR/<chart>.png of them afterwards. */
#ifndef CLI_CHART_FILES_H
#define CLI_CHART_FILES_H

#include <stddef.h>

#include "weft/page.h"

struct chart_files {
    const char *directory;
    size_t count;
    char **name;                        /* count, without ".svg" */
};

/* A weft_page_chart; context is a struct chart_files. */
weft_status chart_files_add(void *context, const char *name, const char *svg, size_t size_bytes);

/* Have rsvg-convert make a PNG of each, which replaces what was there once it is whole. Returns 0, or the exit code after saying
 * what is wrong; the SVGs stay, and the PNGs made until then. */
int chart_files_convert(const struct chart_files *files, const char *verb);

void chart_files_clear(struct chart_files *files);

#endif
