/* Memory is short inside the libraries, too: each malloc of libhdf5 and all others fails in turn while a checkpoint is saved or
 * loaded. It is told as an error, and the file is the old one or the new one. Each case is a process of its own, because a library
 * may not survive what Weft does. */
#include "failure_samples.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <signal.h>
#include <sys/wait.h>

#include "store/checkpoint.h"

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
int main(void)
{
    print_message("[  SKIPPED ] a sanitizer has the malloc of its own\n");
    return 0;
}
#else

/* ---- malloc of the whole process ---- */

#define SHOWN __attribute__((visibility("default")))            /* to the libraries */

void *__libc_malloc(size_t size_bytes);
void *__libc_calloc(size_t count, size_t size_bytes);
void *__libc_realloc(void *old, size_t size_bytes);
void *__libc_memalign(size_t alignment, size_t size_bytes);

static size_t calls, fail_at;           /* 0: none fails */
static bool counts, fails_for_ever;

static bool must_fail(void)
{
    if (!counts)
        return false;
    calls++;
    bool fails = fail_at != 0 && (fails_for_ever ? calls >= fail_at : calls == fail_at);
    if (fails)
        errno = ENOMEM;
    return fails;
}

SHOWN void *malloc(size_t size_bytes)
{
    return must_fail() ? NULL : __libc_malloc(size_bytes);
}

SHOWN void *calloc(size_t count, size_t size_bytes)
{
    return must_fail() ? NULL : __libc_calloc(count, size_bytes);
}

SHOWN void *realloc(void *old, size_t size_bytes)
{
    return must_fail() ? NULL : __libc_realloc(old, size_bytes);
}

SHOWN void *aligned_alloc(size_t alignment, size_t size_bytes)
{
    return must_fail() ? NULL : __libc_memalign(alignment, size_bytes);
}

/* ---- a save and a load ---- */

static struct snapshot *old_state, *new_state;
static bool is_half;                    /* something else was loaded, and nothing said */
static const char *path;

static weft_status save(void)
{
    return checkpoint_save(path, new_state);
}

static bool is_same(const struct snapshot *a, const struct snapshot *b)
{
    bool same = a->array_count == b->array_count;
    for (size_t i = 0; i < b->array_count && same; i++)
        same = strcmp(a->array[i].path, b->array[i].path) == 0 && a->array[i].size_bytes == b->array[i].size_bytes
               && memcmp(a->array[i].data, b->array[i].data, b->array[i].size_bytes) == 0;
    return same;
}

static weft_status load(void)
{
    struct snapshot *loaded = NULL;
    weft_status st = checkpoint_load(path, false, &loaded);
    counts = false;
    is_half = st == WEFT_OK && !is_same(loaded, old_state);
    snapshot_destroy(loaded);
    return st;
}

/* What came of it, as the exit status of its process. libhdf5 itself is not safe: it may end the process, or be of no use to it
 * from then on (properties of its own defaults are gone). Both are like a kill: the file is what counts. */
enum { GOOD, OTHER_ERROR, USELESS_AFTERWARDS, LIBRARY_ENDED, WRONG_STATUS, HALF_LOADED, CRASHED, OUTCOMES };
static const char *const outcome_name[OUTCOMES] = {"told", "told as another error", "libhdf5 of no use afterwards",
                                                   "ended by libhdf5", "another status, or no word of memory", "something else was loaded", "a crash of ours"};

static int try_with_failure(weft_status (*call)(void), size_t nth, bool for_ever)
{
    calls = 0;
    fail_at = nth;
    fails_for_ever = for_ever;
    counts = true;
    weft_status st = call();
    counts = false;
    if (is_half)
        return HALF_LOADED;
    if (st == WEFT_EIO || st == WEFT_EDAMAGED)
        return OTHER_ERROR;
    if (st != WEFT_OK && (st != WEFT_ENOMEM || strstr(weft_last_error(), "memory") == NULL))
        return WRONG_STATUS;
    return call() == WEFT_OK ? GOOD : USELESS_AFTERWARDS;
}

