/* weft gradcheck: analytic against numerical gradient. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/options.h"
#include "weft/gradcheck.h"
#include "weft/report.h"

static const char ABOUT[] =
    "Hold the gradient that training uses against differences of the cost, for every parameter tensor. One training step is "
    "taken with the threads and kernels of a run; then its cost, loss plus penalties, is computed again in double "
    "precision, on the same rows with the same dropout, as plainly as it can be written, and with one parameter after the "
    "other moved to both sides. Without any argument: 784-128-10 on the built-in digits. Nothing is written to disk.\n\n"
    "The table: a is the analytic gradient, n the numerical one; |a - n| is the largest absolute error, relative the "
    "largest of |a - n| / max(|a|, |n|, 32 r / tolerance), with the place where that is. r is what roundings to float do to "
    "the element: the term decides only where the gradient is next to nothing beside the numbers it comes from. skipped: "
    "elements where the cost has a kink (of relu, leaky_relu, or of L1 at 0).\n\n"
    "Weights are the first ones of a run; biases, gammas and betas are moved a little at random, as 0 and 1 hide mistakes. "
    "Clipping is left out; decoupled decay is no part of the gradient. All random numbers follow from train.seed, and the "
    "figures are the same for any number of threads.\n\n"
    "Exit code 65 if the loss or an element of the gradient is off by more than the tolerance. It takes a second or so for "
    "small networks, and minutes where layers have thousands of units: then --samples 10 may do.";

static const char EXAMPLES[] =
    "  weft gradcheck study.ini\n"
    "  weft gradcheck --set network.hidden=20,7,5 --set network.batch_norm=before --rows 256\n"
    "  weft gradcheck study.ini --data idx:data/mnist --samples 1000 --json\n";

static const char NAME[] = "weft gradcheck";
static const uint64_t NOT_GIVEN = UINT64_MAX;

struct gradcheck_arguments {
    struct settings_arguments from;
    const char *tolerance;
    uint64_t samples, rows;
    bool json;
    weft_gradcheck_options options;
};

/* Returns 0, or the exit code after saying what is wrong. */
static int read_arguments(struct gradcheck_arguments *a)
{
    if (a->samples == 0 || a->rows == 0)
        return exit_message(NAME, WEFT_EINVAL, "--%s 0: wanted 1 or more", a->samples == 0 ? "samples" : "rows");
    a->options.samples = a->samples != NOT_GIVEN ? (size_t)a->samples : 0;
    a->options.rows = a->rows != NOT_GIVEN ? (size_t)a->rows : 0;
    if (a->tolerance == NULL)
        return 0;
    char *end = NULL;
    a->options.tolerance = strtod(a->tolerance, &end);
    if (end == a->tolerance || *end != '\0' || !(a->options.tolerance > 0 && a->options.tolerance < 1))
        return exit_message(NAME, WEFT_EINVAL, "--tolerance %s: wanted a number above 0 and below 1", a->tolerance);
    return 0;
}

/* ---- printing ---- */

static json_t *json_of_tensor(const weft_gradcheck_tensor *t)
{
    json_t *object = json_object(), *shape = json_array(), *worst = json_array();
    for (size_t i = 0; i < t->rank; i++) {
        json_add(&shape, json_of_count(t->dim[i]));
        json_add(&worst, json_of_count(t->worst[i]));
    }
    json_put(&object, "name", json_of_text(t->name));
    json_put(&object, "shape", shape);
    json_put(&object, "elements", json_of_count(t->elements));
    json_put(&object, "checked", json_of_count(t->checked));
    json_put(&object, "skipped", json_of_count(t->skipped));
    json_put(&object, "failed", json_of_count(t->failed));
    json_put(&object, "largest", json_of_real(t->largest));
    json_put(&object, "rounding", json_of_real(t->rounding));
    json_put(&object, "absolute_error", json_of_real(t->absolute_error));
    json_put(&object, "relative_error", json_of_real(t->relative_error));
    json_put(&object, "worst", worst);
    json_put(&object, "analytic", json_of_real(t->analytic));
    json_put(&object, "numerical", json_of_real(t->numerical));
    return object;
}

