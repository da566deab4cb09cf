/* Jobs in processes of their own: what they say is told while they go on, line by line, and none of it is lost however they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "cli/jobs.h"

enum { JOBS_MAX = 4, TOLD_BYTES = 1 << 20, LONG_LINE = 20000 };

/* What this process was told, and what both sides see. */
static struct {
    char told[JOBS_MAX][TOLD_BYTES];    /* the lines of each, each with its end */
    size_t lines[JOBS_MAX];
    bool has_ended[JOBS_MAX];
    int exit_code[JOBS_MAX];
} heard;
static atomic_size_t *heard_lines;      /* of all, in memory shared with the jobs */

static void on_said(void *context, size_t job, const char *line)
{
    (void)context;
    assert_false(heard.has_ended[job]);
    size_t length = strlen(heard.told[job]);
    snprintf(heard.told[job] + length, TOLD_BYTES - length, "%s\n", line);
    heard.lines[job]++;
    atomic_fetch_add(heard_lines, 1);
}

static void on_ended(void *context, size_t job, int exit_code)
{
    (void)context;
    heard.has_ended[job] = true;
    heard.exit_code[job] = exit_code;
}

static struct jobs_result run(size_t count, int (*work)(void *context, size_t job, size_t threads))
{
    const struct jobs jobs = {.count = count, .side_by_side = count, .threads = count, .threads_useful = 1, .work = work,
                              .said = on_said, .ended = on_ended};
    struct jobs_result result;
    memset(&heard, 0, sizeof heard);
    atomic_store(heard_lines, 0);
    jobs_run(&jobs, &result);
    assert_int_equal(result.start_error, 0);
    assert_int_equal(result.started, count);
    return result;
}

static void sleep_ms(long duration_ms)
{
    nanosleep(&(struct timespec){.tv_sec = duration_ms / 1000, .tv_nsec = duration_ms % 1000 * 1000000}, NULL);
}

/* In a job: until so many lines were heard of all of them. False: not within 20 s. */
static bool is_heard(size_t lines)
{
    for (int i = 0; i < 10000 && atomic_load(heard_lines) < lines; i++)
        sleep_ms(2);
    return atomic_load(heard_lines) >= lines;
}

/* ---- what they say is told at once ---- */

static int say_and_wait(void *context, size_t job, size_t threads)
{
    (void)context;
    (void)threads;
    fprintf(stderr, "one of %zu\n", job);
    bool was_told = is_heard(2);
    fprintf(stderr, "two of %zu\n", job);
    return was_told && is_heard(4) ? 0 : 1;
}

static void lines_are_told_while_jobs_go_on(void **state)
{
    (void)state;
    run(2, say_and_wait);
    for (size_t job = 0; job < 2; job++) {
        char want[64];
        snprintf(want, sizeof want, "one of %zu\ntwo of %zu\n", job, job);
        assert_int_equal(heard.exit_code[job], 0);
        assert_string_equal(heard.told[job], want);
    }
}

static int say_in_pieces(void *context, size_t job, size_t threads)
{
    (void)context;
    (void)job;
    (void)threads;
    fputs("first\nhalf ", stderr);
    bool was_told = is_heard(1);
    sleep_ms(600);                      /* two looks at least */
    bool is_whole = atomic_load(heard_lines) == 1;
    fputs("and half\n\nno end", stderr);
    return was_told && is_whole ? 0 : 1;
}

static void half_a_line_waits_for_the_rest(void **state)
{
    (void)state;
    run(1, say_in_pieces);
    assert_int_equal(heard.exit_code[0], 0);
    assert_string_equal(heard.told[0], "first\nhalf and half\n\nno end\n");
}

static int say_a_long_line(void *context, size_t job, size_t threads)
{
    (void)context;
    (void)job;
    (void)threads;
    for (size_t i = 0; i < LONG_LINE; i++)
        fputc('x', stderr);
    fputs("\nend\n", stderr);
    return is_heard(4) ? 0 : 1;
}

static void long_lines_come_in_pieces(void **state)
{
    (void)state;
    run(1, say_a_long_line);
    assert_int_equal(heard.exit_code[0], 0);
    size_t letters = 0;
    for (const char *c = heard.told[0]; *c != '\0'; c++)
        letters += *c == 'x';
    assert_int_equal(letters, LONG_LINE);
    assert_int_equal(heard.lines[0], 4);
    assert_string_equal(heard.told[0] + strlen(heard.told[0]) - 5, "\nend\n");
}

/* ---- nothing is lost ---- */

enum { MANY = 5000 };

static int say_much(void *context, size_t job, size_t threads)
{
    (void)context;
    (void)threads;
    for (int i = 0; i < MANY; i++)
        fprintf(stderr, "job %zu line %d\n", job, i);
    if (job == 1)
        raise(SIGKILL);
    return job == 2 ? 7 : 0;
}

static void every_line_is_told_before_the_end(void **state)
{
    (void)state;
    run(3, say_much);
    static const int exit_code[] = {0, 128 + SIGKILL, 7};
    static char want[TOLD_BYTES];
    for (size_t job = 0; job < 3; job++) {
        size_t length = 0;
        for (int i = 0; i < MANY; i++)
            length += (size_t)snprintf(want + length, sizeof want - length, "job %zu line %d\n", job, i);
        assert_int_equal(heard.exit_code[job], exit_code[job]);
        assert_string_equal(heard.told[job], want);
    }
}

/* The first one asks for a stop, soon again, which is no second one, and again; both have said something just before. */
static int ask_for_stops(void *context, size_t job, size_t threads)
{
    (void)context;
    (void)threads;
    fprintf(stderr, "before %zu\n", job);
    bool was_told = is_heard(2);
    for (int i = 0; i < 3 && job == 0 && was_told; i++) {
        sleep_ms(i * i * 300);          /* two signals of a kind that wait would be one; the last comes 1.5 s after the first */
        fprintf(stderr, "stop %d\n", i);
        kill(getppid(), SIGTERM);
    }
    sleep_ms(20000);
    return 1;
}

static void the_last_words_of_the_killed_are_told(void **state)
{
    (void)state;
    struct jobs_result result = run(2, ask_for_stops);
    assert_true(result.is_stopped);
    assert_int_equal(result.killed_by, SIGTERM);
    assert_string_equal(heard.told[0], "before 0\nstop 0\nstop 1\nstop 2\n");
    assert_string_equal(heard.told[1], "before 1\n");
}

/* ---- nobody listens ---- */

static void nobody_need_listen(void **state)
{
    (void)state;
    const struct jobs jobs = {.count = 1, .side_by_side = 1, .threads = 1, .threads_useful = 1, .work = say_much,
                              .ended = on_ended};
    struct jobs_result result;
    memset(&heard, 0, sizeof heard);
    jobs_run(&jobs, &result);
    assert_true(heard.has_ended[0]);
    assert_int_equal(heard.exit_code[0], 0);
}

int main(void)
{
    heard_lines = mmap(NULL, sizeof *heard_lines, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (heard_lines == MAP_FAILED)
        return EXIT_FAILURE;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_told_while_jobs_go_on), cmocka_unit_test(half_a_line_waits_for_the_rest),
        cmocka_unit_test(long_lines_come_in_pieces), cmocka_unit_test(every_line_is_told_before_the_end),
        cmocka_unit_test(nobody_need_listen),
        cmocka_unit_test(the_last_words_of_the_killed_are_told),        /* last: that a stop was asked for is kept */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
