/* The bytes of a file before it is written. Small pieces are copied in; a large array can be lent, and is then written from
 * where it is, so that a file of many megabytes takes little memory beside the arrays in it. */
#ifndef STORE_IMAGE_H
#define STORE_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "store/file.h"

struct image_loan {
    size_t at, size_bytes;
    const unsigned char *bytes;
};

struct image {                          /* zero it to begin with */
    unsigned char **page;               /* of IMAGE_PAGE_BYTES; NULL: never touched, all 0 */
    size_t pages;
    struct image_loan *loan;            /* ascending, apart from each other; they hide what is in the pages */
    size_t loans, loan_capacity;
};

enum { IMAGE_PAGE_BYTES = 1 << 18 };

/* Copy bytes to place `at`. What was never put is 0. WEFT_OK or WEFT_ENOMEM. */
weft_status image_put(struct image *image, size_t at, const void *bytes, size_t size_bytes);

/* The same without a copy: the bytes must stay as they are for as long as the image is in use. */
weft_status image_lend(struct image *image, size_t at, const void *bytes, size_t size_bytes);

/* Copy bytes out. */
void image_get(const struct image *image, size_t at, void *bytes, size_t size_bytes);

/* The first size_bytes bytes as parts for file_replace_parts, in *part (memory_free it), with room for one more part behind
 * them. They point into the image and what was lent to it. WEFT_OK or WEFT_ENOMEM. */
weft_status image_parts(struct image *image, size_t size_bytes, struct file_part **part, size_t *count);

void image_clear(struct image *image);  /* frees what it owns; it is zero then */

#endif
