/* Pages for what is copied, a short list for what is lent. */
#include "store/image.h"

#include <string.h>

#include "base/memory.h"

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The place from the start of which, or inside which, `at` is; loans if it is behind them all. */
static size_t loan_from(const struct image *image, size_t at)
{
    size_t i = 0;
    while (i < image->loans && image->loan[i].at + image->loan[i].size_bytes <= at)
        i++;
    return i;
}

static unsigned char *page_of(struct image *image, size_t at)
{
    size_t number = at / IMAGE_PAGE_BYTES;
    if (number >= image->pages) {
        size_t pages = number + number / 2 + 16;
        unsigned char **grown = memory_grow(image->page, image->pages, pages, sizeof *grown);
        if (grown == NULL)
            return NULL;
        image->page = grown;
        image->pages = pages;
    }
    if (image->page[number] == NULL)
        image->page[number] = memory_new(IMAGE_PAGE_BYTES, 1);
    return image->page[number];
}

static weft_status copy_in(struct image *image, size_t at, const unsigned char *bytes, size_t size_bytes)
{
    for (size_t done = 0, n; done < size_bytes; done += n) {
        unsigned char *page = page_of(image, at + done);
        size_t offset = (at + done) % IMAGE_PAGE_BYTES;
        n = smaller(size_bytes - done, IMAGE_PAGE_BYTES - offset);
        if (page == NULL)
            return WEFT_ENOMEM;
        memcpy(page + offset, bytes + done, n);
    }
    return WEFT_OK;
}

/* Does anything lent lie in these bytes? Then take it back, with a copy. */
static weft_status take_back(struct image *image, size_t at, size_t size_bytes)
{
    size_t i = loan_from(image, at);
    while (i < image->loans && image->loan[i].at < at + size_bytes) {
        const struct image_loan *loan = &image->loan[i];
        weft_status st = copy_in(image, loan->at, loan->bytes, loan->size_bytes);
        if (st != WEFT_OK)
            return st;
        image->loans--;
        memmove(&image->loan[i], &image->loan[i + 1], (image->loans - i) * sizeof *image->loan);
    }
    return WEFT_OK;
}

weft_status image_put(struct image *image, size_t at, const void *bytes, size_t size_bytes)
{
    weft_status st = take_back(image, at, size_bytes);
    return st == WEFT_OK ? copy_in(image, at, bytes, size_bytes) : st;
}

weft_status image_lend(struct image *image, size_t at, const void *bytes, size_t size_bytes)
{
    weft_status st = take_back(image, at, size_bytes);
    if (st != WEFT_OK)
        return st;
    if (image->loans == image->loan_capacity) {
        size_t capacity = 2 * image->loan_capacity + 16;
        struct image_loan *grown = memory_grow(image->loan, image->loans, capacity, sizeof *grown);
        if (grown == NULL)
            return WEFT_ENOMEM;
        image->loan = grown;
        image->loan_capacity = capacity;
    }
    size_t i = loan_from(image, at);
    memmove(&image->loan[i + 1], &image->loan[i], (image->loans - i) * sizeof *image->loan);
    image->loan[i] = (struct image_loan){at, size_bytes, bytes};
    image->loans++;
    return WEFT_OK;
}

/* The longest stretch from `at` on, at most size_bytes, that lies in one place. NULL: zeros. */
static const unsigned char *stretch(const struct image *image, size_t at, size_t *size_bytes)
{
    size_t i = loan_from(image, at), number = at / IMAGE_PAGE_BYTES, offset = at % IMAGE_PAGE_BYTES;
    const struct image_loan *loan = i < image->loans ? &image->loan[i] : NULL;
    if (loan != NULL && loan->at <= at) {
        *size_bytes = smaller(*size_bytes, loan->at + loan->size_bytes - at);
        return loan->bytes + (at - loan->at);
    }
    *size_bytes = smaller(*size_bytes, IMAGE_PAGE_BYTES - offset);
    if (loan != NULL)
        *size_bytes = smaller(*size_bytes, loan->at - at);
    return number < image->pages && image->page[number] != NULL ? image->page[number] + offset : NULL;
}

void image_get(const struct image *image, size_t at, void *bytes, size_t size_bytes)
{
    for (size_t done = 0, n; done < size_bytes; done += n) {
        n = size_bytes - done;
        const unsigned char *from = stretch(image, at + done, &n);
        if (from != NULL)
            memcpy((unsigned char *)bytes + done, from, n);
        else
            memset((unsigned char *)bytes + done, 0, n);
    }
}

weft_status image_parts(struct image *image, size_t size_bytes, struct file_part **part, size_t *count)
{
    /* a part begins where a page does, a loan does, or a loan ends; and one more is the caller's */
    struct file_part *parts = memory_new(size_bytes / IMAGE_PAGE_BYTES + 2 * image->loans + 2, sizeof *parts);
    if (parts == NULL)
        return WEFT_ENOMEM;
    *count = 0;
    for (size_t done = 0, n; done < size_bytes; done += n) {
        n = size_bytes - done;
        const unsigned char *bytes = stretch(image, done, &n);
        if (bytes == NULL && page_of(image, done) != NULL)          /* zeros: it needs a page after all */
            bytes = stretch(image, done, &n);
        if (bytes == NULL) {
            memory_free(parts);
            return WEFT_ENOMEM;
        }
        parts[(*count)++] = (struct file_part){bytes, n};
    }
    *part = parts;
    return WEFT_OK;
}

void image_clear(struct image *image)
{
    for (size_t i = 0; i < image->pages; i++)
        memory_free(image->page[i]);
    memory_free(image->page);
    memory_free(image->loan);
    *image = (struct image){0};
}
