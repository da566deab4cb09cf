/* The arithmetic of training, built once per instruction set and chosen at start. Every entry gives the same bits in every
 * set: sums over the index named in its entry are one chain in index order, everything else is element by element.
 * Entries allocate nothing, start no threads, and may run at the same time on different output.
 * The definitions that tests hold them against are in reference.h. */
#ifndef KERNEL_KERNEL_H
#define KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/error.h"

enum isa { ISA_PORTABLE, ISA_AVX2, ISA_AVX512, ISA_COUNT };

enum {
    SOFTMAX_ROWS = 16,                   /* rows that softmax and the losses take at once, one a lane */
    LOSS_SCRATCH = 3 * SOFTMAX_ROWS,     /* floats of scratch for each output: logits, targets, probabilities of those rows */
};
#define LEAKY_RELU_SLOPE 0.01f           /* Maas, Hannun and Ng, ICML workshop on deep learning, 2013 */

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
struct rmsprop_step {                           /* Tieleman and Hinton, "Neural networks for machine learning" 6e, 2012 */
    float rho, one_minus_rho;
    float rate;
    float epsilon;
};

/* A matrix of R rows and N columns in panels: element (r, n) at [n / PANEL][r][n % PANEL], so that 32 neighbouring columns of
 * all rows lie together. It is read along its rows (as X and dY in the products over features), down its columns (as both in
 * the products over samples) and 32 columns at a time (as the operand whose columns are lanes) without a stride that the cache
 * would suffer from. What the last panel holds beyond column N is padding: read at will, never part of a result. */
enum { PANEL = 32 };

/* How the rows of a batch, or of one thread's part of it, are added up: one chain inside each shard, then pairs of a tree. */
enum { ROW_SUM_SHARDS_MAX = 16, ROW_SUM_PARTS_MAX = 5 };
struct row_sum {
    size_t shards;
    size_t end[ROW_SUM_SHARDS_MAX];             /* rows up to the end of each shard; shard 0 begins at row 0 */
    unsigned char merges[ROW_SUM_SHARDS_MAX];   /* after each shard, add its part into the one before it this many times */
    size_t parts_most;                          /* parts held at once, at most ROW_SUM_PARTS_MAX; one is left in the end */
};

/* Rows of numbers anywhere in memory, as they are in the data, and how they become network input: x[j] = (raw[j] - shift[j]) *
 * scale[j]. */
enum raw_type { RAW_U8, RAW_F32 };              /* bytes, or floats (at addresses that are multiples of 4) */
struct raw_rows {
    const uint8_t *const *row;
    const float *shift, *scale;
    bool is_uniform;                            /* all shifts are the same number, and all scales: they need not be read */
    enum raw_type type;
};

/* Losses of rows of C logits z against rows of C targets t. With best the first largest logit and max its value:
 *   softmax   e_c = exp(z_c - max), sum a chain over c from +0, p_c = e_c / sum
 *   sigmoid   p_c = sigmoid(z_c)
 *   linear    p_c = z_c
 * s = weight of the row (1 if there are none) * inverse_rows; m = (2 / C) * s; d_c = p_c - t_c. Everything is in float, rounded
 * operation by operation, but for the loss: its operands are made double first, and its sums are chains over c from +0 in
 * double. No FMA but those named (fma); a NaN among the logits, targets or weight of a row makes its loss NaN.
 *
 *                          loss of a row                                             its gradient in z_c
 *   softmax cross-entropy  weight * sum_c t_c * (log(sum) - (z_c - max))             fma(p_c, T, -t_c) * s, T a chain of t_c
 *   softmax mse            weight * ((sum_c d_c * d_c) / C)                          p_c * (g_c - a), g_c = d_c * m,
 *                                                                                    a the chain of fma(g_c, p_c, a) from +0
 *   sigmoid cross-entropy  weight * sum_c ((max(z_c, 0) - z_c * t_c) + log1p(e_c))   d_c * s
 *                          with e_c = exp(-|z_c|) and its log1p in float
 *   sigmoid mse            weight * ((sum_c d_c * d_c) / C)                          (d_c * (p_c * (1 - p_c))) * m
 *   linear mse             weight * ((sum_c d_c * d_c) / C)                          d_c * m
 *
 * Targets of softmax cross-entropy need not add up to 1 (class weights): T is what they add up to. With finite logits and one 1
 * among zeros the bits are those of softmax_loss_gradient. */
enum loss_function {
    LOSS_OF_SOFTMAX_CROSS_ENTROPY, LOSS_OF_SOFTMAX_MSE, LOSS_OF_SIGMOID_CROSS_ENTROPY, LOSS_OF_SIGMOID_MSE, LOSS_OF_LINEAR_MSE,
};
enum output_function { OUTPUT_OF_SOFTMAX, OUTPUT_OF_SIGMOID, OUTPUT_OF_LINEAR };
struct loss_targets {
    const float *target;                        /* B rows of C in panels, as the logits are */
    size_t panel_stride;
    const float *row_weight;                    /* B of them; NULL: all 1 */
};

