/* The library as a guest in someone's process: two trainers live in it, one inside the other, in turns, or on two threads at
 * once, and each comes to the digest that it has alone; nothing is printed. Uses libweft.so and its public headers only. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "weft/weft.h"

enum { RUNS = 2, SETTINGS_MAX = 8 };

/* Two runs as different as they may be: each would show in the other's digest. */
static const char *const assignment[RUNS][SETTINGS_MAX] = {
    {"data.source=digits:?train=400&test=60", "network.hidden=20,7", "network.batch_norm=before", "network.dropout=0.2",
     "train.batch_size=90", "train.epochs=4", "run.threads=2", "checkpoint.every=2 steps"},
    {"data.source=digits:?train=300&test=60&seed=5", "network.hidden=33", "network.activation=tanh", "optimizer.name=momentum",
     "train.seed=9", "train.epochs=3", "run.threads=3", "train.batch_size=64"},
};

struct run {
    size_t which;
    char directory[160];
    weft_trainer *trainer;
    weft_status st;
    size_t evaluations;
    void (*on_evaluation)(struct run *run);
};

static char scratch[64];
static char alone[RUNS][33];                    /* the digests */

/* ---- a run ---- */

static void watch(void *context, const weft_event *event)
{
    struct run *run = context;
    if (event->kind != WEFT_EVENT_EVALUATED)
        return;
    run->evaluations++;
    if (run->on_evaluation != NULL)
        run->on_evaluation(run);
}

static struct run run_named(const char *name, size_t which)
{
    struct run run = {.which = which};
    snprintf(run.directory, sizeof run.directory, "%s/%s-%zu", scratch, name, which);
    return run;
}

/* To the end, or to a stop. The status stays in run: assertions belong to the main thread. */
static void *run_to_end(void *context)
{
    struct run *run = context;
    if (run->st == WEFT_OK)
        run->st = weft_trainer_run(run->trainer);
    return NULL;
}

static void run_open(struct run *run)
{
    const weft_trainer_options options = {.out = run->directory, .on_event = watch, .event_context = run};
    weft_settings *settings = weft_settings_create();
    run->st = settings != NULL ? WEFT_OK : WEFT_ENOMEM;
    for (size_t i = 0; i < SETTINGS_MAX && run->st == WEFT_OK; i++)
        run->st = weft_settings_assign(settings, assignment[run->which][i]);
    if (run->st == WEFT_OK)
        run->st = weft_trainer_create(settings, &options, &run->trainer);
    weft_settings_destroy(settings);
}

static void run_go_on(struct run *run)
{
    const weft_resume_options options = {.on_event = watch, .event_context = run};
    run->st = weft_trainer_resume(run->directory, &options, &run->trainer);
}

static void run_digest(const struct run *run, char digest[33])
{
    weft_summary summary;
    weft_trainer_summary(run->trainer, &summary);
    memcpy(digest, summary.weights_digest, sizeof summary.weights_digest);
}

/* Once it is over: the digest it has alone. */
static void run_close(struct run *run)
{
    char digest[33];
    if (run->st != WEFT_OK)
        fail_msg("%s: %s: %s", run->directory, weft_strerror(run->st), weft_last_error());
    run_digest(run, digest);
    assert_string_equal(digest, alone[run->which]);
    weft_trainer_destroy(run->trainer);
}

/* ---- what is printed meanwhile ---- */

static int kept[2], caught[2];

static void catch_output(void)
{
    for (int fd = 0; fd < 2; fd++) {
        char path[80];
        fflush(fd == 0 ? stdout : stderr);
        snprintf(path, sizeof path, "%s/caught-XXXXXX", scratch);
        caught[fd] = mkstemp(path);
        kept[fd] = dup(fd + 1);
        assert_true(caught[fd] >= 0 && kept[fd] >= 0 && dup2(caught[fd], fd + 1) >= 0);
    }
}

static void give_back_output(void)
{
    for (int fd = 0; fd < 2; fd++) {
        struct stat status;
        fflush(fd == 0 ? stdout : stderr);
        assert_true(dup2(kept[fd], fd + 1) >= 0 && fstat(caught[fd], &status) == 0);
        assert_int_equal(status.st_size, 0);
        close(kept[fd]);
        close(caught[fd]);
    }
}

/* ---- tests ---- */

static void each_alone(void **state)
{
    (void)state;
    catch_output();
    for (size_t i = 0; i < RUNS; i++) {
        struct run run = run_named("alone", i);
        run_open(&run);
        run_to_end(&run);
        if (run.st == WEFT_OK)
            run_digest(&run, alone[i]);
        run_close(&run);
    }
    give_back_output();
    assert_string_not_equal(alone[0], alone[1]);
}

static struct run guest;

static void train_the_guest(struct run *host)
{
    if (host->evaluations == 2) {
        guest = run_named("guest", 1);
        run_open(&guest);
        run_to_end(&guest);
    }
}

