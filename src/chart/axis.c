/* See axis.h. A tick is counted in whole steps, so that its label is exact: k * digit * 10^exponent. */
#include "chart/axis.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/math.h"

static const double MAGNITUDE_MAX = 1e300;      /* beyond, differences would overflow */
static const double MAGNITUDE_MIN = 1e-290;     /* below is as good as 0 */
static const double SINGLE_VALUE = 1e-9;        /* a range narrower than that, of its magnitude, is one value */
static const double LOG_10 = 2.302585092994046;

void range_add(struct range *range, double x, bool is_logarithmic)
{
    if (!isfinite(x) || (is_logarithmic && x <= 0))
        return;
    range->low = fmin(range->low, x);
    range->high = fmax(range->high, x);
}

static struct decimal largest_of(const struct decimal *value, size_t count)
{
    struct decimal largest = {0, 0};
    double magnitude = 0;
    for (size_t i = 0; i < count; i++) {
        double m = fabs((double)value[i].mantissa) * number_power_of_ten(value[i].exponent);
        if (m >= magnitude) {
            magnitude = m;
            largest = value[i];
        }
    }
    return largest;
}

/* Give the axis these ticks, written alike. */
static void set_ticks(struct axis *axis, const struct decimal *value, const double *at, size_t count, enum number_form form,
                      enum chart_number kind)
{
    assert(count <= AXIS_TICKS_MAX);
    axis->ticks = count;
    for (size_t i = 0; i < count; i++) {
        struct text label = {axis->tick[i].label, sizeof axis->tick[i].label, 0};
        struct decimal shown = value[i];
        if (kind == CHART_NUMBER_PERCENT)
            shown.exponent += 2;
        axis->tick[i].at = at[i];
        number_add_decimal(&label, shown, form);
        if (kind == CHART_NUMBER_PERCENT)
            text_add(&label, "\xc2\xa0%%");
    }
}

static enum number_form form_of(const struct decimal *value, size_t count, enum chart_number kind)
{
    struct decimal largest = largest_of(value, count);
    if (kind == CHART_NUMBER_PERCENT)
        largest.exponent += 2;
    return number_form_of(largest);
}

/* ---- linear ---- */

struct step { int digit, exponent; double size; };      /* digit * 10^exponent; digit is 1, 2 or 5 */

/* The least round step that is not below size. */
static struct step step_above(double size)
{
    static const int digit[] = {1, 2, 5};
    int exponent = (int)floor(math_log(size) / LOG_10) - 1;     /* one too small at most: the logarithm is rounded */
    for (;; exponent++)
        for (size_t i = 0; i < 3; i++) {
            double unit = number_power_of_ten(abs(exponent));
            double step = exponent < 0 ? digit[i] / unit : digit[i] * unit;
            if (step >= size * (1 - 1e-9))
                return (struct step){digit[i], exponent, step};
        }
}

static double multiple(struct step step, double k)
{
    double unit = number_power_of_ten(abs(step.exponent));
    return step.exponent < 0 ? k * step.digit / unit : k * step.digit * unit;
}

static struct range widened(struct range range)
{
    if (range.low > range.high)
        return (struct range){0, 1};
    range.low = fmin(fmax(range.low, -MAGNITUDE_MAX), MAGNITUDE_MAX);
    range.high = fmin(fmax(range.high, -MAGNITUDE_MAX), MAGNITUDE_MAX);
    double magnitude = fmax(fabs(range.low), fabs(range.high));
    if (magnitude < MAGNITUDE_MIN)
        return (struct range){0, 1};
    if (range.high - range.low < SINGLE_VALUE * magnitude)
        return (struct range){range.low - 0.1 * magnitude, range.high + 0.1 * magnitude};
    return range;
}

