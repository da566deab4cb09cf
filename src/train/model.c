/* See model.h. */
#include "train/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernel/kernel.h"
#include "store/checkpoint.h"
#include "store/file.h"
#include "train/trainer.h"

static weft_status find_file(const char *path, const char *preferred, char file[MODEL_PATH_SIZE])
{
    struct file_look look, wanted = {.exists = true};
    weft_status st = file_look(path, &look);
    int length = snprintf(file, MODEL_PATH_SIZE, look.is_directory ? "%s/%s" : "%s", path, preferred);
    if (st == WEFT_OK && look.is_directory && length < MODEL_PATH_SIZE)
        st = file_look(file, &wanted);
    if (st != WEFT_OK)
        return st;
    if (!wanted.exists)
        length = snprintf(file, MODEL_PATH_SIZE, "%s/last.h5", path);
    if (length >= MODEL_PATH_SIZE)
        return error_set(WEFT_ENOINPUT, "path of %d characters: wanted fewer than %d", length, MODEL_PATH_SIZE);
    return WEFT_OK;
}

static weft_status get_size(const struct snapshot *snapshot, const char *name, size_t *size)
{
    int64_t value;
    weft_status st = snapshot_get_integer(snapshot, "/input", name, &value);
    if (st == WEFT_OK && (value < 0 || value > INT32_MAX))
        st = error_set(WEFT_EDAMAGED, "/input: attribute %s is %" PRId64 ", wanted 0 to %d", name, value, INT32_MAX);
    *size = st == WEFT_OK ? (size_t)value : 0;
    return st;
}

/* As many floats as a name tells of, if they are there. */
static weft_status get_floats(const struct snapshot *snapshot, const char *path, size_t count, bool must_be, float **values)
{
    if (!must_be && snapshot_find_array(snapshot, path) == NULL)
        return WEFT_OK;
    const struct array *array = snapshot_find_array(snapshot, path);
    if (array == NULL || array->count != count)                 /* before memory is asked for */
        return error_set(WEFT_EDAMAGED, "%s: missing, or not the %zu numbers that /input says", path, count);
    *values = memory_new(count, sizeof **values);
    return *values != NULL ? snapshot_get_array(snapshot, path, ARRAY_F32, 1, &count, *values) : WEFT_ENOMEM;
}

/* Files of a version that knew only classes say nothing of outputs, task and names. */
static weft_status read_outputs(const struct snapshot *snapshot, struct model *model, size_t *outputs)
{
    const char *task = task_name(TASK_CLASSES), *names = "";
    bool has_outputs = snapshot_find_attribute(snapshot, "/input", "outputs") != NULL;
    weft_status st = get_size(snapshot, has_outputs ? "outputs" : "classes", outputs);
    if (st == WEFT_OK && has_outputs) st = snapshot_get_text(snapshot, "/input", "task", &task);
    if (st == WEFT_OK && has_outputs) st = snapshot_get_text(snapshot, "/input", "class_names", &names);
    if (st == WEFT_OK) st = names_split(names, &model->classes);
    if (st != WEFT_OK)
        return st;
    model->task = TASK_CLASSES;
    while (model->task < TASK_REGRESSION && strcmp(task, task_name(model->task)) != 0)
        model->task++;
    if (strcmp(task, task_name(model->task)) != 0)
        return error_set(WEFT_EDAMAGED, "/input: attribute task is \"%s\", which this version does not know", task);
    if (*outputs < (model->task == TASK_CLASSES ? 2 : 1) || (model->classes.count != 0 && model->classes.count != *outputs))
        return error_set(WEFT_EDAMAGED, "/input: %zu outputs with %zu names do not fit task \"%s\"", *outputs, model->classes.count,
                         task);
    return WEFT_OK;
}

