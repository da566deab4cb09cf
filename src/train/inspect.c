/* weft_checkpoint_verify, seal, inspect and weights: what a checkpoint is, from the file alone. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "parallel/shard.h"
#include "parallel/team.h"
#include "settings/settings.h"
#include "store/checkpoint.h"
#include "store/weight_stats.h"
#include "train/inspect.h"
#include "weft/checkpoint.h"

weft_status weft_checkpoint_verify(const char *path)
{
    return checkpoint_verify(path);
}

weft_status weft_checkpoint_seal(const char *path)
{
    return checkpoint_seal(path);
}

/* The latest value of one figure that the file recorded for this tensor; NaN if there is none. */
static double latest(const struct snapshot *snapshot, const struct tensor *tensor, const char *figure)
{
    char group[TENSOR_PATH_SIZE], path[2 * TENSOR_PATH_SIZE];
    tensor_path(tensor, "/statistics", group);
    snprintf(path, sizeof path, "%s/%s", group, figure);
    const struct array *array = snapshot_find_array(snapshot, path);
    bool is_there = array != NULL && array->type == ARRAY_F64 && array->count > 0;
    return is_there ? ((const double *)array->data)[array->count - 1] : NAN;
}

static weft_status describe_tensor(const struct snapshot *snapshot, const struct tensor *tensor, const float *array,
                                   weft_tensor_info *info)
{
    char path[TENSOR_PATH_SIZE];
    struct weight_figures f;
    weft_status st = weight_figures_of(tensor->count, array + tensor->offset, NULL, NULL, &f);
    if (st != WEFT_OK)
        return st;
    tensor_path(tensor, "", path);
    *info = (weft_tensor_info){.layer = tensor->layer + 1, .rank = tensor->rank, .dim = {tensor->dim[0], tensor->dim[1]},
                               .mean_abs = f.mean_abs, .l2_norm = f.l2_norm, .mean = f.mean, .std = f.std, .min = f.min,
                               .max = f.max, .zero_fraction = f.zero_fraction,
                               .gradient_l2_norm = latest(snapshot, tensor, "gradient_l2_norm"),
                               .update_ratio = latest(snapshot, tensor, "update_ratio")};
    snprintf(info->name, sizeof info->name, "%s", path + 1);
    return WEFT_OK;
}

/* Layer by layer, the learned tensors before the running statistics. */
weft_status inspect_tensors(const struct model *model, const struct snapshot *snapshot, weft_tensor_info **tensor, size_t *tensors)
{
    const struct network *net = &model->net;
    size_t count = 0;
    weft_tensor_info *list = *tensor = memory_new(net->tensors + net->running_tensors, sizeof *list);
    *tensors = 0;
    if (list == NULL)
        return WEFT_ENOMEM;
    weft_status st = WEFT_OK;
    unsigned mode = team_float_mode_enter();
    for (size_t l = 0; l < net->layers; l++) {
        for (size_t i = 0; i < net->tensors && st == WEFT_OK; i++)
            if (net->tensor[i].layer == l)
                st = describe_tensor(snapshot, &net->tensor[i], net->parameter, &list[count++]);
        for (size_t i = 0; i < net->running_tensors && st == WEFT_OK; i++)
            if (net->running_tensor[i].layer == l)
                st = describe_tensor(snapshot, &net->running_tensor[i], net->running, &list[count++]);
    }
    team_float_mode_leave(mode);
    *tensors = count;
    return st;
}

static weft_status describe_settings(const weft_settings *settings, weft_checkpoint_info *info)
{
    info->setting = memory_new(weft_settings_count(), sizeof *info->setting);
    if (info->setting == NULL)
        return WEFT_ENOMEM;
    for (size_t i = 0; i < weft_settings_count(); i++) {
        const weft_setting_info *setting = weft_settings_info(i);
        if (!setting->identity)
            continue;
        weft_setting_value *v = &info->setting[info->settings++];
        char text[SETTING_TEXT_SIZE_BYTES];
        weft_status st = weft_settings_get(settings, setting->name, text, sizeof text);
        if (st != WEFT_OK)
            return st;
        snprintf(v->name, sizeof v->name, "%s", setting->name);
        if (snprintf(v->value, sizeof v->value, "%s", text) >= (int)sizeof v->value)
            memcpy(v->value + sizeof v->value - 4, "...", 4);
    }
    return WEFT_OK;
}

