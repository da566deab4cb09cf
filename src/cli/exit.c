/* How a verb ends. */
#include "cli/command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int exit_message(const char *verb, weft_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", verb);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return weft_exit_code(status);
}

int exit_failure(const char *verb, weft_status status)
{
    return exit_message(verb, status, "%s", weft_last_error());
}

int exit_flushed(const char *verb, int exit_code)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return exit_code;
    int failed = exit_message(verb, WEFT_EIO, "write the results to stdout: %s",
                              errno != 0 ? strerror(errno) : "a part of them was not taken");
    return exit_code != 0 ? exit_code : failed;
}
