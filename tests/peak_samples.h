/* How much memory a reader takes at most. */
#ifndef TESTS_PEAK_SAMPLES_H
#define TESTS_PEAK_SAMPLES_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "counted_memory.h"
#include "data/readers.h"

/* A read of `where` finds `rows` rows, and takes less than limit_bytes on its way to them. */
static inline void peak_check(weft_status (*read)(const struct read_request *, struct source *), const char *where, size_t rows,
                              size_t limit_bytes)
{
    const struct read_request request = {.where = where, .options = "", .target = TARGET_CLASS};
    struct source source = {0};
    size_t before = counted_live_bytes();
    counted_begin(true);
    assert_int_equal(read(&request, &source), WEFT_OK);
    size_t taken = counted_most_bytes() - before;
    assert_int_equal(source.train.count, rows);
    if (taken >= limit_bytes)
        fail_msg("%zu bytes, wanted less than %zu", taken, limit_bytes);
    print_message("%zu rows: at most %zu bytes, %zu are allowed\n", rows, taken, limit_bytes - 1);
    source_free(&source);
    assert_int_equal(counted_live_bytes(), before);
}

#endif
