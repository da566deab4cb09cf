/* The elementary functions against libm's of a wider type, against themselves in vector form, and at their edges.
 *
 * WEFT_LONG=1 takes every float (minutes) and 64 million doubles a function; the largest errors that it prints are those
 * that src/base/math.h gives. A short run takes every 4,099th float (a prime: all low bits occur). */
#include "base/math.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#ifdef __x86_64__
#include <xmmintrin.h>
#endif

#include "base/rng.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

enum { BLOCK = 4096 };

static int is_long(void)
{
    const char *value = getenv("WEFT_LONG");
    return value != NULL && value[0] == '1';
}

static double double_of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static uint64_t bits_of_double(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* ---- the float functions as the kernels use them: a loop, compiled for each instruction set ---- */

#define LOOPS(function, suffix, attributes)                                                                               \
    attributes static void function##_loop_##suffix(float *x, size_t count)                                               \
    {                                                                                                                     \
        for (size_t i = 0; i < count; i++)                                                                                \
            x[i] = math_##function##_f32(x[i]);                                                                           \
    }
#define SCALAR(function)                                                                                                  \
    __attribute__((noinline)) static float function##_scalar(float x)                                                     \
    {                                                                                                                     \
        return math_##function##_f32(x);                                                                                  \
    }

#ifdef __x86_64__
#define FOR_AVX2 __attribute__((target("avx2,fma")))
#define FOR_AVX512 __attribute__((target("avx512f,fma")))
#define EACH_LOOP(function) LOOPS(function, plain, ) LOOPS(function, avx2, FOR_AVX2) LOOPS(function, avx512, FOR_AVX512)
#else
#define EACH_LOOP(function) LOOPS(function, plain, ) LOOPS(function, avx2, ) LOOPS(function, avx512, )
#endif
#define FLOAT_FUNCTION(function) SCALAR(function) EACH_LOOP(function)

FLOAT_FUNCTION(exp)
FLOAT_FUNCTION(tanh)
FLOAT_FUNCTION(sigmoid)
FLOAT_FUNCTION(log1p)
FLOAT_FUNCTION(softplus)
FLOAT_FUNCTION(elu)
FLOAT_FUNCTION(gelu)
FLOAT_FUNCTION(gelu_slope)

static double exact_sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double exact_softplus(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

static double exact_elu(double x)
{
    return x < 0 ? expm1(x) : x;
}

/* From 40 on nothing that a float could tell is left of the tail. */
static double normal_below(double x)
{
    return x > 40 ? 1 : x < -40 ? 0 : erfc(-x * 0.70710678118654752440) / 2;
}

static double normal_density(double x)
{
    return fabs(x) > 40 ? 0 : exp(-x * x / 2) * 0.39894228040143267794;
}

static double exact_gelu(double x)
{
    return x < -40 ? -0.0 : x * normal_below(x);
}

static double exact_gelu_slope(double x)
{
    return fabs(x) > 40 ? x > 0 : normal_below(x) + x * normal_density(x);
}

static double size_of_gelu_slope(double x)
{
    return fabs(x) > 40 ? x > 0 : normal_below(x) + fabs(x) * normal_density(x);
}

struct float_function {
    const char *name;
    float (*scalar)(float);
    void (*loop[3])(float *, size_t);           /* plain, AVX2, AVX-512 */
    double (*exact)(double);
    double bound_ulp;                           /* what math.h says */
    double fall_ulp;                            /* it grows, but for falls by so much; INFINITY: it does not grow */
    uint64_t digest;                            /* of the results at a fixed set of arguments */
    double (*size)(double);                     /* the ulp is that of this number; NULL: of the exact value */
    double flushed;                             /* in FLT_MIN: an exact value below it may give a zero of its sign; 0: 1 */
    float low, high;                            /* its arguments; both 0: all floats */
    float least;                                /* smaller arguments give subnormals, which may be flushed */
};

#define LOOPS_OF(function) \
    .scalar = function##_scalar, .loop = {function##_loop_plain, function##_loop_avx2, function##_loop_avx512}
static const struct float_function float_functions[] = {
    {.name = "exp", LOOPS_OF(exp), .exact = exp, .bound_ulp = 1.02, .fall_ulp = 1, .digest = UINT64_C(0x0818a9e59f7aa375)},
    {.name = "tanh", LOOPS_OF(tanh), .exact = tanh, .bound_ulp = 2.50, .fall_ulp = 1, .digest = UINT64_C(0x89d8695f7158ab6b)},
    {.name = "sigmoid", LOOPS_OF(sigmoid), .exact = exact_sigmoid, .bound_ulp = 2.41, .fall_ulp = 1,
     .digest = UINT64_C(0xa2541c36a5a92fac)},
    {.name = "log1p", LOOPS_OF(log1p), .exact = log1p, .bound_ulp = 1.18, .fall_ulp = 1, .low = 0, .high = 1,
     .digest = UINT64_C(0x708f55636cbe4adc)},
    {.name = "softplus", LOOPS_OF(softplus), .exact = exact_softplus, .bound_ulp = 1.87, .fall_ulp = 2,
     .digest = UINT64_C(0x286dc49bd4a309ae)},
    {.name = "elu", LOOPS_OF(elu), .exact = exact_elu, .bound_ulp = 0.95, .fall_ulp = 1, .digest = UINT64_C(0xdaf95c3651820f65)},
    {.name = "gelu", LOOPS_OF(gelu), .exact = exact_gelu, .bound_ulp = 6.65, .fall_ulp = INFINITY, .least = 2 * FLT_MIN,
     .digest = UINT64_C(0xa7d89ed64e93f451)},
    {.name = "gelu'", LOOPS_OF(gelu_slope), .exact = exact_gelu_slope, .bound_ulp = 3.32, .fall_ulp = INFINITY,
     .size = size_of_gelu_slope, .flushed = 13.2, .digest = UINT64_C(0x284581f25a19867e)},
};

static bool is_argument(const struct float_function *function, float x)
{
    return function->low == function->high || (x >= function->low && x <= function->high);
}

static int loop_runs_here(size_t loop)
{
#ifdef __x86_64__
    if (loop == 1)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (loop == 2)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("fma");
#endif
    return loop == 0;
}

/* The distance of y from the exact value in units of the last place that a number of this size has in a binary format: of
 * `digits` digits, its smallest normal number `least`. Infinity where the one is finite and the other is not. */
static double error_in_ulp_of(double size, double y, long double exact, int digits, double least)
{
    if (y == exact)
        return 0;
    if (!isfinite(y) || !isfinite(exact))
        return INFINITY;
    double power = size < least ? least : double_of_bits(bits_of_double(size) & 0x7ff0000000000000);    /* <= size */
    return (double)(fabsl(y - exact) / power) * math_power(2, (uint64_t)digits - 1);
}

static double error_ulp(double y, long double exact, int digits, double least)
{
    return error_in_ulp_of(fabs((double)exact), y, exact, digits, least);
}

/* The same for a float result, and what math.h promises where the exact value is no normal float. */
static double float_error_ulp(const struct float_function *function, float x, float y)
{
    double exact = function->exact((double)x), flushed = function->flushed > 0 ? function->flushed : 1;
    if (exact > 0x1.ffffffp127)                 /* FLT_MAX and half an ulp: rounds to infinity */
        return y == INFINITY ? 0 : INFINITY;
    if (y == 0 && exact != 0 && fabs(exact) < flushed * (double)FLT_MIN)
        return !signbit(y) == (exact > 0) ? 0 : INFINITY;
    double size = function->size != NULL ? function->size((double)x) : fabs(exact);
    return error_in_ulp_of(size, (double)y, exact, FLT_MANT_DIG, (double)FLT_MIN);
}

static void float_functions_are_accurate(void **state)
{
    (void)state;
    uint64_t stride = is_long() ? 1 : 4099;
    for (size_t f = 0; f < COUNT(float_functions); f++) {
        const struct float_function *function = &float_functions[f];
        double worst = 0, fall = 0;
        uint64_t nan_changed = 0;
        #pragma omp parallel for schedule(dynamic, 65536) reduction(max : worst, fall) reduction(+ : nan_changed)
        for (uint64_t i = 0; i < (UINT64_C(1) << 32) / stride; i++) {
            float x = math_float_of_bits((uint32_t)(i * stride));
            float y = function->scalar(x);
            if (!is_argument(function, x))
                continue;
            if (x != x) {
                nan_changed += math_bits_of_float(y) != math_bits_of_float(x);
                continue;
            }
            double error = float_error_ulp(function, x, y);
            worst = error > worst ? error : worst;
            float above = function->scalar(nextafterf(x, INFINITY));
            if (above < y) {                    /* most grow: how far does the next value fall? */
                double step = error_ulp((double)above, y, FLT_MANT_DIG, (double)FLT_MIN);
                fall = step > fall ? step : fall;
            }
        }
        print_message("           %-8s %.4f ulp; largest fall between neighbours %.0f ulp\n", function->name, worst, fall);
        assert_true(worst <= function->bound_ulp);
        assert_true(fall <= function->fall_ulp);
        assert_int_equal(nan_changed, 0);
    }
}

static void vector_loops_give_the_bits_of_the_scalar(void **state)
{
    (void)state;
    uint64_t stride = is_long() ? 1 : 1021;
    for (size_t f = 0; f < COUNT(float_functions); f++)
        for (size_t loop = 0; loop < COUNT(float_functions[f].loop); loop++) {
            const struct float_function *function = &float_functions[f];
            if (!loop_runs_here(loop))
                continue;
            uint64_t different = 0;
            #pragma omp parallel for schedule(dynamic, 16) reduction(+ : different)
            for (uint64_t block = 0; block < (UINT64_C(1) << 32) / stride / BLOCK; block++) {
                float y[BLOCK];
                for (size_t i = 0; i < BLOCK; i++)
                    y[i] = math_float_of_bits((uint32_t)((block * BLOCK + i) * stride));
                function->loop[loop](y, BLOCK);
                for (size_t i = 0; i < BLOCK; i++) {
                    float x = math_float_of_bits((uint32_t)((block * BLOCK + i) * stride)), scalar = function->scalar(x);
                    different += is_argument(function, x) && math_bits_of_float(scalar) != math_bits_of_float(y[i]);
                }
            }
            assert_int_equal(different, 0);
        }
}

/* FNV-1a, but word by word. The prime is odd, so that no single changed word can go unseen. */
static uint64_t digest_add(uint64_t digest, uint64_t word)
{
    return (digest ^ word) * UINT64_C(0x100000001b3);
}

static const uint64_t digest_start = UINT64_C(0xcbf29ce484222325);

static uint64_t float_digest(const struct float_function *function)
{
    uint64_t digest = digest_start;
    for (uint64_t bits = 0; bits < UINT64_C(1) << 32; bits += 1009) {
        int is_subnormal = (bits & 0x7f800000) == 0 && (bits & 0x7fffff) != 0;     /* a comparison would flush it */
        float x = math_float_of_bits((uint32_t)bits);
        if (!is_subnormal && is_argument(function, x) && !(x != 0 && fabsf(x) < function->least))
            digest = digest_add(digest, math_bits_of_float(function->scalar(x)));
    }
    return digest;
}

static void assert_float(float y, float want)
{
    if (math_bits_of_float(y) != math_bits_of_float(want))
        fail_msg("found %a, wanted %a", (double)y, (double)want);
}

static void float_edges(void **state)
{
    (void)state;
    assert_float(exp_scalar(0.0f), 1.0f);
    assert_float(exp_scalar(-0.0f), 1.0f);
    assert_float(exp_scalar(FLT_TRUE_MIN), 1.0f);
    assert_float(exp_scalar(0x1.62e430p+6f), INFINITY);
    assert_true(exp_scalar(0x1.62e42ep+6f) < INFINITY);
    assert_true(exp_scalar(-0x1.5d589ep+6f) >= FLT_MIN);
    assert_float(exp_scalar(-0x1.5d58a0p+6f), 0.0f);
    assert_float(exp_scalar(FLT_MAX), INFINITY);
    assert_float(exp_scalar(INFINITY), INFINITY);
    assert_float(exp_scalar(-FLT_MAX), 0.0f);
    assert_float(exp_scalar(-INFINITY), 0.0f);
    assert_float(tanh_scalar(0.0f), 0.0f);
    assert_float(tanh_scalar(-0.0f), -0.0f);
    assert_float(tanh_scalar(FLT_MIN), FLT_MIN);
    assert_float(tanh_scalar(-1e-30f), -1e-30f);
    assert_float(tanh_scalar(9.02f), 1.0f);
    assert_float(tanh_scalar(FLT_MAX), 1.0f);
    assert_float(tanh_scalar(-INFINITY), -1.0f);
    assert_float(sigmoid_scalar(0.0f), 0.5f);
    assert_float(sigmoid_scalar(-0.0f), 0.5f);
    assert_float(sigmoid_scalar(17.33f), 1.0f);
    assert_float(sigmoid_scalar(INFINITY), 1.0f);
    assert_float(sigmoid_scalar(-FLT_MAX), 0.0f);
    assert_float(sigmoid_scalar(-INFINITY), 0.0f);
    assert_float(log1p_scalar(0.0f), 0.0f);
    assert_float(log1p_scalar(FLT_MIN), FLT_MIN);
    assert_float(softplus_scalar(0.0f), 0x1.62e430p-1f);
    assert_float(softplus_scalar(20.0f), 20.0f);
    assert_float(softplus_scalar(FLT_MAX), FLT_MAX);
    assert_float(softplus_scalar(INFINITY), INFINITY);
    assert_true(softplus_scalar(-0x1.5d589ep+6f) >= FLT_MIN);
    assert_float(softplus_scalar(-FLT_MAX), 0.0f);
    assert_float(softplus_scalar(-INFINITY), 0.0f);
    assert_float(elu_scalar(-0.0f), -0.0f);
    assert_float(elu_scalar(-FLT_MIN), -FLT_MIN);
    assert_float(elu_scalar(-17.33f), -1.0f);
    assert_float(elu_scalar(-INFINITY), -1.0f);
    assert_float(elu_scalar(INFINITY), INFINITY);
}

static void gelu_edges(void **state)
{
    (void)state;
    assert_float(gelu_scalar(0.0f), 0.0f);
    assert_float(gelu_scalar(-0.0f), -0.0f);
    assert_float(gelu_scalar(1e-30f), 0.5e-30f);
    assert_float(gelu_scalar(6.0f), 6.0f);
    assert_float(gelu_scalar(FLT_MAX), FLT_MAX);
    assert_float(gelu_scalar(INFINITY), INFINITY);
    assert_true(gelu_scalar(-0x1.a4ae0cp+3f) <= -FLT_MIN);
    assert_float(gelu_scalar(-0x1.a4ae0ep+3f), -0.0f);
    assert_float(gelu_scalar(-FLT_MAX), -0.0f);
    assert_float(gelu_scalar(-INFINITY), -0.0f);
    assert_float(gelu_slope_scalar(0.0f), 0.5f);
    assert_float(gelu_slope_scalar(FLT_MAX), 1.0f);
    assert_float(gelu_slope_scalar(INFINITY), 1.0f);
    assert_float(gelu_slope_scalar(-INFINITY), -0.0f);
}

static void float_identities(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 0x7f800000u; bits += 7919) {
        float x = math_float_of_bits(bits);
        assert_float(tanh_scalar(-x), -tanh_scalar(x));
        double sum = (double)sigmoid_scalar(x) + (double)sigmoid_scalar(-x);
        assert_true(fabs(sum - 1) <= 2 * float_functions[2].bound_ulp * 0x1p-24);     /* each is below 1: an ulp <= 2^-24 */
    }
}

/* What each function has to do with itself at -x; an ulp of y is at most 2^-23 y, and the double sum errs far less. */
static void float_mirror_identities(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < math_bits_of_float(1e4f); bits += 7919) {
        float x = math_float_of_bits(bits);
        double low = (double)softplus_scalar(-x), high = (double)softplus_scalar(x);
        assert_true(fabs(high - low - (double)x) <= 1.87 * 0x1p-23 * (high + low));
        low = (double)gelu_scalar(-x), high = (double)gelu_scalar(x);
        assert_true(fabs(high - low - (double)x) <= 6.65 * 0x1p-23 * (high - low) + 2 * (double)FLT_MIN);
        low = (double)gelu_slope_scalar(-x), high = (double)gelu_slope_scalar(x);
        assert_true(fabs(high + low - 1) <= 2 * 3.32 * 0x1p-23);
    }
}

