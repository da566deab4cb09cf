/* Figures of a weight array against plain long double sums with a computed bound, the histogram against its edges, and the
 * way to and from a snapshot. */
#include "support.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "kernel/kernel.h"
#include "store/weight_stats.h"

static const char PATH[] = "/statistics/01/weight";

/* ---- figures ---- */

/* A sum of n terms in double, in any order, is off by at most (n - 1) u sum |term|; the terms themselves (a product, a
 * difference squared) by 3 u each, and what is made of the sum (division, root) by 2 u more. */
static double bound_of(size_t count, double magnitude)
{
    return ((double)count + 5) * (DBL_EPSILON / 2) * magnitude;
}

struct plain {
    long double abs, square, sum, deviation, difference, old_square, gradient_square;
    size_t zeros;
    float min, max;
};

static struct plain plain_of(size_t count, const float *w, const float *gradient, const float *before)
{
    struct plain p = {.min = w[0], .max = w[0]};
    for (size_t i = 0; i < count; i++) {
        p.abs += fabsl((long double)w[i]);
        p.square += (long double)w[i] * w[i];
        p.sum += (long double)w[i];
        p.old_square += (long double)before[i] * before[i];
        p.gradient_square += (long double)gradient[i] * gradient[i];
        p.difference += ((long double)w[i] - before[i]) * ((long double)w[i] - before[i]);
        p.zeros += w[i] == 0;
        p.min = w[i] < p.min ? w[i] : p.min;
        p.max = w[i] > p.max ? w[i] : p.max;
    }
    long double mean = p.sum / count;
    for (size_t i = 0; i < count; i++)
        p.deviation += ((long double)w[i] - mean) * ((long double)w[i] - mean);
    return p;
}

static void check_figures(size_t count, const float *w, const float *gradient, const float *before)
{
    struct weight_figures f;
    assert_int_equal(weight_figures_of(count, w, gradient, before, &f), WEFT_OK);
    struct plain p = plain_of(count, w, gradient, before);
    double n = (double)count, mean_off = bound_of(count, (double)(p.abs / count));
    assert_within(f.mean_abs, (double)(p.abs / count), mean_off, "mean_abs of %zu", count);
    assert_within(f.mean, (double)(p.sum / count), mean_off, "mean of %zu", count);
    double norm = (double)sqrtl(p.square), gradient_norm = (double)sqrtl(p.gradient_square);
    assert_within(f.l2_norm, norm, bound_of(count, norm), "l2_norm of %zu", count);
    assert_within(f.gradient_l2_norm, gradient_norm, bound_of(count, gradient_norm), "gradient_l2_norm of %zu", count);
    double ratio = (double)(sqrtl(p.difference) / sqrtl(p.old_square));
    assert_within(f.update_ratio, ratio, 2 * bound_of(count, ratio), "update_ratio of %zu", count);
    /* sum (w - m')^2 with m' off by d is the right sum + n d^2 */
    double std = (double)sqrtl(p.deviation / count);
    assert_within(f.std, std, bound_of(count, std) + mean_off, "std of %zu", count);
    assert_true(f.min == (double)p.min && f.max == (double)p.max);
    assert_true(f.zero_fraction == (double)p.zeros / n);
}

static void figures_equal_plain_sums(void **state)
{
    (void)state;
    static const size_t counts[] = {1, 2, 15, 16, 17, 4095, 4096, 4097, 8192, 12289, 40000};
    assert_int_equal(kernel_choose(), WEFT_OK);
    for (size_t c = 0; c < COUNT(counts); c++) {
        struct random random = {c};
        size_t count = counts[c];
        float *w = guarded_floats(&random, count, -1, 1.5), *gradient = guarded_floats(&random, count, -1e-3, 1e-3);
        float *before = guarded_copy(w, count);
        for (size_t i = 0; i < count; i++)
            before[i] += gradient[i];
        for (size_t i = 3; i < count; i += 7)
            w[i] = i % 2 == 0 ? 0.0f : -0.0f;
        check_figures(count, w, gradient, before);
        for (size_t i = 0; i < count; i++)                      /* far from 0: E[x^2] - E[x]^2 would lose all digits */
            w[i] = 1e6f + (float)(i % 3);
        check_figures(count, w, gradient, before);
        guarded_free(w);
        guarded_free(gradient);
        guarded_free(before);
    }
}

