/* The table of all settings: what a setting is called, where it is kept, what it takes. */
#ifndef SETTINGS_TABLE_H
#define SETTINGS_TABLE_H

#include "settings/settings.h"

enum setting_kind {             /* and the type of the member of struct weft_settings */
    KIND_TEXT,                  /* char *, never NULL */
    KIND_SWITCH,                /* bool */
    KIND_COUNT,                 /* uint64_t */
    KIND_REAL,                  /* double */
    KIND_SECONDS,               /* double */
    KIND_CHOICE,                /* int */
    KIND_INTERVAL,              /* struct interval */
    KIND_COUNT_LIST, KIND_REAL_LIST, KIND_CHOICE_LIST,          /* struct count_list, real_list, choice_list */
    KIND_CLASS_WEIGHTS,         /* struct class_weights */
};

struct setting {
    weft_setting_info info;
    enum setting_kind kind;
    size_t offset, size_bytes;          /* of the member in struct weft_settings */
    bool may_be_empty;                  /* a list: "none" is a value */
    uint64_t count_low, count_high;     /* counts, their lists, and intervals: both ends included */
    double real_low, real_high;         /* reals, their lists, and seconds: both ends included */
    const char *choices;                /* "a | b | c": the words of enum members 0, 1, 2 */
    unsigned units;                     /* an interval: bits 1 << enum interval_unit */
};

extern const struct setting setting_table[];
extern const size_t setting_count;

/* NULL if there is none of that name. */
const struct setting *setting_find(const char *name);

/* The canonical text of a setting's present value in text[0 .. capacity-1], cut if it does not fit, terminated if
 * capacity > 0. Returns its whole length. */
size_t setting_print(const struct setting *setting, const weft_settings *settings, char *text, size_t capacity);

#endif
