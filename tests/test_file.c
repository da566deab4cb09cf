/* Files that appear whole or not at all, whatever fails and whenever the process dies. */
#include "store_samples.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/fault.h"
#include "base/file_reader.h"
#include "store/file.h"

/* What the hook does: at the call_wanted-th call, fail it once with error_wanted, or end the process if that is < 0. */
static int calls, call_wanted, error_wanted;
static char failed_call[32];

static int fail_one(const char *call)
{
    if (++calls != call_wanted)
        return 0;
    if (error_wanted < 0)
        _exit(0);
    snprintf(failed_call, sizeof failed_call, "%s", call);
    return error_wanted;
}

static void fail_call(int n, int error)
{
    calls = 0;
    call_wanted = n;
    error_wanted = error;
    failed_call[0] = '\0';
    file_set_fault(fail_one);
}

static void fail_none(void)             /* calls and failed_call keep what happened */
{
    file_set_fault(NULL);
}

static int symlinks_missing(const char *call)
{
    return strcmp(call, "symlinkat") == 0 ? EPERM : 0;
}

static void replaces_a_file(void **state)
{
    (void)state;
    const char *path = in_scratch("a");
    assert_ok(file_replace(path, "old", 3));
    assert_holds(path, "old");
    assert_ok(file_replace(path, "newer", 5));
    assert_holds(path, "newer");
    assert_ok(file_replace(path, NULL, 0));
    assert_holds(path, "");
    assert_int_equal(count_entries(scratch), 1);
    assert_int_equal(chdir(scratch), 0);
    assert_ok(file_replace("relative", "r", 1));
    assert_holds(path = in_scratch("relative"), "r");
}

static void a_symbolic_link_is_followed(void **state)
{
    (void)state;
    char text[64] = "";
    put_file(in_scratch("real"), "old", 3);
    assert_int_equal(symlink("real", in_scratch("link")), 0);
    assert_ok(file_replace(in_scratch("link"), "new", 3));
    assert_holds(in_scratch("real"), "new");
    assert_int_equal(readlink(in_scratch("link"), text, sizeof text - 1), 4);
    assert_int_equal(symlink("nowhere", in_scratch("dangling")), 0);
    assert_int_equal(file_replace(in_scratch("dangling"), "new", 3), WEFT_ECREATE);
}

static void what_cannot_be_replaced_is_refused(void **state)
{
    (void)state;
    char name[300];
    assert_int_equal(mkfifo(in_scratch("fifo"), 0666), 0);
    assert_int_equal(mkdir(in_scratch("directory"), 0777), 0);
    assert_int_equal(file_replace(in_scratch("fifo"), "x", 1), WEFT_ECREATE);
    assert_int_equal(file_replace(in_scratch("directory"), "x", 1), WEFT_ECREATE);
    assert_int_equal(file_replace(in_scratch("directory/"), "x", 1), WEFT_ECREATE);
    assert_int_equal(file_replace(in_scratch("missing/x"), "x", 1), WEFT_ECREATE);
    assert_non_null(strstr(weft_last_error(), "No such file"));
    assert_int_equal(file_replace("", "x", 1), WEFT_ECREATE);
    memset(name, 'n', sizeof name);
    name[250] = '\0';
    assert_int_equal(file_replace(in_scratch(name), "x", 1), WEFT_ECREATE);
    assert_int_equal(count_entries(scratch), 2);
}

static void each_failing_call_leaves_the_old_file(void **state)
{
    (void)state;
    const char *path = in_scratch("a");
    static const int error[] = {EIO, ENOSPC};
    fail_call(1000, 0);
    assert_ok(file_replace(path, "old", 3));
    fail_none();
    int total = calls;
    assert_int_equal(total, 9);         /* lstat openat fstatat openat write fsync close renameat fsync */
    for (int n = 1; n <= total; n++)
        for (size_t e = 0; e < COUNT(error); e++) {
            put_file(path, "old", 3);
            fail_call(n, error[e]);
            weft_status st = file_replace(path, "new bytes", 9);
            fail_none();
            assert_int_equal(st, n <= 4 ? WEFT_ECREATE : WEFT_EIO);
            assert_holds(path, n == total ? "new bytes" : "old");
            assert_int_equal(count_entries(scratch), 1);
        }
}

