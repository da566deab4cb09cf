/* A list of names: of the classes, in the order of their numbers. */
#ifndef DATA_NAMES_H
#define DATA_NAMES_H

#include <stddef.h>

#include "weft/error.h"

struct names { size_t count; char **name; };            /* {0} is none */

enum { NAME_UNKNOWN = -1 };

/* Add a copy of text[0 .. length-1]. WEFT_OK; WEFT_ENOMEM, and then the list is as it was. Adding to a list of `count` names
 * costs what adding one costs (the capacity doubles). */
weft_status names_add(struct names *names, const char *text, size_t length);

/* A copy of the whole list in *to. WEFT_OK or WEFT_ENOMEM; then *to is empty. */
weft_status names_copy(const struct names *from, struct names *to);

/* The names with a line feed between them, memory_free it; NULL if memory is short (error_set has been called). And back: a name
 * holds no control character. "" is no names. WEFT_OK; WEFT_EDAMAGED if one is empty; WEFT_ENOMEM; then *names is empty. */
char *names_join(const struct names *names);
weft_status names_split(const char *text, struct names *names);

/* "0", "1", ... "count-1", added to a list that is empty: by these, a text finds the class of that number. WEFT_OK or WEFT_ENOMEM. */
weft_status names_number(struct names *names, size_t count);

/* Its place in the list, or NAME_UNKNOWN. */
long names_find(const struct names *names, const char *text);

/* Free all; the list is empty then. */
void names_free(struct names *names);

#endif
