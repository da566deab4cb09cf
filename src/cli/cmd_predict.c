/* weft predict: what a model says of rows. */
#include <inttypes.h>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/options.h"
#include "weft/prediction.h"
#include "weft/report.h"

static const char ABOUT[] =
    "Take rows through a model and write down what it says of each: of a classifier the class and the probability of every "
    "class; with several labels a row those whose probability is one half or more, and all probabilities; of a regression the "
    "values. Labels are not needed. The rows are scaled, and missing values filled in, as in training; the result is the same for "
    "any number of threads.\n\n"
    "Without --out the rows go to stdout as CSV.";

static const char EXAMPLES[] =
    "  weft predict checkpoints/run-001 --data csv:new.csv\n"
    "  weft predict best.h5 --data npy:images.npz --out predicted.h5\n"
    "  weft predict checkpoints/run-001 --split validation --out validation.csv\n";

static json_t *json_of_prediction(const char *checkpoint, const char *out, const weft_prediction *p)
{
    static const char *const task[] = {
        [WEFT_TASK_CLASSES] = "classes", [WEFT_TASK_LABELS] = "labels", [WEFT_TASK_REGRESSION] = "regression"};
    json_t *object = json_object(), *names = json_array(), *labels = json_array(), *outputs = json_array(), *rows = json_array();
    for (size_t k = 0; p->name != NULL && k < p->outputs; k++)
        json_add(&names, json_of_text(p->name[k]));
    for (size_t n = 0; n < p->rows && out == NULL; n++) {       /* else they are in the file */
        json_t *row = json_array();
        for (size_t k = 0; k < p->outputs; k++)
            json_add(&row, json_of_real((double)p->output[n * p->outputs + k]));
        json_add(&outputs, row);
        json_add(&rows, json_of_count(p->row[n]));
        if (p->label != NULL)
            json_add(&labels, json_of_count((uint64_t)p->label[n]));
    }
    json_put(&object, "checkpoint", json_of_text(checkpoint));
    json_put(&object, "step", json_of_count(p->step));
    json_put(&object, "weights_digest", json_of_text(p->weights_digest));
    json_put(&object, "data", json_of_text(p->data));
    json_put(&object, "split", json_of_text(p->split));
    json_put(&object, "task", json_of_text(task[p->task]));
    json_put(&object, "rows", json_of_count(p->rows));
    json_put(&object, "outputs", json_of_count(p->outputs));
    json_put(&object, "names", names);
    json_put(&object, "out", json_of_text(out));
    json_put(&object, "row", rows);
    json_put(&object, "class", labels);
    json_put(&object, "output", outputs);
    return object;
}

static int write_prediction(const struct verb *verb, const char *checkpoint, const char *out, bool json, const weft_prediction *p)
{
    weft_status st = out != NULL ? weft_prediction_save(p, out) : WEFT_OK;
    if (st != WEFT_OK)
        return exit_failure(verb->name, st);
    if (json)
        return json_print(verb->name, json_of_prediction(checkpoint, out, p));
    if (out != NULL)
        printf("%zu rows of %s by the model of step %" PRIu64 ": %s\n", p->rows, p->data, p->step, out);
    else
        (void)weft_report_prediction(p, stdout);                /* a stream that fails shows in exit_flushed */
    return 0;
}

int cmd_predict(int argc, char **argv)
{
    const char *checkpoint = NULL, *out = NULL;
    uint64_t threads = 0;
    bool unsealed = false, json = false;
    weft_predict_options a = {0};
    const struct option_def options[] = {
        {"CHECKPOINT", OPERAND, &checkpoint, NULL, "a file, or a run's directory: then its best.h5, or last.h5 if it has no "
         "best"},
        {"data", OPT_STRING, &a.data, "URI", "the rows; default: those the model was trained on, as run.ini beside the checkpoint "
         "says"},
        {"split", OPT_STRING, &a.split, "train|validation|test|all", "all: every row that is no test row. Default: test, "
         "or all if there are no test rows"},
        {"out", OPT_STRING, &out, "FILE", "write to this file: CSV if it ends in .csv, HDF5 if in .h5 or .hdf5; an old one is "
         "replaced"},
        {"threads", OPT_COUNT, &threads, "N", "0, the default: as many as the machine and the work allow"},
        {"unsealed", OPT_FLAG, &unsealed, NULL, "take a file whose seal is missing or wrong, because it was edited"},
        {"json", OPT_FLAG, &json, NULL, "print one JSON object; the rows are in it if there is no --out"}, {0}
    };
    const struct verb verb = {"weft predict", ABOUT, options, false, EXAMPLES};
    weft_prediction prediction;
    int exit_code = options_parse(&verb, argc, argv);
    if (exit_code != OPTIONS_RUN)
        return exit_code;
    a.threads = (size_t)threads;
    a.unsealed = unsealed;
    weft_status st = weft_predict(checkpoint, &a, &prediction);
    if (st != WEFT_OK)
        return exit_failure(verb.name, st);
    exit_code = write_prediction(&verb, checkpoint, out, json, &prediction);
    weft_prediction_clear(&prediction);
    return exit_flushed(verb.name, exit_code);
}