/* ---- the double functions ---- */

static double random_unit(uint32_t i)
{
    uint32_t word[4];
    rng_words(20, RNG_INIT, 0, 0, 0, i, word);
    return rng_open_unit(word[0], word[1]);
}

/* Arguments: i counts from 0, a part of each kind. */
static double argument_exp(uint32_t i)
{
    double u = random_unit(i);
    switch (i % 4) {
    case 0: return 2 * u - 1;
    case 1: return (i % 8 < 4 ? 1 : -1) * ldexp(u, -(int)(i / 8 % 60));
    default: return -708.39 + u * (709.78 + 708.39);
    }
}

static double argument_log(uint32_t i)
{
    double u = random_unit(i);
    switch (i % 4) {
    case 0: return 0.5 + u;
    case 1: return 1 + ldexp(u - 0.5, -(int)(i / 4 % 52));
    case 2: return double_of_bits((uint64_t)(u * 0x1p52));                      /* subnormal */
    default: return double_of_bits((uint64_t)(u * (double)0x7ff0000000000000));
    }
}

static double argument_angle(uint32_t i)
{
    double u = random_unit(i);
    switch (i % 4) {
    case 0: return 8 * u - 4;
    case 1: return (2 * u - 1) * 1e6;
    case 2: return ldexp(u, -(int)(i / 4 % 60));
    default: return (double)((long double)(i / 4 % 636619 + 1) * 1.57079632679489661923132169163975144L);    /* by n pi/2 */
    }
}

