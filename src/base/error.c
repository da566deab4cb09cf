/* Status codes and the message of the latest failure, one buffer per thread. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MESSAGE_SIZE_BYTES = 1024 };

static _Thread_local char message[MESSAGE_SIZE_BYTES];

const char *weft_strerror(weft_status status)
{
    switch (status) {
#define STATUS_TEXT(name, exit_code, meaning) case name: return meaning;
        WEFT_STATUS_LIST(STATUS_TEXT)
#undef STATUS_TEXT
    }
    return "unknown status";
}

int weft_exit_code(weft_status status)
{
    switch (status) {
#define STATUS_EXIT_CODE(name, exit_code, meaning) case name: return exit_code;
        WEFT_STATUS_LIST(STATUS_EXIT_CODE)
#undef STATUS_EXIT_CODE
    }
    return 70;
}

const char *weft_last_error(void)
{
    return message;
}

/* A message is one line whatever a file name or a cell of a table held. */
static void keep_on_one_line(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = ' ';
}

weft_status error_set(weft_status status, const char *format, ...)
{
    char text[MESSAGE_SIZE_BYTES];              /* the arguments may point into the old message */
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(text, sizeof text, format, arguments) < 0)
        text[0] = '\0';
    va_end(arguments);
    keep_on_one_line(text);
    memcpy(message, text, sizeof message);
    return status;
}

weft_status error_context(weft_status status, const char *format, ...)
{
    char context[MESSAGE_SIZE_BYTES];
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(context, sizeof context, format, arguments) < 0)
        context[0] = '\0';
    va_end(arguments);
    return error_set(status, "%s: %s", context, message);
}
