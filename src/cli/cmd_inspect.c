/* weft inspect: what is in a checkpoint, or in two of them side by side; or the numbers of its layers. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/options.h"
#include "weft/report.h"

static const char ABOUT[] =
    "Print what a checkpoint is: step, digests, the settings that differ from their defaults, and of each tensor its shape, "
    "mean |W|, L2 norm, share of zeros, mean, standard deviation, smallest and largest element; of learned tensors also the "
    "L2 norm of the gradient and that of the update relative to the tensor, from the latest evaluation. The data are not "
    "needed.\n\n"
    "With a second checkpoint: the tensors of both side by side, and the settings in which the two differ.\n\n"
    "With --weights: the numbers of a layer instead, a line for each input with a column for each output, then bias, gamma, beta "
    "and running statistics, what there is of them.";

static const char EXAMPLES[] =
    "  weft inspect checkpoints/run-001\n"
    "  weft inspect checkpoints/run-001 checkpoints/run-002\n"
    "  weft inspect checkpoints/run-001/best.h5 checkpoints/run-001/last.h5\n"
    "  weft inspect checkpoints/run-001 --weights output\n";

static const char *value_of(const weft_checkpoint_info *info, const char *name)
{
    for (size_t i = 0; i < info->settings; i++)
        if (strcmp(info->setting[i].name, name) == 0)
            return info->setting[i].value;
    return NULL;
}

/* {"section.key": [value in a, value in b]}; all checkpoints that one weft reads have the same names */
static json_t *json_of_differences(const weft_checkpoint_info *a, const weft_checkpoint_info *b)
{
    json_t *object = json_object();
    for (size_t i = 0; i < a->settings; i++) {
        const char *other = value_of(b, a->setting[i].name);
        if (other != NULL && strcmp(other, a->setting[i].value) == 0)
            continue;
        json_t *pair = json_array();
        json_add(&pair, json_of_text(a->setting[i].value));
        json_add(&pair, json_of_text(other));
        json_put(&object, a->setting[i].name, pair);
    }
    return object;
}

static json_t *json_of_comparison(const weft_checkpoint_info *a, const weft_checkpoint_info *b)
{
    json_t *object = json_object();
    json_put(&object, "a", json_of_checkpoint(a));
    json_put(&object, "b", json_of_checkpoint(b));
    json_put(&object, "settings_that_differ", json_of_differences(a, b));
    return object;
}

/* b is NULL if there is only one. */
static int print_checkpoints(const char *verb, const weft_checkpoint_info *a, const weft_checkpoint_info *b, bool json)
{
    if (json)
        return exit_flushed(verb, json_print(verb, b != NULL ? json_of_comparison(a, b) : json_of_checkpoint(a)));
    weft_status st = b != NULL ? weft_report_comparison(a, b, stdout) : weft_report_checkpoint(a, stdout);
    return st == WEFT_ENOMEM ? exit_failure(verb, st) : exit_flushed(verb, 0);
}

/* ---- the numbers ---- */

static json_t *json_of_floats(const float *x, size_t count)
{
    if (x == NULL)
        return json_null();
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++)
        json_add(&array, json_of_real((double)x[i]));           /* with 17 digits, which give the float back */
    return array;
}

static json_t *json_of_layer(const weft_layer_weights *layer)
{
    json_t *object = json_object(), *shape = json_array(), *rows = json_array();
    json_add(&shape, json_of_count(layer->fan_in));
    json_add(&shape, json_of_count(layer->fan_out));
    for (size_t i = 0; i < layer->fan_in; i++)
        json_add(&rows, json_of_floats(layer->weight + i * layer->fan_out, layer->fan_out));
    json_put(&object, "layer", json_of_count(layer->layer));
    json_put(&object, "activation", json_of_text(layer->activation));
    json_put(&object, "shape", shape);
    json_put(&object, "weight", rows);
    json_put(&object, "bias", json_of_floats(layer->bias, layer->fan_out));
    json_put(&object, "gamma", json_of_floats(layer->gamma, layer->fan_out));
    json_put(&object, "beta", json_of_floats(layer->beta, layer->fan_out));
    json_put(&object, "running_mean", json_of_floats(layer->running_mean, layer->fan_out));
    json_put(&object, "running_variance", json_of_floats(layer->running_variance, layer->fan_out));
    return object;
}