static double argument_quantile(uint32_t i)
{
    double u = random_unit(i);
    switch (i % 4) {
    case 0: return u;
    case 1: return 0.5 + ldexp(u - 0.5, -(int)(i / 4 % 40));
    case 2: return ldexp(u, -(int)(i / 4 % 1000));
    default: return 1 - ldexp(u / 2 + 0.5, -(int)(i / 4 % 50) - 1);
    }
}

/* Two Newton steps in long double from the value under test; the distribution function is taken from the side on which
 * it keeps its relative accuracy. */
static long double exact_quantile(long double p)
{
    long double x = math_normal_quantile((double)p);
    for (int step = 0; step < 2; step++) {
        long double density = expl(-x * x / 2) * 0.398942280401432677939946059934381868L;
        long double root = x * 0.707106781186547524400844362104849039L;
        long double excess = fabsl(p - 0.5L) < 0.3L ? erfl(root) / 2 - (p - 0.5L)
                           : p < 0.5L               ? erfcl(-root) / 2 - p
                                                    : (1 - p) - erfcl(root) / 2;
        x -= excess / density;
    }
    return x;
}

static const struct double_function {
    const char *name;
    double (*function)(double);
    long double (*exact)(long double);
    double (*argument)(uint32_t);
    double bound_ulp;
    uint64_t digest;
} double_functions[] = {
    {"exp", math_exp, expl, argument_exp, 0.98, UINT64_C(0x8bd172caceb87584)},
    {"log", math_log, logl, argument_log, 0.86, UINT64_C(0xae76724855520864)},
    {"sin", math_sin, sinl, argument_angle, 0.79, UINT64_C(0x980bcbfd35409888)},
    {"cos", math_cos, cosl, argument_angle, 0.80, UINT64_C(0xf8792cafd0a90315)},
    {"quantile", math_normal_quantile, exact_quantile, argument_quantile, 7.60, UINT64_C(0x0503462de3f97365)},
};

