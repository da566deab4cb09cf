/* See json.h. */
#include "cli/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"

json_t *json_of_real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

json_t *json_of_count(uint64_t value)
{
    return json_integer((json_int_t)value);
}

json_t *json_of_text(const char *text)
{
    if (text == NULL || text[0] == '\0')
        return json_null();
    json_t *value = json_string(text);
    char *plain = value == NULL ? strdup(text) : NULL;          /* a file name may be any bytes, JSON is UTF-8 */
    if (plain == NULL)
        return value;
    for (char *c = plain; *c != '\0'; c++)
        *c = (unsigned char)*c < 0x80 ? *c : '?';
    value = json_string(plain);
    free(plain);
    return value;
}

void json_put(json_t **object, const char *key, json_t *value)
{
    if (json_object_set_new(*object, key, value) == 0)          /* takes the value even if it fails */
        return;
    json_decref(*object);
    *object = NULL;
}

void json_add(json_t **array, json_t *value)
{
    if (json_array_append_new(*array, value) == 0)
        return;
    json_decref(*array);
    *array = NULL;
}

/* A figure that this kind of model does not have is left out. */
static void put_figure(json_t **object, const char *key, double value)
{
    if (!isnan(value))
        json_put(object, key, json_of_real(value));
}

json_t *json_of_figures(const weft_evaluation *e)
{
    if (e == NULL)
        return json_null();
    json_t *object = json_object();
    json_put(&object, "rows", json_of_count(e->rows));
    json_put(&object, "cost", json_of_real(e->cost));
    json_put(&object, "loss", json_of_real(e->loss));
    put_figure(&object, "accuracy", e->accuracy);
    put_figure(&object, "label_accuracy", e->label_accuracy);
    put_figure(&object, "r2", e->r2);
    put_figure(&object, "mean_absolute_error", e->mean_absolute_error);
    return object;
}

static json_t *json_of_class(const weft_class_figures *figures)
{
    json_t *object = json_object();
    json_put(&object, "precision", json_of_real(figures->precision));
    json_put(&object, "recall", json_of_real(figures->recall));
    json_put(&object, "f1", json_of_real(figures->f1));
    json_put(&object, "support", json_of_count(figures->support));
    return object;
}

static json_t *json_of_value(const weft_value_figures *figures)
{
    json_t *object = json_object();
    json_put(&object, "r2", json_of_real(figures->r2));
    json_put(&object, "mean_absolute_error", json_of_real(figures->mean_absolute_error));
    json_put(&object, "root_mean_square_error", json_of_real(figures->root_mean_square_error));
    return object;
}

static json_t *json_of_confusion(const weft_evaluation *e)
{
    json_t *confusion = json_array();
    for (size_t t = 0; t < e->outputs; t++) {
        json_t *row = json_array();
        for (size_t p = 0; p < e->outputs; p++)
            json_add(&row, json_of_count(e->confusion[t * e->outputs + p]));
        json_add(&confusion, row);
    }
    return confusion;
}

static void put_classes(json_t **object, const weft_evaluation *e)
{
    json_t *per_class = json_array();
    for (size_t c = 0; c < e->outputs; c++)
        json_add(&per_class, json_of_class(&e->per_class[c]));
    json_put(object, e->task == WEFT_TASK_LABELS ? "labels" : "classes", json_of_count(e->outputs));
    json_put(object, e->task == WEFT_TASK_LABELS ? "per_label" : "per_class", per_class);
    json_put(object, "macro", json_of_class(&e->macro));
    json_put(object, "weighted", json_of_class(&e->weighted));
    if (e->confusion != NULL)
        json_put(object, "confusion", json_of_confusion(e));
}

static void put_values(json_t **object, const weft_evaluation *e)
{
    json_t *per_value = json_array();
    for (size_t k = 0; k < e->outputs; k++)
        json_add(&per_value, json_of_value(&e->per_value[k]));
    json_put(object, "values", json_of_count(e->outputs));
    json_put(object, "per_value", per_value);
}

