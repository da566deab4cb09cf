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

struct cause {
    char line[LINE_SIZE_BYTES];         /* the innermost message */
    bool is_memory;
};

static herr_t look_for_cause(unsigned depth, const H5E_error2_t *entry, void *context)
{
    struct cause *cause = context;
    if (depth == 0 && entry->desc != NULL)
        snprintf(cause->line, sizeof cause->line, "%s", entry->desc);
    cause->is_memory |= entry->min_num == H5E_NOSPACE || entry->min_num == H5E_CANTALLOC;
    return 0;
}

weft_status h5_failed(weft_status status, const char *format, ...)
{
    char doing[LINE_SIZE_BYTES];
    struct cause cause = {.line = ""};
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(doing, sizeof doing, format, arguments) < 0)
        doing[0] = '\0';
    va_end(arguments);
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, look_for_cause, &cause);
    H5Eclear2(H5E_DEFAULT);
    if (cause.line[0] == '\0') {                        /* its messages are allocated, too */
        snprintf(cause.line, sizeof cause.line, "no memory even for a reason");
        cause.is_memory = true;
    }
    bool is_memory = cause.is_memory && (status == WEFT_EIO || status == WEFT_EDAMAGED);
    const char *first = is_memory ? "not enough memory: " : "";
    return error_set(is_memory ? WEFT_ENOMEM : status, "%s: libhdf5: %s%s", doing, first, cause.line);
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
