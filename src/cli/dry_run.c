/* See dry_run.h. */
#include "cli/dry_run.h"

#include <stdio.h>

#include "cli/command.h"
#include "cli/json.h"
#include "weft/plan.h"
#include "weft/report.h"

static const char *const SPLIT[WEFT_PLAN_SPLITS] = {"train", "validation", "test"};

/* 0 means that there is none. */
static json_t *json_of_limit(uint64_t count)
{
    return count > 0 ? json_of_count(count) : json_null();
}

static json_t *json_of_seconds(double time_s)
{
    return time_s > 0 ? json_of_real(time_s) : json_null();
}

static void put_settings(json_t **object, const weft_plan *plan)
{
    json_t *settings = json_object(), *changed = json_array();
    for (size_t i = 0; i < plan->settings; i++) {
        json_put(&settings, plan->setting[i].name, json_of_text(plan->setting[i].value));
        if (!plan->setting[i].is_default)
            json_add(&changed, json_of_text(plan->setting[i].name));
    }
    json_put(object, "settings", settings);
    json_put(object, "settings_that_differ", changed);
}

static void put_network(json_t **object, const weft_plan *plan)
{
    json_t *layers = json_array();
    for (size_t l = 0; l < plan->layers; l++) {
        json_t *layer = json_object();
        json_put(&layer, "layer", json_of_count(l + 1));
        json_put(&layer, "type", json_of_text("dense"));
        json_put(&layer, "fan_in", json_of_count(plan->layer[l].fan_in));
        json_put(&layer, "fan_out", json_of_count(plan->layer[l].fan_out));
        json_put(&layer, "activation", json_of_text(plan->layer[l].activation));
        json_put(&layer, "batch_norm", json_of_text(plan->layer[l].batch_norm));
        json_put(&layer, "dropout", json_of_real(plan->layer[l].dropout));
        json_put(&layer, "parameters", json_of_count(plan->layer[l].parameters));
        json_add(&layers, layer);
    }
    json_put(object, "layers", layers);
    json_put(object, "input_dropout", json_of_real(plan->input_dropout));
    json_put(object, "loss", json_of_text(plan->loss));
    json_put(object, "parameters", json_of_count(plan->parameters));
}

static void put_data(json_t **object, const weft_plan *plan)
{
    json_t *rows = json_object(), *names = json_array();
    for (size_t s = 0; s < WEFT_PLAN_SPLITS; s++)
        json_put(&rows, SPLIT[s], json_of_count(plan->rows[s]));
    for (size_t i = 0; i < plan->names; i++)
        json_add(&names, json_of_text(plan->name[i]));
    json_put(object, "rows", rows);
    json_put(object, "features", json_of_count(plan->features));
    json_put(object, "features_are_bytes", json_boolean(plan->are_bytes));
    json_put(object, "outputs", json_of_count(plan->outputs));
    json_put(object, "task", json_of_text(plan->task));
    json_put(object, "output_names", names);
}

static void put_steps(json_t **object, const weft_plan *plan)
{
    json_t *evaluated = json_array();
    for (size_t s = 0; s < WEFT_PLAN_SPLITS; s++)
        if (plan->evaluates[s])
            json_add(&evaluated, json_of_text(SPLIT[s]));
    json_put(object, "batch_rows", json_of_count(plan->batch_rows));
    json_put(object, "batch_shards", json_of_count(plan->batch_shards));
    json_put(object, "last_batch_rows", json_of_count(plan->last_batch_rows));
    json_put(object, "steps_per_epoch", json_of_count(plan->steps_per_epoch));
    json_put(object, "steps", json_of_limit(plan->total_steps));
    json_put(object, "epochs", plan->total_steps > 0 ? json_of_real(plan->total_epochs) : json_null());
    json_put(object, "max_time_s", json_of_seconds(plan->max_time_s));
    json_put(object, "early_stop", json_of_text(plan->early_stop));
    json_put(object, "patience_steps", json_of_limit(plan->patience_steps));
    json_put(object, "evaluate", evaluated);
    json_put(object, "evaluate_every_steps", json_of_limit(plan->evaluate_every_steps));
    json_put(object, "evaluations", json_of_limit(plan->evaluations));
    json_put(object, "save_every_steps", json_of_limit(plan->save_every_steps));
    json_put(object, "save_every_s", json_of_seconds(plan->save_every_s));
    json_put(object, "saves", json_of_limit(plan->saves));
    json_put(object, "checkpoints_kept", json_of_count(plan->keep));
}

