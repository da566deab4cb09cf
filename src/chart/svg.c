/* See svg.h. */
#include "chart/svg.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "chart/label.h"
#include "chart/png.h"
#include "chart/style.h"

enum { TITLE_SIZE = 16, TITLE_LINE = 20, FILE_SCALE_PERCENT = 150 };
static const double BOLD = 1.12;        /* so much wider */

/* ---- numbers and text ---- */

void svg_number(double x, FILE *stream)
{
    int64_t hundredths = isfinite(x) ? (int64_t)llround(fmin(fmax(x, -1e9), 1e9) * 100) : 0;
    uint64_t magnitude = (uint64_t)(hundredths < 0 ? -hundredths : hundredths), rest = magnitude % 100;
    fprintf(stream, "%s%" PRIu64, hundredths < 0 ? "-" : "", magnitude / 100);
    if (rest % 10 != 0)
        fprintf(stream, ".%02" PRIu64, rest);
    else if (rest != 0)
        fprintf(stream, ".%" PRIu64, rest / 10);
}

/* Bytes of the character at text if it is well-formed UTF-8 and a character that XML allows; else 0. */
static size_t valid_bytes(const unsigned char *text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t bytes = text[0] < 0x80 ? 1 : text[0] >= 0xf8 ? 0 : text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : text[0] >= 0xc0 ? 2 : 0;
    uint32_t code = bytes > 1 ? text[0] & (0x7fu >> bytes) : text[0];
    for (size_t i = 1; i < bytes; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3f);
    }
    bool is_character = (code >= 0x20 && code < 0xd800 && code != 0x7f) || (code >= 0xe000 && code < 0xfffe) ||
                        (code >= 0x10000 && code < 0x110000);
    return is_character && code >= least[bytes] ? bytes : 0;
}

void svg_escaped(const char *text, FILE *stream)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0';) {
        size_t bytes = valid_bytes(at);
        if (*at == '<' || *at == '>' || *at == '&' || *at == '"')
            fputs(*at == '<' ? "&lt;" : *at == '>' ? "&gt;" : *at == '&' ? "&amp;" : "&quot;", stream);
        else if (bytes > 0)
            fwrite(at, 1, bytes, stream);
        else
            fputs(*at < 0x80 ? " " : "\xef\xbf\xbd", stream);           /* U+FFFD */
        at += bytes > 0 ? bytes : 1;
    }
}

static void attribute(const char *name, double value, FILE *stream)
{
    fprintf(stream, " %s=\"", name);
    svg_number(value, stream);
    fputc('"', stream);
}

static void box(double x, double y, double width, double height, FILE *stream)
{
    attribute("x", x, stream);
    attribute("y", y, stream);
    attribute("width", width, stream);
    attribute("height", height, stream);
}

static void note_write(const char *note, FILE *stream)
{
    if (note == NULL)
        return;
    fputs("<title>", stream);
    svg_escaped(note, stream);
    fputs("</title>", stream);
}

/* ---- the whole ---- */

/* Writes the title's lines if a stream is given; returns the height of all. */
static double title_lines(const char *title, double width, FILE *stream)
{
    double y = 0;
    while (*title == ' ')
        title++;
    while (*title != '\0') {
        char line[LABEL_BYTES_MAX];
        size_t bytes = label_line(title, TITLE_SIZE * BOLD, width);
        snprintf(line, sizeof line, "%.*s", (int)(bytes < sizeof line ? bytes : sizeof line - 1), title);
        if (stream != NULL)
            svg_text("title", SVG_START, 0, y + 15, line, stream);
        y += TITLE_LINE;
        for (title += bytes; *title == ' '; title++)
            ;
    }
    return y > 0 ? y + 6 : 0;
}

double svg_head_height(const struct chart_frame *frame, double width)
{
    return title_lines(frame->title, width, NULL);
}

void svg_open(const struct chart_frame *frame, double width, double height, FILE *stream)
{
    bool in_file = frame->place == CHART_IN_FILE;
    double margin = in_file ? 12 : 0;                   /* a page has margins of its own */
    fprintf(stream, "<svg class=\"chart\" role=\"img\" aria-labelledby=\"%s-title %s-desc\"", frame->id, frame->id);
    if (in_file)
        fputs(" xmlns=\"http://www.w3.org/2000/svg\"", stream);
    fputs(" viewBox=\"", stream);
    const double view[] = {-margin, -margin, width + 2 * margin, height + 2 * margin};
    for (size_t i = 0; i < 4; i++) {
        fputs(i > 0 ? " " : "", stream);
        svg_number(view[i], stream);
    }
    fputc('"', stream);
    if (in_file) {
        attribute("width", view[2] * FILE_SCALE_PERCENT / 100, stream);
        attribute("height", view[3] * FILE_SCALE_PERCENT / 100, stream);
    }
    fprintf(stream, ">\n<title id=\"%s-title\">", frame->id);
    svg_escaped(frame->title, stream);
    fprintf(stream, "</title>\n<desc id=\"%s-desc\">", frame->id);
    svg_escaped(frame->description, stream);
    fputs("</desc>\n", stream);
    if (in_file) {
        fputs("<style>\n", stream);
        style_write_light(stream);
        fputs("</style>\n", stream);
        svg_rect("paper", view[0], view[1], view[2], view[3], stream);
    }
    title_lines(frame->title, width, stream);
}

