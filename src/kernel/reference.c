/* See reference.h. One output at a time, each sum one chain in index order. The losses are in reference_losses.c. */
#include "kernel/reference.h"

#include <math.h>

#include <Random123/philox.h>

#include "base/math.h"

void product_ref(size_t M, size_t N, size_t K, const float *A, size_t a_panel, const float *B, bool resume, const float *bias,
                 float *C)
{
    for (size_t m = 0; m < M; m++)
        for (size_t n = 0; n < N; n++) {
            float sum = resume ? C[m * PANEL + n] : 0;
            for (size_t k = 0; k < K; k++)
                sum = fmaf(A[k / PANEL * a_panel + m * PANEL + k % PANEL], B[k * PANEL + n], sum);
            C[m * PANEL + n] = bias != NULL ? sum + bias[n] : sum;
        }
}

void product_columns_ref(size_t M, size_t N, size_t K, const float *A, size_t step, const float *B, bool resume, float *C)
{
    for (size_t m = 0; m < M; m++)
        for (size_t n = 0; n < N; n++) {
            float sum = resume ? C[m * PANEL + n] : 0;
            for (size_t k = 0; k < K; k++)
                sum = fmaf(A[k * step + m], B[k * PANEL + n], sum);
            C[m * PANEL + n] = sum;
        }
}

/* One number of the block: the shards' chains, added up as a binary counter adds. */
static float gradient_of_one(const struct row_sum *rows, const float *A, const float *B)
{
    float part[ROW_SUM_SHARDS_MAX] = {0};
    size_t held = 0;
    for (size_t s = 0; s < rows->shards; s++) {
        float sum = 0;
        for (size_t r = s > 0 ? rows->end[s - 1] : 0; r < rows->end[s]; r++)
            sum = fmaf(A[r * PANEL], B[r * PANEL], sum);
        part[held++] = sum;
        for (size_t merge = 0; merge < rows->merges[s]; merge++, held--)
            part[held - 2] += part[held - 1];
    }
    return part[0];
}

void gradient_ref(size_t M, size_t N, const struct row_sum *rows, const float *A, const float *B, float *part, float *C,
                  size_t ldc)
{
    (void)part;
    for (size_t m = 0; m < M; m++)
        for (size_t n = 0; n < N; n++)
            C[m * ldc + n] = gradient_of_one(rows, A + m, B + n);
}

static float raw_number(const struct raw_rows *from, size_t r, size_t c)
{
    return from->type == RAW_U8 ? (float)from->row[r][c] : ((const float *)(const void *)from->row[r])[c];
}

void convert_ref(size_t rows, size_t first, size_t columns, const struct raw_rows *from, float *x)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < PANEL; j++) {
            size_t c = first + j;
            x[r * PANEL + j] = j < columns ? (raw_number(from, r, c) - from->shift[c]) * from->scale[c] : 0;
        }
}

void convert_transposed_ref(size_t rows, size_t first, size_t columns, const struct raw_rows *from, float *x)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < columns; j++) {
            size_t c = first + j;
            x[j * PANEL + r] = (raw_number(from, r, c) - from->shift[c]) * from->scale[c];
        }
}

void transpose_ref(size_t rows, size_t columns, const float *from, size_t from_row, float *to, size_t to_row)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < columns; c++)
            to[c * to_row + r] = from[r * from_row + c];
}

void relu_ref(size_t n, float *x)
{
    for (size_t i = 0; i < n; i++)
        if (x[i] < 0)                                   /* a NaN and -0 stay */
            x[i] = 0;
}

void tanh_ref(size_t n, float *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = math_tanh_f32(x[i]);
}

void sigmoid_ref(size_t n, float *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = math_sigmoid_f32(x[i]);
}

void relu_backward_ref(size_t n, const float *y, float *dy)
{
    for (size_t i = 0; i < n; i++)
        if (!(y[i] > 0))
            dy[i] = 0;
}

void tanh_backward_ref(size_t n, const float *y, float *dy)
{
    for (size_t i = 0; i < n; i++)
        dy[i] = dy[i] * fmaf(-y[i], y[i], 1);
}

void sigmoid_backward_ref(size_t n, const float *y, float *dy)
{
    for (size_t i = 0; i < n; i++)
        dy[i] = dy[i] * (y[i] * (1 - y[i]));
}

void leaky_relu_ref(size_t n, float *x)
{
    for (size_t i = 0; i < n; i++)
        if (x[i] < 0)
            x[i] = LEAKY_RELU_SLOPE * x[i];
}

void leaky_relu_backward_ref(size_t n, const float *y, float *dy)
{
    for (size_t i = 0; i < n; i++)
        if (!(y[i] > 0))
            dy[i] = LEAKY_RELU_SLOPE * dy[i];
}

void elu_ref(size_t n, float *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = math_elu_f32(x[i]);
}

void elu_backward_ref(size_t n, const float *y, float *dy)
{
    for (size_t i = 0; i < n; i++)
        if (!(y[i] > 0))
            dy[i] = dy[i] * (y[i] + 1);
}

void gelu_ref(size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = math_gelu_f32(x[i]);
}

