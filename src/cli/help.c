/* What --help prints: usage, what the verb does, its arguments and options, all settings if it takes them, exit codes and
 * examples. Nothing is written here twice: options come from the verb's rows, settings from the library's table, exit
 * codes from the list of statuses. */
#include <string.h>

#include "cli/data_help.h"
#include "cli/options.h"
#include "weft/error.h"
#include "weft/settings.h"

enum { COLUMNS = 80, HELP_COLUMN = 28, DATA_COLUMN = 16, LABEL_SIZE_BYTES = 96 };

/* Print words of text between column `indent` and the right edge. The cursor stands in column `at`; a word that does not fit
 * begins a new line, a line break in the text too. Ends the last line. */
static void print_wrapped(FILE *out, size_t at, size_t indent, const char *text)
{
    if (at > indent) {
        fputc('\n', out);
        at = 0;
    }
    bool line_is_empty = true;
    while (*text != '\0') {
        size_t length = strcspn(text, " \n");
        if (length > 0 && !line_is_empty && at + 1 + length > COLUMNS) {
            fputc('\n', out);
            at = 0;
            line_is_empty = true;
        }
        if (length > 0) {
            fprintf(out, "%*s%.*s", line_is_empty ? (int)(indent - at) : 1, "", (int)length, text);
            at = (line_is_empty ? indent : at + 1) + length;
            line_is_empty = false;
        }
        text += length;
        if (*text == '\n') {
            fputc('\n', out);
            at = 0;
            line_is_empty = true;
        }
        text += *text != '\0';
    }
    fputc('\n', out);
}

static void print_usage(FILE *out, const struct verb *verb)
{
    fprintf(out, "usage: %s", verb->name);
    for (const struct option_def *def = verb->options; def->name != NULL; def++)
        if (option_is_operand(def))
            fprintf(out, def->kind == OPERAND_OPTIONAL ? " [%s]" : def->kind == OPERANDS ? " %s..." : " %s", def->name);
    fprintf(out, " [options]\n\n");
    print_wrapped(out, 0, 0, verb->about);
}

/* A label in column 2 and its help beside it, or under it if the label is long. */
static void print_entry(FILE *out, const char *label, const char *help, size_t column)
{
    fprintf(out, "  %s", label);
    size_t at = 2 + strlen(label);
    print_wrapped(out, at + 2 > column ? column + 1 : at, column, help);
}

static void print_options(FILE *out, const struct verb *verb)
{
    fprintf(out, "\nArguments and options:\n");
    for (const struct option_def *def = verb->options; def->name != NULL; def++) {
        char label[LABEL_SIZE_BYTES];
        snprintf(label, sizeof label, "%s%s%s%s%s", option_is_operand(def) ? "" : "--", def->name,
                 def->metavar != NULL ? " " : "", def->metavar != NULL ? def->metavar : "",
                 def->kind == OPT_STRINGS ? " ..." : "");
        print_entry(out, label, def->help, HELP_COLUMN);
    }
    print_entry(out, "-h, --help", "print this text", HELP_COLUMN);
}

static void print_settings(FILE *out)
{
    fprintf(out, "\n");
    print_wrapped(out, 0, 0, "Settings, with their defaults. A line stands in an INI file under its [section], or on the "
                  "command line as --set section.key=value.");
    const char *section = "";
    for (size_t i = 0; i < weft_settings_count(); i++) {
        const weft_setting_info *info = weft_settings_info(i);
        if (strcmp(section, info->section) != 0)
            fprintf(out, "\n[%s]\n", info->section);
        section = info->section;
        fprintf(out, "%s = %s\n", info->name + strlen(section) + 1, info->preset);
        print_wrapped(out, 0, 6, info->help);
        size_t at = (size_t)fprintf(out, "      Values: ");
        print_wrapped(out, at, at, info->values);
    }
}

const struct exit_code exit_code_table[] = {
#define STATUS_ROW(name, exit_code, meaning) {exit_code, meaning},
    WEFT_STATUS_LIST(STATUS_ROW)
#undef STATUS_ROW
    {130, "ended at once by a second SIGINT"}, {143, "ended at once by a second SIGTERM"},
};
const size_t exit_code_count = sizeof exit_code_table / sizeof *exit_code_table;

/* Each code once, with all its meanings. */
static void print_exit_codes(FILE *out)
{
    fprintf(out, "\nExit codes:\n");
    for (const struct exit_code *e = exit_code_table; e < exit_code_table + exit_code_count; e++) {
        bool is_new = e == exit_code_table || e->code != e[-1].code;
        if (is_new)
            fprintf(out, "  %3d", e->code);
        print_wrapped(out, is_new ? 5 : 0, 7, e->meaning);
    }
}

void options_print_data(FILE *out)
{
    print_wrapped(out, 0, 0, DATA_HELP_ABOUT);
    fputc('\n', out);
    for (const struct data_kind *kind = data_kind_table; kind < data_kind_table + data_kind_count; kind++)
        print_entry(out, kind->form, kind->help, DATA_COLUMN);
    fputc('\n', out);
    print_wrapped(out, 0, 0, DATA_HELP_REST);
}

void options_print_help(FILE *out, const struct verb *verb)
{
    print_usage(out, verb);
    print_options(out, verb);
    if (verb->lists_settings)
        print_settings(out);
    print_exit_codes(out);
    if (verb->examples != NULL)
        fprintf(out, "\nExamples:\n%s", verb->examples);
}
