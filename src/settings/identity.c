/* The settings that may change a trained bit: as attributes of a checkpoint, and as one digest. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "base/error.h"
#include "base/text.h"
#include "settings/table.h"

static const struct setting *identity_at(size_t i)
{
    for (size_t row = 0; row < setting_count; row++)
        if (setting_table[row].info.identity && i-- == 0)
            return &setting_table[row];
    return NULL;
}

size_t settings_identity_count(void)
{
    size_t count = 0;
    while (identity_at(count) != NULL)
        count++;
    return count;
}

static enum setting_type type_of(const struct setting *s)
{
    return s->kind == KIND_COUNT ? SETTING_INTEGER : s->kind == KIND_REAL ? SETTING_REAL : SETTING_TEXT;
}

void settings_identity_get(const weft_settings *settings, size_t i, struct setting_value *value,
                           char text[SETTING_TEXT_SIZE_BYTES])
{
    const struct setting *s = identity_at(i);
    assert(s != NULL);
    const void *place = (const char *)settings + s->offset;
    *value = (struct setting_value){.name = s->info.name, .type = type_of(s)};
    switch (value->type) {
    case SETTING_INTEGER:
        memcpy(&value->integer, place, sizeof value->integer);          /* a uint64_t; the table keeps it below 2^63 */
        break;
    case SETTING_REAL:
        memcpy(&value->real, place, sizeof value->real);
        break;
    case SETTING_TEXT:
        if (setting_print(s, settings, text, SETTING_TEXT_SIZE_BYTES) >= SETTING_TEXT_SIZE_BYTES)
            assert(!"an identity setting longer than SETTING_TEXT_SIZE_BYTES");
        value->text = text;
        break;
    }
}

weft_status settings_identity_set(weft_settings *settings, const struct setting_value *value)
{
    static const char *const type_name[] = {"an integer", "a real", "a text"};
    const struct setting *s = setting_find(value->name);
    if (s != NULL && !s->info.identity)
        return error_set(WEFT_ESETTINGS, "set %s: it is not part of a run's identity", value->name);
    if (s != NULL && type_of(s) != value->type)
        return error_set(WEFT_ESETTINGS, "set %s: found %s, wanted %s", value->name, type_name[value->type],
                         type_name[type_of(s)]);
    char number[32];                    /* a number goes the way of a text: one reader, one check of the range */
    struct text text = {number, sizeof number, 0};
    switch (value->type) {
    case SETTING_INTEGER: text_add(&text, "%" PRId64, value->integer); break;
    case SETTING_REAL: text_add_real(&text, value->real); break;
    case SETTING_TEXT: return weft_settings_set(settings, value->name, value->text);
    }
    return weft_settings_set(settings, value->name, number);
}

void settings_digest(const weft_settings *settings, char digest[SETTINGS_DIGEST_SIZE_BYTES])
{
    char lines[32768];                  /* about 14,000 bytes are the most: four lists of 64, one of 128, sixty short lines */
    struct text text = {lines, sizeof lines, 0};
    const struct setting *s;
    for (size_t i = 0; (s = identity_at(i)) != NULL; i++) {
        char canonical[SETTING_TEXT_SIZE_BYTES];
        setting_print(s, settings, canonical, sizeof canonical);
        if (strcmp(canonical, s->info.preset) != 0)
            text_add(&text, "%s=%s\n", s->info.name, canonical);
    }
    assert(text.length < sizeof lines);
    XXH128_hash_t hash = XXH3_128bits(lines, text.length);
    snprintf(digest, SETTINGS_DIGEST_SIZE_BYTES, "%016" PRIx64 "%016" PRIx64, (uint64_t)hash.high64, (uint64_t)hash.low64);
}
