/* See figures.h. */
#include "train/figures.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/dataset.h"
#include "data/names.h"

#define TRY(call) do { weft_status try_status = (call); if (try_status != WEFT_OK) return try_status; } while (0)

enum { PATH_SIZE = 64, OUTPUTS_MAX = 1 << 20 };
static const char CONTENT[] = "evaluation";

/* Which tasks a figure belongs to. */
enum { OF_CLASSES = 1 << WEFT_TASK_CLASSES, OF_LABELS = 1 << WEFT_TASK_LABELS, OF_VALUES = 1 << WEFT_TASK_REGRESSION };

/* Attributes of /<split>. */
static const struct { const char *name; size_t offset; unsigned tasks; } REAL[] = {
    {"cost", offsetof(weft_evaluation, cost), OF_CLASSES | OF_LABELS | OF_VALUES},
    {"loss", offsetof(weft_evaluation, loss), OF_CLASSES | OF_LABELS | OF_VALUES},
    {"accuracy", offsetof(weft_evaluation, accuracy), OF_CLASSES | OF_LABELS},
    {"label_accuracy", offsetof(weft_evaluation, label_accuracy), OF_LABELS},
    {"r2", offsetof(weft_evaluation, r2), OF_VALUES},
    {"mean_absolute_error", offsetof(weft_evaluation, mean_absolute_error), OF_VALUES},
};
enum { REALS = sizeof REAL / sizeof *REAL };

/* Columns of /<split>, a number for each class or label (offsets in weft_class_figures) or value (in weft_value_figures). */
static const struct { const char *name; size_t offset; unsigned tasks; } COLUMN[] = {
    {"precision", offsetof(weft_class_figures, precision), OF_CLASSES | OF_LABELS},
    {"recall", offsetof(weft_class_figures, recall), OF_CLASSES | OF_LABELS},
    {"f1", offsetof(weft_class_figures, f1), OF_CLASSES | OF_LABELS},
    {"r2", offsetof(weft_value_figures, r2), OF_VALUES},
    {"mean_absolute_error", offsetof(weft_value_figures, mean_absolute_error), OF_VALUES},
    {"root_mean_square_error", offsetof(weft_value_figures, root_mean_square_error), OF_VALUES},
};
enum { COLUMNS = sizeof COLUMN / sizeof *COLUMN };

/* Groups in which precision, recall and F1 are attributes: the two means over all classes. */
static const struct { const char *name; size_t offset; } MEAN[] = {
    {"macro", offsetof(weft_evaluation, macro)}, {"weighted", offsetof(weft_evaluation, weighted)},
};
enum { MEANS = sizeof MEAN / sizeof *MEAN };

static double *real_at(const void *base, size_t offset)
{
    return (double *)((char *)base + offset);
}

static const void *row_of(const weft_evaluation *e, size_t i)
{
    return e->task == WEFT_TASK_REGRESSION ? (const void *)&e->per_value[i] : (const void *)&e->per_class[i];
}

static bool belongs(unsigned tasks, weft_task task)
{
    return (tasks >> task & 1) != 0;
}

static const char *path_of(char path[PATH_SIZE], const char *split, const char *name)
{
    snprintf(path, PATH_SIZE, "/%s/%s", split, name);
    return path;
}

/* ---- to a snapshot ---- */

static weft_status put_column(const weft_evaluation *e, size_t c, struct snapshot *snapshot)
{
    char path[PATH_SIZE];
    void *data;
    TRY(snapshot_put_space(snapshot, path_of(path, e->split, COLUMN[c].name), ARRAY_F64, ROLE_PLAIN, 1, &e->outputs, &data));
    for (size_t i = 0; i < e->outputs; i++)
        ((double *)data)[i] = *real_at(row_of(e, i), COLUMN[c].offset);
    return WEFT_OK;
}

static weft_status put_counts(const weft_evaluation *e, struct snapshot *snapshot)
{
    char path[PATH_SIZE];
    size_t dim[2] = {e->outputs, e->outputs};
    void *data;
    if (e->confusion != NULL)
        TRY(snapshot_put_array(snapshot, path_of(path, e->split, "confusion"), ARRAY_I64, ROLE_PLAIN, 2, dim, e->confusion));
    if (e->per_class == NULL)
        return WEFT_OK;
    TRY(snapshot_put_space(snapshot, path_of(path, e->split, "support"), ARRAY_I64, ROLE_PLAIN, 1, &e->outputs, &data));
    for (size_t i = 0; i < e->outputs; i++)
        ((int64_t *)data)[i] = (int64_t)e->per_class[i].support;
    return WEFT_OK;
}

