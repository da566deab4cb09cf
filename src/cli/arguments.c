/* See arguments.h. */
#include "cli/arguments.h"

#include <inttypes.h>
#include <stdio.h>

weft_status arguments_apply(const struct settings_arguments *a, weft_settings *settings)
{
    char threads[24];
    snprintf(threads, sizeof threads, "%" PRIu64, a->threads);
    weft_status st = a->config != NULL ? weft_settings_load(settings, a->config) : WEFT_OK;
    for (size_t i = 0; i < a->set.count && st == WEFT_OK; i++)
        st = weft_settings_assign(settings, a->set.item[i]);
    if (st == WEFT_OK && a->data != NULL)
        st = weft_settings_set(settings, "data.source", a->data);
    if (st == WEFT_OK && a->threads != THREADS_NOT_GIVEN)
        st = weft_settings_set(settings, "run.threads", threads);
    return st;
}
