/* Which instruction set runs: asked of the processor once, or of WEFT_ISA. */
#include "kernel/kernel.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

extern const struct kernel kernel_table_portable, kernel_table_avx2, kernel_table_avx512;

const struct kernel *kernel;

static pthread_once_t chosen = PTHREAD_ONCE_INIT;

const char *isa_name(enum isa isa)
{
    static const char *const name[ISA_COUNT] = {"portable", "avx2", "avx512"};
    return name[isa];
}

static const struct kernel *table_of(enum isa isa)
{
#if defined __x86_64__
    if (isa == ISA_AVX512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
                       && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma")
                   ? &kernel_table_avx512 : NULL;
    if (isa == ISA_AVX2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &kernel_table_avx2 : NULL;
#endif
    return isa == ISA_PORTABLE ? &kernel_table_portable : NULL;
}

bool kernel_use(enum isa isa)
{
    const struct kernel *table = table_of(isa);
    if (table == NULL)
        return false;
    kernel = table;
    return true;
}

static void choose(void)
{
    if (kernel != NULL)                                 /* a test has chosen before */
        return;
    const char *wanted = getenv("WEFT_ISA");
    for (int isa = ISA_COUNT - 1; isa >= 0; isa--)
        if ((wanted == NULL || strcmp(wanted, isa_name((enum isa)isa)) == 0) && kernel_use((enum isa)isa))
            return;
}

weft_status kernel_choose(void)
{
    pthread_once(&chosen, choose);
    if (kernel == NULL)
        return error_set(WEFT_ESETTINGS, "environment variable WEFT_ISA is \"%s\": wanted portable, avx2 or avx512, and one "
                         "that this processor has", getenv("WEFT_ISA"));
    return WEFT_OK;
}
