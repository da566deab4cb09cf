/* Settings between their text forms and struct weft_settings. The table says what there is; here is how each kind of value
 * is read and printed. A value is read into a place of its own first: a setting changes as a whole or not at all. */
#include "settings/settings.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/text.h"
#include "settings/table.h"

union setting_field {                   /* any member of struct weft_settings */
    char *text;
    bool on;
    uint64_t count;
    double real;
    int choice;
    struct interval interval;
    struct count_list counts;           /* the three lists begin alike: counts.count is the length of each */
    struct real_list reals;
    struct choice_list choices;
    struct class_weights weights;
};

static const char *const unit_name[] = {
    [INTERVAL_STEPS] = "steps", [INTERVAL_EPOCHS] = "epochs", [INTERVAL_SECONDS] = "s",
};

/* Find. */

const struct setting *setting_find(const char *name)
{
    for (size_t i = 0; i < setting_count; i++)
        if (strcmp(setting_table[i].info.name, name) == 0)
            return &setting_table[i];
    return NULL;
}

/* The name that was meant: the same key in another section, or else the nearest name. */
static const char *name_suggested(const char *name)
{
    const char *dot = strrchr(name, '.');
    const char *key = dot != NULL ? dot + 1 : name;
    enum { NAMES_MAX = 128 };
    const char *names[NAMES_MAX];
    assert(setting_count <= NAMES_MAX);
    for (size_t i = 0; i < setting_count; i++) {
        names[i] = setting_table[i].info.name;
        if (strcmp(strchr(names[i], '.') + 1, key) == 0)
            return names[i];
    }
    return weft_nearest_name(name, names, setting_count);
}

static weft_status error_unknown(const char *name)
{
    const char *suggested = name_suggested(name);
    if (suggested == NULL)
        return error_set(WEFT_ESETTINGS, "unknown setting '%.80s'", name);
    return error_set(WEFT_ESETTINGS, "unknown setting '%.80s'; did you mean '%s'?", name, suggested);
}

/* Read. Each takes text without white space around it, and writes its result only if it returns true. */

/* A URI must survive run.ini, where line breaks end a value and " ;" begins a comment. */
static bool uri_is_plain(const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return false;
    return text[0] != '\0' && text[0] != ';' && strstr(text, " ;") == NULL;
}

static bool switch_parse(const char *text, bool *on)
{
    static const char *const word[][2] = { {"no", "yes"}, {"false", "true"}, {"off", "on"}, {"0", "1"} };
    for (size_t i = 0; i < sizeof word / sizeof word[0]; i++)
        for (int value = 0; value < 2; value++)
            if (strcmp(text, word[i][value]) == 0) {
                *on = value;
                return true;
            }
    return false;
}

static bool count_parse(const struct setting *s, const char *text, uint64_t *value)
{
    uint64_t count;
    if (!text_parse_count(text, &count) || count < s->count_low || count > s->count_high)
        return false;
    *value = count;
    return true;
}

static bool real_parse(const struct setting *s, const char *text, double *value)
{
    double real;
    if (!text_parse_real(text, &real) || real < s->real_low || real > s->real_high)
        return false;
    *value = real;
    return true;
}

/* The word for member number i of a row's enum, or NULL: it begins at the result and has *length bytes. */
static const char *choice_word(const struct setting *s, int i, size_t *length)
{
    const char *word = s->choices;
    for (; i > 0; i--) {
        word = strstr(word, " | ");
        if (word == NULL)
            return NULL;
        word += strlen(" | ");
    }
    *length = strcspn(word, " ");
    return word;
}

static bool choice_parse(const struct setting *s, const char *text, int *choice)
{
    size_t length = strlen(text), word_length;
    const char *word;
    for (int i = 0; (word = choice_word(s, i, &word_length)) != NULL; i++)
        if (length == word_length && memcmp(word, text, length) == 0) {
            *choice = i;
            return true;
        }
    return false;
}

/* Cut a number off the front of text: it ends up in number, the result is what follows it after white space. */
static const char *number_split(const char *text, const char *digits, char number[32])
{
    size_t length = strspn(text, digits);
    if (length >= 32)
        length = 0;                             /* too long for any number that is taken: "" is none */
    memcpy(number, text, length);
    number[length] = '\0';
    text += length;
    return text + strspn(text, " \t");
}

static bool interval_parse(const struct setting *s, const char *text, struct interval *interval)
{
    struct interval parsed = {0, INTERVAL_STEPS};
    if (strcmp(text, "never") == 0) {
        *interval = parsed;
        return true;
    }
    char number[32];
    const char *unit = number_split(text, "0123456789", number);
    if (strcmp(unit, "step") == 0 || strcmp(unit, "steps") == 0)
        parsed.unit = INTERVAL_STEPS;
    else if (strcmp(unit, "epoch") == 0 || strcmp(unit, "epochs") == 0)
        parsed.unit = INTERVAL_EPOCHS;
    else if (strcmp(unit, "s") == 0)
        parsed.unit = INTERVAL_SECONDS;
    else
        return false;
    if (!count_parse(s, number, &parsed.count) || !(s->units >> parsed.unit & 1))
        return false;
    if (parsed.count == 0)
        parsed.unit = INTERVAL_STEPS;           /* never has one form */
    *interval = parsed;
    return true;
}

