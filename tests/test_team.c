/* The team: every rank once, the barrier, the floating-point mode, and how many threads a run gets. What the OpenMP runtime
 * reads from its environment is read when the process starts, so those cases run this program again with another one. */
#include <errno.h>
#include <inttypes.h>
#include <omp.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined __x86_64__
#include <immintrin.h>
#endif

#include "parallel/quota.h"
#include "parallel/team.h"
#include "support.h"

enum { RANKS_MAX = 64 };
static const size_t sizes[] = {1, 2, 3, 7, 16, 40};             /* more threads than cores, too */

struct meeting {
    struct team *team;
    pthread_t caller;
    atomic_size_t calls[RANKS_MAX];
    atomic_bool is_caller_rank_0;
    size_t rounds, round[RANKS_MAX];            /* plain memory: what the barrier must make visible */
    atomic_size_t late;
};

static void count_call(void *context, size_t rank)
{
    struct meeting *m = context;
    atomic_fetch_add(&m->calls[rank], 1);
    if (rank == 0 && pthread_equal(pthread_self(), m->caller))
        atomic_store(&m->is_caller_rank_0, true);
}

static void every_rank_works_once(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT(sizes); s++) {
        struct team team;
        assert_int_equal(team_create(&team, sizes[s]), WEFT_OK);
        assert_int_equal(team.size, sizes[s]);
        struct meeting m = {.team = &team, .caller = pthread_self()};
        assert_int_equal(team_run(&team, count_call, &m), WEFT_OK);
        for (size_t rank = 0; rank < RANKS_MAX; rank++)
            assert_int_equal(atomic_load(&m.calls[rank]), rank < sizes[s]);
        assert_true(atomic_load(&m.is_caller_rank_0));
    }
}

/* Two barriers a round: everyone has written its round before anyone looks, and has looked before anyone goes on. One
 * thread in turn comes late, so that the others spin, yield and sleep. */
static void meet(void *context, size_t rank)
{
    struct meeting *m = context;
    for (size_t r = 1; r <= m->rounds; r++) {
        if (r % 64 == 0 && r / 64 % m->team->size == rank)
            usleep(300);
        m->round[rank] = r;
        team_barrier(m->team);
        for (size_t other = 0; other < m->team->size; other++)
            if (m->round[other] != r)
                atomic_fetch_add(&m->late, 1);
        team_barrier(m->team);
    }
}

static void barrier_holds_everyone(void **state)
{
    (void)state;
    for (size_t s = 0; s < COUNT(sizes); s++) {
        struct team team;
        assert_int_equal(team_create(&team, sizes[s]), WEFT_OK);
        struct meeting m = {.team = &team, .rounds = sizes[s] <= 2 ? 20000 : 1000};
        assert_int_equal(team_run(&team, meet, &m), WEFT_OK);
        assert_int_equal(atomic_load(&m.late), 0);
        assert_int_equal(team_run(&team, meet, &m), WEFT_OK);           /* a team can be used again */
        assert_int_equal(atomic_load(&m.late), 0);
    }
}

#if defined __x86_64__
enum { FLUSH = 0x8040 };                        /* flush to zero, denormals are zero */

static void look_at_mode(void *context, size_t rank)
{
    struct meeting *m = context;
    volatile float tiny = 0x1p-126f, half = 0.5f;
    atomic_fetch_add(&m->calls[rank], (_mm_getcsr() & FLUSH) == FLUSH && tiny * half == 0);
}

/* The modes of three threads outside any team. (A worker's is its own with libgomp, the caller's with libomp.) */
static void modes_now(unsigned mode[3])
{
#pragma omp parallel num_threads(3)
    mode[omp_get_thread_num()] = _mm_getcsr() & ~0x3fu;         /* without the flags of what has happened so far */
}

static void mode_is_set_and_given_back(void **state)
{
    (void)state;
    unsigned original = _mm_getcsr(), before[3], after[3];
    for (unsigned mine = 0; mine < 2; mine++) {
        _mm_setcsr((original & ~(unsigned)FLUSH) | (mine ? 0x8000u : 0));       /* the caller may have a mode of its own */
        struct team team;
        assert_int_equal(team_create(&team, 3), WEFT_OK);
        modes_now(before);
        struct meeting m = {.team = &team};
        assert_int_equal(team_run(&team, look_at_mode, &m), WEFT_OK);
        for (size_t rank = 0; rank < 3; rank++)
            assert_int_equal(atomic_load(&m.calls[rank]), 1);
        modes_now(after);
        assert_memory_equal(before, after, sizeof before);
        unsigned mode = team_float_mode_enter();
        assert_int_equal(_mm_getcsr() & FLUSH, FLUSH);
        team_float_mode_leave(mode);
        assert_int_equal(_mm_getcsr() & ~0x3fu, before[0]);
    }
    _mm_setcsr(original);
}
#endif

