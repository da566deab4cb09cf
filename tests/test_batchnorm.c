/* Batch normalisation by parts: the moments of shards, merged, are those of the whole batch; and what depends on them. */
#include <math.h>
#include <string.h>

#include "bounded.h"
#include "kernel/kernel.h"
#include "matrix_samples.h"
#include "nn/layers.h"
#include "parallel/reduce.h"
#include "support.h"

enum { WIDTH = 150, ROWS_MAX = 600 };           /* wider than the 64 features that are merged at once */

/* A network of one hidden layer with batch-norm, its only such operation, and what shards publish to each other. */
struct fixture {
    weft_settings *settings;
    struct network net;
    const struct op *op;
    struct workspace space;
    struct norm_exchange exchange[NETWORK_LAYERS_MAX];
    struct matrix x, dy;                        /* ROWS_MAX x WIDTH */
};

static double x_at(const struct fixture *f, size_t n, size_t j)
{
    return (double)*matrix_at(f->x, n, j);
}

static void fixture_open(struct fixture *f, const char *assignments)
{
    f->settings = settings_of(assignments);
    assert_int_equal(network_create(&f->net, f->settings, 3, RAW_U8, 2), WEFT_OK);
    network_initialize(&f->net, f->settings);
    assert_int_equal(workspace_create(&f->space, &f->net, ROWS_MAX, 1), WEFT_OK);
    assert_int_equal(norm_exchange_create(f->exchange, &f->net), WEFT_OK);
    f->op = NULL;
    for (size_t i = 0; i < f->net.ops; i++)
        if (f->net.op[i].kind == OP_NORM)
            f->op = &f->net.op[i];
    assert_non_null(f->op);
    struct random random = {1};
    f->x = matrix_new(ROWS_MAX, WIDTH);
    f->dy = matrix_new(ROWS_MAX, WIDTH);
    for (size_t n = 0; n < ROWS_MAX; n++)               /* column j has the mean j and the deviation 1/sqrt(3) */
        for (size_t j = 0; j < WIDTH; j++) {
            *matrix_at(f->x, n, j) = (float)((double)j + random_real(&random, -1, 1));
            *matrix_at(f->dy, n, j) = (float)random_real(&random, -1, 1);
        }
}

static void fixture_close(struct fixture *f)
{
    guarded_free(f->x.data);
    guarded_free(f->dy.data);
    norm_exchange_destroy(f->exchange);
    workspace_destroy(&f->space);
    network_destroy(&f->net);
    weft_settings_destroy(f->settings);
}

static const char ONE_LAYER[] = "network.hidden=150; network.batch_norm=before";
static const size_t batches[] = {1, 2, 31, 32, 33, 64, 65, 100, 481, 600};

static void publish_and_merge(struct fixture *f, size_t rows)
{
    size_t shards = shard_count(rows);
    for (size_t s = 0; s < shards; s++) {
        struct range r = shard_rows(rows, shards, s);
        norm_publish_moments(f->op, s, r.end - r.first, matrix_from(f->x, r.first), &f->exchange[0]);
    }
    norm_merge_moments(&f->net, &f->exchange[0], WIDTH, rows, shards, (struct range){0, shards}, (struct range){0, WIDTH},
                       &f->space.norm[0]);
}

static void merged_moments_are_those_of_the_batch(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, ONE_LAYER);
    const struct norm_values *v = &f.space.norm[0];
    for (size_t b = 0; b < COUNT(batches); b++) {
        size_t rows = batches[b];
        publish_and_merge(&f, rows);
        for (size_t j = 0; j < WIDTH; j++) {
            struct total sum = {0}, squares = {0};
            for (size_t n = 0; n < rows; n++)
                total_add(&sum, exactly(x_at(&f, n, j)));
            struct bounded mean = over(total_in_double(&sum), exactly((double)rows));
            for (size_t n = 0; n < rows; n++) {
                struct bounded deviation = minus(exactly(x_at(&f, n, j)), mean);
                total_add(&squares, times(deviation, deviation));
            }
            struct bounded M2 = rows == 1 ? exactly(0) : total_in_double(&squares);
            struct bounded unbiased = rows == 1 ? exactly(0) : over(M2, exactly((double)(rows - 1)));
            struct bounded variance = plus(over(M2, exactly((double)rows)), exactly(1e-5));
            struct bounded inverse = rounded(over(exactly(1), root(variance)));
            assert_within(v->batch_mean[j], mean.value, mean.error, "mean of %zu rows", rows);
            assert_within(v->batch_variance[j], unbiased.value, unbiased.error, "variance of %zu rows", rows);
            assert_within((double)v->mean[j], rounded(mean).value, rounded(mean).error, "float mean of %zu rows", rows);
            assert_within((double)v->inverse_std[j], inverse.value, inverse.error, "inverse deviation of %zu rows", rows);
        }
    }
    fixture_close(&f);
}