static bool seconds_parse(const struct setting *s, const char *text, double *seconds)
{
    char number[32];
    const char *unit = number_split(text, "0123456789+-.eE", number);
    return (*unit == '\0' || strcmp(unit, "s") == 0) && real_parse(s, number, seconds);
}

/* Cuts text at its commas. */
static bool list_parse(const struct setting *s, char *text, union setting_field *field)
{
    memset(field, 0, sizeof *field);
    if (*text == '\0' || strcmp(text, "none") == 0)
        return s->may_be_empty;
    size_t count = 0;
    for (char *rest = text; rest != NULL; count++) {
        if (count == LAYERS_MAX)
            return false;
        const char *item = text_trim(strsep(&rest, ","));
        bool good = s->kind == KIND_COUNT_LIST  ? count_parse(s, item, &field->counts.value[count])
                  : s->kind == KIND_REAL_LIST   ? real_parse(s, item, &field->reals.value[count])
                                                : choice_parse(s, item, &field->choices.value[count]);
        if (!good)
            return false;
    }
    field->counts.count = count;
    return true;
}

/* Cuts text at its commas. */
static bool class_weights_parse(const struct setting *s, char *text, struct class_weights *weights)
{
    *weights = (struct class_weights){.kind = WEIGHTING_NONE};
    if (strcmp(text, "none") == 0)
        return true;
    weights->kind = strcmp(text, "balanced") == 0 ? WEIGHTING_BALANCED : WEIGHTING_LIST;
    for (char *rest = text; weights->kind == WEIGHTING_LIST && rest != NULL; weights->count++)
        if (weights->count == CLASS_WEIGHTS_MAX || !real_parse(s, text_trim(strsep(&rest, ",")), &weights->value[weights->count]))
            return false;
    return true;
}

static bool field_parse(const struct setting *s, char *text, union setting_field *field)
{
    switch (s->kind) {
    case KIND_TEXT: field->text = text; return uri_is_plain(text);
    case KIND_SWITCH: return switch_parse(text, &field->on);
    case KIND_COUNT: return count_parse(s, text, &field->count);
    case KIND_REAL: return real_parse(s, text, &field->real);
    case KIND_SECONDS: return seconds_parse(s, text, &field->real);
    case KIND_CHOICE: return choice_parse(s, text, &field->choice);
    case KIND_INTERVAL: return interval_parse(s, text, &field->interval);
    case KIND_COUNT_LIST: case KIND_REAL_LIST: case KIND_CHOICE_LIST: return list_parse(s, text, field);
    case KIND_CLASS_WEIGHTS: return class_weights_parse(s, text, &field->weights);
    }
    return false;
}

static void *setting_place(const struct setting *s, weft_settings *settings)
{
    return (char *)settings + s->offset;
}

/* Put a value that was read in place of the present one. A text is copied; the old one is freed. */
static weft_status field_store(const struct setting *s, weft_settings *settings, union setting_field *field)
{
    char *old = NULL;
    if (s->kind == KIND_TEXT) {
        field->text = memory_string(field->text);
        if (field->text == NULL)
            return WEFT_ENOMEM;
        memcpy(&old, setting_place(s, settings), sizeof old);
    }
    memcpy(setting_place(s, settings), field, s->size_bytes);
    memory_free(old);
    return WEFT_OK;
}

static weft_status setting_set(const struct setting *s, weft_settings *settings, const char *value)
{
    char *copy = memory_string(value);
    if (copy == NULL)
        return error_context(WEFT_ENOMEM, "set %s", s->info.name);
    union setting_field field;
    weft_status st;
    if (field_parse(s, text_trim(copy), &field))
        st = field_store(s, settings, &field);
    else
        st = error_set(WEFT_ESETTINGS, "set %s to '%.200s'%s: wanted %s", s->info.name, value,
                       strlen(value) > 200 ? " (and more)" : "", s->info.values);
    memory_free(copy);
    return st;
}

weft_status weft_settings_set(weft_settings *settings, const char *name, const char *value)
{
    const struct setting *s = setting_find(name);
    return s != NULL ? setting_set(s, settings, value) : error_unknown(name);
}

weft_status weft_settings_assign(weft_settings *settings, const char *assignment)
{
    const char *equals = strchr(assignment, '=');
    if (equals == NULL)
        return error_set(WEFT_ESETTINGS, "set '%.80s': wanted section.key=value", assignment);
    char *name = memory_string(assignment);
    if (name == NULL)
        return error_context(WEFT_ENOMEM, "set '%.80s'", assignment);
    name[equals - assignment] = '\0';
    weft_status st = weft_settings_set(settings, text_trim(name), equals + 1);
    memory_free(name);
    return st;
}

/* Print. */

