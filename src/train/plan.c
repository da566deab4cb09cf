/* A run laid out by the code that lays out a real one, and described. Nothing is worked out here that the trainer works out
 * for itself: the figures are read off what it has made. */
#include "train/plan.h"

#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "kernel/kernel.h"
#include "settings/table.h"
#include "train/fine_tune.h"
#include "train/stop_metric.h"

static weft_status describe_settings(const weft_settings *settings, weft_plan *plan)
{
    plan->setting = memory_new(setting_count, sizeof *plan->setting);
    if (plan->setting == NULL)
        return WEFT_ENOMEM;
    for (size_t i = 0; i < setting_count; i++) {
        const struct setting *s = &setting_table[i];
        size_t size_bytes = setting_print(s, settings, NULL, 0) + 1;
        char *value = memory_new(size_bytes, 1);
        if (value == NULL)
            return WEFT_ENOMEM;
        setting_print(s, settings, value, size_bytes);
        plan->setting[plan->settings++] = (weft_plan_setting){s->info.name, value, strcmp(value, s->info.preset) == 0};
    }
    return WEFT_OK;
}

static weft_status describe_network(const struct network *net, const struct weft_settings *s, weft_plan *plan)
{
    static const char *const place[] = {
        [BATCH_NORM_NONE] = "none", [BATCH_NORM_BEFORE] = "before", [BATCH_NORM_AFTER] = "after"};
    static const char *const loss[] = {
        [LOSS_CROSS_ENTROPY] = "cross_entropy", [LOSS_MSE] = "mse", [LOSS_BINARY_CROSS_ENTROPY] = "binary_cross_entropy"};
    plan->features = net->features;
    plan->outputs = net->outputs;
    plan->parameters = net->parameter_count;
    plan->loss = loss[net->loss];
    plan->input_dropout = s->network.input_dropout;
    plan->layer = memory_new(net->layers, sizeof *plan->layer);
    if (plan->layer == NULL)
        return WEFT_ENOMEM;
    for (plan->layers = 0; plan->layers < net->layers; plan->layers++) {
        const struct layer *layer = &net->layer[plan->layers];
        bool is_output = plan->layers + 1 == net->layers;
        plan->layer[plan->layers] = (weft_plan_layer){
            .fan_in = layer->fan_in, .fan_out = layer->fan_out,
            .activation = is_output ? output_name(net->output) : activation_name(layer->activation),
            .batch_norm = place[layer->has_norm ? s->network.batch_norm : BATCH_NORM_NONE],
            .dropout = is_output ? 0 : real_for_layer(&s->network.dropout, plan->layers),
        };
    }
    for (size_t i = 0; i < net->tensors; i++)
        plan->layer[net->tensor[i].layer].parameters += net->tensor[i].count;
    return WEFT_OK;
}

static weft_status describe_data(const struct dataset *d, weft_plan *plan)
{
    plan->height = d->train.height;
    plan->width = d->train.width;
    plan->channels = d->train.channels;
    plan->are_bytes = d->type == RAW_U8;
    plan->task = task_name(d->task);
    for (size_t s = 0; s < SPLIT_COUNT; s++)
        plan->rows[s] = d->split[s].count;
    plan->name = memory_new(d->classes.count, sizeof *plan->name);
    if (plan->name == NULL)
        return WEFT_ENOMEM;
    for (size_t i = 0; i < d->classes.count; i++) {
        if ((plan->name[i] = memory_string(d->classes.name[i])) == NULL)
            return WEFT_ENOMEM;
        plan->names++;
    }
    return WEFT_OK;
}

static uint64_t steps_of(const struct interval *interval, uint64_t steps_per_epoch)
{
    switch (interval->unit) {
    case INTERVAL_EPOCHS: return interval->count * steps_per_epoch;
    case INTERVAL_STEPS: return interval->count;
    case INTERVAL_SECONDS: break;
    }
    return 0;
}

/* How often it comes in steps 1 .. total: every `every` steps, and at the last one in any case. */
static uint64_t occasions(uint64_t total, uint64_t every)
{
    return every == 0 ? 1 : (total + every - 1) / every;
}