static void double_functions_are_accurate(void **state)
{
    (void)state;
    if (LDBL_MANT_DIG < 64)
        skip();                                 /* nothing to hold them against */
    uint32_t count = is_long() ? 64000000 : 400000;
    for (size_t f = 0; f < COUNT(double_functions); f++) {
        const struct double_function *function = &double_functions[f];
        double worst = 0;
        #pragma omp parallel for reduction(max : worst)
        for (uint32_t i = 0; i < count; i++) {
            double x = function->argument(i);
            double error = error_ulp(function->function(x), function->exact(x), DBL_MANT_DIG, DBL_MIN);
            worst = error > worst ? error : worst;
        }
        print_message("           %-8s %.4f ulp\n", function->name, worst);
        assert_true(worst <= function->bound_ulp);
    }
}

static uint64_t double_digest(const struct double_function *function)
{
    uint64_t digest = digest_start;
    for (uint32_t i = 0; i < 100000; i++)
        digest = digest_add(digest, bits_of_double(function->function(function->argument(i))));
    return digest;
}

/* Golden values: another compiler, another optimisation or an instruction set that contracts a * b + c would change them. */
static void results_are_the_known_ones(void **state)
{
    (void)state;
    for (size_t f = 0; f < COUNT(float_functions); f++)
        assert_int_equal(float_digest(&float_functions[f]), float_functions[f].digest);
    for (size_t f = 0; f < COUNT(double_functions); f++)
        assert_int_equal(double_digest(&double_functions[f]), double_functions[f].digest);
}