json_t *json_of_evaluation(const weft_evaluation *e)
{
    json_t *object = json_of_figures(e), *names = json_array();
    json_put(&object, "split", json_of_text(e->split));
    if (e->task == WEFT_TASK_REGRESSION)
        put_values(&object, e);
    else
        put_classes(&object, e);
    for (size_t k = 0; e->name != NULL && k < e->outputs; k++)
        json_add(&names, json_of_text(e->name[k]));
    json_put(&object, "names", names);
    return object;
}

static json_t *json_of_tensor(const weft_tensor_info *t)
{
    json_t *object = json_object(), *shape = json_array();
    for (size_t i = 0; i < t->rank; i++)
        json_add(&shape, json_of_count(t->dim[i]));
    json_put(&object, "name", json_of_text(t->name));
    json_put(&object, "layer", json_of_count(t->layer));
    json_put(&object, "shape", shape);
    const struct { const char *key; double value; } figure[] = {
        {"mean_abs", t->mean_abs}, {"l2_norm", t->l2_norm}, {"mean", t->mean}, {"std", t->std}, {"min", t->min},
        {"max", t->max}, {"zero_fraction", t->zero_fraction}, {"gradient_l2_norm", t->gradient_l2_norm},
        {"update_ratio", t->update_ratio}};
    for (size_t i = 0; i < sizeof figure / sizeof *figure; i++)
        json_put(&object, figure[i].key, json_of_real(figure[i].value));
    return object;
}

static json_t *json_of_picture(const weft_checkpoint_info *info)
{
    if (info->height == 0)
        return json_null();
    json_t *object = json_object();
    json_put(&object, "height", json_of_count(info->height));
    json_put(&object, "width", json_of_count(info->width));
    json_put(&object, "channels", json_of_count(info->channels));
    return object;
}

json_t *json_of_checkpoint(const weft_checkpoint_info *info)
{
    json_t *object = json_object(), *settings = json_object(), *tensors = json_array();
    bool has_best = info->best_step >= 0;
    for (size_t i = 0; i < info->settings; i++)
        json_put(&settings, info->setting[i].name, json_of_text(info->setting[i].value));
    for (size_t i = 0; i < info->tensors; i++)
        json_add(&tensors, json_of_tensor(&info->tensor[i]));
    json_put(&object, "path", json_of_text(info->path));
    json_put(&object, "weft_version", json_of_text(info->weft_version));
    json_put(&object, "step", json_of_count(info->step));
    json_put(&object, "epoch", json_of_real(info->epoch));
    json_put(&object, "stop_reason", json_of_text(info->stop_reason));
    json_put(&object, "best_metric", json_of_text(info->best_metric));
    json_put(&object, "best_step", has_best ? json_integer(info->best_step) : json_null());
    json_put(&object, "best_value", has_best ? json_of_real(info->best_value) : json_null());
    json_put(&object, "weights_digest", json_of_text(info->weights_digest));
    json_put(&object, "settings_digest", json_of_text(info->settings_digest));
    json_put(&object, "data_digest", json_of_text(info->data_digest));
    json_put(&object, "features", json_of_count(info->features));
    json_put(&object, "picture", json_of_picture(info));
    json_put(&object, "task", json_of_text(info->task));
    json_put(&object, "outputs", json_of_count(info->outputs));
    json_put(&object, "parameters", json_of_count(info->parameters));
    json_put(&object, "settings", settings);
    json_put(&object, "tensors", tensors);
    return object;
}

int json_print(const char *verb, json_t *object)
{
    if (object == NULL)
        return exit_message(verb, WEFT_ENOMEM, "put the results together: not enough memory");
    int failed = json_dumpf(object, stdout, JSON_INDENT(2));
    json_decref(object);
    if (failed != 0 && !ferror(stdout))
        return exit_message(verb, WEFT_ENOMEM, "print the results: not enough memory");
    putchar('\n');
    return 0;
}
