/* See network_ref.h: from the logits to the cost, and the gradient of the loss in the logits. */
#include <stdlib.h>
#include <string.h>

#include "network_ref.h"
#include "support.h"

/* ---- the loss of a row, and its gradient ---- */

/* What the loss takes for target o of row n: that of the data, smoothed: (1 - s) * target + s / choices. */
static struct bounded target_of(const struct network_ref *ref, size_t n, size_t o)
{
    double s = ref->settings->train.label_smoothing;
    double choices = ref->settings->network.output == OUTPUT_SIGMOID ? 2 : (double)ref->outputs;
    struct bounded target = exactly(ref->label != NULL ? o == (size_t)ref->label[n] : (double)ref->target[n * ref->outputs + o]);
    if (s == 0)
        return target;
    return rounded(plus(rounded(times(rounded(minus(exactly(1), rounded(exactly(s)))), target)), rounded(in_double(s / choices, 0))));
}

/* The weight of the row's class: of the first largest of its targets, if it has no label. */
static struct bounded weight_of(const struct network_ref *ref, size_t n)
{
    size_t class = 0;
    if (ref->class_weight == NULL)
        return exactly(1);
    for (size_t o = 1; o < ref->outputs && ref->label == NULL; o++)
        if (ref->target[n * ref->outputs + o] > ref->target[n * ref->outputs + class])
            class = o;
    return exactly((double)ref->class_weight[ref->label != NULL ? (size_t)ref->label[n] : class]);
}

struct row_softmax { struct bounded max, sum; };

/* p becomes the softmax of x. */
static struct row_softmax softmax_row(const struct network_ref *ref, const struct bounded *x, struct bounded *p)
{
    struct row_softmax row = {.max = x[0]};
    for (size_t o = 1; o < ref->outputs; o++)           /* the largest of a few numbers moves by the largest error at most */
        row.max = (struct bounded){fmax(row.max.value, x[o].value), fmax(row.max.error, x[o].error)};
    struct total sum = {0};
    for (size_t o = 0; o < ref->outputs; o++)
        total_add(&sum, p[o] = exp_of(rounded(minus(x[o], row.max))));
    row.sum = total_in_float(&sum);
    for (size_t o = 0; o < ref->outputs; o++)
        p[o] = rounded(over(p[o], row.sum));
    return row;
}

/* sum t (log(sum) - (x - max)); and p * (sum of t) - t, which is p - t where t is one 1 among zeros. */
static struct bounded softmax_cross_entropy(const struct network_ref *ref, size_t n, const struct bounded *x, struct bounded *d)
{
    struct row_softmax row = softmax_row(ref, x, d);
    struct total loss = {0}, targets = {0};
    for (size_t o = 0; o < ref->outputs; o++) {
        struct bounded t = target_of(ref, n, o);
        total_add(&loss, times(t, minus(log_of(row.sum), minus(x[o], row.max))));
        total_add(&targets, t);
    }
    bool is_hard = ref->label != NULL && ref->settings->train.label_smoothing == 0;
    struct bounded all = is_hard ? exactly(1) : total_in_float(&targets);
    for (size_t o = 0; o < ref->outputs; o++)
        d[o] = rounded(minus(times(d[o], all), target_of(ref, n, o)));
    return total_in_double(&loss);
}

/* sum max(x, 0) - x t + log(1 + exp(-|x|)); and p - t. */
static struct bounded sigmoid_cross_entropy(const struct network_ref *ref, size_t n, const struct bounded *x, struct bounded *d)
{
    struct total loss = {0};
    for (size_t o = 0; o < ref->outputs; o++) {
        struct bounded t = target_of(ref, n, o), minus_size = {-fabs(x[o].value), x[o].error};
        struct bounded positive = {fmax(x[o].value, 0), x[o].error};
        total_add(&loss, plus(minus(positive, times(x[o], t)), log1p_of(exp_of(minus_size))));
        d[o] = rounded(minus(sigmoid_of(x[o]), t));
    }
    return total_in_double(&loss);
}

/* Mean of (p - t)^2; d holds p, and then p - t. */
static struct bounded mean_square(const struct network_ref *ref, size_t n, struct bounded *d)
{
    struct total loss = {0};
    for (size_t o = 0; o < ref->outputs; o++) {
        d[o] = rounded(minus(d[o], target_of(ref, n, o)));
        total_add(&loss, times(d[o], d[o]));
    }
    return over(total_in_double(&loss), exactly((double)ref->outputs));
}

static struct bounded *room_for(size_t outputs)
{
    struct bounded *room = calloc(outputs, sizeof *room);
    assert_non_null(room);
    return room;
}