void gelu_backward_ref(size_t n, const float *x, float *dy)
{
    for (size_t i = 0; i < n; i++)
        dy[i] = dy[i] * math_gelu_slope_f32(x[i]);
}

void softplus_ref(size_t n, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = math_softplus_f32(x[i]);
}

void softplus_backward_ref(size_t n, const float *x, float *dy)
{
    for (size_t i = 0; i < n; i++)
        dy[i] = dy[i] * math_sigmoid_f32(x[i]);
}

void dropout_ref(size_t n, const uint8_t *keep, float scale, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = keep[i] ? x[i] * scale : 0;
}

void draw_keep_ref(size_t rows, uint32_t first, const uint32_t *row, const uint32_t counter[2], const uint32_t key[2],
                   uint32_t limit, uint8_t *keep)
{
    for (size_t r = 0; r < rows; r++)
        for (uint32_t j = 0; j < PANEL; j++) {
            philox4x32_ctr_t of_j = {{first + j / 4, row[r], counter[0], counter[1]}};
            philox4x32_key_t with = {{key[0], key[1]}};
            keep[r * PANEL + j] = philox4x32(of_j, with).v[j % 4] >= limit;
        }
}

void column_sums_ref(size_t B, const float *x, float *sum)
{
    for (size_t j = 0; j < PANEL; j++) {
        float chain = 0;
        for (size_t n = 0; n < B; n++)
            chain += x[n * PANEL + j];
        sum[j] = chain;
    }
}

void column_moments_ref(size_t B, const float *x, double *mean, double *m2)
{
    for (size_t j = 0; j < PANEL; j++) {
        double sum = 0, squares = 0;
        for (size_t n = 0; n < B; n++)
            sum += (double)x[n * PANEL + j];
        mean[j] = sum / (double)B;
        for (size_t n = 0; n < B; n++) {
            double deviation = (double)x[n * PANEL + j] - mean[j];
            squares = fma(deviation, deviation, squares);
        }
        m2[j] = squares;
    }
}

void normalize_ref(size_t B, const float *x, const float *mean, const float *inverse_std, const float *gamma, const float *beta,
                   float *y)
{
    for (size_t n = 0; n < B; n++)
        for (size_t j = 0; j < PANEL; j++) {
            float xhat = (x[n * PANEL + j] - mean[j]) * inverse_std[j];
            y[n * PANEL + j] = gamma != NULL ? fmaf(gamma[j], xhat, beta[j]) : xhat;
        }
}

void normalize_sums_ref(size_t B, const float *x, const float *mean, const float *inverse_std, const float *dy, double *sum_dy,
                        double *sum_dy_xhat)
{
    for (size_t j = 0; j < PANEL; j++) {
        double of_dy = 0, of_dy_xhat = 0;
        for (size_t n = 0; n < B; n++) {
            float xhat = (x[n * PANEL + j] - mean[j]) * inverse_std[j];
            of_dy += (double)dy[n * PANEL + j];
            of_dy_xhat += (double)dy[n * PANEL + j] * (double)xhat;
        }
        sum_dy[j] = of_dy;
        sum_dy_xhat[j] = of_dy_xhat;
    }
}

void normalize_backward_ref(size_t B, const float *x, const float *mean, const float *inverse_std, const float *factor,
                            const float *mean_dy, const float *mean_dy_xhat, float *dy)
{
    for (size_t n = 0; n < B; n++)
        for (size_t j = 0; j < PANEL; j++) {
            float xhat = (x[n * PANEL + j] - mean[j]) * inverse_std[j];
            dy[n * PANEL + j] = factor[j] * fmaf(-xhat, mean_dy_xhat[j], dy[n * PANEL + j] - mean_dy[j]);
        }
}

void add_ref(size_t n, float *into, const float *from)
{
    for (size_t i = 0; i < n; i++)
        into[i] = into[i] + from[i];
}

float largest_magnitude_ref(size_t n, const float *x)
{
    float largest = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(x[i]))
            return NAN;
        if (fabsf(x[i]) > largest)
            largest = fabsf(x[i]);
    }
    return largest;
}

void penalize_ref(size_t n, const float *w, float l2, float l1, float *g)
{
    for (size_t i = 0; i < n; i++)
        g[i] = fmaf(l2, w[i], g[i]) + (w[i] > 0 ? l1 : w[i] < 0 ? -l1 : 0);
}

void clip_ref(size_t n, float limit, float *g)
{
    for (size_t i = 0; i < n; i++) {
        if (g[i] > limit)
            g[i] = limit;
        if (g[i] < -limit)
            g[i] = -limit;
    }
}

void scale_ref(size_t n, float factor, float *g)
{
    for (size_t i = 0; i < n; i++)
        g[i] = g[i] * factor;
}

void decay_ref(size_t n, float rate, float *w)
{
    for (size_t i = 0; i < n; i++)
        w[i] = fmaf(-rate, w[i], w[i]);
}

float sgd_ref(size_t n, float rate, const float *g, float *w)
{
    for (size_t i = 0; i < n; i++)
        w[i] = fmaf(-rate, g[i], w[i]);
    return largest_magnitude_ref(n, w);
}

