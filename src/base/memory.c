/* Zeroed, aligned allocation. One place, so that a test can make any allocation of the library fail. */
#include "base/memory.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"

enum { HUGE_PAGE_BYTES = 2 << 20 };

static atomic_size_t calls_until_failure;       /* 0: never; 1: the next call */
static atomic_bool fails_once;
static atomic_size_t failures;

static void fail(size_t n, bool once)
{
    atomic_store(&calls_until_failure, 0);
    if (n > 0)
        atomic_store(&failures, 0);
    atomic_store(&fails_once, once);
    atomic_store(&calls_until_failure, n);
}

void memory_fail_from(size_t n)
{
    fail(n, false);
}

void memory_fail_once(size_t n)
{
    fail(n, true);
}

size_t memory_failures(void)
{
    return atomic_load(&failures);
}

static bool must_fail(void)
{
    size_t left = atomic_load(&calls_until_failure), next;
    do {
        if (left == 0)
            return false;
        next = left > 1 ? left - 1 : atomic_load(&fails_once) ? 0 : 1;
    } while (!atomic_compare_exchange_weak(&calls_until_failure, &left, next));
    if (left == 1)
        atomic_fetch_add(&failures, 1);
    return left == 1;
}

/* As memory_new, but the bytes are what they are; *rounded_bytes of them. */
static void *reserve(size_t count, size_t size_bytes, size_t *rounded_bytes)
{
    if (size_bytes != 0 && count > (SIZE_MAX / 2 - CACHE_LINE_BYTES) / size_bytes) {
        error_set(WEFT_ENOMEM, "memory for %zu elements of %zu bytes: more than an address can hold", count, size_bytes);
        return NULL;
    }
    size_t rounded = (count * size_bytes + CACHE_LINE_BYTES - 1) / CACHE_LINE_BYTES * CACHE_LINE_BYTES;
    if (rounded == 0)
        rounded = CACHE_LINE_BYTES;
    bool is_large = rounded >= 2 * HUGE_PAGE_BYTES;
    size_t alignment = is_large ? HUGE_PAGE_BYTES : CACHE_LINE_BYTES;
    void *p = must_fail() ? NULL : aligned_alloc(alignment, (rounded + alignment - 1) / alignment * alignment);
    if (p == NULL) {
        error_set(WEFT_ENOMEM, "memory for %zu elements of %zu bytes: not available", count, size_bytes);
        return NULL;
    }
    if (is_large)                               /* rows drawn at random would miss the TLB at each; a wish, it may be refused */
        (void)madvise(p, rounded, MADV_HUGEPAGE);
    *rounded_bytes = rounded;
    return p;
}

void *memory_new(size_t count, size_t size_bytes)
{
    size_t rounded_bytes;
    void *p = reserve(count, size_bytes, &rounded_bytes);
    return p != NULL ? memset(p, 0, rounded_bytes) : NULL;
}

void *memory_reserve(size_t count, size_t size_bytes)
{
    size_t rounded_bytes;
    return reserve(count, size_bytes, &rounded_bytes);
}

void memory_discard(void *p, size_t count, size_t size_bytes)
{
    size_t whole = count * size_bytes / HUGE_PAGE_BYTES * HUGE_PAGE_BYTES;      /* a large array begins at a page */
    if (count * size_bytes >= 2 * HUGE_PAGE_BYTES)
        (void)madvise(p, whole, MADV_DONTNEED);         /* a wish too */
}

void *memory_grow(void *old, size_t old_count, size_t new_count, size_t size_bytes)
{
    void *grown = memory_new(new_count, size_bytes);
    if (grown == NULL)
        return NULL;
    size_t kept = old_count < new_count ? old_count : new_count;
    if (kept != 0)
        memcpy(grown, old, kept * size_bytes);
    memory_free(old);
    return grown;
}

char *memory_string(const char *text)
{
    size_t length = strlen(text);
    char *copy = memory_new(length + 1, 1);
    if (copy != NULL)
        memcpy(copy, text, length + 1);
    return copy;
}

void memory_free(void *p)
{
    free(p);
}
