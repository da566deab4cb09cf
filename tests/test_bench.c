/* The benchmark: what it times, what it refuses, and that it would notice a kernel that is wrong. No figure of speed is
 * asserted, only how the figures hang together. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "bench/check.h"
#include "bench/products.h"
#include "bench/timing.h"
#include "bench/workload.h"
#include "kernel/kernel.h"
#include "parallel/shard.h"
#include "parallel/team.h"
#include "support.h"
#include "weft/weft.h"

/* ---- workloads ---- */

static struct workload *workloads_of(const weft_bench_options *options, size_t count)
{
    struct workload *workload;
    size_t got;
    if (workloads_create(options, &workload, &got) != WEFT_OK)
        fail_msg("%s", weft_last_error());
    assert_int_equal(got, count);
    return workload;
}

/* By hand. 784-20-7-5-10: 15680 + 140 + 35 + 50 = 15905 weights; 2 * 15905 forward, as much for their gradient, and
 * 2 * (140 + 35 + 50) backward: 64070. Parameters: 15905 weights, 42 biases, with batch-norm 2 * (20 + 7 + 5) more.
 * 784-128-128-128-10: 100352 + 2 * 16384 + 1280 = 134400 weights, 394 biases, with batch-norm 2 * 384 more. */
static void flop_and_parameters_are_those_worked_out_by_hand(void **state)
{
    (void)state;
    static const struct { const char *name, *network; double flop; size_t parameters; } want[] = {
        {"W1a", "784-20-7-5-10", 64070, 15947},
        {"W1b", "784-20-7-5-10", 64070, 16011},
        {"W4", "3072-10", 122880, 30730},
        {"W2c", "784-128-128-128-10", 4.0 * 100352 + 6 * (2 * 16384 + 1280), 134794 + 768},
    };
    for (size_t i = 0; i < COUNT(want); i++) {
        struct workload *w = workloads_of(&(weft_bench_options){.workloads = want[i].name}, 1);
        weft_bench_workload described = {0};
        workload_describe(w, &described);
        assert_string_equal(described.name, want[i].name);
        assert_string_equal(described.network, want[i].network);
        assert_true(described.flop_per_sample == want[i].flop);
        assert_int_equal(described.parameters, want[i].parameters);
        workloads_destroy(w, 1);
    }
}

static void the_table_of_workloads_is_the_documented_one(void **state)
{
    (void)state;
    static const struct {
        const char *name, *network;
        size_t batch;
        enum optimizer_kind optimizer;
        double rate, dropout, l2;
        enum batch_norm_place norm;
    } want[] = {
        {"W1a", "784-20-7-5-10", 256, OPTIMIZER_SGD, 0.01, 0, 0, BATCH_NORM_NONE},
        {"W1b", "784-20-7-5-10", 256, OPTIMIZER_SGD, 0.01, 0, 0, BATCH_NORM_BEFORE},
        {"W1c", "784-20-7-5-10", 256, OPTIMIZER_SGD, 0.01, 0, 0.1, BATCH_NORM_NONE},
        {"W2a", "784-128-128-128-10", 128, OPTIMIZER_SGD, 0.01, 0, 0, BATCH_NORM_NONE},
        {"W2b", "784-128-128-128-10", 128, OPTIMIZER_SGD, 0.01, 0.1, 0, BATCH_NORM_NONE},
        {"W2c", "784-128-128-128-10", 128, OPTIMIZER_SGD, 0.01, 0, 0, BATCH_NORM_BEFORE},
        {"W3", "784-500-250-100-10", 64, OPTIMIZER_ADAM, 0.001, 0, 0, BATCH_NORM_NONE},
        {"W4", "3072-10", 100, OPTIMIZER_SGD, 0.01, 0, 0, BATCH_NORM_NONE},
        {"W5", "784-2048-2048-2048-10", 1024, OPTIMIZER_MOMENTUM, 0.01, 0, 0, BATCH_NORM_BEFORE},
    };
    struct workload *all = workloads_of(&(weft_bench_options){0}, COUNT(want));
    assert_int_equal(weft_bench_builtin_count(), COUNT(want));
    assert_null(weft_bench_builtin_info(COUNT(want)));
    for (size_t i = 0; i < COUNT(want); i++) {
        const struct workload *w = &all[i];
        const struct weft_settings *s = w->settings;
        weft_bench_workload described = {0};
        workload_describe(w, &described);
        assert_string_equal(w->name, want[i].name);
        assert_string_equal(weft_bench_builtin_info(i)->name, want[i].name);
        assert_string_equal(described.network, want[i].network);
        assert_int_equal(described.batch, want[i].batch);
        assert_int_equal(s->optimizer.name, want[i].optimizer);
        assert_true(s->optimizer.learning_rate == want[i].rate && s->regularization.l2 == want[i].l2);
        assert_true(s->optimizer.name != OPTIMIZER_MOMENTUM || s->optimizer.momentum == 0.9);
        assert_true(s->regularization.l2 == 0 || s->regularization.l2_form == L2_LAMBDA_OVER_2M);
        assert_true(real_for_layer(&s->network.dropout, 0) == want[i].dropout);
        assert_int_equal(s->network.batch_norm, want[i].norm);
        assert_int_equal(choice_for_layer(&s->network.activation, 0), ACTIVATION_RELU);
        assert_int_equal(s->data.scaling, SCALING_UNIT);
    }
    workloads_destroy(all, COUNT(want));
}

