/* What the processor could do at most: nothing but FMAs in registers, and nothing but loads. Neither computes anything that
 * is used; what is returned depends on all of it, so that none of it can be left out. */
#include "kernel/entries.h"

static float sum_of_lanes(vfloat x)
{
    float lane[LANES], sum = 0;
    v_store(lane, x);
    for (size_t i = 0; i < LANES; i++)
        sum += lane[i];
    return sum;
}

/* Two FMAs a cycle of four or five cycles each need 8 to 10 chains; with 12, the factor and the addend, the 16 registers of
 * AVX2 are enough. Every lane starts from another number: equal ones could be computed once. */
float KERNEL(fma_rounds)(size_t rounds, float factor, float addend)
{
    vfloat a = v_set1(factor), b = v_set1(addend), chain[FMA_CHAINS];
    for (size_t c = 0; c < FMA_CHAINS; c++) {
        float start[LANES];
        for (size_t i = 0; i < LANES; i++)
            start[i] = (float)(c * LANES + i);
        chain[c] = v_load(start);
    }
    for (size_t round = 0; round < rounds; round++)
        for (size_t c = 0; c < FMA_CHAINS; c++)
            chain[c] = v_fma(chain[c], a, b);
    float sum = 0;
    for (size_t c = 0; c < FMA_CHAINS; c++)
        sum += sum_of_lanes(chain[c]);
    return sum;
}

float KERNEL(read_floats)(size_t n, const float *x)
{
    enum { LOADS = READ_FLOATS / 16 };          /* at once: as many sums as keep two adds a cycle busy */
    vfloat part[LOADS];
    for (size_t c = 0; c < LOADS; c++)
        part[c] = v_zero();
    for (size_t i = 0; i + LOADS * LANES <= n; i += LOADS * LANES)
        for (size_t c = 0; c < LOADS; c++)
            part[c] = v_add(part[c], v_load(x + i + c * LANES));
    float sum = 0;
    for (size_t c = 0; c < LOADS; c++)
        sum += sum_of_lanes(part[c]);
    return sum;
}
