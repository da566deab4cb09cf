/* Results as JSON: one object on stdout. A number that is not finite is null.
 *
 * Memory that runs out on the way is reported once, at the end: a value that cannot be made is NULL, and putting a NULL
 * into an object or array makes that NULL too. */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "weft/checkpoint.h"
#include "weft/evaluation.h"

/* Each returns a new value that belongs to the caller. */
json_t *json_of_real(double value);
json_t *json_of_count(uint64_t value);
json_t *json_of_text(const char *text);         /* null for NULL and ""; '?' for each byte above 127 if it is no UTF-8 */
json_t *json_of_figures(const weft_evaluation *evaluation);     /* rows, cost, loss, accuracy or r2 ...; null for NULL */
json_t *json_of_evaluation(const weft_evaluation *evaluation);  /* these, each class, label or value */
json_t *json_of_checkpoint(const weft_checkpoint_info *info);

/* The value goes over to the object or array. */
void json_put(json_t **object, const char *key, json_t *value);
void json_add(json_t **array, json_t *value);

/* Print an object to stdout and free it. Returns 0, or 69 after saying on stderr that memory was short; a stream that
 * fails shows in exit_flushed. */
int json_print(const char *verb, json_t *object);

#endif
