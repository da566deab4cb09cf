/* INI files: the example of the manual, faults with their lines, long values, damaged bytes, and run.ini there and back. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "settings/ini.h"
#include "settings/settings.h"

#define COUNT(array) (sizeof (array) / sizeof (array)[0])

static char path[] = "/tmp/weft-test-ini-XXXXXX";

static void file_write(const char *bytes, size_t size_bytes)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size_bytes, f), size_bytes);
    assert_int_equal(fclose(f), 0);
}

static weft_settings *settings_new(void)
{
    weft_settings *s = weft_settings_create();
    assert_non_null(s);
    return s;
}

static void assert_text(const weft_settings *s, const char *name, const char *wanted)
{
    char text[SETTING_TEXT_SIZE_BYTES];
    assert_int_equal(weft_settings_get(s, name, text, sizeof text), WEFT_OK);
    assert_string_equal(text, wanted);
}

static void assert_same_settings(const weft_settings *a, const weft_settings *b)
{
    for (size_t i = 0; i < weft_settings_count(); i++) {
        char text[9000];
        char other[9000];
        const char *name = weft_settings_info(i)->name;
        assert_int_equal(weft_settings_get(a, name, text, sizeof text), WEFT_OK);
        assert_int_equal(weft_settings_get(b, name, other, sizeof other), WEFT_OK);
        assert_string_equal(text, other);
    }
}

static const char study[] =
    "\xef\xbb\xbf; a study\n"
    "[data]                                  ; a URI gives the splits that it has; the rest is cut off\r\n"
    "source = idx:data/mnist\r\n"
    "validation_fraction = 0.2               ; or validation = URI\n"
    "\n"
    "[network]\n"
    "hidden = 20, 7, 5                       ; empty: softmax regression\n"
    "activation = relu,                      ; one\n"
    "    # between\n"
    "\ttanh,\n"
    "    sigmoid                             ; for each\n"
    "# a comment\n"
    "batch_norm_affine=no\n"
    "[regularization]\n"
    "  l2 = 0.1\n"
    "[train]\n"
    "evaluate_every: 100 steps               ; or \"1 epochs\"\n"
    "[data]\n"
    "scaling = none";

static void the_example_is_read(void **state)
{
    (void)state;
    weft_settings *s = settings_new();
    file_write(study, sizeof study - 1);
    if (weft_settings_load(s, path) != WEFT_OK)
        fail_msg("%s", weft_last_error());
    assert_text(s, "data.source", "idx:data/mnist");
    assert_text(s, "data.validation_fraction", "0.2");
    assert_text(s, "data.scaling", "none");
    assert_text(s, "network.hidden", "20, 7, 5");
    assert_text(s, "network.activation", "relu, tanh, sigmoid");
    assert_text(s, "network.batch_norm_affine", "no");
    assert_text(s, "regularization.l2", "0.1");
    assert_text(s, "train.evaluate_every", "100 steps");
    assert_text(s, "train.epochs", "20");
    file_write("", 0);
    assert_int_equal(weft_settings_load(s, path), WEFT_OK);
    file_write("[network]\nhidden =\n", 18);
    assert_int_equal(weft_settings_load(s, path), WEFT_OK);
    assert_text(s, "network.hidden", "none");
    weft_settings_destroy(s);
}

/* A value is given by the file even where it is the default, is empty or goes on over several lines. */
static void what_a_file_names_is_told(void **state)
{
    (void)state;
    static const char *const wanted[] = {"data.source", "data.validation_fraction", "data.scaling", "network.hidden",
        "network.activation", "network.batch_norm_affine", "regularization.l2", "train.evaluate_every"};
    weft_settings *s = settings_new();
    bool *named = memory_new(setting_count, sizeof *named);
    assert_non_null(named);
    size_t count = 0;
    file_write(study, sizeof study - 1);
    assert_int_equal(ini_load_named(s, path, named), WEFT_OK);
    assert_text(s, "network.activation", "relu, tanh, sigmoid");
    for (size_t i = 0; i < setting_count; i++)
        count += named[i];
    assert_int_equal(count, COUNT(wanted));
    for (size_t i = 0; i < COUNT(wanted); i++)
        assert_true(named[setting_find(wanted[i]) - setting_table]);

    const struct setting *epochs = setting_find("train.epochs");        /* as it was after a failure */
    file_write("[train]\nepochs = 3\nseed = x\n", 28);
    assert_int_equal(ini_load_named(s, path, named), WEFT_ESETTINGS);
    assert_false(named[epochs - setting_table]);
    assert_true(named[setting_find("data.source") - setting_table]);
    assert_text(s, "train.epochs", "20");

    file_write("[train]\nepochs = 20\n[network]\nhidden =\n", 39);        /* and nothing of an earlier file afterwards */
    assert_int_equal(ini_load_named(s, path, named), WEFT_OK);
    for (size_t i = 0; i < setting_count; i++)
        assert_int_equal(named[i], &setting_table[i] == epochs || &setting_table[i] == setting_find("network.hidden"));
    memory_free(named);
    weft_settings_destroy(s);
}

