/* A line chart of a page, put together series by series, with a table of its numbers below it.
 *
 *     struct lines lines = lines_begin(page, 3);
 *     double *x = lines_add(&lines, "train", 0, count);
 *     if (x != NULL) ... x[i] = ..., x[count + i] = y ...
 *     lines_end(&lines, &look);                                                                                        */
#ifndef PAGE_LINES_H
#define PAGE_LINES_H

#include "page/page.h"

/* What the chart says of itself. */
struct lines_look {
    const char *name;                   /* its id, and its file's name */
    const char *title, *description, *y_label;
    enum chart_number number;
    bool is_logarithmic, has_zero;
};

struct lines {
    struct page *page;
    size_t most, count;
    struct chart_series *serie;         /* most; each with a name and points of its own */
    double **points;                    /* most */
};

/* Room for at most so many series. */
struct lines lines_begin(struct page *page, size_t most);

/* The next series. Returns 2 x count numbers to be filled: all x, ascending, then all y. NULL if memory is short (the page's status
 * says so) or the page has failed before. */
double *lines_add(struct lines *lines, const char *name, size_t colour, size_t count);

/* The latest series gets a band. Returns 2 x count numbers to be filled: its lower ends, then its upper ones. NULL as above. */
double *lines_add_band(struct lines *lines);

/* The latest series is drawn behind the others, and is not among the numbers. */
void lines_is_faint(struct lines *lines);

/* Write the chart unless there is not one point in it, and free everything. */
void lines_end(struct lines *lines, const struct lines_look *look);

#endif
