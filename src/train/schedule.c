/* See schedule.h. */
#include "train/schedule.h"

#include "base/math.h"

double schedule_learning_rate(const struct weft_settings *settings, uint64_t step, uint64_t total_steps)
{
    static const double pi = 3.14159265358979323846;
    double rate = settings->optimizer.learning_rate;
    uint64_t warmup = settings->schedule.warmup;
    if (step < warmup)
        return rate * ((double)(step + 1) / (double)warmup);
    if (settings->schedule.name == SCHEDULE_CONSTANT || total_steps <= warmup)
        return rate;
    double end = rate * settings->schedule.final_fraction;
    double u = (double)(step - warmup) / (double)(total_steps - warmup);
    return end + (rate - end) * (1 + math_cos(pi * (u < 1 ? u : 1))) / 2;
}
