/* A file of settings, and the same as a sweep of several runs. What is read is written and read again: it says the same then, and
 * names every setting. */
#include "fuzz.h"

#include <string.h>

#include "base/memory.h"
#include "settings/settings.h"
#include "settings/table.h"
#include "sweep/description.h"

static void settings_check(const char *path)
{
    weft_settings *settings = weft_settings_create(), *again = weft_settings_create();
    bool *named = memory_new(setting_count, sizeof *named);
    char *text = NULL, *second = NULL;
    weft_status st = weft_settings_load(settings, path);
    FUZZ_HOLDS(st == WEFT_OK || (st == WEFT_ESETTINGS && weft_last_error()[0] != '\0'));
    if (st == WEFT_OK)
        st = settings_write_run_ini(settings, &text);
    if (st == WEFT_OK) {
        path = fuzz_put("run.ini", (struct fuzz_input){(const uint8_t *)text, strlen(text)}, 0);
        FUZZ_HOLDS(ini_load_named(again, path, named) == WEFT_OK);
        for (size_t i = 0; i < setting_count; i++)
            FUZZ_HOLDS(named[i]);
        FUZZ_HOLDS(settings_write_run_ini(again, &second) == WEFT_OK && strcmp(text, second) == 0);
    }
    memory_free(named);
    memory_free(text);
    memory_free(second);
    weft_settings_destroy(settings);
    weft_settings_destroy(again);
}

static void sweep_check(const char *path)
{
    struct description sweep = {0}, again = {0};
    char *text = NULL, *second = NULL;
    weft_status st = description_load(&sweep, path, 0, NULL);
    FUZZ_HOLDS(st == WEFT_OK || (st == WEFT_ESETTINGS && weft_last_error()[0] != '\0'));
    if (st == WEFT_OK && description_print(&sweep, &text) == WEFT_OK) {
        path = fuzz_put("sweep.ini", (struct fuzz_input){(const uint8_t *)text, strlen(text)}, 0);
        FUZZ_HOLDS(description_load(&again, path, 0, NULL) == WEFT_OK);
        FUZZ_HOLDS(description_print(&again, &second) == WEFT_OK && strcmp(text, second) == 0);
    }
    memory_free(text);
    memory_free(second);
    description_clear(&sweep);
    description_clear(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_put("file.ini", (struct fuzz_input){data, size}, 0);
    fuzz_memory_begin((8 << 20) + 4096 * size);
    settings_check(path);
    sweep_check(path);
    fuzz_memory_end();
    return 0;
}