static void faults_name_their_line(void **state)
{
    (void)state;
    static const struct { const char *text, *wanted; } row[] = {
        {"[train]\nseed = 2\nsed = 3\n", ":3: unknown setting 'train.sed'; did you mean 'train.seed'?"},
        {"[trian]\nseed = 2\n", ":2: unknown setting 'trian.seed'; did you mean 'train.seed'?"},
        {"seed = 2\n", ":1: unknown setting 'seed'; did you mean 'train.seed'?"},
        {"[train]\n\n; c\nseed = x\nepochs = 2\n", ":4: set train.seed to 'x': wanted 0 <= integer"},
        {"[train]\nseed = 2\nepochs = 3\nseed = 2\n", ":4: train.seed is set again: line 2"},
        {"[train]\nseed = 2\n[data]\n[train]\nseed = 2", ":5: train.seed is set again: line 2"},
        {"[train]\nseed\n", ":2: found neither"},
        {"[train\nseed = 2\n", ":1: found neither"},
        {"[train]\nseed = x\nnonsense\n", ":2: set train.seed"},
        {"[train]\nnonsense\nseed = x\n", ":2: found neither"},
        {"[train]\nseed = 2\n[network] hidden = 3\n", ":3: found text behind [section]"},
        {"[train]\nseed = 2\n  epochs = 3\n", ":2: (a line that begins with white space goes on with the value above)"},
        {"[train]\nseed = 1\n[train]\n  seed = 2\n", ":4: train.seed is set again: line 2"},
        {"[train]\nseed = 1;2\n", ":2: set train.seed to '1;2'"},
    };
    weft_settings *s = settings_new(), *untouched = settings_new();
    for (size_t i = 0; i < COUNT(row); i++) {
        char wanted[256];
        snprintf(wanted, sizeof wanted, "%s%s", path, row[i].wanted);
        file_write(row[i].text, strlen(row[i].text));
        if (weft_settings_load(s, path) != WEFT_ESETTINGS || strncmp(weft_last_error(), wanted, strlen(wanted)) != 0)
            fail_msg("case %zu: found '%s', wanted '%s'", i, weft_last_error(), wanted);
        assert_same_settings(s, untouched);
    }
    assert_int_equal(weft_settings_load(s, "/no/such/file"), WEFT_ENOINPUT);
    assert_int_equal(weft_settings_load(s, "/tmp"), WEFT_ENOINPUT);
    weft_settings_destroy(s);
    weft_settings_destroy(untouched);
}

/* Around libinih's buffer of 200 bytes: a line is read whole or refused, whatever stands where it would be cut. */
static void long_lines_are_whole_or_refused(void **state)
{
    (void)state;
    weft_settings *s = settings_new();
    int accepted = 0, refused = 0;
    for (int length = 150; length < 450; length++) {
        char text[600], uri[600];
        memset(uri, 'x', sizeof uri);
        uri[length] = '\0';
        int size = snprintf(text, sizeof text, "[data]\nsource=%s\nscaling = none\n", uri);
        file_write(text, (size_t)size);
        if (weft_settings_load(s, path) == WEFT_OK) {
            assert_text(s, "data.source", uri);
            accepted++;
        } else {
            assert_non_null(strstr(weft_last_error(), ":2: the line is longer than"));
            refused++;
        }
    }
    assert_true(accepted > 30 && refused > 0);
    static char large[9500];
    memset(large, 0, sizeof large);
    strcpy(large, "[data]\nsource = a\n");
    while (strlen(large) < 9300)
        strcat(large, " aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee\n");
    file_write(large, strlen(large));
    assert_int_equal(weft_settings_load(s, path), WEFT_ESETTINGS);
    assert_non_null(strstr(weft_last_error(), ":2: data.source has more than 8191 bytes"));
    file_write("[train]\nseed = 2\0\n", 19);
    assert_int_equal(weft_settings_load(s, path), WEFT_ESETTINGS);
    assert_non_null(strstr(weft_last_error(), ":2: found a byte 0"));
    weft_settings_destroy(s);
}

