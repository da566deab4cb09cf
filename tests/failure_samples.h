/* What the tests of failing calls and failing allocations share: a small run on files, one that was interrupted, what must be true
 * of a run's directory whatever went wrong, and the other calls of the library that read or write files. */
#ifndef TESTS_FAILURE_SAMPLES_H
#define TESTS_FAILURE_SAMPLES_H

#include "store_samples.h"

#include <errno.h>
#include <time.h>

#include "train/trainer.h"
#include "weft/weft.h"

/* Which case it is: in front of each message. */
static char the_case[256];

#define expect(condition, ...)                                      \
    do {                                                            \
        if (!(condition)) {                                         \
            char expected_[2048];                                   \
            snprintf(expected_, sizeof expected_, __VA_ARGS__);     \
            fail_msg("%s: %s", the_case, expected_);                \
        }                                                           \
    } while (0)

/* ---- how many cases ---- */

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
enum { SLOWER = 3 };                    /* times */
#else
enum { SLOWER = 1 };
#endif

/* The short form takes every `stride`-th case, beginning with one that depends on WEFT_SEED, or else on the clock;
 * WEFT_FAILURES=all takes all of them. */
struct cases {
    size_t stride, next, done, seed;
};

static inline struct cases cases_begin(size_t stride)
{
    const char *seed = getenv("WEFT_SEED"), *all = getenv("WEFT_FAILURES");
    struct cases cases = {.stride = all != NULL && strcmp(all, "all") == 0 ? 1 : SLOWER * stride};
    cases.seed = seed != NULL ? strtoul(seed, NULL, 10) : (size_t)time(NULL);
    cases.next = cases.seed % cases.stride;
    return cases;
}

/* Is the next one taken? */
static inline bool cases_take(struct cases *cases)
{
    bool taken = cases->next == 0;
    cases->next = taken ? cases->stride - 1 : cases->next - 1;
    cases->done += taken;
    return taken;
}

static inline void cases_end(const struct cases *cases, const char *of)
{
    print_message("%s: %zu cases, one in %zu (WEFT_SEED=%zu)\n", of, cases->done, cases->stride, cases->seed);
}

/* ---- the data: 48 training and 12 test rows of 4 x 4 pixels in 3 classes, as IDX files ---- */

enum { SIDE = 4, CLASSES = 3 };

static inline void put_idx(const char *name, size_t rows, size_t row_bytes, unsigned seed)
{
    unsigned char bytes[16 + 64 * SIDE * SIDE] = {0, 0, 8, row_bytes > 1 ? 3 : 1, 0, 0, 0, (unsigned char)rows};
    size_t head = 8;
    char path[64];
    if (row_bytes > 1) {
        bytes[11] = bytes[15] = SIDE;
        head = 16;
    }
    for (size_t n = 0; n < rows; n++)
        for (size_t j = 0; j < row_bytes; j++)          /* a class is bright where its number says, and the rest is noise */
            bytes[head + n * row_bytes + j] = (unsigned char)(row_bytes == 1 ? n % CLASSES
                : (j % CLASSES == n % CLASSES ? 150 : 0) + (n * 31 + j * 17 + seed) * 2654435761u % 100);
    snprintf(path, sizeof path, "data/%s", name);
    put_file(in_scratch(path), bytes, head + rows * row_bytes);
}

static inline void put_data(void)
{
    assert_int_equal(mkdir(in_scratch("data"), 0777), 0);
    put_idx("train-images-idx3-ubyte", 48, SIDE * SIDE, 1);
    put_idx("train-labels-idx1-ubyte", 48, 1, 0);
    put_idx("t10k-images-idx3-ubyte", 12, SIDE * SIDE, 2);
    put_idx("t10k-labels-idx1-ubyte", 12, 1, 0);
}

/* ---- a run: evaluated after each of its 5 steps, saved at 2, 4 and its end; so a best model lies between two saves ---- */

enum { STEPS = 5, CUT_AT = 2 };

static inline weft_settings *small_settings(void)
{
    static const char *const assignment[] = {
        "data.validation_fraction=0.25", "network.hidden=3", "network.batch_norm=before", "network.dropout=0.1", "train.batch_size=12",
        "train.epochs=0", "train.steps=5", "train.evaluate=train,validation,test", "train.evaluate_every=1 steps",
        "optimizer.learning_rate=0.05", "checkpoint.every=2 steps", "checkpoint.keep=1", "run.threads=1"};
    char source[128];
    weft_settings *settings = weft_settings_create();
    assert_non_null(settings);
    snprintf(source, sizeof source, "idx:%s", in_scratch("data"));
    assert_ok(weft_settings_set(settings, "data.source", source));
    for (size_t i = 0; i < COUNT(assignment); i++)
        assert_ok(weft_settings_assign(settings, assignment[i]));
    return settings;
}

