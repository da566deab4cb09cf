/* A sweep from its file, and from its directory. */
#include "sweep/sweep.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "store/file.h"

static char *without_slashes(const char *path)
{
    char *out = memory_string(path);
    for (size_t length = out != NULL ? strlen(out) : 0; length > 1 && out[length - 1] == '/'; length--)
        out[length - 1] = '\0';
    return out;
}

/* "." and ".." say nothing: then that of the directory they stand for. */
static char *last_name(const char *path)
{
    char resolved[PATH_MAX];
    const char *slash = strrchr(path, '/'), *name = slash != NULL && slash[1] != '\0' ? slash + 1 : path;
    if ((strcmp(name, ".") == 0 || strcmp(name, "..") == 0) && realpath(path, resolved) != NULL)
        return last_name(resolved);
    return memory_string(name);
}

weft_status weft_sweep_load(const char *path, size_t assignments, const char *const *assignment, const char *out, weft_sweep **result)
{
    *result = NULL;
    if (out[0] == '\0')
        return error_set(WEFT_EINVAL, "load the sweep %s: no directory for it is named", path);
    struct sweep *sweep = memory_new(1, sizeof *sweep);
    if (sweep == NULL)
        return WEFT_ENOMEM;
    sweep->lock = -1;
    sweep->shown.out = without_slashes(out);
    sweep->shown.name = sweep->shown.out != NULL ? last_name(sweep->shown.out) : NULL;
    weft_status st = sweep->shown.name != NULL ? description_load(&sweep->description, path, assignments, assignment) : WEFT_ENOMEM;
    if (st == WEFT_OK) {
        sweep->shown.threads = (size_t)sweep->description.base->run.threads;
        st = sweep_combine(sweep);
        if (st != WEFT_OK)
            error_context(st, "%s", path);
    }
    if (st != WEFT_OK) {
        weft_sweep_destroy(&sweep->shown);
        return st;
    }
    *result = &sweep->shown;
    return WEFT_OK;
}

weft_status weft_sweep_read(const char *directory, weft_sweep **sweep)
{
    char *path = sweep_path(directory, "sweep.ini");
    *sweep = NULL;
    weft_status st = path != NULL ? weft_sweep_load(path, 0, NULL, directory, sweep) : WEFT_ENOMEM;
    memory_free(path);
    return st;
}

void weft_sweep_destroy(weft_sweep *shown)
{
    if (shown == NULL)
        return;
    struct sweep *sweep = (struct sweep *)(void *)shown;
    for (size_t i = 0; i < shown->combinations; i++) {
        memory_free(shown->combination[i].name);
        memory_free(shown->combination[i].setting);
    }
    for (size_t i = 0; i < shown->runs; i++) {
        memory_free(shown->run[i].directory);
        weft_settings_destroy(shown->run[i].settings);
    }
    memory_free(shown->combination);
    memory_free(shown->run);
    memory_free(shown->out);
    memory_free(shown->name);
    description_clear(&sweep->description);
    if (sweep->lock >= 0)
        file_unlock(sweep->lock);
    memory_free(sweep);
}
