/* From a snapshot back to a run. Everything is checked for type and shape on the way; on failure the caller throws the
 * half-restored run away. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "train/trainer.h"

static const char *setting_preset(const char *name)
{
    size_t i = 0;
    while (strcmp(weft_settings_info(i)->name, name) != 0)
        i++;
    return weft_settings_info(i)->preset;
}

weft_status restore_settings(const struct snapshot *snapshot, weft_settings *settings)
{
    for (size_t i = 0; i < settings_identity_count(); i++) {
        char text[SETTING_TEXT_SIZE_BYTES];
        struct setting_value v;
        settings_identity_get(settings, i, &v, text);           /* name and type; the value is replaced */
        weft_status st = WEFT_OK;
        if (snapshot_find_attribute(snapshot, "/settings", v.name) == NULL) {   /* written before there was this setting */
            if ((st = weft_settings_set(settings, v.name, setting_preset(v.name))) != WEFT_OK)
                return st;
            continue;
        }
        switch (v.type) {
        case SETTING_INTEGER: st = snapshot_get_integer(snapshot, "/settings", v.name, &v.integer); break;
        case SETTING_REAL: st = snapshot_get_real(snapshot, "/settings", v.name, &v.real); break;
        case SETTING_TEXT: st = snapshot_get_text(snapshot, "/settings", v.name, &v.text); break;
        }
        if (st == WEFT_OK)
            st = settings_identity_set(settings, &v);
        if (st != WEFT_OK)
            return st;
    }
    return WEFT_OK;
}

static weft_status get_tensors(const struct snapshot *snapshot, const struct tensor *tensor, size_t count, float *array)
{
    for (size_t i = 0; i < count; i++) {
        char path[TENSOR_PATH_SIZE];
        tensor_path(&tensor[i], "/layers", path);
        weft_status st = snapshot_get_array(snapshot, path, ARRAY_F32, tensor[i].rank, tensor[i].dim, array + tensor[i].offset);
        if (st != WEFT_OK)
            return st;
    }
    return WEFT_OK;
}

weft_status restore_network(const struct snapshot *snapshot, struct network *net)
{
    weft_status st = get_tensors(snapshot, net->tensor, net->tensors, net->parameter);
    if (st == WEFT_OK)
        st = get_tensors(snapshot, net->running_tensor, net->running_tensors, net->running);
    if (st == WEFT_OK)
        network_pack(net);
    return st;
}

weft_status restore_optimizer(const struct snapshot *snapshot, const struct network *net, struct optimizer *optimizer)
{
    for (size_t i = 0; i < net->tensors; i++)
        for (size_t m = 0; m < optimizer->moments; m++) {
            char tensor[TENSOR_PATH_SIZE], path[2 * TENSOR_PATH_SIZE];
            tensor_path(&net->tensor[i], "/optimizer", tensor);
            snprintf(path, sizeof path, "%s/%s", tensor, optimizer->moment_name[m]);
            weft_status st = snapshot_get_array(snapshot, path, ARRAY_F32, net->tensor[i].rank, net->tensor[i].dim,
                                                optimizer->moment[m] + net->tensor[i].offset);
            if (st != WEFT_OK)
                return st;
        }
    return WEFT_OK;
}

static weft_status get_count(const struct snapshot *snapshot, const char *name, uint64_t *count)
{
    int64_t value;
    weft_status st = snapshot_get_integer(snapshot, "/trainer", name, &value);
    if (st == WEFT_OK && value < 0)
        return error_set(WEFT_EDAMAGED, "/trainer: attribute %s is %" PRId64 ", wanted 0 or more", name, value);
    *count = (uint64_t)value;
    return st;
}

/* Only of a run that began with another's weights. */
static weft_status restore_origin(const struct snapshot *snapshot, weft_trainer *tr)
{
    const char *digest;
    if (snapshot_find_attribute(snapshot, "/trainer", "initial_weights_digest") == NULL)
        return WEFT_OK;
    weft_status st = snapshot_get_text(snapshot, "/trainer", "initial_weights_digest", &digest);
    if (st == WEFT_OK)
        snprintf(tr->initial_digest, sizeof tr->initial_digest, "%s", digest);
    return st;
}

static weft_status restore_position(const struct snapshot *snapshot, weft_trainer *tr)
{
    struct training *t = &tr->training;
    const char *reason;
    weft_status st = get_count(snapshot, "step", &t->step);
    if (st == WEFT_OK) st = snapshot_get_integer(snapshot, "/trainer", "evaluated_step", &tr->evaluated_step);
    if (st == WEFT_OK) st = snapshot_get_real(snapshot, "/trainer", "epoch_loss_sum", &t->epoch_loss_sum);
    if (st == WEFT_OK) st = get_count(snapshot, "epoch_rows", &t->epoch_rows);
    if (st == WEFT_OK) st = get_count(snapshot, "epoch_correct", &t->epoch_correct);
    if (st == WEFT_OK) st = early_stop_get(&tr->early_stop, snapshot);
    if (st == WEFT_OK) st = snapshot_get_text(snapshot, "/trainer", "stop_reason", &reason);
    if (st != WEFT_OK)
        return st;
    static const char *const known[] = {"", "epochs", "steps", "early_stop"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(reason, known[i]) == 0) {
            tr->stop_reason = known[i];
            return WEFT_OK;
        }
    return error_set(WEFT_EDAMAGED, "/trainer: attribute stop_reason is \"%s\", which this version does not know", reason);
}

static weft_status restore_step_loss(const struct snapshot *snapshot, struct training *t)
{
    static const char path[] = "/history/step/loss";
    size_t steps = (size_t)t->step;
    const struct array *loss = snapshot_find_array(snapshot, path);
    if (loss == NULL || loss->count != steps)                   /* before memory is asked for */
        return error_set(WEFT_EDAMAGED, "%s: missing, or not one loss for each of %zu steps", path, steps);
    memory_free(t->step_loss);
    t->step_loss = memory_new(steps, sizeof *t->step_loss);
    if (t->step_loss == NULL)
        return WEFT_ENOMEM;
    t->step_loss_capacity = t->step;
    return snapshot_get_array(snapshot, path, ARRAY_F32, 1, &steps, t->step_loss);
}

weft_status restore_run(const struct snapshot *snapshot, weft_trainer *tr)
{
    struct training *t = &tr->training;
    weft_status st = restore_network(snapshot, &t->net);
    if (st == WEFT_OK) st = restore_optimizer(snapshot, &t->net, &t->optimizer);
    if (st == WEFT_OK) st = restore_position(snapshot, tr);
    if (st == WEFT_OK) st = restore_origin(snapshot, tr);
    if (st == WEFT_OK) st = history_get(&tr->history, snapshot);
    if (st == WEFT_OK) st = restore_step_loss(snapshot, t);
    for (size_t i = 0; i < t->net.tensors && st == WEFT_OK; i++) {
        char path[TENSOR_PATH_SIZE];
        tensor_path(&t->net.tensor[i], "/statistics", path);
        st = weight_stats_get(&tr->stats[i], path, snapshot);
    }
    if (st == WEFT_OK && !training_is_finite(t))
        st = error_set(WEFT_EDAMAGED, "a parameter, running statistic or optimizer moment is not finite");
    return st;
}
