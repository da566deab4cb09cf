/* The loss of a row: which function it is, and what it is held against. */
#ifndef NN_LOSS_H
#define NN_LOSS_H

#include "nn/network.h"
#include "nn/workspace.h"

struct loss_rule {
    enum loss_function function;
    bool takes_labels;                  /* softmax and cross-entropy of whole classes that count alike: the label is enough */
    bool has_labels;                    /* the data say a class for each row; else a target for each output */
    float smoothing;                    /* of the targets: (1 - smoothing) * target + floor */
    float floor;                        /* smoothing / outputs (Szegedy et al., CVPR 2016, section 7); for a sigmoid, smoothing / 2 */
    const float *class_weight;          /* one for each output; NULL: all 1 */
};

/* class_weight must outlive the rule. */
struct loss_rule loss_rule_of(const struct network *net, const struct weft_settings *settings, bool has_labels,
                              const float *class_weight);

/* a->loss and a->best of rows first .. first+rows-1 from their logits (the first of them at logits.data); their labels or wanted
 * values are in a. scratch: loss_scratch_size floats. */
void loss_value(const struct loss_rule *rule, size_t rows, size_t outputs, struct matrix logits, const struct activations *a,
                size_t first, float *scratch);
/* The same, and delta, which holds the logits, becomes the gradient of the sum of the losses times inverse_rows. */
void loss_gradient(const struct loss_rule *rule, size_t rows, size_t outputs, float inverse_rows, struct matrix delta,
                   const struct activations *a, size_t first, float *scratch);
size_t loss_scratch_size(size_t outputs);

#endif
