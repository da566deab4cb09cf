/* A plan as an INI file: settings as they are, all else in comments. No line is longer than 198 bytes, which is what any build
 * of the reader takes. */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"
#include "report/table.h"
#include "weft/report.h"

static const char COMMENT[] = "; ", PLAIN[] = "";

static const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* ---- settings ---- */

enum { PIECE_BYTES = 150, SHORT_BYTES = 100, VALUE_COLUMN = 25, DEFAULT_COLUMN = 56 };

/* How much of a value goes into a line: all of it, or up to a place where neither side loses a blank nor the next line becomes a
 * comment. There is such a place, or run.ini could not be written either. */
static size_t piece_length(const char *value)
{
    size_t length = strlen(value);
    if (length <= PIECE_BYTES)
        return length;
    for (length = PIECE_BYTES; length > 1; length--)
        if (value[length - 1] != ' ' && strchr(" ;#", value[length]) == NULL)
            break;
    return length;
}

static void write_setting(const weft_plan_setting *setting, const char *key, const char *preset, FILE *stream)
{
    bool is_short = strlen(setting->value) <= SHORT_BYTES;
    if (!setting->is_default && !is_short)
        fprintf(stream, "; default of %s: %s\n", key, preset);
    int at = fprintf(stream, "%-*s =", VALUE_COLUMN - 2, key);
    const char *rest = setting->value;
    for (size_t length; *rest != '\0'; rest += length) {
        length = piece_length(rest);
        at += fprintf(stream, " %.*s", (int)length, rest);
        if (rest[length] != '\0')
            fputc('\n', stream);
    }
    if (!setting->is_default && is_short)
        fprintf(stream, "%*s; default: %s", at < DEFAULT_COLUMN ? DEFAULT_COLUMN - at : 2, "", preset);
    fputc('\n', stream);
}

static void write_settings(const weft_plan *plan, FILE *stream)
{
    size_t changed = 0, section_length = 0;
    const char *section = "";
    for (size_t i = 0; i < plan->settings; i++)
        changed += !plan->setting[i].is_default;
    fprintf(stream, "; weft train --dry-run: nothing was trained. This text can be saved and trained with: weft train FILE.ini\n");
    fprintf(stream, "; %zu of %zu settings differ from their defaults.\n", changed, plan->settings);
    for (size_t i = 0; i < plan->settings; i++) {
        const char *name = plan->setting[i].name, *key = strchr(name, '.') + 1, *preset = "?";
        if (strncmp(section, name, section_length) != 0 || section_length != (size_t)(key - name)) {
            section = name;
            section_length = (size_t)(key - name);
            fprintf(stream, "\n[%.*s]\n", (int)section_length - 1, name);
        }
        for (size_t k = 0; k < weft_settings_count(); k++)
            if (strcmp(weft_settings_info(k)->name, name) == 0)
                preset = weft_settings_info(k)->preset;
        write_setting(&plan->setting[i], key, preset, stream);
    }
}

/* ---- network ---- */

static weft_status write_network(const weft_plan *plan, FILE *stream)
{
    static const char *const head[] = {"; layer", "inputs", "", "outputs", "activation", "batch-norm", "dropout", "parameters"};
    struct table table = table_of("lrlrllrr");
    fprintf(stream, "\n; network: %zu parameters; loss %s", plan->parameters, plan->loss);
    if (plan->input_dropout > 0)
        fprintf(stream, "; %g of the inputs dropped", plan->input_dropout);
    fprintf(stream, "\n");
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        table_add(&table, "%s", head[i]);
    for (size_t l = 0; l < plan->layers; l++) {
        const weft_plan_layer *layer = &plan->layer[l];
        table_add(&table, ";    %02zu", l + 1);
        table_add(&table, "%zu", layer->fan_in);
        table_add(&table, "->");
        table_add(&table, "%zu", layer->fan_out);
        table_add(&table, "%s", layer->activation);
        table_add(&table, "%s", layer->batch_norm);
        table_add(&table, "%g", layer->dropout);
        table_add(&table, "%zu", layer->parameters);
    }
    return table_write(&table, stream);
}

/* ---- data, steps, threads, learning rate: a label and a text each ---- */