static struct bounded softmax_mse(const struct network_ref *ref, size_t n, const struct bounded *x, struct bounded m,
                                  struct bounded *d)
{
    struct bounded *p = room_for(ref->outputs);
    struct total dot = {0};
    softmax_row(ref, x, d);
    memcpy(p, d, ref->outputs * sizeof *p);
    struct bounded loss = mean_square(ref, n, d);
    for (size_t o = 0; o < ref->outputs; o++)
        total_add(&dot, times(d[o] = rounded(times(d[o], m)), p[o]));
    for (size_t o = 0; o < ref->outputs; o++)
        d[o] = rounded(times(p[o], rounded(minus(d[o], total_in_float(&dot)))));
    free(p);
    return loss;
}

static struct bounded sigmoid_mse(const struct network_ref *ref, size_t n, const struct bounded *x, struct bounded m,
                                  struct bounded *d)
{
    struct bounded *slope = room_for(ref->outputs);
    for (size_t o = 0; o < ref->outputs; o++) {
        d[o] = sigmoid_of(x[o]);
        slope[o] = rounded(times(d[o], rounded(minus(exactly(1), d[o]))));
    }
    struct bounded loss = mean_square(ref, n, d);
    for (size_t o = 0; o < ref->outputs; o++)
        d[o] = rounded(times(rounded(times(d[o], slope[o])), m));
    free(slope);
    return loss;
}

/* Each d becomes d * factor, in float. */
static struct bounded scaled(const struct network_ref *ref, struct bounded loss, struct bounded factor, struct bounded *d)
{
    for (size_t o = 0; o < ref->outputs; o++)
        d[o] = rounded(times(d[o], factor));
    return loss;
}

static struct bounded unweighted_loss(const struct network_ref *ref, size_t n, const struct bounded *x, struct bounded *d)
{
    struct bounded scale = rounded(in_double(1 / (double)ref->rows, 0));
    if (ref->class_weight != NULL)
        scale = rounded(times(weight_of(ref, n), scale));
    struct bounded of_mean = rounded(times(rounded(in_double(2 / (double)ref->outputs, 0)), scale));
    bool is_mse = ref->settings->network.loss == LOSS_MSE;
    switch ((enum output_kind)ref->settings->network.output) {
    case OUTPUT_SOFTMAX:
        return is_mse ? softmax_mse(ref, n, x, of_mean, d) : scaled(ref, softmax_cross_entropy(ref, n, x, d), scale, d);
    case OUTPUT_SIGMOID:
        return is_mse ? sigmoid_mse(ref, n, x, of_mean, d) : scaled(ref, sigmoid_cross_entropy(ref, n, x, d), scale, d);
    case OUTPUT_LINEAR:
        memcpy(d, x, ref->outputs * sizeof *d);
        return scaled(ref, mean_square(ref, n, d), of_mean, d);
    }
    fail();
    return exactly(0);
}

struct bounded network_ref_row_loss(const struct network_ref *ref, size_t n, const struct bounded *x, struct bounded *d)
{
    return times(weight_of(ref, n), unweighted_loss(ref, n, x, d));
}

static void find_loss(struct network_ref *ref)
{
    const struct bounded *logits = ref->layer[ref->layers - 1].out;
    struct total loss = {0};
    for (size_t n = 0; n < ref->rows; n++)
        total_add(&loss, network_ref_row_loss(ref, n, logits + n * ref->outputs, ref->delta + n * ref->outputs));
    ref->loss = over(total_in_double(&loss), exactly((double)ref->rows));
}

/* ---- the cost ---- */

bool network_ref_takes_l2(const struct network_ref *ref, enum tensor_kind kind)
{
    return kind == TENSOR_WEIGHT || ref->settings->regularization.l2_biases;
}

/* c of the penalty c * sum w^2. */
double network_ref_l2(const struct network_ref *ref)
{
    double lambda = ref->settings->regularization.l2, m = (double)ref->rows;
    const double of_form[] = {[L2_LAMBDA_OVER_2M] = lambda / (2 * m), [L2_HALF_LAMBDA] = lambda / 2, [L2_LAMBDA] = lambda,
                              [L2_DECOUPLED] = 0};
    return ref->settings->optimizer.name == OPTIMIZER_ADAMW ? 0 : of_form[ref->settings->regularization.l2_form];
}

static void find_penalty(struct network_ref *ref)
{
    struct total sum = {0};
    for (size_t t = 0; t < ref->tensors; t++)
        for (size_t i = 0; i < ref->tensor[t].count; i++) {
            double w = ref->parameter[ref->tensor[t].first + i];
            if (network_ref_takes_l2(ref, ref->tensor[t].kind))
                total_add(&sum, in_double(network_ref_l2(ref) * w * w, 0));
            if (ref->tensor[t].kind == TENSOR_WEIGHT)
                total_add(&sum, in_double(ref->settings->regularization.l1 * fabs(w), 0));
        }
    ref->penalty = total_in_double(&sum);
}

void network_ref_cost(struct network_ref *ref)
{
    find_loss(ref);
    find_penalty(ref);
}
