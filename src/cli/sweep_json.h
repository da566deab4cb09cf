/* A sweep as JSON. */
#ifndef CLI_SWEEP_JSON_H
#define CLI_SWEEP_JSON_H

#include "cli/json.h"
#include "weft/sweep.h"

/* What became of a run in this call. */
struct sweep_outcome {
    weft_sweep_state state;     /* at its beginning */
    int exit_code;              /* of its process; 0: there was none */
    char message[512];          /* why it failed; "" if it has not */
};

/* The runs, and which of them are there; no figures. outcome: of each run. */
json_t *json_of_sweep_plan(const weft_sweep *sweep, const struct sweep_outcome *outcome);

/* All that came of it. */
json_t *json_of_sweep(const weft_sweep *sweep, const weft_sweep_summary *summary, const struct sweep_outcome *outcome);

/* "missing", "stopped", "over" */
const char *sweep_state_name(weft_sweep_state state);

#endif