static const char *const SPLIT[WEFT_PLAN_SPLITS] = {"train", "validation", "test"};

static void add_data(struct table *table, const weft_plan *plan)
{
    table_add(table, "; rows");
    table_add(table, "%zu train, %zu validation, %zu test", plan->rows[WEFT_PLAN_TRAIN], plan->rows[WEFT_PLAN_VALIDATION],
              plan->rows[WEFT_PLAN_TEST]);
    table_add(table, "; features");
    if (plan->height > 0)
        table_add(table, "%zu %s, a picture of %zu x %zu x %zu", plan->features, plan->are_bytes ? "bytes" : "floats",
                  plan->height, plan->width, plan->channels);
    else
        table_add(table, "%zu %s", plan->features, plan->are_bytes ? "bytes" : "floats");
    table_add(table, "; outputs");
    table_add(table, "%zu (%s)%s", plan->outputs, plan->task, plan->names > 0 ? ", in this order:" : "");
}

/* As many names to a line as go into one. */
static void add_names(struct table *table, const weft_plan *plan)
{
    enum { LINE_BYTES = 100 };
    for (size_t i = 0; i < plan->names;) {
        char line[LINE_BYTES + 1] = "";
        size_t used = 0;
        do {
            int length = snprintf(line + used, sizeof line - used, "%.80s%s", plan->name[i], i + 1 < plan->names ? ", " : "");
            used += (size_t)length;
        } while (++i < plan->names && used + 3 + strnlen(plan->name[i], 80) < sizeof line);
        table_add(table, ";");
        table_add(table, "%s", line);
    }
}

static void add_steps(struct table *table, const weft_plan *plan)
{
    table_add(table, "; batch");
    table_add(table, "%zu rows in %zu shard%s; the last one of an epoch has %zu", plan->batch_rows, plan->batch_shards,
              plural(plan->batch_shards), plan->last_batch_rows);
    table_add(table, "; steps");
    if (plan->total_steps > 0)
        table_add(table, "%" PRIu64 " in an epoch, %" PRIu64 " in all: %.6g epochs", plan->steps_per_epoch, plan->total_steps,
                  plan->total_epochs);
    else
        table_add(table, "%" PRIu64 " in an epoch, without a limit", plan->steps_per_epoch);
    if (strcmp(plan->early_stop, "none") != 0) {
        table_add(table, "; early stop");
        table_add(table, "when %s has not improved for %" PRIu64 " step%s", plan->early_stop, plan->patience_steps,
                  plural(plan->patience_steps));
    }
    if (plan->max_time_s > 0) {
        table_add(table, "; time");
        table_add(table, "%g s for each call of train or resume", plan->max_time_s);
    }
}

static void add_evaluations(struct table *table, const weft_plan *plan)
{
    char splits[64] = "", count[64] = "";
    for (size_t s = 0, used = 0; s < WEFT_PLAN_SPLITS; s++)
        if (plan->evaluates[s])
            used += (size_t)snprintf(splits + used, sizeof splits - used, "%s%s", used > 0 ? ", " : "", SPLIT[s]);
    if (plan->evaluations > 0)
        snprintf(count, sizeof count, ", %" PRIu64 " in all", plan->evaluations);
    table_add(table, "; evaluations");
    if (plan->evaluate_every_steps > 0)
        table_add(table, "every %" PRIu64 " step%s and at the end%s: %s; at the end all splits", plan->evaluate_every_steps,
                  plural(plan->evaluate_every_steps), count, splits);
    else
        table_add(table, "at the end: all splits");
}

static void add_saves(struct table *table, const weft_plan *plan)
{
    table_add(table, "; checkpoints");
    if (plan->save_every_s > 0)
        table_add(table, "at the start, every %g s and at the end; the newest %" PRIu64 " stay, and the best", plan->save_every_s,
                  plan->keep);
    else if (plan->save_every_steps > 0)
        table_add(table, "at the start, every %" PRIu64 " step%s and at the end; the newest %" PRIu64 " stay, and the best",
                  plan->save_every_steps, plural(plan->save_every_steps), plan->keep);
    else
        table_add(table, "at the start and at the end");
}