static void what_is_unknown_is_0(void **state)
{
    (void)state;
    struct weight_figures f;
    const float w[3] = {3, 0, 4}, none[3] = {0};
    assert_int_equal(weight_figures_of(3, w, NULL, NULL, &f), WEFT_OK);
    assert_true(f.gradient_l2_norm == 0 && f.update_ratio == 0 && f.l2_norm == 5);
    assert_int_equal(weight_figures_of(3, w, none, none, &f), WEFT_OK);
    assert_true(f.gradient_l2_norm == 0 && f.update_ratio == 0);        /* |w before| is 0 */
    assert_int_equal(weight_figures_of(3, w, w, w, &f), WEFT_OK);
    assert_true(f.gradient_l2_norm == 5 && f.update_ratio == 0);
}

/* ---- histogram ---- */

/* Edges at equal distances; a bin holds its lower edge, the last one its upper edge too. An edge is a rounded float and the
 * place of a value a rounded double, so values within `blur` of an edge may be on either side. */
static void check_histogram(size_t count, const float *w)
{
    struct weight_figures f;
    assert_int_equal(weight_figures_of(count, w, NULL, NULL, &f), WEFT_OK);
    double low = f.min, high = f.max;
    if (low == high) {
        low -= 0.5;
        high += 0.5;
    }
    double blur = FLT_EPSILON * fmax(fabs(low), fabs(high)) + 8 * DBL_EPSILON * (high - low);
    assert_true(f.histogram_edges[0] == (float)low && f.histogram_edges[HISTOGRAM_BINS] == (float)high);
    size_t below = 0;
    for (size_t edge = 0; edge <= HISTOGRAM_BINS; edge++) {
        double at = low + (high - low) * (double)edge / HISTOGRAM_BINS;
        assert_within(f.histogram_edges[edge], at, blur, "edge %zu", edge);
        size_t surely = 0, perhaps = 0;
        for (size_t i = 0; i < count; i++) {
            surely += (double)w[i] < at - blur;
            perhaps += (double)w[i] < at + blur || edge == HISTOGRAM_BINS;
        }
        if (below < surely || below > perhaps)
            fail_msg("%zu of %zu values below edge %zu, wanted %zu to %zu", below, count, edge, surely, perhaps);
        below += edge < HISTOGRAM_BINS ? (size_t)f.histogram[edge] : 0;
    }
    assert_int_equal(below, count);
}

static void the_histogram_has_equal_bins(void **state)
{
    (void)state;
    static float w[5000];
    static const double range[][2] = {{-1, 1}, {0, 1}, {1e-30, 3e-30}, {-3e38, 3e38}, {5, 5.0001}};
    for (size_t r = 0; r < COUNT(range); r++)
        for (size_t count = 1; count <= COUNT(w); count = count * 5 + 1) {
            struct random random = {count + r};
            random_floats(&random, count, range[r][0], range[r][1], w);
            check_histogram(count, w);
        }
    for (size_t i = 0; i < 65; i++)                             /* each on an edge: 64 bins with one, the last with two */
        w[i] = (float)i;
    struct weight_figures f;
    assert_int_equal(weight_figures_of(65, w, NULL, NULL, &f), WEFT_OK);
    for (size_t b = 0; b < HISTOGRAM_BINS; b++)
        assert_int_equal(f.histogram[b], b < HISTOGRAM_BINS - 1 ? 1 : 2);
}