static void choice_add(struct text *text, const struct setting *s, int choice)
{
    size_t length = 0;
    const char *word = choice_word(s, choice, &length);
    text_add(text, "%.*s", (int)length, word);
}

static void list_add(struct text *text, const struct setting *s, const union setting_field *field)
{
    if (field->counts.count == 0)
        text_add(text, "none");
    for (size_t i = 0; i < field->counts.count; i++) {
        text_add(text, "%s", i == 0 ? "" : ", ");
        if (s->kind == KIND_COUNT_LIST)
            text_add(text, "%" PRIu64, field->counts.value[i]);
        else if (s->kind == KIND_REAL_LIST)
            text_add_real(text, field->reals.value[i]);
        else
            choice_add(text, s, field->choices.value[i]);
    }
}

static void class_weights_add(struct text *text, const struct class_weights *weights)
{
    if (weights->kind != WEIGHTING_LIST)
        text_add(text, "%s", weights->kind == WEIGHTING_NONE ? "none" : "balanced");
    for (size_t i = 0; i < weights->count; i++) {
        text_add(text, "%s", i == 0 ? "" : ", ");
        text_add_real(text, weights->value[i]);
    }
}

size_t setting_print(const struct setting *s, const weft_settings *settings, char *at, size_t capacity)
{
    struct text text = {at, capacity, 0};
    union setting_field field;
    memcpy(&field, (const char *)settings + s->offset, s->size_bytes);
    switch (s->kind) {
    case KIND_TEXT: text_add(&text, "%s", field.text); break;
    case KIND_SWITCH: text_add(&text, "%s", field.on ? "yes" : "no"); break;
    case KIND_COUNT: text_add(&text, "%" PRIu64, field.count); break;
    case KIND_REAL: text_add_real(&text, field.real); break;
    case KIND_SECONDS: text_add_real(&text, field.real); text_add(&text, "%s", field.real == 0 ? "" : " s"); break;
    case KIND_CHOICE: choice_add(&text, s, field.choice); break;
    case KIND_INTERVAL:
        if (field.interval.count == 0)
            text_add(&text, "never");
        else
            text_add(&text, "%" PRIu64 " %s", field.interval.count, unit_name[field.interval.unit]);
        break;
    case KIND_COUNT_LIST: case KIND_REAL_LIST: case KIND_CHOICE_LIST: list_add(&text, s, &field); break;
    case KIND_CLASS_WEIGHTS: class_weights_add(&text, &field.weights); break;
    }
    return text.length;
}

weft_status weft_settings_get(const weft_settings *settings, const char *name, char *text, size_t capacity)
{
    const struct setting *s = setting_find(name);
    if (s == NULL) {
        if (capacity > 0)
            text[0] = '\0';
        return error_unknown(name);
    }
    size_t length = setting_print(s, settings, text, capacity);
    if (length >= capacity)
        return error_set(WEFT_EINVAL, "get %s: the buffer has %zu bytes, wanted %zu", name, capacity, length + 1);
    return WEFT_OK;
}

/* Create, copy, destroy, describe. */

weft_settings *weft_settings_create(void)
{
    weft_settings *settings = memory_new(1, sizeof *settings);
    for (size_t i = 0; settings != NULL && i < setting_count; i++)
        if (setting_set(&setting_table[i], settings, setting_table[i].info.preset) != WEFT_OK) {
            weft_settings_destroy(settings);
            settings = NULL;
        }
    return settings;
}

/* The text of a KIND_TEXT setting, NULL in settings that are not complete yet. */
static char *text_of(const struct setting *s, const weft_settings *settings)
{
    char *text;
    memcpy(&text, (const char *)settings + s->offset, sizeof text);
    return text;
}

weft_settings *weft_settings_copy(const weft_settings *settings)
{
    weft_settings *copy = memory_new(1, sizeof *copy);
    if (copy == NULL)
        return NULL;
    *copy = *settings;
    bool complete = true;
    for (size_t i = 0; i < setting_count; i++)
        if (setting_table[i].kind == KIND_TEXT) {               /* each its own, or none: the copy is destroyed as it is */
            char *text = complete ? memory_string(text_of(&setting_table[i], settings)) : NULL;
            memcpy(setting_place(&setting_table[i], copy), &text, sizeof text);
            complete = text != NULL;
        }
    if (complete)
        return copy;
    weft_settings_destroy(copy);
    return NULL;
}

void weft_settings_destroy(weft_settings *settings)
{
    if (settings == NULL)
        return;
    for (size_t i = 0; i < setting_count; i++)
        if (setting_table[i].kind == KIND_TEXT)
            memory_free(text_of(&setting_table[i], settings));
    memory_free(settings);
}

size_t weft_settings_count(void)
{
    return setting_count;
}

const weft_setting_info *weft_settings_info(size_t i)
{
    return i < setting_count ? &setting_table[i].info : NULL;
}

int choice_for_layer(const struct choice_list *list, size_t l)
{
    return list->value[list->count == 1 ? 0 : l];
}

double real_for_layer(const struct real_list *list, size_t l)
{
    return list->value[list->count == 1 ? 0 : l];
}
