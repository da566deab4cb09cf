/* See counted_memory.h. */
#include "counted_memory.h"

#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"

enum { HEAD_BYTES = 2 * CACHE_LINE_BYTES, PAGE_BYTES = 4096 };

/* Before each array. */
struct head {
    size_t size_bytes;
    bool is_reserved;
    struct head *next, **link;                                  /* of those that are live; what leads to this one */
};

static const uint64_t UNWRITTEN = 0x9d3f5c1b7a2e8064;          /* at the beginning of a page */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct head *first;
static size_t live_bytes, most_bytes;
static bool counts_written;

void *__real_memory_new(size_t count, size_t size_bytes);
void *__real_memory_reserve(size_t count, size_t size_bytes);
void __real_memory_free(void *p);
void *__wrap_memory_new(size_t count, size_t size_bytes);
void *__wrap_memory_reserve(size_t count, size_t size_bytes);
void __wrap_memory_free(void *p);
void __wrap_memory_discard(void *p, size_t count, size_t size_bytes);
void *__wrap_memory_grow(void *old, size_t old_count, size_t new_count, size_t size_bytes);
char *__wrap_memory_string(const char *text);

/* ---- counting ---- */

static unsigned char *array_of(struct head *head)
{
    return (unsigned char *)head + HEAD_BYTES;
}

static struct head *head_of(void *array)
{
    return (struct head *)(void *)((unsigned char *)array - HEAD_BYTES);
}

static void mark_unwritten(struct head *head)
{
    for (size_t at = 0; at + sizeof UNWRITTEN <= head->size_bytes; at += PAGE_BYTES)
        memcpy(array_of(head) + at, &UNWRITTEN, sizeof UNWRITTEN);
}

static size_t written_bytes(struct head *head)
{
    size_t bytes = head->size_bytes;
    for (size_t at = 0; at + sizeof UNWRITTEN <= head->size_bytes; at += PAGE_BYTES)
        if (memcmp(array_of(head) + at, &UNWRITTEN, sizeof UNWRITTEN) == 0)
            bytes -= head->size_bytes - at < PAGE_BYTES ? head->size_bytes - at : PAGE_BYTES;
    return bytes;
}

/* Before anything is given back there is most. */
static void look(void)
{
    size_t bytes = live_bytes;
    if (bytes > most_bytes && counts_written) {
        bytes = 0;
        for (struct head *head = first; head != NULL; head = head->next)
            bytes += head->is_reserved ? written_bytes(head) : head->size_bytes;
    }
    most_bytes = bytes > most_bytes ? bytes : most_bytes;
}

size_t counted_live_bytes(void)
{
    pthread_mutex_lock(&lock);
    size_t bytes = live_bytes;
    pthread_mutex_unlock(&lock);
    return bytes;
}

void counted_begin(bool only_written)
{
    pthread_mutex_lock(&lock);
    counts_written = only_written;
    most_bytes = 0;
    pthread_mutex_unlock(&lock);
}

size_t counted_most_bytes(void)
{
    pthread_mutex_lock(&lock);
    look();
    size_t bytes = most_bytes;
    pthread_mutex_unlock(&lock);
    return bytes;
}

/* ---- in place of memory.c's functions ---- */

typedef void *new_function(size_t count, size_t size_bytes);

/* What cannot be had is asked for as it was, so that the error is the same. */
static void *counted_new(new_function *real, size_t count, size_t size_bytes, bool is_reserved)
{
    bool is_too_large = size_bytes != 0 && count > (SIZE_MAX / 4) / size_bytes;
    struct head *head = is_too_large ? real(count, size_bytes) : real(count * size_bytes + HEAD_BYTES, 1);
    if (head == NULL)
        return NULL;
    pthread_mutex_lock(&lock);
    *head = (struct head){count * size_bytes, is_reserved, first, &first};
    if (first != NULL)
        first->link = &head->next;
    first = head;
    live_bytes += head->size_bytes;
    if (is_reserved && counts_written)
        mark_unwritten(head);
    look();
    pthread_mutex_unlock(&lock);
    return array_of(head);
}

void *__wrap_memory_new(size_t count, size_t size_bytes)
{
    return counted_new(__real_memory_new, count, size_bytes, false);
}

void *__wrap_memory_reserve(size_t count, size_t size_bytes)
{
    return counted_new(__real_memory_reserve, count, size_bytes, true);
}

void __wrap_memory_free(void *p)
{
    if (p == NULL)
        return;
    struct head *head = head_of(p);
    pthread_mutex_lock(&lock);
    look();
    live_bytes -= head->size_bytes;
    *head->link = head->next;
    if (head->next != NULL)
        head->next->link = head->link;
    pthread_mutex_unlock(&lock);
    __real_memory_free(head);
}

/* It stays asked for. */
void __wrap_memory_discard(void *p, size_t count, size_t size_bytes)
{
    (void)p; (void)count; (void)size_bytes;
}

void *__wrap_memory_grow(void *old, size_t old_count, size_t new_count, size_t size_bytes)
{
    void *grown = __wrap_memory_new(new_count, size_bytes);
    size_t kept = old_count < new_count ? old_count : new_count;
    if (grown != NULL && kept > 0)
        memcpy(grown, old, kept * size_bytes);
    if (grown != NULL)
        __wrap_memory_free(old);
    return grown;
}

char *__wrap_memory_string(const char *text)
{
    char *copy = __wrap_memory_new(strlen(text) + 1, 1);
    return copy != NULL ? strcpy(copy, text) : NULL;
}
