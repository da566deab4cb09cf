/* weft bench: how fast training is, and how near to the processor's peak. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/options.h"
#include "weft/bench.h"

static const char ABOUT[] =
    "Measure how fast training is on this machine: samples per second of whole training steps, where the time of a step goes, "
    "and how fast each layer's products are by themselves, all beside what the processor could do at most (FMAs in registers) "
    "and how fast it reads memory. A minute or two for all built-in workloads; nothing is written to disk.\n\n"
    "The built-in workloads W1a ... W5 make their own rows (random bytes, random labels). With CONFIG.ini, its network is timed "
    "on its data instead.\n\n"
    "First the kernels are held against their definitions, at the sizes that will be timed; a difference is exit code 65. The "
    "timed stretches of different numbers of threads take turns; median, least and most of five are printed. Whatever else the "
    "machine does meanwhile shows in the figures.";

static const char EXAMPLES[] =
    "  weft bench\n"
    "  weft bench --workload W1a,W5 --threads 1,2,4\n"
    "  weft bench study.ini --seconds 2 --json\n"
    "  weft bench --workload W3 --set train.batch_size=128 --no-kernels\n";

enum { THREADS_LISTED_MAX = 64 };

struct bench_arguments {
    const char *config, *workloads, *threads, *seconds;
    struct strings set;
    bool kernels_only, no_kernels, json;
    size_t thread[THREADS_LISTED_MAX];
    weft_bench_options options;
};

static const char NAME[] = "weft bench";

/* "1,2,4" into the list. Returns 0, or the exit code after saying what is wrong. */
static int read_threads(struct bench_arguments *a)
{
    const char *at = a->threads;
    while (at != NULL) {
        char *end = NULL;
        bool is_number = *at >= '0' && *at <= '9';
        errno = 0;
        unsigned long count = is_number ? strtoul(at, &end, 10) : 0;
        if (!is_number || errno != 0 || (*end != ',' && *end != '\0'))
            return exit_message(NAME, WEFT_EINVAL, "--threads %s: wanted numbers with commas between them, such as 1,2,4",
                                a->threads);
        if (a->options.thread_counts == THREADS_LISTED_MAX)
            return exit_message(NAME, WEFT_EINVAL, "--threads %s: wanted %d numbers at most", a->threads, THREADS_LISTED_MAX);
        a->thread[a->options.thread_counts++] = count;
        at = *end == ',' ? end + 1 : NULL;
    }
    a->options.threads = a->thread;
    return 0;
}

static int read_seconds(struct bench_arguments *a)
{
    if (a->seconds == NULL)
        return 0;
    char *end = NULL;
    a->options.stretch_s = strtod(a->seconds, &end);
    if (end == a->seconds || *end != '\0' || !(a->options.stretch_s > 0) || !isfinite(a->options.stretch_s))
        return exit_message(NAME, WEFT_EINVAL, "--seconds %s: wanted a number greater than 0", a->seconds);
    return 0;
}

static int read_arguments(struct bench_arguments *a)
{
    int exit_code = read_threads(a);
    if (exit_code == 0)
        exit_code = read_seconds(a);
    if (exit_code != 0)
        return exit_code;
    if (a->config != NULL && a->workloads != NULL)
        return exit_message(NAME, WEFT_EINVAL, "%s and --workload %s: wanted one or the other", a->config, a->workloads);
    if (a->kernels_only && a->no_kernels)
        return exit_message(NAME, WEFT_EINVAL, "--kernels-only and --no-kernels: nothing is left to time");
    a->options.skip_training = a->kernels_only;
    a->options.skip_kernels = a->no_kernels;
    a->options.workloads = a->workloads;
    return 0;
}

/* ---- printing ---- */

static json_t *json_of_machine(const weft_bench_result *r)
{
    json_t *object = json_object();
    json_put(&object, "cpu", json_of_text(r->cpu));
    json_put(&object, "cores", json_of_count(r->cores));
    json_put(&object, "isa", json_of_text(r->isa));
    return object;
}

static json_t *json_of_timing(const weft_bench_timing *t)
{
    json_t *object = json_object(), *samples_per_s = json_object(), *phases = json_object();
    json_put(&samples_per_s, "median", json_of_real(t->samples_per_s.median));
    json_put(&samples_per_s, "min", json_of_real(t->samples_per_s.min));
    json_put(&samples_per_s, "max", json_of_real(t->samples_per_s.max));
    for (size_t p = 0; p < WEFT_BENCH_PHASES; p++)
        json_put(&phases, weft_bench_phase_name((weft_bench_phase)p), json_of_real(t->phase_us[p]));
    json_put(&object, "threads", json_of_count(t->threads));
    json_put(&object, "samples_per_s", samples_per_s);
    json_put(&object, "step_us", json_of_real(t->step_us));
    json_put(&object, "gflops", json_of_real(t->gflops));
    json_put(&object, "share_of_peak", json_of_real(t->share_of_peak));
    json_put(&object, "phases", phases);
    return object;
}

static json_t *json_of_workload(const weft_bench_workload *w)
{
    json_t *object = json_object(), *threads = json_array();
    for (size_t i = 0; i < w->timings; i++)
        json_add(&threads, json_of_timing(&w->timing[i]));
    json_put(&object, "name", json_of_text(w->name));
    json_put(&object, "network", json_of_text(w->network));
    json_put(&object, "batch", json_of_count(w->batch));
    json_put(&object, "parameters", json_of_count(w->parameters));
    json_put(&object, "flop_per_sample", json_of_real(w->flop_per_sample));
    json_put(&object, "threads", threads);
    return object;
}

