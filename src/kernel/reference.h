/* The definitions: what each entry of struct kernel computes, with nothing done for speed. Same signatures, one rounding
 * where the definition has one; a fast entry is right if it gives the same bits. Used by tests and by the check before a
 * benchmark. */
#ifndef KERNEL_REFERENCE_H
#define KERNEL_REFERENCE_H

#include "kernel/kernel.h"

/* All of them as a table: the tests compare entry by entry, and can train with it. */
extern const struct kernel kernel_reference;

void product_ref(size_t M, size_t N, size_t K, const float *A, size_t a_panel, const float *B, bool resume, const float *bias,
                 float *C);
void product_columns_ref(size_t M, size_t N, size_t K, const float *A, size_t step, const float *B, bool resume, float *C);
void gradient_ref(size_t M, size_t N, const struct row_sum *rows, const float *A, const float *B, float *part, float *C,
                  size_t ldc);
void convert_ref(size_t rows, size_t first, size_t columns, const struct raw_rows *from, float *x);
void convert_transposed_ref(size_t rows, size_t first, size_t columns, const struct raw_rows *from, float *x);
void transpose_ref(size_t rows, size_t columns, const float *from, size_t from_row, float *to, size_t to_row);
void softmax_loss_gradient_ref(size_t B, size_t C, const int32_t *label, float inverse_rows, float *logits,
                               size_t panel_stride, float *scratch, double *loss, int32_t *best);
void softmax_loss_ref(size_t B, size_t C, const int32_t *label, const float *logits, size_t panel_stride, float *scratch,
                      double *loss, int32_t *best);
void loss_gradient_ref(enum loss_function f, size_t B, size_t C, const struct loss_targets *targets, float inverse_rows,
                       float *logits, size_t panel_stride, float *scratch, double *loss, int32_t *best);
void loss_ref(enum loss_function f, size_t B, size_t C, const struct loss_targets *targets, const float *logits,
              size_t panel_stride, float *scratch, double *loss, int32_t *best);
void outputs_ref(enum output_function f, size_t B, size_t C, float *logits, size_t panel_stride, float *scratch);
void relu_ref(size_t n, float *x);
void tanh_ref(size_t n, float *x);
void sigmoid_ref(size_t n, float *x);
void relu_backward_ref(size_t n, const float *y, float *dy);
void tanh_backward_ref(size_t n, const float *y, float *dy);
void sigmoid_backward_ref(size_t n, const float *y, float *dy);
void leaky_relu_ref(size_t n, float *x);
void leaky_relu_backward_ref(size_t n, const float *y, float *dy);
void elu_ref(size_t n, float *x);
void elu_backward_ref(size_t n, const float *y, float *dy);
void gelu_ref(size_t n, const float *x, float *y);
void gelu_backward_ref(size_t n, const float *x, float *dy);
void softplus_ref(size_t n, const float *x, float *y);
void softplus_backward_ref(size_t n, const float *x, float *dy);
void dropout_ref(size_t n, const uint8_t *keep, float scale, const float *x, float *y);
void draw_keep_ref(size_t rows, uint32_t first, const uint32_t *row, const uint32_t counter[2], const uint32_t key[2],
                   uint32_t limit, uint8_t *keep);
void column_sums_ref(size_t B, const float *x, float *sum);
void column_moments_ref(size_t B, const float *x, double *mean, double *m2);
void normalize_ref(size_t B, const float *x, const float *mean, const float *inverse_std, const float *gamma,
                   const float *beta, float *y);
void normalize_sums_ref(size_t B, const float *x, const float *mean, const float *inverse_std, const float *dy,
                        double *sum_dy, double *sum_dy_xhat);
void normalize_backward_ref(size_t B, const float *x, const float *mean, const float *inverse_std, const float *factor,
                            const float *mean_dy, const float *mean_dy_xhat, float *dy);
void add_ref(size_t n, float *into, const float *from);
float largest_magnitude_ref(size_t n, const float *x);
void penalize_ref(size_t n, const float *w, float l2, float l1, float *g);
void clip_ref(size_t n, float limit, float *g);
void scale_ref(size_t n, float factor, float *g);
void decay_ref(size_t n, float rate, float *w);
float sgd_ref(size_t n, float rate, const float *g, float *w);
float momentum_ref(size_t n, float rate, float mu, const float *g, float *v, float *w);
float nesterov_ref(size_t n, float rate, float mu, const float *g, float *v, float *w);
float rmsprop_ref(size_t n, const struct rmsprop_step *s, const float *g, float *v, float *w);
float adam_ref(size_t n, const struct adam_step *a, const float *g, float *m, float *v, float *w);
void sums_ref(size_t n, const float *x, struct block_sums *sums);

#endif

