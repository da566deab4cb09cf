/* How the threads of the OpenMP runtime wait between parallel regions: asleep. Left alone they spin for milliseconds, and where other
 * programs want the cores as well, or the thread that saves, they spin in the way of the thread that they are waiting for. Inside a
 * region threads meet at Weft's own barrier, which knows when to spin.
 * A runtime reads its environment when it is loaded, before main; so this runs before that. */
#include <stdlib.h>

static void wait_asleep(void)
{
    if (getenv("OMP_WAIT_POLICY") == NULL && getenv("GOMP_SPINCOUNT") == NULL && getenv("KMP_BLOCKTIME") == NULL)
        (void)setenv("OMP_WAIT_POLICY", "passive", 1);          /* without memory for it, it spins */
}

__attribute__((section(".preinit_array"), used)) static void (*const before_libraries)(void) = wait_asleep;
