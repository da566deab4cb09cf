/* The check of the gradient: that it passes where the gradient is right, for every combination of what a network is made of, and
 * that it does not where one kernel is a little wrong. */
#include "gradcheck_samples.h"

#include "base/memory.h"
#include "cli/command.h"
#include "kernel/kernel.h"

/* ---- all combinations ---- */

static const char *const activations[] = {
    "network.activation=identity", "network.activation=relu", "network.activation=leaky_relu", "network.activation=elu",
    "network.activation=gelu", "network.activation=tanh", "network.activation=sigmoid", "network.activation=softplus",
};
static const char *const norms[] = {
    "network.batch_norm=none",
    "network.batch_norm=before",
    "network.batch_norm=after",
    "network.batch_norm=before; network.batch_norm_statistics=shard",
    "network.batch_norm=after; network.batch_norm_statistics=shard; network.batch_norm_affine=no",
};
static const char *const losses[] = {           /* %s: the scratch directory */
    "data.source=idx:%s; network.output=softmax; network.loss=cross_entropy",
    "data.source=csv:%s/classes.csv; data.scaling=none; network.output=softmax; network.loss=cross_entropy; "
        "train.label_smoothing=0.1",
    "data.source=csv:%s/classes.csv; network.output=softmax; network.loss=cross_entropy; train.class_weights=1, 2, 0.5",
    "data.source=csv:%s/shares.csv?label=-3,-2,-1; network.output=softmax; network.loss=cross_entropy",
    "data.source=idx:%s; network.output=softmax; network.loss=mse",
    "data.source=csv:%s/labels.csv?label=-2,-1; network.output=sigmoid; network.loss=binary_cross_entropy; "
        "train.label_smoothing=0.2",
    "data.source=csv:%s/classes.csv; network.output=sigmoid; network.loss=binary_cross_entropy; train.class_weights=balanced",
    "data.source=csv:%s/labels.csv?label=-2,-1; network.output=sigmoid; network.loss=mse",
    "data.source=csv:%s/values.csv?label=-2,-1; network.output=linear; network.loss=mse",
};
static const char *const dropouts[] = {
    "network.dropout=0", "network.input_dropout=0.2; network.dropout=0.3, 0.1",
};
static const char *const penalties[] = {
    "regularization.l2=0",
    "regularization.l1=0.01; regularization.l2=0.5; regularization.l2_form=lambda_over_2m",
    "regularization.l2=0.03; regularization.l2_form=half_lambda; regularization.l2_biases=yes",
    "regularization.l2=0.02; regularization.l2_form=lambda; optimizer.clip_norm=0.01",
    "regularization.l2=0.02; optimizer.name=adamw; optimizer.clip_value=0.001",
};

/* What has been seen: how many tensors have a gradient well above the roundings, so that comparing them says something. */
struct seen { size_t cases, checked, skipped, tensors, clear; double relative; char where[1200]; };

static void look(const weft_gradcheck_result *r, const char *assignments, struct seen *seen)
{
    seen->cases++;
    for (size_t i = 0; i < r->tensors; i++) {
        const weft_gradcheck_tensor *t = &r->tensor[i];
        assert_true(t->checked + t->skipped <= t->elements && t->checked > 0 && t->failed == 0);
        seen->checked += t->checked;
        seen->skipped += t->skipped;
        seen->tensors++;
        seen->clear += t->largest > 1e4 * t->rounding;
        if (t->relative_error <= seen->relative)
            continue;
        seen->relative = t->relative_error;
        snprintf(seen->where, sizeof seen->where, "%s, %s", t->name, assignments);
    }
}

static void passes(const char *assignments, double tolerance, struct seen *seen)
{
    const weft_gradcheck_options options = {.samples = 4, .rows = 40, .tolerance = tolerance};
    weft_gradcheck_result result;
    check(assignments, &options, &result);
    if (result.failed > 0)
        fail_with_report(assignments, &result);
    look(&result, assignments, seen);
    weft_gradcheck_clear(&result);
}

