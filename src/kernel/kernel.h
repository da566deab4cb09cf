/* The arithmetic of training, built once per instruction set and chosen at start. Every entry gives the same bits in every
 * set: sums over the index named in its entry are one chain in index order, everything else is element by element.
 * Entries allocate nothing, start no threads, and may run at the same time on different output. Matrices are row-major.
 * The definitions that tests hold them against are in reference.h. */
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/error.h"

enum isa { ISA_PORTABLE, ISA_AVX2, ISA_AVX512, ISA_COUNT };

/* Sums over at most 4,096 values: 16 interleaved lanes in double (value i goes to lane i % 16), lanes added as a tree. */
enum { SUM_BLOCK = 4096, SUM_LANES = 16 };
struct block_sums {
    double sum, sum_abs, sum_square;
    float min, max;                             /* +inf, -inf if n = 0 */
    size_t zeros;                               /* +0 and -0 */
};

struct adam_step {                              /* Kingma and Ba, "Adam", ICLR 2015, algorithm 1, at one step */
    float beta1, beta2, one_minus_beta1, one_minus_beta2;
    float rate;                                 /* learning rate / (1 - beta1^t) */
    float inverse_root_correction2;             /* 1 / sqrt(1 - beta2^t) */
    float epsilon;
};

struct kernel {
    const char *name;

    /* C[m][n] = (sum over k of A[m*a_row + k*a_col] * B[k*ldb + n]) + bias[n]: an FMA chain over k from +0, the bias (none if
     * NULL) added last. M x N x K; C has row stride ldc and overlaps nothing. K = 0 gives 0 + bias. */
    void (*product)(size_t M, size_t N, size_t K, const float *A, size_t a_row, size_t a_col, const float *B, size_t ldb,
                    const float *bias, float *C, size_t ldc);

    /* Rows: x[j] = (raw[j] - shift[j]) * scale[j]. */
    void (*convert)(size_t n, const uint8_t *raw, const float *shift, const float *scale, float *x);

    /* Softmax and cross-entropy of B rows of C logits, in place: logits become (p[c] - [c == label]) * inverse_rows.
     * max over c, e = exp(x - max), a float chain over c from +0, p = e / sum. Returns the sum over the rows of
     * log(sum) - (x[label] - max), a double chain; *correct counts the rows whose first largest logit is the label's.
     * softmax_loss returns the same and leaves the logits; predicted[n] (if not NULL) is the class. */
    double (*softmax_loss_gradient)(size_t B, size_t C, const int32_t *label, float inverse_rows, float *logits,
                                    size_t *correct);
    double (*softmax_loss)(size_t B, size_t C, const int32_t *label, const float *logits, int32_t *predicted);

    /* Activations in place; the derivative from the value y: dy becomes dz. */
    void (*relu)(size_t n, float *x);
    void (*tanh)(size_t n, float *x);
    void (*sigmoid)(size_t n, float *x);
    void (*relu_backward)(size_t n, const float *y, float *dy);         /* y > 0 ? dy : 0 */
    void (*tanh_backward)(size_t n, const float *y, float *dy);         /* dy * (1 - y*y), the bracket as one FMA */
    void (*sigmoid_backward)(size_t n, const float *y, float *dy);      /* dy * (y * (1 - y)) */

    /* Dropout: y = keep ? x * scale : 0. */
    void (*dropout)(size_t n, const uint8_t *keep, float scale, const float *x, float *y);

    /* Columns of a B x H matrix, chains over the rows: a float sum; a double mean and sum of squared deviations. */
    void (*column_sums)(size_t B, size_t H, const float *x, float *sum);
    void (*column_moments)(size_t B, size_t H, const float *x, double *mean, double *m2);
    /* y = gamma * xhat + beta (one FMA), xhat = (x - mean) * inverse_std; gamma NULL: y = xhat. y may be x. */
    void (*normalize)(size_t B, size_t H, const float *x, const float *mean, const float *inverse_std, const float *gamma,
                      const float *beta, float *y);
    /* Double chains over the rows: sum of dy, sum of dy * xhat (xhat as above, in float). */
    void (*normalize_sums)(size_t B, size_t H, const float *x, const float *mean, const float *inverse_std, const float *dy,
                           double *sum_dy, double *sum_dy_xhat);
    /* dx = factor * ((dy - mean_dy) - xhat * mean_dy_xhat), the bracket's product as an FMA; dx may be dy. */
    void (*normalize_backward)(size_t B, size_t H, const float *x, const float *mean, const float *inverse_std,
                               const float *factor, const float *mean_dy, const float *mean_dy_xhat, const float *dy,
                               float *dx);

    /* Parameters and gradients, element by element. */
    void (*add)(size_t n, float *into, const float *from);              /* into += from */
    float (*largest_magnitude)(size_t n, const float *x);               /* NaN if there is one, 0 if n = 0 */
    void (*penalize)(size_t n, const float *w, float l2, float l1, float *g);   /* g = (l2*w + g, one FMA) + l1*sign(w) */
    void (*clip)(size_t n, float limit, float *g);                      /* into [-limit, limit]; NaN stays */
    void (*scale)(size_t n, float factor, float *g);
    void (*decay)(size_t n, float rate, float *w);                      /* w = w - rate*w, one FMA */
    void (*sgd)(size_t n, float rate, const float *g, float *w);        /* w = w - rate*g, one FMA */
    void (*momentum)(size_t n, float rate, float mu, const float *g, float *v, float *w);    /* v = mu*v + g; w -= rate*v */
    void (*adam)(size_t n, const struct adam_step *a, const float *g, float *m, float *v, float *w);
    void (*sums)(size_t n, const float *x, struct block_sums *sums);    /* n <= SUM_BLOCK */
};

/* The set in use: the best that this processor has, or the one that the environment variable WEFT_ISA names (portable,
 * avx2, avx512). Never NULL after kernel_choose has returned WEFT_OK. */
extern const struct kernel *kernel;

/* Choose once per process, by the first caller; later calls cost nothing. WEFT_ESETTINGS if WEFT_ISA names no set, or one
 * that this processor lacks. */
weft_status kernel_choose(void);

/* For tests: use this set from now on (no thread may be computing); false if the processor lacks it. */
bool kernel_use(enum isa isa);
const char *isa_name(enum isa isa);

#endif
