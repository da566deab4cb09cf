/* What the file of a sweep says: the settings that all runs have in common, seeds, values to combine, combinations that are
 * listed. Values are kept in their canonical text form. */
#ifndef SWEEP_DESCRIPTION_H
#define SWEEP_DESCRIPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "settings/table.h"

/* A setting and the values that are combined with those of the others. */
struct axis {
    const struct setting *setting;
    size_t values;
    char **value;
};

struct assignment {
    const struct setting *setting;
    char *value;
};

/* [sweep NAME] */
struct listed {
    char *name;
    size_t assignments;
    struct assignment *assignment;
};

struct description {
    weft_settings *base;
    bool data_are_assigned;             /* an assignment says where they are */
    size_t seeds;
    uint64_t *seed;                     /* none: train.seed alone */
    size_t axes;
    struct axis *axis;
    size_t listings;
    struct listed *listed;              /* none: the values above alone */
};

/* Read a file, then set so many texts "section.key=value". On success the caller clears *description. WEFT_OK; WEFT_ENOINPUT,
 * WEFT_ESETTINGS, WEFT_ENOMEM. */
weft_status description_load(struct description *description, const char *path, size_t assignments, const char *const *assignment);

/* As the text of an INI file that description_load reads back: *text is freed with memory_free. WEFT_OK; or, with *text NULL,
 * WEFT_ENOMEM, or WEFT_ESETTINGS for a value that no INI file can hold. */
weft_status description_print(const struct description *description, char **text);

/* Fine on a zeroed one. */
void description_clear(struct description *description);

/* Does it say where data are? data.source, data.validation, data.test. */
bool description_is_place(const struct setting *setting);

/* A setting's present value in its canonical form; memory_free it; NULL if memory is short. */
char *description_value(const weft_settings *settings, const struct setting *setting);

#endif