/* Every tenth is also held against a thousandth of the tolerance, which leaves 32 roundings as the only excuse. */
static void every_combination_passes(void **state)
{
    (void)state;
    struct seen seen = {0}, strict = {0};
    for (size_t a = 0; a < COUNT(activations); a++)
        for (size_t n = 0; n < COUNT(norms); n++)
            for (size_t l = 0; l < COUNT(losses); l++)
                for (size_t d = 0; d < COUNT(dropouts); d++)
                    for (size_t p = 0; p < COUNT(penalties); p++) {
                        char loss[512], assignments[1024];
                        snprintf(loss, sizeof loss, losses[l], scratch);
                        snprintf(assignments, sizeof assignments, "%s; %s; %s; %s; %s; train.seed=%zu", activations[a], norms[n],
                                 loss, dropouts[d], penalties[p], seen.cases);
                        if (seen.cases % 10 == (seen.cases / 10) % 10)
                            passes(assignments, 1e-6, &strict);
                        passes(assignments, 0, &seen);
                    }
    print_message("           %zu cases, %zu elements, %zu skipped; %zu of %zu tensors are clear of roundings; relative error at "
                  "most %.2g (%s)\n", seen.cases, seen.checked, seen.skipped, seen.clear, seen.tensors, seen.relative, seen.where);
    print_message("           tolerance 1e-6: %zu cases, %zu elements, %zu skipped; at most %.2g\n", strict.cases, strict.checked,
                  strict.skipped, strict.relative);
    assert_true(seen.skipped * 1000 < seen.checked && strict.skipped * 100 < strict.checked);
    assert_true(4 * seen.clear > 3 * seen.tensors);
}

static void every_size_of_batch_and_net_passes(void **state)
{
    (void)state;
    static const char *const shapes[] = {"none", "1", "33", "64, 3", "2, 2, 2, 2, 2"};
    static const size_t rows[] = {1, 2, 31, 33, 64, 70};
    for (size_t s = 0; s < COUNT(shapes); s++)
        for (size_t r = 0; r < COUNT(rows); r++)
            for (size_t n = 0; n < COUNT(norms); n++) {
                char assignments[1024];
                snprintf(assignments, sizeof assignments, "network.hidden=%s; %s; data.source=%s:%s%s; network.activation=gelu; "
                         "regularization.l2=0.01", shapes[s], norms[n], r % 2 == 0 ? "idx" : "csv", scratch,
                         r % 2 == 0 ? "" : "/classes.csv");
                weft_gradcheck_result result;
                check(assignments, &(weft_gradcheck_options){.rows = rows[r], .samples = 10}, &result);
                if (result.failed > 0 || result.rows != rows[r])
                    fail_with_report(assignments, &result);
                weft_gradcheck_clear(&result);
            }
}

/* ---- what comes out ---- */

static void figures_are_those_of_the_net(void **state)
{
    (void)state;
    char assignments[512];
    snprintf(assignments, sizeof assignments, "data.source=idx:%s; network.hidden=20; network.batch_norm=before; "
             "train.batch_size=20", scratch);
    weft_gradcheck_result r;
    check(assignments, NULL, &r);
    assert_string_equal(r.network, "6-20-3");
    assert_string_equal(r.isa, kernel->name);
    assert_int_equal(r.parameters, 6 * 20 + 20 + 20 + 20 + 20 * 3 + 3);
    assert_true(r.rows == 20 && r.threads == 1 && r.tolerance == 1e-3 && r.tensors == 6 && r.failed == 0);
    assert_true(r.loss > 0 && fabs(r.loss - r.numerical_loss) < 1e-6 * r.loss && r.loss_error < 1e-6);
    static const struct { const char *name; size_t rank, elements, checked; } want[] = {
        {"01/weight", 2, 120, 100}, {"01/bias", 1, 20, 20}, {"01/batch_norm/gamma", 1, 20, 20},
        {"01/batch_norm/beta", 1, 20, 20}, {"02/weight", 2, 60, 60}, {"02/bias", 1, 3, 3}};
    for (size_t i = 0; i < COUNT(want); i++) {
        const weft_gradcheck_tensor *t = &r.tensor[i];
        assert_string_equal(t->name, want[i].name);
        assert_true(t->rank == want[i].rank && t->elements == want[i].elements);
        assert_int_equal(t->checked + t->skipped, want[i].checked);
        assert_true(t->worst[0] < t->dim[0] && (t->rank == 2 ? t->worst[1] < t->dim[1] : t->worst[1] == 0));
        assert_true(fabs(t->analytic - t->numerical) <= t->absolute_error && fabs(t->analytic) <= t->largest);
    }
    weft_gradcheck_clear(&r);
    assert_null(r.tensor);
}

