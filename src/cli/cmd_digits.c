/* weft digits: the built-in data set as files. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/options.h"
#include "cli/shell_word.h"
#include "weft/dataset.h"

static const char ABOUT[] =
    "Write the built-in synthetic digits (28 x 28 pixels, ten classes: drawn strokes, distorted and noisy) as four IDX "
    "files, the format of MNIST: train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, "
    "t10k-labels-idx1-ubyte. Files of these names are replaced. The same seed gives the same bytes on every machine.\n\n"
    "Training does not need the files: --data 'digits:?train=N&test=N&seed=S' draws the same rows in memory.";

static const char EXAMPLES[] =
    "  weft digits --out data/digits\n"
    "  weft digits --out /tmp/small --train 1000 --test 200 --seed 7\n";

static void print_summary(const char *out, uint64_t train_rows, uint64_t test_rows)
{
    char uri[PATH_MAX + 8], word[SHELL_WORD_BYTES];
    snprintf(uri, sizeof uri, "idx:%s", out);
    printf("%" PRIu64 " training and %" PRIu64 " test rows in %s\n\nNext:\n  weft train --data %s\n", train_rows, test_rows, out,
           shell_word(uri, word, sizeof word));
}

int cmd_digits(int argc, char **argv)
{
    const char *out = NULL;
    uint64_t train_rows = 60000, test_rows = 10000, seed = 1;
    bool json = false;
    const struct option_def options[] = {
        {"out", OPT_STRING, &out, "DIR", "directory for the files; made if it is missing"},
        {"train", OPT_COUNT, &train_rows, "N", "training rows, 1 to 10000000; default 60000"},
        {"test", OPT_COUNT, &test_rows, "N", "test rows, 1 to 10000000; default 10000"},
        {"seed", OPT_COUNT, &seed, "N", "another seed draws other digits; default 1"},
        {"json", OPT_FLAG, &json, NULL, "print one JSON object"}, {0}
    };
    const struct verb verb = {"weft digits", ABOUT, options, false, EXAMPLES};
    int exit_code = options_parse(&verb, argc, argv);
    if (exit_code != OPTIONS_RUN)
        return exit_code;
    if (out == NULL)
        return exit_message(verb.name, WEFT_EINVAL, "--out DIR is missing (weft digits --help tells more)");
    weft_status st = weft_digits_write(out, (size_t)train_rows, (size_t)test_rows, seed);
    if (st != WEFT_OK)
        return exit_failure(verb.name, st);
    if (!json) {
        print_summary(out, train_rows, test_rows);
        return exit_flushed(verb.name, 0);
    }
    json_t *object = json_object();
    json_put(&object, "directory", json_of_text(out));
    json_put(&object, "train_rows", json_of_count(train_rows));
    json_put(&object, "test_rows", json_of_count(test_rows));
    json_put(&object, "seed", json_of_count(seed));
    return exit_flushed(verb.name, json_print(verb.name, object));
}
