/* See description.h. Each value is tried on a scratch copy of the settings when its line is read, so that a fault has its line. */
#include "sweep/description.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "data/source.h"
#include "settings/ini.h"

/* While it is read. */
struct reader {
    struct description *description;
    weft_settings *scratch;
    bool has_sweep;                     /* there is a section [sweep] or [sweep NAME] */
};

char *description_value(const weft_settings *settings, const struct setting *setting)
{
    size_t size = setting_print(setting, settings, NULL, 0) + 1;
    char *text = memory_new(size, 1);
    if (text != NULL)
        setting_print(setting, settings, text, size);
    return text;
}

/* The setting of that name, which combinations may set, and this value of it: memory_free it. */
static weft_status value_read(struct reader *reader, const char *key, const char *text, const struct setting **setting, char **value)
{
    if (strcmp(key, "train.seed") == 0 || strcmp(key, "seed") == 0)
        return error_set(WEFT_ESETTINGS, "%s: a combination has no seed of its own, wanted seeds = 1, 2, ... in [sweep]", key);
    if (strcmp(key, "run.threads") == 0)
        return error_set(WEFT_ESETTINGS, "run.threads: a sweep shares the threads between its runs, wanted it in [run] or as --threads");
    weft_status st = weft_settings_set(reader->scratch, key, text);
    if (st != WEFT_OK)
        return st;
    *setting = setting_find(key);
    *value = description_value(reader->scratch, *setting);
    return *value != NULL ? WEFT_OK : WEFT_ENOMEM;
}

/* ---- where the data are ---- */

bool description_is_place(const struct setting *setting)
{
    const char *name = setting->info.name;
    return strcmp(name, "data.source") == 0 || strcmp(name, "data.validation") == 0 || strcmp(name, "data.test") == 0;
}

/* The value of a setting that says where data are gets an absolute path, so that sweep.ini says the same in any directory. Data that
 * are not there stay as they are called: it is for the runs to miss them. */
static weft_status make_absolute(const struct setting *setting, char **value)
{
    char *absolute = NULL;
    weft_status st = description_is_place(setting) ? source_absolute(*value, &absolute) : WEFT_OK;
    if (absolute != NULL) {
        memory_free(*value);
        *value = absolute;
    }
    return st == WEFT_ENOMEM ? st : WEFT_OK;
}

static weft_status make_base_absolute(weft_settings *base)
{
    weft_status st = WEFT_OK;
    for (size_t i = 0; i < setting_count && st == WEFT_OK; i++) {
        const struct setting *setting = &setting_table[i];
        if (!description_is_place(setting))
            continue;
        char *value = description_value(base, setting);
        st = value != NULL ? make_absolute(setting, &value) : WEFT_ENOMEM;
        if (st == WEFT_OK)
            st = weft_settings_set(base, setting->info.name, value);
        memory_free(value);
    }
    return st;
}

/* ---- [sweep] ---- */

static weft_status seed_add(struct description *d, const char *text)
{
    uint64_t seed;
    if (!text_parse_count(text, &seed) || seed > setting_find("train.seed")->count_high)
        return error_set(WEFT_ESETTINGS, "seeds: found '%.40s', wanted whole numbers with commas between them", text);
    for (size_t i = 0; i < d->seeds; i++)
        if (d->seed[i] == seed)
            return error_set(WEFT_ESETTINGS, "seeds: found %s twice", text);
    uint64_t *grown = memory_grow(d->seed, d->seeds, d->seeds + 1, sizeof *grown);
    if (grown == NULL)
        return WEFT_ENOMEM;
    d->seed = grown;
    d->seed[d->seeds++] = seed;
    return WEFT_OK;
}

static weft_status seeds_take(struct description *d, char *text)
{
    if (d->seeds > 0)
        return error_set(WEFT_ESETTINGS, "seeds is set again, wanted one list");
    weft_status st = WEFT_OK;
    for (char *rest = text; rest != NULL && st == WEFT_OK;)
        st = seed_add(d, text_trim(strsep(&rest, ",")));
    return st;
}

