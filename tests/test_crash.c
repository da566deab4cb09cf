/* Power cuts at every moment of a run's life. Its files are recorded while it saves, fails, prunes and is opened again; then the
 * directory is made as a cut at each moment may leave it, and recovered as weft resume does. */
#include "crash_samples.h"

#include "store/checkpoint.h"
#include "store/run_directory.h"
#include "store/writer.h"

enum { SAVED, INI, HISTORY, LITTER };   /* marks: what has been reported, and which one; temporary files that were removed */
enum { CUTS_PER_PAST = 256, STATES_MAX = 64 };

/* ---- a past: a run of which only the files matter ---- */

/* The n-th state that was handed over to be saved. Its bytes follow from n. */
struct state { int64_t step, best_step; };

static struct past {
    struct disk *disk;
    struct random random;
    struct run_directory *run;
    struct writer *writer;
    uint64_t keep;
    struct state state[STATES_MAX];
    int64_t states;
    struct state now;
    int64_t reported_step;              /* of the newest save, since the run was opened; -1: none */
    int64_t ini, history;               /* versions */
    int64_t litter;
} past;

static const char RUN[] = "disk/runs/run", CUT_RUN[] = "cut/runs/run";

static size_t noise_of(int64_t n, unsigned char noise[1 << 16])
{
    struct random random = {(uint64_t)n};
    size_t size_bytes = 1 + random_below(&random, n % 4 == 0 ? 1 << 16 : 1 << 11);
    for (size_t i = 0; i < size_bytes; i++)
        noise[i] = (unsigned char)random_bits(&random);
    return size_bytes;
}

static struct snapshot *state_new(struct state state)
{
    static unsigned char noise[1 << 16];
    struct snapshot *s = snapshot_create();
    int64_t n = past.states++;
    assert_in_range(n, 0, STATES_MAX - 1);
    past.state[n] = state;
    assert_ok(snapshot_put_integer(s, "/", "state", n));
    assert_ok(snapshot_put_integer(s, "/", "step", state.step));
    assert_ok(snapshot_put_integer(s, "/", "best_step", state.best_step));
    assert_ok(snapshot_put_array(s, "/noise", ARRAY_U8, ROLE_PLAIN, 1, (size_t[]){noise_of(n, noise)}, noise));
    return s;
}

/* Which state a snapshot is; -1: none that ever was. */
static int64_t state_of(const struct snapshot *s)
{
    static unsigned char noise[1 << 16];
    int64_t n, step, best_step;
    const struct array *array = snapshot_find_array(s, "/noise");
    if (snapshot_get_integer(s, "/", "state", &n) != WEFT_OK || snapshot_get_integer(s, "/", "step", &step) != WEFT_OK
        || snapshot_get_integer(s, "/", "best_step", &best_step) != WEFT_OK || n < 0 || n >= past.states || array == NULL)
        return -1;
    size_t size_bytes = noise_of(n, noise);
    bool is_same = past.state[n].step == step && past.state[n].best_step == best_step && array->size_bytes == size_bytes
                   && memcmp(array->data, noise, size_bytes) == 0;
    return is_same ? n : -1;
}

/* Text that says which version it is, and where it ends. */
static void text_of(int64_t version, char text[4096])
{
    int used = snprintf(text, 4096, "version %lld\n", (long long)version);
    for (int line = 0; line < 20 + 37 * (version % 3); line++)
        used += snprintf(text + used, 4096 - (size_t)used, "line %d of version %lld\n", line, (long long)version);
    snprintf(text + used, 4096 - (size_t)used, "end\n");
}

/* ---- its making ---- */

static int calls_to_fault;              /* the call that fails, counted from here; 0: none does */
static bool has_symbolic_links;

static int fail_sometimes(const char *call)
{
    static const int error[] = {EIO, ENOSPC, EDQUOT, EINTR, FAULT_SHORT};
    if (!has_symbolic_links && strcmp(call, "symlinkat") == 0)
        return EPERM;
    if (calls_to_fault == 0 || --calls_to_fault > 0)
        return 0;
    disk_mark(LITTER, ++past.litter);
    return error[random_below(&past.random, COUNT(error))];
}

static void past_open(void)
{
    struct snapshot *s;
    size_t passed_over;
    char notes[256];
    assert_ok(run_directory_open(in_scratch(RUN), &past.run));
    assert_ok(run_directory_load_newest(past.run, &s, &past.now.step, &passed_over, notes, sizeof notes));
    int64_t n = state_of(s);
    snapshot_destroy(s);
    assert_in_range(n, 0, STATES_MAX - 1);
    past.now = past.state[n];
    past.reported_step = -1;
    assert_ok(run_directory_point_links(past.run, past.now.step, past.now.best_step));
    assert_ok(writer_create(past.run, past.keep, &past.writer));
}

