/* See sweep_json.h. */
#include "cli/sweep_json.h"

#include <math.h>

const char *sweep_state_name(weft_sweep_state state)
{
    static const char *const name[] = {
        [WEFT_SWEEP_MISSING] = "missing", [WEFT_SWEEP_STOPPED] = "stopped", [WEFT_SWEEP_OVER] = "over"};
    return name[state];
}

static json_t *json_of_settings(const weft_sweep_combination *combination)
{
    json_t *settings = json_object();
    for (size_t i = 0; i < combination->settings; i++)
        json_put(&settings, combination->setting[i].name, json_of_text(combination->setting[i].value));
    return settings;
}

static json_t *json_of_run(const weft_sweep *sweep, size_t i)
{
    const weft_sweep_run *run = &sweep->run[i];
    json_t *object = json_object();
    json_put(&object, "combination", json_of_text(sweep->combination[run->combination].name));
    json_put(&object, "seed", json_of_count(run->seed));
    json_put(&object, "directory", json_of_text(run->directory));
    return object;
}

json_t *json_of_sweep_plan(const weft_sweep *sweep, const struct sweep_outcome *outcome)
{
    json_t *object = json_object(), *combinations = json_array(), *runs = json_array();
    for (size_t c = 0; c < sweep->combinations; c++) {
        json_t *combination = json_object();
        json_put(&combination, "name", json_of_text(sweep->combination[c].name));
        json_put(&combination, "settings", json_of_settings(&sweep->combination[c]));
        json_add(&combinations, combination);
    }
    for (size_t i = 0; i < sweep->runs; i++) {
        json_t *run = json_of_run(sweep, i);
        json_put(&run, "state", json_of_text(sweep_state_name(outcome[i].state)));
        json_add(&runs, run);
    }
    json_put(&object, "directory", json_of_text(sweep->out));
    json_put(&object, "combinations", combinations);
    json_put(&object, "runs", runs);
    return object;
}

static json_t *json_of_figure(const weft_sweep *sweep, size_t c, const weft_sweep_figure *figure)
{
    json_t *object = json_object(), *values = json_array();
    for (size_t i = 0; i < sweep->runs; i++)
        if (sweep->run[i].combination == c)
            json_add(&values, json_of_real(figure->value[i]));
    json_put(&object, "mean", json_of_real(figure->mean[c]));
    json_put(&object, "sd", json_of_real(figure->sd[c]));
    json_put(&object, "values", values);
    return object;
}

static json_t *json_of_combination(const weft_sweep *sweep, const weft_sweep_summary *summary, size_t c)
{
    json_t *object = json_object(), *figures = json_object();
    for (size_t f = 0; f < summary->figures; f++)
        if (!isnan(summary->figure[f].mean[c]))
            json_put(&figures, summary->figure[f].name, json_of_figure(sweep, c, &summary->figure[f]));
    json_put(&object, "name", json_of_text(sweep->combination[c].name));
    json_put(&object, "settings", json_of_settings(&sweep->combination[c]));
    json_put(&object, "runs", json_of_count(sweep->runs / sweep->combinations));
    json_put(&object, "over", json_of_count(summary->over[c]));
    json_put(&object, "figures", figures);
    return object;
}

json_t *json_of_sweep(const weft_sweep *sweep, const weft_sweep_summary *summary, const struct sweep_outcome *outcome)
{
    json_t *object = json_object(), *combinations = json_array(), *runs = json_array(), *failed = json_array();
    size_t over = 0;
    for (size_t c = 0; c < sweep->combinations; c++) {
        json_add(&combinations, json_of_combination(sweep, summary, c));
        over += summary->over[c];
    }
    for (size_t i = 0; i < sweep->runs; i++) {
        json_add(&runs, json_of_run(sweep, i));
        if (outcome[i].message[0] == '\0')
            continue;
        json_t *run = json_of_run(sweep, i);
        json_put(&run, "exit_code", json_of_count((uint64_t)outcome[i].exit_code));
        json_put(&run, "message", json_of_text(outcome[i].message));
        json_add(&failed, run);
    }
    json_put(&object, "directory", json_of_text(sweep->out));
    json_put(&object, "over", json_of_count(over));
    json_put(&object, "combinations", combinations);
    json_put(&object, "runs", runs);
    json_put(&object, "failed", failed);
    return object;
}