static void flush_to_zero_changes_nothing(void **state)
{
    (void)state;
#ifdef __x86_64__
    uint64_t digest[COUNT(float_functions)], double_digests[COUNT(double_functions)];
    unsigned mode = _mm_getcsr();
    _mm_setcsr(mode | 0x8040);                  /* FTZ and DAZ */
    for (size_t f = 0; f < COUNT(float_functions); f++)
        digest[f] = float_digest(&float_functions[f]);
    for (size_t f = 0; f < COUNT(double_functions); f++)
        double_digests[f] = double_digest(&double_functions[f]);
    _mm_setcsr(mode);
    for (size_t f = 0; f < COUNT(float_functions); f++)
        assert_int_equal(digest[f], float_functions[f].digest);
    for (size_t f = 0; f < COUNT(double_functions); f++)
        assert_int_equal(double_digests[f], double_functions[f].digest);
#else
    skip();
#endif
}

static void assert_double(double y, double want)
{
    if (!(y == want || (y != y && want != want)))
        fail_msg("found %a, wanted %a", y, want);
}

static void double_edges(void **state)
{
    (void)state;
    assert_double(math_exp(0), 1);
    assert_double(math_exp(INFINITY), INFINITY);
    assert_double(math_exp(-INFINITY), 0);
    assert_double(math_exp(NAN), NAN);
    assert_true(math_exp(0x1.62e42fefa39efp+9) < INFINITY);
    assert_double(math_exp(0x1.62e42fefa39f0p+9), INFINITY);
    assert_true(math_exp(-0x1.6232bdd7abcd2p+9) >= DBL_MIN);
    assert_double(math_exp(-0x1.6232bdd7abcd3p+9), 0);
    assert_double(math_log(1), 0);
    assert_double(math_log(0), -INFINITY);
    assert_double(math_log(-0.0), -INFINITY);
    assert_double(math_log(-1), NAN);
    assert_double(math_log(-INFINITY), NAN);
    assert_double(math_log(INFINITY), INFINITY);
    assert_double(math_log(NAN), NAN);
    assert_double(math_sin(0), 0);
    assert_double(math_cos(0), 1);
    assert_double(math_sin(nextafter(1e6, INFINITY)), NAN);
    assert_double(math_cos(-INFINITY), NAN);
    assert_double(math_sin(NAN), NAN);
    assert_double(math_normal_quantile(0.5), 0);
    assert_double(math_normal_quantile(0), -INFINITY);
    assert_double(math_normal_quantile(1), INFINITY);
    assert_double(math_normal_quantile(-0.1), NAN);
    assert_double(math_normal_quantile(1.1), NAN);
    assert_double(math_normal_quantile(NAN), NAN);
    assert_true(math_normal_quantile(0x1p-1022) > -38);
}