static weft_status put_means(const weft_evaluation *e, struct snapshot *snapshot)
{
    for (size_t m = 0; m < MEANS && e->per_class != NULL; m++) {
        char path[PATH_SIZE];
        const weft_class_figures *mean = (const weft_class_figures *)((const char *)e + MEAN[m].offset);
        path_of(path, e->split, MEAN[m].name);
        TRY(snapshot_put_real(snapshot, path, "precision", mean->precision));
        TRY(snapshot_put_real(snapshot, path, "recall", mean->recall));
        TRY(snapshot_put_real(snapshot, path, "f1", mean->f1));
        TRY(snapshot_put_integer(snapshot, path, "support", (int64_t)mean->support));
    }
    return WEFT_OK;
}

static weft_status put_split(const weft_evaluation *e, struct snapshot *snapshot)
{
    char group[PATH_SIZE];
    snprintf(group, sizeof group, "/%s", e->split);
    TRY(snapshot_put_integer(snapshot, group, "rows", (int64_t)e->rows));
    for (size_t r = 0; r < REALS; r++)
        if (belongs(REAL[r].tasks, e->task))
            TRY(snapshot_put_real(snapshot, group, REAL[r].name, *real_at(e, REAL[r].offset)));
    TRY(put_counts(e, snapshot));
    for (size_t c = 0; c < COLUMNS; c++)
        if (belongs(COLUMN[c].tasks, e->task))
            TRY(put_column(e, c, snapshot));
    return put_means(e, snapshot);
}

static const weft_evaluation *first_filled(const struct figures *figures)
{
    for (enum split_name s = 0; s < SPLIT_COUNT; s++)
        if (figures->evaluation[s].rows > 0)
            return &figures->evaluation[s];
    return NULL;
}

static weft_status put_names(const weft_evaluation *e, struct snapshot *snapshot)
{
    struct names names = {e->name != NULL ? e->outputs : 0, e->name};
    char *text = names_join(&names);
    weft_status st = text != NULL ? snapshot_put_text(snapshot, "/", "names", text) : WEFT_ENOMEM;
    memory_free(text);
    return st;
}

weft_status figures_put(const struct figures *figures, struct snapshot *snapshot)
{
    static const enum task task[] = {
        [WEFT_TASK_CLASSES] = TASK_CLASSES, [WEFT_TASK_LABELS] = TASK_LABELS, [WEFT_TASK_REGRESSION] = TASK_REGRESSION};
    const weft_evaluation *first = first_filled(figures);
    TRY(snapshot_put_text(snapshot, "/", "content", CONTENT));
    TRY(snapshot_put_integer(snapshot, "/", "step", figures->step));
    TRY(snapshot_put_integer(snapshot, "/", "last_step", figures->last_step));
    TRY(snapshot_put_text(snapshot, "/", "last_weights_digest", figures->last_digest));
    TRY(snapshot_put_text(snapshot, "/", "task", task_name(first != NULL ? task[first->task] : TASK_CLASSES)));
    TRY(snapshot_put_integer(snapshot, "/", "outputs", first != NULL ? (int64_t)first->outputs : 0));
    if (first != NULL)
        TRY(put_names(first, snapshot));
    for (enum split_name s = 0; s < SPLIT_COUNT; s++)
        if (figures->evaluation[s].rows > 0)
            TRY(put_split(&figures->evaluation[s], snapshot));
    return WEFT_OK;
}

/* ---- and back ---- */

static weft_status get_task(const struct snapshot *snapshot, weft_task *task)
{
    static const struct { enum task task; weft_task is; } known[] = {
        {TASK_CLASSES, WEFT_TASK_CLASSES}, {TASK_LABELS, WEFT_TASK_LABELS}, {TASK_REGRESSION, WEFT_TASK_REGRESSION}};
    const char *text;
    TRY(snapshot_get_text(snapshot, "/", "task", &text));
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(text, task_name(known[i].task)) == 0) {
            *task = known[i].is;
            return WEFT_OK;
        }
    return error_set(WEFT_EDAMAGED, "/: attribute task is \"%s\", wanted classes, labels or regression", text);
}

