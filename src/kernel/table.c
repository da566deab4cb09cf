/* The table of one instruction set. */
#include "kernel/entries.h"

extern const struct kernel KERNEL(kernel_table);

const struct kernel KERNEL(kernel_table) = {
#if defined KERNEL_AVX512
    .name = "avx512",
#elif defined KERNEL_AVX2
    .name = "avx2",
#else
    .name = "portable",
#endif
    .lanes = LANES,
    .product = KERNEL(product),
    .product_columns = KERNEL(product_columns),
    .gradient = KERNEL(gradient),
    .convert = KERNEL(convert),
    .convert_transposed = KERNEL(convert_transposed),
    .transpose = KERNEL(transpose),
    .softmax_loss_gradient = KERNEL(softmax_loss_gradient),
    .softmax_loss = KERNEL(softmax_loss),
    .relu = KERNEL(relu),
    .tanh = KERNEL(tanh),
    .sigmoid = KERNEL(sigmoid),
    .relu_backward = KERNEL(relu_backward),
    .tanh_backward = KERNEL(tanh_backward),
    .sigmoid_backward = KERNEL(sigmoid_backward),
    .dropout = KERNEL(dropout),
    .draw_keep = KERNEL(draw_keep),
    .column_sums = KERNEL(column_sums),
    .column_moments = KERNEL(column_moments),
    .normalize = KERNEL(normalize),
    .normalize_sums = KERNEL(normalize_sums),
    .normalize_backward = KERNEL(normalize_backward),
    .add = KERNEL(add),
    .largest_magnitude = KERNEL(largest_magnitude),
    .penalize = KERNEL(penalize),
    .clip = KERNEL(clip),
    .scale = KERNEL(scale),
    .decay = KERNEL(decay),
    .sgd = KERNEL(sgd),
    .momentum = KERNEL(momentum),
    .adam = KERNEL(adam),
    .sums = KERNEL(sums),
    .fma_rounds = KERNEL(fma_rounds),
    .read_floats = KERNEL(read_floats),
};
