/* See table.h. */
#include "data/table.h"

#include "base/memory.h"

void table_free(struct table *table)
{
    memory_free(table->pixel);
    memory_free(table->value);
    memory_free(table->label);
    memory_free(table->target);
    *table = (struct table){0};
}

void source_free(struct source *source)
{
    table_free(&source->train);
    table_free(&source->test);
    names_free(&source->classes);
}

weft_status table_make_floats(struct table *table)
{
    size_t values = table->count * table->features;
    if (table->pixel == NULL)
        return WEFT_OK;
    float *value = memory_reserve(values, sizeof *value);
    if (value == NULL)
        return WEFT_ENOMEM;
    for (size_t i = 0; i < values; i++)
        value[i] = table->pixel[i];
    memory_free(table->pixel);
    table->pixel = NULL;
    table->value = value;
    return WEFT_OK;
}