static void builtin_rows_are_random_bytes_with_random_labels(void **state)
{
    (void)state;
    struct workload *w = workloads_of(&(weft_bench_options){.workloads = "W4, W1a"}, 2);
    assert_string_equal(w[0].name, "W4");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(workload_open(&w[i]), WEFT_OK);
        const struct table *table = &w[i].dataset.train;
        size_t of_byte[256] = {0}, of_label[10] = {0};
        assert_int_equal(table->features, i == 0 ? 3072 : 784);
        assert_int_equal(w[i].dataset.split[SPLIT_TRAIN].count, i == 0 ? 20000 : 60000);
        assert_int_equal(w[i].dataset.outputs, 10);
        assert_true(w[i].dataset.shift[7] == 0 && w[i].dataset.scale[7] == 1.0f / 255);
        for (size_t k = 0; k < table->count * table->features; k++)
            of_byte[table->pixel[k]]++;
        for (size_t n = 0; n < table->count; n++)
            of_label[table->label[n]]++;
        double mean = (double)(table->count * table->features) / 256;
        for (size_t b = 0; b < 256; b++)        /* six standard deviations of a binomial count */
            assert_within((double)of_byte[b], mean, 6 * sqrt(mean), "byte %zu", b);
        for (size_t c = 0; c < 10; c++)
            assert_within((double)of_label[c], (double)table->count / 10, 6 * sqrt((double)table->count / 10), "label %zu", c);
        assert_memory_not_equal(table->pixel, table->pixel + table->features, table->features);
        char digest[33];
        memcpy(digest, w[i].dataset.digest, sizeof digest);
        workload_close(&w[i]);
        assert_int_equal(workload_open(&w[i]), WEFT_OK);
        assert_string_equal(w[i].dataset.digest, digest);
    }
    workloads_destroy(w, 2);
}

static void numbers_of_threads_rise_and_default_to_powers_of_two(void **state)
{
    (void)state;
    static const size_t wanted[] = {4, 1, 7, 4};
    struct workload *w = workloads_of(&(weft_bench_options){.workloads = "W1a", .threads = wanted, .thread_counts = 4}, 1);
    assert_int_equal(w->thread_counts, 3);
    assert_true(w->threads[0] == 1 && w->threads[1] == 4 && w->threads[2] == 7);
    workloads_destroy(w, 1);
    w = workloads_of(&(weft_bench_options){.workloads = "W1a"}, 1);
    size_t automatic = team_threads(0, shard_count(256), NULL);
    assert_int_equal(w->threads[w->thread_counts - 1], automatic);
    for (size_t i = 0; i + 1 < w->thread_counts; i++)
        assert_true(w->threads[i] == (size_t)1 << i && w->threads[i] < automatic);
    workloads_destroy(w, 1);
}

