/* A file driver of Weft's own, and no driver of libhdf5: those have it keep a piece of metadata at hand (the "accumulator"), and 1.10
 * may copy from one that it does not have when an address in the file is damaged. And what libhdf5 does not check, the structure of
 * its global heap, is checked here before it sees it: an object of no length keeps it for ever, one too long leads it elsewhere. */
#include "store/h5_bytes.h"

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/memory.h"

enum { LENGTH_BYTES = 8, HEAP_HEADER_BYTES = 16, OBJECT_HEADER_BYTES = 16 };    /* of a file whose lengths have 8 bytes */

struct bytes_file {
    H5FD_t base;                        /* libhdf5's part, which it fills in itself */
    struct h5_bytes *own;               /* NULL: libhdf5 could not close it and keeps it, without bytes */
    haddr_t end;                        /* of what is allocated, as the file says */
};

/* ---- The global heap ---- */

static uint64_t number_at(const uint8_t *at, size_t size_bytes)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size_bytes; i++)
        number |= (uint64_t)at[i] << 8 * i;
    return number;
}

/* A collection of the global heap begins with its signature, version 1 and three zero bytes. */
static bool is_heap(const uint8_t *at, size_t size_bytes)
{
    static const char start[8] = {'G', 'C', 'O', 'L', 1, 0, 0, 0};
    return size_bytes >= HEAP_HEADER_BYTES && memcmp(at, start, sizeof start) == 0;
}

/* The objects of a collection lie one behind the other, each with its header: index (2 bytes), references (2), zero (4), length (8),
 * then so many bytes, up to a multiple of 8. Object 0 is the free space, its length that with the header. A rest too short for a
 * header is free. */
static bool heap_is_sound(const uint8_t *heap, size_t size_bytes)
{
    for (size_t at = HEAP_HEADER_BYTES, left; (left = size_bytes - at) >= OBJECT_HEADER_BYTES;) {
        uint64_t index = number_at(heap + at, 2), length = number_at(heap + at + 8, LENGTH_BYTES);
        uint64_t taken = index == 0 ? length : OBJECT_HEADER_BYTES + (length + 7) / 8 * 8;
        if (length > left || taken > left || taken < OBJECT_HEADER_BYTES)
            return false;
        at += (size_t)taken;
    }
    return true;
}

/* ---- The driver ---- */

static H5FD_t *bytes_open(const char *name, unsigned flags, hid_t access, haddr_t address_max)
{
    (void)name; (void)flags; (void)address_max;
    struct h5_bytes *const *bytes = H5Pget_driver_info(access);
    struct bytes_file *file = memory_new(1, sizeof *file);
    if (file == NULL) {
        (*bytes)->lacks_memory = true;
        return NULL;
    }
    file->own = *bytes;
    file->own->file = file;
    return &file->base;
}

static herr_t bytes_close(H5FD_t *file)
{
    struct bytes_file *bytes = (struct bytes_file *)file;
    if (bytes->own != NULL)
        bytes->own->file = NULL;
    memory_free(bytes);
    return 0;
}

static herr_t bytes_query(const H5FD_t *file, unsigned long *flags)
{
    (void)file;
    *flags = H5FD_FEAT_DATA_SIEVE | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
    return 0;
}

static haddr_t bytes_allocated(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    return ((const struct bytes_file *)file)->end;
}

static herr_t bytes_set_allocated(H5FD_t *file, H5FD_mem_t type, haddr_t end)
{
    (void)type;
    ((struct bytes_file *)file)->end = end;
    return 0;
}

static haddr_t bytes_end(const H5FD_t *file, H5FD_mem_t type)
{
    (void)type;
    const struct h5_bytes *own = ((const struct bytes_file *)file)->own;
    return own != NULL ? own->size_bytes : 0;
}

/* libhdf5 itself would say no more than that the driver failed. What is pushed first is the innermost: see h5_failed. */
static bool refuse(const char *reason, size_t at)
{
    (void)H5Epush2(H5E_DEFAULT, __FILE__, __func__, __LINE__, H5E_ERR_CLS, H5E_VFL, H5E_READERROR, "%s, at byte %zu", reason, at);
    return false;
}

static bool get(struct h5_bytes *own, size_t at, uint8_t *to, size_t size_bytes)
{
    if (at > own->size_bytes || size_bytes > own->size_bytes - at)
        return refuse("the file refers to what is beyond its end", at);
    if (own->at != NULL && size_bytes != 0)
        memcpy(to, (const uint8_t *)own->at + at, size_bytes);
    while (own->at == NULL && size_bytes > 0) {
        ssize_t got = SYSTEM(pread, own->descriptor, to, size_bytes, (off_t)at);
        if (got == 0)
            return refuse("the file has become shorter", at);
        if (got < 0 && errno != EINTR) {
            own->read_errno = errno;
            return refuse(strerror(own->read_errno), at);
        }
        at += got > 0 ? (size_t)got : 0;
        to += got > 0 ? got : 0;
        size_bytes -= got > 0 ? (size_t)got : 0;
    }
    return true;
}