/* 64 rows at most, and no more than there are, unless they are asked for. */
static void rows_are_a_batch_of_a_size_that_does_not_take_long(void **state)
{
    (void)state;
    static const struct { const char *batch; size_t asked, want; } of[] = {
        {"train.batch_size=7", 0, 7}, {"train.batch_size=128", 0, 64}, {"train.batch_size=128; data.train_limit=33", 0, 33},
        {"train.batch_size=7", 70, 70}, {"train.batch_size=100000; optimizer.clip_norm=1", 1, 1}};
    for (size_t i = 0; i < COUNT(of); i++) {
        char assignments[512];
        snprintf(assignments, sizeof assignments, "data.source=idx:%s; %s", scratch, of[i].batch);
        weft_gradcheck_result result;
        check(assignments, &(weft_gradcheck_options){.rows = of[i].asked, .samples = 2}, &result);
        assert_int_equal(result.rows, of[i].want);
        weft_gradcheck_clear(&result);
    }
}

static void threads_kernels_and_strategies_give_the_same_figures(void **state)
{
    (void)state;
    const struct kernel *chosen = kernel;
    weft_gradcheck_result first = {0};
    for (enum isa isa = ISA_PORTABLE; isa < ISA_COUNT; isa++)
        for (size_t i = 0; i < 6 && kernel_use(isa); i++) {
            char assignments[512];
            snprintf(assignments, sizeof assignments, "data.source=idx:%s; network.batch_norm=after; network.dropout=0.2; "
                     "run.threads=%zu; run.gradient=%s", scratch, 1 + i % 3, i < 3 ? "owned" : "local");
            weft_gradcheck_result result;
            check(assignments, &(weft_gradcheck_options){.rows = 70}, &result);
            if (first.tensors == 0) {
                first = result;
                continue;
            }
            assert_true(result.tensors == first.tensors && result.loss == first.loss
                        && result.numerical_loss == first.numerical_loss);
            for (size_t t = 0; t < first.tensors; t++) {
                const weft_gradcheck_tensor *a = &result.tensor[t], *b = &first.tensor[t];
                assert_true(a->analytic == b->analytic && a->numerical == b->numerical && a->rounding == b->rounding
                            && a->relative_error == b->relative_error && a->worst[0] == b->worst[0] && a->worst[1] == b->worst[1]);
            }
            weft_gradcheck_clear(&result);
        }
    weft_gradcheck_clear(&first);
    kernel = chosen;
}

/* All weights are 0, where |w| has a kink: nothing can be said of them, but of the biases. */
static void kinks_are_skipped(void **state)
{
    (void)state;
    char assignments[512];
    snprintf(assignments, sizeof assignments, "data.source=idx:%s; network.init=gaussian; network.init_std=0; "
             "regularization.l1=0.01; network.activation=tanh", scratch);
    weft_gradcheck_result r;
    check(assignments, NULL, &r);
    assert_int_equal(r.failed, 0);
    for (size_t i = 0; i < r.tensors; i++)
        assert_int_equal(r.tensor[i].skipped, r.tensor[i].rank == 2 ? r.tensor[i].elements : 0);
    weft_gradcheck_clear(&r);
}