static json_t *json_of_gradcheck(const weft_gradcheck_result *r)
{
    json_t *object = json_object(), *tensors = json_array();
    for (size_t i = 0; i < r->tensors; i++)
        json_add(&tensors, json_of_tensor(&r->tensor[i]));
    json_put(&object, "ok", json_boolean(r->failed == 0));
    json_put(&object, "network", json_of_text(r->network));
    json_put(&object, "parameters", json_of_count(r->parameters));
    json_put(&object, "rows", json_of_count(r->rows));
    json_put(&object, "threads", json_of_count(r->threads));
    json_put(&object, "isa", json_of_text(r->isa));
    json_put(&object, "tolerance", json_of_real(r->tolerance));
    json_put(&object, "loss", json_of_real(r->loss));
    json_put(&object, "numerical_loss", json_of_real(r->numerical_loss));
    json_put(&object, "loss_error", json_of_real(r->loss_error));
    json_put(&object, "tensors", tensors);
    return object;
}

static void print_progress(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "%s\n", text);
}

/* The worst of what is off, in one line. */
static int say_what_is_off(const weft_gradcheck_result *r)
{
    const weft_gradcheck_tensor *worst = NULL;
    for (size_t i = 0; i < r->tensors; i++)
        if (r->tensor[i].failed > 0 && (worst == NULL || r->tensor[i].relative_error > worst->relative_error))
            worst = &r->tensor[i];
    if (worst == NULL)
        return exit_message(NAME, WEFT_EDATA, "the loss is %.9g in the training step, %.9g in double", r->loss, r->numerical_loss);
    size_t tensors = r->failed - !(r->loss_error <= r->tolerance);
    return exit_message(NAME, WEFT_EDATA, "the gradient is not the slope of the cost in %zu of %zu tensors: in %s it is %.6g where "
                        "the slope is %.6g", tensors, r->tensors, worst->name, worst->analytic, worst->numerical);
}

static int gradcheck(const struct gradcheck_arguments *a, const weft_settings *settings)
{
    weft_gradcheck_result result;
    weft_status st = weft_gradcheck(settings, &a->options, &result);
    if (st != WEFT_OK)
        return exit_failure(NAME, st);
    int exit_code = 0;
    if (a->json)
        exit_code = json_print(NAME, json_of_gradcheck(&result));
    else if ((st = weft_report_gradcheck(&result, stdout)) == WEFT_ENOMEM)
        exit_code = exit_failure(NAME, st);             /* a stream that fails shows below */
    exit_code = exit_flushed(NAME, exit_code);
    if (exit_code == 0 && result.failed > 0)
        exit_code = say_what_is_off(&result);
    weft_gradcheck_clear(&result);
    return exit_code;
}

int cmd_gradcheck(int argc, char **argv)
{
    struct gradcheck_arguments a = {.from.threads = THREADS_NOT_GIVEN, .samples = NOT_GIVEN, .rows = NOT_GIVEN,
                                    .options.on_progress = print_progress};
    const struct option_def options[] = {
        {"CONFIG.ini", OPERAND_OPTIONAL, &a.from.config, NULL, "settings; without it all have their defaults"},
        {"data", OPT_STRING, &a.from.data, "URI", "the data, as data.source"},
        {"set", OPT_STRINGS, &a.from.set, "SECTION.KEY=VALUE", "one setting, as weft train --help lists them; as often as needed"},
        {"samples", OPT_COUNT, &a.samples, "N", "elements of each tensor to look at, drawn at random from more; default 100"},
        {"rows", OPT_COUNT, &a.rows, "N", "rows of the batch; default: train.batch_size, 64 at most"},
        {"tolerance", OPT_STRING, &a.tolerance, "E", "largest relative error; default 0.001"},
        {"threads", OPT_COUNT, &a.from.threads, "N", "threads, as run.threads; 0: as many as the machine and the work allow"},
        {"json", OPT_FLAG, &a.json, NULL, "print one JSON object"}, {0}
    };
    const struct verb verb = {NAME, ABOUT, options, false, EXAMPLES};
    int exit_code = options_parse(&verb, argc, argv);
    if (exit_code == OPTIONS_RUN)
        exit_code = read_arguments(&a);
    else
        return exit_code;
    if (exit_code != 0)
        return exit_code;
    weft_settings *settings = weft_settings_create();
    weft_status st = settings != NULL ? arguments_apply(&a.from, settings) : WEFT_ENOMEM;
    exit_code = st == WEFT_OK ? gradcheck(&a, settings) : exit_failure(NAME, st);
    weft_settings_destroy(settings);
    return exit_code;
}