/* As numpy.histogram does it: the range is widened by 1/2 on both sides, and the values are in the middle bin. */
static void constant_arrays_have_a_histogram(void **state)
{
    (void)state;
    static const float value[] = {0, 1, -3.5f};
    for (size_t v = 0; v < COUNT(value); v++) {
        const float w[5] = {value[v], value[v], value[v], value[v], value[v]};
        struct weight_figures f;
        check_histogram(5, w);
        assert_int_equal(weight_figures_of(5, w, NULL, NULL, &f), WEFT_OK);
        assert_int_equal(f.histogram[HISTOGRAM_BINS / 2], 5);
        assert_true(f.std == 0 && f.mean == (double)value[v] && f.min == f.max);
        assert_true(f.histogram_edges[0] == value[v] - 0.5f && f.histogram_edges[HISTOGRAM_BINS] == value[v] + 0.5f);
    }
}

/* Only a file that was edited by hand has any. Every value is in some bin, and nothing is undefined. */
static void numbers_that_are_none_are_counted(void **state)
{
    (void)state;
    const float bad[][4] = {{1, NAN, 2, 3}, {NAN, NAN, NAN, NAN}, {1, INFINITY, 2, 3}, {-INFINITY, 1, INFINITY, NAN}};
    for (size_t b = 0; b < COUNT(bad); b++) {
        struct weight_figures f;
        int sum = 0;
        assert_int_equal(weight_figures_of(4, bad[b], bad[b], bad[b], &f), WEFT_OK);
        for (size_t i = 0; i < HISTOGRAM_BINS; i++)
            sum += f.histogram[i];
        assert_int_equal(sum, 4);
        assert_false(isfinite(f.l2_norm));
    }
}

/* ---- rows, and the snapshot ---- */

static struct weight_figures sample_row(size_t i)
{
    struct weight_figures f;
    float w[100];
    struct random random = {i};
    random_floats(&random, COUNT(w), -1, 1, w);
    assert_int_equal(weight_figures_of(COUNT(w), w, w + 0, w, &f), WEFT_OK);
    return f;
}

static void fill_stats(struct weight_stats *stats, size_t rows)
{
    *stats = (struct weight_stats){0};
    for (size_t i = 0; i < rows; i++) {
        struct weight_figures f = sample_row(i);
        assert_int_equal(weight_stats_add(stats, (int64_t)(10 * i), &f), WEFT_OK);
    }
}

static struct snapshot *snapshot_of(size_t rows)
{
    struct weight_stats stats;
    struct snapshot *snapshot = snapshot_create();
    assert_non_null(snapshot);
    fill_stats(&stats, rows);
    assert_int_equal(weight_stats_put(&stats, PATH, snapshot), WEFT_OK);
    weight_stats_clear(&stats);
    return snapshot;
}

static void rows_survive_a_snapshot(void **state)
{
    (void)state;
    static const size_t rows[] = {0, 1, 2, 33, 70};
    for (size_t r = 0; r < COUNT(rows); r++) {
        struct snapshot *snapshot = snapshot_of(rows[r]);
        struct weight_stats got = {0};
        assert_int_equal(weight_stats_get(&got, PATH, snapshot), WEFT_OK);
        assert_int_equal(got.count, rows[r]);
        for (size_t i = 0; i < rows[r]; i++) {
            struct weight_figures want = sample_row(i);
            assert_int_equal(got.step[i], 10 * i);
            assert_memory_equal(&got.row[i], &want, sizeof want);
        }
        weight_stats_clear(&got);
        snapshot_destroy(snapshot);
    }
}

static const char *const dataset[] = {"step", "mean_abs", "l2_norm", "mean", "std", "min", "max", "zero_fraction",
                                      "gradient_l2_norm", "update_ratio", "histogram", "histogram_edges"};

static struct array *array_of(struct snapshot *snapshot, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", PATH, name);
    return (struct array *)(uintptr_t)snapshot_find_array(snapshot, path);      /* ours to damage */
}