static void what_may_stand_around_a_section(void **state)
{
    (void)state;
    static const char *const good[] = {
        "[train]\nseed = 7\n", "  [train]  \nseed = 7\n", "[train]\t# comment\nseed = 7\n", "[train] ; comment\nseed = 7\n",
        "[train]\nseed = 7\t; comment\n", "[train]\nseed =\t7\t\n"};
    static const struct { const char *text, *words; } bad[] = {
        {"[train] x\nseed = 7\n", ":1: found text behind [section], wanted it in the next line"},
        {"[ ]\nseed = 7\n", ":2: "}, {"[train ]\nseed = 7\n", ":2: "}};
    char text[400], words[100];
    for (size_t i = 0; i < COUNT(good); i++) {
        weft_settings *s = settings_new();
        file_write(good[i], strlen(good[i]));
        if (weft_settings_load(s, path) != WEFT_OK)
            fail_msg("file %zu: %s", i, weft_last_error());
        assert_text(s, "train.seed", "7");
        weft_settings_destroy(s);
    }
    weft_settings *s = settings_new();
    for (size_t i = 0; i < COUNT(bad); i++) {
        file_write(bad[i].text, strlen(bad[i].text));
        assert_int_equal(weft_settings_load(s, path), WEFT_ESETTINGS);
        if (strstr(weft_last_error(), bad[i].words) == NULL)
            fail_msg("file %zu: %s", i, weft_last_error());
    }
    for (size_t length = 100; length < 160; length++) {         /* a name longer than any that is known, to a file without keys */
        int size = snprintf(text, sizeof text, "[%0*d]\n", (int)length, 0);
        file_write(text, (size_t)size);
        weft_status st = weft_settings_load(s, path);
        snprintf(words, sizeof words, ":1: the section's name has %zu bytes, at most", length);
        if (st != WEFT_OK && (st != WEFT_ESETTINGS || strstr(weft_last_error(), words) == NULL))
            fail_msg("%zu bytes: %s", length, weft_last_error());
        assert_int_equal(st == WEFT_OK, length < 128);
    }
    weft_settings_destroy(s);
}

static void an_empty_value_has_its_line(void **state)
{
    (void)state;
    char at[64];
    struct text text = {at, sizeof at, 0};
    ini_add(&text, "hidden", "");
    ini_add(&text, "seed", "1");
    assert_string_equal(at, "hidden =\nseed = 1\n");
}

/* No text of a setting but a URI or path is longer. */
static void set_longest_list(weft_settings *s)
{
    char list[SETTING_TEXT_SIZE_BYTES];
    struct text text = {list, sizeof list, 0};
    for (int c = 0; c < CLASS_WEIGHTS_MAX; c++)
        text_add(&text, "%s%.17g", c > 0 ? ", " : "", 1e-300 * (c + 1) / 3);
    assert_int_equal(weft_settings_set(s, "train.class_weights", list), WEFT_OK);
}