static void past_close(void)
{
    writer_destroy(past.writer);
    run_directory_close(past.run);
}

/* A step or more later, or the same step once more; the best may be that of this very step, or of one between. */
static void past_save(void)
{
    struct snapshot *best = NULL;
    int64_t before = past.now.step, saved;
    if (random_below(&past.random, 5) > 0)
        past.now.step += 1 + (int64_t)random_below(&past.random, 3);
    size_t choice = random_below(&past.random, 3);
    if (choice == 0) {
        past.now.best_step = past.now.step;
    } else if (choice == 1 && past.now.step - before > 1) {
        past.now.best_step = before + 1;
        best = state_new((struct state){before + 1, before + 1});
    }
    int64_t n = past.states;
    assert_ok(writer_submit(past.writer, past.now.step, state_new(past.now), past.now.best_step, best));
    (void)writer_wait(past.writer);
    if (writer_poll(past.writer, &saved) == WEFT_OK) {
        past.reported_step = past.now.step;
        disk_mark(SAVED, n);
    }
    assert_int_equal(saved, past.reported_step);
}

static void past_write(int kind, const char *name, int64_t *version)
{
    char text[4096];
    text_of(++*version, text);
    if (run_directory_write(past.run, name, text) == WEFT_OK)
        disk_mark(kind, *version);
}

static void past_live(size_t actions)
{
    for (size_t i = 0; i < actions; i++) {
        size_t action = random_below(&past.random, 12);
        calls_to_fault = random_below(&past.random, 4) == 0 ? 1 + (int)random_below(&past.random, 24) : 0;
        if (action < 7)
            past_save();
        else if (action == 7)
            past_write(INI, "run.ini", &past.ini);
        else if (action == 8)
            past_write(HISTORY, "history.csv", &past.history);
        else if (action < 11)
            (void)run_directory_append(past.run, "history.csv", "a line of a log, and no more than that\n");
        calls_to_fault = 0;
        if (action == 11) {
            past_close();
            past_open();
        }
    }
}

/* In a directory that was there, of somebody who synced nothing, or in one of its own. */
static void past_begin(void)
{
    if (random_below(&past.random, 2) == 0)
        assert_int_equal(mkdir(in_scratch("disk/runs"), 0777), 0);
    assert_ok(run_directory_create(in_scratch(RUN), &past.run));
    assert_ok(writer_create(past.run, past.keep, &past.writer));
    past_write(INI, "run.ini", &past.ini);
    past_write(HISTORY, "history.csv", &past.history);
    past_save();
}

/* Every third one goes on from what a cut has left of another. */
static void past_record(uint64_t seed)
{
    disk_free(past.disk);
    clear("disk");
    past = (struct past){.random = {seed}, .now = {0, -1}, .reported_step = -1};
    past.keep = 1 + random_below(&past.random, 3);
    has_symbolic_links = random_below(&past.random, 4) > 0;
    file_set_fault(fail_sometimes);
    assert_int_equal(mkdir(in_scratch("disk"), 0777), 0);
    past.disk = disk_record(in_scratch("disk"));
    past_begin();
    past_live(seed % 3 == 2 ? 6 : 10);
    past_close();
    disk_stop(past.disk);
    if (seed % 3 == 2) {
        struct disk_cut cut = {.seed = seed, .lies_from = DISK_HONEST, .is_ordered = seed % 2};
        size_t points = disk_points(past.disk);
        cut.point = points / 2 + random_below(&past.random, points / 2);
        clear("disk");
        disk_after(past.disk, &cut, in_scratch("disk"));
        disk_free(past.disk);
        past.disk = disk_record(in_scratch("disk"));
        disk_mark(LITTER, past.litter = 1);
        past_open();
        past_live(6);
        past_close();
        disk_stop(past.disk);
    }
    file_set_fault(NULL);
}

/* ---- the recovery ---- */

/* The version that a file begins with, whole; -1: no file; -2: no version. */
static int64_t version_of(const char *path, bool has_more)
{
    char wanted[4096];
    size_t size_bytes;
    long long version;
    if (!exists(path))
        return -1;
    unsigned char *bytes = get_file(path, &size_bytes);
    if (sscanf((char *)bytes, "version %lld\n", &version) != 1)
        version = -2;
    else
        text_of(version, wanted);
    bool is_same = version >= 0 && size_bytes >= strlen(wanted) && (has_more || size_bytes == strlen(wanted))
                   && memcmp(bytes, wanted, strlen(wanted)) == 0;
    free(bytes);
    return is_same ? version : -2;
}

