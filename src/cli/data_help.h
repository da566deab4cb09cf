/* What data sources there are and what each takes, for weft help data and the man page. */
#ifndef CLI_DATA_HELP_H
#define CLI_DATA_HELP_H

#include <stddef.h>

struct data_kind { const char *form, *help; };
extern const struct data_kind data_kind_table[];
extern const size_t data_kind_count;

/* Paragraphs before and after the table; "\n\n" separates them. */
extern const char DATA_HELP_ABOUT[], DATA_HELP_REST[];

#endif