/* A thread may merge only its own features: the bits are the same. */
static void features_can_be_merged_apart(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, ONE_LAYER);
    struct workspace apart;
    assert_int_equal(workspace_create(&apart, &f.net, 1, 0), WEFT_OK);
    publish_and_merge(&f, 600);
    for (size_t threads = 1; threads < 9; threads++) {
        for (size_t rank = 0; rank < threads; rank++)
            norm_merge_moments(&f.net, &f.exchange[0], WIDTH, 600, 16, (struct range){0, 16}, share_of(WIDTH, threads, rank),
                               &apart.norm[0]);
        assert_same_doubles(apart.norm[0].batch_mean, f.space.norm[0].batch_mean, WIDTH, "mean, %zu threads", threads);
        assert_same_doubles(apart.norm[0].batch_variance, f.space.norm[0].batch_variance, WIDTH, "variance, %zu threads",
                            threads);
        assert_same_bits(apart.norm[0].mean, f.space.norm[0].mean, WIDTH, "float mean, %zu threads", threads);
        assert_same_bits(apart.norm[0].inverse_std, f.space.norm[0].inverse_std, WIDTH, "inverse, %zu threads", threads);
    }
    workspace_destroy(&apart);
    fixture_close(&f);
}

/* E[x^2] - E[x]^2 would have no digit left here: mean 2^20, deviations of 2^-3. */
static void small_deviations_survive_a_large_mean(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, ONE_LAYER);
    for (size_t n = 0; n < ROWS_MAX; n++)
        for (size_t j = 0; j < WIDTH; j++)
            *matrix_at(f.x, n, j) = 0x1p20f + (n % 2 == 0 ? 0.125f : -0.125f);
    publish_and_merge(&f, 64);
    for (size_t j = 0; j < WIDTH; j++) {
        assert_true(f.space.norm[0].batch_mean[j] == 0x1p20);
        assert_within(f.space.norm[0].batch_variance[j], 1.0 / 64 * 64 / 63, 0x1p-50, "variance");
    }
    fixture_close(&f);
}

static void one_row_becomes_zero(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "network.hidden=150; network.batch_norm=before; network.batch_norm_affine=no");
    publish_and_merge(&f, 1);
    struct matrix y = matrix_new(1, WIDTH);
    float *before = guarded_copy(f.net.running, f.net.running_size);
    norm_forward(&f.net, f.op, 1, f.x, &f.space.norm[0], y);
    for (size_t j = 0; j < WIDTH; j++)
        assert_true(*matrix_at(y, 0, j) == 0);
    norm_update_running(&f.net, 0, 1, (struct range){0, WIDTH}, &f.space.norm[0]);
    assert_same_bits(f.net.running, before, f.net.running_size, "running statistics after one row");
    guarded_free(y.data);
    guarded_free(before);
    fixture_close(&f);
}

/* running = (1 - m) running + m batch, the variance unbiased; only the features asked for. */
static void running_statistics_follow_the_batch(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "network.hidden=150; network.batch_norm=before; network.batch_norm_momentum=0.25");
    const struct layer *layer = &f.net.layer[0];
    publish_and_merge(&f, 100);
    norm_update_running(&f.net, 0, 100, (struct range){10, 140}, &f.space.norm[0]);
    for (size_t j = 0; j < WIDTH; j++) {
        double mean = f.space.norm[0].batch_mean[j], variance = f.space.norm[0].batch_variance[j];
        struct bounded want[] = {rounded(in_double(0.25 * mean, 0)), rounded(in_double(0.75 + 0.25 * variance, 0))};
        bool is_asked = j >= 10 && j < 140;
        float got[] = {f.net.running[layer->running_mean + j], f.net.running[layer->running_variance + j]};
        for (size_t i = 0; i < 2 && is_asked; i++)
            assert_within((double)got[i], want[i].value, want[i].error, "running statistic %zu of unit %zu", i, j);
        assert_true(is_asked || (got[0] == 0 && got[1] == 1));
    }
    struct workspace infers;
    assert_int_equal(workspace_create(&infers, &f.net, 1, 0), WEFT_OK);
    norm_values_from_running(&f.net, 0, &infers.norm[0]);
    for (size_t j = 0; j < WIDTH; j++) {
        double variance = (double)f.net.running[layer->running_variance + j];
        struct bounded inverse = rounded(in_double(1 / sqrt(variance + 1e-5), 0));
        assert_true(infers.norm[0].mean[j] == f.net.running[layer->running_mean + j]);
        assert_within((double)infers.norm[0].inverse_std[j], inverse.value, inverse.error, "inverse of unit %zu", j);
    }
    workspace_destroy(&infers);
    fixture_close(&f);
}

