/* The stages of opening a dataset, in their order; dataset.c calls each once. What each needs is done by those before it. */
#ifndef DATA_PARTS_H
#define DATA_PARTS_H

#include "data/dataset.h"

/* targets.c: make of all tables' labels what the task asks for: classes as label, or as target if some rows have soft shares of
 * them; labels and values as target. Fills outputs and checks every label. expected may be NULL. WEFT_OK; WEFT_EDATA,
 * WEFT_ENOMEM. */
weft_status dataset_fit_targets(struct dataset *dataset, const struct expected *expected);

/* targets.c: class_weight, from the classes of the training split. WEFT_OK; WEFT_ESETTINGS, WEFT_EDATA, WEFT_ENOMEM. */
weft_status dataset_weigh_classes(struct dataset *dataset, const struct weft_settings *settings);

/* split.c: the three splits. is_whole: all training rows are the training split. WEFT_OK; WEFT_ESETTINGS, WEFT_ENOMEM. */
weft_status dataset_cut(struct dataset *dataset, const struct weft_settings *settings, bool is_whole);

/* missing.c: replace every NaN by fill, which is worked out from the training split if expected is NULL.
 * WEFT_OK; WEFT_EDATA where there is one and none may be; WEFT_ENOMEM. */
weft_status dataset_fill_missing(struct dataset *dataset, enum missing missing, const struct expected *expected);

/* fingerprint.c: the digest, before anything is filled in. */
void dataset_digest(struct dataset *dataset);

/* The tables with rows, in the order train, validation, test; returns how many. */
enum { TABLES_MAX = 3 };
size_t dataset_tables(struct dataset *dataset, struct table *table[TABLES_MAX]);

/* What messages call a table: "training", "validation", "test". */
const char *dataset_table_name(const struct dataset *dataset, const struct table *table);

#endif