static void describe_steps(const weft_trainer *tr, weft_plan *plan)
{
    const struct training *t = &tr->training;
    const struct weft_settings *s = tr->settings;
    uint64_t per_epoch = t->sampler.steps_per_epoch;
    plan->batch_rows = t->full.rows;
    plan->batch_shards = t->full.shards;
    plan->last_batch_rows = t->last.rows;
    plan->steps_per_epoch = per_epoch;
    plan->total_steps = t->total_steps;
    plan->total_epochs = (double)t->total_steps / (double)per_epoch;
    plan->max_time_s = s->train.max_time_s;
    plan->early_stop = stop_metric_name(tr->early_stop.ends_run ? tr->early_stop.metric : STOP_NONE);
    plan->patience_steps = tr->early_stop.ends_run ? tr->early_stop.patience_steps : 0;
    plan->evaluate_every_steps = steps_of(&s->train.evaluate_every, per_epoch);
    for (size_t i = 0; i < s->train.evaluate.count; i++)
        plan->evaluates[s->train.evaluate.value[i]] = tr->dataset.split[s->train.evaluate.value[i]].count > 0;
    plan->save_every_steps = steps_of(&s->checkpoint.every, per_epoch);
    plan->save_every_s = s->checkpoint.every.unit == INTERVAL_SECONDS ? (double)s->checkpoint.every.count : 0;
    plan->keep = s->checkpoint.keep;
    if (t->total_steps == 0)
        return;
    plan->evaluations = occasions(t->total_steps, plan->evaluate_every_steps);
    plan->saves = plan->save_every_s == 0 ? 1 + occasions(t->total_steps, plan->save_every_steps) : 0;
}

static void describe_threads(const weft_trainer *tr, weft_plan *plan)
{
    const struct training *t = &tr->training;
    size_t wanted = (size_t)tr->settings->run.threads;
    size_t useful = training_useful_threads(tr->settings, tr->dataset.features, tr->dataset.outputs);
    (void)team_threads(wanted, useful, &plan->thread_reason);
    if (plan->thread_reason == NULL)
        plan->thread_reason = wanted > 0 ? "run.threads" : "the cores that the process may use";
    plan->threads = t->team.size;
    plan->kernels = kernel->name;
    plan->gradients = t->strategy == GRADIENT_LOCAL ? "local" : "owned";
    plan->gradients_are_chosen = tr->settings->run.gradient == GRADIENT_CHOICE_AUTO;
}

static void describe_rates(const weft_trainer *tr, weft_plan *plan)
{
    const struct training *t = &tr->training;
    bool is_known = t->total_steps > 0 && tr->settings->schedule.name != SCHEDULE_PLATEAU;
    plan->learning_rate = tr->settings->optimizer.learning_rate;
    plan->full_rate = schedule_full_rate(tr->settings);
    plan->warmup_steps = tr->settings->schedule.warmup;
    plan->first_rate = schedule_learning_rate(&t->schedule, 0);
    plan->last_rate = is_known ? schedule_learning_rate(&t->schedule, t->total_steps - 1) : NAN;
}

weft_status weft_trainer_plan(const weft_trainer *trainer, weft_plan *plan)
{
    memset(plan, 0, sizeof *plan);
    weft_status st = describe_settings(trainer->settings, plan);
    if (st == WEFT_OK) st = describe_network(&trainer->training.net, trainer->settings, plan);
    if (st == WEFT_OK) st = describe_data(&trainer->dataset, plan);
    if (st == WEFT_OK) {
        describe_steps(trainer, plan);
        describe_threads(trainer, plan);
        describe_rates(trainer, plan);
        st = plan_memory(trainer, plan);
    }
    if (st == WEFT_OK)
        return WEFT_OK;
    weft_plan_clear(plan);
    return error_context(st, "plan of a run");
}

/* As a run keeps them in run.ini. */
static weft_status resolve_sources(weft_trainer *tr)
{
    char *ini = NULL;
    weft_status st = weft_settings_set(tr->settings, "data.source", tr->dataset.source);
    if (st == WEFT_OK) st = weft_settings_set(tr->settings, "data.validation", tr->dataset.validation_source);
    if (st == WEFT_OK) st = weft_settings_set(tr->settings, "data.test", tr->dataset.test_source);
    if (st == WEFT_OK) st = settings_write_run_ini(tr->settings, &ini);         /* can it be? */
    memory_free(ini);
    return st;
}

weft_status weft_plan_make(const weft_settings *settings, const weft_trainer_options *options, weft_plan *plan)
{
    static const weft_trainer_options none;
    const char *thread_reason;
    memset(plan, 0, sizeof *plan);
    if (options == NULL)
        options = &none;
    weft_trainer *tr = trainer_new(options->on_event, options->event_context);
    if (tr == NULL)
        return WEFT_ENOMEM;
    weft_status st = trainer_lay_out(tr, settings, options->init_from, &thread_reason);
    if (st == WEFT_OK) st = fine_tune_begin(tr);
    if (st == WEFT_OK) st = resolve_sources(tr);
    if (st == WEFT_OK) st = weft_trainer_plan(tr, plan);
    weft_trainer_destroy(tr);
    return st;
}

void weft_plan_clear(weft_plan *plan)
{
    for (size_t i = 0; i < plan->settings; i++)
        memory_free(plan->setting[i].value);
    for (size_t i = 0; i < plan->names; i++)
        memory_free(plan->name[i]);
    memory_free(plan->setting);
    memory_free(plan->layer);
    memory_free(plan->name);
    memset(plan, 0, sizeof *plan);
}