static void one_inside_the_other(void **state)
{
    (void)state;
    catch_output();
    struct run host = run_named("host", 0);
    host.on_evaluation = train_the_guest;
    run_open(&host);
    run_to_end(&host);
    give_back_output();
    assert_true(host.evaluations > 2);
    run_close(&guest);
    run_close(&host);
}

static void stop(struct run *run)
{
    weft_trainer_request_stop(run->trainer);
}

static void in_turns(void **state)
{
    (void)state;
    struct run run[RUNS] = {run_named("turns", 0), run_named("turns", 1)};
    size_t over = 0, turns = 0;
    catch_output();
    for (size_t i = 0; i < RUNS; i++) {
        run[i].on_evaluation = stop;
        run_open(&run[i]);
    }
    for (; over < RUNS && turns < 40; turns++) {
        struct run *r = &run[turns % RUNS];
        if (r->st == WEFT_ESTOPPED) {
            weft_trainer_destroy(r->trainer);
            run_go_on(r);
        }
        if (r->st != WEFT_OK || weft_trainer_is_finished(r->trainer))
            continue;
        run_to_end(r);
        over += r->st != WEFT_ESTOPPED;
    }
    give_back_output();
    assert_int_equal(over, RUNS);
    assert_true(turns > 2 * RUNS);
    for (size_t i = 0; i < RUNS; i++)
        run_close(&run[i]);
}

/* The i-th of a pair is run `which[i]`. */
static void at_once(const char *name, const size_t which[2])
{
    char names[2][40];
    struct run run[2];
    pthread_t thread[2];
    catch_output();
    for (size_t i = 0; i < 2; i++) {
        snprintf(names[i], sizeof names[i], "%s-%zu", name, i);
        run[i] = run_named(names[i], which[i]);
        run_open(&run[i]);
    }
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, run_to_end, &run[i]), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    give_back_output();
    for (size_t i = 0; i < 2; i++)
        run_close(&run[i]);
}

static void two_at_once(void **state)
{
    (void)state;
    static const size_t pair[][2] = {{0, 1}, {0, 0}, {1, 1}};
    for (size_t p = 0; p < sizeof pair / sizeof *pair; p++)
        for (size_t again = 0; again < 3; again++) {
            char name[40];
            snprintf(name, sizeof name, "at-once-%zu-%zu", p, again);
            at_once(name, pair[p]);
        }
}

static void *evaluate_one(void *context)
{
    struct run *run = context;
    weft_evaluation evaluation = {0};
    weft_model_info model;
    run->st = weft_evaluate(run->directory, NULL, &evaluation, &model);
    weft_evaluation_clear(&evaluation);
    return NULL;
}

/* Reading checkpoints and training at once: HDF5 is one for the process. */
static void one_trains_while_one_evaluates(void **state)
{
    (void)state;
    struct run trained = run_named("alone", 0), run = run_named("beside", 1);
    pthread_t thread;
    catch_output();
    run_open(&run);
    assert_int_equal(pthread_create(&thread, NULL, run_to_end, &run), 0);
    for (size_t i = 0; i < 5 && trained.st == WEFT_OK; i++)
        evaluate_one(&trained);
    assert_int_equal(pthread_join(thread, NULL), 0);
    give_back_output();
    assert_int_equal(trained.st, WEFT_OK);
    run_close(&run);
}

/* A failure's message is that of its thread. */
static void *fail_and_remember(void *context)
{
    weft_checkpoint_info info = {0};
    (void)weft_checkpoint_inspect("no such file", 0, &info);
    snprintf(context, 200, "%s", weft_last_error());
    return NULL;
}

static void messages_do_not_meet(void **state)
{
    (void)state;
    char message[200];
    pthread_t thread;
    weft_settings *settings = weft_settings_create();
    assert_int_equal(weft_settings_set(settings, "train.epochs", "many"), WEFT_ESETTINGS);
    assert_int_equal(pthread_create(&thread, NULL, fail_and_remember, message), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_non_null(strstr(message, "no such file"));
    assert_non_null(strstr(weft_last_error(), "train.epochs"));
    weft_settings_destroy(settings);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status, (void)type, (void)at;
    return remove(path);
}

static int make_scratch(void **state)
{
    (void)state;
    snprintf(scratch, sizeof scratch, "/tmp/weft-two-XXXXXX");
    return mkdtemp(scratch) != NULL ? 0 : -1;
}

static int remove_scratch(void **state)
{
    (void)state;
    return nftw(scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_alone), cmocka_unit_test(one_inside_the_other), cmocka_unit_test(in_turns),
        cmocka_unit_test(two_at_once), cmocka_unit_test(one_trains_while_one_evaluates), cmocka_unit_test(messages_do_not_meet),
    };
    return cmocka_run_group_tests(tests, make_scratch, remove_scratch);
}
