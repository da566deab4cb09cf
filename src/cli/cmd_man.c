/* weft man: the manual page, in roff. It is made of what the command itself goes by (the rows of every verb, the table of
 * settings, the list of statuses), so it can be neither incomplete nor out of date. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/data_help.h"
#include "cli/options.h"
#include "weft/settings.h"
#include "weft/version.h"

static const char ABOUT[] =
    "Print the manual page of weft, all verbs and all settings, in the format of man. An installed weft has it already: "
    "man weft.";

static const char EXAMPLES[] =
    "  weft man | man -l -\n"
    "  weft man > ~/.local/share/man/man1/weft.1\n";

/* ---- text ---- */

/* The first `length` characters as they are, for a reader who copies them: no character becomes a typographic one. */
static void put_part(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        switch (text[i]) {
        case '\\': fputs("\\e", stdout); break;
        case '-':  fputs("\\-", stdout); break;
        case '\'': fputs("\\(aq", stdout); break;
        case '`':  fputs("\\(ga", stdout); break;
        case '^':  fputs("\\(ha", stdout); break;
        case '~':  fputs("\\(ti", stdout); break;
        case '"':  fputs("\\(dq", stdout); break;
        case '.':  fputs(i == 0 || text[i - 1] == '\n' ? "\\&." : ".", stdout); break;
        default:   putchar(text[i]); break;
        }
}

static void put(const char *text)
{
    put_part(text, strlen(text));
}

/* A paragraph or part of one, on lines of its own in the source. */
static void put_line(const char *text)
{
    put(text);
    putchar('\n');
}

static void put_bold(const char *text)
{
    fputs("\\fB", stdout);
    put(text);
    fputs("\\fR", stdout);
}

static void put_italic(const char *text)
{
    fputs("\\fI", stdout);
    put(text);
    fputs("\\fR", stdout);
}

static void put_entry(const char *name, const char *meaning)
{
    puts(".TP");
    put_bold(name);
    putchar('\n');
    put_line(meaning);
}

/* The paragraphs of a text that begin with "Files", or the others; of several, each but the first after an empty line. */
static void put_paragraphs(const char *text, bool of_files)
{
    bool is_first = true;
    while (*text != '\0') {
        const char *end = strstr(text, "\n\n");
        size_t length = end != NULL ? (size_t)(end - text) : strlen(text);
        if ((strncmp(text, "Files", strlen("Files")) == 0) == of_files) {
            fputs(is_first ? "" : ".PP\n", stdout);
            put_part(text, length);
            putchar('\n');
            is_first = false;
        }
        text += length + (end != NULL ? 2 : 0);
    }
}

/* ---- verbs ---- */

static void put_option(const struct option_def *def)
{
    puts(".TP");
    if (option_is_operand(def)) {
        put_italic(def->name);
    } else {
        fputs("\\fB\\-\\-", stdout);
        put(def->name);
        fputs("\\fR", stdout);
    }
    if (def->metavar != NULL) {
        putchar(' ');
        put_italic(def->metavar);
    }
    puts(def->kind == OPT_STRINGS ? " ..." : "");
    put_line(def->help);
}

static void put_verb(void *context, const struct verb *verb)
{
    (void)context;
    fputs(".SS \"", stdout);
    put(verb->name);
    puts("\"");
    put_paragraphs(verb->about, false);
    for (const struct option_def *def = verb->options; def->name != NULL; def++)
        put_option(def);
}

static void put_files(void *context, const struct verb *verb)
{
    (void)context;
    put_paragraphs(verb->about, true);
}

static void put_examples(void *context, const struct verb *verb)
{
    (void)context;
    if (verb->examples == NULL)
        return;
    puts(".EX");
    put(verb->examples);
    puts(".EE");
}

static void for_each_verb(verb_reader read)
{
    for (size_t i = 0; i < command_count; i++)
        options_describe(command_table[i].run, read, NULL);
}

/* ---- sections ---- */

static void put_settings(void)
{
    puts(".SH SETTINGS");
    puts("Each with its default. A setting stands in an INI file under its [section], or on the command line as\n"
         "\\fB\\-\\-set\\fR \\fIsection\\fR.\\fIkey\\fR=\\fIvalue\\fR.");
    const char *section = "";
    for (size_t i = 0; i < weft_settings_count(); i++) {
        const weft_setting_info *info = weft_settings_info(i);
        if (strcmp(section, info->section) != 0)
            printf(".SS [%s]\n", info->section);
        section = info->section;
        puts(".TP");
        put_bold(info->name + strlen(section) + 1);
        fputs(" = ", stdout);
        put_line(info->preset);
        put_line(info->help);
        fputs(".br\nValues: ", stdout);
        put_line(info->values);
    }
}

static void put_data(void)
{
    puts(".SH DATA");
    put_paragraphs(DATA_HELP_ABOUT, false);
    for (size_t i = 0; i < data_kind_count; i++)
        put_entry(data_kind_table[i].form, data_kind_table[i].help);
    puts(".PP");
    put_paragraphs(DATA_HELP_REST, false);
}

static void put_exit_codes(void)
{
    puts(".SH \"EXIT STATUS\"");
    for (const struct exit_code *e = exit_code_table; e < exit_code_table + exit_code_count; e++) {
        if (e == exit_code_table || e->code != e[-1].code)
            printf(".TP\n.B %d\n", e->code);
        else
            puts(".br");
        put_line(e->meaning);
    }
}

static void put_environment(void)
{
    puts(".SH ENVIRONMENT\n"
         "It decides how fast, never what comes out. The affinity mask and the CPU quota of a cgroup bound the threads;\n"
         "besides:");
    for (size_t i = 0; i < environment_count; i++)
        put_entry(environment_table[i].name, environment_table[i].meaning);
}

static void put_synopsis(void)
{
    puts(".SH SYNOPSIS");
    for (size_t i = 0; i < command_count; i++) {
        printf("\\fBweft %s\\fR ", command_table[i].name);
        put(command_table[i].usage);
        puts(command_table[i].usage[0] != '\0' ? " [\\fIoptions\\fR]\n.br" : "[\\fIoptions\\fR]\n.br");
    }
    puts("\\fBweft help\\fR [\\fIverb\\fR]\n.br\n\\fBweft version\\fR");
}

static void put_page(void)
{
    printf(".TH WEFT 1 \"\" \"weft %s\" \"User Commands\"\n.nh\n.ad l\n", WEFT_VERSION);
    puts(".SH NAME\nweft \\- train fully connected neural networks on multicore CPUs");
    put_synopsis();
    puts(".SH VERBS\nResults go to stdout, all else to stderr. \\fB\\-\\-help\\fR after any verb prints its part of this page;\n"
         "\\fB\\-\\-\\fR ends the options.");
    for_each_verb(put_verb);
    put_settings();
    put_data();
    put_exit_codes();
    put_environment();
    puts(".SH FILES");
    for_each_verb(put_files);
    puts(".SH EXAMPLES");
    for_each_verb(put_examples);
}

int cmd_man(int argc, char **argv)
{
    const struct option_def options[] = {{0}};
    const struct verb verb = {"weft man", ABOUT, options, false, EXAMPLES};
    int exit_code = options_parse(&verb, argc, argv);
    if (exit_code != OPTIONS_RUN)
        return exit_code;
    put_page();
    return exit_flushed(verb.name, 0);
}
