/* What the tests of the kernels share: each instruction set in turn, numbers of every kind, and panels (kernel.h) whose
 * padding is known. */
#ifndef TESTS_KERNEL_SAMPLES_H
#define TESTS_KERNEL_SAMPLES_H

#include <float.h>
#include <math.h>
#include <string.h>

#include "kernel/kernel.h"
#include "kernel/reference.h"
#include "support.h"

/* Do `check` for each set, which is then in use. */
static inline void for_each_isa(void (*check)(void))
{
    for (int isa = 0; isa < ISA_COUNT; isa++)
        if (kernel_use((enum isa)isa))
            check();
        else
            print_message("           %s: not on this processor\n", isa_name((enum isa)isa));
}

/* Numbers of every size, and all that is special about floats. */
static inline void wild(struct random *random, size_t count, float *x)
{
    static const float special[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, FLT_MAX, -FLT_MAX, FLT_MIN, -FLT_MIN,
                                    FLT_TRUE_MIN, -FLT_TRUE_MIN, FLT_MIN / 2, 1.0f, -1.0f, 88.72284f, -87.33655f, 17.4f,
                                    9.1f, 0x1p-13f, -13.14624f, -13.14626f, -0.7518f};
    for (size_t i = 0; i < count; i++)
        x[i] = random_below(random, 4) == 0
                   ? special[random_below(random, COUNT(special))]
                   : (float)(random_real(random, -1, 1) * exp2((double)random_below(random, 40) - 20));
}

static inline float *wild_floats(struct random *random, size_t count)
{
    float *x = guarded_new(count, sizeof *x);
    wild(random, count, x);
    return x;
}

static inline float *fenced_wild_floats(struct random *random, size_t count)
{
    float *x = fenced_new(count, sizeof *x);
    wild(random, count, x);
    return x;
}

static inline void fill(size_t count, float value, float *x)
{
    for (size_t i = 0; i < count; i++)
        x[i] = value;
}

/* Columns N .. PANEL-1 of one panel become `value`. */
static inline void set_padding(size_t rows, size_t N, float value, float *panel)
{
    for (size_t r = 0; r < rows; r++)
        fill(PANEL - N, value, panel + r * PANEL + N);
}

/* One panel of N columns to be read and no further: random numbers, and NaN in the padding, which may not show anywhere. */
static inline float *input_panel(struct random *random, size_t rows, size_t N)
{
    float *x = fenced_floats(random, rows * PANEL, -1, 1);
    set_padding(rows, N, NAN, x);
    return x;
}

/* The same bits in the columns that there are; the padding may hold anything, and is lost. */
#define ASSERT_SAME_PANEL(got, want, rows, N, ...)                                                                        \
    do {                                                                                                                  \
        set_padding(rows, N, 0, got);                                                                                     \
        set_padding(rows, N, 0, want);                                                                                    \
        assert_same_bits(got, want, (rows) * PANEL, __VA_ARGS__);                                                         \
    } while (0)

#endif