void svg_close(FILE *stream)
{
    fputs("</svg>\n", stream);
}

/* ---- its parts ---- */

void svg_text(const char *class, enum svg_anchor anchor, double x, double y, const char *text, FILE *stream)
{
    static const char *const anchored[] = {"", " text-anchor=\"middle\"", " text-anchor=\"end\""};
    fprintf(stream, "<text class=\"%s\"%s", class, anchored[anchor]);
    attribute("x", x, stream);
    attribute("y", y, stream);
    fputc('>', stream);
    svg_escaped(text, stream);
    fputs("</text>\n", stream);
}

void svg_text_rising(const char *class, double x, double y, const char *text, FILE *stream)
{
    fprintf(stream, "<text class=\"%s\" transform=\"translate(", class);
    svg_number(x, stream);
    fputc(' ', stream);
    svg_number(y, stream);
    fputs(") rotate(-45)\">", stream);
    svg_escaped(text, stream);
    fputs("</text>\n", stream);
}

void svg_line(const char *class, double x1, double y1, double x2, double y2, FILE *stream)
{
    fprintf(stream, "<line class=\"%s\"", class);
    attribute("x1", x1, stream);
    attribute("y1", y1, stream);
    attribute("x2", x2, stream);
    attribute("y2", y2, stream);
    fputs("/>\n", stream);
}

void svg_rect(const char *class, double x, double y, double width, double height, FILE *stream)
{
    fprintf(stream, "<rect class=\"%s\"", class);
    box(x, y, width, height, stream);
    fputs("/>\n", stream);
}

void svg_shade(const char *class, double share, double x, double y, double width, double height, const char *note, FILE *stream)
{
    fprintf(stream, "<rect class=\"%s\"", class);
    box(x, y, width, height, stream);
    attribute("fill-opacity", share, stream);
    fputc('>', stream);
    note_write(note, stream);
    fputs("</rect>\n", stream);
}

void svg_marker(size_t colour, double x, double y, FILE *stream)
{
    static const struct { size_t corners; double at[4][2]; } shape[] = {
        {0, {{0}}},
        {4, {{-3.2, -3.2}, {3.2, -3.2}, {3.2, 3.2}, {-3.2, 3.2}}},
        {3, {{0, -4.6}, {4.3, 3.3}, {-4.3, 3.3}}},
        {4, {{0, -4.7}, {4.7, 0}, {0, 4.7}, {-4.7, 0}}},
        {3, {{0, 4.6}, {4.3, -3.3}, {-4.3, -3.3}}},
    };
    size_t c = colour % CHART_COLOURS, s = c % (sizeof shape / sizeof *shape);
    if (shape[s].corners == 0) {
        fprintf(stream, "<circle class=\"marker c%zu\"", c);
        attribute("cx", x, stream);
        attribute("cy", y, stream);
        fputs(" r=\"3.7\"/>\n", stream);
        return;
    }
    fprintf(stream, "<path class=\"marker c%zu\" d=\"", c);
    for (size_t i = 0; i < shape[s].corners; i++)
        svg_path_to(i > 0, x + shape[s].at[i][0], y + shape[s].at[i][1], stream);
    fputs("Z\"/>\n", stream);
}

void svg_path_open(const char *class, FILE *stream)
{
    fprintf(stream, "<path class=\"%s\" d=\"", class);
}

void svg_path_to(bool draw, double x, double y, FILE *stream)
{
    fputc(draw ? 'L' : 'M', stream);
    svg_number(x, stream);
    fputc(' ', stream);
    svg_number(y, stream);
}

void svg_path_close(FILE *stream)
{
    fputs("\"/>\n", stream);
}

void svg_picture(const uint8_t *png, size_t size_bytes, double x, double y, double width, double height, FILE *stream)
{
    fputs("<image class=\"pixels\" preserveAspectRatio=\"none\" image-rendering=\"pixelated\"", stream);
    box(x, y, width, height, stream);
    fputs(" href=\"data:image/png;base64,", stream);
    png_write_base64(png, size_bytes, stream);
    fputs("\"/>\n", stream);
}

void svg_mask(const char *id, const char *class, const uint8_t *png, size_t size_bytes, double x, double y, double width,
              double height, FILE *stream)
{
    fprintf(stream, "<mask id=\"%s-%s\" maskUnits=\"userSpaceOnUse\"", id, class);
    box(x, y, width, height, stream);
    fputs(">\n", stream);
    svg_picture(png, size_bytes, x, y, width, height, stream);
    fprintf(stream, "</mask>\n<g mask=\"url(#%s-%s)\">\n", id, class);
    svg_rect(class, x, y, width, height, stream);
    fputs("</g>\n", stream);
}

void svg_group_open(const char *class, const char *note, FILE *stream)
{
    fprintf(stream, "<g class=\"%s\">", class);
    note_write(note, stream);
    fputc('\n', stream);
}

void svg_group_close(FILE *stream)
{
    fputs("</g>\n", stream);
}