static weft_status copy_text(const struct snapshot *snapshot, const char *object, const char *name, char *text, size_t capacity)
{
    const char *value;
    weft_status st = snapshot_get_text(snapshot, object, name, &value);
    if (st == WEFT_OK)
        snprintf(text, capacity, "%s", value);
    return st;
}

static weft_status describe_run(const struct snapshot *snapshot, weft_checkpoint_info *info)
{
    weft_status st = snapshot_get_real(snapshot, "/", "epoch", &info->epoch);
    if (st == WEFT_OK) st = copy_text(snapshot, "/", "weft_version", info->weft_version, sizeof info->weft_version);
    if (st == WEFT_OK) st = copy_text(snapshot, "/", "settings_digest", info->settings_digest, sizeof info->settings_digest);
    if (st == WEFT_OK) st = copy_text(snapshot, "/", "data_digest", info->data_digest, sizeof info->data_digest);
    if (st == WEFT_OK) st = copy_text(snapshot, "/trainer", "stop_reason", info->stop_reason, sizeof info->stop_reason);
    if (st == WEFT_OK) st = copy_text(snapshot, "/trainer", "best_metric", info->best_metric, sizeof info->best_metric);
    if (st == WEFT_OK) st = snapshot_get_integer(snapshot, "/trainer", "best_step", &info->best_step);
    if (st == WEFT_OK) st = snapshot_get_real(snapshot, "/trainer", "best_value", &info->best_value);
    return st;
}

weft_status inspect_model(const struct model *model, const struct snapshot *snapshot, weft_checkpoint_info *info)
{
    const struct network *net = &model->net;
    *info = (weft_checkpoint_info){.step = (uint64_t)model->step, .features = net->features, .outputs = net->outputs,
                                   .parameters = net->parameter_count, .height = model->height, .width = model->width,
                                   .channels = model->channels};
    snprintf(info->path, sizeof info->path, "%s", model->path);
    snprintf(info->task, sizeof info->task, "%s", task_name(model->task));
    memcpy(info->weights_digest, model->digest, sizeof info->weights_digest);
    weft_status st = describe_run(snapshot, info);
    if (st == WEFT_OK) st = describe_settings(model->settings, info);
    if (st == WEFT_OK) st = inspect_tensors(model, snapshot, &info->tensor, &info->tensors);
    if (st != WEFT_OK) {
        st = error_context(st, "inspect %s", model->path);
        weft_checkpoint_info_clear(info);
    }
    return st;
}

weft_status weft_checkpoint_inspect(const char *path, int unsealed, weft_checkpoint_info *info)
{
    memset(info, 0, sizeof *info);
    struct model model;
    struct snapshot *snapshot;
    weft_status st = model_load(path, "last.h5", unsealed != 0, &model, &snapshot);
    if (st != WEFT_OK)
        return st;
    st = inspect_model(&model, snapshot, info);
    snapshot_destroy(snapshot);
    model_destroy(&model);
    return st;
}

void weft_checkpoint_info_clear(weft_checkpoint_info *info)
{
    memory_free(info->tensor);
    memory_free(info->setting);
    memset(info, 0, sizeof *info);
}

/* ---- the numbers themselves ---- */

static float **place_of(weft_layer_weights *layer, enum tensor_kind kind)
{
    switch (kind) {
    case TENSOR_WEIGHT: return &layer->weight;
    case TENSOR_BIAS: return &layer->bias;
    case TENSOR_GAMMA: return &layer->gamma;
    case TENSOR_BETA: return &layer->beta;
    case TENSOR_RUNNING_MEAN: return &layer->running_mean;
    case TENSOR_RUNNING_VARIANCE: break;
    }
    return &layer->running_variance;
}

