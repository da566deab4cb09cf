/* Settings that are each in range but contradict each other. A function per group; the first contradiction becomes the
 * message. */
#include <inttypes.h>
#include <string.h>

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
    return WEFT_OK;
}

/* What goes with which output. */
static weft_status check_output(const weft_settings *s)
{
    static const char *const output[] = {"softmax", "sigmoid", "linear"};
    static const char *const loss[] = {"cross_entropy", "mse", "binary_cross_entropy"};
    static const int loss_of[] = {LOSS_CROSS_ENTROPY, LOSS_BINARY_CROSS_ENTROPY, LOSS_MSE};     /* besides mse */
    int o = s->network.output, l = s->network.loss;
    if (l != LOSS_MSE && l != loss_of[o])
        return error_set(WEFT_ESETTINGS, "network.loss = %s with network.output = %s: wanted %s%s", loss[l], output[o],
                         loss[loss_of[o]], loss_of[o] != LOSS_MSE ? " or mse" : "");
    if (s->train.label_smoothing != 0 && l == LOSS_MSE)
        return error_set(WEFT_ESETTINGS, "train.label_smoothing is set with network.loss = mse: wanted 0, or a cross-entropy");
    if (s->train.class_weights.kind != WEIGHTING_NONE && o == OUTPUT_LINEAR)
        return error_set(WEFT_ESETTINGS, "train.class_weights is set with network.output = linear, which has no classes: wanted none");
    if (s->data.stratified && o == OUTPUT_LINEAR)
        return error_set(WEFT_ESETTINGS, "data.stratified = yes with network.output = linear, which has no classes: wanted no");
    return WEFT_OK;
}

static weft_status check_optimizer(const weft_settings *s)
{
    bool is_raised = s->optimizer.lr_scale != LR_SCALE_NONE && s->train.batch_size > s->optimizer.lr_scale_batch;
    if (is_raised && s->schedule.warmup == 0)
        return error_set(WEFT_ESETTINGS, "optimizer.lr_scale raises the learning rate for batches of %" PRIu64 " rows, but "
                         "schedule.warmup is 0: wanted a warmup that leads up to it (some 5 epochs; 1 step to do without)",
                         s->train.batch_size);
    if (s->optimizer.name == OPTIMIZER_ADAMW && s->regularization.l2 != 0 && s->regularization.l2_form != L2_DECOUPLED &&
        s->regularization.l2_form != L2_HALF_LAMBDA)
        return error_set(WEFT_ESETTINGS, "regularization.l2_form is set to another form than decoupled, but optimizer.name = adamw "
                         "always decouples the decay: wanted decoupled, or adam");
    return WEFT_OK;
}

static weft_status check_schedule(const weft_settings *s)
{
    int name = s->schedule.name;
    if (name != SCHEDULE_COSINE && name != SCHEDULE_PLATEAU && s->schedule.final_fraction != 0)
        return error_set(WEFT_ESETTINGS, "schedule.final_fraction is set, but only schedule.name = cosine and plateau have a use for "
                         "it: wanted 0");
    if ((name == SCHEDULE_STEP || name == SCHEDULE_EXPONENTIAL) && s->schedule.every.count == 0)
        return error_set(WEFT_ESETTINGS, "schedule.every is never: wanted an interval");
    if (name == SCHEDULE_PLATEAU && s->schedule.patience.count == 0)
        return error_set(WEFT_ESETTINGS, "schedule.name is plateau, but schedule.patience is never: wanted an interval");
    if (name == SCHEDULE_PLATEAU && s->schedule.metric == STOP_NONE)
        return error_set(WEFT_ESETTINGS, "schedule.name is plateau, but schedule.metric is none: wanted a figure to look at");
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

/* Is there a figure of that name, and will it be taken? */
static weft_status check_metric(const weft_settings *s, const char *setting, int metric)
{
    int split = (metric - STOP_TRAIN_COST) / (STOP_VALIDATION_COST - STOP_TRAIN_COST);
    bool is_accuracy = (metric - STOP_TRAIN_COST) % (STOP_VALIDATION_COST - STOP_TRAIN_COST) == STOP_TRAIN_ACCURACY - STOP_TRAIN_COST;
    if (!is_evaluated(s, split))
        return error_set(WEFT_ESETTINGS, "%s looks at %s, which train.evaluate does not name: wanted it there", setting,
                         split_names[split]);
    if (split == SPLIT_VALIDATION && s->data.validation_fraction == 0 && strcmp(s->data.validation, "none") == 0)
        return error_set(WEFT_ESETTINGS, "%s looks at validation, but data.validation_fraction is 0 and data.validation is none: "
                         "wanted one of them", setting);
    if (is_accuracy && s->network.output == OUTPUT_LINEAR)
        return error_set(WEFT_ESETTINGS, "%s looks at an accuracy, which network.output = linear does not have: wanted a cost or a "
                         "loss", setting);
    if (s->train.evaluate_every.count == 0)
        return error_set(WEFT_ESETTINGS, "%s is set, but train.evaluate_every is never: wanted an interval", setting);
    return WEFT_OK;
}

/* An early stop must have figures to look at, and must be able to come. */
static weft_status check_watched(const weft_settings *s)
{
    weft_status st = WEFT_OK;
    if (s->train.early_stop != STOP_NONE)
        st = check_metric(s, "train.early_stop", s->train.early_stop);
    if (st == WEFT_OK && s->train.early_stop != STOP_NONE && s->train.patience.count == 0)
        return error_set(WEFT_ESETTINGS, "train.early_stop is set, but train.patience is never: wanted an interval");
    if (st == WEFT_OK && s->schedule.name == SCHEDULE_PLATEAU)
        st = check_metric(s, "schedule.metric", s->schedule.metric);
    return st;
}

weft_status weft_settings_check(const weft_settings *s)
{
    weft_status st;
    if ((st = check_per_layer("network.activation", s->network.activation.count, s->network.hidden.count)) != WEFT_OK ||
        (st = check_per_layer("network.dropout", s->network.dropout.count, s->network.hidden.count)) != WEFT_OK ||
        (st = check_output(s)) != WEFT_OK || (st = check_optimizer(s)) != WEFT_OK || (st = check_schedule(s)) != WEFT_OK ||
        (st = check_end(s)) != WEFT_OK || (st = check_evaluate(s)) != WEFT_OK)
        return st;
    return check_watched(s);
}
