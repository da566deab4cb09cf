/* libhdf5 may be built without thread safety, and its error printing, plugins and open objects are global: hence the one
 * mutex around everything, also where a thread-safe libhdf5 would do without. */
#include "store/h5.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"

enum { LINE_SIZE_BYTES = 512 };

static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

void h5_begin(struct h5_turn *turn)
{
    pthread_mutex_lock(&one_at_a_time);
    H5Eget_auto2(H5E_DEFAULT, &turn->report, &turn->report_data);
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5PLget_loading_state(&turn->plugins);
    H5PLset_loading_state(0);
}

void h5_end(struct h5_turn *turn)
{
    H5PLset_loading_state(turn->plugins);
    H5Eclear2(H5E_DEFAULT);
    H5Eset_auto2(H5E_DEFAULT, turn->report, turn->report_data);
    pthread_mutex_unlock(&one_at_a_time);
}

static herr_t keep_innermost(unsigned depth, const H5E_error2_t *entry, void *line)
{
    if (depth == 0 && entry->desc != NULL)
        snprintf(line, LINE_SIZE_BYTES, "%s", entry->desc);
    return 0;
}

weft_status h5_failed(weft_status status, const char *format, ...)
{
    char doing[LINE_SIZE_BYTES], cause[LINE_SIZE_BYTES] = "no reason given";
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(doing, sizeof doing, format, arguments) < 0)
        doing[0] = '\0';
    va_end(arguments);
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_innermost, cause);
    H5Eclear2(H5E_DEFAULT);
    return error_set(status, "%s: libhdf5: %s", doing, cause);
}

weft_status h5_close(hid_t id, weft_status status)
{
    if (id < 0 || H5Idec_ref(id) >= 0 || status != WEFT_OK)
        return status;
    return h5_failed(WEFT_EIO, "close an HDF5 object");
}

hid_t h5_file_type(enum array_type type)
{
    switch (type) {
    case ARRAY_U8: return H5T_STD_U8LE;
    case ARRAY_I32: return H5T_STD_I32LE;
    case ARRAY_I64: return H5T_STD_I64LE;
    case ARRAY_F32: return H5T_IEEE_F32LE;
    case ARRAY_F64: return H5T_IEEE_F64LE;
    }
    return H5I_INVALID_HID;
}

hid_t h5_memory_type(enum array_type type)
{
    switch (type) {
    case ARRAY_U8: return H5T_NATIVE_UINT8;
    case ARRAY_I32: return H5T_NATIVE_INT32;
    case ARRAY_I64: return H5T_NATIVE_INT64;
    case ARRAY_F32: return H5T_NATIVE_FLOAT;
    case ARRAY_F64: return H5T_NATIVE_DOUBLE;
    }
    return H5I_INVALID_HID;
}
