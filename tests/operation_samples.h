/* What else a program does with runs: a call of the library each (or a few that belong together), for the tests that make calls and
 * allocations fail in it. */
#ifndef TESTS_OPERATION_SAMPLES_H
#define TESTS_OPERATION_SAMPLES_H

#include "failure_samples.h"

#include <hdf5.h>
#include <hdf5_hl.h>

/* What an operation found: to be the same whenever it returns WEFT_OK. */
static double found;
static weft_settings *sample_settings;

/* A finished run of a sweep in "sweep", which "sweep.ini" describes. */
static inline weft_sweep *sample_sweep(weft_status *st)
{
    weft_sweep *sweep = NULL;
    *st = weft_sweep_load(in_scratch("sweep.ini"), 0, NULL, in_scratch("sweep"), &sweep);
    expect((*st == WEFT_OK) == (sweep != NULL), "a sweep goes with WEFT_OK");
    return sweep;
}

/* Data as HDF5, 24 rows of 4 features. */
static inline void write_hdf5_data(void)
{
    static const hsize_t dim[2] = {24, 4};
    uint8_t x[24][4], y[24];
    for (size_t n = 0; n < 24; n++) {
        y[n] = (uint8_t)(n % 3);
        for (size_t j = 0; j < 4; j++)
            x[n][j] = (uint8_t)(n * 10 + j * y[n]);
    }
    hid_t file = H5Fcreate(in_scratch("data.h5"), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(H5LTmake_dataset(file, "x_train", 2, dim, H5T_NATIVE_UINT8, x) >= 0);
    assert_true(H5LTmake_dataset(file, "y_train", 1, dim, H5T_NATIVE_UINT8, y) >= 0);
    assert_true(H5Fclose(file) >= 0);
}

static inline int operations_make(void **state)
{
    weft_status st;
    weft_trainer *trainer;
    char text[600];
    if (samples_make(state) != 0)
        return -1;
    snprintf(text, sizeof text, "[data]\nsource = idx:%s\nvalidation_fraction = 0.25\n[network]\nhidden = 3\n[train]\nbatch_size = 12\n"
             "steps = 2\n[sweep]\nseeds = 1\nregularization.l2 = 0 | 0.1\n", in_scratch("data"));
    put_file(in_scratch("sweep.ini"), text, strlen(text));
    weft_sweep *sweep = sample_sweep(&st);
    assert_ok(st);
    assert_ok(weft_sweep_begin(sweep));
    assert_ok(weft_sweep_run_open(sweep, 0, NULL, NULL, NULL, &trainer));
    assert_ok(weft_trainer_run(trainer));
    weft_trainer_destroy(trainer);
    weft_sweep_destroy(sweep);
    sample_settings = small_settings();
    write_hdf5_data();
    return mkdir(in_scratch("out"), 0777);
}

static inline int operations_remove(void **state)
{
    weft_settings_destroy(sample_settings);
    return samples_remove(state);
}

static inline weft_status do_evaluate(void)
{
    weft_evaluation evaluation = {0};
    const weft_evaluate_options options = {.threads = 1};
    weft_status st = weft_evaluate(in_scratch("whole"), &options, &evaluation, NULL);
    found = evaluation.loss;
    weft_evaluation_clear(&evaluation);
    return st;
}

static inline weft_status do_predict(void)
{
    weft_prediction prediction = {0};
    const weft_predict_options options = {.threads = 1};
    weft_status st = weft_predict(in_scratch("whole/last.h5"), &options, &prediction);
    found = st == WEFT_OK ? (double)prediction.output[prediction.rows * prediction.outputs - 1] : 0;
    if (st == WEFT_OK) st = weft_prediction_save(&prediction, in_scratch("out/prediction.h5"));
    if (st == WEFT_OK) st = weft_prediction_save(&prediction, in_scratch("out/prediction.csv"));
    weft_prediction_clear(&prediction);
    return st;
}

static inline weft_status do_inspect(void)
{
    weft_checkpoint_info info = {0};
    weft_weights weights = {0};
    weft_status st = weft_checkpoint_inspect(in_scratch("whole"), 0, &info);
    if (st == WEFT_OK)
        st = weft_checkpoint_weights(in_scratch("whole"), WEFT_LAYERS_ALL, 0, &weights);
    found = st == WEFT_OK ? info.tensor[0].l2_norm + (double)weights.layer[0].weight[0] : 0;
    weft_checkpoint_info_clear(&info);
    weft_weights_clear(&weights);
    return st;
}

static inline weft_status do_verify(void)
{
    return weft_checkpoint_verify(in_scratch("whole/last.h5"));
}

static inline weft_status do_seal(void)
{
    return weft_checkpoint_seal(in_scratch("whole/last.h5"));
}

static inline weft_status do_settings(void)
{
    char text[64] = "";
    weft_settings *settings = weft_settings_create();
    weft_status st = settings != NULL ? weft_settings_load(settings, in_scratch("whole/run.ini")) : WEFT_ENOMEM;
    if (st == WEFT_OK)
        st = weft_settings_get(settings, "checkpoint.keep", text, sizeof text);
    found = strtod(text, NULL);
    weft_settings_destroy(settings);
    return st;
}

static inline weft_status do_plan(void)
{
    weft_plan plan = {0};
    weft_status st = weft_plan_make(sample_settings, NULL, &plan);
    found = (double)plan.evaluation_bytes;
    weft_plan_clear(&plan);
    return st;
}

static inline weft_status do_hdf5(void)
{
    weft_plan plan = {0};
    char source[PATH_MAX + 8];
    weft_settings *settings = weft_settings_create();
    weft_status st = settings != NULL ? weft_settings_load(settings, in_scratch("whole/run.ini")) : WEFT_ENOMEM;
    snprintf(source, sizeof source, "hdf5:%s", in_scratch("data.h5"));
    if (st == WEFT_OK) st = weft_settings_set(settings, "data.source", source);
    if (st == WEFT_OK) st = weft_settings_set(settings, "train.batch_size", "8");
    if (st == WEFT_OK) st = weft_plan_make(settings, NULL, &plan);
    found = (double)plan.evaluation_bytes;
    weft_plan_clear(&plan);
    weft_settings_destroy(settings);
    return st;
}

static inline weft_status do_gradcheck(void)
{
    weft_gradcheck_result result = {0};
    const weft_gradcheck_options options = {.rows = 4};
    weft_status st = weft_gradcheck(sample_settings, &options, &result);
    weft_gradcheck_clear(&result);
    return st;
}

static inline weft_status do_page(void)
{
    static char page[1 << 20];
    weft_run run = {0};
    weft_status st = weft_run_read(in_scratch("whole"), &run);
    FILE *stream = fmemopen(page, sizeof page, "w");
    if (st == WEFT_OK)
        st = stream != NULL ? weft_page_write(&run, 1, NULL, stream) : WEFT_ENOMEM;
    if (stream != NULL)
        fclose(stream);
    found = (double)strlen(page);
    if (st == WEFT_OK) st = weft_page_save(in_scratch("out/page.html"), page, strlen(page));
    if (st == WEFT_OK) st = weft_page_save_chart(in_scratch("out/charts"), "a-chart", page, 100);
    weft_run_clear(&run);
    return st;
}

static inline weft_status do_sweep(void)
{
    weft_sweep_summary summary = {0};
    weft_sweep_state over, missing;
    weft_status st;
    weft_sweep *sweep = sample_sweep(&st);
    if (st == WEFT_OK) st = weft_sweep_begin(sweep);
    if (st == WEFT_OK) st = weft_sweep_run_state(sweep, 0, &over);
    if (st == WEFT_OK) st = weft_sweep_run_state(sweep, 1, &missing);
    if (st == WEFT_OK) st = weft_sweep_summarize(sweep, &summary);
    found = st == WEFT_OK ? 100 * over + 10 * missing + (double)summary.over[0] : 0;
    if (st == WEFT_OK) st = weft_sweep_summary_save(sweep, &summary);
    weft_sweep_summary_clear(&summary);
    weft_sweep_destroy(sweep);
    return st;
}

static struct told told_of_runs;        /* of a sweep */

/* The run that is over, and one that is begun anew each time. */
static inline weft_status do_sweep_runs(void)
{
    weft_status st;
    told_of_runs = (struct told){0};
    weft_sweep *sweep = sample_sweep(&st);
    for (size_t i = 0; i < 2 && st == WEFT_OK; i++) {
        weft_trainer *trainer = NULL;
        st = weft_sweep_run_open(sweep, i, NULL, on_event, &told_of_runs, &trainer);
        expect((st == WEFT_OK) == (trainer != NULL), "a trainer goes with WEFT_OK");
        weft_trainer_destroy(trainer);
    }
    weft_sweep_destroy(sweep);
    return st;
}

static inline weft_status do_digits(void)
{
    return weft_digits_write(in_scratch("out/digits"), 3, 2, 1);
}

static const struct operation {
    const char *name;
    weft_status (*go)(void);
    const char *output[4];              /* files that it writes, NULL behind the last */
} operation[] = {
    {"evaluate", do_evaluate, {NULL}},
    {"predict", do_predict, {"out/prediction.h5", "out/prediction.csv", NULL}},
    {"inspect", do_inspect, {NULL}},
    {"verify", do_verify, {NULL}},
    {"seal", do_seal, {"whole/last.h5", NULL}},
    {"settings", do_settings, {NULL}},
    {"plan", do_plan, {NULL}},
    {"HDF5 data", do_hdf5, {NULL}},
    {"gradcheck", do_gradcheck, {NULL}},
    {"page", do_page, {"out/page.html", "out/charts/a-chart.svg", NULL}},
    {"sweep", do_sweep, {"sweep/sweep.ini", "sweep/summary.csv", "sweep/summary.h5", NULL}},
    {"runs of a sweep", do_sweep_runs, {"sweep/l2=0/seed-1/last.h5", NULL}},
    {"digits", do_digits, {"out/digits/t10k-images-idx3-ubyte", "out/digits/train-labels-idx1-ubyte", NULL}},
};

/* A run of a sweep that cannot be read counts as not over, and going on with it says what is wrong; that passes over a checkpoint
 * that cannot be read, but for a note. */
static inline bool passes_over(const struct operation *of)
{
    return of->go == do_sweep || (of->go == do_sweep_runs && told_of_runs.notes > 0);
}

/* ---- what it must come to ---- */

struct outcome {
    double found;
    struct bytes output[4];
};

static inline void outcome_take(const struct operation *of, struct outcome *outcome)
{
    *outcome = (struct outcome){.found = found};
    for (size_t i = 0; of->output[i] != NULL; i++)
        outcome->output[i].bytes = get_file(in_scratch(of->output[i]), &outcome->output[i].size_bytes);
}

static inline void outcome_clear(struct outcome *outcome)
{
    for (size_t i = 0; i < COUNT(outcome->output); i++)
        free(outcome->output[i].bytes);
}

/* Each file is as it was before, which for most is nothing, or as it is to be: never in between. is_done: it is to be there. */
static inline void expect_outcome(const struct operation *of, const struct outcome *outcome, bool is_done)
{
    expect(!is_done || found == outcome->found, "found %.17g, wanted %.17g", found, outcome->found);
    for (size_t i = 0; of->output[i] != NULL; i++) {
        size_t size_bytes;
        if (!is_done && !exists(in_scratch(of->output[i])))
            continue;
        unsigned char *bytes = get_file(in_scratch(of->output[i]), &size_bytes);
        expect(size_bytes == outcome->output[i].size_bytes && memcmp(bytes, outcome->output[i].bytes, size_bytes) == 0,
               "%s is neither what it was nor what it is to be", of->output[i]);
        free(bytes);
    }
}

static inline void clear_outputs(const struct operation *of)
{
    for (size_t i = 0; of->output[i] != NULL; i++)
        if (strncmp(of->output[i], "out/", 4) == 0)
            (void)unlink(in_scratch(of->output[i]));
    if (strncmp(of->name, "runs", 4) == 0 && exists(in_scratch("sweep/l2=0.1")))
        clear_directory("sweep/l2=0.1/seed-1");
}

#endif
