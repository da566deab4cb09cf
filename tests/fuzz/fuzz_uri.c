/* The text that names a data source, and the options in it. Nothing is opened. */
#include "fuzz.h"

#include <string.h>

#include "base/memory.h"
#include "data/uri.h"

static void options_check(const struct uri *uri)
{
    uint64_t number = 5;
    char *text = NULL, *other = NULL;
    const struct uri_option known[] = {{"train", &number, 1, 10000000, NULL}, {"label", NULL, 0, 0, &text},
                                       {"drop", NULL, 0, 0, &other}};
    weft_status st = uri_options_read(uri->kind, uri->options, known, COUNT(known));
    FUZZ_HOLDS(st == WEFT_OK || st == WEFT_ESETTINGS);
    FUZZ_HOLDS(st == WEFT_OK || (text == NULL && other == NULL));
    FUZZ_HOLDS(st != WEFT_OK || (number >= 1 && number <= 10000000));
    FUZZ_HOLDS((text == NULL || text[0] != '\0') && (other == NULL || other[0] != '\0'));
    memory_free(text);
    memory_free(other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct uri uri;
    char *text = malloc(size + 1);              /* of just this size: AddressSanitizer sees a byte read behind it */
    FUZZ_HOLDS(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    fuzz_memory_begin(4096 + 8 * size);
    weft_status st = uri_parse(text, &uri);
    FUZZ_HOLDS(st == WEFT_OK || st == WEFT_ESETTINGS);
    if (st == WEFT_OK)
        options_check(&uri);
    uri_free(&uri);
    fuzz_memory_end();
    free(text);
    return 0;
}