/* Inside a parallel region of the caller the runtime gives one thread: a team of three must say so and do nothing, not wait
 * for threads that never come. */
static void wrong_number_of_threads_is_an_error(void **state)
{
    (void)state;
    struct team team, alone;
    assert_int_equal(team_create(&team, 3), WEFT_OK);
    struct meeting m = {.team = &team, .rounds = 1};
    weft_status inside = WEFT_OK, created = WEFT_EINVAL;
    omp_set_max_active_levels(1);
#pragma omp parallel num_threads(2)
    {
#pragma omp master
        {
            inside = team_run(&team, count_call, &m);
            created = team_create(&alone, 3);
        }
    }
    assert_int_equal(inside, WEFT_ERESOURCE);
    assert_non_null(strstr(weft_last_error(), "3 threads"));
    for (size_t rank = 0; rank < 3; rank++)
        assert_int_equal(atomic_load(&m.calls[rank]), 0);
    assert_int_equal(created, WEFT_OK);         /* a team takes what it gets when it is made */
    assert_int_equal(alone.size, 1);
}

/* This program again, as "test_team --threads WANTED USEFUL", with an environment in front: what it printed. */
static void ask_again(const char *environment, const char *arguments, char *answer, size_t capacity)
{
    char self[512], command[1024];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(length > 0);
    self[length] = '\0';
    snprintf(command, sizeof command, "env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT %s '%s' %s", environment, self, arguments);
    FILE *child = popen(command, "r");
    assert_non_null(child);
    answer[0] = '\0';
    assert_non_null(fgets(answer, (int)capacity, child));
    assert_int_equal(pclose(child), 0);
    answer[strcspn(answer, "\n")] = '\0';
}

static int answer_threads(const char *wanted, const char *useful)
{
    const char *reason;
    size_t threads = team_threads((size_t)strtoul(wanted, NULL, 10), (size_t)strtoul(useful, NULL, 10), &reason);
    struct team team;
    size_t real = threads <= RANKS_MAX && team_create(&team, threads) == WEFT_OK ? team.size : 0;
    printf("%zu %zu %s\n", threads, real, reason != NULL ? reason : "-");
    return 0;
}

static size_t threads_left = SIZE_MAX;           /* that the system gives */

int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument);

int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    return threads_left-- > 0 ? __real_pthread_create(thread, attributes, start, argument) : EAGAIN;
}

/* An OpenMP runtime that gets no more threads ends the process: it must not come to that. */
static void threads_that_the_system_refuses_are_an_error(void **state)
{
    (void)state;
    struct team team;
    threads_left = 5;
    weft_status st = team_create(&team, 64);
    threads_left = SIZE_MAX;
    assert_int_equal(st, WEFT_ERESOURCE);
    assert_non_null(strstr(weft_last_error(), "start 64 threads: the system gives 6 (Resource temporarily unavailable)"));
    assert_int_equal(team_create(&team, 64), WEFT_OK);
}

static void environment_is_respected(void **state)
{
    (void)state;
    static const struct { const char *environment, *arguments, *answer; } question[] = {
        {"OMP_NUM_THREADS=3", "0 100", "3 3 OMP_NUM_THREADS"},
        {"OMP_NUM_THREADS=3", "5 100", "5 5 -"},                        /* asked for by name */
        {"OMP_NUM_THREADS=3", "0 1", "3 3 OMP_NUM_THREADS"},
        {"OMP_THREAD_LIMIT=2", "5 100", "2 2 OMP_THREAD_LIMIT"},
        {"OMP_THREAD_LIMIT=2 OMP_NUM_THREADS=7", "0 100", "2 2 OMP_THREAD_LIMIT"},
        {"OMP_THREAD_LIMIT=1", "0 100", "1 1"},                         /* a prefix: one core is no limit */
        {"", "7 1", "7 7 -"},
        {"", "10000 100", "1024 0 Weft's limit of 1,024 threads"},
        {"OMP_NUM_THREADS=1", "0 100", "1 1 OMP_NUM_THREADS"},
    };
    for (size_t i = 0; i < COUNT(question); i++) {
        char answer[256], arguments[64];
        snprintf(arguments, sizeof arguments, "--threads %s", question[i].arguments);
        ask_again(question[i].environment, arguments, answer, sizeof answer);
        if (strncmp(answer, question[i].answer, strlen(question[i].answer)) != 0)
            fail_msg("%s team_threads(%s): %s, wanted %s", question[i].environment, question[i].arguments, answer,
                     question[i].answer);
    }
}

