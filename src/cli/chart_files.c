/* See chart_files.h. */
#include "cli/chart_files.h"

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/command.h"

static char CONVERTER[] = "rsvg-convert";       /* of Debian's librsvg2-bin */

weft_status chart_files_add(void *context, const char *name, const char *svg, size_t size_bytes)
{
    struct chart_files *files = context;
    char **grown = realloc(files->name, (files->count + 1) * sizeof *grown);
    if (grown == NULL)
        return WEFT_ENOMEM;
    files->name = grown;
    if ((files->name[files->count] = strdup(name)) == NULL)
        return WEFT_ENOMEM;
    files->count++;
    return weft_page_save_chart(files->directory, name, svg, size_bytes);
}

/* Run it and wait. 0, or the errno with which it could not be started; *ended as from waitpid. */
static int run_converter(char *svg, char *png, int *ended)
{
    char twice[] = "--zoom=2", to[] = "--output";
    char *arguments[] = {CONVERTER, twice, to, png, svg, NULL};
    pid_t process;
    int failed = posix_spawnp(&process, CONVERTER, NULL, NULL, arguments, environ);
    if (failed != 0)
        return failed;
    while (waitpid(process, ended, 0) < 0)
        if (errno != EINTR)
            return errno;
    return 0;
}

static int convert(const struct chart_files *files, const char *name, const char *verb)
{
    char svg[4096], png[4096];
    const char *here = files->directory[0] == '-' ? "./" : "";         /* or rsvg-convert would take it for an option */
    int ended = 0;
    if (snprintf(svg, sizeof svg, "%s%s/%s.svg", here, files->directory, name) >= (int)sizeof svg
        || snprintf(png, sizeof png, "%s%s/%s.png", here, files->directory, name) >= (int)sizeof png)
        return exit_message(verb, WEFT_ECREATE, "draw %s: the path of its directory is too long", name);
    int failed = run_converter(svg, png, &ended), code = WIFEXITED(ended) ? WEXITSTATUS(ended) : 0;
    if (failed == ENOENT || code == 127)                        /* where posix_spawnp forks, the child says it so */
        return exit_message(verb, WEFT_ERESOURCE, "draw %s: found no rsvg-convert, wanted it; install librsvg2-bin", png);
    if (failed != 0)
        return exit_message(verb, WEFT_ERESOURCE, "draw %s: start rsvg-convert: %s", png, strerror(failed));
    if (!WIFEXITED(ended))
        return exit_message(verb, WEFT_EIO, "draw %s: rsvg-convert was ended by signal %d", png, WTERMSIG(ended));
    if (code != 0)
        return exit_message(verb, WEFT_EIO, "draw %s: rsvg-convert failed with exit code %d", png, code);
    return 0;
}

int chart_files_convert(const struct chart_files *files, const char *verb)
{
    int exit_code = 0;
    for (size_t i = 0; i < files->count && exit_code == 0; i++)
        exit_code = convert(files, files->name[i], verb);
    return exit_code;
}

void chart_files_clear(struct chart_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->name[i]);
    free(files->name);
    files->name = NULL;
    files->count = 0;
}
