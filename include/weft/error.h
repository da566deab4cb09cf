/* What a call of libweft returns, and where its message is kept.
 *
 * Every function that can fail returns a weft_status. WEFT_OK is 0; any other value means that the call did nothing
 * that outlasts it, unless its own entry says otherwise, and that weft_last_error() holds one line of text: what was
 * being done, to what, the value found, the value wanted. The library never prints and never ends the process. */
#ifndef WEFT_ERROR_H
#define WEFT_ERROR_H

#include "weft/api.h"

WEFT_API_BEGIN

/* name, exit code of the weft command, meaning */
#define WEFT_STATUS_LIST(X)                                                                          \
    X(WEFT_OK, 0, "done")                                                                            \
    X(WEFT_EINVAL, 64, "wrong usage: an argument that the call does not take")                       \
    X(WEFT_EDATA, 65, "bad input data")                                                              \
    X(WEFT_EDAMAGED, 65, "damaged, foreign or unsealed checkpoint")                                  \
    X(WEFT_ENONFINITE, 65, "the loss, a gradient or a parameter is not finite")                      \
    X(WEFT_ENOINPUT, 66, "an input file or directory is missing or cannot be read")                  \
    X(WEFT_ENOMEM, 69, "not enough memory")                                                          \
    X(WEFT_ERESOURCE, 69, "not enough of another resource: threads, or the run is locked")           \
    X(WEFT_ECREATE, 73, "an output cannot be created, or the directory holds a run already")         \
    X(WEFT_EIO, 74, "input or output error, a failed save included")                                 \
    X(WEFT_ESTOPPED, 75, "stopped on request; the state is saved and the run can be resumed")        \
    X(WEFT_ESETTINGS, 78, "settings that are unknown, out of range or contradict each other")

/* What a call returns. */
typedef enum weft_status {
#define WEFT_STATUS_ENUM(name, exit_code, meaning) name,
    WEFT_STATUS_LIST(WEFT_STATUS_ENUM)
#undef WEFT_STATUS_ENUM
} weft_status;

/* The meaning of a status in a few words; "unknown status" for a value outside the list. Never NULL. Any thread. */
const char *weft_strerror(weft_status status);

/* The exit code with which the weft command answers to a status: 0, 64 to 78 as in sysexits.h; 70 outside the list. */
int weft_exit_code(weft_status status);

/* The message of the latest failed call of this thread, one line without a final newline; "" if none has failed.
 * The text belongs to the library and stays as it is until this thread's next failing call. */
const char *weft_last_error(void);

WEFT_API_END

#endif