/* run.ini reads back to the same values, however long the URI and whatever it holds. */
static void run_ini_goes_round(void **state)
{
    (void)state;
    static const char alphabet[] = "abc/ ;#=[]:?\xc3\xa4";
    uint64_t random = 1;
    for (int i = 0; i < 300; i++) {
        weft_settings *s = settings_new(), *t = settings_new();
        char uri[4096];
        size_t length = 1 + (size_t)i * 13;
        for (size_t c = 0; c < length; c++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            uri[c] = alphabet[(random >> 33) % (sizeof alphabet - 1)];
            if (c > 0 && uri[c - 1] == ' ' && (uri[c] == ';' || uri[c] == ' '))
                uri[c] = 'x';
        }
        uri[0] = 'u';
        uri[length - 1] = 'x';
        uri[length] = '\0';
        assert_int_equal(weft_settings_set(s, "data.source", uri), WEFT_OK);
        assert_int_equal(weft_settings_set(s, "data.validation", i % 2 == 0 ? uri : "none"), WEFT_OK);
        assert_int_equal(weft_settings_set(s, "data.test", i % 3 == 0 ? uri : "csv:other"), WEFT_OK);
        assert_int_equal(weft_settings_set(s, "train.max_time", "90.5 s"), WEFT_OK);
        assert_int_equal(weft_settings_set(s, "checkpoint.every", "7 epochs"), WEFT_OK);
        assert_int_equal(weft_settings_set(s, "run.threads", "3"), WEFT_OK);
        assert_int_equal(weft_settings_set(s, "network.init_from", i % 5 == 0 ? uri : "none"), WEFT_OK);
        assert_int_equal(weft_settings_set(s, "train.seed", "7"), WEFT_OK);
        set_longest_list(s);
        char *text;
        assert_int_equal(settings_write_run_ini(s, &text), WEFT_OK);
        const char *seed = strstr(text, "\nseed = 7\n");
        assert_true(seed != NULL && seed > strstr(text, "\nthreads = 3\n"));        /* what is the machine's comes first */
        file_write(text, strlen(text));
        bool named[1000] = {false};
        assert_true(setting_count <= COUNT(named));
        if (ini_load_named(t, path, named) != WEFT_OK)
            fail_msg("%s\n%s", weft_last_error(), text);
        assert_same_settings(s, t);
        assert_null(memchr(named, false, setting_count));
        memory_free(text);
        weft_settings_destroy(s);
        weft_settings_destroy(t);
    }
    static const char *const uris[] = {"data.source", "data.validation", "data.test", "network.init_from"};
    for (size_t i = 0; i < sizeof uris / sizeof uris[0]; i++) {
        weft_settings *s = settings_new();
        char hashes[300], *text;
        memset(hashes, '#', sizeof hashes - 1);
        hashes[sizeof hashes - 1] = '\0';
        assert_int_equal(weft_settings_set(s, uris[i], hashes), WEFT_OK);
        assert_int_equal(settings_write_run_ini(s, &text), WEFT_ESETTINGS);
        assert_null(text);
        weft_settings_destroy(s);
    }
}

/* Cut off anywhere, or with any one bit flipped, a file is read or refused, and a refusal changes nothing. */
static void damaged_files_do_no_harm(void **state)
{
    (void)state;
    weft_settings *untouched = settings_new();
    char bytes[sizeof study];
    int refused = 0;
    for (size_t i = 0; i < 9 * (sizeof study - 1); i++) {
        size_t place = i % (sizeof study - 1), kind = i / (sizeof study - 1), size = sizeof study - 1;
        memcpy(bytes, study, sizeof study);
        if (kind == 8)
            size = place;
        else
            bytes[place] = (char)(bytes[place] ^ 1 << kind);
        file_write(bytes, size);
        weft_settings *s = settings_new();
        weft_status st = weft_settings_load(s, path);
        assert_true(st == WEFT_OK || st == WEFT_ESETTINGS);
        if (st != WEFT_OK) {
            assert_same_settings(s, untouched);
            refused++;
        }
        weft_settings_destroy(s);
    }
    assert_true(refused > 1000);
    weft_settings_destroy(untouched);
}

static void memory_may_fail_at_any_moment(void **state)
{
    (void)state;
    weft_settings *s = settings_new(), *untouched = settings_new();
    file_write(study, sizeof study - 1);
    weft_status st = WEFT_ENOMEM;
    size_t n;
    for (n = 1; st != WEFT_OK; n++) {
        memory_fail_from(n);
        st = weft_settings_load(s, path);
        memory_fail_from(0);
        if (st != WEFT_OK) {
            assert_int_equal(st, WEFT_ENOMEM);
            assert_same_settings(s, untouched);
        }
    }
    assert_true(n > 10);
    weft_settings_destroy(s);
    weft_settings_destroy(untouched);
}

int main(void)
{
    int fd = mkstemp(path);
    if (fd < 0 || close(fd) != 0) {
        perror(path);
        return EXIT_FAILURE;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_is_read), cmocka_unit_test(what_a_file_names_is_told),
        cmocka_unit_test(faults_name_their_line),
        cmocka_unit_test(what_may_stand_around_a_section), cmocka_unit_test(an_empty_value_has_its_line),
        cmocka_unit_test(long_lines_are_whole_or_refused), cmocka_unit_test(run_ini_goes_round),
        cmocka_unit_test(damaged_files_do_no_harm), cmocka_unit_test(memory_may_fail_at_any_moment),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
