/* See model.h. */
#include "train/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernel/kernel.h"
#include "store/checkpoint.h"
#include "train/trainer.h"

static weft_status find_file(const char *path, const char *preferred, char file[MODEL_PATH_SIZE])
{
    struct stat info;
    bool is_directory = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    int length = snprintf(file, MODEL_PATH_SIZE, is_directory ? "%s/%s" : "%s", path, preferred);
    if (is_directory && access(file, F_OK) != 0)
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

static weft_status read_input(const struct snapshot *snapshot, struct model *model, size_t *features, size_t *classes)
{
    weft_status st = get_size(snapshot, "features", features);
    if (st == WEFT_OK) st = get_size(snapshot, "classes", classes);
    if (st == WEFT_OK) st = get_size(snapshot, "height", &model->height);
    if (st == WEFT_OK) st = get_size(snapshot, "width", &model->width);
    if (st == WEFT_OK) st = get_size(snapshot, "channels", &model->channels);
    const struct array *mean = snapshot_find_array(snapshot, "/input/mean");
    bool is_picture = model->height != 0 || model->width != 0 || model->channels != 0;
    if (st == WEFT_OK && is_picture && (unsigned __int128)model->height * model->width * model->channels != *features)
        st = error_set(WEFT_EDAMAGED, "/input: %zu features are no picture of %zu x %zu x %zu", *features, model->height,
                       model->width, model->channels);
    if (st == WEFT_OK && (mean == NULL || mean->count != *features || *features == 0 || *classes < 2))
        st = error_set(WEFT_EDAMAGED, "/input: %zu features and %zu classes do not fit /input/mean", *features, *classes);
    if (st != WEFT_OK)
        return st;
    model->shift = memory_new(*features, sizeof *model->shift);
    model->scale = memory_new(*features, sizeof *model->scale);
    if (model->shift == NULL || model->scale == NULL)
        return WEFT_ENOMEM;
    st = snapshot_get_array(snapshot, "/input/mean", ARRAY_F32, 1, features, model->shift);
    return st == WEFT_OK ? snapshot_get_array(snapshot, "/input/scale", ARRAY_F32, 1, features, model->scale) : st;
}

/* Before a network of the sizes in the settings is allocated: the file must hold its first weight in that shape, layer by
 * layer, so that a wrong width cannot ask for more memory than the file has bytes. */
static weft_status check_shapes(const struct snapshot *snapshot, const weft_settings *settings, size_t features, size_t classes)
{
    size_t fan_in = features, hidden = settings->network.hidden.count;
    for (size_t l = 0; l <= hidden; l++) {
        size_t fan_out = l < hidden ? (size_t)settings->network.hidden.value[l] : classes;
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
    size_t features = 0, classes = 0;
    weft_status st = snapshot_get_integer(snapshot, "/", "step", &model->step);
    if (st == WEFT_OK && (model->settings = weft_settings_create()) == NULL) st = WEFT_ENOMEM;
    if (st == WEFT_OK) st = restore_settings(snapshot, model->settings);
    if (st != WEFT_OK)
        return st;
    model->settings->train.max_time_s = 1;      /* not in the file; it may have been all that ended the run */
    st = weft_settings_check(model->settings);
    if (st == WEFT_OK) st = read_input(snapshot, model, &features, &classes);
    if (st == WEFT_OK) st = check_shapes(snapshot, model->settings, features, classes);
    if (st == WEFT_OK) st = network_create(&model->net, model->settings, features, classes);
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

void model_destroy(struct model *model)
{
    optimizer_destroy(&model->optimizer);
    network_destroy(&model->net);
    weft_settings_destroy(model->settings);
    memory_free(model->shift);
    memory_free(model->scale);
    memset(model, 0, sizeof *model);
}
