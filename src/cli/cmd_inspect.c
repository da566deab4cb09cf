/* weft inspect: what is in a checkpoint, or in two of them side by side. */
#include <string.h>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/options.h"
#include "weft/report.h"

static const char ABOUT[] =
    "Print what a checkpoint is: step, digests, the settings that differ from their defaults, and of each tensor its shape, "
    "mean |W|, L2 norm, share of zeros, mean, standard deviation, smallest and largest element; of learned tensors also the "
    "L2 norm of the gradient and that of the update relative to the tensor, from the latest evaluation. The data are not "
    "needed.\n\n"
    "With a second checkpoint: the tensors of both side by side, and the settings in which the two differ.";

static const char EXAMPLES[] =
    "  weft inspect checkpoints/run-001\n"
    "  weft inspect checkpoints/run-001 checkpoints/run-002\n"
    "  weft inspect checkpoints/run-001/best.h5 checkpoints/run-001/last.h5\n";

static const char *value_of(const weft_checkpoint_info *info, const char *name)
{
    for (size_t i = 0; i < info->settings; i++)
        if (strcmp(info->setting[i].name, name) == 0)
            return info->setting[i].value;
    return NULL;
}

/* {"section.key": [value in a, value in b]}; all checkpoints that one weft reads have the same names */
static json_t *json_of_differences(const weft_checkpoint_info *a, const weft_checkpoint_info *b)
{
    json_t *object = json_object();
    for (size_t i = 0; i < a->settings; i++) {
        const char *other = value_of(b, a->setting[i].name);
        if (other != NULL && strcmp(other, a->setting[i].value) == 0)
            continue;
        json_t *pair = json_array();
        json_add(&pair, json_of_text(a->setting[i].value));
        json_add(&pair, json_of_text(other));
        json_put(&object, a->setting[i].name, pair);
    }
    return object;
}

static json_t *json_of_comparison(const weft_checkpoint_info *a, const weft_checkpoint_info *b)
{
    json_t *object = json_object();
    json_put(&object, "a", json_of_checkpoint(a));
    json_put(&object, "b", json_of_checkpoint(b));
    json_put(&object, "settings_that_differ", json_of_differences(a, b));
    return object;
}

/* b is NULL if there is only one. */
static int print_checkpoints(const char *verb, const weft_checkpoint_info *a, const weft_checkpoint_info *b, bool json)
{
    if (json)
        return exit_flushed(verb, json_print(verb, b != NULL ? json_of_comparison(a, b) : json_of_checkpoint(a)));
    weft_status st = b != NULL ? weft_report_comparison(a, b, stdout) : weft_report_checkpoint(a, stdout);
    return st == WEFT_ENOMEM ? exit_failure(verb, st) : exit_flushed(verb, 0);
}

int cmd_inspect(int argc, char **argv)
{
    const char *path[2] = {NULL, NULL};
    bool unsealed = false, json = false;
    const struct option_def options[] = {
        {"CHECKPOINT", OPERAND, &path[0], NULL, "a file, or a run's directory: then its last.h5"},
        {"CHECKPOINT2", OPERAND_OPTIONAL, &path[1], NULL, "another one, to compare with"},
        {"unsealed", OPT_FLAG, &unsealed, NULL, "take a file whose seal is missing or wrong, because it was edited"},
        {"json", OPT_FLAG, &json, NULL, "print one JSON object; it has all settings"}, {0}
    };
    const struct verb verb = {"weft inspect", ABOUT, options, false, EXAMPLES};
    weft_checkpoint_info info[2];
    memset(info, 0, sizeof info);
    int exit_code = options_parse(&verb, argc, argv);
    if (exit_code != OPTIONS_RUN)
        return exit_code;
    weft_status st = weft_checkpoint_inspect(path[0], unsealed, &info[0]);
    if (st == WEFT_OK && path[1] != NULL)
        st = weft_checkpoint_inspect(path[1], unsealed, &info[1]);
    exit_code = st == WEFT_OK ? print_checkpoints(verb.name, &info[0], path[1] != NULL ? &info[1] : NULL, json)
                              : exit_failure(verb.name, st);
    weft_checkpoint_info_clear(&info[0]);
    weft_checkpoint_info_clear(&info[1]);
    return exit_code;
}
