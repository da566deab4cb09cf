/* What charts are laid out with: numbers and labels as text, ticks, the points of a line that are drawn, the places of names. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "chart/axis.h"
#include "chart/ends.h"
#include "chart/label.h"
#include "chart/number.h"
#include "chart/thin.h"
#include "support.h"

#define NBSP "\xc2\xa0"
#define PLAIN CHART_NUMBER_PLAIN
#define PERCENT CHART_NUMBER_PERCENT

/* ---- numbers ---- */

static void numbers_are_written_for_people(void **state)
{
    (void)state;
    static const struct { double x; int digits; enum chart_number kind; const char *text; } number[] = {
        {0, 3, PLAIN, "0"}, {-0.0, 3, PLAIN, "0"}, {13100, 5, PLAIN, "13,100"}, {-13100, 3, PLAIN, "−13,100"},
        {999999, 6, PLAIN, "999,999"}, {2.5e6, 3, PLAIN, "2.5M"}, {0.05, 3, PLAIN, "0.05"},
        {0.123456, 3, PLAIN, "0.123"}, {9.9996, 4, PLAIN, "10"}, {0.0001, 3, PLAIN, "0.0001"},
        {0.00003, 3, PLAIN, "3×10⁻⁵"}, {1e-5, 3, PLAIN, "10⁻⁵"}, {-1.25e12, 3, PLAIN, "−1.25×10¹²"},
        {1e308, 3, PLAIN, "10³⁰⁸"}, {5e-324, 1, PLAIN, "5×10⁻³²⁴"}, {0.9342, 3, PERCENT, "93.4" NBSP "%"},
        {1, 3, PERCENT, "100" NBSP "%"}, {0, 3, PERCENT, "0" NBSP "%"}, {NAN, 3, PLAIN, "-"},
        {-INFINITY, 3, PERCENT, "-"},
    };
    for (size_t i = 0; i < COUNT(number); i++) {
        char at[NUMBER_BYTES_MAX] = "";
        struct text text = {at, sizeof at, 0};
        number_add(&text, number[i].x, number[i].digits, number[i].kind);
        assert_string_equal(at, number[i].text);
    }
}

static void counts_are_grouped_by_thousands(void **state)
{
    (void)state;
    static const struct { uint64_t count; const char *text; } number[] = {
        {0, "0"}, {7, "7"}, {999, "999"}, {1000, "1,000"}, {65536, "65,536"}, {UINT64_MAX, "18,446,744,073,709,551,615"}};
    for (size_t i = 0; i < COUNT(number); i++) {
        char at[NUMBER_BYTES_MAX] = "";
        struct text text = {at, sizeof at, 0};
        number_add_count(&text, number[i].count);
        assert_string_equal(at, number[i].text);
    }
}

/* ---- axes ---- */

/* The number that a label shows: 13,100, −2.5M, 3×10⁻⁵ or 10⁻⁵. */
static double read_label(const char *label)
{
    static const struct { const char *sign, *plain; } sign[] = {
        {"×10", "e"}, {"−", "-"}, {",", ""}, {"M", "e6"}, {"⁻", "-"}, {"⁰", "0"}, {"¹", "1"}, {"²", "2"}, {"³", "3"},
        {"⁴", "4"}, {"⁵", "5"}, {"⁶", "6"}, {"⁷", "7"}, {"⁸", "8"}, {"⁹", "9"}};
    char plain[64] = "";
    bool has_power = false;
    while (*label != '\0') {
        size_t i = 0;
        while (i < COUNT(sign) && strncmp(label, sign[i].sign, strlen(sign[i].sign)) != 0)
            i++;
        if (i >= 4 && i < COUNT(sign) && !has_power && strchr(plain, 'e') == NULL) {
            assert_true(strcmp(plain, "10") == 0 || strcmp(plain, "-10") == 0);
            strcpy(plain + strlen(plain) - 1, "e");
        }
        has_power = has_power || (i >= 4 && i < COUNT(sign));
        strncat(plain, i < COUNT(sign) ? sign[i].plain : label, i < COUNT(sign) ? 3 : 1);
        label += i < COUNT(sign) ? strlen(sign[i].sign) : 1;
    }
    char *end;
    double x = strtod(plain, &end);
    assert_int_equal(*end, '\0');
    return x;
}