/* Those of layer l among the tensors, which are views into array. */
static weft_status copy_tensors(const struct tensor *tensor, size_t tensors, const float *array, size_t l,
                                weft_layer_weights *layer)
{
    for (size_t i = 0; i < tensors; i++) {
        if (tensor[i].layer != l)
            continue;
        float *copy = memory_new(tensor[i].count, sizeof *copy);
        if (copy == NULL)
            return WEFT_ENOMEM;
        memcpy(copy, array + tensor[i].offset, tensor[i].count * sizeof *copy);
        *place_of(layer, tensor[i].kind) = copy;
    }
    return WEFT_OK;
}

static weft_status copy_layer(const struct network *net, size_t l, weft_layer_weights *layer)
{
    bool is_output = l + 1 == net->layers;
    *layer = (weft_layer_weights){.layer = l + 1, .fan_in = net->layer[l].fan_in, .fan_out = net->layer[l].fan_out};
    snprintf(layer->activation, sizeof layer->activation, "%s",
             is_output ? output_name(net->output) : activation_name(net->layer[l].activation));
    weft_status st = copy_tensors(net->tensor, net->tensors, net->parameter, l, layer);
    return st == WEFT_OK ? copy_tensors(net->running_tensor, net->running_tensors, net->running, l, layer) : st;
}

/* The layers that a number stands for. */
static weft_status wanted_layers(size_t layers, int number, struct range *wanted)
{
    *wanted = (struct range){0, layers};
    if (number == WEFT_LAYERS_ALL)
        return WEFT_OK;
    if (number == WEFT_LAYER_OUTPUT)
        number = (int)layers;
    if (number < 1 || (size_t)number > layers)
        return error_set(WEFT_EINVAL, "layer %d: the network has %zu layer%s, the output layer included; wanted 1 to %zu", number,
                         layers, layers == 1 ? "" : "s", layers);
    *wanted = (struct range){(size_t)number - 1, (size_t)number};
    return WEFT_OK;
}

static weft_status copy_layers(const struct model *model, int number, weft_weights *weights)
{
    struct range wanted;
    weft_status st = wanted_layers(model->net.layers, number, &wanted);
    if (st != WEFT_OK)
        return st;
    *weights = (weft_weights){.step = (uint64_t)model->step, .network_layers = model->net.layers};
    snprintf(weights->path, sizeof weights->path, "%s", model->path);
    weights->layer = memory_new(wanted.end - wanted.first, sizeof *weights->layer);
    if (weights->layer == NULL)
        return WEFT_ENOMEM;
    for (size_t l = wanted.first; l < wanted.end && st == WEFT_OK; l++)
        st = copy_layer(&model->net, l, &weights->layer[weights->layers++]);
    return st;
}

weft_status weft_checkpoint_weights(const char *path, int layer, int unsealed, weft_weights *weights)
{
    memset(weights, 0, sizeof *weights);
    struct model model;
    weft_status st = model_load(path, "last.h5", unsealed != 0, &model, NULL);
    if (st != WEFT_OK)
        return st;
    if ((st = copy_layers(&model, layer, weights)) != WEFT_OK) {
        st = error_context(st, "weights of %s", model.path);
        weft_weights_clear(weights);
    }
    model_destroy(&model);
    return st;
}

void weft_weights_clear(weft_weights *weights)
{
    for (size_t l = 0; l < weights->layers; l++)
        for (enum tensor_kind kind = TENSOR_WEIGHT; kind <= TENSOR_RUNNING_VARIANCE; kind++)
            memory_free(*place_of(&weights->layer[l], kind));
    memory_free(weights->layer);
    memset(weights, 0, sizeof *weights);
}
