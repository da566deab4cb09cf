/* See lineage.h. */
#include "train/lineage.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/error.h"

static bool is_same(const struct attribute *a, const struct attribute *b)
{
    if (a->type != b->type)
        return false;
    switch (a->type) {
    case ATTRIBUTE_INTEGER: return a->integer == b->integer;
    case ATTRIBUTE_REAL: return a->real == b->real;
    case ATTRIBUTE_TEXT: return strcmp(a->text, b->text) == 0;
    }
    return false;
}

static bool is_kept_setting(const struct attribute *attribute)
{
    return strcmp(attribute->object, "/settings") == 0 && strcmp(attribute->name, "train.epochs") != 0;
}

static bool is_data_digest(const struct attribute *attribute)
{
    return strcmp(attribute->object, "/") == 0 && strcmp(attribute->name, "data_digest") == 0;
}

/* The first of these attributes of older that newer has otherwise. One that newer lacks belongs to a Weft that knew other settings. */
static const struct attribute *first_difference(const struct snapshot *newer, const struct snapshot *older,
                                                bool (*is_meant)(const struct attribute *))
{
    for (size_t i = 0; i < older->attribute_count; i++) {
        const struct attribute *in_older = &older->attribute[i];
        if (!is_meant(in_older))
            continue;
        const struct attribute *in_newer = snapshot_find_attribute(newer, in_older->object, in_older->name);
        if (in_newer != NULL && !is_same(in_newer, in_older))
            return in_older;
    }
    return NULL;
}

weft_status lineage_check(struct run_directory *directory, const struct snapshot *snapshot)
{
    struct snapshot *older = NULL;
    int64_t step, older_step;
    weft_status st = snapshot_get_integer(snapshot, "/", "step", &step);
    if (st == WEFT_OK)
        st = run_directory_load_before(directory, step, &older, &older_step);
    if (st != WEFT_OK || older == NULL)
        return st;
    const struct attribute *difference = first_difference(snapshot, older, is_kept_setting);
    if (difference == NULL)                             /* some settings change the data: name them first */
        difference = first_difference(snapshot, older, is_data_digest);
    if (difference != NULL)
        st = error_set(WEFT_EDAMAGED, "resume %s: step-%" PRId64 ".h5 and step-%" PRId64 ".h5 are of different runs (%s differs): "
                       "take away the one that does not belong here", run_directory_path(directory), step, older_step,
                       difference->name);
    snapshot_destroy(older);
    return st;
}
