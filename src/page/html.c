/* See html.h. The caller has set a locale with a decimal point. */
#include "page/html.h"

#include <inttypes.h>
#include <math.h>

#include "chart/number.h"
#include "chart/svg.h"

#define THIN_SPACE "\xe2\x80\xaf"       /* U+202F: no line break at it */
#define MINUS "\xe2\x88\x92"
#define EN_DASH "\xe2\x80\x93"
#define INFINITY_SIGN "\xe2\x88\x9e"

void html_write_text(const char *text, FILE *stream)
{
    svg_escaped(text, stream);                                  /* what XML takes, HTML takes */
}

static void write_count(double x, FILE *stream)
{
    char digits[NUMBER_BYTES_MAX];
    struct text text = {digits, sizeof digits, 0};
    number_add_count(&text, (uint64_t)(fmin(fabs(x), 1e18) + 0.5));
    fprintf(stream, "%s%s", x <= -0.5 ? MINUS : "", digits);
}

/* Digits behind the point with which four or five digits of x count; -1: too large or too small, it needs an exponent. */
static int decimals_of(double x)
{
    static const struct { double below; int decimals; } range[] = {{1e-4, -1}, {0.01, 6}, {10, 4}, {100, 3}, {1000, 2}, {10000, 1}};
    double magnitude = fabs(x);
    for (size_t i = 0; i < sizeof range / sizeof *range; i++)
        if (magnitude < range[i].below)
            return magnitude == 0 ? 0 : range[i].decimals;
    return magnitude < 1e9 ? 0 : -1;
}

static void write_figure(double x, int decimals, FILE *stream)
{
    if (decimals == 0)
        write_count(x, stream);
    else
        fprintf(stream, decimals < 0 ? "%s%.*e" : "%s%.*f", x < 0 ? MINUS : "", decimals < 0 ? 2 : decimals, fabs(x));
}

static void write_seconds(double x, FILE *stream)
{
    uint64_t whole = x < 1e15 ? (uint64_t)(x + 0.5) : (uint64_t)1e15;
    if (x < 60)
        fprintf(stream, x < 10 ? "%.2f" THIN_SPACE "s" : "%.1f" THIN_SPACE "s", x);
    else if (whole < 3600)
        fprintf(stream, "%" PRIu64 THIN_SPACE "min %" PRIu64 THIN_SPACE "s", whole / 60, whole % 60);
    else
        fprintf(stream, "%" PRIu64 THIN_SPACE "h %" PRIu64 THIN_SPACE "min", whole / 3600, whole % 3600 / 60);
}

void html_write_plain_number(enum html_number kind, double x, FILE *stream)
{
    if (isnan(x))
        fputs(EN_DASH, stream);
    else if (isinf(x))
        fputs(x > 0 ? INFINITY_SIGN : MINUS INFINITY_SIGN, stream);
    else if (kind == HTML_PERCENT)
        fprintf(stream, "%s%.2f" THIN_SPACE "%%", x <= -0.5e-4 ? MINUS : "", 100 * fabs(x));
    else if (kind == HTML_COUNT)
        write_count(x, stream);
    else if (kind == HTML_EPOCHS && x >= 0)
        fprintf(stream, "%.2f", x);
    else if (kind == HTML_SECONDS && x >= 0)
        write_seconds(x, stream);
    else
        write_figure(x, decimals_of(x), stream);
}

void html_write_number(enum html_number kind, double x, FILE *stream)
{
    if (isfinite(x))
        fprintf(stream, "<data value=\"%.17g\">", x);
    html_write_plain_number(kind, x, stream);
    if (isfinite(x))
        fputs("</data>", stream);
}

void html_write_spread(enum html_number kind, double mean, double sd, FILE *stream)
{
    bool is_the_same = sd == 0 && (kind == HTML_COUNT || kind == HTML_EPOCHS);  /* as planned, say */
    if (!isfinite(mean) || !isfinite(sd) || is_the_same)
        return;
    fprintf(stream, " <span class=\"spread\">\xc2\xb1\xc2\xa0<data value=\"%.17g\">", sd);
    if (kind == HTML_FIGURE)
        write_figure(sd, decimals_of(mean), stream);
    else
        html_write_plain_number(kind, sd, stream);
    fputs("</data></span>", stream);
}
