/* See library_calls.h. */
#include "library_calls.h"

#include <stdint.h>
#include <string.h>

#include <zip.h>
#include <zlib.h>

#include "store/h5.h"

#include <hdf5_hl.h>

static size_t calls, call_wanted;
static const char *only, *failed;
static int zip_code = ZIP_ER_READ;

void library_fail_call(size_t n)
{
    calls = 0;
    call_wanted = n;
    if (n != 0)
        failed = NULL;
}

void library_fail_only(const char *call)
{
    only = call;
}

void library_fail_zip_with(int code)
{
    zip_code = code;
}

const char *library_failed_call(void)
{
    return failed;
}

static bool must_fail(const char *call)
{
    if ((only != NULL && strcmp(call, only) != 0) || ++calls != call_wanted)
        return false;
    failed = call;
    if (call[0] == 'H')                         /* libhdf5 notes why; without a note it had no memory for one */
        H5Epush2(H5E_DEFAULT, __FILE__, call, __LINE__, H5E_ERR_CLS, H5E_INTERNAL, H5E_SYSTEM, "made to fail");
    return true;
}

/* __real_ and __wrap_ are what the linker calls the two sides. Not hidden, since it takes a shared library that calls one of these
 * for a user of the other side, which it is not. */
#define BETWEEN(type, name, parameters)                                         \
    type __real_##name parameters;                                              \
    __attribute__((visibility("default"))) type __wrap_##name parameters;       \
    type __wrap_##name parameters