static void refused(weft_status want, const char *message, const char *assignments, const weft_gradcheck_options *options)
{
    weft_gradcheck_result result;
    weft_settings *settings = settings_with(assignments);
    memset(&result, 0x55, sizeof result);
    assert_int_equal(weft_gradcheck(settings, options, &result), want);
    if (strstr(weft_last_error(), message) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", message, weft_last_error());
    assert_true(result.tensor == NULL && result.tensors == 0);
    weft_settings_destroy(settings);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    char idx[256];
    snprintf(idx, sizeof idx, "data.source=idx:%s", scratch);
    refused(WEFT_EINVAL, "a batch of 71 rows: the training split has only 70", idx, &(weft_gradcheck_options){.rows = 71});
    refused(WEFT_EINVAL, "a tolerance of -1", idx, &(weft_gradcheck_options){.tolerance = -1});
    refused(WEFT_EINVAL, "a tolerance of 1", idx, &(weft_gradcheck_options){.tolerance = 1});
    refused(WEFT_EINVAL, "a tolerance of nan", idx, &(weft_gradcheck_options){.tolerance = (double)NAN});
    refused(WEFT_ENOINPUT, "/nowhere", "data.source=idx:/nowhere", NULL);
    refused(WEFT_ESETTINGS, "network.activation", "network.activation=relu, tanh, gelu", NULL);
    strcat(idx, "; network.init=gaussian; network.init_std=1e30");
    refused(WEFT_ENONFINITE, "not finite", idx, NULL);
}

static void count_calls(void *context, const char *text)
{
    assert_null(strchr(text, '\n'));
    ++*(size_t *)context;
}

static void progress_is_told(void **state)
{
    (void)state;
    char assignments[256];
    size_t calls = 0;
    snprintf(assignments, sizeof assignments, "data.source=idx:%s", scratch);
    weft_gradcheck_result result;
    check(assignments, &(weft_gradcheck_options){.on_progress = count_calls, .progress_context = &calls}, &result);
    assert_true(calls >= 2);
    weft_gradcheck_clear(&result);
}

static void short_memory_is_reported(void **state)
{
    (void)state;
    char assignments[256];
    snprintf(assignments, sizeof assignments, "data.source=idx:%s; network.dropout=0.1; network.batch_norm=before", scratch);
    weft_settings *settings = settings_with(assignments);
    weft_gradcheck_result result;
    weft_status st = WEFT_ENOMEM;
    for (size_t n = 1; st != WEFT_OK; n++) {
        memory_fail_from(n);
        st = weft_gradcheck(settings, &(weft_gradcheck_options){.samples = 1}, &result);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || st == WEFT_ENOMEM);
        assert_true(n < 1000);
    }
    weft_gradcheck_clear(&result);
    weft_settings_destroy(settings);
}

/* ---- wrong kernels ---- */

static const struct kernel *right;

/* A hundredth too large: nothing that a look at a falling loss would show. */
static void spoil(size_t n, float *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] *= 1.01f;
}

static void spoil_doubles(size_t n, double *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] *= 1.01;
}

#define WRONG(entry, parameters, arguments, spoiled) \
    static void wrong_##entry parameters { right->entry arguments; spoiled; }

WRONG(relu_backward, (size_t n, const float *y, float *dy), (n, y, dy), spoil(n, dy))
WRONG(tanh_backward, (size_t n, const float *y, float *dy), (n, y, dy), spoil(n, dy))
WRONG(sigmoid_backward, (size_t n, const float *y, float *dy), (n, y, dy), spoil(n, dy))
WRONG(leaky_relu_backward, (size_t n, const float *y, float *dy), (n, y, dy), spoil(n, dy))
WRONG(elu_backward, (size_t n, const float *y, float *dy), (n, y, dy), spoil(n, dy))
WRONG(gelu_backward, (size_t n, const float *x, float *dy), (n, x, dy), spoil(n, dy))
WRONG(softplus_backward, (size_t n, const float *x, float *dy), (n, x, dy), spoil(n, dy))
WRONG(gelu, (size_t n, const float *x, float *y), (n, x, y), spoil(n, y))
WRONG(gradient,
      (size_t M, size_t N, const struct row_sum *rows, const float *A, const float *B, float *part, float *C, size_t ldc),
      (M, N, rows, A, B, part, C, ldc), spoil(1, &C[(M - 1) * ldc + N - 1]))        /* one element */