/* Without a wish: cores that the mask leaves, and no more than have work. */
static void affinity_is_respected(void **state)
{
    (void)state;
    cpu_set_t all, one;
    assert_int_equal(sched_getaffinity(0, sizeof all, &all), 0);
    size_t first = 0;
    while (!CPU_ISSET(first, &all))
        first++;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    assert_int_equal(team_cores(), 1);
    char answer[256];
    ask_again("", "--threads 0 100", answer, sizeof answer);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
    assert_string_equal(answer, "1 1 -");
    ask_again("", "--threads 0 1", answer, sizeof answer);
    assert_int_equal(strncmp(answer, "1 1 ", 4), 0);
    assert_true(team_cores() >= 1 && team_cores() <= (size_t)CPU_COUNT(&all));
}

/* A made-up /proc/self/cgroup and a made-up mount, below one directory. */
struct cgroup_file { const char *path, *text; };

static void write_below(const char *directory, const struct cgroup_file *file)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", directory, file->path);
    for (char *slash = path + strlen(directory) + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = '\0';
        mkdir(path, 0700);                      /* may be there already; the open below tells */
        *slash = '/';
    }
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    assert_true(fputs(file->text, out) >= 0);
    assert_int_equal(fclose(out), 0);
}

enum { FILES = 5 };                     /* of a tree, at most */

struct quota_tree { char directory[32], proc[64], mount[64]; };

static struct quota_tree quota_tree_make(const struct cgroup_file file[FILES])
{
    struct quota_tree tree = {.directory = "/tmp/weft-quota-XXXXXX"};
    assert_non_null(mkdtemp(tree.directory));
    for (size_t f = 0; f < FILES && file[f].path != NULL; f++)
        write_below(tree.directory, &file[f]);
    snprintf(tree.proc, sizeof tree.proc, "%s/proc", tree.directory);
    snprintf(tree.mount, sizeof tree.mount, "%s/mount", tree.directory);
    return tree;
}

static void quota_tree_remove(const struct quota_tree *tree)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", tree->directory);
    assert_int_equal(system(command), 0);
}

