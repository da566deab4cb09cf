/* Command-line options. A verb describes itself in one struct verb; its rows of options and operands feed the parser, the
 * usage line and --help.
 *
 * --name VALUE and --name=VALUE are the same (a VALUE that begins with "--" takes the second); "--" ends the options; of an
 * option given twice the last one counts (OPT_STRINGS collects them all). -h and --help belong to every verb. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum option_kind {              /* and the type of *value */
    OPT_FLAG,                   /* bool: given or not */
    OPT_STRING,                 /* const char *: the text, which belongs to argv */
    OPT_COUNT,                  /* uint64_t: decimal digits */
    OPT_STRINGS,                /* struct strings: every text given, in order */
    OPERAND,                    /* const char *: an argument by its place; it must be there */
    OPERAND_OPTIONAL,           /* const char *: it may be missing, and stays as it was */
    OPERANDS,                   /* struct strings: all operands that are left, one at least */
};

enum { STRINGS_MAX = 256 };
struct strings { size_t count; const char *item[STRINGS_MAX]; };

struct option_def {
    const char *name;           /* without "--"; of an operand what messages call it, "CHECKPOINT"; NULL ends the list */
    enum option_kind kind;
    void *value;                /* of the type above, preset to the default */
    const char *metavar;        /* what --help calls the value; NULL for flags and operands. Completion goes by it (and by the
                                   name of an operand): words in lower case with '|' between them are what can be given; DIR,
                                   FILE..., CHECKPOINT..., ....ini are paths; URI and SECTION.KEY=VALUE speak for themselves */
    const char *help;
};

static inline bool option_is_operand(const struct option_def *def)
{
    return def->kind >= OPERAND;
}

struct verb {
    const char *name;                   /* "weft train" */
    const char *about;                  /* a paragraph on what it does; "\n\n" separates paragraphs. One that begins with
                                           "Files" stands under FILES in the man page */
    const struct option_def *options;   /* operands too, in the order of their places */
    bool lists_settings;                /* --help goes on with all settings */
    const char *examples;               /* lines, printed as they are; NULL: none */
};

/* Read argv[1 .. argc-1] (argv[0] is the verb) into the values of the rows.
 * Returns OPTIONS_RUN if the verb should go on, or else the exit code to end with: 0 after --help (printed to stdout; 74 if
 * that failed), 64 after a mistake (one line on stderr says which). */
enum { OPTIONS_RUN = -1 };
int options_parse(const struct verb *verb, int argc, char **argv);

/* Have a verb described instead of run: read is called once, with what run gives to options_parse, while that is still alive.
 * So the completion script and the man page see every verb's rows where they are; a verb does nothing before options_parse,
 * and nothing but return after it if that is not OPTIONS_RUN. Not for two threads at once. */
typedef void (*verb_reader)(void *context, const struct verb *verb);
void options_describe(int (*run)(int argc, char **argv), verb_reader read, void *context);

/* The manual text of a verb, at most 80 columns wide (help.c). */
void options_print_help(FILE *out, const struct verb *verb);

/* weft help data: the kinds of data sources (data_help.h). */
void options_print_data(FILE *out);

/* Exit codes in rising order, those of the statuses and those of signals; several rows may share a code (help.c). */
struct exit_code { int code; const char *meaning; };
extern const struct exit_code exit_code_table[];
extern const size_t exit_code_count;

#endif