/* The gradient through a normalisation is orthogonal to constants and to xhat itself: both leave y as it is. A row takes
 * part in eight roundings: four of its own, and those of both means and of mean and deviation. */
static void gradient_is_orthogonal_to_what_is_taken_away(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, ONE_LAYER);
    struct norm_values *v = &f.space.norm[0];
    for (size_t b = 0; b < COUNT(batches); b++) {
        size_t rows = batches[b], shards = shard_count(rows);
        publish_and_merge(&f, rows);
        for (size_t s = 0; s < shards; s++) {
            struct range r = shard_rows(rows, shards, s);
            norm_publish_sums(f.op, s, r.end - r.first, matrix_from(f.x, r.first), v, matrix_from(f.dy, r.first),
                              &f.exchange[0]);
        }
        norm_merge_sums(&f.net, f.op, &f.exchange[0], rows, shards, (struct range){0, shards}, v);
        float *dy = rows_of(f.dy, rows, WIDTH);
        struct matrix dx = matrix_of(rows, WIDTH, dy);
        norm_backward(f.op, rows, f.x, v, dx);
        for (size_t j = 0; j < WIDTH; j++) {
            double sum = 0, dot = 0, size = 0;
            for (size_t n = 0; n < rows; n++) {
                double xhat = (x_at(&f, n, j) - v->batch_mean[j]) * (double)v->inverse_std[j];
                double d = (double)*matrix_at(dx, n, j);
                sum += d;
                dot += d * xhat;
                size += (double)v->inverse_std[j] * (1 + fabs(xhat)) * (1 + fabs(xhat));
            }
            /* x itself is known to a rounding of its mean only, and xhat^2 sums to rows * var / (var + epsilon) */
            double x_error = FLOAT_UNIT * (double)(j + 1) * (double)v->inverse_std[j] * size;
            double epsilon_error = 1e-5 * (double)v->inverse_std[j] * (double)v->inverse_std[j] * size;
            assert_within(sum, 0, 8 * FLOAT_UNIT * size + x_error, "%zu rows, unit %zu: sum of dx", rows, j);
            assert_within(dot, 0, 8 * FLOAT_UNIT * size + x_error + epsilon_error, "%zu rows, unit %zu: dx . xhat", rows, j);
        }
        guarded_free(dy);
        guarded_free(dx.data);
    }
    fixture_close(&f);
}

/* dgamma = sum of dy xhat, dbeta = sum of dy: of each shard as it was published, rounded to float; the shards as a tree. */
static float tree_of_published(const double *published, size_t shards, struct range node, size_t j)
{
    float part[SHARDS_MAX];
    for (size_t s = node.first; s < node.end; s++)
        part[s] = (float)published[s * panels_of(WIDTH) * PANEL + j];
    for (size_t d = 1; d < shards; d *= 2)
        for (size_t i = node.first; i + d < node.end; i++)
            if (i % (2 * d) == 0)
                part[i] += part[i + d];
    return part[node.first];
}

static void expect_gradients(const struct fixture *f, size_t rows, size_t shards, struct range node)
{
    struct row_sum sum = row_sum_make(rows, shards, node);
    float *dgamma = guarded_new(WIDTH, sizeof *dgamma), *dbeta = guarded_new(WIDTH, sizeof *dbeta);
    norm_gradient(f->op, &sum, node.first, &f->exchange[0], dgamma, dbeta);
    for (size_t j = 0; j < WIDTH; j++) {
        float want[] = {tree_of_published(f->exchange[0].sum_dy_xhat, shards, node, j),
                        tree_of_published(f->exchange[0].sum_dy, shards, node, j)};
        assert_same_bits(&dgamma[j], &want[0], 1, "dgamma of unit %zu, shards %zu..%zu of %zu", j, node.first, node.end,
                         shards);
        assert_same_bits(&dbeta[j], &want[1], 1, "dbeta of unit %zu, shards %zu..%zu of %zu", j, node.first, node.end, shards);
    }
    guarded_free(dgamma);
    guarded_free(dbeta);
}

