/* HDF5 files made by libhdf5 itself: f.h5 in the directory of the test, dataset by dataset. */
#ifndef TESTS_HDF5_SAMPLES_H
#define TESTS_HDF5_SAMPLES_H

#include "source_samples.h"

#include "store/h5.h"

static inline ssize_t open_objects(void)
{
    return H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_FILE | H5F_OBJ_DATASET | H5F_OBJ_GROUP | H5F_OBJ_ATTR);
}

static inline hid_t file_make(void)
{
    (void)unlink(path_of("f.h5"));
    hid_t file = H5Fcreate(path_of("f.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(file >= 0);
    return file;
}

static inline void file_close(hid_t file)
{
    assert_true(H5Fclose(file) >= 0);
    assert_int_equal(open_objects(), 0);
}

/* A dataset of `type` in the file from data of `from` in memory (NULL: nothing is written). plan: how it is laid out. */
static inline void put(hid_t file, const char *name, hid_t type, hid_t plan, size_t rank, const hsize_t *dim, hid_t from,
                       const void *data)
{
    hid_t space = H5Screate_simple((int)rank, dim, NULL), links = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(links, 1);
    hid_t dataset = H5Dcreate2(file, name, type, space, links, plan, H5P_DEFAULT);
    assert_true(dataset >= 0);
    if (data != NULL)
        assert_true(H5Dwrite(dataset, from, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0);
    H5Dclose(dataset);
    H5Pclose(links);
    H5Sclose(space);
}

static inline void put_labels(hid_t file, const char *name, hsize_t count)
{
    int64_t *label = calloc((size_t)count, sizeof *label);
    for (hsize_t i = 0; i < count; i++)
        label[i] = (int64_t)i % 10;
    put(file, name, H5T_STD_I64LE, H5P_DEFAULT, 1, &count, H5T_NATIVE_INT64, label);
    free(label);
}

static inline void put_pixels(hid_t file, const char *name)
{
    put(file, name, H5T_STD_U8LE, H5P_DEFAULT, 2, (hsize_t[]){2, 3}, H5T_NATIVE_UINT8, (uint8_t[]){1, 2, 3, 4, 5, 6});
}

#endif
