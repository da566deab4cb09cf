/* Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) for many counters at once, a counter a
 * lane. base/rng.c takes its numbers from Random123, one counter at a time; the words are the same, and a test says so. */
#include "kernel/entries.h"

/* A lane has 64 bits, of which the lower half is the word: the product of two words then needs no widening. What is in the
 * upper half is never looked at. */
#if defined KERNEL_AVX512
enum { COUNTERS = 8 };
typedef __m512i words;
static inline words w_set1(uint32_t x) { return _mm512_set1_epi64((long long)x); }
static inline words w_count_from(uint32_t x)
{
    return _mm512_add_epi64(w_set1(x), _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7));
}
static inline words w_multiply(words a, words b) { return _mm512_mul_epu32(a, b); }
static inline words w_high(words a) { return _mm512_srli_epi64(a, 32); }
static inline words w_xor(words a, words b, words c) { return _mm512_ternarylogic_epi64(a, b, c, 0x96); }
static inline void w_store_kept(const words word[4], uint32_t limit, uint8_t keep[4 * COUNTERS])
{
    __m256i kept = _mm256_setzero_si256();
    for (int w = 0; w < 4; w++) {
        __mmask8 mask = _mm256_cmpge_epu32_mask(_mm512_cvtepi64_epi32(word[w]), _mm256_set1_epi32((int)limit));
        kept = _mm256_mask_or_epi32(kept, mask, kept, _mm256_set1_epi32(1 << 8 * w));
    }
    _mm256_storeu_si256((__m256i *)keep, kept);
}
#elif defined KERNEL_AVX2
enum { COUNTERS = 4 };
typedef __m256i words;
static inline words w_set1(uint32_t x) { return _mm256_set1_epi64x((long long)x); }
static inline words w_count_from(uint32_t x) { return _mm256_add_epi64(w_set1(x), _mm256_setr_epi64x(0, 1, 2, 3)); }
static inline words w_multiply(words a, words b) { return _mm256_mul_epu32(a, b); }
static inline words w_high(words a) { return _mm256_srli_epi64(a, 32); }
static inline words w_xor(words a, words b, words c) { return _mm256_xor_si256(_mm256_xor_si256(a, b), c); }
static inline void w_store_kept(const words word[4], uint32_t limit, uint8_t keep[4 * COUNTERS])
{
    const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
    const __m128i least = _mm_set1_epi32((int)limit);
    __m128i kept = _mm_setzero_si128();
    for (int w = 0; w < 4; w++) {
        __m128i x = _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(word[w], even));
        __m128i is_kept = _mm_cmpeq_epi32(_mm_max_epu32(x, least), x);
        kept = _mm_or_si128(kept, _mm_and_si128(is_kept, _mm_set1_epi32(1 << 8 * w)));
    }
    _mm_storeu_si128((__m128i *)keep, kept);
}
#else
enum { COUNTERS = 1 };
typedef uint64_t words;
static inline words w_set1(uint32_t x) { return x; }
static inline words w_count_from(uint32_t x) { return x; }
static inline words w_multiply(words a, words b) { return (uint64_t)(uint32_t)a * (uint32_t)b; }
static inline words w_high(words a) { return a >> 32; }
static inline words w_xor(words a, words b, words c) { return a ^ b ^ c; }
static inline void w_store_kept(const words word[4], uint32_t limit, uint8_t keep[4 * COUNTERS])
{
    for (size_t w = 0; w < 4; w++)
        keep[w] = (uint32_t)word[w] >= limit;
}
#endif

enum {
    WIDE = COUNTERS < PANEL / 4 ? COUNTERS : PANEL / 4,
    VECTORS = PANEL / 4 / WIDE,                 /* for the counters of one row */
};

/* Ten rounds (section 3.2): each multiplies two words and mixes the halves of the products with the others. */
static inline void philox(words word[4], const uint32_t key[2])
{
    const words m0 = w_set1(0xD2511F53u), m1 = w_set1(0xCD9E8D57u);
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
        words a = w_multiply(m0, word[0]), b = w_multiply(m1, word[2]);
        word[0] = w_xor(w_high(b), word[1], w_set1(k0));
        word[1] = b;
        word[2] = w_xor(w_high(a), word[3], w_set1(k1));
        word[3] = a;
    }
}

void KERNEL(draw_keep)(size_t rows, uint32_t first, const uint32_t *row, const uint32_t counter[2], const uint32_t key[2],
                       uint32_t limit, uint8_t *keep)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t v = 0; v < VECTORS; v++) {
            words word[4] = {w_count_from(first + (uint32_t)(v * WIDE)), w_set1(row[r]), w_set1(counter[0]),
                             w_set1(counter[1])};
            philox(word, key);
            w_store_kept(word, limit, keep + r * PANEL + v * 4 * WIDE);
        }
}