static void parts_are_written_one_after_the_other(void **state)
{
    (void)state;
    const char *path = in_scratch("a");
    static const struct file_part part[] = {{"one ", 4}, {NULL, 0}, {"two ", 4}, {"three", 5}};
    put_file(path, "old", 3);
    fail_call(1000, 0);
    assert_ok(file_replace_parts(path, part, COUNT(part)));
    fail_none();
    assert_holds(path, "one two three");
    assert_int_equal(calls, 11);        /* two more writes than for one part; none for an empty one */
    for (int n = 5; n <= 7; n++) {
        put_file(path, "old", 3);
        fail_call(n, ENOSPC);
        assert_int_equal(file_replace_parts(path, part, COUNT(part)), WEFT_EIO);
        fail_none();
        assert_non_null(strstr(weft_last_error(), "write 13 bytes for"));
        assert_string_equal(failed_call, "write");
        assert_int_equal(calls, n + 2);                 /* nothing is written after it; it is closed and removed */
        assert_holds(path, "old");
        assert_int_equal(count_entries(scratch), 1);
    }
}

static void interrupted_calls_are_made_again(void **state)
{
    (void)state;
    const char *path = in_scratch("a");
    static const char *const restarted[] = {"openat", "write", "fsync"};
    for (size_t i = 0, n = 1; i < COUNT(restarted); n++) {
        fail_call((int)n, EINTR);
        weft_status st = file_replace(path, "new", 3);
        fail_none();
        if (strcmp(failed_call, restarted[i]) == 0) {
            assert_int_equal(st, WEFT_OK);
            assert_holds(path, "new");
            i++;
        }
        assert_in_range(n, 1, 10);
    }
}

static void a_short_write_at_the_limit_is_an_error(void **state)
{
    (void)state;
    struct rlimit before, tight;
    static char bytes[10000];
    const char *path = in_scratch("a");
    put_file(path, "old", 3);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    tight = before;
    tight.rlim_cur = 5000;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    weft_status st = file_replace(path, bytes, sizeof bytes), appended = file_append(in_scratch("b"), bytes, sizeof bytes);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(st, WEFT_EIO);
    assert_int_equal(appended, WEFT_EIO);
    assert_holds(path, "old");
    assert_false(exists(in_scratch(".a.tmp")));
    assert_int_equal(count_entries(scratch), 2);
}

static void a_full_disk_keeps_the_old_file(void **state)
{
    (void)state;
    static char bytes[300000];
    const char *disk = in_scratch("disk");
    assert_int_equal(mkdir(disk, 0777), 0);
    if (mount("none", disk, "tmpfs", 0, "size=128k") != 0) {
        print_message("skipped: no right to mount a small file system\n");
        skip();
    }
    put_file(in_scratch("disk/a"), "old", 3);
    weft_status st = file_replace(in_scratch("disk/a"), bytes, sizeof bytes);
    size_t entries = count_entries(disk);
    size_t size_bytes;
    unsigned char *kept = get_file(in_scratch("disk/a"), &size_bytes);
    assert_int_equal(umount(disk), 0);
    assert_int_equal(st, WEFT_EIO);
    assert_non_null(strstr(weft_last_error(), "No space left"));
    assert_int_equal(entries, 1);
    assert_string_equal((char *)kept, "old");
    free(kept);
}

static void a_process_that_dies_at_any_call_leaves_a_whole_file(void **state)
{
    (void)state;
    const char *path = in_scratch("a");
    bool died = true;
    size_t litter = 0;
    for (int n = 1; died; n++) {
        int status;
        put_file(path, "old", 3);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            fail_call(n, -1);
            _exit(file_replace(path, "new bytes", 9) == WEFT_OK ? 1 : 2);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 2);
        died = WEXITSTATUS(status) == 0;
        size_t size_bytes;
        unsigned char *bytes = get_file(path, &size_bytes);
        assert_true(strcmp((char *)bytes, "old") == 0 || strcmp((char *)bytes, "new bytes") == 0);
        free(bytes);
        litter += count_entries(scratch) - 1;
        assert_ok(file_remove_stale_temporaries(scratch, NULL));
        assert_int_equal(count_entries(scratch), 1);
        assert_in_range(n, 1, 11);
    }
    assert_in_range(litter, 2, 8);                      /* so there was something to clear */
}

