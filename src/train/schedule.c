/* See schedule.h. */
#include "train/schedule.h"

#include <math.h>

#include "base/math.h"

double schedule_full_rate(const struct weft_settings *settings)
{
    double rate = settings->optimizer.learning_rate;
    double ratio = (double)settings->train.batch_size / (double)settings->optimizer.lr_scale_batch;
    switch ((enum lr_scale)settings->optimizer.lr_scale) {
    case LR_SCALE_NONE: break;
    case LR_SCALE_LINEAR: return rate * ratio;
    case LR_SCALE_SQRT: return rate * sqrt(ratio);
    }
    return rate;
}

static double warmed_up(const struct weft_settings *settings, double rate, double part)
{
    double from = settings->optimizer.lr_scale != LR_SCALE_NONE && rate > settings->optimizer.learning_rate
                      ? settings->optimizer.learning_rate : 0;
    return from + (rate - from) * part;
}

static double on_cosine(double rate, double final_fraction, double u)
{
    static const double pi = 3.14159265358979323846;
    double end = rate * final_fraction;
    return end + (rate - end) * (1 + math_cos(pi * (u < 1 ? u : 1))) / 2;
}

static uint64_t period_of(const struct schedule *schedule)
{
    const struct interval *every = &schedule->settings->schedule.every;
    return every->count * (every->unit == INTERVAL_EPOCHS ? schedule->steps_per_epoch : 1);
}

double schedule_learning_rate(const struct schedule *schedule, uint64_t step)
{
    const struct weft_settings *settings = schedule->settings;
    double rate = schedule_full_rate(settings), factor = settings->schedule.factor;
    uint64_t warmup = settings->schedule.warmup;
    if (step < warmup)
        return warmed_up(settings, rate, (double)(step + 1) / (double)warmup);
    uint64_t since = step - warmup;
    switch ((enum schedule_kind)settings->schedule.name) {
    case SCHEDULE_CONSTANT: break;
    case SCHEDULE_STEP: return rate * math_power(factor, since / period_of(schedule));
    case SCHEDULE_EXPONENTIAL: return rate * math_exp((double)since / (double)period_of(schedule) * math_log(factor));
    case SCHEDULE_COSINE:
        return schedule->total_steps <= warmup ? rate : on_cosine(rate, settings->schedule.final_fraction,
                                                                  (double)since / (double)(schedule->total_steps - warmup));
    case SCHEDULE_PLATEAU: return rate * schedule->plateau_scale;
    }
    return rate;
}
