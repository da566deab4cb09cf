/* The files of a run. Their order on disk is a promise: the best model before the checkpoint that names it, that
 * checkpoint before last.h5 points at it, and old files go only after that. */
#include "store/run_directory.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file_reader.h"
#include "base/memory.h"
#include "store/checkpoint.h"
#include "store/file.h"
#include "store/run_lock.h"

enum { STEP_NAME_BYTES = 32 };          /* "step-9223372036854775807.h5" and more */

struct run_directory {
    char *path;
    struct run_lock lock;
};

/* The steps of all step-<n>.h5, the newest first. */
struct steps {
    int64_t *step;
    size_t count, capacity;
};

static void step_name(int64_t step, char name[STEP_NAME_BYTES])
{
    snprintf(name, STEP_NAME_BYTES, "step-%" PRId64 ".h5", step);
}

/* The n of "step-<n>.h5", or -1: only a name that step_name would write. */
static int64_t step_of_name(const char *name)
{
    char same[STEP_NAME_BYTES];
    if (strncmp(name, "step-", 5) != 0 || name[5] < '0' || name[5] > '9')
        return -1;
    errno = 0;
    long long step = strtoll(name + 5, NULL, 10);
    if (errno != 0)
        return -1;
    step_name(step, same);
    return strcmp(name, same) == 0 ? step : -1;
}

static int newest_first(const void *a, const void *b)
{
    const int64_t *left = a, *right = b;
    return (*left < *right) - (*left > *right);
}

static weft_status steps_add(struct steps *steps, int64_t step)
{
    if (steps->count == steps->capacity) {
        size_t wanted = steps->capacity == 0 ? 16 : 2 * steps->capacity;
        int64_t *grown = memory_grow(steps->step, steps->count, wanted, sizeof *grown);
        if (grown == NULL)
            return WEFT_ENOMEM;
        steps->step = grown;
        steps->capacity = wanted;
    }
    steps->step[steps->count++] = step;
    return WEFT_OK;
}

static weft_status steps_take(void *steps, const char *name)
{
    int64_t step = step_of_name(name);
    return step >= 0 ? steps_add(steps, step) : WEFT_OK;
}

/* memory_free(steps->step) afterwards, whatever the result. */
static weft_status steps_list(const char *path, struct steps *steps)
{
    *steps = (struct steps){0};
    weft_status st = file_list(path, steps_take, steps);
    if (steps->count > 1)
        qsort(steps->step, steps->count, sizeof *steps->step, newest_first);
    return st;
}

/* "<directory>/<name>"; memory_free it; NULL if memory is short. */
static char *path_in(const char *directory, const char *name)
{
    size_t size = strlen(directory) + strlen(name) + 2;
    char *path = memory_new(size, 1);
    if (path != NULL)
        snprintf(path, size, "%s/%s", directory, name);
    return path;
}

static weft_status look_in(const char *directory, const char *name, struct file_look *look)
{
    char *path = path_in(directory, name);
    weft_status st = path == NULL ? WEFT_ENOMEM : file_look(path, look);
    memory_free(path);
    return st;
}

/* The files of a run beside its checkpoints. */
static const char *const side_file[] = {"run.ini", "last.h5", "best.h5", "history.csv", "timing.csv", "evaluation.h5"};
enum { SIDE_FILES = sizeof side_file / sizeof *side_file };

/* Nobody writes these but who has the lock. */
static bool is_own(const char *name)
{
    for (size_t i = 0; i < SIDE_FILES; i++)
        if (strcmp(name, side_file[i]) == 0)
            return true;
    return step_of_name(name) >= 0;
}

/* A run would replace these, whoever made them. found is "" if there is none. */
static weft_status find_side_file(const char *path, char found[STEP_NAME_BYTES])
{
    found[0] = '\0';
    for (size_t i = 0; i < SIDE_FILES; i++) {
        struct file_look look;
        weft_status st = look_in(path, side_file[i], &look);
        if (st != WEFT_OK)
            return st;
        if (look.exists) {
            strcpy(found, side_file[i]);
            break;
        }
    }
    return WEFT_OK;
}

/* What in it makes a directory hold a run: "run.ini", a checkpoint's name, or "" for nothing. */
static weft_status find_run(const char *path, char found[STEP_NAME_BYTES])
{
    struct steps steps;
    struct file_look look;
    found[0] = '\0';
    weft_status st = look_in(path, "run.ini", &look);
    if (st == WEFT_OK && look.exists)
        strcpy(found, "run.ini");
    if (st != WEFT_OK || look.exists)
        return st;
    st = steps_list(path, &steps);
    if (st == WEFT_OK && steps.count > 0)
        step_name(steps.step[0], found);
    memory_free(steps.step);
    return st;
}