static bool is_link_to(const char *link, int64_t step)
{
    struct stat a, b;
    char name[64];
    snprintf(name, sizeof name, "step-%lld.h5", (long long)step);
    return stat(file_of(CUT_RUN, link), &a) == 0 && stat(file_of(CUT_RUN, name), &b) == 0 && a.st_dev == b.st_dev
           && a.st_ino == b.st_ino;
}

/* Since a save was reported, last.h5 is that state or a newer one, and best.h5 is there if that state has a best. */
static enum outcome look_at_links(int64_t saved)
{
    struct snapshot *s;
    if (checkpoint_load(file_of(CUT_RUN, "last.h5"), false, &s) != WEFT_OK)
        return wrong("%s", weft_last_error());
    int64_t n = state_of(s);
    snapshot_destroy(s);
    if (n < saved)
        return wrong("last.h5 is state %lld, %lld was reported as saved", (long long)n, (long long)saved);
    if (past.state[saved].best_step >= 0 && !exists(file_of(CUT_RUN, "best.h5")))
        return wrong("best.h5 is not there");
    return NEW;
}

/* Before anything is mended. Of temporary files there is the one at hand, and a cut may bring back removed ones. */
static enum outcome look_after_cut(size_t point)
{
    int64_t ini = version_of(file_of(CUT_RUN, "run.ini"), false), history = version_of(file_of(CUT_RUN, "history.csv"), true);
    int64_t litter = disk_marked(past.disk, point, LITTER);
    if (look_at_files(CUT_RUN, 1 + (litter > 0 ? (size_t)litter : 0)) == WRONG)
        return WRONG;
    if (ini < -1 || history < -1)
        return wrong("%s is torn", ini < -1 ? "run.ini" : "history.csv");
    int64_t ini_said = disk_marked(past.disk, point, INI), history_said = disk_marked(past.disk, point, HISTORY);
    if (ini < ini_said || history < history_said)
        return wrong("run.ini is of version %lld, %lld was reported; history.csv of %lld, %lld was", (long long)ini,
                     (long long)ini_said, (long long)history, (long long)history_said);
    int64_t saved = disk_marked(past.disk, point, SAVED);
    return saved >= 0 ? look_at_links(saved) : NEW;
}

/* The newest state in *n. */
static weft_status load_newest(struct run_directory *opened, int64_t *n, size_t *passed_over)
{
    struct snapshot *s;
    char notes[512];
    int64_t step;
    weft_status st = run_directory_load_newest(opened, &s, &step, passed_over, notes, sizeof notes);
    if (st != WEFT_OK)
        return st;
    *n = state_of(s);
    snapshot_destroy(s);
    return WEFT_OK;
}

static enum outcome go_on(struct run_directory *opened, struct state from)
{
    int64_t loaded;
    size_t passed_over;
    struct snapshot *s;
    if (from.best_step >= 0) {
        if (run_directory_load_step(opened, from.best_step, &s) != WEFT_OK)
            return wrong("the best model: %s", weft_last_error());
        int64_t best = state_of(s);
        snapshot_destroy(s);
        if (best < 0 || past.state[best].step != from.best_step)
            return wrong("step-%lld.h5 is not the best model", (long long)from.best_step);
    }
    if (run_directory_point_links(opened, from.step, from.best_step) != WEFT_OK)
        return wrong("%s", weft_last_error());
    if (!is_link_to("last.h5", from.step) || (from.best_step >= 0 && !is_link_to("best.h5", from.best_step)))
        return wrong("last.h5 or best.h5 does not point at the checkpoint that it should");
    from.step++;
    int64_t n = past.states;
    s = state_new(from);
    weft_status st = run_directory_save(opened, from.step, s, from.best_step, true, 1);
    snapshot_destroy(s);
    if (st == WEFT_OK) st = run_directory_write(opened, "run.ini", "new\n");
    if (st == WEFT_OK) st = load_newest(opened, &loaded, &passed_over);
    past.states--;
    if (st != WEFT_OK || loaded != n)
        return wrong("cannot go on from step %lld: %s", (long long)from.step, weft_last_error());
    return look_at_files(CUT_RUN, 0);
}

/* Of the checkpoints that are whole, the step of the newest; -1: none is. *files: how many there are. */
static int64_t newest_whole(size_t *files)
{
    int64_t newest = -1;
    *files = 0;
    DIR *stream = opendir(in_scratch(CUT_RUN));
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        long long step;
        if (sscanf(entry->d_name, "step-%lld.h5", &step) != 1)
            continue;
        ++*files;
        if (step > newest && is_whole(file_of(CUT_RUN, entry->d_name)))
            newest = step;
    }
    closedir(stream);
    return newest;
}

