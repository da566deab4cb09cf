/* From a URI to what its reader delivers. */
#ifndef DATA_SOURCE_H
#define DATA_SOURCE_H

#include "data/table.h"

/* Read text, KIND:WHERE?OPTIONS, with the reader of its kind; request->where and options are filled in. *name gets the URI with
 * its path made absolute, so that a resumed run finds it from any directory; memory_free it.
 * WEFT_OK; WEFT_ESETTINGS (no such kind or option), WEFT_ENOINPUT, WEFT_EDATA (a name of a class that is none included, see
 * label_check), WEFT_ENOMEM; then *source is all zero, *name NULL. */
weft_status source_read(const char *text, struct read_request request, struct source *source, char **name);

/* That name without reading what is there. WEFT_OK; WEFT_ESETTINGS, WEFT_ENOINPUT (its path leads nowhere), WEFT_ENOMEM; then *name
 * is NULL. */
weft_status source_absolute(const char *text, char **name);

#endif