/* What a shard publishes are its sums, in double, of dy and of dy * xhat, xhat being a float. */
static void expect_published(const struct fixture *f, size_t s, struct range rows)
{
    const struct norm_values *v = &f->space.norm[0];
    for (size_t j = 0; j < WIDTH; j++) {
        struct total of_dy = {0}, of_dy_xhat = {0};
        for (size_t n = rows.first; n < rows.end; n++) {
            struct bounded dy = exactly((double)*matrix_at(f->dy, n, j));
            struct bounded from_mean = minus(exactly(x_at(f, n, j)), exactly((double)v->mean[j]));
            total_add(&of_dy, dy);
            total_add(&of_dy_xhat, times(dy, rounded(times(rounded(from_mean), exactly((double)v->inverse_std[j])))));
        }
        size_t at = s * panels_of(WIDTH) * PANEL + j;
        struct bounded want[] = {total_in_double(&of_dy), total_in_double(&of_dy_xhat)};
        assert_within(f->exchange[0].sum_dy[at], want[0].value, want[0].error, "sum of dy, shard %zu, unit %zu", s, j);
        assert_within(f->exchange[0].sum_dy_xhat[at], want[1].value, want[1].error, "sum of dy xhat, shard %zu, unit %zu", s,
                      j);
    }
}

static void gradients_are_the_published_sums(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, ONE_LAYER);
    for (size_t b = 0; b < COUNT(batches); b++) {
        size_t rows = batches[b], shards = shard_count(rows);
        publish_and_merge(&f, rows);
        for (size_t s = 0; s < shards; s++) {
            struct range r = shard_rows(rows, shards, s);
            norm_publish_sums(f.op, s, r.end - r.first, matrix_from(f.x, r.first), &f.space.norm[0],
                              matrix_from(f.dy, r.first), &f.exchange[0]);
            expect_published(&f, s, r);
        }
        for (size_t threads = 1; threads <= shards; threads++)          /* each node that some thread sums by itself */
            for (size_t rank = 0; rank < threads; rank++) {
                struct tree_stack nodes = tree_share(shards, share_of(shards, threads, rank));
                for (size_t i = 0; i < nodes.depth; i++)
                    expect_gradients(&f, rows, shards, nodes.node[i]);
            }
    }
    fixture_close(&f);
}

/* Of both sums, of every unit and of the shards asked for, by magnitude; a NaN is larger than any number. */
static void largest_sum_is_found(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, ONE_LAYER);
    size_t padded = panels_of(WIDTH) * PANEL;
    double *const sums[] = {f.exchange[0].sum_dy, f.exchange[0].sum_dy_xhat};
    struct random random = {9};
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < SHARDS_MAX * padded; i++)
            sums[k][i] = i % padded < WIDTH ? random_real(&random, -1, 1) : (double)NAN;       /* no unit */
    static const double large[] = {2, -3, 1e300, -INFINITY, NAN};
    static const size_t unit[] = {0, 1, PANEL - 1, PANEL, WIDTH - 1};
    for (size_t k = 0; k < 2 * COUNT(large); k++)
        for (size_t s = 0; s < SHARDS_MAX; s++)
            for (size_t u = 0; u < COUNT(unit); u++) {
                size_t j = unit[u];
                double *at = &sums[k % 2][s * padded + j], kept = *at;
                *at = large[k / 2];
                float got = norm_largest_sum(f.op, (struct range){s, s + 1}, &f.exchange[0]);
                float want = fabsf((float)large[k / 2]);
                assert_same_bits(&got, &want, 1, "largest sum, which is of shard %zu, unit %zu", s, j);
                got = norm_largest_sum(f.op, (struct range){0, SHARDS_MAX}, &f.exchange[0]);
                assert_same_bits(&got, &want, 1, "largest sum of all, which is of shard %zu, unit %zu", s, j);
                assert_true(norm_largest_sum(f.op, (struct range){0, s}, &f.exchange[0]) < 1);
                assert_true(norm_largest_sum(f.op, (struct range){s + 1, SHARDS_MAX}, &f.exchange[0]) < 1);
                *at = kept;
            }
    assert_true(norm_largest_sum(f.op, (struct range){3, 3}, &f.exchange[0]) == 0);
    fixture_close(&f);
}

int main(void)
{
    if (kernel_choose() != WEFT_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(merged_moments_are_those_of_the_batch),
        cmocka_unit_test(features_can_be_merged_apart),
        cmocka_unit_test(small_deviations_survive_a_large_mean),
        cmocka_unit_test(one_row_becomes_zero),
        cmocka_unit_test(running_statistics_follow_the_batch),
        cmocka_unit_test(gradient_is_orthogonal_to_what_is_taken_away),
        cmocka_unit_test(gradients_are_the_published_sums),
        cmocka_unit_test(largest_sum_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
