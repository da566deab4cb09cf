/* The settings of a run. Every setting has a name "section.key", a text form and a default; the same name and text stand
 * on the command line (--set section.key=value), in an INI file ([section], key = value) and, as attributes of the
 * group /settings, in a checkpoint.
 *
 * A weft_settings belongs to one thread at a time. */
#ifndef WEFT_SETTINGS_H
#define WEFT_SETTINGS_H

#include <stddef.h>

#include "weft/api.h"
#include "weft/error.h"

WEFT_API_BEGIN

/* A value for each setting. */
typedef struct weft_settings weft_settings;

/* All settings at their defaults; NULL if memory is short (WEFT_ENOMEM in weft_last_error). */
weft_settings *weft_settings_create(void);

/* A copy; NULL if memory is short. */
weft_settings *weft_settings_copy(const weft_settings *settings);

/* Free; NULL is fine. */
void weft_settings_destroy(weft_settings *settings);

/* Set one setting from its text form.
 * name   "section.key"
 * value  text; white space around it does not count
 * Returns WEFT_OK; WEFT_ESETTINGS for an unknown name (the message suggests the nearest known one) or for a value that
 * is malformed or out of range (the message gives the range); WEFT_ENOMEM. On failure the setting stays as it was. */
weft_status weft_settings_set(weft_settings *settings, const char *name, const char *value);

/* The same from one string "section.key=value", as in --set. WEFT_ESETTINGS also if there is no '='. */
weft_status weft_settings_assign(weft_settings *settings, const char *assignment);

/* Read an INI file and set what it names; what it does not name stays as it was. A setting named twice is an error. A
 * line that begins with white space goes on with the value of the line above, and a ';' after white space begins a comment.
 * A pipe will do.
 * Returns WEFT_OK; WEFT_ENOINPUT if the file is missing or cannot be opened; WEFT_EIO if reading it fails; WEFT_ESETTINGS with
 * file and line of the first fault, or if it has more than 16 MiB; WEFT_ENOMEM. On failure all settings are as they were before
 * the call. */
weft_status weft_settings_load(weft_settings *settings, const char *path);

/* The present value in its canonical text form (the one that weft_settings_set takes back to the same value) in
 * text[0 .. capacity-1], always terminated.
 * Returns WEFT_OK; WEFT_ESETTINGS for an unknown name; WEFT_EINVAL if it needs more than capacity bytes. */
weft_status weft_settings_get(const weft_settings *settings, const char *name, char *text, size_t capacity);

/* Do the settings contradict each other (say, epochs = steps = 0 and no early stop; an early_stop metric of a split that
 * is not evaluated; as many activations as hidden layers or one)? Returns WEFT_OK or WEFT_ESETTINGS. Setting one value
 * never checks this: call it when all are set. Creating a trainer does. */
weft_status weft_settings_check(const weft_settings *settings);

/* What a setting is called and takes. The strings are static. */
typedef struct weft_setting_info {
    const char *name;           /* "section.key" */
    const char *section;        /* "section" */
    const char *values;         /* what it takes, alternatives with " | " between them: "0 <= real < 1", "none | unit | ...". A
                                   word in lower case can be given as it stands; and ", or ...": a list of the words, too */
    const char *preset;         /* the default's canonical text */
    const char *help;           /* one or two sentences */
    int identity;               /* 1: part of the run's identity (changes the trained bits); 0: belongs to the machine */
} weft_setting_info;

/* Number of settings, and the i-th one's description, in the order of the manual; NULL for i out of range. */
size_t weft_settings_count(void);
const weft_setting_info *weft_settings_info(size_t i);

/* The one of names[0 .. count-1] that a mistyped word is most likely to mean (the fewest characters inserted, removed,
 * replaced or swapped; at most a third of the word), NULL if none is near. It is how an unknown setting gets its
 * suggestion; a program that reads names of its own (the weft command: verbs and options) can suggest in the same way. */
const char *weft_nearest_name(const char *word, const char *const *names, size_t count);

WEFT_API_END

#endif