static void only_stale_temporaries_are_removed(void **state)
{
    (void)state;
    int status;
    char own_old[64], own_new[64], dead[64], parent[64];
    static const char *const foreign[] = {
        "a.tmp.1.0", ".a.tmp.", ".a.tmp.x.0", ".a.tmp.99999999.0x", ".a.tmp.99999999", ".tmp.99999999.0", ".bashrc",
        "step-1.h5", ".a.tmp.0.0", ".a.tmp.99999999999.0", ".a.tmp.99999999."};
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, &status, 0), child);
    snprintf(dead, sizeof dead, ".tmp.a.tmp.%ld.7", (long)child);
    snprintf(own_old, sizeof own_old, ".a.tmp.%ld.0", (long)getpid());              /* this process has made one */
    snprintf(own_new, sizeof own_new, ".a.tmp.%ld.123456789", (long)getpid());      /* made by another with this pid */
    snprintf(parent, sizeof parent, ".a.tmp.%ld.0", (long)getppid());
    assert_ok(file_replace(in_scratch("a"), "x", 1));
    for (size_t i = 0; i < COUNT(foreign); i++)
        put_file(in_scratch(foreign[i]), "", 0);
    put_file(in_scratch(dead), "", 0);
    put_file(in_scratch(own_old), "", 0);
    put_file(in_scratch(own_new), "", 0);
    put_file(in_scratch(parent), "", 0);
    assert_ok(file_remove_stale_temporaries(scratch, NULL));
    assert_false(exists(in_scratch(dead)));
    assert_false(exists(in_scratch(own_new)));
    assert_true(exists(in_scratch(own_old)));
    assert_true(exists(in_scratch(parent)));
    for (size_t i = 0; i < COUNT(foreign); i++)
        assert_true(exists(in_scratch(foreign[i])));
    assert_int_equal(file_remove_stale_temporaries(in_scratch("missing"), NULL), WEFT_EIO);
}

static void a_taken_temporary_name_is_passed_over(void **state)
{
    (void)state;
    char name[64];
    for (int i = 0; i < 200; i++) {
        snprintf(name, sizeof name, ".a.tmp.%ld.%d", (long)getpid(), i);
        put_file(in_scratch(name), "", 0);
    }
    assert_ok(file_replace(in_scratch("a"), "x", 1));
    assert_holds(in_scratch("a"), "x");
}

static void appends(void **state)
{
    (void)state;
    assert_ok(file_append(in_scratch("a"), "one\n", 4));
    assert_ok(file_append(in_scratch("a"), "two\n", 4));
    assert_holds(in_scratch("a"), "one\ntwo\n");
    assert_int_equal(file_append(in_scratch("missing/a"), "x", 1), WEFT_ECREATE);
    fail_call(2, EIO);
    assert_int_equal(file_append(in_scratch("a"), "x", 1), WEFT_EIO);
    fail_call(3, EIO);
    assert_int_equal(file_append(in_scratch("a"), "x", 1), WEFT_EIO);
    fail_none();
}

static void points_a_link(void **state)
{
    (void)state;
    put_file(in_scratch("one"), "1", 1);
    put_file(in_scratch("two"), "2", 1);
    for (int hard = 0; hard < 2; hard++) {
        file_set_fault(hard ? symlinks_missing : NULL);
        assert_ok(file_point_link("one", in_scratch("link")));
        assert_holds(in_scratch("link"), "1");
        assert_ok(file_point_link("two", in_scratch("link")));
        assert_ok(file_point_link("two", in_scratch("link")));
        assert_holds(in_scratch("link"), "2");
        struct stat info;
        assert_int_equal(lstat(in_scratch("link"), &info), 0);
        assert_int_equal(S_ISLNK(info.st_mode), !hard);
        assert_int_equal(count_entries(scratch), 3);
    }
    file_set_fault(NULL);
    for (int n = 1; n <= 5; n++) {                      /* openat symlinkat renameat unlinkat fsync */
        fail_call(n, EIO);
        weft_status st = file_point_link("one", in_scratch("link"));
        fail_none();
        assert_int_equal(st, n <= 2 ? WEFT_ECREATE : n == 4 ? WEFT_OK : WEFT_EIO);
        assert_holds(in_scratch("link"), n < 4 ? "2" : "1");
        assert_int_equal(count_entries(scratch), 3);
    }
}

