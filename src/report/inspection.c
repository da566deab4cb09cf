/* Checkpoints as text: one with all it tells about itself, or two side by side. */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "report/table.h"
#include "weft/report.h"
#include "weft/settings.h"

static weft_status stream_status(FILE *stream)
{
    return ferror(stream) ? error_set(WEFT_EIO, "write the inspection: the output stream failed") : WEFT_OK;
}

static void add_heads(struct table *table, const char *const *head, size_t count)
{
    for (size_t i = 0; i < count; i++)
        table_add(table, "%s", head[i]);
}

static void add_figure(struct table *table, double figure)
{
    if (isnan(figure))
        table_add(table, "-");
    else
        table_add(table, "%.4g", figure);
}

static void add_percent(struct table *table, double fraction)
{
    table_add(table, "%.1f %%", 100 * fraction);
}

static void add_shape(struct table *table, const weft_tensor_info *tensor)
{
    if (tensor->rank == 2)
        table_add(table, "%zu x %zu", tensor->dim[0], tensor->dim[1]);
    else
        table_add(table, "%zu", tensor->dim[0]);
}

/* ---- one checkpoint ---- */

static const char *preset_of(const char *name)
{
    for (size_t i = 0; i < weft_settings_count(); i++)
        if (strcmp(weft_settings_info(i)->name, name) == 0)
            return weft_settings_info(i)->preset;
    return NULL;
}

static void write_run(const weft_checkpoint_info *info, FILE *stream)
{
    fprintf(stream, "%s, by weft %s\n", info->path, info->weft_version);
    fprintf(stream, "step %" PRIu64 ", epoch %.2f; ", info->step, info->epoch);
    if (info->stop_reason[0] != '\0')
        fprintf(stream, "the run is over (%s)\n", info->stop_reason);
    else
        fprintf(stream, "the run is not over\n");
    if (info->best_step >= 0)
        fprintf(stream, "best %s so far: %.6g at step %" PRId64 "\n", info->best_metric, info->best_value, info->best_step);
    fprintf(stream, "%zu features", info->features);
    if (info->height > 0)
        fprintf(stream, " (pictures of %zu x %zu x %zu)", info->height, info->width, info->channels);
    fprintf(stream, ", %zu %s, %zu parameters\n", info->outputs, strcmp(info->task, "regression") == 0 ? "values" : info->task,
            info->parameters);
}

static weft_status write_digests(const weft_checkpoint_info *info, FILE *stream)
{
    struct table table = table_of("ll");
    const char *const row[] = {"weights digest", info->weights_digest, "settings digest", info->settings_digest,
                               "data digest", info->data_digest};
    add_heads(&table, row, sizeof row / sizeof *row);
    return table_write(&table, stream);
}

static weft_status write_settings(const weft_checkpoint_info *info, FILE *stream)
{
    struct table table = table_of("lll");
    size_t changed = 0;
    for (size_t i = 0; i < info->settings; i++) {
        const weft_setting_value *setting = &info->setting[i];
        const char *preset = preset_of(setting->name);
        if (preset != NULL && strcmp(setting->value, preset) == 0)
            continue;
        table_add(&table, "  %s", setting->name);
        table_add(&table, "= %s", setting->value);
        table_add(&table, preset != NULL ? "(default %s)" : "%s", preset != NULL ? preset : "(unknown to this version)");
        changed++;
    }
    fprintf(stream, changed > 0 ? "\nsettings that differ from their defaults\n" : "\nall settings are at their defaults\n");
    return table_write(&table, stream);
}

static weft_status write_tensors(const weft_checkpoint_info *info, FILE *stream)
{
    static const char *const head[] = {"tensor", "shape", "mean |W|", "L2 norm", "zeros", "mean", "std", "min", "max",
                                       "gradient L2", "update ratio"};
    struct table table = table_of("lrrrrrrrrrr");
    add_heads(&table, head, sizeof head / sizeof *head);
    bool has_gradients = false;
    for (size_t i = 0; i < info->tensors; i++) {
        const weft_tensor_info *tensor = &info->tensor[i];
        const double tail[] = {tensor->mean, tensor->std, tensor->min, tensor->max, tensor->gradient_l2_norm,
                               tensor->update_ratio};
        table_add(&table, "%s", tensor->name);
        add_shape(&table, tensor);
        add_figure(&table, tensor->mean_abs);
        add_figure(&table, tensor->l2_norm);
        add_percent(&table, tensor->zero_fraction);
        for (size_t k = 0; k < sizeof tail / sizeof *tail; k++)
            add_figure(&table, tail[k]);
        has_gradients = has_gradients || !isnan(tensor->gradient_l2_norm);
    }
    fputc('\n', stream);
    weft_status st = table_write(&table, stream);
    if (st == WEFT_OK && has_gradients)
        fprintf(stream, "gradient L2 and update ratio (L2 of the update / L2 of the tensor): of the latest evaluation\n");
    return st;
}

weft_status weft_report_checkpoint(const weft_checkpoint_info *info, FILE *stream)
{
    write_run(info, stream);
    weft_status st = write_digests(info, stream);
    if (st == WEFT_OK)
        st = write_settings(info, stream);
    if (st == WEFT_OK)
        st = write_tensors(info, stream);
    return st == WEFT_OK ? stream_status(stream) : st;
}

