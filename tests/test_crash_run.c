/* Power cuts at every moment of whole runs, resumed afterwards: they come to the same files as if nothing had been. */
#include "crash_samples.h"

#include <pthread.h>

#include "store/writer.h"
#include "train/trainer.h"

enum { SAVED };                         /* mark: a checkpoint of this step was reported as saved */

/* Ten evaluations, a best model that changes, six saves, and pruning; 54 training rows. */
static const char MANY_SAVES[] = "data.source=digits:?train=60&test=12; train.batch_size=9; train.epochs=0; train.steps=10; "
                                 "train.evaluate_every=1 steps; train.early_stop=validation_loss; train.patience=20 steps; "
                                 "checkpoint.every=2 steps; run.threads=1; checkpoint.keep=";
enum { LAST_STEP = 10 };

/* A run to be cut: what was done to the disk, and the files that it came to. */
static struct recorded {
    const char *end;                    /* name of the finished run */
    uint64_t keep;
    bool is_resumed;                    /* recorded is the rest of a run that was cut before */
    struct disk *disk;
} recorded[] = {{"end-1/run", 1, false, NULL}, {"end-3/run", 3, false, NULL}, {"end-1/run", 1, true, NULL}};

static struct watch watched;
static pthread_t own_thread;

/* The disk sees one thread after the other, so that the recording is the same every time. */
static int take_turns(const char *call)
{
    (void)call;
    if (pthread_equal(pthread_self(), own_thread) && watched.trainer != NULL)
        (void)writer_wait(watched.trainer->writer);
    return 0;
}

static void mark_save(struct watch *watch, const weft_event *event)
{
    if (event->kind == WEFT_EVENT_SAVED)
        disk_mark(SAVED, (int64_t)event->saved_step);
    if (event->kind == WEFT_EVENT_EVALUATED)
        (void)writer_wait(watch->trainer->writer);
}

static void finish_recorded(void)
{
    assert_ok(run(&watched));
    disk_mark(SAVED, LAST_STEP);
    destroy(&watched);
}

static struct disk *record_new_run(uint64_t keep)
{
    char settings[512];
    snprintf(settings, sizeof settings, "%s%llu", MANY_SAVES, (unsigned long long)keep);
    assert_int_equal(mkdir(in_scratch("disk"), 0777), 0);
    struct disk *disk = disk_record(in_scratch("disk"));
    assert_ok(create("disk/run", settings, &watched));
    disk_mark(SAVED, 0);
    finish_recorded();
    disk_stop(disk);
    return disk;
}

/* After a cut in the middle of that run. */
static struct disk *record_rest(const struct disk *whole)
{
    const struct disk_cut cut = {.point = disk_points(whole) / 2, .seed = 5, .lies_from = DISK_HONEST};
    disk_after(whole, &cut, in_scratch("disk"));
    struct disk *disk = disk_record(in_scratch("disk"));
    assert_ok(reopen("disk/run", (weft_resume_options){0}, &watched));
    disk_mark(SAVED, (int64_t)watched.trainer->training.step);
    finish_recorded();
    disk_stop(disk);
    return disk;
}

static int record_runs(void **state)
{
    if (run_scratch_make(state) != 0)
        return -1;
    own_thread = pthread_self();
    watched = (struct watch){.hook = mark_save};
    file_set_fault(take_turns);
    for (size_t i = 0; i < COUNT(recorded); i++) {
        char end[64];
        snprintf(end, sizeof end, "end-%llu", (unsigned long long)recorded[i].keep);
        recorded[i].disk = recorded[i].is_resumed ? record_rest(recorded[0].disk) : record_new_run(recorded[i].keep);
        if (recorded[i].is_resumed)
            clear("disk");
        else if (rename(in_scratch("disk"), in_scratch(end)) < 0)
            return -1;
    }
    file_set_fault(NULL);
    return 0;
}

