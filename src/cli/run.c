/* See run.h. */
#include "cli/run.h"

#include <inttypes.h>
#include <string.h>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/shell_word.h"
#include "cli/signals.h"
#include "weft/checkpoint.h"

static const char *const split_name[] = {"train", "validation", "test"};
enum { SPLITS = sizeof split_name / sizeof *split_name };

static bool progress_style_of(const char *name, weft_progress_style *style)
{
    static const char *const known[] = {
        [WEFT_PROGRESS_AUTO] = "auto", [WEFT_PROGRESS_BAR] = "bar", [WEFT_PROGRESS_LINES] = "lines",
        [WEFT_PROGRESS_NONE] = "none",
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(name, known[i]) == 0) {
            *style = (weft_progress_style)i;
            return true;
        }
    return false;
}

int run_open(struct run *run)
{
    weft_progress_style style = WEFT_PROGRESS_AUTO;
    if (run->progress_name != NULL && !progress_style_of(run->progress_name, &style))
        return exit_message(run->verb, WEFT_EINVAL, "--progress: found '%s', wanted auto, bar, lines or none",
                            run->progress_name);
    run->progress = weft_progress_create(style, stderr);
    if (run->progress == NULL)
        return exit_failure(run->verb, WEFT_ENOMEM);
    signals_install();
    return 0;
}

const char *run_stop_words(const char *stop_reason)
{
    static const struct { const char *reason, *words; } known[] = {
        {"epochs", "all epochs are done"}, {"steps", "all steps are done"}, {"max_time", "train.max_time is up"},
        {"early_stop", "no better for train.patience"}, {"request", "stopped on request"},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(stop_reason, known[i].reason) == 0)
            return known[i].words;
    return stop_reason;
}

/* ---- what came of it, for people ---- */

/* Four decimals, unless the loss would be all zeros. */
static void print_split(const weft_evaluation *e, double score)
{
    bool is_tiny = e->loss != 0 && e->loss < 5e-5;
    printf(is_tiny ? "%-10s  %9.2e %9.2e %9.4f %9zu\n" : "%-10s  %9.4f %9.4f %9.4f %9zu\n", e->split, e->cost, e->loss, score,
           e->rows);
}

static void print_figures(const weft_trainer *trainer)
{
    const weft_evaluation *train = weft_trainer_evaluation(trainer, split_name[0]);
    bool has_values = train != NULL && train->task == WEFT_TASK_REGRESSION;
    printf("\n%-10s  %9s %9s %9s %9s\n", "", "cost", "loss", has_values ? "R^2" : "accuracy", "rows");
    for (size_t s = 0; s < SPLITS; s++) {
        const weft_evaluation *e = weft_trainer_evaluation(trainer, split_name[s]);
        if (e != NULL)
            print_split(e, has_values ? e->r2 : e->accuracy);
    }
}

static void print_next(const weft_summary *s)
{
    char word[SHELL_WORD_BYTES];
    const char *directory = shell_word(s->directory, word, sizeof word);
    printf("\nNext:\n");
    if (strcmp(s->stop_reason, "max_time") == 0)
        printf("  weft resume %s    go on\n", directory);
    printf("  weft eval %s       how well it does, in detail\n", directory);
    printf("  weft inspect %s    its layers and settings\n", directory);
}

static void print_summary(const weft_trainer *trainer, const weft_summary *s)
{
    printf("%s: %" PRIu64 " steps, %.2f epochs", run_stop_words(s->stop_reason), s->steps, s->epochs);
    if (s->samples_per_s > 0)                           /* else this call had nothing left to train */
        printf("; %.1f s, %.0f samples/s on %zu thread%s", s->elapsed_s, s->samples_per_s, s->threads,
               s->threads == 1 ? "" : "s");
    putchar('\n');
    print_figures(trainer);
    if (s->restored_best)
        printf("(of the best model, that of step %" PRId64 ")\n", s->best_step);
    printf("\ncheckpoint      %s/last.h5, verified\n", s->directory);
    if (s->best_step >= 0)
        printf("best model      %s/best.h5, step %" PRId64 ", %s %.4f\n", s->directory, s->best_step, s->best_metric,
               s->best_value);
    printf("weights digest  %s\n", s->weights_digest);
    print_next(s);
}

