/* Settings that are each in range but contradict each other. A function per group; the first contradiction becomes the
 * message. */
#include <inttypes.h>

#include "base/error.h"
#include "settings/settings.h"

static const char *const split_names[SPLIT_COUNT] = {"train", "validation", "test"};

static weft_status check_per_layer(const char *name, size_t count, size_t hidden)
{
    if (count == 1 || count == hidden)
        return WEFT_OK;
    return error_set(WEFT_ESETTINGS, "%s has %zu values for %zu hidden layers: wanted one for all, or one for each", name,
                     count, hidden);
}

/* What ends the run, and what needs to know when that is. */
static weft_status check_end(const weft_settings *s)
{
    if (s->train.epochs == 0 && s->train.steps == 0 && s->train.max_time_s == 0 && s->train.early_stop == STOP_NONE)
        return error_set(WEFT_ESETTINGS, "train.epochs, steps and max_time are 0 and train.early_stop is none: nothing "
                         "would end the run; wanted one of them set");
    if (s->schedule.name == SCHEDULE_COSINE && s->train.epochs == 0 && s->train.steps == 0)
        return error_set(WEFT_ESETTINGS, "schedule.name = cosine needs to know the end of the run: train.epochs and "
                         "train.steps are 0, wanted one of them set");
    if (s->schedule.name == SCHEDULE_COSINE && s->train.steps != 0 && s->schedule.warmup >= s->train.steps)
        return error_set(WEFT_ESETTINGS, "schedule.warmup is %" PRIu64 " steps of train.steps = %" PRIu64 ": wanted fewer, "
                         "cosine comes after it", s->schedule.warmup, s->train.steps);
    if (s->schedule.name != SCHEDULE_COSINE && s->schedule.final_fraction != 0)
        return error_set(WEFT_ESETTINGS, "schedule.final_fraction is set, but only schedule.name = cosine has a use for it: "
                         "wanted 0 or cosine");
    return WEFT_OK;
}

static bool is_evaluated(const weft_settings *s, int split)
{
    for (size_t i = 0; i < s->train.evaluate.count; i++)
        if (s->train.evaluate.value[i] == split)
            return true;
    return false;
}

static weft_status check_evaluate(const weft_settings *s)
{
    int seen[SPLIT_COUNT] = {0};
    for (size_t i = 0; i < s->train.evaluate.count; i++)
        if (seen[s->train.evaluate.value[i]]++)
            return error_set(WEFT_ESETTINGS, "train.evaluate names %s twice", split_names[s->train.evaluate.value[i]]);
    return WEFT_OK;
}

/* An early stop must have figures to look at, and must be able to come. */
static weft_status check_early_stop(const weft_settings *s)
{
    if (s->train.early_stop == STOP_NONE)
        return WEFT_OK;
    int split = (s->train.early_stop - STOP_TRAIN_COST) / (STOP_VALIDATION_COST - STOP_TRAIN_COST);
    if (!is_evaluated(s, split))
        return error_set(WEFT_ESETTINGS, "train.early_stop looks at %s, which train.evaluate does not name: wanted it there",
                         split_names[split]);
    if (split == SPLIT_VALIDATION && s->data.validation_fraction == 0)
        return error_set(WEFT_ESETTINGS, "train.early_stop looks at validation, but data.validation_fraction is 0: wanted "
                         "more");
    if (s->train.evaluate_every.count == 0)
        return error_set(WEFT_ESETTINGS, "train.early_stop is set, but train.evaluate_every is never: wanted an interval");
    if (s->train.patience.count == 0)
        return error_set(WEFT_ESETTINGS, "train.early_stop is set, but train.patience is never: wanted an interval");
    return WEFT_OK;
}

weft_status weft_settings_check(const weft_settings *s)
{
    weft_status st;
    if ((st = check_per_layer("network.activation", s->network.activation.count, s->network.hidden.count)) != WEFT_OK ||
        (st = check_per_layer("network.dropout", s->network.dropout.count, s->network.hidden.count)) != WEFT_OK ||
        (st = check_end(s)) != WEFT_OK || (st = check_evaluate(s)) != WEFT_OK)
        return st;
    return check_early_stop(s);
}