static weft_status get_count(const struct snapshot *snapshot, const char *object, const char *name, int64_t most, size_t *count)
{
    int64_t value;
    TRY(snapshot_get_integer(snapshot, object, name, &value));
    if (value < 0 || value > most)
        return error_set(WEFT_EDAMAGED, "%s: attribute %s is %" PRId64 ", wanted 0 to %" PRId64, object, name, value, most);
    *count = (size_t)value;
    return WEFT_OK;
}

/* The array at /<split>/<name>, if it has that type and so many elements. */
static const void *find(const struct snapshot *snapshot, const char *split, const char *name, enum array_type type, size_t count)
{
    char path[PATH_SIZE];
    const struct array *array = snapshot_find_array(snapshot, path_of(path, split, name));
    if (array == NULL || array->type != type || array->count != count) {
        error_set(WEFT_EDAMAGED, "%s: missing, or not %zu numbers", path, count);
        return NULL;
    }
    return array->data;
}

/* None is below 0 or above `most`, and so their sums are what they say. */
static weft_status check_counts(const weft_evaluation *e, const char *name, size_t counts, const int64_t *count, int64_t most)
{
    for (size_t i = 0; i < counts; i++)
        if (count[i] < 0 || count[i] > most)
            return error_set(WEFT_EDAMAGED, "/%s/%s: found %" PRId64 ", wanted 0 to %" PRId64 ", of %zu rows", e->split, name,
                             count[i], most, e->rows);
    return WEFT_OK;
}

/* Each row of the data is counted once. */
static weft_status check_confusion(const weft_evaluation *e, const int64_t *confusion)
{
    int64_t left = (int64_t)e->rows;
    for (size_t i = 0; i < e->outputs * e->outputs; left -= confusion[i++])
        TRY(check_counts(e, "confusion", 1, &confusion[i], left));
    return WEFT_OK;
}

static weft_status get_counts(const struct snapshot *snapshot, weft_evaluation *e)
{
    const int64_t *support = find(snapshot, e->split, "support", ARRAY_I64, e->outputs);
    if (support == NULL)
        return WEFT_EDAMAGED;
    TRY(check_counts(e, "support", e->outputs, support, (int64_t)e->rows));
    for (size_t i = 0; i < e->outputs; i++)
        e->per_class[i].support = (uint64_t)support[i];
    if (e->task != WEFT_TASK_CLASSES)
        return WEFT_OK;
    const int64_t *confusion = find(snapshot, e->split, "confusion", ARRAY_I64, e->outputs * e->outputs);
    if (confusion == NULL)
        return WEFT_EDAMAGED;
    TRY(check_confusion(e, confusion));
    if ((e->confusion = memory_new(e->outputs * e->outputs, sizeof *e->confusion)) == NULL)
        return WEFT_ENOMEM;
    memcpy(e->confusion, confusion, e->outputs * e->outputs * sizeof *e->confusion);
    return WEFT_OK;
}

static weft_status get_columns(const struct snapshot *snapshot, weft_evaluation *e)
{
    for (size_t c = 0; c < COLUMNS; c++) {
        if (!belongs(COLUMN[c].tasks, e->task))
            continue;
        const double *data = find(snapshot, e->split, COLUMN[c].name, ARRAY_F64, e->outputs);
        if (data == NULL)
            return WEFT_EDAMAGED;
        for (size_t i = 0; i < e->outputs; i++)
            *real_at(row_of(e, i), COLUMN[c].offset) = data[i];
    }
    return WEFT_OK;
}

static weft_status get_means(const struct snapshot *snapshot, weft_evaluation *e)
{
    for (size_t m = 0; m < MEANS; m++) {
        char path[PATH_SIZE];
        size_t support = 0;
        weft_class_figures *mean = (weft_class_figures *)((char *)e + MEAN[m].offset);
        path_of(path, e->split, MEAN[m].name);
        TRY(snapshot_get_real(snapshot, path, "precision", &mean->precision));
        TRY(snapshot_get_real(snapshot, path, "recall", &mean->recall));
        TRY(snapshot_get_real(snapshot, path, "f1", &mean->f1));
        TRY(get_count(snapshot, path, "support", INT64_MAX, &support));
        mean->support = support;
    }
    return WEFT_OK;
}