WRONG(column_sums, (size_t B, const float *x, float *sum), (B, x, sum), spoil(1, sum))
WRONG(product, (size_t M, size_t N, size_t K, const float *A, size_t a_panel, const float *B, bool resume, const float *bias,
                float *C), (M, N, K, A, a_panel, B, resume, bias, C), spoil(N, C))  /* the first row */
WRONG(normalize, (size_t B, const float *x, const float *mean, const float *inverse_std, const float *gamma, const float *beta,
                  float *y), (B, x, mean, inverse_std, gamma, beta, y), spoil(B, y))
WRONG(normalize_sums, (size_t B, const float *x, const float *mean, const float *inverse_std, const float *dy, double *sum_dy,
                       double *sum_dy_xhat), (B, x, mean, inverse_std, dy, sum_dy, sum_dy_xhat), spoil_doubles(PANEL, sum_dy_xhat))
WRONG(normalize_backward, (size_t B, const float *x, const float *mean, const float *inverse_std, const float *factor,
                           const float *mean_dy, const float *mean_dy_xhat, float *dy),
      (B, x, mean, inverse_std, factor, mean_dy, mean_dy_xhat, dy), spoil(B * PANEL, dy))
WRONG(column_moments, (size_t B, const float *x, double *mean, double *m2), (B, x, mean, m2), spoil_doubles(PANEL, m2))
WRONG(softmax_loss_gradient, (size_t B, size_t C, const int32_t *label, float inverse_rows, float *logits, size_t panel_stride,
                              float *scratches, double *loss, int32_t *best),
      (B, C, label, inverse_rows, logits, panel_stride, scratches, loss, best), spoil(B * PANEL, logits))
WRONG(loss_gradient, (enum loss_function f, size_t B, size_t C, const struct loss_targets *targets, float inverse_rows,
                      float *logits, size_t panel_stride, float *scratches, double *loss, int32_t *best),
      (f, B, C, targets, inverse_rows, logits, panel_stride, scratches, loss, best), spoil_doubles(B, loss))  /* the loss alone */
WRONG(penalize, (size_t n, const float *w, float l2, float l1, float *g), (n, w, l2 * 1.1f, l1, g), (void)0)
WRONG(dropout, (size_t n, const uint8_t *keep, float scale, const float *x, float *y), (n, keep, scale * 1.01f, x, y), (void)0)
WRONG(draw_keep, (size_t rows, uint32_t first, const uint32_t *row, const uint32_t counter[2], const uint32_t key[2],
                  uint32_t limit, uint8_t *keep), (rows, first, row, counter, key, limit, keep), keep[0] ^= 1)
WRONG(convert, (size_t rows, size_t first, size_t columns, const struct raw_rows *from, float *x), (rows, first, columns, from, x),
      spoil(rows * PANEL, x))
WRONG(add, (size_t n, float *into, const float *from), (n, into, from), spoil(n, into))

static size_t failures(const char *more)
{
    char assignments[512];
    snprintf(assignments, sizeof assignments, "data.source=idx:%s; %s", scratch, more);
    weft_gradcheck_result result;
    check(assignments, &(weft_gradcheck_options){.rows = 40}, &result);
    size_t failed = result.failed;
    weft_gradcheck_clear(&result);
    return failed;
}

