/* A path in a command that people may paste into a shell. */
#ifndef CLI_SHELL_WORD_H
#define CLI_SHELL_WORD_H

#include <limits.h>
#include <stddef.h>

enum { SHELL_WORD_BYTES = 4 * PATH_MAX + 8 };   /* enough for any path */

/* The path as one word of a POSIX shell, which no verb takes for an option: run-1 as it is, 'my run' in quotes, -x as ./-x.
 * Returns word, or "DIR" if that has too little room: half a path would be another one. */
const char *shell_word(const char *path, char *word, size_t capacity);

#endif