static void is_refused(struct snapshot *snapshot, const char *name, const char *what)
{
    struct weight_stats got = {0};
    if (weight_stats_get(&got, PATH, snapshot) != WEFT_EDAMAGED || strstr(weft_last_error(), name) == NULL)
        fail_msg("%s, %s: not refused as it should be", name, what);
    assert_null(got.row);
    assert_int_equal(got.count, 0);
}

static void damaged_snapshots_are_refused(void **state)
{
    (void)state;
    for (size_t d = 0; d < COUNT(dataset); d++) {
        struct snapshot *snapshot = snapshot_of(4);
        struct array *array = array_of(snapshot, dataset[d]), whole = *array;
        array->type = whole.type == ARRAY_F64 ? ARRAY_I64 : ARRAY_F64;
        is_refused(snapshot, dataset[d], "another type");
        *array = whole;
        array->rank = 3 - whole.rank;
        array->dim[1] = 1;
        is_refused(snapshot, dataset[d], "another rank");
        *array = whole;
        if (d > 0) {
            array->dim[0] = 3;
            array->count = whole.count / 4 * 3;
            is_refused(snapshot, dataset[d], "fewer rows");
            *array = whole;
        }
        if (whole.rank == 2) {
            array->dim[0] = whole.dim[1];
            array->dim[1] = whole.dim[0];
            is_refused(snapshot, dataset[d], "turned over");
            *array = whole;
        }
        array->path[strlen(PATH) + 1] = '?';                    /* no longer what was looked for */
        is_refused(snapshot, dataset[d], "missing");
        snapshot_destroy(snapshot);
    }
}

static void memory_may_be_short(void **state)
{
    (void)state;
    float w[10] = {1};
    struct weight_figures f;
    memory_fail_from(1);
    assert_int_equal(weight_figures_of(10, w, w, w, &f), WEFT_ENOMEM);
    memory_fail_from(0);
    struct snapshot *snapshot = snapshot_of(40);
    for (size_t n = 1;; n++) {
        struct weight_stats got = {0};
        memory_fail_from(n);
        weft_status st = weight_stats_get(&got, PATH, snapshot);
        memory_fail_from(0);
        assert_int_equal(got.count, st == WEFT_OK ? 40 : 0);
        weight_stats_clear(&got);
        if (st == WEFT_OK)
            break;
        assert_int_equal(st, WEFT_ENOMEM);
    }
    snapshot_destroy(snapshot);
    struct weight_stats stats;
    fill_stats(&stats, 32);                                     /* the next row needs room */
    f = sample_row(32);
    for (size_t n = 1; n <= 2; n++) {
        memory_fail_from(n);
        assert_int_equal(weight_stats_add(&stats, 320, &f), WEFT_ENOMEM);
        memory_fail_from(0);
        assert_int_equal(stats.count, 32);
        assert_int_equal(stats.step[31], 310);
    }
    assert_int_equal(weight_stats_add(&stats, 320, &f), WEFT_OK);
    for (size_t n = 1;; n++) {
        struct snapshot *half = snapshot_create();
        memory_fail_from(n);
        weft_status st = weight_stats_put(&stats, PATH, half);
        memory_fail_from(0);
        snapshot_destroy(half);
        if (st == WEFT_OK)
            break;
        assert_int_equal(st, WEFT_ENOMEM);
    }
    weight_stats_clear(&stats);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_equal_plain_sums),
        cmocka_unit_test(what_is_unknown_is_0),
        cmocka_unit_test(the_histogram_has_equal_bins),
        cmocka_unit_test(constant_arrays_have_a_histogram),
        cmocka_unit_test(numbers_that_are_none_are_counted),
        cmocka_unit_test(rows_survive_a_snapshot),
        cmocka_unit_test(damaged_snapshots_are_refused),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests_name("weight_stats", tests, NULL, NULL);
}