struct axis axis_linear(struct range range, enum axis_ends ends, int wanted, enum chart_number kind)
{
    range = widened(range);
    struct axis axis = {.low = range.low, .high = range.high};
    struct step step = step_above((range.high - range.low) / wanted);
    bool at_ticks = ends == AXIS_ENDS_AT_TICKS;
    double almost = at_ticks ? 1e-9 : -1e-9;            /* a value that is a tick but for rounding is that tick */
    double first = at_ticks ? floor(range.low / step.size + almost) : ceil(range.low / step.size + almost);
    double last = at_ticks ? ceil(range.high / step.size - almost) : floor(range.high / step.size - almost);
    struct decimal value[AXIS_TICKS_MAX];
    double at[AXIS_TICKS_MAX];
    size_t count = 0;
    for (double k = first; k <= last && count < AXIS_TICKS_MAX; k++, count++) {
        value[count] = (struct decimal){(int64_t)k * step.digit, step.exponent};
        at[count] = multiple(step, k);
    }
    if (count > 0) {
        axis.low = fmin(axis.low, at[0]);
        axis.high = fmax(axis.high, at[count - 1]);
    }
    set_ticks(&axis, value, at, count, form_of(value, count, kind), kind);
    return axis;
}

/* ---- logarithmic ---- */

/* The greatest exponent with 10^exponent <= x, but for rounding. */
static int decade_below(double x)
{
    int exponent = (int)floor(math_log(x) / LOG_10) + 1;
    while (number_power_of_ten(exponent) > x * (1 + 1e-9))
        exponent--;
    return exponent;
}

/* Each n-th power of ten. */
static struct axis powers_of_ten(struct range range, enum chart_number kind)
{
    int first = decade_below(range.low), last = decade_below(range.high);
    if (number_power_of_ten(last) < range.high * (1 - 1e-9))
        last++;
    int every = (last - first + 7) / 8, count = (last - first + every - 1) / every + 1;
    struct decimal value[AXIS_TICKS_MAX];
    double at[AXIS_TICKS_MAX];
    for (int i = 0; i < count; i++) {
        value[i] = (struct decimal){1, first + i * every};
        at[i] = number_power_of_ten(value[i].exponent);
    }
    struct axis axis = {.is_logarithmic = true, .low = fmin(at[0], range.low), .high = fmax(at[count - 1], range.high)};
    bool is_plain = first >= -4 && first + (count - 1) * every <= 5;
    set_ticks(&axis, value, at, (size_t)count, is_plain ? NUMBER_GROUPED : NUMBER_SCIENTIFIC, kind);
    return axis;
}

/* 1, 2, 5, 10, 20, 50, ... */
static struct axis thirds_of_decades(struct range range, enum chart_number kind)
{
    static const int digit[] = {1, 2, 5};
    struct decimal value[AXIS_TICKS_MAX];
    double at[AXIS_TICKS_MAX];
    size_t count = 0;
    for (int exponent = decade_below(range.low); count < AXIS_TICKS_MAX; exponent++)
        for (size_t i = 0; i < 3 && count < AXIS_TICKS_MAX; i++) {
            double tick = digit[i] * number_power_of_ten(exponent);
            if (count > 0 && tick <= range.low * (1 + 1e-9))
                count = 0;                              /* the one before is below the range */
            value[count] = (struct decimal){digit[i], exponent};
            at[count++] = tick;
            if (tick >= range.high * (1 - 1e-9))
                goto done;
        }
done:;
    struct axis axis = {.is_logarithmic = true, .low = fmin(at[0], range.low), .high = fmax(at[count - 1], range.high)};
    set_ticks(&axis, value, at, count, form_of(value, count, kind), kind);
    return axis;
}

struct axis axis_logarithmic(struct range range, enum chart_number kind)
{
    if (range.low > range.high)
        range = (struct range){0.1, 10};
    range.low = fmin(fmax(range.low, MAGNITUDE_MIN), MAGNITUDE_MAX);
    range.high = fmin(fmax(range.high, MAGNITUDE_MIN), MAGNITUDE_MAX);
    double ratio = range.high / range.low;
    if (ratio >= 300)
        return powers_of_ten(range, kind);
    if (ratio >= 3)
        return thirds_of_decades(range, kind);
    if (ratio < 1 + SINGLE_VALUE)
        range = (struct range){range.low / 1.5, range.high * 1.5};
    struct axis axis = axis_linear(range, AXIS_ENDS_AT_TICKS, 5, kind);     /* steps are below the low end: it stays above 0 */
    axis.is_logarithmic = true;
    return axis;
}

double axis_share(const struct axis *axis, double x)
{
    if (axis->is_logarithmic)
        x = fmax(x, axis->low);
    double share = axis->is_logarithmic ? math_log(x / axis->low) / math_log(axis->high / axis->low)
                                        : (x - axis->low) / (axis->high - axis->low);
    return fmin(fmax(share, 0), 1);
}
