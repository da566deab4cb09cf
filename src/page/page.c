/* The document around the parts of a page: its head and foot, sections, what is folded away. */
#include "page/page.h"

#include <stdarg.h>
#include <stdlib.h>

#include "base/error.h"
#include "page_css.h"                   /* made by the build from page.css */
#include "weft/version.h"

void page_begin(struct page *page, const weft_page_options *options, const char *kind, const char *title, FILE *stream)
{
    static const weft_page_options defaults;
    *page = (struct page){.stream = stream, .options = options != NULL ? options : &defaults, .level = 2};
    page->plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (page->plain == (locale_t)0)
        page->status = error_set(WEFT_ENOMEM, "write a page: not enough memory");
    page->callers = uselocale(page->plain);                     /* of this thread only; 0 changes nothing */
    title = page->options->title != NULL ? page->options->title : title;
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"color-scheme\" content=\"light dark\">\n<title>", stream);
    html_write_text(title, stream);
    fputs("</title>\n<style>\n", stream);
    chart_write_style(stream);
    fprintf(stream, "%s</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n", PAGE_CSS);
    fprintf(stream, "<header>\n<p class=\"kind\">%s</p>\n<h1>", kind);
    html_write_text(title, stream);
    fputs("</h1>\n</header>\n", stream);
}

weft_status page_end(struct page *page)
{
    fputs("</main>\n<footer><p>Written by weft " WEFT_VERSION ". The same files give the same page.</p></footer>\n"
          "</body>\n</html>\n", page->stream);
    uselocale(page->callers);
    if (page->plain != (locale_t)0)
        freelocale(page->plain);
    if (page->status == WEFT_OK && ferror(page->stream))
        page->status = error_set(WEFT_EIO, "write the page: the output stream failed");
    return page->status;
}

/* ---- contents ---- */

void page_contents_begin(struct page *page)
{
    fputs("<nav aria-label=\"Contents\"><ul>\n", page->stream);
}

void page_contents_line(struct page *page, const char *target, const char *text)
{
    fprintf(page->stream, "<li><a href=\"#%s\">", target);
    html_write_text(text, page->stream);
    fputs("</a></li>\n", page->stream);
}

void page_contents_end(struct page *page)
{
    fputs("</ul></nav>\n<main id=\"main\">\n", page->stream);
}

/* ---- parts ---- */

void page_section_begin(struct page *page, const char *name, const char *heading)
{
    fprintf(page->stream, "<section id=\"%s%s\" aria-labelledby=\"%s%s-heading\">\n<h%d id=\"%s%s-heading\">", page->prefix, name,
            page->prefix, name, page->level, page->prefix, name);
    html_write_text(heading, page->stream);
    fprintf(page->stream, "</h%d>\n", page->level);
}

void page_section_end(struct page *page)
{
    fputs("</section>\n", page->stream);
}

void page_grid_begin(struct page *page)
{
    fputs("<div class=\"plates\">\n", page->stream);
}

void page_grid_end(struct page *page)
{
    fputs("</div>\n", page->stream);
}

void page_fold_begin(struct page *page, const char *summary)
{
    fputs("<details class=\"fold\"><summary>", page->stream);
    html_write_text(summary, page->stream);
    fputs("</summary>\n", page->stream);
}

void page_fold_end(struct page *page)
{
    fputs("</details>\n", page->stream);
}

void page_note(struct page *page, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fputs("<p class=\"note\">", page->stream);
    html_write_text(text, page->stream);
    fputs("</p>\n", page->stream);
}
