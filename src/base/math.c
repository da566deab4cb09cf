/* The double functions. Each follows one plan: reduce the argument exactly or in two parts, sum a short series whose
 * coefficients need no table (Taylor's; AS 241 has its own), put the result together so that the last addition is the only
 * one with a large rounding error. No FMA: without one the compiler inlines every operation on every machine. */
#include "base/math.h"

#include <stddef.h>

enum { MANTISSA_BITS = 52 };

static const double ln2_high = 0x1.62e42fefa3p-1;       /* 41 bits: a whole number below 2^12 times it is exact */
static const double ln2_low = 0x1.3de6af278ece6p-42;

/* c[0] + c[1] x + ... + c[count-1] x^(count-1) by Horner's rule. */
#define POLYNOMIAL(c, x) polynomial(c, sizeof (c) / sizeof (c)[0], x)
static double polynomial(const double *c, size_t count, double x)
{
    double sum = c[count - 1];
    for (size_t i = count - 1; i-- > 0;)
        sum = sum * x + c[i];
    return sum;
}

/* x = n ln 2 + r, |r| <= ln(2) / 2 (Cody and Waite, "Software Manual for the Elementary Functions", 1980, chapter 6);
 * e^r = 1 + r + r^2 (1/2! + r/3! + ...), cut where the next term is below 2^-57 of the sum. */
double math_exp(double x)
{
    static const double c[] = {1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320, 1.0 / 362880,
                               1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800};
    if (x != x)
        return x;
    if (x > 0x1.62e42fefa39efp+9)               /* 709.78: the largest double below ln DBL_MAX */
        return INFINITY;
    if (x < -0x1.6232bdd7abcd2p+9)              /* -708.40: the smallest double above ln DBL_MIN */
        return 0.0;
    double n = floor(x * 0x1.71547652b82fep+0 + 0.5);
    double r = (x - n * ln2_high) - n * ln2_low;
    double scaled = 1.0 + (r + r * r * POLYNOMIAL(c, r));
    return math_double_of_bits(math_bits_of_double(scaled) + ((uint64_t)(int64_t)n << MANTISSA_BITS));
}

/* Below the normal numbers x is scaled into them, by bits, whatever the mode of the FPU. */
double math_log(double x)
{
    const uint64_t infinity = (uint64_t)0x7ff << MANTISSA_BITS;
    uint64_t bits = math_bits_of_double(x);
    if (bits << 1 == 0)
        return -INFINITY;
    if (x != x || bits == infinity)
        return x;
    if (bits > infinity)                                        /* the sign bit: x < 0 */
        return NAN;
    if (bits >> MANTISSA_BITS != 0)
        return math_log_normal(x, 0);
    int shift = __builtin_clzll(bits) - (63 - MANTISSA_BITS);
    return math_log_normal(math_double_of_bits(bits << shift), -shift);
}

/* An angle less a whole number of right angles: x = n pi/2 + high + low, |high| <= pi/4, low far below an ulp of high. */
struct angle {
    double high;
    double low;
    unsigned quadrant;          /* n modulo 4 */
};

/* Cody and Waite's reduction with pi/2 in parts of 33 bits, so that n times a part is exact for |n| < 2^20. Each
 * subtraction keeps what it rounds off (Knuth, "The Art of Computer Programming" 2, 4.2.2, theorem B), so that an x next to
 * a multiple of pi/2 loses nothing: the parts reach to 2^-156, an x of at most 1e6 comes no nearer than about 2^-56. */
static struct angle angle_reduce(double x)
{
    static const double half_pi[] = {0x1.921fb544p+0, 0x1.0b4611a6p-34, 0x1.3198a2ep-69, 0x1.b839a252049c1p-104};
    double n = floor(x * 0x1.45f306dc9c883p-1 + 0.5);
    double high = x, low = 0;
    for (size_t i = 0; i < sizeof half_pi / sizeof half_pi[0]; i++) {
        double part = -n * half_pi[i];
        double sum = high + part;
        double of_part = sum - high;
        low += (high - (sum - of_part)) + (part - of_part);
        high = sum;
    }
    double sum = high + low;
    return (struct angle){sum, (high - sum) + low, (unsigned)((int64_t)n & 3)};
}

