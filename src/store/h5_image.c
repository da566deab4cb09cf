/* A virtual file driver with no more than the calls that libhdf5 must have. Its flags and its map of memory types are those of
 * libhdf5's core driver, as they decide what lies where in the file. */
#include "store/h5_image.h"

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

#include <stdint.h>

#include "base/memory.h"

enum { LOAN_MIN_BYTES = 1 << 16 };      /* what is smaller is copied */

struct image_file {
    H5FD_t base;                        /* libhdf5's part, which it fills in itself */
    struct h5_image *image;             /* NULL: what is written is of no use to anybody */
    haddr_t end;                        /* of what is allocated; nothing is beyond it */
};

static H5FD_t *image_open(const char *name, unsigned flags, hid_t access, haddr_t address_max)
{
    (void)name; (void)flags; (void)address_max;
    struct h5_image *const *image = H5Pget_driver_info(access);
    struct image_file *file = memory_new(1, sizeof *file);
    if (file == NULL) {
        (*image)->failed = true;
        return NULL;
    }
    file->image = *image;
    (*image)->file = file;
    return &file->base;
}

void h5_image_part(struct h5_image *image)
{
    if (image->file != NULL)
        image->file->image = NULL;                      /* and libhdf5 keeps the driver as well */
    else if (image->driver > 0)
        (void)H5FDunregister(image->driver);
}

static herr_t image_close(H5FD_t *file)
{
    struct image_file *own = (struct image_file *)file;
    if (own->image != NULL)
        own->image->file = NULL;
    memory_free(own);
    return 0;
}

static herr_t image_query(const H5FD_t *file, unsigned long *flags)
{
    (void)file;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE | H5FD_FEAT_AGGREGATE_SMALLDATA;
    return 0;
}

static haddr_t image_end(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const struct image_file *)file)->end;
}

static herr_t image_set_end(H5FD_t *file, H5FD_mem_t type, haddr_t end)
{
    (void)type;
    struct image_file *own = (struct image_file *)file;
    own->end = end;
    if (own->image != NULL && !own->image->complete)
        own->image->end = (size_t)end;
    return 0;
}

static herr_t image_read(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t at, size_t size_bytes, void *bytes)
{
    (void)type; (void)transfer;
    const struct image_file *own = (const struct image_file *)file;
    if (own->image == NULL)
        return -1;
    image_get(&own->image->image, (size_t)at, bytes, size_bytes);
    return 0;
}

static herr_t image_write(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t at, size_t size_bytes, const void *bytes)
{
    (void)type; (void)transfer;
    struct h5_image *image = ((struct image_file *)file)->image;
    if (image == NULL || image->complete)
        return 0;
    uintptr_t from = (uintptr_t)bytes, lent = (uintptr_t)image->lent;
    bool stays = from >= lent && from - lent <= image->lent_bytes && size_bytes <= image->lent_bytes - (from - lent);
    weft_status st = stays && size_bytes >= LOAN_MIN_BYTES ? image_lend(&image->image, (size_t)at, bytes, size_bytes)
                                                            : image_put(&image->image, (size_t)at, bytes, size_bytes);
    if (st != WEFT_OK)
        image->failed = true;
    return 0;
}

static const H5FD_class_t image_driver = {
#ifdef H5FD_CLASS_VERSION
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)H5_VFD_RESERVED,       /* of the numbers that need no registration */
#endif
    .name = "weft_image",
    .maxaddr = (haddr_t)(SIZE_MAX >> 1),
    .fc_degree = H5F_CLOSE_WEAK,
    .fapl_size = sizeof(struct h5_image *),
    .open = image_open,
    .close = image_close,
    .query = image_query,
    .get_eoa = image_end,
    .set_eoa = image_set_end,
    .get_eof = image_end,
    .read = image_read,
    .write = image_write,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

hid_t h5_image_create(struct h5_image *image, hid_t creation, hid_t access)
{
    image->driver = H5FDregister(&image_driver);
    if (image->driver < 0 || H5Pset_driver(access, image->driver, &image) < 0)
        return H5I_INVALID_HID;
    return H5Fcreate("image", H5F_ACC_TRUNC, creation, access);
}
