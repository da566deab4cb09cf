/* What file.c and file_reader.c make of each system call that fails, is cut short, or meets what another process has done in
 * between: the status, the words, and what is on the disk then. */
#include "store_samples.h"

#include <errno.h>

#include "base/fault.h"
#include "base/file_reader.h"
#include "store/file.h"

/* The hook: calls of this name fail with `number`, beginning with the first-th and `times` of them; 0: `meanwhile` is done before
 * the call, which is made. */
static struct plan {
    const char *call;
    int number, first, times;
    void (*meanwhile)(void);
    const char *call_too;                       /* always fails with EIO */
} plan;
static int seen;

static int by_plan(const char *call)
{
    if (plan.call_too != NULL && strcmp(call, plan.call_too) == 0)
        return EIO;
    if (plan.call == NULL || strcmp(call, plan.call) != 0)
        return 0;
    int n = ++seen - plan.first;
    if (n < 0 || n >= plan.times)
        return 0;
    if (plan.meanwhile != NULL)
        plan.meanwhile();
    return plan.number;
}

#define WITH(name, error, from, count, ...)                                                                             \
    for (bool once = (plan = (struct plan){.call = name, .number = error, .first = from, .times = count, __VA_ARGS__},  \
                      seen = 0, file_set_fault(by_plan), true);                                                         \
         once; once = false, file_set_fault(NULL))

enum { ALWAYS = 1 << 20 };

#define assert_says(call, status, words)                        \
    do {                                                        \
        weft_status st_ = (call);                               \
        if (st_ != (status) || strstr(weft_last_error(), words) == NULL)        \
            fail_msg("found %d: %s, wanted %d: %s", (int)st_, weft_last_error(), (int)(status), words);   \
    } while (0)

/* "<scratch>/nnn...", longer than a path may be. */
static const char *too_long(void)
{
    static char path[2 * PATH_MAX];
    memset(path, 'n', sizeof path - 1);
    memcpy(path, scratch, strlen(scratch));
    for (size_t i = strlen(scratch); i < sizeof path - 1; i += 100)
        path[i] = '/';
    return path;
}

/* ---- Files put in place ---- */

static void a_file_system_that_cannot_sync_directories(void **state)
{
    (void)state;
    WITH("fsync", EINVAL, 2, 1)
        assert_ok(file_replace(in_scratch("a"), "new", 3));
    assert_holds(in_scratch("a"), "new");
    WITH("fsync", EIO, 2, 1)
        assert_says(file_replace(in_scratch("a"), "newer", 5), WEFT_EIO, "fsync the directory of");
    assert_holds(in_scratch("a"), "newer");
}

static void all_temporary_names_are_taken(void **state)
{
    (void)state;
    WITH("openat", EEXIST, 2, ALWAYS)
        assert_says(file_replace(in_scratch("a"), "x", 1), WEFT_ECREATE, "create a temporary file beside it: File exists");
    WITH("symlinkat", EEXIST, 1, ALWAYS)
        assert_says(file_point_link("one", in_scratch("a")), WEFT_ECREATE, "a to one: File exists");
    assert_int_equal(count_entries(scratch), 0);
    WITH("symlinkat", EEXIST, 1, 3)
        assert_ok(file_point_link("one", in_scratch("a")));
    assert_int_equal(count_entries(scratch), 1);
}

static void make_directory_there(void)
{
    assert_int_equal(mkdir(in_scratch("a"), 0777), 0);
}

static void what_comes_in_between_is_not_replaced(void **state)
{
    (void)state;
    WITH("renameat", 0, 1, 1, .meanwhile = make_directory_there)
        assert_says(file_replace(in_scratch("a"), "x", 1), WEFT_EIO, "Is a directory");
    assert_int_equal(count_entries(scratch), 1);
}

