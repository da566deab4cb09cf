/* What the tests of whole runs share: a small run, a handler that remembers what it was told, and a look at the files. */
#ifndef TESTS_RUN_SAMPLES_H
#define TESTS_RUN_SAMPLES_H

#include "store_samples.h"

#include <time.h>

#include "weft/weft.h"

/* 270 training rows in 7 steps an epoch, 30 validation and 60 test rows; evaluated after steps 3, 6, 9, 12 and the last, 14.
 * Batch-norm, dropout and adam: all the state there is. */
static const char BASE[] =
    "data.source=digits:?train=300&test=60; network.hidden=8; network.batch_norm=before; network.dropout=0.25; "
    "train.batch_size=40; train.epochs=2; train.evaluate=train,validation,test; train.evaluate_every=3 steps; "
    "checkpoint.every=never; run.threads=2; ";
enum { STEPS = 14 };

static inline weft_settings *settings_with(const char *more)
{
    weft_settings *settings = weft_settings_create();
    char text[4096], *rest = text;
    assert_non_null(settings);
    snprintf(text, sizeof text, "%s%s", BASE, more);
    for (char *part; (part = strsep(&rest, ";")) != NULL;)
        if (part[strspn(part, " ")] != '\0')
            assert_ok(weft_settings_assign(settings, part + strspn(part, " ")));
    return settings;
}

/* ---- a run that is watched ---- */

enum { EVENTS_MAX = 512 };

struct watch {
    weft_trainer *trainer;
    void (*hook)(struct watch *watch, const weft_event *event);
    weft_event_kind stop_kind;                  /* for stop_at */
    uint64_t stop_step;
    size_t count;
    struct told { weft_event event; char text[256]; } told[EVENTS_MAX];
    weft_summary summary;                       /* after run */
    int is_finished;
};

static inline void on_event(void *context, const weft_event *event)
{
    struct watch *watch = context;
    if (watch->count < EVENTS_MAX) {
        struct told *told = &watch->told[watch->count++];
        told->event = *event;
        snprintf(told->text, sizeof told->text, "%s", event->text != NULL ? event->text : "");
    }
    if (watch->hook != NULL && watch->trainer != NULL)
        watch->hook(watch, event);
}

static inline void stop_at(struct watch *watch, const weft_event *event)
{
    if (event->kind == watch->stop_kind && event->step >= watch->stop_step)
        weft_trainer_request_stop(watch->trainer);
}

static inline weft_status create(const char *name, const char *more, struct watch *watch)
{
    weft_settings *settings = settings_with(more);
    const weft_trainer_options options = {.out = in_scratch(name), .on_event = on_event, .event_context = watch};
    weft_status st = weft_trainer_create(settings, &options, &watch->trainer);
    assert_true((st == WEFT_OK) == (watch->trainer != NULL));
    weft_settings_destroy(settings);
    return st;
}

static inline weft_status reopen(const char *name, weft_resume_options options, struct watch *watch)
{
    options.on_event = on_event;
    options.event_context = watch;
    weft_status st = weft_trainer_resume(in_scratch(name), &options, &watch->trainer);
    assert_true((st == WEFT_OK) == (watch->trainer != NULL));
    return st;
}

static inline weft_status run(struct watch *watch)
{
    weft_status st = weft_trainer_run(watch->trainer);
    weft_trainer_summary(watch->trainer, &watch->summary);
    watch->is_finished = weft_trainer_is_finished(watch->trainer);
    return st;
}

static inline void destroy(struct watch *watch)
{
    weft_trainer_destroy(watch->trainer);
    watch->trainer = NULL;
}

static inline weft_status train(const char *name, const char *more, struct watch *watch)
{
    assert_ok(create(name, more, watch));
    weft_status st = run(watch);
    destroy(watch);
    return st;
}

static inline weft_status resume(const char *name, size_t threads, struct watch *watch)
{
    assert_ok(reopen(name, (weft_resume_options){.has_threads = 1, .threads = threads}, watch));
    weft_status st = run(watch);
    destroy(watch);
    return st;
}

static inline void train_undisturbed(const char *name, const char *more)
{
    struct watch watch = {0};
    assert_ok(train(name, more, &watch));
}

/* ---- its files ---- */

static const char *file_of(const char *run_name, const char *file)
{
    char name[1024];
    snprintf(name, sizeof name, "%s/%s", run_name, file);
    return in_scratch(name);
}

static inline void assert_same_file(const char *a, const char *b, const char *file)
{
    size_t size_a, size_b;
    unsigned char *in_a = get_file(file_of(a, file), &size_a), *in_b = get_file(file_of(b, file), &size_b);
    if (size_a != size_b || memcmp(in_a, in_b, size_a) != 0)
        fail_msg("%s and %s differ in %s", a, b, file);
    free(in_a);
    free(in_b);
}

static inline void assert_same_run(const char *a, const char *b)
{
    static const char *const file[] = {"last.h5", "best.h5", "history.csv"};
    for (size_t i = 0; i < COUNT(file); i++)
        assert_same_file(a, b, file[i]);
}

/* Whatever checkpoints are there are whole. Returns how many; *has_run: whether there is a run.ini. */
static inline size_t verify_all(const char *name, bool *has_run)
{
    size_t count = 0;
    *has_run = false;
    DIR *stream = opendir(in_scratch(name));
    for (struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;) {
        *has_run |= strcmp(entry->d_name, "run.ini") == 0;
        if (strncmp(entry->d_name, "step-", 5) != 0)
            continue;
        assert_ok(weft_checkpoint_verify(file_of(name, entry->d_name)));
        count++;
    }
    if (stream != NULL)
        closedir(stream);
    return count;
}

static inline weft_checkpoint_info info_of(const char *name, const char *file)
{
    weft_checkpoint_info info;
    assert_ok(weft_checkpoint_inspect(file_of(name, file), 0, &info));
    return info;
}

/* Steps in the first column of history.csv, which must ascend. Returns how many. */
static inline size_t lines_of_history(const char *name)
{
    size_t size, lines = 0;
    long long before = -1;
    char *text = (char *)get_file(file_of(name, "history.csv"), &size), *rest = strchr(text, '\n') + 1;
    for (; *rest != '\0'; rest = strchr(rest, '\n') + 1, lines++) {
        long long step = strtoll(rest, NULL, 10);
        if (step <= before)
            fail_msg("history.csv of %s: line of step %lld after that of step %lld", name, step, before);
        before = step;
    }
    free(text);
    return lines;
}

static inline void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){0, ms * 1000000}, NULL);
}

/* An attribute that must be there, to be changed. */
static inline struct attribute *attribute_of(struct snapshot *snapshot, const char *object, const char *name)
{
    const struct attribute *found = snapshot_find_attribute(snapshot, object, name);
    assert_non_null(found);
    return &snapshot->attribute[found - snapshot->attribute];
}

/* In memory where that is possible: a run syncs each of its files to disk. */
static inline int run_scratch_make(void **state)
{
    strcpy(scratch, "/dev/shm/weft-test-XXXXXX");
    return mkdtemp(scratch) != NULL ? 0 : scratch_make(state);
}

#define TEST(name) cmocka_unit_test_teardown(name, scratch_clear)

#endif
