/* L1 and L2. */
#include "base/tree.h"
#include "nn/penalty.h"

#include "kernel/kernel.h"

static bool takes_l2(const struct weft_settings *s, enum tensor_kind kind)
{
    return kind == TENSOR_WEIGHT || s->regularization.l2_biases;
}

static bool is_decoupled(const struct weft_settings *s)
{
    return s->regularization.l2_form == L2_DECOUPLED || s->optimizer.name == OPTIMIZER_ADAMW;
}

/* The penalty is coefficient * sum w^2, so its gradient is 2 * coefficient * w. */
static double l2_coefficient(const struct weft_settings *s, size_t batch_rows)
{
    double lambda = is_decoupled(s) ? 0 : s->regularization.l2;
    switch ((enum l2_form)s->regularization.l2_form) {
    case L2_LAMBDA_OVER_2M: return lambda / (2 * (double)batch_rows);
    case L2_HALF_LAMBDA: return lambda / 2;
    case L2_LAMBDA: return lambda;
    case L2_DECOUPLED: return 0;
    }
    return 0;
}

struct penalty_factors penalty_factors_of(const struct weft_settings *settings, enum tensor_kind kind, size_t batch_rows)
{
    struct penalty_factors f = {0, 0, 0};
    if (takes_l2(settings, kind)) {
        f.l2 = (float)(2 * l2_coefficient(settings, batch_rows));
        if (is_decoupled(settings))
            f.decay = (float)settings->regularization.l2;
    }
    if (kind == TENSOR_WEIGHT)
        f.l1 = (float)settings->regularization.l1;
    return f;
}

/* The blocks of tensor t are block[first .. first + count - 1]. */
static size_t blocks_of_tensor(const struct network *net, size_t t, size_t first)
{
    size_t count = 0;
    while (first + count < net->blocks && net->block[first + count].tensor == t)
        count++;
    return count;
}

double parameter_total(const struct network *net, double *block_sum)
{
    double total = 0;
    for (size_t t = 0, first = 0; t < net->tensors; t++) {
        size_t count = blocks_of_tensor(net, t, first);
        total += tree_sum(block_sum + first, count);
        first += count;
    }
    return total;
}

double penalty_value(const struct weft_settings *settings, const struct network *net, size_t batch_rows, double *scratch)
{
    double l1 = settings->regularization.l1, l2 = l2_coefficient(settings, batch_rows);
    if (l1 == 0 && l2 == 0)
        return 0;
    for (size_t b = 0; b < net->blocks; b++) {
        const struct parameter_block *block = &net->block[b];
        enum tensor_kind kind = net->tensor[block->tensor].kind;
        struct block_sums sums;
        kernel->sums(block->count, net->parameter + block->offset, &sums);
        scratch[b] = (kind == TENSOR_WEIGHT ? l1 * sums.sum_abs : 0) + (takes_l2(settings, kind) ? l2 * sums.sum_square : 0);
    }
    return parameter_total(net, scratch);
}