static void double_identities(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 100000; i++) {
        double u = random_unit(i), angle = argument_angle(i);
        double s = math_sin(angle), c = math_cos(angle);
        assert_true(fabs(s * s + c * c - 1) <= 4 * DBL_EPSILON);
        assert_double(math_sin(-angle), -s);
        assert_double(math_cos(-angle), c);
        assert_double(math_normal_quantile(1 - u), -math_normal_quantile(u));   /* 1 - u is exact: u has 53 bits below 1 */
    }
    for (int k = -1022; k < 1024; k++)
        assert_true(fabs(math_log(ldexp(1, k)) - k * 0x1.62e42fefa39efp-1) <= DBL_EPSILON * abs(k));
}

/* The branch-free logarithm, as the losses use it: a loop, compiled for each instruction set. */
#define LOG_LOOP(suffix, attributes)                                                                                      \
    attributes static void log_loop_##suffix(double *x, size_t count)                                                     \
    {                                                                                                                     \
        for (size_t i = 0; i < count; i++)                                                                                \
            x[i] = math_log_normal(x[i], 0);                                                                              \
    }
LOG_LOOP(plain, )
#ifdef __x86_64__
LOG_LOOP(avx2, FOR_AVX2)
LOG_LOOP(avx512, FOR_AVX512)
#else
#define log_loop_avx2 log_loop_plain
#define log_loop_avx512 log_loop_plain
#endif