struct kernel {
    const char *name;
    size_t lanes;                               /* floats of one vector */

    /* Products. B and C are one panel of N <= PANEL columns, row k of B at B + k * PANEL and row m of C at C + m * PANEL.
     * product           C[m][n] = (sum over k of A[m][k] * B[k][n]) + bias[n]; A in panels, a_panel floats apart, its row 0 at A
     * product_columns   C[m][n] = sum over k of A[k * step + m] * B[k][n]
     * An FMA chain over k from +0, or from what C holds if resume is set; the bias (none if NULL; PANEL floats) added last. */
    void (*product)(size_t M, size_t N, size_t K, const float *A, size_t a_panel, const float *B, bool resume,
                    const float *bias, float *C);
    void (*product_columns)(size_t M, size_t N, size_t K, const float *A, size_t step, const float *B, bool resume, float *C);

    /* A block of a weight gradient: C[m * ldc + n] = for each shard a chain over its rows r of A[r * PANEL + m] *
     * B[r * PANEL + n], from +0, the shards added up as `rows` says. M, N <= PANEL. part: scratch, rows->parts_most blocks of
     * PANEL x PANEL. */
    void (*gradient)(size_t M, size_t N, const struct row_sum *rows, const float *A, const float *B, float *part, float *C,
                     size_t ldc);

    /* Columns first .. first+columns-1 of raw rows as network input.
     * convert             x[r][j], one panel: columns <= PANEL, the padding 0
     * convert_transposed  x[j][r], rows <= PANEL; lanes that belong to no row hold some number */
    void (*convert)(size_t rows, size_t first, size_t columns, const struct raw_rows *from, float *x);
    void (*convert_transposed)(size_t rows, size_t first, size_t columns, const struct raw_rows *from, float *x);

    /* to[c * to_row + r] = from[r * from_row + c] */
    void (*transpose)(size_t rows, size_t columns, const float *from, size_t from_row, float *to, size_t to_row);

    /* Softmax and cross-entropy of B rows of C logits in panels, panel_stride floats apart. loss[n] = log(sum) - (x[label] - max)
     * with max over c, e = exp(x - max), sum a float chain over c from +0. softmax_loss_gradient also replaces the logits by
     * (e / sum - [c == label]) * inverse_rows. best[n] is the class of the first largest logit. scratch: C * SOFTMAX_ROWS. */
    void (*softmax_loss_gradient)(size_t B, size_t C, const int32_t *label, float inverse_rows, float *logits,
                                  size_t panel_stride, float *scratch, double *loss, int32_t *best);
    void (*softmax_loss)(size_t B, size_t C, const int32_t *label, const float *logits, size_t panel_stride, float *scratch,
                         double *loss, int32_t *best);

    /* The losses above, of B rows in panels. loss_gradient also replaces the logits by the gradient of the mean over rows.
     * outputs replaces them by p; what becomes of the padding is not said. scratch: C * LOSS_SCRATCH. */
    void (*loss_gradient)(enum loss_function f, size_t B, size_t C, const struct loss_targets *targets, float inverse_rows,
                          float *logits, size_t panel_stride, float *scratch, double *loss, int32_t *best);
    void (*loss)(enum loss_function f, size_t B, size_t C, const struct loss_targets *targets, const float *logits,
                 size_t panel_stride, float *scratch, double *loss, int32_t *best);
    void (*outputs)(enum output_function f, size_t B, size_t C, float *logits, size_t panel_stride, float *scratch);

    /* Activations in place; the derivative from the value y: dy becomes dz. */
    void (*relu)(size_t n, float *x);
    void (*tanh)(size_t n, float *x);
    void (*sigmoid)(size_t n, float *x);
    void (*relu_backward)(size_t n, const float *y, float *dy);         /* y > 0 ? dy : 0 */
    void (*tanh_backward)(size_t n, const float *y, float *dy);         /* dy * (1 - y*y), the bracket as one FMA */
    void (*sigmoid_backward)(size_t n, const float *y, float *dy);      /* dy * (y * (1 - y)) */
    void (*leaky_relu)(size_t n, float *x);                             /* x < 0 ? LEAKY_RELU_SLOPE * x : x */
    void (*leaky_relu_backward)(size_t n, const float *y, float *dy);   /* y > 0 ? dy : LEAKY_RELU_SLOPE * dy */
    void (*elu)(size_t n, float *x);            /* x < 0 ? e^x - 1 : x (Clevert, Unterthiner, Hochreiter, ICLR 2016; alpha 1) */
    void (*elu_backward)(size_t n, const float *y, float *dy);          /* y > 0 ? dy : dy * (y + 1) */
    /* Those whose derivative needs the argument x; y may be x.
     * gelu      x Phi(x), Phi the normal distribution function (Hendrycks and Gimpel, arXiv 1606.08415, 2016); derivative
     *           Phi(x) + x phi(x)
     * softplus  log(1 + e^x); derivative sigmoid(x) */
    void (*gelu)(size_t n, const float *x, float *y);
    void (*gelu_backward)(size_t n, const float *x, float *dy);
    void (*softplus)(size_t n, const float *x, float *y);
    void (*softplus_backward)(size_t n, const float *x, float *dy);