static weft_status axis_add_value(struct reader *reader, struct axis *axis, const char *key, const char *text)
{
    char *value = NULL;
    weft_status st = value_read(reader, key, text, &axis->setting, &value);
    for (size_t i = 0; i < axis->values && st == WEFT_OK; i++)
        if (strcmp(axis->value[i], value) == 0)
            st = error_set(WEFT_ESETTINGS, "%s: found the value %.80s twice", key, value);
    char **grown = st == WEFT_OK ? memory_grow(axis->value, axis->values, axis->values + 1, sizeof *grown) : NULL;
    if (grown == NULL) {
        memory_free(value);
        return st != WEFT_OK ? st : WEFT_ENOMEM;
    }
    axis->value = grown;
    axis->value[axis->values++] = value;
    return WEFT_OK;
}

/* Cuts text at every '|'. */
static weft_status axis_take(struct reader *reader, const char *key, char *text)
{
    struct description *d = reader->description;
    for (size_t i = 0; i < d->axes; i++)
        if (strcmp(d->axis[i].setting->info.name, key) == 0)
            return error_set(WEFT_ESETTINGS, "%s is set again in [sweep], wanted all of its values in one place, with | between them", key);
    struct axis axis = {0}, *grown;
    weft_status st = WEFT_OK;
    for (char *rest = text; rest != NULL && st == WEFT_OK;)
        st = axis_add_value(reader, &axis, key, text_trim(strsep(&rest, "|")));
    if (st == WEFT_OK && (grown = memory_grow(d->axis, d->axes, d->axes + 1, sizeof *grown)) != NULL) {
        d->axis = grown;
        d->axis[d->axes++] = axis;
        return WEFT_OK;
    }
    for (size_t i = 0; i < axis.values; i++)
        memory_free(axis.value[i]);
    memory_free(axis.value);
    return st != WEFT_OK ? st : WEFT_ENOMEM;
}

static weft_status sweep_take(struct reader *reader, const char *key, const char *value)
{
    char *text = memory_string(value);
    if (text == NULL)
        return WEFT_ENOMEM;
    weft_status st = strcmp(key, "seeds") == 0 ? seeds_take(reader->description, text) : axis_take(reader, key, text);
    memory_free(text);
    return st;
}

/* ---- [sweep NAME] ---- */

static weft_status listed_begin(struct description *d, const char *name)
{
    for (size_t i = 0; i < d->listings; i++)
        if (strcmp(d->listed[i].name, name) == 0)
            return error_set(WEFT_ESETTINGS, "[sweep %s] is there already, wanted another name", name);
    struct listed *grown = memory_grow(d->listed, d->listings, d->listings + 1, sizeof *grown);
    if (grown == NULL)
        return WEFT_ENOMEM;
    d->listed = grown;
    if ((grown[d->listings].name = memory_string(name)) == NULL)
        return WEFT_ENOMEM;
    d->listings++;
    return WEFT_OK;
}

static weft_status listed_take(struct reader *reader, struct listed *listed, const char *key, const char *text)
{
    struct assignment assignment = {0};
    weft_status st = value_read(reader, key, text, &assignment.setting, &assignment.value);
    if (st == WEFT_OK)
        st = make_absolute(assignment.setting, &assignment.value);
    for (size_t i = 0; i < listed->assignments && st == WEFT_OK; i++)
        if (listed->assignment[i].setting == assignment.setting)
            st = error_set(WEFT_ESETTINGS, "%s is set again in [sweep %s], wanted one of the two", key, listed->name);
    struct assignment *grown =
        st == WEFT_OK ? memory_grow(listed->assignment, listed->assignments, listed->assignments + 1, sizeof *grown) : NULL;
    if (grown == NULL) {
        memory_free(assignment.value);
        return st != WEFT_OK ? st : WEFT_ENOMEM;
    }
    listed->assignment = grown;
    listed->assignment[listed->assignments++] = assignment;
    return WEFT_OK;
}

