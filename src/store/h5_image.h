/* libhdf5's way to an image: a file driver, so that what libhdf5 writes goes into the image and nowhere else. */
#ifndef STORE_H5_IMAGE_H
#define STORE_H5_IMAGE_H

#include <stdbool.h>

#include "store/h5.h"
#include "store/image.h"

struct h5_image {
    struct image image;                 /* of the file; image_clear it, once the file is closed */
    const void *lent;                   /* an array that may be lent to the image: bytes that libhdf5 writes from here stay here */
    size_t lent_bytes;
    bool failed;                        /* memory was short: the image is not whole */
    bool complete;                      /* set it after H5Fflush: what libhdf5 does to close the file is not to show */
    size_t end;                         /* where the file ends */
    struct image_file *file;            /* libhdf5's file; NULL: closed */
    hid_t driver;                       /* 1.10 frees one before it has closed the last file of it, unless it is still registered */
};

/* Make a new file in a zeroed image; access: H5P_FILE_ACCESS, whose driver is set. Negative as H5Fcreate. Writing to it
 * never fails, as libhdf5 cannot close a file then: ask for `failed` at the end. */
hid_t h5_image_create(struct h5_image *image, hid_t creation, hid_t access);

/* After H5Fclose, let go of the driver. If closing failed, libhdf5 keeps its file and may write to it at exit: not to this image any
 * more. */
void h5_image_part(struct h5_image *image);

#endif
