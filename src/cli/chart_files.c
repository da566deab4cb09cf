/* See chart_files.h. rsvg-convert writes to a file in memory, so that a PNG comes into its place whole or not at all, however
 * that ends. */
#include "cli/chart_files.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
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

/* Run it with its stdout in a file and wait. 0, or the errno with which it could not be started; *ended as from waitpid. */
static int run_converter(char *svg, int output, int *ended)
{
    char twice[] = "--zoom=2";
    char *arguments[] = {CONVERTER, twice, svg, NULL};
    posix_spawn_file_actions_t actions;
    pid_t process;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed != 0)
        return failed;
    failed = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (failed == 0)
        failed = posix_spawnp(&process, CONVERTER, &actions, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0)
        return failed;
    while (waitpid(process, ended, 0) < 0)
        if (errno != EINTR)
            return errno;
    return 0;
}

/* Returns 0, or the exit code after saying what is wrong, as all below. */
static int draw(char *svg, const char *png, int output, const char *verb)
{
    int ended = 0;
    int failed = run_converter(svg, output, &ended), code = WIFEXITED(ended) ? WEXITSTATUS(ended) : 0;
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

/* Its first and its last bytes, those of the chunk IEND. */
static bool is_whole_png(const char *bytes, size_t size_bytes)
{
    static const char first[] = "\x89PNG\r\n\x1a\n", last[] = "\0\0\0\0IEND\xae\x42\x60\x82";
    enum { FIRST_BYTES = sizeof first - 1, LAST_BYTES = sizeof last - 1 };
    return size_bytes >= FIRST_BYTES + LAST_BYTES && memcmp(bytes, first, FIRST_BYTES) == 0
           && memcmp(bytes + size_bytes - LAST_BYTES, last, LAST_BYTES) == 0;
}

static int save(const char *png, int output, const char *verb)
{
    struct stat info;
    size_t size = fstat(output, &info) == 0 ? (size_t)info.st_size : 0;
    void *bytes = size > 0 ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, output, 0) : NULL;
    if (bytes == MAP_FAILED)
        return exit_message(verb, WEFT_ENOMEM, "draw %s: not enough memory for %zu bytes", png, size);
    bool is_whole = is_whole_png(bytes, size);
    weft_status st = is_whole ? weft_page_save(png, bytes, size) : WEFT_EIO;
    if (size > 0)
        munmap(bytes, size);
    if (!is_whole)
        return exit_message(verb, st, "draw %s: rsvg-convert wrote %zu bytes, wanted a whole PNG", png, size);
    return st == WEFT_OK ? 0 : exit_failure(verb, st);
}

static int convert(const struct chart_files *files, const char *name, const char *verb)
{
    char svg[4096], png[4096];
    const char *here = files->directory[0] == '-' ? "./" : "";         /* or rsvg-convert would take it for an option */
    if (snprintf(svg, sizeof svg, "%s%s/%s.svg", here, files->directory, name) >= (int)sizeof svg
        || snprintf(png, sizeof png, "%s/%s.png", files->directory, name) >= (int)sizeof png)
        return exit_message(verb, WEFT_ECREATE, "draw %s: the path of its directory is too long", name);
    int output = memfd_create("weft chart", MFD_CLOEXEC);
    if (output < 0)
        return exit_message(verb, WEFT_ERESOURCE, "draw %s: make a file in memory: %s", png, strerror(errno));
    int exit_code = draw(svg, png, output, verb);
    if (exit_code == 0)
        exit_code = save(png, output, verb);
    close(output);                                              /* in memory: nothing can be lost */
    return exit_code;
}

int chart_files_convert(const struct chart_files *files, const char *verb)
{
    int exit_code = 0;
    signal(SIGCHLD, SIG_DFL);           /* ignored, as we may have been started, it would hide how a converter ended */
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
