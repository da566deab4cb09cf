/* The parser of a verb's options, and its messages. Its manual text is in help.c. */
#include "cli/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "weft/error.h"
#include "weft/settings.h"

/* One line on stderr; false, so that a caller can `return misuse(...)`. */
__attribute__((format(printf, 2, 3)))
static bool misuse(const struct verb *verb, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", verb->name);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, " (%s --help tells more)\n", verb->name);
    va_end(arguments);
    return false;
}

/* The setting whose key is this word, for a user who writes --epochs 3 where --set train.epochs=3 is meant; or NULL. */
static const char *setting_with_key(const char *word)
{
    for (size_t i = 0; i < weft_settings_count(); i++) {
        const char *name = weft_settings_info(i)->name;
        if (strcmp(strchr(name, '.') + 1, word) == 0)
            return name;
    }
    return NULL;
}

static bool misuse_unknown(const struct verb *verb, const char *given, size_t length)
{
    enum { NAMES_MAX = 64 };
    const char *names[NAMES_MAX] = {"help"};
    size_t count = 1;
    for (const struct option_def *def = verb->options; def->name != NULL && count < NAMES_MAX; def++)
        if (!option_is_operand(def))
            names[count++] = def->name;
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)length, given);
    const char *setting = verb->lists_settings ? setting_with_key(word) : NULL;
    if (setting != NULL)
        return misuse(verb, "unknown option '--%s'; a setting is given as '--set %s=VALUE'", word, setting);
    const char *nearest = weft_nearest_name(word, names, count);
    if (nearest == NULL)
        return misuse(verb, "unknown option '--%.*s'", (int)length, given);
    return misuse(verb, "unknown option '--%.*s'; did you mean '--%s'?", (int)length, given, nearest);
}

static bool count_store(const struct verb *verb, const struct option_def *def, const char *text)
{
    errno = 0;
    unsigned long long count = strtoull(text, NULL, 10);
    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0' || errno != 0)
        return misuse(verb, "--%s: found '%s', wanted a whole number %s", def->name, text, def->metavar);
    *(uint64_t *)def->value = count;
    return true;
}

static bool strings_store(const struct verb *verb, const struct option_def *def, const char *text)
{
    struct strings *strings = def->value;
    if (strings->count == STRINGS_MAX)
        return misuse(verb, "%s%s is given more than %d times", option_is_operand(def) ? "" : "--", def->name, STRINGS_MAX);
    strings->item[strings->count++] = text;
    return true;
}

static bool value_store(const struct verb *verb, const struct option_def *def, const char *text)
{
    switch (def->kind) {
    case OPT_FLAG:
        *(bool *)def->value = true;
        return true;
    case OPT_COUNT:
        return count_store(verb, def, text);
    case OPT_STRINGS:
    case OPERANDS:
        return strings_store(verb, def, text);
    case OPT_STRING:
    case OPERAND:
    case OPERAND_OPTIONAL:
        *(const char **)def->value = text;
        return true;
    }
    return false;
}

static const struct option_def *option_find(const struct verb *verb, const char *name, size_t length)
{
    for (const struct option_def *def = verb->options; def->name != NULL; def++)
        if (!option_is_operand(def) && strlen(def->name) == length && memcmp(def->name, name, length) == 0)
            return def;
    return NULL;
}

/* "--name", "--name=value" at argv[*i], or "--name" "value" at argv[*i] and argv[*i + 1], over which *i then moves. */
static bool option_take(const struct verb *verb, int argc, char **argv, int *i)
{
    const char *given = argv[*i] + strlen("--");
    size_t length = strcspn(given, "=");
    const char *value = given[length] == '=' ? given + length + 1 : NULL;
    const struct option_def *def = option_find(verb, given, length);
    if (def == NULL)
        return misuse_unknown(verb, given, length);
    if (def->kind == OPT_FLAG && value != NULL)
        return misuse(verb, "--%s takes no value, found '%s'", def->name, value);
    if (def->kind != OPT_FLAG && value == NULL) {
        bool follows = *i + 1 < argc && strncmp(argv[*i + 1], "--", 2) != 0;    /* else --name=VALUE */
        if (!follows)
            return misuse(verb, "--%s needs a value: --%s %s", def->name, def->name, def->metavar);
        value = argv[++*i];
    }
    return value_store(verb, def, value);
}

/* *next is the row of the next operand's place. */
static bool operand_take(const struct verb *verb, const struct option_def **next, const char *text)
{
    while ((*next)->name != NULL && !option_is_operand(*next))
        ++*next;
    if ((*next)->name == NULL)
        return misuse(verb, "one argument too many: '%s'", text);
    const struct option_def *def = *next;
    if (def->kind != OPERANDS)
        ++*next;
    return value_store(verb, def, text);
}

/* Every row from the next place on that had to be given. */
static bool operands_end(const struct verb *verb, const struct option_def *next)
{
    for (; next->name != NULL; next++)
        if (next->kind == OPERAND || (next->kind == OPERANDS && ((struct strings *)next->value)->count == 0))
            return misuse(verb, "%s is missing", next->name);
    return true;
}

static bool help_wanted(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

/* Who wants the next verb's description in place of its run. */
static struct { verb_reader read; void *context; } reader;

void options_describe(int (*run)(int argc, char **argv), verb_reader read, void *context)
{
    char name[] = "";
    reader.read = read;
    reader.context = context;
    (void)run(1, (char *[]){name, NULL});
    reader.read = NULL;
}

int options_parse(const struct verb *verb, int argc, char **argv)
{
    if (reader.read != NULL) {
        reader.read(reader.context, verb);
        return EXIT_SUCCESS;
    }
    if (help_wanted(argc, argv)) {
        options_print_help(stdout, verb);
        return fflush(stdout) == 0 && !ferror(stdout) ? EXIT_SUCCESS : weft_exit_code(WEFT_EIO);
    }
    const struct option_def *next = verb->options;
    bool options_ended = false, good = true;
    for (int i = 1; i < argc && good; i++) {
        if (options_ended || argv[i][0] != '-' || strcmp(argv[i], "-") == 0)
            good = operand_take(verb, &next, argv[i]);
        else if (strcmp(argv[i], "--") == 0)
            options_ended = true;
        else if (argv[i][1] == '-')
            good = option_take(verb, argc, argv, &i);
        else
            good = misuse(verb, "unknown option '%s'", argv[i]);
    }
    return good && operands_end(verb, next) ? OPTIONS_RUN : weft_exit_code(WEFT_EINVAL);
}
