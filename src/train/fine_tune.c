/* See fine_tune.h. */
#include "train/fine_tune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "train/model.h"

static weft_status layers_fit(const struct network *net, const struct model *model)
{
    const struct network *from = &model->net;
    if (from->features != net->features)
        return error_set(WEFT_EDATA, "layer 01 has %zu inputs here, but %zu in %s", net->features, from->features, model->path);
    for (size_t l = 0; l + 1 < net->layers && l + 1 < from->layers; l++) {
        const struct layer *mine = &net->layer[l], *theirs = &from->layer[l];
        if (mine->fan_out != theirs->fan_out)
            return error_set(WEFT_EDATA, "layer %02zu has %zu units here, but %zu in %s", l + 1, mine->fan_out, theirs->fan_out,
                             model->path);
        if (mine->has_norm != theirs->has_norm || (mine->has_norm && net->norm_affine != from->norm_affine))
            return error_set(WEFT_EDATA, "layer %02zu: batch-norm %s, but not %s", l + 1,
                             mine->has_norm ? "learns other parameters here" : "is in the checkpoint", mine->has_norm ? "there" : "here");
    }
    if (net->layers != from->layers)
        return error_set(WEFT_EDATA, "%zu hidden layers here, but %zu in %s", net->layers - 1, from->layers - 1, model->path);
    return WEFT_OK;
}

/* Both lists have the same tensors in the same order, down to the output layer's. */
static void copy_tensors(const struct tensor *tensor, size_t tensors, const float *from, const struct tensor *from_tensor,
                         size_t layers, float *to)
{
    for (size_t i = 0; i < tensors; i++)
        if (tensor[i].layer < layers)
            memcpy(to + tensor[i].offset, from + from_tensor[i].offset, tensor[i].count * sizeof *to);
}

static void tell_differences(weft_trainer *tr, const struct model *model)
{
    char text[MODEL_PATH_SIZE + 200];
    const struct network *net = &tr->training.net;
    size_t size_bytes = net->features * sizeof *model->shift;
    if (net->outputs != model->net.outputs) {
        snprintf(text, sizeof text, "the output layer is drawn anew: it has %zu outputs here, but %zu in %s", net->outputs,
                 model->net.outputs, model->path);
        trainer_announce(tr, WEFT_EVENT_NOTE, text);
    }
    if (memcmp(model->shift, tr->dataset.shift, size_bytes) != 0 || memcmp(model->scale, tr->dataset.scale, size_bytes) != 0) {
        snprintf(text, sizeof text, "inputs are scaled by data.scaling and these training rows, not as for %s", model->path);
        trainer_announce(tr, WEFT_EVENT_NOTE, text);
    }
}

static weft_status take_weights(weft_trainer *tr, const struct model *model)
{
    struct network *net = &tr->training.net;
    weft_status st = layers_fit(net, model);
    if (st != WEFT_OK)
        return error_context(st, "begin with %s", tr->settings->network.init_from);
    size_t layers = net->outputs == model->net.outputs ? net->layers : net->layers - 1;
    copy_tensors(net->tensor, net->tensors, model->net.parameter, model->net.tensor, layers, net->parameter);
    copy_tensors(net->running_tensor, net->running_tensors, model->net.running, model->net.running_tensor, layers, net->running);
    network_pack(net);
    memcpy(tr->initial_digest, model->digest, sizeof tr->initial_digest);
    tell_differences(tr, model);
    return WEFT_OK;
}

static weft_status make_absolute(weft_settings *settings)
{
    char *absolute = realpath(settings->network.init_from, NULL);
    if (absolute == NULL)
        return error_set(WEFT_ENOINPUT, "begin with %s: %m", settings->network.init_from);
    weft_status st = weft_settings_set(settings, "network.init_from", absolute);
    free(absolute);                                             /* realpath's */
    return st;
}

weft_status fine_tune_begin(weft_trainer *tr)
{
    struct model model;
    if (strcmp(tr->settings->network.init_from, "none") == 0)
        return WEFT_OK;
    weft_status st = model_load(tr->settings->network.init_from, "best.h5", false, &model, NULL);
    if (st != WEFT_OK)
        return st;
    st = take_weights(tr, &model);
    model_destroy(&model);
    return st == WEFT_OK ? make_absolute(tr->settings) : st;
}