static void quotas_are_read(void **state)
{
    (void)state;
    static const struct { const char *what; size_t want; struct cgroup_file file[FILES]; } tree[] = {
        {"nothing", SIZE_MAX, {{"proc", ""}}},
        {"v2 without a limit", SIZE_MAX, {{"proc", "0::/\n"}, {"mount/cpu.max", "max 100000\n"}}},
        {"v2, two cores", 2, {{"proc", "0::/\n"}, {"mount/cpu.max", "200000 100000\n"}}},
        {"v2, a part of a core counts as one", 2, {{"proc", "0::/\n"}, {"mount/cpu.max", "100001 100000\n"}}},
        {"v2, less than a core", 1, {{"proc", "0::/\n"}, {"mount/cpu.max", "500 100000\n"}}},
        {"v2, the parent is stricter", 3, {{"proc", "0::/a/b\n"}, {"mount/a/b/cpu.max", "800000 100000\n"},
                                            {"mount/a/cpu.max", "300000 100000\n"}, {"mount/cpu.max", "max 100000\n"}}},
        {"v2, the child is stricter", 2, {{"proc", "0::/a/b\n"}, {"mount/a/b/cpu.max", "150000 100000\n"},
                                           {"mount/a/cpu.max", "300000 100000\n"}}},
        {"v2, seen from inside a container", 4, {{"proc", "0::/host/path/not/mounted\n"},
                                                  {"mount/cpu.max", "400000 100000\n"}}},
        {"v2, another group's limit", SIZE_MAX, {{"proc", "0::/a\n"}, {"mount/b/cpu.max", "100000 100000\n"}}},
        {"v1", 3, {{"proc", "5:memory:/a\n4:cpu,cpuacct:/a\n"}, {"mount/cpu/a/cpu.cfs_quota_us", "250000\n"},
                   {"mount/cpu/a/cpu.cfs_period_us", "100000\n"}}},
        {"v1 without a limit", SIZE_MAX, {{"proc", "4:cpuacct,cpu:/a\n"}, {"mount/cpu/a/cpu.cfs_quota_us", "-1\n"},
                                           {"mount/cpu/a/cpu.cfs_period_us", "100000\n"}}},
        {"v1, another controller", SIZE_MAX, {{"proc", "4:cpuset,cpuacct:/a\n"},
                                               {"mount/cpu/a/cpu.cfs_quota_us", "100000\n"},
                                               {"mount/cpu/a/cpu.cfs_period_us", "100000\n"}}},
        {"both", 2, {{"proc", "4:cpu:/a\n0::/b\n"}, {"mount/cpu/a/cpu.cfs_quota_us", "400000\n"},
                     {"mount/cpu/a/cpu.cfs_period_us", "100000\n"}, {"mount/b/cpu.max", "200000 100000\n"}}},
        {"damaged", SIZE_MAX, {{"proc", "0::/\nnonsense\n:\n::\n7:cpu\n"}, {"mount/cpu.max", "lots of it\n"}}},
        {"zero", SIZE_MAX, {{"proc", "0::/\n"}, {"mount/cpu.max", "0 0\n"}}},
        {"the largest number", SIZE_MAX, {{"proc", "0::/\n"}, {"mount/cpu.max", "9223372036854775807 100000\n"}}},
    };
    for (size_t i = 0; i < COUNT(tree); i++) {
        struct quota_tree made = quota_tree_make(tree[i].file);
        size_t got = quota_cores_at(made.proc, made.mount);
        bool is_huge = tree[i].want == SIZE_MAX && got > (size_t)1 << 40;
        if (got != tree[i].want && !is_huge)
            fail_msg("%s: %zu cores, wanted %zu", tree[i].what, got, tree[i].want);
        quota_tree_remove(&made);
    }
    assert_true(quota_cores_at("/nowhere/at/all", "/nowhere") == SIZE_MAX);
    assert_true(quota_cores() >= 1);
}

static void memory_quotas_are_read(void **state)
{
    (void)state;
    static const struct { const char *what; uint64_t want; struct cgroup_file file[FILES]; } tree[] = {
        {"nothing", UINT64_MAX, {{"proc", "0::/\n"}}},
        {"v2", 4294967296, {{"proc", "0::/job/step\n"}, {"mount/job/step/memory.max", "max\n"},
                            {"mount/job/memory.max", "4294967296\n"}, {"mount/memory.max", "8589934592\n"}}},
        {"v2 without a limit", UINT64_MAX, {{"proc", "0::/\n"}, {"mount/memory.max", "max\n"}}},
        {"v1", 1048576, {{"proc", "4:cpu:/a\n5:memory:/a\n"}, {"mount/memory/a/memory.limit_in_bytes", "1048576\n"},
                         {"mount/cpu/a/memory.limit_in_bytes", "4096\n"}}},
        {"zero", UINT64_MAX, {{"proc", "0::/\n"}, {"mount/memory.max", "0\n"}}},
    };
    for (size_t i = 0; i < COUNT(tree); i++) {
        struct quota_tree made = quota_tree_make(tree[i].file);
        uint64_t got = quota_memory_bytes_at(made.proc, made.mount);
        if (got != tree[i].want)
            fail_msg("%s: %" PRIu64 " bytes, wanted %" PRIu64, tree[i].what, got, tree[i].want);
        quota_tree_remove(&made);
    }
    assert_true(quota_memory_bytes_at("/nowhere/at/all", "/nowhere") == UINT64_MAX);
    assert_true(quota_memory_bytes() > 1 << 20);
}

int main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--threads") == 0)
        return answer_threads(argv[2], argv[3]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rank_works_once),
        cmocka_unit_test(barrier_holds_everyone),
#if defined __x86_64__
        cmocka_unit_test(mode_is_set_and_given_back),
#endif
        cmocka_unit_test(wrong_number_of_threads_is_an_error),
        cmocka_unit_test(threads_that_the_system_refuses_are_an_error),
        cmocka_unit_test(environment_is_respected),
        cmocka_unit_test(affinity_is_respected),
        cmocka_unit_test(quotas_are_read),
        cmocka_unit_test(memory_quotas_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
