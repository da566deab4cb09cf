/* Pieces of HTML: text that cannot break out of its place, and numbers written alike on every machine. */
#ifndef PAGE_HTML_H
#define PAGE_HTML_H

#include <stdio.h>

/* Text as text, fit for an element and for an attribute in double quotes. What is no UTF-8, or no character that
 * HTML takes, is replaced. */
void html_write_text(const char *text, FILE *stream);

/* How a number is shown. */
enum html_number {
    HTML_FIGURE,                /* 0.2345: four digits that count */
    HTML_PERCENT,               /* a share: 93.12 % */
    HTML_COUNT,                 /* 60,000 */
    HTML_EPOCHS,                /* 24.47 */
    HTML_SECONDS,               /* 12.3 s, 2 min 5 s, 1 h 3 min */
};

/* For people, with all its digits for programs: <data value="0.93120000000000003">93.12 %</data>. A dash for NaN. */
void html_write_number(enum html_number kind, double x, FILE *stream);

/* " +- sd" to stand behind a mean, with as many decimals; nothing if one of them is not finite, or if a count is the same in
 * all runs. */
void html_write_spread(enum html_number kind, double mean, double sd, FILE *stream);

/* As html_write_number, without the tag. */
void html_write_plain_number(enum html_number kind, double x, FILE *stream);

#endif