    /* Dropout: y = keep ? x * scale : 0. */
    void (*dropout)(size_t n, const uint8_t *keep, float scale, const float *x, float *y);
    /* One panel of a dropout mask: keep[r][j] = (word j % 4 of Philox4x32-10 of the counter {first + j / 4, row[r], counter[0],
     * counter[1]} under the key) >= limit. The order of the counter's words is base/rng.c's. */
    void (*draw_keep)(size_t rows, uint32_t first, const uint32_t *row, const uint32_t counter[2], const uint32_t key[2],
                      uint32_t limit, uint8_t *keep);

    /* One panel of B rows, all PANEL columns, padding included. Sums are chains over the rows: in float, or in double where
     * the result is double. Vectors have PANEL elements.
     * column_moments      mean, and the sum of squared deviations from it
     * normalize           y = gamma * xhat + beta (one FMA), xhat = (x - mean) * inverse_std; gamma NULL: y = xhat. y may be x
     * normalize_sums      sum of dy, sum of dy * xhat
     * normalize_backward  dy becomes factor * ((dy - mean_dy) - xhat * mean_dy_xhat), the bracket's product as an FMA */
    void (*column_sums)(size_t B, const float *x, float *sum);
    void (*column_moments)(size_t B, const float *x, double *mean, double *m2);
    void (*normalize)(size_t B, const float *x, const float *mean, const float *inverse_std, const float *gamma,
                      const float *beta, float *y);
    void (*normalize_sums)(size_t B, const float *x, const float *mean, const float *inverse_std, const float *dy,
                           double *sum_dy, double *sum_dy_xhat);
    void (*normalize_backward)(size_t B, const float *x, const float *mean, const float *inverse_std, const float *factor,
                               const float *mean_dy, const float *mean_dy_xhat, float *dy);

    /* Parameters and gradients, element by element. */
    void (*add)(size_t n, float *into, const float *from);              /* into += from */
    float (*largest_magnitude)(size_t n, const float *x);               /* NaN if there is one, 0 if n = 0 */
    void (*penalize)(size_t n, const float *w, float l2, float l1, float *g);   /* g = (l2*w + g, one FMA) + l1*sign(w) */
    void (*clip)(size_t n, float limit, float *g);                      /* into [-limit, limit]; NaN stays */
    void (*scale)(size_t n, float factor, float *g);
    void (*decay)(size_t n, float rate, float *w);                      /* w = w - rate*w, one FMA */
    /* Optimizers; they return the largest magnitude of what they have written, as largest_magnitude does.
     * sgd       w = w - rate*g, one FMA
     * momentum  v = mu*v + g, w = w - rate*v, one FMA each
     * nesterov  v = mu*v + g, w = w - rate*(mu*v + g), one FMA each for v, the bracket and w (Sutskever et al., ICML 2013, as
     *           Bengio, Boulanger-Lewandowski and Pascanu, ICASSP 2013, equation 7, write it)
     * rmsprop   v = rho*v + (1-rho)*g*g, w = w - rate * (g / (sqrt(v) + epsilon)), an FMA for v and one for w
     * adam      m = beta1*m + (1-beta1)*g, v = beta2*v + (1-beta2)*g*g, w = w - rate * m / (sqrt(v) * correction + epsilon) */
    float (*sgd)(size_t n, float rate, const float *g, float *w);
    float (*momentum)(size_t n, float rate, float mu, const float *g, float *v, float *w);
    float (*nesterov)(size_t n, float rate, float mu, const float *g, float *v, float *w);
    float (*rmsprop)(size_t n, const struct rmsprop_step *s, const float *g, float *v, float *w);
    float (*adam)(size_t n, const struct adam_step *a, const float *g, float *m, float *v, float *w);
    void (*sums)(size_t n, const float *x, struct block_sums *sums);    /* n <= SUM_BLOCK */

    /* To measure the machine (peak.c). They have no definition: how many lanes there are shows in what they return.
     * fma_rounds   FMA_CHAINS independent FMAs of whole vectors a round, in registers: 2 * FMA_CHAINS * lanes FLOP
     * read_floats  load n floats, a multiple of READ_FLOATS */
    float (*fma_rounds)(size_t rounds, float factor, float addend);
    float (*read_floats)(size_t n, const float *x);
};
enum { FMA_CHAINS = 12, READ_FLOATS = 128 };

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