#define FAILS(type, failure, name, parameters, arguments)       \
    BETWEEN(type, name, parameters)                             \
    {                                                           \
        return must_fail(#name) ? (failure) : __real_##name arguments;  \
    }

#define CLOSES(type, failure, name, parameters, arguments)      \
    BETWEEN(type, name, parameters)                             \
    {                                                           \
        type result = __real_##name arguments;                  \
        return must_fail(#name) ? (failure) : result;           \
    }

/* ---- libhdf5: files and objects ---- */

FAILS(htri_t, -1, H5Fis_hdf5, (const char *path), (path))
FAILS(hid_t, -1, H5Fopen, (const char *path, unsigned flags, hid_t access), (path, flags, access))
FAILS(hid_t, -1, H5Fcreate, (const char *path, unsigned flags, hid_t plan, hid_t access), (path, flags, plan, access))
FAILS(hid_t, -1, H5Fget_create_plist, (hid_t file), (file))
FAILS(herr_t, -1, H5Fflush, (hid_t object, H5F_scope_t scope), (object, scope))
CLOSES(herr_t, -1, H5Fclose, (hid_t file), (file))
CLOSES(int, -1, H5Idec_ref, (hid_t id), (id))
FAILS(H5I_type_t, H5I_BADID, H5Iget_type, (hid_t id), (id))
FAILS(hid_t, -1, H5FDregister, (const H5FD_class_t *driver), (driver))
CLOSES(herr_t, -1, H5FDunregister, (hid_t driver), (driver))
FAILS(hid_t, -1, H5Gopen2, (hid_t at, const char *name, hid_t access), (at, name, access))
FAILS(hid_t, -1, H5Gcreate2, (hid_t at, const char *name, hid_t links, hid_t plan, hid_t access), (at, name, links, plan, access))
FAILS(hid_t, -1, H5Gget_create_plist, (hid_t group), (group))
FAILS(hid_t, -1, H5Oopen, (hid_t at, const char *name, hid_t access), (at, name, access))
FAILS(herr_t, -1, H5Oget_info_by_name, (hid_t at, const char *name, H5O_info_t *info, hid_t access), (at, name, info, access))
FAILS(htri_t, -1, H5Lexists, (hid_t at, const char *name, hid_t access), (at, name, access))
FAILS(herr_t, -1, H5Lget_info, (hid_t at, const char *name, H5L_info_t *info, hid_t access), (at, name, info, access))
FAILS(herr_t, -1, H5Literate, (hid_t group, H5_index_t by, H5_iter_order_t order, hsize_t *at, H5L_iterate_t visit, void *data),
      (group, by, order, at, visit, data))

/* ---- libhdf5: attributes ---- */

FAILS(htri_t, -1, H5Aexists, (hid_t object, const char *name), (object, name))
FAILS(hid_t, -1, H5Aopen, (hid_t object, const char *name, hid_t access), (object, name, access))
FAILS(hid_t, -1, H5Aget_type, (hid_t attribute), (attribute))
FAILS(hid_t, -1, H5Aget_space, (hid_t attribute), (attribute))
FAILS(herr_t, -1, H5Aread, (hid_t attribute, hid_t type, void *out), (attribute, type, out))
FAILS(hid_t, -1, H5Acreate2, (hid_t object, const char *name, hid_t type, hid_t space, hid_t plan, hid_t access),
      (object, name, type, space, plan, access))
FAILS(herr_t, -1, H5Awrite, (hid_t attribute, hid_t type, const void *value), (attribute, type, value))
FAILS(herr_t, -1, H5Aiterate2, (hid_t object, H5_index_t by, H5_iter_order_t order, hsize_t *at, H5A_operator2_t visit, void *data),
      (object, by, order, at, visit, data))
FAILS(herr_t, -1, H5LTset_attribute_string, (hid_t at, const char *object, const char *name, const char *value),
      (at, object, name, value))
FAILS(herr_t, -1, H5LTset_attribute_uchar, (hid_t at, const char *object, const char *name, const unsigned char *value,
      size_t size), (at, object, name, value, size))
FAILS(herr_t, -1, H5IMlink_palette, (hid_t at, const char *image, const char *palette), (at, image, palette))

/* ---- libhdf5: datasets ---- */

FAILS(hid_t, -1, H5Dcreate2, (hid_t at, const char *name, hid_t type, hid_t space, hid_t links, hid_t plan, hid_t access),
      (at, name, type, space, links, plan, access))
FAILS(hid_t, -1, H5Dget_create_plist, (hid_t dataset), (dataset))
FAILS(hid_t, -1, H5Dget_space, (hid_t dataset), (dataset))
FAILS(hid_t, -1, H5Dget_type, (hid_t dataset), (dataset))
FAILS(hsize_t, 0, H5Dget_storage_size, (hid_t dataset), (dataset))
FAILS(herr_t, -1, H5Dget_chunk_storage_size, (hid_t dataset, const hsize_t *at, hsize_t *size), (dataset, at, size))
FAILS(herr_t, -1, H5Dread, (hid_t dataset, hid_t type, hid_t to, hid_t from, hid_t plan, void *out),
      (dataset, type, to, from, plan, out))
FAILS(herr_t, -1, H5Dread_chunk, (hid_t dataset, hid_t plan, const hsize_t *at, uint32_t *skipped, void *out),
      (dataset, plan, at, skipped, out))
FAILS(herr_t, -1, H5Dwrite, (hid_t dataset, hid_t type, hid_t from, hid_t to, hid_t plan, const void *data),
      (dataset, type, from, to, plan, data))
FAILS(hid_t, -1, H5Screate, (H5S_class_t class), (class))
FAILS(hid_t, -1, H5Screate_simple, (int rank, const hsize_t *dim, const hsize_t *most), (rank, dim, most))
FAILS(herr_t, -1, H5Sselect_hyperslab, (hid_t space, H5S_seloper_t how, const hsize_t *start, const hsize_t *stride,
      const hsize_t *count, const hsize_t *block), (space, how, start, stride, count, block))
FAILS(H5S_class_t, H5S_NO_CLASS, H5Sget_simple_extent_type, (hid_t space), (space))
FAILS(int, -1, H5Sget_simple_extent_ndims, (hid_t space), (space))
FAILS(int, -1, H5Sget_simple_extent_dims, (hid_t space, hsize_t *dim, hsize_t *most), (space, dim, most))

/* ---- libhdf5: types ---- */

FAILS(hid_t, -1, H5Tcopy, (hid_t type), (type))
FAILS(herr_t, -1, H5Tset_size, (hid_t type, size_t size), (type, size))
FAILS(herr_t, -1, H5Tset_cset, (hid_t type, H5T_cset_t set), (type, set))
FAILS(H5T_cset_t, H5T_CSET_ERROR, H5Tget_cset, (hid_t type), (type))
FAILS(htri_t, -1, H5Tequal, (hid_t a, hid_t b), (a, b))
FAILS(H5T_class_t, H5T_NO_CLASS, H5Tget_class, (hid_t type), (type))
FAILS(size_t, 0, H5Tget_size, (hid_t type), (type))
FAILS(H5T_sign_t, H5T_SGN_ERROR, H5Tget_sign, (hid_t type), (type))
FAILS(H5T_order_t, H5T_ORDER_ERROR, H5Tget_order, (hid_t type), (type))
FAILS(H5T_norm_t, H5T_NORM_ERROR, H5Tget_norm, (hid_t type), (type))
FAILS(int, -1, H5Tget_offset, (hid_t type), (type))
FAILS(size_t, 0, H5Tget_precision, (hid_t type), (type))
FAILS(size_t, 0, H5Tget_ebias, (hid_t type), (type))
FAILS(hid_t, -1, H5Tget_super, (hid_t type), (type))
FAILS(htri_t, -1, H5Tis_variable_str, (hid_t type), (type))
FAILS(herr_t, -1, H5Tget_fields, (hid_t type, size_t *sign, size_t *exponent, size_t *exponent_size, size_t *fraction,
      size_t *fraction_size), (type, sign, exponent, exponent_size, fraction, fraction_size))

/* ---- libhdf5: property lists ---- */

FAILS(hid_t, -1, H5Pcreate, (hid_t class), (class))
FAILS(herr_t, -1, H5Pset_driver, (hid_t access, hid_t driver, const void *info), (access, driver, info))
FAILS(herr_t, -1, H5Pset_fclose_degree, (hid_t access, H5F_close_degree_t degree), (access, degree))
FAILS(herr_t, -1, H5Pset_fapl_core, (hid_t access, size_t increment, hbool_t is_kept), (access, increment, is_kept))
FAILS(herr_t, -1, H5Pset_file_image, (hid_t access, void *bytes, size_t size), (access, bytes, size))
FAILS(herr_t, -1, H5Pset_file_image_callbacks, (hid_t access, H5FD_file_image_callbacks_t *callbacks), (access, callbacks))
FAILS(herr_t, -1, H5Pset_libver_bounds, (hid_t access, H5F_libver_t low, H5F_libver_t high), (access, low, high))
FAILS(herr_t, -1, H5Pset_fill_time, (hid_t plan, H5D_fill_time_t when), (plan, when))
FAILS(herr_t, -1, H5Pset_link_creation_order, (hid_t plan, unsigned flags), (plan, flags))
FAILS(herr_t, -1, H5Pset_obj_track_times, (hid_t plan, hbool_t is_tracked), (plan, is_tracked))
FAILS(herr_t, -1, H5Pget_sizes, (hid_t plan, size_t *address_bytes, size_t *length_bytes), (plan, address_bytes, length_bytes))
FAILS(herr_t, -1, H5Pget_link_creation_order, (hid_t plan, unsigned *flags), (plan, flags))
FAILS(H5D_layout_t, H5D_LAYOUT_ERROR, H5Pget_layout, (hid_t plan), (plan))
FAILS(int, -1, H5Pget_external_count, (hid_t plan), (plan))
FAILS(int, -1, H5Pget_nfilters, (hid_t plan), (plan))
FAILS(H5Z_filter_t, -1, H5Pget_filter2, (hid_t plan, unsigned i, unsigned *flags, size_t *values, unsigned *value, size_t length,
      char *name, unsigned *configuration), (plan, i, flags, values, value, length, name, configuration))
FAILS(int, -1, H5Pget_chunk, (hid_t plan, int rank, hsize_t *dim), (plan, rank, dim))
FAILS(herr_t, -1, H5Pfill_value_defined, (hid_t plan, H5D_fill_value_t *defined), (plan, defined))
FAILS(herr_t, -1, H5Pget_fill_value, (hid_t plan, hid_t type, void *value), (plan, type, value))

/* ---- libzip ---- */

BETWEEN(zip_t *, zip_open, (const char *path, int flags, int *code))
{
    if (!must_fail("zip_open"))
        return __real_zip_open(path, flags, code);
    *code = zip_code;
    return NULL;
}

FAILS(zip_file_t *, NULL, zip_fopen_index, (zip_t *archive, zip_uint64_t i, zip_flags_t flags), (archive, i, flags))
FAILS(zip_int64_t, -1, zip_fread, (zip_file_t *file, void *out, zip_uint64_t wanted), (file, out, wanted))
FAILS(int, -1, zip_stat_index, (zip_t *archive, zip_uint64_t i, zip_flags_t flags, zip_stat_t *info), (archive, i, flags, info))
FAILS(zip_int64_t, -1, zip_name_locate, (zip_t *archive, const char *name, zip_flags_t flags), (archive, name, flags))
FAILS(zip_int64_t, -1, zip_get_num_entries, (zip_t *archive, zip_flags_t flags), (archive, flags))
FAILS(const char *, NULL, zip_get_name, (zip_t *archive, zip_uint64_t i, zip_flags_t flags), (archive, i, flags))
CLOSES(int, -1, zip_fclose, (zip_file_t *file), (file))

/* ---- zlib ---- */

FAILS(int, Z_MEM_ERROR, inflateInit_, (z_stream *stream, const char *version, int size), (stream, version, size))
FAILS(int, Z_MEM_ERROR, inflateInit2_, (z_stream *stream, int bits, const char *version, int size), (stream, bits, version, size))
FAILS(int, Z_MEM_ERROR, inflate, (z_stream *stream, int flush), (stream, flush))
FAILS(int, Z_STREAM_ERROR, inflateReset, (z_stream *stream), (stream))
CLOSES(int, Z_STREAM_ERROR, inflateEnd, (z_stream *stream), (stream))
