/* Tables of a page. */
#include "page/page.h"

static void close_row(struct page *page)
{
    static const char *const end[] = {
        [PAGE_TABLE_EMPTY] = "", [PAGE_TABLE_HEAD] = "</tr></thead>\n<tbody>\n", [PAGE_TABLE_ROW] = "</tr>\n"};
    fputs(end[page->table], page->stream);
    page->table = PAGE_TABLE_ROW;
}

void page_table_begin(struct page *page, const char *caption)
{
    fputs("<div class=\"scroll\" role=\"group\" tabindex=\"0\" aria-label=\"", page->stream);
    html_write_text(caption, page->stream);
    fputs("\"><table>\n<caption>", page->stream);
    html_write_text(caption, page->stream);
    fputs("</caption>\n", page->stream);
    page->table = PAGE_TABLE_EMPTY;
}

void page_table_end(struct page *page)
{
    close_row(page);
    fputs("</tbody></table></div>\n", page->stream);
    page->table = PAGE_TABLE_EMPTY;
}

static void write_head(struct page *page, const char *attributes, const char *text)
{
    fprintf(page->stream, "%s<th scope=\"col\"%s>", page->table == PAGE_TABLE_EMPTY ? "<thead><tr>" : "", attributes);
    html_write_text(text, page->stream);
    fputs("</th>", page->stream);
    page->table = PAGE_TABLE_HEAD;
}

void page_head(struct page *page, const char *text)
{
    write_head(page, "", text);
}

void page_head_code(struct page *page, const char *text)
{
    write_head(page, " class=\"left\"", text);
}

void page_row(struct page *page, const char *name)
{
    page_row_link(page, name, NULL);
}

void page_row_link(struct page *page, const char *name, const char *target)
{
    close_row(page);
    fputs("<tr><th scope=\"row\">", page->stream);
    if (target != NULL)
        fprintf(page->stream, "<a href=\"#%s\">", target);
    html_write_text(name, page->stream);
    fputs(target != NULL ? "</a></th>" : "</th>", page->stream);
}

void page_row_of_step(struct page *page, double step)
{
    close_row(page);
    fputs("<tr><th scope=\"row\">", page->stream);
    html_write_plain_number(HTML_COUNT, step, page->stream);
    fputs("</th>", page->stream);
}

void page_cell(struct page *page, const char *text)
{
    fputs("<td>", page->stream);
    html_write_text(text, page->stream);
    fputs("</td>", page->stream);
}

void page_cell_code(struct page *page, const char *text)
{
    fputs("<td class=\"code\">", page->stream);
    html_write_text(text, page->stream);
    fputs("</td>", page->stream);
}

void page_cell_number(struct page *page, enum html_number kind, double x)
{
    fputs("<td>", page->stream);
    html_write_number(kind, x, page->stream);
    fputs("</td>", page->stream);
}

void page_cell_plain(struct page *page, enum html_number kind, double x)
{
    fputs("<td>", page->stream);
    html_write_plain_number(kind, x, page->stream);
    fputs("</td>", page->stream);
}

void page_cell_spread(struct page *page, enum html_number kind, double mean, double sd, bool is_best)
{
    fputs(is_best ? "<td class=\"best\">" : "<td>", page->stream);
    html_write_number(kind, mean, page->stream);
    html_write_spread(kind, mean, sd, page->stream);
    fputs("</td>", page->stream);
}
