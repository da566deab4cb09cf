/* weft report: runs, or a sweep, as a page. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/chart_files.h"
#include "cli/command.h"
#include "cli/json.h"
#include "cli/options.h"
#include "weft/page.h"

static const char ABOUT[] =
    "Write a page about a run: what came of it, its learning curves, how the weights of each layer changed, pictures of the first "
    "layer's weights, confusion matrix and figures of each class, all settings. The page is one HTML file that needs no network "
    "and no scripts; it can be sent, printed and put on a web site. A run that still goes on has a page, too.\n\n"
    "Of several runs the page begins with a comparison: final figures, settings that differ, curves in common charts. Of a sweep's "
    "directory it begins with the combinations, mean and standard deviation over the seeds.\n\n"
    "The same files give the same page, byte for byte. The data are not needed.";

static const char EXAMPLES[] =
    "  weft report checkpoints/run-001\n"
    "  weft report checkpoints/run-001 checkpoints/run-002 --out comparison.html\n"
    "  weft report checkpoints/my-sweep --png charts\n";

/* What is reported, and where to. */
struct report {
    struct strings directories;
    const char *out, *title;
    bool json;
    struct chart_files charts;          /* directory is NULL without --png */
    weft_sweep *sweep;                  /* NULL: runs */
    weft_sweep_summary summary;
    weft_run *run;
    size_t runs;                        /* a sweep's that are not over are all 0 */
    char *page;                         /* open_memstream's */
    size_t size_bytes;
};

static int short_of_memory(const char *verb)
{
    return exit_message(verb, WEFT_ENOMEM, "write the page: not enough memory");
}

/* ---- reading ---- */

/* A sweep's run that has not begun, or is not over, is left out. */
static weft_status read_sweep_run(const char *directory, weft_run *run)
{
    weft_status st = weft_run_read(directory, run);
    if (st == WEFT_OK && !run->is_over)
        weft_run_clear(run);
    return st == WEFT_ENOINPUT ? WEFT_OK : st;
}

static weft_status read_runs(struct report *r)
{
    for (size_t i = 0; i < r->runs; i++) {
        weft_status st = r->sweep != NULL ? read_sweep_run(r->sweep->run[i].directory, &r->run[i])
                         : weft_run_read(r->directories.item[i], &r->run[i]);
        if (st != WEFT_OK)
            return st;
    }
    return WEFT_OK;
}

/* Returns 0, or the exit code after saying what is wrong. */
static int read_all(struct report *r, const char *verb)
{
    weft_status st = WEFT_OK;
    for (size_t i = 0; i < r->directories.count; i++)
        if (r->directories.count > 1 && weft_sweep_is_directory(r->directories.item[i]))
            return exit_message(verb, WEFT_EINVAL, "%s is a sweep's directory: found %zu directories, wanted it alone",
                                r->directories.item[i], r->directories.count);
    if (weft_sweep_is_directory(r->directories.item[0])) {
        st = weft_sweep_read(r->directories.item[0], &r->sweep);
        if (st == WEFT_OK)
            st = weft_sweep_summarize(r->sweep, &r->summary);
        if (st != WEFT_OK)
            return exit_failure(verb, st);
    }
    r->runs = r->sweep != NULL ? r->sweep->runs : r->directories.count;
    r->run = calloc(r->runs > 0 ? r->runs : 1, sizeof *r->run);
    if (r->run == NULL)
        return short_of_memory(verb);
    st = read_runs(r);
    return st == WEFT_OK ? 0 : exit_failure(verb, st);
}

static void clear(struct report *r)
{
    for (size_t i = 0; i < r->runs && r->run != NULL; i++)
        weft_run_clear(&r->run[i]);
    free(r->run);
    weft_sweep_summary_clear(&r->summary);
    weft_sweep_destroy(r->sweep);
    chart_files_clear(&r->charts);
    free(r->page);
}

/* ---- writing ---- */

