/* When a signal means that somebody does not want to wait any more. */
#ifndef CLI_SECOND_STOP_H
#define CLI_SECOND_STOP_H

#include <stdbool.h>

/* To be told of each SIGTERM and SIGINT, in its handler if there is one. True: it came a second or more after the first of them. Closer
 * together they are one: timeout signals the process and then its group, GNU parallel sends SIGTERM again after 200 ms. */
bool second_stop(void);

#endif