/* A sweep's directory has its runs in directories below it. */
static weft_status refuse_sweep(const char *path)
{
    struct file_look look;
    weft_status st = look_in(path, "sweep.ini", &look);
    if (st == WEFT_OK && look.exists)
        st = error_set(WEFT_ECREATE, "start a run in %s: it holds a sweep (sweep.ini); go on with that or choose another directory",
                       path);
    return st;
}

/* Lock the directory and clear what dead processes left in it. */
static weft_status directory_new(const char *path, struct run_directory **directory)
{
    struct run_directory *d = memory_new(1, sizeof *d);
    weft_status st = d == NULL || (d->path = memory_string(path)) == NULL ? WEFT_ENOMEM : run_lock_take(path, &d->lock);
    if (st != WEFT_OK) {
        if (d != NULL)
            memory_free(d->path);
        memory_free(d);
        return st;
    }
    st = file_remove_stale_temporaries(path, is_own);
    if (st != WEFT_OK) {
        run_directory_close(d);
        return st;
    }
    *directory = d;
    return WEFT_OK;
}

weft_status run_directory_create(const char *path, struct run_directory **directory)
{
    char found[STEP_NAME_BYTES];
    struct run_directory *d;
    weft_status st = file_make_directory(path);
    if (st != WEFT_OK)
        return st;
    st = directory_new(path, &d);
    if (st != WEFT_OK)
        return st;
    st = find_run(path, found);                         /* under the lock: of two at once, one gets the directory */
    if (st == WEFT_OK && found[0] != '\0') {
        st = error_set(WEFT_ECREATE, "start a run in %s: it holds a run already (%s); resume that or choose another "
                       "directory", path, found);
    } else if (st == WEFT_OK) {
        st = find_side_file(path, found);
        if (st == WEFT_OK && found[0] != '\0')
            st = error_set(WEFT_ECREATE, "start a run in %s: it holds a file %s, which a run would replace; move that away or "
                           "choose another directory", path, found);
    }
    if (st == WEFT_OK)
        st = refuse_sweep(path);
    if (st != WEFT_OK) {
        run_directory_close(d);
        return st;
    }
    *directory = d;
    return WEFT_OK;
}

weft_status run_directory_open(const char *path, struct run_directory **directory)
{
    char found[STEP_NAME_BYTES];
    struct file_look look;
    weft_status st = file_look(path, &look);
    if (st == WEFT_OK && !look.exists)
        st = error_set(WEFT_ENOINPUT, "open run %s: there is nothing of that name", path);
    else if (st == WEFT_OK && !look.is_directory)
        st = error_set(WEFT_ENOINPUT, "open run %s: it is a file, wanted the directory of a run", path);
    if (st == WEFT_OK)
        st = find_run(path, found);
    if (st == WEFT_OK && found[0] == '\0')
        st = error_set(WEFT_ENOINPUT, "open run %s: it holds no run (neither run.ini nor step-<n>.h5)", path);
    return st == WEFT_OK ? directory_new(path, directory) : st;
}

void run_directory_discard(struct run_directory *directory)
{
    for (size_t i = 0; i < SIDE_FILES + 1; i++) {       /* none of them was there when the directory was taken */
        char path[PATH_MAX];
        const char *name = i < SIDE_FILES ? side_file[i] : "step-0.h5";
        if (snprintf(path, sizeof path, "%s/%s", directory->path, name) < (int)sizeof path)
            (void)file_remove(path);
    }
    run_directory_close(directory);
}

void run_directory_close(struct run_directory *directory)
{
    if (directory == NULL)
        return;
    run_lock_release(&directory->lock);
    memory_free(directory->path);
    memory_free(directory);
}

const char *run_directory_path(const struct run_directory *directory)
{
    return directory->path;
}

/* A name that only a run has which was saved once; *found is a bool. */
static weft_status note_save(void *found, const char *name)
{
    static const char *const other[] = {"last.h5", "best.h5", "evaluation.h5"};
    bool is_of_save = step_of_name(name) >= 0;
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        is_of_save |= strcmp(name, other[i]) == 0;
    *(bool *)found |= is_of_save;
    return WEFT_OK;
}

