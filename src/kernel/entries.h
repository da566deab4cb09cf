/* The entries of struct kernel as functions of one instruction set; their meaning is in kernel.h. Included only by the
 * files that are built once per set. */
#ifndef KERNEL_ENTRIES_H
#define KERNEL_ENTRIES_H

#include "kernel/kernel.h"
#include "kernel/simd.h"

void KERNEL(product)(size_t M, size_t N, size_t K, const float *A, size_t a_panel, const float *B, bool resume,
                     const float *bias, float *C);
void KERNEL(product_columns)(size_t M, size_t N, size_t K, const float *A, size_t step, const float *B, bool resume,
                             float *C);
void KERNEL(gradient)(size_t M, size_t N, const struct row_sum *rows, const float *A, const float *B, float *part, float *C,
                      size_t ldc);
void KERNEL(convert)(size_t rows, size_t first, size_t columns, const struct raw_rows *from, float *x);
void KERNEL(convert_transposed)(size_t rows, size_t first, size_t columns, const struct raw_rows *from, float *x);
void KERNEL(transpose)(size_t rows, size_t columns, const float *from, size_t from_row, float *to, size_t to_row);
void KERNEL(softmax_loss_gradient)(size_t B, size_t C, const int32_t *label, float inverse_rows, float *logits,
                                   size_t panel_stride, float *scratch, double *loss, int32_t *best);
void KERNEL(softmax_loss)(size_t B, size_t C, const int32_t *label, const float *logits, size_t panel_stride, float *scratch,
                          double *loss, int32_t *best);
void KERNEL(loss_gradient)(enum loss_function f, size_t B, size_t C, const struct loss_targets *targets, float inverse_rows,
                           float *logits, size_t panel_stride, float *scratch, double *loss, int32_t *best);
void KERNEL(loss)(enum loss_function f, size_t B, size_t C, const struct loss_targets *targets, const float *logits,
                  size_t panel_stride, float *scratch, double *loss, int32_t *best);
void KERNEL(outputs)(enum output_function f, size_t B, size_t C, float *logits, size_t panel_stride, float *scratch);
void KERNEL(relu)(size_t n, float *x);
void KERNEL(tanh)(size_t n, float *x);
void KERNEL(sigmoid)(size_t n, float *x);
void KERNEL(relu_backward)(size_t n, const float *y, float *dy);
void KERNEL(tanh_backward)(size_t n, const float *y, float *dy);
void KERNEL(sigmoid_backward)(size_t n, const float *y, float *dy);
void KERNEL(leaky_relu)(size_t n, float *x);
void KERNEL(leaky_relu_backward)(size_t n, const float *y, float *dy);
void KERNEL(elu)(size_t n, float *x);
void KERNEL(elu_backward)(size_t n, const float *y, float *dy);
void KERNEL(gelu)(size_t n, const float *x, float *y);
void KERNEL(gelu_backward)(size_t n, const float *x, float *dy);
void KERNEL(softplus)(size_t n, const float *x, float *y);
void KERNEL(softplus_backward)(size_t n, const float *x, float *dy);
void KERNEL(dropout)(size_t n, const uint8_t *keep, float scale, const float *x, float *y);
void KERNEL(draw_keep)(size_t rows, uint32_t first, const uint32_t *row, const uint32_t counter[2], const uint32_t key[2],
                       uint32_t limit, uint8_t *keep);
void KERNEL(column_sums)(size_t B, const float *x, float *sum);
void KERNEL(column_moments)(size_t B, const float *x, double *mean, double *m2);
void KERNEL(normalize)(size_t B, const float *x, const float *mean, const float *inverse_std, const float *gamma,
                       const float *beta, float *y);
void KERNEL(normalize_sums)(size_t B, const float *x, const float *mean, const float *inverse_std, const float *dy,
                            double *sum_dy, double *sum_dy_xhat);
void KERNEL(normalize_backward)(size_t B, const float *x, const float *mean, const float *inverse_std, const float *factor,
                                const float *mean_dy, const float *mean_dy_xhat, float *dy);
void KERNEL(add)(size_t n, float *into, const float *from);
float KERNEL(largest_magnitude)(size_t n, const float *x);
void KERNEL(penalize)(size_t n, const float *w, float l2, float l1, float *g);
void KERNEL(clip)(size_t n, float limit, float *g);
void KERNEL(scale)(size_t n, float factor, float *g);
void KERNEL(decay)(size_t n, float rate, float *w);
float KERNEL(sgd)(size_t n, float rate, const float *g, float *w);
float KERNEL(momentum)(size_t n, float rate, float mu, const float *g, float *v, float *w);
float KERNEL(nesterov)(size_t n, float rate, float mu, const float *g, float *v, float *w);
float KERNEL(rmsprop)(size_t n, const struct rmsprop_step *s, const float *g, float *v, float *w);
float KERNEL(adam)(size_t n, const struct adam_step *a, const float *g, float *m, float *v, float *w);
void KERNEL(sums)(size_t n, const float *x, struct block_sums *sums);
float KERNEL(fma_rounds)(size_t rounds, float factor, float addend);
float KERNEL(read_floats)(size_t n, const float *x);

#endif
