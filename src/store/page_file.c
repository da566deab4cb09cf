/* Pages and charts as files. */
#include <stdio.h>

#include "base/error.h"
#include "store/file.h"
#include "weft/page.h"

weft_status weft_page_save(const char *path, const char *page, size_t size_bytes)
{
    return file_replace(path, page, size_bytes);
}

weft_status weft_page_save_chart(const char *directory, const char *name, const char *svg, size_t size_bytes)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s.svg", directory, name) >= (int)sizeof path)
        return error_set(WEFT_ECREATE, "write chart %s: the path of its directory is too long", name);
    weft_status st = file_make_directory(directory);
    if (st == WEFT_OK)
        st = file_replace(path, svg, size_bytes);
    return st == WEFT_OK ? st : error_context(st, "write chart %s", name);
}