static void links_that_cannot_be_made(void **state)
{
    (void)state;
    static const int no_links[] = {EPERM, ENOSYS, EOPNOTSUPP};
    char name[256] = "";
    for (size_t i = 0; i < COUNT(no_links); i++) {
        put_file(in_scratch("one"), "1", 1);
        WITH("symlinkat", no_links[i], 1, 1)
            assert_ok(file_point_link("one", in_scratch("a")));
        assert_holds(in_scratch("a"), "1");
        WITH("symlinkat", no_links[i], 1, 1, .call_too = "linkat")
            assert_says(file_point_link("one", in_scratch("b")), WEFT_ECREATE, "b to one: Input/output error");
        assert_int_equal(count_entries(scratch), 2);
    }
    WITH("realpath", EACCES, 1, 1) {
        assert_int_equal(symlink("one", in_scratch("link")), 0);
        assert_says(file_replace(in_scratch("link"), "x", 1), WEFT_ECREATE, "link: follow the symbolic link: Permission denied");
    }
    assert_holds(in_scratch("one"), "1");
    memset(name, 'n', 250);
    assert_says(file_point_link("one", in_scratch(name)), WEFT_ECREATE, "File name too long");
    assert_says(file_point_link(too_long(), in_scratch("c")), WEFT_ECREATE, "point ");          /* the path fills the message */
    assert_says(file_point_link("one", too_long()), WEFT_ECREATE, "write ");
    assert_int_equal(count_entries(scratch), 3);
}

static void the_first_failure_is_told(void **state)
{
    (void)state;
    WITH("write", ENOSPC, 1, ALWAYS, .call_too = "close") {
        assert_says(file_append(in_scratch("a"), "x", 1), WEFT_EIO, "append 1 bytes to");
        assert_non_null(strstr(weft_last_error(), "No space left"));
        assert_says(file_replace(in_scratch("b"), "x", 1), WEFT_EIO, "No space left");
    }
    assert_holds(in_scratch("a"), "");
    assert_int_equal(count_entries(scratch), 1);
}

/* ---- Directories ---- */

static void make_part_there(void)
{
    assert_int_equal(mkdir(in_scratch("a/b"), 0777), 0);
}

static void directories_that_cannot_be_made(void **state)
{
    (void)state;
    assert_says(file_make_directory(too_long()), WEFT_ECREATE, "make directory '");
    WITH("mkdir", EACCES, 1, 1)
        assert_says(file_make_directory(in_scratch("a/b")), WEFT_ECREATE, "make directory");
    assert_non_null(strstr(weft_last_error(), "Permission denied"));
    WITH("openat", EMFILE, 1, 1)
        assert_says(file_make_directory(in_scratch("a/b")), WEFT_ECREATE, "Too many open files");
    WITH("fsync", EIO, 1, 1)
        assert_says(file_make_directory(in_scratch("a/b")), WEFT_EIO, "fsync the directory of");
    assert_int_equal(rmdir(in_scratch("a/b")), 0);
    WITH("mkdir", 0, 1, 1, .meanwhile = make_part_there)     /* another process is as far: theirs is as good */
        assert_ok(file_make_directory(in_scratch("a/b/c")));
    assert_true(exists(in_scratch("a/b/c")));
    WITH("stat", EIO, 1, 1)
        assert_says(file_make_directory(in_scratch("a/b/c")), WEFT_ECREATE, "Input/output error");
    put_file(in_scratch("a/file"), "", 0);
    assert_says(file_make_directory(in_scratch("a/file/d")), WEFT_ECREATE, "a/file: File exists");
}

static weft_status count_names(void *context, const char *name)
{
    (void)name;
    return ++*(size_t *)context < 3 ? WEFT_OK : WEFT_EINVAL;
}

static void directories_are_looked_at_and_listed(void **state)
{
    (void)state;
    struct file_look look;
    size_t count = 0;
    put_file(in_scratch("a"), "", 0);
    assert_ok(file_look(in_scratch("a"), &look));
    assert_true(look.exists && !look.is_directory);
    assert_ok(file_look(scratch, &look));
    assert_true(look.exists && look.is_directory);
    assert_ok(file_look(in_scratch("b"), &look));
    assert_false(look.exists);
    assert_ok(file_look(in_scratch("a/b"), &look));
    assert_false(look.exists);
    WITH("stat", EIO, 1, 1)
        assert_says(file_look(in_scratch("a"), &look), WEFT_EIO, "a: Input/output error");
    assert_false(look.exists);
    WITH("opendir", EMFILE, 1, 1)
        assert_says(file_list(scratch, count_names, &count), WEFT_EIO, "Too many open files");
    WITH("readdir", EIO, 2, 1)
        assert_says(file_list(scratch, count_names, &count), WEFT_EIO, "list directory");
    assert_int_equal(count, 1);
    assert_int_equal(file_list(scratch, count_names, &count), WEFT_EINVAL);  /* what the caller says */
    assert_int_equal(count, 3);
}

