/* See shell_word.h. Between single quotes a shell leaves every character alone, and has no way to write a single quote. */
#include "cli/shell_word.h"

#include <stdio.h>
#include <string.h>

/* Those that mean nothing to a shell, wherever they stand. */
static const char PLAIN[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./,:+@%=";

static size_t quoted_bytes(const char *path)
{
    size_t bytes = strlen("''");
    for (const char *c = path; *c != '\0'; c++)
        bytes += *c == '\'' ? strlen("'\\''") : 1;
    return bytes;
}

static void quote(const char *directory, const char *path, char *word)
{
    word = stpcpy(stpcpy(word, "'"), directory);
    for (; *path != '\0'; path++) {
        if (*path == '\'')
            word = stpcpy(word, "'\\''");
        else
            *word++ = *path;
    }
    stpcpy(word, "'");
}

const char *shell_word(const char *path, char *word, size_t capacity)
{
    const char *directory = path[0] == '-' ? "./" : "";
    if (strlen(directory) + quoted_bytes(path) >= capacity)
        return "DIR";
    if (path[0] != '\0' && path[strspn(path, PLAIN)] == '\0')
        snprintf(word, capacity, "%s%s", directory, path);
    else
        quote(directory, path, word);
    return word;
}
