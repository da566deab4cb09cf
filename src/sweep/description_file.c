/* A description as an INI file: the settings that differ from their defaults, then the sections of the sweep. */
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "settings/ini.h"
#include "sweep/description.h"

static const char HEAD[] =
    "; A sweep of Weft, as it was resolved. weft sweep takes this file, too; combinations and seeds may be added.\n";

static weft_status print_base(const struct description *d, struct text *text)
{
    const char *section = "";
    weft_status st = WEFT_OK;
    for (size_t i = 0; i < setting_count && st == WEFT_OK; i++) {
        char *value = description_value(d->base, &setting_table[i]);
        if (value == NULL)
            return WEFT_ENOMEM;
        if (!ini_can_hold(value))
            st = error_set(WEFT_ESETTINGS, "write %.60s... to sweep.ini: a line cannot be broken at so many blanks, ; and #", value);
        else if (strcmp(value, setting_table[i].info.preset) != 0)
            ini_add_setting(text, &section, &setting_table[i], value);
        memory_free(value);
    }
    return st;
}

static void join_seeds(const struct description *d, struct text *text)
{
    for (size_t i = 0; i < d->seeds; i++)
        text_add(text, "%s%" PRIu64, i > 0 ? ", " : "", d->seed[i]);
}

static void join_values(const struct axis *axis, struct text *text)
{
    for (size_t i = 0; i < axis->values; i++)
        text_add(text, "%s%s", i > 0 ? " | " : "", axis->value[i]);
}

static weft_status print_line(const char *key, const char *value, struct text *text)
{
    if (strlen(value) >= INI_VALUE_SIZE_BYTES || !ini_can_hold(value))
        return error_set(WEFT_ESETTINGS, "write %s to sweep.ini: the values are too long", key);
    ini_add(text, key, value);
    return WEFT_OK;
}

static weft_status print_sweep(const struct description *d, struct text *text)
{
    weft_status st = WEFT_OK;
    char *line = memory_new(INI_VALUE_SIZE_BYTES + 1, 1);       /* cut to this, it is seen to be too long */
    if (line == NULL)
        return WEFT_ENOMEM;
    text_add(text, "[sweep]\n");
    struct text seeds = {line, INI_VALUE_SIZE_BYTES + 1, 0};
    join_seeds(d, &seeds);
    if (d->seeds > 0)
        st = print_line("seeds", line, text);
    for (size_t i = 0; i < d->axes && st == WEFT_OK; i++) {
        struct text values = {line, INI_VALUE_SIZE_BYTES + 1, 0};
        join_values(&d->axis[i], &values);
        st = print_line(d->axis[i].setting->info.name, line, text);
    }
    memory_free(line);
    for (size_t i = 0; i < d->listings && st == WEFT_OK; i++) {
        text_add(text, "[sweep %s]\n", d->listed[i].name);
        for (size_t a = 0; a < d->listed[i].assignments && st == WEFT_OK; a++)
            st = print_line(d->listed[i].assignment[a].setting->info.name, d->listed[i].assignment[a].value, text);
    }
    return st;
}

static weft_status print(const struct description *d, struct text *text)
{
    text_add(text, "%s", HEAD);
    weft_status st = print_base(d, text);
    return st == WEFT_OK ? print_sweep(d, text) : st;
}

weft_status description_print(const struct description *d, char **out)
{
    struct text text = {NULL, 0, 0};
    *out = NULL;
    weft_status st = print(d, &text);                           /* measure */
    if (st != WEFT_OK)
        return st;
    text = (struct text){memory_new(text.length + 1, 1), text.length + 1, 0};
    st = text.at != NULL ? print(d, &text) : WEFT_ENOMEM;
    if (st != WEFT_OK) {
        memory_free(text.at);
        return st;
    }
    *out = text.at;
    return WEFT_OK;
}
