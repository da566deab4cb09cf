/* Charts of a page: each stands in a figure, and goes as a file to who asked for the charts. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "page/page.h"

/* A chart of any kind; place says where it goes. */
typedef weft_status (*chart_writer)(const void *chart, enum chart_place place, FILE *stream);

struct chart_frame page_frame(const struct page *page, char id[PAGE_ID_SIZE_BYTES], const char *name, const char *title,
                              const char *description)
{
    int length = snprintf(id, PAGE_ID_SIZE_BYTES, "%s%s", page->prefix, name);
    for (int i = 0; i < length && id[i] != '\0'; i++)
        if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-", id[i]) == NULL)
            id[i] = '-';
    return (struct chart_frame){CHART_IN_PAGE, id, title, description};
}

/* The same chart as a text of its own, for the caller of the page. */
static weft_status hand_over(const struct page *page, const char *id, chart_writer write, const void *chart)
{
    char *svg = NULL;
    size_t size_bytes = 0;
    FILE *stream = open_memstream(&svg, &size_bytes);
    if (stream == NULL)
        return error_set(WEFT_ENOMEM, "draw chart %s: not enough memory", id);
    weft_status st = write(chart, CHART_IN_FILE, stream);
    if (fclose(stream) != 0 && st == WEFT_OK)
        st = error_set(WEFT_ENOMEM, "draw chart %s: not enough memory", id);
    if (st == WEFT_OK)
        st = page->options->chart(page->options->context, id, svg, size_bytes);
    free(svg);                                                  /* open_memstream's */
    return st;
}

static void figure_begin(struct page *page, const struct chart_frame *frame, chart_writer write, const void *chart)
{
    fputs("<div class=\"plate\"><figure>\n", page->stream);
    if (page->status == WEFT_OK)
        page->status = write(chart, CHART_IN_PAGE, page->stream);
    if (page->status == WEFT_OK && page->options->chart != NULL)
        page->status = hand_over(page, frame->id, write, chart);
    fputs("<figcaption>", page->stream);
    html_write_text(frame->description, page->stream);
    fputs("</figcaption></figure>\n", page->stream);
}

void page_figure_end(struct page *page)
{
    fputs("</div>\n", page->stream);
}

/* ---- the kinds ---- */

#define DEFINE_CHART(kind)                                                                                      \
    static weft_status write_##kind(const void *chart, enum chart_place place, FILE *stream)                    \
    {                                                                                                           \
        struct chart_##kind placed = *(const struct chart_##kind *)chart;                                       \
        placed.frame.place = place;                                                                             \
        return chart_write_##kind(&placed, stream);                                                             \
    }                                                                                                           \
    void page_##kind##_begin(struct page *page, const struct chart_##kind *chart)                               \
    {                                                                                                           \
        figure_begin(page, &chart->frame, write_##kind, chart);                                                 \
    }

DEFINE_CHART(lines)
DEFINE_CHART(histograms)
DEFINE_CHART(confusion)
DEFINE_CHART(bars)
DEFINE_CHART(pictures)

/* ---- the numbers below ---- */

size_t page_numbers_shown(size_t all)
{
    return all < PAGE_NUMBERS_MAX ? all : PAGE_NUMBERS_MAX;
}

size_t page_numbers_row(size_t i, size_t all)
{
    return all <= PAGE_NUMBERS_MAX ? i : i * (all - 1) / (PAGE_NUMBERS_MAX - 1);
}

void page_numbers_begin(struct page *page, const char *title, size_t all)
{
    char caption[256];
    size_t shown = page_numbers_shown(all);
    fputs("<details class=\"numbers\"><summary>Numbers<span class=\"hidden\"> of ", page->stream);
    html_write_text(title, page->stream);
    fputs("</span></summary>\n", page->stream);
    if (shown < all)
        snprintf(caption, sizeof caption, "%s: %zu of %zu rows, evenly spread", title, shown, all);
    else
        snprintf(caption, sizeof caption, "%s", title);
    page_table_begin(page, caption);
}

void page_numbers_end(struct page *page)
{
    page_table_end(page);
    fputs("</details>\n", page->stream);
}