static void makes_directories(void **state)
{
    (void)state;
    assert_ok(file_make_directory(in_scratch("a/b/c")));
    assert_ok(file_make_directory(in_scratch("a/b/c")));
    assert_ok(file_make_directory(in_scratch("a/b//d///")));
    assert_ok(file_make_directory("/"));
    assert_ok(file_make_directory("."));
    assert_true(exists(in_scratch("a/b/d")));
    put_file(in_scratch("file"), "", 0);
    assert_int_equal(file_make_directory(in_scratch("file")), WEFT_ECREATE);
    assert_non_null(strstr(weft_last_error(), "File exists"));
    assert_int_equal(file_make_directory(in_scratch("file/x")), WEFT_ECREATE);
    assert_int_equal(file_make_directory(""), WEFT_ECREATE);
}

static void removes(void **state)
{
    (void)state;
    put_file(in_scratch("a"), "", 0);
    assert_ok(file_remove(in_scratch("a")));
    assert_ok(file_remove(in_scratch("a")));
    assert_int_equal(mkdir(in_scratch("d"), 0777), 0);
    assert_int_equal(file_remove(in_scratch("d")), WEFT_EIO);
}

static void reads(void **state)
{
    (void)state;
    static char big[200000];
    char name[64];
    void *bytes;
    size_t size_bytes;
    memset(big, 'b', sizeof big);
    put_file(in_scratch("big"), big, sizeof big);
    put_file(in_scratch("empty"), "", 0);
    assert_ok(file_read(in_scratch("big"), sizeof big, &bytes, &size_bytes));
    assert_int_equal(size_bytes, sizeof big);
    assert_memory_equal(bytes, big, sizeof big);
    memory_free(bytes);
    assert_ok(file_read(in_scratch("empty"), 0, &bytes, &size_bytes));
    assert_int_equal(size_bytes, 0);
    memory_free(bytes);
    assert_int_equal(file_read(in_scratch("big"), sizeof big - 1, &bytes, &size_bytes), WEFT_EDATA);
    assert_int_equal(file_read(in_scratch("missing"), 1, &bytes, &size_bytes), WEFT_ENOINPUT);
    assert_int_equal(file_read(scratch, 1, &bytes, &size_bytes), WEFT_ENOINPUT);
    for (int n = 1; n <= 4; n++) {                      /* openat, fstat, read, read */
        fail_call(n, EIO);
        assert_int_equal(file_read(in_scratch("big"), sizeof big, &bytes, &size_bytes), n <= 2 ? WEFT_ENOINPUT : WEFT_EIO);
        fail_none();
    }
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        for (size_t done = 0; done < sizeof big;) {
            ssize_t written = write(ends[1], big + done, sizeof big - done);
            done += written > 0 ? (size_t)written : sizeof big;
        }
        _exit(0);
    }
    close(ends[1]);
    snprintf(name, sizeof name, "/proc/self/fd/%d", ends[0]);
    assert_ok(file_read(name, sizeof big, &bytes, &size_bytes));
    assert_int_equal(size_bytes, sizeof big);
    assert_memory_equal(bytes, big, sizeof big);
    memory_free(bytes);
    close(ends[0]);
    waitpid(child, NULL, 0);
    assert_int_equal(file_read("/dev/zero", 100000, &bytes, &size_bytes), WEFT_EDATA);
}

