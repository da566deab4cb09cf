/* Elementary functions whose every bit is ours: the same on each machine, compiler and instruction set, because they
 * consist of IEEE additions, multiplications, divisions, square roots and explicit FMAs in a fixed order (libm's exp and
 * log differ between versions; contraction is off). The float functions are branch-free and inline, so that a loop over
 * them becomes vector code with the same bits; the double ones serve initialisation, the digits and the loss. Where the
 * processor has no FMA, libm's fmaf gives the same bits, far more slowly.
 *
 * At each function stands its largest error in ulp of the result, against libm's double functions for every float, and
 * against its long double ones for 64 million doubles a function; `WEFT_LONG=1 test_math` shows them again. The bits do
 * not depend on flush-to-zero, subnormal arguments of tanh, ELU, sin and the quantile and subnormal results of GELU excepted. */
#ifndef BASE_MATH_H
#define BASE_MATH_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

_Static_assert(FLT_EVAL_METHOD == 0, "every operation must be rounded to the type of its operands");

static inline float math_float_of_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint32_t math_bits_of_float(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double math_double_of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint64_t math_bits_of_double(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* x = n ln 2 + rest with the whole n nearest to x / ln 2, |rest| <= 0.3466, for |x| <= 200 (Cody and Waite, "Software
 * Manual for the Elementary Functions", 1980, chapter 6). The sum with 1.5 * 2^23 rounds x / ln 2 to a whole number and
 * leaves that number in the low bits of the sum, so that no conversion to an integer is needed: one of a NaN or of 1e30
 * would be undefined, this gives some float that the callers then put aside. */
struct math_reduced {
    float rest;
    uint32_t n_bits;            /* n_bits << 23 is n at the place of a float's exponent */
};

static inline struct math_reduced math_reduce_exp_f32(float x)
{
    const float ln2_high = 0x1.62e4p-1f;                /* 15 bits: x - n ln2_high is exact */
    const float ln2_low = 0x1.7f7d1cp-20f;
    float shifted = fmaf(x, 0x1.715476p+0f, 0x1.8p23f);
    float n = shifted - 0x1.8p23f;
    float rest = fmaf(-n, ln2_low, fmaf(-n, ln2_high, x));
    return (struct math_reduced){rest, math_bits_of_float(shifted)};
}

/* e^r - 1 for |r| <= 0.3466: r + r^2 q(r). The coefficients of q minimise the largest error of 1 + r + r^2 q(r) relative to
 * e^r (Lawson's reweighted least squares, each rounded to float before the next ones were fitted again): 2^-28.2. */
static inline float math_expm1_small_f32(float r)
{
    float q = 0x1.6a524ep-10f;
    q = fmaf(q, r, 0x1.12396ep-7f);
    q = fmaf(q, r, 0x1.5558aap-5f);
    q = fmaf(q, r, 0x1.555492p-3f);
    q = fmaf(q, r, 0x1.fffffcp-2f);
    return fmaf(r * r, q, r);
}

/* e^x. Largest error 1.02 ulp. +inf above ln FLT_MAX; +0 where e^x < FLT_MIN, as flush-to-zero would have it; a NaN comes
 * back as it is. */
static inline float math_exp_f32(float x)
{
    struct math_reduced reduced = math_reduce_exp_f32(x);
    float scaled = 1.0f + math_expm1_small_f32(reduced.rest);
    float y = math_float_of_bits(math_bits_of_float(scaled) + (reduced.n_bits << 23));
    y = x > 0x1.62e42ep+6f ? INFINITY : y;              /* 88.72283: the largest float below ln FLT_MAX */
    y = x < -0x1.5d589ep+6f ? 0.0f : y;                 /* -87.33654: the smallest float above ln FLT_MIN */
    return x == x ? y : x;
}

/* e^x - 1 for x <= 0, near 0 with the relative accuracy of x itself; -1 from x = -17.33 on. */
static inline float math_expm1_negative_f32(float x)
{
    struct math_reduced reduced = math_reduce_exp_f32(x < -20.0f ? -20.0f : x);
    float power = math_float_of_bits(0x3f800000u + (reduced.n_bits << 23));     /* 2^n */
    return fmaf(power, math_expm1_small_f32(reduced.rest), power - 1.0f);
}

/* tanh x = -e / (2 + e) with e = exp(-2 |x|) - 1, which keeps the relative accuracy near 0, where tanh x = x. Largest
 * error 2.50 ulp. +-1 from |x| = 9.02 on; -0 gives -0; a NaN comes back as it is. */
static inline float math_tanh_f32(float x)
{
    float e = math_expm1_negative_f32(-2.0f * fabsf(x));
    float y = copysignf(-e / (2.0f + e), x);
    return x == x ? y : x;
}

/* The exponential linear unit, alpha 1: x, for negative x e^x - 1. Largest error 0.95 ulp; -0 and a NaN come back as they
 * are. */
static inline float math_elu_f32(float x)
{
    float e = math_expm1_negative_f32(x);
    return x < 0.0f ? e : x;
}

/* 1 / (1 + e^-x), for negative x as e^x / (1 + e^x): no argument overflows. Largest error 2.41 ulp. 1 from x = 17.33
 * on; +0 where e^x < FLT_MIN; a NaN comes back as it is. Not strictly monotone: a larger x may give a result smaller
 * by one ulp. */
static inline float math_sigmoid_f32(float x)
{
    float e = math_exp_f32(-fabsf(x));
    float y = (x < 0.0f ? e : 1.0f) / (1.0f + e);
    return x == x ? y : x;
}

/* ln(1 + u) for 0 <= u <= 1: u + u^2 q(u), q fitted as that of math_expm1_small_f32 is, to 2^-27.5 of the result. Largest error
 * 1.18 ulp; a NaN gives a NaN. */
static inline float math_log1p_f32(float u)
{
    float q = -0x1.af5e20p-9f;
    q = fmaf(q, u, 0x1.49211cp-6f);
    q = fmaf(q, u, -0x1.d6b75ep-5f);
    q = fmaf(q, u, 0x1.b4b094p-4f);
    q = fmaf(q, u, -0x1.3a43e0p-3f);
    q = fmaf(q, u, 0x1.934b6ep-3f);
    q = fmaf(q, u, -0x1.ff23e8p-3f);
    q = fmaf(q, u, 0x1.554dd0p-2f);
    q = fmaf(q, u, -0x1.ffffd2p-2f);
    return fmaf(u * u, q, u);
}

/* ln(1 + e^x) as max(x, 0) + ln(1 + e^-|x|): no argument overflows, and what is left of a very negative x is e^x. Largest error
 * 1.87 ulp. +0 where e^x < FLT_MIN; a NaN comes back as it is. Not strictly monotone, by two ulp. */
static inline float math_softplus_f32(float x)
{
    float y = (x > 0.0f ? x : 0.0f) + math_log1p_f32(math_exp_f32(-fabsf(x)));
    return x == x ? y : x;
}

/* What the normal distribution has beyond a distance: P(N(0,1) > t) = power * ratio with power = e^(-t^2/2), for t = |x|. The
 * ratio, Mills' over sqrt(2 pi), falls smoothly from 1/2 and then like 0.4/t: a quotient of polynomials whose coefficients are all
 * positive, so that nothing cancels, within 2^-26.9 of it up to t = 13.3 (weighted least squares as above, linearised by the
 * denominator of the round before, rounded one by one in the best of many orders). t^2 = high + low without an error (the FMA):
 * half an ulp of 100 in the exponent would be 32 ulp of the power. The power is +0 from where t power ratio < FLT_MIN on, and t
 * at most 14; a NaN gives NaNs. */
struct math_tail {
    float t, power, ratio;
};

static inline struct math_tail math_normal_tail_f32(float x)
{
    float t = fabsf(x) > 14.0f ? 14.0f : fabsf(x);
    float high = t * t;
    float low = fmaf(t, t, -high);
    struct math_reduced reduced = math_reduce_exp_f32(-0.5f * high);
    float scaled = 1.0f + math_expm1_small_f32(fmaf(-0.5f, low, reduced.rest));
    float power = math_float_of_bits(math_bits_of_float(scaled) + (reduced.n_bits << 23));
    float above = 0x1.5d186ap-8f, below = 0x1.b5850ep-7f;
    above = fmaf(above, t, 0x1.b329b4p-5f);
    below = fmaf(below, t, 0x1.10b7f0p-3f);
    above = fmaf(above, t, 0x1.ee2610p-3f);
    below = fmaf(below, t, 0x1.3c6212p-1f);
    above = fmaf(above, t, 0x1.2943e0p-1f);
    below = fmaf(below, t, 0x1.976686p+0f);
    above = fmaf(above, t, 0x1.55afc8p-1f);
    below = fmaf(below, t, 0x1.1cf224p+1f);
    below = fmaf(below, t, 0x1.55afc8p+0f);
    power = t > 0x1.a4ae0cp+3f ? 0.0f : power;          /* 13.14625: the largest float with t P(N(0,1) > t) >= FLT_MIN */
    return (struct math_tail){t, power, above / below};
}

/* x P(N(0,1) <= x), GELU's exact form. Largest error 6.65 ulp, of positive x 3.66. -0 for a negative x where the size of the
 * result is below FLT_MIN, -inf included; a NaN comes back as it is. */
static inline float math_gelu_f32(float x)
{
    struct math_tail tail = math_normal_tail_f32(x);
    float left = tail.power * (tail.ratio * -tail.t);
    float right = x * fmaf(-tail.power, tail.ratio, 1.0f);
    float y = x < 0.0f ? left : right;
    return x == x ? y : x;
}

/* Its derivative Phi(x) + x phi(x), Phi and phi the normal distribution function and density: for negative x power * (ratio -
 * t / sqrt(2 pi)); the derivatives at x and -x add up to 1. Largest error 3.32 ulp of Phi(x) + |x| phi(x), which is the size of
 * the result but next to its zero at x = -0.7518. +-0 for x < -13.146, where the size of the result is below 13.2 FLT_MIN; a NaN
 * comes back as it is. */
static inline float math_gelu_slope_f32(float x)
{
    struct math_tail tail = math_normal_tail_f32(x);
    float rest = tail.power * fmaf(-0x1.988454p-2f, tail.t, tail.ratio);        /* 1/sqrt(2 pi) */
    float y = x < 0.0f ? rest : 1.0f - rest;
    return x == x ? y : x;
}

/* e^x. Largest error 0.98 ulp. +inf above ln DBL_MAX; +0 where e^x < DBL_MIN; NaN for a NaN. */
double math_exp(double x);

/* ln(2^power x) for a normal x > 0 and a whole power, branch-free, for loops over lanes; a NaN comes back as it is, and any
 * other x gives some number. x = 2^k m with 1/sqrt(2) <= m < sqrt(2) and f = m - 1, s = f / (2 + f): ln m = 2 artanh s = 2s + s R with
 * R = 2 (s^2/3 + s^4/5 + ...), cut where the next term is below 2^-59. As 2s = f - s f and s f = h - s h with h = f^2/2,
 * ln m = f - (h - s (h + R)): f is exact and the rest is small beside it (the form that K. C. Ng gave it in fdlibm). */
static inline double math_log_normal(double x, double power)
{
    const uint64_t root_half = 0x3fe6a09e667f3bcd;              /* sqrt(1/2) */
    const uint64_t one = (uint64_t)1023 << 52;
    const double ln2_high = 0x1.62e42fefa3p-1;                  /* 41 bits: a whole number below 2^12 times it is exact */
    const double ln2_low = 0x1.3de6af278ece6p-42;
    uint64_t bits = math_bits_of_double(x) + (one - root_half); /* m from sqrt(1/2) on has the exponent of 1 */
    double k = math_double_of_bits(0x4330000000000000 | bits >> 52) - 0x1p52 - 1023.0 + power;     /* exact */
    double f = math_double_of_bits((bits & (((uint64_t)1 << 52) - 1)) + root_half) - 1.0;
    double s = f / (2.0 + f);
    double z = s * s;
    double R = 2.0 / 21;
    R = R * z + 2.0 / 19;
    R = R * z + 2.0 / 17;
    R = R * z + 2.0 / 15;
    R = R * z + 2.0 / 13;
    R = R * z + 2.0 / 11;
    R = R * z + 2.0 / 9;
    R = R * z + 2.0 / 7;
    R = R * z + 2.0 / 5;
    R = R * z + 2.0 / 3;
    R *= z;
    double h = 0.5 * f * f;
    double y = k * ln2_high - ((h - (s * (h + R) + k * ln2_low)) - f);
    return x == x ? y : x;
}

/* Natural logarithm. Largest error 0.86 ulp, for subnormal x too. -inf for +-0, NaN for x < 0 and for a NaN,
 * +inf for +inf. */
double math_log(double x);

/* Sine and cosine of x radians, |x| <= 1e6, else NaN. Largest error 0.80 ulp, next to multiples of pi/2 too. */
double math_sin(double x);
double math_cos(double x);

/* The x with P(N(0,1) <= x) = p. Largest error 7.60 ulp. -inf for 0, +inf for 1, NaN outside [0, 1]. */
double math_normal_quantile(double p);

/* x^n by repeated squaring, the multiplications in a fixed order; x^0 = 1. Off by a factor of at most (1 + 2^-53)^(n-1),
 * as long as no product leaves the normal range. */
double math_power(double x, uint64_t n);

#endif
