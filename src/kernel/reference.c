/* See reference.h. One output at a time, each sum one chain in index order. */
#include "kernel/reference.h"

#include <math.h>

#include "base/math.h"

void product_ref(size_t M, size_t N, size_t K, const float *A, size_t a_row, size_t a_col, const float *B, size_t ldb,
                 const float *bias, float *C, size_t ldc)
{
    for (size_t m = 0; m < M; m++)
        for (size_t n = 0; n < N; n++) {
            float sum = 0;
            for (size_t k = 0; k < K; k++)
                sum = fmaf(A[m * a_row + k * a_col], B[k * ldb + n], sum);
            C[m * ldc + n] = bias != NULL ? sum + bias[n] : sum;
        }
}

void convert_ref(size_t n, const uint8_t *raw, const float *shift, const float *scale, float *x)
{
    for (size_t j = 0; j < n; j++)
        x[j] = ((float)raw[j] - shift[j]) * scale[j];
}

static size_t first_largest(size_t C, const float *x)
{
    size_t best = 0;
    for (size_t c = 1; c < C; c++)
        if (x[c] > x[best])
            best = c;
    return best;
}

static float sum_of_exp(size_t C, const float *x, float max)
{
    float sum = 0;
    for (size_t c = 0; c < C; c++)
        sum += math_exp_f32(x[c] - max);
    return sum;
}

double softmax_loss_gradient_ref(size_t B, size_t C, const int32_t *label, float inverse_rows, float *logits,
                                 size_t *correct)
{
    double loss = softmax_loss_ref(B, C, label, logits, NULL);
    *correct = 0;
    for (size_t n = 0; n < B; n++) {
        float *x = &logits[n * C];
        size_t best = first_largest(C, x), target = (size_t)label[n];
        float max = x[best], sum = sum_of_exp(C, x, max);
        *correct += best == target;
        for (size_t c = 0; c < C; c++)
            x[c] = (math_exp_f32(x[c] - max) / sum - (c == target ? 1.0f : 0.0f)) * inverse_rows;
    }
    return loss;
}

double softmax_loss_ref(size_t B, size_t C, const int32_t *label, const float *logits, int32_t *predicted)
{
    double loss = 0;
    for (size_t n = 0; n < B; n++) {
        const float *x = &logits[n * C];
        size_t best = first_largest(C, x);
        loss += math_log((double)sum_of_exp(C, x, x[best])) - ((double)x[label[n]] - (double)x[best]);
        if (predicted != NULL)
            predicted[n] = (int32_t)best;
    }
    return loss;
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

void dropout_ref(size_t n, const uint8_t *keep, float scale, const float *x, float *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = keep[i] ? x[i] * scale : 0;
}

void column_sums_ref(size_t B, size_t H, const float *x, float *sum)
{
    for (size_t j = 0; j < H; j++) {
        float chain = 0;
        for (size_t n = 0; n < B; n++)
            chain += x[n * H + j];
        sum[j] = chain;
    }
}

void column_moments_ref(size_t B, size_t H, const float *x, double *mean, double *m2)
{
    for (size_t j = 0; j < H; j++) {
        double sum = 0, squares = 0;
        for (size_t n = 0; n < B; n++)
            sum += (double)x[n * H + j];
        mean[j] = sum / (double)B;
        for (size_t n = 0; n < B; n++) {
            double deviation = (double)x[n * H + j] - mean[j];
            squares = fma(deviation, deviation, squares);
        }
        m2[j] = squares;
    }
}

void normalize_ref(size_t B, size_t H, const float *x, const float *mean, const float *inverse_std, const float *gamma,
                   const float *beta, float *y)
{
    for (size_t n = 0; n < B; n++)
        for (size_t j = 0; j < H; j++) {
            float xhat = (x[n * H + j] - mean[j]) * inverse_std[j];
            y[n * H + j] = gamma != NULL ? fmaf(gamma[j], xhat, beta[j]) : xhat;
        }
}

void normalize_sums_ref(size_t B, size_t H, const float *x, const float *mean, const float *inverse_std, const float *dy,
                        double *sum_dy, double *sum_dy_xhat)
{
    for (size_t j = 0; j < H; j++) {
        double of_dy = 0, of_dy_xhat = 0;
        for (size_t n = 0; n < B; n++) {
            float xhat = (x[n * H + j] - mean[j]) * inverse_std[j];
            of_dy += (double)dy[n * H + j];
            of_dy_xhat += (double)dy[n * H + j] * (double)xhat;
        }
        sum_dy[j] = of_dy;
        sum_dy_xhat[j] = of_dy_xhat;
    }
}

void normalize_backward_ref(size_t B, size_t H, const float *x, const float *mean, const float *inverse_std,
                            const float *factor, const float *mean_dy, const float *mean_dy_xhat, const float *dy,
                            float *dx)
{
    for (size_t n = 0; n < B; n++)
        for (size_t j = 0; j < H; j++) {
            float xhat = (x[n * H + j] - mean[j]) * inverse_std[j];
            dx[n * H + j] = factor[j] * fmaf(-xhat, mean_dy_xhat[j], dy[n * H + j] - mean_dy[j]);
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

void sgd_ref(size_t n, float rate, const float *g, float *w)
{
    for (size_t i = 0; i < n; i++)
        w[i] = fmaf(-rate, g[i], w[i]);
}

void momentum_ref(size_t n, float rate, float mu, const float *g, float *v, float *w)
{
    for (size_t i = 0; i < n; i++) {
        v[i] = fmaf(mu, v[i], g[i]);
        w[i] = fmaf(-rate, v[i], w[i]);
    }
}

void adam_ref(size_t n, const struct adam_step *a, const float *g, float *m, float *v, float *w)
{
    for (size_t i = 0; i < n; i++) {
        m[i] = fmaf(a->beta1, m[i], a->one_minus_beta1 * g[i]);
        v[i] = fmaf(a->beta2, v[i], (a->one_minus_beta2 * g[i]) * g[i]);
        w[i] = fmaf(-a->rate, m[i] / fmaf(sqrtf(v[i]), a->inverse_root_correction2, a->epsilon), w[i]);
    }
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
    .product = product_ref,
    .convert = convert_ref,
    .softmax_loss_gradient = softmax_loss_gradient_ref,
    .softmax_loss = softmax_loss_ref,
    .relu = relu_ref,
    .tanh = tanh_ref,
    .sigmoid = sigmoid_ref,
    .relu_backward = relu_backward_ref,
    .tanh_backward = tanh_backward_ref,
    .sigmoid_backward = sigmoid_backward_ref,
    .dropout = dropout_ref,
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
    .adam = adam_ref,
    .sums = sums_ref,
};
