/* Numbers as people read them: 13,100; 0.05; 2.5M; 3×10⁻⁵. Always with a point, never -0, whatever the program's locale. */
#ifndef CHART_NUMBER_H
#define CHART_NUMBER_H

#include <stdint.h>

#include "base/text.h"
#include "chart/chart.h"

enum { NUMBER_BYTES_MAX = 40 };

/* A decimal number: mantissa * 10^exponent, |mantissa| < 10^18. */
struct decimal { int64_t mantissa; int exponent; };

/* How numbers that stand together are written, so that they look alike. */
enum number_form { NUMBER_GROUPED, NUMBER_MILLIONS, NUMBER_SCIENTIFIC };

/* The form for numbers of which this one has the largest magnitude: grouped from 0.0001 to 999,999, millions to 999M. */
enum number_form number_form_of(struct decimal largest);

/* Append it; the digits behind the point are as many as the exponent says. */
void number_add_decimal(struct text *text, struct decimal decimal, enum number_form form);

/* x, finite, rounded to so many significant digits, 1 to 17. */
struct decimal number_round(double x, int digits);

/* x, finite, rounded to a multiple of 10^exponent; |x| < 10^(exponent + 18). */
struct decimal number_round_at(double x, int exponent);

/* Append x with up to so many significant digits, zeros at the end left out; "-" if it is not finite. */
void number_add(struct text *text, double x, int digits, enum chart_number kind);

/* Append 13100 as 13,100. */
void number_add_count(struct text *text, uint64_t count);

/* 10^exponent, the same on every machine: exact from 0 to 22. */
double number_power_of_ten(int exponent);

#endif