/* What the handler of a run was told. */
struct told {
    weft_trainer *trainer;
    uint64_t stop_step;                 /* 0: never */
    int64_t saved_step;                 /* the newest checkpoint said to be on disk; -1: none */
    size_t saves, evaluations, notes;
    char note[8][1600];                 /* the first ones */
};

/* After each step it waits for the disk: so the calls of a run come in the same order each time, and a save is never put off. */
static inline void on_event(void *context, const weft_event *event)
{
    struct told *told = context;
    if (event->kind == WEFT_EVENT_SAVED) {
        told->saved_step = (int64_t)event->saved_step;
        told->saves++;
    }
    if (event->kind == WEFT_EVENT_NOTE && told->notes++ < COUNT(told->note))
        snprintf(told->note[told->notes - 1], sizeof told->note[0], "%s", event->text);
    if (event->kind != WEFT_EVENT_EVALUATED)
        return;
    told->evaluations++;
    (void)writer_wait(told->trainer->writer);
    if (told->stop_step != 0 && event->step >= told->stop_step)
        weft_trainer_request_stop(told->trainer);
}

static inline weft_status run_to_end(struct told *told)
{
    weft_status st = weft_trainer_run(told->trainer);
    weft_trainer_destroy(told->trainer);
    told->trainer = NULL;
    return st;
}

/* A new run in <scratch>/<name>. Once it is created, step 0 is on disk. */
static inline weft_status start_run(const char *name, const weft_settings *settings, struct told *told)
{
    const weft_trainer_options options = {.out = in_scratch(name), .on_event = on_event, .event_context = told};
    told->saved_step = -1;
    weft_status st = weft_trainer_create(settings, &options, &told->trainer);
    expect((st == WEFT_OK) == (told->trainer != NULL), "a trainer goes with WEFT_OK");
    if (st != WEFT_OK)
        return st;
    expect(told->saved_step == 0, "step 0 was told to be saved");
    return run_to_end(told);
}

static inline weft_status resume_run(const char *name, struct told *told)
{
    const weft_resume_options options = {.on_event = on_event, .event_context = told};
    weft_status st = weft_trainer_resume(in_scratch(name), &options, &told->trainer);
    expect((st == WEFT_OK) == (told->trainer != NULL), "a trainer goes with WEFT_OK");
    return st == WEFT_OK ? run_to_end(told) : st;
}

/* ---- what it must come to ---- */

static const char *const result_file[] = {"last.h5", "best.h5", "history.csv"};
static struct bytes { unsigned char *bytes; size_t size_bytes; } wanted[COUNT(result_file)];    /* of the undisturbed run */

static inline const char *in_run(const char *run_name, const char *file)
{
    char name[512];
    snprintf(name, sizeof name, "%s/%s", run_name, file);
    return in_scratch(name);
}

/* The data; "whole", the undisturbed run; "cut", one that was stopped after step 2. */
static inline int samples_make(void **state)
{
    struct told told = {0}, cut = {.stop_step = CUT_AT};
    strcpy(the_case, "undisturbed");
    strcpy(scratch, "/dev/shm/weft-test-XXXXXX");       /* in memory where that is possible: a run syncs each of its files */
    if (mkdtemp(scratch) == NULL && scratch_make(state) != 0)
        return -1;
    put_data();
    weft_settings *settings = small_settings();
    assert_ok(start_run("whole", settings, &told));
    assert_int_equal(told.saved_step, STEPS);
    assert_int_equal(told.notes, 0);
    for (size_t i = 0; i < COUNT(result_file); i++)
        wanted[i].bytes = get_file(in_run("whole", result_file[i]), &wanted[i].size_bytes);
    assert_int_equal(start_run("cut", settings, &cut), WEFT_ESTOPPED);
    assert_int_equal(cut.saved_step, CUT_AT);
    weft_settings_destroy(settings);
    return 0;
}

static inline int samples_remove(void **state)
{
    for (size_t i = 0; i < COUNT(result_file); i++)
        free(wanted[i].bytes);
    return scratch_remove(state);
}