static void assert_ticks(const struct axis *axis, size_t least)
{
    assert_in_range(axis->ticks, least, 10);
    assert_true(axis->low < axis->high);
    for (size_t i = 0; i < axis->ticks; i++) {
        const struct tick *tick = &axis->tick[i];
        assert_true(tick->at >= axis->low && tick->at <= axis->high);
        if (i > 0) {
            assert_true(tick->at > tick[-1].at);
            assert_string_not_equal(tick->label, tick[-1].label);
        }
        assert_within(read_label(tick->label), tick->at, 1e-12 * fabs(tick->at), "label %s", tick->label);
    }
}

/* Steps are alike and 1, 2 or 5 times a power of ten. */
static void assert_round_steps(const struct axis *axis)
{
    double step = axis->tick[1].at - axis->tick[0].at, size = fmax(fabs(axis->low), fabs(axis->high));
    for (size_t i = 2; i < axis->ticks; i++)
        assert_within(axis->tick[i].at - axis->tick[i - 1].at, step, 1e-14 * size, "step %zu", i);
    char digits[40];
    snprintf(digits, sizeof digits, "%.5e", (axis->tick[axis->ticks - 1].at - axis->tick[0].at) / (double)(axis->ticks - 1));
    assert_true(strncmp(digits, "1.00000", 7) == 0 || strncmp(digits, "2.00000", 7) == 0 || strncmp(digits, "5.00000", 7) == 0);
}

static struct range random_range(struct random *random)
{
    double scale = pow(10, random_real(random, -12, 12)), middle = random_real(random, -1, 1) * scale;
    double width = scale * pow(10, random_real(random, -6, 1));
    return (struct range){middle - width, middle + width};
}

static void linear_ticks_are_round_and_cover_the_range(void **state)
{
    (void)state;
    struct random random = {7};
    for (int n = 0; n < 20000; n++) {
        struct range range = random_range(&random);
        int wanted = 4 + n % 3;
        struct axis axis = axis_linear(range, AXIS_ENDS_AT_TICKS, wanted, CHART_NUMBER_PLAIN);
        double slack = 1e-8 * (range.high - range.low);
        assert_ticks(&axis, 3);
        assert_round_steps(&axis);
        assert_true(axis.tick[0].at <= range.low + slack && axis.tick[axis.ticks - 1].at >= range.high - slack);
        assert_true(axis.low <= range.low && axis.high >= range.high);
        assert_true(axis.tick[1].at > range.low - slack && axis.tick[axis.ticks - 2].at < range.high + slack);  /* none in vain */
    }
}

static void ticks_within_the_values_are_enough(void **state)
{
    (void)state;
    struct random random = {8};
    for (int n = 0; n < 20000; n++) {
        struct range range = random_range(&random);
        struct axis axis = axis_linear(range, AXIS_ENDS_AT_VALUES, 8, CHART_NUMBER_PLAIN);
        assert_ticks(&axis, 3);
        assert_round_steps(&axis);
        assert_within(axis.low, range.low, 1e-8 * (range.high - range.low), "low end");
        assert_within(axis.high, range.high, 1e-8 * (range.high - range.low), "high end");
    }
}

static void logarithmic_ticks_cover_the_range(void **state)
{
    (void)state;
    struct random random = {9};
    for (int n = 0; n < 20000; n++) {
        double low = pow(10, random_real(&random, -250, 250)), decades = random_real(&random, 0, n % 2 == 0 ? 1.5 : 40);
        struct range range = {low, low * pow(10, decades)};
        struct axis axis = axis_logarithmic(range, CHART_NUMBER_PLAIN);
        assert_ticks(&axis, 3);
        assert_true(axis.low > 0 && axis.low <= range.low && axis.high >= range.high);
        assert_true(axis.tick[0].at <= range.low * (1 + 1e-8) && axis.tick[axis.ticks - 1].at >= range.high * (1 - 1e-8));
        double middle = axis_share(&axis, sqrt(axis.low) * sqrt(axis.high));
        assert_within(middle, 0.5, 1e-9, "middle of %g to %g", axis.low, axis.high);
    }
}