/* ---- Locks ---- */

static void locks_of_every_kind_of_file_system(void **state)
{
    (void)state;
    static const int without_locks[] = {ENOLCK, ENOSYS, EOPNOTSUPP};
    int lock;
    for (size_t i = 0; i < COUNT(without_locks); i++) {
        WITH("flock", without_locks[i], 1, 1)
            assert_ok(file_lock(in_scratch("lock"), &lock));
        file_unlock(lock);
    }
    WITH("flock", EINTR, 1, 2)
        assert_ok(file_lock(in_scratch("lock"), &lock));
    file_unlock(lock);
    WITH("flock", EIO, 1, 1)
        assert_says(file_lock(in_scratch("lock"), &lock), WEFT_ECREATE, "lock: Input/output error");
}

/* ---- Temporary files of others ---- */

static void put_temporary(const char *format, long process)
{
    char name[64];
    snprintf(name, sizeof name, format, process);
    put_file(in_scratch(name), "", 0);
}

static void temporaries_that_stay(void **state)
{
    (void)state;
    put_temporary(".a.tmp.%ld.1234567890123456789", 99999999);  /* numbers that Weft does not write */
    put_temporary(".a.tmp.%ld.1", 0);
    put_temporary(".a.tmp.%ld.1", 9999999999);
    assert_ok(file_remove_stale_temporaries(scratch, NULL));
    assert_int_equal(count_entries(scratch), 3);
    put_temporary(".a.tmp.%ld.1", INT_MAX);
    WITH("unlinkat", EACCES, 1, 1)
        assert_ok(file_remove_stale_temporaries(scratch, NULL));
    assert_int_equal(count_entries(scratch), 4);
    assert_ok(file_remove_stale_temporaries(scratch, NULL));
    assert_int_equal(count_entries(scratch), 3);
}

/* Another user's process may be writing its own: kill says that it may not be asked. */
static void temporaries_of_another_user(void **state)
{
    (void)state;
    enum { NOBODY = 65534 };
    put_temporary(".a.tmp.%ld.1", 1);
    uid_t user = geteuid();
    assert_int_equal(chmod(scratch, 0777), 0);
    if (user == 0 && setresuid(NOBODY, NOBODY, 0) != 0) {
        print_message("no other user here: skipped\n");
        skip();
    }
    weft_status st = file_remove_stale_temporaries(scratch, NULL);
    if (user == 0)
        assert_int_equal(setresuid(0, 0, 0), 0);
    assert_ok(st);
    assert_int_equal(count_entries(scratch), 1);
}

/* ---- Reading ---- */

static void short_reads_are_gone_on_with(void **state)
{
    (void)state;
    enum { SIZE = 100000 };
    unsigned char *want = malloc(SIZE);
    void *bytes;
    size_t size_bytes;
    for (size_t i = 0; i < SIZE; i++)
        want[i] = (unsigned char)(i * i);
    put_file(in_scratch("a"), want, SIZE);
    WITH("read", FAULT_SHORT, 1, ALWAYS)
        assert_ok(file_read(in_scratch("a"), SIZE, &bytes, &size_bytes));
    assert_int_equal(size_bytes, SIZE);
    assert_memory_equal(bytes, want, SIZE);
    memory_free(bytes);
    free(want);
}

static void short_writes_are_gone_on_with(void **state)
{
    (void)state;
    WITH("write", FAULT_SHORT, 1, ALWAYS)
        assert_ok(file_replace(in_scratch("a"), "all of this", 11));
    assert_holds(in_scratch("a"), "all of this");
}

static int start(void **state)
{
    file_set_fault(NULL);                       /* a test that failed has left it set */
    return scratch_clear(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, start)
        TEST(a_file_system_that_cannot_sync_directories),
        TEST(all_temporary_names_are_taken),
        TEST(what_comes_in_between_is_not_replaced),
        TEST(links_that_cannot_be_made),
        TEST(the_first_failure_is_told),
        TEST(directories_that_cannot_be_made),
        TEST(directories_are_looked_at_and_listed),
        TEST(locks_of_every_kind_of_file_system),
        TEST(temporaries_that_stay),
        TEST(temporaries_of_another_user),
        TEST(short_reads_are_gone_on_with),
        TEST(short_writes_are_gone_on_with),
    };
    return cmocka_run_group_tests_name("file_errors", tests, scratch_make, scratch_remove);
}
