/* The style sheet of charts: chart.css, built in. */
#ifndef CHART_STYLE_H
#define CHART_STYLE_H

#include <stdio.h>

/* The rules alone, with the light colours in place of each var(): for a file that programs draw that know no custom properties. */
void style_write_light(FILE *stream);

#endif