/* sin(high + low) = sin high + low cos high, sin by Taylor's series to r^17 / 17!; the next term is below 2^-63 of it. */
static double sin_near_0(struct angle a)
{
    static const double c[] = {-1.0 / 6, 1.0 / 120, -1.0 / 5040, 1.0 / 362880, -1.0 / 39916800, 1.0 / 6227020800,
                               -1.0 / 1307674368000, 1.0 / 355687428096000};
    double r = a.high, z = r * r;
    return r + (r * z * POLYNOMIAL(c, z) + a.low * (1.0 - 0.5 * z));
}

/* cos(high + low) = cos high - low sin high, cos by Taylor's series to r^16 / 16!; the next term is below 2^-58. The
 * rounding error of 1 - r^2/2, which is w, comes back through (1 - w) - r^2/2. */
static double cos_near_0(struct angle a)
{
    static const double c[] = {1.0 / 24, -1.0 / 720, 1.0 / 40320, -1.0 / 3628800, 1.0 / 479001600, -1.0 / 87178291200,
                               1.0 / 20922789888000};
    double r = a.high, z = r * r, h = 0.5 * z;
    double w = 1.0 - h;
    return w + (((1.0 - w) - h) + (z * z * POLYNOMIAL(c, z) - a.low * r));
}

double math_sin(double x)
{
    if (!(fabs(x) <= 1e6))
        return NAN;
    struct angle a = angle_reduce(x);
    double y = a.quadrant % 2 == 0 ? sin_near_0(a) : cos_near_0(a);
    return a.quadrant < 2 ? y : -y;
}

double math_cos(double x)
{
    if (!(fabs(x) <= 1e6))
        return NAN;
    struct angle a = angle_reduce(x);
    double y = a.quadrant % 2 == 0 ? cos_near_0(a) : sin_near_0(a);
    return a.quadrant == 0 || a.quadrant == 3 ? y : -y;
}

/* M. J. Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", Applied Statistics 37 (1988),
 * 477-484, routine PPND16: three ratios of polynomials of degree 7, numerators a c e, denominators b d f. */
double math_normal_quantile(double p)
{
    static const double a[] = {3.3871328727963666080e0, 1.3314166789178437745e2, 1.9715909503065514427e3,
                               1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                               3.3430575583588128105e4, 2.5090809287301226727e3};
    static const double b[] = {1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
                               2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
                               5.2264952788528545610e3};
    static const double c[] = {1.42343711074968357734e0, 4.63033784615654529590e0, 5.76949722146069140550e0,
                               3.64784832476320460504e0, 1.27045825245236838258e0, 2.41780725177450611770e-1,
                               2.27238449892691845833e-2, 7.74545014278341407640e-4};
    static const double d[] = {1.0, 2.05319162663775882187e0, 1.67638483018380384940e0, 6.89767334985100004550e-1,
                               1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
                               1.05075007164441684324e-9};
    static const double e[] = {6.65790464350110377720e0, 5.46378491116411436990e0, 1.78482653991729133580e0,
                               2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                               2.71155556874348757815e-5, 2.01033439929228813265e-7};
    static const double f[] = {1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
                               7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
                               2.04426310338993978564e-15};
    if (!(p > 0.0 && p < 1.0))
        return p == 0.0 ? -INFINITY : p == 1.0 ? INFINITY : NAN;
    double q = p - 0.5;
    if (fabs(q) <= 0.425) {
        double t = 0.180625 - q * q;                            /* 0.425^2 - q^2 */
        return q * POLYNOMIAL(a, t) / POLYNOMIAL(b, t);
    }
    double r = sqrt(-math_log(q < 0.0 ? p : 1.0 - p));
    double x = r <= 5.0 ? POLYNOMIAL(c, r - 1.6) / POLYNOMIAL(d, r - 1.6)
                        : POLYNOMIAL(e, r - 5.0) / POLYNOMIAL(f, r - 5.0);
    return q < 0.0 ? -x : x;
}

/* Right to left over the bits of n (Knuth, "The Art of Computer Programming" 2, 4.6.3, algorithm A). */
double math_power(double x, uint64_t n)
{
    double y = 1.0;
    for (; n != 0; n >>= 1) {
        if (n % 2 != 0)
            y *= x;
        x *= x;
    }
    return y;
}
