/* Whole runs whose threads are held up at random: before and behind every barrier, and at every system call of the thread that
 * saves. Not one bit may show it. Built with ThreadSanitizer (scripts/races), this is where it looks for races. */
#include "run_samples.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/fault.h"
#include "parallel/team.h"
#include "support.h"

void __real_team_barrier(struct team *team);
void __wrap_team_barrier(struct team *team);

static atomic_bool disturbed;
static atomic_uint_fast64_t disturbances;

/* Nothing, a few yields, or a sleep that outlasts the spinning of whoever waits. */
static void disturb(void)
{
    if (!atomic_load(&disturbed))
        return;
    struct random random = {atomic_fetch_add(&disturbances, 1) * UINT64_C(0x9e3779b97f4a7c15)};
    switch (random_below(&random, 8)) {
    case 0: case 1: case 2:
        for (size_t i = random_below(&random, 4); i-- > 0;)
            sched_yield();
        break;
    case 3:
        nanosleep(&(struct timespec){0, (long)random_below(&random, 100000)}, NULL);
        break;
    default:
        break;
    }
}

void __wrap_team_barrier(struct team *team)
{
    disturb();
    __real_team_barrier(team);
    disturb();
}

static int disturb_call(const char *call)
{
    (void)call;
    disturb();
    return 0;
}

static void set_disturbed(bool is)
{
    atomic_store(&disturbed, is);
    file_set_fault(is ? disturb_call : NULL);
}

/* Steps follow each other without leaving the parallel region, up to three at a time. Between them these have every way through
 * a step: with and without statistics that the threads exchange, gradients summed by the owner of a piece or by each thread, and
 * the looks at the whole gradient that clipping takes. */
static const char *const kinds[] = {
    "",
    "run.gradient=local; ",
    "run.gradient=owned; optimizer.clip_norm=0.5; network.batch_norm=after; ",
    "run.gradient=local; optimizer.clip_value=0.01; optimizer.clip_norm=1; network.batch_norm=none; network.hidden=40, 9; ",
    "network.batch_norm_statistics=shard; regularization.l1=0.001; train.batch_size=270; ",
    "schedule.name=plateau; schedule.metric=validation_cost; train.early_stop=validation_cost; train.patience=9 steps; ",
};

static void runs_are_the_same(void **state)
{
    (void)state;
    static const size_t threads[] = {2, 3, 7};
    for (size_t kind = 0; kind < COUNT(kinds); kind++) {
        char name[32], more[400];
        snprintf(name, sizeof name, "quiet%zu", kind);
        snprintf(more, sizeof more, "%srun.threads=1", kinds[kind]);
        train_undisturbed(name, more);
        for (size_t t = 0; t < COUNT(threads); t++) {
            char loud[32];
            snprintf(loud, sizeof loud, "loud%zu-%zu", kind, threads[t]);
            snprintf(more, sizeof more, "%srun.threads=%zu; checkpoint.every=5 steps; checkpoint.keep=2", kinds[kind], threads[t]);
            set_disturbed(true);
            train_undisturbed(loud, more);
            set_disturbed(false);
            assert_same_run(name, loud);
        }
    }
}

/* Somebody asks for saves and stops all the time, from a thread of its own. */
static atomic_bool asking;

static void *ask(void *trainer)
{
    for (size_t i = 0; atomic_load(&asking); i++) {
        if (i % 16 == 15)
            weft_trainer_request_stop(trainer);
        else
            weft_trainer_request_save(trainer);
        nanosleep(&(struct timespec){0, 200000}, NULL);
    }
    return NULL;
}

static void requests_change_nothing(void **state)
{
    (void)state;
    static const size_t threads[] = {2, 1, 7, 3};
    struct watch watch = {0};
    size_t stops = 0;
    train_undisturbed("quiet", "run.threads=1; train.epochs=20");
    set_disturbed(true);
    assert_ok(create("loud", "train.epochs=20", &watch));
    for (weft_status st = WEFT_ESTOPPED; st == WEFT_ESTOPPED;) {
        pthread_t thread;
        atomic_store(&asking, true);
        assert_int_equal(pthread_create(&thread, NULL, ask, watch.trainer), 0);
        st = run(&watch);
        atomic_store(&asking, false);
        assert_int_equal(pthread_join(thread, NULL), 0);
        destroy(&watch);
        assert_true(st == WEFT_OK || st == WEFT_ESTOPPED);
        if (st == WEFT_ESTOPPED)
            assert_ok(reopen("loud", (weft_resume_options){.has_threads = 1, .threads = threads[++stops % COUNT(threads)]}, &watch));
    }
    set_disturbed(false);
    assert_same_run("quiet", "loud");
    print_message("%zu stops\n", stops);
}

/* Two trainers of one process, each with its team and its saving thread, share libhdf5 and the kernels. */
static void *train_beside(void *name)
{
    struct watch watch = {0};
    weft_settings *settings = settings_with("checkpoint.every=1 steps");
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", scratch, (const char *)name);
    const weft_trainer_options options = {.out = path};
    weft_status st = weft_trainer_create(settings, &options, &watch.trainer);
    if (st == WEFT_OK)
        st = weft_trainer_run(watch.trainer);
    weft_trainer_destroy(watch.trainer);
    weft_settings_destroy(settings);
    return st == WEFT_OK ? name : NULL;
}

static void two_runs_side_by_side(void **state)
{
    (void)state;
    static char names[2][8] = {"one", "two"};
    pthread_t thread[2];
    void *result;
    train_undisturbed("quiet", "run.threads=1");
    set_disturbed(true);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, train_beside, names[i]), 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(thread[i], &result), 0);
        assert_non_null(result);
    }
    set_disturbed(false);
    assert_same_run("quiet", "one");
    assert_same_run("quiet", "two");
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(runs_are_the_same), TEST(requests_change_nothing), TEST(two_runs_side_by_side)};
    int failed = cmocka_run_group_tests(tests, run_scratch_make, scratch_remove);
    printf("%llu barriers and system calls, each of which may have been held up\n", (unsigned long long)atomic_load(&disturbances));
    return failed;
}