/* Is there more than the head line in history.csv? */
static weft_status look_for_history(const char *directory, bool *has_lines)
{
    enum { HEAD_BYTES_MAX = 4096 };
    void *text = NULL;
    size_t size_bytes = 0;
    char *path = path_in(directory, "history.csv");
    weft_status st = path == NULL ? WEFT_ENOMEM : file_read(path, HEAD_BYTES_MAX, &text, &size_bytes);
    const char *line_end = st == WEFT_OK ? memchr(text, '\n', size_bytes) : NULL;
    *has_lines = st == WEFT_EDATA || (line_end != NULL && line_end + 1 < (const char *)text + size_bytes);
    memory_free(text);
    memory_free(path);
    return st == WEFT_EDATA || st == WEFT_ENOINPUT ? WEFT_OK : st;
}

weft_status run_directory_look_unsaved(struct run_directory *directory, bool *is_unsaved)
{
    bool was_saved = false;
    weft_status st = file_list(directory->path, note_save, &was_saved);
    if (st == WEFT_OK && !was_saved)
        st = look_for_history(directory->path, &was_saved);
    *is_unsaved = !was_saved;
    return st;
}

static weft_status same_step(const struct snapshot *snapshot, const char *path, int64_t step)
{
    const struct attribute *found = snapshot_find_attribute(snapshot, "/", "step");
    if (found == NULL || (found->type == ATTRIBUTE_INTEGER && found->integer == step))
        return WEFT_OK;
    if (found->type != ATTRIBUTE_INTEGER)
        return error_set(WEFT_EDAMAGED, "load checkpoint %s: its step is no whole number", path);
    return error_set(WEFT_EDAMAGED, "load checkpoint %s: it holds step %" PRId64 ", so this is not its name", path, found->integer);
}

weft_status run_directory_load_step(struct run_directory *directory, int64_t step, struct snapshot **snapshot)
{
    char name[STEP_NAME_BYTES];
    struct snapshot *loaded = NULL;
    step_name(step, name);
    char *path = path_in(directory->path, name);
    weft_status st = path == NULL ? WEFT_ENOMEM : checkpoint_load(path, false, &loaded);
    if (st == WEFT_OK)
        st = same_step(loaded, path, step);
    if (st == WEFT_OK)
        *snapshot = loaded;
    else
        snapshot_destroy(loaded);
    memory_free(path);
    return st;
}

/* Add the message of the latest failure to the notes; what does not fit is cut. */
static void note_failure(char *notes, size_t notes_capacity)
{
    size_t length = notes_capacity == 0 ? 0 : strlen(notes);
    if (length < notes_capacity)
        snprintf(notes + length, notes_capacity - length, "%s%s", length == 0 ? "" : "; ", weft_last_error());
}

/* The first of these, the newest first, that is whole; *at is its place, steps->count if there is none. */
static weft_status load_first_whole(struct run_directory *directory, const struct steps *steps, struct snapshot **snapshot, size_t *at,
                                    char *notes, size_t notes_capacity)
{
    for (*at = 0; *at < steps->count; ++*at) {
        weft_status st = run_directory_load_step(directory, steps->step[*at], snapshot);
        if (st == WEFT_OK || st == WEFT_ENOMEM)         /* the latter says nothing of the file */
            return st;
        note_failure(notes, notes_capacity);
    }
    return WEFT_OK;
}

weft_status run_directory_load_newest(struct run_directory *directory, struct snapshot **snapshot, int64_t *step,
                                      size_t *passed_over, char *notes, size_t notes_capacity)
{
    struct steps steps;
    *passed_over = 0;
    if (notes_capacity > 0)
        notes[0] = '\0';
    weft_status st = steps_list(directory->path, &steps);
    if (st == WEFT_OK && steps.count == 0)
        st = error_set(WEFT_ENOINPUT, "resume %s: no checkpoint (step-<n>.h5) is in it any more; start again with weft train, in "
                       "another directory", directory->path);
    if (st == WEFT_OK)
        st = load_first_whole(directory, &steps, snapshot, passed_over, notes, notes_capacity);
    if (st == WEFT_OK && *passed_over < steps.count)
        *step = steps.step[*passed_over];
    else if (st == WEFT_OK)
        st = error_set(WEFT_EDAMAGED, "resume %s: none of its %zu checkpoints is whole; the newest: %s", directory->path,
                       steps.count, notes);
    memory_free(steps.step);
    return st;
}

