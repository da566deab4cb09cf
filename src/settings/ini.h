/* Settings as INI files. Most files hold those of one run; the file of a sweep has sections [sweep] and [sweep NAME] besides, which
 * are handed to whoever asks for them. */
#ifndef SETTINGS_INI_H
#define SETTINGS_INI_H

#include "base/text.h"
#include "settings/table.h"

enum { INI_VALUE_SIZE_BYTES = 8192 };   /* holds any value that is read, with its final 0 */

/* Who takes the sections of a sweep. combination is "" in [sweep] and NAME in [sweep NAME]. Each section is told when it begins,
 * with key and value NULL, then each of its values when it is complete. A failure ends the reading and gets file and line in
 * front of its message. */
struct ini_sweep {
    weft_status (*take)(void *context, const char *combination, const char *key, const char *value);
    void *context;
};

/* weft_settings_load, and the sections of a sweep go to sweep->take; sweep is NULL: they are refused (WEFT_ESETTINGS). */
weft_status ini_load(weft_settings *settings, const char *path, const struct ini_sweep *sweep);

/* Add "key = value", over several lines if it must be. Only what ini_can_hold says yes to is read back: no value of a setting
 * but a URI or path, and that only if it is nothing but blanks, ';' and '#' with single characters between them, for 150 bytes. */
void ini_add(struct text *text, const char *key, const char *value);
bool ini_can_hold(const char *value);

/* The same for a setting, below the head of its section if that is another one than *section, which it then is. */
void ini_add_setting(struct text *text, const char **section, const struct setting *setting, const char *value);

#endif