/* One layer is the object itself. */
static json_t *json_of_weights(const weft_weights *weights, bool all)
{
    if (!all)
        return json_of_layer(&weights->layer[0]);
    json_t *object = json_object(), *layers = json_array();
    for (size_t l = 0; l < weights->layers; l++)
        json_add(&layers, json_of_layer(&weights->layer[l]));
    json_put(&object, "path", json_of_text(weights->path));
    json_put(&object, "step", json_of_count(weights->step));
    json_put(&object, "layers", layers);
    return object;
}

/* "3", "03", "output", "all". A number that is too large for an int is that of no layer either. */
static bool layer_of(const char *text, int *layer)
{
    if (strcmp(text, "output") == 0 || strcmp(text, "all") == 0) {
        *layer = text[0] == 'o' ? WEFT_LAYER_OUTPUT : WEFT_LAYERS_ALL;
        return true;
    }
    unsigned long number = strtoul(text, NULL, 10);
    *layer = number < INT_MAX ? (int)number : INT_MAX;
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

static int print_weights(const char *verb, const char *path, const char *text, bool unsealed, bool json)
{
    int layer;
    if (!layer_of(text, &layer))
        return exit_message(verb, WEFT_EINVAL, "--weights: found '%s', wanted the number of a layer, output or all", text);
    weft_weights weights;
    weft_status st = weft_checkpoint_weights(path, layer, unsealed, &weights);
    if (st != WEFT_OK)
        return exit_failure(verb, st);
    int exit_code = 0;
    if (json)
        exit_code = json_print(verb, json_of_weights(&weights, layer == WEFT_LAYERS_ALL));
    else
        (void)weft_report_weights(&weights, stdout);            /* a stream that fails shows in exit_flushed */
    weft_weights_clear(&weights);
    return exit_flushed(verb, exit_code);
}

/* ---- the verb ---- */

static int inspect(const char *verb, const char *const path[2], bool unsealed, bool json)
{
    weft_checkpoint_info info[2];
    memset(info, 0, sizeof info);
    weft_status st = weft_checkpoint_inspect(path[0], unsealed, &info[0]);
    if (st == WEFT_OK && path[1] != NULL)
        st = weft_checkpoint_inspect(path[1], unsealed, &info[1]);
    int exit_code = st == WEFT_OK ? print_checkpoints(verb, &info[0], path[1] != NULL ? &info[1] : NULL, json)
                                  : exit_failure(verb, st);
    weft_checkpoint_info_clear(&info[0]);
    weft_checkpoint_info_clear(&info[1]);
    return exit_code;
}

int cmd_inspect(int argc, char **argv)
{
    const char *path[2] = {NULL, NULL}, *layer = NULL;
    bool unsealed = false, json = false;
    const struct option_def options[] = {
        {"CHECKPOINT", OPERAND, &path[0], NULL, "a file, or a run's directory: then its last.h5"},
        {"CHECKPOINT2", OPERAND_OPTIONAL, &path[1], NULL, "another one, to compare with"},
        {"weights", OPT_STRING, &layer, "LAYER", "print the numbers of layer 1, 2, ..., of the output layer (output), or of all"},
        {"unsealed", OPT_FLAG, &unsealed, NULL, "take a file whose seal is missing or wrong, because it was edited"},
        {"json", OPT_FLAG, &json, NULL, "print one JSON object; it has all settings"}, {0}
    };
    const struct verb verb = {"weft inspect", ABOUT, options, false, EXAMPLES};
    int exit_code = options_parse(&verb, argc, argv);
    if (exit_code != OPTIONS_RUN)
        return exit_code;
    if (layer == NULL)
        return inspect(verb.name, path, unsealed, json);
    if (path[1] != NULL)
        return exit_message(verb.name, WEFT_EINVAL, "--weights takes one checkpoint, found a second: '%s'", path[1]);
    return print_weights(verb.name, path[0], layer, unsealed, json);
}
