/* See phase.h. */
#include "train/phase.h"

#include <stddef.h>

#include "base/clock.h"

void phase_end(struct phase_clock *clock, enum phase phase)
{
    if (clock->time_s == NULL)
        return;
    double now_s = clock_seconds();
    clock->time_s[phase] += now_s - clock->since_s;
    clock->since_s = now_s;
}