static json_t *json_of_kernel(const weft_bench_kernel *k)
{
    json_t *object = json_object();
    json_put(&object, "workload", json_of_text(k->workload));
    json_put(&object, "layer", json_of_count(k->layer));
    json_put(&object, "direction", json_of_text(k->direction));
    json_put(&object, "rows", json_of_count(k->rows));
    json_put(&object, "fan_in", json_of_count(k->fan_in));
    json_put(&object, "fan_out", json_of_count(k->fan_out));
    json_put(&object, "gflops", json_of_real(k->gflops));
    json_put(&object, "share_of_peak", json_of_real(k->share_of_peak));
    return object;
}

static json_t *json_of_bench(const weft_bench_result *r)
{
    json_t *object = json_object(), *peak = json_object(), *bandwidth = json_object(), *workloads = json_array(),
           *kernels = json_array(), *memory = json_object(), *l2 = json_object(), *barrier = json_object();
    for (size_t i = 0; i < r->rates; i++) {
        char threads[24];
        snprintf(threads, sizeof threads, "%zu", r->rate[i].threads);
        json_put(&peak, threads, json_of_real(r->rate[i].peak_gflops));
        json_put(&memory, threads, json_of_real(r->rate[i].memory_gb_per_s));
        json_put(&l2, threads, json_of_real(r->rate[i].l2_gb_per_s));
        json_put(&barrier, threads, json_of_real(r->rate[i].barrier_us));
    }
    json_put(&bandwidth, "memory", memory);
    json_put(&bandwidth, "l2", l2);
    for (size_t i = 0; i < r->workloads; i++)
        json_add(&workloads, json_of_workload(&r->workload[i]));
    for (size_t i = 0; i < r->kernels; i++)
        json_add(&kernels, json_of_kernel(&r->kernel[i]));
    json_put(&object, "machine", json_of_machine(r));
    json_put(&object, "stretch_s", json_of_real(r->stretch_s));
    json_put(&object, "peak_gflops", peak);
    json_put(&object, "bandwidth_gb_per_s", bandwidth);
    json_put(&object, "barrier_us", barrier);
    json_put(&object, "workloads", workloads);
    json_put(&object, "kernels", kernels);
    return object;
}

/* ---- running ---- */

static void print_progress(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "%s\n", text);
}

/* Settings of the configuration file, if there is one; else --set is for the built-in workloads. */
static weft_status read_settings(struct bench_arguments *a, weft_settings **settings)
{
    *settings = NULL;
    if (a->config == NULL) {
        a->options.assignments = a->set.item;
        a->options.assignment_count = a->set.count;
        return WEFT_OK;
    }
    if ((*settings = weft_settings_create()) == NULL)
        return WEFT_ENOMEM;
    weft_status st = weft_settings_load(*settings, a->config);
    for (size_t i = 0; i < a->set.count && st == WEFT_OK; i++)
        st = weft_settings_assign(*settings, a->set.item[i]);
    a->options.settings = *settings;
    a->options.settings_name = a->config;
    return st;
}

static int bench(struct bench_arguments *a)
{
    weft_settings *settings;
    weft_bench_result result = {0};
    weft_status st = read_settings(a, &settings);
    if (st == WEFT_OK)
        st = weft_bench(&a->options, &result);
    weft_settings_destroy(settings);
    if (st != WEFT_OK)
        return exit_failure(NAME, st);
    int exit_code = 0;
    if (a->json)
        exit_code = json_print(NAME, json_of_bench(&result));
    else if ((st = weft_report_bench(&result, stdout)) == WEFT_ENOMEM)
        exit_code = exit_failure(NAME, st);             /* a stream that fails shows below */
    weft_bench_result_clear(&result);
    return exit_flushed(NAME, exit_code);
}

int cmd_bench(int argc, char **argv)
{
    struct bench_arguments a = {.options.on_progress = print_progress};
    const struct option_def options[] = {
        {"CONFIG.ini", OPERAND_OPTIONAL, &a.config, NULL, "settings of the network and the data to time; without it, the "
         "built-in workloads"},
        {"workload", OPT_STRING, &a.workloads, "NAMES", "built-in workloads, such as W1a,W3; default: all of W1a W1b W1c W2a W2b "
         "W2c W3 W4 W5"},
        {"threads", OPT_STRING, &a.threads, "N,N...", "numbers of threads; default: 1, 2, 4 ... up to as many as the machine and "
         "the workload allow"},
        {"seconds", OPT_STRING, &a.seconds, "S", "length of one timed stretch; default 0.5"},
        {"set", OPT_STRINGS, &a.set, "SECTION.KEY=VALUE", "one setting, as weft train --help lists them, in CONFIG.ini's or in "
         "each built-in workload; as often as needed"},
        {"kernels-only", OPT_FLAG, &a.kernels_only, NULL, "only the machine and each layer's products"},
        {"no-kernels", OPT_FLAG, &a.no_kernels, NULL, "only the machine and the training"},
        {"json", OPT_FLAG, &a.json, NULL, "print one JSON object"}, {0}
    };
    const struct verb verb = {NAME, ABOUT, options, false, EXAMPLES};
    int exit_code = options_parse(&verb, argc, argv);
    if (exit_code == OPTIONS_RUN)
        exit_code = read_arguments(&a);
    else
        return exit_code;
    return exit_code == 0 ? bench(&a) : exit_code;
}