static weft_status take(void *context, const char *combination, const char *key, const char *value)
{
    struct reader *reader = context;
    struct description *d = reader->description;
    reader->has_sweep = true;
    if (combination[0] == '\0')
        return key != NULL ? sweep_take(reader, key, value) : WEFT_OK;
    return key != NULL ? listed_take(reader, &d->listed[d->listings - 1], key, value) : listed_begin(d, combination);
}

/* ---- all of it ---- */

static const struct axis *axis_of(const struct description *d, const struct setting *setting)
{
    for (size_t i = 0; i < d->axes; i++)
        if (d->axis[i].setting == setting)
            return &d->axis[i];
    return NULL;
}

/* What two places set would be lost in one of them. */
static weft_status check_listed(const struct description *d)
{
    for (size_t i = 0; i < d->listings; i++)
        for (size_t a = 0; a < d->listed[i].assignments; a++)
            if (axis_of(d, d->listed[i].assignment[a].setting) != NULL)
                return error_set(WEFT_ESETTINGS, "%s is set in [sweep] and in [sweep %s], wanted one of the two",
                                 d->listed[i].assignment[a].setting->info.name, d->listed[i].name);
    return WEFT_OK;
}

static bool is_set_by_combinations(const struct description *d, const char *name)
{
    const struct setting *setting = setting_find(name);
    bool is_set = axis_of(d, setting) != NULL;
    for (size_t i = 0; i < d->listings; i++)
        for (size_t a = 0; a < d->listed[i].assignments; a++)
            is_set = is_set || d->listed[i].assignment[a].setting == setting;
    return is_set || (d->seeds > 0 && strcmp(name, "train.seed") == 0);
}

static weft_status assign(struct description *d, const char *assignment)
{
    weft_status st = weft_settings_assign(d->base, assignment);
    char *name = st == WEFT_OK ? memory_string(assignment) : NULL;
    if (name == NULL)
        return st != WEFT_OK ? st : WEFT_ENOMEM;
    name[strcspn(name, "=")] = '\0';
    const char *set = text_trim(name);
    if (is_set_by_combinations(d, set))
        st = error_set(WEFT_ESETTINGS, "set %s: the sweep gives it values of its own, wanted them changed in its file", set);
    d->data_are_assigned = d->data_are_assigned || description_is_place(setting_find(set));
    memory_free(name);
    return st;
}

weft_status description_load(struct description *d, const char *path, size_t assignments, const char *const *assignment)
{
    *d = (struct description){.base = weft_settings_create()};
    struct reader reader = {.description = d, .scratch = weft_settings_create()};
    const struct ini_sweep sweep = {take, &reader};
    weft_status st = d->base != NULL && reader.scratch != NULL ? WEFT_OK : error_context(WEFT_ENOMEM, "read the sweep %s", path);
    if (st == WEFT_OK)
        st = ini_load(d->base, path, &sweep);
    if (st == WEFT_OK && !reader.has_sweep)
        st = error_set(WEFT_ESETTINGS, "%s: found no section [sweep], wanted one (weft train trains a single run)", path);
    if (st == WEFT_OK && (st = check_listed(d)) != WEFT_OK)
        error_context(st, "%s", path);
    for (size_t i = 0; i < assignments && st == WEFT_OK; i++)
        st = assign(d, assignment[i]);
    if (st == WEFT_OK)
        st = make_base_absolute(d->base);
    weft_settings_destroy(reader.scratch);
    if (st != WEFT_OK)
        description_clear(d);
    return st;
}

void description_clear(struct description *d)
{
    weft_settings_destroy(d->base);
    memory_free(d->seed);
    for (size_t i = 0; i < d->axes; i++) {
        for (size_t v = 0; v < d->axis[i].values; v++)
            memory_free(d->axis[i].value[v]);
        memory_free(d->axis[i].value);
    }
    memory_free(d->axis);
    for (size_t i = 0; i < d->listings; i++) {
        memory_free(d->listed[i].name);
        for (size_t a = 0; a < d->listed[i].assignments; a++)
            memory_free(d->listed[i].assignment[a].value);
        memory_free(d->listed[i].assignment);
    }
    memory_free(d->listed);
    *d = (struct description){0};
}
