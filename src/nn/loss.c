/* See loss.h. The targets of a row are made where they are used: from its class, or from the values that the data want. */
#include "nn/loss.h"

#include "kernel/kernel.h"

static enum loss_function function_of(const struct network *net)
{
    bool is_mse = net->loss == LOSS_MSE;
    switch (net->output) {
    case OUTPUT_SOFTMAX: return is_mse ? LOSS_OF_SOFTMAX_MSE : LOSS_OF_SOFTMAX_CROSS_ENTROPY;
    case OUTPUT_SIGMOID: return is_mse ? LOSS_OF_SIGMOID_MSE : LOSS_OF_SIGMOID_CROSS_ENTROPY;
    case OUTPUT_LINEAR: break;
    }
    return LOSS_OF_LINEAR_MSE;
}

struct loss_rule loss_rule_of(const struct network *net, const struct weft_settings *settings, bool has_labels,
                              const float *class_weight)
{
    double smoothing = settings->train.label_smoothing;
    double choices = net->output == OUTPUT_SIGMOID ? 2 : (double)net->outputs;
    struct loss_rule rule = {.function = function_of(net), .has_labels = has_labels, .smoothing = (float)smoothing,
                             .floor = (float)(smoothing / choices), .class_weight = class_weight};
    rule.takes_labels = rule.function == LOSS_OF_SOFTMAX_CROSS_ENTROPY && has_labels && smoothing == 0 && class_weight == NULL;
    return rule;
}

size_t loss_scratch_size(size_t outputs)
{
    return LOSS_SCRATCH * outputs;
}

/* Rows `first` on of a->target and a->row_weight. */
static void make_targets(const struct loss_rule *rule, size_t rows, size_t outputs, const struct activations *a, size_t first)
{
    float keep = 1 - rule->smoothing;
    for (size_t o = 0; o < outputs; o += PANEL) {
        float *panel = a->target.data + o / PANEL * a->target.panel + first * PANEL;
        size_t width = outputs - o < PANEL ? outputs - o : PANEL;
        for (size_t n = 0; n < rows; n++) {
            const float *wanted = a->wanted + (first + n) * outputs + o;
            size_t label = (size_t)a->label[first + n];
            for (size_t j = 0; j < width; j++) {
                float target = rule->has_labels ? (float)(label == o + j) : wanted[j];
                panel[n * PANEL + j] = rule->smoothing != 0 ? keep * target + rule->floor : target;
            }
        }
    }
    for (size_t n = first; n < first + rows && rule->class_weight != NULL; n++)
        a->row_weight[n] = rule->class_weight[a->label[n]];
}

static struct loss_targets targets_of(const struct loss_rule *rule, const struct activations *a, size_t first)
{
    return (struct loss_targets){a->target.data + first * PANEL, a->target.panel,
                                 rule->class_weight != NULL ? a->row_weight + first : NULL};
}

void loss_value(const struct loss_rule *rule, size_t rows, size_t outputs, struct matrix logits, const struct activations *a,
                size_t first, float *scratch)
{
    if (rule->takes_labels) {
        kernel->softmax_loss(rows, outputs, a->label + first, logits.data, logits.panel, scratch, a->loss + first, a->best + first);
        return;
    }
    make_targets(rule, rows, outputs, a, first);
    struct loss_targets targets = targets_of(rule, a, first);
    kernel->loss(rule->function, rows, outputs, &targets, logits.data, logits.panel, scratch, a->loss + first, a->best + first);
}

void loss_gradient(const struct loss_rule *rule, size_t rows, size_t outputs, float inverse_rows, struct matrix delta,
                   const struct activations *a, size_t first, float *scratch)
{
    if (rule->takes_labels) {
        kernel->softmax_loss_gradient(rows, outputs, a->label + first, inverse_rows, delta.data, delta.panel, scratch,
                                      a->loss + first, a->best + first);
        return;
    }
    make_targets(rule, rows, outputs, a, first);
    struct loss_targets targets = targets_of(rule, a, first);
    kernel->loss_gradient(rule->function, rows, outputs, &targets, inverse_rows, delta.data, delta.panel, scratch, a->loss + first,
                          a->best + first);
}
