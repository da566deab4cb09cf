/* From a run to a snapshot: the layout of a checkpoint, group by group, in the order in which h5py and HDFView list it.
 * restore.c reads back what is needed to go on; the rest is for people. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "train/pictures.h"
#include "train/trainer.h"
#include "weft/version.h"

#define TRY(call) do { weft_status try_status = (call); if (try_status != WEFT_OK) return try_status; } while (0)

static double epochs_done(const struct training *t)
{
    return (double)t->step / (double)t->sampler.steps_per_epoch;
}

static weft_status put_root(const weft_trainer *tr, struct snapshot *snapshot)
{
    char digest[SETTINGS_DIGEST_SIZE_BYTES];
    settings_digest(tr->settings, digest);
    TRY(snapshot_put_text(snapshot, "/", "weft_version", WEFT_VERSION));
    TRY(snapshot_put_integer(snapshot, "/", "step", (int64_t)tr->training.step));
    TRY(snapshot_put_real(snapshot, "/", "epoch", epochs_done(&tr->training)));
    TRY(snapshot_put_text(snapshot, "/", "settings_digest", digest));
    return snapshot_put_text(snapshot, "/", "data_digest", tr->dataset.digest);
}

static weft_status put_settings(const weft_trainer *tr, struct snapshot *snapshot)
{
    for (size_t i = 0; i < settings_identity_count(); i++) {
        char text[SETTING_TEXT_SIZE_BYTES];
        struct setting_value v;
        settings_identity_get(tr->settings, i, &v, text);
        switch (v.type) {
        case SETTING_INTEGER: TRY(snapshot_put_integer(snapshot, "/settings", v.name, v.integer)); break;
        case SETTING_REAL: TRY(snapshot_put_real(snapshot, "/settings", v.name, v.real)); break;
        case SETTING_TEXT: TRY(snapshot_put_text(snapshot, "/settings", v.name, v.text)); break;
        }
    }
    return WEFT_OK;
}

static weft_status put_tensor(struct snapshot *snapshot, const char *path, const struct tensor *tensor, const float *array)
{
    return snapshot_put_array(snapshot, path, ARRAY_F32, ROLE_PLAIN, tensor->rank, tensor->dim, array + tensor->offset);
}

static weft_status put_layer_attributes(const struct network *net, const struct weft_settings *s, const struct tensor *tensor,
                                        const char *path, struct snapshot *snapshot)
{
    const struct layer *layer = &net->layer[tensor->layer];
    if (tensor->kind == TENSOR_WEIGHT) {
        bool is_output = tensor->layer + 1 == net->layers;
        TRY(snapshot_put_text(snapshot, path, "activation", is_output ? output_name(net->output) : activation_name(layer->activation)));
        TRY(snapshot_put_integer(snapshot, path, "fan_in", (int64_t)layer->fan_in));
        TRY(snapshot_put_integer(snapshot, path, "fan_out", (int64_t)layer->fan_out));
    } else if (tensor->kind == TENSOR_RUNNING_VARIANCE) {
        char group[TENSOR_PATH_SIZE];
        snprintf(group, sizeof group, "/layers/%02zu/batch_norm", tensor->layer + 1);
        TRY(snapshot_put_real(snapshot, group, "epsilon", net->norm_epsilon));
        TRY(snapshot_put_real(snapshot, group, "momentum", net->norm_momentum));
        TRY(snapshot_put_text(snapshot, group, "place", s->network.batch_norm == BATCH_NORM_BEFORE ? "before" : "after"));
        TRY(snapshot_put_text(snapshot, group, "statistics", net->norm_of_batch ? "batch" : "shard"));
    }
    return WEFT_OK;
}

/* Layer by layer, so that a layer's arrays stand together. */
static weft_status put_layers(const weft_trainer *tr, struct snapshot *snapshot)
{
    const struct network *net = &tr->training.net;
    char path[TENSOR_PATH_SIZE];
    for (size_t l = 0; l < net->layers; l++) {
        for (size_t i = 0; i < net->tensors; i++)
            if (net->tensor[i].layer == l) {
                tensor_path(&net->tensor[i], "/layers", path);
                TRY(put_tensor(snapshot, path, &net->tensor[i], net->parameter));
                TRY(put_layer_attributes(net, tr->settings, &net->tensor[i], path, snapshot));
            }
        for (size_t i = 0; i < net->running_tensors; i++)
            if (net->running_tensor[i].layer == l) {
                tensor_path(&net->running_tensor[i], "/layers", path);
                TRY(put_tensor(snapshot, path, &net->running_tensor[i], net->running));
                TRY(put_layer_attributes(net, tr->settings, &net->running_tensor[i], path, snapshot));
            }
    }
    return WEFT_OK;
}

static weft_status put_optimizer(const weft_trainer *tr, struct snapshot *snapshot)
{
    const struct optimizer *optimizer = &tr->training.optimizer;
    const struct network *net = &tr->training.net;
    for (size_t i = 0; i < net->tensors; i++)
        for (size_t m = 0; m < optimizer->moments; m++) {
            char tensor[TENSOR_PATH_SIZE], path[2 * TENSOR_PATH_SIZE];
            tensor_path(&net->tensor[i], "/optimizer", tensor);
            snprintf(path, sizeof path, "%s/%s", tensor, optimizer->moment_name[m]);
            TRY(put_tensor(snapshot, path, &net->tensor[i], optimizer->moment[m]));
        }
    return WEFT_OK;
}