static void logarithm_of_normal_numbers_is_the_logarithm(void **state)
{
    (void)state;
    void (*const loop[])(double *, size_t) = {log_loop_plain, log_loop_avx2, log_loop_avx512};
    enum { SOME = 1000 };
    for (uint32_t first = 0; first < 200000; first += SOME) {
        double x[SOME], y[SOME];
        for (uint32_t i = 0; i < SOME; i++) {
            x[i] = argument_log(first + i);
            if (x[i] < DBL_MIN)
                x[i] = i % 3 == 0 ? NAN : 1 + random_unit(i);
        }
        for (size_t l = 0; l < COUNT(loop); l++) {
            if (!loop_runs_here(l))
                continue;
            memcpy(y, x, sizeof y);
            loop[l](y, SOME);
            for (size_t i = 0; i < SOME; i++)
                assert_double(y[i], math_log(x[i]));
        }
        for (int i = 0; i < SOME; i++) {                /* ln(2^power x), exact but for the one rounding that both have */
            int power = i % 2000 - 1000;
            if (!isnan(x[i]) && ldexp(x[i], power) >= DBL_MIN && ldexp(x[i], power) <= DBL_MAX)
                assert_double(math_log_normal(x[i], power), math_log(ldexp(x[i], power)));
        }
    }
}

/* n - 1 multiplications are off by a factor of at most (1 + 2^-53)^(n-1), those of squares included: (x^k)^2 has twice the
 * error of x^k and one more. 2^-53 is added for the product in long double. */
static void power_multiplies(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 300; n++)
        for (uint32_t i = 0; i < 200; i++) {
            double x = (i % 2 == 0 ? 0.5 : -0.5) + (i % 2 == 0 ? 1.5 : -1.5) * random_unit(i);
            long double want = 1;
            for (uint64_t k = 0; k < n; k++)
                want *= x;
            double bound = (double)(n < 2 ? 0 : n) * 0x1p-53;
            assert_true(fabsl(math_power(x, n) - want) <= bound * fabsl(want));
        }
    assert_double(math_power(0, 0), 1);
    assert_double(math_power(2, 1023), 0x1p1023);
    assert_double(math_power(-1, UINT64_MAX), -1);
    assert_double(math_power(2, 1024), INFINITY);
    assert_double(math_power(0.999, UINT64_C(1) << 40), 0);
    assert_double(math_power(0.9, 1), 0.9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(float_functions_are_accurate),
        cmocka_unit_test(vector_loops_give_the_bits_of_the_scalar),
        cmocka_unit_test(float_edges),
        cmocka_unit_test(gelu_edges),
        cmocka_unit_test(float_identities),
        cmocka_unit_test(float_mirror_identities),
        cmocka_unit_test(double_functions_are_accurate),
        cmocka_unit_test(results_are_the_known_ones),
        cmocka_unit_test(flush_to_zero_changes_nothing),
        cmocka_unit_test(double_edges),
        cmocka_unit_test(double_identities),
        cmocka_unit_test(logarithm_of_normal_numbers_is_the_logarithm),
        cmocka_unit_test(power_multiplies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