static void odd_ranges_make_an_axis_too(void **state)
{
    (void)state;
    static const struct range range[] = {
        {INFINITY, -INFINITY}, {0, 0}, {5, 5}, {-3e-7, -3e-7}, {-1e308, 1.7e308}, {1e308, 1e308}, {0, 5e-324}, {1, 1 + 1e-15},
        {-1e-300, 1e-300}, {1e15, 1e15 + 1}, {0, 1e300}};
    for (size_t i = 0; i < COUNT(range); i++) {
        struct axis axis = axis_linear(range[i], AXIS_ENDS_AT_TICKS, 5, CHART_NUMBER_PLAIN);
        assert_in_range(axis.ticks, 3, 10);
        assert_true(isfinite(axis.low) && isfinite(axis.high) && axis.low < axis.high);
        if (range[i].low > 0) {
            axis = axis_logarithmic(range[i], CHART_NUMBER_PLAIN);
            assert_in_range(axis.ticks, 3, 10);
            assert_true(isfinite(axis.high) && axis.low > 0 && axis.low < axis.high);
        }
    }
    struct axis axis = axis_logarithmic(range[0], CHART_NUMBER_PLAIN);
    assert_in_range(axis.ticks, 3, 10);
    assert_true(axis_share(&axis, -1) == 0 && axis_share(&axis, 1e300) == 1);
}

static void percent_ticks_name_hundredths(void **state)
{
    (void)state;
    struct axis axis = axis_linear((struct range){0.905, 0.992}, AXIS_ENDS_AT_TICKS, 5, CHART_NUMBER_PERCENT);
    assert_string_equal(axis.tick[0].label, "90" NBSP "%");
    assert_string_equal(axis.tick[axis.ticks - 1].label, "100" NBSP "%");
}

/* ---- thinning ---- */

enum { COLUMNS = 40 };

static size_t column_of(double x, double low, double high)
{
    return (size_t)((x - low) / (high - low) * COLUMNS);
}

static bool is_kept(const size_t *kept, size_t length, size_t i)
{
    for (size_t k = 0; k < length; k++)
        if (kept[k] == i)
            return true;
    return false;
}

/* Every column's first, last, least and greatest value is among the kept ones; a point that is not finite between columns breaks
 * the line. */
static void assert_thinned(size_t count, const double *x, const double *y, const size_t *kept, size_t length)
{
    double low = x[0], high = x[count - 1];
    for (size_t first = 0, end; first < count; first = end) {
        size_t least = count, greatest = count;
        for (end = first; end < count && column_of(x[end], low, high) == column_of(x[first], low, high); end++) {
            if (!isfinite(y[end]))
                continue;
            least = least == count || y[end] < y[least] ? end : least;
            greatest = greatest == count || y[end] > y[greatest] ? end : greatest;
        }
        assert_true(least == count || (is_kept(kept, length, least) && is_kept(kept, length, greatest)));
        size_t front = first, back = end - 1;
        while (front < back && !isfinite(y[front]))
            front++;
        while (back > front && !isfinite(y[back]))
            back--;
        assert_true(least == count || (is_kept(kept, length, front) && is_kept(kept, length, back)));
    }
    size_t last = count;
    bool is_broken = false;
    for (size_t k = 0; k < length; k++) {
        if (kept[k] == THIN_BREAK) {
            is_broken = true;
            continue;
        }
        assert_true(kept[k] < count && isfinite(y[kept[k]]));
        assert_true(last == count || kept[k] > last);
        bool has_gap = false;
        for (size_t i = last; i < kept[k] && last < count; i++)
            has_gap = has_gap || !isfinite(y[i]);
        assert_true(!has_gap || is_broken || column_of(x[last], low, high) == column_of(x[kept[k]], low, high));
        last = kept[k];
        is_broken = false;
    }
}

static void thinning_keeps_every_peak(void **state)
{
    (void)state;
    struct random random = {10};
    for (int n = 0; n < 300; n++) {
        size_t count = 1 + random_below(&random, 3000), capacity = thin_capacity(count, COLUMNS);
        double *x = guarded_new(count, sizeof *x), *y = guarded_new(count, sizeof *y), at = 0;
        size_t *kept = guarded_new(capacity, sizeof *kept);
        for (size_t i = 0; i < count; i++) {
            x[i] = at += random_real(&random, 0.01, random_below(&random, 100) == 0 ? 30 : 1);
            y[i] = random_real(&random, -1, 1);
            if (n % 3 != 0 && random_below(&random, 20) == 0)
                y[i] = n % 2 == 0 ? NAN : INFINITY;
        }
        size_t length = thin_line(count, x, y, false, x[0], x[count - 1], COLUMNS, kept);
        assert_true(length <= capacity);
        if (count > 1)
            assert_thinned(count, x, y, kept, length);
        guarded_free(kept);
        guarded_free(y);
        guarded_free(x);
    }
}

