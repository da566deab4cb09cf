/* Charts: well-formed in every case, the same bytes each time, and what is drawn is what was given. */
#include <math.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "chart/chart.h"
#include "chart/svg.h"
#include "support.h"

static const char NASTY[] = "a<b> & \"c\" 'd' ü漢 \x01 \xff \xc0\x80 \xed\xa0\x80 end";

/* ---- a stream into memory ---- */

struct page { char *text; size_t length; FILE *stream; };

static FILE *page_open(struct page *page)
{
    page->stream = open_memstream(&page->text, &page->length);
    assert_non_null(page->stream);
    return page->stream;
}

static char *page_text(struct page *page)
{
    assert_int_equal(fclose(page->stream), 0);
    return page->text;
}

static size_t occurrences(const char *text, const char *part)
{
    size_t count = 0;
    while ((text = strstr(text, part)) != NULL) {
        text += strlen(part);
        count++;
    }
    return count;
}

/* ---- is it XML? ---- */

static const char *check_entity(const char *at)
{
    static const char *const entity[] = {"&lt;", "&gt;", "&amp;", "&quot;"};
    for (size_t i = 0; i < COUNT(entity); i++)
        if (strncmp(at, entity[i], strlen(entity[i])) == 0)
            return at + strlen(entity[i]);
    fail_msg("a bare ampersand: %.20s", at);
    return at;
}

