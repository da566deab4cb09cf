/* The text that names a data source: KIND:WHERE?NAME=NUMBER&NAME=NUMBER, the part from '?' on optional. */
#ifndef DATA_URI_H
#define DATA_URI_H

#include <stddef.h>
#include <stdint.h>

#include "weft/error.h"

/* kind, where and options point into text, one allocation; where and options may be "". */
struct uri { char *text; const char *kind, *where, *options; };

/* Cut a copy of text into its parts. WEFT_OK; WEFT_ESETTINGS if it has no kind (a letter, then letters and digits, then
 * ':'); WEFT_ENOMEM. uri_free also takes one that is all zero. */
weft_status uri_parse(const char *text, struct uri *uri);
void uri_free(struct uri *uri);

/* One option that a reader knows: a whole number, whose *value holds its default before uri_options_read and the value found
 * after it; or, with value NULL, a text: *text is NULL before, and after it a copy (memory_free it) of what was found, in which
 * %41 has become A and so on, or still NULL. */
struct uri_option {
    const char *name;
    uint64_t *value, least, most;
    char **text;
};

/* Read an options part into the known options. WEFT_OK; WEFT_ESETTINGS for an unknown name (the message lists the known
 * ones), a name twice, a value that is no whole number in range, an empty text or a '%' without two hexadecimal digits (none may
 * be 00); WEFT_ENOMEM. On failure no text is held. kind is for the messages. */
weft_status uri_options_read(const char *kind, const char *options, const struct uri_option *known, size_t known_count);

#endif