static void few_points_are_all_kept(void **state)
{
    (void)state;
    const double x[] = {0, 1, 2, 3, 4, 5}, y[] = {NAN, 1, -1, 0, 2, INFINITY};
    size_t kept[6];
    assert_int_equal(thin_line(6, x, y, false, 0, 5, COLUMNS, kept), 5);
    assert_memory_equal(kept, ((size_t[]){1, 2, 3, 4, THIN_BREAK}), 5 * sizeof *kept);
    assert_int_equal(thin_line(6, x, y, true, 0, 5, COLUMNS, kept), 4);         /* a logarithm has no place for -1 and 0 */
    assert_memory_equal(kept, ((size_t[]){1, THIN_BREAK, 4, THIN_BREAK}), 4 * sizeof *kept);
}

/* ---- labels ---- */

static void labels_are_cut_between_characters(void **state)
{
    (void)state;
    const char *text = "größe 漢字 <long> label \xf0\x9f\x98\x80 tail";
    for (double width = 0; width < 300; width += 1.5) {
        char cut[LABEL_BYTES_MAX];
        const char *fit = label_fit(text, 13, width, cut);
        size_t kept = strlen(fit);
        if (strcmp(fit, text) == 0) {
            assert_true(label_width(text, 13) <= width);
            continue;
        }
        assert_true(kept >= 3 && strcmp(fit + kept - 3, "…") == 0);
        assert_memory_equal(fit, text, kept - 3);
        assert_true(((unsigned char)text[kept - 3] & 0xc0) != 0x80);            /* a character begins there */
        assert_true(kept == 3 || label_width(fit, 13) <= width);
    }
    char many[1000], cut[LABEL_BYTES_MAX];
    memset(many, 'i', sizeof many - 1);
    many[sizeof many - 1] = '\0';
    assert_true(strlen(label_fit(many, 13, 1e9, cut)) < LABEL_BYTES_MAX);
}

static void lines_end_at_blanks(void **state)
{
    (void)state;
    const char *text = "one two three";
    assert_int_equal(label_line(text, 10, label_width("one two t", 10)), strlen("one two"));
    assert_int_equal(label_line(text, 10, 1000), strlen(text));
    assert_int_equal(label_line(text, 10, 0), 1);
    assert_int_equal(label_line("\xe6\xbc\xa2", 10, 0), 3);
}

/* ---- names at the ends of lines ---- */

static void names_do_not_touch(void **state)
{
    (void)state;
    struct random random = {11};
    size_t arranged = 0;
    for (int n = 0; n < 3000; n++) {
        struct line_end end[ENDS_MAX];
        size_t ends = 1 + random_below(&random, ENDS_MAX);
        for (size_t i = 0; i < ends; i++)
            end[i] = (struct line_end){.y = random_real(&random, 20, 230)};
        if (!ends_arrange(end, ends, 10, 240))
            continue;
        arranged++;
        for (size_t i = 0; i < ends; i++) {
            assert_true(end[i].label_y - 7.5 >= 10 - 1e-9 && end[i].label_y + 7.5 <= 240 + 1e-9);
            assert_true(i == 0 || (end[i].y >= end[i - 1].y && end[i].label_y - end[i - 1].label_y >= 15 - 1e-9));
            if (ends == 1)
                assert_within(end[0].label_y, fmin(fmax(end[0].y, 17.5), 232.5), 1e-9, "a name alone");
        }
    }
    assert_true(arranged > 2000);
    struct line_end same[ENDS_MAX];
    for (size_t i = 0; i < ENDS_MAX; i++)
        same[i] = (struct line_end){.y = 100};
    assert_false(ends_arrange(same, ENDS_MAX, 0, 200));         /* the outer ones would be far from their lines */
    assert_false(ends_arrange(same, 4, 80, 130));               /* no room */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_written_for_people),
        cmocka_unit_test(counts_are_grouped_by_thousands),
        cmocka_unit_test(linear_ticks_are_round_and_cover_the_range),
        cmocka_unit_test(ticks_within_the_values_are_enough),
        cmocka_unit_test(logarithmic_ticks_cover_the_range),
        cmocka_unit_test(odd_ranges_make_an_axis_too),
        cmocka_unit_test(percent_ticks_name_hundredths),
        cmocka_unit_test(thinning_keeps_every_peak),
        cmocka_unit_test(few_points_are_all_kept),
        cmocka_unit_test(labels_are_cut_between_characters),
        cmocka_unit_test(lines_end_at_blanks),
        cmocka_unit_test(names_do_not_touch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