weft_status run_directory_load_before(struct run_directory *directory, int64_t before, struct snapshot **snapshot, int64_t *step)
{
    struct steps steps;
    size_t newer = 0, at = 0;
    *snapshot = NULL;
    weft_status st = steps_list(directory->path, &steps);
    while (st == WEFT_OK && newer < steps.count && steps.step[newer] >= before)
        newer++;
    if (st == WEFT_OK && newer < steps.count) {
        const struct steps older = {.step = steps.step + newer, .count = steps.count - newer};
        st = load_first_whole(directory, &older, snapshot, &at, NULL, 0);
        if (st == WEFT_OK && at < older.count)
            *step = older.step[at];
    }
    memory_free(steps.step);
    return st;
}

/* Point <link>.h5 at a checkpoint; step < 0 or a missing one leaves the link as it is. */
static weft_status point(struct run_directory *directory, const char *link, int64_t step)
{
    char target[STEP_NAME_BYTES];
    struct file_look look;
    if (step < 0)
        return WEFT_OK;
    step_name(step, target);
    weft_status st = look_in(directory->path, target, &look);
    if (st != WEFT_OK || !look.exists)
        return st;
    char *path = path_in(directory->path, link);
    st = path == NULL ? WEFT_ENOMEM : file_point_link(target, path);
    memory_free(path);
    return st;
}

weft_status run_directory_point_links(struct run_directory *directory, int64_t last_step, int64_t best_step)
{
    weft_status st = point(directory, "best.h5", best_step);
    return st == WEFT_OK ? point(directory, "last.h5", last_step) : st;
}

static bool is_same_file(const struct file_look *a, const struct file_look *b)
{
    return a->exists && b->exists && a->device == b->device && a->number == b->number;
}

/* Remove all checkpoints but the newest `keep` up to the one just saved, the best, and those behind the links, be they symbolic or
 * hard. Later ones are none of these: damaged ones that were passed over, or somebody else's. They neither count nor go. */
static weft_status prune(struct run_directory *directory, int64_t saved_step, int64_t best_step, uint64_t keep)
{
    struct file_look last, best, found;
    struct steps steps;
    weft_status st = steps_list(directory->path, &steps);
    if (st == WEFT_OK) st = look_in(directory->path, "last.h5", &last);
    if (st == WEFT_OK) st = look_in(directory->path, "best.h5", &best);
    uint64_t kept = 0;
    for (size_t i = 0; st == WEFT_OK && i < steps.count; i++) {
        char name[STEP_NAME_BYTES];
        if (steps.step[i] > saved_step || kept++ < keep || steps.step[i] == best_step)
            continue;
        step_name(steps.step[i], name);
        char *path = path_in(directory->path, name);
        st = path == NULL ? WEFT_ENOMEM : file_look(path, &found);
        if (st == WEFT_OK && !is_same_file(&found, &last) && !is_same_file(&found, &best))
            st = file_remove(path);
        memory_free(path);
    }
    memory_free(steps.step);
    return st;
}

static weft_status save(struct run_directory *directory, const char *name, const struct snapshot *snapshot)
{
    char *path = path_in(directory->path, name);
    weft_status st = path == NULL ? WEFT_ENOMEM : run_lock_check(&directory->lock);
    if (st == WEFT_OK)
        st = checkpoint_save(path, snapshot);
    memory_free(path);
    return st;
}

weft_status run_directory_save(struct run_directory *directory, int64_t step, const struct snapshot *snapshot,
                               int64_t best_step, bool set_last, uint64_t keep)
{
    char name[STEP_NAME_BYTES];
    step_name(step, name);
    weft_status st = save(directory, name, snapshot);
    if (st != WEFT_OK || !set_last)
        return st;
    st = run_directory_point_links(directory, step, best_step);
    if (st == WEFT_OK)
        st = prune(directory, step, best_step, keep);
    return st;
}

weft_status run_directory_save_evaluation(struct run_directory *directory, const struct snapshot *snapshot)
{
    return save(directory, "evaluation.h5", snapshot);
}

weft_status run_directory_write(struct run_directory *directory, const char *name, const char *text)
{
    char *path = path_in(directory->path, name);
    weft_status st = path == NULL ? WEFT_ENOMEM : run_lock_check(&directory->lock);
    if (st == WEFT_OK)
        st = file_replace(path, text, strlen(text));
    memory_free(path);
    return st;
}

weft_status run_directory_append(struct run_directory *directory, const char *name, const char *text)
{
    char *path = path_in(directory->path, name);
    weft_status st = path == NULL ? WEFT_ENOMEM : run_lock_check(&directory->lock);
    if (st == WEFT_OK)
        st = file_append(path, text, strlen(text));
    memory_free(path);
    return st;
}