/* Whose code was it? The stack has the handler, libc (which called it), and behind that whose doing it is. */
static void end_of_process(void)
{
    void *frame[32];
    Dl_info info;
    bool was_libc = false;
    int frames = backtrace(frame, 32);
    for (int i = 0; i < frames && dladdr(frame[i], &info) != 0; i++) {
        bool is_libc = strstr(info.dli_fname, "libc.") != NULL;
        if (was_libc && !is_libc)
            _exit(strstr(info.dli_fname, "hdf5") != NULL ? LIBRARY_ENDED : CRASHED);
        was_libc |= is_libc;
    }
    _exit(CRASHED);
}

static void end_by_signal(int number)
{
    (void)number;
    end_of_process();
}

static int try_in_child(weft_status (*call)(void), size_t nth, bool for_ever)
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        for (int number = 1; number < 32; number++)             /* the test's handlers would go on with the next test */
            (void)signal(number, number == SIGSEGV || number == SIGABRT ? end_by_signal : SIG_DFL);
        (void)atexit(end_of_process);
        (void)alarm(30);
        _exit(try_with_failure(call, nth, for_ever));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) && WEXITSTATUS(status) < OUTCOMES ? WEXITSTATUS(status) : CRASHED;
}

static size_t count_mallocs(weft_status (*call)(void))
{
    calls = fail_at = 0;
    counts = true;
    weft_status st = call();
    counts = false;
    assert_int_equal(st, WEFT_OK);
    return calls;
}

static void expect_whole_file(void)
{
    struct snapshot *there = NULL;
    weft_status st = checkpoint_load(path, false, &there);
    expect(st == WEFT_OK, "%s", weft_last_error());
    expect(is_same(there, old_state) || is_same(there, new_state), "the file is neither the old one nor the new one");
    snapshot_destroy(there);
}

static void each_fails(weft_status (*call)(void), const char *name)
{
    size_t came_to[OUTCOMES] = {0};
    assert_ok(checkpoint_save(path, old_state));
    (void)count_mallocs(call);          /* libhdf5 has set itself up now */
    size_t all = count_mallocs(call);
    struct cases cases = cases_begin(29);
    for (size_t nth = 1; nth <= all; nth++)
        for (int for_ever = 0; for_ever < 2; for_ever++) {
            if (!cases_take(&cases))
                continue;
            assert_ok(checkpoint_save(path, old_state));
            int outcome = try_in_child(call, nth, for_ever != 0);
            snprintf(the_case, sizeof the_case, "%s: malloc %zu %s", name, nth, for_ever ? "for ever" : "once");
            expect(outcome <= LIBRARY_ENDED, "%s", outcome_name[outcome]);
            expect_whole_file();
            came_to[outcome]++;
        }
    for (int i = GOOD; i <= LIBRARY_ENDED; i++)
        print_message("%s: %zu %s\n", name, came_to[i], outcome_name[i]);
    expect(came_to[GOOD] > 0, "hardly any");
    char text[100];
    snprintf(text, sizeof text, "%s of %zu mallocs", name, all);
    cases_end(&cases, text);
}

static void each_malloc_of_a_save_fails(void **state)
{
    (void)state;
    each_fails(save, "a save");
}

static void each_malloc_of_a_load_fails(void **state)
{
    (void)state;
    each_fails(load, "a load");
}

static int states_make(void **state)
{
    if (scratch_make(state) != 0)
        return -1;
    void *frame[1];
    (void)backtrace(frame, 1);          /* it loads a library the first time */
    path = strdup(in_scratch("state.h5"));
    old_state = sample_new(1);
    new_state = sample_new(2);
    assert_ok(checkpoint_save(path, old_state));
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_malloc_of_a_save_fails),
        cmocka_unit_test(each_malloc_of_a_load_fails),
    };
    return cmocka_run_group_tests_name("failed_mallocs", tests, states_make, scratch_remove);
}

#endif
