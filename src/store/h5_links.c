/* libhdf5 could sort the links itself. For that 1.10 makes a list as long as the group says that it is, and when it finds fewer
 * links, or one that cannot be decoded, it frees names in that list which it has never set. So they are taken as they come, after
 * a look for a name that none has: at that, links in the group's header are all decoded, and a failure is no more than one. */
#include "store/h5_links.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

struct listing {
    struct h5_links *links;
    const char *path;
    size_t most;
    bool has_order;                     /* every link so far has its place */
    weft_status status;
};

static weft_status link_add(struct listing *listing, const char *name, const H5L_info_t *info)
{
    struct h5_links *links = listing->links;
    if (links->count == listing->most)
        return error_set(WEFT_EDAMAGED, "read %s: more objects and attributes than the file can hold", listing->path);
    if (links->count == links->capacity) {
        size_t capacity = links->capacity == 0 ? 16 : 2 * links->capacity;
        struct h5_link *grown = memory_grow(links->link, links->count, capacity, sizeof *grown);
        if (grown == NULL)
            return WEFT_ENOMEM;
        links->link = grown;
        links->capacity = capacity;
    }
    char *copy = memory_string(name);
    if (copy == NULL)
        return WEFT_ENOMEM;
    links->link[links->count++] = (struct h5_link){.name = copy, .type = info->type, .made = info->corder};
    listing->has_order = listing->has_order && info->corder_valid;
    return WEFT_OK;
}

static herr_t visit(hid_t group, const char *name, const H5L_info_t *info, void *own)
{
    struct listing *listing = own;
    (void)group;
    listing->status = link_add(listing, name, info);
    return listing->status == WEFT_OK ? 0 : -1;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct h5_link *)a)->name, ((const struct h5_link *)b)->name);
}

static int by_order(const void *a, const void *b)
{
    int64_t x = ((const struct h5_link *)a)->made, y = ((const struct h5_link *)b)->made;
    return x != y ? (x > y) - (x < y) : by_name(a, b);
}

weft_status h5_links_read(hid_t group, const char *path, size_t most, struct h5_links *links)
{
    struct listing listing = {.links = links, .path = path, .most = most, .has_order = true};
    htri_t is_there = H5Lexists(group, H5_NO_NAME, H5P_DEFAULT);
    if (is_there > 0)
        return error_set(WEFT_EDAMAGED, "list group %s: a name of one control character", path);
    if (is_there < 0
        || (H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, visit, &listing) < 0 && listing.status == WEFT_OK))
        return h5_failed(WEFT_EDAMAGED, "list group %s", path);
    if (listing.status == WEFT_OK && links->count > 1)
        qsort(links->link, links->count, sizeof *links->link, listing.has_order ? by_order : by_name);
    return listing.status;
}

void h5_links_free(struct h5_links *links)
{
    for (size_t i = 0; i < links->count; i++)
        memory_free(links->link[i].name);
    memory_free(links->link);
    *links = (struct h5_links){0};
}
