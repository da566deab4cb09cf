/* Running error analysis (Wilkinson, "Rounding errors in algebraic processes", 1963; Higham, "Accuracy and stability of
 * numerical algorithms", 2002, sections 2.2, 3.1 and 3.3): every number of a computation in double carries how far the same
 * number computed in float may be from it. An operation passes on the errors of its operands to first order and above (no
 * term is left out), and where the float computation rounds, the rounding is added. So the bound that a test compares with
 * is computed, not chosen, and holds for every order of summation. */
#ifndef TESTS_BOUNDED_H
#define TESTS_BOUNDED_H

#include <float.h>
#include <math.h>
#include <stddef.h>

struct bounded { double value, error; };        /* |float computation - value| <= error */

#define FLOAT_UNIT 0x1p-24                      /* half an ulp of a float in [1, 2) */
#define DOUBLE_UNIT 0x1p-48                     /* 32 roundings to double: those here, and those of what is tested */

static inline struct bounded exactly(double value) { return (struct bounded){value, 0}; }
static inline double largest(struct bounded a) { return fabs(a.value) + a.error; }

/* An operation in double, on both sides. */
static inline struct bounded in_double(double value, double error)
{
    return (struct bounded){value, error + DOUBLE_UNIT * (fabs(value) + error)};
}

static inline struct bounded plus(struct bounded a, struct bounded b)
{
    return in_double(a.value + b.value, a.error + b.error);
}

static inline struct bounded minus(struct bounded a, struct bounded b)
{
    return in_double(a.value - b.value, a.error + b.error);
}

static inline struct bounded times(struct bounded a, struct bounded b)
{
    return in_double(a.value * b.value, fabs(a.value) * b.error + fabs(b.value) * a.error + a.error * b.error);
}

/* |a'/b' - a/b| <= (|a| eb + |b| ea) / (|b| (|b| - eb)); infinite if b may be 0. */
static inline struct bounded over(struct bounded a, struct bounded b)
{
    double size = fabs(b.value), least = size - b.error;
    double error = least > 0 ? (fabs(a.value) * b.error + size * a.error) / (size * least) : INFINITY;
    return in_double(a.value / b.value, error);
}

/* |sqrt(a') - sqrt(a)| <= e / (sqrt(a) + sqrt(a - e)); a >= 0 on both sides. */
static inline struct bounded root(struct bounded a)
{
    double value = sqrt(a.value), low = sqrt(fmax(a.value - a.error, 0));
    return in_double(value, a.error == 0 ? 0 : a.error / (value + low));
}

/* Rounded to float; a result below FLT_MIN may be flushed. */
static inline struct bounded rounded(struct bounded a)
{
    double flushed = a.value == 0 && a.error == 0 ? 0 : (double)FLT_MIN;
    return (struct bounded){a.value, a.error + FLOAT_UNIT * (fabs(a.value) + a.error) + flushed};
}

/* An elementary function with the error that base/math.h gives it, in ulp of the result; slope: the largest derivative
 * between a - e and a + e. */
static inline struct bounded function_of(double value, double slope, double error, double ulp)
{
    double passed_on = slope * error;
    return in_double(value, passed_on + 2 * ulp * FLOAT_UNIT * (fabs(value) + passed_on) + (double)FLT_MIN);
}

static inline struct bounded exp_of(struct bounded a)
{
    return function_of(exp(a.value), exp(a.value + a.error), a.error, 1.02);
}

static inline struct bounded tanh_of(struct bounded a)
{
    double y = tanh(fmax(fabs(a.value) - a.error, 0));
    return function_of(tanh(a.value), 1 - y * y, a.error, 2.5);
}

static inline double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static inline struct bounded sigmoid_of(struct bounded a)
{
    double y = sigmoid(fmax(fabs(a.value) - a.error, 0));
    return function_of(sigmoid(a.value), y * (1 - y), a.error, 2.5);
}

static inline struct bounded log_of(struct bounded a)           /* in double */
{
    return in_double(log(a.value), a.value > a.error ? a.error / (a.value - a.error) : INFINITY);
}

static inline struct bounded log1p_of(struct bounded a)         /* a >= 0 on both sides */
{
    return function_of(log1p(a.value), 1, a.error, 1.18);
}

static inline struct bounded softplus_of(struct bounded a)
{
    double value = fmax(a.value, 0) + log1p(exp(-fabs(a.value)));
    return function_of(value, sigmoid(a.value + a.error), a.error, 1.87);
}

static inline struct bounded elu_of(struct bounded a)
{
    return function_of(a.value < 0 ? expm1(a.value) : a.value, exp(fmin(a.value + a.error, 0)), a.error, 0.95);
}

/* The normal distribution function, and |x| times its density. */
static inline double normal_below(double x) { return erfc(-x * 0.70710678118654752440) / 2; }
static inline double normal_density_times(double x) { return fabs(x) * exp(-x * x / 2) * 0.39894228040143267794; }

/* GELU has derivatives between -0.13 and 1.13, where the second one, phi(x) (2 - x^2), is 0; that is at most 2 phi(0). */
static inline struct bounded gelu_of(struct bounded a)
{
    return function_of(a.value * normal_below(a.value), 1.13, a.error, 6.65);
}

static inline struct bounded gelu_slope_of(struct bounded a)    /* ulp: of what it would be without the minus */
{
    double below = normal_below(a.value), rest = normal_density_times(a.value), passed_on = 0.798 * a.error;
    struct bounded size = function_of(below + rest, 1, passed_on, 3.32);
    return in_double(a.value < 0 ? below - rest : below + rest, size.error + 13.2 * (double)FLT_MIN);
}

static inline struct bounded leaky_relu_of(struct bounded a)
{
    struct bounded y = {fmax(a.value, 0) + 0.01 * fmin(a.value, 0), a.error};
    return function_of(y.value, 1, y.error, 1);                 /* 0.01f is within half an ulp of 0.01, the product too */
}

static inline struct bounded relu_of(struct bounded a)
{
    return (struct bounded){fmax(a.value, 0), a.value < -a.error ? 0 : a.error};
}

/* A sum of any length in any order: n terms meet at most n roundings each, and one more when a sum in double becomes a
 * float: |error| <= gamma(n + 1) * sum of |term|, gamma(k) = k u / (1 - k u). */
struct total { double value, error, size; size_t terms; };

static inline void total_add(struct total *t, struct bounded term)
{
    t->value += term.value;
    t->error += term.error;
    t->size += largest(term);
    t->terms++;
}

static inline double gamma_of(double unit, size_t roundings)
{
    return (double)roundings * unit / (1 - (double)roundings * unit);
}

static inline struct bounded total_in_float(const struct total *t)
{
    double roundings = gamma_of(FLOAT_UNIT, t->terms + 1) + gamma_of(DOUBLE_UNIT, t->terms + 1);
    double flushed = t->size > 0 ? (double)t->terms * (double)FLT_MIN : 0;
    return (struct bounded){t->value, t->error + roundings * t->size + flushed};
}

static inline struct bounded total_in_double(const struct total *t)
{
    return (struct bounded){t->value, t->error + gamma_of(DOUBLE_UNIT, t->terms + 1) * t->size};
}

#endif