/* ---- and for programs ---- */

static json_t *json_of_summary(const weft_trainer *trainer, const weft_summary *s)
{
    json_t *object = json_object();
    bool has_best = s->best_step >= 0;
    json_put(&object, "stop_reason", json_of_text(s->stop_reason));
    json_put(&object, "steps", json_of_count(s->steps));
    json_put(&object, "epochs", json_of_real(s->epochs));
    for (size_t i = 0; i < SPLITS; i++)
        json_put(&object, split_name[i], json_of_figures(weft_trainer_evaluation(trainer, split_name[i])));
    json_put(&object, "restored_best", json_boolean(s->restored_best));
    json_put(&object, "best_metric", has_best ? json_of_text(s->best_metric) : json_null());
    json_put(&object, "best_step", has_best ? json_integer(s->best_step) : json_null());
    json_put(&object, "best_value", has_best ? json_of_real(s->best_value) : json_null());
    json_put(&object, "weights_digest", json_of_text(s->weights_digest));
    json_put(&object, "directory", json_of_text(s->directory));
    json_put(&object, "threads", json_of_count(s->threads));
    json_put(&object, "samples_per_s", json_of_real(s->samples_per_s));
    json_put(&object, "training_time_s", json_of_real(s->training_time_s));
    json_put(&object, "elapsed_s", json_of_real(s->elapsed_s));
    return object;
}

/* ---- the run ---- */

/* The last checkpoint as a reader will find it. */
static weft_status verify_last(const char *directory)
{
    char path[4200];
    int length = snprintf(path, sizeof path, "%s/last.h5", directory);
    return length >= 0 && (size_t)length < sizeof path ? weft_checkpoint_verify(path) : WEFT_OK;
}

static int tell_stop(const struct run *run, const char *directory)
{
    char word[SHELL_WORD_BYTES];
    return exit_message(run->verb, WEFT_ESTOPPED, "%s; go on with: weft resume %s", weft_last_error(),
                        shell_word(directory, word, sizeof word));
}

/* After WEFT_OK everything is told; after a stop on request only JSON has an object, and its evaluations are null. */
static int report_run(const struct run *run, weft_status st)
{
    weft_summary summary;
    weft_trainer_summary(run->trainer, &summary);
    int exit_code = st == WEFT_OK ? 0 : st == WEFT_ESTOPPED ? tell_stop(run, summary.directory) : exit_failure(run->verb, st);
    if (st == WEFT_OK && (st = verify_last(summary.directory)) != WEFT_OK)
        return exit_failure(run->verb, st);
    if (st == WEFT_ESTOPPED && summary.stop_reason[0] == '\0')
        summary.stop_reason = "request";
    if (run->json && (st == WEFT_OK || st == WEFT_ESTOPPED)) {
        int failed = json_print(run->verb, json_of_summary(run->trainer, &summary));
        exit_code = exit_code != 0 ? exit_code : failed;
    } else if (st == WEFT_OK) {
        print_summary(run->trainer, &summary);
    }
    return exit_flushed(run->verb, exit_code);
}

int run_finish(struct run *run, weft_status created)
{
    weft_status st = created;
    if (created == WEFT_OK) {
        signals_attach(run->trainer);
        st = weft_trainer_run(run->trainer);
        signals_attach(NULL);
    }
    weft_progress_destroy(run->progress);               /* ends its line before the next message */
    int exit_code = created == WEFT_OK ? report_run(run, st) : exit_failure(run->verb, st);
    weft_trainer_destroy(run->trainer);
    return exit_code;
}