static inline void clear_directory(const char *name)
{
    assert_int_equal(nftw(in_scratch(name), scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

/* Files and symbolic links, no directories below. */
static inline void copy_directory(const char *from, const char *to)
{
    DIR *stream = opendir(in_scratch(from));
    assert_non_null(stream);
    assert_true(mkdir(in_scratch(to), 0777) == 0 || errno == EEXIST);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        char target[256];
        size_t size_bytes;
        if (entry->d_name[0] == '.' && (entry->d_name[1] == '\0' || entry->d_name[1] == '.'))
            continue;
        ssize_t length = readlink(in_run(from, entry->d_name), target, sizeof target - 1);
        if (length >= 0) {
            target[length] = '\0';
            assert_int_equal(symlink(target, in_run(to, entry->d_name)), 0);
            continue;
        }
        unsigned char *bytes = get_file(in_run(from, entry->d_name), &size_bytes);
        put_file(in_run(to, entry->d_name), bytes, size_bytes);
        free(bytes);
    }
    closedir(stream);
}

/* Left by a process that is gone: no system has so many of them. */
#define DEAD_PROCESS ".tmp.2000000000."

/* How many temporary files this process left; they become those of a dead one, as if it had ended. *in_all: with older ones. */
static inline size_t bury_temporaries(const char *name, size_t *in_all)
{
    size_t count = 0;
    *in_all = 0;
    DIR *stream = opendir(in_scratch(name));
    for (struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;) {
        char dead[400];
        const char *mark = strstr(entry->d_name, ".tmp.");
        *in_all += mark != NULL;
        if (mark == NULL || strstr(entry->d_name, DEAD_PROCESS) != NULL)
            continue;
        snprintf(dead, sizeof dead, "%.*s" DEAD_PROCESS "%zu", (int)(mark - entry->d_name), entry->d_name, ++count);
        assert_int_equal(rename(in_run(name, entry->d_name), in_run(name, dead)), 0);
    }
    if (stream != NULL)
        closedir(stream);
    return count;
}

/* Whatever checkpoints are there are whole. Returns the step of the newest; -1: there is none. */
static inline int64_t newest_checkpoint(const char *name)
{
    int64_t newest = -1;
    DIR *stream = opendir(in_scratch(name));
    for (struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;) {
        if (strncmp(entry->d_name, "step-", 5) != 0)
            continue;
        weft_status st = weft_checkpoint_verify(in_run(name, entry->d_name));
        expect(st == WEFT_OK, "%s", weft_last_error());
        int64_t step = strtoll(entry->d_name + 5, NULL, 10);
        newest = step > newest ? step : newest;
    }
    if (stream != NULL)
        closedir(stream);
    return newest;
}

static inline void expect_wanted(const char *name)
{
    for (size_t i = 0; i < COUNT(result_file); i++) {
        size_t size_bytes;
        unsigned char *bytes = get_file(in_run(name, result_file[i]), &size_bytes);
        expect(size_bytes == wanted[i].size_bytes && memcmp(bytes, wanted[i].bytes, size_bytes) == 0,
               "%s is not that of the undisturbed run", result_file[i]);
        free(bytes);
    }
}

/* After whatever went wrong in a run of which step told_step was said to be on disk (-1: none). Going on, or where nothing was
 * saved a new start, comes to the undisturbed run's bytes. may_litter: what is left of a run that never began may be in the way. */
static inline void expect_recovery(const char *name, int64_t told_step, const weft_settings *settings, bool may_litter)
{
    struct told told = {0};
    size_t temporaries;
    expect(bury_temporaries(name, &temporaries) <= 1, "more than one temporary file is left");
    int64_t newest = newest_checkpoint(name);
    expect(newest >= told_step, "step %lld was said to be saved, the newest is %lld", (long long)told_step, (long long)newest);
    if (told_step >= 0) {
        weft_checkpoint_info last;
        weft_status st = weft_checkpoint_inspect(in_run(name, "last.h5"), 0, &last);
        expect(st == WEFT_OK, "last.h5: %s", weft_last_error());
        expect((int64_t)last.step >= told_step, "step %lld was said to be saved, last.h5 is of step %lld", (long long)told_step,
               (long long)last.step);
        weft_checkpoint_info_clear(&last);
    }
    weft_status st = WEFT_OK;
    if (newest < 0 && may_litter)
        clear_directory(name);
    st = newest < 0 || (told_step < 0 && !may_litter) ? start_run(name, settings, &told) : resume_run(name, &told);
    expect(st == WEFT_OK, "going on without faults: %s", weft_last_error());
    expect(told.notes == 0, "going on without faults: %s", told.note[0]);
    (void)bury_temporaries(name, &temporaries);
    expect(temporaries == 0, "the next start left a temporary file");
    expect_wanted(name);
}

#endif
