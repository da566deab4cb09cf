/* One vector of floats, and one of half as many doubles, in the same small vocabulary for each instruction set; the file that
 * includes this is built once per set (CMakeLists.txt passes KERNEL_AVX512, KERNEL_AVX2 or KERNEL_PORTABLE). A lane computes
 * what the scalar operation computes, so how many lanes there are can never show in a result. */
#ifndef KERNEL_SIMD_H
#define KERNEL_SIMD_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#if defined KERNEL_AVX512

#include <immintrin.h>

#define KERNEL(name) name##_avx512
enum { LANES = 16, TILE_ROWS = 14, TILE_VECTORS = 2 };
typedef __m512 vfloat;
typedef __mmask16 vmask;

static inline vmask v_mask(size_t width) { return (vmask)((1u << width) - 1); }       /* the first width lanes */
static inline vfloat v_zero(void) { return _mm512_setzero_ps(); }
static inline vfloat v_set1(float x) { return _mm512_set1_ps(x); }
static inline vfloat v_load(const float *p) { return _mm512_loadu_ps(p); }
static inline vfloat v_load_masked(const float *p, vmask m) { return _mm512_maskz_loadu_ps(m, p); }
static inline void v_store(float *p, vfloat x) { _mm512_storeu_ps(p, x); }
static inline void v_store_masked(float *p, vmask m, vfloat x) { _mm512_mask_storeu_ps(p, m, x); }
static inline vfloat v_add(vfloat a, vfloat b) { return _mm512_add_ps(a, b); }
static inline vfloat v_sub(vfloat a, vfloat b) { return _mm512_sub_ps(a, b); }
static inline vfloat v_mul(vfloat a, vfloat b) { return _mm512_mul_ps(a, b); }
static inline vfloat v_fma(vfloat a, vfloat b, vfloat c) { return _mm512_fmadd_ps(a, b, c); }
static inline vfloat v_fnma(vfloat a, vfloat b, vfloat c) { return _mm512_fnmadd_ps(a, b, c); }      /* -a * b + c */

typedef __m512d vdouble;
static inline vdouble d_zero(void) { return _mm512_setzero_pd(); }
static inline vdouble d_load(const double *p) { return _mm512_loadu_pd(p); }
static inline vdouble d_load_float(const float *p) { return _mm512_cvtps_pd(_mm256_loadu_ps(p)); }
static inline void d_store(double *p, vdouble x) { _mm512_storeu_pd(p, x); }
static inline vdouble d_set1(double x) { return _mm512_set1_pd(x); }
static inline vdouble d_add(vdouble a, vdouble b) { return _mm512_add_pd(a, b); }
static inline vdouble d_sub(vdouble a, vdouble b) { return _mm512_sub_pd(a, b); }
static inline vdouble d_mul(vdouble a, vdouble b) { return _mm512_mul_pd(a, b); }
static inline vdouble d_div(vdouble a, vdouble b) { return _mm512_div_pd(a, b); }
static inline vdouble d_fma(vdouble a, vdouble b, vdouble c) { return _mm512_fmadd_pd(a, b, c); }

#elif defined KERNEL_AVX2

#include <immintrin.h>

#define KERNEL(name) name##_avx2
enum { LANES = 8, TILE_ROWS = 6, TILE_VECTORS = 2 };
typedef __m256 vfloat;
typedef __m256i vmask;

static inline vmask v_mask(size_t width)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)width), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline vfloat v_zero(void) { return _mm256_setzero_ps(); }
static inline vfloat v_set1(float x) { return _mm256_set1_ps(x); }
static inline vfloat v_load(const float *p) { return _mm256_loadu_ps(p); }
static inline vfloat v_load_masked(const float *p, vmask m) { return _mm256_maskload_ps(p, m); }
static inline void v_store(float *p, vfloat x) { _mm256_storeu_ps(p, x); }
static inline void v_store_masked(float *p, vmask m, vfloat x) { _mm256_maskstore_ps(p, m, x); }
static inline vfloat v_add(vfloat a, vfloat b) { return _mm256_add_ps(a, b); }
static inline vfloat v_sub(vfloat a, vfloat b) { return _mm256_sub_ps(a, b); }
static inline vfloat v_mul(vfloat a, vfloat b) { return _mm256_mul_ps(a, b); }
static inline vfloat v_fma(vfloat a, vfloat b, vfloat c) { return _mm256_fmadd_ps(a, b, c); }
static inline vfloat v_fnma(vfloat a, vfloat b, vfloat c) { return _mm256_fnmadd_ps(a, b, c); }