/* NaN if any of them is. */
static float largest_of_all(size_t n, const float *a, const float *b, const float *c)
{
    float largest[3] = {largest_magnitude_ref(n, a), largest_magnitude_ref(n, b), largest_magnitude_ref(n, c)};
    return largest_magnitude_ref(3, largest);
}

float momentum_ref(size_t n, float rate, float mu, const float *g, float *v, float *w)
{
    for (size_t i = 0; i < n; i++) {
        v[i] = fmaf(mu, v[i], g[i]);
        w[i] = fmaf(-rate, v[i], w[i]);
    }
    return largest_of_all(n, w, v, v);
}

float nesterov_ref(size_t n, float rate, float mu, const float *g, float *v, float *w)
{
    for (size_t i = 0; i < n; i++) {
        v[i] = fmaf(mu, v[i], g[i]);
        w[i] = fmaf(-rate, fmaf(mu, v[i], g[i]), w[i]);
    }
    return largest_of_all(n, w, v, v);
}

float rmsprop_ref(size_t n, const struct rmsprop_step *s, const float *g, float *v, float *w)
{
    for (size_t i = 0; i < n; i++) {
        v[i] = fmaf(s->rho, v[i], (s->one_minus_rho * g[i]) * g[i]);
        w[i] = fmaf(-s->rate, g[i] / (sqrtf(v[i]) + s->epsilon), w[i]);
    }
    return largest_of_all(n, w, v, v);
}

float adam_ref(size_t n, const struct adam_step *a, const float *g, float *m, float *v, float *w)
{
    for (size_t i = 0; i < n; i++) {
        m[i] = fmaf(a->beta1, m[i], a->one_minus_beta1 * g[i]);
        v[i] = fmaf(a->beta2, v[i], (a->one_minus_beta2 * g[i]) * g[i]);
        w[i] = fmaf(-a->rate, m[i] / fmaf(sqrtf(v[i]), a->inverse_root_correction2, a->epsilon), w[i]);
    }
    return largest_of_all(n, w, m, v);
}

/* The pairwise tree over count lanes, a power of two: neighbours first, the two halves last. */
static double lane_tree(const double *lane, size_t count)
{
    return count == 1 ? lane[0] : lane_tree(lane, count / 2) + lane_tree(lane + count / 2, count / 2);
}

void sums_ref(size_t n, const float *x, struct block_sums *sums)
{
    double sum[SUM_LANES] = {0}, sum_abs[SUM_LANES] = {0}, sum_square[SUM_LANES] = {0};
    *sums = (struct block_sums){.min = INFINITY, .max = -INFINITY};
    for (size_t i = 0; i < n; i++) {
        sum[i % SUM_LANES] += (double)x[i];
        sum_abs[i % SUM_LANES] += fabs((double)x[i]);
        sum_square[i % SUM_LANES] += (double)x[i] * (double)x[i];
        if (x[i] < sums->min)
            sums->min = x[i];
        if (x[i] > sums->max)
            sums->max = x[i];
        sums->zeros += x[i] == 0;
    }
    sums->sum = lane_tree(sum, SUM_LANES);
    sums->sum_abs = lane_tree(sum_abs, SUM_LANES);
    sums->sum_square = lane_tree(sum_square, SUM_LANES);
}

const struct kernel kernel_reference = {
    .name = "definition",
    .lanes = 1,
    .product = product_ref,
    .product_columns = product_columns_ref,
    .gradient = gradient_ref,
    .convert = convert_ref,
    .convert_transposed = convert_transposed_ref,
    .transpose = transpose_ref,
    .softmax_loss_gradient = softmax_loss_gradient_ref,
    .softmax_loss = softmax_loss_ref,
    .loss_gradient = loss_gradient_ref,
    .loss = loss_ref,
    .outputs = outputs_ref,
    .relu = relu_ref,
    .tanh = tanh_ref,
    .sigmoid = sigmoid_ref,
    .relu_backward = relu_backward_ref,
    .tanh_backward = tanh_backward_ref,
    .sigmoid_backward = sigmoid_backward_ref,
    .leaky_relu = leaky_relu_ref,
    .leaky_relu_backward = leaky_relu_backward_ref,
    .elu = elu_ref,
    .elu_backward = elu_backward_ref,
    .gelu = gelu_ref,
    .gelu_backward = gelu_backward_ref,
    .softplus = softplus_ref,
    .softplus_backward = softplus_backward_ref,
    .dropout = dropout_ref,
    .draw_keep = draw_keep_ref,
    .column_sums = column_sums_ref,
    .column_moments = column_moments_ref,
    .normalize = normalize_ref,
    .normalize_sums = normalize_sums_ref,
    .normalize_backward = normalize_backward_ref,
    .add = add_ref,
    .largest_magnitude = largest_magnitude_ref,
    .penalize = penalize_ref,
    .clip = clip_ref,
    .scale = scale_ref,
    .decay = decay_ref,
    .sgd = sgd_ref,
    .momentum = momentum_ref,
    .nesterov = nesterov_ref,
    .rmsprop = rmsprop_ref,
    .adam = adam_ref,
    .sums = sums_ref,
};