/* The collection that begins at `at`: libhdf5 asks first for its beginning, then for the rest that it has. */
static bool heap_check(struct h5_bytes *own, size_t at, const uint8_t *start)
{
    static const char reason[] = "a global heap that is damaged, or numbers that begin as one does";
    uint64_t size_bytes = number_at(start + 8, LENGTH_BYTES);
    if (size_bytes < HEAP_HEADER_BYTES || size_bytes > own->size_bytes - at)
        return refuse(reason, at);
    uint8_t *copy = NULL;
    if (own->at == NULL) {
        copy = memory_reserve((size_t)size_bytes, 1);
        own->lacks_memory |= copy == NULL;
        if (copy == NULL || !get(own, at, copy, (size_t)size_bytes)) {
            memory_free(copy);
            return false;
        }
    }
    bool is_sound = heap_is_sound(copy != NULL ? copy : (const uint8_t *)own->at + at, (size_t)size_bytes);
    if (!is_sound)
        (void)refuse(reason, at);
    memory_free(copy);
    return is_sound;
}

/* Data that begin as a collection of the heap does are taken for one: libhdf5 does not say what it reads. */
static herr_t bytes_read(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t at, size_t size_bytes, void *to)
{
    (void)type; (void)transfer;
    struct h5_bytes *own = ((struct bytes_file *)file)->own;
    if (own == NULL || !get(own, (size_t)at, to, size_bytes))
        return -1;
    return is_heap(to, size_bytes) && !heap_check(own, (size_t)at, to) ? -1 : 0;
}

static herr_t bytes_write(H5FD_t *file, H5FD_mem_t type, hid_t transfer, haddr_t at, size_t size_bytes, const void *from)
{
    (void)file; (void)type; (void)transfer; (void)at; (void)size_bytes; (void)from;
    return -1;
}

static const H5FD_class_t bytes_driver = {
#ifdef H5FD_CLASS_VERSION
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)(H5_VFD_RESERVED + 1), /* of the numbers that need no registration */
#endif
    .name = "weft_bytes",
    .maxaddr = (haddr_t)(SIZE_MAX >> 1),
    .fc_degree = H5F_CLOSE_STRONG,
    .fapl_size = sizeof(struct h5_bytes *),
    .open = bytes_open,
    .close = bytes_close,
    .query = bytes_query,
    .get_eoa = bytes_allocated,
    .set_eoa = bytes_set_allocated,
    .get_eof = bytes_end,
    .read = bytes_read,
    .write = bytes_write,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

/* What heap_is_sound goes by: 8, but in files of somebody who asked for another. 0: it cannot be found out. */
static size_t length_bytes_of(hid_t file)
{
    size_t address_bytes = 0, length_bytes = 0;
    hid_t plan = H5Fget_create_plist(file);
    if (plan >= 0 && H5Pget_sizes(plan, &address_bytes, &length_bytes) < 0)
        length_bytes = 0;
    if (plan >= 0)
        (void)H5Pclose(plan);
    return length_bytes;
}

herr_t h5_bytes_close(struct h5_bytes *bytes, hid_t file)
{
    herr_t closed = file < 0 ? 0 : H5Fclose(file);
    if (bytes->file != NULL)                            /* libhdf5 keeps it, and needs the driver for it, until the process ends */
        bytes->file->own = NULL;
    else if (bytes->driver > 0)
        (void)H5FDunregister(bytes->driver);
    bytes->file = NULL;
    bytes->driver = H5I_INVALID_HID;
    return closed;
}

hid_t h5_bytes_open(struct h5_bytes *bytes, const char *name)
{
    hid_t file = H5I_INVALID_HID, access = H5Pcreate(H5P_FILE_ACCESS);
    bytes->driver = H5FDregister(&bytes_driver);
    if (bytes->driver >= 0 && access >= 0 && H5Pset_driver(access, bytes->driver, &bytes) >= 0
        && H5Pset_fclose_degree(access, H5F_CLOSE_STRONG) >= 0)         /* whatever libhdf5 has lost hold of */
        file = H5Fopen(name, H5F_ACC_RDONLY, access);
    size_t length_bytes = file >= 0 ? length_bytes_of(file) : LENGTH_BYTES;
    bool is_refused = length_bytes != LENGTH_BYTES;
    if (is_refused && length_bytes > 0)
        (void)H5Epush2(H5E_DEFAULT, __FILE__, __func__, __LINE__, H5E_ERR_CLS, H5E_FILE, H5E_UNSUPPORTED,
                       "its lengths have %zu bytes, wanted %d", length_bytes, LENGTH_BYTES);
    hid_t cause = file < 0 || is_refused ? H5Eget_current_stack() : H5I_INVALID_HID;    /* the next call would clear it */
    if (access >= 0)
        (void)H5Pclose(access);
    if (file < 0 || is_refused) {
        (void)h5_bytes_close(bytes, file);
        file = H5I_INVALID_HID;
    }
    if (cause >= 0)
        (void)H5Eset_current_stack(cause);
    return file;
}

weft_status h5_bytes_status(const struct h5_bytes *bytes, weft_status status)
{
    if (status == WEFT_OK || (!bytes->lacks_memory && bytes->read_errno == 0))
        return status;
    return bytes->lacks_memory ? error_set(WEFT_ENOMEM, "not enough memory to read an HDF5 file")
                               : error_set(WEFT_EIO, "%s", strerror(bytes->read_errno));
}