typedef __m256d vdouble;
static inline vdouble d_zero(void) { return _mm256_setzero_pd(); }
static inline vdouble d_load(const double *p) { return _mm256_loadu_pd(p); }
static inline vdouble d_load_float(const float *p) { return _mm256_cvtps_pd(_mm_loadu_ps(p)); }
static inline void d_store(double *p, vdouble x) { _mm256_storeu_pd(p, x); }
static inline vdouble d_set1(double x) { return _mm256_set1_pd(x); }
static inline vdouble d_add(vdouble a, vdouble b) { return _mm256_add_pd(a, b); }
static inline vdouble d_sub(vdouble a, vdouble b) { return _mm256_sub_pd(a, b); }
static inline vdouble d_mul(vdouble a, vdouble b) { return _mm256_mul_pd(a, b); }
static inline vdouble d_div(vdouble a, vdouble b) { return _mm256_div_pd(a, b); }
static inline vdouble d_fma(vdouble a, vdouble b, vdouble c) { return _mm256_fmadd_pd(a, b, c); }

#else

#define KERNEL(name) name##_portable
enum { LANES = 4, TILE_ROWS = 4, TILE_VECTORS = 2 };
typedef struct { float lane[LANES]; } vfloat;
typedef size_t vmask;                                           /* how many lanes, from the first */

static inline vmask v_mask(size_t width) { return width; }
static inline vfloat v_zero(void) { return (vfloat){{0}}; }
static inline vfloat v_set1(float x) { return (vfloat){{x, x, x, x}}; }
static inline vfloat v_load_masked(const float *p, vmask m)
{
    vfloat x = v_zero();
    for (size_t i = 0; i < m; i++)
        x.lane[i] = p[i];
    return x;
}
static inline vfloat v_load(const float *p) { return v_load_masked(p, LANES); }
static inline void v_store_masked(float *p, vmask m, vfloat x)
{
    for (size_t i = 0; i < m; i++)
        p[i] = x.lane[i];
}
static inline void v_store(float *p, vfloat x) { v_store_masked(p, LANES, x); }
static inline vfloat v_add(vfloat a, vfloat b)
{
    for (size_t i = 0; i < LANES; i++)
        a.lane[i] += b.lane[i];
    return a;
}
static inline vfloat v_sub(vfloat a, vfloat b)
{
    for (size_t i = 0; i < LANES; i++)
        a.lane[i] -= b.lane[i];
    return a;
}
static inline vfloat v_mul(vfloat a, vfloat b)
{
    for (size_t i = 0; i < LANES; i++)
        a.lane[i] *= b.lane[i];
    return a;
}
static inline vfloat v_fma(vfloat a, vfloat b, vfloat c)
{
    for (size_t i = 0; i < LANES; i++)
        a.lane[i] = fmaf(a.lane[i], b.lane[i], c.lane[i]);
    return a;
}
static inline vfloat v_fnma(vfloat a, vfloat b, vfloat c)
{
    for (size_t i = 0; i < LANES; i++)
        a.lane[i] = fmaf(-a.lane[i], b.lane[i], c.lane[i]);
    return a;
}

typedef struct { double lane[LANES / 2]; } vdouble;

static inline vdouble d_set1(double x) { return (vdouble){{x, x}}; }
static inline vdouble d_zero(void) { return d_set1(0); }
static inline vdouble d_load(const double *p) { return (vdouble){{p[0], p[1]}}; }
static inline vdouble d_load_float(const float *p) { return (vdouble){{(double)p[0], (double)p[1]}}; }
static inline void d_store(double *p, vdouble x) { p[0] = x.lane[0], p[1] = x.lane[1]; }
static inline vdouble d_add(vdouble a, vdouble b) { return (vdouble){{a.lane[0] + b.lane[0], a.lane[1] + b.lane[1]}}; }
static inline vdouble d_sub(vdouble a, vdouble b) { return (vdouble){{a.lane[0] - b.lane[0], a.lane[1] - b.lane[1]}}; }
static inline vdouble d_mul(vdouble a, vdouble b) { return (vdouble){{a.lane[0] * b.lane[0], a.lane[1] * b.lane[1]}}; }
static inline vdouble d_div(vdouble a, vdouble b) { return (vdouble){{a.lane[0] / b.lane[0], a.lane[1] / b.lane[1]}}; }
static inline vdouble d_fma(vdouble a, vdouble b, vdouble c)
{
    return (vdouble){{fma(a.lane[0], b.lane[0], c.lane[0]), fma(a.lane[1], b.lane[1], c.lane[1])}};
}

#endif
#endif