static weft_status put_trainer(const weft_trainer *tr, struct snapshot *snapshot)
{
    const struct training *t = &tr->training;
    TRY(snapshot_put_integer(snapshot, "/trainer", "step", (int64_t)t->step));
    TRY(snapshot_put_integer(snapshot, "/trainer", "epoch", (int64_t)(t->step / t->sampler.steps_per_epoch)));
    TRY(snapshot_put_integer(snapshot, "/trainer", "steps_per_epoch", (int64_t)t->sampler.steps_per_epoch));
    TRY(snapshot_put_integer(snapshot, "/trainer", "seed", (int64_t)tr->settings->train.seed));
    TRY(snapshot_put_integer(snapshot, "/trainer", "evaluated_step", tr->evaluated_step));
    TRY(early_stop_put(&tr->early_stop, snapshot));
    int64_t since_best = tr->early_stop.best_step >= 0 ? (int64_t)t->step - tr->early_stop.best_step : 0;
    TRY(snapshot_put_integer(snapshot, "/trainer", "patience_used_steps", since_best));
    TRY(snapshot_put_real(snapshot, "/trainer", "epoch_loss_sum", t->epoch_loss_sum));
    TRY(snapshot_put_integer(snapshot, "/trainer", "epoch_rows", (int64_t)t->epoch_rows));
    TRY(snapshot_put_integer(snapshot, "/trainer", "epoch_correct", (int64_t)t->epoch_correct));
    if (tr->initial_digest[0] != '\0')
        TRY(snapshot_put_text(snapshot, "/trainer", "initial_weights_digest", tr->initial_digest));
    return snapshot_put_text(snapshot, "/trainer", "stop_reason", tr->stop_reason);
}

static weft_status put_statistics(const weft_trainer *tr, struct snapshot *snapshot)
{
    for (size_t i = 0; i < tr->training.net.tensors; i++) {
        char path[TENSOR_PATH_SIZE];
        tensor_path(&tr->training.net.tensor[i], "/statistics", path);
        TRY(weight_stats_put(&tr->stats[i], path, snapshot));
    }
    return WEFT_OK;
}

/* One text, a name a line. */
static weft_status put_class_names(const struct dataset *d, struct snapshot *snapshot)
{
    char *names = names_join(&d->classes);
    weft_status st = names != NULL ? snapshot_put_text(snapshot, "/input", "class_names", names) : WEFT_ENOMEM;
    memory_free(names);
    return st;
}

static weft_status put_input(const weft_trainer *tr, struct snapshot *snapshot)
{
    const struct dataset *d = &tr->dataset;
    TRY(snapshot_put_integer(snapshot, "/input", "features", (int64_t)d->features));
    TRY(snapshot_put_integer(snapshot, "/input", "height", (int64_t)d->train.height));
    TRY(snapshot_put_integer(snapshot, "/input", "width", (int64_t)d->train.width));
    TRY(snapshot_put_integer(snapshot, "/input", "channels", (int64_t)d->train.channels));
    TRY(snapshot_put_integer(snapshot, "/input", "classes", d->task == TASK_CLASSES ? (int64_t)d->outputs : 0));
    TRY(snapshot_put_integer(snapshot, "/input", "outputs", (int64_t)d->outputs));
    TRY(snapshot_put_text(snapshot, "/input", "task", task_name(d->task)));
    TRY(put_class_names(d, snapshot));
    TRY(snapshot_put_array(snapshot, "/input/mean", ARRAY_F32, ROLE_PLAIN, 1, &d->features, d->shift));
    TRY(snapshot_put_array(snapshot, "/input/scale", ARRAY_F32, ROLE_PLAIN, 1, &d->features, d->scale));
    if (d->fill != NULL)
        TRY(snapshot_put_array(snapshot, "/input/fill", ARRAY_F32, ROLE_PLAIN, 1, &d->features, d->fill));
    if (d->class_weight != NULL)
        TRY(snapshot_put_array(snapshot, "/input/class_weight", ARRAY_F32, ROLE_PLAIN, 1, &d->outputs, d->class_weight));
    return WEFT_OK;
}

static weft_status put_all(const weft_trainer *tr, struct snapshot *snapshot)
{
    size_t steps = (size_t)tr->training.step;
    TRY(put_root(tr, snapshot));
    TRY(put_settings(tr, snapshot));
    TRY(put_layers(tr, snapshot));
    TRY(put_optimizer(tr, snapshot));
    TRY(put_trainer(tr, snapshot));
    TRY(put_statistics(tr, snapshot));
    TRY(history_put(&tr->history, snapshot));
    TRY(snapshot_put_array(snapshot, "/history/step/loss", ARRAY_F32, ROLE_PLAIN, 1, &steps, tr->training.step_loss));
    TRY(pictures_put(&tr->training.net, &tr->dataset, snapshot));
    return put_input(tr, snapshot);
}

weft_status capture_run(const weft_trainer *tr, struct snapshot **snapshot)
{
    if (!training_is_finite(&tr->training))             /* a step says so itself: this is memory that something else has changed */
        return error_set(WEFT_ENONFINITE, "snapshot of step %" PRIu64 ": a parameter, running statistic or optimizer moment is not "
                         "finite; nothing was saved", tr->training.step);
    struct snapshot *captured = snapshot_create();
    if (captured == NULL || put_all(tr, captured) != WEFT_OK) {
        snapshot_destroy(captured);
        return error_context(WEFT_ENOMEM, "snapshot of step %" PRIu64, tr->training.step);
    }
    *snapshot = captured;
    return WEFT_OK;
}
