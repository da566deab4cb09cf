/* weft verify: are these files whole? */
#include <stdio.h>

#include "cli/command.h"
#include "cli/json.h"
#include "cli/options.h"
#include "weft/checkpoint.h"

static const char ABOUT[] =
    "Check that checkpoints are whole: the seal at the end of a file, a digest over every byte, must be right, and every "
    "object in it must be readable. Prints a line for each file; the exit code is 0 if all are whole, 65 if any is not.\n\n"
    "A file that was edited, say in h5py, has lost its seal. --seal seals it again, after checking that it can be read; "
    "the file is replaced in one piece or left as it was.";

static const char EXAMPLES[] =
    "  weft verify checkpoints/run-001/step-*.h5\n"
    "  weft verify --seal edited.h5\n";

static json_t *json_of_file(const char *path, weft_status st)
{
    json_t *object = json_object();
    json_put(&object, "path", json_of_text(path));
    json_put(&object, "whole", json_boolean(st == WEFT_OK));
    json_put(&object, "message", st == WEFT_OK ? json_null() : json_of_text(weft_last_error()));
    return object;
}

static void print_file(const char *path, weft_status st, bool seal)
{
    if (st == WEFT_OK)
        printf("%s: %s\n", path, seal ? "sealed" : "whole");
    else
        printf("%s: %s: %s\n", path, st == WEFT_EDAMAGED ? "not whole" : "failed", weft_last_error());
}

/* The exit code after one more file: damage counts most, else the first failure. */
static int worse_of(int exit_code, weft_status st)
{
    if (st == WEFT_OK || (exit_code != 0 && st != WEFT_EDAMAGED))
        return exit_code;
    return weft_exit_code(st);
}

static int print_json(const char *verb, json_t *files, int exit_code)
{
    json_t *object = json_object();
    json_put(&object, "whole", json_boolean(exit_code == 0));
    json_put(&object, "files", files);
    int failed = json_print(verb, object);
    return exit_code != 0 ? exit_code : failed;
}

int cmd_verify(int argc, char **argv)
{
    struct strings paths = {0};
    bool seal = false, json = false;
    const struct option_def options[] = {
        {"CHECKPOINT", OPERANDS, &paths, NULL, "files to check"},
        {"seal", OPT_FLAG, &seal, NULL, "seal each file anew if it can be read"},
        {"json", OPT_FLAG, &json, NULL, "print one JSON object"}, {0}
    };
    const struct verb verb = {"weft verify", ABOUT, options, false, EXAMPLES};
    int exit_code = options_parse(&verb, argc, argv);
    if (exit_code != OPTIONS_RUN)
        return exit_code;
    json_t *files = json ? json_array() : NULL;
    exit_code = 0;
    for (size_t i = 0; i < paths.count; i++) {
        weft_status st = seal ? weft_checkpoint_seal(paths.item[i]) : weft_checkpoint_verify(paths.item[i]);
        exit_code = worse_of(exit_code, st);
        if (json)
            json_add(&files, json_of_file(paths.item[i], st));
        else
            print_file(paths.item[i], st, seal);
    }
    return exit_flushed(verb.name, json ? print_json(verb.name, files, exit_code) : exit_code);
}
