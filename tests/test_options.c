/* Options of a verb: what each form stores, what is refused and with which line, and the shape of --help. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/options.h"
#include "weft/settings.h"

enum { ARGUMENTS_MAX = 320 };

struct given {
    const char *config, *data;
    struct strings rest, set;
    uint64_t threads;
    bool json;
};

/* A verb with a row of every kind; `first` is the kind of its first operand. */
static struct given given;
static struct option_def rows[] = {
    {"CONFIG", OPERAND_OPTIONAL, &given.config, NULL, "settings"},
    {"data", OPT_STRING, &given.data, "URI", "where the data come from"},
    {"set", OPT_STRINGS, &given.set, "SECTION.KEY=VALUE", "one setting; may be given more than once"},
    {"FILE", OPERANDS, &given.rest, NULL, "files"},
    {"threads", OPT_COUNT, &given.threads, "N", "0: as many as the machine and the work allow"},
    {"json", OPT_FLAG, &given.json, NULL, "print one JSON object"}, {0}
};
static struct verb verb = {
    .name = "weft try", .options = rows, .lists_settings = true, .examples = "  weft try a b\n",
    .about = "Try the options. The sentence is long enough to go over the right edge of a terminal, more than once: it says "
             "little, at length.\n\nA second paragraph.",
};

/* Parse a line of words separated by single spaces, with stderr in message. */
static int parse(enum option_kind first, const char *line, char *message, size_t capacity)
{
    static char words[4096];
    char *argv[ARGUMENTS_MAX] = {(char *)"try"}, *rest = words;
    int argc = 1;
    snprintf(words, sizeof words, "%s", line);
    while (line[0] != '\0' && rest != NULL)
        argv[argc++] = strsep(&rest, " ");
    memset(&given, 0, sizeof given);
    rows[0].kind = first;
    rows[3].kind = first == OPERANDS ? OPT_STRINGS : OPERANDS;
    FILE *caught = tmpfile();
    assert_non_null(caught);
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    assert_true(kept >= 0 && dup2(fileno(caught), STDERR_FILENO) >= 0);
    int rc = options_parse(&verb, argc, argv);
    fflush(stderr);
    assert_true(dup2(kept, STDERR_FILENO) >= 0 && close(kept) == 0);
    rewind(caught);
    message[fread(message, 1, capacity - 1, caught)] = '\0';
    fclose(caught);
    return rc;
}

static void values_are_stored(void **state)
{
    (void)state;
    char message[1024];
    assert_int_equal(parse(OPERAND_OPTIONAL, "c.ini --data idx:a --set a.b=1 f1 --threads=7 --set=c.d=2 f2 --json f3",
                           message, sizeof message), OPTIONS_RUN);
    assert_string_equal(message, "");
    assert_string_equal(given.config, "c.ini");
    assert_string_equal(given.data, "idx:a");
    assert_int_equal(given.threads, 7);
    assert_true(given.json);
    assert_int_equal(given.set.count, 2);
    assert_string_equal(given.set.item[0], "a.b=1");
    assert_string_equal(given.set.item[1], "c.d=2");
    assert_int_equal(given.rest.count, 3);
    assert_string_equal(given.rest.item[2], "f3");

    assert_int_equal(parse(OPERAND, "- -- --json --", message, sizeof message), OPTIONS_RUN);
    assert_string_equal(given.config, "-");
    assert_false(given.json);
    assert_int_equal(given.rest.count, 2);
    assert_string_equal(given.rest.item[0], "--json");

    assert_int_equal(parse(OPERAND, "a b --data= --data=--x --data -1", message, sizeof message), OPTIONS_RUN);
    assert_string_equal(given.data, "-1");
}