static weft_status read_input(const struct snapshot *snapshot, struct model *model, size_t *features, size_t *outputs)
{
    weft_status st = get_size(snapshot, "features", features);
    if (st == WEFT_OK) st = get_size(snapshot, "height", &model->height);
    if (st == WEFT_OK) st = get_size(snapshot, "width", &model->width);
    if (st == WEFT_OK) st = get_size(snapshot, "channels", &model->channels);
    if (st == WEFT_OK) st = read_outputs(snapshot, model, outputs);
    if (st != WEFT_OK)
        return st;
    bool is_picture = model->height != 0 || model->width != 0 || model->channels != 0;
    if (is_picture && (unsigned __int128)model->height * model->width * model->channels != *features)
        return error_set(WEFT_EDAMAGED, "/input: %zu features are no picture of %zu x %zu x %zu", *features, model->height,
                         model->width, model->channels);
    if (*features == 0)
        return error_set(WEFT_EDAMAGED, "/input: attribute features is 0, wanted 1 or more");
    st = get_floats(snapshot, "/input/mean", *features, true, &model->shift);
    if (st == WEFT_OK) st = get_floats(snapshot, "/input/scale", *features, true, &model->scale);
    if (st == WEFT_OK) st = get_floats(snapshot, "/input/fill", *features, false, &model->fill);
    return st == WEFT_OK ? get_floats(snapshot, "/input/class_weight", *outputs, false, &model->class_weight) : st;
}

/* Before a network of the sizes in the settings is allocated: the file must hold its first weight in that shape, layer by
 * layer, so that a wrong width cannot ask for more memory than the file has bytes. */
static weft_status check_shapes(const struct snapshot *snapshot, const weft_settings *settings, size_t features, size_t outputs)
{
    size_t fan_in = features, hidden = settings->network.hidden.count;
    for (size_t l = 0; l <= hidden; l++) {
        size_t fan_out = l < hidden ? (size_t)settings->network.hidden.value[l] : outputs;
        char path[64];
        snprintf(path, sizeof path, "/layers/%02zu/weight", l + 1);
        const struct array *weight = snapshot_find_array(snapshot, path);
        if (weight == NULL || weight->rank != 2 || weight->dim[0] != fan_in || weight->dim[1] != fan_out)
            return error_set(WEFT_EDAMAGED, "%s: missing, or not the %zu x %zu that the settings say", path, fan_in, fan_out);
        fan_in = fan_out;
    }
    return WEFT_OK;
}

static weft_status fill(struct model *model, const struct snapshot *snapshot)
{
    size_t features = 0, outputs = 0;
    weft_status st = snapshot_get_integer(snapshot, "/", "step", &model->step);
    if (st == WEFT_OK && (model->settings = weft_settings_create()) == NULL) st = WEFT_ENOMEM;
    if (st == WEFT_OK) st = restore_settings(snapshot, model->settings);
    if (st != WEFT_OK)
        return st;
    model->settings->train.max_time_s = 1;      /* not in the file; it may have been all that ended the run */
    st = weft_settings_check(model->settings);
    if (st == WEFT_OK) st = read_input(snapshot, model, &features, &outputs);
    if (st == WEFT_OK) st = check_shapes(snapshot, model->settings, features, outputs);
    if (st == WEFT_OK) st = network_create(&model->net, model->settings, features, RAW_F32, outputs);
    if (st == WEFT_OK) st = optimizer_create(&model->optimizer, &model->net, model->settings);
    if (st == WEFT_OK) st = restore_network(snapshot, &model->net);
    if (st == WEFT_OK) st = restore_optimizer(snapshot, &model->net, &model->optimizer);
    if (st == WEFT_OK) st = weights_digest(&model->net, &model->optimizer, model->digest);
    return st;
}

weft_status model_load(const char *path, const char *preferred, bool unsealed, struct model *model, struct snapshot **snapshot)
{
    memset(model, 0, sizeof *model);
    struct snapshot *file = NULL;
    weft_status st = kernel_choose();
    if (st == WEFT_OK) st = find_file(path, preferred, model->path);
    if (st == WEFT_OK) st = checkpoint_load(model->path, unsealed, &file);
    if (st != WEFT_OK)
        return st;
    if ((st = fill(model, file)) != WEFT_OK) {
        st = error_context(st, "read model from %s", model->path);
        model_destroy(model);
    }
    if (st == WEFT_OK && snapshot != NULL)
        *snapshot = file;
    else
        snapshot_destroy(file);
    return st;
}

struct expected model_expected(const struct model *model)
{
    return (struct expected){.task = model->task, .features = model->net.features, .outputs = model->net.outputs, .classes = &model->classes,
                             .shift = model->shift, .scale = model->scale, .fill = model->fill,
                             .class_weight = model->class_weight};
}

void model_destroy(struct model *model)
{
    optimizer_destroy(&model->optimizer);
    network_destroy(&model->net);
    weft_settings_destroy(model->settings);
    names_free(&model->classes);
    memory_free(model->shift);
    memory_free(model->scale);
    memory_free(model->fill);
    memory_free(model->class_weight);
    memset(model, 0, sizeof *model);
}