/* ---- two checkpoints ---- */

static const weft_tensor_info *tensor_named(const weft_checkpoint_info *info, const char *name)
{
    for (size_t i = 0; i < info->tensors; i++)
        if (strcmp(info->tensor[i].name, name) == 0)
            return &info->tensor[i];
    return NULL;
}

static size_t layers_of(const weft_checkpoint_info *info)
{
    size_t layers = 0;
    for (size_t i = 0; i < info->tensors; i++)
        layers = info->tensor[i].layer > layers ? info->tensor[i].layer : layers;
    return layers;
}

static const char *value_of(const weft_checkpoint_info *info, const char *name)
{
    for (size_t i = 0; i < info->settings; i++)
        if (strcmp(info->setting[i].name, name) == 0)
            return info->setting[i].value;
    return NULL;
}

/* One of the figures, of both; a model that lacks the tensor has "-". */
enum { FIGURE_MEAN_ABS, FIGURE_L2_NORM, FIGURE_ZEROS, FIGURES };

static void add_figure_of(struct table *table, const weft_tensor_info *tensor, int figure)
{
    if (tensor == NULL)
        table_add(table, "-");
    else if (figure == FIGURE_ZEROS)
        add_percent(table, tensor->zero_fraction);
    else
        add_figure(table, figure == FIGURE_MEAN_ABS ? tensor->mean_abs : tensor->l2_norm);
}

static void add_pair(struct table *table, const char *name, const weft_tensor_info *a, const weft_tensor_info *b)
{
    table_add(table, "%s", name);
    for (size_t side = 0; side < 2; side++)
        if ((side == 0 ? a : b) != NULL)
            add_shape(table, side == 0 ? a : b);
        else
            table_add(table, "-");
    for (int figure = 0; figure < FIGURES; figure++) {
        add_figure_of(table, a, figure);
        add_figure_of(table, b, figure);
    }
}

static weft_status write_tensor_pairs(const weft_checkpoint_info *a, const weft_checkpoint_info *b, FILE *stream)
{
    static const char *const head[] = {"tensor", "shape A", "B", "mean |W| A", "B", "L2 norm A", "B", "zeros A", "B"};
    struct table table = table_of("lrrrrrrrr");
    add_heads(&table, head, sizeof head / sizeof *head);
    size_t layers = layers_of(a) > layers_of(b) ? layers_of(a) : layers_of(b);
    for (size_t layer = 1; layer <= layers; layer++) {
        for (size_t i = 0; i < a->tensors; i++)
            if (a->tensor[i].layer == layer)
                add_pair(&table, a->tensor[i].name, &a->tensor[i], tensor_named(b, a->tensor[i].name));
        for (size_t i = 0; i < b->tensors; i++)
            if (b->tensor[i].layer == layer && tensor_named(a, b->tensor[i].name) == NULL)
                add_pair(&table, b->tensor[i].name, NULL, &b->tensor[i]);
    }
    return table_write(&table, stream);
}

static bool add_difference(struct table *table, const char *name, const char *in_a, const char *in_b)
{
    if (in_a != NULL && in_b != NULL && strcmp(in_a, in_b) == 0)
        return false;
    table_add(table, "  %s", name);
    table_add(table, "%s", in_a != NULL ? in_a : "-");
    table_add(table, "%s", in_b != NULL ? in_b : "-");
    return true;
}

static weft_status write_setting_pairs(const weft_checkpoint_info *a, const weft_checkpoint_info *b, FILE *stream)
{
    static const char *const head[] = {"settings that differ", "A", "B"};
    struct table table = table_of("lll");
    size_t differing = 0;
    add_heads(&table, head, sizeof head / sizeof *head);
    for (size_t i = 0; i < a->settings; i++)
        differing += add_difference(&table, a->setting[i].name, a->setting[i].value, value_of(b, a->setting[i].name));
    for (size_t i = 0; i < b->settings; i++)
        if (value_of(a, b->setting[i].name) == NULL)
            differing += add_difference(&table, b->setting[i].name, NULL, b->setting[i].value);
    if (differing > 0)
        return table_write(&table, stream);
    table_clear(&table);
    fprintf(stream, "the settings are the same\n");
    return WEFT_OK;
}

static void write_side(const char *label, const weft_checkpoint_info *info, FILE *stream)
{
    fprintf(stream, "%s  %s: step %" PRIu64 ", epoch %.2f, %zu parameters, weights digest %s\n", label, info->path,
            info->step, info->epoch, info->parameters, info->weights_digest);
}

weft_status weft_report_comparison(const weft_checkpoint_info *a, const weft_checkpoint_info *b, FILE *stream)
{
    write_side("A", a, stream);
    write_side("B", b, stream);
    if (strcmp(a->weights_digest, b->weights_digest) == 0)
        fprintf(stream, "the weights and the optimizer's state are the same to the last bit\n");
    if (strcmp(a->data_digest, b->data_digest) != 0)
        fprintf(stream, "trained on different data\n");
    fputc('\n', stream);
    weft_status st = write_tensor_pairs(a, b, stream);
    fputc('\n', stream);
    if (st == WEFT_OK)
        st = write_setting_pairs(a, b, stream);
    return st == WEFT_OK ? stream_status(stream) : st;
}