static void put_machine(json_t **object, const weft_plan *plan)
{
    json_put(object, "threads", json_of_count(plan->threads));
    json_put(object, "thread_reason", json_of_text(plan->thread_reason));
    json_put(object, "kernels", json_of_text(plan->kernels));
    json_put(object, "gradients", json_of_text(plan->gradients));
    json_put(object, "learning_rate", json_of_real(plan->learning_rate));
    json_put(object, "full_learning_rate", json_of_real(plan->full_rate));
    json_put(object, "warmup_steps", json_of_count(plan->warmup_steps));
    json_put(object, "first_learning_rate", json_of_real(plan->first_rate));
    json_put(object, "last_learning_rate", json_of_real(plan->last_rate));
}

static void put_memory(json_t **object, const weft_plan *plan)
{
    json_t *memory = json_array();
    for (size_t i = 0; i < plan->memories; i++) {
        json_t *kind = json_object();
        json_put(&kind, "what", json_of_text(plan->memory[i].what));
        json_put(&kind, "count", json_of_count(plan->memory[i].count));
        json_put(&kind, "each_bytes", json_of_limit(plan->memory[i].each_bytes));
        json_put(&kind, "bytes", json_of_count(plan->memory[i].bytes));
        json_add(&memory, kind);
    }
    json_put(object, "memory", memory);
    json_put(object, "memory_bytes", json_of_count(plan->memory_bytes));
    json_put(object, "first_checkpoint_bytes", json_of_count(plan->first_checkpoint_bytes));
    json_put(object, "last_checkpoint_bytes", json_of_limit(plan->last_checkpoint_bytes));
    json_put(object, "evaluation_bytes", json_of_count(plan->evaluation_bytes));
}

static json_t *json_of_plan(const weft_plan *plan)
{
    json_t *object = json_object();
    put_settings(&object, plan);
    put_network(&object, plan);
    put_data(&object, plan);
    put_steps(&object, plan);
    put_machine(&object, plan);
    put_memory(&object, plan);
    return object;
}

static void tell_note(void *context, const weft_event *event)
{
    (void)context;
    if (event->kind == WEFT_EVENT_NOTE)
        fprintf(stderr, "note: %s\n", event->text);
}

int dry_run(const char *verb, const weft_settings *settings, const char *init_from, bool json)
{
    const weft_trainer_options options = {.init_from = init_from, .on_event = tell_note};
    weft_plan plan;
    weft_status st = weft_plan_make(settings, &options, &plan);
    if (st != WEFT_OK)
        return exit_failure(verb, st);
    int exit_code = 0;
    if (json)
        exit_code = json_print(verb, json_of_plan(&plan));
    else if (weft_report_plan(&plan, stdout) == WEFT_ENOMEM)    /* a stream that fails shows in exit_flushed */
        exit_code = exit_failure(verb, WEFT_ENOMEM);
    weft_plan_clear(&plan);
    return exit_flushed(verb, exit_code);
}

weft_status dry_run_tell_memory(const weft_trainer *trainer)
{
    weft_plan plan;
    weft_status st = weft_trainer_plan(trainer, &plan);
    if (st == WEFT_OK)
        st = weft_report_plan_memory(&plan, stderr) == WEFT_ENOMEM ? WEFT_ENOMEM : WEFT_OK;
    weft_plan_clear(&plan);
    return st;
}