static void add_threads(struct table *table, const weft_plan *plan)
{
    table_add(table, "; threads");
    table_add(table, "%zu, by %s; %s kernels", plan->threads, plan->thread_reason, plan->kernels);
    table_add(table, "; gradients");
    table_add(table, "%s%s: %s", plan->gradients, plan->gradients_are_chosen ? "" : ", by run.gradient",
              strcmp(plan->gradients, "local") == 0 ? "each thread adds up its own rows, then the threads are added up"
                                                    : "each weight has one thread, which adds up all rows of the batch");
}

static void add_rates(struct table *table, const weft_plan *plan)
{
    table_add(table, "; learning rate");
    if (plan->full_rate != plan->learning_rate)
        table_add(table, "%.6g, which optimizer.lr_scale makes %.6g", plan->learning_rate, plan->full_rate);
    else
        table_add(table, "%.6g", plan->full_rate);
    table_add(table, ";");
    char warmup[80] = "";
    if (plan->warmup_steps > 0)
        snprintf(warmup, sizeof warmup, "%" PRIu64 " step%s of warm-up; ", plan->warmup_steps, plural(plan->warmup_steps));
    if (isnan(plan->last_rate))
        table_add(table, "%s%.6g in the first step", warmup, plan->first_rate);
    else
        table_add(table, "%s%.6g in the first step, %.6g in the last", warmup, plan->first_rate, plan->last_rate);
}

static weft_status write_facts(const weft_plan *plan, FILE *stream)
{
    struct table table = table_of("ll");
    add_data(&table, plan);
    add_names(&table, plan);
    add_steps(&table, plan);
    add_evaluations(&table, plan);
    add_saves(&table, plan);
    add_threads(&table, plan);
    add_rates(&table, plan);
    fputc('\n', stream);
    return table_write(&table, stream);
}

/* ---- memory ---- */

static void write_checkpoint(const weft_plan *plan, const char *mark, FILE *stream)
{
    fprintf(stream, "%sa checkpoint file: %" PRIu64 " bytes at first", mark, plan->first_checkpoint_bytes);
    if (plan->last_checkpoint_bytes > 0)
        fprintf(stream, ", %" PRIu64 " after the last step\n", plan->last_checkpoint_bytes);
    else
        fprintf(stream, ", %" PRIu64 " more for each evaluation\n", plan->evaluation_bytes);
}

static weft_status write_memory(const weft_plan *plan, const char *mark, FILE *stream)
{
    struct table table = table_of("lrrr");
    table_add(&table, "%smemory", mark);
    table_add(&table, "count");
    table_add(&table, "bytes each");
    table_add(&table, "bytes");
    for (size_t i = 0; i < plan->memories; i++) {
        const weft_plan_memory *memory = &plan->memory[i];
        table_add(&table, "%s%s", mark, memory->what);
        table_add(&table, "%" PRIu64, memory->count);
        if (memory->each_bytes > 0)
            table_add(&table, "%" PRIu64, memory->each_bytes);
        else
            table_add(&table, "-");
        table_add(&table, "%" PRIu64, memory->bytes);
    }
    table_add(&table, "%sall, at most (%.1f MiB)", mark, (double)plan->memory_bytes / (1 << 20));
    table_add(&table, "%s", "");
    table_add(&table, "%s", "");
    table_add(&table, "%" PRIu64, plan->memory_bytes);
    weft_status st = table_write(&table, stream);
    if (st == WEFT_OK)
        write_checkpoint(plan, mark, stream);
    return st;
}

static weft_status stream_status(FILE *stream)
{
    return ferror(stream) ? error_set(WEFT_EIO, "write the plan: the output stream failed") : WEFT_OK;
}

weft_status weft_report_plan_memory(const weft_plan *plan, FILE *stream)
{
    weft_status st = write_memory(plan, PLAIN, stream);
    return st == WEFT_OK ? stream_status(stream) : st;
}

weft_status weft_report_plan(const weft_plan *plan, FILE *stream)
{
    write_settings(plan, stream);
    weft_status st = write_network(plan, stream);
    if (st == WEFT_OK)
        st = write_facts(plan, stream);
    if (st == WEFT_OK) {
        fputc('\n', stream);
        st = write_memory(plan, COMMENT, stream);
    }
    return st == WEFT_OK ? stream_status(stream) : st;
}