/* Whatever it did, the newest checkpoint that is whole is found. */
static enum outcome recover_from_liar(struct run_directory *opened, int64_t saved)
{
    int64_t n;
    size_t passed_over, files;
    int64_t step = newest_whole(&files);
    weft_status st = load_newest(opened, &n, &passed_over);
    if (st != (step >= 0 ? WEFT_OK : files > 0 ? WEFT_EDAMAGED : WEFT_ENOINPUT))
        return wrong("%zu files, step %lld is whole: %s", files, (long long)step, weft_last_error());
    if (st == WEFT_OK && (n < 0 || past.state[n].step != step))
        return wrong("not the state of step %lld was loaded", (long long)step);
    return st == WEFT_EDAMAGED ? REFUSED : st == WEFT_ENOINPUT ? NONE_YET : n <= saved ? OLD : NEW;
}

static enum outcome recover_opened(struct run_directory *opened, int64_t saved)
{
    int64_t n;
    size_t passed_over;
    weft_status st = load_newest(opened, &n, &passed_over);
    if (st == WEFT_ENOINPUT && saved < 0)
        return strstr(weft_last_error(), "no checkpoint") != NULL ? NONE_YET : wrong("%s", weft_last_error());
    if (st != WEFT_OK)
        return wrong("state %lld was reported as saved: %s", (long long)saved, weft_last_error());
    if (n < 0)
        return wrong("a state was loaded that never was");
    if (n < saved || passed_over > 0)
        return wrong("state %lld was loaded and %zu passed over, %lld was reported as saved", (long long)n, passed_over,
                     (long long)saved);
    if (look_at_files(CUT_RUN, 0) == WRONG)
        return WRONG;
    return go_on(opened, past.state[n]) == WRONG ? WRONG : n == saved ? OLD : NEW;
}

static enum outcome recover(size_t point, bool is_honest)
{
    int64_t saved = disk_marked(past.disk, point, SAVED);
    bool may_be_missing = !is_honest || (saved < 0 && disk_marked(past.disk, point, INI) < 0);
    struct run_directory *opened;
    if (is_honest && look_after_cut(point) == WRONG)
        return WRONG;
    weft_status st = run_directory_open(in_scratch(CUT_RUN), &opened);
    if (st == WEFT_ENOINPUT && may_be_missing)
        return NONE_YET;
    if (st != WEFT_OK)
        return wrong("state %lld was reported as saved: %s", (long long)saved, weft_last_error());
    enum outcome outcome = is_honest ? recover_opened(opened, saved) : recover_from_liar(opened, saved);
    run_directory_close(opened);
    return outcome;
}

/* ---- the cuts ---- */

/* All points of a past, one after the other, again and again. */
static struct disk_cut cut_of(unsigned long long seed, size_t points)
{
    return (struct disk_cut){.point = seed % CUTS_PER_PAST % points, .seed = seed, .lies_from = DISK_HONEST,
                             .is_ordered = seed / 2 % 2};
}

static void cut_pasts(bool is_honest, unsigned long long cuts)
{
    struct tally_of_cuts tally = {0};
    for (unsigned long long seed = first_seed(), end = seed + cuts; seed < end; seed++) {
        if (tally.cuts == 0 || seed % CUTS_PER_PAST == 0) {
            past_record(seed / CUTS_PER_PAST);
            tally.points += disk_points(past.disk);
        }
        struct disk_cut cut = cut_of(seed, disk_points(past.disk));
        if (!is_honest)
            cut.lies_from = random_below(&(struct random){~seed}, cut.point + 1);
        clear("cut");
        disk_after(past.disk, &cut, in_scratch("cut"));
        count_outcome(&tally, recover(cut.point, is_honest), seed);
    }
    tell_outcomes(&tally);
}

static void a_cut_leaves_the_old_or_the_new_state(void **state)
{
    (void)state;
    cut_pasts(true, seeds());
}

/* A disk that says that bytes are safe when they are not: nothing is promised then, but what is damaged is never loaded. */
static void a_lying_disk_never_leaves_a_wrong_state(void **state)
{
    (void)state;
    cut_pasts(false, 1 + seeds() / 4);
}

static int forget_past(void **state)
{
    disk_free(past.disk);
    past.disk = NULL;
    file_set_fault(NULL);
    return scratch_clear(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_cut_leaves_the_old_or_the_new_state, forget_past),
        cmocka_unit_test_teardown(a_lying_disk_never_leaves_a_wrong_state, forget_past),
    };
    return cmocka_run_group_tests(tests, run_scratch_make, scratch_remove);
}