/* Pieces of any size; a file that grows behind the reader's back is read to where it ends then. */
static void reads_in_pieces(void **state)
{
    (void)state;
    static char big[100000], all[100010];
    struct file_reader reader;
    size_t got, size = 0;
    for (size_t i = 0; i < sizeof big; i++)
        big[i] = (char)(i * i >> 5);
    put_file(in_scratch("big"), big, sizeof big);
    assert_ok(file_reader_open(&reader, in_scratch("big"), sizeof big + 3));
    assert_int_equal(reader.size_bytes, sizeof big);
    for (size_t wanted = 0; size + wanted <= sizeof big; wanted = 2 * wanted + 1) {
        assert_ok(file_reader_read(&reader, all + size, wanted, &got));
        assert_int_equal(got, wanted);
        size += got;
    }
    assert_ok(file_append(in_scratch("big"), "and", 3));
    assert_ok(file_reader_read(&reader, all + size, sizeof all - size, &got));
    size += got;
    assert_int_equal(size, sizeof big + 3);
    assert_memory_equal(all, big, sizeof big);
    assert_memory_equal(all + sizeof big, "and", 3);
    assert_ok(file_reader_read(&reader, all, 1, &got));
    assert_int_equal(got, 0);
    assert_ok(file_append(in_scratch("big"), "+", 1));
    assert_int_equal(file_reader_read(&reader, all, 1, &got), WEFT_EDATA);
    assert_non_null(strstr(weft_last_error(), "100004 bytes or more, at most 100003"));
    file_reader_close(&reader);
    assert_int_equal(file_reader_open(&reader, in_scratch("big"), sizeof big), WEFT_EDATA);
    assert_int_equal(file_reader_open(&reader, scratch, 1), WEFT_ENOINPUT);
    assert_ok(file_reader_open(&reader, "/dev/zero", 10));
    assert_int_equal(reader.size_bytes, 0);
    file_reader_close(&reader);
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    void *bytes;
    size_t size_bytes, n = 0;
    weft_status st = WEFT_ENOMEM;
    while (st != WEFT_EDATA) {                          /* never-ending: grows twice before it passes the limit */
        memory_fail_from(++n);
        st = file_read("/dev/zero", 200000, &bytes, &size_bytes);
        memory_fail_from(0);
        assert_true(st == WEFT_ENOMEM || st == WEFT_EDATA);
    }
    assert_int_equal(n, 4);
}

static void one_process_holds_the_lock(void **state)
{
    (void)state;
    int lock, ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        weft_status st = file_lock(in_scratch("lock"), &lock);
        byte = st == WEFT_OK ? 'y' : 'n';
        if (write(ready[1], &byte, 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    assert_int_equal(file_lock(in_scratch("lock"), &lock), WEFT_ERESOURCE);
    assert_non_null(strstr(weft_last_error(), "another process"));
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_ok(file_lock(in_scratch("lock"), &lock));
    file_unlock(lock);
    assert_ok(file_lock(in_scratch("lock"), &lock));
    file_unlock(lock);
    close(ready[0]);
    close(ready[1]);
    assert_int_equal(file_lock(in_scratch("missing/lock"), &lock), WEFT_ECREATE);
    fail_call(2, ENOLCK);                               /* a file system without locks: the run goes on without */
    assert_ok(file_lock(in_scratch("lock"), &lock));
    fail_none();
    file_unlock(lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, scratch_clear)
        TEST(a_taken_temporary_name_is_passed_over),            /* first: it knows that none has been made */
        TEST(replaces_a_file),
        TEST(a_symbolic_link_is_followed),
        TEST(what_cannot_be_replaced_is_refused),
        TEST(each_failing_call_leaves_the_old_file),
        TEST(parts_are_written_one_after_the_other),
        TEST(interrupted_calls_are_made_again),
        TEST(a_short_write_at_the_limit_is_an_error),
        TEST(a_full_disk_keeps_the_old_file),
        TEST(a_process_that_dies_at_any_call_leaves_a_whole_file),
        TEST(only_stale_temporaries_are_removed),
        TEST(appends),
        TEST(points_a_link),
        TEST(makes_directories),
        TEST(removes),
        TEST(reads),
        TEST(reads_in_pieces),
        TEST(every_failed_allocation_is_told),
        TEST(one_process_holds_the_lock),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