static void misuse_is_one_line_and_64(void **state)
{
    (void)state;
    static const struct { const char *line, *wanted; } row[] = {
        {"a b --thread 3", "weft try: unknown option '--thread'; did you mean '--threads'?"},
        {"a b --dtaa=3", "weft try: unknown option '--dtaa'; did you mean '--data'?"},
        {"a b --hlep", "weft try: unknown option '--hlep'; did you mean '--help'?"},
        {"a b --CONFIG x", "weft try: unknown option '--CONFIG' ("},
        {"a b --xyzzy", "weft try: unknown option '--xyzzy' ("},
        {"a b -x", "weft try: unknown option '-x'"},
        {"a b --=3", "weft try: unknown option '--'"},
        {"a b --data", "weft try: --data needs a value: --data URI"},
        {"a b --data --json", "weft try: --data needs a value"},
        {"a b --json=1", "weft try: --json takes no value, found '1'"},
        {"a b --threads x", "weft try: --threads: found 'x', wanted a whole number N"},
        {"a b --threads -1", "weft try: --threads: found '-1'"},
        {"a b --threads=", "weft try: --threads: found ''"},
        {"a b --threads 99999999999999999999", "weft try: --threads: found '9"},
        {"", "weft try: CONFIG is missing"},
        {"a", "weft try: FILE is missing"},
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        char message[1024];
        int rc = parse(OPERAND, row[i].line, message, sizeof message);
        if (rc != 64 || strncmp(message, row[i].wanted, strlen(row[i].wanted)) != 0)
            fail_msg("'%s': %d, '%s', wanted '%s'", row[i].line, rc, message, row[i].wanted);
        assert_ptr_equal(strchr(message, '\n'), message + strlen(message) - 1);
    }
}

static int run_try(int argc, char **argv)
{
    int rc = options_parse(&verb, argc, argv);
    return rc == OPTIONS_RUN ? 99 : rc;
}

static void remember(void *context, const struct verb *described)
{
    *(const struct verb **)context = described;
}

static void a_verb_can_be_described(void **state)
{
    (void)state;
    char message[1024];
    const struct verb *described = NULL;
    options_describe(run_try, remember, &described);
    assert_ptr_equal(described, &verb);
    described = NULL;
    assert_int_equal(parse(OPERAND, "a b", message, sizeof message), OPTIONS_RUN);     /* the next one runs again */
    assert_null(described);
}

static void places_and_repetitions_are_counted(void **state)
{
    (void)state;
    char message[1024], line[4096] = "a b";
    struct option_def none[] = {{0}};
    const struct option_def *kept = verb.options;
    verb.options = none;
    assert_int_equal(parse(OPERAND, "a", message, sizeof message), 64);
    assert_non_null(strstr(message, "one argument too many: 'a'"));
    assert_int_equal(parse(OPERAND, "", message, sizeof message), OPTIONS_RUN);
    verb.options = kept;
    for (int i = 0; i < STRINGS_MAX; i++)
        strcat(line, " --set=a");
    assert_int_equal(parse(OPERAND, line, message, sizeof message), OPTIONS_RUN);
    assert_int_equal(given.set.count, STRINGS_MAX);
    strcat(line, " --set=a");
    assert_int_equal(parse(OPERAND, line, message, sizeof message), 64);
    assert_non_null(strstr(message, "--set is given more than 256 times"));
}

/* Everything is in it, no line is wider than a terminal, none ends in a blank. */
static void help_is_complete_and_narrow(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    rows[0].kind = OPERAND_OPTIONAL;
    rows[3].kind = OPERANDS;
    options_print_help(out, &verb);
    assert_int_equal(fclose(out), 0);
    assert_int_equal(strncmp(text, "usage: weft try [CONFIG] FILE... [options]\n", 43), 0);
    static const char *const part[] = {"--data URI ", "--set SECTION.KEY=VALUE ...", "--json", "-h, --help", "[network]\n",
                                       "hidden = 128\n", "\n\nA second paragraph.\n", "\n   78 ", "\n  143 ", "Examples:\n"};
    for (size_t i = 0; i < sizeof part / sizeof part[0]; i++)
        if (strstr(text, part[i]) == NULL)
            fail_msg("no '%s' in\n%s", part[i], text);
    for (size_t i = 0; i < weft_settings_count(); i++)
        assert_non_null(strstr(text, strchr(weft_settings_info(i)->name, '.') + 1));
    for (const char *line = text; *line != '\0';) {
        size_t length = strcspn(line, "\n");
        if (length > 80 || (length > 0 && line[length - 1] == ' '))
            fail_msg("%zu columns: '%.*s'", length, (int)length, line);
        line += length + 1;
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_stored), cmocka_unit_test(misuse_is_one_line_and_64),
        cmocka_unit_test(a_verb_can_be_described), cmocka_unit_test(places_and_repetitions_are_counted),
        cmocka_unit_test(help_is_complete_and_narrow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