#define CATCH(entry, assignments)                                       \
    do {                                                                \
        struct kernel wrong = *right;                                   \
        wrong.entry = wrong_##entry;                                    \
        assert_int_equal(failures(assignments), 0);                     \
        kernel = &wrong;                                                \
        size_t failed = failures(assignments);                          \
        kernel = right;                                                 \
        if (failed == 0)                                                \
            fail_msg("a wrong %s is not found: %s", #entry, assignments); \
    } while (0)

static void a_wrong_kernel_fails(void **state)
{
    (void)state;
    right = kernel;
    CATCH(relu_backward, "network.activation=relu");
    CATCH(tanh_backward, "network.activation=tanh");
    CATCH(sigmoid_backward, "network.activation=sigmoid");
    CATCH(leaky_relu_backward, "network.activation=leaky_relu");
    CATCH(elu_backward, "network.activation=elu");
    CATCH(gelu_backward, "network.activation=gelu");
    CATCH(softplus_backward, "network.activation=softplus");
    CATCH(gelu, "network.activation=gelu");
    CATCH(gradient, "");
    CATCH(column_sums, "");
    CATCH(product, "");
    CATCH(normalize, "network.batch_norm=before");
    CATCH(normalize_sums, "network.batch_norm=before");
    CATCH(normalize_sums, "network.batch_norm=after; network.batch_norm_statistics=shard");
    CATCH(normalize_backward, "network.batch_norm=after");
    CATCH(column_moments, "network.batch_norm=after; network.batch_norm_statistics=shard");
    CATCH(softmax_loss_gradient, "");
    CATCH(loss_gradient, "network.loss=mse");
    CATCH(penalize, "regularization.l2=0.1");
    CATCH(dropout, "network.dropout=0.3");
    CATCH(draw_keep, "network.input_dropout=0.3");
    CATCH(convert, "");
    CATCH(add, "run.threads=2; run.gradient=local");
}

/* ---- the command ---- */

/* Run it with its stdout in a file; the text is returned, in a static buffer. */
static const char *run_command(int *exit_code, char **argv)
{
    static char text[8192];
    int argc = 0, before = dup(STDOUT_FILENO);
    while (argv[argc] != NULL)
        argc++;
    fflush(stdout);
    assert_non_null(freopen(in_scratch("stdout"), "w+", stdout));
    *exit_code = cmd_gradcheck(argc, argv);
    fflush(stdout);
    rewind(stdout);
    text[fread(text, 1, sizeof text - 1, stdout)] = '\0';
    dup2(before, STDOUT_FILENO);
    close(before);
    return text;
}

static void assert_contains(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, text);
}

/* The table and the object are printed in any case; what is wrong shows in them and in the exit code. */
static void command_says_what_is_wrong(void **state)
{
    (void)state;
    char source[300];
    snprintf(source, sizeof source, "idx:%s", scratch);
    char *argv[] = {"gradcheck", "--data", source, "--set", "data.validation_fraction=0", "--set", "network.activation=tanh", NULL,
                    NULL};
    int exit_code;
    const char *text = run_command(&exit_code, argv);
    assert_int_equal(exit_code, 0);
    assert_contains(text, "\nok: ");
    struct kernel wrong = *(right = kernel);
    wrong.tanh_backward = wrong_tanh_backward;
    wrong.softmax_loss_gradient = wrong_softmax_loss_gradient;
    kernel = &wrong;
    text = run_command(&exit_code, argv);
    assert_int_equal(exit_code, weft_exit_code(WEFT_EDATA));
    assert_contains(text, "FAIL\n");
    assert_contains(text, "\nFAIL: off by more than 0.001: 01/weight (100 of 100), ");
    argv[7] = "--json";
    text = run_command(&exit_code, argv);
    kernel = right;
    assert_int_equal(exit_code, weft_exit_code(WEFT_EDATA));
    assert_contains(text, "\"ok\": false");
}

int main(void)
{
    if (kernel_choose() != WEFT_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_combination_passes),
        cmocka_unit_test(every_size_of_batch_and_net_passes),
        cmocka_unit_test(figures_are_those_of_the_net),
        cmocka_unit_test(rows_are_a_batch_of_a_size_that_does_not_take_long),
        cmocka_unit_test(threads_kernels_and_strategies_give_the_same_figures),
        cmocka_unit_test(kinks_are_skipped),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(progress_is_told),
        cmocka_unit_test(short_memory_is_reported),
        cmocka_unit_test(a_wrong_kernel_fails),
        cmocka_unit_test(command_says_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, write_data, remove_scratch);
}