static int forget_runs(void **state)
{
    for (size_t i = 0; i < COUNT(recorded); i++)
        disk_free(recorded[i].disk);
    return scratch_remove(state);
}

/* How much of the file is one that was put there whole, as run.ini and history.csv are; -1: nothing. All of it, if there may
 * be no more. */
static bool is_some_version(const struct recorded *r, const char *name, bool has_more)
{
    size_t size_bytes;
    if (!exists(file_of("cut/run", name)))
        return true;
    unsigned char *bytes = get_file(file_of("cut/run", name), &size_bytes);
    int64_t version_bytes = disk_version_bytes(r->disk, name, bytes, size_bytes);
    free(bytes);
    return has_more ? version_bytes >= 0 : version_bytes == (int64_t)size_bytes;
}

static bool is_same(const struct recorded *r, const char *name)
{
    size_t size_got, size_wanted;
    if (!exists(file_of("cut/run", name)))
        return false;
    unsigned char *got = get_file(file_of("cut/run", name), &size_got);
    unsigned char *wanted = get_file(file_of(r->end, name), &size_wanted);
    bool is = size_got == size_wanted && memcmp(got, wanted, size_got) == 0;
    free(got);
    free(wanted);
    return is;
}

static enum outcome go_on(const struct recorded *r)
{
    static const char *const file[] = {"last.h5", "best.h5", "evaluation.h5", "history.csv"};
    weft_status st = run(&watched);
    if (st != WEFT_OK || !watched.is_finished)
        return wrong("resumed, it ends with: %s", weft_last_error());
    for (size_t i = 0; i < COUNT(file); i++)
        if (!is_same(r, file[i]))
            return wrong("resumed, it comes to another %s", file[i]);
    return look_at_files("cut/run", 0);
}

static enum outcome recover(const struct recorded *r, size_t point, size_t threads)
{
    int64_t saved = disk_marked(r->disk, point, SAVED);
    if (look_at_files("cut/run", 1) == WRONG)
        return WRONG;
    if (!is_some_version(r, "run.ini", false) || !is_some_version(r, "history.csv", true))
        return wrong("run.ini or history.csv is torn");
    watched = (struct watch){0};
    weft_status st = reopen("cut/run", (weft_resume_options){.has_threads = 1, .threads = threads}, &watched);
    if (st == WEFT_ENOINPUT && saved < 0 && !exists(file_of("cut/run", "run.ini")))     /* with it, the run begins again */
        return NONE_YET;
    if (st != WEFT_OK)
        return wrong("step %lld was reported as saved: %s", (long long)saved, weft_last_error());
    int64_t step = (int64_t)watched.trainer->training.step;
    enum outcome outcome = step < saved ? wrong("step %lld was loaded, %lld was reported as saved", (long long)step, (long long)saved)
                                        : go_on(r);
    destroy(&watched);
    return outcome == WRONG ? WRONG : step == saved ? OLD : NEW;
}

static void a_cut_run_comes_to_the_same_files(void **state)
{
    (void)state;
    struct tally_of_cuts tally = {0};
    for (size_t i = 0; i < COUNT(recorded); i++)
        tally.points += disk_points(recorded[i].disk);
    for (unsigned long long seed = first_seed(), end = seed + 1 + seeds() / 100; seed < end; seed++) {
        const struct recorded *r = &recorded[seed % COUNT(recorded)];
        struct disk_cut cut = {.seed = seed, .lies_from = DISK_HONEST, .is_ordered = seed / 3 % 2};
        cut.point = random_below(&(struct random){~seed}, disk_points(r->disk));
        clear("cut");
        disk_after(r->disk, &cut, in_scratch("cut"));
        count_outcome(&tally, recover(r, cut.point, seed % 4 == 0 ? 2 : 1), seed);
    }
    tell_outcomes(&tally);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_cut_run_comes_to_the_same_files)};
    return cmocka_run_group_tests(tests, record_runs, forget_runs);
}
