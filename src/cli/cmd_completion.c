/* weft completion: a script that makes a shell complete the words of a weft command. What can be given comes from the rows of
 * every verb and from the table of settings; what to do with it, from completion.bash. */
#include <stdio.h>
#include <string.h>

#include "cli/command.h"
#include "cli/data_help.h"
#include "cli/options.h"
#include "completion_bash.h"            /* made by the build from completion.bash */
#include "weft/settings.h"
#include "weft/version.h"

static const char ABOUT[] =
    "Print a script for bash that completes verbs, options, paths of the right kind, settings and the words that they take. An "
    "installed weft has it already, where bash-completion looks for it.";

static const char EXAMPLES[] =
    "  eval \"$(weft completion bash)\"          (in ~/.bashrc)\n"
    "  weft completion bash > ~/.local/share/bash-completion/completions/weft\n";

static const char LOWER_CASE[] = "abcdefghijklmnopqrstuvwxyz0123456789_";

static void put_verb(void *context, const struct verb *verb)
{
    (void)context;
    printf("        %s)\n            options=(", strchr(verb->name, ' ') + 1);
    for (const struct option_def *def = verb->options; def->name != NULL; def++)
        if (!option_is_operand(def))
            printf("'--%s%s%s' ", def->name, def->metavar != NULL ? " " : "", def->metavar != NULL ? def->metavar : "");
    printf("--help)\n            operands=(");
    const char *space = "";
    for (const struct option_def *def = verb->options; def->name != NULL; def++)
        if (option_is_operand(def)) {
            printf("%s'%s%s'", space, def->name, def->kind == OPERANDS ? "..." : "");
            space = " ";
        }
    printf(") ;;\n");
}

/* What of "word | NUMBER <= 3 | URI, or a list of these" can be typed or completed: "word|URI,". */
static void put_values(const char *values)
{
    const char *bar = "";
    for (const char *at = values; at != NULL; at = strstr(at, " | ") != NULL ? strstr(at, " | ") + 3 : NULL) {
        size_t word = strspn(at, LOWER_CASE), length = strcspn(at, " ,");
        bool is_whole = at[length] == '\0' || at[length] == ',' || strncmp(at + length, " | ", 3) == 0;
        bool is_known = word == length || (length == 3 && strncmp(at, "URI", length) == 0);
        if (length == 0 || !is_whole || !is_known)
            continue;
        printf("%s%.*s%s", bar, (int)length, at, at[length] == ',' ? "," : "");
        bar = "|";
    }
}

static void put_script(void)
{
    printf("# bash completion of weft %s, from: weft completion bash\n_weft_verbs=(", WEFT_VERSION);
    for (size_t i = 0; i < command_count; i++)
        printf("%s%s", i > 0 ? " " : "", command_table[i].name);
    printf(")\n_weft_settings=(");
    for (size_t i = 0; i < weft_settings_count(); i++)
        printf("%s%s", i > 0 ? "\n    " : "", weft_settings_info(i)->name);
    printf(")\n_weft_sources=(");
    for (size_t i = 0; i < data_kind_count; i++)
        printf("%s%s", i > 0 ? " " : "", data_kind_table[i].form);
    printf(")\n\n# options: each with what it takes; operands: what stands in their places\n_weft_verb() {\n    case $1 in\n");
    for (size_t i = 0; i < command_count; i++)
        options_describe(command_table[i].run, put_verb, NULL);
    printf("    esac\n}\n\n# takes: what a setting does\n_weft_setting() {\n    takes=\n    case $1 in\n");
    for (size_t i = 0; i < weft_settings_count(); i++) {
        printf("        %s) takes='", weft_settings_info(i)->name);
        put_values(weft_settings_info(i)->values);
        printf("' ;;\n");
    }
    printf("    esac\n}\n%s", COMPLETION_BASH);
}

int cmd_completion(int argc, char **argv)
{
    const char *shell = NULL;
    const struct option_def options[] = {{"bash", OPERAND, &shell, NULL, "the shell"}, {0}};
    const struct verb verb = {"weft completion", ABOUT, options, false, EXAMPLES};
    int exit_code = options_parse(&verb, argc, argv);
    if (exit_code != OPTIONS_RUN)
        return exit_code;
    if (strcmp(shell, "bash") != 0)
        return exit_message(verb.name, WEFT_EINVAL, "found '%s', wanted bash", shell);
    put_script();
    return exit_flushed(verb.name, 0);
}
