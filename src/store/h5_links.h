/* What is in a group of an HDF5 file. */
#ifndef STORE_H5_LINKS_H
#define STORE_H5_LINKS_H

#include "store/h5.h"

struct h5_link {
    char *name;
    H5L_type_t type;
    int64_t made;                       /* its place in the order in which the group's links were made */
};

struct h5_links {
    size_t count, capacity;
    struct h5_link *link;
};

/* All links of a group, in the order in which they were made if the group knows it, else by name; links is all zero before.
 * path is for messages; more than `most` links are refused. WEFT_OK; WEFT_EDAMAGED, WEFT_ENOMEM. Free them in any case. */
weft_status h5_links_read(hid_t group, const char *path, size_t most, struct h5_links *links);
void h5_links_free(struct h5_links *links);

#endif