/* The attributes of a tag, behind its name: each once, its value in quotes; returns the '>' or "/>". */
static const char *check_attributes(const char *at)
{
    char seen[512] = " ";
    while (*at == ' ') {
        size_t name = strspn(++at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-:");
        char key[64];
        snprintf(key, sizeof key, " %.*s ", (int)name, at);
        assert_true(name > 0 && strncmp(at + name, "=\"", 2) == 0);
        assert_null(strstr(seen, key));
        strcat(seen, key + 1);
        for (at += name + 2; *at != '"';) {
            assert_true(*at != '\0' && *at != '<');
            at = *at == '&' ? check_entity(at) : at + 1;
        }
        at++;
    }
    return at;
}

/* One element after the other, rightly nested, all within one; text without what XML does not allow. */
static void assert_well_formed(const char *text)
{
    char open[32][32];
    size_t depth = 0;
    for (const char *at = text; *at != '\0';) {
        if (*at == '&') {
            at = check_entity(at);
        } else if (*at != '<') {
            assert_true((unsigned char)*at >= 0x20 || *at == '\n');
            assert_true(*at != '>' && (depth > 0 || *at == '\n'));
            at++;
        } else if (at[1] == '/') {
            assert_true(depth-- > 0);
            size_t name = strlen(open[depth]);
            assert_true(strncmp(at + 2, open[depth], name) == 0 && at[2 + name] == '>');
            at += name + 3;
        } else {
            size_t name = strspn(++at, "abcdefghijklmnopqrstuvwxyz");
            assert_true(name > 0 && name < sizeof *open && depth < COUNT(open) && (depth > 0 || at == text + 1));
            snprintf(open[depth++], sizeof *open, "%.*s", (int)name, at);
            at = check_attributes(at + name);
            depth -= *at == '/';
            at += *at == '/';
            assert_int_equal(*at++, '>');
        }
    }
    assert_int_equal(depth, 0);
}

/* ---- charts to try ---- */

enum { POINTS = 5000, CLASSES_MAX = 100, BINS = 8, SIDE = 6 };

struct sample {
    double x[POINTS], y[POINTS], low[POINTS], high[POINTS], edge[3 * (BINS + 1)];
    uint64_t count[CLASSES_MAX * CLASSES_MAX];
    uint8_t rgb[SIDE * SIDE * 3];
    struct chart_series serie[3];
    struct chart_picture picture[2];
    const char *name[CLASSES_MAX];
    size_t size;                                /* of everything: points, columns, classes, groups */
    struct chart_frame frame;
};

/* odd: some values are not finite, or 0, or huge. */
static struct sample *sample_new(size_t size, bool odd, enum chart_place place)
{
    static const double strange[] = {NAN, INFINITY, -INFINITY, 0, -1e308, 1e308, 1e-320};
    struct sample *s = guarded_new(1, sizeof *s);
    struct random random = {size + 1};
    for (size_t i = 0; i < POINTS; i++) {
        s->x[i] = (double)i * 100;
        s->y[i] = odd && i % 5 == 2 ? strange[i / 5 % COUNT(strange)] : random_real(&random, 0.1, 3);
        s->low[i] = s->y[i] - 0.1;
        s->high[i] = odd && i % 7 == 3 ? NAN : s->y[i] + 0.1;
    }
    for (size_t i = 0; i < COUNT(s->edge); i++)
        s->edge[i] = (double)(i % (BINS + 1)) * (double)(1 + i / (BINS + 1)) - 5;
    for (size_t i = 0; i < COUNT(s->count); i++)
        s->count[i] = random_below(&random, 4) == 0 ? random_below(&random, 20000) : 0;
    for (size_t i = 0; i < sizeof s->rgb; i++)
        s->rgb[i] = (uint8_t)random_bits(&random);
    for (size_t i = 0; i < COUNT(s->serie); i++)
        s->serie[i] = (struct chart_series){.colour = 4 * i, .count = size < POINTS ? size : POINTS, .x = s->x, .y = s->y};
    s->serie[0].name = NASTY;
    s->serie[0].low = s->low;
    s->serie[0].high = s->high;
    s->serie[1].name = "test";
    s->serie[1].is_dashed = s->serie[1].has_markers = true;
    s->serie[2].is_faint = true;
    s->picture[0] = (struct chart_picture){NASTY, s->rgb};
    s->picture[1] = (struct chart_picture){NULL, s->rgb};
    for (size_t i = 0; i < COUNT(s->name); i++)
        s->name[i] = i == 1 ? NASTY : "name";
    s->size = size;
    s->frame = (struct chart_frame){place, "sample-1", NASTY, NASTY};
    return s;
}

static size_t at_most(size_t size, size_t most)
{
    return size < most ? size : most;
}

static weft_status write_lines(const struct sample *s, FILE *stream)
{
    struct chart_lines chart = {.frame = s->frame, .x_label = NASTY, .y_label = NASTY, .y_is_logarithmic = s->size % 2 == 0,
                                .y_has_zero = true, .series = COUNT(s->serie), .serie = s->serie};
    return chart_write_lines(&chart, stream);
}

static weft_status write_histograms(const struct sample *s, FILE *stream)
{
    struct chart_histograms chart = {.frame = s->frame, .x_label = NASTY, .y_label = NASTY, .columns = at_most(s->size, 3),
                                     .bins = BINS, .x = s->x, .count = s->y, .edge = s->edge};
    return chart_write_histograms(&chart, stream);
}

static weft_status write_confusion(const struct sample *s, FILE *stream)
{
    struct chart_confusion chart = {.frame = s->frame, .classes = at_most(s->size, CLASSES_MAX), .count = s->count,
                                    .name = s->size % 2 == 0 ? NULL : s->name};
    return chart_write_confusion(&chart, stream);
}

static weft_status write_bars(const struct sample *s, FILE *stream)
{
    struct chart_bars chart = {.frame = s->frame, .y_label = NASTY, .y_number = CHART_NUMBER_PERCENT,
                               .groups = at_most(s->size, CLASSES_MAX), .bars = at_most(s->size, 3),
                               .group_name = s->name, .bar_name = s->name, .value = s->y, .sd = s->high};
    return chart_write_bars(&chart, stream);
}

static weft_status write_pictures(const struct sample *s, FILE *stream)
{
    struct chart_pictures chart = {.frame = s->frame, .height = SIDE, .width = SIDE, .pictures = at_most(s->size, 2),
                                   .picture = s->picture};
    return chart_write_pictures(&chart, stream);
}

typedef weft_status chart_writer(const struct sample *sample, FILE *stream);
static chart_writer *const writer[] = {write_lines, write_histograms, write_confusion, write_bars, write_pictures};

/* ---- what holds for all charts ---- */

static void assert_is_a_chart(const char *text, enum chart_place place)
{
    assert_well_formed(text);
    assert_non_null(strstr(text, "role=\"img\" aria-labelledby=\"sample-1-title sample-1-desc\""));
    assert_non_null(strstr(text, "<title id=\"sample-1-title\">a&lt;b&gt; &amp; &quot;c&quot; 'd' ü漢   \xef\xbf\xbd "));
    assert_null(strstr(text, "\"nan"));
    assert_null(strstr(text, "\"-nan"));
    assert_null(strstr(text, "inf\""));
    assert_null(strstr(text, "-0\""));
    assert_null(strstr(text, "style=\""));
    assert_null(strstr(text, "var("));
    assert_int_equal(occurrences(text, "xmlns="), place == CHART_IN_FILE);
    assert_int_equal(occurrences(text, "<style>"), place == CHART_IN_FILE);
    assert_int_equal(occurrences(text, "class=\"paper\""), place == CHART_IN_FILE);
}

static void all_cases_are_well_formed_and_repeatable(void **state)
{
    (void)state;
    static const size_t size[] = {0, 1, 2, 3, 10, 29, 30, 31, 100, POINTS};
    for (size_t n = 0; n < 4 * COUNT(size); n++) {
        enum chart_place place = n % 2 == 0 ? CHART_IN_PAGE : CHART_IN_FILE;
        struct sample *s = sample_new(size[n / 4], n / 2 % 2 == 1, place);
        for (size_t w = 0; w < COUNT(writer); w++) {
            struct page first, second;
            assert_int_equal(writer[w](s, page_open(&first)), WEFT_OK);
            assert_int_equal(writer[w](s, page_open(&second)), WEFT_OK);
            char *text = page_text(&first), *again = page_text(&second);
            assert_is_a_chart(text, place);
            assert_string_equal(text, again);
            free(again);
            free(text);
        }
        guarded_free(s);
    }
}

static void memory_may_run_out(void **state)
{
    (void)state;
    struct sample *s = sample_new(40, false, CHART_IN_PAGE);
    for (size_t w = 0; w < COUNT(writer); w++) {
        weft_status st = WEFT_ENOMEM;
        for (size_t n = 1; st != WEFT_OK; n++) {
            struct page page;
            page_open(&page);
            memory_fail_from(n);
            st = writer[w](s, page.stream);
            memory_fail_from(0);
            assert_true(st == WEFT_OK || st == WEFT_ENOMEM);
            if (st != WEFT_OK)
                assert_non_null(strstr(weft_last_error(), "draw the chart sample-1: "));
            assert_true(n > 1 || st == WEFT_ENOMEM);
            free(page_text(&page));
        }
    }
    guarded_free(s);
}

/* ---- elements ---- */

static void coordinates_are_short_and_never_minus_zero(void **state)
{
    (void)state;
    static const struct { double x; const char *text; } number[] = {
        {0, "0"}, {-0.0, "0"}, {-0.004, "0"}, {-0.006, "-0.01"}, {1.5, "1.5"}, {12.25, "12.25"}, {-3.999, "-4"}, {100, "100"},
        {0.05, "0.05"}, {NAN, "0"}, {INFINITY, "0"}, {1e300, "1000000000"}};
    for (size_t i = 0; i < COUNT(number); i++) {
        struct page page;
        svg_number(number[i].x, page_open(&page));
        char *text = page_text(&page);
        assert_string_equal(text, number[i].text);
        free(text);
    }
}

static void text_is_escaped(void **state)
{
    (void)state;
    static const struct { const char *given, *written; } text[] = {
        {"a<b>c&d\"e'f", "a&lt;b&gt;c&amp;d&quot;e'f"}, {"tab\tline\n", "tab line "},
        {"\xc3\xbc\xf0\x9f\x98\x80", "\xc3\xbc\xf0\x9f\x98\x80"},
        {"\xff|\xc3|\xc1\xa1|\xe0\x81\xa1",
         "\xef\xbf\xbd|\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, {"\xef\xbf\xbf", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}};
    for (size_t i = 0; i < COUNT(text); i++) {
        struct page page;
        svg_escaped(text[i].given, page_open(&page));
        char *written = page_text(&page);
        assert_string_equal(written, text[i].written);
        free(written);
    }
}

static void style_sheet_defines_what_it_uses(void **state)
{
    (void)state;
    struct page page;
    chart_write_style(page_open(&page));
    char *style = page_text(&page);
    assert_non_null(strstr(style, "prefers-color-scheme: dark"));
    assert_int_equal(occurrences(style, "{"), occurrences(style, "}"));
    size_t used = 0;
    for (const char *at = style; (at = strstr(at, "var(")) != NULL; at++, used++) {
        char name[64];
        snprintf(name, sizeof name, "%.*s:", (int)strcspn(at + 4, ")"), at + 4);
        assert_int_equal(occurrences(style, name), 2);          /* light and dark */
    }
    assert_true(used >= 2 * CHART_COLOURS);
    free(style);
}

/* ---- each kind ---- */

static void lines_break_and_names_stand_at_their_ends(void **state)
{
    (void)state;
    const double x[] = {0, 1, 2, 3, 4}, y[] = {1, 2, NAN, 4, 3};
    const struct chart_series serie[] = {{.name = "first", .count = 5, .x = x, .y = y},
                                         {.name = "first", .colour = 1, .count = 3, .x = x, .y = y}};
    struct chart_lines chart = {.frame = {CHART_IN_PAGE, "c", "t", "d"}, .x_label = "step", .y_label = "loss",
                                .series = 1, .serie = serie};
    struct page page;
    assert_int_equal(chart_write_lines(&chart, page_open(&page)), WEFT_OK);
    char *text = page_text(&page), *path = strstr(text, "class=\"series l0\" d=\"");
    assert_non_null(path);
    path[strcspn(path, "/")] = '\0';
    assert_int_equal(occurrences(path, "M"), 2);
    assert_int_equal(occurrences(path, "L"), 2);
    assert_null(strstr(path, "class=\"key\""));
    free(text);
    chart.series = 2;                                           /* one name: one entry */
    assert_int_equal(chart_write_lines(&chart, page_open(&page)), WEFT_OK);
    text = page_text(&page);
    assert_int_equal(occurrences(text, ">first<"), 1);
    free(text);
}

/* Decode the first picture in text; the caller frees the pixels, one byte each. */
static uint8_t *decode_picture(const char *text, size_t *height, size_t *width)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = strstr(text, "base64,");
    assert_non_null(at);
    size_t length = strcspn(at += strlen("base64,"), "\""), used = 0;
    uint8_t *png = memory_new(length, 1);
    for (size_t i = 0, bits = 0; i < length && at[i] != '='; i++) {
        bits = bits << 6 | (size_t)(strchr(digits, at[i]) - digits);
        if (i % 4 != 0)
            png[used++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
    }
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_memory(&image, png, used));
    image.format = PNG_FORMAT_GRAY;
    uint8_t *pixel = memory_new((size_t)image.height * image.width, 1);
    assert_true(png_image_finish_read(&image, NULL, pixel, 0, NULL));
    *height = image.height;
    *width = image.width;
    memory_free(png);
    return pixel;
}

/* Elements from 0 to 1 at first, from 1 to 2 at the second evaluation; at the third four times as many from 1 to 2 as below. */
static void histograms_lie_on_one_axis(void **state)
{
    (void)state;
    const double x[] = {0, 100, 200}, count[] = {5, 0, 0, 7, 1, 4}, edge[] = {0, 1, 2, 0, 1, 2, 0, 1, 2};
    struct chart_histograms chart = {.frame = {CHART_IN_PAGE, "h", "t", "d"}, .x_label = "step", .y_label = "weight",
                                     .columns = 3, .bins = 2, .x = x, .count = count, .edge = edge};
    struct page page;
    size_t height, width;
    assert_int_equal(chart_write_histograms(&chart, page_open(&page)), WEFT_OK);
    char *text = page_text(&page);
    uint8_t *pixel = decode_picture(text, &height, &width);
    static const int want[2][3] = {{0, 255, 228}, {255, 0, 114}};               /* 255 sqrt(0.8), 255 sqrt(0.2) */
    for (size_t half = 0; half < 2; half++)
        for (size_t c = 0; c < 3; c++) {
            size_t row = half == 0 ? height / 4 : 3 * height / 4, column = c == 0 ? 5 : c == 1 ? width / 2 : width - 5;
            assert_int_equal(pixel[row * width + column], want[half][c]);
        }
    memory_free(pixel);
    free(text);
}

static void confusion_has_counts_and_recall(void **state)
{
    (void)state;
    const uint64_t count[] = {1300, 25, 0, 75};
    const char *const name[] = {"cat", "dog"};
    struct chart_confusion chart = {.frame = {CHART_IN_PAGE, "m", "t", "d"}, .classes = 2, .count = count, .name = name};
    struct page page;
    assert_int_equal(chart_write_confusion(&chart, page_open(&page)), WEFT_OK);
    char *text = page_text(&page);
    assert_int_equal(occurrences(text, "<rect class=\"right\""), 2);
    assert_int_equal(occurrences(text, "<rect class=\"wrong\""), 1);            /* no cell where nothing is */
    assert_non_null(strstr(text, "<title>true cat, predicted dog: 25 (1.89\xc2\xa0%)</title>"));
    assert_non_null(strstr(text, ">1,300<"));
    assert_non_null(strstr(text, ">98.1\xc2\xa0%<"));
    assert_non_null(strstr(text, ">100.0\xc2\xa0%<"));
    free(text);
}

/* A number is dark on a light shade and light on a dark one. */
static void numbers_are_read_on_their_shades(void **state)
{
    (void)state;
    const uint64_t count[] = {900, 100, 0, 600, 400, 0, 950, 0, 50};            /* shades .95 .32, .77 .63, .97 .22 */
    struct chart_confusion chart = {.frame = {CHART_IN_FILE, "m", "t", "d"}, .classes = 3, .count = count};
    struct page page;
    assert_int_equal(chart_write_confusion(&chart, page_open(&page)), WEFT_OK);
    char *text = page_text(&page);
    static const struct { const char *class, *number; } wanted[] = {
        {"small on-shade", "900"}, {"small", "100"}, {"small on-half-shade", "600"}, {"small", "400"}, {"small on-half-shade", "950"},
        {"small", "50"}};
    for (size_t i = 0; i < COUNT(wanted); i++) {
        char class[64], number[16];
        snprintf(class, sizeof class, "<text class=\"%s\"", wanted[i].class);
        snprintf(number, sizeof number, ">%s<", wanted[i].number);
        const char *at = strstr(text, number);
        assert_non_null(at);
        while (strncmp(at, "<text", 5) != 0)
            at--;
        assert_int_equal(strncmp(at, class, strlen(class)), 0);
    }
    free(text);
}

/* However many classes and pixels there are, a chart stays small, and nothing strong in it is lost. */
static void large_charts_stay_small(void **state)
{
    (void)state;
    enum { CLASSES = 1001, PIXELS = 300 };
    uint64_t *count = memory_new((size_t)CLASSES * CLASSES, sizeof *count);
    uint8_t *rgb = memory_new((size_t)PIXELS * PIXELS, 3);
    struct chart_picture picture[256];
    struct page page;
    size_t height, width;
    for (size_t i = 0; i < CLASSES; i++)
        count[i * CLASSES + i] = 5;
    count[500 * CLASSES + 500] = 0;
    count[500 * CLASSES + 7] = 5;
    count[1] = 5;                                               /* shares its pixel with the diagonal, and yields to it */
    struct chart_confusion chart = {.frame = {CHART_IN_PAGE, "m", "t", "d"}, .classes = CLASSES, .count = count};
    assert_int_equal(chart_write_confusion(&chart, page_open(&page)), WEFT_OK);
    char *text = page_text(&page);
    assert_true(strlen(text) < 40000);
    uint8_t *wrong = decode_picture(strstr(text, "id=\"m-wrong\""), &height, &width);
    assert_true(height == 300 && width == 300);
    for (size_t i = 0; i < height * width; i++)
        assert_int_equal(wrong[i], i == 149 * width + 2 ? 255 : 0);
    memory_free(wrong);
    free(text);

    for (size_t i = 0; i < (size_t)PIXELS * PIXELS * 3; i++)
        rgb[i] = (uint8_t)(100 + i % 2 * 20 + i * 2654435761u % 7);             /* hard to compress; its mean is near 113 */
    for (size_t i = 0; i < COUNT(picture); i++)
        picture[i] = (struct chart_picture){NULL, rgb};
    struct chart_pictures pictures = {.frame = {CHART_IN_PAGE, "p", "t", "d"}, .height = PIXELS, .width = PIXELS,
                                      .pictures = COUNT(picture), .picture = picture};
    assert_int_equal(chart_write_pictures(&pictures, page_open(&page)), WEFT_OK);
    text = page_text(&page);
    assert_true(strlen(text) < 5000000);
    free(text);
    pictures.height = 1 << 16;                                                  /* one tall picture of these pixels */
    pictures.width = pictures.pictures = 1;
    assert_int_equal(chart_write_pictures(&pictures, page_open(&page)), WEFT_OK);
    text = page_text(&page);
    assert_non_null(strstr(text, "height=\"480\""));            /* not 65,536 times its width */
    free(text);
    memory_free(count);
    memory_free(rgb);
}

static void bars_say_their_values(void **state)
{
    (void)state;
    const double value[] = {0.9784, NAN, -0.25, 0.5}, sd[] = {0.0021, 0, NAN, NAN};
    const char *const group[] = {"a", "b"}, *const bar[] = {"train", "test"};
    struct chart_bars chart = {.frame = {CHART_IN_PAGE, "b", "t", "d"}, .y_label = "accuracy", .y_number = CHART_NUMBER_PERCENT,
                               .groups = 2, .bars = 2, .group_name = group, .bar_name = bar, .value = value, .sd = sd};
    struct page page;
    assert_int_equal(chart_write_bars(&chart, page_open(&page)), WEFT_OK);
    char *text = page_text(&page);
    assert_int_equal(occurrences(text, "<rect class=\"bar c0\""), 3);           /* one in the legend */
    assert_int_equal(occurrences(text, "<rect class=\"bar c1\""), 2);
    assert_int_equal(occurrences(text, "class=\"whisker\""), 3);
    assert_non_null(strstr(text, ">97.84\xc2\xa0± 0.21\xc2\xa0%<"));
    assert_non_null(strstr(text, ">−25.00\xc2\xa0%<"));
    free(text);

    const double share[] = {1, 0.875, 0.75, 0.5}, wide[] = {0.25, 0.25, 0.25, 0.25};
    chart.value = share;
    chart.sd = wide;
    assert_int_equal(chart_write_bars(&chart, page_open(&page)), WEFT_OK);
    text = page_text(&page);
    assert_non_null(strstr(text, ">100\xc2\xa0%<"));
    assert_null(strstr(text, ">150\xc2\xa0%<"));                       /* a whisker ends where shares do */
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_cases_are_well_formed_and_repeatable),
        cmocka_unit_test(memory_may_run_out),
        cmocka_unit_test(coordinates_are_short_and_never_minus_zero),
        cmocka_unit_test(text_is_escaped),
        cmocka_unit_test(style_sheet_defines_what_it_uses),
        cmocka_unit_test(lines_break_and_names_stand_at_their_ends),
        cmocka_unit_test(histograms_lie_on_one_axis),
        cmocka_unit_test(confusion_has_counts_and_recall),
        cmocka_unit_test(numbers_are_read_on_their_shades),
        cmocka_unit_test(large_charts_stay_small),
        cmocka_unit_test(bars_say_their_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
