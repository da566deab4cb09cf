/* weft eval: how well a model does on a split. */
#include <inttypes.h>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/options.h"
#include "weft/report.h"

static const char ABOUT[] =
    "Take a split of data through a model and print loss and cost (loss plus penalty); of a classifier accuracy, precision, recall, "
    "F1 and support of each class or label, and the confusion matrix; of a regression R^2, mean absolute and root mean square error "
    "of each value. The result is the same for any number of threads, and nothing is "
    "written to disk.\n\n"
    "Other data than the model was trained on are fine if they have as many features and no more classes; they are scaled "
    "as the training data were.";

static const char EXAMPLES[] =
    "  weft eval checkpoints/run-001\n"
    "  weft eval checkpoints/run-001/last.h5 --split validation\n"
    "  weft eval best.h5 --data idx:data/mnist --json\n";

static void print_evaluation(const weft_model_info *model, const weft_evaluation *evaluation)
{
    printf("model of step %" PRIu64 " on %s\nweights digest %s\n\n", model->step, model->data, model->weights_digest);
    (void)weft_report_evaluation(evaluation, stdout);
}

static json_t *json_of_result(const char *checkpoint, const weft_model_info *model, const weft_evaluation *evaluation)
{
    json_t *object = json_of_evaluation(evaluation);
    json_put(&object, "checkpoint", json_of_text(checkpoint));
    json_put(&object, "step", json_of_count(model->step));
    json_put(&object, "weights_digest", json_of_text(model->weights_digest));
    json_put(&object, "data", json_of_text(model->data));
    return object;
}

int cmd_eval(int argc, char **argv)
{
    const char *checkpoint = NULL;
    uint64_t threads = 0;
    bool unsealed = false, json = false;
    weft_evaluate_options a = {0};
    const struct option_def options[] = {
        {"CHECKPOINT", OPERAND, &checkpoint, NULL, "a file, or a run's directory: then its best.h5, or last.h5 if it has no "
         "best"},
        {"data", OPT_STRING, &a.data, "URI", "data to evaluate on; default: those the model was trained on, as run.ini "
         "beside the checkpoint says"},
        {"split", OPT_STRING, &a.split, "train|validation|test|all", "all: every row that is no test row. Default: test; without test rows all, or of the run's own "
         "data validation"},
        {"threads", OPT_COUNT, &threads, "N", "0, the default: as many as the machine and the work allow"},
        {"unsealed", OPT_FLAG, &unsealed, NULL, "take a file whose seal is missing or wrong, because it was edited"},
        {"json", OPT_FLAG, &json, NULL, "print one JSON object"}, {0}
    };
    const struct verb verb = {"weft eval", ABOUT, options, false, EXAMPLES};
    weft_evaluation evaluation = {0};
    weft_model_info model;
    int exit_code = options_parse(&verb, argc, argv);
    if (exit_code != OPTIONS_RUN)
        return exit_code;
    a.threads = (size_t)threads;
    a.unsealed = unsealed;
    weft_status st = weft_evaluate(checkpoint, &a, &evaluation, &model);
    if (st != WEFT_OK)
        return exit_failure(verb.name, st);
    exit_code = 0;
    if (json)
        exit_code = json_print(verb.name, json_of_result(checkpoint, &model, &evaluation));
    else
        print_evaluation(&model, &evaluation);
    weft_evaluation_clear(&evaluation);
    return exit_flushed(verb.name, exit_code);
}