static int write_page(struct report *r, const char *verb)
{
    const weft_page_options options = {r->title, r->charts.directory != NULL ? chart_files_add : NULL, &r->charts};
    FILE *stream = open_memstream(&r->page, &r->size_bytes);
    if (stream == NULL)
        return short_of_memory(verb);
    weft_status st = r->sweep != NULL ? weft_page_write_sweep(r->sweep, &r->summary, r->run, &options, stream)
                     : weft_page_write(r->run, r->runs, &options, stream);
    if (fclose(stream) != 0 && st == WEFT_OK)
        st = WEFT_ENOMEM;
    return st == WEFT_OK ? 0 : st == WEFT_ENOMEM ? short_of_memory(verb) : exit_failure(verb, st);
}

static bool goes_to_stdout(const struct report *r)
{
    return r->out != NULL && strcmp(r->out, "-") == 0;
}

/* Where the page goes: in the directory, if it is about one. */
static int save_page(struct report *r, char *path, size_t capacity, const char *verb)
{
    int length = r->out != NULL ? snprintf(path, capacity, "%s", r->out)
                 : r->directories.count > 1 ? snprintf(path, capacity, "report.html")
                 : snprintf(path, capacity, "%s/report.html", r->directories.item[0]);
    if (length >= (int)capacity)
        return exit_message(verb, WEFT_ECREATE, "write the page: the path %.60s... is too long", path);
    if (goes_to_stdout(r)) {
        fwrite(r->page, 1, r->size_bytes, stdout);              /* a stream that fails shows in exit_flushed */
        return 0;
    }
    weft_status st = weft_page_save(path, r->page, r->size_bytes);
    return st == WEFT_OK ? 0 : exit_failure(verb, st);
}

static int print_result(const struct report *r, const char *path, const char *verb)
{
    if (goes_to_stdout(r))
        return 0;
    if (!r->json) {
        printf("%s: %zu bytes\n", path, r->size_bytes);
        if (r->charts.directory != NULL)
            printf("%s: %zu charts, each as .svg and .png\n", r->charts.directory, r->charts.count);
        return 0;
    }
    json_t *object = json_object(), *charts = json_array();
    for (size_t i = 0; i < r->charts.count; i++)
        json_add(&charts, json_of_text(r->charts.name[i]));
    json_put(&object, "out", json_of_text(path));
    json_put(&object, "size_bytes", json_of_count(r->size_bytes));
    json_put(&object, "runs", json_of_count(r->runs));
    json_put(&object, "sweep", r->sweep != NULL ? json_of_text(r->sweep->name) : json_null());
    json_put(&object, "chart_directory", json_of_text(r->charts.directory));
    json_put(&object, "charts", charts);
    return json_print(verb, object);
}

static int report(struct report *r, const char *verb)
{
    char path[4096];
    int exit_code = read_all(r, verb);
    if (exit_code == 0)
        exit_code = write_page(r, verb);
    if (exit_code == 0)
        exit_code = save_page(r, path, sizeof path, verb);
    if (exit_code == 0)
        exit_code = chart_files_convert(&r->charts, verb);
    return exit_code == 0 ? print_result(r, path, verb) : exit_code;
}

int cmd_report(int argc, char **argv)
{
    struct report r = {0};
    const struct option_def options[] = {
        {"DIR", OPERANDS, &r.directories, NULL, "runs' directories, or one of a sweep"},
        {"out", OPT_STRING, &r.out, "FILE.html", "write the page here, and replace what is there; -: to stdout. Default: "
         "report.html in DIR, or of several runs in the working directory"},
        {"png", OPT_STRING, &r.charts.directory, "DIR", "also write every chart into this directory, as SVG and, by rsvg-convert "
         "(librsvg2-bin), as PNG; made if it is missing"},
        {"title", OPT_STRING, &r.title, "TEXT", "the page's title; default: the name of the run or the sweep"},
        {"json", OPT_FLAG, &r.json, NULL, "print one JSON object: what was written"}, {0}
    };
    const struct verb verb = {"weft report", ABOUT, options, false, EXAMPLES};
    int exit_code = options_parse(&verb, argc, argv);
    if (exit_code != OPTIONS_RUN)
        return exit_code;
    if (goes_to_stdout(&r) && r.json)
        return exit_message(verb.name, WEFT_EINVAL, "--json and --out - would both go to stdout: one of them, please");
    exit_code = report(&r, verb.name);
    clear(&r);
    return exit_flushed(verb.name, exit_code);
}
