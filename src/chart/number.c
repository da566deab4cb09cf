/* See number.h. Text comes of integers alone: printf's %f would take the decimal point of the program's locale. */
#include "chart/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MINUS "\xe2\x88\x92"

static int digits_of(uint64_t n)
{
    int digits = 1;
    for (; n >= 10; n /= 10)
        digits++;
    return digits;
}

static uint64_t magnitude_of(int64_t mantissa)
{
    return mantissa < 0 ? (uint64_t)0 - (uint64_t)mantissa : (uint64_t)mantissa;
}

static struct decimal without_zeros(struct decimal decimal)
{
    if (decimal.mantissa == 0)
        return (struct decimal){0, 0};
    while (decimal.mantissa % 10 == 0) {
        decimal.mantissa /= 10;
        decimal.exponent++;
    }
    return decimal;
}

enum number_form number_form_of(struct decimal largest)
{
    if (largest.mantissa == 0)
        return NUMBER_GROUPED;
    int before_point = digits_of(magnitude_of(largest.mantissa)) + largest.exponent;    /* 0: 0.1 to 0.999 */
    return before_point < -3 || before_point > 9 ? NUMBER_SCIENTIFIC : before_point > 6 ? NUMBER_MILLIONS : NUMBER_GROUPED;
}

void number_add_count(struct text *text, uint64_t count)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, count);
    for (size_t left = strlen(digits), i = 0; left > 0; i++, left--)
        text_add(text, i > 0 && left % 3 == 0 ? ",%c" : "%c", digits[i]);
}

/* mantissa has `places` digits behind the point. */
static void add_fixed(struct text *text, uint64_t mantissa, int places)
{
    uint64_t unit = 1;
    for (int i = 0; i < places; i++)
        unit *= 10;
    number_add_count(text, mantissa / unit);
    if (places > 0)
        text_add(text, ".%0*" PRIu64, places, mantissa % unit);
}

static void add_superscript(struct text *text, int n)
{
    static const char *const digit[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    if (n < 0)
        text_add(text, "⁻");
    if (abs(n) >= 10)
        add_superscript(text, abs(n) / 10);
    text_add(text, "%s", digit[abs(n) % 10]);
}

static void add_scientific(struct text *text, struct decimal decimal)
{
    decimal = without_zeros(decimal);
    uint64_t mantissa = magnitude_of(decimal.mantissa);
    int places = digits_of(mantissa) - 1;
    if (mantissa != 1) {
        add_fixed(text, mantissa, places);
        text_add(text, "×");
    }
    text_add(text, "10");
    add_superscript(text, decimal.exponent + places);
}

void number_add_decimal(struct text *text, struct decimal decimal, enum number_form form)
{
    if (decimal.mantissa == 0) {
        text_add(text, "0");
        return;
    }
    if (decimal.mantissa < 0)
        text_add(text, MINUS);
    if (form == NUMBER_SCIENTIFIC) {
        add_scientific(text, decimal);
        return;
    }
    if (form == NUMBER_MILLIONS)
        decimal = without_zeros((struct decimal){decimal.mantissa, decimal.exponent - 6});
    uint64_t mantissa = magnitude_of(decimal.mantissa);
    for (; decimal.exponent > 0; decimal.exponent--)
        mantissa *= 10;
    add_fixed(text, mantissa, -decimal.exponent);
    if (form == NUMBER_MILLIONS)
        text_add(text, "M");
}

struct decimal number_round(double x, int digits)
{
    char text[40];                              /* "-1.234e-05", with the locale's point */
    struct decimal decimal = {0, 0};
    snprintf(text, sizeof text, "%.*e", digits - 1, x);
    const char *at = text;
    for (; *at != 'e'; at++)
        if (*at >= '0' && *at <= '9')
            decimal.mantissa = 10 * decimal.mantissa + (*at - '0');
    decimal.exponent = atoi(at + 1) - (digits - 1);
    if (text[0] == '-')
        decimal.mantissa = -decimal.mantissa;
    return decimal;
}

struct decimal number_round_at(double x, int exponent)
{
    double unit = number_power_of_ten(abs(exponent));
    return (struct decimal){llround(exponent < 0 ? x * unit : x / unit), exponent};
}

void number_add(struct text *text, double x, int digits, enum chart_number kind)
{
    if (!isfinite(x)) {
        text_add(text, "-");
        return;
    }
    struct decimal decimal = number_round(x, digits);
    if (kind == CHART_NUMBER_PERCENT && decimal.mantissa != 0)
        decimal.exponent += 2;
    decimal = without_zeros(decimal);
    number_add_decimal(text, decimal, number_form_of(decimal));
    if (kind == CHART_NUMBER_PERCENT)
        text_add(text, "\xc2\xa0%%");
}

double number_power_of_ten(int exponent)
{
    double power = 1;
    for (int i = 0; i < abs(exponent); i++)
        power *= 10;
    return exponent < 0 ? 1 / power : power;
}