static weft_status get_split(const struct snapshot *snapshot, const char *split, weft_task task, size_t outputs,
                             const struct names *names, weft_evaluation *e)
{
    char group[PATH_SIZE];
    snprintf(group, sizeof group, "/%s", split);
    if (snapshot_find_attribute(snapshot, group, "rows") == NULL)
        return WEFT_OK;
    *e = (weft_evaluation){.task = task, .outputs = outputs, .accuracy = NAN, .label_accuracy = NAN, .r2 = NAN,
                           .mean_absolute_error = NAN};
    snprintf(e->split, sizeof e->split, "%s", split);
    TRY(get_count(snapshot, group, "rows", INT64_MAX, &e->rows));
    for (size_t r = 0; r < REALS; r++)
        if (belongs(REAL[r].tasks, task))
            TRY(snapshot_get_real(snapshot, group, REAL[r].name, real_at(e, REAL[r].offset)));
    if (task == WEFT_TASK_REGRESSION)
        e->per_value = memory_new(outputs, sizeof *e->per_value);
    else
        e->per_class = memory_new(outputs, sizeof *e->per_class);
    if (e->per_value == NULL && e->per_class == NULL)
        return WEFT_ENOMEM;
    TRY(get_columns(snapshot, e));
    if (task != WEFT_TASK_REGRESSION) {
        TRY(get_counts(snapshot, e));
        TRY(get_means(snapshot, e));
    }
    struct names copy;
    if (names->count == 0)
        return WEFT_OK;
    TRY(names_copy(names, &copy));
    e->name = copy.name;
    return WEFT_OK;
}

static weft_status get_position(const struct snapshot *snapshot, struct figures *figures)
{
    const char *digest;
    TRY(snapshot_get_integer(snapshot, "/", "step", &figures->step));
    TRY(snapshot_get_integer(snapshot, "/", "last_step", &figures->last_step));
    TRY(snapshot_get_text(snapshot, "/", "last_weights_digest", &digest));
    snprintf(figures->last_digest, sizeof figures->last_digest, "%s", digest);
    if (figures->step < 0 || figures->step > figures->last_step)
        return error_set(WEFT_EDAMAGED, "/: attribute step is %" PRId64 ", wanted 0 to %" PRId64 ", the last step", figures->step,
                         figures->last_step);
    return WEFT_OK;
}

static weft_status get_splits(const struct snapshot *snapshot, struct figures *figures, struct names *names)
{
    weft_task task = WEFT_TASK_CLASSES;
    size_t outputs = 0;
    const char *text = "";
    TRY(get_task(snapshot, &task));
    TRY(get_count(snapshot, "/", "outputs", OUTPUTS_MAX, &outputs));
    if (snapshot_find_attribute(snapshot, "/", "names") != NULL)
        TRY(snapshot_get_text(snapshot, "/", "names", &text));
    TRY(names_split(text, names));
    if (names->count > 0 && names->count != outputs)
        return error_set(WEFT_EDAMAGED, "/: %zu names of %zu outputs", names->count, outputs);
    for (enum split_name s = 0; s < SPLIT_COUNT; s++)
        TRY(get_split(snapshot, split_label(s), task, outputs, names, &figures->evaluation[s]));
    return WEFT_OK;
}

weft_status figures_get(const struct snapshot *snapshot, struct figures *figures)
{
    struct names names = {0};
    const char *content = "";
    memset(figures, 0, sizeof *figures);
    weft_status st = snapshot_get_text(snapshot, "/", "content", &content);
    if (st == WEFT_OK && strcmp(content, CONTENT) != 0)
        st = error_set(WEFT_EDAMAGED, "/: attribute content is \"%s\", wanted \"%s\"", content, CONTENT);
    if (st == WEFT_OK) st = get_position(snapshot, figures);
    if (st == WEFT_OK) st = get_splits(snapshot, figures, &names);
    names_free(&names);
    if (st != WEFT_OK)
        figures_clear(figures);
    return st;
}

void figures_clear(struct figures *figures)
{
    for (enum split_name s = 0; s < SPLIT_COUNT; s++)
        weft_evaluation_clear(&figures->evaluation[s]);
    memset(figures, 0, sizeof *figures);
}