static void assignments_reach_every_builtin_workload(void **state)
{
    (void)state;
    const char *const set[] = {"train.batch_size=32", "network.activation = tanh"};
    struct workload *w = workloads_of(&(weft_bench_options){.workloads = "W1a,W5", .assignments = set, .assignment_count = 2}, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(w[i].settings->train.batch_size, 32);
        assert_int_equal(choice_for_layer(&w[i].settings->network.activation, 0), ACTIVATION_TANH);
    }
    workloads_destroy(w, 2);
}

/* ---- what is refused ---- */

static void refused(weft_status want, const char *message, const weft_bench_options *options)
{
    weft_bench_result result;
    memset(&result, 0x55, sizeof result);
    assert_int_equal(weft_bench(options, &result), want);
    if (strstr(weft_last_error(), message) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", message, weft_last_error());
    assert_true(result.rates == 0 && result.rate == NULL && result.workload == NULL && result.kernel == NULL);
}

static void wrong_options_are_refused(void **state)
{
    (void)state;
    static const size_t none[] = {0}, many[] = {2, THREADS_MAX + 1};
    const char *const source[] = {"data.source = digits:"};
    const char *const unknown[] = {"train.batchsize=3"}, *const bad[] = {"train.epochs=0"};
    weft_settings *own = settings_of("data.source=digits:?train=100&test=0"), *missing = settings_of("data.source=idx:/nowhere");
    refused(WEFT_EINVAL, "did you mean W1a?", &(weft_bench_options){.workloads = "W1"});
    refused(WEFT_EINVAL, "\"\" is unknown", &(weft_bench_options){.workloads = "W1a,,W3"});
    refused(WEFT_EINVAL, "0 threads", &(weft_bench_options){.threads = none, .thread_counts = 1});
    refused(WEFT_EINVAL, "1025 threads", &(weft_bench_options){.threads = many, .thread_counts = 2});
    refused(WEFT_EINVAL, "-1 s", &(weft_bench_options){.stretch_s = -1});
    refused(WEFT_EINVAL, "nan s", &(weft_bench_options){.stretch_s = (double)NAN});
    refused(WEFT_EINVAL, "3601 s", &(weft_bench_options){.stretch_s = 3601});
    refused(WEFT_EINVAL, "one or the other", &(weft_bench_options){.settings = own, .workloads = "W1a"});
    refused(WEFT_EINVAL, "one or the other", &(weft_bench_options){.settings = own, .assignments = bad, .assignment_count = 1});
    refused(WEFT_EINVAL, "makes its own rows", &(weft_bench_options){.assignments = source, .assignment_count = 1});
    refused(WEFT_ESETTINGS, "train.batch_size", &(weft_bench_options){.assignments = unknown, .assignment_count = 1});
    refused(WEFT_ESETTINGS, "train.epochs", &(weft_bench_options){.assignments = bad, .assignment_count = 1});
    refused(WEFT_ENOINPUT, "/nowhere", &(weft_bench_options){.settings = missing});
    weft_settings_destroy(own);
    weft_settings_destroy(missing);
}

/* ---- the check ---- */

static const struct kernel *right;
static const struct check_shape SHAPE = {70, 45, 37};

/* The smallest error that there is: the last bit of a number. */
static void spoil(void *value)
{
    *(unsigned char *)value ^= 1;
}

#define WRONG(entry, spoiled, parameters, arguments) \
    static void wrong_##entry parameters { right->entry arguments; spoil(spoiled); }

WRONG(product, &C[(M - 1) * PANEL + N - 1],     /* in the last row and column: an edge that is left out */
      (size_t M, size_t N, size_t K, const float *A, size_t a_panel, const float *B, bool resume, const float *bias, float *C),
      (M, N, K, A, a_panel, B, resume, bias, C))
WRONG(product_columns, C, (size_t M, size_t N, size_t K, const float *A, size_t step, const float *B, bool resume, float *C),
      (M, N, K, A, step, B, resume, C))
WRONG(gradient, &C[(M - 1) * ldc + N - 1],
      (size_t M, size_t N, const struct row_sum *rows, const float *A, const float *B, float *part, float *C, size_t ldc),
      (M, N, rows, A, B, part, C, ldc))
WRONG(convert, x, (size_t rows, size_t first, size_t columns, const struct raw_rows *from, float *x),
      (rows, first, columns, from, x))
WRONG(convert_transposed, x, (size_t rows, size_t first, size_t columns, const struct raw_rows *from, float *x),
      (rows, first, columns, from, x))
WRONG(transpose, to, (size_t rows, size_t columns, const float *from, size_t from_row, float *to, size_t to_row),
      (rows, columns, from, from_row, to, to_row))
WRONG(softmax_loss_gradient, logits + (C - 1) / PANEL * panel_stride,           /* in the last panel of classes */
      (size_t B, size_t C, const int32_t *label, float inverse_rows, float *logits, size_t panel_stride, float *scratch,
       double *loss, int32_t *best), (B, C, label, inverse_rows, logits, panel_stride, scratch, loss, best))
WRONG(softmax_loss, best, (size_t B, size_t C, const int32_t *label, const float *logits, size_t panel_stride, float *scratch,
                           double *loss, int32_t *best), (B, C, label, logits, panel_stride, scratch, loss, best))
WRONG(loss_gradient, logits + (C - 1) / PANEL * panel_stride,
      (enum loss_function f, size_t B, size_t C, const struct loss_targets *targets, float inverse_rows, float *logits,
       size_t panel_stride, float *scratch, double *loss, int32_t *best),
      (f, B, C, targets, inverse_rows, logits, panel_stride, scratch, loss, best))
WRONG(loss, best, (enum loss_function f, size_t B, size_t C, const struct loss_targets *targets, const float *logits,
                   size_t panel_stride, float *scratch, double *loss, int32_t *best),
      (f, B, C, targets, logits, panel_stride, scratch, loss, best))
WRONG(outputs, logits + (C - 1) / PANEL * panel_stride, (enum output_function f, size_t B, size_t C, float *logits,
                                                         size_t panel_stride, float *scratch),
      (f, B, C, logits, panel_stride, scratch))
WRONG(relu, x, (size_t n, float *x), (n, x))
WRONG(tanh, x, (size_t n, float *x), (n, x))
WRONG(sigmoid, x, (size_t n, float *x), (n, x))
WRONG(relu_backward, dy, (size_t n, const float *y, float *dy), (n, y, dy))
WRONG(tanh_backward, dy, (size_t n, const float *y, float *dy), (n, y, dy))
WRONG(sigmoid_backward, dy, (size_t n, const float *y, float *dy), (n, y, dy))
WRONG(leaky_relu, x, (size_t n, float *x), (n, x))
WRONG(leaky_relu_backward, dy, (size_t n, const float *y, float *dy), (n, y, dy))
WRONG(elu, x, (size_t n, float *x), (n, x))
WRONG(elu_backward, dy, (size_t n, const float *y, float *dy), (n, y, dy))
WRONG(gelu, y, (size_t n, const float *x, float *y), (n, x, y))
WRONG(gelu_backward, dy, (size_t n, const float *x, float *dy), (n, x, dy))
WRONG(softplus, y, (size_t n, const float *x, float *y), (n, x, y))
WRONG(softplus_backward, dy, (size_t n, const float *x, float *dy), (n, x, dy))
WRONG(dropout, y, (size_t n, const uint8_t *keep, float scale, const float *x, float *y), (n, keep, scale, x, y))
WRONG(draw_keep, keep, (size_t rows, uint32_t first, const uint32_t *row, const uint32_t counter[2], const uint32_t key[2],
                        uint32_t limit, uint8_t *keep), (rows, first, row, counter, key, limit, keep))
WRONG(column_sums, sum, (size_t B, const float *x, float *sum), (B, x, sum))
WRONG(column_moments, m2, (size_t B, const float *x, double *mean, double *m2), (B, x, mean, m2))
WRONG(normalize, y, (size_t B, const float *x, const float *mean, const float *inverse_std, const float *gamma,
                     const float *beta, float *y), (B, x, mean, inverse_std, gamma, beta, y))
WRONG(normalize_sums, sum_dy_xhat, (size_t B, const float *x, const float *mean, const float *inverse_std, const float *dy,
                                    double *sum_dy, double *sum_dy_xhat), (B, x, mean, inverse_std, dy, sum_dy, sum_dy_xhat))
WRONG(normalize_backward, dy, (size_t B, const float *x, const float *mean, const float *inverse_std, const float *factor,
                               const float *mean_dy, const float *mean_dy_xhat, float *dy),
      (B, x, mean, inverse_std, factor, mean_dy, mean_dy_xhat, dy))
WRONG(add, into, (size_t n, float *into, const float *from), (n, into, from))
WRONG(penalize, g, (size_t n, const float *w, float l2, float l1, float *g), (n, w, l2, l1, g))
WRONG(clip, g, (size_t n, float limit, float *g), (n, limit, g))
WRONG(scale, g, (size_t n, float factor, float *g), (n, factor, g))
WRONG(decay, w, (size_t n, float rate, float *w), (n, rate, w))
WRONG(sums, &sums->sum_square, (size_t n, const float *x, struct block_sums *sums), (n, x, sums))

static float wrong_sgd(size_t n, float rate, const float *g, float *w)
{
    float largest = right->sgd(n, rate, g, w);
    spoil(w);
    return largest;
}

static float wrong_momentum(size_t n, float rate, float mu, const float *g, float *v, float *w)
{
    float largest = right->momentum(n, rate, mu, g, v, w);
    spoil(v);
    return largest;
}

static float wrong_nesterov(size_t n, float rate, float mu, const float *g, float *v, float *w)
{
    float largest = right->nesterov(n, rate, mu, g, v, w);
    spoil(w);
    return largest;
}

static float wrong_rmsprop(size_t n, const struct rmsprop_step *s, const float *g, float *v, float *w)
{
    float largest = right->rmsprop(n, s, g, v, w);
    spoil(v);
    return largest;
}

static float wrong_adam(size_t n, const struct adam_step *a, const float *g, float *m, float *v, float *w)
{
    float largest = right->adam(n, a, g, m, v, w);
    spoil(&largest);
    return largest;
}

static float wrong_largest_magnitude(size_t n, const float *x)
{
    float largest = right->largest_magnitude(n, x);
    spoil(&largest);
    return largest;
}

static void assert_caught(const struct kernel *wrong, const char *entry)
{
    char begin[64];
    snprintf(begin, sizeof begin, "kernel %s of %s differs", entry, wrong->name);
    kernel = wrong;
    weft_status st = check_kernels(&SHAPE);
    kernel = right;
    if (st != WEFT_EDATA || strncmp(weft_last_error(), begin, strlen(begin)) != 0)
        fail_msg("a wrong %s: status %d, \"%s\"", entry, (int)st, weft_last_error());
}

#define CATCH(entry)                            \
    do {                                        \
        struct kernel wrong = *right;           \
        wrong.entry = wrong_##entry;            \
        assert_caught(&wrong, #entry);          \
    } while (0)

static void every_wrong_entry_is_caught(void **state)
{
    (void)state;
    right = kernel;
    CATCH(product); CATCH(product_columns); CATCH(gradient); CATCH(convert); CATCH(convert_transposed); CATCH(transpose);
    CATCH(softmax_loss_gradient); CATCH(softmax_loss); CATCH(loss_gradient); CATCH(loss); CATCH(outputs);
    CATCH(relu); CATCH(tanh); CATCH(sigmoid); CATCH(relu_backward); CATCH(tanh_backward); CATCH(sigmoid_backward);
    CATCH(leaky_relu); CATCH(leaky_relu_backward); CATCH(elu); CATCH(elu_backward); CATCH(gelu); CATCH(gelu_backward);
    CATCH(softplus); CATCH(softplus_backward); CATCH(dropout); CATCH(draw_keep);
    CATCH(column_sums); CATCH(column_moments); CATCH(normalize); CATCH(normalize_sums); CATCH(normalize_backward);
    CATCH(add); CATCH(largest_magnitude); CATCH(penalize); CATCH(clip); CATCH(scale); CATCH(decay);
    CATCH(sgd); CATCH(momentum); CATCH(nesterov); CATCH(rmsprop); CATCH(adam); CATCH(sums);
}

static void a_wrong_kernel_is_not_timed(void **state)
{
    (void)state;
    struct kernel wrong = *kernel;
    right = kernel;
    wrong.relu = wrong_relu;
    kernel = &wrong;
    refused(WEFT_EDATA, "kernel relu of", &(weft_bench_options){.workloads = "W1a"});
    kernel = right;
    assert_int_equal(weft_exit_code(WEFT_EDATA), 65);
}

static void right_kernels_pass_in_every_set(void **state)
{
    (void)state;
    right = kernel;
    for (int isa = 0; isa < ISA_COUNT; isa++) {
        if (!kernel_use((enum isa)isa))
            continue;
        if (check_kernels_at_edges() != WEFT_OK || check_kernels(&(struct check_shape){256, 784, 20}) != WEFT_OK)
            fail_msg("%s", weft_last_error());
    }
    kernel = right;
}

/* ---- what comes out ---- */

static void assert_timing(const weft_bench_workload *w, const weft_bench_timing *t, const weft_bench_rates *rate)
{
    assert_int_equal(rate->threads, t->threads);
    assert_true(rate->peak_gflops > 0 && rate->memory_gb_per_s > 0 && rate->l2_gb_per_s > 0);
    assert_true(0 < t->samples_per_s.min && t->samples_per_s.min <= t->samples_per_s.median
                && t->samples_per_s.median <= t->samples_per_s.max);
    assert_true(t->step_us == 1e6 * (double)w->batch / t->samples_per_s.median);
    assert_true(t->gflops == 1e-9 * w->flop_per_sample * t->samples_per_s.median);
    assert_true(t->share_of_peak == t->gflops / rate->peak_gflops);
    for (size_t p = 0; p < WEFT_BENCH_PHASES; p++)
        assert_true(t->phase_us[p] >= 0 && isfinite(t->phase_us[p]));
    assert_true(t->phase_us[WEFT_BENCH_FORWARD] > 0 && t->phase_us[WEFT_BENCH_GRADIENT] > 0);
}

static void assert_kernels(const weft_bench_result *result)
{
    static const size_t width[] = {784, 20, 7, 5, 10};
    static const char *const direction[] = {"forward", "gradient", "backward"};
    size_t at = 0;
    for (size_t l = 0; l < 4; l++)
        for (size_t d = 0; d < (l > 0 ? 3 : 2); d++, at++) {
            const weft_bench_kernel *k = &result->kernel[at];
            assert_true(at < result->kernels);
            assert_string_equal(k->workload, "W1a");
            assert_string_equal(k->direction, direction[d]);
            assert_true(k->layer == l + 1 && k->rows == 256 && k->fan_in == width[l] && k->fan_out == width[l + 1]);
            assert_true(k->gflops > 0 && k->share_of_peak == k->gflops / result->rate[0].peak_gflops);
        }
    assert_int_equal(at, result->kernels);
}

struct told { size_t lines; };

static void count_line(void *context, const char *text)
{
    ((struct told *)context)->lines++;
    assert_true(text[0] != '\0' && strchr(text, '\n') == NULL);
}

/* With four steps to a run, a stretch goes back to step 0 often; the last of an epoch has 88 rows. */
static void a_result_has_what_was_asked_for(void **state)
{
    (void)state;
    static const size_t threads[] = {2, 1};
    const char *const set[] = {"data.train_limit=600", "train.epochs=0", "train.steps=4"};
    struct told told = {0};
    weft_bench_options options = {.workloads = "W1a", .assignments = set, .assignment_count = 3, .threads = threads,
                                  .thread_counts = 2, .stretch_s = 0.005, .on_progress = count_line, .progress_context = &told};
    weft_bench_result result;
    assert_int_equal(weft_bench(&options, &result), WEFT_OK);
    assert_true(told.lines >= 4 && result.cores >= 1 && result.cpu[0] != '\0' && result.stretch_s == 0.005);
    assert_string_equal(result.isa, kernel->name);
    assert_true(result.rates == 2 && result.workloads == 1 && result.workload[0].timings == 2);
    for (size_t i = 0; i < 2; i++)
        assert_timing(&result.workload[0], &result.workload[0].timing[i], &result.rate[i]);
    assert_kernels(&result);
    weft_bench_result_clear(&result);
    weft_bench_result_clear(&result);

    options.skip_training = 1;
    assert_int_equal(weft_bench(&options, &result), WEFT_OK);
    assert_true(result.rates == 1 && result.rate[0].threads == 1 && result.workload[0].timings == 0);
    assert_kernels(&result);
    weft_bench_result_clear(&result);
}

static void settings_of_ones_own_are_timed_on_their_data(void **state)
{
    (void)state;
    static const size_t threads[] = {2};
    weft_settings *own = settings_of("data.source=digits:?train=300&test=10; network.hidden=9; network.input_dropout=0.2;"
                                     "network.batch_norm=after; network.batch_norm_statistics=shard; train.batch_size=40");
    weft_bench_options options = {.settings = own, .settings_name = "mine.ini", .threads = threads, .thread_counts = 1,
                                  .stretch_s = 0.005};
    weft_bench_result result;
    if (weft_bench(&options, &result) != WEFT_OK)
        fail_msg("%s", weft_last_error());
    assert_string_equal(result.workload[0].name, "mine.ini");
    assert_string_equal(result.workload[0].network, "784-9-10");
    assert_int_equal(result.workload[0].parameters, 784 * 9 + 3 * 9 + 9 * 10 + 10);
    assert_true(result.rates == 2 && result.rate[1].threads == 2 && result.kernels == 5);
    assert_timing(&result.workload[0], &result.workload[0].timing[0], &result.rate[1]);
    weft_bench_result_clear(&result);
    weft_settings_destroy(own);
}

static void training_that_diverges_is_an_error(void **state)
{
    (void)state;
    const char *const set[] = {"optimizer.learning_rate=1e30"};
    refused(WEFT_ENONFINITE, "W1a", &(weft_bench_options){.workloads = "W1a", .assignments = set, .assignment_count = 1,
                                                          .stretch_s = 0.005});
}

static void a_batch_larger_than_the_data_is_an_error(void **state)
{
    (void)state;
    const char *const set[] = {"train.batch_size=60001"};
    refused(WEFT_ESETTINGS, "W1a", &(weft_bench_options){.workloads = "W1a", .assignments = set, .assignment_count = 1,
                                                         .skip_training = 1});
}

static void the_median_is_the_middle(void **state)
{
    (void)state;
    double odd[] = {5, 1, 9}, even[] = {4, 1, 3, 9}, one[] = {7};
    assert_true(median_of(odd, 3) == 5 && median_of(even, 4) == 3.5 && median_of(one, 1) == 7);
}

/* ---- memory ---- */

static weft_status take_and_give_back(void)
{
    static const size_t threads[] = {1, 2};
    const char *const set[] = {"data.train_limit=256", "network.batch_norm=before"};
    struct workload *w;
    size_t count;
    weft_bench_timing timing[2];
    weft_bench_workload timed = {.batch = 256, .flop_per_sample = 1, .timings = 2, .timing = timing};
    weft_bench_kernel product[11];
    weft_status st = workloads_create(&(weft_bench_options){.workloads = "W1a", .assignments = set, .assignment_count = 2,
                                                            .threads = threads, .thread_counts = 2}, &w, &count);
    if (st != WEFT_OK)
        return st;
    if (st == WEFT_OK) st = check_kernels(&SHAPE);
    if (st == WEFT_OK) st = workload_open(w);
    if (st == WEFT_OK) st = timing_measure(w, 1e-4, &timed);
    if (st == WEFT_OK) st = products_measure(w, 1e-4, product);
    workloads_destroy(w, count);
    return st;
}

static void memory_that_runs_out_is_said(void **state)
{
    (void)state;
    weft_status st = WEFT_ENOMEM;
    for (size_t n = 1; st != WEFT_OK; n++) {
        memory_fail_from(n);
        st = take_and_give_back();
        memory_fail_from(0);
        if (st != WEFT_OK && st != WEFT_ENOMEM)
            fail_msg("allocation %zu: %s", n, weft_last_error());
        assert_true(n < 1000);
    }
}

/* ---- as text ---- */

static weft_bench_result sample_result(void)
{
    static weft_bench_rates rate[] = {{1, 100, 10, 200, 0.02}, {2, 200, 15, 400, 0.31}};
    static weft_bench_timing timing[] = {{.threads = 2, .samples_per_s = {2000, 1900, 2100}, .step_us = 500000, .gflops = 50,
                                          .share_of_peak = 0.25, .phase_us = {1, 2, 3, 4, 5, 5}}};
    static weft_bench_workload workload[] = {{.name = "W9", .network = "3-2", .batch = 1000, .timings = 1, .timing = timing}};
    static weft_bench_kernel product[] = {{.workload = "W9", .layer = 1, .direction = "forward", .rows = 1000, .fan_in = 3,
                                           .fan_out = 2, .gflops = 12.5, .share_of_peak = 0.125}};
    return (weft_bench_result){.cpu = "A processor", .isa = "avx2", .cores = 2, .stretch_s = 0.5, .rates = 2, .rate = rate,
                               .workloads = 1, .workload = workload, .kernels = 1, .kernel = product};
}

static void the_text_is_this(void **state)
{
    (void)state;
    static const char want[] =
        "A processor, 2 cores, avx2 kernels (equal to their definitions)\n\n"
        "threads  FMA peak GFLOP/s  memory GB/s  L2 GB/s  barrier us\n"
        "      1             100.0         10.0    200.0        0.02\n"
        "      2             200.0         15.0    400.0        0.31\n\n"
        "training: 5 stretches of 0.5 s\n"
        "workload  network  batch  threads  samples/s   min   max   step us  GFLOP/s  of peak\n"
        "W9        3-2       1000        2       2000  1900  2100  500000.0     50.0   25.0 %\n\n"
        "phases of a step: us, mean over the threads, and share\n"
        "workload  threads  gather       forward        backward        gradient        update        wait\n"
        "W9              2     1.0  5 %      2.0  10 %       3.0  15 %       4.0  20 %     5.0  25 %   5.0  25 %\n\n"
        "products of each layer by themselves, one thread\n"
        "workload  layer  direction  rows  inputs  outputs  GFLOP/s  of peak\n"
        "W9            1  forward    1000       3        2     12.5   12.5 %\n";
    weft_bench_result result = sample_result();
    char *got = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&got, &size);
    assert_int_equal(weft_report_bench(&result, stream), WEFT_OK);
    fclose(stream);
    assert_string_equal(got, want);
    free(got);
}

static void a_stream_that_fails_is_said(void **state)
{
    (void)state;
    weft_bench_result result = sample_result();
    FILE *full = fopen("/dev/full", "w");
    if (full == NULL)
        skip();
    setvbuf(full, NULL, _IONBF, 0);
    assert_int_equal(weft_report_bench(&result, full), WEFT_EIO);
    fclose(full);
}

static int choose(void **state)
{
    (void)state;
    return kernel_choose() == WEFT_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flop_and_parameters_are_those_worked_out_by_hand),
        cmocka_unit_test(the_table_of_workloads_is_the_documented_one),
        cmocka_unit_test(builtin_rows_are_random_bytes_with_random_labels),
        cmocka_unit_test(numbers_of_threads_rise_and_default_to_powers_of_two),
        cmocka_unit_test(assignments_reach_every_builtin_workload),
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test(every_wrong_entry_is_caught),
        cmocka_unit_test(a_wrong_kernel_is_not_timed),
        cmocka_unit_test(right_kernels_pass_in_every_set),
        cmocka_unit_test(a_result_has_what_was_asked_for),
        cmocka_unit_test(settings_of_ones_own_are_timed_on_their_data),
        cmocka_unit_test(training_that_diverges_is_an_error),
        cmocka_unit_test(a_batch_larger_than_the_data_is_an_error),
        cmocka_unit_test(the_median_is_the_middle),
        cmocka_unit_test(memory_that_runs_out_is_said),
        cmocka_unit_test(the_text_is_this),
        cmocka_unit_test(a_stream_that_fails_is_said),
    };
    return cmocka_run_group_tests(tests, choose, NULL);
}
