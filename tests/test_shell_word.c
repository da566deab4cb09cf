/* Paths as words of a shell: sh reads back what was written, whatever is in a name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "cli/shell_word.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What a shell makes of the word, which must be one: read holds it, the rest of it zeros. */
static void read_by_shell(const char *word, char *read, size_t capacity)
{
    static char command[SHELL_WORD_BYTES + 64];
    snprintf(command, sizeof command, "set -- %s; printf '%%s %%s' $# \"$1\"", word);
    memset(read, 0, capacity);
    FILE *shell = popen(command, "r");
    assert_non_null(shell);
    assert_int_equal(fgetc(shell), '1');
    assert_int_equal(fgetc(shell), ' ');
    fread(read, 1, capacity - 1, shell);
    assert_int_equal(pclose(shell), 0);
}

static void assert_read_back(const char *path, const char *want)
{
    static char word[SHELL_WORD_BYTES], read[SHELL_WORD_BYTES];
    read_by_shell(shell_word(path, word, sizeof word), read, sizeof read);
    assert_string_equal(read, want);
}

static void plain_names_stay_as_they_are(void **state)
{
    (void)state;
    static const char *const plain[] = {"checkpoints/run-001", "/mnt/Runs_2/a.b", "../plain_batch_norm=none/seed-1", "idx:data/mnist",
                                        "a,b+c@d%e"};
    char word[SHELL_WORD_BYTES];
    for (size_t i = 0; i < COUNT(plain); i++)
        assert_string_equal(shell_word(plain[i], word, sizeof word), plain[i]);
}

static void others_are_quoted(void **state)
{
    (void)state;
    static const struct { const char *path, *word; } known[] = {
        {"my run", "'my run'"}, {"it's", "'it'\\''s'"}, {"'", "''\\'''"}, {"", "''"}, {"~", "'~'"},
        {"r\xc3\xa9sum\xc3\xa9", "'r\xc3\xa9sum\xc3\xa9'"},
        {"-x", "./-x"}, {"--out", "./--out"}, {"-", "./-"}, {"- 'x", "'./- '\\''x'"},
    };
    char word[SHELL_WORD_BYTES];
    for (size_t i = 0; i < COUNT(known); i++)
        assert_string_equal(shell_word(known[i].path, word, sizeof word), known[i].word);
}

static void a_shell_reads_them_back(void **state)
{
    (void)state;
    static const char *const nasty[] = {"", " ", "  a  b ", "it's", "''''", "\"", "$HOME", "`id`", "$(id)", "a;b", "a&b|c", "*",
                                        "[a-z]?", "{a,b}", "~root", "#a",
                                        "!a", "a\\", "\\'", "a\nb\tc", "<a>", "(a)", "\xff\xfe", "%s", "a=b c", "=a"};
    for (size_t i = 0; i < COUNT(nasty); i++)
        assert_read_back(nasty[i], nasty[i]);
    for (int c = 1; c < 256; c++) {                     /* every character, first and last and between */
        const char path[] = {(char)c, 'a', (char)c, (char)c, '\0'}, there[] = {'.', '/', (char)c, 'a', (char)c, (char)c, '\0'};
        assert_read_back(path, c == '-' ? there : path);
    }
}

static void the_longest_path_has_room(void **state)
{
    (void)state;
    static char path[PATH_MAX], want[PATH_MAX + 2];
    memset(path, '\'', sizeof path - 1);
    path[0] = '-';
    snprintf(want, sizeof want, "./%s", path);
    assert_read_back(path, want);
}

/* Room for each byte more, up to what it takes. */
static void half_a_path_is_none(void **state)
{
    (void)state;
    static const char *const path[] = {"run", "my run", "it's", "-x y"};
    char word[64], whole[64];
    for (size_t i = 0; i < COUNT(path); i++) {
        assert_ptr_equal(shell_word(path[i], whole, sizeof whole), whole);
        for (size_t capacity = 0; capacity < sizeof word; capacity++) {
            memset(word, '#', sizeof word);
            const char *got = shell_word(path[i], word, capacity);
            assert_string_equal(got, got == word ? whole : "DIR");
            assert_true(got == word || capacity <= strlen(whole) + 2);
            for (size_t b = capacity; b < sizeof word; b++)
                assert_int_equal(word[b], '#');
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_names_stay_as_they_are), cmocka_unit_test(others_are_quoted), cmocka_unit_test(a_shell_reads_them_back),
        cmocka_unit_test(the_longest_path_has_room), cmocka_unit_test(half_a_path_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
